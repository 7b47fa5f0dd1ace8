-- Lists and counts of what is open, read from indexes alone: among 50,000 hazards a page would otherwise look up every
-- open one in the table.
CREATE INDEX hazards_open ON hazards (opened_at, id, severity) WHERE status IN ('suspected', 'confirmed');
CREATE INDEX hazards_open_of ON hazards (equipment, severity, status, grade)
    WHERE status IN ('suspected', 'confirmed');
DROP INDEX alarms_standing;
CREATE INDEX alarms_standing ON alarms (severity, changed, class, state) WHERE state <> 'normal';
