"""The store on a lake: its schema, what is retried, what maintenance leaves, and how analysts look into it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import duckdb
import pytest
from pydantic import ValidationError

from aggregator.config.lake_settings import SCHEME, LakeSettings
from aggregator.store import extensions
from aggregator.store.database import Connection, Database, StoreError
from aggregator.store.lake import Lake
from aggregator.store.lake_catalog import EXTENSIONS, passes
from aggregator.store.lake_changes import Others
from benchmarks import lake as lake_costs
from tests.cut_off_on_lake import CUT_OFF
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town

T = TypeVar("T")

SHAPE = """
SELECT table_name, column_name, data_type FROM duckdb_columns()
WHERE NOT internal AND database_name = current_database() ORDER BY ALL
"""


@pytest.fixture
def settings(lake_town: LakeTown, tmp_path: Path) -> LakeSettings:
    return lake_town.lake(tmp_path / "files")


@pytest.fixture
def lake(settings: LakeSettings) -> Iterator[Lake]:
    opened = Lake(settings, gives_up=5)
    yield opened
    opened.close()


def note(key: str, value: str) -> Callable[[Connection], str]:
    def do(con: Connection) -> str:
        con.execute("INSERT INTO meta VALUES (?, ?)", [key, value])
        return value

    return do


def test_it_has_the_tables_views_and_columns_of_a_file(lake: Lake) -> None:
    file = Database(None)
    try:
        assert lake.query(SHAPE) == file.query(SHAPE)
    finally:
        file.close()


def test_two_that_open_an_empty_lake_at_the_same_time_make_its_tables_once(lake_town: LakeTown, tmp_path: Path) -> None:
    lake_town.server.sql("CREATE DATABASE empty")
    settings = LakeSettings(store=SCHEME + lake_town.server.dsn("empty"), files=str(tmp_path))
    first, second = Lake(settings), Lake(settings)
    versions = second.query("SELECT value FROM meta WHERE key = 'schema_version'")
    assert len(versions) == 1
    assert first.query("SELECT value FROM meta WHERE key = 'schema_version'") == versions
    first.close()
    second.close()


class _Interrupted(Lake):
    """Fails once, before or after a commit."""

    fails: list[str]

    def _once(self, work: Callable[[Connection], T], tries: dict[str, tuple[T, bool]]) -> tuple[T, bool]:
        if "before" in self.fails:
            self.fails.remove("before")
            raise duckdb.TransactionException("Transaction conflict - somebody else has written")
        done = super()._once(work, tries)
        if "after" in self.fails:
            self.fails.remove("after")
            raise duckdb.IOException("server closed the connection unexpectedly")
        return done


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_conflict_is_retried_and_a_commit_whose_end_was_not_heard_is_not_done_twice(
    settings: LakeSettings, moment: str
) -> None:
    lake = _Interrupted(settings, gives_up=5)
    lake.fails = [moment]
    try:
        assert lake.submit(note("once", "said")).result() == "said"
        assert lake.fails == []
        assert lake.query("SELECT value FROM meta WHERE key = 'once'") == [("said",)]
    finally:
        lake.close()


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (duckdb.TransactionException("Transaction conflict"), True),
        (duckdb.IOException("Unable to connect to Postgres"), True),
        (duckdb.BinderException("Failed to get data file list from DuckLake: server closed the connection"), True),
        (duckdb.BinderException("Failed to prepare query: could not receive data from server: timed out"), True),
        (duckdb.TransactionException('Failed to commit: Failed to execute query "ROLLBACK": '), True),
        (duckdb.InvalidInputException("Error: Current transaction is aborted (please ROLLBACK)"), True),
        (duckdb.InternalException("Attempted to access index 0 within vector of size 0"), True),
        (duckdb.FatalException("Failed: database has been invalidated because of a previous fatal error."), True),
        (duckdb.IOException('Failed to execute query "ROLLBACK": ERROR:  permission denied'), False),
        (duckdb.CatalogException("Table with name posst does not exist"), False),
        (duckdb.ConstraintException("NOT NULL constraint failed"), False),
        (ValueError("connection"), False),
    ],
)
def test_what_is_worth_another_attempt(error: Exception, is_tried_again: bool) -> None:
    assert passes(error) is is_tried_again


def test_what_fails_for_another_reason_is_rolled_back_and_not_retried(lake: Lake) -> None:
    tries, told = list[Connection](), list[str]()
    lake.rolled_back = lambda: told.append("rolled back")

    def fail(con: Connection) -> None:
        tries.append(con.execute("INSERT INTO meta VALUES ('half', 'done')"))
        raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="a mistake of ours"):
        lake.submit(fail).result()
    assert (len(tries), told) == (1, ["rolled back"])
    assert lake.query("SELECT * FROM meta WHERE key = 'half'") == []


@pytest.mark.parametrize("reads", ["the writer", "another thread"])
@pytest.mark.parametrize("which", CUT_OFF)
def test_who_is_cut_off_as_it_reads_waiting_rows_goes_on_writes_once_and_ends_in_order(
    settings: LakeSettings, which: str, reads: str
) -> None:
    words = [sys.executable, "-m", "tests.cut_off_on_lake", settings.store, settings.files, which, reads]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["2 rows"]), done.stdout + done.stderr


def test_whatever_duckdb_says_while_postgresql_is_away_it_is_told_that_postgresql_is_away(
    settings: LakeSettings, lake_town: LakeTown
) -> None:
    lake = Lake(settings, gives_up=1)

    def fail(_: Connection) -> None:
        lake_town.server.stop("immediate")
        raise duckdb.InvalidInputException("words that nobody has seen yet")

    try:
        with pytest.raises(StoreError, match="Unable to connect"):
            lake.submit(fail).result()
        lake_town.server.start()
        assert lake.submit(note("once", "said")).result() == "said"
    finally:
        lake.close()


def test_who_has_opened_it_holds_no_transaction_in_postgresql(lake: Lake, lake_town: LakeTown) -> None:
    ours = f"SELECT count(xact_start) FROM pg_stat_activity WHERE application_name = '{lake.name}'"
    assert lake_town.server.sql(ours) == "0"


def test_who_reads_after_the_end_is_told_so_at_once(settings: LakeSettings) -> None:
    lake = Lake(settings)
    lake.close()
    with pytest.raises(StoreError, match="the lake is closed"):
        lake.query("FROM meta")


def test_what_is_read_in_one_go_is_of_one_moment(lake: Lake) -> None:
    def found(cursor: Connection) -> list[object]:
        before = cursor.execute("SELECT value FROM meta WHERE key = 'calm'").fetchall()
        lake.submit(note("calm", "no")).result()
        return before + cursor.execute("SELECT value FROM meta WHERE key = 'calm'").fetchall()

    assert lake.read_now(found) == []
    assert lake.query("SELECT value FROM meta WHERE key = 'calm'") == [("no",)]


def test_each_hears_that_another_has_written_and_not_of_itself(lake: Lake, settings: LakeSettings) -> None:
    other = Lake(settings)
    heard: list[int] = []
    lake.others_wrote = lambda _, since: heard.append(since)
    lake.submit(note("a", "1")).result()
    begun = list(heard)
    lake.submit(note("b", "2")).result()
    assert heard == begun
    other.submit(note("c", "3")).result()
    own = lake.snapshot
    lake.submit(note("d", "4")).result()
    assert heard == [*begun, own]
    other.close()


APPROACHED = "INSERT INTO approach SELECT uuid(), uuid(), ?, TIMESTAMPTZ '2026-03-14', 'role', NULL"


def test_what_we_changed_between_what_others_did_is_not_told_again(lake: Lake, settings: LakeSettings) -> None:
    other, others = Lake(settings), Others(lake)
    first, own, last = uuid4(), uuid4(), uuid4()
    for of, inquiry in ((other, first), (lake, own), (other, last)):
        of.submit(lambda con, one=inquiry: con.execute(APPROACHED, [one]).fetchall()).result()
    assert others.look() == {first.bytes, last.bytes}
    other.close()


def test_what_others_changed_while_postgresql_did_not_answer_is_told_once_it_does(
    lake: Lake, settings: LakeSettings
) -> None:
    other, others = Lake(settings), Others(lake)
    inquiry = uuid4()
    other.submit(lambda con: con.execute(APPROACHED, [inquiry]).fetchall()).result()
    lake.tell("ALTER TABLE ducklake_snapshot_changes RENAME TO out_of_reach")
    with pytest.raises(duckdb.Error):
        others.look()
    lake.tell("ALTER TABLE out_of_reach RENAME TO ducklake_snapshot_changes")
    assert others.look() == {inquiry.bytes}
    assert others.look() == set()
    other.close()


def test_maintenance_keeps_every_row_and_compaction_leaves_no_word_that_was_overwritten(
    lake: Lake, settings: LakeSettings, lake_town: LakeTown
) -> None:
    now = datetime(2026, 3, 14, tzinfo=UTC)
    others = Others(lake)
    for number in range(3):
        lake.submit(note(f"secret{number}", "overwritten-word")).result()
        lake.submit(
            lambda con: con.execute("INSERT INTO sighting SELECT uuid(), 'forum', ? FROM range(400)", [now])
        ).result()
    lake.maintain()
    lake.submit(lambda con: con.execute("UPDATE meta SET value = 'kept' WHERE starts_with(key, 'secret')")).result()
    assert b"overwritten-word" in in_files(settings)
    lake.compact()
    assert lake.query("SELECT count(*), count(DISTINCT post_id) FROM sighting") == [(1200, 1200)]
    assert lake.query("SELECT DISTINCT value FROM meta WHERE starts_with(key, 'secret')") == [("kept",)]
    assert b"overwritten-word" not in in_files(settings)
    assert lake.query("SELECT count(*) FROM lake.snapshots()") == [(1,)]
    assert others.look() == set()
    lake.submit(note("after", "goes on")).result()


def in_files(settings: LakeSettings) -> bytes:
    """What all Parquet files hold, uncompressed."""
    found = sorted(Path(settings.files).rglob("*.parquet"))
    with duckdb.connect() as con:
        return b"".join(repr(con.execute("FROM read_parquet(?)", [str(file)]).fetchall()).encode() for file in found)


def test_an_analyst_looks_into_it_with_plain_duckdb_and_cannot_write(lake: Lake, settings: LakeSettings) -> None:
    with duckdb.connect() as con:
        extensions.load(con, EXTENSIONS)
        con.execute(f"ATTACH 'ducklake:postgres:{settings.dsn}' AS desk (READ_ONLY, DATA_PATH '{settings.files}/', "
                    "OVERRIDE_DATA_PATH true)")  # fmt: skip
        con.execute("USE desk")
        assert con.execute("SELECT count(*) FROM inquiries").fetchall() == [(0,)]
        assert con.execute("SELECT count(*) FROM daily_counts").fetchall() == [(0,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("DELETE FROM post")


def test_a_lake_out_of_reach_is_told_in_words(tmp_path: Path) -> None:
    nowhere = LakeSettings(store=f"{SCHEME}host={tmp_path} user=desk dbname=none", files=str(tmp_path / "files"))
    with pytest.raises(StoreError, match=r"(?i)connect"):
        Lake(nowhere, gives_up=0.1)


@pytest.mark.parametrize(
    ("store", "files"),
    [
        ("ducklake:postgres:host=db password=geheim", "/srv"),
        ("ducklake:sqlite:catalog.db", "/srv"),
        ("ducklake:postgres:postgresql://db/desk", "/srv"),
        ("ducklake:postgres:host=db dbname='x'", "/srv"),
        ("ducklake:postgres:host=db", "shared/folder"),
        ("ducklake:postgres:host=db", "s3://bucket/desk"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(store: str, files: str) -> None:
    with pytest.raises(ValidationError):
        LakeSettings(store=store, files=files)


def test_the_benchmark_tells_each_cost_beside_that_of_a_file() -> None:
    figures = list(lake_costs.measure(pages=1, claims=1, reads=1))
    assert [figure.what for figure in figures] == [
        "a page of 25 posts: median",
        "a claim: median",
        "the feed's first page: median",
        "maintenance: median",
    ]
    assert all(figure.value > 0 and float(str(figure.beside["floor"])) > 0 for figure in figures)
