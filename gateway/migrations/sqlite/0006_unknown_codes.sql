-- Codes of controllers that their scheme does not know, until somebody says what they mean.
CREATE TABLE unknown_codes (
    equipment  TEXT    NOT NULL,
    scheme     TEXT    NOT NULL,                 -- '': the equipment names none
    code       TEXT    NOT NULL,                 -- as the controller sent it
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    count      INTEGER NOT NULL,                 -- how often it appeared
    PRIMARY KEY (equipment, scheme, code)
) STRICT, WITHOUT ROWID;
