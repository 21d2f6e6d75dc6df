"""Whether a stranger asks the writer for the recovery phrase or key, and whether it was given.

"He wants me to send him my words" holds every word of a key that was given away, and none was. So words of giving do
not count inside of what was asked; outside of it, or as done (给了, 发过去了), they do. The phrases stand in
phrases/asked_for.yaml. The word lists and the model see the text as it is: this only says what it comes to.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from aggregator.triage.lexicon import Hit
from aggregator.triage.phrases import AnyOf, phrases

GROUPS = ("asks", "asked", "secret", "itself", "then", "gave", "refused", "restores")
CLUES = frozenset({"secret_word", "key_given", "impersonation_report", "told"})
"""Without one of these, or a name of the secret itself, nobody need look."""
RULE = "secret_asked"


class Asked(NamedTuple):
    """`how`: it was only asked for, or given. `where`: the words that say so."""

    how: Literal["asked", "given"]
    where: Hit


_GIVING = ("key_given", "told")
_NO_STORY = frozenset({"hypothetical", "news", "bait", "noise", "suggestion"})
_LONGEST = 400  # a long text tells more than one thing
_REACH = 48  # characters of a clause in which the secret is named after the asking
_BEFORE = 12  # characters in which somebody else than a person is named, or that it was refused
_BEHIND = 9
_LONGEST_NAME = 14  # characters of what is asked for, where the asking follows it
_CLAUSE = re.compile(r"[,.!?;:。、\n]")
_OWN = re.compile(r"(?:^|[\s,.!?;:。、])我$")  # "I want my words"
_DONE = re.compile(r"[了过]")


def asked_for(text: str, hits: Mapping[str, Sequence[Hit]]) -> Asked | None:
    """What a post says of it; None: nothing.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it.
    """
    told_otherwise = _NO_STORY.intersection(hits)
    if "impersonation_report" in hits:
        told_otherwise -= {"noise"}  # "somebody wrote to me" holds "write to me"
    if len(text) > _LONGEST or told_otherwise:
        return None
    if CLUES.isdisjoint(hits) and (text.isascii() or not _words()["secret"].search(text)):
        return None
    spans = _asked_in(text)
    if not spans:
        return None
    giving = [hit for rule in _GIVING for hit in hits.get(rule, ())]
    giving += [(start, end, None) for start, end, _ in _words()["gave"].finditer(text)]
    given = next((hit for hit in giving if _was_given(text, hit, spans)), None)
    return Asked("given", given) if given else Asked("asked", (*spans[0], None))


def _asked_in(text: str) -> list[tuple[int, int]]:
    """The clauses in which somebody wants the secret: from the asking to its end."""
    words = _words()
    found = []
    for start, end, _ in words["asks"].finditer(text):
        if _OWN.search(text, 0, start) or words["itself"].search(_clause_before(text, start)):
            continue
        rest = text[end : end + _REACH]
        clause, then = _CLAUSE.search(rest), words["then"].search(rest)
        until = min(clause.start() if clause else _REACH, then.start if then else _REACH)
        # The last word of the asking may be the first of what is asked: "asks for my words".
        until = min(len(text), end + until)
        if words["secret"].search(text, start, until) and not words["restores"].search(text, end, until):
            found.append((start, until))
    for start, end, _ in words["asked"].finditer(text):
        named = [match.start for match in words["secret"].finditer(text, max(0, start - _LONGEST_NAME), start)]
        if named and not words["itself"].search(_clause_before(text, named[0])):
            found.append((named[0], end))
    return found


def _clause_before(text: str, start: int) -> str:
    before = text[max(0, start - _BEFORE) : start]
    last = max((match.end() for match in _CLAUSE.finditer(before)), default=0)
    return before[last:]


def _was_given(text: str, hit: Hit, spans: Sequence[tuple[int, int]]) -> bool:
    start, end, _ = hit
    refused = _words()["refused"]
    if refused.search(_clause_before(text, start)) or refused.search(text, end, end + _BEHIND):
        return False
    asked = any(first <= start < last for first, last in spans)
    return not asked or bool(_DONE.search(text, start, end + 2))


@functools.cache
def _words() -> Mapping[str, AnyOf]:
    return phrases("asked_for", GROUPS)
