-- Whether a sound comes with what is urgent, and with what is a colleague's own. Off unless wanted.
ALTER TABLE user ADD COLUMN sound INTEGER NOT NULL DEFAULT 0;
