"""Sentences and clauses of a text as `search_text` gives it, by their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LONGEST = 600  # characters of a sentence
_BULLET = r"(?:[-*•·–]|\(?[0-9a-z]{1,2}[.)、:])\s?"
# A line break ends a sentence, but not before the items of a list.
_SENTENCE = re.compile(rf"[!?;。]+|(?<![0-9])\.(?=\s|$)|(?<!:)(?<!: )\n(?!\s{{0,8}}{_BULLET})")
_CLAUSE = re.compile(r"[,:()\[\]—…\n]|\s[-–]\s|\b(?:but|and then)\b|但是?|不过|而且")


# Words of denial and of condition that deny nothing and set no condition.
_IDIOMS = re.compile(
    r"don['’]?t hesitate|do not hesitate|no problem|not only|don['’]?t worry|do not worry|no worries"
    r"|if you can|if you like|if possible|如果可以|如果方便|方便的话|不好意思|别担心|别着急|不客气|不用担心"
)


class Part(NamedTuple):
    """A piece of a text from `start` to `end`."""

    text: str
    start: int
    end: int


def without_idioms(said: str) -> str:
    """As long as before."""
    return _IDIOMS.sub(lambda idiom: " " * len(idiom[0]), said)


def sentences(said: str) -> Iterator[Part]:
    """With the sign that ends each. What runs on and on without one is cut."""
    for part in _parts(said, 0, _SENTENCE):
        for start in range(0, len(part.text), _LONGEST):
            text = part.text[start : start + _LONGEST]
            yield Part(text, part.start + start, part.start + start + len(text))


def clauses(sentence: Part) -> list[Part]:
    return list(_parts(sentence.text, sentence.start, _CLAUSE))


def _parts(text: str, offset: int, boundary: re.Pattern[str]) -> Iterator[Part]:
    start = 0
    for match in boundary.finditer(text):
        if text[start : match.end()].strip():
            yield Part(text[start : match.end()], offset + start, offset + match.end())
        start = match.end()
    if text[start:].strip():
        yield Part(text[start:], offset + start, offset + len(text))
