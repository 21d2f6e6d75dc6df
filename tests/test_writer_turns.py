"""Whose turn it is at the writer, who stands still while the file is swapped, and of which moment one reads."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from aggregator.store import database
from aggregator.store.database import Connection, Database, StoreError
from tests.test_poller import until

MOST = 20_000  # urgent jobs, one after the other, of which each takes some 50 us


def test_what_is_not_urgent_has_its_turn_though_urgent_work_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BULK_WAITS", 0.05)
    db = Database(tmp_path / "posts.duckdb")
    over, urgent = threading.Event(), list[int]()

    def and_one_more(_: object) -> None:
        urgent.append(len(urgent))
        if not over.is_set() and len(urgent) < MOST:
            db.submit(and_one_more)

    db.submit(and_one_more)
    db.submit(and_one_more)  # so there is always one that waits
    before = db.submit(lambda _: len(urgent), bulk=True).result()
    over.set()
    db.close()
    assert 0 < before < MOST


def test_urgent_work_that_comes_later_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BULK_WAITS", 60.0)
    db, begins, order = Database(tmp_path / "posts.duckdb"), threading.Event(), list[str]()
    db.submit(lambda _: begins.wait(30))
    db.submit(lambda _: order.append("import"), bulk=True)
    db.submit(lambda _: order.append("claim"))
    begins.set()
    db.close()
    assert order == ["claim", "import"]


def test_who_reads_sees_what_moves_from_one_table_to_another_meanwhile(tmp_path: Path) -> None:
    db = Database(tmp_path / "posts.duckdb")
    db.submit(lambda con: con.execute("CREATE TABLE closed AS SELECT 'INQ-1' AS code")).result()
    db.submit(lambda con: con.execute("CREATE TABLE open (code VARCHAR)")).result()

    def found(cursor: Connection) -> list[object]:
        rows = cursor.execute("FROM open").fetchall()
        db.submit(_reopen).result()
        return rows + cursor.execute("FROM closed").fetchall()

    assert db.read_now(found) == [("INQ-1",)]
    assert db.query("FROM open") == [("INQ-1",)]
    db.close()


def _reopen(con: Connection) -> None:
    con.execute("INSERT INTO open FROM closed")
    con.execute("DELETE FROM closed")


async def test_who_reads_for_long_delays_a_compaction_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CALM_WITHIN", 0.05)
    db, begun, go_on = Database(tmp_path / "posts.duckdb"), threading.Event(), threading.Event()
    before = (tmp_path / "posts.duckdb").stat().st_ino
    with db.reading() as backup:
        db.submit(lambda _: begun.set() or go_on.wait(30))
        assert begun.wait(30)
        compaction = asyncio.create_task(asyncio.to_thread(db.compact))
        await until(lambda: db.waiting() == 1)
        go_on.set()  # now it is the compaction's turn
        await asyncio.wait_for(db.write(claim), 30)
        assert db.query("SELECT value FROM meta WHERE key = 'claimed'") == [("amy",)]
        assert backup.execute("SELECT count(*) FROM meta WHERE key = 'schema_version'").fetchall() == [(1,)]
        assert not compaction.done()
    await asyncio.wait_for(compaction, 30)
    assert db.query("SELECT value FROM meta WHERE key = 'claimed'") == [("amy",)]
    db.close()
    assert (tmp_path / "posts.duckdb").stat().st_ino != before


def claim(con: Connection) -> None:
    con.execute("INSERT INTO meta VALUES ('claimed', 'amy')")


def test_after_the_end_nothing_more_has_a_turn_and_nobody_waits_for_it(tmp_path: Path) -> None:
    db = Database(tmp_path / "posts.duckdb")
    db.close()
    with pytest.raises(StoreError, match="the database is closed"):
        db.outside(lambda _: None)
    with pytest.raises(StoreError, match="the database is closed"):
        db.compact()
