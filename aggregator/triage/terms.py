"""What one post is worth: its kind and the named terms of its priority.

How grave it reads is told by the model (aggregator/triage/model); the word lists tell what it is about, so that the
term has a name, and what else weighs. Of what is at stake only the strongest counts: nobody rises by naming one trouble
in three ways.
"""

from __future__ import annotations

import functools
import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from aggregator.inquiry import Kind, Reason
from aggregator.triage import asked_for
from aggregator.triage.laughing import laughs_bitterly
from aggregator.triage.little import too_little
from aggregator.triage.own_doing import own_doing
from aggregator.triage.plainly import IMPOSTOR, calls_us, is_told, plainly, poses
from aggregator.triage.soliciting import solicits
from aggregator.triage.thanks import Acknowledged, acknowledged, ends_well, greets, in_doubt, objects

if TYPE_CHECKING:
    from aggregator.triage.lexicon import Hit
    from aggregator.triage.spans import Span


STAKES: dict[str, int] = {
    "danger_to_life": 4,
    "key_given": 4,
    "funds_stolen": 4,
    "security_report": 4,
    "app_down": 4,
    "funds_missing": 3,
    "impersonation_report": 3,
    "secret_asked": 3,
    "account_locked": 3,
    "accusation": 3,
    "complaint": 2,
    "defect": 2,
    "pending": 2,
    "worried": 2,
    "fee_problem": 2,
    "question": 1,
    "suggestion": 1,
}
"""What a post can be about, strongest first, and the grade of most messages that are about it."""

READS: dict[int, str] = {4: "reads_emergency", 3: "reads_serious", 2: "reads_fault", 1: "reads_minor"}
"""The name of the stake where no word of the lists names it, by grade."""

AT_STAKE = frozenset({"key_exposed", *STAKES, *READS.values()})

GIVEN = frozenset({"key_exposed", "key_given"})
ROBBED = GIVEN | {"funds_stolen"}
"""Whoever says so loses, or has lost, funds: no news for everybody is an answer."""

STEPS: dict[int, float] = {1: 6, 2: 12, 3: 40, 4: 42}
"""What it adds to how grave a post reads to be at least of this grade; each counts as far as it is likely."""

USUALLY = (
    (0, 0), (6, 6), (18, 15), (30, 24), (42, 35), (54, 50), (60, 56), (72, 60), (84, 67), (90, 72), (94, 82), (97, 88),
    (100, 100),
)  # fmt: skip
"""How grave a post reads, and what that is worth: the model takes what it reads for a message of its corpus, where
every fifth one is an emergency; on a usual day few are. `python -m benchmarks.grading --usually` tells them anew."""
_PLACES = [reads for reads, _ in USUALLY]

PLAINLY = {
    "danger_to_life": 92.0, "funds_stolen": 92.0, "key_given": 92.0, "app_down": 82.0,
    "funds_missing": 42.0, "account_locked": 42.0, "secret_asked": 42.0, IMPOSTOR: 62.0,
}  # fmt: skip
"""The least points of what is said in so many words."""
AGREED = 82.0
"""The least points where the word lists name one of `_NAMED_SURELY`, and the model, too, takes it for an emergency."""


def _surely(level: int) -> float:
    """The points of a post that is surely of this grade and no higher one."""
    return usually(sum(STEPS[step] for step in range(1, level + 1)))


def usually(reads: float) -> float:
    """The points of a post that reads so grave, between the places of USUALLY."""
    at = bisect_left(_PLACES, reads, 1)
    if at == len(USUALLY):
        return USUALLY[-1][1]
    (low, few), (high, many) = USUALLY[at - 1], USUALLY[at]
    return few + (reads - low) / (high - low) * (many - few)


WEIGHTS: dict[str, float] = {
    "threat_legal": 6,
    "threat_regulator": 6,
    "threat_media": 5,
    "threat": 5,
    "unanswered_said": 8,
    "many_affected": 4,
    "anger": 2,
    "urgency": 2,
}
"""What makes any stake weigh more."""

SINKS: dict[str, float] = {"bait": -30, "noise": -30, "praise": -25, "thanks": -20}

