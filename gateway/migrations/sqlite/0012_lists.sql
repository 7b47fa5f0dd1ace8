-- The four lists (四个清单): files made on request, frozen copies. And the records of daily control, weekly check and
-- monthly dispatch (日管控、周排查、月调度).

-- The result list goes by the day of strike-off; its filters are decided inside the index.
CREATE INDEX hazards_results ON hazards (struck_off_at, id, area, use_unit, maintenance_unit, inspection_body, status)
    WHERE struck_off_at IS NOT NULL;

-- Work that takes longer than a request. Whatever was under way when the gateway stopped is begun again.
CREATE TABLE list_jobs (
    n           INTEGER NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,                -- export, snapshot
    list        TEXT    NOT NULL,
    format      TEXT    NOT NULL,                -- xlsx, csv, json; '': all of them
    language    TEXT    NOT NULL,
    filter      TEXT    NOT NULL,                -- JSON
    login       TEXT    NOT NULL,                -- who asked
    person      TEXT    NOT NULL,                -- JSON: what he saw then
    state       TEXT    NOT NULL,                -- waiting, running, done, failed, cancelled, expired
    done        INTEGER NOT NULL DEFAULT 0,      -- steps
    total       INTEGER NOT NULL DEFAULT 0,      -- 0: not known yet
    attempts    INTEGER NOT NULL DEFAULT 0,
    created     INTEGER NOT NULL,
    started     INTEGER,
    ended       INTEGER,
    rows        INTEGER,
    size        INTEGER,
    sha256      TEXT,
    snapshot    INTEGER,
    said        TEXT    NOT NULL DEFAULT '',     -- why it failed
    request     TEXT,                            -- Idempotency-Key …
    request_of  TEXT    NOT NULL                 -- … and the hash of what was asked for with it
) STRICT;
CREATE INDEX list_jobs_open ON list_jobs (n) WHERE state IN ('waiting', 'running');
CREATE INDEX list_jobs_kept ON list_jobs (ended) WHERE state = 'done' AND kind = 'export';
CREATE INDEX list_jobs_of ON list_jobs (login, n);
CREATE UNIQUE INDEX list_jobs_once ON list_jobs (login, request) WHERE request IS NOT NULL;

-- Frozen copies: never changed, never deleted, numbered without a gap.
CREATE TABLE list_snapshots (
    n           INTEGER NOT NULL PRIMARY KEY,
    number      TEXT    NOT NULL UNIQUE,
    series      TEXT    NOT NULL,                -- what the running number counts within
    seq         INTEGER NOT NULL,
    list        TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    filter      TEXT    NOT NULL,                -- JSON
    period_from TEXT    NOT NULL,
    period_to   TEXT    NOT NULL,
    sight       TEXT    NOT NULL,                -- whose eyes: all, areas, use_unit, maintenance_unit, inspection_body
    sight_of    TEXT    NOT NULL,                -- JSON: the areas, or the unit
    rows        INTEGER NOT NULL,
    content     TEXT    NOT NULL UNIQUE,         -- SHA-256 of the canonical JSON, which is the JSON file
    json_size   INTEGER NOT NULL,
    csv_hash    TEXT    NOT NULL,
    csv_size    INTEGER NOT NULL,
    xlsx_hash   TEXT    NOT NULL,
    xlsx_size   INTEGER NOT NULL,
    file        TEXT    NOT NULL,                -- name without its end
    made_at     INTEGER NOT NULL,
    made_by     TEXT    NOT NULL,
    UNIQUE (series, seq)
) STRICT;
CREATE INDEX list_snapshots_csv ON list_snapshots (csv_hash);
CREATE INDEX list_snapshots_xlsx ON list_snapshots (xlsx_hash);
CREATE TRIGGER list_snapshots_numbered BEFORE INSERT ON list_snapshots
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM list_snapshots WHERE series = NEW.series)
BEGIN SELECT RAISE(ABORT, 'frozen lists are numbered without a gap'); END;
CREATE TRIGGER list_snapshots_no_update BEFORE UPDATE ON list_snapshots
BEGIN SELECT RAISE(ABORT, 'frozen lists are never changed'); END;
CREATE TRIGGER list_snapshots_no_delete BEFORE DELETE ON list_snapshots
BEGIN SELECT RAISE(ABORT, 'frozen lists are never deleted'); END;

