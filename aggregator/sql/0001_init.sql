-- The tables of one desk. Only what DuckLake knows too: no keys, no constraints but NOT NULL, no sequences, no indexes.
-- Ids are ours: post, thread and account ids are hashes of what the platform calls them (aggregator/identity.py),
-- so a post that two sources see is one row. Times are UTC. A test looks for orphans and doubles.

CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);

-- What the platforms sent, masked; one row for each version of a post that we saw.
CREATE TABLE record (
    post_id UUID NOT NULL,
    version INTEGER NOT NULL,             -- 1, 2, ... in the order in which we saw them
    fetched_at TIMESTAMPTZ NOT NULL,
    source VARCHAR NOT NULL,
    body JSON NOT NULL,                   -- as sent, every string masked
    secrets JSON                          -- [{"kind", "published"}] that were masked in it; NULL: none
);

CREATE TABLE post (
    post_id UUID NOT NULL,
    space VARCHAR NOT NULL,
    native_id VARCHAR NOT NULL,
    alias_id UUID,                        -- a second name by which other posts refer to this one
    source VARCHAR NOT NULL,              -- who saw it first
    thread_id UUID NOT NULL,
    account_id UUID,                      -- NULL: nobody can be named
    reply_to UUID,                        -- post_id or alias_id of the post that it answers
    posted_at TIMESTAMPTZ NOT NULL,
    native_order BIGINT NOT NULL,         -- the platform's order within one second
    edited_at TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    seen_at TIMESTAMPTZ NOT NULL,         -- when we first read it
    version INTEGER NOT NULL,
    title VARCHAR,
    text VARCHAR NOT NULL,                -- masked
    search_text VARCHAR NOT NULL,         -- NFKC, lower case
    lang VARCHAR NOT NULL,
    public BOOLEAN NOT NULL,
    staff BOOLEAN NOT NULL,               -- we said it
    backfill BOOLEAN NOT NULL,            -- older than the source's live_since, or imported
    permalink VARCHAR,
    can_reply_until TIMESTAMPTZ,
    facts JSON NOT NULL,                  -- kind, reasons, secrets, entities, guessed fields
    inquiry_id UUID                       -- the inquiry it belongs to, or that it answers; NULL: none
);

CREATE TABLE post_count (
    post_id UUID NOT NULL,
    counted_at TIMESTAMPTZ NOT NULL,
    likes BIGINT,
    replies BIGINT,
    shares BIGINT,
    views BIGINT
);

-- Further sources that saw a post, and when first.
CREATE TABLE sighting (post_id UUID NOT NULL, source VARCHAR NOT NULL, seen_at TIMESTAMPTZ NOT NULL);

-- Records that could not be read, kept for `aggregator replay`.
CREATE TABLE rejected_record (
    rejected_id UUID NOT NULL,
    source VARCHAR NOT NULL,
    fetched_at TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,
    body JSON,                            -- masked; NULL: it held a secret and could not be parsed
    secrets JSON,
    size BIGINT NOT NULL,                 -- bytes
    resolved_at TIMESTAMPTZ               -- when a replay could read it
);

CREATE TABLE account (
    account_id UUID NOT NULL,
    space VARCHAR NOT NULL,
    native_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    handle VARCHAR,
    followers BIGINT,
    role VARCHAR NOT NULL,                -- customer, staff, official, bot
    person_id UUID NOT NULL
);

-- Open inquiries are hot, closed ones are history; the same columns in both.
CREATE TABLE inquiry_open (
    inquiry_id UUID NOT NULL,
    code VARCHAR NOT NULL,                -- what people say to one another: 7 letters of base32
    source VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    thread_id UUID NOT NULL,
    person_id UUID NOT NULL,
    state VARCHAR NOT NULL,               -- new, claimed, answered, closed; 0009_states.sql adds waiting and snoozed
    owner VARCHAR,                        -- user name of the colleague who claimed it
    opened_at TIMESTAMPTZ NOT NULL,       -- its first post
    last_post_at TIMESTAMPTZ NOT NULL,    -- its newest post by the customer
    waiting_since TIMESTAMPTZ,            -- the oldest post that nobody answered; NULL: nobody waits
    first_answer_at TIMESTAMPTZ,
    answered_at TIMESTAMPTZ,              -- our newest answer
    due_at TIMESTAMPTZ,                   -- when the promise of an answer runs out; NULL: no clock runs
    closed_at TIMESTAMPTZ,
    close_reason VARCHAR,
    seen_at TIMESTAMPTZ NOT NULL,         -- when we read its newest post by the customer
    posts INTEGER NOT NULL,               -- by the customer, deleted ones included
    asked INTEGER NOT NULL,               -- how often the customer asked since the last answer
    kind VARCHAR NOT NULL,
    lang VARCHAR NOT NULL,
    public BOOLEAN NOT NULL,
    backfill BOOLEAN NOT NULL,
    secret BOOLEAN NOT NULL,              -- a key or phrase was exposed
    thanks BOOLEAN NOT NULL,              -- the customer's last word was thanks: propose closing
    deleted INTEGER NOT NULL,             -- posts that their author or the platform deleted
    lead_post_id UUID NOT NULL,           -- the post that weighs most; excerpt and lang are its
    title VARCHAR,
    excerpt VARCHAR NOT NULL,             -- at most 160 characters of the leading post
    permalink VARCHAR,
    reasons JSON NOT NULL,                -- why: see view reason. In the row, since it changes and is read with it
    points DOUBLE NOT NULL,               -- sum of the reasons that do not depend on time or other rows
    wait_per_hour DOUBLE NOT NULL,        -- points for each hour since waiting_since ...
    wait_cap DOUBLE NOT NULL,             -- ... at most
    scoring_version INTEGER NOT NULL,
    ver INTEGER NOT NULL                  -- rises with every change; writes compare it
);
CREATE TABLE inquiry_closed AS FROM inquiry_open;

