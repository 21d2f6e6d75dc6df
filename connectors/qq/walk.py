"""How far the history of each chat was read. Pure bookkeeping; `QQ.pages` asks and yields.

A history can only be asked for its newest messages, or from a message on towards older ones. So each poll looks at
the newest page. Where it does not reach back to what was known, it leaves a hole, and holes are walked down, newest
page by page, until they meet what was known. Every page is committed, so a crash goes on in the middle of a hole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from connectors.contract import Cursor, Gap, Record
from connectors.qq.onebot import Chat, Spot
from connectors.qq.reading import VANISHED, spot_of
from connectors.wording import worded

MOST_TRIES = 3  # at one hole, before it is given up
STRAY = 60  # seconds by which messages may stand in another order than that of their times


@dataclass(slots=True, eq=False)
class Hole:
    """What lies between the message `at`, which was read, and what was known before."""

    at: Spot
    floor: str  # name of the newest message below it; "": there is none, this is the first backfill
    floor_time: int  # seconds since 1970
    tries: int = 0
    fresh: bool = True  # `at` was told in this very poll, so it cannot be unknown there


class ChatWalk:
    """One chat. State: `{"tail": [names on the newest page], "gone": [names that were missing there], "holes",
    "settled": whether the second of the newest message was over when it was read}`."""

    def __init__(self, chat: Chat, since: datetime, state: Cursor | None = None) -> None:
        known = state or {}
        self.chat = chat
        self._since = int(since.timestamp())
        self._tail: list[str] = known.get("tail", [])
        self._gone: list[str] = known.get("gone", [])
        self._settled: bool = known.get("settled", True)
        self.holes = [_hole(each) for each in known.get("holes", ())]
        self._top: Spot | None = None  # the oldest message of the newest page of this poll

    def state(self) -> Cursor:
        holes = [_told(hole) for hole in self.holes]
        return {"tail": self._tail, "gone": self._gone, "holes": holes, "settled": self._settled}

    @property
    def is_known(self) -> bool:
        """Whether messages have been seen here: then an empty history is no answer, but a fault."""
        return bool(self._tail)

    @property
    def last_time(self) -> int:
        """Seconds since 1970 of the newest message that we know; 0: none."""
        return max((_time(name) for name in self._tail), default=0)

    def may_have_news(self, told: int) -> bool:
        """Whether to ask for the newest page. `told`: when the newest message was said, by the host; 0: it does not
        tell."""
        return not told or self.last_time < told or (self.last_time == told and not self._settled)

    def newest(self, messages: Sequence[Record], begun: int = 0) -> list[Record]:
        """Take the newest page; return what is new on it, and what has vanished from it.

        begun: the newest second of which the host told before it was asked. What stands in that one is told to the
        second only, so more may follow: it is looked at once more.
        """
        names = [_name(message) for message in messages]
        known = set(self._tail)
        new = self._within([m for m, name in zip(messages, names, strict=True) if name not in known])
        if new or self._top is None:  # a further look in the same poll, which brings nothing, may come too soon
            self._settled = not new or max(map(_time, names)) < begun
        if spots := _spots(messages):
            self._top = spots[0]
            if not known:
                self._dig(spots[0], "", self._since)
            elif not known & set(names):
                self._dig(spots[0], self._tail[-1], self.last_time)
            new += self._vanished(names, spots[0].time)
        self._tail = names or self._tail
        return new

    def older(self, hole: Hole, messages: Sequence[Record], *, remembers_only: bool) -> tuple[list[Record], Gap | None]:
        """Take a page that was asked for from `hole.at` on; return what lies in the hole, and what is missing of it."""
        names = [_name(message) for message in messages]
        reached = hole.floor in names
        if reached:
            messages = messages[names.index(hole.floor) + 1 :]
        below = [spot for spot in _spots(messages) if spot.name != hole.at.name and spot.time <= hole.at.time]
        found = [message for message in messages if (spot := spot_of(message)) is None or spot in below]
        gap = None
        if not below:  # the history, or the hole, ends here
            if not reached and (hole.floor or remembers_only):
                gap = _gap(hole, worded("the history of this chat does not reach back further"))
            reached = True
        else:
            hole.at, hole.tries, hole.fresh = below[0], 0, True
            reached = reached or below[0].time < hole.floor_time - (STRAY if hole.floor else 0)
        if reached:
            self.holes.remove(hole)
        return self._within(found), gap

    def failed(self, hole: Hole) -> Gap | None:
        """A step failed. Where it began may be unknown there since a restart: begin again at the newest page.

        Counted are only failures that this cannot explain. Given up, return what is missing.
        """
        if not hole.fresh and self._top is not None:
            hole.at, hole.fresh = self._top, True
            return None
        hole.tries += 1
        if hole.tries < MOST_TRIES:
            return None
        self.holes.remove(hole)
        return _gap(hole, worded("OneBot could not give older messages"))

    def _dig(self, at: Spot, floor: str, floor_time: int) -> None:
        if at.time >= floor_time:
            self.holes.append(Hole(at, floor, floor_time))

    def _within(self, messages: Iterable[Record]) -> list[Record]:
        return [message for message in messages if (spot := spot_of(message)) is None or spot.time >= self._since]

    def _vanished(self, names: Sequence[str], oldest: int) -> list[Record]:
        """A notice for each message that was missing twice where it should stand: one answer may have holes."""
        missing = [name for name in self._tail + self._gone if name not in names and _time(name) > oldest]
        sure = [name for name in missing if name in self._gone]
        self._gone = [name for name in missing if name not in sure]
        return [{VANISHED: f"{self.chat.thread}/{name}"} for name in sure]


def shortened(state: Cursor) -> Cursor:
    """A chat's state with the newest message alone: enough to go on, not to notice recalls."""
    return state | {"tail": state["tail"][-1:], "gone": []}


def _told(hole: Hole) -> Cursor:
    return {name: value for name, value in asdict(hole).items() if name != "fresh"}


def _hole(told: Cursor) -> Hole:
    return Hole(**(told | {"at": Spot(**told["at"])}), fresh=False)


def _gap(hole: Hole, reason: str) -> Gap:
    start, end = (datetime.fromtimestamp(at, UTC) for at in (hole.floor_time, max(hole.floor_time, hole.at.time)))
    return Gap(start, end, reason)


def _spots(messages: Iterable[Record]) -> list[Spot]:
    return [spot for spot in map(spot_of, messages) if spot is not None]


def _name(message: Record) -> str:
    """A message's identity within its chat, `<number>/<time>`. One that has none is told by what it holds."""
    if spot := spot_of(message):
        return spot.name
    return f"{hashlib.blake2b(json.dumps(message, sort_keys=True).encode(), digest_size=8).hexdigest()}/0"


def _time(name: str) -> int:
    return int(name.rpartition("/")[2])
