"""Answering people who write to the account, and comments under its articles.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
https://developers.weixin.qq.com/doc/offiaccount/Comments_management/Image_Comments_Management_Interface.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from typing import Final

from connectors.contract import Record
from connectors.errors import ConnectorError, ReplyRefusedError
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Sent, Why, Window, nothing_sent
from connectors.wechat.account import Account
from connectors.wechat.reading import FROM_AGENT, REPLY_WITHIN, replies
from connectors.wechat_api.refusals import refusal

LONGEST: Final = 2048  # bytes of a message; how long a reply to a comment may be, WeChat does not say
MOST: Final = 5  # messages to what a customer wrote last
PAGES: Final = 40  # of an article's comments that are looked through
ROWS: Final = 10_000
SHOWN_WITHIN: Final = 5.0  # seconds for which we look at what we have just sent
CLOCKS_DIFFER: Final = timedelta(minutes=2)
OVER_OR_LEFT: Final = 45015  # "response out of time limit or subscription is canceled"

_OF_MESSAGES: Final[Mapping[int, Why]] = {40003: "gone", 43004: "blocked", 45047: "too_many"}
_OF_COMMENTS: Final[Mapping[int, Why]] = {88005: "answered", 88007: "too_long"}

Listed = Callable[[int, int, int], Awaitable[tuple[list[Record], int]]]
"""A page of an article's comments: msg_data_id, index, begin; and how many there are."""


@dataclass(frozen=True, slots=True)
class Comment:
    """Where a comment stands, and whether it has our reply."""

    msg_data_id: int
    index: int
    number: int
    answered: bool


def place(asked: Asked) -> str | Comment | None:
    """Who wrote to the account (an openid), or the comment; None: the record does not tell."""
    comment, article = asked.record.get("comment"), asked.record.get("article")
    if isinstance(comment, dict) and isinstance(article, dict):
        number, index, which = article.get("msg_data_id"), article.get("index"), comment.get("user_comment_id")
        if not (isinstance(number, int) and isinstance(index, int) and isinstance(which, int)):
            return None
        return Comment(number, index, which, answered=bool(replies(comment)))
    message, row = asked.record.get("message"), asked.record.get("row")
    openid = message.get("FromUserName") if isinstance(message, dict) else None
    if isinstance(row, dict):
        openid = row.get("openid")
    return openid if isinstance(openid, str) and openid else None


def window(asked: Asked, now: datetime, *, agents_are_read: bool) -> Window:
    """`agents_are_read`: then what agents said counts among `asked.answers`, which WeChat counts apart.

    A comment's record is that of its words, and may be older than our reply to it.
    """
    there = place(asked)
    if there is None:
        return Window("gone")
    if isinstance(there, Comment):
        return Window("answered" if there.answered or asked.has_reply else None)
    until = asked.posted_at + REPLY_WITHIN
    why: Why | None = "window_over" if until <= now else None
    left = None if agents_are_read else MOST - asked.answers
    return Window(why, until=until, left=left, longest=LONGEST, unit="bytes")


async def reply(account: Account, outgoing: Outgoing, listed: Listed, now: datetime) -> Sent:
    """Send it. WeChat tells no id: that of a reply to a comment is its time, which the comment shows.

    Raises as `Replying.reply`.
    """
    there = place(outgoing.to)
    if there is None:
        raise ReplyRefusedError("gone")
    with nothing_sent():
        await account.logged_in()
    if isinstance(there, Comment):
        translate = refusal(_OF_COMMENTS, credential=account.credential)
        await account.answer(there.msg_data_id, there.index, there.number, outgoing.text, translate)
        with suppress(ConnectorError, TimeoutError):  # it is sent, whether it can be seen or not
            async with asyncio.timeout(SHOWN_WITHIN):
                found = await _reply_of(there, outgoing, listed)
                return found if isinstance(found, Sent) else Sent(None)
        return Sent(None)
    # One code for two things: our clock tells them apart.
    in_time = now < outgoing.to.posted_at + REPLY_WITHIN
    means: Mapping[int, Why] = {**_OF_MESSAGES, OVER_OR_LEFT: "blocked" if in_time else "window_over"}
    await account.tell(there, outgoing.text, refusal(means, credential=account.credential))
    return Sent(None)


async def find(
    account: Account, outgoing: Outgoing, listed: Listed, now: datetime, *, agents_are_read: bool
) -> Sent | CannotTell | None:
    """Comments show our reply. Messages are told only where agents' chats are, and perhaps not even there."""
    there = place(outgoing.to)
    if isinstance(there, Comment):
        return await _reply_of(there, outgoing, listed)
    if there is None or not agents_are_read:
        return CANNOT_TELL
    began = outgoing.began_at - CLOCKS_DIFFER
    rows, _, _ = await account.chats(int(began.timestamp()), int(now.timestamp()), 1, ROWS)
    told = any(
        row.get("opercode") == FROM_AGENT and row.get("openid") == there and _same(row.get("text"), outgoing)
        for row in rows
    )
    return Sent(None) if told else CANNOT_TELL


async def _reply_of(comment: Comment, outgoing: Outgoing, listed: Listed) -> Sent | CannotTell | None:
    begin = 0
    for _ in range(PAGES):
        rows, total = await listed(comment.msg_data_id, comment.index, begin)
        for row in rows:
            if row.get("user_comment_id") == comment.number:
                ours = [each for each in replies(row) if _same(each.get("content"), outgoing)]
                return Sent(f"{outgoing.to.native_id}/reply/{ours[-1].get('create_time')}") if ours else None
        begin += len(rows)
        if not rows or begin >= total:
            break
    return CANNOT_TELL


def _same(text: object, outgoing: Outgoing) -> bool:
    return isinstance(text, str) and unescape(text).split() == outgoing.text.split()
