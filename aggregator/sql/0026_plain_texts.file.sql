-- Texts as they are: DuckDB's own choice (FSST) spares a twentieth of the file, and makes a search through all texts
-- take twice as long, and a thread's texts three times. Of a file only: Parquet has compression of its own.
CREATE TABLE post_anew (
    post_id UUID NOT NULL,
    space VARCHAR NOT NULL,
    native_id VARCHAR NOT NULL,
    alias_id UUID,
    source VARCHAR NOT NULL,
    thread_id UUID NOT NULL,
    account_id UUID,
    reply_to UUID,
    posted_at TIMESTAMPTZ NOT NULL,
    native_order BIGINT NOT NULL,
    edited_at TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    seen_at TIMESTAMPTZ NOT NULL,
    version INTEGER NOT NULL,
    title VARCHAR,
    text VARCHAR USING COMPRESSION uncompressed NOT NULL,
    search_text VARCHAR USING COMPRESSION uncompressed NOT NULL,
    lang VARCHAR NOT NULL,
    public BOOLEAN NOT NULL,
    staff BOOLEAN NOT NULL,
    backfill BOOLEAN NOT NULL,
    permalink VARCHAR,
    can_reply_until TIMESTAMPTZ,
    facts JSON NOT NULL,
    inquiry_id UUID
);
INSERT INTO post_anew FROM post;
DROP TABLE post;
ALTER TABLE post_anew RENAME TO post;
