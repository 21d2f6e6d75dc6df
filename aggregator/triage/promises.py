"""Whether a post of ours promises another answer, and until when: "we will get back to you by Friday", "明天给您回复".

A promise is a time ahead, and something that we shall do by then. No promise: what the network does, what depends on
something else, what is denied, asked of the customer, or past. The words are those of phrases/promises.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from aggregator.triage.deadlines import Deadline, deadlines
from aggregator.triage.language import search_text
from aggregator.triage.phrases import phrases
from aggregator.working_time import WorkingTime

GROUPS = ("deed", "we", "ahead", "others", "negation", "past", "condition", "asked", "besides")

# No time is named without one of these; nearly free, where most answers name none.
_MAYBE = re.compile(
    r"[时時天日周週点點分晚夜早午号號月]|小时|星期|礼拜|下班|day|hour|hrs?\b|\dh\b|min|week|tonight|tomorrow|noon|morning|evening"
    r"|eod|eow|cob|month|\d ?[ap]m|\d:\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
)
_QUOTED = re.compile(r"^\s*(?:>|＞).*$|[“\"「『][^”\"」』\n]{2,}[”\"」』]", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[!?;。\n])|(?<=\.)(?=\s|$)")
_CLAUSE = re.compile(r"[,:、()\[\]—]|\s-\s|\b(?:but|and then)\b|但是?|不过|而且")
_MOST = 2000  # characters: a promise is near the beginning, or the post is no answer
_NOTHING = re.compile(r"[\s\W_]*")


def promised_until(text: str, posted_at: datetime, working: WorkingTime) -> datetime | None:
    """Until when the post promises an answer; of several times the first to run out. None: it promises none.

    Args:
        text: as it was written.
        posted_at: when; times such as "tomorrow" count from there.
        working: our zone, working days and hours.
    """
    said = search_text(text[:_MOST])
    if _MAYBE.search(said) is None:
        return None
    said = _QUOTED.sub(" ", said)
    words = phrases("promises", GROUPS)
    about_others = words["others"].search(said) is not None
    found = [
        each.due
        for sentence in _SENTENCE.split(said)
        if _MAYBE.search(sentence)
        for each in deadlines(sentence, posted_at, working)
        if _is_promised(sentence, each, words, about_others)
    ]
    return min(found, default=None)


def _is_promised(sentence: str, time: Deadline, words: Mapping[str, re.Pattern[str]], about_others: bool) -> bool:
    if sentence.rstrip().endswith(("?", "吗", "吗?")):
        return False
    if not about_others and _is_nothing_but(sentence, time, words):
        return True
    clauses = _clauses(sentence)
    here = next(number for number, (_, end) in enumerate(clauses) if time.start < end)
    clause = _without(sentence, clauses[here], time)
    around = [
        clause,
        *(_without(sentence, clauses[number], time) for number in (here + 1, here - 1) if 0 <= number < len(clauses)),
    ]
    told = next((each for each in around if words["deed"].search(each)), None)
    if told is None or not _is_ours(told + " " + clause, words):
        return False
    both = f"{told} {clause}"
    if any(words[group].search(both) for group in ("negation", "past", "asked")):
        return False
    return not words["condition"].search(sentence[: clauses[here][1]]) and not words["condition"].search(told)


def _is_ours(clause: str, words: Mapping[str, re.Pattern[str]]) -> bool:
    ours = words["we"].search(clause)
    others = words["others"].search(clause)
    if others and not (ours and ours.start() < others.start()):
        return False
    chinese = re.search(r"[\u4e00-\u9fff]", clause) is not None
    return bool(chinese or ours or words["ahead"].search(clause))


def _clauses(sentence: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in _CLAUSE.finditer(sentence)] + [len(sentence)]
    return list(zip([0, *ends], ends, strict=False))


def _without(sentence: str, clause: tuple[int, int], time: Deadline) -> str:
    """A clause without the time's own words, some of which mean other things too."""
    start, end = clause
    if time.end <= start or time.start >= end:
        return sentence[start:end]
    return f"{sentence[start : max(start, time.start)]} {sentence[min(end, time.end) : end]}"


def _is_nothing_but(sentence: str, time: Deadline, words: Mapping[str, re.Pattern[str]]) -> bool:
    """The sentence is a time, and no more: an answer to "when?"."""
    rest = f"{sentence[: time.start]} {sentence[time.end :]}"
    if not (time.length or re.search(r"前|内|\b(?:by|before|until)\b", sentence)):
        return False
    return _NOTHING.fullmatch(words["besides"].sub(" ", rest)) is not None
