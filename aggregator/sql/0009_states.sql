-- What colleagues can do with an inquiry (docs/acting.md).
ALTER TABLE inquiry_open ADD COLUMN snoozed_until TIMESTAMPTZ;  -- NULL unless state is snoozed
ALTER TABLE inquiry_closed ADD COLUMN snoozed_until TIMESTAMPTZ;
ALTER TABLE inquiry_open ADD COLUMN tags VARCHAR;               -- by commas, in order of letters; NULL: none
ALTER TABLE inquiry_closed ADD COLUMN tags VARCHAR;
-- What a colleague set instead of the computed band: the priority is kept within these. NULL: no limit.
ALTER TABLE inquiry_open ADD COLUMN at_least DOUBLE;
ALTER TABLE inquiry_closed ADD COLUMN at_least DOUBLE;
ALTER TABLE inquiry_open ADD COLUMN at_most DOUBLE;
ALTER TABLE inquiry_closed ADD COLUMN at_most DOUBLE;
ALTER TABLE inquiry_open ADD COLUMN band_by VARCHAR;            -- who set it
ALTER TABLE inquiry_closed ADD COLUMN band_by VARCHAR;

COMMENT ON COLUMN inquiry_open.state IS 'new, claimed, waiting (for the customer), answered, snoozed';
COMMENT ON COLUMN inquiry_open.waiting_since IS
    'since when somebody waits for us, without the time in which we waited for the customer; NULL: nobody does';

-- For undo and audit; events of before have none of these.
ALTER TABLE inquiry_event ADD COLUMN ver INTEGER;               -- of the inquiry after it
ALTER TABLE inquiry_event ADD COLUMN batch UUID;                -- what was done to many at once
ALTER TABLE inquiry_event ADD COLUMN before JSON;               -- what it changed: {"state": "new", ...}
ALTER TABLE inquiry_event ADD COLUMN after JSON;
COMMENT ON COLUMN inquiry_event.what IS
    'claim, take, assign, release, wait, snooze, wake, close, reopen, reply, label, band, undo; and, with nothing in the '
    'row of the inquiry: note, merge, part, flag, unflag, unlink, link, clear, suspect';

-- Links and accounts that a colleague wants a lead to look at.
CREATE TABLE flag (
    flag_id UUID NOT NULL,
    kind VARCHAR NOT NULL,                -- link, account
    target VARCHAR NOT NULL,              -- the address, or the account_id
    inquiry_id UUID NOT NULL,             -- where it was seen
    flagged_at TIMESTAMPTZ NOT NULL,
    flagged_by VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    state VARCHAR NOT NULL,               -- open; blocked, harmless: what a lead said; withdrawn
    decided_at TIMESTAMPTZ,
    decided_by VARCHAR
);

-- Whoever slept until then is awake, though nobody may have written it down yet.
CREATE MACRO state_at(state, owner, snoozed_until, moment) AS
    CASE WHEN state = 'snoozed' AND snoozed_until <= moment
        THEN CASE WHEN owner IS NULL THEN 'new' ELSE 'claimed' END
        ELSE state END;
CREATE MACRO within_band(computed, at_least, at_most) AS
    least(at_most, greatest(at_least, computed));  -- what is NULL does not count

CREATE OR REPLACE VIEW inquiry AS FROM inquiry_open UNION ALL BY NAME FROM inquiry_closed;

CREATE OR REPLACE MACRO feed_at(moment) AS TABLE
SELECT f.*, within_band(f.computed, f.at_least, f.at_most) AS priority
FROM (SELECT
    i.* REPLACE (state_at(i.state, i.owner, i.snoozed_until, moment) AS state),
    repeats_of(i.waiting_since, r.repeats) AS repeats,
    r.first_since,
    coalesce(a.approaches, 0) AS approaches,
    n.incident_id,
    n.number AS incident_number,
    coalesce(n.persons, 0) AS incident_persons,
    priority_at(  -- the sum of its terms, not clamped
        i.points, i.wait_per_hour, i.wait_cap, waiting_from(i.waiting_since, r.first_since), i.due_at,
        repeats_of(i.waiting_since, r.repeats), moment
    ) + approached_points(a.approaches)
    + incident_points(n.persons) AS computed,
    i.due_at - moment AS time_left                  -- negative once the promise is broken
FROM inquiry_open AS i
LEFT JOIN repeat_contact AS r ON r.person_id = i.person_id
LEFT JOIN approached AS a ON a.inquiry_id = i.inquiry_id
LEFT JOIN incident_of AS n ON n.inquiry_id = i.inquiry_id) AS f;

CREATE OR REPLACE VIEW feed AS FROM feed_at(now());
