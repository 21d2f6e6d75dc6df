"""Posts from files: history exports and other tools, through the same ingest as everything else.

Resumable (each page's commit moves the file's row count) and idempotent: a post keeps its own id, or is named
by its file's hash and its row.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial

import orjson

from aggregator.importer.connector import FileConnector
from aggregator.importer.files import PAGE, File, Rows
from aggregator.importer.job import Job
from aggregator.importer.room import room_for
from aggregator.importer.workers import SMALL, Workers, ask
from aggregator.ingest.arrivals import Move, Outcome
from aggregator.ingest.drafts import Prepared, Rejected
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.joining import joined
from aggregator.store import sources
from aggregator.store.known_ids import Distinct
from connectors.contract import SourceConfig

# Rows in one transaction where nobody else waits for the writer: each statement has its price, and at 2,500 rows they
# took 57 us of the writer's time a post, at 10,000 36. Three pages are no quicker than two, and take 12 MB more.
TOGETHER = 2 * PAGE

MOST_TOLD = 5
"""Of how many rows it is told why they could not be read; the reasons of all are kept."""

LONGEST_REASON = 200  # characters; one may hold what stood there

Progress = Callable[[str, int, int], None]  # file, rows done, rows in all (0: not known)
Reader = Callable[[Rows, int], Prepared]  # rows, how many stand before them


@dataclass(slots=True)
class Imported:
    """What a file brought."""

    records: int = 0
    new: int = 0
    edited: int = 0
    rejected: int = 0
    inquiries: int = 0  # that are new or changed
    why: list[str] = field(default_factory=list)  # of the first ones that could not be read, with file and row


async def import_file(
    ingest: Ingest,
    file: File,
    source: str,
    progress: Progress | None = None,
    *,
    workers: Workers | None = None,
    alone: bool = False,
) -> Imported:
    """Import one file; rows that an earlier run committed are not read again.

    Args:
        workers: who read it, if it is large; nobody: a thread.
        alone: this process does nothing else meanwhile.

    Raises:
        ImportFileError: the file cannot be read (any further).
        StoreError: the database cannot be written.
    """
    connector = FileConnector(source)
    now = ingest.clock()
    state = await ingest.db.write(
        lambda con: sources.start(
            con, source, connector.space, connector.channel, now, SourceConfig(connector="").backfill
        )
    )
    files: dict[str, int] = (state.cursor or {"files": {}})["files"]
    digest = await asyncio.to_thread(file.digest)
    reading = file.reading(digest)
    done, fence, total = files.get(reading, 0), state.fence, file.count()
    origin = ingest.origin(connector, None)
    job = Job(source, digest, now, origin.staff, origin.official, origin.points, origin.clocks, origin.names)
    imported, changed = Imported(), Distinct(keep=ingest.changed is not None)
    committing: asyncio.Future[Outcome] | None = None
    async with (
        room_for(ingest.db, alone=alone),
        aclosing(_read(file, done, job, workers)) as read,
        aclosing(_together(read, TOGETHER if alone else PAGE)) as pages,
    ):
        async for prepared in pages:
            # The next pages are read and understood while this one is being written.
            if committing is not None:
                _took(await committing, ingest, source, imported, changed)
            done += prepared.records
            imported.why += [_why(one, file) for one in prepared.rejected[: MOST_TOLD - len(imported.why)]]
            move = Move(fence, {"files": {**files, reading: done}})
            fence += 1
            committing = asyncio.wrap_future(
                ingest.db.submit(partial(ingest.write, origin=origin, prepared=prepared, move=move, now=now), bulk=True)
            )
            del prepared  # the writer's now: before the next one is there it is gone
            if progress:
                progress(file.path.name, done, total)
        if committing is not None:
            _took(await committing, ingest, source, imported, changed)
    imported.inquiries = len(changed)
    ingest.tell(changed.ids)
    return imported


async def _read(file: File, done: int, job: Job, workers: Workers | None) -> AsyncGenerator[Prepared, None]:
    """The file's pages in order, read by several at a time."""
    pages = file.pages(done)
    with _readers(job, None if file.path.stat().st_size < SMALL else workers) as readers:
        reading: deque[asyncio.Future[Prepared]] = deque()
        turn = 0
        while (rows := await asyncio.to_thread(next, pages, None)) is not None:
            reading.append(readers[turn % len(readers)](rows, done))
            done, turn = done + len(rows), turn + 1
            if len(reading) > len(readers):
                yield await reading.popleft()
        while reading:
            yield await reading.popleft()


async def _together(pages: AsyncGenerator[Prepared, None], most: int) -> AsyncGenerator[Prepared, None]:
    """Pages joined until `most` rows are together; the first by itself, so that something is seen soon. One of
    fewer rows than usual is large, or the last."""
    waiting: list[Prepared] = []
    enough = PAGE
    async for page in pages:
        waiting.append(page)
        if sum(each.records for each in waiting) >= enough or page.records < PAGE:
            page = joined(waiting)
            waiting, enough = [], most
            yield page
        del page
    if waiting:
        yield joined(waiting)


Asked = Callable[[Rows, int], "asyncio.Future[Prepared]"]


@contextmanager
def _readers(job: Job, workers: Workers | None) -> Iterator[list[Asked]]:
    """Those who read pages: processes, or a thread of ours."""
    if workers is None:
        reads: list[Reader] = [partial(job.prepare, origin=job.origin())]
    else:
        workers.take_up(job)
        reads = [partial(ask, pipe) for pipe in workers.pipes]
    with ExitStack() as stack:
        # A thread for each: it waits for its process, and each thread that allocates keeps its memory.
        threads = [stack.enter_context(ThreadPoolExecutor(1, "import")) for _ in reads]
        yield [partial(_ask, thread, read) for thread, read in zip(threads, reads, strict=True)]


def _ask(thread: ThreadPoolExecutor, read: Reader, rows: Rows, done: int) -> asyncio.Future[Prepared]:
    over = asyncio.wrap_future(thread.submit(read, rows, done))
    # Where an earlier page ends the import nobody waits for this one, and asyncio would print its error as forgotten.
    over.add_done_callback(lambda done: done.cancelled() or done.exception())
    return over


def _took(page: Outcome, ingest: Ingest, source: str, imported: Imported, changed: Distinct) -> None:
    ingest.hear(page, source)
    imported.records += page.records
    imported.new += page.new
    imported.edited += page.edited
    imported.rejected += page.rejected
    changed.add(page.inquiries)


def _why(rejected: Rejected, file: File) -> str:
    row: str = orjson.loads(rejected.body).get("row", ":?")  # ?: nested so deeply that nothing of it was kept
    reason = rejected.reason.removeprefix(f"row {row}: ")
    return f"{file.path.name}, row {row.rpartition(':')[2]}: {reason[:LONGEST_REASON]}"
