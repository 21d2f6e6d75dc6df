"""The platforms of the simulated day, the settings that listen to them, and the script's lines as what people do
there.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import httpx

from aggregator.clocks import ScaledClock
from aggregator.config import Brand, Colleague, Settings
from aggregator.demo.given_away import given_away, with_own_phrases
from aggregator.demo.scene import Scene, Trouble
from aggregator.demo.scenes import SCENES
from aggregator.demo.script import Day, Line, Person
from aggregator.demo.truth import Truth

CALLS_EVERY: Final = 0.05  # seconds
UNLIMITED: Final = httpx.Limits(max_connections=None)  # platforms do not wait for one another
BRAND: Final = ["Lantern Wallet", "灯笼钱包"]

S = TypeVar("S", bound=Scene)


@dataclass
class Stage:
    """All platforms at work. The day began at `opens`.

    scenes: by source.
    published: by source and native id, the moment (time.monotonic) at which a post could first be fetched; dated:
    when it was said.
    outages: by source, from when to when (time.monotonic) a trouble kept posts from being fetched.
    """

    day: Day
    opens: datetime
    clock: ScaledClock
    scenes: dict[str, Scene]
    published: dict[tuple[str, str], float] = field(default_factory=dict)
    dated: dict[tuple[str, str], datetime] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    outages: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outages = {source: [] for source in self.scenes}
        self._delivering: set[asyncio.Task[None]] = set()
        self._by_channel = {scene.channel: scene for scene in self.scenes.values()}

    def scene(self, kind: type[S]) -> S:
        """The one of this kind."""
        return next(scene for scene in self.scenes.values() if isinstance(scene, kind))

    # What the service is told

    def settings(self, data: Path, secrets: Path, *, long_poll: int = 2) -> Settings:
        """The configuration of a desk that listens to this stage.

        Args:
            secrets: a folder for the credentials.
            long_poll: seconds; a busy group's poll is not over, nor a past trouble, before it was quiet for so long.
        """
        for scene in self.scenes.values():
            scene.long_poll = long_poll
        sources = {name: scene.config(secrets) for name, scene in self.scenes.items()}
        return Settings(
            data=data,
            sources=sources,
            team=self._team(),
            official=self._accounts(self._official()),
            brand=Brand(names=BRAND, handles=[self._official().handle]),
        )

    @asynccontextmanager
    async def connected(self, hooks_url: str) -> AsyncIterator[None]:
        """Let the platforms that call us do so until the block ends."""
        for scene in self.scenes.values():
            scene.connect(hooks_url)
        async with httpx.AsyncClient(trust_env=False, limits=UNLIMITED) as client, asyncio.TaskGroup() as group:
            calling = [group.create_task(self._calls(scene, client)) for scene in self.scenes.values()]
            yield
            for task in calling:
                task.cancel()

    async def _calls(self, scene: Scene, client: httpx.AsyncClient) -> None:
        """What waits is tried at once; until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                if scene.undelivered:
                    delivering = group.create_task(scene.delivers(client))
                    self._delivering.add(delivering)
                    delivering.add_done_callback(self._delivering.discard)
                    if scene.calls_in_order:
                        await delivering
                await asyncio.sleep(CALLS_EVERY)

    async def until_heard(self) -> None:
        """Wait until the desk listens to every platform that tells nothing of the time before."""
        while True:
            if all(scene.is_heard for scene in self.scenes.values()):
                return
            await asyncio.sleep(CALLS_EVERY)

    async def has_called(self) -> None:
        """Wait until no platform calls us, or has something to call for."""
        while True:
            if not self.undelivered:
                return
            await asyncio.sleep(CALLS_EVERY)

    @property
    def undelivered(self) -> int:
        """How many calls wait or are being made."""
        return len(self._delivering) + sum(scene.undelivered for scene in self.scenes.values())

    @property
    def spaces(self) -> dict[str, str]:
        """By source, where its ids are unique."""
        return {name: scene.space for name, scene in self.scenes.items()}

    def _official(self) -> Person:
        return self.day.people["official"]

    def _team(self) -> list[Colleague]:
        staff = (person for person in self.day.people.values() if person.role == "staff")
        return [
            Colleague(name=person.name, handles=self._accounts(person))
            for person in staff
            if person is not self._official()
        ]

    def _accounts(self, person: Person) -> dict[str, list[str]]:
        return {scene.space: [scene.account(person)] for scene in self.scenes.values()}

    # What people do

    def plays(self, line: Line) -> None:
        """Let one line happen, dated as the script says."""
        scene = self._by_channel[line.channel]
        at = self.opens + timedelta(seconds=line.at)
        for native_id in scene.plays(line, self.day.people[line.who], at):
            self.published[scene.source, native_id], self.dated[scene.source, native_id] = time.monotonic(), at

    # What goes wrong

    def plants_unreadable(self) -> None:
        """One record on each platform in a shape that nobody documented."""
        for scene in self.scenes.values():
            scene.plants_unreadable()

    def fails(self, source: str, trouble: Trouble) -> None:
        """The next request for posts goes wrong."""
        self.faults[f"{source}: {trouble}"] += 1
        self.scenes[source].fails(trouble)

    # What is so

    def truth(self) -> dict[str, dict[str, Truth]]:
        """By source and native id, what the platforms hold and a connector can read."""
        return {
            name: {key: post for key, post in scene.truth().items() if key not in scene.planted}
            for name, scene in self.scenes.items()
        }

    def secrets(self) -> list[str]:
        """Every phrase and key that somebody gives away in the course of the day."""
        return [secret for line in self.day.lines for secret in given_away(line.text)]


@asynccontextmanager
async def staged(day: Day, clock: ScaledClock, kinds: Sequence[type[Scene]] = SCENES) -> AsyncIterator[Stage]:
    """The platforms on sockets of this machine; it is 08:00, everybody has an account, and nothing has been said."""
    scenes = {kind.source: kind(clock) for kind in kinds}
    stage = Stage(with_own_phrases(day), clock(), clock, scenes)
    for person in stage.day.people.values():
        for scene in scenes.values():
            scene.account(person)
    # Together: a listener takes a tenth of a second to close.
    async with AsyncExitStack() as together:
        stacks = [AsyncExitStack() for _ in scenes]
        together.push_async_callback(_close, stacks)
        await asyncio.gather(*(scene.open(stack) for scene, stack in zip(scenes.values(), stacks, strict=True)))
        for scene in scenes.values():
            scene.furnish(day.rooms.get(scene.channel, {}))
        yield stage


async def _close(stacks: Sequence[AsyncExitStack]) -> None:
    await asyncio.gather(*(stack.aclose() for stack in stacks))
