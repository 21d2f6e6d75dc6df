"""Whether the writer himself is why he cannot get in, or only set his own wallet up again.

"I forgot my password and can't get in" holds words of an outage, "I entered my recovery phrase and it says invalid"
those of a key that was given away. Neither is one: an account is locked. The words are those of phrases/own_doing.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aggregator.triage.lexicon import Hit
from aggregator.triage.phrases import phrases
from aggregator.triage.plainly import of_many

GROUPS = ("mislaid", "restored", "outside")
INSTEAD = "account_locked"

_MISTAKEN = ("app_down", "key_given")
# Beside one of these it is what it sounds like. Who finds no money behind his phrase may have met a false wallet.
_GRAVER = frozenset(
    {"danger_to_life", "funds_stolen", "taken", "security_report", "impersonation_report", "many_affected"}
)
_FUNDS = frozenset({"funds_missing", "gone"})
_LONGEST = 240  # a long text tells more than one thing
# Who tries another telephone when an app is down: "换了手机后也打不开".
_TRIED = re.compile(
    r"手[机機](?:[以之]?[后後])?[,\s]?(?:也|[还還]是|依然|照[样樣]|都)"
    r"|\bnew phone\b.{0,24}\b(?:too|as well|either)\b"
)


def own_doing(text: str, hits: Mapping[str, Sequence[Hit]]) -> Mapping[str, Sequence[Hit]] | None:
    """What was found, with what it comes to in place of what it sounds like; None: it is nobody's own doing.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it.
    """
    if not any(rule in hits for rule in _MISTAKEN) or len(text) > _LONGEST or not _GRAVER.isdisjoint(hits):
        return None
    words = phrases("own_doing", GROUPS)
    wrong = {"app_down"} & hits.keys() if is_mislaid(text) and not of_many(text) else set[str]()
    if "key_given" in hits:
        if not _FUNDS.isdisjoint(hits) or words["outside"].search(text):
            return None
        if words["restored"].search(text):
            wrong.add("key_given")
    if not wrong:
        return None
    left = {rule: found for rule, found in hits.items() if rule not in wrong}
    return {INSTEAD: hits[min(wrong)], **left}


def is_mislaid(text: str) -> bool:
    """Whether a password was forgotten, a phrase noted wrongly, a telephone changed or lost, or the like."""
    return phrases("own_doing", GROUPS)["mislaid"].search(text) is not None and _TRIED.search(text) is None
