"""Whether an answer of ours asks for a secret, or for what the customer has told already.

A warning is the opposite of a request and uses the same words: "never send anybody your private key". So what counts
is the clause: who asks whom to do what with it. The words are those of asking.yaml and slots.yaml.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from aggregator.answering.sentences import Part, clauses, sentences, without_idioms
from aggregator.triage.phrases import AnyOf, Phrase, read
from aggregator.triage.slots import SLOTS

_MOST = 12  # of a text; one is one too many
GROUPS = (
    "secret", "code", "about", "disclose", "enter", "elsewhere", "inside", "negation", "reported", "embedded", "keeps",
    "what",
)  # fmt: skip
_LATIN = re.compile(r"[a-z\u00df-\u024f\u0400-\u04ff\u1e00-\u1eff]")
_TO_OTHERS = re.compile(r"\s(?:you|him|her|them|yourself|someone|somebody|anyone)\b")
_BY_OTHERS = re.compile(
    r"(?:\b(?:we|i|they|it|system|app|server|he|she|platform|wallet)"
    r"(?:'ll| (?:will|can|now|just|also|then|automatically|could|would|only|cannot))*"
    r"|(?:我们|系统|平台|app|钱包)(?:会|将|已|可以|自动|尽快|马上|再|都|就)*)\s*$"
)
_ASKS_OF_YOU = re.compile(r"\b(?:need|require|know|see|get|have|ask)\b")
_ASKED_AFTER = re.compile(r"\b(?:please|kindly)\b|^\s(?:it|them)\b")
_STATES = re.compile(r"\b(?:is|are|was|were|stays?|keeps?|belongs?|must|should|can|will|has|have|had)\b")
_ITEM = re.compile(r"^[\s\-*•·–0-9.)]*(?:and|or|plus|as well as|以及|和|与|还有|及|并|或)?", re.IGNORECASE)
_CARRIED = re.compile(r"把|将|准备|复制|导出|打开|ready")
_POLITE = re.compile("ませんか")
_NEAR_WHAT = {True: 45, False: 14}  # characters between a question and what it asks for, Latin and others
_WHILE = re.compile("时|後|后|前|以")  # told of the moment, not to do it
_PAGE = re.compile(r"\b(?:link|site|website|form|url)\b|链接|网页|网站|网址|表单|表格")


class Asked(NamedTuple):
    """Something is asked for, in words that stand from `start` to `end`."""

    start: int
    end: int
    sure: bool


def asked_secrets(said: str) -> list[Asked]:
    """Where a text, as `search_text` gives it, asks for a secret."""
    words = _words()
    if not words["secret"].search(said) and not words["code"].search(said):
        return []
    said = without_idioms(_POLITE.sub("ます か", said))
    found = (each for sentence in sentences(said) for each in _in_sentence(sentence, words))
    return list(islice(found, _MOST))


def _in_sentence(sentence: Part, words: Mapping[str, AnyOf]) -> Iterator[Asked]:
    parts = clauses(sentence)
    for number, clause in enumerate(parts):
        nouns = [(noun, True) for noun in words["secret"].finditer(clause.text)]
        nouns += [
            (noun, False) for noun in words["code"].finditer(clause.text) if not _is_beside(clause.text, noun, words)
        ]
        for noun, grave in nouns:
            if (sure := _asked(parts, number, noun, words, grave=grave)) is not None:
                yield Asked(clause.start + noun.start, clause.start + noun.end, sure)


def _is_beside(clause: str, noun: Phrase, words: Mapping[str, AnyOf]) -> bool:
    """Whether the word beside a password says that something else is meant: its page, its being forgotten."""
    before, after = clause[max(0, noun.start - 24) : noun.start], clause[noun.end : noun.end + 24]
    if _LATIN.match(noun.text):
        before, after = " ".join(before.split()[-2:]), " ".join(after.split()[:2])
    else:
        before, after = before[-5:], after[:5]
    return words["about"].search(before) is not None or words["about"].search(after) is not None


def _asked(parts: Sequence[Part], number: int, noun: Phrase, words: Mapping[str, AnyOf], *, grave: bool) -> bool | None:
    """Whether this clause's secret is asked for, and surely; None: it is not."""
    own = parts[number].text
    if _is_denied(own, words) or words["keeps"].search(own):
        return None
    if _is_reported(parts, number, words):
        return None
    if _asks_what(own, noun, words) or any(
        _is_request(own, verb, noun, words) for verb in words["disclose"].finditer(own)
    ):
        return True
    entered = _entered(parts, number, words, grave=grave)
    if entered is not None:
        return entered
    return _carried_over(parts, number, noun, words)


def _is_denied(clause: str, words: Mapping[str, AnyOf]) -> bool:
    return words["negation"].search(clause) is not None


def _is_reported(parts: Sequence[Part], number: int, words: Mapping[str, AnyOf]) -> bool:
    """Others are spoken of: in this clause, or, in Chinese, in the one before, which has the same subject."""
    if words["reported"].search(parts[number].text):
        return True
    before = parts[number - 1].text if number else ""
    return not _LATIN.search(before) and words["reported"].search(before) is not None


def _asks_what(clause: str, noun: Phrase, words: Mapping[str, AnyOf]) -> bool:
    for what in words["what"].finditer(clause):
        latin = _LATIN.match(what.text) is not None
        gap = clause[what.end : noun.start] if latin and what.end <= noun.start else clause[noun.end : what.start]
        if (what.end <= noun.start if latin else noun.end <= what.start) and len(gap) <= _NEAR_WHAT[latin]:
            return True
    return False


