"""Fold inquiries again from what is stored, and write those that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from aggregator.fold import EXCERPT, FoldPost, Subject, fold, same
from aggregator.identity import inquiry_id
from aggregator.inquiry import NEAR, Event, Inquiry, Reason
from aggregator.store import rows
from aggregator.store.rows import Connection

if TYPE_CHECKING:
    from datetime import datetime

    from aggregator.config import ChannelClock
    from aggregator.prepare import Draft


def refold(
    con: Connection,
    touched: set[UUID],
    *,
    fresh: Sequence[Draft] = (),
    source: str = "",
    seen_at: datetime | None = None,
    clock_of: Callable[[str], ChannelClock],
    points: Mapping[str, float],
) -> set[UUID]:
    """Fold the touched inquiries and those of the new posts, and write what differs.

    Args:
        touched: inquiries that something else than a new post changed.
        fresh: posts that this transaction wrote for the first time, with their inquiries; read by `source` at
            `seen_at`.
        clock_of: the times promised on a channel.
        points: overrides of rules' points from the configuration.

    Returns:
        the inquiries that changed.
    """
    drafts: dict[UUID, list[Draft]] = {}
    for draft in fresh:
        if draft.inquiry_id is not None:
            drafts.setdefault(draft.inquiry_id, []).append(draft)
    if not drafts and not touched:
        return set()
    begun = {inquiry_id(draft.post_id) for draft in fresh}
    stored = inquiries_by_id(con, touched | (drafts.keys() - begun))
    # An inquiry that begins with this page is folded from the page, any other from what is stored.
    since = min(chain((each.opened_at for each in stored.values()), (draft.posted_at for draft in fresh)), default=None)
    posts = _posts_of(con, touched | stored.keys(), since)
    for inquiry, new in drafts.items():
        if inquiry not in posts:
            posts[inquiry] = [_from_draft(draft, seen_at) for draft in new]
    events = _events_of(con, stored, since)
    changed, gone = [], list[Inquiry]()
    for inquiry, members in posts.items():
        before = stored.get(inquiry)
        subject = _subject(before) if before else _begun(inquiry, drafts[inquiry], source)
        ver = before.ver + 1 if before else 1
        after = fold(subject, members, events.get(inquiry, ()), clock_of(subject.channel), points, ver)
        if before is None or not same(before, after):
            changed.append(after)
            gone += [before] if before else []
    write(con, changed, gone)
    return {inquiry.inquiry_id for inquiry in changed}


def inquiries_by_id(con: Connection, wanted: Iterable[UUID]) -> dict[UUID, Inquiry]:
    """Inquiries, open or closed; only what is not open is looked for among the many that are closed."""
    found = {}
    left = set(wanted)
    for name in ("inquiry_open", "inquiry_closed"):
        for row in rows.fetch(con, name, rows.INQUIRY_COLUMNS, "inquiry_id", left):
            found[row[0]] = rows.to_inquiry(row)
        left -= found.keys()
    return found


def write(con: Connection, changed: Sequence[Inquiry], replaced: Sequence[Inquiry]) -> None:
    """Put each inquiry where it belongs now, and take what it replaces from where it stood."""
    for name, closed in (("inquiry_open", False), ("inquiry_closed", True)):
        rows.delete(
            con, name, "inquiry_id", [each.inquiry_id for each in replaced if (each.state == "closed") is closed]
        )
        batch = [rows.of_inquiry(inquiry) for inquiry in changed if (inquiry.state == "closed") is closed]
        rows.insert(con, name, rows.INQUIRY, batch)


_FOLDED = (
    "post_id, posted_at, native_order, seen_at, staff, deleted_at, backfill, public, lang, title, "
    f"text[:{2 * EXCERPT}], permalink, facts, inquiry_id"
)


def _posts_of(con: Connection, inquiries: set[UUID], since: datetime | None) -> dict[UUID, list[FoldPost]]:
    """Their posts. An inquiry opens with its first question, and no answer is older than that by more than NEAR."""
    posts: dict[UUID, list[FoldPost]] = {}
    bound = ("posted_at >= ?", [since - NEAR]) if since else ()
    for row in rows.fetch(con, "post", _FOLDED, "inquiry_id", inquiries, *bound):
        posts.setdefault(row[-1], []).append(_fold_post(*row[:-1]))
    return posts


def _from_draft(draft: Draft, seen_at: datetime | None) -> FoldPost:
    assert seen_at is not None
    said = draft.understanding
    return FoldPost(
        draft.post_id, draft.posted_at, draft.order, seen_at, draft.staff, draft.deleted, draft.backfill,
        draft.public, said.thanks, draft.secret, said.kind, draft.lang, draft.title, _excerpt(draft.text),
        draft.permalink, said.reasons,
    )  # fmt: skip


def _excerpt(text: str) -> str:
    return " ".join(text[: 2 * EXCERPT].split())[:EXCERPT]


def _fold_post(
    post_id: UUID, posted_at: Any, order: int, seen_at: Any, staff: bool, deleted_at: Any, backfill: bool,
    public: bool, lang: str, title: str | None, text: str, permalink: str | None, facts: str,
) -> FoldPost:  # fmt: skip
    said = orjson.loads(facts)
    return FoldPost(
        post_id=post_id,
        posted_at=posted_at,
        order=order,
        seen_at=seen_at,
        staff=staff,
        deleted=deleted_at is not None,
        backfill=backfill,
        public=public,
        thanks=said.get("thanks", False),
        secret=said.get("secret", False),
        kind=said["kind"],
        lang=lang,
        title=title,
        excerpt=_excerpt(text),
        permalink=permalink,
        reasons=tuple(
            Reason(rule, points, start, end, version) for rule, points, start, end, version in said.get("reasons", ())
        ),
    )


def _events_of(con: Connection, inquiries: Mapping[UUID, Inquiry], since: datetime | None) -> dict[UUID, list[Event]]:
    """What colleagues did with them, in order. Nothing happens to an inquiry before it is opened (actions.py)."""
    columns = "event_id, inquiry_id, happened_at, who, what, details"
    bound = ("happened_at >= ?", [since]) if since else ()
    found = rows.fetch(con, "inquiry_event", columns, "inquiry_id", inquiries, *bound)
    events: dict[UUID, list[Event]] = {}
    for row in sorted(found, key=lambda row: (row[2], row[0])):
        events.setdefault(row[1], []).append(rows.to_event(row))
    return events


def _subject(inquiry: Inquiry) -> Subject:
    return Subject(inquiry.inquiry_id, inquiry.source, inquiry.channel, inquiry.thread_id, inquiry.person_id)


def _begun(inquiry: UUID, drafts: Sequence[Draft], source: str) -> Subject:
    """Whose inquiry it is that begins with these posts."""
    first = next(draft for draft in drafts if not draft.staff)
    return Subject(inquiry, source, first.channel, first.thread_id, first.person_id)
