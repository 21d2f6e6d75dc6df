-- Daily counts that cost as much as there are days, channels and kinds, not as there are inquiries. Closed ones are
-- counted as they come and go (aggregator/store/daily.py); open ones, which are few, when somebody asks.

-- Rows of one key add up: each transaction that closes, reopens or deletes inquiries appends what it changed, in the
-- same transaction. Now and then all are counted anew, into one row for each key.
CREATE TABLE closed_count (
    opened_on DATE NOT NULL,              -- the day of opened_at in the team's time zone
    channel VARCHAR NOT NULL,
    "source" VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    lang VARCHAR NOT NULL,
    backfill BOOLEAN NOT NULL,
    inquiries BIGINT NOT NULL,            -- negative: so many fewer
    answered BIGINT NOT NULL,             -- of these, as in daily_counts
    closed BIGINT NOT NULL,
    key_exposed BIGINT NOT NULL
);

CREATE OR REPLACE VIEW closed_by_day AS
SELECT
    day_of(opened_at, team_zone()) AS opened_on, channel, i."source", kind, lang, backfill, count(*) AS inquiries,
    count(first_answer_at) AS answered, count(closed_at) AS closed, count(*) FILTER (secret) AS key_exposed
FROM inquiry_closed AS i
GROUP BY ALL;

INSERT INTO closed_count FROM closed_by_day;

CREATE OR REPLACE VIEW daily_counts AS
WITH open_by_day AS (
    SELECT
        day_of(opened_at, team_zone()) AS opened_on, channel, i."source", kind, lang, backfill, count(*) AS inquiries,
        count(first_answer_at) AS answered, count(closed_at) AS closed, count(*) FILTER (secret) AS key_exposed
    FROM inquiry_open AS i
    GROUP BY ALL
)
SELECT
    opened_on, channel, c."source", kind, lang, backfill, CAST(sum(inquiries) AS BIGINT) AS inquiries,
    CAST(sum(answered) AS BIGINT) AS answered, CAST(sum(closed) AS BIGINT) AS closed,
    CAST(sum(key_exposed) AS BIGINT) AS key_exposed
FROM (FROM closed_count UNION ALL FROM open_by_day) AS c
GROUP BY ALL
HAVING sum(inquiries) > 0;
COMMENT ON VIEW daily_counts IS 'Inquiries by the day on which they began, where the team is. Quick, however many there are.';
COMMENT ON COLUMN daily_counts.opened_on IS 'The day of their first post.';
COMMENT ON COLUMN daily_counts.channel IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts."source" IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.kind IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.lang IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.backfill IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.inquiries IS 'How many began.';
COMMENT ON COLUMN daily_counts.answered IS 'Of these, answered by now.';
COMMENT ON COLUMN daily_counts.closed IS 'Of these, closed by now.';
COMMENT ON COLUMN daily_counts.key_exposed IS 'Of these, with a recovery phrase or private key in them.';
