"""A deed: what is done, to one inquiry or to many at once, each for itself, with a name for the lot."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar, cast

from aggregator.acting.compare_and_set import WHATS, ChangedMeanwhileError, Done, What, act_on_all
from aggregator.acting.membership import Regroup, regroup_all
from aggregator.acting.undoing import ChangedSinceError, undo_all
from aggregator.identity import Id, time_ordered_id

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.inquiry import Inquiry
    from aggregator.store.database import Database
    from aggregator.store.rows import Connection

TOGETHER: Final = 100
"""So many are committed at once. Each is done, or refused, for itself: what is refused has written nothing. But each
commit waits for the disk, and its eight statements cost about the same for one inquiry as for many: by 40, 1,284 took
0.6-1.1 s of the processor, by 100, 0.4-0.7. More would save little, and keep live pages waiting at the same writer."""
AT_ONCE: Final = frozenset({*WHATS, "merge", "part"} - {"take"})
"""What can be done to many."""


T = TypeVar("T")
_Came = Done | ChangedMeanwhileError | ChangedSinceError | None
"""What came of one: done, or so already; who was quicker; or there is no such inquiry, or event."""
Progress = Callable[[int], Awaitable[None]]
"""Told how many are dealt with."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one person wants done. `into`: the incident, of a `merge`."""

    what: Literal[What, Regroup]
    who: str
    details: Mapping[str, str]
    into: Id | None = None
    batch: Id | None = None
    at_work: Collection[str] = ()  # from whom this person may not take it
    by_hand: bool = False  # at a page: nobody is told that he himself was quicker, in another tab or by the key before

    @property
    def knows(self) -> str | None:
        """Whose deeds, since the version that was seen, are no conflict."""
        return self.who if self.by_hand else None


@dataclass(slots=True)
class Result:
    """What came of it. `touched`: inquiries that show something else now."""

    done: list[Done] = field(default_factory=list)
    same: list[Inquiry] = field(default_factory=list)  # they were so already
    refused: list[Refused] = field(default_factory=list)
    gone: int = 0
    touched: set[Id] = field(default_factory=set)

    @property
    def count(self) -> int:
        return len(self.done) + len(self.same) + len(self.refused) + self.gone

    def add(self, came: _Came) -> None:
        if came is None:
            self.gone += 1
        elif not isinstance(came, Done):
            self.refused.append(Refused(came.inquiry, came))
        elif came.event:
            self.done.append(came)
        else:
            self.same.append(came.inquiry)


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody was quicker. `error` is one of the two that say so."""

    inquiry: Inquiry
    error: ChangedMeanwhileError | ChangedSinceError


@dataclass(frozen=True, slots=True)
class Doer:
    """With what deeds are done."""

    db: Database
    settings: Settings
    incidents: Incidents
    clock: Callable[[], datetime]

    async def one(self, deed: Deed, inquiry_id: Id, ver: int) -> tuple[Done, set[Id]]:
        """Do it, and return which inquiries show something else.

        Raises:
            ChangedMeanwhileError: somebody was quicker.
            KeyError: there is no such inquiry, or incident.
        """
        (came,), touched = await self.db.write(partial(self._act, deed, [(inquiry_id, ver)]))
        if came is None:
            raise KeyError(inquiry_id)
        if isinstance(came, ChangedMeanwhileError):
            raise came
        return came, touched

    async def many(self, deed: Deed, items: Sequence[tuple[Id, int]], progress: Progress | None = None) -> Result:
        """Do it to each, by the version that the person saw. See `TOGETHER` for how many are committed at once."""
        return await self._each(partial(self._act, deed), items, progress)

    def _act(
        self, deed: Deed, items: Sequence[tuple[Id, int]], con: Connection
    ) -> tuple[list[Done | ChangedMeanwhileError | None], set[Id]]:
        now = self.clock()
        if deed.what in ("merge", "part"):
            return regroup_all(
                con, self.settings, self.incidents, items, deed.who, deed.what, now, deed.into, deed.batch,
                knows=deed.knows,
            )  # fmt: skip
        what = cast("What", deed.what)
        came = act_on_all(
            con, self.settings, items, deed.who, what, now, deed.details, deed.batch, deed.at_work,
            knows=deed.knows,
        )  # fmt: skip
        return came, {each.inquiry.inquiry_id for each in came if isinstance(each, Done) and each.event}

    async def undo(self, events: Sequence[Id], who: str, progress: Progress | None = None) -> Result:
        """Take these back, each for itself."""
        return await self._each(partial(self._undo, who), events, progress)

    def _undo(
        self, who: str, events: Sequence[Id], con: Connection
    ) -> tuple[list[Done | ChangedSinceError | None], set[Id]]:
        return undo_all(con, self.settings, self.incidents, events, who, self.clock())

    async def _each(
        self,
        work: Callable[[Sequence[T], Connection], tuple[Sequence[_Came], set[Id]]],
        items: Sequence[T],
        progress: Progress | None,
    ) -> Result:
        """`work`: what came of each, and which inquiries show something else now."""
        result = Result()
        for some in batched(items, TOGETHER):
            came, touched = await self.db.write(partial(work, some))
            for each in came:
                result.add(each)
            result.touched |= touched
            if progress is not None:
                await progress(result.count)
        return result


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """So many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def batch_id() -> Id:
    """A name for what is done to many at once."""
    return time_ordered_id(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(1))).bytes