RULES: dict[str, float] = {
    "key_exposed": 105,
    **{rule: _surely(level) for rule, level in STAKES.items()},
    **{rule: _surely(level) for level, rule in READS.items()},
    **WEIGHTS,
    **SINKS,
    "public": 4,
    "reach": 3,  # for each factor of ten in followers, at most REACH_MOST
}
"""Every rule and its points; connectors.yaml may override them. A stake's are those of a post that is surely of its
level: what the model says moves them, and what connectors.yaml adds or takes is added or taken."""

REACH_MOST = 12.0

CLUES = frozenset(
    {"money", "gone", "taken", "transfer", "not_here", "app", "wont_open", "secret_word", "told", "posing", "approach"}
    | {"hypothetical", "news", "resolved", "price_talk", "small_fault", "advice"}
)
"""Categories that count only together with others, or only for the model."""

CATEGORIES = frozenset(STAKES) - {asked_for.RULE} | frozenset(WEIGHTS) - {"threat"} | frozenset(SINKS) | CLUES
"""What a word list may hold."""

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
_FIRST_CLUES = frozenset(one for _, one, _ in _PAIRS)
_THREATS = ("threat_legal", "threat_regulator", "threat_media")
_SURE, _MAYBE = 0.5, 0.15  # how likely a yes must be, alone and beside a word of the lists
# How likely a grade must be to be called so. The graver, the more: on a usual day few messages are (see USUALLY).
_CALLED = (0.5, 0.55, 0.65, 0.82)
_CREDIBLE = {4: 0.3, 3: 0.25}  # how likely it must be at least serious, for plain words of this grade to be believed
_LEAST_CREDIBLE = min(_CREDIBLE.values())
_UNDOUBTED = frozenset({"danger_to_life", IMPOSTOR})
_NAMED_SURELY, _AGREES = frozenset({"funds_stolen", "key_given", "security_report"}), 0.75
_CALM, _PLEASED = 0.3, 0.03  # how serious and how pleased it may sound when somebody says that all is well again
_AT_EASE, _WANTS = 0.2, 0.45  # how likely it may want anything, in words of his own and in those of the lists
_LEAST = 1.0  # fewer points are no reason
# How likely each grade is at most: of advice to others, and of a small fault.
_HELPS, _SMALL = (1.0, 0.4, 0.2, 0.05), (1.0, 1.0, 0.2, 0.05)
TROUBLED = (0.9, 0.6, 0.0, 0.0)
"""How likely each grade is at least where a trouble is told that the model does not hear."""
# Of a phrase that was asked for and not given: grave, and no emergency.
_ASKED = (1.0, 1.0, 1.0, 0.5)
_OWN_DOING = (1.0, 1.0, 1.0, 0.05)
# Of what says too little: a call for help is seen soon, a price never.
_LITTLE = {"call": (1.0, 0.95, 0.45, 0.05), "price": (0.5, 0.1, 0.05, 0.0)}
# How likely each grade is at least where somebody laughs over coins that are gone.
_BITTER = (1.0, 0.9, 0.6, 0.0)
_LITTLE_SAID = 0.3  # how likely a fault must be at least, or too little to be told from it does no harm
_MYSELF = re.compile(r"我|\b(?:i|i'm|i've|my|me)\b")
_RANKED = tuple(STAKES)
_ORDER = {rule: number for number, rule in enumerate(_RANKED)}
_GRAVER = frozenset(rule for rule, level in STAKES.items() if level >= 3) | {
    "money",
    "taken",
    "secret_word",
    "approach",
}
_HARM = frozenset({"funds_stolen", "taken", "danger_to_life", "security_report"})
_KIND_WORDS = frozenset({"praise", "thanks", "resolved"})
GRAVE = frozenset(rule for rule, level in STAKES.items() if level >= 2)
_PRETEXT = GRAVE | {"resolved", "approach"}  # what advertising speaks of that offers to mend it


class Found(Protocol):
    """A secret that masking found. `published`: a known test vector, no alarm."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def published(self) -> bool: ...


class Grade(Protocol):
    """How a post reads, by the model: each 0 (surely not) to 1."""

    @property
    def levels(self) -> Sequence[float]:
        """How likely its grade is at least 1, 2, 3, 4; falling."""

    def says(self, head: str) -> float:
        """How likely another question (`anger`, `threat`, `spam` ...) is answered by yes."""

    def words(self) -> str:
        """The words that say most for it, in the form of `search_text`; empty: none do."""


def falling(likely: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely grades of at least 1, 2, 3, 4 are, for each text of a page, none likelier than the one below:
    half what the lower ones allow, half what the higher ones imply. What is surely an emergency stands high, though it
    reads like talk."""
    at_most = np.minimum.accumulate(likely, axis=1)
    at_least = np.maximum.accumulate(likely[:, ::-1], axis=1)[:, ::-1]
    return (at_most + at_least) / 2


