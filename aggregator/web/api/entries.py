"""The top of the queue as entries for feed readers. Nothing in them moves with the clock alone, so that a reader which
asks again is told that nothing is new."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from aggregator.inquiry import shown
from aggregator.store.history import last_events
from aggregator.web import pages
from aggregator.web.api.reading import page_of, view_of
from aggregator.web.safe_text import in_plain, target

if TYPE_CHECKING:
    from aggregator.store.reading import FeedRow
    from aggregator.web.api.asks import Subscription
    from aggregator.web.api.caller import Call

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)  # an empty feed has not changed either


class Entry(NamedTuple):
    """One inquiry. `updated`: its newest post or deed. `original`: on its platform, if we lead there."""

    id: str
    url: str
    original: str | None
    title: str
    text: str
    lang: str
    author: str
    published: datetime
    updated: datetime
    tags: tuple[str, ...]


class Subscribed(NamedTuple):
    """A feed for readers: the most pressing inquiries of a view. `url` is its own, without a token."""

    title: str
    home: str
    url: str
    lang: str
    updated: datetime
    entries: tuple[Entry, ...]


async def subscribed(call: Call, asked: Subscription) -> Subscribed:
    view, site, moment = view_of(asked), call.site, call.site.clock()
    page = await page_of(call, view, moment, None, asked.limit)
    ids = [row.inquiry.inquiry_id for row in page.rows]
    events = await site.db.read(lambda cursor: last_events(cursor, ids))
    root, query = _root(call), view.query()
    entries = tuple(_entry(call, row, root, events.get(row.inquiry.inquiry_id, NEVER)) for row in page.rows)
    return Subscribed(
        title=" · ".join(filter(None, (call.gettext("Inquiries"), view.query(sort=None)))),
        home=f"{root}/?{query}" if query else f"{root}/",
        url=f"{root}{call.request.url.path}{'?' if query else ''}{query}",
        lang=call.lang,
        updated=max((entry.updated for entry in entries), default=NEVER),
        entries=entries,
    )


def _root(call: Call) -> str:
    """The address of the desk."""
    public = call.site.settings.web.public_url
    parts = urlsplit(str(public or call.request.base_url))
    return f"{parts.scheme}://{parts.netloc}"


def _entry(call: Call, row: FeedRow, root: str, deed_at: datetime) -> Entry:
    inquiry, settings, lang = row.inquiry, call.site.settings, call.lang
    band = settings.bands.of(shown(row.priority))
    channel, kind = pages.word("CHANNELS", inquiry.channel, lang), pages.word("KINDS", inquiry.kind, lang)
    said = pages.reason_words(lang, settings)
    why = call.gettext(", ").join(in_plain(said(term, inquiry)) for term in row.terms)
    state = pages.word("STATES", inquiry.state, lang) + (f" · {inquiry.owner}" if inquiry.owner else "")
    excerpt = in_plain(inquiry.excerpt)
    original = inquiry.permalink
    return Entry(
        id=f"urn:uuid:{inquiry.name}",
        url=f"{root}/inquiry/{inquiry.name}",
        original=original if original and target(original) else None,
        title=f"{band} · {channel} · {in_plain(inquiry.title or '') or _cut(excerpt) or f'#{inquiry.code}'}",
        text="\n\n".join(filter(None, (excerpt, f"{band} · {kind} · {state} · #{inquiry.code}", why))),
        lang=inquiry.lang,
        author=in_plain(row.author),
        published=inquiry.opened_at,
        updated=max(inquiry.seen_at, deed_at),
        tags=(band, kind, channel),
    )


def _cut(text: str, longest: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest]}…"
