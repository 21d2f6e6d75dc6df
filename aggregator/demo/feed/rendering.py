"""The same entries in each of the formats that feeds have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from typing import Any, Literal

import orjson

Format = Literal["rss", "atom", "json", "reviews", "weibo"]

MEDIA_TYPES: dict[Format, str] = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
    "reviews": "text/javascript",
    "weibo": "application/xml",
}
CUPERTINO = timezone(timedelta(hours=-7))


@dataclass
class FeedEntry:
    """raw: its body in HTML, where that is not made from `text`. guid: its id, where that is not its link."""

    number: int
    author: str
    title: str
    text: str
    at: datetime
    link: str
    rating: int
    raw: str = ""
    guid: str = ""
    updated: datetime | None = None
    deleted: bool = False
    broken: bool = False

    @property
    def review_id(self) -> str:
        return str(90_000_000_000 + self.number)

    @property
    def html(self) -> str:
        return self.raw or escape(self.text, quote=False).replace("\n", "<br>")

    def said(self, format_: Format) -> str:
        """The words that a reader should get."""
        return f"{self.title}\n\n{self.text}".strip() if self.title and format_ != "weibo" else self.text.strip()


def rendered(
    entries: Sequence[FeedEntry],
    format_: Format,
    *,
    site: str,
    declared: str,
    dated: bool,
    following: str | None,
    salt: str,
) -> str:
    """The whole document.

    Args:
        following: where its next part is.
        salt: makes other ids of them, if it is not empty.
    """
    match format_:
        case "json":
            return _json_feed(entries, site, dated, following, salt)
        case "reviews":
            return _reviews(entries, following)
        case "atom":
            return _atom(entries, site, declared, dated, following, salt)
        case _:
            return _rss(entries, format_, site, declared, dated, following, salt)


def _id(entry: FeedEntry, salt: str) -> str:
    return f"{sha256(f'{entry.number}{salt}'.encode()).hexdigest()[:20]}" if salt else entry.guid or entry.link


def _rss(
    entries: Sequence[FeedEntry],
    format_: Format,
    site: str,
    declared: str,
    dated: bool,
    following: str | None,
    salt: str,
) -> str:
    items = "".join(_item(entry, format_, dated, salt) for entry in entries)
    more = f'<atom:link rel="next" href="{escape(following)}"/>' if following else ""
    return (
        f'<?xml version="1.0" encoding="{declared}"?>\n'
        '<rss xmlns:atom="http://www.w3.org/2005/Atom" version="2.0"><channel><title>Lantern Wallet</title>'
        f"<link>{site}/</link><description>A feed</description><ttl>5</ttl>{more}{items}</channel></rss>\n"
    )


def _item(entry: FeedEntry, format_: Format, dated: bool, salt: str) -> str:
    if entry.broken:
        return f'<item><guid isPermaLink="false">{escape(_id(entry, salt))}</guid></item>'
    title, body = entry.title, entry.html
    if format_ == "weibo":
        body = f"{escape(entry.author)}: {body}"
        title = f"{entry.author}: {entry.text}"
    # RSSHub derives it from "5 minutes ago": to the minute only.
    at = f"<pubDate>{format_datetime(entry.at.astimezone(UTC), usegmt=True)}</pubDate>" if dated else ""
    return (
        f"<item><title>{escape(title)}</title><description>{escape(body)}</description>"
        f'<link>{escape(entry.link)}</link><guid isPermaLink="false">{escape(_id(entry, salt))}</guid>{at}'
        f"<author>{escape(entry.author)}</author></item>"
    )


def _atom(entries: Sequence[FeedEntry], site: str, declared: str, dated: bool, following: str | None, salt: str) -> str:
    more = f'<link rel="next" href="{escape(following)}"/>' if following else ""
    listed = "".join(_atom_entry(entry, dated, salt) for entry in entries)
    return (
        f'<?xml version="1.0" encoding="{declared}"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Lantern Wallet</title><id>{site}/</id><link href='{site}/'/>{more}{listed}</feed>\n"
    )


def _atom_entry(entry: FeedEntry, dated: bool, salt: str) -> str:
    if entry.broken:
        return f"<entry><id>{escape(_id(entry, salt))}</id></entry>"
    updated = f"<updated>{(entry.updated or entry.at).isoformat()}</updated>"
    at = f"<published>{entry.at.isoformat()}</published>{updated}" if dated else ""
    return (
        f"<entry><id>{escape(_id(entry, salt))}</id><title>{escape(entry.title)}</title>{at}"
        f"<link href='{escape(entry.link)}'/><author><name>{escape(entry.author)}</name></author>"
        f"<content type='html'>{escape(entry.html)}</content></entry>"
    )


def _json_feed(entries: Sequence[FeedEntry], site: str, dated: bool, following: str | None, salt: str) -> str:
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Lantern Wallet",
        "home_page_url": f"{site}/",
        "items": [_json_item(entry, dated, salt) for entry in entries],
    }
    if following:
        document["next_url"] = following
    return orjson.dumps(document).decode()


def _json_item(entry: FeedEntry, dated: bool, salt: str) -> dict[str, Any]:
    if entry.broken:
        return {"id": _id(entry, salt), "url": None}
    item = {
        "id": _id(entry, salt),
        "url": entry.link,
        "title": entry.title,
        "content_html": entry.html,
        "authors": [{"name": entry.author}],
    }
    if dated:
        item["date_published"] = entry.at.isoformat()
    if entry.updated:
        item["date_modified"] = entry.updated.isoformat()
    return item


def _reviews(entries: Sequence[FeedEntry], following: str | None) -> str:
    """One review alone is an object, and none leaves the field out."""
    listed = [_review(entry) for entry in entries]
    feed: dict[str, Any] = {
        "title": {"label": "Customer Reviews"},
        "link": [{"attributes": {"rel": "next", "href": following}}] if following else [],
    }
    if listed:
        feed["entry"] = listed if len(listed) > 1 else listed[0]
    return orjson.dumps({"feed": feed}).decode()


def _review(entry: FeedEntry) -> dict[str, Any]:
    if entry.broken:
        return {"id": {"label": entry.review_id}, "im:rating": {"label": "1"}}
    reviewer = 1_400_000_000 + int(sha256(entry.author.encode()).hexdigest()[:6], 16)
    return {
        "author": {
            "uri": {"label": f"https://apps.example/us/reviews/id{reviewer}"},
            "name": {"label": entry.author},
            "label": "",
        },
        "updated": {"label": (entry.updated or entry.at).astimezone(CUPERTINO).isoformat(timespec="seconds")},
        "im:rating": {"label": str(entry.rating)},
        "im:version": {"label": "2.3.1"},
        "id": {"label": entry.review_id},
        "title": {"label": entry.title},
        "content": {"label": entry.text, "attributes": {"type": "text"}},
        "link": {"attributes": {"rel": "related", "href": entry.link}},
        "im:voteSum": {"label": "0"},
        "im:voteCount": {"label": "0"},
    }
