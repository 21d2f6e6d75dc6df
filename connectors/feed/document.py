"""What a feed's address answers: its entries and where it goes on.

RSS and Atom are read by feedparser; JSON Feed (https://www.jsonfeed.org/version/1.1/) and the App Store's
customer reviews in JSON are read here. An entry's body keeps the format's own names; `entry.py` knows them.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin

from connectors.contract import Record
from connectors.errors import TransientError
from connectors.feed.charset import to_text
from connectors.session import parse_json

Shape = Literal["xml", "json_feed", "review"]

_PROLOG = re.compile(r"^\s*<\?xml[^>]*\?>")
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|(\d{1,10}));")
_CLOSED = re.compile(r"</\s*(?:\w+:)?(?:rss|feed|rdf)\s*>$", re.IGNORECASE)
_LONGEST_END = 200  # characters
_HTML = re.compile(r"^\s*(?:<!--(?>.*?-->)\s*)*+<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """One answer. `entries` stand as the feed lists them, mostly the newest first."""

    format: str  # "rss20", "atom10", "json feed", "app store reviews"
    title: str
    home: str  # the page that the feed belongs to
    shape: Shape
    entries: list[Record]
    next: str | None  # where older entries stand (RFC 5005, next_url), absolute
    minutes: int | None  # how often at most it wants to be read


def parse(body: bytes, content_type: str, url: str) -> Document:
    """Read an answer that came from `url`.

    Raises:
        TransientError: it is no feed, or was cut short.
    """
    text = to_text(body, content_type)
    if text.lstrip().startswith("{"):
        return _json(body if _is_utf8(body) else text.encode(), url)
    if _HTML.match(text):
        raise TransientError("a web page came instead of the feed: maintenance, a login wall, or the wrong url")
    return _xml(text, url)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _xml(text: str, url: str) -> Document:
    import feedparser  # 31 modules, which a source of reviews never needs

    cleaned = _REFERENCE.sub(_if_a_character, _NOT_IN_XML.sub("", _PROLOG.sub("", text, count=1)))
    try:
        parsed = feedparser.parse(
            io.BytesIO(cleaned.encode("utf-8", "replace")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            # What is stored is what was sent; it becomes plain text before anybody sees it.
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except ValueError:  # an address with half a bracket
        raise TransientError("what came cannot be read as a feed") from None
    if not parsed.get("version"):
        raise TransientError("what came is no feed: is the url that of the feed itself?")
    if not _is_whole(cleaned):
        # feedparser would give half an entry for a whole one.
        raise TransientError("the feed was cut short")
    entries = [_plain(entry) for entry in parsed.entries]
    for entry in entries:
        # A guid is said to be an address unless it says that it is none; many are mere numbers.
        if entry.get("guidislink") and not str(entry.get("link", "")).startswith(("http:", "https:", "/")):
            entry.pop("link", None)
        if entry.get("link"):
            entry["link"] = _joined(url, entry["link"])
    links = {link.get("rel"): link.get("href") for link in parsed.feed.get("links", ())}
    ttl = str(parsed.feed.get("ttl", ""))
    return Document(
        format=parsed["version"],
        title=str(parsed.feed.get("title", "")),
        home=_joined(url, parsed.feed.get("link", "")),
        shape="xml",
        entries=entries,
        next=_joined(url, links["next"]) if links.get("next") else None,
        minutes=int(ttl) if ttl.isascii() and ttl.isdigit() and len(ttl) < 10 else None,
    )


def _is_whole(text: str) -> bool:
    """Whether it ends with its last tag, comments aside. From behind, step by step: a pattern for all of it would take
    hours over an answer that was made for that."""
    end = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        if not text.endswith("-->", 0, end):
            return _CLOSED.search(text, max(0, end - _LONGEST_END), end) is not None
        end = max(0, text.rfind("<!--", 0, end))


def _if_a_character(reference: re.Match[str]) -> str:
    """Nothing, where `&#...;` stands for what is no character; a database takes none."""
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    is_one = 0 < number < 0xD800 or 0xDFFF < number <= 0x10FFFF
    return reference[0] if is_one else ""


def _joined(url: str, link: str) -> str:
    """An address in the feed, absolute; empty: it is none."""
    try:
        return urljoin(url, link)
    except ValueError:
        return ""


def _plain(value: Any) -> Any:
    """feedparser's own dictionaries as JSON; times that it has read are left out, for the text is kept."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if not key.endswith("_parsed")}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _json(body: bytes, url: str) -> Document:
    try:
        whole = parse_json(body)
    except ValueError:
        raise TransientError("the feed was cut short, or is no JSON") from None
    try:
        if isinstance(whole.get("items"), list):
            return _json_feed(whole, url)
        if isinstance(whole.get("feed"), dict):
            return _reviews(whole["feed"], url)
    except (AttributeError, TypeError):
        pass
    raise TransientError("what came is JSON, but no feed: is the url that of the feed itself?") from None


def _json_feed(whole: dict[str, Any], url: str) -> Document:
    following = whole.get("next_url")
    return Document(
        format="json feed",
        title=str(whole.get("title") or ""),
        home=str(whole.get("home_page_url") or ""),
        shape="json_feed",
        entries=[item if isinstance(item, dict) else {"unreadable": item} for item in whole["items"]],
        next=_joined(url, following) if isinstance(following, str) else None,
        minutes=None,
    )


def _reviews(feed: dict[str, Any], url: str) -> Document:
    """One review alone is an object instead of a list; none at all leaves the field out; and in some shops the
    first entry is the app itself."""
    listed = feed.get("entry", [])
    entries = listed if isinstance(listed, list) else [listed]
    links = feed.get("link", [])
    targets = [each.get("attributes", {}) for each in (links if isinstance(links, list) else [links])]
    by_rel = {target.get("rel"): target.get("href") for target in targets}
    return Document(
        format="app store reviews",
        title=str(feed.get("title", {}).get("label", "")),
        home=str(by_rel.get("alternate") or ""),
        shape="review",
        entries=[
            entry if isinstance(entry, dict) else {"unreadable": entry}
            for entry in entries
            if not (isinstance(entry, dict) and "im:name" in entry and "im:rating" not in entry)
        ],
        next=_joined(url, by_rel["next"]) if by_rel.get("next") else None,
        minutes=None,
    )
