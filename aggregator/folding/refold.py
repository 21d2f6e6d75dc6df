"""Fold inquiries again from what is stored, and write those that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.folding.fold import EXCERPT, FoldPost, Subject, excerpt, fold, same
from aggregator.identity import Id
from aggregator.inquiry import NEAR, Event, Inquiry, Reason
from aggregator.store import daily, rows
from aggregator.store.changed import gathered

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.ingest.drafts import Draft, Prepared
    from aggregator.store.rows import Connection


def refold(
    con: Connection,
    touched: set[Id],
    *,
    page: Prepared | None = None,
    fresh: Sequence[Draft] = (),
    begun_now: Mapping[Id, Subject] | None = None,
    clock_of: Callable[[str], ChannelClock],
    points: Mapping[str, float],
) -> set[Id]:
    """Fold the touched inquiries and those of the new posts, and write what differs.

    Args:
        touched: inquiries that something else than a new post changed.
        fresh: posts of `page` that this transaction wrote for the first time, with their inquiries.
        begun_now: inquiries that begin with stored posts.
        clock_of: the times promised on a channel.
        points: overrides of rules' points from the configuration.

    Returns:
        the inquiries that changed.
    """
    drafts: dict[Id, list[Draft]] = {}
    for draft in fresh:
        if draft.inquiry_id is not None:
            drafts.setdefault(draft.inquiry_id, []).append(draft)
    if not drafts and not touched:
        return set()
    begun = {draft.opens for draft in fresh}
    stored = inquiries_by_id(con, touched | (drafts.keys() - begun))
    # An inquiry that begins with this page is folded from the page, any other from what is stored.
    since = min(chain((each.opened_at for each in stored.values()), (draft.posted_at for draft in fresh)), default=None)
    posts = posts_of(con, touched | stored.keys(), since)
    alone: dict[Id, int] = {}
    for inquiry, new in drafts.items():
        if inquiry in posts:
            continue
        assert page is not None
        if len(new) == 1 and new[0].begins is not None and not new[0].deleted:
            alone[inquiry] = new[0].begins  # it was folded when it was read
        else:
            posts[inquiry] = [_from_page(page, draft) for draft in new]
    events = events_of(con, stored, since)
    changed, gone = [], list[Inquiry]()
    for inquiry, members in posts.items():
        before = stored.get(inquiry)
        if before:
            subject = subject_of(before)
        else:
            subject = (begun_now or {}).get(inquiry) or _begun(inquiry, drafts[inquiry], page)
        ver = before.ver + 1 if before else 1
        after = fold(subject, members, events.get(inquiry, ()), clock_of(subject.channel), points, ver)
        if before is None or not same(before, after):
            changed.append(after)
            gone += [before] if before else []
    write(con, changed, gone)
    if page is not None and alone:
        rows.append(con, "inquiry_open", rows.taken(page.begun, list(alone.values())))
        if (told := gathered()) is not None:
            told.inquiries.update(_worth_telling(page, alone))
    return alone.keys() | {inquiry.inquiry_id for inquiry in changed}


def inquiries_by_id(con: Connection, wanted: Iterable[Id]) -> dict[Id, Inquiry]:
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
    if (told := gathered()) is not None:
        told.inquiries.update(each.inquiry_id for each in changed if _is_news(each))
    for name, holds_closed in (("inquiry_open", False), ("inquiry_closed", True)):
        left = [each.inquiry_id for each in replaced if (each.state == "closed") is holds_closed]
        rows.delete(con, name, "inquiry_id", left)
        batch = [rows.of_inquiry(inquiry) for inquiry in changed if (inquiry.state == "closed") is holds_closed]
        rows.insert(con, name, rows.INQUIRY, batch)
    now_closed, no_longer = ([each for each in some if each.state == "closed"] for some in (changed, replaced))
    daily.note(con, now_closed, no_longer)


_FOLD_COLUMNS = (
    "post_id", "posted_at", "native_order", "seen_at", "staff", "deleted_at", "backfill", "public", "lang", "title",
    "text", "permalink", "facts",
)  # fmt: skip
_FOLDED = ", ".join((*_FOLD_COLUMNS, "inquiry_id")).replace("text", f"text[:{2 * EXCERPT}]")


def posts_of(con: Connection, inquiries: set[Id], since: datetime | None) -> dict[Id, list[FoldPost]]:
    """Their posts. An inquiry opens with its first question, and no answer is older than that by more than NEAR."""
    posts: dict[Id, list[FoldPost]] = {}
    bound = ("posted_at >= ?", [since - NEAR]) if since else ()
    for row in rows.fetch(con, "post", _FOLDED, "inquiry_id", inquiries, *bound):
        posts.setdefault(row[-1], []).append(_fold_post(*row[:-1]))
    return posts


def _from_page(page: Prepared, draft: Draft) -> FoldPost:
    row = page.row(draft)
    row["deleted_at"] = row["seen_at"] if draft.deleted else None
    return _fold_post(**{name: row[name] for name in _FOLD_COLUMNS})


def _fold_post(
    post_id: Id, posted_at: Any, native_order: int, seen_at: Any, staff: bool, deleted_at: Any, backfill: bool,
    public: bool, lang: str, title: str | None, text: str, permalink: str | None, facts: str,
) -> FoldPost:  # fmt: skip
    said = orjson.loads(facts)
    return FoldPost(
        post_id=post_id,
        posted_at=posted_at,
        order=native_order,
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
        excerpt=excerpt(text),
        permalink=permalink,
        reasons=tuple(
            Reason(rule, points, start, end, version) for rule, points, start, end, version in said.get("reasons", ())
        ),
        solved=said.get("solved", False),
        promise=datetime.fromisoformat(said["promise"]) if staff and "promise" in said else None,
    )


def events_of(con: Connection, inquiries: Mapping[Id, Inquiry], since: datetime | None) -> dict[Id, list[Event]]:
    """What colleagues did with them, in order. Nothing happens to an inquiry before it is opened
    (acting/compare_and_set.py)."""
    columns = "event_id, inquiry_id, happened_at, who, what, details"
    bound = ("happened_at >= ?", [since]) if since else ()
    found = rows.fetch(con, "inquiry_event", columns, "inquiry_id", inquiries, *bound)
    events: dict[Id, list[Event]] = {}
    for row in sorted(found, key=lambda row: (row[2], row[0])):
        events.setdefault(row[1], []).append(rows.to_event(row))
    return events


FRESH = timedelta(days=1)


def _is_news(inquiry: Inquiry) -> bool:
    """Whether others may be told of it: history is none of their business, but what is urgent or fresh in it."""
    return not inquiry.backfill or inquiry.secret or inquiry.seen_at - inquiry.opened_at < FRESH


def _worth_telling(page: Prepared, alone: Mapping[Id, int]) -> list[Id]:
    """Those of the inquiries that begin with this page which `_is_news`."""
    columns = (page.begun[name].to_pylist() for name in ("backfill", "secret", "seen_at", "opened_at"))
    news = [
        not backfill or secret or seen - opened < FRESH for backfill, secret, seen, opened in zip(*columns, strict=True)
    ]
    return [inquiry for inquiry, at in alone.items() if news[at]]


def subject_of(inquiry: Inquiry) -> Subject:
    """Whose inquiry it is, and where."""
    return Subject(inquiry.inquiry_id, inquiry.source, inquiry.channel, inquiry.thread_id, inquiry.person_id)


def _begun(inquiry: Id, drafts: Sequence[Draft], page: Prepared | None) -> Subject:
    """Whose inquiry it is that begins with these posts."""
    assert page is not None
    first = next(draft for draft in drafts if draft.begins is not None)
    return Subject(inquiry, first.source, page.channel(first), first.thread_id, first.person_id)
