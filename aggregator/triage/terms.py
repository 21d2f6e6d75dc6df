"""What the words of one post are worth: its kind and the named terms of its priority.

The lexicons say which words stand where (`Lexicon.hits`); the rules here say what they mean together. Of what
is at stake only the strongest counts, so that a post does not rise by naming one trouble in three ways.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from aggregator.inquiry import Kind, Reason
from aggregator.triage.lexicon import Hit
from aggregator.triage.spans import Span
from aggregator.triage.thanks import Acknowledged, acknowledged

STAKES: dict[str, tuple[float, Kind]] = {
    "key_exposed": (100, "emergency"),
    "danger_to_life": (80, "emergency"),
    "key_given": (75, "emergency"),
    "funds_stolen": (65, "emergency"),
    "security_report": (60, "emergency"),
    "funds_missing": (55, "complaint"),
    "app_down": (50, "emergency"),
    "impersonation_report": (45, "complaint"),
    "account_locked": (42, "complaint"),
    "accusation": (42, "complaint"),
    "complaint": (30, "complaint"),
    "defect": (30, "complaint"),
    "pending": (26, "complaint"),
    "worried": (24, "question"),
    "fee_problem": (20, "complaint"),
    "question": (12, "question"),
    "suggestion": (5, "other"),
}
"""What can be at stake, strongest first: points, and the kind of a post where it is the strongest."""

WEIGHTS: dict[str, float] = {
    "threat_legal": 20,
    "threat_regulator": 20,
    "threat_media": 15,
    "unanswered_said": 15,
    "many_affected": 10,
    "anger": 8,
    "urgency": 6,
}
"""What makes any stake weigh more."""

SINKS: dict[str, float] = {"bait": -30, "noise": -30, "praise": -25, "thanks": -20}

RULES: dict[str, float] = {
    **{rule: points for rule, (points, _) in STAKES.items()},
    **WEIGHTS,
    **SINKS,
    "public": 6,
    "reach": 3,  # for each factor of ten in followers, at most REACH_MOST
}
"""Every rule and its points; connectors.yaml may override them."""

REACH_MOST = 15.0

CLUES = frozenset(
    {"money", "gone", "taken", "transfer", "not_here", "app", "wont_open", "secret_word", "told", "posing", "approach"}
    | {"hypothetical", "news", "resolved", "price_talk"}
)
"""Categories that count only together with others."""

CATEGORIES = frozenset(RULES) - {"key_exposed", "public", "reach"} | CLUES

# Two clues within so many characters are as good as a phrase of the lexicon: rule, one clue, the other.
_NEAR = 32
_MOST = 64  # so many of each are looked at: a huge post must not take long
_PAIRS = (
    ("key_given", "secret_word", "told"),
    ("funds_stolen", "money", "taken"),
    ("funds_missing", "money", "gone"),
    ("funds_missing", "transfer", "not_here"),
    ("funds_missing", "transfer", "gone"),
    ("impersonation_report", "posing", "approach"),
    ("app_down", "app", "wont_open"),
    ("app_down", "many_affected", "defect"),
)
# Words about a danger that was only thought of, read of, or is over, count no more.
_DANGERS = frozenset(STAKES) - {"key_exposed", "question", "suggestion", "complaint", "accusation"}
_HYPOTHETICAL = 40  # characters from "what if" to the danger
# Whoever says this is not told off as bait: it may be the victim who quotes it.
_HEARD = frozenset({"key_exposed", "key_given", "impersonation_report", "security_report", "danger_to_life"})
_GRIEVANCES = frozenset(WEIGHTS) - {"urgency", "many_affected"}
_SLIGHT = (None, "question", "suggestion")
_COMPLAINING = ("unanswered_said", "threat_legal", "threat_regulator", "threat_media")
# Long posts in which nobody speaks of himself tell of the world; these words are common there.
_WORLDLY = frozenset({"funds_stolen", "danger_to_life", "accusation", "threat_legal", "threat_regulator"})
_LONG = 90
_MARKET_LOSS = frozenset({"funds_missing", "funds_stolen"})
_MANY_ADS = 3
# Looked for only where needed, since they stand in nearly every post.
_OWN = re.compile(r"我|俺|本人|\b(?:i|i'm|im|i've|ive|my|me|mine|we|our|us)\b")
_CONTRAST = re.compile(
    r"但|可是|不过|不過|然而|却|卻|还是没|還是沒|还是不|還是不|仍|又不见|又没了|又被|又出现|只是|结果|結果"
    r"|\b(?:but|however|still|yet|again|although|though|except)\b"
)
_SHOUTING = re.compile(r"[!?]{3,}")


class Found(Protocol):
    """A secret that masking found. `published`: a known test vector, no alarm."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def published(self) -> bool: ...


