-- What analysts read (docs/analysts.md): a few stable views, without the names of customers; texts stand apart, and
-- what they give away of a person is masked. Every view and column is explained here, and from here in
-- docs/data-dictionary.md. A column is never renamed or given another meaning; new ones may come.

-- Days are those of the team: `timezone` of connectors.yaml. A service or a command that opens the file makes this macro
-- anew where it says something else (aggregator/store/zone.py). A constant, since a zone that is looked up costs tenfold.
CREATE OR REPLACE MACRO team_zone() AS 'UTC';
CREATE OR REPLACE MACRO day_of(moment, zone) AS CAST(moment AT TIME ZONE zone AS DATE);

-- What a text gives away of its writer, as █: mail addresses, telephone and ID numbers by their form, and whatever
-- reading the post found to be personal (aggregator/triage/entities). `entities`: kind -> values, as in post.facts.
CREATE OR REPLACE MACRO personal_values(entities) AS list_filter(
    flatten([
        coalesce(json_extract_string(entities, '$.email[*]'), []),
        coalesce(json_extract_string(entities, '$.phone[*]'), []),
        coalesce(json_extract_string(entities, '$.handle[*]'), []),
        coalesce(json_extract_string(entities, '$.wechat[*]'), []),
        coalesce(json_extract_string(entities, '$.qq[*]'), []),
        coalesce(json_extract_string(entities, '$.whatsapp[*]'), []),
        coalesce(json_extract_string(entities, '$.telegram[*]'), []),
        coalesce(json_extract_string(entities, '$.account[*]'), [])
    ]),
    lambda value: length(value) > 2
);
CREATE OR REPLACE MACRO without_forms(words) AS regexp_replace(
    regexp_replace(
        regexp_replace(words, '[A-Za-z0-9][\w.+-]{0,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}', '██████', 'g'),
        '(^|[^0-9A-Za-z])(?:[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9][0-9]{3}[0-9Xx])($|[^0-9A-Za-z])',
        '\1██████\2', 'g'
    ),
    '(^|[^0-9A-Za-z.])(?:\+[0-9]{1,3}[ -]?(?:\(?[0-9]{1,4}\)?[ -]?){2,4}[0-9]{2,4}|(?:86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{4}){2})($|[^0-9A-Za-z])',
    '\1██████\2', 'g'
);
CREATE OR REPLACE MACRO without_personal(words, entities) AS CASE WHEN words IS NULL THEN NULL ELSE
    list_reduce(
        list_prepend(without_forms(words), personal_values(entities)),
        lambda so_far, value: regexp_replace(so_far, '(?i)' || regexp_escape(value), '██████', 'g')
    )
END;

CREATE OR REPLACE VIEW inquiries AS
SELECT
    inquiry_id, code, i."source", channel, kind, lang, state, state <> 'closed' AS open, owner, person_id, thread_id,
    opened_at, day_of(opened_at, team_zone()) AS opened_on, last_post_at, waiting_since, first_answer_at, answered_at,
    due_at, due_clock, snoozed_until, closed_at, close_reason, seen_at, posts, asked, public, backfill,
    secret AS key_exposed, thanks, deleted, points, at_least, at_most, band_by, tags, scoring_version
