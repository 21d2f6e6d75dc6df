-- Queries of analysts (`sql: pushdown`) that ran for longer than `sql.longest`, for the page of connectors and alerts.
CREATE TABLE runaway (
    session VARCHAR NOT NULL,             -- of the analyst's connection, as the protocol calls it
    owner VARCHAR NOT NULL,               -- whose token it was
    seen_at TIMESTAMPTZ NOT NULL,         -- when it was first found to take too long
    seconds DOUBLE NOT NULL,              -- for how long it has run, when it was last looked at
    ended_at TIMESTAMPTZ,                 -- NULL: it runs
    how VARCHAR                           -- ended: by itself; restart: the service began anew
);