def weigh(
    text: str,
    hits: dict[str, list[Hit]],
    *,
    public: bool,
    followers: int | None,
    secrets: Sequence[Found],
    span: Span,
    points: Mapping[str, float],
) -> tuple[Kind, tuple[Reason, ...], Acknowledged]:
    """Kind, reasons, and what the post acknowledges, if it does nothing else.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it, and are used up.
        followers: None: not told.
        points: overrides of RULES.
    """
    leaked = next((secret for secret in secrets if not secret.published), None) if secrets else None
    if not hits and leaked is None and "?" not in text and not acknowledged(text, hits):
        return "other", (), ""
    _combine(hits)
    _drop_what_is_not_so(text, hits)
    stake = "key_exposed" if leaked else _stake(text, hits, points)
    heard = acknowledged(text, hits) if stake is None else ""
    if sink := _sink(text, hits, stake, heard):
        kind: Kind = "praise" if sink in ("praise", "thanks") else "noise"
        where = hits[sink][0] if sink in hits else (0, len(text), None)
        return kind, (_reason(sink, where, span, points),), heard if sink == "thanks" else ""
    said = [_reason(rule, _strongest(hits[rule]), span, points) for rule in _weights(text, hits, stake)]
    if leaked:
        exposed = Reason("key_exposed", points.get("key_exposed", RULES["key_exposed"]), leaked.start, leaked.end)
        said.insert(0, exposed)
        if "bait" in hits:  # perhaps a honeypot: still seen by us, behind those that are surely leaks
            said.append(_reason("bait", hits["bait"][0], span, points))
    elif stake:
        said.insert(0, _reason(stake, _strongest(hits[stake]), span, points))
    if not said:
        return "other", (), ""
    if public:
        said += _publicity(followers, points)
    return STAKES[stake][1] if stake else _kind_without_stake(hits), tuple(said), ""


def _combine(hits: dict[str, list[Hit]]) -> None:
    """Turn two clues that stand near each other into the rule that they mean together."""
    for rule, one, other in _PAIRS:
        if one not in hits or other not in hits or rule in hits:
            continue
        others = hits[other][:_MOST]
        for start, end, _ in hits[one][:_MOST]:
            near = next((hit for hit in others if hit[0] - end <= _NEAR and start - hit[1] <= _NEAR), None)
            if near is not None:
                hits[rule] = [(min(start, near[0]), max(end, near[1]), None)]
                break


def _drop_what_is_not_so(text: str, hits: dict[str, list[Hit]]) -> None:
    """Take away dangers that are over, that happened to others, or that were only thought of."""
    if "price_talk" in hits:
        # A market takes money too, and nobody can give it back.
        hits["noise"] = hits.get("noise", []) + hits["price_talk"]
        if _GRIEVANCES.isdisjoint(hits):
            _drop(hits, _MARKET_LOSS)
    if _is_over(text, hits):
        hits["thanks"] = hits["resolved"][-1:]
        _drop(hits, _DANGERS)
    elif "news" in hits and not _OWN.search(text):
        hits["noise"] = hits["news"]
        _drop(hits, _DANGERS)
    elif "hypothetical" in hits:
        _drop_hypothetical(hits)
    if len(text) > _LONG and not _WORLDLY.isdisjoint(hits) and not _OWN.search(text):
        _drop(hits, _WORLDLY)


