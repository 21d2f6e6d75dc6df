"""Look through every column of every table that holds words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import orjson

from aggregator.identity import Id
from aggregator.keeping.black import Black
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

BATCH = 10_000  # rows
# Ids, and names of ours, by which rows are found again.
_KEYS = (
    "native_id", "source", "space", "channel", "who", "owner", "key", "role", "state", "kind", "lang", "rule", "cursor",
    "rhythm", "quota",
)  # fmt: skip
# Words of ours alone, by which rows are told apart: whoever is called so has not written them.
OURS = frozenset((
    "what", "event", "level", "how", "looked", "trouble", "code", "reasons", "secrets", "due_clock", "close_reason",
    "end_reason", "left_why", "suspect_reason", "approach.reason", "incident_member.why", "outbox.why",
    "delivery.target", "delivery.subject",
))  # fmt: skip
# The same in what we write down as JSON: under these names no words of others stand.
_OUR_JSON = ("details", "before", "after", "facts", "fields")
_OUR_NAMES = frozenset((
    "owner", "from", "kind", "state", "band", "band_by", "close_reason", "until", "snoozed_until", "what", "verdict",
    "event", "post", "promise", "flag", "account", "into", "incident", "lang", "reasons", "secrets", "given", "guessed",
    "feature", "also", "chain", "token", "version", "os", "error",
))  # fmt: skip
_APART = ("meta", "erased", "copy_made", "inquiry_count", "closed_count", "erasing")


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


class Change(NamedTuple):
    """rowid: of the row as it was read; it may have moved since, so what stood there is looked at again."""

    rowid: int
    before: str
    after: str


_CHANGES = rows.Schema(number=rows.INT, before=rows.TEXT, after=rows.TEXT)


def to_black_out(con: Connection) -> list[Column]:
    """Columns in which others may have written somebody's words: all but ids, and words of ours."""
    return [
        column
        for column in columns(con)
        if column.table not in _APART and column.name not in _KEYS and not column.name.endswith("_by")
        if OURS.isdisjoint((column.name, f"{column.table}.{column.name}"))
        if column.kind in ("VARCHAR", "JSON")  # no other today; `found` tells if words stand in one
    ]


def changes(con: Connection, black: Black, column: Column, where: str = "true") -> Iterator[Change]:
    """What is to be written into a column, of rows that pass `where`."""
    for number, before in _values(con, column, black.as_patterns(), where):
        if (after := _blacked(black, column, before)) != before:
            yield Change(number, before, after)


def write(con: Connection, column: Column, some: Sequence[Change]) -> tuple[int, set[Id]]:
    """Put these into the rows that still say what they said. How many did, and which posts they belong to."""
    batch = rows.table(_CHANGES, some)
    table, value = column.table, f'{column.table}."{column.name}"'
    same = f"{table}.rowid = incoming.number AND CAST({value} AS VARCHAR) = incoming.before"
    posts: set[Id] = set()
    if table in ("post", "record"):
        incoming = rows.readable(batch)
        found = con.execute(f"SELECT DISTINCT {table}.post_id FROM {table}, incoming WHERE {same}").fetchall()
        posts = {one.bytes for (one,) in found}
    incoming = rows.readable(batch)
    (done,) = con.execute(
        f'UPDATE {table} SET "{column.name}" = CAST(incoming.after AS {column.kind}) FROM incoming WHERE {same}'
    ).fetchone() or (0,)
    del incoming
    return int(done), posts


def unreadable(con: Connection, black: Black) -> set[Id]:
    """Records that could not be read, and hold one of these words."""
    found = con.execute("SELECT rejected_id, body, reason FROM rejected_record").fetchall()
    return {one.bytes for one, body, reason in found if black.spans(reason) or (body and black.stands_in(body))}


def found(con: Connection, black: Black) -> Counter[str]:
    """Columns in which one of these words stands all the same, ids included, and how often."""
    left: Counter[str] = Counter()
    for column in columns(con):
        count = sum(bool(black.spans(value)) for _, value in _values(con, column))
        if count:
            left[f"{column.table}.{column.name}"] = count
    return left


def _values(
    con: Connection, column: Column, patterns: Sequence[str] = (), where: str = "true"
) -> Iterator[tuple[int, str]]:
    """With their rows' numbers. `patterns`: only those in which one of these is found, which DuckDB does quickly as
    long as there is only one; the proof goes without."""
    value = f'CAST("{column.name}" AS VARCHAR)'
    hint = list(patterns) if len(patterns) == 1 else []
    wanted = f"regexp_matches(lower({value}), ?)" if hint else "true"
    cursor = con.execute(
        f'SELECT rowid, {value} FROM {column.table} WHERE "{column.name}" IS NOT NULL AND {where} AND {wanted}', hint
    )
    while batch := cursor.fetchmany(BATCH):
        yield from batch


def _blacked(black: Black, column: Column, value: str) -> str:
    if column.kind != "JSON":
        return black.text(value)
    if not black.may_hold(value):
        return value
    before = orjson.loads(value)
    if column.name in _OUR_JSON and isinstance(before, dict):
        after = {name: each if name in _OUR_NAMES else black.value(each, inside=True) for name, each in before.items()}
    else:
        after = black.value(before)
    return value if after == before else orjson.dumps(after).decode()


def remember(con: Connection, kind: str, ids: Collection[Id], at: datetime) -> None:
    """What is not to be taken from a platform again."""
    if ids:
        incoming = rows.readable(rows.ids(ids))
        con.execute("INSERT INTO erased SELECT id, ?, ? FROM incoming", [kind, at])
        del incoming
