"""Compare two stores row by row: counts and sums of hashes by part of a table, and where they differ, which rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from aggregator.migrating.copying import PIECE, Progress
from aggregator.migrating.sides import Side, rows
from aggregator.migrating.tables import Table

NAMED = 5
"""So many rows of a table are named that differ."""
# A part is chosen by the first column alone: a row that differs elsewhere stands in the same part on both sides.
_SUMS = """
SELECT hash({key}) % ? AS part, count(*), sum(hash({columns})::HUGEINT), bit_xor(hash({columns}))
FROM {table} WHERE {moved} GROUP BY part
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same on both sides. It tells no more of it than by which key it is found."""

    table: str
    key: str  # column = value
    columns: tuple[str, ...]  # those that differ; none: the row is on one side only
    only_in: str  # that side

    def __str__(self) -> str:
        if self.columns:
            return f"{self.table}: {self.key} differs in {', '.join(self.columns)}"
        return f"{self.table}: {self.key} is only in {self.only_in}"


@dataclass(frozen=True, slots=True)
class Compared:
    """Of all tables."""

    rows: int
    differences: tuple[Difference, ...]


def compare(one: Side, other: Side, tables: list[Table], tell: Progress) -> Compared:
    """Every row of every table. `tell` may raise, to stop."""
    seen, found = 0, list[Difference]()
    for number, table in enumerate(tables):
        tell("comparing", number, len(tables))
        ((count,),) = rows(one, f"SELECT count(*) FROM {table.name}")
        parts = int(count) // PIECE + 1
        here, there = _sums(one, table, parts), _sums(other, table, parts)
        seen += sum(sums[0] for sums in here.values())
        for part in sorted(here.keys() | there.keys()):
            if here.get(part) != there.get(part) and len(found) < NAMED * len(tables):
                found += _differences(one, other, table, parts, part)
    tell("comparing", len(tables), len(tables))
    return Compared(seen, tuple(found))


def _sums(side: Side, table: Table, parts: int) -> dict[int, tuple[int, int, int]]:
    sql = _SUMS.format(key=table.key, columns=table.listed, table=table.name, moved=table.moved)
    return {part: (count, total, mixed) for part, count, total, mixed in rows(side, sql, [parts])}


def _differences(one: Side, other: Side, table: Table, parts: int, part: int) -> list[Difference]:
    here, there = (_part(side, table, parts, part) for side in (one, other))
    with duckdb.connect(config={"autoload_known_extensions": False}) as con:
        con.register("here", here)
        con.register("there", there)
        only_here = con.execute("FROM here EXCEPT ALL FROM there ORDER BY ALL").fetchall()
        only_there = con.execute("FROM there EXCEPT ALL FROM here ORDER BY ALL").fetchall()
    return _paired(table, only_here, only_there, one.name, other.name)[:NAMED]


def _part(side: Side, table: Table, parts: int, part: int) -> pa.Table:
    return side.read(
        lambda con: con.execute(
            f"SELECT {table.listed} FROM {table.name} WHERE hash({table.key}) % ? = ? AND {table.moved}", [parts, part]
        ).to_arrow_table()
    )


def _paired(
    table: Table, here: list[tuple[object, ...]], there: list[tuple[object, ...]], one: str, other: str
) -> list[Difference]:
    """The rows of both sides, two of the same key as one where each side has one."""
    column = table.columns[0][0]
    times_here, times_there = (Counter(row[0] for row in side) for side in (here, there))
    pairs = {key for key in times_here if times_here[key] == times_there[key] == 1}
    partner = {row[0]: row for row in there if row[0] in pairs}
    found = []
    for row in here:
        match = partner.get(row[0])
        differing = () if match is None else tuple(
            name for (name, _), mine, its in zip(table.columns, row, match, strict=True) if mine != its
        )  # fmt: skip
        found.append(Difference(table.name, f"{column} = {row[0]}", differing, one))
    found += [Difference(table.name, f"{column} = {row[0]}", (), other) for row in there if row[0] not in pairs]
    return found
