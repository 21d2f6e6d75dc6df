-- Saved views: a name for an address of the feed. Everybody sees the shared ones; only their owner changes them.
CREATE TABLE view (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    query TEXT NOT NULL,                      -- as in the address, without the question mark
    shared INTEGER NOT NULL DEFAULT 0,
    saved REAL NOT NULL,
    UNIQUE (user, name)
) STRICT;
-- When somebody first had an inquiry before them, for "who saw it when". Kept as long as the read marks are.
CREATE TABLE first_look (
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE, inquiry BLOB NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (inquiry, user)
) STRICT, WITHOUT ROWID;
