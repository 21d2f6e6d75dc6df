-- What else is kept about a source.
ALTER TABLE source_state ADD COLUMN quota JSON;    -- {"left", "limit", "resets_at"} as the platform last told; NULL: it does not count
ALTER TABLE source_state ADD COLUMN rhythm JSON;   -- when posts arrive here, as far as we have learned (aggregator/tempo.py)
ALTER TABLE source_state ADD COLUMN passed_over BIGINT DEFAULT 0;  -- posts that include/exclude kept out of the feed
COMMENT ON COLUMN coverage.state IS
    'complete; gap: may still be fetched; doubt: an unusual silence; refetched: was one of these; lost: no longer given';
