"""Deletions that were told before their post: platforms that call us keep no order. The post is stored as deleted then.

What a listing shows stands, whatever was told before: it is asked for later. Lives on the writer's thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.identity import Id
from aggregator.ingest.versions import tells_of_recovery
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.ingest.drafts import Draft
    from aggregator.store.rows import Connection

KEPT = timedelta(days=7)  # no platform that we know repeats a call for so long


class EarlyDeletions:
    """In memory, so that a new post needs no look; a deletion of what is not known is rare."""

    def __init__(self) -> None:
        self._told: dict[Id, datetime] | None = None

    def note(self, con: Connection, deleted: Mapping[Id, datetime], now: datetime) -> None:
        """These posts, of which nothing is stored, are gone."""
        if deleted:
            con.execute("DELETE FROM early_deletion WHERE noted_at < ?", [now - KEPT])
            rows.insert(con, "early_deletion", rows.EARLY_DELETION, [(post, at, now) for post, at in deleted.items()])
            self.forget()

    def of(self, con: Connection, fresh: Iterable[Draft], now: datetime) -> dict[Id, datetime]:
        """Those of these new posts that are gone, since when. It is not told again."""
        fresh = list(fresh)
        if not fresh:
            return {}
        if self._told is None:
            found = con.execute("SELECT post_id, deleted_at FROM early_deletion WHERE noted_at >= ?", [now - KEPT])
            self._told = {post.bytes: at for post, at in found.fetchall()}
        if not self._told:
            return {}
        gone: dict[Id, datetime] = {}
        used: list[Id] = []
        for draft in fresh:
            for name in (draft.post_id, draft.alias_id):
                if name is None or (at := self._told.get(name)) is None:
                    continue
                used.append(name)
                if not tells_of_recovery(draft, at):
                    gone[draft.post_id] = at
        rows.delete(con, "early_deletion", "post_id", used)
        if used:
            self.forget()
        return gone

    def forget(self) -> None:
        """It was rolled back, or somebody else has written."""
        self._told = None