def weigh(
    text: str,
    hits: Mapping[str, Sequence[Hit]],
    grade: Grade,
    *,
    public: bool,
    followers: int | None,
    secrets: Sequence[Found],
    span: Span,
    points: Mapping[str, float],
    coded: bool = False,
    problem: bool = False,
) -> tuple[Kind, tuple[Reason, ...], Acknowledged]:
    """Kind, reasons, and what the post acknowledges, if it does nothing else.

    Args:
        text: as `search_text` gives it; `hits` are offsets into it.
        grade: how grave it reads.
        followers: None: not told.
        points: overrides of RULES.
        coded: it names an error by its code, and no money.
        problem: it names a problem in a language in which the model knows few (`_weighed` in this package).
    """
    leaked = next((secret for secret in secrets if not secret.published), None) if secrets else None
    called = not (leaked or GRAVE.isdisjoint(hits)) and calls_us(text)
    bait = not called and grade.says("bait") > (_MAYBE if "bait" in hits else 1.0 if leaked else _SURE)
    if not (bait or leaked or called or _PRETEXT.isdisjoint(hits)):
        bait = solicits(text)
    if leaked:
        worth = points.get("key_exposed", RULES["key_exposed"])
        said = [Reason("key_exposed", worth, leaked.start, leaked.end)]
        if bait:  # perhaps a honeypot: still seen by us, behind those that are surely leaks
            said.append(_reason("bait", hits.get("bait"), span, points))
        kind: Kind = "emergency"
        level = 4
    else:
        helps = "advice" in hits and "?" not in text and not _MYSELF.search(text)
        levels = _levels(grade, hits, helps=helps, coded=coded or bool(secrets))  # published ones: an example
        hits, levels, asked = _told(text, hits, levels)
        plain = None if bait else (asked or (plainly(text, hits) if called else _plain(text, hits, levels)))
        if plain == asked_for.RULE and poses(text, hits):
            plain = IMPOSTOR
        level = max(_level(levels, hits), STAKES[plain] if plain else 2 if called else 0)
        doubted = "resolved" in hits and in_doubt(text, hits["resolved"])
        calm = level <= 2 and GRAVE.isdisjoint(hits) and not (doubted or bait)
        heard = _heard(text, hits, grade, levels) if calm else ""
        if not heard and level < 2 and (least := _at_least(text, hits, grade, problem=problem)):
            levels = [max(both) for both in zip(levels, least, strict=True)]
            level = _level(levels, hits)
        sink = "thanks" if heard else _sink(hits, grade, level, bait=bait)
        if sink and not (sink == "praise" and (doubted or greets(text))):
            kind = "praise" if sink in ("praise", "thanks") else "noise"
            if sink == "praise" and objects(text):  # "please hurry, thanks" is friendly, and waits
                kind = "other"
            return kind, (_reason(sink, hits.get(sink), span, points),), heard
        kind, stake = _about(hits, grade, level)
        kind = "other" if helps and not plain else kind
        worth = max(_worth(levels), PLAINLY[plain] if plain else 0, _agreed(text, hits, levels))
        worth += points.get(stake, RULES[stake]) - RULES[stake]
        if worth < _LEAST:
            return kind, (), ""
        said = [Reason(stake, round(worth, 1), *_evidence(text, hits.get(stake), grade, span))]
    said += [_reason(rule, hits.get(rule), span, points) for rule in _weights(hits, grade, level)]
    if public:
        said += _publicity(followers, points)
    return kind, tuple(said), ""


def _at_least(
    text: str, hits: Mapping[str, Sequence[Hit]], grade: Grade, *, problem: bool
) -> tuple[float, float, float, float] | None:
    """How likely each grade is at least, where the model does not hear a trouble that is told; None: none is."""
    if laughs_bitterly(text, hits):
        return _BITTER
    return TROUBLED if problem and _tells("?" in text, grade) else None


