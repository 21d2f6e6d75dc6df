"""What speaks against sending an answer, before it is sent.

    text + what is known of the inquiry -> objections, each with the rule, a span, and the words at issue

`refuse` cannot be sent: a secret, a request for one, a link that is not ours, a gap in a snippet. `warn` can, once the
colleague has seen it. Pure: no clock, no store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from aggregator.answering import strangers
from aggregator.answering.asking import asked_secrets, asked_slots
from aggregator.answering.linking import Official, wrong_links
from aggregator.answering.promising import promised_money
from aggregator.triage import secrets
from aggregator.triage.language import language_of, search_text
from aggregator.triage.promises import promised_until
from aggregator.triage.spans import spans_of
from aggregator.working_time import WorkingTime

Level = Literal["refuse", "warn"]
Rule = Literal[
    "secret", "maybe_key", "asks_secret", "perhaps_asks_secret", "link", "lookalike", "handle", "variable", "language",
    "asks_given", "others_id", "unknown_id", "others_name", "public_private", "promises_money", "promises_time",
]  # fmt: skip

VARIABLE = re.compile(r"[{｛](?:[^\W\d]\w{0,19}|\?)[}｝]")
"""A gap that a snippet, or a quoted answer, leaves."""

_NO_WORDS = re.compile(r"https?:\S+|\S{1,64}@\S{1,64}|\b(?=\w*\d)\w+\b|[{｛][^}｝]{0,20}[}｝]|█+")
_HAN = re.compile("[一-鿿]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_SHOWN = 4000  # characters from which a language is told
_ENOUGH = {"han": 4, "latin": 12, "words": 6}  # from which on a language is told


class Objection(NamedTuple):
    """`start` and `end` in the text, None: all of it. `words`: what it is about; a secret is never repeated."""

    level: Level
    rule: Rule
    start: int | None = None
    end: int | None = None
    words: str = ""

    @property
    def key(self) -> str:
        """By which a colleague confirms having seen it."""
        return f"{self.rule}:{self.words}"


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the inquiry that is answered.

    lang: the customer's. given: slot -> values, as the customer wrote them. known: ids and contacts that this
    conversation has named, as `strangers.same_id` gives them. owned: ids of other customers. names: this customer's and
    ours; others: other customers'.
    """

    official: Official
    lang: str = "und"
    public: bool = False
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    now: datetime | None = None
    working: WorkingTime = field(default_factory=WorkingTime)


_Rule = Callable[[str, str, Context], Iterator[Objection]]


def check(text: str, context: Context) -> list[Objection]:
    """All that speaks against it, what cannot be sent first, in the order of the text."""
    said = search_text(text)
    found = [objection for rule in _RULES for objection in rule(text, said, context)]
    return sorted(found, key=lambda one: (one.level != "refuse", one.start or 0))


def blocks(found: Collection[Objection], confirmed: Collection[str]) -> bool:
    """Whether it may not be sent: something is refused, or a warning has not been confirmed by its key."""
    return any(one.level == "refuse" or one.key not in confirmed for one in found)


def _secrets(text: str, _: str, __: Context) -> Iterator[Objection]:
    named = strangers.ids_in(text)
    for found in secrets.find(text):
        if not found.doubtful:
            yield Objection("refuse", "secret", found.start, found.end)
        elif not any(
            one.start <= found.start < one.end for one in named
        ):  # else it is warned of as what it looks like, see `_strangers`
            yield Objection("warn", "maybe_key", found.start, found.end)


def _requests(text: str, said: str, context: Context) -> Iterator[Objection]:
    span = spans_of(text, said)
    asked = asked_secrets(said)
    for start, end, sure in asked:
        where = span(start, end)
        yield Objection(
            "refuse" if sure else "warn", "asks_secret" if sure else "perhaps_asks_secret", *where, said[start:end]
        )
    for slot, start, end in asked_slots(said):
        if slot in context.given and not any(left <= start < right for left, right, _ in asked):
            yield Objection("warn", "asks_given", *span(start, end), slot)


def _links(text: str, _: str, context: Context) -> Iterator[Objection]:
    for kind, start, end, words in wrong_links(text, context.official, context.known):
        level: Level = "warn" if kind == "link" and not context.official.is_told else "refuse"
        yield Objection(level, kind, start, end, words)


def _variables(text: str, _: str, __: Context) -> Iterator[Objection]:
    for gap in VARIABLE.finditer(text):
        yield Objection("refuse", "variable", *gap.span(), gap[0])


def _language(text: str, said: str, context: Context) -> Iterator[Objection]:
    plain = _NO_WORDS.sub(" ", text[:_SHOWN])
    spoken, wanted = language_of(plain, search_text(plain)), context.lang
    if wanted in ("", "und") or spoken == "und" or _family(spoken) == _family(wanted):
        return
    han, latin = len(_HAN.findall(plain)), _LATIN_WORD.findall(plain)
    if han < _ENOUGH["han"] and sum(map(len, latin)) < _ENOUGH["latin"] and said.isascii():
        return
    if _family(wanted) == "zh" and han >= 2 * _ENOUGH["han"]:
        return  # it says it in both
    if _family(wanted) not in ("zh", "ja", "ko", "ru", "uk", "th", "ar", "hi") and len(latin) >= 2 * _ENOUGH["words"]:
        return
    yield Objection("warn", "language", words=spoken)


def _family(lang: str) -> str:
    return lang.partition("-")[0]


def _strangers(text: str, said: str, context: Context) -> Iterator[Objection]:
    for value, start, end in strangers.ids_in(text):
        same = strangers.same_id(value)
        if same in context.owned:
            yield Objection("warn", "others_id", start, end, value)
        elif same not in context.known:
            yield Objection("warn", "unknown_id", start, end, value)
    for value, start, end in strangers.private_in(text, said):
        same = strangers.same_id(value)
        if "@" in value and context.official.has(value.rpartition("@")[2]):
            continue
        if same not in context.known:
            yield Objection("warn", "others_id" if same in context.owned else "unknown_id", start, end, value)
        elif context.public:
            yield Objection("warn", "public_private", start, end, value)
    for value, start, end in strangers.others_named(text, context.others, context.names):
        yield Objection("warn", "others_name", start, end, value)


def _promises(text: str, said: str, context: Context) -> Iterator[Objection]:
    if money := promised_money(said):
        yield Objection("warn", "promises_money", *spans_of(text, said)(*money), said[slice(*money)])
    if context.now is not None and (until := promised_until(text, context.now, context.working)):
        yield Objection("warn", "promises_time", words=until.isoformat(timespec="minutes"))


_RULES: tuple[_Rule, ...] = (_secrets, _requests, _links, _variables, _language, _strangers, _promises)
