"""What a lake costs beside a file, in one run: a page of 25 posts, a claim, the feed's first page.

PostgreSQL is that of the tests' wheel, on this machine and without fsync; Parquet lies in a folder of this machine. So
these are figures without a network: add the way to PostgreSQL for each statement, about 40 of them for a page.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from aggregator.acting.compare_and_set import act
from aggregator.clocks import system_clock
from aggregator.config import Settings
from aggregator.config.lake_settings import SCHEME, LakeSettings
from aggregator.importer.connector import FileConnector
from aggregator.store import sources
from aggregator.store.filters import Filters
from aggregator.store.lake import Lake
from aggregator.store.listing import feed_page
from aggregator.workplace import Workplace
from benchmarks.figures import Figure, percentile, print_figures
from benchmarks.posts import rows
from connectors.contract import Page
from tests.postgres import postgres

POSTS: Final = 25
PAGES: Final = 40
UNTIMED: Final = 3  # the first ones load what is loaded at first need
CLAIMS: Final = 20
READS: Final = 20

Times = dict[str, list[float]]


def measure(pages: int = PAGES, claims: int = CLAIMS, reads: int = READS) -> Iterator[Figure]:
    """Of each figure: on the lake, and beside it the floor, the same on a file."""
    with TemporaryDirectory(prefix="bench-lake-") as folder, postgres() as server:
        server.sql("CREATE DATABASE bench")
        lake = LakeSettings(store=SCHEME + server.dsn("bench"), files=f"{folder}/files")
        on_file = asyncio.run(_measured(Settings(sources={}, data=Path(folder) / "file"), pages, claims, reads))
        settings = Settings(sources={}, data=Path(folder) / "lake", lake=lake)
        on_lake = asyncio.run(_measured(settings, pages, claims, reads))
    for what, times in on_lake.items():
        value, floor = round(median(times), 1), round(median(on_file[what]), 1)
        beside = {"p95": round(percentile(times, 95), 1), "floor": floor, "ratio": round(value / floor, 1)}
        yield Figure("lake", f"{what}: median", value, "ms", None, beside | {"times": len(times)})


async def _measured(settings: Settings, pages: int, claims: int, reads: int) -> Times:
    async with Workplace(settings) as work:
        times = {"a page of 25 posts": await _pages(work, pages)}
        inquiries = work.db.query("SELECT inquiry_id, ver FROM inquiry_open ORDER BY points DESC LIMIT ?", [claims])
        times["a claim"] = [await _claim(work, one.bytes, ver) for one, ver in inquiries]
        times["the feed's first page"] = [await _read(work) for _ in range(reads)]
        if isinstance(work.db, Lake):
            began = time.perf_counter()
            await asyncio.to_thread(work.db.maintain)
            times["maintenance"] = [(time.perf_counter() - began) * 1000]
        else:
            times["maintenance"] = [await _checkpointed(work)]
    return times


async def _checkpointed(work: Workplace) -> float:
    began = time.perf_counter()
    await asyncio.to_thread(work.db.compact)
    return (time.perf_counter() - began) * 1000


async def _pages(work: Workplace, pages: int) -> list[float]:
    connector, now = FileConnector("bench"), work.clock()
    state = await work.db.write(
        lambda con: sources.start(con, "bench", connector.space, connector.channel, now, timedelta(days=1))
    )
    origin = work.ingest.origin(connector, state.live_since)
    told = iter(rows(POSTS * (pages + UNTIMED)))
    times = []
    for number in range(pages + UNTIMED):
        records = [{**row, "created_at": work.clock().isoformat()} for row in islice(told, POSTS)]
        began = time.perf_counter()
        await work.ingest.page(origin, Page(records=records, cursor={"at": number}), state.fence + number)
        times.append((time.perf_counter() - began) * 1000)
    return times[UNTIMED:]


async def _claim(work: Workplace, one: bytes, ver: int) -> float:
    began = time.perf_counter()
    await act(work.db, work.settings, one, ver, "amy", "claim", work.clock(), {})
    return (time.perf_counter() - began) * 1000


async def _read(work: Workplace) -> float:
    began, bands = time.perf_counter(), work.settings.bands
    await work.db.read(lambda con: feed_page(con, Filters(), moment=system_clock(), bands=bands, limit=51))
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    print_figures(measure())