FROM inquiry AS i;
COMMENT ON VIEW inquiries IS 'One question or complaint of one person in one thread, open or closed, as it stands now. No texts.';
COMMENT ON COLUMN inquiries.inquiry_id IS 'Its id.';
COMMENT ON COLUMN inquiries.code IS 'What people call it: seven letters.';
COMMENT ON COLUMN inquiries."source" IS 'The source of connectors.yaml, or the name given to an import. A keyword of SQL: write i.source.';
COMMENT ON COLUMN inquiries.channel IS 'The kind of place: telegram, forum, email, weibo and so on.';
COMMENT ON COLUMN inquiries.kind IS 'emergency, complaint, question, praise, noise or other; what a colleague said counts before what was computed.';
COMMENT ON COLUMN inquiries.lang IS 'Language of the post that weighs most: zh-Hans, zh-Hant, en and so on; und: not known.';
COMMENT ON COLUMN inquiries.state IS 'new, claimed, waiting (for the customer), answered, snoozed or closed.';
COMMENT ON COLUMN inquiries.open IS 'Not closed.';
COMMENT ON COLUMN inquiries.owner IS 'User name of the colleague who has it; NULL: nobody.';
COMMENT ON COLUMN inquiries.person_id IS 'Who asks: a pseudonym of the account, the same in every view.';
COMMENT ON COLUMN inquiries.thread_id IS 'Where: a topic, a group, a conversation.';
COMMENT ON COLUMN inquiries.opened_at IS 'When its first post was written.';
COMMENT ON COLUMN inquiries.opened_on IS 'The day of opened_at where the team is.';
COMMENT ON COLUMN inquiries.last_post_at IS 'When its newest post by the customer was written.';
COMMENT ON COLUMN inquiries.waiting_since IS 'Since when somebody waits for us, less the time in which we waited for the customer; NULL: nobody does.';
COMMENT ON COLUMN inquiries.first_answer_at IS 'When we first answered; NULL: not yet.';
COMMENT ON COLUMN inquiries.answered_at IS 'When we last answered.';
COMMENT ON COLUMN inquiries.due_at IS 'When the promise of an answer runs out; NULL: no clock runs.';
COMMENT ON COLUMN inquiries.due_clock IS 'Which promise that is: first_answer, next_answer, or promise (one of ours, in words).';
COMMENT ON COLUMN inquiries.snoozed_until IS 'Until when it sleeps; NULL: it does not.';
COMMENT ON COLUMN inquiries.closed_at IS 'When it was closed; NULL: it is open.';
COMMENT ON COLUMN inquiries.close_reason IS 'Why it was closed.';
COMMENT ON COLUMN inquiries.seen_at IS 'When we read its newest post by the customer.';
COMMENT ON COLUMN inquiries.posts IS 'Posts by the customer, deleted ones included.';
COMMENT ON COLUMN inquiries.asked IS 'How often the customer asked since our last answer.';
COMMENT ON COLUMN inquiries.public IS 'Anybody can read it.';
COMMENT ON COLUMN inquiries.backfill IS 'History from before we listened, or imported: it starts no clock, and no answer times are counted.';
COMMENT ON COLUMN inquiries.key_exposed IS 'A recovery phrase or a private key was posted.';
COMMENT ON COLUMN inquiries.thanks IS 'The last word of the customer was thanks.';
COMMENT ON COLUMN inquiries.deleted IS 'Posts that their author or the platform deleted.';
COMMENT ON COLUMN inquiries.points IS 'Sum of its score_terms: the priority without what depends on the moment or on other inquiries.';
COMMENT ON COLUMN inquiries.at_least IS 'A colleague set a band: the priority is no less than this.';
COMMENT ON COLUMN inquiries.at_most IS 'A colleague set a band: the priority is no more than this.';
COMMENT ON COLUMN inquiries.band_by IS 'Who set the band; NULL: nobody.';
COMMENT ON COLUMN inquiries.tags IS 'Tags by commas, in order of letters; NULL: none.';
COMMENT ON COLUMN inquiries.scoring_version IS 'Which version of the rules gave the points.';

CREATE OR REPLACE MACRO inquiry_texts_of(personal) AS TABLE
SELECT
    i.inquiry_id, i.code, i.channel, i.lang, i.opened_at, day_of(i.opened_at, team_zone()) AS opened_on, i.lead_post_id,
    CASE WHEN personal THEN i.title ELSE without_personal(i.title, p.facts -> 'entities') END AS title,
    CASE WHEN personal THEN i.excerpt ELSE without_personal(i.excerpt, p.facts -> 'entities') END AS excerpt,
    CASE WHEN personal THEN i.permalink END AS permalink
