-- Incidents: inquiries of several persons about the same thing (docs/incidents.md).
CREATE TABLE incident (
    incident_id UUID NOT NULL,
    number INTEGER NOT NULL,              -- people say INC-7
    state VARCHAR NOT NULL,               -- open; ended; merged: into another one
    fields JSON NOT NULL,                 -- what its reports share: {"feature", "chain": [...], "version": [...], ...}; its name
    began_at TIMESTAMPTZ NOT NULL,        -- when enough had reported it
    ended_at TIMESTAMPTZ,
    end_reason VARCHAR,                   -- quiet; person; merged
    merged_into UUID
);

-- Who reports it. Undone and moved rows stay, with left_at; whoever comes back has a new row.
CREATE TABLE incident_member (
    incident_id UUID NOT NULL,
    inquiry_id UUID NOT NULL,
    person_id UUID NOT NULL,              -- the inquiry's
    reported_at TIMESTAMPTZ NOT NULL,     -- when the post that reports it was written
    joined_at TIMESTAMPTZ NOT NULL,
    why VARCHAR NOT NULL,                 -- fields; similar: the text; reply, thread: "me too" there; person; merged
    left_at TIMESTAMPTZ,
    left_why VARCHAR                      -- person: taken out, and not put in again by itself; split; merged; moved
);

CREATE TABLE incident_event (
    event_id UUID NOT NULL,
    incident_id UUID NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    who VARCHAR NOT NULL,                 -- user name, or 'system'
    what VARCHAR NOT NULL,                -- begin, end, reopen, remove, add, split, merge, unmerge
    details JSON NOT NULL
);

-- What an inquiry reports, if it reports that something is broken: one row each, whether it is in an incident or not.
CREATE TABLE incident_report (
    inquiry_id UUID NOT NULL,
    person_id UUID NOT NULL,
    thread_id UUID NOT NULL,
    reported_at TIMESTAMPTZ NOT NULL,
    fields JSON NOT NULL,                 -- {"feature", "chain", ...} of all its posts; words of ours and names, never theirs
    inherits BOOLEAN NOT NULL,            -- "me too": the feature is of the post that it answers
    sketch BLOB NOT NULL                  -- of its text, for likeness; no text can be read from it
);

-- Persons of each incident: accounts that verified evidence makes one person count once.
CREATE VIEW incident_size AS
SELECT
    m.incident_id,
    count(DISTINCT coalesce(a.person_id, m.person_id)) AS persons,
    count(DISTINCT m.inquiry_id) AS inquiries,
    min(m.reported_at) AS first_at,
    max(m.reported_at) AS last_at
FROM incident_member AS m
LEFT JOIN (  -- only those that are linked: few, beside all accounts
    SELECT account_id, person_id FROM account WHERE person_id <> account_id
) AS a ON a.account_id = m.person_id
WHERE m.left_at IS NULL
GROUP BY m.incident_id;

-- The incident of an inquiry, of several the newest.
CREATE VIEW incident_of AS
SELECT m.inquiry_id, max_by(i.incident_id, i.number) AS incident_id, max(i.number) AS number,
    max_by(s.persons, i.number) AS persons
FROM incident_member AS m
JOIN incident AS i ON i.incident_id = m.incident_id
JOIN incident_size AS s ON s.incident_id = m.incident_id
WHERE m.left_at IS NULL
GROUP BY m.inquiry_id;

-- Joined, not stored: a new report or an undone membership rewrites no inquiry.
CREATE MACRO incident_points(persons) AS CASE WHEN persons > 1 THEN least(20, 6 * log2(persons)) ELSE 0 END;

CREATE OR REPLACE MACRO feed_at(moment) AS TABLE
SELECT
    i.*,
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
    + incident_points(n.persons) AS priority,
    i.due_at - moment AS time_left                  -- negative once the promise is broken
FROM inquiry_open AS i
LEFT JOIN repeat_contact AS r ON r.person_id = i.person_id
LEFT JOIN approached AS a ON a.inquiry_id = i.inquiry_id
LEFT JOIN incident_of AS n ON n.inquiry_id = i.inquiry_id;

CREATE OR REPLACE VIEW feed AS FROM feed_at(now());
