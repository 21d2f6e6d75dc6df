"""All that is written of a lake: in its files, and in the tables of its catalog, where rows wait, and where the least
and the greatest value of each column of each file stand in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb
import structlog

if TYPE_CHECKING:
    from aggregator.store.lake import Lake

log = structlog.get_logger()

AT_ONCE = 2_000  # rows
PATIENCE = " -c lock_timeout=20000"
"""Of a connection to PostgreSQL, with whoever reads: all that come after would have to wait, too."""
_TABLES = (
    "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
    "AND starts_with(relname, 'ducklake_') ORDER BY 1"
)


def places(lake: Lake, files: str) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Each file there, and each table of the catalog, with all words in it; deleted rows that a file still holds as
    well."""
    for (file,) in lake.query("SELECT file FROM glob(?) ORDER BY 1", [f"{files.rstrip('/')}/**"]):
        if file.endswith(".parquet"):
            yield file, _words(lake, "FROM read_parquet(?)", file)
        else:
            yield file, _words(lake, "SELECT content FROM read_blob(?)", file)
    for table in _tables(lake):
        yield f"catalog: {table}", _words(lake, "FROM postgres_query('catalog', ?)", f'SELECT * FROM public."{table}"')


def _words(lake: Lake, sql: str, of: str) -> Iterator[bytes]:
    """Values in the order of rows, each in a line; numbers and times are none."""
    with lake.reading() as con:
        cursor = con.execute(sql, [of])
        while some := cursor.fetchmany(AT_ONCE):
            yield b"\n".join(_as_bytes(value) for row in some for value in row if isinstance(value, _WORDY)) + b"\n"


_WORDY = (str, bytes, list, dict)


def _as_bytes(value: str | bytes | list[object] | dict[str, object]) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def vacuum(lake: Lake, reached: str) -> None:
    """Let PostgreSQL write the catalog's tables anew, without the rows that were deleted. Where that cannot be done now
    (somebody reads for long, the tables are another role's) it is said, and nothing else fails.

    reached: how it is reached, with PATIENCE, as a text of SQL.
    """
    con = lake.apart()
    try:
        con.execute(f"ATTACH {reached} AS vacuuming (TYPE postgres)")
        try:
            for table in _tables(lake):
                con.execute(
                    "CALL postgres_execute('vacuuming', ?, use_transaction => false)",
                    [f'VACUUM (FULL) public."{table}"'],
                )
        finally:
            with suppress(duckdb.Error):
                con.execute("DETACH vacuuming")
    except duckdb.Error as error:
        log.warning("lake.not_vacuumed", why=str(error)[:300])
    finally:
        con.close()


def _tables(lake: Lake) -> list[str]:
    return [name for (name,) in lake.ask(_TABLES)]
