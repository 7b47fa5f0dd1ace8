-- What a search by words filters by, beside the number of each hazard: narrow rows in the order in which the index of words
-- gives its hits, so that a frequent word with a rare filter looks up each hit in memory and not in the whole fold.
ALTER TABLE hazard_numbers ADD COLUMN equipment TEXT NOT NULL DEFAULT '';
ALTER TABLE hazard_numbers ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hazard_numbers ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE hazard_numbers ADD COLUMN grade TEXT NOT NULL DEFAULT '';
ALTER TABLE hazard_numbers ADD COLUMN severity TEXT NOT NULL DEFAULT '';
ALTER TABLE hazard_numbers ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE hazard_numbers ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE hazard_numbers ADD COLUMN unit TEXT;
ALTER TABLE hazard_numbers ADD COLUMN overdue INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hazard_numbers ADD COLUMN listed TEXT;
ALTER TABLE hazard_numbers ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hazard_numbers ADD COLUMN due INTEGER;
ALTER TABLE hazard_numbers ADD COLUMN look_back_since INTEGER;
ALTER TABLE hazard_numbers ADD COLUMN extension_due INTEGER;
ALTER TABLE hazard_numbers ADD COLUMN use_unit TEXT;
ALTER TABLE hazard_numbers ADD COLUMN maintenance_unit TEXT;
ALTER TABLE hazard_numbers ADD COLUMN inspection_body TEXT;
ALTER TABLE hazard_numbers ADD COLUMN area TEXT NOT NULL DEFAULT '';

UPDATE hazard_numbers SET (equipment, opened_at, status, grade, severity, source, category, unit, overdue, listed, repeats, due,
        look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area) =
    (SELECT equipment, opened_at, status, grade, severity, source, category, unit, overdue, listed, repeats, due,
        look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area FROM hazards WHERE id = hazard_numbers.hazard);

DROP TRIGGER hazards_found;
CREATE TRIGGER hazards_found AFTER INSERT ON hazards WHEN NEW.words IS NOT NULL
BEGIN
    -- Read again: whose it is may have been filled in since.
    INSERT INTO hazard_numbers (hazard, equipment, opened_at, status, grade, severity, source, category, unit, overdue, listed,
            repeats, due, look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area)
        SELECT id, equipment, opened_at, status, grade, severity, source, category, unit, overdue, listed, repeats, due,
            look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area FROM hazards WHERE id = NEW.id;
    INSERT INTO hazard_text (rowid, words)
    SELECT n, NEW.words FROM hazard_numbers WHERE hazard = NEW.id;
    UPDATE hazards SET words = NULL WHERE id = NEW.id;
END;
CREATE TRIGGER hazards_moved AFTER UPDATE OF status, grade, severity, source, category, unit, overdue, listed, repeats, deadline, fold,
    use_unit, maintenance_unit, inspection_body, area ON hazards
BEGIN
    UPDATE hazard_numbers SET (status, grade, severity, source, category, unit, overdue, listed, repeats, due,
            look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area) =
        (NEW.status, NEW.grade, NEW.severity, NEW.source, NEW.category, NEW.unit, NEW.overdue, NEW.listed, NEW.repeats, NEW.due,
            NEW.look_back_since, NEW.extension_due, NEW.use_unit, NEW.maintenance_unit, NEW.inspection_body, NEW.area)
    WHERE hazard = NEW.id;
END;