FROM inquiry AS i LEFT JOIN post AS p ON p.post_id = i.lead_post_id;
CREATE OR REPLACE VIEW inquiry_texts AS FROM inquiry_texts_of(false);
COMMENT ON VIEW inquiry_texts IS 'What an inquiry says in short; one row for each of inquiries. Keys and personal data are masked.';
COMMENT ON COLUMN inquiry_texts.inquiry_id IS 'The inquiry.';
COMMENT ON COLUMN inquiry_texts.code IS 'What people call it.';
COMMENT ON COLUMN inquiry_texts.channel IS 'As in inquiries.';
COMMENT ON COLUMN inquiry_texts.lang IS 'As in inquiries.';
COMMENT ON COLUMN inquiry_texts.opened_at IS 'As in inquiries.';
COMMENT ON COLUMN inquiry_texts.opened_on IS 'As in inquiries.';
COMMENT ON COLUMN inquiry_texts.lead_post_id IS 'The post that weighs most; title, excerpt and language are its.';
COMMENT ON COLUMN inquiry_texts.title IS 'Title of the thread, where it has one.';
COMMENT ON COLUMN inquiry_texts.excerpt IS 'At most 160 characters of that post.';
COMMENT ON COLUMN inquiry_texts.permalink IS 'Where it stands on the platform. Leads to a person, so it is NULL except in an export with personal data.';

CREATE OR REPLACE VIEW posts AS
SELECT
    post_id, inquiry_id, p."source", space, thread_id, account_id AS person_id, reply_to, posted_at,
    day_of(posted_at, team_zone()) AS posted_on, edited_at, deleted_at, seen_at,
    greatest(0, epoch(seen_at) - epoch(posted_at)) AS seconds_to_seen, version, lang, facts ->> 'kind' AS kind,
    length(text) AS characters, public, staff, backfill
FROM post AS p;
COMMENT ON VIEW posts IS 'One thing that one author said, as it stands now. No texts.';
COMMENT ON COLUMN posts.post_id IS 'Its id, the same whichever source saw it.';
COMMENT ON COLUMN posts.inquiry_id IS 'The inquiry that it belongs to or answers; NULL: none.';
COMMENT ON COLUMN posts."source" IS 'Who saw it first.';
COMMENT ON COLUMN posts.space IS 'Where the ids of the platform are unique: telegram, discourse/<host> and so on.';
COMMENT ON COLUMN posts.thread_id IS 'Where: a topic, a group, a conversation.';
COMMENT ON COLUMN posts.person_id IS 'Who wrote it: a pseudonym of the account; NULL: nobody can be named.';
COMMENT ON COLUMN posts.reply_to IS 'The post that it answers.';
COMMENT ON COLUMN posts.posted_at IS 'When it was written.';
COMMENT ON COLUMN posts.posted_on IS 'The day of posted_at where the team is.';
COMMENT ON COLUMN posts.edited_at IS 'When it was last edited.';
COMMENT ON COLUMN posts.deleted_at IS 'When it was deleted, as far as the platform tells.';
COMMENT ON COLUMN posts.seen_at IS 'When we first read it.';
COMMENT ON COLUMN posts.seconds_to_seen IS 'Seconds from posted_at to seen_at.';
COMMENT ON COLUMN posts.version IS 'How many versions of it we saw.';
COMMENT ON COLUMN posts.lang IS 'Its language.';
COMMENT ON COLUMN posts.kind IS 'What it was taken for: emergency, complaint, question, praise, noise or other.';
COMMENT ON COLUMN posts.characters IS 'How long its text is.';
COMMENT ON COLUMN posts.public IS 'Anybody can read it.';
COMMENT ON COLUMN posts.staff IS 'We said it.';
COMMENT ON COLUMN posts.backfill IS 'History from before we listened, or imported.';

CREATE OR REPLACE MACRO post_texts_of(personal) AS TABLE
SELECT
    post_id, inquiry_id, posted_at, day_of(posted_at, team_zone()) AS posted_on, staff,
    CASE WHEN personal THEN title ELSE without_personal(title, facts -> 'entities') END AS title,
    CASE WHEN personal THEN text ELSE without_personal(text, facts -> 'entities') END AS text,
    CASE WHEN personal THEN permalink END AS permalink
