"""The updates that wait for the bot. https://core.telegram.org/bots/api#getting-updates"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from aggregator.demo.telegram.messages import Json

KEPT: Final = timedelta(hours=24)
NOT_BY_DEFAULT: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
FUTURE: Final = 11
"""An offset this far beyond the newest id is no offset of this queue: it means "from the first"."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    since: datetime
    update: Json

    @property
    def update_id(self) -> int:
        return int(self.update["update_id"])


class UpdateQueue:
    """Ids rise with gaps. What nobody confirms within 24 hours is dropped."""

    def __init__(self, clock: Callable[[], datetime], seed: int) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._newest = 851_793_506
        self._waiting: deque[_Waiting] = deque()
        self._dropped: set[int] = set()
        self._allowed: frozenset[str] | None = None  # None: the default
        self._poller: asyncio.Future[str] | None = None
        self.is_awaited = asyncio.Event()  # a long poll has found nothing yet

    def __len__(self) -> int:
        self._drop_old()
        return len(self._waiting)

    def allow(self, kinds: Sequence[str] | None) -> None:
        """From now on only these kinds come in; empty: the default; None: as before."""
        if kinds is not None:
            self._allowed = frozenset(kinds) or None

    def put(self, kind: str, content: Json) -> int | None:
        """Queue an update, if its kind is allowed; return its id."""
        if kind in NOT_BY_DEFAULT if self._allowed is None else kind not in self._allowed:
            return None
        return self.put_anyway(kind, content)

    def put_anyway(self, kind: str, content: Json) -> int:
        self._newest += self._random.choice((1, 1, 1, 2, 3))
        self._waiting.append(_Waiting(self._clock(), {"update_id": self._newest, kind: content}))
        self._wake("news")
        return self._newest

    def go_on_from(self, update_id: int) -> None:
        """After a week without updates the next id is drawn at random."""
        self._newest = update_id - 1

    def confirm(self, offset: int) -> None:
        """Forget what is below `offset`; if it is negative, all but the last few."""
        if offset < 0:
            while len(self._waiting) > -offset:
                self._waiting.popleft()
        elif offset <= self._newest + FUTURE:
            while self._waiting and self._waiting[0].update_id < offset:
                self._waiting.popleft()

    def clear(self) -> None:
        self._waiting.clear()

    def first(self, limit: int) -> list[Json]:
        self._drop_old()
        return [waiting.update for waiting, _ in zip(self._waiting, range(limit), strict=False)]

    def was_dropped(self, update_id: int) -> bool:
        self._drop_old()
        return update_id in self._dropped

    async def something(self, seconds: float, caller_gone: asyncio.Future[None]) -> Literal["ready", "conflict"]:
        """Wait until something is there, a second poller comes ("conflict"), the caller goes, or time is up."""
        self._wake("conflict")
        if self.first(1) or not seconds:
            return "ready"
        poller = self._poller = asyncio.get_running_loop().create_future()
        either: set[asyncio.Future[Any]] = {poller, caller_gone}
        self.is_awaited.set()
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        self.is_awaited.clear()
        return "conflict" if poller.done() and poller.result() == "conflict" else "ready"

    def _wake(self, why: str) -> None:
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(why)

    def _drop_old(self) -> None:
        while self._waiting and self._waiting[0].since + KEPT < self._clock():
            self._dropped.add(self._waiting.popleft().update_id)
