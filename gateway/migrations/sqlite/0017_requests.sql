-- A creation is done once, however often it is asked for: users, API tokens. No secret stands here, nor a hash of one.
CREATE TABLE people_requests (
    key    TEXT    NOT NULL PRIMARY KEY,             -- login of who asked, and key
    at     INTEGER NOT NULL,
    hash   TEXT    NOT NULL,                         -- of what was asked for, without the password
    answer TEXT    NOT NULL                          -- login of the user, id of the token
) STRICT, WITHOUT ROWID;

-- What is said of a risk point, field by field: from what to what.
CREATE TABLE risk_changes (
    n     INTEGER NOT NULL PRIMARY KEY,
    point INTEGER NOT NULL REFERENCES risk_points (n),
    at    INTEGER NOT NULL,
    by    TEXT    NOT NULL,                          -- login
    field TEXT    NOT NULL,
    old   TEXT    NOT NULL,
    new   TEXT    NOT NULL
) STRICT;
CREATE INDEX risk_changes_of ON risk_changes (point, n);
CREATE TRIGGER risk_changes_no_update BEFORE UPDATE ON risk_changes
BEGIN SELECT RAISE(ABORT, 'the history of risk points is append-only'); END;
CREATE TRIGGER risk_changes_no_delete BEFORE DELETE ON risk_changes
BEGIN SELECT RAISE(ABORT, 'the history of risk points is append-only'); END;

-- Counts choices of sheet, head and columns: what is applied is what was looked at.
ALTER TABLE imports ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
