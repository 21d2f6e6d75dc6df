"""Fold inquiries again from what is stored, and write those that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from aggregator.fold import EXCERPT, FoldPost, Subject, fold, same
from aggregator.inquiry import Event, Inquiry, Reason
from aggregator.store import rows
from aggregator.store.rows import Connection

if TYPE_CHECKING:
    from aggregator.config import ChannelClock

Row = dict[str, Any]


def refold(
    con: Connection,
    touched: set[UUID],
    *,
    page_posts: Mapping[UUID, Row],
    began: Mapping[UUID, tuple[str, str]],
    clock_of: Callable[[str], ChannelClock],
    points: Mapping[str, float],
) -> set[UUID]:
    """Fold the touched inquiries and write what differs.

    Args:
        page_posts: rows of `post` that this transaction wrote; they are in the database already.
        clock_of: the times promised on a channel.
        began: (source, channel) of posts that are new in this transaction, for inquiries that begin with them.

    Returns:
        the inquiries that changed.
    """
    if not touched:
        return set()
    inquiries = inquiries_by_id(con, touched)
    posts = _posts_of(con, touched, inquiries, page_posts)
    events = _events_of(con, inquiries)
    subjects = _began(page_posts, began)
    changed, gone = [], []
    for inquiry_id, members in posts.items():
        before = inquiries.get(inquiry_id)
        if all(post.staff for post in members):
            continue
        subject = _subject(before) if before else subjects[inquiry_id]
        ver = before.ver + 1 if before else 1
        after = fold(subject, members, events.get(inquiry_id, ()), clock_of(subject.channel), points, ver)
        if before is None or not same(before, after):
            changed.append(after)
            gone += [inquiry_id] if before else []
    write(con, changed, gone)
    return {inquiry.inquiry_id for inquiry in changed}


def inquiries_by_id(con: Connection, wanted: Iterable[UUID]) -> dict[UUID, Inquiry]:
    """Inquiries, open or closed."""
    with rows.seen_as(con, "wanted", rows.ids(wanted)):
        found = con.execute(
            f"SELECT {rows.INQUIRY_COLUMNS} FROM inquiry WHERE inquiry_id IN (SELECT id FROM wanted)"
        ).fetchall()
    return {row[0]: rows.to_inquiry(row) for row in found}


def write(con: Connection, changed: Sequence[Inquiry], replaced: Sequence[UUID]) -> None:
    """Put each inquiry where it belongs now: among the open or the closed."""
    if replaced:
        with rows.seen_as(con, "wanted", rows.ids(replaced)):
            con.execute("DELETE FROM inquiry_open WHERE inquiry_id IN (SELECT id FROM wanted)")
            con.execute("DELETE FROM inquiry_closed WHERE inquiry_id IN (SELECT id FROM wanted)")
    for name, closed in (("inquiry_open", False), ("inquiry_closed", True)):
        batch = [rows.of_inquiry(inquiry) for inquiry in changed if (inquiry.state == "closed") is closed]
        rows.insert(con, name, rows.INQUIRY, batch)


_FOLDED = (
    "post_id, posted_at, native_order, seen_at, staff, deleted_at, backfill, public, lang, title, "
    f"text[:{2 * EXCERPT}], permalink, facts, inquiry_id"
)


def _posts_of(
    con: Connection, touched: set[UUID], stored: Mapping[UUID, Inquiry], page_posts: Mapping[UUID, Row]
) -> dict[UUID, list[FoldPost]]:
    posts: dict[UUID, dict[UUID, FoldPost]] = {inquiry: {} for inquiry in touched}
    if stored:
        with rows.seen_as(con, "wanted", rows.ids(stored)):
            found = con.execute(f"SELECT {_FOLDED} FROM post WHERE inquiry_id IN (SELECT id FROM wanted)").fetchall()
        for stored_row in found:
            posts[stored_row[-1]][stored_row[0]] = _fold_post(*stored_row[:-1])
    for row in page_posts.values():
        if row["inquiry_id"] in posts:
            posts[row["inquiry_id"]][row["post_id"]] = _fold_post(
                row["post_id"], row["posted_at"], row["native_order"], row["seen_at"], row["staff"],
                row["deleted_at"], row["backfill"], row["public"], row["lang"], row["title"], row["text"],
                row["permalink"], row["facts"],
            )  # fmt: skip
    return {inquiry: list(members.values()) for inquiry, members in posts.items() if members}


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
        excerpt=" ".join(text[: 2 * EXCERPT].split())[:EXCERPT],
        permalink=permalink,
        reasons=tuple(
            Reason(rule, points, start, end, version) for rule, points, start, end, version in said.get("reasons", ())
        ),
    )


def _events_of(con: Connection, inquiries: Mapping[UUID, Inquiry]) -> dict[UUID, list[Event]]:
    if not inquiries:
        return {}
    with rows.seen_as(con, "wanted", rows.ids(inquiries)):
        found = con.execute(
            "SELECT event_id, inquiry_id, happened_at, who, what, details FROM inquiry_event "
            "WHERE inquiry_id IN (SELECT id FROM wanted) ORDER BY happened_at, event_id"
        ).fetchall()
    events: dict[UUID, list[Event]] = {}
    for row in found:
        events.setdefault(row[1], []).append(rows.to_event(row))
    return events


def _subject(inquiry: Inquiry) -> Subject:
    return Subject(inquiry.inquiry_id, inquiry.source, inquiry.channel, inquiry.thread_id, inquiry.person_id)


def _began(page_posts: Mapping[UUID, Row], new: Mapping[UUID, tuple[str, str]]) -> dict[UUID, Subject]:
    """Whose inquiry each is that begins with a post of this page."""
    subjects: dict[UUID, Subject] = {}
    for post_id, (source, channel) in new.items():
        row = page_posts[post_id]
        inquiry = row["inquiry_id"]
        if inquiry is not None and not row["staff"] and inquiry not in subjects:
            person = row["account_id"] or post_id
            subjects[inquiry] = Subject(inquiry, source, channel, row["thread_id"], person)
    return subjects
