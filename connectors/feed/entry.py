"""One entry of a feed, with the same names whatever its format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.contract import Record

_ZONE = re.compile(r"(?:(?<![A-Z])Z|[+-]\d\d:?\d\d(?: \d{4})?|\b(?:UTC?|GMT|[ECMP][SD]T|AST|ADT))\s*$", re.IGNORECASE)
# Besides those of RFC 822. CST stays what it is there, the American one, though some mean China's.
_ZONES = {
    "JST": "+0900", "KST": "+0900", "HKT": "+0800", "SGT": "+0800", "MSK": "+0300", "CET": "+0100", "CEST": "+0200",
    "BST": "+0100", "EET": "+0200", "EEST": "+0300",
}  # fmt: skip
_NAMED_ZONE = re.compile(rf"\b({'|'.join(_ZONES)})\s*$", re.IGNORECASE)
_FROM_GREENWICH = re.compile(r"\b(?:GMT|UTC)\s?([+-])(\d{1,2})(?::?(\d\d))?(?=\s|$)", re.IGNORECASE)
_NAMED_TWICE = re.compile(r"([+-]\d\d:?\d\d)\s+(?:\([^()]*\)|[A-Z]{2,5})$")  # as JavaScript and Go write it
_HALF = re.compile(r"\b(\d{1,2})(:\d\d(?::\d\d)?)\s*([AP])\.?M\b\.?", re.IGNORECASE)
_SLASHED = re.compile(r"^(\d{4})/(\d{1,2})/(\d{1,2})(?=\s|$)")
_CHINESE = re.compile(
    r"(\d{4})年(\d{1,2})月(\d{1,2})日\s*(上午|早上|凌晨|中午|下午|晚上)?\s*(?:(\d{1,2})[:：时](\d\d)?(?:[:：分](\d\d))?)?"
)
_IN_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Entry:
    """What the feed says of one entry; empty: nothing. `published` and `updated` are its own words."""

    id: str
    link: str
    title: str
    body: str
    is_html: bool
    published: str
    updated: str
    author: str = ""
    author_page: str = ""
    rating: int | None = None
    app_version: str = ""
    likes: int | None = None
    comments: int | None = None
    attachments: int = 0
    lang: str | None = None

    @property
    def at(self) -> datetime | None:
        """When it was published, or, where only that is told, last changed."""
        return moment(self.published) or moment(self.updated)


def entry_of(record: Record) -> Entry:
    """The entry in a record.

    Raises:
        KeyError, TypeError, AttributeError, IndexError: it has a shape that no feed has.
    """
    if "json_feed" in record:
        return _of_json_feed(record["json_feed"])
    if "review" in record:
        return _of_review(record["review"])
    return _of_xml(record["xml"])


def moment(text: str) -> datetime | None:
    """A time in any of the ways in which feeds write it, in UTC; None: it cannot be read.

    A time without a zone is taken for UTC, one that is written in Chinese for China's; `has_zone` tells.
    """
    text = text.strip()
    if not text:
        return None
    if chinese := _CHINESE.match(text):
        return _in_chinese(chinese)
    text = _as_usual(text)
    return _checked(lambda: datetime.fromisoformat(text)) or _checked(lambda: parsedate_to_datetime(text))


def has_zone(text: str) -> bool:
    return bool(_ZONE.search(_as_usual(text)))


def _as_usual(text: str) -> str:
    """10:00 PM as 22:00, JST or GMT+9 as +0900, 2026/3/10 as 2026-03-10: what date readers do not know."""
    text = _FROM_GREENWICH.sub(lambda match: f"{match[1]}{match[2]:0>2}{match[3] or '00'}", text.strip())
    text = _NAMED_ZONE.sub(lambda match: _ZONES[match[1].upper()], _NAMED_TWICE.sub(r"\1", text))
    text = _HALF.sub(lambda match: f"{int(match[1]) % 12 + 12 * (match[3] in 'pP')}{match[2]}", text)
    return _SLASHED.sub(lambda match: f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}", text)


def _in_chinese(match: re.Match[str]) -> datetime | None:
    half = match[4] or ""
    year, month, day, hour, minute, second = (int(match[group] or 0) for group in (1, 2, 3, 5, 6, 7))
    days = 0
    if half in ("下午", "晚上", "中午") and hour < (11 if half == "中午" else 12):
        hour += 12
    elif hour == 12 and half in ("凌晨", "早上", "上午", "晚上"):  # midnight; that of the evening is the next day's
        hour, days = 0, int(half == "晚上")
    return _checked(lambda: datetime(year, month, day, hour, minute, second, tzinfo=_IN_CHINA) + timedelta(days=days))


def _checked(read: Any) -> datetime | None:
    try:
        at: datetime = read()
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _of_xml(fields: Mapping[str, Any]) -> Entry:
    content, is_html = _xml_body(fields)
    detail = fields.get("author_detail") or {}
    return Entry(
        id=_text(fields.get("id")),
        link=_text(fields.get("link")),
        title=_text(fields.get("title")),
        body=content,
        is_html=is_html,
        published=_text(fields.get("published")),
        updated=_text(fields.get("updated")),
        author=_text(detail.get("name") or fields.get("author")),
        author_page=_text(detail.get("href")),
        rating=_number(fields.get("im_rating")),
        app_version=_text(fields.get("im_version")),
        likes=_number(fields.get("im_votesum")),
        comments=_number(fields.get("slash_comments")),
        attachments=sum(link.get("rel") == "enclosure" for link in fields.get("links", ())),
    )


def _xml_body(fields: Mapping[str, Any]) -> tuple[str, bool]:
    """The fullest text there is: plain rather than HTML where the same is given twice (App Store)."""
    contents: Sequence[Mapping[str, Any]] = fields.get("content") or [fields.get("summary_detail") or {}]
    best = next((each for each in contents if each.get("type") == "text/plain"), contents[0])
    return _text(best.get("value") or fields.get("summary")), best.get("type") != "text/plain"


def _of_json_feed(item: Mapping[str, Any]) -> Entry:
    html, text = _text(item.get("content_html")), _text(item.get("content_text"))
    authors = item.get("authors") or [item.get("author") or {}]
    return Entry(
        id=_text(item.get("id")),
        link=_text(item.get("url") or item.get("external_url")),
        title=_text(item.get("title")),
        body=text or html or _text(item.get("summary")),
        is_html=not text and bool(html),
        published=_text(item.get("date_published")),
        updated=_text(item.get("date_modified")),
        author=_text(authors[0].get("name")),
        author_page=_text(authors[0].get("url")),
        attachments=len(item.get("attachments") or ()),
        lang=_text(item.get("language")) or None,
    )


def _of_review(fields: Mapping[str, Any]) -> Entry:
    author, link = fields.get("author", {}), fields.get("link", {})
    return Entry(
        id=_label(fields, "id"),
        link=_text(link.get("attributes", {}).get("href")) if isinstance(link, dict) else "",
        title=_label(fields, "title"),
        body=_label(fields, "content"),
        is_html=False,
        published="",
        updated=_label(fields, "updated"),
        author=_label(author, "name"),
        author_page=_label(author, "uri"),
        rating=_number(_label(fields, "im:rating")),
        app_version=_label(fields, "im:version"),
        likes=_number(_label(fields, "im:voteSum")),
    )


def _label(fields: Mapping[str, Any], name: str) -> str:
    return _text((fields.get(name) or {}).get("label"))


def _text(value: object) -> str:
    """Raises TypeError: something is there that is neither text nor number."""
    if value is None:
        return ""
    if isinstance(value, str | int):
        return str(value)
    raise TypeError("not a text")


def _number(value: object) -> int | None:
    text = str(value if value is not None else "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
