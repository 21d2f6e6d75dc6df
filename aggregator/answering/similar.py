"""Questions like this one that we have answered before.

The newest answered questions stand in memory as the terms that they hold: words, pairs of Chinese signs, and what they
name (a chain, a token, an error, a feature). Of a question's terms the rarest count most; two questions are as alike as
the weight of the terms that they share, beside the weight of all terms that they have. Nothing of it is stored, and no
text is kept; what is shown is read from the store at that moment.
"""

from __future__ import annotations

import math
import re
import threading
import time
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from aggregator.answering.asking import asked_slots
from aggregator.answering.quoting import Other, quotable
from aggregator.store import answered
from aggregator.store.answered import Answered, Question
from aggregator.triage.language import search_text

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.store.database import Connection

MOST: Final = 20_000  # answered questions that are remembered, the newest
AT_ONCE: Final = 4_000  # of them that are read at one time
TOPICS: Final = 500
LIKE: Final = {True: 0.17, False: 0.24}  # so alike two questions have to be: in Chinese and Japanese, elsewhere
_FEWEST: Final = {True: 3, False: 2}  # terms that they have to share
_FEW: Final = 500
_USUAL: Final = 9  # terms of a question
_FRESH: Final = 20.0  # seconds in which the store is not looked at again
_ANEW: Final = 6 * 3600.0  # seconds after which all is read again
_READS: Final = 40_000  # entries that are looked at for one question, of its rarest terms
_CANDIDATES: Final = 10  # whose answers are read
_SHOWN: Final = 3
_OVERLAP = timedelta(hours=1)
_OTHER_LANGUAGE = 0.6
_NAMED = {
    "feature": 2.0,
    "error": 2.5,
    "chain": 1.0,
    "token": 1.0,
    "os": 0.6,
    "version": 0.6,
    "device": 0.6,
    "domain": 1.0,
}
"""Kinds of what a question names that are compared, and how much more than a word each counts."""
_WORD = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\u3040-\u30ff]+|[^\W\d_\u2e80-\u9fff\uf900-\ufaff\u3040-\u30ff]{2,}")
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by can could did do does for from had has have how i if in is it its me my not of "
        "on or our please so than that the them then there they this to was we what when where which who why will with "
        "you",
    )
)
_LINK = re.compile(r"https?:\S+|█+|\S*\d{5,}\S*")
_TOO_SHORT = 20  # bytes of an answer that says something


class Like(NamedTuple):
    key: Id
    topic: bool
    likeness: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question like this one, and what was answered, without anything that was its customer's."""

    source: Answered
    answer: str
    likeness: float


def terms(searched: str, named: Iterable[tuple[str, str]]) -> dict[str, float]:
    """What a question is compared by, and how much each counts beside its rarity."""
    found: dict[str, float] = {}
    for word in _WORD.findall(_LINK.sub(" ", searched)):
        if word[0] >= "\u2e80" and not "\uac00" <= word[0] <= "\ud7a3":
            for at in range(len(word) - 1):
                found[word[at : at + 2]] = 1.0
        else:
            if word not in _SMALL:
                found[_stem(word)] = 1.0
    for kind, value in named:
        if weight := _NAMED.get(kind):
            found[f"{kind}={value.lower()}"] = weight
    return found


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending) and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word


def _terms_of(question: Question) -> dict[str, float]:
    pairs = ((kind, str(value)) for kind, values in question.named.items() for value in values)
    return terms(question.searched, pairs)