def _is_request(clause: str, verb: Phrase, noun: Phrase, words: Mapping[str, AnyOf]) -> bool:
    """Whether somebody is told to do this, towards us, with the secret."""
    if not _is_towards_us(clause, verb):
        return False
    if verb.end <= noun.start:
        return words["embedded"].search(clause[verb.end : noun.start]) is None
    if not _LATIN.match(verb.text):
        return True
    rest = clause[verb.end :]
    return _ASKED_AFTER.search(clause[noun.end : verb.start]) is not None or rest.startswith((" it", " them"))


def _is_towards_us(clause: str, verb: Phrase) -> bool:
    if _TO_OTHERS.match(clause, verb.end):
        return False
    by = _BY_OTHERS.search(clause[max(0, verb.start - 40) : verb.start])
    return by is None or _ASKS_OF_YOU.search(verb.text) is not None


def _entered(parts: Sequence[Part], number: int, words: Mapping[str, AnyOf], *, grave: bool) -> bool | None:
    """Where people are told to enter it: elsewhere, surely wrong; nowhere, perhaps; in their own app: None."""
    near = parts[max(0, number - 1) : number + 2]
    own = parts[number].text
    verb = next((each for each in words["enter"].finditer(own) if not _WHILE.match(own, each.end)), None)
    if verb is None:
        carried = parts[number + 1].text if number + 1 < len(parts) and _CARRIED.search(own) else ""
        verb = words["enter"].search(carried)
        if verb is None or _is_denied(carried, words):
            return None
        own = carried
    if not _is_towards_us(own, verb):
        return None
    around = " ".join(part.text for part in near)
    away, inside = words["elsewhere"].search(around), words["inside"].search(around)
    if away and (not inside or (grave and _PAGE.search(around))):
        return True
    if inside and not (grave and away):
        return None
    return False if grave else None


def _carried_over(parts: Sequence[Part], number: int, noun: Phrase, words: Mapping[str, AnyOf]) -> bool | None:
    """A list that goes on ("send us your address, the hash and your key"), or a request that follows ("the key: please
    send it")."""
    own = parts[number].text
    behind = own[noun.end :]
    if not _STATES.search(behind):
        for before in reversed(parts[max(0, number - 3) : number]):
            if _is_denied(before.text, words) or words["reported"].search(before.text):
                break
            if any(
                _is_towards_us(before.text, verb) and not _embeds(before.text, verb, words)
                for verb in words["disclose"].finditer(before.text)
            ):
                return len(_ITEM.sub("", own).split()) <= 8
            if words["enter"].search(before.text) and words["elsewhere"].search(before.text):
                return True
    after = parts[number + 1].text if number + 1 < len(parts) else ""
    if _is_denied(after, words):
        return None
    for verb in words["disclose"].finditer(after):
        latin = _LATIN.match(verb.text) is not None
        if latin and not after[verb.end :].startswith((" it", " them")):
            continue
        if _is_towards_us(after, verb) and not words["reported"].search(after):
            return latin or _CARRIED.search(own) is not None
    return None


def _embeds(clause: str, verb: Phrase, words: Mapping[str, AnyOf]) -> bool:
    return words["embedded"].search(clause[verb.end :]) is not None


# -- what was given -------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """A slot that is asked for, in words that stand from `start` to `end`."""

    slot: str
    start: int
    end: int


def asked_slots(said: str) -> list[Wanted]:
    """The slots of `aggregator.triage.slots` that a text asks for, each once."""
    words, slots = _words(), _slots()
    found: dict[str, Wanted] = {}
    for sentence in sentences(without_idioms(said)):
        for number, clause in enumerate(parts := clauses(sentence)):
            if slots["given"].search(clause.text) or words["negation"].search(clause.text):
                continue
            for slot in SLOTS:
                match = _wanted(parts, number, slots[slot], slots[f"asked_{slot}"], words)
                if match and slot not in found:
                    found[slot] = Wanted(slot, clause.start + match.start, clause.start + match.end)
    return list(found.values())


def _wanted(
    parts: Sequence[Part],
    number: int,
    noun: AnyOf,
    whole: AnyOf,
    words: Mapping[str, AnyOf],
) -> Phrase | None:
    clause = parts[number].text
    if match := whole.search(clause):
        return match
    match = noun.search(clause)
    if match is None:
        return None
    said = [verb for verb in words["disclose"].finditer(clause) if not match.start <= verb.start < match.end]
    if any(_is_request(clause, verb, match, words) for verb in said):
        return match
    listed = parts[number - 1].text if number else ""
    if _asks_what(clause, match, words) or (
        any(_is_towards_us(listed, verb) for verb in words["disclose"].finditer(listed))
        and not words["negation"].search(listed)
        and not _STATES.search(clause)
    ):
        return match
    return None


@functools.cache
def _words() -> Mapping[str, AnyOf]:
    return {name: AnyOf(words) for name, words in read(Path(__file__).with_name("asking.yaml"), GROUPS).items()}


@functools.cache
def _slots() -> Mapping[str, AnyOf]:
    groups = (*SLOTS, *(f"asked_{slot}" for slot in SLOTS), "given")
    return {name: AnyOf(words) for name, words in read(Path(__file__).with_name("slots.yaml"), groups).items()}


def get_ready() -> None:
    """Load the words now.

    Raises:
        ConfigError: every mistake in them.
    """
    _words()
    _slots()
