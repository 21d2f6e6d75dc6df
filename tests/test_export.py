"""Exports: the same rows as the views, never half, only what changed, personal data only when asked for."""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator.analysts import VIEWS
from aggregator.analysts.client import open_export
from aggregator.analysts.csv_cells import write_csv
from aggregator.analysts.export import DATABASE, MANIFEST, Export, StoppedError, _alone
from aggregator.control import RefusedError
from aggregator.service import running
from aggregator.store.database import Database
from tests.conftest import START
from tests.console import Console
from tests.test_import import jsonl

MAIL, PHONE = "lin.q@mail.example", "13812345678"
ROWS = [
    {"native_id": "1", "text": f"提现三天没到账，联系 {MAIL} 或 {PHONE}", "author_id": "u1", "author_name": "Lin Qiao",
     "thread_id": "a", "created_at": "2026-03-10T03:00:00Z", "url": "https://forum.example.org/t/1"},
    {"native_id": "2", "text": "=HYPERLINK(1) my swap failed", "author_id": "u2", "author_name": "Noor Aziz",
     "thread_id": "a", "created_at": "2026-03-11T17:30:00Z"},
    {"native_id": "3", "text": "how do I change the network fee?", "author_id": "u3", "author_name": "Mia Kern",
     "thread_id": "b", "created_at": "2026-03-12T08:00:00Z"},
]  # fmt: skip
LATER = {"native_id": "4", "text": "my deposit is missing", "author_id": "u4", "thread_id": "c",
         "created_at": "2026-03-12T09:00:00Z"}  # fmt: skip


@pytest.fixture
def filled(console: Console, tmp_path: Path) -> Console:
    """Three posts on three days of the team."""
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    return console


@pytest.fixture
def database(filled: Console) -> Iterator[Database]:
    db = Database(filled.data / DATABASE)
    yield db
    db.close()


def export(db: Database, target: Path, tell: Callable[[str, int, int], None] = lambda *_: None, **how: bool) -> Any:
    return Export(db, target, START, **how).run(tell)


def parquet(target: Path, view: str) -> list[tuple[Any, ...]]:
    return parquets(target, view)[0]


def parquets(target: Path, *views: str) -> list[list[tuple[Any, ...]]]:
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SET TimeZone = 'UTC'")
        files = "read_parquet('{}/{}/**/*.parquet', hive_partitioning = false)"
        return [con.execute(f"FROM {files.format(target, view)} ORDER BY ALL").fetchall() for view in views]


def said_in(target: Path, words: list[str]) -> list[str]:
    """Those that stand in any cell of any file."""
    with open_export(target / DATABASE) as con:
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        cells = [con.execute(f"FROM {name}").fetchall() for name in tables]
    texts = b"".join(path.read_bytes() for path in target.rglob("*.csv"))
    everything = repr((cells, parquets(target, *tables))) + texts.decode()
    return [word for word in words if word in everything]


def test_parquet_database_and_views_hold_the_same_rows(database: Database, tmp_path: Path) -> None:
    export(database, tmp_path / "out")
    with open_export(tmp_path / "out" / DATABASE) as con:
        kept = [con.execute(f"FROM {view} ORDER BY ALL").fetchall() for view in VIEWS]
        here = [database.query(f"FROM {view} ORDER BY ALL") for view in VIEWS]
        assert [view for view, a, b in zip(VIEWS, kept, here, strict=True) if a != b] in ([], ["queue"])
        assert parquets(tmp_path / "out", *VIEWS) == kept
        told = con.execute("SELECT comment FROM duckdb_columns() WHERE table_name = 'inquiries'").fetchall()
        with pytest.raises(duckdb.Error):
            con.execute("DELETE FROM inquiries")
    assert all(comment for (comment,) in told)
    days = {path.name for path in (tmp_path / "out/inquiries").iterdir()}
    assert days == {"day=2026-03-10", "day=2026-03-12"}  # half past five in the evening is the next day in Shanghai