FROM post;
CREATE OR REPLACE VIEW post_texts AS FROM post_texts_of(false);
COMMENT ON VIEW post_texts IS 'What a post says; one row for each of posts. Keys and personal data are masked.';
COMMENT ON COLUMN post_texts.post_id IS 'The post.';
COMMENT ON COLUMN post_texts.inquiry_id IS 'The inquiry that it belongs to or answers; NULL: none.';
COMMENT ON COLUMN post_texts.posted_at IS 'When it was written.';
COMMENT ON COLUMN post_texts.posted_on IS 'The day of posted_at where the team is.';
COMMENT ON COLUMN post_texts.staff IS 'We said it.';
COMMENT ON COLUMN post_texts.title IS 'Title of the thread, where the platform gives it with the post.';
COMMENT ON COLUMN post_texts.text IS 'Its text.';
COMMENT ON COLUMN post_texts.permalink IS 'Where it stands on the platform. Leads to a person, so it is NULL except in an export with personal data.';

CREATE OR REPLACE VIEW people AS
WITH asked AS (
    SELECT
        person_id, count(*) AS inquiries, count(*) FILTER (state <> 'closed') AS open,
        count(*) FILTER (waiting_since IS NOT NULL) AS waiting, min(opened_at) AS first_at, max(last_post_at) AS last_at
    FROM inquiry GROUP BY person_id
)
SELECT
    a.account_id AS person_id, a.space, a.role, coalesce(c.contact_id, a.account_id) AS contact_id, a.followers,
    coalesce(w.inquiries, 0) AS inquiries, coalesce(w.open, 0) AS open, coalesce(w.waiting, 0) AS waiting, w.first_at,
    w.last_at, coalesce(a.suspect, false) AS impostor, a.suspect_reason AS impostor_reason
FROM account AS a
LEFT JOIN asked AS w ON w.person_id = a.account_id
LEFT JOIN (SELECT account_id, min(contact_id) AS contact_id FROM contact GROUP BY account_id) AS c
    ON c.account_id = a.account_id;
COMMENT ON VIEW people IS 'Accounts that wrote, under pseudonyms: no names, no handles, no ids of a platform.';
COMMENT ON COLUMN people.person_id IS 'A pseudonym of the account, the same in every view.';
COMMENT ON COLUMN people.space IS 'On which platform.';
COMMENT ON COLUMN people.role IS 'customer, staff, official or bot.';
COMMENT ON COLUMN people.contact_id IS 'The same for accounts that evidence makes one person.';
COMMENT ON COLUMN people.followers IS 'As the platform last told; NULL: it does not.';
COMMENT ON COLUMN people.inquiries IS 'Inquiries of this account.';
COMMENT ON COLUMN people.open IS 'Of these, not closed.';
COMMENT ON COLUMN people.waiting IS 'Of these, waiting for us.';
COMMENT ON COLUMN people.first_at IS 'When the first began.';
COMMENT ON COLUMN people.last_at IS 'When this account last wrote in one.';
COMMENT ON COLUMN people.impostor IS 'Poses as one of us, or lures customers away.';
COMMENT ON COLUMN people.impostor_reason IS 'name: called as we are; role: as a helpdesk; lure: by what it does.';

CREATE OR REPLACE VIEW incidents AS
SELECT
    i.incident_id, i.number, i.state, i.fields ->> 'feature' AS feature, CAST(i.fields AS VARCHAR) AS fields,
    coalesce(s.persons, 0) AS persons, coalesce(s.inquiries, 0) AS inquiries, s.first_at AS first_report_at,
    s.last_at AS last_report_at, i.began_at, day_of(i.began_at, team_zone()) AS began_on, i.ended_at, i.end_reason,
    i.merged_into
FROM incident AS i LEFT JOIN incident_size AS s ON s.incident_id = i.incident_id;
COMMENT ON VIEW incidents IS 'What several persons report at the same time, over channels and languages.';
COMMENT ON COLUMN incidents.incident_id IS 'Its id.';
COMMENT ON COLUMN incidents.number IS 'People say INC- and this number.';
COMMENT ON COLUMN incidents.state IS 'open, ended, or merged into another one.';
COMMENT ON COLUMN incidents.feature IS 'Which part of the product fails; NULL: not told.';
COMMENT ON COLUMN incidents.fields IS 'JSON: all that its reports share, such as chain and version.';
COMMENT ON COLUMN incidents.persons IS 'How many persons report it.';
COMMENT ON COLUMN incidents.inquiries IS 'In how many inquiries.';
COMMENT ON COLUMN incidents.first_report_at IS 'When the first report was written.';
COMMENT ON COLUMN incidents.last_report_at IS 'When the latest report was written.';
COMMENT ON COLUMN incidents.began_at IS 'When enough had reported it.';
COMMENT ON COLUMN incidents.began_on IS 'The day of began_at where the team is.';
COMMENT ON COLUMN incidents.ended_at IS 'When it ended; NULL: it goes on.';
COMMENT ON COLUMN incidents.end_reason IS 'quiet, person (somebody said so) or merged.';
COMMENT ON COLUMN incidents.merged_into IS 'incident_id of the one that took it up.';

