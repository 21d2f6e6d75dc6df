"""What is kept about each source: cursor and fence, coverage, health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import duckdb
import orjson

from aggregator.identity import Id, written
from aggregator.store.database import Connection
from aggregator.store.meta import note, noted
from connectors.contract import Quota
from connectors.wording import worded

_CURSOR_OF = "cursor_of:"
"""With a source's name the key of `meta` that holds what its cursor is of."""
HealthState = Literal["ok", "silent", "failing", "stopped", "paused", "off"]


class FenceLostError(Exception):
    """Another collector moved this source's cursor: what we hold is stale, nothing was written."""

    def __init__(self, source: str) -> None:
        super().__init__(f"{source}: another process collects this source; this one stops doing so")


@dataclass(frozen=True, slots=True)
class SourceState:
    """Where a source was left. `rhythm`: see aggregator/tempo.py; empty: nothing is known yet. `paused_by`: the
    colleague who stopped its polling."""

    cursor: dict[str, Any] | None
    fence: int
    backfill_from: datetime
    live_since: datetime
    quota: Quota | None = None
    rhythm: dict[str, Any] = field(default_factory=dict)
    paused_by: str | None = None


def start(
    con: Connection,
    source: str,
    space: str,
    channel: str,
    now: datetime,
    backfill: timedelta,
    cursor_of: str | None = None,
) -> SourceState:
    """The state of a source; written at its first start, which also fixes what counts as backfill. A source that was
    pointed to another place (another forum, another connector) begins anew there: its cursor is none of that place.

    cursor_of: see `Connector.cursor_of`; None: whatever it is of.
    """
    is_another = cursor_of is not None and _is_another(con, source, cursor_of)
    row = con.execute(
        "SELECT cursor, fence, backfill_from, live_since, quota, rhythm, paused_by, space FROM source_state "
        "WHERE source = ?",
        [source],
    ).fetchone()
    if row is None:
        state = SourceState(None, 0, now - backfill, now)
        con.execute(
            "INSERT INTO source_state (source, space, channel, fence, backfill_from, live_since) "
            "VALUES (?, ?, ?, 0, ?, ?)",
            [source, space, channel, state.backfill_from, state.live_since],
        )
        return state
    cursor, fence, backfill_from, live_since, quota, rhythm, paused_by, before = row
    if before != space or is_another:
        state = SourceState(None, fence + 1, now - backfill, now, paused_by=paused_by)
        con.execute(
            "UPDATE source_state SET space = ?, channel = ?, cursor = NULL, fence = ?, backfill_from = ?, "
            "live_since = ?, quota = NULL, rhythm = NULL WHERE source = ?",
            [space, channel, state.fence, state.backfill_from, state.live_since, source],
        )
        con.execute("DELETE FROM coverage WHERE source = ? AND state <> 'lost'", [source])
        return state
    return SourceState(
        orjson.loads(cursor) if cursor else None,
        fence,
        backfill_from,
        live_since,
        quota_of(quota),
        orjson.loads(rhythm) if rhythm else {},
        paused_by,
    )


def _is_another(con: Connection, source: str, cursor_of: str) -> bool:
    """Whether the cursor of this source was of something else, as far as that is known; it is noted what it is of."""
    key = f"{_CURSOR_OF}{source}"
    known = noted(con, key)
    if known != cursor_of:
        note(con, key, cursor_of)
    return known not in (None, cursor_of)


def stands(con: Connection, source: str) -> tuple[dict[str, Any] | None, int]:
    """Cursor and fence of a source that was started."""
    row = con.execute("SELECT cursor, fence FROM source_state WHERE source = ?", [source]).fetchone()
    assert row is not None
    cursor, fence = row
    return orjson.loads(cursor) if cursor else None, fence


def pause(con: Connection, source: str, who: str | None) -> None:
    """Who stopped the polling of a source; None: it goes on."""
    con.execute("UPDATE source_state SET paused_by = ? WHERE source = ?", [who, source])


def paused(con: Connection) -> set[str]:
    """The sources whose polling somebody stopped."""
    found = con.execute("SELECT source FROM source_state WHERE paused_by IS NOT NULL").fetchall()
    return {source for (source,) in found}


def move(con: Connection, source: str, fence: int, cursor: dict[str, Any], quota: Quota | None) -> None:
    """Move the cursor on from where it stood at `fence`. `quota` None: the platform told nothing new of it.

    Raises:
        FenceLostError: somebody else has moved it, or is about to.
    """
    told = None
    if quota:
        told = orjson.dumps({"left": quota.left, "limit": quota.limit, "resets_at": quota.resets_at}).decode()
    _set_cursor(con, source, fence, orjson.dumps(cursor).decode(), told)


def restart(con: Connection, source: str, fence: int) -> None:
    """Forget the cursor: the platform no longer knows it. Raises as `move`."""
    _set_cursor(con, source, fence, None, None)


def _set_cursor(con: Connection, source: str, fence: int, cursor: str | None, quota: str | None) -> None:
    try:
        moved = con.execute(
            "UPDATE source_state SET cursor = ?, quota = coalesce(?, quota), fence = fence + 1 "
            "WHERE source = ? AND fence = ?",
            [cursor, quota, source, fence],
        ).fetchone()
    except duckdb.TransactionException as error:  # a collector commits at this very moment
        raise FenceLostError(source) from error
    if not moved or moved[0] != 1:
        raise FenceLostError(source)


def quota_of(stored: str | None) -> Quota | None:
    """What `move` stored."""
    if stored is None:
        return None
    told = orjson.loads(stored)
    return Quota(told["left"], told["limit"], datetime.fromisoformat(told["resets_at"]))


