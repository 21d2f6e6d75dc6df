"""Posts from files: history exports and other tools, through the same ingest as everything else.

Resumable (each page's commit moves the file's row count) and idempotent: a post keeps its own id, or is named
by its file's hash and its row.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, closing, contextmanager
from functools import partial

from aggregator.importer.connector import FileConnector
from aggregator.importer.files import PAGE, File, Rows
from aggregator.importer.room import room_for
from aggregator.importer.workers import Job, Workers, ask
from aggregator.ingest.commit import Move, Outcome
from aggregator.ingest.drafts import Prepared
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.joining import joined
from aggregator.store import sources
from connectors.contract import SourceConfig

SMALL = 1_000_000  # bytes of a file that is read before another process has started
MOST_WORKERS = 2
TOGETHER = 4 * PAGE  # rows in one transaction where nobody else waits for the writer: 40 % less of its time a post

Progress = Callable[[str, int, int], None]  # file, rows done, rows in all (0: not known)
Reader = Callable[[Rows, int], Prepared]  # rows, how many stand before them


async def import_file(
    ingest: Ingest, file: File, source: str, progress: Progress | None = None, *, alone: bool = False
) -> Outcome:
    """Import one file; rows that an earlier run committed are not read again.

    Args:
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
    done, fence, total = files.get(digest, 0), state.fence, file.count()
    origin = ingest.origin(connector, None)
    job = Job(source, digest, now, origin.staff, origin.official, origin.points, origin.clocks, origin.names)
    sum_ = Outcome()
    committing: asyncio.Future[Outcome] | None = None
    async with (
        room_for(ingest.db, alone=alone),
        aclosing(_read(file, done, job)) as read,
        aclosing(_together(read, TOGETHER if alone else PAGE)) as pages,
    ):
        async for prepared in pages:
            # The next pages are read and understood while this one is being written.
            if committing is not None:
                _add(sum_, committed := await committing)
                ingest.hear(committed, source)
            done += prepared.records
            move = Move(fence, {"files": {**files, digest: done}})
            fence += 1
            write = partial(ingest.write, origin=origin, prepared=prepared, move=move, now=now)
            committing = asyncio.wrap_future(ingest.db.submit(write, bulk=True))
            if progress:
                progress(file.path.name, done, total)
        if committing is not None:
            _add(sum_, committed := await committing)
            ingest.hear(committed, source)
    ingest.tell(sum_.inquiries)
    return sum_


async def _read(file: File, done: int, job: Job) -> AsyncGenerator[Prepared, None]:
    """The file's pages in order, read by several at a time."""
    pages = file.pages(done)
    with _readers(file, job) as readers:
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
    """Pages joined until `most` rows are together; the first by itself, so that something is seen soon."""
    waiting: list[Prepared] = []
    enough = PAGE
    async for page in pages:
        waiting.append(page)
        if sum(each.records for each in waiting) >= enough:
            yield joined(waiting)
            waiting, enough = [], most
    if waiting:
        yield joined(waiting)


Asked = Callable[[Rows, int], "asyncio.Future[Prepared]"]


@contextmanager
def _readers(file: File, job: Job) -> Iterator[list[Asked]]:
    """Those who read pages: processes for a large file, a thread for a small one."""
    small = file.path.stat().st_size < SMALL
    count = 1 if small else min(MOST_WORKERS, os.cpu_count() or 1)
    with ExitStack() as stack:
        # A thread for each: it waits for its process, and each thread that allocates keeps its memory.
        threads = [stack.enter_context(ThreadPoolExecutor(1, "import")) for _ in range(count)]
        if small:
            reads: list[Reader] = [partial(job.prepare, origin=job.origin())]
        else:
            workers = stack.enter_context(closing(Workers(job, count)))
            reads = [partial(ask, pipe) for pipe in workers.pipes]
        yield [partial(_ask, thread, read) for thread, read in zip(threads, reads, strict=True)]


def _ask(thread: ThreadPoolExecutor, read: Reader, rows: Rows, done: int) -> asyncio.Future[Prepared]:
    over = asyncio.wrap_future(thread.submit(read, rows, done))
    # Where an earlier page ends the import nobody waits for this one, and asyncio would print its error as forgotten.
    over.add_done_callback(lambda done: done.cancelled() or done.exception())
    return over


def _add(total: Outcome, page: Outcome) -> None:
    total.records += page.records
    total.new += page.new
    total.edited += page.edited
    total.deleted += page.deleted
    total.rejected += page.rejected
    total.inquiries |= page.inquiries
