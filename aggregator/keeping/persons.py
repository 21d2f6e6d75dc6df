"""Whom a command means by `--person`, and what belongs to that person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aggregator.control import MisusedError, RefusedError
from aggregator.identity import Id, as_uuid
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

_CODE = re.compile(r"[A-Z2-7]{7}")
_HOW = "give the code of an inquiry, space:id, a handle or a name"
_MOST_NAMED = 10
_ACCOUNT = "account_id, space, native_id, name, handle, role, person_id"


@dataclass(frozen=True, slots=True)
class Account:
    account_id: Id
    space: str
    native_id: str
    name: str
    handle: str | None
    role: str
    person_id: Id

    @property
    def address(self) -> str:
        """How `--person` names exactly this one."""
        return f"{self.space}:{self.native_id}"


@dataclass(frozen=True, slots=True)
class Person:
    """ids: what stands as person_id in inquiries: accounts, or a post whose author nobody knows. perhaps: accounts that
    only claimed evidence links, which is never enough to erase by."""

    ids: frozenset[Id]
    accounts: tuple[Account, ...]
    perhaps: tuple[Account, ...]


def find_person(con: Connection, said: str) -> Person:
    """The one person that this code of an inquiry, `space:id`, account id, handle or name means.

    Raises:
        MisusedError: it is empty.
        RefusedError: it means nobody, several, or one of us; the message lists whom.
    """
    if not said.strip().removeprefix("@"):
        raise MisusedError(f"--person is empty; that is nobody here: {_HOW}")
    found = _meant(con, said.strip())
    if not found:
        if _CODE.fullmatch(said.strip().upper()) and (post := _nameless(con, said.strip().upper())):
            return Person(frozenset([post]), (), ())
        raise RefusedError(f"{said} is nobody here: {_HOW}")
    if len({each.person_id for each in found}) > 1:
        named = "".join(f"\n  {each.address}  {each.name}" for each in found[:_MOST_NAMED])
        more = f"\n  and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        raise RefusedError(f"{said} may be {len(found)} accounts; name one of them:{named}{more}")
    accounts = _accounts(con, "person_id = ?", [as_uuid(found[0].person_id)])
    if ours := [each for each in accounts if each.role in ("staff", "official")]:
        raise RefusedError(f"{ours[0].address} is one of ours; only customers are erased")
    ids = frozenset(each.account_id for each in accounts)
    return Person(ids, tuple(accounts), tuple(_perhaps(con, ids)))


def _meant(con: Connection, said: str) -> list[Account]:
    if _CODE.fullmatch(said.upper()):
        inquiries = "SELECT person_id FROM inquiry WHERE code = ?"
        if found := _accounts(con, f"account_id IN ({inquiries})", [said.upper()]):
            return found
    if found := _accounts(con, "space || ':' || native_id = ?", [said]):
        return found
    try:
        if found := _accounts(con, "account_id = ?", [UUID(said)]):
            return found
    except ValueError:
        pass
    name = said.removeprefix("@").lower()
    if not name:  # accounts without a name hold an empty one
        return []
    return _accounts(con, "lower(handle) = ? OR lower(name) = ? OR lower(native_id) = ?", [name] * 3)


def _nameless(con: Connection, code: str) -> Id | None:
    found = con.execute("SELECT person_id FROM inquiry WHERE code = ?", [code]).fetchone()
    return found[0].bytes if found else None


def _accounts(con: Connection, where: str, parameters: list[object]) -> list[Account]:
    found = rows.select(
        con, f"SELECT {_ACCOUNT} FROM account WHERE {where} ORDER BY space, native_id", rows.ids(()), parameters
    )
    return [Account(*row) for row in found]


def _perhaps(con: Connection, ids: frozenset[Id]) -> list[Account]:
    contacts = "SELECT contact_id FROM person_link WHERE undone_at IS NULL AND account_id IN (SELECT id FROM wanted)"
    found = rows.select(
        con,
        f"SELECT {_ACCOUNT} FROM account WHERE account_id NOT IN (SELECT id FROM wanted) AND account_id IN "
        f"(SELECT account_id FROM person_link WHERE undone_at IS NULL AND contact_id IN ({contacts})) "
        "ORDER BY space, native_id",
        rows.ids(ids),
    )
    return [Account(*row) for row in found]
