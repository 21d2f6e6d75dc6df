"""From offsets in a post's searched text back to offsets in the text that people see."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable

from aggregator.triage.language import search_text

Span = Callable[[int, int], tuple[int | None, int | None]]
"""Start and end in the searched text -> start and end in the post's text."""


def spans_of(text: str, searchable: str) -> Span:
    """A function from offsets in `searchable` to offsets in `text`; (None, None) where no place can be told.

    The two mostly have the same length, and then the same offsets. Where they have not ("…" becomes "..."),
    the table is made at the first call, for most posts need none.
    """
    if len(text) == len(searchable):
        return _same
    starts: list[int] | None = None

    def span(start: int, end: int) -> tuple[int | None, int | None]:
        nonlocal starts
        if starts is None:
            starts = _starts(text, len(searchable))
        if not starts:
            return None, None
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, end - 1)
        return first, last

    return span


def _same(start: int, end: int) -> tuple[int, int]:
    return start, end


def _starts(text: str, length: int) -> list[int]:
    """For each character of `text` where its search form begins; empty when the sum does not come out."""
    starts: list[int] = []
    position = 0
    cluster = ""
    for letter in text:
        if cluster and unicodedata.combining(letter):
            # It melts into the letter before: both begin where that one does.
            starts.append(position)
            cluster += letter
            continue
        position += len(search_text(cluster))
        starts.append(position)
        cluster = letter
    return starts if position + len(search_text(cluster)) == length else []
