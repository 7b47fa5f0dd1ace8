-- Lists of hazards are filtered in `hazard_numbers`, whose rows are narrow, and never in `hazards`, whose rows hold a whole
-- fold each: with a million hazards a rare combination of filters is found in one walk over an index that has every
-- filter as a column. The wide table keeps the indices the rules and the clock need.
ALTER TABLE hazard_numbers ADD COLUMN struck_off_at INTEGER;
UPDATE hazard_numbers SET struck_off_at = (SELECT struck_off_at FROM hazards WHERE id = hazard_numbers.hazard);

DROP TRIGGER hazards_found;
CREATE TRIGGER hazards_found AFTER INSERT ON hazards
BEGIN
    -- Read again: whose it is may have been filled in since.
    INSERT INTO hazard_numbers (hazard, equipment, opened_at, status, grade, severity, source, category, unit, overdue, listed,
            repeats, due, look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area, struck_off_at)
        SELECT id, equipment, opened_at, status, grade, severity, source, category, unit, overdue, listed, repeats, due,
            look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area, struck_off_at
        FROM hazards WHERE id = NEW.id;
    INSERT INTO hazard_text (rowid, words)
    SELECT n, NEW.words FROM hazard_numbers WHERE hazard = NEW.id AND NEW.words IS NOT NULL;
    UPDATE hazards SET words = NULL WHERE id = NEW.id AND words IS NOT NULL;
END;
DROP TRIGGER hazards_moved;
CREATE TRIGGER hazards_moved AFTER UPDATE OF status, grade, severity, source, category, unit, overdue, listed, repeats, deadline, fold,
    struck_off_at, use_unit, maintenance_unit, inspection_body, area ON hazards
BEGIN
    -- Most steps change none of it: its indices are left alone then.
    UPDATE hazard_numbers SET (status, grade, severity, source, category, unit, overdue, listed, repeats, due,
            look_back_since, extension_due, use_unit, maintenance_unit, inspection_body, area, struck_off_at) =
        (NEW.status, NEW.grade, NEW.severity, NEW.source, NEW.category, NEW.unit, NEW.overdue, NEW.listed, NEW.repeats, NEW.due,
            NEW.look_back_since, NEW.extension_due, NEW.use_unit, NEW.maintenance_unit, NEW.inspection_body, NEW.area,
            NEW.struck_off_at)
    WHERE hazard = NEW.id
      AND (status, grade, severity, source, category, unit, overdue, listed, repeats, due, look_back_since, extension_due,
            use_unit, maintenance_unit, inspection_body, area, struck_off_at) IS NOT
        (NEW.status, NEW.grade, NEW.severity, NEW.source, NEW.category, NEW.unit, NEW.overdue, NEW.listed, NEW.repeats, NEW.due,
            NEW.look_back_since, NEW.extension_due, NEW.use_unit, NEW.maintenance_unit, NEW.inspection_body, NEW.area,
            NEW.struck_off_at);
END;

DROP INDEX hazards_newest;
DROP INDEX hazards_open;
DROP INDEX hazards_open_of;
DROP INDEX hazards_suspected;
DROP INDEX hazards_confirmed;
DROP INDEX hazards_assigned;
DROP INDEX hazards_rectifying;
DROP INDEX hazards_self_checked;
DROP INDEX hazards_accepted;
DROP INDEX hazards_struck_off;
DROP INDEX hazards_looked_back;
DROP INDEX hazards_rejected;
DROP INDEX hazards_by_category;
DROP INDEX hazards_by_source;
DROP INDEX hazards_major;
DROP INDEX hazards_overdue;
DROP INDEX hazards_listed;
DROP INDEX hazards_repeated;
DROP INDEX hazards_by_unit;
DROP INDEX hazards_by_use_unit;
DROP INDEX hazards_by_maintainer;
DROP INDEX hazards_by_inspector;
DROP INDEX hazards_by_province;
DROP INDEX hazards_by_city;
DROP INDEX hazards_by_area;
DROP INDEX hazards_due;
DROP INDEX hazards_results;
DROP INDEX hazards_to_look_back;
DROP INDEX hazards_extension;

-- What many may have: every filter is a column of these.
CREATE INDEX found_newest ON hazard_numbers (opened_at, hazard, status, grade, severity, source, category, area, unit, overdue,
    listed, repeats, due, look_back_since, extension_due, use_unit, maintenance_unit, inspection_body);
