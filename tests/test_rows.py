"""How rows go to DuckDB and come back."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from aggregator.store import rows

ONE, TWO = bytes(range(16)), bytes(range(1, 17))
_PROGRAM = """
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
assert find_spec("pyarrow"), "it is not installed: this shows nothing"
from aggregator.store import rows
from aggregator.store.database import Database
from aggregator.store.known_ids import KnownIds
from aggregator.store.text_search import inquiries_saying
import aggregator.service
db = Database(None)
with db.reading() as con:
    rows.insert(con, "sighting", rows.SIGHTING, [(bytes(16), "forum", datetime.now(UTC))])
    for statement in ("SELECT id FROM wanted", "SELECT a.id FROM wanted AS a JOIN wanted AS b USING (id)"):
        assert rows.select(con, statement, rows.ids([bytes(16)])) == [(bytes(16),)]
    inquiries_saying(con, [("swap", ())], datetime(2026, 1, 1, tzinfo=UTC))
    KnownIds().among(con, {bytes(16)})
db.close()
print(*sys.modules)
"""


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


def test_every_kind_of_value_comes_back_as_it_went(con: duckdb.DuckDBPyConnection) -> None:
    at = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    schema = rows.Schema(
        id=rows.UUIDS, said=rows.TEXT, at=rows.TIME, count=rows.INT, points=rows.REAL, public=rows.FLAG, raw=rows.BYTES
    )
    told = [
        (ONE, "提现\0 没到账 🙂", at, -(2**63), 0.1, True, b"\0\xff"),
        (TWO, "", datetime(9999, 12, 31, tzinfo=UTC) - timedelta(microseconds=1), 2**63 - 1, 5, False, b""),
        (None,) * 7,
    ]
    batch = rows.table(schema, told)
    assert [rows.values_of(batch, row) for row in range(3)] == told
    assert rows.select(con, "FROM wanted", batch) == told
    rows.put(con, "CREATE TABLE kept AS FROM incoming", batch)
    kinds = [kind for _, kind, *_ in con.execute("DESCRIBE kept").fetchall()]
    assert kinds == ["UUID", "VARCHAR", "TIMESTAMP WITH TIME ZONE", "BIGINT", "DOUBLE", "BOOLEAN", "BLOB"]


def test_no_rows_and_some_of_many(con: duckdb.DuckDBPyConnection) -> None:
    many = rows.ids([bytes([number]) * 16 for number in range(250)])
    assert rows.select(con, "SELECT count(*) FROM wanted", rows.ids([])) == [(0,)]
    assert rows.taken(many, [7, 3]).equals(rows.ids([b"\7" * 16, b"\3" * 16]))
    assert rows.joined([rows.ids([]), rows.taken(many, [1]), rows.taken(many, [])]).equals(rows.ids([b"\1" * 16]))
    assert rows.taken(many, list(range(250))) is many


def test_a_statement_may_name_its_rows_more_than_once(con: duckdb.DuckDBPyConnection) -> None:
    twice = "SELECT a.id FROM wanted AS a WHERE a.id IN (SELECT id FROM wanted) ORDER BY 1"
    assert rows.select(con, twice, rows.ids([TWO, ONE])) == [(ONE,), (TWO,)]


def test_what_cannot_be_a_value_is_refused() -> None:
    for kind, value in ((rows.TEXT, 5), (rows.INT, "5"), (rows.INT, 2**63), (rows.TEXT, "\ud800")):
        with pytest.raises((TypeError, ValueError, OverflowError, UnicodeError)):
            rows.array(kind, [value])


def test_nothing_of_ours_loads_pyarrow_where_it_is_installed() -> None:
    told = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    loaded = told.stdout.split()
    assert "arro3.core" in loaded
    assert not [name for name in loaded if name.partition(".")[0] in ("pyarrow", "arro3.io")]
