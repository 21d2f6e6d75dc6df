"""Answering in a topic: https://docs.discourse.org/#tag/Posts/operation/createTopicPostPM"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors.contract import Post, Record
from connectors.discourse.reading import Reader
from connectors.errors import ConnectorError, NotSentError, RecordError, ReplyRefusedError
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Sent, Why
from connectors.session import Json, Session

LONGEST = 32000  # characters; what a forum allows if nobody has changed it
AT_ONCE = 20  # posts of a topic: so many a forum shows
LOOKED_THROUGH = 80  # at its end
CLOCKS_DIFFER = timedelta(minutes=2)

# A forum explains itself in its own language; what no word tells is shown as it is.
_SAYS: Final[Mapping[Why, tuple[str, ...]]] = {
    "too_short": ("too short", "太短", "过短"),
    "too_long": ("too long", "太长", "过长"),
    "repeated": ("too similar", "already posted", "过于相似", "太相似", "重复"),
    "closed": ("closed", "archived", "已关闭", "已存档"),
    "words": ("can't post the word", "not allowed to", "links", "链接", "不允许"),
}


async def reply(session: Session, reader: Reader, outgoing: Outgoing) -> Sent:
    """Write the answer below the post that it answers. Raises as `Replying.reply`."""
    if (there := place(outgoing.to)) is None:
        raise ReplyRefusedError("gone")
    topic, number = there
    body = {"raw": outgoing.text, "topic_id": topic, "reply_to_post_number": number}
    told = await session.post_json("/posts.json", body, gone=True, translate=_refusal)
    if isinstance(told, dict) and told.get("action") == "enqueued":
        return Sent(None, held=True)
    # Newer versions wrap what they made.
    made = told.get("post", told) if isinstance(told, dict) else None
    return _sent(reader, made) or Sent(None)


async def find(session: Session, reader: Reader, outgoing: Outgoing, user: str) -> Sent | CannotTell | None:
    """The post that our user has written with this text in answer to that post, looked for at the end of the topic,
    back to what it answers or to when we began. Without a number it answers the first one, or nobody knows which."""
    if (there := place(outgoing.to)) is None:
        return CANNOT_TELL
    topic, answered = there
    whole = await session.get_json(f"/t/{topic}.json")
    stream = _at(_at(whole, "post_stream"), "stream")
    ids = [number for number in stream if isinstance(number, int)] if isinstance(stream, list) else []
    since = outgoing.began_at - CLOCKS_DIFFER
    absent: CannotTell | None = None
    for end in range(len(ids), max(0, len(ids) - LOOKED_THROUGH), -AT_ONCE):
        rows = await _posts(session, topic, ids[max(0, end - AT_ONCE) : end])
        for row in reversed(rows):
            if not _says_it(row, outgoing, user, since):
                continue
            to = row.get("reply_to_post_number")
            if to == answered or (to is None and answered == 1):
                return _sent(reader, row)
            if to is None:
                absent = CANNOT_TELL
        if end <= AT_ONCE or any(row.get("post_number") == answered or _is_before(row, since) for row in rows):
            return absent
    return CANNOT_TELL


async def _posts(session: Session, topic: int, ids: Sequence[int]) -> list[Record]:
    asked: dict[str, Sequence[int]] = {"post_ids[]": ids, "include_raw": [1]}
    shown = await session.get_json(f"/t/{topic}/posts.json", gone=False, **asked)
    posts = _at(_at(shown, "post_stream"), "posts")
    return [row for row in posts if isinstance(row, dict)] if isinstance(posts, list) else []


def _says_it(row: Record, outgoing: Outgoing, user: str, since: datetime) -> bool:
    at = _written_at(row)
    return (
        str(row.get("username")).casefold() == user.casefold()
        and str(row.get("raw")).split() == outgoing.text.split()
        and at is not None
        and at >= since
    )


def _is_before(row: Record, since: datetime) -> bool:
    at = _written_at(row)
    return at is not None and at < since


def _written_at(row: Record) -> datetime | None:
    try:
        return datetime.fromisoformat(str(row.get("created_at"))).astimezone(UTC)
    except ValueError:
        return None


def place(asked: Asked) -> tuple[int, int] | None:
    """Topic, and number in it, of the post that is answered."""
    fields = asked.record.get("private_post") or asked.record.get("post") or asked.record
    topic, number = fields.get("topic_id"), fields.get("post_number")
    return (topic, number) if isinstance(topic, int) and isinstance(number, int) else None


def _sent(reader: Reader, row: Json) -> Sent | None:
    try:
        post = reader.item(row) if isinstance(row, dict) else None
    except RecordError:
        post = None
    if isinstance(post, Post):
        return Sent(post.native_id, post.permalink)
    number = _at(row, "id")
    return Sent(f"p{number}") if isinstance(number, int) else None


def _refusal(told: Json) -> ConnectorError | None:
    """What a forum says when it does not take a post; a success may hold an empty list of errors."""
    errors, kind = _at(told, "errors"), _at(told, "error_type")
    if not isinstance(errors, list) or not errors:
        return None
    said = " ".join(str(each) for each in errors)[:300]
    if kind == "read_only":
        return NotSentError("the forum is read-only for a while")
    if kind in ("rate_limit", "not_logged_in") or "API" in said:
        return None  # its status tells
    if kind == "not_found":
        return ReplyRefusedError("gone", said)
    if kind == "invalid_access":
        return ReplyRefusedError(_named(said, "no_right"), said)
    # A validation; anything else goes by its status.
    return ReplyRefusedError(_named(said, "other"), said) if _at(told, "action") == "create_post" else None


def _named(said: str, otherwise: Why) -> Why:
    lower = said.lower()
    return next((why for why, words in _SAYS.items() if any(word in lower for word in words)), otherwise)


def _at(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None
