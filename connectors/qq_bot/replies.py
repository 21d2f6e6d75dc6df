"""Answering what somebody said to the bot: within minutes, and only so.

https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html

In groups and private talks QQ takes each pair of `msg_id` and `msg_seq` once. The number is made of the answer's key,
so that QQ itself refuses the same answer a second time.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from connectors.contract import Record
from connectors.errors import ConnectorError, ReplyRefusedError, ThrottledError, TransientError
from connectors.qq_bot.api import BANNED, FORBIDDEN, TOKEN_EXPIRED, TOO_OFTEN, WRONG_SECRET, BotApi
from connectors.qq_bot.reading import ANSWER_WITHIN, SAID, Kind
from connectors.replying import Asked, Outgoing, Sent, Why, Window, nothing_sent
from connectors.session import UNTOLD_WAIT, Json

MOST: Final = 5  # answers to one message, in groups and private talks
MOST_SAID: Final = 200
PATHS: Final[Mapping[Kind, str]] = {
    "group": "/v2/groups/{}/messages",
    "c2c": "/v2/users/{}/messages",
    "guild": "/channels/{}/messages",
    "dm": "/dms/{}/messages",
}
_NUMBERED: Final = frozenset({"group", "c2c"})

TAKEN_BEFORE: Final = 40054005
AUDITED: Final = frozenset({304023, 304024})  # a moderator looks at it first
LATE_OR_MANY: Final = 40034128  # "passive reply: time or number exceeded"
OFTEN: Final = TOO_OFTEN | {40034100}
UNSURE: Final = frozenset({11252, 11263, 11281})  # QQ's own trouble, as everything from 50,000,000 on
_MEANS: Final[Mapping[int, Why]] = {
    **dict.fromkeys((304103, 40034005, 40034026, 40034105), "window_over"),
    **dict.fromkeys((40034024, 40034025), "gone"),
    **dict.fromkeys((40034006, 40054010), "words"),  # what QQ finds in them; an address that is not on the bot's list
    **dict.fromkeys((40054007, 40054018), "too_long"),
    **dict.fromkeys((40034101, 40054002, 40054003), "no_right"),  # not in the group, muted there
    **dict.fromkeys((40054004, 40054013), "blocked"),
    **dict.fromkeys(FORBIDDEN | BANNED, "no_right"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer goes: the id of a group, user, channel or direct session, and of the message."""

    kind: Kind
    whom: str
    message: str


class HeldError(ConnectorError):
    """It is taken, and shown once somebody has looked at it."""


class TakenBeforeError(ConnectorError):
    """This very answer was taken before."""


def place(asked: Asked) -> Place | None:
    """None: the record does not tell."""
    kind = SAID.get(str(asked.record.get("t")))
    said: Record = asked.record.get("d") or {}
    author: Record = said.get("author") or {}
    if kind is None:
        return None
    whom = {
        "group": said.get("group_openid"),
        "c2c": author.get("user_openid"),
        "guild": said.get("channel_id"),
        "dm": said.get("guild_id"),
    }[kind]
    message = said.get("id")
    return Place(kind, whom, message) if isinstance(whom, str) and isinstance(message, str) else None


def window(asked: Asked, now: datetime) -> Window:
    """In groups colleagues may answer by themselves, which QQ does not count: only private talks tell how many."""
    if (there := place(asked)) is None:
        return Window("gone")
    until = asked.posted_at + ANSWER_WITHIN[there.kind]
    why: Why | None = "window_over" if until <= now else None
    return Window(why, until=until, left=MOST - asked.answers if there.kind == "c2c" else None)


async def reply(api: BotApi, outgoing: Outgoing, now: datetime) -> Sent:
    """Send it. Raises as `Replying.reply`."""
    if (there := place(outgoing.to)) is None:
        raise ReplyRefusedError("gone")
    with nothing_sent():
        await api.logged_in()
    body: dict[str, Json] = {"content": outgoing.text, "msg_type": 0, "msg_id": there.message}
    if there.kind in _NUMBERED:
        body["msg_seq"] = 1 + (zlib.crc32(outgoing.key.encode()) & 0xFFFFFF)
    else:  # there `<` begins a mention or a face
        body = {"content": escape(outgoing.text, quote=False), "msg_id": there.message}
    in_time = now < outgoing.to.posted_at + ANSWER_WITHIN[there.kind]
    try:
        made = await api.send(PATHS[there.kind].format(there.whom), body, _refusal(api, in_time=in_time))
    except HeldError:
        return Sent(None, held=True)
    except TakenBeforeError:
        return Sent(None)
    number = made.get("id") if isinstance(made, dict) else None
    return Sent(f"{there.kind}:{number}" if isinstance(number, str) else None)


def _refusal(api: BotApi, *, in_time: bool) -> Callable[[Json], ConnectorError | None]:
    def translate(told: Json) -> ConnectorError | None:
        code = told.get("code") if isinstance(told, dict) else None
        if not isinstance(code, int) or not code:
            return None
        said = f"{str(told.get('message') or '')[:MOST_SAID]} ({code})"
        if code in AUDITED:
            return HeldError(said)
        if code == TAKEN_BEFORE:
            return TakenBeforeError(said)
        if code == LATE_OR_MANY:
            return ReplyRefusedError("too_many" if in_time else "window_over", said)
        if code in _MEANS:
            return ReplyRefusedError(_MEANS[code], said)
        if code in TOKEN_EXPIRED | WRONG_SECRET:
            return api.refused()
        if code in OFTEN:
            return ThrottledError(f"QQ asks us to wait ({code})", UNTOLD_WAIT)
        if code in UNSURE or code >= 50_000_000:
            return TransientError(f"QQ could not send it for sure ({code})")
        return ReplyRefusedError("other", said)

    return translate
