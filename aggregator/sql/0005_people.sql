-- People over channels, and who poses as one of us. docs/people.md

-- What accounts have shown of themselves that may show up elsewhere, too: only hashes, one row for an account and a value.
CREATE TABLE evidence (
    value UUID NOT NULL,                  -- hash of kind and value (aggregator/triage/evidence.py)
    kind VARCHAR NOT NULL,                -- mail, app: vouched for by a platform; tx, address: anyone can quote one
    account_id UUID NOT NULL,
    post_id UUID NOT NULL,                -- the first post with it that we saw
    seen_at TIMESTAMPTZ NOT NULL
);

-- Which accounts are one person, and why: a row for an account and a value that another account shows, too.
CREATE TABLE person_link (
    account_id UUID NOT NULL,
    person_id UUID NOT NULL,              -- the smallest account_id of those that verified evidence makes one person
    contact_id UUID NOT NULL,             -- the same of verified and claimed evidence: for repeat contact and age only
    level VARCHAR NOT NULL,               -- verified, claimed; suggested: only ever stored undone
    kind VARCHAR NOT NULL,                -- of the evidence; name: a name or handle that two accounts share
    value UUID NOT NULL,
    linked_at TIMESTAMPTZ NOT NULL,
    undone_at TIMESTAMPTZ,                -- set: somebody undid it, and it is not made again
    undone_by VARCHAR
);

-- A post by an impostor, or one who lures customers away, that answers somebody who waits for us.
CREATE TABLE approach (
    post_id UUID NOT NULL,
    account_id UUID NOT NULL,             -- who approached
    inquiry_id UUID NOT NULL,             -- who was approached
    approached_at TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,              -- name, role, lure
    withdrawn_at TIMESTAMPTZ              -- somebody said that this account is no impostor
);

ALTER TABLE account ADD COLUMN suspect BOOLEAN;          -- poses as one of us; false: a colleague said that it does not
ALTER TABLE account ADD COLUMN suspect_score DOUBLE;     -- 0-1, how sure
ALTER TABLE account ADD COLUMN suspect_reason VARCHAR;   -- name: as ours; role: as a helpdesk; lure: by what it does
ALTER TABLE account ADD COLUMN suspect_at TIMESTAMPTZ;   -- since when it is so
ALTER TABLE account ADD COLUMN suspect_by VARCHAR;       -- who said so; NULL: we found it

COMMENT ON COLUMN account.person_id IS
    'the person by verified evidence; inquiry.person_id is the account that wrote, and stays so';

-- Accounts that count as one for repeat contact and age.
CREATE VIEW contact AS
SELECT DISTINCT account_id, contact_id FROM person_link WHERE undone_at IS NULL AND level <> 'suggested';

-- Accounts (as person_id of their inquiries) that wait in more than one open inquiry, theirs or their contact's.
-- `first_since`: how long the longest clock of these has been running.
CREATE OR REPLACE VIEW repeat_contact AS
WITH waiting AS (
    SELECT
        coalesce(c.contact_id, own.person_id) AS contact_id,
        CAST(sum(own.inquiries) AS BIGINT) - 1 AS repeats,
        min(own.since) AS first_since
    FROM (
        SELECT person_id, count(*) AS inquiries, min(waiting_since) FILTER (wait_per_hour > 0) AS since
        FROM inquiry_open
        WHERE waiting_since IS NOT NULL
        GROUP BY person_id
    ) AS own
    LEFT JOIN contact AS c ON c.account_id = own.person_id
    WHERE own.inquiries > 1 OR c.contact_id IS NOT NULL
    GROUP BY 1
    HAVING sum(own.inquiries) > 1
)
SELECT coalesce(c.account_id, w.contact_id) AS person_id, w.repeats, w.first_since
FROM waiting AS w LEFT JOIN contact AS c ON c.contact_id = w.contact_id;

-- The same of some inquiries only, much sooner.
CREATE MACRO repeat_contact_of(ids) AS TABLE
WITH theirs AS (
    SELECT DISTINCT i.person_id, coalesce(c.contact_id, i.person_id) AS contact_id
    FROM inquiry_open AS i LEFT JOIN contact AS c ON c.account_id = i.person_id
    WHERE i.rowid IN (SELECT rowid FROM inquiry_open WHERE inquiry_id IN (SELECT unnest(ids)))
), accounts AS (
    SELECT person_id AS account_id, contact_id FROM theirs
    UNION
    SELECT c.account_id, c.contact_id FROM contact AS c SEMI JOIN theirs AS t ON t.contact_id = c.contact_id
)
SELECT t.person_id, count(*) - 1 AS repeats, min(i.waiting_since) FILTER (i.wait_per_hour > 0) AS first_since
FROM inquiry_open AS i
JOIN accounts AS a ON a.account_id = i.person_id
JOIN theirs AS t ON t.contact_id = a.contact_id
WHERE i.waiting_since IS NOT NULL
GROUP BY t.person_id
HAVING count(*) > 1;

-- Inquiries whose customer was approached, and by how many.
CREATE VIEW approached AS
SELECT inquiry_id, count(DISTINCT account_id) AS approaches FROM approach WHERE withdrawn_at IS NULL GROUP BY inquiry_id;

-- Whoever waited elsewhere before has waited since then: what that adds to the waiting points.
CREATE MACRO first_contact_points(wait_per_hour, wait_cap, waiting_since, first_since, moment) AS
    CASE WHEN first_since < waiting_since
        THEN waiting_points(wait_per_hour, wait_cap, first_since, moment)
            - waiting_points(wait_per_hour, wait_cap, waiting_since, moment)
        ELSE 0 END;
CREATE MACRO approached_points(approaches) AS CASE WHEN approaches > 0 THEN 15 ELSE 0 END;
-- From when waiting counts in the priority: the same as adding first_contact_points, computed once.
CREATE MACRO waiting_from(waiting_since, first_since) AS
    CASE WHEN first_since < waiting_since THEN first_since ELSE waiting_since END;

CREATE OR REPLACE MACRO feed_at(moment) AS TABLE
SELECT
    i.*,
    repeats_of(i.waiting_since, r.repeats) AS repeats,
    r.first_since,
    coalesce(a.approaches, 0) AS approaches,
    priority_at(  -- the sum of its terms, not clamped
        i.points, i.wait_per_hour, i.wait_cap, waiting_from(i.waiting_since, r.first_since), i.due_at,
        repeats_of(i.waiting_since, r.repeats), moment
    ) + approached_points(a.approaches) AS priority,
    i.due_at - moment AS time_left                  -- negative once the promise is broken
FROM inquiry_open AS i
LEFT JOIN repeat_contact AS r ON r.person_id = i.person_id
LEFT JOIN approached AS a ON a.inquiry_id = i.inquiry_id;

CREATE OR REPLACE VIEW feed AS FROM feed_at(now());

-- For moderation: accounts that pose as ours or lure customers away, the latest first.
CREATE VIEW impersonator AS
SELECT
    a.account_id, a.space, a.native_id, a.name, a.handle, a.followers, a.suspect_score, a.suspect_reason, a.suspect_at,
    a.suspect_by, count(DISTINCT p.inquiry_id) AS approached, max(p.approached_at) AS last_approach_at
FROM account AS a LEFT JOIN approach AS p ON p.account_id = a.account_id
WHERE a.suspect
GROUP BY ALL
ORDER BY a.suspect_at DESC;
