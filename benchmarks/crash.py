"""Kill the service again and again while a crowd writes; then hold what it stored against what was said.

    python -m benchmarks.crash --kills 200

prints its figures as JSON lines; exit code 1 if anything was lost, doubled or left lying about. The simulated platforms
live in this process and survive.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from aggregator.clocks import ScaledClock, system_clock
from aggregator.config import load as load_settings
from aggregator.demo.scene import Scene
from aggregator.demo.scenes import SCENES
from aggregator.demo.script import Day, Line, crowd, load
from aggregator.demo.stage import Stage, staged
from aggregator.demo.truth import Truth
from benchmarks.configured import configured, webhooks
from benchmarks.crash_people import Colleague, all_delivered, delivers
from benchmarks.crash_service import MOMENTS, Moment, Service
from benchmarks.crash_verdict import Verdict, judged
from benchmarks.draining import drained
from benchmarks.figures import Figure, print_figures

OUTAGE: Final = timedelta(hours=25)  # longer than Telegram keeps what nobody fetches
LINES: Final = 1_000_000  # more than any run plays
LINES_A_SECOND: Final = 40
LINES_A_LIFE: Final = 200  # of one process of the service; then the crowd waits for the next: a busy machine keeps up
HISTORY: Final = "history"
ROWS: Final = 1500  # of each file that is imported beside
FEW: Final = 3  # channels of a short run
LAST_WORDS: Final = 3  # lines on each channel after the last kill: a platform that calls, calls once more


class LeapingClock(ScaledClock):
    """Goes as fast as the real one, and may jump."""

    def leap(self, by: timedelta) -> None:
        self._from += by


@dataclass
class Crowd:
    """Plays lines without end, with deletions and bursts; remembers what it deleted."""

    stage: Stage
    seed: int
    spoken: int = 0
    _may_speak: int = LINES_A_LIFE
    _next_life: asyncio.Event = field(default_factory=asyncio.Event)
    _gone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._channels = [scene.channel for scene in self.stage.scenes.values()]
        self._lines = self._endless()
        self._last: deque[Line] = deque(maxlen=40)  # forum posts, of which nobody has changed one

    async def talks(self) -> None:
        """Until it is cancelled."""
        while True:
            self.says(self._rng.choice((1, 1, 1, 2, 3, 4)))
            while self.spoken >= self._may_speak:
                self._next_life.clear()
                await self._next_life.wait()
            await asyncio.sleep(self._rng.expovariate(LINES_A_SECOND / 2))

    def goes_on(self) -> None:
        """Another process begins to listen."""
        self._may_speak = self.spoken + LINES_A_LIFE
        self._next_life.set()

    def says(self, lines: int) -> None:
        for _ in range(lines):
            self._plays(next(self._lines))
        if self._last and self._rng.random() < 0.04:
            self._deletes(self._rng.choice(self._last))

    def ends(self) -> None:
        """The last words on each channel."""
        left = dict.fromkeys(self._channels, LAST_WORDS)
        while any(left.values()):
            line = next(self._lines)
            left[line.channel] = max(0, left[line.channel] - 1)
            self._plays(line)

    def _endless(self) -> Iterator[Line]:
        lines = crowd(self.stage.day, LINES, self.seed, self._channels)
        return (line for line in lines if line.act != "edits" or line.reply_to not in self._gone)

    def _plays(self, line: Line) -> None:
        if line.act == "edits":
            self._last = deque((each for each in self._last if each.id != line.reply_to), maxlen=40)
        elif line.channel == "forum":
            self._last.append(line)
        self._now(line)

    def _deletes(self, line: Line) -> None:
        """Half of them by a moderator, who leaves no trace, half by the author."""
        moderator = next(key for key, person in self.stage.day.people.items() if person.role == "staff")
        who = self._rng.choice((line.who, moderator))
        self._last.remove(line)
        self._gone.add(line.id)
        self._now(Line(0, f"gone-{line.id}", "forum", who, "", line.topic, reply_to=line.id, act="deletes"))

    def _now(self, line: Line) -> None:
        moment = self.stage.clock() - self.stage.opens
        self.stage.plays(replace(line, at=moment.total_seconds()))
        self.spoken += 1


@dataclass
class History:
    """Files of an old tool, imported one after the other beside everything else. `rows`: what they hold."""

    folder: Path
    day: Day
    rng: random.Random
    rows: dict[str, Truth] = field(default_factory=dict)
    files: int = 0
    ends: bool = False

    async def arrives(self, service: Service) -> None:
        """Until `ends`; the last file is imported whole."""
        while not self.ends:
            asked = {"files": [str(self._file())], "source": HISTORY, "map": {}, "encoding": "utf-8-sig"}
            while True:
                if await service.command("import", **asked):
                    break
                await asyncio.sleep(0.05)
            await asyncio.sleep(self.rng.uniform(0.2, 1.0))

    def _file(self) -> Path:
        self.files += 1
        lines = [line for line in crowd(self.day, ROWS, self.rng.getrandbits(32)) if line.act == "says"]
        for line in lines:
            at = system_clock() - timedelta(days=400 - line.at / 3600)
            self.rows[line.id] = Truth(line.id, line.text, line.who, line.topic or "", at, deleted=False)
        rows = [
            {"native_id": line.id, "text": line.text, "author_id": line.who, "thread_id": line.topic,
             "created_at": self.rows[line.id].published_at.isoformat()}
            for line in lines
        ]  # fmt: skip
        path = self.folder / f"history-{self.files}.jsonl"
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        return path


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. kills: by moment; met: those of them that saw what they waited for."""

    seed: int
    sources: list[str]
    seconds: float
    kills: dict[str, int]
    met: dict[str, int]
    starts: list[float]
    stop_seconds: float
    lines: int
    verdict: Verdict

    def figures(self) -> Iterator[Figure]:
        """What is promised first, then what explains it."""
        verdict, kills = self.verdict, sum(self.kills.values())
        promised = (
            ("lost", verdict.lost, "posts"),
            ("doubled", verdict.doubled, "posts"),
            ("stored otherwise than said", verdict.differing, "posts"),
            ("orphaned", sum(verdict.orphans.values()), "rows"),
            ("content that differs", int(verdict.hashes[0] != verdict.hashes[1]), "hashes"),
            ("told no more by the platform, and in no gap", verdict.uncovered, "posts"),
            ("changed by reading all again", sum(verdict.changed_again.values()), "rows"),
            ("claims that were answered, and are gone or there twice", verdict.unkept, "claims"),
            ("broken desk.db", int(not verdict.desk), "files"),
        )
        beside: dict[str, object] = {"kills": kills, "seed": self.seed, **verdict.wrong}
        for what, value, unit in promised:
            yield Figure("crash", what, value, unit, 0, beside)
        found = {"hash": verdict.hashes[0], **verdict.orphans, **verdict.changed_again}
        yield Figure("crash", "stored", verdict.posts, "posts", beside=found)
        yield Figure("crash", "claims that were answered", verdict.claims, "claims")
        yield Figure("crash", "told no more by the platform", verdict.undeliverable, "posts", beside=dict(verdict.gaps))
        yield Figure("crash", "channels", len(self.sources), "sources", beside={"sources": " ".join(self.sources)})
        for moment, count in self.kills.items():
            yield Figure("crash", f"killed: {moment}", count, "times", beside={"met": self.met[moment]})
        yield Figure("crash", "start after a kill, median", round(median(self.starts), 2), "s")
        yield Figure("crash", "start after a kill, longest", round(max(self.starts), 2), "s")
        yield Figure("crash", "stop", round(self.stop_seconds, 2), "s", 2)
        yield Figure("crash", "all of it", round(self.seconds), "s", beside={"lines": self.lines})


