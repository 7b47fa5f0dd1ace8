-- The closed loop: more states than suspected and confirmed, and what people look for in the register.

ALTER TABLE hazards ADD COLUMN source TEXT NOT NULL DEFAULT 'telemetry';
ALTER TABLE hazards ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE hazards ADD COLUMN unit TEXT;                            -- made responsible
ALTER TABLE hazards ADD COLUMN deadline INTEGER;
ALTER TABLE hazards ADD COLUMN overdue INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hazards ADD COLUMN listed TEXT;                          -- number of the case
ALTER TABLE hazards ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;   -- struck off so often before
ALTER TABLE hazards ADD COLUMN struck_off_at INTEGER;
-- Whose it is, for who may see it: as equipment_scopes has its equipment; where that has none, as of the last step of
-- a person.
ALTER TABLE hazards ADD COLUMN use_unit TEXT;
ALTER TABLE hazards ADD COLUMN maintenance_unit TEXT;
ALTER TABLE hazards ADD COLUMN inspection_body TEXT;
ALTER TABLE hazards ADD COLUMN area TEXT NOT NULL DEFAULT '';        -- GB/T 2260
-- The whole fold as JSON; NULL in rows of before: their columns are all there is to it.
ALTER TABLE hazards ADD COLUMN fold TEXT;
-- By when it is to be rectified, while that is under way.
ALTER TABLE hazards ADD COLUMN due INTEGER GENERATED ALWAYS AS (
    CASE WHEN status IN ('assigned', 'rectifying') THEN deadline END) VIRTUAL;
-- What it can be found by, CJK characters apart; only until the row is in the index.
ALTER TABLE hazards ADD COLUMN words TEXT;

UPDATE hazards SET (use_unit, maintenance_unit, inspection_body, area) =
    (SELECT use_unit, maintenance_unit, inspection_body, area FROM equipment_scopes s WHERE s.equipment = hazards.equipment)
WHERE equipment IN (SELECT equipment FROM equipment_scopes);
-- They follow: lists of a million are filtered by indexes, not by looking up each row's equipment.
CREATE TRIGGER hazards_scoped AFTER INSERT ON hazards
WHEN EXISTS (SELECT 1 FROM equipment_scopes s WHERE s.equipment = NEW.equipment)
BEGIN
    UPDATE hazards SET (use_unit, maintenance_unit, inspection_body, area) =
        (SELECT use_unit, maintenance_unit, inspection_body, area FROM equipment_scopes s WHERE s.equipment = NEW.equipment)
    WHERE id = NEW.id;
END;
CREATE TRIGGER hazards_follow_first AFTER INSERT ON equipment_scopes
BEGIN
    UPDATE hazards SET use_unit = NEW.use_unit, maintenance_unit = NEW.maintenance_unit,
        inspection_body = NEW.inspection_body, area = NEW.area
    WHERE equipment = NEW.equipment;
END;
CREATE TRIGGER hazards_follow AFTER UPDATE ON equipment_scopes
WHEN OLD.use_unit IS NOT NEW.use_unit OR OLD.maintenance_unit IS NOT NEW.maintenance_unit
    OR OLD.inspection_body IS NOT NEW.inspection_body OR OLD.area IS NOT NEW.area
BEGIN
    UPDATE hazards SET use_unit = NEW.use_unit, maintenance_unit = NEW.maintenance_unit,
        inspection_body = NEW.inspection_body, area = NEW.area
    WHERE equipment = NEW.equipment;
END;

DROP INDEX hazards_one_open;
CREATE UNIQUE INDEX hazards_one_open ON hazards (equipment, rule)
    WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted');
DROP INDEX hazards_open;
CREATE INDEX hazards_open ON hazards (opened_at, id, severity)
    WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted');
DROP INDEX hazards_open_of;
CREATE INDEX hazards_open_of ON hazards (equipment, severity, status, grade)
    WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted');

