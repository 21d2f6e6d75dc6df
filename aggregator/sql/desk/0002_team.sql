-- Which browser a session is, how a colleague likes the feed, keys for programs, and what was changed about people.
ALTER TABLE session ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE user ADD COLUMN density TEXT NOT NULL DEFAULT 'roomy';
ALTER TABLE user ADD COLUMN keys TEXT NOT NULL DEFAULT '{}';
CREATE TABLE token (
    name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE,
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    scopes TEXT NOT NULL, made REAL NOT NULL, used REAL, until REAL
) STRICT;
CREATE TABLE desk_event (
    at REAL NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, whom TEXT NOT NULL, details TEXT NOT NULL
) STRICT;
