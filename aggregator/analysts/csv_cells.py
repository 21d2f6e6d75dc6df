"""CSV that a spreadsheet shows as it is: UTF-8 with a mark, and no cell that it would take for a formula."""

from __future__ import annotations

import codecs
import shutil
from pathlib import Path

from aggregator.store.database import Connection

# What begins like a formula, blanks and control signs before it included; full-width signs count in East Asian Excel.
_FORMULA = r"^[\s\x00-\x20\x{A0}\x{FEFF}]*[=+\-@＝＋－＠\t\r]"


def write_csv(con: Connection, table: str, path: Path) -> None:
    """The whole table. A text that begins like a formula gets an apostrophe before it."""
    columns = con.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table]
    ).fetchall()
    cells = ", ".join(_cell(name) if kind == "VARCHAR" else f'"{name}"' for name, kind in columns)
    plain = path.with_suffix(".plain")
    literal = str(plain).replace("'", "''")
    con.execute(f"COPY (SELECT {cells} FROM {table}) TO '{literal}' (FORMAT csv, HEADER true)")
    with plain.open("rb") as source, path.open("wb") as target:
        target.write(codecs.BOM_UTF8)
        shutil.copyfileobj(source, target)
    plain.unlink()


def _cell(name: str) -> str:
    return f"""CASE WHEN regexp_matches("{name}", '{_FORMULA}') THEN '''' || "{name}" ELSE "{name}" END AS "{name}\""""
