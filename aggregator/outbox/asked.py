"""What an answer answers: the customer's newest post, with all that its platform said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import orjson
import structlog

from aggregator.identity import Id, as_uuid, written
from aggregator.inquiry import NEAR, Inquiry
from aggregator.outbox.row import Row
from aggregator.store import rows
from connectors.contract import Connector
from connectors.replying import Asked, Replying, Window

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

log = structlog.get_logger()


class _Post(NamedTuple):
    post_id: Id
    native_id: str
    posted_at: datetime
    native_order: int
    seen_at: datetime
    staff: bool
    deleted_at: datetime | None
    account_id: Id | None
    title: str | None
    text: str
    public: bool
    can_reply_until: datetime | None


_COLUMNS = ", ".join(_Post._fields)


def newest_post(con: Connection, inquiry: Inquiry, written_here: Sequence[Row]) -> tuple[Id, Asked] | None:
    """The post that an answer would answer; None: the customer has deleted all of them."""
    found = rows.fetch(
        con, "post", _COLUMNS, "inquiry_id", [inquiry.inquiry_id], "posted_at >= ?", [inquiry.opened_at - NEAR]
    )
    posts = [post for post in map(_Post._make, found) if post.deleted_at is None]
    said = [post for post in posts if not post.staff]
    if not said:
        return None
    this = max(said, key=lambda post: (post.posted_at, post.native_order))
    sent = [row for row in written_here if row.state == "sent" and row.written_at >= this.posted_at]
    returned = {row.sent_post_id for row in sent}
    others = [post for post in posts if post.staff and post.posted_at >= this.posted_at]
    given = len(sent) + sum(as_uuid(post.post_id) not in returned for post in others)
    return this.post_id, _asked(con, this, given)


def stored_post(con: Connection, post: Id) -> Asked | None:
    """The post that an answer was written to, as it stands now; None: it is no longer stored."""
    found = rows.fetch(con, "post", _COLUMNS, "post_id", [post])
    return _asked(con, _Post._make(found[0]), 0) if found else None


def _asked(con: Connection, post: _Post, given: int) -> Asked:
    told = rows.fetch(con, "record", "version, body", "post_id", [post.post_id], "fetched_at >= ?", [post.seen_at])
    accounts = [post.account_id] if post.account_id else []
    authors = rows.fetch(con, "account", "native_id", "account_id", accounts)
    return Asked(
        native_id=post.native_id,
        posted_at=post.posted_at,
        record=orjson.loads(max(told)[1]) if told else {},
        author=authors[0][0] if authors else None,
        title=post.title,
        text=post.text,
        public=post.public,
        can_reply_until=post.can_reply_until,
        answers=given,
    )


def window(connectors: Mapping[str, Connector], inquiry: Inquiry, asked: Asked | None, now: datetime) -> Window:
    """Whether it may be answered through its source, as far as we know before trying."""
    connector = connectors.get(inquiry.source)
    if connector is None:
        return Window("source_off")
    if not isinstance(connector, Replying):
        return Window("no_way")
    if asked is None or not asked.record:
        return Window("gone")
    if asked.can_reply_until is not None and asked.can_reply_until <= now:
        return Window("window_over", until=asked.can_reply_until)
    try:
        found = connector.reply_window(asked, now)
    except Exception:  # a record of a shape that it does not know: as for reading, platforms change without notice
        log.exception("outbox.window", source=inquiry.source, inquiry=written(inquiry.inquiry_id))
        return Window("other")
    if found.why is None and found.left is not None and found.left <= 0:
        return Window("too_many", until=found.until, left=0)
    return found
