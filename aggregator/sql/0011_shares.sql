-- What comes from outside counts in proportion to what is at stake. Waiting, overdue and repeat contact: six tenths for
-- what is slight, in full from 60 points on. And anything less again, the nearer the inquiry stands to the top without
-- it: so nothing but an emergency stands there. All of it is at most 50 (12 + 12 + 6 + 8 + 12), and 50 times the fall is
-- no more than the rise of the points themselves: beside the same circumstances the graver one never ranks lower.
CREATE MACRO room_of(points) AS greatest(0.1, least(1, (110 - points) / 50));
CREATE MACRO share_of(points) AS least(room_of(points), greatest(0.6, points / 60));
CREATE OR REPLACE MACRO overdue_points(due_at, moment) AS
    CASE WHEN moment > due_at THEN least(12, 8 + (epoch(moment) - epoch(due_at)) / 3600) ELSE 0 END;
CREATE OR REPLACE MACRO repeat_points(repeats) AS least(6, 3 * coalesce(repeats, 0));
CREATE OR REPLACE MACRO approached_points(approaches) AS CASE WHEN approaches > 0 THEN 8 ELSE 0 END;
CREATE OR REPLACE MACRO incident_points(persons) AS CASE WHEN persons > 1 THEN least(12, 4 * log2(persons)) ELSE 0 END;
CREATE OR REPLACE MACRO priority_at(points, wait_per_hour, wait_cap, waiting_since, due_at, repeats, moment) AS
    points + share_of(points) * (
        waiting_points(wait_per_hour, wait_cap, waiting_since, moment) + overdue_points(due_at, moment)
        + repeat_points(repeats)
    );

-- Who only chats waits for nobody: that is no second place in which somebody waits.
CREATE OR REPLACE VIEW repeat_contact AS
WITH waiting AS (
    SELECT
        coalesce(c.contact_id, own.person_id) AS contact_id,
        CAST(sum(own.inquiries) AS BIGINT) - 1 AS repeats,
        min(own.since) AS first_since
    FROM (
        SELECT person_id, count(*) AS inquiries, min(waiting_since) FILTER (wait_per_hour > 0) AS since
        FROM inquiry_open
        WHERE waiting_since IS NOT NULL AND kind <> 'other'
        GROUP BY person_id
    ) AS own
    LEFT JOIN contact AS c ON c.account_id = own.person_id
    WHERE own.inquiries > 1 OR c.contact_id IS NOT NULL
    GROUP BY 1
    HAVING sum(own.inquiries) > 1
)
SELECT coalesce(c.account_id, w.contact_id) AS person_id, w.repeats, w.first_since
FROM waiting AS w LEFT JOIN contact AS c ON c.contact_id = w.contact_id;

CREATE OR REPLACE MACRO repeat_contact_of(ids) AS TABLE
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
WHERE i.waiting_since IS NOT NULL AND i.kind <> 'other'
GROUP BY t.person_id
HAVING count(*) > 1;

CREATE OR REPLACE MACRO repeats_of(waiting_since, kind, repeats) AS
    CASE WHEN waiting_since IS NULL OR kind = 'other' THEN 0 ELSE coalesce(repeats, 0) END;

CREATE OR REPLACE MACRO feed_at(moment) AS TABLE
SELECT f.*, within_band(f.computed, f.at_least, f.at_most) AS priority
FROM (SELECT
    i.* REPLACE (state_at(i.state, i.owner, i.snoozed_until, moment) AS state),
    repeats_of(i.waiting_since, i.kind, r.repeats) AS repeats,
    r.first_since,
    coalesce(a.approaches, 0) AS approaches,
    n.incident_id,
    n.number AS incident_number,
    coalesce(n.persons, 0) AS incident_persons,
    priority_at(  -- the sum of its terms, not clamped
        i.points, i.wait_per_hour, i.wait_cap, waiting_from(i.waiting_since, r.first_since), i.due_at,
        repeats_of(i.waiting_since, i.kind, r.repeats), moment
    ) + room_of(i.points) * (approached_points(a.approaches) + incident_points(n.persons)) AS computed,
    i.due_at - moment AS time_left                  -- negative once the promise is broken
FROM inquiry_open AS i
LEFT JOIN repeat_contact AS r ON r.person_id = i.person_id
LEFT JOIN approached AS a ON a.inquiry_id = i.inquiry_id
LEFT JOIN incident_of AS n ON n.inquiry_id = i.inquiry_id) AS f;

CREATE OR REPLACE VIEW feed AS FROM feed_at(now());
