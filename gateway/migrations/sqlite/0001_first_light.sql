-- All times are milliseconds since 1970-01-01T00:00:00Z. Texts are ids, JSON or words.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (
    id   INTEGER NOT NULL PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE                 -- group/node
) STRICT;

CREATE TABLE devices (
    id      INTEGER NOT NULL PRIMARY KEY,        -- never 0: 0 stands for the node itself
    node_id INTEGER NOT NULL REFERENCES nodes (id),
    name    TEXT    NOT NULL,
    UNIQUE (node_id, name)
) STRICT;

-- Birth certificates: what gives the bytes of later messages their meaning.
CREATE TABLE contexts (
    id      INTEGER NOT NULL PRIMARY KEY,
    hash    BLOB    NOT NULL UNIQUE,
    topic   TEXT    NOT NULL,
    payload BLOB    NOT NULL
) STRICT;

-- The history: one row per message, as received.
CREATE TABLE messages (
    position   INTEGER NOT NULL PRIMARY KEY,
    node_id    INTEGER NOT NULL,
    device_id  INTEGER NOT NULL,                 -- 0: the node itself
    kind       INTEGER NOT NULL,                 -- 0 NBIRTH 1 NDEATH 2 NDATA 3 NCMD 4 DBIRTH 5 DDEATH 6 DDATA 7 DCMD
    flags      INTEGER NOT NULL,                 -- 1 historical, 2 retained
    epoch      INTEGER,                          -- journal epoch and sequence, bits of a u64
    seq        INTEGER,
    published  INTEGER,
    received   INTEGER NOT NULL,
    context_id INTEGER,
    payload    BLOB    NOT NULL,
    source     INTEGER NOT NULL DEFAULT 0,       -- 0 Sparkplug B
    -- The time the message is filed under: history under its own time when that is believable.
    at         INTEGER GENERATED ALWAYS AS (
        CASE WHEN flags & 1 AND published BETWEEN 946684800000 AND received + 300000
             THEN published ELSE received END) VIRTUAL
) STRICT;

