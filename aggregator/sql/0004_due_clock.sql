-- Which promise runs out at due_at: first_answer or next_answer (the channel's times), or promise (one of ours, in words).
ALTER TABLE inquiry_open ADD COLUMN due_clock VARCHAR;
ALTER TABLE inquiry_closed ADD COLUMN due_clock VARCHAR;
UPDATE inquiry_open
SET due_clock = CASE WHEN first_answer_at IS NULL THEN 'first_answer' ELSE 'next_answer' END
WHERE due_at IS NOT NULL;

-- They name their columns when they are made.
CREATE OR REPLACE VIEW inquiry AS FROM inquiry_open UNION ALL BY NAME FROM inquiry_closed;
CREATE OR REPLACE VIEW feed AS FROM feed_at(now());
