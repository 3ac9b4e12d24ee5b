-- Revisions: whole documents. Exactly one is in use at any time.
-- `bytes` stands before the document, so that adding up sizes reads no document.
CREATE TABLE revisions (
    number INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('running', 'awaiting', 'replaced', 'returned')),
    committed_s INTEGER NOT NULL,
    author TEXT NOT NULL,
    origin TEXT NOT NULL,
    comment TEXT NOT NULL,
    changes TEXT NOT NULL,
    document_of INTEGER,
    confirm_within_s INTEGER,
    returns_to INTEGER REFERENCES revisions (number),
    bytes INTEGER NOT NULL,
    document TEXT NOT NULL,
    CHECK ((state = 'awaiting') = (returns_to IS NOT NULL)),
    CHECK (returns_to IS NULL OR confirm_within_s IS NOT NULL)
) STRICT;

CREATE UNIQUE INDEX revision_in_use ON revisions ((1)) WHERE state IN ('running', 'awaiting');

-- A node begins with the empty document: whatever follows has something to return to.
INSERT INTO revisions (number, state, committed_s, author, origin, comment, changes, bytes, document)
VALUES (0, 'running', unixepoch(), 'suimon', 'built-in', '', '', 12, 'version = 1' || char(10));

-- The text of the configuration file that was imported last: one row or none.
CREATE TABLE imported (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    text TEXT NOT NULL
) STRICT;

-- What administrators wish of backends beside the document.
CREATE TABLE wishes (
    service TEXT NOT NULL,
    backend TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('online', 'disabled', 'drain')),
    deadline_s INTEGER,
    then_reset INTEGER NOT NULL CHECK (then_reset IN (0, 1)),
    PRIMARY KEY (service, backend)
) STRICT, WITHOUT ROWID;
