"""Where the words of a search stand in a text, whatever their case and width, and the part of a post around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from aggregator.store.searching import Term
from aggregator.triage import search_text

_LOOKED_AT = 5
_BEFORE, _AFTER = 30, 130  # characters around the first word


@dataclass(frozen=True, slots=True)
class Found:
    """What a row of a search shows besides: a part of the post that has the words ("" if the row's own text has
    them), and all terms, to be marked."""

    terms: tuple[Term, ...]
    snippet: str = ""

    def spans(self, text: str) -> list[tuple[int, int]]:
        return spans(text, self.terms)


def spans(text: str, terms: Iterable[Term]) -> list[tuple[int, int]]:
    """Offsets of all places where one of the terms stands, in order."""
    folded, places = _folded(text)
    found = []
    for term in terms:
        word = term.text.lstrip("@#") or term.text
        at = folded.find(word)
        while at >= 0:
            found.append((places[at], places[at + len(word) - 1] + 1))
            at = folded.find(word, at + len(word))
    return sorted(found)


def best(texts: Iterable[str], terms: Sequence[Term]) -> str:
    """The part of the text that has most of the terms, around the first of them; "" if none has any. Of the texts that
    have any the first few count."""
    having = (text for text in texts if any(term.text in folded for folded in [search_text(text)] for term in terms))
    found = max(
        islice(having, _LOOKED_AT), key=lambda text: sum(bool(spans(text, [term])) for term in terms), default=""
    )
    return around(found, terms)


def around(text: str, terms: Sequence[Term]) -> str:
    """One line of the text, from a little before the first of the words; "" if none stands there."""
    line = " ".join(text.split())
    found = spans(line, terms)
    if not found:
        return ""
    start, end = max(0, found[0][0] - _BEFORE), found[0][0] + _AFTER
    return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"


def _folded(text: str) -> tuple[str, list[int]]:
    """The text as it is searched, and for each of its characters the place in `text` that it comes from."""
    if text.isascii():
        return text.lower(), list(range(len(text)))
    parts: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        folded = search_text(character)
        parts.append(folded)
        places += [place] * len(folded)
    return "".join(parts), places
