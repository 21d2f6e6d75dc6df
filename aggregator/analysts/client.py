"""What an analyst's Python opens: the live service or an export, with the same views under the same names."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from aggregator.analysts import VIEWS
from aggregator.analysts.door import EXTENSIONS
from aggregator.store import extensions
from aggregator.store.database import Connection


def open_live(token: str, port: int = 9494) -> Connection:
    """A DuckDB of one's own, in which each view of the running service on this machine has its name.

    Quack reads one relation at a time over one attachment; so each view has an attachment of its own, and they can be
    joined. Only the columns that a query needs are fetched.
    """
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    extensions.load(con, EXTENSIONS)
    con.execute("SET TimeZone = 'UTC'")
    literal = token.replace("'", "''")
    con.execute(f"CREATE SECRET (TYPE quack, TOKEN '{literal}', SCOPE 'quack:localhost:{port}')")
    for view in VIEWS:
        con.execute(f"ATTACH 'quack:localhost:{port}' AS live_{view} (TYPE quack)")
        con.execute(f"CREATE VIEW {view} AS FROM live_{view}.{view}")
    return con


def open_export(file: Path) -> Connection:
    """An export's `inquiries.duckdb`."""
    con = duckdb.connect(str(file), read_only=True)
    con.execute("SET TimeZone = 'UTC'")
    return con


def connect() -> Connection:
    """What the notebooks read, as the environment says: INQUIRIES_TOKEN (and INQUIRIES_PORT) for the running service,
    or else INQUIRIES_EXPORT, the folder of an export; `export` beside the notebook if neither is set."""
    if token := os.environ.get("INQUIRIES_TOKEN"):
        return open_live(token, int(os.environ.get("INQUIRIES_PORT", "9494")))
    return open_export(Path(os.environ.get("INQUIRIES_EXPORT", "export")) / "inquiries.duckdb")
