"""Copies that left the database: where they were put, and which of them still hold somebody's posts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import duckdb

from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.store.rows import Connection

Kind = Literal["backup", "export"]


class Copy(NamedTuple):
    """holds: whether the posts are in it; None: nobody can tell from here (it was moved, or is no database)."""

    path: str
    kind: Kind
    made_at: datetime
    is_there: bool
    holds: bool | None


def note_copy(con: Connection, path: Path, kind: Kind, now: datetime) -> None:
    """A copy was made there."""
    con.execute("INSERT INTO copy_made VALUES (?, ?, ?)", [str(path.resolve()), kind, now])


def copies_with(con: Connection, posts: Collection[Id], since: datetime | None) -> list[Copy]:
    """Copies that hold one of these posts, or may: the posts were first stored at `since`."""
    made = con.execute(
        "SELECT path, kind, max(made_at) FROM copy_made WHERE made_at >= ? GROUP BY ALL ORDER BY 3", [since]
    ).fetchall()
    told = [Copy(path, kind, at, Path(path).exists(), _holds(Path(path), posts)) for path, kind, at in made]
    return [each for each in told if each.holds is not False]


def _holds(path: Path, posts: Collection[Id]) -> bool | None:
    file = path / "inquiries.duckdb" if path.is_dir() else path
    if not file.is_file():
        return None
    try:
        with duckdb.connect(str(file), read_only=True) as con:
            tables = {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            table = "post" if "post" in tables else "posts"  # of a backup, or of an export
            counted = f"SELECT count(*) FROM {table} WHERE post_id IN (SELECT id FROM wanted)"
            found = rows.select(con, counted, rows.ids(posts))
    except duckdb.Error:
        return None
    return bool(found[0][0])
