"""What others are told: deliveries on their way, and which states were noticed. How the targets fare, for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import orjson

from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

KEPT = timedelta(days=7)  # what has ended stays for so long
_WAITS = "waits:"

DELIVERY = rows.Schema({
    "delivery_id": rows.UUIDS, "target": rows.TEXT, "event": rows.TEXT, "subject": rows.TEXT, "body": rows.TEXT,
    "unless_taken": rows.FLAG, "state": rows.TEXT, "written_at": rows.TIME, "due_at": rows.TIME, "tries": rows.INT,
    "why": rows.TEXT, "ended_at": rows.TIME,
})  # fmt: skip
NOTICED = rows.Schema(key=rows.TEXT, level=rows.REAL, noticed_at=rows.TIME)


class Delivery(NamedTuple):
    """The columns of `delivery`, where each is explained (aggregator/sql/0013_deliveries.sql)."""

    delivery_id: UUID
    target: str
    event: str
    subject: str
    body: str
    unless_taken: bool
    state: str
    written_at: datetime
    due_at: datetime
    tries: int = 0
    why: str | None = None
    ended_at: datetime | None = None


class TargetReport(NamedTuple):
    """How a target fares. why, since: what its oldest delivery that waits for another try met, and since when it
    waits; None: nothing does. given_up, given_up_why: within `KEPT`. last_at: when it last took something."""

    target: str
    waiting: int
    since: datetime | None
    why: str | None
    given_up: int
    given_up_why: str | None
    last_at: datetime | None


def insert(con: Connection, deliveries: Sequence[Delivery]) -> None:
    rows.insert(con, "delivery", DELIVERY, [(each.delivery_id.bytes, *each[1:]) for each in deliveries])


def last_id(con: Connection) -> tuple[int, int]:
    """Millisecond and number of the highest id (`aggregator.identity.time_ordered_id`) that waits to be sent."""
    found: tuple[UUID | None] | None = con.execute(
        "SELECT max(delivery_id) FROM delivery WHERE state = 'due'"
    ).fetchone()
    if found is None or found[0] is None:
        return (0, 0)
    return found[0].int >> 80, found[0].int >> 64 & 0xFFF


def first_due(con: Connection, now: datetime) -> list[Delivery]:
    """The oldest of each target that is due, whose turn it is."""
    return _select(
        con,
        "state = 'due' AND due_at <= ? QUALIFY row_number() OVER (PARTITION BY target ORDER BY delivery_id) = 1",
        [now],
    )


def due_of(con: Connection, target: str, now: datetime, most: int) -> list[Delivery]:
    """What is due at one target, oldest first."""
    return _select(
        con, f"target = ? AND state = 'due' AND due_at <= ? ORDER BY delivery_id LIMIT {most}", [target, now]
    )


def next_due(con: Connection) -> datetime | None:
    """When the next of all is due; None: nothing waits."""
    at: tuple[datetime | None] | None = con.execute("SELECT min(due_at) FROM delivery WHERE state = 'due'").fetchone()
    return at[0] if at else None


def end(con: Connection, ids: Sequence[UUID], state: str, now: datetime, why: str | None = None) -> None:
    """They were taken, or given up. Their words are no longer needed."""
    con.execute(
        "UPDATE delivery SET state = ?, ended_at = ?, why = ?, tries = tries + 1, body = '' "
        "WHERE list_contains(?, delivery_id) AND state = 'due'",
        [state, now, why, [*ids]],
    )


def taken(con: Connection) -> int:
    """How many were taken, of those that are remembered."""
    (count,) = con.execute("SELECT count(*) FROM delivery WHERE state = 'done'").fetchone() or (0,)
    return int(count)


def left(con: Connection, since: datetime) -> tuple[int, str]:
    """How many were due at that moment, and wait for another try or were given up since; and why one of them does."""
    count, why = con.execute(
        "SELECT count(*), any_value(why) FROM delivery WHERE (state = 'due' AND (due_at <= $1 OR why IS NOT NULL)) "
        "OR (state = 'given_up' AND ended_at >= $1)",
        [since],
    ).fetchone() or (0, None)
    return int(count), why or ""


def give_up(con: Connection, target: str, before: datetime | None, now: datetime, why: str) -> int:
    """All that has been due since `before` (None: all that waits). Returns how many there were."""
    done = con.execute(
        "UPDATE delivery SET state = 'given_up', ended_at = ?, why = ?, body = '' "
        "WHERE target = ? AND state = 'due' AND (?::TIMESTAMPTZ IS NULL OR greatest(written_at, due_at) <= ?)",
        [now, why, target, before, before],
    ).fetchone()
    return int(done[0]) if done else 0


def later(con: Connection, ids: Sequence[UUID], due_at: datetime | None, why: str) -> None:
    """They are tried again. due_at None: once their target is, before what was written after them."""
    con.execute(
        "UPDATE delivery SET due_at = coalesce(?, due_at), why = ?, tries = tries + 1 "
        "WHERE list_contains(?, delivery_id) AND state = 'due'",
        [due_at, why, [*ids]],
    )


def waits(con: Connection) -> dict[str, datetime]:
    """Targets that took nothing when they were tried last, and when they are tried again."""
    found = con.execute("SELECT key, level FROM noticed WHERE starts_with(key, ?)", [_WAITS]).fetchall()
    return {key.removeprefix(_WAITS): datetime.fromtimestamp(until, UTC) for key, until in found}


def wait(con: Connection, target: str, until: datetime, now: datetime) -> None:
    """Leave a target alone until then, in a later process as well."""
    notice(con, {f"{_WAITS}{target}": until.timestamp()}, now)


def clock_went_back(con: Connection, now: datetime) -> None:
    """What was written by a clock that was ahead of this one waits no longer for that, nor do targets that asked for
    time by it."""
    con.execute(
        "UPDATE delivery SET due_at = due_at - (written_at - $now), written_at = $now "
        "WHERE state = 'due' AND written_at > $now",
        {"now": now},
    )
    con.execute("DELETE FROM noticed WHERE starts_with(key, ?) AND noticed_at > ?", [_WAITS, now])


def drop_taken(con: Connection, subjects: Collection[str], now: datetime) -> None:
    """Somebody has these inquiries in hand: nobody else need be woken."""
    con.execute(
        "UPDATE delivery SET state = 'moot', ended_at = ?, body = '' "
        "WHERE state = 'due' AND unless_taken AND list_contains(?, subject)",
        [now, [*subjects]],
    )


def hide(con: Connection, subject: str, excerpt: str, title: str | None, now: datetime) -> None:
    """What an inquiry's posts say was masked after it was to be told: nobody is told the words that stood there.

    Alerts that still wait are moot, for another one tells of the key.
    """
    for each in _select(con, "subject = ? AND state = 'due'", [subject]):
        told = orjson.loads(each.body)
        data = told.get("data", {})
        inquiry = data.get("inquiry") or data.get("reply", {}).get("inquiry")
        if inquiry is None:
            end(con, [each.delivery_id], "moot", now)
        elif (inquiry["excerpt"], inquiry["title"]) != (excerpt, title):
            inquiry |= {"excerpt": excerpt, "title": title}
            con.execute(
                "UPDATE delivery SET body = ? WHERE delivery_id = ?", [orjson.dumps(told).decode(), each.delivery_id]
            )


def told(con: Connection, subject: str, events: Collection[str]) -> list[str]:
    """The targets that took one of these events of a subject."""
    found = con.execute(
        "SELECT DISTINCT target FROM delivery WHERE subject = ? AND state = 'done' AND list_contains(?, event)",
        [subject, [*events]],
    ).fetchall()
    return sorted(target for (target,) in found)


def forget_old(con: Connection, now: datetime) -> None:
    con.execute("DELETE FROM delivery WHERE ended_at < ?", [now - KEPT])
    con.execute("DELETE FROM noticed WHERE starts_with(key, 'taken:') AND noticed_at < ?", [now - KEPT])


def noticed(con: Connection, keys: Iterable[str]) -> dict[str, float]:
    """The levels that were noticed; a key that is not there was not."""
    found = con.execute("SELECT key, level FROM noticed WHERE list_contains(?, key)", [[*keys]]).fetchall()
    return dict(found)


def notice(con: Connection, levels: Mapping[str, float], now: datetime) -> None:
    """Remember these levels; 0: it is not so any more."""
    con.execute("DELETE FROM noticed WHERE list_contains(?, key)", [[*levels]])
    rows.insert(con, "noticed", NOTICED, [(key, level, now) for key, level in levels.items() if level])


def reports(con: Connection, targets: Sequence[str]) -> list[TargetReport]:
    """How these targets fare."""
    found = con.execute(
        """
        SELECT target,
               count(*) FILTER (state = 'due'),
               min(written_at) FILTER (state = 'due' AND why IS NOT NULL),
               arg_min(why, delivery_id) FILTER (state = 'due' AND why IS NOT NULL),
               count(*) FILTER (state = 'given_up'),
               arg_max(why, ended_at) FILTER (state = 'given_up'),
               max(ended_at) FILTER (state = 'done')
        FROM delivery GROUP BY target
        """
    ).fetchall()
    known = {target: TargetReport(target, *rest) for target, *rest in found}
    return [known.get(target, TargetReport(target, 0, None, None, 0, None, None)) for target in targets]


def _select(con: Connection, where: str, values: Sequence[object]) -> list[Delivery]:
    columns = ", ".join(Delivery._fields)
    return [Delivery(*each) for each in con.execute(f"SELECT {columns} FROM delivery WHERE {where}", values).fetchall()]