def _tells(asks: bool, grade: Grade) -> bool:
    return not (asks or grade.says("asks") > _SURE or grade.says("spam") > _SURE or grade.says("chatter") > _SURE)


def combine(hits: dict[str, list[Hit]]) -> None:
    """Add the rule that two clues mean together which stand near each other. A small fault is a defect, too."""
    if "small_fault" in hits:
        hits.setdefault("defect", hits["small_fault"])
    if len(hits) < 2 or _FIRST_CLUES.isdisjoint(hits):
        return
    for rule, one, other in _PAIRS:
        if one not in hits or other not in hits or rule in hits:
            continue
        others = hits[other][:_MOST]
        for start, end, _ in hits[one][:_MOST]:
            near = next((hit for hit in others if hit[0] - end <= _NEAR and start - hit[1] <= _NEAR), None)
            if near is not None:
                hits[rule] = [(min(start, near[0]), max(end, near[1]), None)]
                break


def _levels(grade: Grade, hits: Mapping[str, Sequence[Hit]], *, helps: bool, coded: bool) -> Sequence[float]:
    """How likely each grade is. Who helps others has no trouble himself, however grave theirs sounds. A small fault,
    or one with a code, is no serious one, though it is told at length, unless the words name something graver."""
    small = (coded or "small_fault" in hits) and _GRAVER.isdisjoint(hits)
    if not (helps or small):
        return grade.levels
    return [min(likely, most) for likely, most in zip(grade.levels, _HELPS if helps else _SMALL, strict=True)]


def _told(
    text: str, hits: Mapping[str, Sequence[Hit]], levels: Sequence[float]
) -> tuple[Mapping[str, Sequence[Hit]], Sequence[float], Literal["secret_asked", "key_given"] | None]:
    """What was found, how likely each grade is, and what `_asked` says, where it is less grave than it sounds: said in
    too few words, only asked for, or of the writer's own doing."""
    most: tuple[float, float, float, float] | None = None
    if levels[1] > _LITTLE_SAID and GRAVE.isdisjoint(hits) and (little := too_little(text)):
        most = _LITTLE[little]
    hits, asked = _asked(text, hits)
    if asked == asked_for.RULE and _HARM.isdisjoint(hits):
        most = _ASKED
    elif not asked and (own := own_doing(text, hits)):
        hits, most = own, _OWN_DOING
    return hits, [min(both) for both in zip(levels, most, strict=True)] if most else levels, asked


def _asked(
    text: str, hits: Mapping[str, Sequence[Hit]]
) -> tuple[Mapping[str, Sequence[Hit]], Literal["secret_asked", "key_given"] | None]:
    """What was found, where a stranger asks for the phrase: that it was given, or that it was only asked for. That it
    was given is taken as said where no word list knows the language: the model hardly does."""
    said = asked_for.asked_for(text, hits)
    if said is None or "danger_to_life" in hits:
        return hits, None
    if said.how == "given":
        return {"key_given": [said.where], **hits}, "key_given" if asked_for.CLUES.isdisjoint(hits) else None
    left = {rule: found for rule, found in hits.items() if rule != "key_given"}
    return {**left, "secret_asked": [said.where]}, "secret_asked"


def _plain(text: str, hits: Mapping[str, Sequence[Hit]], levels: Sequence[float]) -> str | None:
    """What is said plainly, if the model has no strong doubts; danger to life and an impostor whatever it doubts."""
    if levels[2] <= _LEAST_CREDIBLE and _UNDOUBTED.isdisjoint(hits):
        return None
    plain = plainly(text, hits)
    return plain if plain and (plain in _UNDOUBTED or levels[2] > _CREDIBLE[STAKES[plain]]) else None


def _agreed(text: str, hits: Mapping[str, Sequence[Hit]], levels: Sequence[float]) -> float:
    if levels[3] <= _AGREES or _NAMED_SURELY.isdisjoint(hits):
        return 0
    return AGREED if any(is_told(text, *hit[:2]) for rule in _NAMED_SURELY for hit in hits.get(rule, ())) else 0


