-- What colleagues say of accounts outside of an inquiry: on the page of a person, and on the list of impostors.
CREATE TABLE account_event (
    event_id UUID NOT NULL,
    account_id UUID NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    who VARCHAR NOT NULL,                 -- user name
    what VARCHAR NOT NULL,                -- unlink, link, confirm, prove, clear, suspect, flag, block, unflag
    details JSON NOT NULL
);

ALTER TABLE flag ALTER COLUMN inquiry_id DROP NOT NULL;  -- an account may be blocked that no inquiry has met
COMMENT ON COLUMN evidence.kind IS
    'mail, app: vouched for by a platform; tx, address: anyone can quote one; said, proved: a colleague says so';
