"""Whether somebody says in so many words that an emergency, or something serious, has happened to himself.

The model was trained on many stories, jokes and oblique words, and doubts some of the plainest ones, though eight hands
wrote such. Unless it doubts them much, here words decide: those of phrases/plainly.yaml around those of the lexicons.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from aggregator.triage.lexicon import Hit
from aggregator.triage.phrases import AnyOf, phrases

GROUPS = (
    "mine", "self", "everyone", "joke", "story", "elsewhere", "unsure", "what_now", "calls", "as_us", "somebody",
)  # fmt: skip
SAID_OF = {"funds_stolen": "mine", "key_given": "self", "app_down": "everyone"}
"""What can be said plainly, and the group of words that must stand beside it."""
SERIOUS = ("funds_missing", "account_locked")
"""Serious troubles; whose they are needs no saying."""

IMPOSTOR = "impersonation_report"

_NAMED = frozenset({"danger_to_life", *SAID_OF, *SERIOUS, IMPOSTOR})
_ELSE = frozenset({"resolved", "noise", "news", "hypothetical", "price_talk", "praise", "bait", "suggestion"})
_NO_REPORT = _ELSE - {"noise"}  # "he told me to add him" holds "add him"
_NEAR = 16  # characters of the clause before the word, in Chinese; twice as many in Latin letters
_LONGEST = 240  # a long text tells more than one thing
_CLAUSE = re.compile(r"[,.!?;:。、\n]")
_QUOTE = re.compile(r"[\"“”„«»「」『』]")
_ASKED = re.compile(r"\?\s*$")


def plainly(text: str, hits: Mapping[str, Sequence[Hit]]) -> str | None:
    """The emergency or the serious trouble that the writer says to have met; None: none is said so.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it.
    """
    if len(text) > _LONGEST or _NAMED.isdisjoint(hits):
        return None
    met = _met(text, hits)
    if met is None or _words()["joke"].search(text):  # looked for last, for it takes longest
        return None
    return met if met == "danger_to_life" or not _words()["story"].search(text) else None


def _met(text: str, hits: Mapping[str, Sequence[Hit]]) -> str | None:
    """The same, whether it is meant or not."""
    if "danger_to_life" in hits:  # rather once too often
        return "danger_to_life" if any(_is_said(text, *hit[:2]) for hit in hits["danger_to_life"]) else None
    for rule, group in SAID_OF.items():
        if any(_is_own(text, group, start, end) for start, end, _ in hits.get(rule, ())):
            return rule
    if poses(text, hits):
        return IMPOSTOR
    if not _ELSE.isdisjoint(hits):
        return None
    serious = ((rule, hit) for rule in SERIOUS for hit in hits.get(rule, ()))
    return next((rule for rule, (start, end, _) in serious if _is_said(text, start, end)), None)


def poses(text: str, hits: Mapping[str, Sequence[Hit]]) -> bool:
    """Whether the writer says of somebody that he poses as one of us, now, to him or in a group."""
    if IMPOSTOR not in hits or not _NO_REPORT.isdisjoint(hits) or not _words()["somebody"].search(text):
        return False
    return any(_is_own(text, "as_us", start, end) for start, end, _ in hits[IMPOSTOR])


def calls_us(text: str) -> bool:
    """Whether the writer asks us to write to him ("客服私信我", "admin please DM me"), as no advertising does."""
    return _words()["calls"].search(text) is not None


def of_many(text: str) -> bool:
    """Whether it says that many have met the same."""
    return _words()["everyone"].search(text) is not None


def _is_own(text: str, group: str, start: int, end: int) -> bool:
    """Whether this has happened to the writer, to somebody near, or, where the app is down, to many."""
    there = text if group == "everyone" else _clause(text, start, end)
    if not _words()[group].search(there) or (group == "mine" and _words()["elsewhere"].search(text)):
        return False
    return is_told(text, start, end)


def is_told(text: str, start: int, end: int) -> bool:
    """Whether the words between these offsets tell what has happened, and not what may have."""
    return not _words()["unsure"].search(_clause(text, start, end)) and _is_said(text, start, end)


def _is_said(text: str, start: int, end: int) -> bool:
    """Whether it is neither asked ("was I hacked?", but not "I was hacked, what now?") nor in somebody else's words."""
    if len(_QUOTE.findall(text, 0, start)) % 2:
        return False
    rest = text[end:]
    return not _ASKED.search(rest) or bool(_CLAUSE.search(rest.rstrip("? "))) or bool(_words()["what_now"].search(rest))


def _clause(text: str, start: int, end: int) -> str:
    """The word with what stands around it in its clause."""
    near = _NEAR if text[start] > "\u2e80" else 2 * _NEAR
    before = text[max(0, start - near) : start]
    last = max((match.end() for match in _CLAUSE.finditer(before)), default=0)
    behind = _CLAUSE.split(text[end : end + near // 2], maxsplit=1)[0]
    return before[last:] + text[start:end] + behind


@functools.cache
def _words() -> Mapping[str, AnyOf]:
    return phrases("plainly", GROUPS)
