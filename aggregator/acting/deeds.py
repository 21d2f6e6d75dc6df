"""A deed: what is done, to one inquiry or to many at once. One transaction for each inquiry, and a name for the lot."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, cast

from aggregator.acting.membership import Regroup, regroup
from aggregator.acting.undoing import ChangedSinceError, Undone, undo
from aggregator.actions import WHATS, ChangedMeanwhileError, Done, What, act_in
from aggregator.identity import Id, time_ordered_id

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.incidents.keeping import Incidents
    from aggregator.inquiry import Inquiry
    from aggregator.store.database import Database
    from aggregator.store.rows import Connection

AT_ONCE: Final = frozenset({*WHATS, "merge", "part"} - {"take"})
"""What can be done to many."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one person wants done. `into`: the incident, of a `merge`."""

    what: Literal[What, Regroup]
    who: str
    details: Mapping[str, str]
    into: Id | None = None
    batch: Id | None = None
    at_work: Collection[str] = ()  # from whom this person may not take it


@dataclass(slots=True)
class Result:
    """What came of it. `touched`: inquiries that show something else now."""

    done: list[Done] = field(default_factory=list)
    same: list[Inquiry] = field(default_factory=list)  # they were so already
    refused: list[Refused] = field(default_factory=list)
    gone: int = 0
    touched: set[Id] = field(default_factory=set)


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
        return await self.db.write(partial(self._one, deed, inquiry_id, ver))

    def _one(self, deed: Deed, inquiry_id: Id, ver: int, con: Connection) -> tuple[Done, set[Id]]:
        now = self.clock()
        if deed.what in ("merge", "part"):
            return regroup(
                con, self.settings, self.incidents, inquiry_id, ver, deed.who, deed.what, now, deed.into, deed.batch,
            )  # fmt: skip
        what = cast("What", deed.what)
        done = act_in(con, self.settings, inquiry_id, ver, deed.who, what, now, deed.details, deed.batch, deed.at_work)
        return done, {inquiry_id} if done.event else set()

    async def many(self, deed: Deed, items: Sequence[tuple[Id, int]]) -> Result:
        """Do it to each, by the version that the person saw."""
        result = Result()
        for inquiry_id, ver in items:
            try:
                done, touched = await self.one(deed, inquiry_id, ver)
            except ChangedMeanwhileError as error:
                result.refused.append(Refused(error.inquiry, error))
            except KeyError:
                result.gone += 1
            else:
                result.touched |= touched
                if done.event:
                    result.done.append(done)
                else:
                    result.same.append(done.inquiry)
        return result

    def _undo(self, event: Id, who: str, con: Connection) -> Undone:
        return undo(con, self.settings, self.incidents, event, who, self.clock())

    async def undo(self, events: Sequence[Id], who: str) -> Result:
        """Take these back, each for itself."""
        result = Result()
        for event in events:
            try:
                undone = await self.db.write(partial(self._undo, event, who))
            except ChangedSinceError as error:
                result.refused.append(Refused(error.inquiry, error))
            except KeyError:
                result.gone += 1
            else:
                result.done.append(Done(undone.inquiry, event, {}))
                result.touched |= undone.touched
        return result


def batch_id() -> Id:
    """A name for what is done to many at once."""
    return time_ordered_id(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(1))).bytes
