-- By which policy the hazard loop worked when: what was decided by one is decided again by the same. Never removed.
CREATE TABLE loop_policies (
    n INTEGER PRIMARY KEY,
    -- It counts for the inputs behind this position …
    position INTEGER NOT NULL,
    -- … and for what is due behind this time, ms.
    at INTEGER NOT NULL,
    -- SHA-256 of the JSON.
    hash TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;