-- The log's indexes, written some thousand messages at a time and in their own order: index entries of
-- many nodes would otherwise touch a page each with every message, which costs more than the message.
-- They reach as far as `indexed_to` in `meta`; behind that the log itself is searched.
CREATE TABLE message_times (
    node_id   INTEGER NOT NULL,
    device_id INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (node_id, device_id, at, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE message_journal (
    node_id  INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (node_id, epoch, seq)            -- a journaled message is in the log once
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('indexed_to', '0');

-- What people did, in the same order of positions as the messages.
CREATE TABLE actions (
    position        INTEGER NOT NULL PRIMARY KEY,
    received        INTEGER NOT NULL,
    node            TEXT    NOT NULL,            -- whose snapshot covers it
    actor           TEXT    NOT NULL,
    idempotency_key TEXT,
    json            TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX actions_once ON actions (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE dead_letters (
    position INTEGER NOT NULL PRIMARY KEY,
    topic    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    received INTEGER NOT NULL,
    payload  BLOB    NOT NULL
) STRICT;

CREATE TABLE unregistered (
    node       TEXT    NOT NULL,
    device     TEXT    NOT NULL,                 -- '': the node itself
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    messages   INTEGER NOT NULL,
    metrics    TEXT    NOT NULL,
    PRIMARY KEY (node, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE alarms (
    equipment      TEXT    NOT NULL,
    rule           TEXT    NOT NULL,
    class          TEXT    NOT NULL,
    severity       TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    active         INTEGER NOT NULL,
    acked          INTEGER NOT NULL,
    latched        INTEGER NOT NULL,
    shelved_until  INTEGER,
    suppressed     INTEGER NOT NULL,
    out_of_service INTEGER NOT NULL,
    since          INTEGER NOT NULL,
    changed        INTEGER NOT NULL,
    count          INTEGER NOT NULL,
    hazard         TEXT,
    detail         TEXT    NOT NULL,
    PRIMARY KEY (equipment, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX alarms_standing ON alarms (severity, changed) WHERE state <> 'normal';

CREATE TABLE alarm_events (
    id        INTEGER NOT NULL PRIMARY KEY,
    equipment TEXT    NOT NULL,
    rule      TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    source_at INTEGER NOT NULL,
    state     TEXT    NOT NULL,
    severity  TEXT    NOT NULL,
    actor     TEXT,
    detail    TEXT    NOT NULL
) STRICT;
CREATE INDEX alarm_events_of ON alarm_events (equipment, at);

-- The fold over hazard_events: replaced at each event, never deleted.
CREATE TABLE hazards (
    id               TEXT    NOT NULL PRIMARY KEY,
    equipment        TEXT    NOT NULL,
    rule             TEXT    NOT NULL,
    episode          INTEGER NOT NULL,
    status           TEXT    NOT NULL,
    grade            TEXT    NOT NULL,
    severity         TEXT    NOT NULL,
    opened_at        INTEGER NOT NULL,
    late             INTEGER NOT NULL,
    condition_active INTEGER NOT NULL,
    trips            INTEGER NOT NULL,
    events           INTEGER NOT NULL,
    changed          INTEGER NOT NULL,
    head             TEXT    NOT NULL,
    title_zh         TEXT    NOT NULL,
    title_en         TEXT    NOT NULL,
    clause           TEXT    NOT NULL,
    UNIQUE (equipment, rule, episode)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX hazards_one_open ON hazards (equipment, rule) WHERE status IN ('suspected', 'confirmed');
CREATE INDEX hazards_newest ON hazards (opened_at, id);

-- Append-only and hash-chained: the database itself refuses anything else.
CREATE TABLE hazard_events (
    hazard   TEXT    NOT NULL REFERENCES hazards (id),
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    position INTEGER NOT NULL,
    prev     TEXT    NOT NULL,
    hash     TEXT    NOT NULL,
    json     TEXT    NOT NULL,
    PRIMARY KEY (hazard, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER hazard_events_chain BEFORE INSERT ON hazard_events
WHEN NEW.seq > 0 AND NOT EXISTS (
    SELECT 1 FROM hazard_events WHERE hazard = NEW.hazard AND seq = NEW.seq - 1 AND hash = NEW.prev)
BEGIN SELECT RAISE(ABORT, 'hazard events form a chain: the event before is missing or another'); END;
CREATE TRIGGER hazard_events_no_update BEFORE UPDATE ON hazard_events
BEGIN SELECT RAISE(ABORT, 'hazard events are append-only'); END;
CREATE TRIGGER hazard_events_no_delete BEFORE DELETE ON hazard_events
BEGIN SELECT RAISE(ABORT, 'hazard events are append-only'); END;
CREATE TRIGGER hazards_no_delete BEFORE DELETE ON hazards
BEGIN SELECT RAISE(ABORT, 'hazards are never deleted'); END;
CREATE TRIGGER hazards_fixed BEFORE UPDATE ON hazards
WHEN NEW.id <> OLD.id OR NEW.equipment <> OLD.equipment OR NEW.rule <> OLD.rule OR NEW.episode <> OLD.episode
     OR NEW.opened_at <> OLD.opened_at OR NEW.events < OLD.events
BEGIN SELECT RAISE(ABORT, 'what a hazard is about never changes'); END;
CREATE TRIGGER messages_no_update BEFORE UPDATE ON messages
BEGIN SELECT RAISE(ABORT, 'messages are kept as received'); END;

-- Which messages speak for a hazard: those of its device from before the episode to behind the last trip.
CREATE TABLE hazard_windows (
    hazard    TEXT    NOT NULL PRIMARY KEY REFERENCES hazards (id),
    node_id   INTEGER NOT NULL,
    device_id INTEGER NOT NULL,
    from_ms   INTEGER NOT NULL,
    to_ms     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hazard_windows_by_time ON hazard_windows (to_ms, from_ms);

-- Messages around a hazard, copied before the log drops them.
CREATE TABLE hazard_evidence_messages (
    hazard    TEXT    NOT NULL REFERENCES hazards (id),
    position  INTEGER NOT NULL,
    node_id   INTEGER NOT NULL,
    device_id INTEGER NOT NULL,
    kind      INTEGER NOT NULL,
    flags     INTEGER NOT NULL,
    epoch     INTEGER,
    seq       INTEGER,
    published INTEGER,
    received  INTEGER NOT NULL,
    context_id INTEGER,
    payload   BLOB    NOT NULL,
    PRIMARY KEY (hazard, position)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON hazard_evidence_messages
BEGIN SELECT RAISE(ABORT, 'evidence is kept as received'); END;
CREATE TRIGGER evidence_no_delete BEFORE DELETE ON hazard_evidence_messages
BEGIN SELECT RAISE(ABORT, 'evidence is kept'); END;

CREATE TABLE gaps (
    equipment TEXT    NOT NULL,
    quantity  TEXT    NOT NULL,                  -- '': all of them
    from_ms   INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    to_ms     INTEGER,
    filled_to INTEGER,
    PRIMARY KEY (equipment, from_ms, quantity, reason)
) STRICT, WITHOUT ROWID;
CREATE INDEX gaps_open ON gaps (equipment) WHERE to_ms IS NULL;
CREATE INDEX gaps_ended ON gaps (to_ms) WHERE to_ms IS NOT NULL;

CREATE TABLE rollups (
    equipment TEXT    NOT NULL,
    quantity  TEXT    NOT NULL,
    hour      INTEGER NOT NULL,
    good      INTEGER NOT NULL,
    bad       INTEGER NOT NULL,
    min       REAL,
    max       REAL,
    sum       REAL    NOT NULL,
    last      REAL,
    last_at   INTEGER NOT NULL,
    PRIMARY KEY (equipment, quantity, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_hours (
    node      TEXT    NOT NULL,
    hour      INTEGER NOT NULL,
    expected  INTEGER NOT NULL,
    received  INTEGER NOT NULL,
    late      INTEGER NOT NULL,
    dropped   INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    PRIMARY KEY (node, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_hours_by_hour ON node_hours (hour);

-- What readers are told, resumable by id.
CREATE TABLE server_events (
    id   INTEGER NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL,
    kind TEXT    NOT NULL,
    json TEXT    NOT NULL
) STRICT;

-- State of the pipeline per node as of a position; replay of the log after it rebuilds the rest.
CREATE TABLE snapshots (
    node     TEXT    NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL,
    json     BLOB    NOT NULL
) STRICT;
