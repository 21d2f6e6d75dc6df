"""Whether somebody says in so many words that an emergency, or something serious, has happened to himself.

The model was trained on many stories, jokes and oblique words, and doubts some of the plainest ones, though eight hands
wrote such. Unless it doubts them much, here words decide: those of phrases/plainly.yaml around those of the lexicons.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from aggregator.triage.lexicon import Hit
from aggregator.triage.phrases import phrases

GROUPS = ("mine", "self", "joke", "story")
SAID_OF = {"funds_stolen": "mine", "key_given": "self"}
"""What can be said plainly, and the group of words that must stand beside it."""
SERIOUS = ("funds_missing", "account_locked")
"""Serious troubles; whose they are needs no saying."""

_NAMED = frozenset({"danger_to_life", *SAID_OF, *SERIOUS})
_ELSE = frozenset({"resolved", "noise", "news", "hypothetical", "price_talk", "praise", "bait", "suggestion"})
_NEAR = 16  # characters of the clause before the word, in Chinese; twice as many in Latin letters
_LONGEST = 240  # a long text tells more than one thing
_CLAUSE = re.compile(r"[,.!?;:。、\n]")
_DOUBT = re.compile(r"[?？]\s*$|[\"“”「『«]")  # it is asked, or somebody else's words


def plainly(text: str, hits: Mapping[str, Sequence[Hit]]) -> str | None:
    """The emergency or the serious trouble that the writer says to have met; None: none is said so.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it.
    """
    if len(text) > _LONGEST or _NAMED.isdisjoint(hits):
        return None
    said = _said(text, hits)
    if said is None or _DOUBT.search(text) or _words()["joke"].search(text):
        return None
    return None if said != "danger_to_life" and _words()["story"].search(text) else said


def _said(text: str, hits: Mapping[str, Sequence[Hit]]) -> str | None:
    if "danger_to_life" in hits:  # rather once too often
        return "danger_to_life"
    said = next((rule for rule in SAID_OF if rule in hits and _is_own(text, SAID_OF[rule], hits[rule])), None)
    if said is None and _ELSE.isdisjoint(hits):
        said = next((rule for rule in SERIOUS if rule in hits), None)
    return said


def _is_own(text: str, group: str, found: Sequence[Hit]) -> bool:
    return any(_words()[group].search(_clause(text, start, end)) for start, end, _ in found)


def _clause(text: str, start: int, end: int) -> str:
    """The word with what stands around it in its clause."""
    near = _NEAR if text[start] > "\u2e80" else 2 * _NEAR
    before = text[max(0, start - near) : start]
    last = max((match.end() for match in _CLAUSE.finditer(before)), default=0)
    behind = _CLAUSE.split(text[end : end + near // 2], maxsplit=1)[0]
    return before[last:] + text[start:end] + behind


@functools.cache
def _words() -> Mapping[str, re.Pattern[str]]:
    return phrases("plainly", GROUPS)
