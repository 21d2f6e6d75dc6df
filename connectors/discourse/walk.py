"""How far one listing of posts has been read, and the walk from its newest post down to there.

A listing (`/posts.json`, `/private-posts.json`) is read downwards, because that is the only way it can be asked:
`before=X`. Every page is committed with a `Place`, so a crash or a failed request in the middle of a long walk
goes on where it was, and what was written meanwhile is found by the walk after it.

Two dialects of `before`:
  current  the 50 newest posts with id < X;
  legacy   those with X - 50 < id <= X that we may see. X itself is repeated, and a window may hold few posts or
           none without being the end.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zlib import crc32

from connectors.contract import Cursor, Record
from connectors.errors import TransientError

UNREADABLE = "?"  # ends the look of a row that could not be read
WINDOW = 50  # ids in a legacy window
BEYOND_ALL_IDS = 2**31 - 1  # the current dialect lists its newest posts below it, the legacy one an empty window
Fetch = Callable[[int | None], Awaitable[list[Record]]]
"""One page of posts below an id; None: the newest page."""


@dataclass
class Place:
    """How far a listing has been read.

    high: everything up to this id is committed; None: the backfill has not ended.
    floor: posts up to this id are looked at no more.
    seen: for posts above the floor, what they looked like, to tell edits and disappearances.
    ask: posts that were listed and are no longer; it remains to be asked what became of them.
    top, low: a walk under way, of which the ids from low to top are committed.
    legacy: the dialect; None: not known yet.
    """

    high: int | None = None
    floor: int = 0
    seen: dict[int, str] = field(default_factory=dict)
    ask: list[int] = field(default_factory=list)
    top: int | None = None
    low: int | None = None
    legacy: bool | None = None

    @classmethod
    def of(cls, cursor: Cursor | None) -> Place:
        if cursor is None:
            return cls()
        return cls(**{**cursor, "seen": {int(key): look for key, look in cursor["seen"].items()}})

    def cursor(self) -> Cursor:
        return {
            "high": self.high,
            "floor": self.floor,
            "seen": {str(key): look for key, look in sorted(self.seen.items())},
            "ask": list(self.ask),
            "top": self.top,
            "low": self.low,
            "legacy": self.legacy,
        }


@dataclass
class Walk:
    """One poll of one listing.

    find_hidden_top: the id of the newest post, for a legacy listing that hides it behind an empty window.
    overlap: how many of the newest posts are looked at again.
    readable: whether a row can be read today. One that cannot is brought again once it can: a forum's passing glitch
        leaves a post that never looks different again.
    """

    place: Place
    fetch: Fetch
    find_hidden_top: Callable[[], Awaitable[int | None]]
    since: datetime
    overlap: int
    readable: Callable[[Record], bool]
    listed_nothing: bool = False

    async def steps(self, *, deep: bool) -> AsyncIterator[list[Record]]:
        """Yield per page what is new or looks different, oldest first; `place` then stands after that page.

        deep: look at the whole overlap, where posts can appear late (restored, moved, no longer hidden) and edits
        and deletions show; else stop at the newest post that we know.
        """
        place = self.place
        if place.low is not None:
            async for rows in self._down(place.floor):
                yield rows
        bound = place.floor if deep or place.high is None else place.high
        rows = await self.fetch(None)
        ids = _ids(rows)
        newest = max(ids, default=None)
        if newest is None and place.legacy is not False and (newest := await self.find_hidden_top()) is not None:
            place.legacy = True
        if newest is None:
            self.listed_nothing = True
            return
        if place.legacy is None:
            place.legacy = not await self.fetch(BEYOND_ALL_IDS)
        place.top = max(newest, place.high or 0)
        place.low = min(ids, default=newest + 1)
        changed = self._changed(rows, math.inf if rows else place.low)
        self._arrive(rows, bound)
        yield changed
        async for rows in self._down(bound):
            yield rows

    async def _down(self, bound: int) -> AsyncIterator[list[Record]]:
        while self.place.low is not None:
            above = self.place.low
            # An empty page is believed only if it is empty twice: it may pass for the end.
            rows = await self.fetch(above) or await self.fetch(above)
            self.place.low = self._lower(above, _ids(rows))
            changed = self._changed(rows, above)
            self._arrive(rows, bound)
            yield changed

    def _lower(self, above: int, ids: list[int]) -> int:
        """The lowest id down to which the page asked with `before=above` has shown everything."""
        if above in ids:
            self.place.legacy = True
        elif ids and min(ids) <= above - WINDOW:
            self.place.legacy = False
        return max(0, above - WINDOW + 1) if self.place.legacy else min(ids, default=0)

    def _changed(self, rows: list[Record], above: float) -> list[Record]:
        """What is new or looks different; what vanished between `low` and `above` goes to `ask`."""
        place, listed = self.place, {_key(row): row for row in rows}
        assert place.low is not None
        gone = [key for key in place.seen if place.low <= key < above and key not in listed]
        place.ask.extend(sorted(key for key in gone if key > 0))
        for key in gone:
            del place.seen[key]
        changed = []
        for key, row in sorted(listed.items()):
            look = _look(row)
            known = place.seen.get(key)
            if known != look and not self.readable(row):
                look += UNREADABLE
            if known == look or (key not in place.seen and self._is_too_old(key, row)):
                continue
            place.seen[key] = look
            changed.append(row)
        self._forget_beyond_overlap()
        return changed

    def _is_too_old(self, key: int, row: Record) -> bool:
        return 0 < key <= self.place.floor or _is_before(row, self.since)

    def _forget_beyond_overlap(self) -> None:
        """Of what this walk brought, keep the newest; what stood there before is needed further down."""
        high = self.place.high or 0
        new = sorted((key for key in self.place.seen if key > high), reverse=True)
        for key in new[self.overlap :]:
            del self.place.seen[key]

    def _arrive(self, rows: list[Record], bound: int) -> None:
        """End the walk if it has reached `bound`, or, in the backfill, posts that are all too old."""
        place = self.place
        assert place.low is not None
        backfilled = place.high is None and rows and all(_is_before(row, self.since) for row in rows)
        if place.low > bound + 1 and not backfilled:
            return
        assert place.top is not None
        if place.high is None:
            lowest = min((key for key in place.seen if key > 0), default=place.low)
            place.floor = max(0, lowest - self.overlap)  # below the first post, too, one may be restored
        place.high, place.top, place.low = place.top, None, None
        newest = sorted(place.seen, reverse=True)
        if len(newest) >= self.overlap:
            place.floor = max(place.floor, newest[self.overlap - 1] - 1)
        if place.legacy:  # a window costs a request however empty it is
            place.floor = max(place.floor, place.high - self.overlap)
        place.seen = {key: look for key, look in place.seen.items() if key > place.floor or key < 0}


def _key(row: Record) -> int:
    """The post's id; for a row without one, a negative number that stands for what it holds."""
    post_id = row.get("id")
    if isinstance(post_id, int) and post_id > 0:
        return post_id
    return -1 - crc32(repr(row).encode("utf-8", "replace"))


def _ids(rows: list[Record]) -> list[int]:
    """The ids of a page.

    Raises:
        TransientError: it has posts, but none with an id, so that we could not go on below it.
    """
    ids = [key for row in rows if (key := _key(row)) > 0]
    if rows and not ids:
        raise TransientError("the forum lists posts without ids: has it changed its format?")
    return ids


def _look(row: Record) -> str:
    """A short mark that changes with an edit, a like or an answer, not with every view. It holds no text."""
    told = ("version", "updated_at", "actions_summary", "reply_count", "hidden", "user_deleted", "deleted_at")
    return format(crc32(repr([row.get(name) for name in told]).encode("utf-8", "replace")), "x")


def _is_before(row: Record, since: datetime) -> bool:
    try:
        created = datetime.fromisoformat(str(row.get("created_at")))
    except ValueError:
        return False
    return (created if created.tzinfo else created.replace(tzinfo=UTC)) < since
