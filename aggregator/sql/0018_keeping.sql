-- Keeping house: what was erased, which copies were made, what is left of what was deleted (docs/operations.md).

-- What platforms may list again and is not taken again. Only hashes; nobody's name follows from them.
CREATE TABLE erased (
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,                -- post; account: nothing that it wrote until then; record: one that cannot be read
    erased_at TIMESTAMPTZ NOT NULL
);

-- Copies that left the database, so that an erasure can name those which still hold somebody.
CREATE TABLE copy_made (
    path VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,                -- backup, export
    made_at TIMESTAMPTZ NOT NULL
);

-- Inquiries that were deleted because they had been kept for as long as `retention` says: how many there were.
CREATE TABLE inquiry_count (
    day DATE NOT NULL,                    -- on which they began, in the team's time zone
    channel VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    inquiries BIGINT NOT NULL,
    answered BIGINT NOT NULL,             -- of these
    first_answer_seconds DOUBLE NOT NULL  -- how long they waited for the first answer, in all
);
