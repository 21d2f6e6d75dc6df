"""Who writes during a soak: customers who come, say a few things and go, on all channels, and what goes wrong there."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, get_args

from aggregator.demo.script import PRIVATE, Channel, Line, crowd
from aggregator.demo.stage import Stage

SHARES: Final[Mapping[Channel, float]] = {
    "telegram": 42, "chat": 52, "wechat_kf": 34, "forum": 14, "qq_bot": 20, "email": 14, "weibo": 14, "qq": 6,
    "reviews": 3, "wechat": 1,
}  # fmt: skip
"""Of 200 lines. What is told in large pages takes more than what is told one by one (a group of QQ, an account of
WeChat, a forum's webhook) or is listed for a short time only (the newest 500 reviews)."""
WORDS: Final = 6  # lines of a customer on a channel, on average; then another one comes
LINES: Final = 10_000_000  # more than any run plays
REMEMBERED: Final = 300  # lines of a channel that may still be answered or edited; the crowd looks at its last 60
TAKEN_BACK: Final[frozenset[Channel]] = frozenset({"forum", "chat"})
TAKES_BACK: Final = 0.01  # so often, after a line
LAST: Final = 40
FIRST_AHEAD: Final = 300.0
CATCHES_UP: Final = 5.0  # seconds' worth of posts that may be under way
TICK: Final = 0.02  # seconds
TROUBLE_EVERY: Final = 15.0  # seconds, on average


@dataclass
class Town:
    """`lines`: how many were played. `waited`: seconds for which nobody wrote, since the desk was behind: one that is
    too slow is not buried, but shows how fast it is. `ahead`: posts that may be missing there, at most."""

    stage: Stage
    rate: float
    seed: int
    lines: int = 0
    waited: float = 0.0
    ahead: float = FIRST_AHEAD
    _stored: int = 0
    _comers: int = 0
    _now: dict[tuple[Channel, str], str] = field(default_factory=dict)  # who of the crowd is whom at present
    _last: deque[Line] = field(default_factory=lambda: deque(maxlen=LAST))  # unchanged, and may be taken back
    _gone: set[str] = field(default_factory=set)
    _said_by: dict[Channel, deque[tuple[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._channels = [scene.channel for scene in self.stage.scenes.values()]
        self._weights = [SHARES[channel] for channel in self._channels]
        self._lines: dict[Channel, Iterator[Line]] = {
            channel: crowd(self.stage.day, LINES, self.seed + number, [channel])
            for number, channel in enumerate(get_args(Channel))
            if channel in self._channels
        }
        self._said_by = {channel: deque(maxlen=REMEMBERED) for channel in self._channels}

    @property
    def published(self) -> int:
        """Posts that could be fetched."""
        return len(self.stage.published)

    def heard(self, stored: int, seconds: float) -> None:
        """So many posts are stored, as the desk tells each so many seconds: half as many again may be written until it
        tells again, and at least as many as at the beginning."""
        took, self._stored = stored - self._stored, stored
        self.ahead = max(FIRST_AHEAD, min(1.5 * took, self.rate * (seconds + CATCHES_UP)))

    async def talks(self) -> None:
        """Until it is cancelled."""
        owed, before = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            owed, passed, before = min(owed + self.rate * (now - before), self.rate), now - before, now
            if self.published - self._stored > self.ahead:
                owed, self.waited = 0.0, self.waited + passed
            while owed >= 1:
                owed -= 1
                self.says()

    async def suffers(self) -> None:
        """One trouble after the other, of those that the platforms know. Until it is cancelled."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / TROUBLE_EVERY))
            source = self._rng.choice(list(self.stage.scenes))
            self.stage.fails(source, self._rng.choice(self.stage.scenes[source].troubles))

    def says(self) -> None:
        """One line somewhere; now and then somebody takes back an earlier one."""
        (channel,) = self._rng.choices(self._channels, self._weights)
        line = next(line for line in self._lines[channel] if line.act != "edits" or line.reply_to not in self._gone)
        said = replace(line, who=self._speaker(line))
        self._said_by[channel].append((said.id, said.who))
        if said.act == "edits":
            self._last = deque((each for each in self._last if each.id != said.reply_to), maxlen=LAST)
        elif channel in TAKEN_BACK:
            self._last.append(said)
        self._plays(said)
        if self._last and self._rng.random() < TAKES_BACK:
            self._takes_back(self._rng.choice(self._last))

    def _takes_back(self, line: Line) -> None:
        self._last.remove(line)
        self._gone.add(line.id)
        self._plays(replace(line, id=f"gone-{line.id}", text="", title=None, reply_to=line.id, act="deletes"))

    def _plays(self, line: Line) -> None:
        moment = self.stage.clock() - self.stage.opens
        self.stage.plays(replace(line, at=moment.total_seconds()))
        self.lines += 1

    def _speaker(self, line: Line) -> str:
        if line.reply_to and (line.act != "says" or line.channel in PRIVATE):
            return next(who for said, who in reversed(self._said_by[line.channel]) if said == line.reply_to)
        place = line.channel, line.who
        if place not in self._now or self._rng.random() < 1 / WORDS:
            self._now[place] = self._newcomer(line)
        return self._now[place]

    def _newcomer(self, line: Line) -> str:
        """Somebody with an account there, who speaks as the one of the script does."""
        self._comers += 1
        like, number = self.stage.day.people[line.who], self._comers
        person = replace(
            like, key=f"{like.key}-{number}", name=f"{like.name} {number}", handle=f"{like.handle}{number}"
        )
        self.stage.day.people[person.key] = person
        next(scene for scene in self.stage.scenes.values() if scene.channel == line.channel).account(person)
        return person.key