async def crash(
    kills: int, seed: int, folder: Path, channels: int = len(SCENES), among: Sequence[type[Scene]] = SCENES
) -> Result:
    """Run everything in `folder`. The first half of the kills happens a day before the second.

    Args:
        channels: how many of those in `among`; which of them, the seed says.

    Raises:
        ServiceEndedError: the service ended by itself.
    """
    began, rng = time.monotonic(), random.Random(seed)
    kinds = sorted(rng.sample(among, min(channels, len(among))), key=SCENES.index)
    plan = [MOMENTS[number % len(MOMENTS)] for number in range(kills)]
    rng.shuffle(plan)
    clock = LeapingClock(system_clock() - OUTAGE)
    async with staged(load(), clock, kinds) as stage:
        clock.leap(system_clock() - OUTAGE - clock())  # it stood still while the platforms were built
        clock.run(1)
        service = Service(configured(stage, folder), late=OUTAGE.total_seconds())
        people, history = Crowd(stage, seed), History(folder, stage.day, random.Random(seed))
        settings = load_settings(service.config)
        colleague = Colleague(f"http://127.0.0.1:{settings.web.port}", settings.data, random.Random(seed))
        with closing(service):
            async with stage.connected(f"http://127.0.0.1:{settings.hooks.port}"):
                await _under_load(service, people, history, colleague, clock, plan, rng)
                stop_seconds = await drained(service, stage)
        verdict = await judged(settings, stage, history.rows, f"import/{HISTORY}", colleague.claimed)
    return Result(
        seed=seed,
        sources=list(stage.scenes),
        seconds=time.monotonic() - began,
        kills={moment: plan.count(moment) for moment in MOMENTS},
        met={moment: service.met[moment] for moment in MOMENTS},
        starts=service.starts,
        stop_seconds=stop_seconds,
        lines=people.spoken,
        verdict=verdict,
    )


