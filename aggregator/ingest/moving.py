"""Posts that a moderator moved to another thread: their inquiries follow them.

Runs on the writer's connection (aggregator/ingest/commit.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aggregator.identity import Id, as_uuid
from aggregator.ingest.arrivals import Row
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection


def follow(con: Connection, moved: Sequence[Row]) -> None:
    """Take each inquiry to the thread that its customer's posts were moved to, once none stays behind.

    moved: their rows as they stand now, not yet written.
    """
    threads: dict[Id, Id] = {row["inquiry_id"]: row["thread_id"] for row in moved if _is_asked(row)}
    if not threads:
        return
    now = {row["post_id"]: row["thread_id"] for row in moved}
    stored = rows.fetch(
        con, "post", "inquiry_id, post_id, thread_id", "inquiry_id", threads, "NOT staff AND deleted_at IS NULL"
    )
    left = {inquiry for inquiry, post, thread in stored if now.get(post, thread) != threads[inquiry]}
    for inquiry in threads.keys() - left:
        # Whoever has read it before knows by `ver` that it has changed.
        for table in ("inquiry_open", "inquiry_closed"):
            con.execute(
                f"UPDATE {table} SET thread_id = ?, ver = ver + 1 WHERE inquiry_id = ?",
                [as_uuid(threads[inquiry]), as_uuid(inquiry)],
            )


def _is_asked(row: Row) -> bool:
    return row["inquiry_id"] is not None and not row["staff"] and row["deleted_at"] is None
