"""One DuckDB file: opening, migrating, one writer, many readers, backup and compaction.

DuckDB lets no second process open a file that is being written. Inside the process there is one writer thread;
live pages and people's actions go before imports, for half a second. Readers have a cursor each and see committed data
only.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import duckdb

from aggregator.store import folder
from aggregator.store.changed import Teller, gathering

T = TypeVar("T")
Connection = duckdb.DuckDBPyConnection

BULK_WAITS = 0.5
"""Seconds for which what is not urgent lets everything else go first at the writer. Then it is its turn: under a load
that keeps the writer busy all the time it would wait for ever, and what it holds would pile up."""
CALM_WITHIN = 1.0
"""Seconds for which everybody stands still at most until those who read are done and the file can be swapped."""


class _NoPandas:
    """Says at once that there is no pandas. DuckDB looks for it at every value that is bound to a statement, through
    all of the path, in vain each time anew: 0.1 ms for each value."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)


if find_spec("pandas") is None:
    sys.meta_path.insert(0, _NoPandas)


class StoreError(Exception):
    """The database cannot be used; the message says why and what to do."""


class DatabaseBusyError(StoreError):
    """Another process holds the file."""


class Database:
    """The open file. Create it with a path, or with None for a database in memory (the `score` filter)."""

    def __init__(self, path: Path | None, *, memory_limit: str | None = None) -> None:
        self.path = path
        self._memory_limit = memory_limit
        self._readers = set[object]()  # a mark for each
        self._swapping = False
        self._calm = threading.Condition()  # guards both
        self.others_wrote: Callable[[Connection, int], None] = lambda _con, _since: None
        """Called on the writer's thread, at the beginning of a transaction, where another process has written since
        the snapshot of that number, the last one of ours. Nobody else writes into a file of our own."""
        self.rolled_back: Callable[[], None] = lambda: None
        """Called on the writer's thread after a transaction that failed, at its commit, too; of a lake, once it is not
        tried again."""
        self.before_swap: Callable[[], None] = lambda: None  # who holds the file besides us lets it go, or raises ...
        self.after_swap: Callable[[], None] = lambda: None  # ... and takes it up again
        self._con = self._open()
        self._jobs: queue.PriorityQueue[tuple[float, int, _Job | None]] = queue.PriorityQueue()  # by when it is due
        self._numbers = itertools.count()
        self._closed = False
        self.written = Written()
        self.teller: Teller | None = None
        """Told of each transaction before it is committed, and after."""
        self._thread = threading.Thread(target=self._serve, name="duckdb-writer", daemon=True)
        self._thread.start()

    # -- opening ---------------------------------------------------------------------------------

    def _open(self) -> Connection:
        if self.path is not None:
            try:
                folder.make(self.path.parent)
            except folder.FolderError as error:
                raise StoreError(str(error)) from error
        # Half the cores: the other half reads, masks and understands. On two cores more threads only get in the way.
        threads = max(1, (os.cpu_count() or 2) // 2)
        config: dict[str, Any] = {
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if self._memory_limit:
            config["memory_limit"] = self._memory_limit
        try:
            con = duckdb.connect(str(self.path) if self.path else ":memory:", config=config)
        except duckdb.Error as error:
            raise explain(self.path, error) from error
        if self.path is not None:
            self.path.chmod(0o600)
            for leftover in _unfinished(self.path):  # of a killed process: ours is the only one
                leftover.unlink(missing_ok=True)
        if self.path is not None and not self._memory_limit:
            con.execute(f"SET GLOBAL memory_limit = '{_share_of_memory(con)}'")
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        # The default of 50 makes a feed page of 51 rows five times slower; a plain SET is not inherited by cursors.
        con.execute("SET GLOBAL late_materialization_max_rows = 1000")
        con.execute("SET GLOBAL preserve_insertion_order = false")
        # The default of 16 MB copies the log into the tables every hundred pages of an import: a third of its time.
        con.execute("SET GLOBAL checkpoint_threshold = '64MB'")
        # Else what a query needed stays with the thread that ran it: 100 MB after a few minutes of a busy desk.
        con.execute("SET GLOBAL allocator_background_threads = true")
        try:
            migrate(con, str(self.path))
        except BaseException:
            con.close()
            raise
        return con

    # -- reading ---------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A cursor of its own; waits while the file is being swapped."""
        mark = object()
        with self._calm:
            self._calm.wait_for(lambda: not self._swapping)
            self._readers.add(mark)
        try:
            cursor = self._cursor()
            try:
                yield cursor
            finally:
                self._done_with(cursor)
        finally:
            with self._calm:
                self._readers.discard(mark)
                self._calm.notify_all()

    def held(self) -> Connection:
        """A cursor to keep; whoever holds it closes it in `before_swap`, and takes another in `after_swap`."""
        return self._cursor()

    def _cursor(self) -> Connection:
        return self._con.cursor()

    def _done_with(self, cursor: Connection) -> None:
        cursor.close()

    def query(self, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        """All rows of a short query."""
        with self.reading() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def read_now(self, job: Callable[[Connection], T]) -> T:
        """Run `job` with a cursor. All that it reads is of one moment: what moves from one table to another while it
        reads is in one of them."""
        with self.reading() as cursor:
            cursor.begin()
            try:
                return job(cursor)
            finally:
                with suppress(duckdb.Error):
                    cursor.rollback()

    async def read(self, job: Callable[[Connection], T]) -> T:
        """`read_now` in a thread, off the event loop."""
        return await asyncio.to_thread(self.read_now, job)

    # -- writing ---------------------------------------------------------------------------------

    def submit(self, job: Callable[[Connection], T], *, bulk: bool = False) -> Future[T]:
        """Queue `job` for the writer: one transaction, rolled back if it raises. `bulk`: it is not urgent."""
        return self._queue(_Job(job), BULK_WAITS if bulk else 0.0)

    def _queue(self, job: _Job, after: float) -> Future[Any]:
        """`after`: seconds for which all else goes first."""
        if self._closed:
            raise StoreError("the database is closed")
        self._jobs.put((time.monotonic() + after, next(self._numbers), job))
        return job.done

    async def write(self, job: Callable[[Connection], T], *, bulk: bool = False) -> T:
        """`submit` for the event loop. A cancelled caller does not take back a commit under way."""
        over = asyncio.wrap_future(self.submit(job, bulk=bulk))
        # A caller who was cancelled never hears of an error; asyncio would print it as a forgotten one.
        over.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(over)

    def _serve(self) -> None:
        while (job := self._jobs.get()[2]) is not None:
            self._do(job)
            del job  # and with it a page of an import, before the next one is there

    def _do(self, job: _Job) -> None:
        if not job.done.set_running_or_notify_cancel():
            return
        began = time.monotonic()
        try:
            result = self._transaction(job.work) if job.transaction else job.work(self._con)
        except BaseException as error:
            self.written.add(time.monotonic() - began)
            job.done.set_exception(error)
        else:
            self.written.add(time.monotonic() - began)
            job.done.set_result(result)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            self._con.execute("BEGIN")
            result, told = self._told(self._con, work)
            self._con.execute("COMMIT")
        except BaseException as error:
            with suppress(duckdb.Error):
                self._con.execute("ROLLBACK")
            self.rolled_back()
            if isinstance(error, duckdb.Error) and not isinstance(error, duckdb.ProgrammingError):
                raise explain(self.path, error) from error
            raise
        if told and self.teller is not None:
            self.teller.committed()
        return result

    def _told(self, con: Connection, work: Callable[[Connection], T]) -> tuple[T, bool]:
        """Within a transaction: do the work, and write whom it has to be told. The second: somebody has to."""
        if self.teller is None:
            return work(con), False
        with gathering() as changed:
            result = work(con)
        return result, bool(changed) and self.teller.write(con, changed)

    def waiting(self) -> int:
        """How many wait for the writer."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Finish what is queued, then close the file."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put((math.inf, next(self._numbers), None))
        self._thread.join()
        self._let_go()

    def _let_go(self) -> None:
        self._con.close()

    # -- keeping ---------------------------------------------------------------------------------

    def copy_to(self, target: Path) -> None:
        """A consistent copy into a new file, beside readers and the writer."""
        with self.reading() as cursor:
            _copy(cursor, target)

    def elsewhere(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        """What is kept elsewhere than in files of the data directory: where, and all that is written there."""
        return iter(())

    def compact(self) -> None:
        """Copy the database and swap the file: only so do overwritten bytes leave the disk.

        Whoever reads for long, a backup or an export, is waited for; meanwhile everybody else reads and writes on.

        Raises:
            StoreError: the file is as it was: there is no room for the copy, or who holds the file does not let go.
        """
        if self.path is None:
            return
        while still := self.outside(self._swap):
            with self._calm:
                self._calm.wait_for(partial(self._readers.isdisjoint, still))

    def outside(self, work: Callable[[Connection], T]) -> T:
        """Do it in the writer's turn, outside of any transaction; wait for its end."""
        result: T = self._queue(_Job(work, transaction=False), 0.0).result()
        return result

    def _swap(self, _: Connection) -> frozenset[object]:
        """Returns those who still read; then nothing was done, for while the writer waits nobody writes."""
        if still := self._readers_held_back():
            return still
        try:
            self._put_copy()
        finally:
            self._let_readers_in()
            self.after_swap()
        return frozenset()

    def _readers_held_back(self) -> frozenset[object]:
        """Let nobody begin to read, unless some do not end in time: those."""
        with self._calm:
            self._swapping = True
            self._calm.wait_for(lambda: not self._readers, CALM_WITHIN)
            if still := frozenset(self._readers):
                self._let_readers_in()
            return still

    def _let_readers_in(self) -> None:
        with self._calm:
            self._swapping = False
            self._calm.notify_all()

    def _put_copy(self) -> None:
        """A copy of the file in its place, while nobody reads or writes."""
        assert self.path is not None
        leftovers = _unfinished(self.path)
        fresh = leftovers[0]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        try:
            self.before_swap()  # first: a copy takes long, and would be in vain
            _copy(self._con, fresh)
            self._con.execute("CHECKPOINT")
        except (duckdb.Error, StoreError) as error:
            for leftover in leftovers:
                leftover.unlink(missing_ok=True)
            raise StoreError(f"{self.path} could not be copied, and is as it was: {error}") from error
        self._con.close()
        fresh.replace(self.path)
        self.path.with_name(self.path.name + ".wal").unlink(missing_ok=True)
        self._con = self._open()
        # Only now: a crash before the swap leaves the old file, and what has to leave it.
        self._con.execute("DELETE FROM meta WHERE key = 'compact_due'")


def _share_of_memory(con: Connection) -> str:
    """Three tenths of the memory that there is (DuckDB takes eight, and knows the limits of containers), but at least
    1 GiB where that is there. What does not fit is read again, or put into `<file>.tmp` beside the database."""
    (said,) = con.execute("SELECT current_setting('memory_limit')").fetchone() or ("1 GiB",)
    size, unit = said.split()
    most = float(size) * {"MiB": 1, "GiB": 1024, "TiB": 1024**2}.get(unit, 0)
    return f"{min(most, max(1024, most * 3 / 8)):.0f} MiB" if most else said


def beside(con: Connection) -> Connection:
    """Another cursor that reads the same database; whoever takes it closes it."""
    (name,) = con.execute("SELECT current_database()").fetchone() or ("",)
    cursor = con.cursor()
    cursor.execute(f'USE "{name}"')
    return cursor


def _unfinished(path: Path) -> tuple[Path, Path]:
    """The copy that a compaction makes, and its log."""
    fresh = path.with_name(path.name + ".compacting")
    return fresh, fresh.with_name(fresh.name + ".wal")


@dataclass(slots=True)
class Written:
    """What the writer has done since the start."""

    jobs: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        self.jobs += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


class _Job:
    """One queued piece of work."""

    def __init__(self, work: Callable[[Connection], Any], *, transaction: bool = True) -> None:
        self.work = work
        self.transaction = transaction
        self.done: Future[Any] = Future()


def migrate(con: Connection, name: str) -> None:
    """Bring the schema up to date, each file in one transaction.

    Raises:
        StoreError: the file was written by a newer version of this program.
    """
    for number, statements in due_migrations(con, name):
        con.execute("BEGIN")
        con.execute(statements)
        note_version(con, number)
        con.execute("COMMIT")


def due_migrations(con: Connection, name: str, *, lake: bool = False) -> list[tuple[int, str]]:
    """The numbers and the statements of the schema files that were not run yet. Raises as `migrate`.

    Those named `.file.sql` say how a file keeps rows: to a lake they say nothing.
    """
    files = _schema_files()
    known = con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = 'meta' AND database_name = current_database()"
    ).fetchone()
    row = con.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() if known else None
    version, newest = int(row[0]) if row else 0, int(files[-1].name[:4])
    if version > newest:
        raise StoreError(
            f"{name} was written by a newer version of this program (schema {version}, this one knows {newest}). "
            "Install that version, or restore a backup made with this one."
        )
    numbered = [(int(file.name[:4]), file) for file in files]
    return [
        (number, "" if lake and file.name.endswith(".file.sql") else file.read_text(encoding="utf-8"))
        for number, file in numbered
        if number > version
    ]


def newest_schema() -> int:
    """The number of the last schema file that this program knows."""
    return int(_schema_files()[-1].name[:4])


def _schema_files() -> list[Traversable]:
    found = (entry for entry in resources.files("aggregator.sql").iterdir() if entry.name[:4].isdigit())
    return sorted(found, key=lambda entry: entry.name)


def note_version(con: Connection, number: int) -> None:
    con.execute("DELETE FROM meta WHERE key = 'schema_version'")
    con.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(number)])


def _copy(con: Connection, target: Path) -> None:
    name = con.execute("SELECT current_database()").fetchone()
    assert name is not None
    path, fresh = str(target).replace("'", "''"), alias_of_its_own("fresh")
    con.execute(f"ATTACH '{path}' AS {fresh}")
    try:
        con.execute(f'COPY FROM DATABASE "{name[0]}" TO {fresh}')
    finally:
        con.execute(f"DETACH {fresh}")


def alias_of_its_own(name: str) -> str:
    """For a file that is attached: all cursors of a process share these names, and two may copy at the same time."""
    return f"{name}_{uuid4().hex}"


def explain(path: Path | None, error: duckdb.Error) -> StoreError:
    """What a person has to know of it, and to do."""
    text = str(error)
    if "lock" in text and ("Conflicting" in text or "Could not set lock" in text):
        return DatabaseBusyError(f"{path} is in use by another process; stop it, or let it do the work")
    if "No space left" in text or "File too large" in text or "Disk quota" in text:
        return StoreError(f"{path}: the disk is full; nothing of this page was kept, and it will be read again. {text}")
    if "Permission denied" in text or "read-only" in text.lower():
        return StoreError(f"{path} cannot be written: {text}")
    return StoreError(f"{path}: {text}")
