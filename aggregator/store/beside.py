"""What other rows say of a few inquiries: what `feed_at` joins for all of them.

That macro reads all open inquiries, all reports of incidents and all approaches to say something of one; these small
statements read the rows that matter, and take DuckDB less time even to plan. A test holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from aggregator.identity import Id
from aggregator.inquiry import Inquiry
from aggregator.moving_points import Beside
from aggregator.store.database import Connection
from aggregator.store.rows import among, fetch


class Around(NamedTuple):
    """`incident`, `number`: to which it belongs, of several the newest; None: to none."""

    beside: Beside
    incident: Id | None
    number: int | None


def around(con: Connection, inquiries: Collection[Inquiry]) -> dict[Id, Around]:
    """What other rows say of each of these open inquiries."""
    ids = [each.inquiry_id for each in inquiries]
    repeats = _repeat_contact(con, {each.person_id for each in inquiries if each.waiting_since is not None})
    approached = _approaches(con, ids)
    incidents = _incidents(con, ids)
    persons = _persons(con, {incident for incident, _ in incidents.values()})
    found = {}
    for each in inquiries:
        again, since = repeats.get(each.person_id, (0, None))
        if each.waiting_since is None or each.kind == "other":  # no second place in which somebody waits
            again = 0
        incident, number = incidents.get(each.inquiry_id, (None, None))
        beside = Beside(again, since, approached.get(each.inquiry_id, 0), persons.get(incident or b"", 0))
        found[each.inquiry_id] = Around(beside, incident, number)
    return found


def _repeat_contact(con: Connection, persons: Collection[Id]) -> dict[Id, tuple[int, datetime | None]]:
    """As the view repeat_contact: in how many further inquiries each of these waits, and for how long already."""
    if not persons:
        return {}
    linked = dict(con.execute(_CONTACTS.format(among("account_id", [*persons]))).fetchall())
    contact_of = {account.bytes: contact.bytes for account, contact in linked.items()}
    if linked:
        theirs = con.execute(_CONTACTS.format(among("contact_id", [*set(contact_of.values())]))).fetchall()
        contact_of |= {account.bytes: contact.bytes for account, contact in theirs}
    waiting: defaultdict[Id, list[datetime | None]] = defaultdict(list)
    for person, since, per_hour in fetch(
        con, "inquiry_open", "person_id, waiting_since, wait_per_hour", "person_id",
        {*persons, *contact_of}, "waiting_since IS NOT NULL AND kind <> 'other'",
    ):  # fmt: skip
        waiting[contact_of.get(person, person)].append(since if per_hour > 0 else None)
    found = {}
    for person in persons:
        times = waiting[contact_of.get(person, person)]
        if len(times) > 1:
            found[person] = len(times) - 1, min(filter(None, times), default=None)
    return found


_CONTACTS = "SELECT account_id, contact_id FROM contact WHERE {}"


def _approaches(con: Connection, ids: Iterable[Id]) -> dict[Id, int]:
    """As the view approached: by how many impostors the customer of each was approached."""
    by: defaultdict[Id, set[Id]] = defaultdict(set)
    for inquiry, account in fetch(con, "approach", "inquiry_id, account_id", "inquiry_id", ids, "withdrawn_at IS NULL"):
        by[inquiry].add(account)
    return {inquiry: len(accounts) for inquiry, accounts in by.items()}


def _incidents(con: Connection, ids: Iterable[Id]) -> dict[Id, tuple[Id, int]]:
    """As the view incident_of: the newest incident of each, and its number."""
    inside = fetch(con, "incident_member", "inquiry_id, incident_id", "inquiry_id", ids, "left_at IS NULL")
    numbers = dict(fetch(con, "incident", "incident_id, number", "incident_id", {incident for _, incident in inside}))
    found: dict[Id, tuple[Id, int]] = {}
    for inquiry, incident in inside:
        if incident in numbers and numbers[incident] >= found.get(inquiry, (b"", 0))[1]:
            found[inquiry] = incident, numbers[incident]
    return found


def _persons(con: Connection, incidents: Collection[Id]) -> dict[Id, int]:
    if not incidents:
        return {}
    found = con.execute(
        f"SELECT incident_id, persons FROM incident_size WHERE {among('incident_id', [*incidents])}"
    ).fetchall()
    return {incident.bytes: persons for incident, persons in found}