-- One for every filter, in the order of the pages: newest first.
-- (An index over all statuses would be taken for lists of what is open, and the result sorted. Most are closed.)
CREATE INDEX hazards_suspected ON hazards (opened_at, id) WHERE status = 'suspected';
CREATE INDEX hazards_confirmed ON hazards (opened_at, id) WHERE status = 'confirmed';
CREATE INDEX hazards_assigned ON hazards (opened_at, id) WHERE status = 'assigned';
CREATE INDEX hazards_rectifying ON hazards (opened_at, id) WHERE status = 'rectifying';
CREATE INDEX hazards_self_checked ON hazards (opened_at, id) WHERE status = 'self_checked';
CREATE INDEX hazards_accepted ON hazards (opened_at, id) WHERE status = 'accepted';
CREATE INDEX hazards_struck_off ON hazards (opened_at, id) WHERE status = 'struck_off';
CREATE INDEX hazards_looked_back ON hazards (opened_at, id) WHERE status = 'looked_back';
CREATE INDEX hazards_rejected ON hazards (opened_at, id) WHERE status = 'rejected';
CREATE INDEX hazards_by_equipment ON hazards (equipment, opened_at, id);
CREATE INDEX hazards_by_category ON hazards (category, opened_at, id) WHERE category <> '';
CREATE INDEX hazards_by_source ON hazards (source, opened_at, id) WHERE source <> 'telemetry';
CREATE INDEX hazards_major ON hazards (opened_at, id) WHERE grade = 'major';
CREATE INDEX hazards_overdue ON hazards (opened_at, id) WHERE overdue = 1;
CREATE INDEX hazards_listed ON hazards (opened_at, id) WHERE listed IS NOT NULL;
CREATE INDEX hazards_repeated ON hazards (opened_at, id) WHERE repeats > 0;
CREATE INDEX hazards_by_unit ON hazards (unit, opened_at, id) WHERE unit IS NOT NULL;
CREATE INDEX hazards_by_use_unit ON hazards (use_unit, opened_at, id) WHERE use_unit IS NOT NULL;
CREATE INDEX hazards_by_maintainer ON hazards (maintenance_unit, opened_at, id) WHERE maintenance_unit IS NOT NULL;
CREATE INDEX hazards_by_inspector ON hazards (inspection_body, opened_at, id) WHERE inspection_body IS NOT NULL;
CREATE INDEX hazards_by_province ON hazards (substr(area, 1, 2), opened_at, id);
CREATE INDEX hazards_by_city ON hazards (substr(area, 1, 4), opened_at, id);
CREATE INDEX hazards_by_area ON hazards (area, opened_at, id);
CREATE INDEX hazards_due ON hazards (due, id) WHERE due IS NOT NULL;
-- 屡查屡犯: the last of a kind that was struck off.
CREATE INDEX hazards_struck_off_about ON hazards (equipment, category, struck_off_at) WHERE struck_off_at IS NOT NULL;
CREATE INDEX hazards_struck_off_of ON hazards (equipment, rule, struck_off_at) WHERE struck_off_at IS NOT NULL;

CREATE INDEX hazards_struck_off_at ON hazards (use_unit, category, struck_off_at)
    WHERE struck_off_at IS NOT NULL AND use_unit IS NOT NULL;

-- Words, by the order of arrival.
CREATE TABLE hazard_numbers (
    n      INTEGER NOT NULL PRIMARY KEY,
    hazard TEXT    NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE hazard_text USING fts5 (words, content = '', tokenize = 'unicode61');
CREATE TRIGGER hazards_found AFTER INSERT ON hazards WHEN NEW.words IS NOT NULL
BEGIN
    INSERT INTO hazard_numbers (hazard) VALUES (NEW.id);
    INSERT INTO hazard_text (rowid, words)
    SELECT n, NEW.words FROM hazard_numbers WHERE hazard = NEW.id;
    UPDATE hazards SET words = NULL WHERE id = NEW.id;
END;

-- What is there already, character by character.
INSERT INTO hazard_numbers (hazard) SELECT id FROM hazards ORDER BY opened_at, id;
WITH RECURSIVE apart (n, rest, done) AS (
    SELECT n, id || ' ' || equipment || ' ' || rule || ' ' || title_zh || ' ' || title_en || ' ' || clause, ''
    FROM hazards JOIN hazard_numbers ON hazard = id
    UNION ALL
    SELECT n, substr(rest, 2),
           done || CASE WHEN unicode(rest) >= 11904 THEN ' ' || substr(rest, 1, 1) || ' ' ELSE substr(rest, 1, 1) END
    FROM apart WHERE rest <> '')
INSERT INTO hazard_text (rowid, words) SELECT n, done FROM apart WHERE rest = '' ORDER BY n;

-- Files that show something, by the hash of their bytes. The bytes are in the data directory.
CREATE TABLE attachments (
    sha256      TEXT    NOT NULL PRIMARY KEY,
    size        INTEGER NOT NULL,
    media_type  TEXT    NOT NULL,
    name        TEXT    NOT NULL,                -- as first uploaded, for people
    uploaded_at INTEGER NOT NULL,
    uploaded_by TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_newest ON attachments (uploaded_at);
-- Which hazards they were shown with.
CREATE TABLE hazard_attachments (
    sha256 TEXT NOT NULL,
    hazard TEXT NOT NULL REFERENCES hazards (id),
    PRIMARY KEY (sha256, hazard)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER hazard_attachments_no_delete BEFORE DELETE ON hazard_attachments
BEGIN SELECT RAISE(ABORT, 'evidence is kept'); END;
