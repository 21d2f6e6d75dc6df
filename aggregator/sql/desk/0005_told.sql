-- What colleagues were told, so that it reaches those, too, who had no page open; kept for thirty days.
CREATE TABLE told (
    id INTEGER PRIMARY KEY, user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    at REAL NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL, inquiry BLOB, code TEXT NOT NULL, n INTEGER NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX told_to ON told (user, read);
-- When each was last seen at the desk, and when the stretch of work before this one ended. NULL: there was none.
CREATE TABLE stretch (
    user TEXT PRIMARY KEY REFERENCES user (name) ON DELETE CASCADE, seen REAL NOT NULL, left REAL
) STRICT, WITHOUT ROWID;