CREATE TABLE inquiry_event (
    event_id UUID NOT NULL,
    inquiry_id UUID NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    who VARCHAR NOT NULL,                 -- user name, or 'system'
    what VARCHAR NOT NULL,                -- claim, release, close, reopen; by now all of EventKind (aggregator/inquiry.py)
    details JSON NOT NULL
);

CREATE TABLE source_state (
    source VARCHAR NOT NULL,
    space VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,
    cursor JSON,
    fence BIGINT NOT NULL,                -- rises with each page; two collectors can never both commit
    backfill_from TIMESTAMPTZ NOT NULL,   -- posts older than this are not asked for
    live_since TIMESTAMPTZ                -- its first start (anew, where it is pointed elsewhere): older posts are backfill
);

-- For which times we can vouch for a source, and for which we cannot.
CREATE TABLE coverage (
    source VARCHAR NOT NULL,
    from_at TIMESTAMPTZ NOT NULL,
    to_at TIMESTAMPTZ NOT NULL,
    state VARCHAR NOT NULL,               -- complete, gap (may still be fetched), refetched (was one), lost (no longer given)
    reason VARCHAR NOT NULL
);

CREATE TABLE source_health (
    source VARCHAR NOT NULL,
    state VARCHAR NOT NULL,               -- ok, silent, failing, stopped, paused
    message VARCHAR NOT NULL,             -- for the person who must act
    failures INTEGER NOT NULL,            -- in a row
    polled_at TIMESTAMPTZ,
    next_at TIMESTAMPTZ,
    warnings JSON NOT NULL
);

-- Points that depend on the moment. One definition for feed, API and notebooks.
CREATE MACRO waiting_points(i, moment) AS
    coalesce(least(i.wait_cap, i.wait_per_hour * greatest(0, epoch(moment) - epoch(i.waiting_since)) / 3600), 0);
CREATE MACRO overdue_points(i, moment) AS
    CASE WHEN moment > i.due_at THEN least(20, 8 + 2 * (epoch(moment) - epoch(i.due_at)) / 3600) ELSE 0 END;
-- `repeats`: other inquiries of the same person that wait for us, too.
CREATE MACRO repeat_points(repeats) AS least(16, 8 * coalesce(repeats, 0));
CREATE MACRO priority_at(i, repeats, moment) AS
    i.points + waiting_points(i, moment) + overdue_points(i, moment) + repeat_points(repeats);

CREATE VIEW inquiry AS FROM inquiry_open UNION ALL BY NAME FROM inquiry_closed;

-- Why: one row for each term of an inquiry's priority. Never words: a span (Python offsets) of a masked post.
CREATE VIEW reason AS
SELECT
    inquiry_id,
    unnest(
        from_json(
            reasons,
            '[{"rule": "VARCHAR", "version": "INTEGER", "points": "DOUBLE", "per_hour": "DOUBLE", "cap": "DOUBLE",
               "since": "TIMESTAMPTZ", "post_id": "UUID", "start": "INTEGER", "end": "INTEGER"}]'
        ),
        recursive := true
    )
FROM inquiry;

-- Persons who wait in more than one open inquiry.
CREATE VIEW repeat_contact AS
SELECT person_id, count(*) - 1 AS repeats
FROM inquiry_open
WHERE waiting_since IS NOT NULL
GROUP BY person_id
HAVING count(*) > 1;

-- The review feed at a moment: open inquiries with their priority, most pressing first when ordered by it.
CREATE MACRO feed_at(moment) AS TABLE
SELECT
    i.*,
    coalesce(r.repeats, 0) AS repeats,
    priority_at(i, r.repeats, moment) AS priority,  -- the sum of its terms, not clamped
    i.due_at - moment AS time_left                  -- negative once the promise is broken
FROM inquiry_open AS i
LEFT JOIN repeat_contact AS r ON r.person_id = i.person_id AND i.waiting_since IS NOT NULL;

-- For analysts only; our own code always binds the time.
CREATE VIEW feed AS FROM feed_at(now());
