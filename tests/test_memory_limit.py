"""How much memory DuckDB may take: a share of what there is, for it is not alone on the machine."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from aggregator.store.database import Database

LIMIT = "SELECT current_setting('memory_limit')"


def gib(said: str) -> float:
    size, unit = said.split()
    return float(size) * {"MiB": 1 / 1024, "GiB": 1}[unit]


def test_duckdb_takes_less_than_it_would(tmp_path: Path) -> None:
    ((usual,),) = duckdb.connect().execute(LIMIT).fetchall()
    db = Database(tmp_path / "inquiries.duckdb")
    ((ours,),) = db.query(LIMIT)
    db.close()
    assert gib(ours) == pytest.approx(max(min(gib(usual), 1), gib(usual) * 3 / 8), rel=0.05)


def test_a_limit_that_was_asked_for_holds(tmp_path: Path) -> None:
    db = Database(tmp_path / "inquiries.duckdb", memory_limit="300MiB")
    ((ours,),) = db.query(LIMIT)
    db.close()
    assert ours == "300.0 MiB"
