"""One entry, read into the common shape.

A record is `{"id", "host", "order", "from", <shape>: the entry}`: the shape is `xml` (feedparser's names),
`json_feed` or `review`; the others are what the connector found out when it saw the whole feed.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Literal

from connectors.contract import Author, Post, Record
from connectors.errors import RecordError
from connectors.feed.entry import Entry, entry_of, has_zone, moment
from connectors.feed.identity import address
from connectors.feed.weibo import WeiboPost, weibo_post
from connectors.text import html_to_text, html_tree

Holds = Literal["posts", "weibo", "reviews", "notices", "ours"]

_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>")
_QUOTED = re.compile(r"<blockquote\b.*?(?:</blockquote>|$)", re.DOTALL | re.IGNORECASE)
_FORWARDED = re.compile(r"//@[^:：\s]{1,40}[:：].*", re.DOTALL)
_UNSAID = frozenset({"转发微博", "轉發微博", "Repost"})  # Weibo's words, where the author had none
# What Weibo's lists put in the place of the rest.
_CUT_OFF = re.compile(r"(?:\.{3}|…)\s*全文(?:\s*[:：]\s*https?://m\.weibo\.cn/\S*)?[\s\u200b]*$")
_NAMED = re.compile(r"(?<![\w@])@([\w\-·]{2,30})")
_REVIEWER = re.compile(r"/id(\d+)")
WEIBO_UNDER_ANOTHER_NAME = (
    "it is a Weibo post: write `holds: weibo` at this source and run `aggregator replay`, or the same post would be "
    "stored twice if Weibo's own connector brings it too"
)


def read(record: Record, holds: Holds) -> Post | None:
    """The post of an entry; None: somebody passed on a Weibo post without a word.

    Raises:
        RecordError: it says nothing, or is no entry of such a feed.
    """
    key = str(record.get("id"))
    try:
        entry = entry_of(record)
        weibo = weibo_post(entry.link)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise RecordError("it has a shape that no feed has", key) from error
    if weibo is not None and holds != "weibo":
        raise RecordError(WEIBO_UNDER_ANOTHER_NAME, key)
    if weibo is None and holds == "weibo":
        raise RecordError("it does not lead to a Weibo post", key)
    text = _said(entry, weibo)
    cut_off = _CUT_OFF.search(text) if weibo else None
    text = _trimmed(text[: cut_off.start()] if cut_off else text)
    if weibo and text in _UNSAID:
        return None
    if not text and not entry.attachments:
        raise RecordError("it says nothing", key)
    return _post(record, entry, text, weibo, holds, is_cut=cut_off is not None)


def _post(record: Record, entry: Entry, text: str, weibo: WeiboPost | None, holds: Holds, *, is_cut: bool) -> Post:
    posted, changed = entry.at, moment(entry.updated)
    native_id = weibo.native_id if weibo else str(record["id"])
    return Post(
        native_id=native_id,
        text=text,
        posted_at=posted,
        author=_author(entry, weibo, str(record["host"]), str(record["from"]), holds),
        thread=native_id,
        mentions=tuple(dict.fromkeys(_NAMED.findall(text))) if weibo else (),
        order=int(record["order"]),
        edited_at=changed if changed and posted and changed > posted else None,
        title=_stars(entry),
        lang=entry.lang,
        permalink=weibo.permalink if weibo else entry.link or None,
        place=None if weibo or entry.link else str(record["from"]) or None,
        likes=entry.likes,
        replies=entry.comments,
        attachments=entry.attachments + (_pictures(entry) if weibo else 0),
        pictures=_pictures(entry) if weibo else 0,
        links=() if weibo else _hidden_links(entry, text),
        guessed=_guessed(entry, posted, made_up=bool(record.get("made_up"))) + (("text",) if is_cut else ()),
    )


def _said(entry: Entry, weibo: WeiboPost | None) -> str:
    """Title and body; once, where the title is but the beginning of the body."""
    title = html.unescape(entry.title).strip()
    if weibo is None:
        body = _plain(entry.body, is_html=entry.is_html)
        begins = title.rstrip(".…").strip()
        return body if begins and _squeezed(body).startswith(_squeezed(begins)) else f"{title}\n\n{body}".strip()
    body = _FORWARDED.sub("", _plain(_QUOTED.sub("", entry.body), is_html=entry.is_html)).strip()
    name = _screen_name(entry)
    return body.removeprefix(f"{name}:").removeprefix(f"{name}：").strip() if name else body or title


def _trimmed(text: str) -> str:
    """Without blanks at its end; Weibo ends posts with some that nobody sees. Not by a pattern: of a hundred thousand
    within a text it would try each as the first."""
    end = len(text)
    while end and (text[end - 1].isspace() or text[end - 1] == "\u200b"):
        end -= 1
    return text[:end]


def _plain(text: str, *, is_html: bool) -> str:
    if not is_html:
        return text.strip()
    # A line break that is no markup is one that somebody wrote.
    return html_to_text(text) if _MARKUP.search(text) else html.unescape(text).strip()


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _author(entry: Entry, weibo: WeiboPost | None, host: str, title: str, holds: Holds) -> Author | None:
    if holds in ("notices", "ours"):
        return Author(host, entry.author or title or host, role="bot" if holds == "notices" else "staff")
    if weibo is not None:
        name = _screen_name(entry)
        return Author(weibo.uid, name, name or None) if weibo.uid else None
    if reviewer := entry.rating is not None and _REVIEWER.search(entry.author_page):
        return Author(f"appstore/{reviewer[1]}", entry.author)
    if entry.author_page.startswith("http"):
        return Author(address(entry.author_page), entry.author)
    # A name is unique on its own site at best.
    site = address(entry.link).partition("/")[0] if entry.link else host
    return Author(f"{site}/{entry.author}", entry.author) if entry.author else None


def _screen_name(entry: Entry) -> str:
    """Of who posted on Weibo: some routes leave the author out and begin the title with the name."""
    if entry.author:
        return entry.author
    name, colon, rest = html.unescape(entry.title).partition(": ")
    said = _squeezed(_plain(entry.body, is_html=entry.is_html)).removeprefix(f"{_squeezed(name)}:")
    return name if colon and rest and said.startswith(_squeezed(rest)[:8]) else ""


def _stars(entry: Entry) -> str | None:
    if entry.rating is None:
        return None
    stars = min(entry.rating, 5)
    return f"{'★' * stars}{'☆' * (5 - stars)} {entry.app_version}".strip()


def _guessed(entry: Entry, posted: datetime | None, *, made_up: bool) -> tuple[str, ...]:
    unsure = posted is not None and not has_zone(entry.published or entry.updated)
    return (*(("native_id",) if made_up else ()), *(("posted_at",) if unsure else ()))


def _pictures(entry: Entry) -> int:
    tree = html_tree(entry.body) if "<img" in entry.body else None
    return 0 if tree is None else len(tree.xpath("//img[not(starts-with(@alt, '['))]"))


def _hidden_links(entry: Entry, text: str) -> tuple[str, ...]:
    tree = html_tree(entry.body) if entry.is_html and "<a" in entry.body else None
    if tree is None:
        return ()
    targets = (anchor.get("href") or "" for anchor in tree.iter("a"))
    return tuple(
        dict.fromkeys(each for each in targets if each.startswith(("http://", "https://")) and each not in text)
    )
