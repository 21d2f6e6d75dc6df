"""Secrets that are known already, blacked out wherever they stand in a record, whatever markup parts their letters.

`mask_record` finds what the eye would see in a string as it is. What shows only once a connector has made text of it,
or stands in the HTML beside the plain text of the same mail, is covered here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import unescape
from itertools import zip_longest

from aggregator.triage.secrets.found import MASK
from aggregator.triage.secrets.spread import Json

_MARKUP = r"<!--[^>]{0,400}-->|<[a-zA-Z/!][^<>]{0,800}>|&#?\w{1,31};|\\(?:u[0-9a-fA-F]{4}|.)"
_MARKED = re.compile(_MARKUP)
_ENTITY = re.compile(r"&#(?:\d{1,6}|[xX][0-9a-fA-F]{1,5});")
_BETWEEN = rf"(?>(?:{_MARKUP}|[\W\d_])*)"
_BETWEEN_DIGITS = rf"(?>(?:{_MARKUP}|[\W_])*)"
_NUMBER = r"\d{0,40}"  # before a word that it counts; of a row without end each digit would be tried as its first
_LETTERS = re.compile(r"[^\W\d_]")
_SIGNS = re.compile(r"[^\W_]")
_WORDS = re.compile(r"[^\W\d_]{2,}|[^\W_]{8,}")
_FEWEST_LETTERS = 8  # what has fewer is a row of numbers
_LONGEST = 300  # letters that are looked for as one
_LONGEST_CUT = 4000  # of a keystore


def hidden(before: Json, after: Json) -> list[str]:
    """What `mask_record` hid of a record; not what it left half readable, for that may be an id."""
    return list(dict.fromkeys(_hidden(before, after)))


def _hidden(before: Json, after: Json) -> Iterator[str]:
    if isinstance(before, str) and isinstance(after, str):
        if before != after:
            written = before.encode("utf-16-le", "surrogatepass")
            for run in re.finditer(f"(?<![0-9a-fA-F]){MASK}+(?![0-9a-fA-F])", after):
                start = len(after[: run.start()].encode("utf-16-le", "surrogatepass"))
                yield written[start : start + 2 * len(run[0])].decode("utf-16-le", "replace")
    elif isinstance(before, dict) and isinstance(after, dict):
        for one, other in zip(before.values(), after.values(), strict=False):
            yield from _hidden(one, other)
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip(before, after, strict=False):
            yield from _hidden(one, other)


def cover(record: Json, secrets: Sequence[str]) -> Json:
    """The record without these secrets, where their letters stand in a row but for markup and what parts words."""
    patterns = [pattern for secret in secrets for pattern in _in_a_row(secret)]
    return _changed(record, partial(_covered, patterns)) if patterns else record


def cover_words(record: Json, secrets: Sequence[str]) -> Json:
    """The record without any of their words, wherever one stands."""
    words = {re.escape(word) for secret in secrets for word in _WORDS.findall(secret)}
    if not words:
        return record
    longest_first = "|".join(sorted(words, key=len, reverse=True))
    pattern = re.compile(rf"(?:{_MARKUP})|(?<![^\W_])(?:{longest_first})(?![^\W_])", re.IGNORECASE)
    return _changed(record, lambda text: pattern.sub(_unless_markup, text))


def cover_markup(record: Json) -> Json:
    """The record without all that is written in strings with markup."""
    pattern = re.compile(rf"(?:{_MARKUP})|[^\W_]+")
    return _changed(record, lambda text: pattern.sub(_unless_markup, text) if _MARKED.search(text) else text)


def _changed(value: Json, change: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _changed(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(inner, change) for inner in value]
    return value


def _in_a_row(secret: str) -> Iterator[re.Pattern[str]]:
    """How a secret may be written, in pieces that are not too long."""
    letters, between = _LETTERS.findall(secret[:_LONGEST_CUT]), _BETWEEN
    if len(letters) < _FEWEST_LETTERS:
        letters, between = _SIGNS.findall(secret[:_LONGEST_CUT]), _BETWEEN_DIGITS
    count = -(-len(letters) // _LONGEST)
    for i in range(count):
        piece = letters[i * len(letters) // count : (i + 1) * len(letters) // count]
        yield re.compile(_NUMBER + between.join(map(re.escape, piece)) + r"\d*")


def _covered(patterns: Sequence[re.Pattern[str]], text: str) -> str:
    text = _ENTITY.sub(_plain, text)
    for pattern in patterns:
        text = pattern.sub(_without_letters, text)
    return text


def _plain(entity: re.Match[str]) -> str:
    """Letters that are written as numbers, as themselves; what may be markup stays."""
    shown = unescape(entity[0])
    return shown if shown.isalnum() else entity[0]


def _without_letters(found: re.Match[str]) -> str:
    """All black but what is markup."""
    parts = zip_longest(_MARKED.split(found[0]), _MARKED.findall(found[0]), fillvalue="")
    return "".join(_black(between) + markup for between, markup in parts)


def _unless_markup(found: re.Match[str]) -> str:
    return found[0] if _MARKED.fullmatch(found[0]) else _black(found[0])


def _black(text: str) -> str:
    return MASK * (len(text.encode("utf-16-le", "surrogatepass")) // 2)