def test_only_days_that_changed_are_written_again(filled: Console, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = filled.result("export", out)
    assert (first["written"], first["kept"]) == (first["written"], 0)
    again = filled.result("export", out)
    assert again["written"] <= 1  # the queue is of this moment
    before = {path: path.stat().st_ino for path in out.rglob("*.parquet")}
    filled.ok("import", jsonl(tmp_path / "more.jsonl", LATER), "--source", "more")
    filled.ok("export", out)
    kept = {path.relative_to(out).as_posix() for path, inode in before.items() if path.stat().st_ino == inode}
    assert "inquiries/day=2026-03-10/inquiries.parquet" in kept
    assert "posts/day=2026-03-10/posts.parquet" in kept
    assert "inquiries/day=2026-03-12/inquiries.parquet" not in kept
    assert len(parquet(out, "inquiries")) == 4


def test_personal_data_stays_here_unless_it_is_asked_for(database: Database, tmp_path: Path) -> None:
    words = [MAIL, PHONE, "Lin Qiao", "Noor Aziz", "forum.example.org/t/1"]
    export(database, tmp_path / "out", csv=True)
    assert said_in(tmp_path / "out", words) == []
    export(database, tmp_path / "out", csv=True, personal=True)
    assert said_in(tmp_path / "out", words) == words
    export(database, tmp_path / "out")
    assert said_in(tmp_path / "out", words) == []
    assert not (tmp_path / "out/accounts").exists()


def test_whenever_it_is_stopped_the_old_one_is_whole_and_nothing_else_is_left(
    database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(database, out)
    before = {path: path.stat().st_ino for path in out.rglob("*") if path.is_file()}
    around = sorted(tmp_path.iterdir())
    for at in (1, 2, len(VIEWS) - 1, len(VIEWS), len(VIEWS) + 1, 2 * len(VIEWS) - 1):
        run = Export(database, out, START)
        with pytest.raises(StoppedError):
            run.run(lambda _, done, __, at=at, run=run: run.stop() if done == at else None)  # type: ignore[misc]
        assert sorted(tmp_path.iterdir()) == around
    assert {path: path.stat().st_ino for path in out.rglob("*") if path.is_file()} == before
    assert database.query("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'exported'") == [(0,)]


def test_two_may_be_made_at_the_same_time_and_backups_too(database: Database, tmp_path: Path) -> None:
    others = iter(range(3))

    def and_another(*_: object) -> None:
        """While the first one is being made."""
        if (number := next(others, None)) is not None:
            export(database, tmp_path / f"another {number}")

    export(database, tmp_path / "first", and_another)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: database.copy_to(tmp_path / f"{number}.duckdb"), range(8)))
    both = [parquets(tmp_path / name, "posts", "inquiries") for name in ("first", "another 2")]
    assert both[0] == both[1]
    assert len([*tmp_path.glob("?.duckdb")]) == 8


def test_what_a_killed_one_left_is_put_right_by_the_next(database: Database, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(database, out)
    out.rename(tmp_path / "out.old")  # killed between the two renames
    (tmp_path / "out.unfinished").mkdir()
    (tmp_path / "out.unfinished" / DATABASE).write_bytes(b"half")
    found = export(database, out)
    assert found["kept"] > 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == ["out"]


def test_a_folder_that_is_no_export_is_not_replaced(database: Database, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / MANIFEST).write_text("{}")
    with pytest.raises(RefusedError, match="is no export"):
        export(database, tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == [MANIFEST]


async def test_beside_a_service_it_is_the_same(filled: Console, tmp_path: Path) -> None:
    await asyncio.to_thread(filled.ok, "export", tmp_path / "alone")
    filled.config.write_text("data: data\nweb: {port: 0}\nhooks: {port: 0}\nsources: {}\n")
    async with running(filled.settings()):
        told = await asyncio.to_thread(filled.ok, "export", tmp_path / "beside", "--csv")
    assert "3 inquiries" in told
    alone, beside = parquets(tmp_path / "alone", *VIEWS), parquets(tmp_path / "beside", *VIEWS)
    assert [view for view, a, b in zip(VIEWS, alone, beside, strict=True) if a != b] in ([], ["queue"])


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    begun = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "＝1",
        "＠x",
        "\ufeff=1",
        "\u00a0+1",
        "'=1",
        "a=1",
        "",
    ]
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT unnest(?) AS word, -1 AS number", [begun])
        write_csv(con, "t", tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["word"] for row in rows] == [f"'{word}" for word in begun[:11]] + begun[11:]
    assert {row["number"] for row in rows} == {"-1"}
    assert (tmp_path / "t.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_an_export_that_the_disk_refuses_leaves_the_old_one(database: Database, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(database, out)
    (tmp_path / "out.unfinished").write_text("in the way")
    with pytest.raises(OSError, match=r"out\.unfinished"):
        export(database, out)
    assert len(parquet(out, "inquiries")) == 3
    shutil.rmtree(out)


def test_a_second_export_into_the_same_folder_is_told_to_wait(tmp_path: Path) -> None:
    with _alone(tmp_path / "out"):
        with pytest.raises(RefusedError, match="wait for it"), _alone(tmp_path / "out"):
            pass
        with _alone(tmp_path / "another"):
            pass
    with _alone(tmp_path / "out"):
        pass
