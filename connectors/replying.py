"""Answering a post on its platform: an ability that a connector may have beside reading.

    colleague -> reply_window -> held for undo -> reply -> Sent | refused in words | nobody knows

An answer is sent once. `reply` makes one attempt and tells by what it raises what became of it:

    returns Sent                              the platform has it
    ReplyRefusedError, AuthError,
    SourceGoneError, StatusError of a 4xx     the platform said no: nothing was sent, a person must act
    NotSentError, ThrottledError              surely nothing was sent: tried again by itself, later
    TransientError, and anything else         it may have been sent: never sent again by itself; `find_sent` looks

So only raise one of the first five where you know. The session does so by itself: a connection that was never made is
a `NotSentError`, a 429 a `ThrottledError`, 401 and 403 an `AuthError`, no answer and 5xx a `TransientError`. What must
succeed before the answer is written (a token, a look-up) stands in `with nothing_sent():`. What the platform says in
its own words is read by a `translate` for this one call (connectors/session.py), as a `ReplyRefusedError`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from connectors.contract import Author, Connector, Record
from connectors.errors import NotSentError, ThrottledError, TransientError

Why = Literal[
    "no_way",  # the platform gives no way to answer this
    "feed",  # it came by a feed, which can only be read
    "setting",  # the source lacks a setting that answering needs
    "no_credential",  # the source has none that may write
    "login",  # the credential was refused: renew it
    "no_right",  # the account may not write there: give it the right
    "window_over",  # the time in which the platform takes an answer has passed
    "too_many",  # it takes no more answers before the customer writes again
    "spent",  # the account may send no more for now, to anybody
    "taken",  # a colleague is at it on the platform itself
    "answered",  # it takes one answer to this, and has it
    "gone",  # the post, the thread or the customer's account is no longer there
    "closed",  # the thread takes no more posts
    "blocked",  # the customer has blocked us, has left, or never wrote to us first
    "too_long",
    "too_short",
    "repeated",  # the same text was sent a moment ago
    "words",  # the platform does not let these words or links pass
    "unreachable",  # tried for long, and nothing was sent
    "source_off",  # the source is not at work here
    "other",  # see the platform's own words
]
"""Why an answer is not taken; the page has a sentence for each, that says what to do, in every language."""
WHYS: Final = frozenset(get_args(Why))

Unit = Literal["characters", "utf16", "bytes", "weibo"]
"""How a platform counts a text's length. weibo: a Chinese character is 1, two ASCII characters are 1."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The post that is answered: the customer's newest one, as it is stored.

    `record`: the newest record that told of it, masked: all that the platform said. `answers`: how many of ours the
    customer has got since. `has_reply`: one of them stands on the platform and names this very post.
    """

    native_id: str
    posted_at: datetime
    record: Record
    author: str | None = None  # native id
    title: str | None = None
    text: str = ""
    public: bool = True
    can_reply_until: datetime | None = None
    answers: int = 0
    has_reply: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Whether a post may be answered now.

    `why`: it may not; `detail`: more of it, in the platform's words. `until`: the deadline; None: there is none.
    `left`: how many answers the platform still takes. `longest`: what a text may measure, in `unit`.
    """

    why: Why | None = None
    detail: str = ""
    until: datetime | None = None
    left: int | None = None
    longest: int | None = None
    unit: Unit = "characters"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer on its way. `key` is made once for it, letters and digits that no other answer has: what a platform
    takes as a client's message id, or the left part of a Message-ID. `began_at`: the first attempt."""

    key: str
    text: str
    to: Asked
    who: str  # the colleague's name
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform has it. `native_id`: what `post()` gives when it comes back; None: the platform does not say.

    `held`: it is shown only once a moderator has let it through.
    """

    native_id: str | None
    permalink: str | None = None
    held: bool = False


_LINK: Final = re.compile(r"https?://[!-~]+")
_SHORTENED: Final = re.compile(r"https?://t\.cn/")

CannotTell = Literal["cannot tell"]
CANNOT_TELL: Final = "cannot tell"


class Replying(Connector):
    """A connector that can answer."""

    @abstractmethod
    def reply_window(self, asked: Asked, now: datetime) -> Window:
        """Whether this post may be answered, as far as is known without asking the platform. Pure."""

    @abstractmethod
    async def reply(self, outgoing: Outgoing) -> Sent:
        """Send it, in one attempt. What it may raise, and what that means, stands at the top of this module."""

    @abstractmethod
    async def find_sent(self, outgoing: Outgoing) -> Sent | CannotTell | None:
        """Look whether it was sent, without sending anything. None: it is not there.

        Raises the errors of a poll: then nobody knows yet.
        """

    @abstractmethod
    def is_own(self, author: Author) -> bool:
        """Whether this is the account that we answer with: its posts are ours, though nobody has named it. Pure."""


@contextmanager
def nothing_sent() -> Iterator[None]:
    """What fails in this block fails before the answer is written: surely nothing was sent."""
    try:
        yield
    except (NotSentError, ThrottledError):
        raise
    except TransientError as error:
        raise NotSentError(str(error)) from error


def same_words(sent: str, shown: str) -> bool:
    """Whether a post says what was sent, however its words are spaced. Weibo shows each link as a short one of its own,
    which does not tell where it leads."""
    if _SHORTENED.search(shown):
        sent, shown = (_LINK.sub(" (link) ", text) for text in (sent, shown))
    return sent.split() == shown.split()


def measured(text: str, unit: Unit) -> int:
    """How long a text is in a platform's eyes."""
    if unit == "bytes":
        return len(text.encode())
    if unit == "utf16":
        return len(text) + sum(char > "\uffff" for char in text)
    if unit == "weibo":
        narrow = sum(char < "\x80" for char in text)
        return len(text) - narrow + (narrow + 1) // 2
    return len(text)
