"""Answering in a chat. https://core.telegram.org/bots/api#sendmessage

A bot may write wherever it was written to. It is never told what it has said itself, and nobody can be asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from connectors.contract import Post, Record
from connectors.errors import ConnectorError, NotSentError, RecordError, ReplyRefusedError
from connectors.replying import Asked, Outgoing, Sent, Why
from connectors.telegram.reading import SAYING, Reader, kind_of

if TYPE_CHECKING:
    from connectors.telegram.bot_api import BotApi

LONGEST: Final = 4096  # UTF-16 units
PER_CHAT: Final = (20, 60.0)  # messages of a bot in a group, and in how many seconds
MOST_SAID: Final = 200

# Telegram's descriptions are English whatever the user speaks, and begin with the kind of the error.
_SAYS: Final[Mapping[str, Why]] = {
    "bot was blocked": "blocked",
    "user_is_blocked": "blocked",
    "can't initiate conversation": "blocked",
    "user is deactivated": "gone",
    "chat not found": "gone",
    "chat was deleted": "gone",
    "chat was deactivated": "gone",
    "thread not found": "gone",
    "topic_deleted": "gone",
    "topic_closed": "closed",
    "message is too long": "too_long",
    "text is empty": "too_short",
    "not enough rights": "no_right",
    "have no rights": "no_right",
    "chat_write_forbidden": "no_right",
    "administrator rights": "no_right",
    "bot was kicked": "no_right",
    "bot is not a member": "no_right",
    "chat_restricted": "no_right",
}


def place(asked: Asked) -> Record | None:
    """The message that is answered; None: the record tells none."""
    kind = kind_of(asked.record)
    message = asked.record.get(kind) if kind in SAYING else None
    known = isinstance(message, dict) and isinstance(message.get("chat"), dict) and "message_id" in message
    return message if known else None


async def reply(api: BotApi, reader: Reader, outgoing: Outgoing) -> Sent:
    """Send it below the message that it answers. Raises as `Replying.reply`."""
    asked = place(outgoing.to)
    if asked is None:
        raise ReplyRefusedError("gone")
    request: dict[str, Any] = {
        "chat_id": asked["chat"].get("id"),
        "text": outgoing.text,  # without parse_mode: what a colleague writes is no markup
        "reply_parameters": {"message_id": asked["message_id"], "allow_sending_without_reply": True},
        "link_preview_options": {"is_disabled": True},
        "message_thread_id": asked.get("message_thread_id") if asked.get("is_topic_message") else None,
        "direct_messages_topic_id": _direct_messages_topic(asked),
        "business_connection_id": asked.get("business_connection_id"),
    }
    try:
        message = await api.send("sendMessage", **request)
    except MovedError as moved:
        # The group became a supergroup, which numbers its messages anew; nothing was sent to the old one.
        message = await api.send("sendMessage", **request | {"chat_id": moved.to, "reply_parameters": None})
    return _sent(reader, message)


def _direct_messages_topic(asked: Record) -> int | None:
    """The customer's own part of a channel's direct messages, without which nothing can be sent there."""
    topic = asked.get("direct_messages_topic")
    number = topic.get("topic_id") if isinstance(topic, dict) else None
    return number if isinstance(number, int) else None


def _sent(reader: Reader, message: Any) -> Sent:
    if not isinstance(message, dict):
        return Sent(None)
    kind = "business_message" if "business_connection_id" in message else "message"
    try:
        post = reader.read({"update_id": 0, kind: message})
    except RecordError:
        post = None
    return Sent(post.native_id, post.permalink) if isinstance(post, Post) else Sent(None)


class MovedError(ReplyRefusedError):
    """The group has become the supergroup `to`; nothing was sent."""

    def __init__(self, to: int) -> None:
        super().__init__("gone", "the group became a supergroup")
        self.to = to


def refusal(error: TelegramError, source: str) -> ConnectorError | None:
    """What a failed sendMessage means, where that is known; None: as for any call."""
    if isinstance(error, ChatMigrated):
        return MovedError(error.new_chat_id)
    if isinstance(error, Forbidden | BadRequest):
        said = error.message[:MOST_SAID]
        lower = said.lower()
        why = next((each for words, each in _SAYS.items() if words in lower), None)
        return ReplyRefusedError(why or ("no_right" if isinstance(error, Forbidden) else "other"), said)
    if isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return NotSentError(f"{source}: Telegram cannot be reached ({type(error.__cause__).__name__}).")
    return None
