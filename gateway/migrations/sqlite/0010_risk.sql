-- The register of risks (风险分级管控). Civil dates are ISO texts, times milliseconds since 1970 (UTC).

CREATE TABLE risk_points (
    n                INTEGER NOT NULL PRIMARY KEY,   -- shown as RP-000001
    equipment        TEXT,                           -- of this equipment, or …
    unit             TEXT,                           -- … of this unit itself
    name             TEXT    NOT NULL,
    place            TEXT    NOT NULL,
    factor           TEXT    NOT NULL,               -- 危险因素
    accident         TEXT    NOT NULL,               -- 可能导致的事故类型
    basis            TEXT    NOT NULL,               -- 依据
    owner            TEXT    NOT NULL,               -- 责任人
    owner_phone      TEXT    NOT NULL,
    owner_unit       TEXT    NOT NULL,               -- 责任单位或部门
    -- The last assessment; level 0 = nobody has assessed it, 1 blue, 2 yellow, 3 orange, 4 red.
    level            INTEGER NOT NULL DEFAULT 0 CHECK (level BETWEEN 0 AND 4),
    method           TEXT    NOT NULL DEFAULT '',
    factors          TEXT    NOT NULL DEFAULT '{}',  -- JSON: value by factor
    score            REAL,
    tier             TEXT    NOT NULL DEFAULT '',
    assessed_on      TEXT,
    assessed_by      TEXT    NOT NULL DEFAULT '',
    reassess_on      TEXT,
    -- Of its measures: the first check due, and how many have failed and not passed since.
    next_check       TEXT,
    failing          INTEGER NOT NULL DEFAULT 0,
    identified_on    TEXT    NOT NULL,               -- 辨识时间
    retired_at       INTEGER,
    use_unit         TEXT,
    maintenance_unit TEXT,
    inspection_body  TEXT,
    area             TEXT    NOT NULL,
    revision         INTEGER NOT NULL,
    created          INTEGER NOT NULL,
    changed          INTEGER NOT NULL,
    CHECK ((equipment IS NULL) <> (unit IS NULL)),
    CHECK ((level = 0) = (score IS NULL))
) STRICT;
-- Lists filter inside one of these, without a look at the table.
CREATE INDEX risk_points_by_n ON risk_points (n, level, tier, area, use_unit, maintenance_unit, inspection_body,
    next_check, failing, reassess_on) WHERE retired_at IS NULL;
CREATE INDEX risk_points_by_level ON risk_points (level, n, tier, area, use_unit, maintenance_unit, inspection_body,
    next_check, failing, reassess_on) WHERE retired_at IS NULL;
CREATE INDEX risk_points_by_check ON risk_points (next_check, n, level, tier, area, use_unit, maintenance_unit,
    inspection_body, failing, reassess_on) WHERE retired_at IS NULL AND next_check IS NOT NULL;
CREATE INDEX risk_points_of_equipment ON risk_points (equipment, level) WHERE equipment IS NOT NULL;
CREATE INDEX risk_points_of_unit ON risk_points (unit, level) WHERE unit IS NOT NULL;
CREATE INDEX risk_points_used ON risk_points (use_unit, n);
CREATE INDEX risk_points_maintained ON risk_points (maintenance_unit, n);
CREATE INDEX risk_points_inspected ON risk_points (inspection_body, n);
CREATE INDEX risk_points_area ON risk_points (area, n, level, tier, use_unit, maintenance_unit, inspection_body,
    next_check, failing, reassess_on) WHERE retired_at IS NULL;
CREATE INDEX risk_points_tier ON risk_points (tier, n, level, area, use_unit, maintenance_unit, inspection_body,
    next_check, failing, reassess_on) WHERE retired_at IS NULL;
CREATE INDEX risk_points_failing ON risk_points (n) WHERE retired_at IS NULL AND failing > 0;
CREATE INDEX risk_points_stale ON risk_points (reassess_on, n, level, tier, area, use_unit, maintenance_unit,
    inspection_body, next_check, failing) WHERE retired_at IS NULL AND reassess_on IS NOT NULL;
CREATE INDEX risk_points_owned ON risk_points (owner, n);
CREATE INDEX risk_points_retired ON risk_points (n) WHERE retired_at IS NOT NULL;
-- Any three letters or characters of name, place and factor; rowid is risk_points.n.
CREATE VIRTUAL TABLE risk_text USING fts5 (text, tokenize = 'trigram');

