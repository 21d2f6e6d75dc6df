"""Answering by a comment: below a post, or to a comment. https://open.weibo.com/wiki/2/comments/create

We never pass a post on in order to answer it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.contract import Post, Record
from connectors.errors import ConnectorError, RecordError, ReplyRefusedError, TransientError
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Sent, Why, Window, same_words
from connectors.secret import Secret
from connectors.session import Json
from connectors.weibo.api import COMMENTS_OF_POST, Api, OutOfCallsError
from connectors.weibo.failures import (
    ACCOUNT_SPENT,
    ADDRESS_SPENT,
    ENDPOINT_SPENT,
    GONE,
    NOT_ALLOWED,
    code_of,
    failure,
)
from connectors.weibo.reading import id_of, read, status_of

PAGES: Final = 2  # of the comments that are looked through
LONGEST: Final = 140  # Chinese characters; two others count as one
CLOCKS_DIFFER: Final = timedelta(minutes=2)
MOST_SAID: Final = 200
NO_ADDRESS: Final = "reply_ip"

IT_COMES_LATER: Final = 20032  # "published; it may take a minute or two until it is shown"
BUSY: Final = frozenset({10001, 10002, 10003, 10009, 10010, 10011})
_MEANS: Final[Mapping[int, Why]] = {
    **dict.fromkeys(GONE, "gone"),
    **dict.fromkeys(ADDRESS_SPENT | {ACCOUNT_SPENT, ENDPOINT_SPENT, 20016}, "spent"),  # 20016: too many in an hour
    **dict.fromkeys(NOT_ALLOWED, "no_right"),
    **dict.fromkeys((20022, 20023, 20031, 20033), "no_right"),  # the account has to show on weibo.com that it is ours
    **dict.fromkeys((20206, 20207), "blocked"),  # only whom the author follows, or trusts, may comment
    **dict.fromkeys((20017, 20019, 20111), "repeated"),
    **dict.fromkeys((20018, 20020, 20021), "words"),
    **dict.fromkeys((20012, 20013), "too_long"),
    20008: "too_short",
}


class ComesLaterError(ConnectorError):
    """It is taken; Weibo shows it in a minute or two, and has no id for it yet."""


def place(asked: Asked) -> tuple[str, str | None] | None:
    """The post's id, and the comment's if it is one that is answered; None: the record does not tell."""
    kind, _, number = asked.native_id.partition(":")
    if kind != "c":
        return (number, None) if kind == "s" else None
    comment = asked.record.get("comment")
    status = status_of(comment) if isinstance(comment, dict) and id_of(comment) == number else ""
    return (status, number) if status else None


def window(asked: Asked, address: str | None) -> Window:
    if address is None:
        return Window("setting", NO_ADDRESS)
    return Window(None if place(asked) else "gone", longest=LONGEST, unit="weibo")


async def reply(api: Api, outgoing: Outgoing, address: str | None, token: Secret, now: datetime) -> Sent:
    """Send it. Raises as `Replying.reply`."""
    there = place(outgoing.to)
    if there is None or address is None:
        raise ReplyRefusedError("gone") if address else ReplyRefusedError("setting", NO_ADDRESS)
    status, comment = there
    form = {"id": status, "comment": outgoing.text, "comment_ori": "0", "rip": address}
    path = "create"
    if comment is not None:
        path, form = "reply", form | {"cid": comment, "without_mention": "0"}
    try:
        made = await api.write(f"/2/comments/{path}.json", form, _refusal(token, now))
    except ComesLaterError:
        return Sent(None)
    number = id_of(made) if isinstance(made, dict) else ""
    return Sent(f"c:{number}" if number else None)


async def find(api: Api, outgoing: Outgoing) -> Sent | CannotTell | None:
    """Look among the newest comments below the post, back to what was answered, or to when we began. Each page is one
    call of the day. The same words may be another answer; one that does not say to whom may be this one."""
    if (there := place(outgoing.to)) is None:
        return CANNOT_TELL
    status, comment = there
    us, since = str(outgoing.to.record.get("us") or ""), outgoing.began_at - CLOCKS_DIFFER
    # The comment that is answered is listed too: a page with it is the last one, which a short page need not be.
    answered, low = int(comment or 0), 0
    absent: CannotTell | None = None
    for _ in range(PAGES):
        try:
            rows, _ = await api.rows(COMMENTS_OF_POST, id=status, since_id=max(answered - 1, 0), max_id=low)
        except OutOfCallsError:
            return CANNOT_TELL
        said = [post for row in rows if (post := _comment(row, us)) is not None]
        for post in said:
            if not _says_it(post, outgoing, since):
                continue
            if post.reply_to == outgoing.to.native_id:
                return Sent(post.native_id, post.permalink)
            if post.reply_to is None:
                absent = CANNOT_TELL
        numbers = [int(number) for row in rows if (number := id_of(row))]
        arrived = any(number <= answered for number in numbers)
        if not rows or arrived or any(post.posted_at and post.posted_at < since for post in said):
            return absent
        if not numbers:
            break
        low = min(numbers) - 1
    return CANNOT_TELL


def _says_it(post: Post, outgoing: Outgoing, since: datetime) -> bool:
    ours = post.author is not None and post.author.role == "staff"
    return ours and post.posted_at is not None and post.posted_at >= since and same_words(outgoing.text, post.text)


def _comment(row: Record, us: str) -> Post | None:
    try:
        items = read({"comment": row, "us": us})
    except RecordError:
        return None
    found = items if isinstance(items, list) else [items]
    return next((item for item in found if isinstance(item, Post) and item.native_id.startswith("c:")), None)


def _refusal(token: Secret, now: datetime) -> Callable[[Json], ConnectorError | None]:
    def translate(told: Json) -> ConnectorError | None:
        code = code_of(told)
        if code is None:
            return None
        said = f"{str(told.get('error') or '')[:MOST_SAID]} ({code})"
        if code == IT_COMES_LATER:
            return ComesLaterError(said)
        if code in _MEANS:
            return ReplyRefusedError(_MEANS[code], said)
        if code in (10016, 10017) and "rip" in said:
            return ReplyRefusedError("setting", f"{NO_ADDRESS}: {said}")
        found = failure(told, token, now)
        # Whoever names a code has not taken it; who is in trouble may have.
        if type(found) is TransientError and code not in BUSY:
            return ReplyRefusedError("other", said)
        return found

    return translate