@dataclass(slots=True)
class _Index:
    """Terms -> the numbers of the questions that hold them."""

    questions: list[tuple[Id, bool, str, str]] = field(default_factory=list)  # key, topic, language, kind
    held: list[tuple[str, ...]] = field(default_factory=list)
    places: dict[str, array[int]] = field(default_factory=dict)
    known: set[Id] = field(default_factory=set)

    def add(self, question: Question) -> None:
        found = tuple(_terms_of(question))
        if question.key in self.known or len(found) < _FEWEST[_is_han(question)]:
            return
        number = len(self.questions)
        self.known.add(question.key)
        self.questions.append((question.key, question.topic, question.lang, question.kind))
        self.held.append(found)
        for term in found:
            if term not in self.places:
                self.places[term] = array("I")
            self.places[term].append(number)

    def rarity(self, term: str) -> float:
        """As if there were some hundreds of questions at least: of a few each word is common."""
        return math.log((max(len(self.questions), _FEW) + 1) / (len(self.places.get(term, ())) + 0.5))

    def like(self, question: Question, most: int) -> list[Like]:
        """The likest first."""
        wanted = _terms_of(question)
        weights = {term: factor * self.rarity(term) ** 2 for term, factor in wanted.items()}
        sums: dict[int, float] = {}
        shared: dict[int, int] = {}
        left = _READS
        for term in sorted(wanted, key=lambda term: len(self.places.get(term, ()))):
            numbers = self.places.get(term, ())
            left -= len(numbers)
            if left < 0:
                break
            for number in numbers:
                sums[number] = sums.get(number, 0.0) + weights[term]
                shared[number] = shared.get(number, 0) + 1
        whole = math.sqrt(sum(weights.values()))
        han = _is_han(question)
        enough = [number for number in sums if shared[number] >= _FEWEST[han]]
        likest = sorted(enough, key=lambda number: sums[number], reverse=True)[: 4 * most]
        found = [self._likeness(number, question, sums[number], whole) for number in likest]
        return sorted((one for one in found if one.likeness >= LIKE[han]), key=lambda one: -one.likeness)[:most]

    def _likeness(self, number: int, question: Question, shared: float, whole: float) -> Like:
        key, topic, lang, kind = self.questions[number]
        own = math.sqrt(
            sum(_NAMED.get(term.partition("=")[0], 1.0) * self.rarity(term) ** 2 for term in self.held[number])
        )
        value = shared / (whole * own) if whole and own else 0.0
        if lang.partition("-")[0] != question.lang.partition("-")[0]:
            value *= _OTHER_LANGUAGE
        if kind == question.kind:
            value *= 1.1
        return Like(key, topic, min(value, 1.0))


def _is_han(question: Question) -> bool:
    """Whether it is compared by pairs of signs."""
    return question.lang.partition("-")[0] in ("zh", "ja")


class Similar:
    """The answered questions of one store. Its methods block: call them in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index = _Index()
        self._read_at = -math.inf
        self._began_at = -math.inf
        self._newest: datetime | None = None
        self._oldest: datetime | None = None
        self._whole = False

    def like(self, cursor: Connection, question: Question, most: int = _CANDIDATES) -> list[Like]:
        """The likest answered questions, without this one itself."""
        with self._lock:
            self._keep_up(cursor)
            found = self._index.like(question, most + 1)
        return [one for one in found if one.key != question.key][:most]

    def _keep_up(self, cursor: Connection) -> None:
        """Read what was answered since, and, as long as there is room, some more of what was answered before."""
        now = time.monotonic()
        if now - self._read_at < _FRESH and self._whole:
            return
        if now - self._began_at > _ANEW or len(self._index.questions) > 2 * MOST:
            self._index, self._newest, self._oldest, self._whole = _Index(), None, None, False
            self._began_at = now
            for topic in answered.own_topics(cursor, TOPICS):
                self._index.add(topic)
        if self._whole or self._newest:
            since = self._newest - _OVERLAP if self._newest else None
            self._take(answered.answered_questions(cursor, AT_ONCE, since=since))
        if not self._whole:
            more = answered.answered_questions(cursor, AT_ONCE, before=self._oldest)
            self._take(more)
            self._whole = len(more) < AT_ONCE or len(self._index.questions) >= MOST
        self._read_at = now

    def _take(self, questions: Sequence[Question]) -> None:
        for question in questions:
            self._index.add(question)
            self._newest = max(question.at, self._newest or question.at)
            self._oldest = min(question.at, self._oldest or question.at)


def suggestions(
    cursor: Connection, similar: Similar, question: Question, person_id: Id, most: int = _SHOWN
) -> list[Suggestion]:
    """What we answered to others who asked the like, the likest first; each answer once."""
    found = similar.like(cursor, question)
    likeness = {one.key: one.likeness for one in found}
    sources = answered.answered_inquiries(cursor, [one.key for one in found if not one.topic])
    sources += answered.topics(cursor, [one.key for one in found if one.topic])
    offered: dict[str, Suggestion] = {}
    for source in sorted(sources, key=lambda one: -_worth(one, likeness)):
        if source.person_id == person_id or not _best(source):
            continue
        answer = _best(source, answered.bystanders(cursor, source))  # looked up for those alone that may be shown
        if answer and answer not in offered:
            offered[answer] = Suggestion(source, answer, likeness[source.key])
        if len(offered) == most:
            break
    return list(offered.values())


def _worth(source: Answered, likeness: dict[Id, float]) -> float:
    """Somebody who was helped says so."""
    return likeness[source.key] * (1.15 if source.thanks else 1.0)


def _best(source: Answered, bystanders: tuple[str, ...] = ()) -> str | None:
    """The newest answer that says something, and does not only ask back."""
    other = Other(source.names, bystanders, source.staff, source.said, source.code)
    for answer in reversed(source.answers):
        if len(answer.encode()) < _TOO_SHORT or asked_slots(search_text(answer)):
            continue
        if (quoted := quotable(answer, other)) is not None:
            return quoted
    return None