CREATE OR REPLACE VIEW incident_reports AS
SELECT
    m.incident_id, i.number, m.inquiry_id, m.person_id, m.reported_at, m.joined_at, m.why, m.left_at, m.left_why
FROM incident_member AS m JOIN incident AS i ON i.incident_id = m.incident_id;
COMMENT ON VIEW incident_reports IS 'Which inquiry reports which incident; rows that were undone or moved stay, with left_at.';
COMMENT ON COLUMN incident_reports.incident_id IS 'The incident.';
COMMENT ON COLUMN incident_reports.number IS 'Its number.';
COMMENT ON COLUMN incident_reports.inquiry_id IS 'The inquiry that reports it.';
COMMENT ON COLUMN incident_reports.person_id IS 'Who asks in it.';
COMMENT ON COLUMN incident_reports.reported_at IS 'When the post that reports it was written.';
COMMENT ON COLUMN incident_reports.joined_at IS 'When we put it in.';
COMMENT ON COLUMN incident_reports.why IS 'fields, similar (the text), reply or thread (me too, there), person (a colleague) or merged.';
COMMENT ON COLUMN incident_reports.left_at IS 'When it was taken out; NULL: it is in.';
COMMENT ON COLUMN incident_reports.left_why IS 'person, split, merged or moved.';

CREATE OR REPLACE VIEW events AS
SELECT
    event_id, inquiry_id, happened_at, day_of(happened_at, team_zone()) AS happened_on, who, what,
    before ->> 'state' AS state_before, after ->> 'state' AS state_after, before ->> 'owner' AS owner_before,
    after ->> 'owner' AS owner_after, details ->> 'kind' AS kind, details ->> 'band' AS band,
    details ->> 'event' AS undone_event_id, batch
FROM inquiry_event;
COMMENT ON VIEW events IS 'What a colleague, or the system, did with an inquiry. No notes, no answers: these are texts.';
COMMENT ON COLUMN events.event_id IS 'Its id.';
COMMENT ON COLUMN events.inquiry_id IS 'The inquiry.';
COMMENT ON COLUMN events.happened_at IS 'When.';
COMMENT ON COLUMN events.happened_on IS 'The day of happened_at where the team is.';
COMMENT ON COLUMN events.who IS 'User name of the colleague, or system.';
COMMENT ON COLUMN events.what IS 'claim, take, assign, release, wait, snooze, wake, close, reopen, reply, label, band, undo, note, merge and so on.';
COMMENT ON COLUMN events.state_before IS 'The state of the inquiry before, where the event changed it.';
COMMENT ON COLUMN events.state_after IS 'The state after.';
COMMENT ON COLUMN events.owner_before IS 'Who had it before, where the event changed that.';
COMMENT ON COLUMN events.owner_after IS 'Who had it after.';
COMMENT ON COLUMN events.kind IS 'label: the kind that a colleague said it is.';
COMMENT ON COLUMN events.band IS 'band: the band that a colleague set.';
COMMENT ON COLUMN events.undone_event_id IS 'undo: the event that does not count any more.';
COMMENT ON COLUMN events.batch IS 'The same for what was done to many at once.';

CREATE OR REPLACE VIEW answer_times AS
SELECT
    inquiry_id, code, i."source", channel, kind, lang, public, owner, opened_at,
    day_of(opened_at, team_zone()) AS opened_on, first_answer_at,
    epoch(first_answer_at) - epoch(opened_at) AS seconds_to_first_answer, waiting_since, due_at, due_clock, closed_at,
    epoch(closed_at) - epoch(opened_at) AS seconds_to_close
