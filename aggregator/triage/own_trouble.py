"""Whether somebody who uses words of those who lead others away tells a trouble of his own.

"I scanned the code and my coins are gone", "客服私信我一下，我也没到账": in a group such a customer stands right below
another one, as an impostor does. To lose a customer is the worse mistake: an impostor who tells such a
trouble is seen by a colleague. The words are those of phrases/own_trouble.yaml.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from aggregator.inquiry import Understanding
from aggregator.triage.phrases import AnyOf, phrases
from aggregator.triage.terms import GRAVE

GROUPS = ("me", "aside", "you", "cured")

_WAYS = frozenset({"handle", "wechat", "qq", "whatsapp", "telegram", "link"})
"""Entities by which somebody can be led away."""


def tells_own_trouble(searchable: str, meant: Understanding) -> bool:
    """Whether the writer has a trouble and asks for help, rather than offers it.

    Args:
        searchable: as `search_text` gives it.
        meant: what it means.
    """
    if meant.kind not in ("complaint", "emergency"):
        return False
    if "problem" not in meant.given and GRAVE.isdisjoint(reason.rule for reason in meant.reasons):
        return False
    words = _words()
    said = words["aside"].sub(" ", searchable)
    if words["cured"].search(said):
        return False
    if _WAYS.isdisjoint(meant.entities):
        return meant.kind == "emergency" or not words["you"].search(said)
    return bool(words["me"].search(said)) and not words["you"].search(said)


@functools.cache
def _words() -> Mapping[str, AnyOf]:
    return phrases("own_trouble", GROUPS)
