-- Listed supervision, interviews, circulars: what an authority asks of a unit, and keeps after. And what statistics
-- are made of: counted as hazards change, so that a year of a million is read from a few thousand rows.

CREATE TABLE cases (
    id               INTEGER NOT NULL PRIMARY KEY,
    number           TEXT    NOT NULL UNIQUE,
    kind             TEXT    NOT NULL,           -- listed, interview, circular
    level            TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    open             INTEGER NOT NULL,
    overdue          INTEGER NOT NULL,
    issued_at        INTEGER NOT NULL,
    deadline         INTEGER,
    next_at          INTEGER,                    -- when the clock says something; NULL: never
    unit             TEXT,                       -- what it is about
    equipment        TEXT,
    use_unit         TEXT,                       -- whose that is
    maintenance_unit TEXT,
    inspection_body  TEXT,
    area             TEXT    NOT NULL,
    events           INTEGER NOT NULL,
    head             TEXT    NOT NULL,
    fold             TEXT    NOT NULL
) STRICT;
CREATE INDEX cases_newest ON cases (issued_at, id);
CREATE INDEX cases_open ON cases (issued_at, id) WHERE open = 1;
CREATE INDEX cases_overdue ON cases (issued_at, id) WHERE overdue = 1;
CREATE INDEX cases_by_deadline ON cases (deadline, id) WHERE open = 1 AND deadline IS NOT NULL;
CREATE INDEX cases_by_kind ON cases (kind, issued_at, id);
CREATE INDEX cases_by_status ON cases (status, issued_at, id);
CREATE INDEX cases_by_area ON cases (area, issued_at, id);
CREATE INDEX cases_used ON cases (use_unit, issued_at, id) WHERE use_unit IS NOT NULL;
CREATE INDEX cases_maintained ON cases (maintenance_unit, issued_at, id) WHERE maintenance_unit IS NOT NULL;
CREATE INDEX cases_inspected ON cases (inspection_body, issued_at, id) WHERE inspection_body IS NOT NULL;
CREATE INDEX cases_next ON cases (next_at) WHERE next_at IS NOT NULL;
CREATE TRIGGER cases_no_delete BEFORE DELETE ON cases
BEGIN SELECT RAISE(ABORT, 'cases are never deleted'); END;
CREATE TRIGGER cases_fixed BEFORE UPDATE ON cases
WHEN NEW.id <> OLD.id OR NEW.number <> OLD.number OR NEW.kind <> OLD.kind OR NEW.issued_at <> OLD.issued_at
    OR NEW.events < OLD.events
BEGIN SELECT RAISE(ABORT, 'what a case is never changes'); END;

