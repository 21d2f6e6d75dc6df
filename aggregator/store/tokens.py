"""Keys for programs: the API's and the analysts' tokens. Only their hashes are stored."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from aggregator.store.desk import Desk, DeskError, DeskFullError, User, hashed, time_of
from aggregator.store.team import note

Scope = Literal["read", "act", "sql"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""read: look at everything that its owner may see; act: do what its owner may do; sql: query live."""

_TOUCH_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    owner: str
    scopes: frozenset[Scope]
    made_at: datetime
    used_at: datetime | None
    until: datetime | None  # None: for ever


def make(
    desk: Desk, name: str, owner: str, scopes: Collection[Scope], *, who: str, now: datetime, until: datetime | None
) -> str:
    """A new token, which nobody can see a second time.

    Raises:
        DeskError: the name is taken or cannot be one, or there is no such owner, or no scope.
    """
    if not name.strip() or name != name.strip() or len(name) > 60:
        raise DeskError("%(name)r cannot name a token; take 1 to 60 characters", name=name)
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise DeskError("a token needs one or more of %(scopes)s", scopes=", ".join(SCOPES))
    desk.user(owner)
    token = f"desk_{secrets.token_urlsafe(32)}"
    ordered = " ".join(scope for scope in SCOPES if scope in scopes)
    with desk.writing() as con:
        if con.execute("SELECT 1 FROM token WHERE name = ?", [name]).fetchone():
            raise DeskError("there is a token %(name)s already; revoke it first or take another name", name=name)
        con.execute(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, NULL, ?)",
            [name, hashed(token), owner, ordered, now.timestamp(), until and until.timestamp()],
        )
        note(con, now, who, "token", owner, {"name": name, "scopes": ordered})
    return token


def tokens(desk: Desk, owner: str | None = None) -> list[Token]:
    """The tokens of one colleague, or of all, by name; those that ran out as well."""
    with desk.reading() as con:
        found = con.execute(
            "SELECT name, user, scopes, made, used, until FROM token WHERE ?1 IS NULL OR user = ?1 ORDER BY name",
            [owner],
        ).fetchall()
    return [
        Token(name, user, frozenset(scopes.split()), time_of(made), used and time_of(used), until and time_of(until))
        for name, user, scopes, made, used, until in found
    ]


def revoke(desk: Desk, name: str, *, who: str, now: datetime, owner: str | None = None) -> None:
    """End it at once; `owner`: only if it is this colleague's.

    Raises:
        DeskError: there is no such token.
    """
    with desk.writing() as con:
        gone = con.execute(
            "DELETE FROM token WHERE name = ?1 AND (?2 IS NULL OR user = ?2) RETURNING user", [name, owner]
        ).fetchone()
        if gone is None:
            raise DeskError("there is no token %(name)s", name=name)
        note(con, now, who, "revoke", gone[0], {"name": name})


def holder(desk: Desk, token: str, now: datetime) -> tuple[User, frozenset[Scope]] | None:
    """Whom this token speaks for, and what it may; None: unknown, revoked, or run out."""
    at, digest = now.timestamp(), hashed(token)
    with desk.reading() as con:
        found = con.execute("SELECT user, scopes, used, until FROM token WHERE hash = ?", [digest]).fetchone()
    if found is None or (found[3] is not None and found[3] <= at):
        return None
    owner, scopes, used, _ = found
    if used is None or at - used > _TOUCH_EVERY.total_seconds():
        with suppress(DeskFullError), desk.writing() as con:  # who only reads may go on
            con.execute("UPDATE token SET used = ? WHERE hash = ?", [at, digest])
    try:
        return desk.user(owner), frozenset(scopes.split())
    except DeskError:  # removed this moment
        return None
