"""The demo's day, played once into a database for the tests that only look at it, with what colleagues did then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from aggregator.acting.compare_and_set import What, act
from aggregator.acting.wishes import details_of
from aggregator.clocks import ScaledClock
from aggregator.config import Settings
from aggregator.demo.play import settle
from aggregator.demo.script import DAY_SECONDS, load
from aggregator.demo.stage import staged
from aggregator.folding.refold import inquiries_by_id
from aggregator.service import Running, running
from aggregator.store.database import Database

OPENS = datetime(2026, 3, 14, 0, 0, tzinfo=UTC)
CLOSES = OPENS + timedelta(seconds=DAY_SECONDS)


@dataclass(frozen=True)
class DemoDay:
    """The data directory of a service that has been stopped at the end of the day."""

    settings: Settings
    now: datetime = CLOSES

    def clock(self) -> datetime:
        return self.now


_played: list[DemoDay] = []


@pytest.fixture(scope="session")
def demo_day(tmp_path_factory: pytest.TempPathFactory) -> DemoDay:
    """Nobody changes it. Mark tests with `xdist_group("analysts")`, so that it is played once."""
    if not _played:  # each module that imports the fixture has one of its own
        _played.append(DemoDay(asyncio.run(_play(tmp_path_factory.mktemp("demo-day")))))
    return _played[0]


async def _play(folder: Path) -> Settings:
    ticks = [0.0]
    clock = ScaledClock(OPENS, monotonic=lambda: ticks[0])
    clock.run(1)
    async with staged(load(), clock) as stage:
        settings = stage.settings(folder / "data", folder, long_poll=0)
        async with running(settings, clock=clock, port=0, hooks_port=0) as service, stage.connected(service.hooks_url):
            await asyncio.wait_for(stage.until_heard(), 30)
            for line in stage.day.lines:
                stage.plays(line)
            ticks[0] = DAY_SECONDS
            for source in service.work.poller.sources.values():
                await service.work.poller.poll(source, once=True)
            await settle(stage, service, time.monotonic() + 30)
            await service.work.ingest.group()
            await _colleagues_work(service)
    return Settings(data=settings.data, sources={}, team=settings.team, brand=settings.brand)


async def _colleagues_work(service: Running) -> None:
    """Two hold the score for too low, one for too high; one is of another kind; a few are claimed, some closed."""
    work = service.work
    found = work.db.query("SELECT inquiry_id FROM feed_at(?) ORDER BY priority DESC, inquiry_id", [work.clock()])
    ids = [one.bytes for (one,) in found]
    deeds: list[tuple[int, str, What, dict[str, str]]] = [
        (0, "amy", "claim", {}),
        (1, "amy", "claim", {}),
        (1, "amy", "close", {"reason": "resolved"}),
        (2, "sam", "take", {}),
        (3, "sam", "band", {"band": "P3", "reason": "settled by telephone"}),
        (40, "amy", "band", {"band": "P1", "reason": "a partner asks"}),
        (41, "sam", "band", {"band": "P0", "reason": "money is at stake"}),
        (42, "sam", "label", {"kind": "complaint", "tags": "fees"}),
    ]
    for place, who, what, form in deeds:
        ver = (await work.db.read(partial(inquiries_by_id, wanted=[ids[place]])))[ids[place]].ver
        details = details_of(what, form, me=who, colleagues=["amy", "sam"], now=work.clock(), settings=work.settings)
        await act(work.db, work.settings, ids[place], ver, who, what, work.clock(), details)


@pytest.fixture
def demo_database(demo_day: DemoDay) -> Iterator[Database]:
    """The day's database, open."""
    db = Database(demo_day.settings.data / "inquiries.duckdb")
    yield db
    db.close()
