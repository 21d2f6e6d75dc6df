"""What each stage of a post's way costs: processor time by stage, and bytes by table.

`python -m benchmarks.stages` prints, for pages of an import and for small live pages, microseconds of processor time a
post in each stage; then the bytes of each table a post. `python -m benchmarks.stages FILE` prints the bytes of a
database that lies there (nobody may have it open).

The stages are the product's own functions, one page after the other in one process. Each is counted without those that
it calls, by the processor time of its thread; what the whole process took besides (the event loop, DuckDB's commit, its
other threads) is the rest.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial, wraps
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import duckdb
import orjson

from aggregator.backup import DATABASE
from aggregator.config import Settings
from aggregator.importer.connector import FileConnector
from aggregator.importer.files import PAGE, File, Rows
from aggregator.incidents.keeping import Incidents
from aggregator.ingest import commit, ingest, packing, prepare
from aggregator.ingest.arrivals import Move
from aggregator.ingest.ingest import Ingest
from aggregator.store import rows, sources
from aggregator.store.database import Database
from aggregator.triage import get_ready
from benchmarks.figures import Figure, print_figures
from benchmarks.posts import BEGINS, file_of

POSTS: Final = 100_000
LIVE: Final = ((200, 8), (25, 60), (1, 200))  # posts in a page, pages; all of a day, for what is older reports nothing
BLOCK: Final = 262_144  # bytes; DuckDB's smallest piece of a file

# Who does it, and in which stage it is counted: the names are looked up where they are called.
STAGES: Final = (
    (Rows, "records", "read"),
    (prepare, "read_page", "read"),
    (prepare, "mask_records", "mask"),
    (prepare, "read_posts", "understand"),
    (prepare, "pack", "pack"),
    (packing, "begun", "fold"),
    (commit, "refold", "fold"),
    (commit, "posts_by_id", "find"),
    (ingest, "commit_pages", "decide"),
    (rows, "append", "write"),
    (rows, "insert", "write"),
    (rows, "merge", "write"),
    (rows, "delete", "write"),
    (Incidents, "take", "group"),
)
WHOLE: Final = "commit, and the rest"


@dataclass
class Stopwatch:
    """Processor time by stage, in seconds; what a stage calls is taken off it."""

    stages: dict[str, float] = field(default_factory=dict)
    _own: threading.local = field(default_factory=threading.local)

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, watched."""

        @wraps(work)
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.stage(stage):
                return work(*args, **kwargs)

        return watched

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Stages lie in one another, in each thread by themselves."""
        inner: list[float] = self._own.__dict__.setdefault("inner", [])
        inner.append(0.0)
        began = time.thread_time()
        try:
            yield
        finally:
            took = time.thread_time() - began
            self.stages[name] = self.stages.get(name, 0.0) + took - inner.pop()
            if inner:
                inner[-1] += took


@contextmanager
def watching() -> Iterator[Stopwatch]:
    """All stages of the product, watched."""
    watch = Stopwatch()
    with ExitStack() as stack:
        for owner, name, stage in STAGES:
            stack.enter_context(patch.object(owner, name, watch.timed(stage, getattr(owner, name))))
        yield watch


def measure(posts: int = POSTS, live: tuple[tuple[int, int], ...] = LIVE) -> Iterator[Figure]:
    """An import of all but the newest posts, which come as live pages; then the file is weighed."""
    file = file_of(posts).resolve()
    newest = sum(size * pages for size, pages in live)
    get_ready()
    with TemporaryDirectory(prefix="bench-stages-") as folder:
        database = Path(folder) / DATABASE
        with file.open("rb") as lines:
            rest = [orjson.loads(line) for line in islice(lines, posts - newest, None)]
        now = datetime.fromisoformat(rest[-1]["created_at"])
        db = Database(database)
        try:
            service = Ingest(db, Settings(sources={}), lambda: now)
            yield from _imported(service, File(file, {}), posts - newest, now)
            yield from asyncio.run(_arrived(service, rest, live))
        finally:
            db.close()
        yield from weigh(database, posts)


def _imported(service: Ingest, file: File, count: int, now: datetime) -> Iterator[Figure]:
    connector = FileConnector("bench")
    start = partial(sources.start, source="bench", space=connector.space, channel=connector.channel, now=now)
    fence = service.db.submit(lambda con: start(con, backfill=timedelta())).result().fence
    origin, done = service.origin(connector, None), 0
    wall, cpu = time.perf_counter(), time.process_time()
    with watching() as watch:
        for page in file.pages(0):
            records = page.records()[: count - done]
            for number, record in enumerate(records, done + 1):
                record["row"] = f"bench:{number}"
            if not records:
                break
            prepared = prepare.prepare(records, origin, now)
            done += len(records)
            move = Move(fence, {"files": {"bench": done}})
            fence += 1
            write = partial(service.write, origin=origin, prepared=prepared, move=move, now=now)
            service.db.submit(write, bulk=True).result()
    yield from _told(
        f"import, pages of {PAGE}", watch, time.process_time() - cpu, time.perf_counter() - wall, done, -(-done // PAGE)
    )


async def _arrived(service: Ingest, records: list[dict[str, Any]], live: tuple[tuple[int, int], ...]) -> list[Figure]:
    """Live pages, as a webhook brings them."""
    origin = service.origin(FileConnector("bench"), BEGINS)
    told: list[Figure] = []
    waiting = iter(records)
    for size, pages in live:
        with watching() as watch:
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(pages):
                await service.pushed(origin, list(islice(waiting, size)))
            await service.group()
            took = time.process_time() - cpu, time.perf_counter() - wall
        told += _told(f"live, pages of {size}", watch, *took, size * pages, pages)
    await service.finish()
    return told


def _told(what: str, watch: Stopwatch, cpu: float, wall: float, posts: int, pages: int) -> Iterator[Figure]:
    stages = watch.stages | {WHOLE: cpu - sum(watch.stages.values())}
    micros = {stage: round(1e6 * seconds / posts, 1) for stage, seconds in stages.items()}
    beside = {
        "stages": micros, "posts": posts, "posts_per_cpu_second": round(posts / cpu),
        "page_cpu_ms": round(1000 * cpu / pages, 1), "page_ms": round(1000 * wall / pages, 1),
    }  # fmt: skip
    yield Figure("stages", f"{what}: processor time a post", round(1e6 * cpu / posts, 1), "us", beside=beside)


def weigh(database: Path, posts: int | None = None) -> Iterator[Figure]:
    """The file, and the blocks in which each table lies; blocks that two tables share count for both."""
    with duckdb.connect(str(database), config={"access_mode": "read_write" if posts else "read_only"}) as con:
        if posts:
            con.execute("CHECKPOINT")
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        bytes_of, rows_of = {}, {}
        for table in tables:
            found = con.execute(
                "SELECT count(DISTINCT block) FROM (SELECT block_id AS block FROM pragma_storage_info(?) UNION ALL "
                "SELECT unnest(additional_block_ids) FROM pragma_storage_info(?)) WHERE block >= 0",
                [table, table],
            ).fetchone()
            assert found is not None
            bytes_of[table] = found[0] * BLOCK
            (rows_of[table],) = con.execute(f'SELECT count(*) FROM "{table}"').fetchone() or (0,)
    stored = rows_of["post"]
    for table in sorted(tables, key=lambda name: -bytes_of[name]):
        if bytes_of[table]:
            count = rows_of[table]
            beside = {"rows": count, "bytes_a_row": round(bytes_of[table] / max(count, 1), 1)}
            yield Figure("stages", f"bytes of {table} a post", round(bytes_of[table] / stored, 1), "B", beside=beside)
    size = database.stat().st_size
    yield Figure(
        "stages", "bytes of the file a post", round(size / stored, 1), "B", beside={"posts": stored, "mb": size / 1e6}
    )


if __name__ == "__main__":
    print_figures(weigh(Path(sys.argv[1])) if len(sys.argv) > 1 else measure())
