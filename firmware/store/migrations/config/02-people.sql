-- Who may call. Secrets are here as hashes only; times are milliseconds since 1970.
CREATE TABLE users (
    name TEXT PRIMARY KEY NOT NULL,
    role TEXT NOT NULL,
    password TEXT NOT NULL,
    must_change_password INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_login_ms INTEGER,
    -- The second factor: all three, or none.
    factor_secret BLOB,
    factor_last_step INTEGER,
    factor_recovery BLOB,
    CHECK ((factor_secret IS NULL) = (factor_last_step IS NULL) AND (factor_secret IS NULL) = (factor_recovery IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    source TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    last_use_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    role TEXT NOT NULL,
    prefix TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    last_use_ms INTEGER
) STRICT, WITHOUT ROWID;

-- What was done by whom. Each record has the hash of itself and the one before.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY NOT NULL,
    at_ms INTEGER NOT NULL,
    user TEXT NOT NULL,
    role TEXT,
    source TEXT NOT NULL,
    act TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_user ON audit (user, number);

-- Where the log begins and ends: without it nobody would miss what was removed from either end.
CREATE TABLE audit_ends (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    before_number INTEGER NOT NULL,
    before_hash TEXT NOT NULL,
    last_number INTEGER NOT NULL,
    last_hash TEXT NOT NULL
) STRICT;

-- Append-only: records are never changed, and go only as old ones, after the beginning was moved.
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'audit records are not changed');
END;

CREATE TRIGGER audit_goes_from_the_beginning BEFORE DELETE ON audit
WHEN old.number > coalesce((SELECT before_number FROM audit_ends), 0)
BEGIN
    SELECT raise(ABORT, 'audit records go when they are old');
END;