-- Append-only and hash-chained: the database itself refuses anything else.
CREATE TABLE case_events (
    case_id INTEGER NOT NULL REFERENCES cases (id),
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    prev    TEXT    NOT NULL,
    hash    TEXT    NOT NULL,
    json    TEXT    NOT NULL,
    PRIMARY KEY (case_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER case_events_chain BEFORE INSERT ON case_events
WHEN NEW.seq > 0 AND NOT EXISTS (
    SELECT 1 FROM case_events WHERE case_id = NEW.case_id AND seq = NEW.seq - 1 AND hash = NEW.prev)
BEGIN SELECT RAISE(ABORT, 'case events form a chain: the event before is missing or another'); END;
CREATE TRIGGER case_events_no_update BEFORE UPDATE ON case_events
BEGIN SELECT RAISE(ABORT, 'case events are append-only'); END;
CREATE TRIGGER case_events_no_delete BEFORE DELETE ON case_events
BEGIN SELECT RAISE(ABORT, 'case events are append-only'); END;

-- The last count of each series of numbers.
CREATE TABLE case_series (
    series TEXT    NOT NULL PRIMARY KEY,
    last   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which hazards a case is about, and what their loop still has to be told: written with the case, told afterwards,
-- and told again until it has been.
CREATE TABLE case_hazards (
    hazard  TEXT    NOT NULL,
    case_id INTEGER NOT NULL REFERENCES cases (id),
    live    INTEGER NOT NULL,                    -- the case is in force and lists it
    state   TEXT    NOT NULL,                    -- named, listing, listed, delisting, delisted, refused
    why     TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (hazard, case_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX case_hazards_once ON case_hazards (hazard) WHERE live = 1;
CREATE INDEX case_hazards_of ON case_hazards (case_id);
CREATE INDEX case_hazards_waiting ON case_hazards (state) WHERE state IN ('listing', 'delisting');

CREATE TABLE case_files (
    sha256  TEXT    NOT NULL,
    case_id INTEGER NOT NULL REFERENCES cases (id),
    PRIMARY KEY (sha256, case_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER case_files_no_delete BEFORE DELETE ON case_files
BEGIN SELECT RAISE(ABORT, 'evidence is kept'); END;

CREATE TABLE case_requests (
    key     TEXT    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    hash    TEXT    NOT NULL,
    case_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Hazards whose part in the statistics has to be counted anew.
CREATE TABLE stat_changed (hazard TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO stat_changed SELECT id FROM hazards;
-- (Not OR IGNORE: in a trigger the conflict clause of the statement outside would count instead.)
CREATE TRIGGER stat_hazard_new AFTER INSERT ON hazards
WHEN NOT EXISTS (SELECT 1 FROM stat_changed WHERE hazard = NEW.id)
BEGIN INSERT INTO stat_changed VALUES (NEW.id); END;
CREATE TRIGGER stat_hazard_changed AFTER UPDATE OF status, grade, severity, category, deadline, overdue, repeats,
    struck_off_at, use_unit, maintenance_unit, inspection_body, area ON hazards
WHEN NOT EXISTS (SELECT 1 FROM stat_changed WHERE hazard = NEW.id) AND (OLD.status <> NEW.status OR OLD.grade <> NEW.grade OR OLD.severity <> NEW.severity OR OLD.category <> NEW.category
    OR OLD.deadline IS NOT NEW.deadline OR OLD.overdue <> NEW.overdue OR OLD.repeats <> NEW.repeats
    OR OLD.struck_off_at IS NOT NEW.struck_off_at OR OLD.use_unit IS NOT NEW.use_unit
    OR OLD.maintenance_unit IS NOT NEW.maintenance_unit OR OLD.inspection_body IS NOT NEW.inspection_body
    OR OLD.area <> NEW.area)
BEGIN INSERT INTO stat_changed VALUES (NEW.id); END;

-- What has been counted of each hazard: taken off before it is counted anew.
CREATE TABLE stat_counted (
    hazard           TEXT NOT NULL PRIMARY KEY,
    use_unit         TEXT,
    maintenance_unit TEXT,
    inspection_body  TEXT,
    area             TEXT NOT NULL,
    category         TEXT NOT NULL,
    parts            TEXT NOT NULL               -- JSON: [[measure, month, bucket], …]
) STRICT, WITHOUT ROWID;

-- The counts. Who: '' everybody, or `u:`, `m:`, `i:` and the code of who uses, maintains, inspects. In this order each
-- question is one short stretch of the table.
CREATE TABLE stat_counts (
    who      TEXT    NOT NULL,
    category TEXT    NOT NULL,                   -- '*': all together
    level    INTEGER NOT NULL,                   -- digits of the area: 0, 2, 4, 6; 9: as given
    measure  TEXT    NOT NULL,
    area     TEXT    NOT NULL,
    month    INTEGER NOT NULL,                   -- year * 12 + month - 1; 0: now
    bucket   INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (who, category, level, measure, area, month, bucket)
) STRICT, WITHOUT ROWID;

-- How much of each day was watched.
CREATE TABLE stat_watched (
    who       TEXT    NOT NULL,
    day       INTEGER NOT NULL,                  -- days since 1970-01-01 where the gateway stands
    area      TEXT    NOT NULL,
    equipment INTEGER NOT NULL,
    elapsed_s INTEGER NOT NULL,
    covered_s INTEGER NOT NULL,
    gaps      INTEGER NOT NULL,
    PRIMARY KEY (who, day, area)
) STRICT, WITHOUT ROWID;
