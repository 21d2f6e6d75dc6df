"""What somebody goes on to say behind his thanks, or behind the good news: "谢谢，但是资产不见了", "It works now, but
my balance is wrong". Read as a whole such a post sounds pleased; what stands behind the turn is what he waits for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aggregator.triage.entities.lists import always
from aggregator.triage.lexicon import Hit
from aggregator.triage.phrases import phrases
from aggregator.triage.terms import GRAVE
from aggregator.triage.thanks import GROUPS, in_doubt
from aggregator.triage.words import hits_of

_GOOD = ("thanks", "resolved", "praise")
_LONGEST = 300  # a long text tells more than one thing
_SHORTEST = 3
_TURN = re.compile(
    r"但是?|可是|可(?=[我钱錢币幣这這还還])|不过|不過|然而|只是|结果|結果|又(?=[提闪閃登打转轉出不没沒报報崩卡坏壞少])"
    r"|でも|しかし|ただ|けれど|けど|(?<=[たす])が(?=[、,\s])"
    r"|(?<=[다요])만(?=[\s,])|지만|근데|그런데|하지만|는데(?=[\s,])"
    r"|\b(?:but|however|although|except|yet|но|однако|pero|sin embargo|aunque|nhưng|tuy nhiên)\b"
)
_STOP = re.compile(r"\s*[,.!。、~\s]")


def behind_the_turn(text: str, hits: Mapping[str, Sequence[Hit]]) -> str:
    """The trouble that is told behind thanks or good news; "": none is.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it.
    """
    if len(text) > _LONGEST:
        return ""
    words = phrases("thanks", GROUPS)
    thanked = words["thanks"].match(text)
    opening = thanked or words["solved"].match(text)
    said = [hits[rule][0][1] for rule in _GOOD if rule in hits]
    if opening is None and not said:
        return ""
    start = opening.end if opening else min(said)
    turn = _TURN.search(text, start)
    # Of Chinese and English the model knows such posts well enough.
    if turn is None and thanked and "thanks" not in hits:
        turn = _STOP.match(text, start)
    return _trouble(text[turn.end() :].strip(" ,.!。、~")) if turn else ""


def _trouble(rest: str) -> str:
    if len(rest) < _SHORTEST:
        return ""
    hits = hits_of(rest)
    if "resolved" in hits and not in_doubt(rest, hits["resolved"]):
        return ""
    words = always()
    problems = [hit for hit in words.hits(rest).get("problem", ()) if words.any_stands(rest, [hit])]
    for over in phrases("thanks", GROUPS)["solved"].finditer(rest):
        if not any(start < over.end and over.start < end for _, start, end in problems):  # "не пришли" is one
            return ""
    return rest if problems or not GRAVE.isdisjoint(hits) else ""
