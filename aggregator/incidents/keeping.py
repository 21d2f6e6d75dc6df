"""The store's side of incidents: what a page's posts report, in the page's own transaction.

Lives on the writer's thread, as the grouper does. After a rollback, and after a person has changed an incident, what
is known is read again from the store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from aggregator.identity import Id, as_uuid, time_ordered_id, written
from aggregator.incidents.extract import fields_of
from aggregator.incidents.fields import Fields
from aggregator.incidents.grouping import Grouper
from aggregator.incidents.recall import recall
from aggregator.incidents.reports import Changes, Incident, Report, Said
from aggregator.incidents.sketch import sketch_of
from aggregator.incidents.waiting import WAITS
from aggregator.prepare import Draft, Prepared
from aggregator.store import rows
from aggregator.store.rows import Connection

FEW = 25  # persons: up to here each new one is told to all who look at a member; later only every tenth of them


class Incidents:
    """What is being reported, across pages."""

    def __init__(self, *, persons: int = 3, quiet: timedelta = timedelta(hours=12)) -> None:
        """persons: the fewest that make an incident. quiet: one without a report for so long has ended."""
        self.persons, self.quiet = persons, quiet
        self._grouper: Grouper | None = None
        self._names: dict[Id, str] = {}  # as they are stored
        self._persons: dict[Id, Id] = {}  # of accounts that were linked

    def forget(self) -> None:
        """What was noted was rolled back, or something else has changed it: a colleague, or a link of accounts."""
        self._grouper = None

    def take(self, con: Connection, page: Prepared, fresh: Sequence[Draft], now: datetime) -> set[Id]:
        """Group a page's new posts. Returns the inquiries that now belong to another or a larger incident."""
        said = _said(page, fresh, now)
        if not said:
            return set()
        if self._grouper is None:
            known = recall(con, now, persons=self.persons, quiet=self.quiet)
            self._grouper, self._names, self._persons = known.grouper, known.names, known.persons
        grouper, persons = self._grouper, self._persons
        before = {one: incident.persons() for one, incident in grouper.incidents.items()}
        changes = grouper.take(each._replace(person_id=persons.get(each.account_id, each.account_id)) for each in said)
        self._write(con, changes, now)
        return _to_tell(grouper, changes, before)

    # -- writing ----------------------------------------------------------------------------------

    def _write(self, con: Connection, changes: Changes, now: datetime) -> None:
        _write_reports(con, changes)
        if changes.began:
            self._begin(con, list(changes.began.values()), now)
        joined = [
            (incident, inquiry, report.account_id, report.at, now, report.why, None, None)
            for (incident, inquiry), report in changes.joined.items()
        ]
        rows.insert(con, "incident_member", rows.INCIDENT_MEMBER, joined)
        for one, inquiry in changes.left:
            leave(con, one, [inquiry], "moved", now)
        for young, old in changes.merged.items():
            merge(con, young, old, "system", now)
        assert self._grouper is not None
        known = self._grouper.incidents
        names = {one: name_of(known[one]) for one in changes.incidents() if one in known}
        renamed = [(one, name) for one, name in names.items() if name != self._names.get(one)]
        if renamed:
            schema = {name: rows.INCIDENT[name] for name in ("incident_id", "fields")}
            update = (
                "UPDATE incident SET fields = i.fields FROM incoming AS i WHERE incident.incident_id = i.incident_id"
            )
            rows.put(con, update, rows.table(schema, renamed))
            self._names.update(renamed)

    def _begin(self, con: Connection, began: Sequence[Incident], now: datetime) -> None:
        number = next_number(con)
        begun, events = [], []
        for step, incident in enumerate(sorted(began, key=lambda each: (each.last_at, each.incident_id))):
            name = self._names[incident.incident_id] = name_of(incident)
            begun.append((incident.incident_id, number + step, "open", name, now, None, None, None))
            events.append(event(incident.incident_id, "system", "begin", now, {"persons": incident.persons()}))
        rows.insert(con, "incident", rows.INCIDENT, begun)
        rows.insert(con, "incident_event", rows.INCIDENT_EVENT, events)

    def renamed(self, con: Connection, incidents: Iterable[Id]) -> None:
        """Members came or went by a person's hand: name these incidents anew, and read what is known again."""
        self.forget()
        for one in incidents:
            found = rows.select(
                con,
                "SELECT r.inquiry_id, r.person_id, r.thread_id, r.reported_at, r.fields, r.inherits "
                "FROM incident_report AS r JOIN incident_member AS m USING (inquiry_id) "
                "WHERE m.incident_id = ? AND m.left_at IS NULL",
                rows.ids(()),
                [as_uuid(one)],
            )
            members = [
                Report(inquiry, person, thread, at, Fields.from_json(orjson.loads(fields)), b"", inherits=inherits)
                for inquiry, person, thread, at, fields, inherits in found
            ]
            if members:
                name = name_of(Incident.of(one, members))
                con.execute("UPDATE incident SET fields = ? WHERE incident_id = ?", [name, as_uuid(one)])