def pass_over(con: Connection, source: str, posts: int) -> None:
    """So many more posts began no inquiry because of the source's words."""
    con.execute("UPDATE source_state SET passed_over = passed_over + ? WHERE source = ?", [posts, source])


def with_rejected(con: Connection) -> set[str]:
    """Sources of which records wait to be readable."""
    found = con.execute("SELECT DISTINCT source FROM rejected_record WHERE resolved_at IS NULL").fetchall()
    return {source for (source,) in found}


def resolve(con: Connection, rejected: Sequence[Id], now: datetime) -> None:
    """These could be read now; those that never were rejected are left out."""
    con.execute(
        "UPDATE rejected_record SET resolved_at = ? WHERE resolved_at IS NULL "
        "AND rejected_id IN (SELECT unnest(?)::UUID)",
        [now, [written(each) for each in rejected]],
    )


def keep_rhythm(con: Connection, source: str, rhythm: dict[str, Any]) -> None:
    """What was learned of when posts arrive."""
    con.execute("UPDATE source_state SET rhythm = ? WHERE source = ?", [orjson.dumps(rhythm).decode(), source])


def vouch(con: Connection, source: str, since: datetime, until: datetime, retention: timedelta | None) -> None:
    """Everything the platform had up to `until` is stored.

    A gap that was open is closed; what lies further back than the platform keeps it is lost. `until` before the
    last such moment: the clock was wrong then.
    """
    gap = con.execute(
        "SELECT from_at, to_at, reason FROM coverage WHERE source = ? AND state = 'gap'", [source]
    ).fetchone()
    newest = con.execute("SELECT max(to_at) FROM coverage WHERE source = ? AND state = 'complete'", [source]).fetchone()
    complete_to = newest[0] if newest else None
    kept_from = until - retention if retention else min(since, until)
    known_to = complete_to or _listening_since(con, source)
    is_lost = retention is not None and known_to < kept_from
    if is_lost:
        reason = gap[2] if gap else worded("we were not running")
        con.execute("INSERT INTO coverage VALUES (?, ?, ?, 'lost', ?)", [source, known_to, kept_from, reason])
    if gap:
        con.execute(
            "UPDATE coverage SET state = 'refetched', to_at = ? WHERE source = ? AND state = 'gap'", [until, source]
        )
    if complete_to is None or is_lost:
        begin = max(kept_from, min(since, until))
        con.execute("INSERT INTO coverage VALUES (?, ?, ?, 'complete', '')", [source, begin, until])
    elif until != complete_to:
        con.execute(
            "UPDATE coverage SET from_at = least(from_at, $until), to_at = $until "
            "WHERE source = $source AND state = 'complete' AND to_at = $before",
            {"source": source, "until": until, "before": complete_to},
        )


def _listening_since(con: Connection, source: str) -> datetime:
    row = con.execute("SELECT live_since FROM source_state WHERE source = ?", [source]).fetchone()
    assert row is not None
    since: datetime = row[0]
    return since


def open_gap(con: Connection, source: str, since: datetime, now: datetime, reason: str) -> None:
    """We cannot vouch for the time from the last complete moment until now."""
    updated = con.execute(
        "UPDATE coverage SET to_at = ?, reason = ? WHERE source = ? AND state = 'gap'", [now, reason, source]
    ).fetchone()
    if updated and updated[0]:
        return
    newest = con.execute("SELECT max(to_at) FROM coverage WHERE source = ? AND state = 'complete'", [source]).fetchone()
    begin = newest[0] if newest and newest[0] else since
    con.execute("INSERT INTO coverage VALUES (?, ?, ?, 'gap', ?)", [source, min(begin, now), now, reason])


def lose(con: Connection, source: str, since: datetime, now: datetime, reason: str) -> None:
    """What came between the last complete moment and now can no longer be fetched."""
    open_gap(con, source, since, now, reason)
    con.execute("UPDATE coverage SET state = 'lost' WHERE source = ? AND state = 'gap'", [source])


def lose_restored(con: Connection, source: str, since: datetime, now: datetime) -> None:
    """A backup of `since` was put in place at `now`: what was taken between the two is not told again. Noted once."""
    reason = worded("a backup was put in place, and what was taken after it was made is not told again")
    known = "SELECT 1 FROM coverage WHERE source = ? AND to_at = ? AND reason = ?"
    if not con.execute(known, [source, now, reason]).fetchone():
        lose(con, source, since, now, reason)


def doubt(con: Connection, source: str, since: datetime, now: datetime, reason: str) -> None:
    """The platform answers, but so long a silence (`since`) is not usual here: posts may be missing."""
    updated = con.execute(
        "UPDATE coverage SET to_at = ?, reason = ? WHERE source = ? AND state = 'doubt'", [now, reason, source]
    ).fetchone()
    if not updated or not updated[0]:
        con.execute("INSERT INTO coverage VALUES (?, ?, ?, 'doubt', ?)", [source, since, now, reason])


def believe(con: Connection, source: str, now: datetime) -> None:
    """Posts arrive again: the silence was one."""
    con.execute(
        "UPDATE coverage SET state = 'refetched', to_at = ? WHERE source = ? AND state = 'doubt'", [now, source]
    )


def report(
    con: Connection,
    source: str,
    state: HealthState,
    message: str,
    failures: int,
    polled_at: datetime,
    next_at: datetime | None,
    warnings: Sequence[str],
    trouble: str | None = None,
) -> None:
    """How a source is doing, for the health page. trouble: of which kind (`connectors.errors`); None: there is none."""
    con.execute("DELETE FROM source_health WHERE source = ?", [source])
    con.execute(
        "INSERT INTO source_health (source, state, message, failures, polled_at, next_at, warnings, trouble) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [source, state, message, failures, polled_at, next_at, orjson.dumps(list(warnings)).decode(), trouble],
    )
