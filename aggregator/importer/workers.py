"""Processes that read rows while this one writes: masking and understanding take as long as writing does.

A worker is handed rows as they stand in the file, and hands back what the database needs. It ends with its pipe, when
the process that began it was killed.

To get ready takes it a second. So what it works with is loaded in `_serve`, and this module is quick to import: a
command begins its workers first of all, and opens the database meanwhile.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from aggregator.importer.files import Rows
    from aggregator.importer.job import Job
    from aggregator.ingest.drafts import Prepared

SMALL = 1_000_000  # bytes of a file that is read before another process has started
MOST_WORKERS = 2


class Workers:
    """Processes that read at the same time, each asked from one thread of ours (see `ask`).

    The first gets ready; the others are copies of it.
    """

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of ours would copy DuckDB's threads in mid-air
        self.pipes, theirs = zip(*(context.Pipe() for _ in range(count)), strict=True)
        self._process = context.Process(target=_serve, args=(theirs,), name="import-worker", daemon=True)
        self._process.start()
        for pipe in theirs:
            pipe.close()

    @property
    def pid(self) -> int | None:
        """Of the first."""
        return self._process.pid

    def take_up(self, job: Job) -> None:
        """From now on their rows are of this file; nothing may be asked that is not answered."""
        for pipe in self.pipes:
            with suppress(OSError):  # told with the first page
                pipe.send(job)

    def close(self) -> None:
        """End them, whatever they are doing."""
        self._process.terminate()
        self._process.join()
        for pipe in self.pipes:
            pipe.close()


@contextmanager
def workers_for(files: Iterable[Path], begun: Workers | None = None) -> Iterator[Workers | None]:
    """As many as the machine has use for, while the block runs; none where each of the files is small.

    Args:
        begun: those that are at work already; they are left so.
    """
    if begun is not None or all(file.stat().st_size < SMALL for file in files):
        yield begun
        return
    with closing(Workers(min(MOST_WORKERS, os.cpu_count() or 1))) as workers:
        yield workers


def ask(pipe: Connection, rows: Rows, done: int) -> Prepared:
    """What the rows say of the file taken up, by the process behind one of `Workers.pipes`.

    Raises:
        ImportFileError: the process ended, or could not go on.
    """
    from aggregator.importer.files import ImportFileError

    try:
        pipe.send((rows, done))
        answer = _received(pipe)
    except (EOFError, OSError) as error:
        raise ImportFileError(
            "a helper process of the import ended, perhaps killed for want of memory. What was committed is kept: "
            "give the same command again"
        ) from error
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _serve(pipes: Sequence[Connection]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the import itself ends us
    from aggregator.importer.job import Job
    from aggregator.triage import get_ready
    from connectors.errors import ConfigError

    with suppress(ConfigError):  # told with the first page
        get_ready()
    gc.freeze()  # copies share what they never look at
    gc.disable()  # nothing of a page refers to itself in a circle, and looking for circles took a sixth of the time
    mine = pipes[0]
    copies: list[int] = []
    for pipe in pipes[1:]:
        if (copy := os.fork()) == 0:
            mine, copies = pipe, []
            break
        copies.append(copy)
    for pipe in pipes:
        if pipe is not mine:
            pipe.close()
    signal.signal(signal.SIGTERM, partial(_end, copies))
    _read_pages(mine, Job)
    _end(copies)


def _send(pipe: Connection, answer: Prepared | BaseException) -> None:
    """Large pieces are sent from where they lie, and kept as they come."""
    pieces: list[pickle.PickleBuffer] = []
    said = pickle.dumps(answer, 5, buffer_callback=pieces.append)
    pipe.send((said, len(pieces)))
    for piece in pieces:
        pipe.send_bytes(piece.raw())


def _received(pipe: Connection) -> Prepared | BaseException:
    said, count = pipe.recv()
    pieces = [pipe.recv_bytes() for _ in range(count)]
    answer: Prepared | BaseException = pickle.loads(said, buffers=pieces)  # noqa: S301 -- by a process of ours
    return answer


def _end(copies: Sequence[int], *_: object) -> None:
    for copy in copies:
        os.kill(copy, signal.SIGTERM)
        os.waitpid(copy, 0)
    os._exit(0)


def _read_pages(pipe: Connection, kind: type[Job]) -> None:
    job: Job
    while True:
        try:
            asked = pipe.recv()
        except (EOFError, OSError):
            return
        if isinstance(asked, kind):
            job, origin = asked, asked.origin()
            continue
        rows, done = asked
        try:
            answer: Prepared | Exception = job.prepare(rows, done, origin)
        except Exception as error:  # a bug: it ends the import there, not here in silence
            answer = error
        try:
            _send(pipe, answer)
        except OSError:  # who asked was killed meanwhile
            return
