"""Finding a person: by name, handle, account id, inquiry, wallet address, transaction, or mail address.

Only narrow tables are read, never a text: accounts by what they are called, and the hashes of what they have shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from aggregator.identity import Id, as_written, written
from aggregator.store import rows
from aggregator.store.reading import find_by_code
from aggregator.triage.evidence import hashed

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

How = Literal["name", "handle", "id", "inquiry", "address", "tx", "mail", "app", "part"]
MOST = 50
_SHORTEST = {True: 3, False: 1}  # letters of a part of a name, Latin and other ones
_KINDS: tuple[How, ...] = ("address", "tx", "mail", "app")


@dataclass(frozen=True, slots=True)
class Hit:
    """An account that was found. `how`: what of it is what was sought; part: its name or handle holds it."""

    account_id: Id
    person_id: Id
    name: str
    handle: str | None
    space: str
    native_id: str
    role: str
    suspect: bool
    how: tuple[How, ...]
    open: int
    inquiries: int
    last_post_at: datetime | None

    @property
    def account(self) -> str:
        return written(self.account_id)


def find_people(cursor: Connection, sought: str) -> tuple[list[Hit], bool]:
    """Who it may be, whoever wrote last first, and whether there are more than are shown."""
    sought = sought.strip()
    if not sought:
        return [], False
    exact = _exact(cursor, sought)
    found = exact or _partly(cursor, sought)
    shown = dict(list(found.items())[:MOST])
    hits = _told(cursor, shown)
    hits.sort(key=lambda hit: (hit.last_post_at is not None, hit.last_post_at, hit.account_id), reverse=True)
    return hits, len(found) > MOST


def _exact(cursor: Connection, sought: str) -> dict[Id, tuple[How, ...]]:
    found: dict[Id, tuple[How, ...]] = {}

    def add(account: Id, how: How) -> None:
        if how not in found.get(account, ()):
            found[account] = (*found.get(account, ()), how)

    name = sought.removeprefix("@").lower()
    for account, by_name, by_handle in cursor.execute(
        "SELECT account_id, lower(name) = $name, coalesce(lower(handle) = $name, false) FROM account "
        f"WHERE lower(name) = $name OR lower(handle) = $name OR native_id = $id LIMIT {MOST + 1}",
        {"name": name, "id": sought},
    ).fetchall():
        if by_name:
            add(account.bytes, "name")
        if by_handle:
            add(account.bytes, "handle")
        if not (by_name or by_handle):
            add(account.bytes, "id")
    values = {hashed(kind, sought): kind for kind in _KINDS}
    sql = f"SELECT DISTINCT account_id, value FROM evidence WHERE value IN (SELECT id FROM wanted) LIMIT {MOST + 1}"
    for account, value in rows.select(cursor, sql, rows.ids(values)):
        add(account, values[value])
    for account, how in _by_our_own_names(cursor, sought):
        add(account, how)
    return found


def _by_our_own_names(cursor: Connection, sought: str) -> list[tuple[Id, How]]:
    """Whose inquiry, or whose page, this is."""
    inquiry = None
    try:
        this = as_written(sought)
    except ValueError:
        code = sought.removeprefix("#")
        inquiry = find_by_code(cursor, code) if len(code) == 7 and code.isascii() else None
    else:
        if rows.fetch(cursor, "account", "account_id", "account_id", [this]):
            return [(this, "id")]
        inquiry = this
    if inquiry is None:
        return []
    both = (rows.fetch(cursor, table, "person_id", "inquiry_id", [inquiry]) for table in _TABLES)
    return [(person, "inquiry") for found in both for (person,) in found]


_TABLES = ("inquiry_open", "inquiry_closed")


def _partly(cursor: Connection, sought: str) -> dict[Id, tuple[How, ...]]:
    part = sought.removeprefix("@").lower()
    if len(part) < _SHORTEST[part.isascii()]:
        return {}
    found = cursor.execute(
        "SELECT account_id FROM account WHERE contains(lower(name), $part) OR contains(lower(handle), $part) "
        f"LIMIT {MOST + 1}",
        {"part": part},
    ).fetchall()
    return {account.bytes: ("part",) for (account,) in found}


def _told(cursor: Connection, found: Mapping[Id, tuple[How, ...]]) -> list[Hit]:
    columns = "account_id, person_id, name, handle, space, native_id, role, coalesce(suspect, false)"
    counts = counted(cursor, found)
    accounts = rows.fetch(cursor, "account", columns, "account_id", found)
    told = [(*row, found[row[0]], *counts.get(row[0], (0, 0, None))) for row in accounts]
    return [Hit(*each) for each in told]


def counted(cursor: Connection, accounts: Collection[Id]) -> dict[Id, tuple[int, int, datetime | None]]:
    """Of each account: its open inquiries, all of them, and when it wrote last in one."""
    counts: dict[Id, tuple[int, int, datetime | None]] = {}
    for table in _TABLES:
        for person, number, last in rows.select(
            cursor,
            f"SELECT person_id, count(*), max(last_post_at) FROM {table} "
            "WHERE person_id IN (SELECT id FROM wanted) GROUP BY person_id",
            rows.ids(accounts),
        ):
            now_open, every, newest = counts.get(person, (0, 0, None))
            latest = max(last, newest) if newest else last
            counts[person] = (now_open + number * (table == "inquiry_open"), every + number, latest)
    return counts
