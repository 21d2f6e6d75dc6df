-- What others are told (docs/alerts.md): our webhooks, and alerts. Written in the transaction of what it tells.
CREATE TABLE delivery (
    delivery_id UUID NOT NULL,            -- rises with time; a webhook's receiver knows repeated deliveries by it
    target VARCHAR NOT NULL,              -- 'webhook:NAME' or 'alert:NAME', as connectors.yaml calls them
    event VARCHAR NOT NULL,               -- aggregator.config.alert_settings.Event
    subject VARCHAR NOT NULL,             -- id of the inquiry or incident, or a source's name
    body VARCHAR NOT NULL,                -- JSON: what is sent, masked; empty once it has ended
    unless_taken BOOLEAN NOT NULL,        -- moot as soon as somebody has taken the inquiry
    state VARCHAR NOT NULL,               -- due; done; given_up; moot
    written_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,          -- when it is sent: later in quiet hours, for an escalation, after a failure
    tries INTEGER NOT NULL,
    why VARCHAR,                          -- what the last attempt met
    ended_at TIMESTAMPTZ
);

-- States that were noticed, so that each is told once.
CREATE TABLE noticed (
    key VARCHAR NOT NULL,                 -- what, a colon, and the id of what is in this state
    level DOUBLE NOT NULL,                -- how far: a band (P0 is 3), the persons of an incident, when a clock runs out
    noticed_at TIMESTAMPTZ NOT NULL
);