def _heard(text: str, hits: Mapping[str, Sequence[Hit]], grade: Grade, levels: Sequence[float]) -> Acknowledged:
    """What it acknowledges; or that it tells how all ended well, in words that no list has."""
    if heard := acknowledged(text, hits):
        return "" if heard == "solved" and levels[0] >= _WANTS else heard
    if "resolved" not in hits or "?" in text or levels[2] >= _CALM:
        return ""
    if not ends_well(text, hits["resolved"]) or grade.says("asks") > _SURE:
        return ""
    pleased = grade.says("praise")
    at_ease = levels[0] < _AT_EASE and (pleased > _PLEASED or not objects(text))
    return "solved" if at_ease or pleased > _SURE else ""


def _level(levels: Sequence[float], hits: Mapping[str, Sequence[Hit]]) -> int:
    """The highest grade that is likely enough; 0: none is. Who says that nobody answered has a trouble."""
    one, two, three, four = levels
    called = (one > _CALLED[0]) + (two > _CALLED[1]) + (three > _CALLED[2]) + (four > _CALLED[3])
    return 2 if called < 2 and "unanswered_said" in hits else called


def _worth(levels: Sequence[float]) -> float:
    one, two, three, four = levels
    return usually(STEPS[1] * one + STEPS[2] * two + STEPS[3] * three + STEPS[4] * four)


def _sink(hits: Mapping[str, Sequence[Hit]], grade: Grade, level: int, *, bait: bool) -> str | None:
    """Why this post is for nobody to answer; None: it is not so."""
    if bait:
        return "bait"
    if level <= 1 and grade.says("spam") > (0.35 if "noise" in hits else _SURE):
        return "noise"
    if level <= 2 and _of_the_market(hits, grade):
        return "noise"
    if level:
        return None
    if grade.says("praise") > _SURE and (GRAVE.isdisjoint(hits) or not _KIND_WORDS.isdisjoint(hits)):
        return "praise"
    return "noise" if "noise" in hits or "price_talk" in hits or "news" in hits else None


def _of_the_market(hits: Mapping[str, Sequence[Hit]], grade: Grade) -> bool:
    """Whether what is gone went with the prices: of 10 such messages that it never saw, 9 were noise, one a fault."""
    return len(hits.get("price_talk", ())) > 1 and grade.says("chatter") > _SURE and grade.says("complaint") < 0.2


def _about(hits: Mapping[str, Sequence[Hit]], grade: Grade, level: int) -> tuple[Kind, str]:
    """The kind, and what is at stake: what the words name, if it is about as grave as the post reads."""
    about = max(level, 1)
    named = [_ORDER[rule] for rule in hits if rule in STAKES and abs(STAKES[rule] - about) <= 1]
    stake = _RANKED[min(named)] if named else READS[about]
    if level == 4:
        return "emergency", stake
    if level >= 2:
        return "complaint", stake
    asks = grade.says("asks") > _SURE
    if asks and stake == READS[1]:
        stake = "question"
    return "question" if asks or stake == "question" else "other", stake


def _weights(hits: Mapping[str, Sequence[Hit]], grade: Grade, level: int) -> list[str]:
    """What makes it weigh more."""
    threats = [rule for rule in _THREATS if rule in hits] if grade.says("threat") > _MAYBE else []
    if not threats and grade.says("threat") > _SURE:
        threats = ["threat"]
    said = [rule for rule in ("unanswered_said", "many_affected", "urgency") if level >= 2 and rule in hits]
    if level and grade.says("anger") > (0.3 if "anger" in hits else _SURE):
        said.append("anger")
    return [*threats, *said]


def _evidence(text: str, found: Sequence[Hit] | None, grade: Grade, span: Span) -> tuple[int | None, int | None]:
    """Where the words stand that gave it away."""
    if found:
        return span(*_strongest(found)[:2])
    words = grade.words()
    at = text.find(words) if words else -1
    return span(at, at + len(words)) if at >= 0 else (None, None)


def _reason(rule: str, found: Sequence[Hit] | None, span: Span, points: Mapping[str, float]) -> Reason:
    worth = points.get(rule, RULES[rule])
    if not found:
        return Reason(rule, worth)
    hit = _strongest(found)
    return Reason(rule, worth if hit[2] is None else hit[2], *span(hit[0], hit[1]))


def _strongest(found: Sequence[Hit]) -> Hit:
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
