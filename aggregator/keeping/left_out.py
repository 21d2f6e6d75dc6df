"""What a platform lists again though it was erased, or is older than anything that is kept, is not taken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.identity import Id
from aggregator.ingest.drafts import Draft, Prepared
from aggregator.ingest.origin import Origin
from aggregator.store import rows
from aggregator.store.known_ids import KnownIds

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

_ERASED = "SELECT id, erased_at FROM erased ORDER BY erased_at"


class LeftOut:
    """What was erased, in memory: a page has many posts, and hardly ever one of these. Lives on the writer's thread.

    `retention`: by channel, see aggregator/keeping/retention.py.
    """

    def __init__(self, retention: Mapping[str, timedelta]) -> None:
        self._retention = retention
        self._erased: dict[Id, datetime] | None = None

    def forget(self) -> None:
        """More was erased."""
        self._erased = None

    def leave_out(self, con: Connection, page: Prepared, origin: Origin, known: KnownIds, now: datetime) -> None:
        """Take it from the page."""
        if self._erased is None:
            self._erased = {one.bytes: at for one, at in con.execute(_ERASED).fetchall()}
        if self._erased:
            erased = self._erased
            page.drafts = [draft for draft in page.drafts if not _is_erased(draft, erased)]
            page.rejected = [each for each in page.rejected if each.rejected_id not in erased]
            gone = {post for post, _ in page.deleted if post in erased}
            if gone:  # those of others, in which the erased were quoted, are stored, and may be deleted
                gone -= _stored(con, known.among(con, gone))
                page.deleted = [each for each in page.deleted if each[0] not in gone]
            page.counts = [each for each in page.counts if each[0] not in erased]
        span = kept_for(self._retention, origin.channel)
        if span is not None and not origin.space.startswith("import/"):
            oldest = now - span
            old = {draft.post_id for draft in page.drafts if draft.posted_at < oldest}
            if old:  # those of an inquiry that is still open are stored, and may be edited
                old -= _stored(con, known.among(con, old))
                page.drafts = [draft for draft in page.drafts if draft.post_id not in old]


def _stored(con: Connection, posts: set[Id]) -> set[Id]:
    """Those that are really there: another process may have deleted what is known here."""
    return {one for (one,) in rows.fetch(con, "post", "post_id", "post_id", posts)}


def kept_for(retention: Mapping[str, timedelta], channel: str) -> timedelta | None:
    """None: for ever."""
    return retention.get(channel, retention.get("default"))


def _is_erased(draft: Draft, erased: Mapping[Id, datetime]) -> bool:
    if draft.post_id in erased:
        return True
    until = erased.get(draft.account.account_id) if draft.account else None
    return until is not None and draft.posted_at <= until
