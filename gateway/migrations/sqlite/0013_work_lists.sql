-- What somebody is waited for with, beside the state: a look-back that was announced, more time that was asked for.
ALTER TABLE hazards ADD COLUMN look_back_since INTEGER GENERATED ALWAYS AS (
    CASE WHEN status = 'struck_off'
          AND COALESCE(json_extract(fold, '$.handling.look_backs_due'), 0) > COALESCE(json_extract(fold, '$.handling.look_backs'), 0)
    THEN struck_off_at END) VIRTUAL;
ALTER TABLE hazards ADD COLUMN extension_due INTEGER GENERATED ALWAYS AS (
    CASE WHEN status IN ('assigned', 'rectifying') THEN json_extract(fold, '$.handling.extension_request.due') END) VIRTUAL;
CREATE INDEX hazards_to_look_back ON hazards (opened_at, id) WHERE look_back_since IS NOT NULL;
CREATE INDEX hazards_extension ON hazards (opened_at, id) WHERE extension_due IS NOT NULL;