CREATE INDEX found_struck_off ON hazard_numbers (struck_off_at, hazard, status, grade, severity, source, category, area, unit,
    overdue, listed, repeats, use_unit, maintenance_unit, inspection_body) WHERE struck_off_at IS NOT NULL;
CREATE INDEX found_used ON hazard_numbers (use_unit, opened_at, hazard, status, grade, severity, source, category, area, unit,
    overdue, listed, repeats, due, look_back_since, extension_due) WHERE use_unit IS NOT NULL;
CREATE INDEX found_maintained ON hazard_numbers (maintenance_unit, opened_at, hazard, status, grade, severity, source, category,
    area, unit, overdue, listed, repeats, due, look_back_since, extension_due, use_unit) WHERE maintenance_unit IS NOT NULL;
CREATE INDEX found_inspected ON hazard_numbers (inspection_body, opened_at, hazard, status, grade, severity, source, category,
    area, unit, overdue, listed, repeats, due, look_back_since, extension_due, use_unit) WHERE inspection_body IS NOT NULL;
CREATE INDEX found_area ON hazard_numbers (area, opened_at, hazard, status, grade, severity, source, category, unit, overdue,
    listed, repeats, due, look_back_since, extension_due, use_unit);
CREATE INDEX found_open_of ON hazard_numbers (equipment, severity, status, grade, overdue, repeats, area, use_unit,
    maintenance_unit, inspection_body)
    WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted');
-- What few have: they are looked up.
CREATE INDEX found_equipment ON hazard_numbers (equipment, opened_at, hazard);
CREATE INDEX found_unit ON hazard_numbers (unit, opened_at, hazard) WHERE unit IS NOT NULL;
CREATE INDEX found_category ON hazard_numbers (category, opened_at, hazard) WHERE category <> '';
CREATE INDEX found_source ON hazard_numbers (source, opened_at, hazard) WHERE source <> 'telemetry';
CREATE INDEX found_status ON hazard_numbers (status, opened_at, hazard) WHERE status <> 'closed';
CREATE INDEX found_open ON hazard_numbers (opened_at, hazard)
    WHERE status IN ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted');
CREATE INDEX found_overdue ON hazard_numbers (opened_at, hazard) WHERE overdue = 1;
CREATE INDEX found_listed ON hazard_numbers (opened_at, hazard) WHERE listed IS NOT NULL;
CREATE INDEX found_repeated ON hazard_numbers (opened_at, hazard) WHERE repeats > 0;
CREATE INDEX found_due ON hazard_numbers (due, hazard) WHERE due IS NOT NULL;
CREATE INDEX found_look_back ON hazard_numbers (opened_at, hazard) WHERE look_back_since IS NOT NULL;
CREATE INDEX found_extension ON hazard_numbers (opened_at, hazard) WHERE extension_due IS NOT NULL;

-- The same for risks: what one unit has may be much, and ranks are filtered by any of their parts.
DROP INDEX risk_points_used;
CREATE INDEX risk_points_used ON risk_points (use_unit, n, retired_at, level, tier, area, next_check, failing, reassess_on);
DROP INDEX risk_points_maintained;
CREATE INDEX risk_points_maintained ON risk_points (maintenance_unit, n, retired_at, level, tier, area, use_unit, next_check,
    failing, reassess_on);
DROP INDEX risk_points_inspected;
CREATE INDEX risk_points_inspected ON risk_points (inspection_body, n, retired_at, level, tier, area, use_unit, next_check,
    failing, reassess_on);
DROP INDEX risk_measures_used;
CREATE INDEX risk_measures_used ON risk_measures (use_unit, next_check, n, kind, last_result, area) WHERE retired_at IS NULL;
DROP INDEX risk_measures_maintained;
CREATE INDEX risk_measures_maintained ON risk_measures (maintenance_unit, next_check, n, kind, last_result, area, use_unit)
    WHERE retired_at IS NULL;
DROP INDEX risk_measures_inspected;
CREATE INDEX risk_measures_inspected ON risk_measures (inspection_body, next_check, n, kind, last_result, area, use_unit)
    WHERE retired_at IS NULL;
DROP INDEX risk_ranks_order;
CREATE INDEX risk_ranks_order ON risk_ranks (subject, score DESC, id, area, use_unit, maintenance_unit, inspection_body,
    red_points, orange_points, yellow_points, blue_points, not_assessed, failed_controls, overdue_checks, major_hazards,
    general_hazards, overdue_hazards, repeat_hazards, overdue_inspections, findings, high_alarms, low_alarms, silence);
