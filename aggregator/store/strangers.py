"""What belongs to others than whom an answer goes to: for the warning of aggregator/answering/strangers.py only, never
for an answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from aggregator.identity import Id
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.database import Connection
    from aggregator.store.desk import Desk


def shown_by_others(cursor: Connection, values: Collection[Id], person_id: Id) -> set[Id]:
    """Those of these hashes (`aggregator.triage.evidence`) that other persons have shown, and not this one."""
    if not values:
        return set()
    accounts = {row[0] for row in rows.fetch(cursor, "account", "account_id", "person_id", [person_id])} | {person_id}
    shown = rows.fetch(cursor, "evidence", "value, account_id", "value", values)
    own = {value for value, account in shown if account in accounts}
    return {value for value, account in shown if account not in accounts} - own


def lately_read(desk: Desk, user: str, most: int = 20) -> list[Id]:
    """Inquiries that this colleague has had before the eyes, the newest first."""
    with desk.reading() as con:
        found = con.execute(
            "SELECT inquiry FROM read_mark WHERE user = ? ORDER BY seen DESC LIMIT ?", [user, most]
        ).fetchall()
    return [inquiry for (inquiry,) in found]


def customers_of(cursor: Connection, inquiries: Iterable[Id]) -> dict[Id, tuple[str, ...]]:
    """Inquiry -> what its customer is called."""
    wanted = list(inquiries)
    persons = dict(
        pair
        for table in ("inquiry_open", "inquiry_closed")
        for pair in rows.fetch(cursor, table, "inquiry_id, person_id", "inquiry_id", wanted)
    )
    names = {
        account: tuple(name for name in called if name)
        for account, *called in rows.fetch(
            cursor, "account", "account_id, name, handle", "account_id", persons.values()
        )
    }
    return {inquiry: names.get(person, ()) for inquiry, person in persons.items()}