FROM inquiry AS i
WHERE NOT backfill;
COMMENT ON VIEW answer_times IS 'How long people waited: inquiries whose clock we could keep, so without history from before we listened.';
COMMENT ON COLUMN answer_times.inquiry_id IS 'The inquiry.';
COMMENT ON COLUMN answer_times.code IS 'What people call it.';
COMMENT ON COLUMN answer_times."source" IS 'As in inquiries.';
COMMENT ON COLUMN answer_times.channel IS 'As in inquiries.';
COMMENT ON COLUMN answer_times.kind IS 'As in inquiries.';
COMMENT ON COLUMN answer_times.lang IS 'As in inquiries.';
COMMENT ON COLUMN answer_times.public IS 'As in inquiries.';
COMMENT ON COLUMN answer_times.owner IS 'As in inquiries.';
COMMENT ON COLUMN answer_times.opened_at IS 'When the first post was written: from there on we count, whenever we saw it.';
COMMENT ON COLUMN answer_times.opened_on IS 'The day of opened_at where the team is.';
COMMENT ON COLUMN answer_times.first_answer_at IS 'When we first answered; NULL: not yet.';
COMMENT ON COLUMN answer_times.seconds_to_first_answer IS 'Seconds between the two, nights and holidays included.';
COMMENT ON COLUMN answer_times.waiting_since IS 'Since when somebody waits now; NULL: nobody does.';
COMMENT ON COLUMN answer_times.due_at IS 'When the promise of an answer runs out; NULL: no clock runs.';
COMMENT ON COLUMN answer_times.due_clock IS 'Which promise that is.';
COMMENT ON COLUMN answer_times.closed_at IS 'When it was closed; NULL: it is open.';
COMMENT ON COLUMN answer_times.seconds_to_close IS 'Seconds from the first post to closing.';

CREATE OR REPLACE VIEW score_terms AS
SELECT
    r.inquiry_id, i.channel, i.kind, i.opened_at, day_of(i.opened_at, team_zone()) AS opened_on, r.rule, r.version,
    r.points, r.post_id
FROM reason AS r JOIN inquiry AS i ON i.inquiry_id = r.inquiry_id;
COMMENT ON VIEW score_terms IS 'Why an inquiry ranks where it does: one row for each term. They sum to inquiries.points.';
COMMENT ON COLUMN score_terms.inquiry_id IS 'The inquiry.';
COMMENT ON COLUMN score_terms.channel IS 'As in inquiries.';
COMMENT ON COLUMN score_terms.kind IS 'As in inquiries.';
COMMENT ON COLUMN score_terms.opened_at IS 'As in inquiries.';
COMMENT ON COLUMN score_terms.opened_on IS 'As in inquiries.';
COMMENT ON COLUMN score_terms.rule IS 'Its name (docs/scoring.md).';
COMMENT ON COLUMN score_terms.version IS 'Which version of the rule.';
COMMENT ON COLUMN score_terms.points IS 'What it adds, or takes away.';
COMMENT ON COLUMN score_terms.post_id IS 'The post that says it; NULL: it is no matter of one post.';

CREATE OR REPLACE VIEW queue AS
SELECT
    inquiry_id, code, f."source", channel, kind, lang, state, owner, opened_at, waiting_since, due_at, points,
    priority, CAST(floor(greatest(0, least(99, priority))) AS INTEGER) AS score, epoch(time_left) AS seconds_left,
    repeats, incident_number, incident_persons
