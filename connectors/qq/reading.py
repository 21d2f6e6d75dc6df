"""Reads one message or notice into the common shape. Pure.

https://github.com/botuniverse/onebot-11/blob/master/event/message.md
"""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.contract import Author, Deleted, Post, Record
from connectors.errors import RecordError
from connectors.qq.onebot import Chat, Spot, as_number
from connectors.qq.segments import read_message

VANISHED = "vanished"
"""Our own notice, by native id: a message that stood in the history stands there no more. Only a recall does that."""
RECALLS = frozenset({"group_recall", "friend_recall"})
ANONYMOUS = 80000000  # the account behind which all anonymous members of old groups write


def read(record: Record) -> Post | Deleted | None:
    """See `Connector.post`."""
    if VANISHED in record:
        return Deleted(str(record[VANISHED]), at=None)
    if record.get("post_type") == "notice":
        return _recalled(record) if record.get("notice_type") in RECALLS else None
    chat, spot = chat_of(record), spot_of(record)
    if chat is None or spot is None:
        raise RecordError("a message without chat, id or time", native_id=_raw_id(record))
    try:
        return _post(record, chat, spot)
    except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
        problem = f"a message that cannot be read ({type(error).__name__})"
        raise RecordError(problem, native_id=f"{chat.thread}/{spot.name}") from error


def _post(record: Record, chat: Chat, spot: Spot) -> Post | None:
    said = read_message(record["message"])
    if record.get("sub_type") == "notice" or not (said.text or said.attachments):
        return None
    return Post(
        native_id=f"{chat.thread}/{spot.name}",
        text=said.text,
        posted_at=datetime.fromtimestamp(spot.time, UTC),
        author=_author(record),
        thread=chat.thread,
        reply_to=said.reply_to and alias(chat, said.reply_to),
        alias=alias(chat, spot.message_id),
        mentions=tuple(dict.fromkeys(said.mentions)),
        order=_order(record),
        public=chat.kind == "group",
        place=_place(record, chat),
        attachments=said.attachments,
        links=tuple(said.links),
    )


def chat_of(record: Record) -> Chat | None:
    """Where it was said. What we wrote in private belongs to the chat with whom we wrote to."""
    if (group := as_number(record.get("group_id"))) and record.get("message_type", "group") == "group":
        return Chat("group", group)
    ours = record.get("post_type") == "message_sent" or _same(record.get("user_id"), record.get("self_id"))
    user = as_number(record.get("target_id") if ours else record.get("user_id"))
    return Chat("private", user) if user else None


def spot_of(record: Record) -> Spot | None:
    """What identifies a message. `message_id` alone has 31 bits: in a large group two messages will share one."""
    message_id, time = as_number(record.get("message_id")), as_number(record.get("time"))
    if message_id is None or time is None:
        return None
    real = as_number(record.get("real_seq"))
    seq = as_number(record.get("message_seq"))
    return Spot(str(message_id if real is None else real), time, message_id, message_id if seq is None else seq)


def _recalled(record: Record) -> Deleted:
    message_id, time = as_number(record.get("message_id")), as_number(record.get("time"))
    whose = "group_id" if record["notice_type"] == "group_recall" else "user_id"
    number = as_number(record.get(whose))
    if message_id is None or not number:
        raise RecordError("a recall that does not say of what", native_id=_raw_id(record))
    chat = Chat("group" if whose == "group_id" else "private", number)
    return Deleted(alias(chat, message_id), at=None if time is None else datetime.fromtimestamp(time, UTC))


def alias(chat: Chat, message_id: int | str) -> str:
    """Replies and recalls name a message by message_id alone."""
    return f"{chat.thread}/m{message_id}"


def _author(record: Record) -> Author:
    number = as_number(record.get("user_id"))
    if number is None:
        raise ValueError("no author")
    sender = record.get("sender") or {}
    anonymous = record.get("anonymous")
    if isinstance(anonymous, dict) and (number == ANONYMOUS or record.get("sub_type") == "anonymous"):
        return Author(f"anonymous/{anonymous['id']}", str(anonymous.get("name") or ""))
    ours = record.get("post_type") == "message_sent" or _same(number, record.get("self_id"))
    name = str(sender.get("card") or sender.get("nickname") or number)
    return Author(str(number), name, role="staff" if ours else "customer")


def _same(left: object, right: object) -> bool:
    return as_number(left) is not None and as_number(left) == as_number(right)


def _order(record: Record) -> int:
    """The group's own numbering, where the implementation tells it: message_seq may be only a copy of message_id."""
    real, seq = as_number(record.get("real_seq")), as_number(record.get("message_seq"))
    if real is not None:
        return real
    return 0 if seq is None or _same(seq, record.get("message_id")) else seq


def _place(record: Record, chat: Chat) -> str:
    """There are no links to QQ messages: a person looks in the group, by name, at that time."""
    if chat.kind == "private":
        sender = record.get("sender") or {}
        name = "" if record.get("post_type") == "message_sent" else str(sender.get("nickname") or "")
    else:
        name = str(record.get("group_name") or "")
    return f"{name} ({chat.number})" if name else str(chat.number)


def _raw_id(record: Record) -> str | None:
    chat, message_id = chat_of(record), record.get("message_id")
    return None if chat is None or message_id is None else f"{chat.thread}/m{message_id}"
