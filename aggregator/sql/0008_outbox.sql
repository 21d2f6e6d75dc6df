-- Answers that colleagues write here, on their way to the platforms (docs/replying.md). An answer is sent once.
CREATE TABLE outbox (
    outbox_id UUID NOT NULL,              -- rises with time: answers of one source are sent in this order
    inquiry_id UUID NOT NULL,
    thread_id UUID NOT NULL,
    post_id UUID NOT NULL,                -- the customer's post that it answers
    "source" VARCHAR NOT NULL,            -- through whose connector
    who VARCHAR NOT NULL,                 -- user name
    text VARCHAR NOT NULL,                -- as written; one that holds a secret is never taken
    key VARCHAR NOT NULL,                 -- made once: what a platform takes as a client's message id
    state VARCHAR NOT NULL,               -- held; sending: from before the call until its outcome; sent; refused; unknown; undone
    written_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,          -- held: until when it can be undone, or when it is tried again
    tries INTEGER NOT NULL,               -- attempts that surely sent nothing are repeated
    began_at TIMESTAMPTZ,                 -- the first attempt
    ended_at TIMESTAMPTZ,                 -- sent, refused, unknown or undone since
    why VARCHAR,                          -- refused, or held again after an attempt: connectors.replying.Why
    detail VARCHAR,                       -- what the platform said about it
    looked VARCHAR,                       -- unknown: 'absent' or 'cannot tell', as the platform said
    native_id VARCHAR,                    -- sent: what the platform calls it
    sent_post_id UUID,                    -- sent: the post that it is, or will be once it comes back
    arrived_at TIMESTAMPTZ,               -- when that post came back by polling
    permalink VARCHAR,
    pending BOOLEAN NOT NULL,             -- sent, but shown only once a moderator has let it through
    settled_at TIMESTAMPTZ,               -- refused or unknown, and a colleague has dealt with it
    settled_by VARCHAR
);
