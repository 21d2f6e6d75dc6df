"""Answering in a group or in private. https://github.com/botuniverse/onebot-11/blob/master/api/public.md

A message goes as segments, never as a string: in that, what a colleague writes could be a CQ code. OneBot gives it a
short id, and the history what identifies it; what we sent stands there like everybody's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from connectors.contract import Post, Record
from connectors.errors import ConnectorError, RecordError, ReplyRefusedError
from connectors.qq.account import Account, Host
from connectors.qq.onebot import ActionFailedError, ActionRefusedError, Chat, Spot, as_number
from connectors.qq.reading import alias, chat_of, read, spot_of
from connectors.qq.walk import Hole
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Sent, Why, nothing_sent
from connectors.session import Json

LONGEST: Final = 4500  # bytes: QQ takes about 5,000, of which the quotation needs some
PER_CHAT: Final = (1, 1.5)  # messages, and in how many seconds: more looks like a machine's
PAGES: Final = 4  # of the history that are looked through
SHOWN_WITHIN: Final = 5.0  # seconds for which we look at what we have just sent
CLOCKS_DIFFER: Final = timedelta(minutes=2)
MOST_SAID: Final = 200

# What QQ's own code answers, as NapCat passes it on. Any other result may be a time-out: it is looked for.
_RESULT: Final = re.compile(r'"result":\s*(\d+)')
_RESULTS: Final[Mapping[str, Why]] = {"110": "no_right", "120": "no_right"}  # not in the group, muted there
_WORDS: Final[Mapping[str, Why]] = {"禁言": "no_right", "muted": "no_right", "好友": "blocked", "拉黑": "blocked"}


def place(asked: Asked) -> tuple[Chat, str] | None:
    """The chat, and the message's short id; None: the record does not tell."""
    chat, spot = chat_of(asked.record), spot_of(asked.record)
    return (chat, str(spot.message_id)) if chat and spot else None


async def reply(account: Account, outgoing: Outgoing) -> Sent:
    """Send it with a quotation of what it answers. Raises as `Replying.reply`."""
    if (there := place(outgoing.to)) is None:
        raise ReplyRefusedError("gone")
    chat, message_id = there
    segments = [
        {"type": "reply", "data": {"id": message_id}},
        {"type": "text", "data": {"text": outgoing.text}},
    ]
    try:
        with nothing_sent():  # an account that is offline goes on saying that all is well
            host = await account.meet()
        if chat.kind == "group" and chat.number not in host.groups:
            raise ReplyRefusedError("no_right", f"{outgoing.to.record.get('group_name') or chat.number}")
        made = await account.send(host.dialect, chat, segments, _from_group(outgoing.to))
    except ActionFailedError as failed:
        if why := _why(failed.said):
            raise ReplyRefusedError(why, failed.said[:MOST_SAID]) from None
        raise
    except ActionRefusedError as refused:
        raise ReplyRefusedError("other", str(refused)) from None
    with suppress(ConnectorError, TimeoutError):  # it is sent, whether it can be seen or not
        async with asyncio.timeout(SHOWN_WITHIN):
            return await _named(account, host, chat, made)
    return Sent(None)


async def find(account: Account, outgoing: Outgoing) -> Sent | CannotTell | None:
    """Look through the history, back to what was answered, or to when we began. The same words may be another answer:
    only the quotation tells, and one without it may be this one."""
    if (there := place(outgoing.to)) is None:
        return CANNOT_TELL
    chat, asked = there
    host = await account.meet()
    since = outgoing.began_at - CLOCKS_DIFFER
    hole: Hole | None = None
    absent: CannotTell | None = None
    for _ in range(PAGES):
        messages = await account.history(host.dialect, chat, hole)
        for post in filter(None, map(_post, reversed(messages))):
            if not (post.author and post.author.role == "staff" and post.text.split() == outgoing.text.split()):
                continue
            if post.posted_at is None or post.posted_at < since:
                return absent
            if post.reply_to == alias(chat, asked):
                return Sent(post.native_id)
            if post.reply_to is None:
                absent = CANNOT_TELL
        spots = [spot for spot in map(spot_of, messages) if spot]
        if any(str(spot.message_id) == asked or spot.time < since.timestamp() for spot in spots):
            return absent
        if not spots or (hole and spots[0].name == hole.at.name):
            break
        hole = Hole(spots[0], "", 0)
    return CANNOT_TELL


async def _named(account: Account, host: Host, chat: Chat, made: Record) -> Sent:
    """What the history calls what OneBot knows by a short id."""
    number = as_number(made.get("message_id"))
    for message in reversed(await account.history(host.dialect, chat)):
        spot: Spot | None = spot_of(message)
        if spot and number is not None and spot.message_id == number and (post := _post(message)):
            return Sent(post.native_id)
    return Sent(None)


def _post(message: Record) -> Post | None:
    try:
        item = read(message)
    except RecordError:
        return None
    return item if isinstance(item, Post) else None


def _from_group(asked: Asked) -> int | None:
    """Who is no friend may write from a group that both are in, and is answered by way of it."""
    if asked.record.get("message_type") != "private" or asked.record.get("sub_type") != "group":
        return None
    sender: Json = asked.record.get("sender") or {}
    return as_number(asked.record.get("group_id") or sender.get("group_id"))


def _why(said: str) -> Why | None:
    if (result := _RESULT.search(said)) and result[1] in _RESULTS:
        return _RESULTS[result[1]]
    return next((why for words, why in _WORDS.items() if words in said), None)
