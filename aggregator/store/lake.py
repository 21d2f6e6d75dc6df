"""The same tables on DuckLake: catalog in PostgreSQL, rows in Parquet, any number of processes on any number of hosts.

One writes at a time, as in the one process with its file: a lock in PostgreSQL, held for the length of a transaction
and let go by PostgreSQL itself when its holder dies. Without it two collectors that see the same post at the same
moment would both insert it, for DuckLake knows no keys. What a process remembers of the tables holds as long as nobody
else has written; `others_wrote` tells when somebody has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import duckdb
import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from aggregator.config.lake_settings import LakeSettings
from aggregator.store import lake_catalog, lake_files, lake_traces
from aggregator.store.database import Connection, Database, StoreError, due_migrations, note_version
from aggregator.store.lake_files import quoted

log = structlog.get_logger()

T = TypeVar("T")

_OURS = "aggregator-"
INLINED_ROWS = 1000  # so many rows of one statement stay in the catalog until maintenance writes them to a file
KEPT = timedelta(hours=1)  # for so long it can be told what changed since when
GIVES_UP = 60.0  # seconds for which PostgreSQL or the files may be out of reach before a write fails


class Lake(Database):
    """A `Database` that others write, too."""

    def __init__(self, settings: LakeSettings, *, gives_up: float = GIVES_UP, read_only: bool = False) -> None:
        lake_catalog.require_lake(settings)
        self.settings = settings
        self.name = f"{_OURS}{uuid4().hex}"
        """Of this process, as the author of its snapshots, and of its connections in pg_stat_activity."""
        self.snapshot = -1
        """The newest one that this process made."""
        self._gives_up, self._read_only = gives_up, read_only
        self._opened = False
        self._over = False  # closed, with all that was queued
        self._spoilt = False  # DuckDB refuses everything on the connection, whatever it has open in PostgreSQL
        self._doubtful = False  # something failed: the connection may be dead
        self._keys = ""  # those of S3 that are in use
        self._spare: list[tuple[Connection, Connection]] = []
        self._guard = threading.Lock()
        self._reopening = threading.Lock()
        super().__init__(None)
        self._opened = True

    @classmethod
    def look(cls, settings: LakeSettings) -> list[str]:
        """What stands at both of its places, in words; nothing is made there.

        Raises:
            StoreError: one of them does not answer, or is another lake's.
        """
        lake_catalog.require_lake(settings)
        con = lake_catalog.connected(settings)
        try:
            if settings.s3:
                lake_files.use_keys(con, settings.s3)
            con.execute(f"ATTACH {quoted(lake_catalog.reached(settings))} AS catalog (TYPE postgres, READ_ONLY)")
            return lake_files.looked_at(con, settings)
        except duckdb.Error as error:
            raise lake_files.explained(error, settings) from error
        finally:
            con.close()

    # -- opening ---------------------------------------------------------------------------------

    def _open(self) -> Connection:
        try:
            for attempt in self._patiently("lake.opening"):
                with attempt:
                    con = self._begun()
        except duckdb.Error as error:
            raise lake_files.explained(error, self.settings) from error
        return con

    def _begun(self) -> Connection:
        con = self._attached()
        try:
            if not self._read_only:
                self._take_folder(con)
                self._migrate(con)
            _at_rest(con)  # else PostgreSQL would see a transaction that stands still, and end it after five minutes
        except BaseException as error:
            self._spoilt = isinstance(error, lake_catalog.SPOILT)
            lake_catalog.let_go(con)
            raise
        return con

    def _take_folder(self, con: Connection) -> None:
        try:
            for attempt in self._patiently("lake.opening", con):
                with attempt, lake_catalog.locked(con):
                    lake_files.take_folder(con, self.settings)
        except duckdb.Error as error:
            raise lake_files.explained(error, self.settings) from error

    def _attached(self) -> Connection:
        settings = self.settings
        con = lake_catalog.connected(settings)
        try:
            con.execute("SET GLOBAL TimeZone = 'UTC'")
            con.execute("SET GLOBAL late_materialization_max_rows = 1000")
            con.execute("SET GLOBAL preserve_insertion_order = false")
            if settings.s3:
                # Others wait for our lock meanwhile; we try again ourselves, and for longer.
                con.execute("SET GLOBAL http_retries = 2")
                self._keys = lake_files.use_keys(con, settings.s3)
            if self._spoilt:
                lake_catalog.cut_off(con, settings, self.name)
                self._spoilt = False
            reached = f"{lake_catalog.reached(settings)} application_name={self.name}"
            con.execute(f"ATTACH {quoted(reached)} AS catalog (TYPE postgres)")
            with lake_catalog.locked(con):
                _attach_lake(con, settings, reached, read_only=self._read_only)
            con.execute("USE lake")
        except BaseException:
            lake_catalog.let_go(con)
            raise
        return con

    def _migrate(self, con: Connection) -> None:
        with lake_catalog.locked(con):
            due = due_migrations(con, "the lake", lake=True)
            if not due:
                return
            with _rolled_back_on_errors(con):
                con.execute("BEGIN")
                for number, statements in due:
                    _run(con, statements)
                    note_version(con, number)
                con.execute("COMMIT")

    # -- reading ---------------------------------------------------------------------------------

    def _cursor(self) -> Connection:
        with self._guard:
            while self._spare:
                of, cursor = self._spare.pop()
                if of is self._con:
                    return cursor
                lake_catalog.let_go(cursor)
        cursor = self._con.cursor()
        cursor.execute("USE lake")  # takes as long as a short query: cursors are kept
        return cursor

    def held(self) -> Connection:
        cursor = self._con.cursor()
        cursor.execute("USE lake")
        return cursor

    def apart(self) -> Connection:
        """A cursor whose statements begin nothing in the lake."""
        return self._con.cursor()

    def _done_with(self, cursor: Connection) -> None:
        _at_rest(cursor)
        with self._guard:
            self._spare.append((self._con, cursor))

    def query(self, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        return self._read_again_if_broken(lambda: super(Lake, self).query(sql, parameters))

    def read_now(self, job: Callable[[Connection], T]) -> T:
        return self._read_again_if_broken(lambda: super(Lake, self).read_now(job))

    def _read_again_if_broken(self, read: Callable[[], T]) -> T:
        try:
            for attempt in self._patiently("lake.read_again"):
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        self._reopen_if_broken()
                    found = read()
        except duckdb.Error as error:
            if lake_catalog.passes(error) or lake_files.is_refused(error):
                raise lake_files.explained(error, self.settings) from error
            raise
        return found

    def newest(self) -> int:
        """The number of the newest snapshot, whoever made it."""
        (number,) = self.ask("SELECT max(snapshot_id) FROM ducklake_snapshot")[0]
        return int(number)

    def catalog_place(self) -> tuple[str, datetime]:
        """Where PostgreSQL has the catalog (a dump that is put back makes other tables, or another database), and when
        the newest snapshot was made."""
        ((place, seconds),) = self._ask(
            "SELECT concat_ws(' ', (SELECT oid FROM pg_database WHERE datname = current_database()), "
            "'ducklake_snapshot'::regclass::oid, 'ducklake_metadata'::regclass::oid) AS place, "
            "extract(epoch FROM max(snapshot_time))::float8 AS seconds FROM ducklake_snapshot"
        )
        return str(place), datetime.fromtimestamp(seconds, UTC)

    def ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Rows that PostgreSQL itself gives, for what DuckDB has no words for. `values` stand for %s, as texts.

        Raises duckdb.Error: it is out of reach, or somebody else changed these rows at the same moment.
        """
        statement = sql % tuple(quoted(value) for value in values)
        try:
            return self._ask(statement)
        except duckdb.Error:
            self._reopen_if_broken()
            return self._ask(statement)

    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self._con.cursor()
        try:
            return cursor.execute("FROM postgres_query('catalog', ?)", [statement]).fetchall()
        finally:
            cursor.close()

    def others(self) -> list[str]:
        """Other processes of ours that are connected, and holders of leases: on any host, as PostgreSQL sees them."""
        connected = self.ask(
            "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database() "
            "AND starts_with(application_name, %s) AND application_name <> %s",
            _OURS,
            self.name,
        )
        if self.ask("SELECT 1 FROM pg_tables WHERE schemaname = 'desk' AND tablename = 'lease'"):
            connected += self.ask("SELECT DISTINCT 'lease of ' || name FROM desk.lease WHERE until > clock_timestamp()")
        return sorted(name for (name,) in connected)

    def alone(self, do: Callable[[], T]) -> T:
        """Do it while no other process of ours writes. What it does may be done twice.

        Raises:
            StoreError: PostgreSQL was out of reach for too long.
        """
        try:
            for attempt in self._patiently("lake.alone"):
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        self._reopen_if_broken()
                    with lake_catalog.locked(self._con):
                        done = do()
        except duckdb.Error as error:
            raise lake_files.explained(error, self.settings) from error
        return done

    def tell(self, sql: str) -> None:
        """Let PostgreSQL execute a statement that gives no rows."""
        cursor = self._con.cursor()
        try:
            cursor.execute("CALL postgres_execute('catalog', ?)", [sql])
        finally:
            cursor.close()

    # -- writing ---------------------------------------------------------------------------------

    def _patiently(self, event: str, opening: Connection | None = None) -> Retrying:
        def say(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning(event, attempt=state.attempt_number, why=str(error)[:300])

        def is_worth_it(error: BaseException) -> bool:
            if lake_files.is_refused(error):
                return self._renewed_keys(opening or self._con)
            return lake_catalog.passes(error) or (isinstance(error, duckdb.Error) and self._is_cut_off())

        return Retrying(
            retry=retry_if_exception(is_worth_it),
            wait=wait_exponential_jitter(multiplier=0.05, max=2.0, jitter=0.05),
            stop=stop_after_delay(self._gives_up),
            before_sleep=say,
            reraise=True,
        )

    def _is_cut_off(self) -> bool:
        """Whether PostgreSQL does not answer us: then whatever DuckDB says is no matter of the statement."""
        if not self._opened:
            return False
        try:
            self._ask("SELECT 1")
        except duckdb.Error:
            return True
        return False

    def _renewed_keys(self, con: Connection) -> bool:
        """Whether other keys stand in their files than those that were refused; they are in use from now on."""
        if self.settings.s3 is None:
            return False
        before, self._keys = self._keys, lake_files.use_keys(con, self.settings.s3)
        return self._keys != before

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        tries: dict[str, tuple[T, bool]] = {}  # by mark, what was about to be committed
        try:
            for attempt in self._patiently("lake.again"):
                with attempt:
                    done = self._committed_before(tries)
                    result, told = self._once(work, tries) if done is None else done
        except BaseException as error:
            self.rolled_back()
            if not isinstance(error, duckdb.Error):
                raise
            if isinstance(error, duckdb.ProgrammingError) and not lake_catalog.passes(error):
                raise
            raise lake_files.explained(error, self.settings) from error
        if told and self.teller is not None:
            self.teller.committed()
        return result

    def _committed_before(self, tries: dict[str, tuple[T, bool]]) -> tuple[T, bool] | None:
        """What an attempt made whose end we did not hear: the connection broke while it was being committed."""
        if self._doubtful:
            self._reopen_if_broken()
        if not tries:
            return None
        marks = ", ".join(quoted(mark) for mark in tries)
        found = self.ask(
            f"SELECT commit_extra_info FROM ducklake_snapshot_changes WHERE commit_extra_info IN ({marks})"
        )
        return tries[found[0][0]] if found else None

    def _once(self, work: Callable[[Connection], T], tries: dict[str, tuple[T, bool]]) -> tuple[T, bool]:
        con, mark = self._con, uuid4().hex  # the same one to the end, even if another thread finds it broken
        try:
            with lake_catalog.locked(con), _rolled_back_on_errors(con):
                con.execute("BEGIN")
                ((seen,),) = con.execute("FROM lake.current_snapshot()").fetchall() or ((0,),)
                if seen != self.snapshot:
                    self.others_wrote(con, self._kept_since())
                done = self._told(con, work)
                con.execute("CALL lake.set_commit_message(?, '', extra_info => ?)", [self.name, mark])
                tries[mark] = done
                con.execute("COMMIT")
                ((own,),) = con.execute("FROM lake.last_committed_snapshot()").fetchall() or ((None,),)
                self.snapshot = seen if own is None else max(seen, own)
        except BaseException as error:
            self.snapshot = -1  # what was noted of it may not be so
            self._doubtful = self._doubtful or isinstance(error, duckdb.Error)
            raise
        return done

    def _kept_since(self) -> int:
        """Our last snapshot, if what came after it can still be told; else -1."""
        (oldest,) = self._ask("SELECT min(snapshot_id) FROM ducklake_snapshot")[0]
        return self.snapshot if self.snapshot >= oldest else -1

    def _reopen_if_broken(self) -> None:
        """PostgreSQL may have been restarted: a connection that died does not come back by itself.

        Raises duckdb.Error: it is out of reach. StoreError: we have closed it ourselves.
        """
        with self._reopening:
            if self._over:
                raise StoreError("the lake is closed")
            cursor = self._con.cursor()
            try:
                cursor.execute("FROM lake.current_snapshot()").fetchall()
                cursor.execute("FROM postgres_query('catalog', 'SELECT 1')").fetchall()
            except duckdb.Error as error:
                self._spoilt = self._spoilt or isinstance(error, lake_catalog.SPOILT)
                self._con = self._attached()  # whoever uses the old one ends with that
                log.warning("lake.reconnected")
            finally:
                cursor.close()
            self._doubtful = False

    # -- keeping ---------------------------------------------------------------------------------

    def maintain(self, keep: timedelta = KEPT, rewritten: float = 0.5, *, orphans: bool = False) -> None:
        """Write rows that wait in the catalog to files, rewrite those of which more than this share was deleted, merge
        small ones, and forget snapshots that are older than `keep`, with the files that only they need. `orphans`:
        look through all files for those that no snapshot knows, too."""

        def do(con: Connection) -> None:
            con.execute("CALL ducklake_flush_inlined_data('lake')").fetchall()
            con.execute("CALL ducklake_rewrite_data_files('lake', delete_threshold => ?)", [rewritten]).fetchall()
            con.execute("CALL ducklake_merge_adjacent_files('lake')").fetchall()
            con.execute(
                "CALL ducklake_expire_snapshots('lake', older_than => ?)", [datetime.now(UTC) - keep]
            ).fetchall()
            con.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()
            if orphans:
                lake_files.delete_orphans(con)

        def alone(_: Connection) -> None:
            try:
                for attempt in self._patiently("lake.maintaining"):
                    with attempt:
                        if self._doubtful or attempt.retry_state.attempt_number > 1:
                            self._reopen_if_broken()
                        with lake_catalog.locked(self._con):
                            do(self._con)
            except duckdb.Error as error:
                raise lake_files.explained(error, self.settings) from error

        self.outside(alone)

    def compact(self) -> None:
        """No snapshot but the newest is kept, whatever PostgreSQL's clock says: only so do overwritten words leave the
        files; and PostgreSQL writes the catalog's tables anew, for it keeps deleted rows in theirs."""
        self.maintain(-timedelta(days=1), rewritten=0.0, orphans=True)
        lake_traces.vacuum(self, quoted(lake_catalog.reached(self.settings, session=lake_traces.PATIENCE)))
        if self.query("SELECT 1 FROM meta WHERE key = 'compact_due'"):
            self.submit(lambda con: con.execute("DELETE FROM meta WHERE key = 'compact_due'")).result()

    def elsewhere(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        return lake_traces.places(self, self.settings.files)

    def copy_to(self, target: Path) -> None:
        raise StoreError(
            f"{target}: no lake is copied here; back up PostgreSQL (pg_dump) and the folder of its files (docs/lake.md)"
        )

    def close(self) -> None:
        """Finish what is queued, then let go."""
        with self._guard:
            spare, self._spare = self._spare, []
        for _, cursor in spare:
            lake_catalog.let_go(cursor)
        super().close()
        self._over = True

    def _let_go(self) -> None:
        lake_catalog.let_go(self._con)


def _attach_lake(con: Connection, settings: LakeSettings, reached: str, *, read_only: bool) -> None:
    target = quoted(f"ducklake:postgres:{reached}")
    folder, only = quoted(settings.files.rstrip("/") + "/"), "READ_ONLY, " if read_only else ""
    con.execute(f"ATTACH {target} AS lake ({only}DATA_PATH {folder}, OVERRIDE_DATA_PATH true, "
                f"DATA_INLINING_ROW_LIMIT {INLINED_ROWS})")  # fmt: skip


@contextmanager
def _rolled_back_on_errors(con: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        lake_catalog.roll_back(con)
        raise


def _at_rest(con: Connection) -> None:
    """End what goes on, with a transaction in PostgreSQL, as long as not all rows of a statement were taken."""
    with suppress(duckdb.Error):
        con.execute("SELECT 1").fetchall()


def _run(con: Connection, statements: str) -> None:
    """DuckLake keeps comments on tables, views and columns of tables, and none on those of views."""
    for each in con.extract_statements(statements):
        try:
            con.execute(each)
        except duckdb.BinderException as error:
            if "Cannot comment on columns" not in str(error):
                raise
