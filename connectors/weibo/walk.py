"""How a listing is read that shows the newest rows first and takes `since_id` and `max_id`.

`since_id` bounds a listing from below but does not begin at it: a page holds the newest rows. Ids rise with time.
So the walk goes down from the newest row, by `max_id`, to rows that we know. Only then do the rows that it met count
as known: a walk that is broken off goes on below the last committed page, and a storm loses nothing.

A few known rows are asked for again each time. They say in the same call that the walk has arrived, for a short page
need not be the last one; they show late rows and changes; and if they are missing, the answer is not to be believed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

from connectors.contract import Gap, Record
from connectors.errors import TransientError
from connectors.weibo.reading import id_of
from connectors.weibo.times import epoch, moment, read_time

KNOWN = 40  # rows that are looked at again
TOO_MANY_TO_VANISH = 3  # of those rows, at once
DEEP = 900  # rows; somewhere from 1,000 on Weibo shows no more
DOUBTS = 2  # times that an empty page on the way is not believed
NAMELESS = 10  # rows without an id that are remembered

Fetch = Callable[[int, int], Awaitable[tuple[list[Record], int | None]]]
"""(since_id, max_id), 0: no bound -> rows, newest first, and how many the listing holds, hidden ones included."""


class EmptyAnswerError(TransientError):
    """An answer that looks fine and holds nothing, though there must be something."""


@dataclass
class Step:
    """One page, oldest first: rows seen for the first time, edited ones, and those of which only counts moved."""

    new: list[Record] = field(default_factory=list)
    edited: list[Record] = field(default_factory=list)
    counted: list[Record] = field(default_factory=list)
    gaps: tuple[Gap, ...] = ()


@dataclass
class Place:
    """Where the reading of one listing stands. known, met: by id, how a row looked.

    met: the newest rows of a walk that has not arrived; low: the lowest id that it has reached, None: there is no
    such walk. walked: how many rows it has read; doubted: how often it met an empty page. newest, lowest: when the
    newest known row and the row at `low` were written.
    """

    known: dict[str, str] = field(default_factory=dict)
    newest: datetime | None = None
    met: dict[str, str] = field(default_factory=dict)
    met_newest: datetime | None = None
    low: int | None = None
    lowest: datetime | None = None
    walked: int = 0
    doubted: int = 0

    @classmethod
    def of(cls, cursor: dict[str, Any] | None) -> Place:
        stored = cursor or {}
        return cls(
            dict(stored.get("known", {})),
            moment(stored.get("newest")),
            dict(stored.get("met", {})),
            moment(stored.get("met_newest")),
            stored.get("low"),
            moment(stored.get("lowest")),
            stored.get("walked", 0),
            stored.get("doubted", 0),
        )

    def cursor(self) -> dict[str, Any]:
        stored: dict[str, Any] = {"known": dict(self.known), "newest": epoch(self.newest)}
        if self.low is not None:
            stored |= {"met": dict(self.met), "met_newest": epoch(self.met_newest), "low": self.low}
            stored |= {"lowest": epoch(self.lowest), "walked": self.walked, "doubted": self.doubted}
        return stored

    @property
    def high(self) -> int:
        return max(_numbers(self.known), default=0)

    @property
    def anchor(self) -> int:
        """From where to ask, so that the rows that we know come too."""
        return min(_numbers(self.known), default=1) - 1


@dataclass
class Walk:
    """One reading of one listing. `since`: rows written before it are left out, unless we knew them."""

    place: Place
    fetch: Fetch
    since: datetime

    async def steps(self) -> AsyncGenerator[Step, None]:
        """Yield page by page; `place` then stands after that page.

        Raises:
            EmptyAnswerError: the listing is empty, though it held rows before.
        """
        async for step in self._down():
            yield step
        yield self._taken(*await self._top())
        async for step in self._down():
            yield step

    async def _top(self) -> tuple[list[Record], int | None]:
        rows, total = await self.fetch(self.place.anchor, 0)
        if rows or not self.place.known:
            return rows, total
        # All that we know is gone. From the top something must come, or nothing can be believed.
        rows, total = await self.fetch(0, 0)
        if not rows and len(self.place.known) >= TOO_MANY_TO_VANISH:
            raise EmptyAnswerError(
                f"it lists nothing, not even the {len(self.place.known)} newest rows that we know: a login wall?"
            )
        return rows, total

    async def _down(self) -> AsyncGenerator[Step, None]:
        while self.place.low is not None:
            low = self.place.low
            # Whether max_id itself belongs to the page is no matter, if what lies above is left out.
            listed, total = await self.fetch(self.place.anchor, low - 1)
            rows = [row for row in listed if int(id_of(row) or 0) < low]
            yield self._taken(rows or await self._below_nothing(), total)

    async def _below_nothing(self) -> list[Record]:
        """An empty page on the way may pass for the end: where known rows lie further down, it is none."""
        place = self.place
        assert place.low is not None
        if not place.known:
            return (await self.fetch(0, place.low - 1))[0]
        if not (await self.fetch(place.anchor, place.high))[0]:
            # All that we know is gone; or nothing is to be believed, and then nothing older comes, either.
            older = [row for row in (await self.fetch(0, place.low - 1))[0] if int(id_of(row) or 0) < place.low]
            if older or len(place.known) < TOO_MANY_TO_VANISH:
                return older
        place.doubted += 1
        if place.doubted <= DOUBTS:
            raise EmptyAnswerError("it breaks off before the rows that we know")
        return []

    def _taken(self, rows: list[Record], total: int | None) -> Step:
        place, step = self.place, Step()
        high, anchor = place.high, place.anchor
        numbers = {key: int(key) for row in rows if (key := id_of(row))}
        if rows and not numbers:
            raise TransientError("it lists rows without ids: has Weibo changed its format?")
        for row in sorted(rows, key=lambda row: numbers.get(id_of(row), 0)):
            key = id_of(row) or f"x{crc32(repr(row).encode('utf-8', 'replace')):x}"
            before = place.met.get(key) or place.known.get(key)
            look = _look(row)
            if before is None and (numbers.get(key, high + 1) <= anchor or self._is_too_old(row)):
                pass
            elif before is None:
                step.new.append(row)
            elif before != look:
                is_edit = before.partition(".")[0] != look.partition(".")[0]
                (step.edited if is_edit else step.counted).append(row)
            (place.known if key in place.known else place.met)[key] = look
        place.walked += len(rows)
        saw_all = not high and total is not None and 0 < total <= place.walked
        arrived = saw_all or any(number <= high for number in numbers.values())
        self._go_on(rows, numbers, step, arrived=arrived)
        return step

    def _go_on(self, rows: list[Record], numbers: dict[str, int], step: Step, *, arrived: bool) -> None:
        """Lower the walk, or end it if it has arrived."""
        place = self.place
        written = [at for row in rows if (at := _written(row))]
        place.met_newest = max(filter(None, (place.met_newest, *written)), default=None)
        place.met = _newest(place.met)
        bottom = min(rows, key=lambda row: numbers.get(id_of(row), place.low or 0), default=None)
        if bottom is not None and not arrived and (place.high or not self._is_too_old(bottom)):
            place.low, place.lowest = min(numbers.values()), _written(bottom) or place.lowest
            return
        if bottom is None and (place.walked >= DEEP or place.doubted):
            step.gaps = self._unreachable()
        place.known = _newest(place.known | place.met)
        place.newest = max(filter(None, (place.newest, place.met_newest)), default=None)
        place.met, place.met_newest, place.low, place.lowest = {}, None, None, None
        place.walked = place.doubted = 0

    def _unreachable(self) -> tuple[Gap, ...]:
        place = self.place
        start, end = place.newest or self.since, place.lowest or place.met_newest
        if end is None or start >= end:
            return ()
        return (Gap(start, end, f"Weibo lists only the newest {place.walked} posts or comments"),)

    def _is_too_old(self, row: Record) -> bool:
        at = _written(row)
        return at is not None and at < self.since


def _look(row: Record) -> str:
    """Two short marks: the first changes with the words, the second with the counts. They hold no text."""
    words = ("text", "deleted", "state", "edit_at", "edit_count", "isLongText")
    counts = ("reposts_count", "comments_count", "attitudes_count", "like_count", "like_counts")
    return f"{_mark(row, words)}.{_mark(row, counts)}"


def _mark(row: Record, names: tuple[str, ...]) -> str:
    return format(crc32(repr([row.get(name) for name in names]).encode("utf-8", "replace")), "x")


def _written(row: Record) -> datetime | None:
    return read_time(row.get("created_at"))


def _numbers(looks: dict[str, str]) -> list[int]:
    return [int(key) for key in looks if key.isdecimal()]


def _newest(looks: dict[str, str]) -> dict[str, str]:
    newest = sorted(_numbers(looks), reverse=True)[:KNOWN]
    nameless = [key for key in looks if not key.isdecimal()][-NAMELESS:]
    return {key: looks[key] for key in (*map(str, newest), *nameless)}
