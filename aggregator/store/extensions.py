"""DuckDB's own signed extensions, from installed wheels: nothing is downloaded at run time."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.util import find_spec

import duckdb


def missing(names: Iterable[str]) -> list[str]:
    """Those of which no wheel is installed."""
    return [name for name in names if find_spec(f"duckdb_extension_{name}") is None]


def load(con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Load them. DuckDB verifies their signatures, and that they were made for its version."""
    for name in names:
        path = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        literal = str(path).replace("'", "''")
        con.execute(f"LOAD '{literal}'")
