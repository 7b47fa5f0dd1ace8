-- The register of equipment (设备台账). Civil dates are ISO texts, times milliseconds since 1970 (UTC).

CREATE TABLE units (
    code     TEXT    NOT NULL PRIMARY KEY,       -- the credit code where there is one
    name     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,                   -- use_unit, maintenance_unit, inspection_body, other
    uscc     TEXT,
    area     TEXT    NOT NULL DEFAULT '',
    address  TEXT    NOT NULL DEFAULT '',
    contact  TEXT    NOT NULL DEFAULT '',
    phone    TEXT    NOT NULL DEFAULT '',
    revision INTEGER NOT NULL,
    changed  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX units_uscc ON units (uscc) WHERE uscc IS NOT NULL;
CREATE INDEX units_name ON units (name);

-- Narrow, because lists and counts walk over it: what else is known stands in equipment_facts.
CREATE TABLE equipment (
    n                INTEGER NOT NULL PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    name             TEXT    NOT NULL,
    category         TEXT    NOT NULL,
    area             TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    place_type       TEXT    NOT NULL,
    location         TEXT    NOT NULL,
    registration_no  TEXT    NOT NULL,
    use_unit         TEXT REFERENCES units (code),
    maintenance_unit TEXT REFERENCES units (code),
    inspection_body  TEXT REFERENCES units (code),
    next_due         TEXT,                       -- the first thing due, of whatever kind
    inspection_due   TEXT,
    insured_to       TEXT,
    score            INTEGER NOT NULL,           -- 0 to 100
    wrong            INTEGER NOT NULL,           -- findings to be put right
    revision         INTEGER NOT NULL,
    created          INTEGER NOT NULL,
    changed          INTEGER NOT NULL
) STRICT;
-- Lists filter inside one of these, without a look at the table.
CREATE INDEX equipment_by_id ON equipment (id, area, category, state, use_unit, maintenance_unit, inspection_body,
    next_due, wrong, place_type);
CREATE INDEX equipment_by_due ON equipment (next_due, id, area, category, state, use_unit, maintenance_unit,
    inspection_body, wrong, place_type);
CREATE INDEX equipment_used ON equipment (use_unit, id);
CREATE INDEX equipment_maintained ON equipment (maintenance_unit, id);
CREATE INDEX equipment_inspected ON equipment (inspection_body, id);
CREATE INDEX equipment_coverage ON equipment (area, category, use_unit, state, registration_no, inspection_due, insured_to,
    maintenance_unit, inspection_body);

CREATE TABLE equipment_facts (
    id   TEXT NOT NULL PRIMARY KEY REFERENCES equipment (id),
    json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What identifies a piece of equipment; two with one key are a duplicate (DQ10).
CREATE TABLE equipment_keys (
    key TEXT NOT NULL,
    id  TEXT NOT NULL REFERENCES equipment (id),
    PRIMARY KEY (key, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX equipment_keys_of ON equipment_keys (id);

-- Any three letters or characters of name, numbers, place and unit; rowid is equipment.n.
CREATE VIRTUAL TABLE equipment_text USING fts5 (text, tokenize = 'trigram');

CREATE TABLE accessories (
    n               INTEGER NOT NULL PRIMARY KEY,
    equipment       TEXT    NOT NULL REFERENCES equipment (id),
    kind            TEXT    NOT NULL,            -- safety_valve, bursting_disc, pressure_gauge, governor, other
    number          TEXT    NOT NULL,
    model           TEXT    NOT NULL DEFAULT '',
    place           TEXT    NOT NULL DEFAULT '',
    set_pressure_mpa REAL,
    done            TEXT,
    due             TEXT,
    revision        INTEGER NOT NULL,
    changed         INTEGER NOT NULL
) STRICT;
CREATE INDEX accessories_of ON accessories (equipment);

CREATE TABLE certificates (
    n        INTEGER NOT NULL PRIMARY KEY,
    unit     TEXT    NOT NULL REFERENCES units (code),
    person   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,                   -- what it allows, such as T or G1
    number   TEXT    NOT NULL,
    issued   TEXT,
    expires  TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    changed  INTEGER NOT NULL
) STRICT;
CREATE INDEX certificates_of ON certificates (unit, expires);

-- What is due when: computed from facts and schedules at each change, and every day. Scope and category are repeated
-- here so that a list needs no other table.
CREATE TABLE obligations (
    equipment        TEXT    NOT NULL,           -- '': a person's certificate
    kind             TEXT    NOT NULL,
    part             TEXT    NOT NULL,           -- '', or what of it: an accessory, a certificate
    due              TEXT    NOT NULL,
    basis            TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    unverified       INTEGER NOT NULL,
    area             TEXT    NOT NULL,
    category         TEXT    NOT NULL,
    use_unit         TEXT,
    maintenance_unit TEXT,
    inspection_body  TEXT,
    PRIMARY KEY (equipment, kind, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX obligations_due ON obligations (due, equipment, kind, part, area, category, use_unit, maintenance_unit,
    inspection_body);
CREATE INDEX obligations_used ON obligations (use_unit, due, equipment, kind, part);
CREATE INDEX obligations_maintained ON obligations (maintenance_unit, due, equipment, kind, part);
CREATE INDEX obligations_inspected ON obligations (inspection_body, due, equipment, kind, part);

-- Who changed what, when: append-only.
CREATE TABLE register_changes (
    n       INTEGER NOT NULL PRIMARY KEY,
    subject TEXT    NOT NULL,                    -- equipment:ID, unit:CODE, accessory:N, certificate:N
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    source  TEXT    NOT NULL,                    -- page, api, command, import:N
    field   TEXT    NOT NULL,                    -- '*': the whole, when it came or went
    old     TEXT    NOT NULL,
    new     TEXT    NOT NULL
) STRICT;
CREATE INDEX register_changes_of ON register_changes (subject, n);
CREATE TRIGGER register_changes_no_update BEFORE UPDATE ON register_changes
BEGIN SELECT RAISE(ABORT, 'the history of the register is append-only'); END;
CREATE TRIGGER register_changes_no_delete BEFORE DELETE ON register_changes
BEGIN SELECT RAISE(ABORT, 'the history of the register is append-only'); END;

CREATE TABLE imports (
    n          INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    file_name  TEXT    NOT NULL,
    hash       TEXT    NOT NULL,                 -- SHA-256 of the file
    size       INTEGER NOT NULL,
    bytes      BLOB,                             -- while it is not decided
    choice     TEXT    NOT NULL,                 -- sheet, head, columns: JSON
    state      TEXT    NOT NULL,                 -- waiting, applied, discarded
    decided_at INTEGER,
    decided_by TEXT,
    summary    TEXT    NOT NULL                  -- JSON
) STRICT;

-- A creation is done once, however often it is asked for.
CREATE TABLE register_requests (
    key    TEXT    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    hash   TEXT    NOT NULL,
    answer TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Hours run per day, from the roll-ups.
CREATE TABLE run_days (
    equipment TEXT    NOT NULL,
    day       TEXT    NOT NULL,
    hours     REAL    NOT NULL,
    observed  REAL    NOT NULL,                  -- hours of which anything was seen
    counted   INTEGER NOT NULL,                  -- by the equipment itself, not estimated
    source    TEXT    NOT NULL,                  -- the series
    PRIMARY KEY (equipment, day)
) STRICT, WITHOUT ROWID;

-- What the register forbids and the equipment did: one row per episode.
CREATE TABLE state_findings (
    equipment TEXT    NOT NULL,
    condition TEXT    NOT NULL,
    since     TEXT    NOT NULL,                  -- the episode
    hours     REAL    NOT NULL,
    days      INTEGER NOT NULL,
    last      TEXT    NOT NULL,
    observed  REAL    NOT NULL,                  -- percent of the time
    found_at  INTEGER NOT NULL,
    seen_at   INTEGER NOT NULL,
    ended_at  INTEGER,
    hazard    TEXT,
    PRIMARY KEY (equipment, condition, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX state_findings_open ON state_findings (found_at, equipment) WHERE ended_at IS NULL;

INSERT INTO meta (key, value) VALUES ('register_version', '0'), ('register_day', '');
