"""Whose turn it is at the writer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aggregator.store import database
from aggregator.store.database import Database

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
