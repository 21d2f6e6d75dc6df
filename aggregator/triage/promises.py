"""Whether a post of ours promises another answer, and until when: "we will get back to you by Friday", "明天给您回复".

A promise is a time ahead, and something that we shall do by then. No promise: what the network does, what depends on
something else, what is denied, asked of the customer, or past. The words are those of phrases/promises.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from aggregator.triage.deadlines import Deadline, deadlines
from aggregator.triage.language import search_text
from aggregator.triage.phrases import AnyOf, phrases
from aggregator.working_time import WorkingTime

GROUPS = ("deed", "we", "ahead", "others", "negation", "past", "condition", "asked", "besides")

# No time is named without one of these; nearly free, where most answers name none.
_MAYBE = re.compile(
    r"[时時天日周週点點分晚夜早午号號月]|小时|星期|礼拜|下班|day|hour|hrs?\b|\dh(?![a-z])|min|week|tonight|tomorrow|noon|morning|evening"
    r"|eod|eow|cob|business|month|\d ?[ap]m|\d:\d|\d(?:st|nd|rd|th)\b|\d[-/.]\d"
    r"|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
)
_QUOTED = re.compile(r"^\s*(?:>|＞).*$|[“\"「『][^”\"」』\n]{2,}[”\"」』]", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[!?;。\n])|(?<=\.)(?=\s|$)")
_CLAUSE = re.compile(r"[,:、()\[\]—]|\s-\s|\b(?:but|and then)\b|但是?|不过|而且")
_MOST = 2000  # characters: a promise is near the beginning, or the post is no answer
_MOST_TIMES = 12  # in a sentence
# "明天还没到账您再找我们": behind a time, what may still not be by then is a condition, without any "if".
_STILL_NOT = re.compile(r"\s*(?:要)?(?:[还還]|仍|依然|依旧|依舊)(?:是|然)?(?:[没沒]|不行|不到|未|收不到)")
_YOU = re.compile(r"[您你]|\byou")
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
    said = _QUOTED.sub(" ", said).replace("no later than", "by").replace("not later than", "by")
    words = phrases("promises", GROUPS)
    about_others = words["others"].search(said) is not None
    found = [
        due
        for sentence in _SENTENCE.split(said)
        if _MAYBE.search(sentence)
        for due in _promised(sentence, deadlines(sentence, posted_at, working), words, about_others=about_others)
    ]
    return min(found, default=None)


def _promised(
    sentence: str, times: Sequence[Deadline], words: Mapping[str, AnyOf], *, about_others: bool
) -> list[datetime]:
    """Those of a sentence's times by which we promise something. Of "it is late today, we answer tomorrow" only the
    second: a deed in the time's own clause counts before one beside it."""
    if sentence.rstrip().endswith(("?", "吗", "嗎")):
        return []
    near: list[datetime] = []
    beside: list[datetime] = []
    for time in times[:_MOST_TIMES]:
        if not about_others and _is_nothing_but(sentence, time, words):
            near.append(time.due)
            continue
        clauses = _clauses(sentence, time)
        here = next(number for number, (_, end) in enumerate(clauses) if time.start < end)
        clause = _without(sentence, clauses[here], time)
        neighbours = [_without(sentence, clauses[at], time) for at in (here + 1, here - 1) if 0 <= at < len(clauses)]
        if words["deed"].search(clause):
            told, kept = clause, near
        else:
            told, kept = next((each for each in neighbours if words["deed"].search(each)), ""), beside
        before = sentence[: clauses[here][1]]
        if _STILL_NOT.match(sentence, time.end):
            continue
        if told and _is_meant(told, clause, before, words) and not words["condition"].search(f"{before} {told}"):
            kept.append(time.due)
    return near or beside


def _is_meant(told: str, clause: str, before: str, words: Mapping[str, AnyOf]) -> bool:
    """We shall do it, and nothing in these clauses takes it back."""
    both = clause if told is clause else f"{told} {clause}"
    if any(words[group].search(both) for group in ("negation", "past", "asked")):
        return False
    return _is_ours(both, words, before)


def _is_ours(clause: str, words: Mapping[str, AnyOf], before: str) -> bool:
    """Not something that the network does, or a bank. Who says "you" speaks of what we do for them."""
    ours = words["we"].search(clause)
    others = words["others"].search(clause if _YOU.search(clause) else f"{clause} {before}")
    if others and not (ours and ours.start < others.start):
        return False
    chinese = re.search(r"[\u4e00-\u9fff]", clause) is not None
    return bool(chinese or ours or words["ahead"].search(clause))


def _clauses(sentence: str, time: Deadline) -> list[tuple[int, int]]:
    """Where each begins and ends. The signs of a time, as in "15:00 (UTC)", part none."""
    parted = (match for match in _CLAUSE.finditer(sentence) if not time.start <= match.start() < time.end)
    ends = [*(match.end() for match in parted), len(sentence)]
    return list(zip([0, *ends], ends, strict=False))


def _without(sentence: str, clause: tuple[int, int], time: Deadline) -> str:
    """A clause without the time's own words, some of which mean other things too."""
    start, end = clause
    if time.end <= start or time.start >= end:
        return sentence[start:end]
    return f"{sentence[start : max(start, time.start)]} {sentence[min(end, time.end) : end]}"


def _is_nothing_but(sentence: str, time: Deadline, words: Mapping[str, AnyOf]) -> bool:
    """The sentence is a time, and no more: an answer to "when?"."""
    rest = f"{sentence[: time.start]} {sentence[time.end :]}"
    if not (time.length or re.search(r"前|内|\b(?:by|before|until)\b", sentence)):
        return False
    return _NOTHING.fullmatch(words["besides"].sub(" ", rest)) is not None