-- A row per unit, period and version. A signed one never changes: what was wrong in it is said in the next version.
CREATE TABLE duty_records (
    n           INTEGER NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,                -- daily, weekly, monthly
    use_unit    TEXT    NOT NULL,
    area        TEXT    NOT NULL,
    period_from TEXT    NOT NULL,
    period_to   TEXT    NOT NULL,
    due         TEXT    NOT NULL,                -- to be signed by the end of this day
    version     INTEGER NOT NULL,
    corrects    INTEGER REFERENCES duty_records (n),
    why         TEXT    NOT NULL DEFAULT '',     -- what is corrected
    officers    TEXT    NOT NULL,                -- JSON: whom the register names
    prefill     TEXT    NOT NULL,                -- JSON: what telemetry and the register say
    verdict     TEXT    NOT NULL,                -- found, zero_risk, no_data
    findings    TEXT    NOT NULL DEFAULT '',
    measures    TEXT    NOT NULL DEFAULT '',
    remarks     TEXT    NOT NULL DEFAULT '',
    revision    INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    changed_by  TEXT    NOT NULL,
    signed_at   INTEGER,
    signed_by   TEXT,                            -- login
    signed_name TEXT,
    hash        TEXT,                            -- SHA-256 of what was signed
    latest      INTEGER NOT NULL DEFAULT 1,      -- no later version
    UNIQUE (kind, use_unit, period_from, version)
) STRICT;
CREATE INDEX duty_newest ON duty_records (period_to, n, kind, use_unit, area, due, signed_at, verdict, latest);
CREATE INDEX duty_of ON duty_records (use_unit, period_to, n);
CREATE INDEX duty_unsigned ON duty_records (due, n) WHERE signed_at IS NULL;
CREATE INDEX duty_within ON duty_records (kind, use_unit, period_from, latest);
CREATE TRIGGER duty_signed BEFORE UPDATE ON duty_records
WHEN OLD.signed_at IS NOT NULL AND (
    NEW.n, NEW.kind, NEW.use_unit, NEW.area, NEW.period_from, NEW.period_to, NEW.due, NEW.version, NEW.corrects, NEW.why,
    NEW.officers, NEW.prefill, NEW.verdict, NEW.findings, NEW.measures, NEW.remarks, NEW.revision, NEW.created,
    NEW.changed, NEW.changed_by, NEW.signed_at, NEW.signed_by, NEW.signed_name, NEW.hash)
    IS NOT (
    OLD.n, OLD.kind, OLD.use_unit, OLD.area, OLD.period_from, OLD.period_to, OLD.due, OLD.version, OLD.corrects, OLD.why,
    OLD.officers, OLD.prefill, OLD.verdict, OLD.findings, OLD.measures, OLD.remarks, OLD.revision, OLD.created,
    OLD.changed, OLD.changed_by, OLD.signed_at, OLD.signed_by, OLD.signed_name, OLD.hash)
BEGIN SELECT RAISE(ABORT, 'what is signed is never changed: a correction is a new version'); END;
CREATE TRIGGER duty_no_delete BEFORE DELETE ON duty_records
BEGIN SELECT RAISE(ABORT, 'records are never deleted'); END;

-- A correction is begun once, however often it is asked for.
CREATE TABLE duty_requests (
    key    TEXT    NOT NULL PRIMARY KEY,         -- of a login
    hash   TEXT    NOT NULL,
    record INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('duty_day', '');
