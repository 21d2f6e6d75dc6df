"""A poll that brings 25 posts: from the answer's arrival to the commit, beside small and large databases.

Real connectors ask the simulators over sockets; everything after the answer is the service's own code.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from aggregator.clocks import ScaledClock, system_clock
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.demo.script import load
from aggregator.demo.stage import Stage, staged
from aggregator.listener import serve
from aggregator.workplace import Workplace
from benchmarks.big_store import IMPORTED, fill
from benchmarks.figures import Figure, percentile, print_figures
from benchmarks.posts import lines

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from aggregator.poller import Source

SIZES: Final = (0, 100_000, 1_000_000)
POSTS: Final = 25
POLLS: Final = 40  # of each source
UNTIMED: Final = 3  # the first ones load what is loaded at first need
MEDIAN_MS: Final = 60.0


@dataclass
class Answers:
    """An app that notes when its last answer was complete."""

    app: ASGIApp
    wall: float = 0.0  # time.perf_counter
    cpu: float = 0.0  # time.process_time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            await send(message)
            self.wall, self.cpu = time.perf_counter(), time.process_time()

        await self.app(scope, receive, noted)


@dataclass
class Times:
    """Of each page, in milliseconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, since: Answers) -> None:
        self.wall.append((time.perf_counter() - since.wall) * 1000)
        self.cpu.append((time.process_time() - since.cpu) * 1000)


def measure(sizes: Sequence[int] = SIZES, polls: int = POLLS, imported: int = IMPORTED) -> Iterator[Figure]:
    """Of each source beside each size of database."""
    for size in sizes:
        with TemporaryDirectory(prefix="bench-poll-") as folder:
            fill(Path(folder), size, imported)
            times = asyncio.run(_polled(Path(folder), polls))
        for source, ms in times.items():
            beside = {
                "p95": round(percentile(ms.wall, 95), 1),
                "cpu_ms": round(median(ms.cpu), 1),
                "pages": len(ms.wall),
            }
            what = f"{source}, {size:,} posts stored: median"
            yield Figure("polling", what, round(median(ms.wall), 1), "ms", MEDIAN_MS, beside)


async def _polled(data: Path, polls: int) -> dict[str, Times]:
    rounds = polls + UNTIMED
    async with _at_work(data) as (stage, work, answers):
        talk = list(lines(stage.day, 4 * POSTS * rounds))
        times = {}
        for name in answers:
            said = iter([line for line in talk if line.channel == stage.scenes[name].channel])
            times[name] = Times()
            for number in range(rounds):
                for line in islice(said, POSTS):
                    stage.plays(replace(line, at=(stage.clock() - stage.opens).total_seconds()))
                timed = times[name] if number >= UNTIMED else Times()
                await _drain(work, work.poller.sources[name], answers[name], timed)
            assert len(times[name].wall) == polls, f"{name}: {len(times[name].wall)} of {polls} pages were timed"
        return times


async def _drain(work: Workplace, source: Source, answers: Answers, times: Times) -> None:
    """One poll, as the poller does it; the page that brings all the new posts is timed."""
    if not source.opened:
        await source.connector.open()
        source.opened = True
    async with aclosing(source.connector.pages(source.cursor)) as pages:
        async for page in pages:
            outcome = await work.ingest.page(source.origin, page, source.fence)
            source.cursor, source.fence = page.cursor, source.fence + 1
            if outcome.new == POSTS:
                times.add(answers)


@asynccontextmanager
async def _at_work(data: Path) -> AsyncIterator[tuple[Stage, Workplace, dict[str, Answers]]]:
    """Both platforms, and a desk that listens to them."""
    async with AsyncExitStack() as stack:
        secrets = stack.enter_context(TemporaryDirectory())
        stage = await stack.enter_async_context(staged(load(), ScaledClock(system_clock())))
        stage.clock.run(1)
        forum, group = stage.scene(ForumScene), stage.scene(TelegramScene)
        answers = {forum.source: Answers(forum.simulator.app), group.source: Answers(group.simulator.app)}
        forum.url = await stack.enter_async_context(serve(answers[forum.source]))
        group.url = await stack.enter_async_context(serve(answers[group.source]))
        settings = stage.settings(data, Path(secrets), long_poll=0)
        yield stage, await stack.enter_async_context(Workplace(settings, clock=stage.clock)), answers


if __name__ == "__main__":
    print_figures(measure())
