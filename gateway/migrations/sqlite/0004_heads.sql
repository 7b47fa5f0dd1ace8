-- One signed head a day over every hazard that moved, chained to the day before.
CREATE TABLE daily_heads (
    day       TEXT NOT NULL PRIMARY KEY,         -- UTC, 2026-11-26
    json      TEXT NOT NULL,
    signature TEXT NOT NULL                      -- Ed25519 over the JSON, hex
) STRICT, WITHOUT ROWID;
CREATE TRIGGER daily_heads_no_update BEFORE UPDATE ON daily_heads
BEGIN SELECT RAISE(ABORT, 'daily heads are never changed'); END;
CREATE TRIGGER daily_heads_no_delete BEFORE DELETE ON daily_heads
BEGIN SELECT RAISE(ABORT, 'daily heads are never deleted'); END;

-- Where each hazard that moved stood under a day's head.
CREATE TABLE head_standings (
    day    TEXT    NOT NULL REFERENCES daily_heads (day),
    hazard TEXT    NOT NULL REFERENCES hazards (id),
    seq    INTEGER NOT NULL,
    PRIMARY KEY (hazard, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX head_standings_of ON head_standings (day, hazard);

-- Events under no head yet. An event may be written days after the moment it is dated at (the gateway was off): it then
-- stands under the next head that is made.
CREATE TABLE unsealed_events (
    hazard TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (hazard, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO unsealed_events (hazard, seq, at) SELECT hazard, seq, at FROM hazard_events;
CREATE TRIGGER hazard_events_unsealed AFTER INSERT ON hazard_events
BEGIN INSERT INTO unsealed_events (hazard, seq, at) VALUES (NEW.hazard, NEW.seq, NEW.at); END;

-- The canonical content of every rule pack that was in force: what the hash in a hazard's citation is of.
CREATE TABLE packs (
    hash    TEXT NOT NULL PRIMARY KEY,
    id      TEXT NOT NULL,
    version TEXT NOT NULL,
    json    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
