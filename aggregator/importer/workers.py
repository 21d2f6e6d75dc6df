"""Processes that read rows while this one writes: masking and understanding take as long as writing does.

A worker is handed rows as they stand in the file, and hands back what the database needs. It ends with its pipe, when
the process that began it was killed.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aggregator.importer.connector import FileConnector
from aggregator.importer.files import ImportFileError
from aggregator.ingest.origin import Origin
from aggregator.ingest.prepare import prepare
from aggregator.triage import get_ready
from connectors.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime
    from multiprocessing.connection import Connection

    from aggregator.config import ChannelClock
    from aggregator.importer.files import Rows
    from aggregator.ingest.drafts import Prepared
    from aggregator.triage.impersonation import OurNames


@dataclass(frozen=True, slots=True)
class Job:
    """How the rows of one file are read, in whichever process."""

    source: str
    digest: str
    now: datetime
    staff: Mapping[str, str] = field(default_factory=dict)
    official: frozenset[str] = frozenset()
    points: Mapping[str, float] = field(default_factory=dict)
    clocks: Mapping[str, ChannelClock] = field(default_factory=dict)
    names: OurNames | None = None

    def origin(self) -> Origin:
        connector = FileConnector(self.source)
        return Origin(
            source=self.source,
            space=connector.space,
            channel=connector.channel,
            read=connector.post,
            staff=self.staff,
            official=self.official,
            points=self.points,
            clocks=self.clocks,
            names=self.names,
        )

    def prepare(self, rows: Rows, done: int, origin: Origin) -> Prepared:
        """Read rows that stand in the file after the first `done`; each is named by its place."""
        records = rows.records()
        for number, record in enumerate(records, done + 1):
            record["row"] = f"{self.digest}:{number}"
        return prepare(records, origin, self.now)


class Workers:
    """Processes that read at the same time, each asked from one thread of ours (see `ask`).

    The first gets ready, which takes a second; the others are copies of it.
    """

    def __init__(self, job: Job, count: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of ours would copy DuckDB's threads in mid-air
        self.pipes, theirs = zip(*(context.Pipe() for _ in range(count)), strict=True)
        self._process = context.Process(target=_serve, args=(theirs, job), name="import-worker", daemon=True)
        self._process.start()
        for pipe in theirs:
            pipe.close()

    @property
    def pid(self) -> int | None:
        """Of the first."""
        return self._process.pid

    def close(self) -> None:
        """End them, whatever they are doing."""
        self._process.terminate()
        self._process.join()
        for pipe in self.pipes:
            pipe.close()


def ask(pipe: Connection, rows: Rows, done: int) -> Prepared:
    """What the rows say, by the process behind one of `Workers.pipes`.

    Raises:
        ImportFileError: the process ended, or could not go on.
    """
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


def _serve(pipes: Sequence[Connection], job: Job) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the import itself ends us
    origin = job.origin()
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
    _read_pages(mine, job, origin)
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


def _read_pages(pipe: Connection, job: Job, origin: Origin) -> None:
    while True:
        try:
            rows, done = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: Prepared | Exception = job.prepare(rows, done, origin)
        except Exception as error:  # a bug: it ends the import there, not here in silence
            answer = error
        _send(pipe, answer)
