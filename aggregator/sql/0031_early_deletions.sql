-- Deletions of posts that nobody has told us of yet: of two calls the second may come first. Kept for some days.
CREATE TABLE early_deletion (
    post_id UUID NOT NULL,                -- or its alias, where the platform names that
    deleted_at TIMESTAMPTZ NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL
);
