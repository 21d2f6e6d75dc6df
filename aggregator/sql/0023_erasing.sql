-- An erasure under way, so that it is finished after a kill. Both tables are empty when it is done, and no compaction
-- before that counts for its proof.
CREATE TABLE erasing (
    began_at TIMESTAMPTZ NOT NULL,
    plan VARCHAR NOT NULL,                -- JSON (aggregator/keeping/plan.py): whom, and which words are that person's own
    blacked VARCHAR NOT NULL              -- JSON: values that were blacked out so far, by table
);
CREATE TABLE erasing_post (
    erased_id UUID NOT NULL               -- a post that goes, or has gone; not called post_id, for it stays until the end
);
