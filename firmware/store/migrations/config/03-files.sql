-- Files of the data directory that belong to a transaction: wanted ones are written after it, at the latest at the next
-- start; former ones are what they take the place of, until the revision that came with them is confirmed.
CREATE TABLE files (
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'former')),
    -- NULL: there is none.
    content BLOB,
    PRIMARY KEY (name, state)
) STRICT, WITHOUT ROWID;

-- Who might call, and what was wished of backends, before a backup took their place: until its revision is confirmed.
CREATE TABLE former_people (
    content TEXT NOT NULL
) STRICT;
