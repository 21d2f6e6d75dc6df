-- What kind of trouble a source has, for the sentence that says what happens next (connectors/errors.py, `kind`).
ALTER TABLE source_health ADD COLUMN trouble VARCHAR;  -- refused, gone, unreadable, broken, throttled, transient, forgotten; NULL: none, or not known
