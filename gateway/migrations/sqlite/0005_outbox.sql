-- What is to be sent to others: a row per subscriber and event, written in the transaction of its cause.
-- A sink of points needs no row per point: the log has every message, a cursor says how far the sink is.
CREATE TABLE outbox (
    id       INTEGER NOT NULL PRIMARY KEY,
    sink     TEXT    NOT NULL,                   -- name of the subscriber; 'influx': points the server refused
    event    TEXT    NOT NULL,
    ordering TEXT    NOT NULL,                   -- rows of a sink with the same one go out in the order of their ids
    key      TEXT    NOT NULL,                   -- the same with every attempt
    at       INTEGER NOT NULL,                   -- when it happened
    since    INTEGER NOT NULL,                   -- waits since; from here its age is counted
    body     TEXT    NOT NULL,                   -- emptied when delivered
    state    TEXT    NOT NULL DEFAULT 'pending', -- pending, delivered, dead
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    status   INTEGER,                            -- of the last answer
    said     TEXT    NOT NULL DEFAULT ''         -- its first bytes, or why there was none
) STRICT;
CREATE INDEX outbox_waiting ON outbox (sink, ordering, id) WHERE state = 'pending';
CREATE INDEX outbox_by_state ON outbox (state, sink, id);

CREATE TABLE sink_cursors (
    sink     TEXT    NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL,                   -- everything up to here was taken
    active   INTEGER NOT NULL                    -- 1: the log waits for it before it forgets
) STRICT, WITHOUT ROWID;

-- Messages the log had to forget before a sink had them.
CREATE TABLE sink_gaps (
    id            INTEGER NOT NULL PRIMARY KEY,
    sink          TEXT    NOT NULL,
    from_position INTEGER NOT NULL,
    to_position   INTEGER NOT NULL,
    from_ms       INTEGER NOT NULL,
    to_ms         INTEGER NOT NULL,
    messages      INTEGER NOT NULL,
    at            INTEGER NOT NULL
) STRICT;
