"""Whether what a connector read can stand in our tables.

A connector takes most fields from a platform as they come. One that is no text, or a number that no column holds, would
make the database refuse its whole page, at every poll again: so such a post is refused alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, repeat
from operator import attrgetter
from typing import Any

from connectors.contract import Author, Counts, Deleted, Item, Moved, Post, Undelivered
from connectors.errors import RecordError

_TEXTS = ("native_id", "text", "thread", "reply_to", "alias", "title", "channel", "lang", "permalink", "place")
_NUMBERS = ("order", "likes", "replies", "shares", "views", "attachments", "pictures")
_TIMES = ("posted_at", "edited_at", "can_reply_until")
_texts, _numbers, _times = attrgetter(*_TEXTS), attrgetter(*_NUMBERS), attrgetter(*_TIMES)
_author = attrgetter("native_id", "name", "handle")
_native_id, _followers, _mentions, _links = map(attrgetter, ("native_id", "followers", "mentions", "links"))
_A_TEXT = {str, type(None)}
_A_NUMBER = {int, type(None)}
_FIRST_YEAR, _LAST_YEAR = 1900, 9000  # there is room to reckon beyond them
_MOST = 2**63 - 1


def refuse_unsound(item: Item) -> None:
    """Raises RecordError: it cannot be stored."""
    if isinstance(item, Post):
        if why := _odd_post(item) or (_odd_author(item.author) if item.author is not None else None):
            raise RecordError(f"{why} is not what it should be", str(item.native_id)[:200] or None)
        return
    if isinstance(item, Deleted):
        odd = _odd_texts(("native_id",), (item.native_id,)) or _odd_times(("at",), (item.at,))
    elif isinstance(item, Counts):
        numbers = (item.likes, item.replies, item.shares, item.views)
        odd = _odd_texts(("native_id",), (item.native_id,)) or _odd_numbers(_NUMBERS[1:5], numbers)
    elif isinstance(item, Moved):
        odd = _odd_texts(("thread", "to"), (item.thread, item.to))
    else:
        assert isinstance(item, Undelivered)
        odd = _odd_texts(("native_id", "detail"), (item.native_id, item.detail))
    if odd:
        raise RecordError(f"{odd} is not what it should be")


def are_sound(posts: Sequence[Post]) -> bool:
    """Whether all of these can be stored: asked of a page at once, which takes a third of asking one by one (1.4 us a
    post instead of 4.4). Where they cannot, `refuse_unsound` tells which."""
    authors = [post.author for post in posts if post.author is not None]
    lists = [names for names in chain(map(_mentions, posts), map(_links, posts)) if names]
    told = [*map(_texts, posts), *map(_author, authors), *lists]
    texts = [*chain.from_iterable(told)]
    if not ({*map(type, texts)} <= _A_TEXT and all(map(_native_id, posts)) and all(map(_native_id, authors))):
        return False
    if any(None in names for names in lists):
        return False
    numbers = [*chain.from_iterable(map(_numbers, posts)), *map(_followers, authors)]
    times = {*chain.from_iterable(map(_times, posts))} - {None}
    try:
        "".join(filter(None, texts)).encode()  # a lone surrogate is no character
    except UnicodeEncodeError:
        return False
    if not ({*map(type, numbers)} <= _A_NUMBER and {*map(type, times)} <= {datetime}):
        return False
    if any(abs(number) > _MOST for number in filter(None, numbers)):
        return False
    return _odd_times(repeat("a time"), tuple(times)) is None


def _odd_post(post: Post) -> str | None:
    """The name of the first field that cannot be stored."""
    if not post.native_id:
        return "native_id"
    odd = _odd_texts(_TEXTS, _texts(post)) or _odd_numbers(_NUMBERS, _numbers(post)) or _odd_times(_TIMES, _times(post))
    if odd is None and (post.mentions or post.links):
        if None in post.mentions or None in post.links:
            return "a mention or link"
        return _odd_texts(("a mention",) * len(post.mentions), post.mentions) or _odd_texts(
            ("a link",) * len(post.links), post.links
        )
    return odd


def _odd_author(author: Author) -> str | None:
    if not author.native_id:
        return "author"
    odd = _odd_texts(("author", "author's name", "author's handle"), _author(author))
    return odd or _odd_numbers(("followers",), (author.followers,))


def _odd_texts(names: Iterable[str], values: tuple[Any, ...]) -> str | None:
    try:
        if {*map(type, values)} <= _A_TEXT:
            "".join(filter(None, values)).encode()  # a lone surrogate is no character
            return None
    except UnicodeEncodeError:
        pass
    return next((name for name, value in zip(names, values, strict=True) if not _is_text(value)), None)


def _is_text(value: object) -> bool:
    try:
        return value is None or (isinstance(value, str) and value.encode() is not None)
    except UnicodeEncodeError:
        return False


def _odd_numbers(names: Iterable[str], values: tuple[Any, ...]) -> str | None:
    if {*map(type, values)} <= _A_NUMBER:
        told = [*filter(None, values)]
        if not told or (max(told) <= _MOST and min(told) >= -_MOST):
            return None
    return next(
        (
            name
            for name, value in zip(names, values, strict=True)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MOST)
        ),
        None,
    )


def _odd_times(names: Iterable[str], values: tuple[datetime | None, ...]) -> str | None:
    for name, value in zip(names, values, strict=False):
        if value is not None and not (
            isinstance(value, datetime) and value.tzinfo is not None and _FIRST_YEAR <= value.year < _LAST_YEAR
        ):
            return name
    return None