FROM feed AS f;
COMMENT ON VIEW queue IS 'Open inquiries with their priority at this moment, as the feed shows them.';
COMMENT ON COLUMN queue.inquiry_id IS 'The inquiry.';
COMMENT ON COLUMN queue.code IS 'What people call it.';
COMMENT ON COLUMN queue."source" IS 'As in inquiries.';
COMMENT ON COLUMN queue.channel IS 'As in inquiries.';
COMMENT ON COLUMN queue.kind IS 'As in inquiries.';
COMMENT ON COLUMN queue.lang IS 'As in inquiries.';
COMMENT ON COLUMN queue.state IS 'As in inquiries; who slept until now is awake.';
COMMENT ON COLUMN queue.owner IS 'As in inquiries.';
COMMENT ON COLUMN queue.opened_at IS 'As in inquiries.';
COMMENT ON COLUMN queue.waiting_since IS 'As in inquiries.';
COMMENT ON COLUMN queue.due_at IS 'As in inquiries.';
COMMENT ON COLUMN queue.points IS 'As in inquiries.';
COMMENT ON COLUMN queue.priority IS 'Points and what the moment and other inquiries add: waiting, overdue, repeat contact, incident. Orders the feed.';
COMMENT ON COLUMN queue.score IS 'The same as people see it: 0 to 99.';
COMMENT ON COLUMN queue.seconds_left IS 'Until due_at; negative once the promise is broken.';
COMMENT ON COLUMN queue.repeats IS 'Other inquiries in which the same person waits.';
COMMENT ON COLUMN queue.incident_number IS 'The incident that it reports; NULL: none.';
COMMENT ON COLUMN queue.incident_persons IS 'How many report that.';

CREATE OR REPLACE VIEW source_coverage AS
SELECT
    c."source", s.channel, c.from_at, c.to_at, c.state, c.reason, epoch(c.to_at) - epoch(c.from_at) AS seconds
FROM coverage AS c LEFT JOIN source_state AS s ON s.source = c.source;
COMMENT ON VIEW source_coverage IS 'For which times we can vouch that we have all that a source gave, and for which we cannot.';
COMMENT ON COLUMN source_coverage."source" IS 'The source of connectors.yaml.';
COMMENT ON COLUMN source_coverage.channel IS 'Its channel.';
COMMENT ON COLUMN source_coverage.from_at IS 'From when.';
COMMENT ON COLUMN source_coverage.to_at IS 'To when.';
COMMENT ON COLUMN source_coverage.state IS 'complete; gap: may still be fetched; doubt: an unusual silence; refetched: was one of these; lost: no longer given.';
COMMENT ON COLUMN source_coverage.reason IS 'What went wrong, in words; empty: nothing.';
COMMENT ON COLUMN source_coverage.seconds IS 'How long that is.';

CREATE OR REPLACE VIEW source_gaps AS
SELECT c."source", c.channel, c.from_at, c.to_at, c.state, c.reason, c.seconds
FROM source_coverage AS c
WHERE c.state IN ('gap', 'doubt', 'lost');
COMMENT ON VIEW source_gaps IS 'Times in which posts of a source are missing, or may be: figures of these times may be too low.';
COMMENT ON COLUMN source_gaps."source" IS 'The source of connectors.yaml.';
COMMENT ON COLUMN source_gaps.channel IS 'Its channel.';
COMMENT ON COLUMN source_gaps.from_at IS 'From when.';
COMMENT ON COLUMN source_gaps.to_at IS 'To when.';
COMMENT ON COLUMN source_gaps.state IS 'gap: may still be fetched; doubt: an unusual silence; lost: no longer given.';
COMMENT ON COLUMN source_gaps.reason IS 'What went wrong, in words.';
COMMENT ON COLUMN source_gaps.seconds IS 'How long that is.';

CREATE OR REPLACE VIEW daily_counts AS
SELECT
    day_of(opened_at, team_zone()) AS opened_on, channel, i."source", kind, lang, backfill, count(*) AS inquiries,
    count(first_answer_at) AS answered, count(closed_at) AS closed, count(*) FILTER (secret) AS key_exposed
FROM inquiry AS i
GROUP BY ALL;
COMMENT ON VIEW daily_counts IS 'Inquiries by the day on which they began, where the team is. Quick, however many there are.';
COMMENT ON COLUMN daily_counts.opened_on IS 'The day of their first post.';
COMMENT ON COLUMN daily_counts.channel IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts."source" IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.kind IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.lang IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.backfill IS 'As in inquiries.';
COMMENT ON COLUMN daily_counts.inquiries IS 'How many began.';
COMMENT ON COLUMN daily_counts.answered IS 'Of these, answered by now.';
COMMENT ON COLUMN daily_counts.closed IS 'Of these, closed by now.';
COMMENT ON COLUMN daily_counts.key_exposed IS 'Of these, with a recovery phrase or private key in them.';
