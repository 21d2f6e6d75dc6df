-- What a colleague has written and not sent, one row for each inquiry; `version` rises with every change.
CREATE TABLE draft (
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE, inquiry BLOB NOT NULL,
    version INTEGER NOT NULL, text TEXT NOT NULL, saved REAL NOT NULL,
    PRIMARY KEY (user, inquiry)
) STRICT, WITHOUT ROWID;
-- Texts that gave way to another one, to be taken back: written in another tab, emptied, or sent.
CREATE TABLE draft_kept (
    kept INTEGER PRIMARY KEY, user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE, inquiry BLOB NOT NULL,
    text TEXT NOT NULL, saved REAL NOT NULL, why TEXT NOT NULL
) STRICT;
CREATE INDEX draft_kept_of ON draft_kept (user, inquiry);
-- Texts to be used again. `owner` NULL: everybody's. `origin`: the one of snippets.yaml that this stands for. `kinds` are
-- names with a comma between them. `deleted`: since when, until nobody can want it back.
CREATE TABLE snippet (
    id TEXT PRIMARY KEY, owner TEXT REFERENCES user (name) ON DELETE CASCADE, origin TEXT, name TEXT NOT NULL,
    lang TEXT NOT NULL, kinds TEXT NOT NULL, text TEXT NOT NULL, changed REAL NOT NULL, changed_by TEXT NOT NULL,
    deleted REAL
) STRICT;
