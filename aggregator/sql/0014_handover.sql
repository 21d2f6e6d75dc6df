-- What we say of an incident to everybody in it. A row for each version; nothing is changed or deleted.
CREATE TABLE incident_notice (
    incident_id UUID NOT NULL,
    lang VARCHAR NOT NULL,                -- zh, en
    version INTEGER NOT NULL,             -- rises from 1 with every change
    text VARCHAR NOT NULL,                -- with variables of snippets ({name}, {code}); empty: there is none any more
    written_at TIMESTAMPTZ NOT NULL,
    written_by VARCHAR NOT NULL           -- user name
);

-- What a colleague leaves to whoever comes next.
CREATE TABLE handover_note (
    note_id UUID NOT NULL,
    text VARCHAR NOT NULL,
    written_at TIMESTAMPTZ NOT NULL,
    written_by VARCHAR NOT NULL,
    done_at TIMESTAMPTZ,                  -- somebody has read it and put it away
    done_by VARCHAR
);

-- The same news to all who wait for it, in one go: each an answer of its own in the outbox.
ALTER TABLE outbox ADD COLUMN lot UUID;   -- NULL: written for this inquiry alone
CREATE TABLE answer_lot (
    lot UUID NOT NULL,
    incident_id UUID NOT NULL,
    who VARCHAR NOT NULL,
    taken_at TIMESTAMPTZ NOT NULL,        -- with all of its answers, in one transaction
    answers INTEGER NOT NULL              -- how many were taken
);
