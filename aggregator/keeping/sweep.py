"""Look through every column of every table that holds words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import orjson

from aggregator.identity import Id, as_uuid
from aggregator.keeping.black import Black

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

BATCH = 10_000  # rows
# Ids, and names of ours, by which rows are found again.
_KEYS = (
    "native_id", "source", "space", "channel", "who", "owner", "key", "role", "state", "kind", "lang", "rule", "cursor",
    "rhythm", "quota",
)  # fmt: skip
_APART = ("meta", "erased", "copy_made", "inquiry_count", "closed_count")


class Column(NamedTuple):
    table: str
    name: str
    kind: str


def columns(con: Connection) -> list[Column]:
    """All that hold words, in the order of tables."""
    found = con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
        "WHERE NOT duckdb_tables.internal AND database_name = current_database() "
        "AND (contains(data_type, 'VARCHAR') OR contains(data_type, 'JSON')) ORDER BY ALL"
    ).fetchall()
    return [Column(*each) for each in found]


class Swept(NamedTuple):
    """How many values were blacked out, by table; and the posts among them."""

    values: Counter[str]
    posts: set[Id]


def black_out(con: Connection, black: Black) -> Swept:
    """Black out these words wherever they stand but in ids."""
    swept = Swept(Counter(), set())
    patterns = black.as_patterns()
    for column in columns(con):
        if column.table in _APART or column.name in _KEYS or column.name.endswith("_by"):
            continue
        if column.kind not in ("VARCHAR", "JSON"):
            continue  # none today; `found` tells if words stand in one
        changed = [
            (number, after)
            for number, before in _values(con, column, patterns)
            if (after := _blacked(black, column, before)) != before
        ]
        for number, after in changed:
            con.execute(f'UPDATE {column.table} SET "{column.name}" = ? WHERE rowid = ?', [after, number])
        if not changed:
            continue
        swept.values[column.table] += len(changed)
        numbers = [number for number, _ in changed]
        if column.table in ("post", "record"):
            swept.posts.update(_posts(con, column.table, numbers))
    return swept


def found(con: Connection, black: Black) -> Counter[str]:
    """Columns in which one of these words stands all the same, ids included, and how often."""
    left: Counter[str] = Counter()
    for column in columns(con):
        count = sum(bool(black.spans(value)) for _, value in _values(con, column))
        if count:
            left[f"{column.table}.{column.name}"] = count
    return left


def _values(con: Connection, column: Column, patterns: Sequence[str] = ()) -> Iterator[tuple[int, str]]:
    """With their rows' numbers. `patterns`: only those in which one of these is found, which DuckDB does quickly; the
    proof goes without."""
    value = f'CAST("{column.name}" AS VARCHAR)'
    wanted = " OR ".join(f"regexp_matches(lower({value}), ?)" for _ in patterns) or "true"
    cursor = con.execute(
        f'SELECT rowid, {value} FROM {column.table} WHERE "{column.name}" IS NOT NULL AND ({wanted})', list(patterns)
    )
    while rows := cursor.fetchmany(BATCH):
        yield from rows


def _blacked(black: Black, column: Column, value: str) -> str:
    if column.kind != "JSON":
        return black.text(value)
    if not black.may_hold(value):
        return value
    before = orjson.loads(value)
    after = black.value(before)
    return value if after == before else orjson.dumps(after).decode()


def _posts(con: Connection, table: str, numbers: list[int]) -> set[Id]:
    found = con.execute(f"SELECT post_id FROM {table} WHERE rowid IN (SELECT unnest(?))", [numbers]).fetchall()
    return {one.bytes for (one,) in found}


def remember(con: Connection, kind: str, ids: set[Id], at: object) -> None:
    """What is not to be taken from a platform again."""
    fresh = [(as_uuid(one), kind, at) for one in ids]
    if fresh:
        con.executemany("INSERT INTO erased VALUES (?, ?, ?)", fresh)
