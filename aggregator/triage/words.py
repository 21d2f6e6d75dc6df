"""Which words of the lists stand in a text."""

from __future__ import annotations

import functools

from aggregator.triage.lexicon import LEXICONS, Hit, Lexicon, load
from aggregator.triage.terms import CATEGORIES, combine


def hits_of(searched: str) -> dict[str, list[Hit]]:
    """category -> where its words stand in a text, as `search_text` gives it; what two clues mean together, too."""
    hits = lexicon().hits(searched)
    combine(hits)
    return hits


@functools.cache
def lexicon() -> Lexicon:
    """All word lists.

    Raises:
        ConfigError: every mistake in them, with file and line.
    """
    return load(LEXICONS, CATEGORIES)
