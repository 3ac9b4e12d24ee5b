CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- What was measured in one slot of time, at one resolution. The key keeps the slots of a series together, as a graph
-- reads them.
CREATE TABLE samples (
    series INTEGER NOT NULL REFERENCES series (id),
    step_s INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    count INTEGER NOT NULL,
    sum REAL NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    PRIMARY KEY (series, step_s, slot)
) STRICT, WITHOUT ROWID;

-- Lines of the log, and copies of what was audited.
CREATE TABLE lines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('log', 'audit')),
    unix_s INTEGER NOT NULL,
    level TEXT NOT NULL,
    origin TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX lines_by_kind ON lines (kind, id);
