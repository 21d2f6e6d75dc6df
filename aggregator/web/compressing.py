"""Pages and static files as gzip, for whoever takes it: a first visit is a quarter as large. Never the events."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache

_LEAST = 1000  # bytes: below, nothing is won
_QUICK, _BEST = 5, 9
_NAMED = {"content-encoding": "gzip"}


def page(body: bytes, asked: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """What to send, and the headers that say so. `asked`: the request's headers.

    What another site brought about is never compressed: from the size of a page that repeats its words beside our
    token, it could guess the token bit by bit.
    """
    if len(body) < _LEAST or not takes_gzip(asked) or asked.get("sec-fetch-site") in ("cross-site", "same-site"):
        return body, {}
    return gzip.compress(body, _QUICK, mtime=0), dict(_NAMED)


def text(body: bytes, asked: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The same of a text that changes with the package only, and may be kept for ever."""
    vary = {"vary": "accept-encoding"}
    return (_compressed(body), vary | _NAMED) if takes_gzip(asked) else (body, vary)


@cache
def _compressed(body: bytes) -> bytes:
    """There are few of them, and small ones."""
    return gzip.compress(body, _BEST, mtime=0)


def takes_gzip(asked: Mapping[str, str]) -> bool:
    for offer in asked.get("accept-encoding", "").lower().split(","):
        name, _, quality = offer.partition(";q=")
        if name.strip() == "gzip":
            return quality.strip() not in ("0", "0.0", "0.00", "0.000")
    return False
