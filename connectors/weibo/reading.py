"""One record read into the common shape. Fields: https://open.weibo.com/wiki/Common_return_data

Records come in four shapes: `{"status": post, "us": id}` and `{"comment": comment, "us": id}`, as listed, with the
id of the account that listed them; `{"counts": row, "of": "s" or "c"}`, a post or comment of which only the counts
have changed; and `{"gone": {"id"}}`, which the connector writes when a post is no longer shown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from connectors.contract import Author, Counts, Deleted, Item, Post, Record
from connectors.errors import RecordError
from connectors.weibo.bid import permalink
from connectors.weibo.times import read_time

Fields = Mapping[str, object]
Kind = Literal["s", "c"]  # posts and comments are numbered apart

# Written by Weibo where the author wrote nothing.
_UNSAID = frozenset({"转发微博", "轉發微博", "Repost", "分享图片", "分享圖片", "Share pictures"})
_CHAIN = re.compile(r"//\s*@(?:[\w·\-]{1,40}\s*[:：]|[\w·\-]{0,40}$)")  # the second where a list cut it off
_REPLY = r"^\s*(?:回复|回覆|Reply to)\s*@(?P<name>{})\s*[:：]\s*"
_ANY_NAME = r"[\w·\-]{1,30}"
_NAMED = re.compile(f"@({_ANY_NAME})")
# In the place of the rest, with the address of the whole or without.
_CUT_OFF = re.compile(r"\s*(?:\.{3}|…)\s*全文(?P<where>\s*[:：]\s*https?://m\.weibo\.cn/\S*)?[\s\u200b]*$")
_NOTHING = re.compile(r"[\s\u200b]+$")  # Weibo ends posts with blanks that nobody sees
_MYRIADS = {"": 1, "万": 10_000, "萬": 10_000, "亿": 100_000_000, "億": 100_000_000}
_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([万萬亿億]?)\+?")


def read(record: Record) -> Item | Sequence[Item]:
    """What a record says.

    Raises:
        RecordError: it is of no shape that we know, or has no id.
    """
    us = record.get("us")
    ours = us if isinstance(us, str) else ""
    if isinstance(status := record.get("status"), dict):
        return _status_items(status, ours)
    if isinstance(comment := record.get("comment"), dict):
        return _comment_items(comment, ours)
    if isinstance(counted := record.get("counts"), dict):
        kind: Kind = "c" if record.get("of") == "c" else "s"
        return Counts(_native_id(kind, counted), *_counts(counted))
    if isinstance(gone := record.get("gone"), dict):
        return Deleted(_native_id("s", gone), None)
    raise RecordError("it is neither a post nor a comment")


def _status_items(status: Fields, us: str) -> list[Item]:
    """The post, and the one that it passes on. Who passes on without a word has said nothing."""
    original = status.get("retweeted_status")
    items: list[Item] = []
    if isinstance(original, dict):
        items.append(_status(original, us))
    this = _status(status, us)
    if items and isinstance(this, Post) and not this.text and not this.attachments:
        return items
    return [*items, this]


def _comment_items(comment: Fields, us: str) -> list[Item]:
    """The comment, and the post of somebody else under which it stands."""
    status = comment.get("status")
    this = _comment(comment, us)
    if not isinstance(status, dict) or _id(_user(status)) in ("", us):
        return [this]
    return [_status(status, us), this]


def _status(status: Fields, us: str) -> Post | Deleted:
    native_id = _native_id("s", status)
    user = _user(status)
    if not user or _is_deleted(status):
        return Deleted(native_id, None)
    long_text = _long_text(status)
    text = long_text or _text(status, native_id)
    # Who passes on an answer to somebody else gets this prefix, as in a comment.
    reply = _reply(text) if "retweeted_status" in status else None
    said, mentions = _own_words(text[reply.end() :] if reply else text)
    likes, replies, shares = _counts(status)
    return Post(
        native_id=native_id,
        text=said,
        posted_at=_posted_at(status, native_id),
        author=_author(user, us),
        thread=native_id,
        mentions=(reply["name"], *mentions) if reply else mentions,
        order=int(_id(status)),
        edited_at=read_time(status.get("edit_at")),
        public=_is_public(status),
        permalink=permalink(_mid(status), _id(user)),
        likes=likes,
        replies=replies,
        shares=shares,
        attachments=_pictures(status),
        pictures=_pictures(status),
        guessed=() if long_text or not is_cut_off(status) else ("text",),
    )


def _comment(comment: Fields, us: str) -> Post | Deleted:
    native_id = _native_id("c", comment)
    user = _user(comment)
    if not user or _is_deleted(comment):
        return Deleted(native_id, None)
    status, parent = _object(comment, "status"), _object(comment, "reply_comment")
    above = _native_id("s", status) if _id(status) else None
    text = _text(comment, native_id)
    reply = _reply(text, str(_user(parent).get("screen_name") or ""))
    said, mentions = _own_words(text[reply.end() :] if reply else text)
    answered = _id(_user(parent)) or (reply["name"] if reply else "")
    # Where the comment that is answered is gone, only its author's name is told; it is not the post that is answered.
    reply_to = _native_id("c", parent) if _id(parent) else None if reply else above
    likes, replies, shares = _counts(comment)
    return Post(
        native_id=native_id,
        text=said,
        posted_at=_posted_at(comment, native_id),
        author=_author(user, us),
        thread=above,
        reply_to=reply_to,
        mentions=(answered, *mentions) if answered else mentions,
        order=int(_id(comment)),
        permalink=permalink(_mid(status), _id(_user(status)) or None) if above else None,
        public=_is_public(status),
        likes=likes,
        replies=replies,
        shares=shares,
        attachments=1 if comment.get("pic") else 0,
        pictures=1 if comment.get("pic") else 0,
    )


def is_cut_off(status: Fields) -> bool:
    """A list shows only the first 140 characters of it, and the whole has not been asked for."""
    told, text = status.get("isLongText"), status.get("text")
    if told is None and isinstance(text, str):
        cut = _CUT_OFF.search(html.unescape(text))
        told = cut is not None and cut["where"] is not None
    return told is True and not _long_text(status)


def id_of(row: Fields) -> str:
    """The id of a post or comment, in digits; empty: it has none."""
    return _id(row)


def author_of(row: Fields) -> str:
    return _id(_user(row))


def status_of(comment: Fields) -> str:
    """The id of the post under which a comment stands; empty: not told."""
    return _id(_object(comment, "status"))


def count_of(row: Fields, name: str) -> int:
    return _count(row, name) or 0


def _reply(text: str, name: str = "") -> re.Match[str] | None:
    """What Weibo puts before an answer to somebody, `name`: whom it is known to answer, however that is spelled."""
    known = re.match(_REPLY.format(re.escape(name)), text) if name else None
    return known or re.match(_REPLY.format(_ANY_NAME), text)


def _own_words(text: str) -> tuple[str, tuple[str, ...]]:
    """What the author wrote, without the chain of those who passed it on before; and whom it names."""
    said = _CUT_OFF.sub("", html.unescape(text))
    chain = _CHAIN.search(said)
    said = _NOTHING.sub("", said[: chain.start()] if chain else said).lstrip()
    if said in _UNSAID:
        return "", ()
    return said, tuple(dict.fromkeys(_NAMED.findall(said)))


def _author(user: Fields, us: str) -> Author:
    native_id = _id(user)
    name = user.get("screen_name") or user.get("name")
    handle = name if isinstance(name, str) else None
    return Author(
        native_id,
        handle or "",
        handle,
        _count(user, "followers_count"),
        # The token is this account's: Weibo itself vouches for it.
        "staff" if native_id == us else "customer",
    )


def _is_deleted(row: Fields) -> bool:
    return row.get("deleted") in ("1", 1, True) or row.get("state") == 5


def _is_public(status: Fields) -> bool:
    return _object(status, "visible").get("type") in (None, 0)


def _long_text(status: Fields) -> str:
    content = _object(status, "longText").get("longTextContent")
    return content if isinstance(content, str) else ""


def _text(row: Fields, native_id: str) -> str:
    text = row.get("text")
    if isinstance(text, str):
        return text
    raise RecordError("it has no text", native_id)


def _posted_at(row: Fields, native_id: str) -> datetime:
    at = read_time(row.get("created_at"))
    if at is None:
        raise RecordError("created_at is no time", native_id)
    return at


def _pictures(status: Fields) -> int:
    for name in ("pic_ids", "pic_urls"):
        pictures = status.get(name)
        if isinstance(pictures, list | dict) and pictures:
            return len(pictures)
    return 1 if status.get("thumbnail_pic") else 0


def _counts(row: Fields) -> tuple[int | None, int | None, int | None]:
    """Likes, replies, shares."""
    liked = next((name for name in ("attitudes_count", "like_count", "like_counts") if name in row), "")
    return _count(row, liked), _count(row, "comments_count"), _count(row, "reposts_count")


def _count(row: Fields, name: str) -> int | None:
    """A number, also one that is written for people (`100万+`)."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    spelled = _COUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    return round(float(spelled[1]) * _MYRIADS[spelled[2]]) if spelled else None


def _native_id(kind: Kind, row: Fields) -> str:
    number = _id(row)
    if not number:
        raise RecordError("it has no id")
    return f"{kind}:{number}"


def _mid(status: Fields) -> str:
    mid = status.get("mid")
    return mid if isinstance(mid, str) and mid.isdecimal() else _id(status)


def _id(row: Fields) -> str:
    for name in ("idstr", "id"):
        value = row.get(name)
        if isinstance(value, int | str) and not isinstance(value, bool) and str(value).isdecimal():
            return str(value)
    return ""


def _user(row: Fields) -> Fields:
    return _object(row, "user")


def _object(row: Fields, name: str) -> Fields:
    value = row.get(name)
    return value if isinstance(value, dict) else {}
