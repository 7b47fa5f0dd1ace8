-- Who may come in, who is in, and what was done and seen.

CREATE TABLE users (
    login            TEXT    NOT NULL PRIMARY KEY,   -- small letters; never changes
    name             TEXT    NOT NULL,
    role             TEXT    NOT NULL,
    unit             TEXT,                           -- code of a unit
    areas            TEXT    NOT NULL,               -- JSON: prefixes of GB/T 2260 codes
    language         TEXT,                           -- zh, en
    phone            TEXT,
    active           INTEGER NOT NULL,
    password         TEXT    NOT NULL,               -- argon2id, PHC string
    password_changed INTEGER NOT NULL,
    created          INTEGER NOT NULL,
    changed          INTEGER NOT NULL,
    version          INTEGER NOT NULL                -- counts changes of what others may change
) STRICT, WITHOUT ROWID;
CREATE INDEX users_of ON users (unit, login);

-- What may not be chosen again; the newest is also in `users`.
CREATE TABLE old_passwords (
    login    TEXT    NOT NULL REFERENCES users (login),
    at       INTEGER NOT NULL,
    password TEXT    NOT NULL,
    PRIMARY KEY (login, at)
) STRICT, WITHOUT ROWID;

-- Only digests: who reads the database cannot come in with what stands in it.
CREATE TABLE sessions (
    digest  BLOB    NOT NULL PRIMARY KEY,            -- SHA-256 of the cookie
    login   TEXT    REFERENCES users (login),        -- NULL: with the admin token
    name    TEXT    NOT NULL,                        -- for the record
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    address TEXT    NOT NULL,
    agent   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of ON sessions (login, used);
CREATE INDEX sessions_by_end ON sessions (until);

CREATE TABLE api_tokens (
    id      TEXT    NOT NULL PRIMARY KEY,
    login   TEXT    NOT NULL REFERENCES users (login),
    name    TEXT    NOT NULL,
    digest  BLOB    NOT NULL UNIQUE,                 -- SHA-256 of the token
    scopes  TEXT    NOT NULL,                        -- JSON: read, act, ingest
    created INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    used    INTEGER,
    revoked INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_tokens_of ON api_tokens (login, created);

-- Append-only and hash-chained: the database itself refuses anything else.
CREATE TABLE audit (
    seq     INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    login   TEXT    NOT NULL,                        -- '': nobody who is known
    role    TEXT    NOT NULL,
    via     TEXT    NOT NULL,                        -- session, token:ID, admin_token, none
    address TEXT    NOT NULL,
    method  TEXT    NOT NULL,
    route   TEXT    NOT NULL,                        -- template
    object  TEXT    NOT NULL,
    area    TEXT    NOT NULL,                        -- GB/T 2260 code of the object; '' when it has none
    status  INTEGER NOT NULL,
    prev    TEXT    NOT NULL,
    hash    TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_login ON audit (login, seq);
CREATE INDEX audit_by_area ON audit (area, seq);
CREATE INDEX audit_by_object ON audit (object, seq);
CREATE TRIGGER audit_chain BEFORE INSERT ON audit
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit)
     OR NEW.prev <> COALESCE((SELECT hash FROM audit WHERE seq = NEW.seq - 1), '')
BEGIN SELECT RAISE(ABORT, 'the audit log forms a chain: the entry before is missing or another'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Whose each piece of equipment is and where, for the filters of every list: from the catalog's register facts, or
-- from the register where that knows better.
CREATE TABLE equipment_scopes (
    equipment        TEXT    NOT NULL PRIMARY KEY,
    use_unit         TEXT,
    maintenance_unit TEXT,
    inspection_body  TEXT,
    area             TEXT    NOT NULL,
    node             TEXT,                           -- group/node it is heard through
    registered       INTEGER NOT NULL                -- 1: the register said so
) STRICT, WITHOUT ROWID;
CREATE INDEX equipment_scopes_use ON equipment_scopes (use_unit);
CREATE INDEX equipment_scopes_maintenance ON equipment_scopes (maintenance_unit);
CREATE INDEX equipment_scopes_inspection ON equipment_scopes (inspection_body);
CREATE INDEX equipment_scopes_area ON equipment_scopes (area);
CREATE INDEX equipment_scopes_node ON equipment_scopes (node);
