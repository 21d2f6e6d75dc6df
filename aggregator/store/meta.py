"""What a store notes of itself, a text by its key: the table `meta`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.store.database import Connection


def noted(con: Connection, key: str) -> str | None:
    """What stands there; None: nothing."""
    found = con.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
    return str(found[0]) if found else None


def note(con: Connection, key: str, value: str) -> None:
    """In place of what stood there."""
    con.execute("DELETE FROM meta WHERE key = ?", [key])
    con.execute("INSERT INTO meta VALUES (?, ?)", [key, value])
