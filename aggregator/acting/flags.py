"""Links and accounts that colleagues flag for review, and what a lead says of them.

A flagged link is shown with a warning before anybody follows it; one that a lead has blocked is not opened any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import orjson

from aggregator.acting.compare_and_set import Done, note
from aggregator.folding.refold import inquiries_by_id
from aggregator.hosts import host_and_path
from aggregator.identity import Id, as_uuid, as_written, time_ordered_id, written
from aggregator.people.blocked import unblocked
from aggregator.triage.entities.links import find_links

if TYPE_CHECKING:
    from collections.abc import Collection

    from aggregator.config import Settings
    from aggregator.store.rows import Connection

_MAIL = re.compile(r"mailto:[^\s<>\"']+", re.IGNORECASE)

FlagKind = Literal["link", "account"]
Verdict = Literal["blocked", "harmless"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One of them. `name`: the account's, or the address."""

    flag_id: Id
    kind: str
    target: str
    name: str
    inquiry_id: Id | None  # where it was seen; None: an account that approached nobody, or the inquiry is deleted
    flagged_at: datetime
    flagged_by: str
    reason: str
    state: str  # open, blocked, harmless, withdrawn
    decided_at: datetime | None
    decided_by: str | None


def address_of(url: str) -> str | None:
    """How a link is kept: host and path, without what tells its readers apart. None: it leads nowhere."""
    host, path = host_and_path(url.strip() if "//" in url else f"//{url.strip()}")
    host = host.rstrip(".")
    return host + path.rstrip("/") if "." in host else None


def above(url: str) -> list[str]:
    """The address of a link, and those under which it stands: a site's own address stands for all of the site."""
    parts = (address_of(url) or "").split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts)) if parts[0]]


def flag(
    con: Connection,
    settings: Settings,
    inquiry_id: Id,
    kind: FlagKind,
    target: str,
    who: str,
    now: datetime,
    reason: str,
) -> Done:
    """Flag what is named in a post of this inquiry's thread. What is flagged already stays as it is.

    Raises:
        KeyError: there is no such inquiry, or nothing of the kind in its thread.
    """
    inquiry = inquiries_by_id(con, [inquiry_id])[inquiry_id]
    if not _is_there(con, inquiry.thread_id, inquiry_id, kind, target):
        raise KeyError(target)
    if con.execute(
        "SELECT 1 FROM flag WHERE kind = ? AND target = ? AND state IN ('open', 'blocked')", [kind, target]
    ).fetchone():
        return Done(inquiry, None, {"name": _name(con, kind, target), "reason": reason})
    this = time_ordered_id(int(now.timestamp() * 1000), 0)
    con.execute(
        "INSERT INTO flag VALUES (?, ?, ?, ?, ?, ?, ?, 'open', NULL, NULL)",
        [this, kind, target, as_uuid(inquiry_id), now, who, reason],
    )
    details = {"flag": str(this), "kind": kind, "name": _name(con, kind, target), "reason": reason}
    return note(con, settings, inquiry, who, "flag", now, details)


def report(con: Connection, account: Id, who: str, now: datetime, reason: str, *, blocked: bool) -> None:
    """Flag an account that is listed, or block it at once. What is blocked stays so. Where it was seen is the inquiry
    that it approached last, if it approached any."""
    target = written(account)
    where = "kind = 'account' AND target = ? AND state IN ('open', 'blocked')"
    if con.execute(f"SELECT 1 FROM flag WHERE {where}", [target]).fetchone():
        if blocked:
            change = "UPDATE flag SET state = 'blocked', decided_at = ?, decided_by = ?"
            con.execute(f"{change} WHERE {where} AND state = 'open'", [now, who, target])
        return
    (inquiry,) = con.execute(
        "SELECT max_by(inquiry_id, approached_at) FROM approach WHERE account_id = ?", [as_uuid(account)]
    ).fetchone() or (None,)
    this = time_ordered_id(int(now.timestamp() * 1000), 0)
    state, decided = ("blocked", (now, who)) if blocked else ("open", (None, None))
    con.execute(
        "INSERT INTO flag VALUES (?, 'account', ?, ?, ?, ?, ?, ?, ?, ?)",
        [this, target, inquiry, now, who, reason, state, *decided],
    )


def withdraw(con: Connection, flag_id: str, who: str, now: datetime) -> None:
    """Nobody need look at it any more; what a lead has decided stays."""
    con.execute(
        "UPDATE flag SET state = 'withdrawn', decided_at = ?, decided_by = ? WHERE flag_id = ? AND state = 'open'",
        [now, who, as_uuid(as_written(flag_id))],
    )


