"""What is being reported, read from the store: after a start, a rollback, or a colleague's hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.identity import Id, as_uuid
from aggregator.incidents.extract import fields_of
from aggregator.incidents.fields import Fields, to_hold
from aggregator.incidents.grouping import Grouper
from aggregator.incidents.reports import MOST_HELD, Past, Report, Said
from aggregator.incidents.sketch import sketch_of
from aggregator.incidents.spikes import PAST
from aggregator.incidents.waiting import MOST, WAITS
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

GROUPED_TO = "incidents_grouped_to"
"""In `meta`: when posts were grouped last, whatever their source (of former versions); and with a colon and the name of
a source: until when all of it was grouped."""

_OF_SOURCE = f"{GROUPED_TO}:"
BEHIND = timedelta(minutes=10)  # between reading a page and its commit there is less, and the marks lag a minute
_NOT_AGAIN = ("person", "split")  # who left so does not join again by itself


class Recalled(NamedTuple):
    """names: of open incidents, as they are stored. persons: of accounts that are linked to another one."""

    grouper: Grouper
    names: dict[Id, str]
    persons: dict[Id, Id]


def recall(con: Connection, now: datetime, *, persons: int, quiet: timedelta) -> Recalled:
    """All that the next report may have to do with. What does not depend on single reports is counted by the store."""
    grouper = Grouper(persons=persons, quiet=quiet)
    (since,) = con.execute("SELECT min(live_since) FROM source_state").fetchone() or (None,)
    if since is not None:
        grouper.heard(max(since, now - PAST))
    for fields, hour, reports in con.execute(_USUAL, [now - PAST]).fetchall():
        grouper.know_usual(_fields(fields), datetime.fromtimestamp(3600 * hour, UTC), reports)
    waiting = [_report(row) for row in rows.select(con, _WAITING, rows.ids(()), [now - WAITS - quiet, MOST])]
    named = rows.select(con, _OPEN, rows.ids(()))
    pasts, held = _pasts(con, now - WAITS - quiet), _held(con)
    posts = _posts(con, [each.inquiry_id for each in chain(waiting, *held.values())], now)
    for report in sorted(chain(waiting, *held.values()), key=lambda each: (each.at, each.inquiry_id)):
        grouper.know(report, posts.get(report.inquiry_id, ()))
    for incident, _ in named:
        if incident in held:
            grouper.know_incident(incident, held[incident], _barred(con, incident), pasts.get(incident) or Past())
    return Recalled(grouper, dict(named), _persons(con))


def reports_of(con: Connection, inquiries: Collection[Id], since: datetime) -> list[Report]:
    """The stored reports of these inquiries, which are probably not older than `since`."""
    found = rows.fetch_since(con, "incident_report", ("inquiry_id", *_REPORTED[1:]), inquiries, "reported_at", since)
    if not found:
        return []
    inside = {
        inquiry: (incident, why)
        for inquiry, incident, why in rows.fetch(
            con, "incident_member", "inquiry_id, incident_id, why", "inquiry_id",
            [row[0] for row in found], "left_at IS NULL",
        )
    }  # fmt: skip
    persons = dict(rows.fetch(con, "account", "account_id, person_id", "account_id", {row[1] for row in found}))
    return [_report((*row, persons.get(row[1]) or row[1], *inside.get(row[0], (None, "fields")))) for row in found]


_REPORTED = ("inquiry_id", "person_id", "thread_id", "reported_at", "fields", "inherits", "sketch")
_NOW_IN = """
LEFT JOIN (
    SELECT inquiry_id, max_by(incident_id, joined_at) AS incident_id, max_by(why, joined_at) AS why
    FROM incident_member WHERE left_at IS NULL GROUP BY inquiry_id
) AS m ON m.inquiry_id = r.inquiry_id
LEFT JOIN (SELECT account_id, person_id FROM account WHERE person_id <> account_id) AS a ON a.account_id = r.person_id
"""
_COLUMNS = (
    "r.inquiry_id, r.person_id, r.thread_id, r.reported_at, r.fields, r.inherits, r.sketch, "
    "coalesce(a.person_id, r.person_id), m.incident_id, m.why"
)

# An incident that a colleague ended was none: such reports are usual.
_USUAL = f"""
SELECT r.fields, epoch(r.reported_at)::BIGINT // 3600 AS hour, count(*)
FROM incident_report AS r {_NOW_IN}
LEFT JOIN incident AS i ON i.incident_id = m.incident_id
WHERE r.reported_at >= ? AND (m.incident_id IS NULL OR i.end_reason = 'person')
GROUP BY ALL ORDER BY hour, r.fields
"""

_WAITING = f"""
SELECT {_COLUMNS}
FROM incident_report AS r {_NOW_IN}
WHERE r.reported_at >= ? AND m.incident_id IS NULL
QUALIFY row_number() OVER (
    PARTITION BY r.fields ->> 'feature' ORDER BY r.reported_at DESC, r.inquiry_id DESC
) <= ?
"""

_OPEN = "SELECT incident_id, fields FROM incident WHERE state = 'open' ORDER BY number"

_INSIDE = f"""
WITH inside AS (
    SELECT r.*, coalesce(a.person_id, r.person_id) AS who, m.incident_id, m.why, row_number() OVER (
        PARTITION BY m.incident_id ORDER BY r.reported_at DESC, r.inquiry_id DESC
    ) AS place
    FROM incident_report AS r {_NOW_IN}
    JOIN incident AS i ON i.incident_id = m.incident_id AND i.state = 'open'
)
"""
_HELD = f"{_INSIDE} SELECT {', '.join(_REPORTED)}, who, incident_id, why FROM inside WHERE place <= $held"
_NAMED_BEFORE = f"""{_INSIDE}
SELECT incident_id, fields, inherits, count(*), min(reported_at) AS first_at
FROM inside WHERE place > $held GROUP BY ALL ORDER BY first_at, fields
"""
_CAME_BEFORE = f"""{_INSIDE}
SELECT incident_id, epoch(reported_at)::BIGINT // 60 AS minute, count(*)
FROM inside WHERE place > $held AND reported_at >= $since GROUP BY ALL
"""
_PERSONS_BEFORE = f"""{_INSIDE}
SELECT incident_id, count(DISTINCT who) - count(DISTINCT who) FILTER (place <= $held) FROM inside GROUP BY 1
"""


def _report(row: Sequence[Any]) -> Report:
    """Of _REPORTED, the person, and where it is and why."""
    inquiry, account, thread, at, fields, inherits, sketch, person, incident, why = row
    report = Report(inquiry, person, thread, at, _fields(fields), sketch, why or "fields", inherits, incident, account)
    report.stored = True
    return report


def _fields(stored: str) -> Fields:
    return to_hold(Fields.from_json(orjson.loads(stored)))


def _held(con: Connection) -> dict[Id, list[Report]]:
    """The newest reports of each open incident."""
    held: dict[Id, list[Report]] = {}
    for row in rows.select(con, _HELD, rows.ids(()), {"held": MOST_HELD}):
        report = _report(row)
        held.setdefault(row[-2], []).append(report)
    return held


def _pasts(con: Connection, since: datetime) -> dict[Id, Past]:
    """What is to be known of the older ones; of when they came, since then."""
    pasts: dict[Id, Past] = {}
    for incident, fields, inherits, reports, first_at in rows.select(
        con, _NAMED_BEFORE, rows.ids(()), {"held": MOST_HELD}
    ):
        past = pasts.setdefault(incident, Past(first_at=first_at))
        past.core.add(_fields(fields), inherits=inherits, by=reports)
    if pasts:
        for incident, minute, reports in rows.select(
            con, _CAME_BEFORE, rows.ids(()), {"held": MOST_HELD, "since": since}
        ):
            pasts[incident].minutes[minute] += reports
        for incident, persons in rows.select(con, _PERSONS_BEFORE, rows.ids(()), {"held": MOST_HELD}):
            if incident in pasts:
                pasts[incident].persons = persons
    return pasts


Names = tuple[Id, Id, Id | None, Id, Id, Id | None]
"""inquiry, post, alias, account (the post's own id where nobody is named), thread, reply_to"""


def said_of(names: Names, at: datetime, searchable: str, text: str, facts: str) -> Said | None:
    """What a post says; None: it reports nothing."""
    fields = fields_of(searchable, text, orjson.loads(facts))
    if fields is None:
        return None
    inquiry, post, alias, account, thread, reply_to = names
    sketch = b"" if fields.feature else sketch_of(searchable)
    return Said(inquiry, post, alias, account, thread, reply_to, at, fields, sketch, account)


def read_behind(con: Connection, now: datetime) -> list[list[Said]]:
    """What was stored but perhaps not grouped when a process ended, page by page; grouping it twice changes nothing.
    Each source has a mark of its own, for over a lake each may have another process."""
    marks = dict(con.execute("SELECT key, value FROM meta WHERE starts_with(key, ?)", [GROUPED_TO]).fetchall())
    earliest = now - WAITS
    of_all = _since(marks.pop(GROUPED_TO, None), earliest)
    since = {key.removeprefix(_OF_SOURCE): _since(value, earliest) for key, value in marks.items()}
    marked = rows.table(rows.Schema(name=rows.TEXT, since=rows.TIME), list(since.items()))
    pages: dict[tuple[datetime, str], list[Said]] = {}
    for seen_at, source, *names, at, searchable, text, facts in rows.select(
        con,
        "SELECT seen_at, source, inquiry_id, post_id, alias_id, coalesce(account_id, post_id), thread_id, reply_to, "
        "posted_at, search_text, text, facts FROM post "
        "LEFT JOIN wanted AS marked ON marked.name = post.source "
        "WHERE posted_at > ? AND seen_at > coalesce(marked.since, ?) AND NOT staff "
        "AND inquiry_id IS NOT NULL AND deleted_at IS NULL AND (facts ->> 'thanks') IS NULL "
        "AND NOT (backfill AND posted_at = seen_at) "  # undated history, as `ingest/commit.py` has it
        "ORDER BY seen_at, source, posted_at, native_order, post_id",
        marked,
        [earliest, of_all],
    ):
        inquiry, post, alias, account, thread, reply_to = names
        said = said_of((inquiry, post, alias, account, thread, reply_to), at, searchable, text, facts)
        if said is not None:
            pages.setdefault((seen_at, source), []).append(said)
    return list(pages.values())


def note_grouped(con: Connection, sources: Collection[str], now: datetime) -> None:
    """All that came of these so far is grouped."""
    marks = [(_OF_SOURCE + source, now.isoformat()) for source in sources]
    rows.merge(con, "meta", rows.Schema(key=rows.TEXT, value=rows.TEXT), marks, "key")


def _since(mark: str | None, earliest: datetime) -> datetime:
    return earliest if mark is None else datetime.fromisoformat(mark) - BEHIND


def _persons(con: Connection) -> dict[Id, Id]:
    """Accounts that verified evidence makes one person count once; only those whose person is another account."""
    return dict(
        rows.select(con, "SELECT account_id, person_id FROM account WHERE person_id <> account_id", rows.ids(()))
    )


def _barred(con: Connection, incident: Id) -> set[Id]:
    return {
        inquiry
        for inquiry, why in rows.select(
            con,
            "SELECT inquiry_id, max_by(coalesce(left_why, ''), coalesce(left_at, 'infinity')) FROM incident_member "
            "WHERE incident_id = ? GROUP BY inquiry_id",
            rows.ids(()),
            [as_uuid(incident)],
        )
        if why in _NOT_AGAIN
    }


def _posts(con: Connection, reports: Iterable[Id], now: datetime) -> dict[Id, list[Id]]:
    """The posts and their aliases of some inquiries, of the last day: what "me too" may answer."""
    posts: dict[Id, list[Id]] = {}
    columns = "inquiry_id, post_id, alias_id"
    for inquiry, *names in rows.fetch(con, "post", columns, "inquiry_id", reports, "posted_at >= ?", [now - WAITS]):
        posts.setdefault(inquiry, []).extend(name for name in names if name)
    return posts