-- 管控措施. Whose they are is repeated here so that a list of what is to be checked needs no other table.
CREATE TABLE risk_measures (
    n                INTEGER NOT NULL PRIMARY KEY,
    point            INTEGER NOT NULL REFERENCES risk_points (n),
    kind             TEXT    NOT NULL,               -- engineering, management, training, ppe, emergency
    text             TEXT    NOT NULL,
    owner            TEXT    NOT NULL,
    period_days      INTEGER NOT NULL CHECK (period_days > 0),
    since            TEXT    NOT NULL,               -- periods count from here until the first check
    last_check       TEXT,
    last_result      TEXT    NOT NULL DEFAULT '',    -- '', passed, failed
    next_check       TEXT    NOT NULL,
    retired_at       INTEGER,
    use_unit         TEXT,
    maintenance_unit TEXT,
    inspection_body  TEXT,
    area             TEXT    NOT NULL,
    revision         INTEGER NOT NULL,
    changed          INTEGER NOT NULL
) STRICT;
CREATE INDEX risk_measures_of ON risk_measures (point, retired_at);
CREATE INDEX risk_measures_due ON risk_measures (next_check, n, kind, last_result, area, use_unit, maintenance_unit,
    inspection_body) WHERE retired_at IS NULL;
CREATE INDEX risk_measures_owned ON risk_measures (owner, next_check, n) WHERE retired_at IS NULL;
CREATE INDEX risk_measures_used ON risk_measures (use_unit, next_check, n) WHERE retired_at IS NULL;
CREATE INDEX risk_measures_maintained ON risk_measures (maintenance_unit, next_check, n) WHERE retired_at IS NULL;
CREATE INDEX risk_measures_inspected ON risk_measures (inspection_body, next_check, n) WHERE retired_at IS NULL;
CREATE INDEX risk_measures_area ON risk_measures (area, next_check, n, kind, last_result, use_unit, maintenance_unit,
    inspection_body) WHERE retired_at IS NULL;
CREATE INDEX risk_measures_kind ON risk_measures (kind, next_check, n, last_result, area, use_unit, maintenance_unit,
    inspection_body) WHERE retired_at IS NULL;
CREATE INDEX risk_measures_failed ON risk_measures (next_check, n) WHERE retired_at IS NULL AND last_result = 'failed';

-- A measure fails from the first check that says so to the first that does not: one episode, one hazard.
CREATE TABLE risk_episodes (
    n        INTEGER NOT NULL PRIMARY KEY,
    measure  INTEGER NOT NULL REFERENCES risk_measures (n),
    point    INTEGER NOT NULL REFERENCES risk_points (n),
    since    INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT,
    hazard   TEXT,                                   -- NULL: to be opened
    request  TEXT    NOT NULL                        -- JSON: what the engine is asked, the same each time
) STRICT;
CREATE UNIQUE INDEX risk_episodes_one ON risk_episodes (measure) WHERE ended_at IS NULL;
CREATE INDEX risk_episodes_of ON risk_episodes (point, n);
CREATE INDEX risk_episodes_waiting ON risk_episodes (n) WHERE hazard IS NULL;

CREATE TABLE risk_checks (
    n          INTEGER NOT NULL PRIMARY KEY,
    measure    INTEGER NOT NULL REFERENCES risk_measures (n),
    point      INTEGER NOT NULL REFERENCES risk_points (n),
    at         INTEGER NOT NULL,
    checked_on TEXT    NOT NULL,
    by         TEXT    NOT NULL,                     -- login
    result     TEXT    NOT NULL CHECK (result IN ('passed', 'failed')),
    remark     TEXT    NOT NULL,
    episode    INTEGER REFERENCES risk_episodes (n)  -- began, went on or ended with it
) STRICT;
CREATE INDEX risk_checks_of ON risk_checks (measure, n);
CREATE TRIGGER risk_checks_no_update BEFORE UPDATE ON risk_checks
BEGIN SELECT RAISE(ABORT, 'checks are append-only'); END;
CREATE TRIGGER risk_checks_no_delete BEFORE DELETE ON risk_checks
BEGIN SELECT RAISE(ABORT, 'checks are append-only'); END;

CREATE TABLE risk_assessments (
    n       INTEGER NOT NULL PRIMARY KEY,
    point   INTEGER NOT NULL REFERENCES risk_points (n),
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,                        -- login
    method  TEXT    NOT NULL,
    factors TEXT    NOT NULL,
    score   REAL    NOT NULL,
    level   INTEGER NOT NULL CHECK (level BETWEEN 1 AND 4),
    tier    TEXT    NOT NULL,
    reason  TEXT    NOT NULL
) STRICT;
CREATE INDEX risk_assessments_of ON risk_assessments (point, n);
CREATE TRIGGER risk_assessments_no_update BEFORE UPDATE ON risk_assessments
BEGIN SELECT RAISE(ABORT, 'the history of assessments is append-only'); END;
CREATE TRIGGER risk_assessments_no_delete BEFORE DELETE ON risk_assessments
BEGIN SELECT RAISE(ABORT, 'the history of assessments is append-only'); END;

