-- Who works here (SQLite). Times are Unix seconds; tokens are stored as hashes.
CREATE TABLE user (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, salt BLOB, hash BLOB, lang TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT 'system', shortcuts INTEGER NOT NULL DEFAULT 1,
    failures INTEGER NOT NULL DEFAULT 0, locked_until REAL NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE session (
    hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    began REAL NOT NULL, used REAL NOT NULL
) STRICT;
CREATE TABLE link (
    hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE, until REAL NOT NULL
) STRICT;
CREATE TABLE read_mark (
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE, inquiry BLOB NOT NULL, seen REAL NOT NULL,
    PRIMARY KEY (user, inquiry)
) STRICT, WITHOUT ROWID;