def name_of(incident: Incident) -> str:
    """The stored fields of an incident, from which its name is made at display."""
    feature = {"feature": incident.core.feature} if incident.core.feature else {}
    return orjson.dumps(feature | incident.names()).decode()


def next_number(con: Connection) -> int:
    (highest,) = con.execute("SELECT coalesce(max(number), 0) FROM incident").fetchone() or (0,)
    return int(highest) + 1


def event(incident: Id, who: str, what: str, now: datetime, details: dict[str, Any]) -> tuple[Any, ...]:
    """A row of `incident_event`."""
    one = time_ordered_id(int(now.timestamp() * 1000), 0).bytes
    return one, incident, now, who, what, orjson.dumps(details).decode()


def note(con: Connection, incident: Id, who: str, what: str, now: datetime, details: dict[str, Any]) -> None:
    """Write an event of an incident."""
    rows.insert(con, "incident_event", rows.INCIDENT_EVENT, [event(incident, who, what, now, details)])


def leave(con: Connection, incident: Id, inquiries: Sequence[Id], why: str, now: datetime) -> None:
    """These leave the incident; their rows stay."""
    con.execute(
        "UPDATE incident_member SET left_at = ?, left_why = ? "
        "WHERE incident_id = ? AND left_at IS NULL AND inquiry_id IN (SELECT unnest(?)::UUID)",
        [now, why, as_uuid(incident), [written(one) for one in inquiries]],
    )


def merge(con: Connection, young: Id, old: Id, who: str, now: datetime) -> None:
    """Move the members of one incident into another; it can be undone (acting.py)."""
    moved = rows.select(
        con,
        "SELECT inquiry_id, person_id, reported_at FROM incident_member WHERE incident_id = ? AND left_at IS NULL",
        rows.ids(()),
        [as_uuid(young)],
    )
    leave(con, young, [inquiry for inquiry, _, _ in moved], "merged", now)
    rows.insert(
        con, "incident_member", rows.INCIDENT_MEMBER,
        [(old, inquiry, person, at, now, "merged", None, None) for inquiry, person, at in moved],
    )  # fmt: skip
    con.execute(
        "UPDATE incident SET state = 'merged', ended_at = ?, end_reason = 'merged', merged_into = ? "
        "WHERE incident_id = ?",
        [now, as_uuid(old), as_uuid(young)],
    )
    for one, details in ((young, {"into": old.hex()}), (old, {"from": young.hex()})):
        note(con, one, who, "merge", now, details)


def _said(page: Prepared, fresh: Sequence[Draft], now: datetime) -> list[Said]:
    """What new posts of customers report, in the order of writing. What is older than a day reports nothing."""
    since = now - WAITS
    asking = [
        draft
        for draft in fresh
        if draft.posted_at > since and draft.asks and draft.inquiry_id and not draft.thanks and not draft.deleted
    ]
    if not asking:
        return []
    told = rows.taken(page.posts.select(["search_text", "text", "facts"]), [draft.at for draft in asking]).to_pydict()
    found = []
    for draft, searchable, text, facts in zip(asking, told["search_text"], told["text"], told["facts"], strict=True):
        fields = fields_of(searchable, text, orjson.loads(facts))
        if fields is None or draft.inquiry_id is None:
            continue
        found.append(
            Said(
                draft.inquiry_id, draft.post_id, draft.alias_id, draft.person_id, draft.thread_id, draft.reply_to,
                draft.posted_at, fields, b"" if fields.feature else sketch_of(searchable), draft.person_id,
            )
        )  # fmt: skip
    order = {draft.post_id: (draft.posted_at, draft.order, draft.post_id) for draft in asking}
    return sorted(found, key=lambda each: order[each.post_id])


def _write_reports(con: Connection, changes: Changes) -> None:
    fresh: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for report in changes.reports.values():
        row = (
            report.inquiry_id, report.account_id, report.thread_id, report.at,
            orjson.dumps(report.fields.as_json()).decode(), report.inherits, report.sketch,
        )  # fmt: skip
        (changed if report.stored else fresh).append(row)
        report.stored = True
    rows.merge(con, "incident_report", rows.INCIDENT_REPORT, changed, "inquiry_id")
    rows.insert(con, "incident_report", rows.INCIDENT_REPORT, fresh)


def _to_tell(grouper: Grouper, changes: Changes, before: dict[Id, int]) -> set[Id]:
    """Members of what has grown, as often as it is worth telling."""
    told = {inquiry for _, inquiry in changes.joined}
    for one in changes.incidents():
        incident = grouper.incidents.get(one)
        if incident is None:
            continue
        many = incident.persons()
        if one not in before or many <= FEW or _step(many) != _step(before[one]):
            told |= {report.inquiry_id for report in incident.reports}
    return told


def _step(persons: int) -> int:
    return int(math.log(max(1, persons)) / math.log(1.1))
