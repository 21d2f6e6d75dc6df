"""A page that was read, as drafts and as rows of the tables that its posts will stand in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from arro3.core import RecordBatch

from aggregator.identity import Id, post_id
from aggregator.ingest.alone import begun
from aggregator.ingest.drafts import Draft, Prepared
from aggregator.ingest.origin import Origin
from aggregator.ingest.reading import Reading, ReadPage
from aggregator.store import rows
from aggregator.triage.secrets import may_be_piece

BODY = rows.Schema(body=rows.TEXT, secrets=rows.TEXT)


def pack(page: ReadPage, origin: Origin, seen_at: datetime) -> Prepared:
    """Rows of what was read, column by column."""
    said = page.readings
    inquiries, places = begun(said, origin, seen_at)
    drafts = [_draft(at, each, *place, origin) for at, (each, place) in enumerate(zip(said, places, strict=True))]
    return Prepared(
        drafts,
        _posts(said, drafts, origin, seen_at),
        rows.table(BODY, [(each.said.body, each.said.secrets) for each in said]),
        inquiries,
        page.deleted,
        page.counts,
        page.moved,
        page.rejected,
        page.records,
        page.undelivered,
    )


def _draft(at: int, said: Reading, begins: int | None, opens: Id | None, origin: Origin) -> Draft:
    post, account = said.post, said.account
    return Draft(
        at,
        origin.source,
        said.post_id,
        post_id(origin.space, post.alias) if post.alias else None,
        said.thread_id,
        post.thread is None,
        account,
        account.account_id if account else said.post_id,
        post_id(origin.space, post.reply_to) if post.reply_to else None,
        post.mentions,
        said.posted_at,
        post.order,
        post.edited_at,
        said.staff,
        said.asks,
        said.understanding.thanks,
        said.backfill,
        said.passed_over,
        said.evidence,
        said.poses,
        said.lures,
        "text" in said.guessed,
        post.recovered,
        (post.likes, post.replies, post.shares, post.views),
        post.text if not said.staff and may_be_piece(post.text) else None,
        begins,
        opens,
    )


def _posts(said: Sequence[Reading], drafts: Sequence[Draft], origin: Origin, seen_at: datetime) -> RecordBatch:
    same = {"space": origin.space, "source": origin.source, "seen_at": seen_at, "version": 1, "deleted_at": None}
    posts = [each.post for each in said]
    of_each: dict[str, list[Any]] = {
        "post_id": [each.post_id for each in said],
        "native_id": [post.native_id for post in posts],
        "alias_id": [draft.alias_id for draft in drafts],
        "thread_id": [each.thread_id for each in said],
        "account_id": [each.account.account_id if each.account else None for each in said],
        "reply_to": [draft.reply_to for draft in drafts],
        "posted_at": [each.posted_at for each in said],
        "native_order": [post.order for post in posts],
        "edited_at": [post.edited_at for post in posts],
        "title": [post.title for post in posts],
        "text": [post.text for post in posts],
        "search_text": [each.search_text for each in said],
        "lang": [each.lang for each in said],
        "public": [post.public for post in posts],
        "staff": [each.staff for each in said],
        "backfill": [each.backfill for each in said],
        "permalink": [post.permalink for post in posts],
        "can_reply_until": [post.can_reply_until for post in posts],
        "facts": [each.facts for each in said],
        "inquiry_id": [draft.opens for draft in drafts],
    }
    return rows.of_columns(
        rows.POST,
        [
            rows.constant(kind, same[name], len(said)) if name in same else rows.array(kind, of_each[name])
            for name, kind in rows.POST.items()
        ],
    )