async def _under_load(
    service: Service,
    people: Crowd,
    history: History,
    colleague: Colleague,
    clock: LeapingClock,
    plan: Sequence[Moment],
    rng: random.Random,
) -> None:
    """Kill it as planned, and start it again at once; after half of the kills, a day passes in between."""
    service.begin()
    await service.answers()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(people.talks())
        besides = [group.create_task(colleague.works())]
        besides += [group.create_task(delivers(hooks)) for hooks in webhooks(people.stage)]
        group.create_task(history.arrives(service))
        for number, moment in enumerate(plan):
            await service.is_killed(moment, rng)
            if number == len(plan) // 2:
                people.says(20)
                clock.leap(OUTAGE)
                service.late = 0
            service.begin()
            people.goes_on()
        await service.answers()
        talking.cancel()
        history.ends = True
        for task in besides:
            task.cancel()
    people.ends()
    for hooks in webhooks(people.stage):
        await all_delivered(hooks)


def _channels(parser: argparse.ArgumentParser, asked: str) -> tuple[int, Sequence[type[Scene]]]:
    """How many, and among which."""
    if asked.isdecimal():
        return int(asked), SCENES
    channels, sources = {scene.channel: scene for scene in SCENES}, {scene.source: scene for scene in SCENES}
    words = set(asked.split(","))
    if unknown := words - channels.keys() - sources.keys():
        parser.error(f"no such channel: {' '.join(sorted(unknown))}; there are {' '.join(channels)}")
    chosen = [scene for scene in SCENES if not words.isdisjoint((scene.channel, scene.source))]
    return len(chosen), chosen


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument(
        "--channels", default=str(len(SCENES)), help="so many, drawn at random, or named: forum,wechat; else all"
    )
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    asked = parser.parse_args()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of every caller that was killed
    print(f"{asked.kills} kills, --channels {asked.channels} --seed {asked.seed}", file=sys.stderr)
    with TemporaryDirectory(prefix="aggregator-crash-") as folder:
        result = asyncio.run(crash(asked.kills, asked.seed, Path(folder), *_channels(parser, asked.channels)))
    print_figures(result.figures())
    sys.exit(not result.verdict.is_good)


if __name__ == "__main__":
    main()
