"""The store's side of incidents: what new posts report, in a transaction of its own, soon after that of their page.

Lives on the writer's thread, as the grouper does. After a rollback, and after a person has changed an incident, what
is known is read again from the store; so are, after a crash, the posts that nobody has grouped yet.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.identity import Id, as_uuid, inquiry_id, time_ordered_id, written
from aggregator.incidents.fields import Fields
from aggregator.incidents.grouping import Grouper
from aggregator.incidents.recall import BEHIND, note_grouped, read_behind, recall, reports_of, said_of
from aggregator.incidents.reports import Changes, Incident, Report, Said
from aggregator.ingest.drafts import Draft, Prepared
from aggregator.store import meta, rows
from aggregator.store.changed import gathered

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

HIGHEST = "incident_number"
"""In `meta`: the highest number of an incident, once some were deleted."""
FEW = 25  # persons: up to here each new one is told to all who look at a member; later only every tenth of them

_OPEN_FOR = timedelta(days=7)  # most inquiries that say more are younger; the others are looked for everywhere


class Incidents:
    """What is being reported, across pages."""

    def __init__(self, *, persons: int = 3, quiet: timedelta = timedelta(hours=12)) -> None:
        """persons: the fewest that make an incident. quiet: one without a report for so long has ended."""
        self.persons, self.quiet = persons, quiet
        self._grouper: Grouper | None = None
        self._names: dict[Id, str] = {}  # as they are stored
        self._persons: dict[Id, Id] = {}  # of accounts that were linked
        self._lost = True  # a former process may have ended before it had grouped everything
        self._marked: dict[str, datetime] = {}  # by source, when it was noted that all is grouped

    def forget(self, *, lost: bool = False) -> None:
        """What is noted is not so any more: a colleague, or a link of accounts, has changed it; or, lost, it was rolled
        back, so that posts wait to be grouped."""
        self._grouper = None
        self._lost = self._lost or lost

    def take(
        self, con: Connection, pages: Iterable[Sequence[Said]], now: datetime, heard_of: Collection[str] = ()
    ) -> set[Id]:
        """Group what the new posts of some pages report, all together: what that asks of the database costs as much for
        one post as for a hundred. Returns the inquiries that are in another or a larger incident than before.

        heard_of: the sources of these pages.
        """
        behind: list[list[Said]] = []
        if self._grouper is None:
            known = recall(con, now, persons=self.persons, quiet=self.quiet)
            self._grouper, self._names, self._persons = known.grouper, known.names, known.persons
            behind = read_behind(con, now) if self._lost else []
            self._lost = False
        told: set[Id] = set()
        for said in behind:
            told |= self._take(con, said, {each.inquiry_id for each in said}, now)
        if said := [each for page in pages for each in page]:
            begun = {each.inquiry_id for each in said if each.inquiry_id == inquiry_id(each.post_id)}
            told |= self._take(con, said, {each.inquiry_id for each in said} - begun, now)
        if due := [one for one in heard_of if now - self._marked.get(one, now - BEHIND) >= BEHIND / 10]:
            note_grouped(con, due, now)
            self._marked |= dict.fromkeys(due, now)
        return told

    def _take(self, con: Connection, said: Sequence[Said], earlier: set[Id], now: datetime) -> set[Id]:
        """`earlier`: inquiries that may have reported something before."""
        grouper, persons = self._grouper, self._persons
        assert grouper is not None
        for report in reports_of(con, earlier - grouper.held.inquiries(), now - _OPEN_FOR):
            grouper.know_again(report)
        before = {one: incident.persons() for one, incident in grouper.incidents.items()}
        changes = grouper.take(each._replace(person_id=persons.get(each.account_id, each.account_id)) for each in said)
        self._write(con, changes, now)
        self._names = {one: name for one, name in self._names.items() if one in grouper.incidents}
        return _to_tell(con, grouper, changes, before)

    # -- writing ----------------------------------------------------------------------------------

    def _write(self, con: Connection, changes: Changes, now: datetime) -> None:
        _write_reports(con, changes)
        if (told := gathered()) is not None:
            told.incidents.update(changes.incidents(), changes.merged, changes.merged.values())
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
            schema = rows.Schema(incident_id=rows.UUIDS, fields=rows.TEXT)
            update = (
                "UPDATE incident SET fields = incoming.fields FROM incoming "
                "WHERE incident.incident_id = incoming.incident_id"
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
    """One that no incident had before, though it be deleted by now."""
    (highest,) = con.execute(
        "SELECT greatest((SELECT coalesce(max(number), 0) FROM incident), "
        "(SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = ?))",
        [HIGHEST],
    ).fetchone() or (0,)
    return int(highest) + 1


def keep_highest_number(con: Connection) -> None:
    """Before incidents are deleted, whose numbers people have written down elsewhere."""
    highest = next_number(con) - 1
    meta.note(con, HIGHEST, str(highest))


def event(incident: Id, who: str, what: str, now: datetime, details: dict[str, Any]) -> tuple[Any, ...]:
    """A row of `incident_event`."""
    one = time_ordered_id(int(now.timestamp() * 1000), 0).bytes
    return one, incident, now, who, what, orjson.dumps(details).decode()


def note(con: Connection, incident: Id, who: str, what: str, now: datetime, details: dict[str, Any]) -> None:
    """Write an event of an incident."""
    rows.insert(con, "incident_event", rows.INCIDENT_EVENT, [event(incident, who, what, now, details)])


def members(con: Connection, incident: Id) -> set[Id]:
    """The inquiries that are in it."""
    found = con.execute(
        "SELECT DISTINCT inquiry_id FROM incident_member WHERE incident_id = ? AND left_at IS NULL", [as_uuid(incident)]
    ).fetchall()
    return {inquiry.bytes for (inquiry,) in found}


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


def said_on(page: Prepared, asked: Sequence[Draft]) -> list[Said]:
    """What new posts of customers report, in the order of writing. Pure; needs no database."""
    if not asked:  # an import's page, whose words nobody needs here
        return []
    told = {name: page.posts[name].to_pylist() for name in ("search_text", "text", "facts")}
    posts = []
    for draft in asked:
        assert draft.inquiry_id is not None
        words = (told["search_text"][draft.at], told["text"][draft.at], told["facts"][draft.at])
        key = (draft.posted_at, draft.order, draft.post_id)
        names = (
            draft.inquiry_id, draft.post_id, draft.alias_id, draft.person_id, draft.thread_id, draft.reply_to,
        )  # fmt: skip
        if (one := said_of(names, draft.posted_at, *words)) is not None:
            posts.append((key, one))
    return [one for _, one in sorted(posts, key=lambda each: each[0])]


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


def _to_tell(con: Connection, grouper: Grouper, changes: Changes, before: dict[Id, int]) -> set[Id]:
    """Members of what has grown, as often as it is worth telling."""
    told = {inquiry for _, inquiry in changes.joined}
    for one in changes.incidents():
        incident = grouper.incidents.get(one)
        if incident is None:
            continue
        many = incident.persons()
        if one not in before or many <= FEW or _step(many) != _step(before[one]):
            told |= members(con, one) if incident.gone else {report.inquiry_id for report in incident.reports}
    return told


def _step(persons: int) -> int:
    return int(math.log(max(1, persons)) / math.log(1.1))
