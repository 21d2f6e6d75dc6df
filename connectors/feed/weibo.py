"""Weibo posts that come by a feed, under the ids that Weibo's own API gives them.

A post's address ends in its number written in base 62, in groups: each four characters, from the right, are
seven decimal digits. https://open.weibo.com/wiki/2/statuses/queryid
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_POST = re.compile(
    r"^https?://(?:www\.)?(?:weibo\.com|(?:m\.)?weibo\.cn)/"
    r"(?:(?P<uid>\d{5,20})|detail|status)/(?P<post>[0-9A-Za-z]{5,20})/?(?:[?#].*)?$"
)
_GROUP = 10**7


@dataclass(frozen=True, slots=True)
class WeiboPost:
    """`native_id` as Weibo's own connector has it; `uid`: its author, empty where the address does not name it."""

    native_id: str
    uid: str
    permalink: str


def weibo_post(link: str) -> WeiboPost | None:
    """The post behind an address; None: it is none of a Weibo post."""
    found = _POST.match(link)
    if found is None:
        return None
    name, uid = found["post"], found["uid"] or ""
    mid = name if name.isdigit() and len(name) > 12 else mid_of(name)
    if mid is None:
        return None
    permalink = f"https://weibo.com/{uid}/{name}" if uid else f"https://m.weibo.cn/detail/{mid}"
    return WeiboPost(f"s:{mid}", uid, permalink)


def mid_of(bid: str) -> str | None:
    """`z0JH2lOMb` -> `3501756485200075`; None: nothing that Weibo writes."""
    bounds = [*range(len(bid), 0, -4), 0]
    groups = [_number(bid[start:end]) for end, start in pairwise(bounds)]
    if any(group >= _GROUP for group in groups):
        return None
    first, *rest = reversed(groups)
    return str(first) + "".join(f"{group:07d}" for group in rest)


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 62 + _ALPHABET.index(letter)
    return number
