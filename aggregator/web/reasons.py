"""Why an inquiry ranks where it ranks, with the words that gave it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.identity import Id
from aggregator.store.reading import FeedRow, Term


@dataclass(frozen=True, slots=True)
class Why:
    """A term beside the words that gave it away."""

    term: Term
    evidence: str
    share: int  # of the strongest term, 0-100: the length of its bar


def why_of(row: FeedRow, texts: Mapping[Id, str]) -> list[Why]:
    """The terms of its priority, the strongest first. `texts` by post."""
    strongest = max((abs(term.points) for term in row.terms), default=1.0) or 1.0
    return [Why(term, _evidence(term, texts), round(100 * abs(term.points) / strongest)) for term in row.terms]


def spans_of(row: FeedRow) -> dict[Id, list[tuple[int, int]]]:
    """What to highlight in each post."""
    spans: dict[Id, list[tuple[int, int]]] = {}
    for term in row.terms:
        if term.post_id is not None and term.start is not None and term.end is not None:
            spans.setdefault(term.post_id, []).append((term.start, term.end))
    return spans


def _evidence(term: Term, texts: Mapping[Id, str]) -> str:
    if term.post_id is None or term.start is None or term.end is None:
        return ""
    return texts.get(term.post_id, "")[term.start : term.end]
