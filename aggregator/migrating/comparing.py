"""Compare two stores row by row: counts and sums of hashes by part of a table, and where they differ, which rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import duckdb
from arro3.core import Table as Rows

from aggregator.migrating.copying import BATCH, Progress
from aggregator.migrating.sides import Side, rows
from aggregator.migrating.tables import Table, counted
from aggregator.store.rows import read

NAMED = 5
"""So many rows of a table are named that differ."""
# A part is chosen by the first column alone: a row that differs elsewhere stands in the same part on both sides.
_SUMS = """
SELECT {number}, hash({key}) % {parts} AS part, count(*), sum(hash({columns})::HUGEINT), bit_xor(hash({columns}))
FROM {table} WHERE {moved} GROUP BY part
"""
Sums = dict[tuple[int, int], tuple[int, int, int]]
"""Of each table's parts: rows, and two sums of their hashes that do not depend on their order."""


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
    counts = counted(one, tables)
    parted = [(table, counts[table.name] // BATCH + 1) for table in tables]
    done, total, found = 0, sum(counts.values()), list[Difference]()
    small = [each for each in parted if each[1] == 1]
    for group in [small, *([each] for each in parted if each[1] > 1)]:  # the small ones in one query
        tell("rows compared", done, total)
        here, there = _sums(one, group), _sums(other, group)
        for number, (table, parts) in enumerate(group):
            differing = [part for part in range(parts) if here.get((number, part)) != there.get((number, part))]
            found += [each for part in differing[:NAMED] for each in _differences(one, other, table, parts, part)][
                :NAMED
            ]
        done += sum(counts[table.name] for table, _ in group)
    tell("rows compared", done, total)
    return Compared(total, tuple(found))


def _sums(side: Side, group: list[tuple[Table, int]]) -> Sums:
    sql = " UNION ALL ".join(
        _SUMS.format(
            number=number, key=table.key, parts=parts, columns=table.listed, table=table.name, moved=table.moved
        )
        for number, (table, parts) in enumerate(group)
    )
    return {(number, part): (count, total, mixed) for number, part, count, total, mixed in rows(side, sql)}


def _differences(one: Side, other: Side, table: Table, parts: int, part: int) -> list[Difference]:
    here, there = (_part(side, table, parts, part) for side in (one, other))
    with duckdb.connect(config={"autoload_known_extensions": False}) as con:
        con.register("here", here)
        con.register("there", there)
        only_here = con.execute("FROM here EXCEPT ALL FROM there ORDER BY ALL").fetchall()
        only_there = con.execute("FROM there EXCEPT ALL FROM here ORDER BY ALL").fetchall()
    return _paired(table, only_here, only_there, one.name, other.name)[:NAMED]


def _part(side: Side, table: Table, parts: int, part: int) -> Rows:
    return side.read(
        lambda con: read(
            con,
            f"SELECT {table.listed} FROM {table.name} WHERE hash({table.key}) % ? = ? AND {table.moved}",
            [parts, part],
        )
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
