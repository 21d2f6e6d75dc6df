"""Copy all rows, batch by batch, each in one transaction together with the note of how far it got."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import orjson
from arro3.core import Table as Rows

from aggregator.control import RefusedError
from aggregator.migrating.sides import Source, Target, rows
from aggregator.migrating.tables import MARK, Table, counted
from aggregator.store.database import Connection
from aggregator.store.rows import read

BATCH = 50_000
"""Rows: some 100 MB of the widest."""
# Row numbers are the store's own and stay as long as nobody writes into it.
_PIECES = """
SELECT {number} AS number, max(rowid) AS upto, count(*) AS rows FROM (
    SELECT rowid, (row_number() OVER (ORDER BY rowid) - 1) // $batch AS piece FROM {table}
    WHERE rowid > {after} AND {moved}
) GROUP BY piece
"""

Progress = Callable[[str, int, int], None]
"""Told of what, how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the target is filled: with all tables before this one by name, and with this one up to that row."""

    stamp: str  # of the source, as it was when the copy began
    table: str = ""
    upto: int = -1


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one table that are next to each other."""

    table: Table
    after: int
    upto: int
    rows: int


def copy(source: Source, target: Target, tables: list[Table], tell: Progress, *, batch: int = BATCH) -> int:
    """Fill the target, from where an earlier run stood. Returns how many rows this run has copied.

    `tell` may raise, to stop between two transactions; so may anything else: it can be run again.

    Raises:
        RefusedError: the target holds what is not ours to touch, or somebody wrote into the source meanwhile.
    """
    mark = _begun(source, target, tables)
    left = _pieces(source, tables, mark, batch)
    total = sum(counted(source, tables).values())
    copied, before = 0, total - sum(piece.rows for piece in left)
    for pieces in _batches(left, batch):
        tell("rows copied", before + copied, total)
        _copy(source, target, pieces, Mark(mark.stamp, pieces[-1].table.name, pieces[-1].upto))
        _require_same(source, mark.stamp)
        copied += sum(piece.rows for piece in pieces)
    tell("rows copied", before + copied, total)
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
        for table in tables if found else ():  # what an earlier run took from a source that has changed since
            con.execute(f"DELETE FROM {table.name} WHERE {table.moved}")
        con.execute("DELETE FROM meta WHERE key <> 'schema_version'")
        _note(con, mark)

    target.write(begin)
    return mark


def _require_empty(target: Target, tables: list[Table]) -> None:
    holding = [
        f"{name} ({count:,} rows)" for name, count in counted(target, tables).items() if count and name != "meta"
    ]
    if holding:
        raise RefusedError(
            f"{target.name} is not empty: {', '.join(holding[:3])}{' ...' if holding[3:] else ''}. "
            "It is left as it is; move it away, or name an empty one"
        )


def _note(con: Connection, mark: Mark) -> None:
    con.execute("DELETE FROM meta WHERE key = ?", [MARK])
    con.execute("INSERT INTO meta VALUES (?, ?)", [MARK, orjson.dumps(asdict(mark)).decode()])


def _pieces(source: Source, tables: list[Table], mark: Mark, batch: int) -> list[Piece]:
    """What is still to be copied, in order."""
    after = {table.name: mark.upto if table.name == mark.table else -1 for table in tables}
    sql = " UNION ALL ".join(
        _PIECES.format(number=number, table=table.name, after=after[table.name], moved=table.moved)
        for number, table in enumerate(tables)
        if table.name >= mark.table
    )
    found: list[Piece] = []
    for number, upto, count in rows(source, f"{sql} ORDER BY number, upto", {"batch": batch}):
        table = tables[number]
        begun = found[-1].upto if found and found[-1].table == table else after[table.name]
        found.append(Piece(table, begun, upto, count))
    return found


def _batches(pieces: list[Piece], most: int) -> Iterator[list[Piece]]:
    """Small tables go together."""
    gathered: list[Piece] = []
    for piece in pieces:
        if gathered and sum(each.rows for each in gathered) + piece.rows > most:
            yield gathered
            gathered = []
        gathered.append(piece)
    if gathered:
        yield gathered


def _copy(source: Source, target: Target, pieces: list[Piece], mark: Mark) -> None:
    taken = source.read(lambda con: [_taken(con, piece) for piece in pieces])

    def put(con: Connection) -> None:
        for piece, found in zip(pieces, taken, strict=True):
            table = piece.table
            con.execute(f"INSERT INTO {table.name} ({table.listed}) SELECT {table.cast} FROM found")
            assert found.num_rows == piece.rows
        _note(con, mark)

    target.write(put)


def _taken(con: Connection, piece: Piece) -> Rows:
    table = piece.table
    sql = f"SELECT {table.listed} FROM {table.name} WHERE rowid > ? AND rowid <= ? AND {table.moved}"
    return read(con, sql, [piece.after, piece.upto])


def _require_same(source: Source, stamp: str) -> None:
    if source.stamp() != stamp:
        raise RefusedError(
            f"{source.name}: somebody writes there; stop that first, then run this again: it begins anew"
        )
