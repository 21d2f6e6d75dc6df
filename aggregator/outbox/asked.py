"""What an answer answers: the customer's newest post, with all that its platform said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    alias_id: Id | None
    reply_to: Id | None
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
    return newest_posts(con, [inquiry], written_here).get(inquiry.inquiry_id)


def newest_posts(
    con: Connection, inquiries: Collection[Inquiry], written_here: Iterable[Row]
) -> dict[Id, tuple[Id, Asked]]:
    """The same of several inquiries, with one statement of each kind. `written_here`: the answers to all of them."""
    if not inquiries:
        return {}
    since = min(inquiry.opened_at for inquiry in inquiries) - NEAR
    posts: dict[Id, list[_Post]] = {}
    ids = [inquiry.inquiry_id for inquiry in inquiries]
    for inquiry_id, *post in rows.fetch(
        con, "post", f"inquiry_id, {_COLUMNS}", "inquiry_id", ids, "posted_at >= ?", [since]
    ):
        posts.setdefault(inquiry_id, []).append(_Post._make(post))
    answers: dict[Id, list[Row]] = {}
    for row in written_here:
        answers.setdefault(row.inquiry_id.bytes, []).append(row)
    asked: dict[Id, tuple[_Post, int, bool]] = {}
    for inquiry_id, theirs in posts.items():
        stand = [post for post in theirs if post.deleted_at is None]
        said = [post for post in stand if not post.staff]
        if said:
            this = max(said, key=lambda post: (post.posted_at, post.native_order))
            asked[inquiry_id] = this, _given(this, stand, answers.get(inquiry_id, ())), _has_reply(this, stand)
    told = _as_asked(con, list(asked.values()))
    return {inquiry_id: (this.post_id, told[this.post_id]) for inquiry_id, (this, *_) in asked.items()}


def _given(this: _Post, stand: Sequence[_Post], written_here: Sequence[Row]) -> int:
    """How many answers the customer has got to it."""
    sent = [row for row in written_here if row.state == "sent" and row.written_at >= this.posted_at]
    returned = {row.sent_post_id for row in sent}
    others = [post for post in stand if post.staff and post.posted_at >= this.posted_at]
    return len(sent) + sum(as_uuid(post.post_id) not in returned for post in others)


def _has_reply(this: _Post, stand: Sequence[_Post]) -> bool:
    """Whether a post of ours names this one as what it answers."""
    return any(post.staff and post.reply_to in (this.post_id, this.alias_id) for post in stand if post.reply_to)


def stored_post(con: Connection, post: Id) -> Asked | None:
    """The post that an answer was written to, as it stands now; None: it is no longer stored."""
    found = rows.fetch(con, "post", _COLUMNS, "post_id", [post])
    return _as_asked(con, [(_Post._make(found[0]), 0, False)])[post] if found else None


def _as_asked(con: Connection, posts: Sequence[tuple[_Post, int, bool]]) -> dict[Id, Asked]:
    """By post; with each, how many answers the customer has got to it, and whether it has a reply of ours itself."""
    if not posts:
        return {}
    records: dict[Id, tuple[int, str]] = {}
    ids, since = [post.post_id for post, *_ in posts], min(post.seen_at for post, *_ in posts)
    for post_id, *told in rows.fetch(
        con, "record", "post_id, version, body", "post_id", ids, "fetched_at >= ?", [since]
    ):
        records[post_id] = max(records.get(post_id, (0, "")), (told[0], told[1]))
    accounts = {post.account_id for post, *_ in posts if post.account_id}
    authors = dict(rows.fetch(con, "account", "account_id, native_id", "account_id", accounts))
    return {
        post.post_id: Asked(
            native_id=post.native_id,
            posted_at=post.posted_at,
            record=orjson.loads(records[post.post_id][1]) if post.post_id in records else {},
            author=authors.get(post.account_id) if post.account_id else None,
            title=post.title,
            text=post.text,
            public=post.public,
            can_reply_until=post.can_reply_until,
            answers=given,
            has_reply=has_reply,
        )
        for post, given, has_reply in posts
    }


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
