"""From published on a platform to visible in the feed, as a signed-in browser sees it arrive over SSE.

Sources are polled each second. A post that comes just after a poll waits for the next one, so the bar is the interval
and one second more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from aggregator.clocks import ScaledClock, system_clock
from aggregator.demo.script import DAY_SECONDS, crowd, load
from aggregator.demo.stage import Stage, staged
from aggregator.demo.verdict import Verdict, judge
from aggregator.demo.visitor import watching
from aggregator.service import Running, running
from aggregator.users import sign_in_link
from benchmarks.figures import Figure, print_figures

POLL_SECONDS: Final = 1.0
REACH_SECONDS: Final = POLL_SECONDS + 1.0
LINES: Final = 300
SECONDS: Final = 60.0
PATIENCE: Final = 10.0  # seconds after the last line, before what is not stored counts as missing
SEED: Final = 7


def measure(lines: int = LINES, seconds: float = SECONDS) -> Iterator[Figure]:
    """Play so many lines of a crowd, evenly, in so many seconds."""
    verdicts = asyncio.run(_played(lines, seconds))
    for source, verdict in verdicts.items():
        if verdict.p50_seconds is None or verdict.p95_seconds is None:
            continue  # the crowd says nothing there
        counted = {"posts": verdict.shown, "poll_every": POLL_SECONDS}
        yield Figure("visible", f"{source}: p50", verdict.p50_seconds, "s", None, counted)
        yield Figure("visible", f"{source}: p95", verdict.p95_seconds, "s", REACH_SECONDS, counted)
    every = verdicts["all"]
    yield Figure("visible", "posts missing", every.missing, "posts", 0, {"sent": every.sent})
    yield Figure("visible", "posts doubled", every.doubled, "posts", 0, {"stored": every.stored})


async def _played(lines: int, seconds: float) -> dict[str, Verdict]:
    with TemporaryDirectory(prefix="bench-visible-") as data, TemporaryDirectory() as secrets:
        day = load()
        # The day has ended by now: no post is dated in the future.
        clock = ScaledClock(system_clock() - timedelta(seconds=DAY_SECONDS))
        async with staged(replace(day, lines=tuple(crowd(day, lines, SEED))), clock) as stage:
            settings = stage.settings(Path(data), Path(secrets))
            async with running(settings, clock=clock, port=0, hooks_port=0) as service:
                return await _watched(stage, service, seconds)


async def _watched(stage: Stage, service: Running, seconds: float) -> dict[str, Verdict]:
    desk, db = service.work.desk, service.work.db
    desk.add_user("bench", "viewer")
    async with watching(service.url, sign_in_link(service.url, desk.invite("bench", stage.clock()))) as visitor:
        stage.clock.run(DAY_SECONDS / seconds)
        began = time.monotonic()
        for line in stage.day.lines:
            await asyncio.sleep(max(0.0, began + line.at / DAY_SECONDS * seconds - time.monotonic()))
            stage.plays(line)
        latest = time.monotonic() + PATIENCE
        while time.monotonic() < latest:
            await asyncio.sleep(0.2)
            verdicts = await db.read(lambda con: judge(con, stage, visitor))
            if not verdicts["all"].missing:
                break
        await asyncio.sleep(POLL_SECONDS)  # the last event is on its way
        return await db.read(lambda con: judge(con, stage, visitor))


if __name__ == "__main__":
    print_figures(measure())