def _is_over(text: str, hits: dict[str, list[Hit]]) -> bool:
    """It was put right: said after the trouble, and no "but" behind it."""
    if "resolved" not in hits:
        return False
    start, end, _ = hits["resolved"][-1]
    if _CONTRAST.search(text, end):
        return False
    return not any(hits[rule][-1][0] > start for rule in _DANGERS & hits.keys())


def _drop(hits: dict[str, list[Hit]], rules: frozenset[str]) -> None:
    for rule in rules & hits.keys():
        del hits[rule]


def _drop_hypothetical(hits: dict[str, list[Hit]]) -> None:
    doubts = [doubt[0] for doubt in hits["hypothetical"]]
    for rule in _DANGERS & hits.keys():
        real = [hit for hit in hits[rule] if not any(0 <= hit[0] - doubt <= _HYPOTHETICAL for doubt in doubts)]
        if real:
            hits[rule] = real
        else:
            del hits[rule]
            hits.setdefault("question", hits["hypothetical"])


def _stake(text: str, hits: dict[str, list[Hit]], points: Mapping[str, float]) -> str | None:
    """The strongest of what is at stake. A question mark asks, if nothing else does."""
    if "question" not in hits and (mark := text.find("?")) >= 0:
        hits["question"] = [(mark, mark + 1, None)]
    best, most = None, -math.inf
    for rule in hits:
        if rule in STAKES and (worth := points.get(rule, RULES[rule])) > most:
            best, most = rule, worth
    if best in _SLIGHT and (grievance := next((rule for rule in _COMPLAINING if rule in hits), None)):
        # Who asks again or threatens has something to complain of, and praise is then meant the other way.
        hits["complaint"] = [(start, end, None) for start, end, _ in hits[grievance]]
        return "complaint"
    return best


def _sink(text: str, hits: dict[str, list[Hit]], stake: str | None, heard: Acknowledged) -> str | None:
    """Why this post is for nobody to answer; None: it is not so."""
    if "bait" in hits:
        return None if stake in _HEARD else "bait"
    if stake != "key_exposed" and len(hits.get("noise", ())) >= _MANY_ADS and not _OWN.search(text):
        return "noise"
    if stake not in (*_SLIGHT, "complaint") or not _GRIEVANCES.isdisjoint(hits):
        return None
    if heard:
        return "thanks"
    if "noise" in hits and (stake is None or len(hits["noise"]) > 1):
        return "noise"
    if stake is not None:
        return None
    return "praise" if "praise" in hits else None


def _weights(text: str, hits: dict[str, list[Hit]], stake: str | None) -> list[str]:
    """What makes it weigh more. Blame beside a graver matter is anger, and so is shouting."""
    if "anger" not in hits and stake not in _SLIGHT:
        blame = next((rule for rule in ("accusation", "complaint") if rule in hits and rule != stake), None)
        if blame:
            hits["anger"] = hits[blame]
        elif shout := _SHOUTING.search(text):
            hits["anger"] = [(*shout.span(), None)]
    return [rule for rule in WEIGHTS if rule in hits]


def _kind_without_stake(hits: dict[str, list[Hit]]) -> Kind:
    return "other" if _GRIEVANCES.isdisjoint(hits) else "complaint"


def _reason(rule: str, hit: Hit, span: Span, points: Mapping[str, float]) -> Reason:
    worth = points.get(rule, RULES[rule]) if hit[2] is None else hit[2]
    return Reason(rule, worth, *span(hit[0], hit[1]))


def _strongest(found: list[Hit]) -> Hit:
    return found[0] if len(found) == 1 else max(found, key=_points_of)


def _points_of(hit: Hit) -> float:
    return hit[2] or 0.0


def _publicity(followers: int | None, points: Mapping[str, float]) -> list[Reason]:
    facts = [_said_in_public(points.get("public", RULES["public"]))]
    if followers and followers > 1:
        reach = points.get("reach", RULES["reach"]) * math.log10(followers)
        facts.append(Reason("reach", min(REACH_MOST, round(reach, 1))))
    return facts


@functools.cache
def _said_in_public(points: float) -> Reason:
    return Reason("public", points)
