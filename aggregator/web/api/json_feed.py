"""A feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/). Texts are plain: there is no `content_html`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from aggregator.web.api.entries import Entry, Subscribed

MEDIA: Final = "application/feed+json"


def json_feed(feed: Subscribed) -> bytes:
    return orjson.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed.title,
            "home_page_url": feed.home,
            "feed_url": feed.url,
            "language": feed.lang,
            "items": [_item(entry) for entry in feed.entries],
        },
        option=orjson.OPT_UTC_Z,
    )


def _item(entry: Entry) -> dict[str, object]:
    original = {"external_url": entry.original} if entry.original else {}
    return {
        "id": entry.id,
        "url": entry.url,
        **original,
        "title": entry.title,
        "content_text": entry.text,
        "date_published": entry.published,
        "date_modified": entry.updated,
        "authors": [{"name": entry.author or "–"}],
        "tags": entry.tags,
        "language": entry.lang,
    }