def decide(con: Connection, settings: Settings, flag_id: Id, who: str, now: datetime, verdict: Verdict) -> set[Id]:
    """Say what it is. Returns the inquiry where it was seen, if it was seen in one, and those that begin because an
    account is not blocked any more.

    Raises:
        KeyError: there is no such flag, or it was withdrawn.
    """
    found = con.execute(f"{_SELECT} WHERE f.flag_id = ? AND f.state <> 'withdrawn'", [as_uuid(flag_id)]).fetchone()
    if found is None:
        raise KeyError(flag_id)
    one = _read(found)
    con.execute(
        "UPDATE flag SET state = ?, decided_at = ?, decided_by = ? WHERE flag_id = ?",
        [verdict, now, who, as_uuid(flag_id)],
    )
    begun = set[Id]()
    if one.kind == "account" and one.state == "blocked" and verdict == "harmless" and one.decided_at:
        begun = unblocked(con, settings, as_written(one.target), one.decided_at)
    details = {"verdict": verdict, "kind": one.kind, "name": one.name}
    if one.inquiry_id is None and one.kind == "link":
        return begun  # it has no history to stand in; the flag itself says who decided
    if one.inquiry_id is None:
        con.execute(
            "INSERT INTO account_event VALUES (?, ?, ?, ?, 'unflag', ?)",
            [time_ordered_id(int(now.timestamp() * 1000), 0), as_uuid(as_written(one.target)), now, who,
             orjson.dumps(details).decode()],
        )  # fmt: skip
        return begun
    inquiry = inquiries_by_id(con, [one.inquiry_id])[one.inquiry_id]
    note(con, settings, inquiry, who, "unflag", now, details)
    return begun | {one.inquiry_id}


_SELECT = (
    "SELECT f.flag_id, f.kind, f.target, coalesce(a.name, f.target), f.inquiry_id, f.flagged_at, f.flagged_by, "
    "f.reason, f.state, f.decided_at, f.decided_by FROM flag AS f "
    "LEFT JOIN account AS a ON f.kind = 'account' AND a.account_id = try_cast(f.target AS UUID)"
)


def flags(con: Connection) -> list[Flag]:
    """All of them, what nobody has decided first."""
    found = con.execute(f"{_SELECT} ORDER BY f.state <> 'open', f.flagged_at DESC LIMIT 500").fetchall()
    return [_read(row) for row in found]


def verdicts(con: Connection, kind: FlagKind, targets: Collection[str]) -> dict[str, Flag]:
    """What is open or blocked of these, by target."""
    if not targets:
        return {}
    found = con.execute(
        f"{_SELECT} WHERE f.kind = ? AND f.state IN ('open', 'blocked') AND f.target IN (SELECT unnest(?::VARCHAR[]))",
        [kind, list(targets)],
    ).fetchall()
    return {flag.target: flag for flag in map(_read, found)}


def _read(row: tuple[Any, ...]) -> Flag:
    this, kind, target, name, inquiry, *said = row
    return Flag(this.bytes, kind, target, name, inquiry.bytes if inquiry else None, *said)


def _is_there(con: Connection, thread: Id, inquiry: Id, kind: FlagKind, target: str) -> bool:
    """What a form names must stand in the thread, or have approached its customer: nobody flags by address what nobody
    has seen."""
    where, bound = "(thread_id = $1 OR inquiry_id = $2)", [as_uuid(thread), as_uuid(inquiry)]
    if kind == "account":
        found = con.execute(
            f"SELECT 1 FROM post WHERE {where} AND account_id = try_cast($3 AS UUID) UNION ALL "
            "SELECT 1 FROM approach WHERE inquiry_id = $2 AND account_id = try_cast($3 AS UUID) LIMIT 1",
            [*bound, target],
        ).fetchone()
        return found is not None
    host = target.partition("/")[0]
    said = con.execute(
        f"SELECT text, facts->>'$.links[*]' FROM post WHERE {where} "
        "AND (contains(lower(text), $3) OR contains(lower(facts), $3))",
        [*bound, host],
    ).fetchall()
    return any(_leads_to(link, target) for text, hidden in said for link in (*_links(text), *hidden))


def _links(text: str) -> list[str]:
    return [link for link, _ in find_links(text)] + _MAIL.findall(text)


def _leads_to(link: str, target: str) -> bool:
    """To this address, or to one below it. Pages end a link also before a bracket, or a character of no address."""
    address, named = address_of(link) or "", target.rstrip(".,;:!?")
    after = address[len(named) : len(named) + 1]
    return address.startswith(named) and (after in ("", "/", "(", ")") or not after.isascii())


def _name(con: Connection, kind: FlagKind, target: str) -> str:
    if kind == "link":
        return target
    found = con.execute("SELECT name FROM account WHERE account_id = try_cast(? AS UUID)", [target]).fetchone()
    return found[0] if found else target