-- A creation is done once, however often it is asked for.
CREATE TABLE risk_requests (
    key    TEXT    NOT NULL PRIMARY KEY,             -- login and key
    at     INTEGER NOT NULL,
    hash   TEXT    NOT NULL,
    answer INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose a risk is follows its equipment, or its unit.
CREATE TRIGGER risk_points_follow_first AFTER INSERT ON equipment_scopes
BEGIN
    UPDATE risk_points SET use_unit = NEW.use_unit, maintenance_unit = NEW.maintenance_unit,
        inspection_body = NEW.inspection_body, area = NEW.area
    WHERE equipment = NEW.equipment;
END;
CREATE TRIGGER risk_points_follow AFTER UPDATE ON equipment_scopes
WHEN OLD.use_unit IS NOT NEW.use_unit OR OLD.maintenance_unit IS NOT NEW.maintenance_unit
    OR OLD.inspection_body IS NOT NEW.inspection_body OR OLD.area IS NOT NEW.area
BEGIN
    UPDATE risk_points SET use_unit = NEW.use_unit, maintenance_unit = NEW.maintenance_unit,
        inspection_body = NEW.inspection_body, area = NEW.area
    WHERE equipment = NEW.equipment;
END;
CREATE TRIGGER risk_points_follow_unit AFTER UPDATE ON units WHEN OLD.area IS NOT NEW.area
BEGIN
    UPDATE risk_points SET area = NEW.area WHERE unit = NEW.code;
END;
CREATE TRIGGER risk_measures_follow AFTER UPDATE OF use_unit, maintenance_unit, inspection_body, area ON risk_points
BEGIN
    UPDATE risk_measures SET use_unit = NEW.use_unit, maintenance_unit = NEW.maintenance_unit,
        inspection_body = NEW.inspection_body, area = NEW.area
    WHERE point = NEW.n;
END;

-- What is counted of every piece of equipment, and of every unit in every area: computed again and again, nobody's word.
-- Columns behind `score` are named as the parts in rules/desk/risk.toml.
CREATE TABLE risk_ranks (
    subject             TEXT    NOT NULL,            -- equipment; unit: its equipment and its own; own: a unit's own; area: all in it
    id                  TEXT    NOT NULL,            -- equipment id, code of the unit
    area                TEXT    NOT NULL,
    use_unit            TEXT,
    maintenance_unit    TEXT,
    inspection_body     TEXT,
    pieces              INTEGER NOT NULL,            -- of equipment
    unheard             INTEGER NOT NULL,            -- pieces no telemetry tells of now: silent, never heard, or without any
    bare                INTEGER NOT NULL,            -- pieces nobody has assessed a risk of
    score               INTEGER NOT NULL,
    red_points          INTEGER NOT NULL,
    orange_points       INTEGER NOT NULL,
    yellow_points       INTEGER NOT NULL,
    blue_points         INTEGER NOT NULL,
    not_assessed        INTEGER NOT NULL,
    failed_controls     INTEGER NOT NULL,
    overdue_checks      INTEGER NOT NULL,
    major_hazards       INTEGER NOT NULL,
    general_hazards     INTEGER NOT NULL,
    overdue_hazards     INTEGER NOT NULL,
    repeat_hazards      INTEGER NOT NULL,
    overdue_inspections INTEGER NOT NULL,
    findings            INTEGER NOT NULL,
    high_alarms         INTEGER NOT NULL,
    low_alarms          INTEGER NOT NULL,
    silence             INTEGER NOT NULL,
    PRIMARY KEY (subject, id, area)
) STRICT, WITHOUT ROWID;
CREATE INDEX risk_ranks_order ON risk_ranks (subject, score DESC, id, area, use_unit, maintenance_unit, inspection_body);
CREATE INDEX risk_ranks_area ON risk_ranks (subject, area, id, use_unit, maintenance_unit, inspection_body);
CREATE INDEX risk_ranks_used ON risk_ranks (use_unit, subject) WHERE use_unit IS NOT NULL;
CREATE INDEX risk_ranks_maintained ON risk_ranks (maintenance_unit, subject) WHERE maintenance_unit IS NOT NULL;
CREATE INDEX risk_ranks_inspected ON risk_ranks (inspection_body, subject) WHERE inspection_body IS NOT NULL;

INSERT INTO meta (key, value) VALUES ('risk_ranked', '');
