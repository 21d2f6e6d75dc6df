"""Copy all rows, piece by piece, each in one transaction together with the note of how far it got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import orjson

from aggregator.control import RefusedError
from aggregator.migrating.sides import Source, Target, rows
from aggregator.migrating.tables import MARK, Table
from aggregator.store.database import Connection

PIECE = 50_000
"""Rows: some 100 MB of the widest."""
_PIECES = """
SELECT max(rowid), count(*) FROM (
    SELECT rowid, (row_number() OVER (ORDER BY rowid) - 1) // ? AS piece FROM {table} WHERE rowid > ? AND {moved}
) GROUP BY piece ORDER BY piece
"""

Progress = Callable[[str, int, int], None]
"""Told of what, how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the target is filled: with all tables before this one by name, and with this one up to that row."""

    stamp: str  # of the source, as it was when the copy began
    table: str = ""
    upto: int = -1


def copy(source: Source, target: Target, tables: list[Table], tell: Progress, *, piece: int = PIECE) -> int:
    """Fill the target, from where an earlier run stood. Returns how many rows this run has copied.

    `tell` may raise, to stop between two pieces; so may anything else: it can be run again.

    Raises:
        RefusedError: the target holds what is not ours to touch, or somebody wrote into the source meanwhile.
    """
    mark = _begun(source, target, tables)
    copied = 0
    for table in tables:
        if table.name < mark.table:
            continue
        after = mark.upto if table.name == mark.table else -1
        done = total = _count(source, table)
        pieces = _pieces(source, table, after, piece)
        done -= sum(count for _, count in pieces)
        for upto, count in pieces:
            tell(table.name, done, total)
            _copy_piece(source, target, table, after, Mark(mark.stamp, table.name, upto))
            _require_same(source, mark.stamp)
            after, done, copied = upto, done + count, copied + count
        tell(table.name, done, total)
    return copied


def finish(source: Source, target: Target) -> None:
    """Everything is there, and the same: let the target be used."""
    ((zone,),) = rows(source, "SELECT team_zone()")
    literal = zone.replace("'", "''")

    def do(con: Connection) -> None:
        con.execute(f"CREATE OR REPLACE MACRO team_zone() AS '{literal}'")
        con.execute("DELETE FROM meta WHERE key = ?", [MARK])

    target.write(do)


def _begun(source: Source, target: Target, tables: list[Table]) -> Mark:
    """Where an earlier run stood, or a new beginning in a target that holds nothing."""
    stamp = source.stamp()
    found = rows(target, "SELECT value FROM meta WHERE key = ?", [MARK])
    if found:
        mark = Mark(**orjson.loads(found[0][0]))
        if mark.stamp == stamp:
            return mark
    else:
        _require_empty(target, tables)
    mark = Mark(stamp)

    def begin(con: Connection) -> None:
        for table in tables:  # what an earlier run took from a source that has changed since
            con.execute(f"DELETE FROM {table.name} WHERE {table.moved}")
        _note(con, mark)

    target.write(begin)
    return mark


def _require_empty(target: Target, tables: list[Table]) -> None:
    counts = {table.name: _count(target, table) for table in tables if table.name != "meta"}
    if holding := [f"{name} ({count:,} rows)" for name, count in counts.items() if count]:
        raise RefusedError(
            f"{target.name} is not empty: {', '.join(holding[:3])}{' ...' if holding[3:] else ''}. "
            "It is left as it is; move it away, or name an empty one"
        )


def _note(con: Connection, mark: Mark) -> None:
    con.execute("DELETE FROM meta WHERE key = ?", [MARK])
    con.execute("INSERT INTO meta VALUES (?, ?)", [MARK, orjson.dumps(asdict(mark)).decode()])


def _count(side: Source | Target, table: Table) -> int:
    ((count,),) = rows(side, f"SELECT count(*) FROM {table.name} WHERE {table.moved}")
    return int(count)


def _pieces(source: Source, table: Table, after: int, size: int) -> list[tuple[int, int]]:
    """Each piece's last row, and how many it has."""
    sql = _PIECES.format(table=table.name, moved=table.moved)
    return [(int(upto), int(count)) for upto, count in rows(source, sql, [size, after])]


def _copy_piece(source: Source, target: Target, table: Table, after: int, mark: Mark) -> None:
    taken = source.read(
        lambda con: con.execute(
            f"SELECT {table.listed} FROM {table.name} WHERE rowid > ? AND rowid <= ? AND {table.moved}",
            [after, mark.upto],
        ).to_arrow_table()
    )

    def put(con: Connection) -> None:
        piece = taken  # noqa: F841 - DuckDB finds it by its name
        con.execute(f"INSERT INTO {table.name} ({table.listed}) SELECT {table.cast} FROM piece")
        _note(con, mark)

    target.write(put)


def _require_same(source: Source, stamp: str) -> None:
    if source.stamp() != stamp:
        raise RefusedError(
            f"{source.name}: somebody writes there; stop that first, then run this again: it begins anew"
        )
