"""What is being reported, read from the store: after a start, a rollback, or a colleague's hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import orjson
import pyarrow as pa

from aggregator.identity import Id, as_uuid
from aggregator.incidents.extract import fields_of
from aggregator.incidents.fields import Fields
from aggregator.incidents.grouping import Grouper
from aggregator.incidents.reports import Report, Said, Why
from aggregator.incidents.sketch import sketch_of
from aggregator.incidents.spikes import PAST
from aggregator.incidents.waiting import WAITS
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
    """All that the next report may have to do with."""
    grouper = Grouper(persons=persons, quiet=quiet)
    (since,) = con.execute("SELECT min(live_since) FROM source_state").fetchone() or (None,)
    if since is not None:
        grouper.heard(max(since, now - PAST))
    members = _members(con)
    reports = {}
    for inquiry, account, person, thread, at, fields, inherits, sketch in rows.select(
        con,
        "SELECT r.inquiry_id, r.person_id, coalesce(a.person_id, r.person_id), r.thread_id, r.reported_at, "
        "r.fields, r.inherits, r.sketch "
        "FROM incident_report AS r LEFT JOIN account AS a ON a.account_id = r.person_id "
        "WHERE r.reported_at >= ? ORDER BY r.reported_at, r.inquiry_id",
        rows.ids(()),
        [now - PAST],
    ):
        said = Fields.from_json(orjson.loads(fields))
        inside: tuple[Id | None, Why] = members.get(inquiry, (None, "fields"))
        reports[inquiry] = Report(
            inquiry,
            person,
            thread,
            at,
            said,
            sketch,
            inside[1],
            inherits,
            inside[0],
            account,
            stored=True,
        )
    for inquiry in _usual(con):  # an incident that a colleague ended was none: such reports are usual
        if inquiry in reports:
            grouper.know_usual(reports[inquiry])
    posts = _posts(con, reports, now)
    for inquiry, report in reports.items():
        grouper.know(report, posts.get(inquiry, ()))
    names: dict[Id, str] = {}
    for incident, fields in rows.select(
        con, "SELECT incident_id, fields FROM incident WHERE state = 'open' ORDER BY number", rows.ids(())
    ):
        names[incident] = fields
        known = [report for report in reports.values() if report.incident == incident]
        if known:
            grouper.know_incident(incident, known, _barred(con, incident))
    return Recalled(grouper, names, _persons(con))


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
    marked = rows.table({"name": pa.string(), "since": pa.timestamp("us", tz="UTC")}, list(since.items()))
    pages: dict[tuple[datetime, str], list[Said]] = {}
    for seen_at, source, *names, at, searchable, text, facts in rows.select(
        con,
        "SELECT seen_at, source, inquiry_id, post_id, alias_id, coalesce(account_id, post_id), thread_id, reply_to, "
        "posted_at, search_text, text, facts FROM post "
        "LEFT JOIN (WITH sent AS MATERIALIZED (FROM wanted) FROM sent) AS marked ON marked.name = post.source "
        "WHERE posted_at > ? AND seen_at > coalesce(marked.since, ?) AND NOT staff "
        "AND inquiry_id IS NOT NULL AND deleted_at IS NULL AND (facts ->> 'thanks') IS NULL "
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
    rows.merge(con, "meta", {"key": pa.string(), "value": pa.string()}, marks, "key")


def _since(mark: str | None, earliest: datetime) -> datetime:
    return earliest if mark is None else datetime.fromisoformat(mark) - BEHIND


def _persons(con: Connection) -> dict[Id, Id]:
    """Accounts that verified evidence makes one person count once; only those whose person is another account."""
    return dict(
        rows.select(con, "SELECT account_id, person_id FROM account WHERE person_id <> account_id", rows.ids(()))
    )


def _members(con: Connection) -> dict[Id, tuple[Id, Why]]:
    """inquiry -> its incident, and why it is there."""
    found = rows.select(
        con,
        "SELECT inquiry_id, incident_id, why FROM incident_member WHERE left_at IS NULL ORDER BY joined_at",
        rows.ids(()),
    )
    return {inquiry: (incident, why) for inquiry, incident, why in found}


def _usual(con: Connection) -> list[Id]:
    found = rows.select(
        con,
        "SELECT DISTINCT m.inquiry_id FROM incident_member AS m JOIN incident AS i ON i.incident_id = m.incident_id "
        "WHERE m.left_at IS NULL AND i.end_reason = 'person' ORDER BY 1",
        rows.ids(()),
    )
    return [inquiry for (inquiry,) in found]


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
