"""Addresses of posts for people. https://open.weibo.com/wiki/2/statuses/queryid"""

from __future__ import annotations

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def permalink(mid: str, user: str | None) -> str:
    """The page of a post; `user`: its author's id, without which only the mobile page can be named."""
    return f"https://weibo.com/{user}/{bid(mid)}" if user else f"https://m.weibo.cn/detail/{mid}"


def bid(mid: str) -> str:
    """A post's number as its address writes it: groups of seven digits from the right, each as four of base 62."""
    first = len(mid) % 7 or 7
    head, tail = mid[:first], mid[first:]
    groups = (tail[start : start + 7] for start in range(0, len(tail), 7))
    return _base62(int(head)) + "".join(_base62(int(group)).rjust(4, "0") for group in groups)


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
    return digits or "0"
