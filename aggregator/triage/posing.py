"""The words by which impostors are told (posing.yaml), ready to search."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from ahocorasick_rs import AhoCorasick, Implementation

from aggregator.triage.confusables import letter_by_letter, plain, skeleton, words
from aggregator.triage.language import search_text
from connectors.errors import ConfigError

WORDS = Path(__file__).with_name("posing.yaml")
LISTS = ("roles", "roles_beside_our_name", "fillers", "generic", "customers", "badges", "lures", "messengers", "unless")
GENERIC, FILLER, WEAK, ROLE = range(4)
LEFT_OVER = {True: 3, False: 9}  # letters that may stand besides: Chinese ones, Latin ones
_BEFORE = 24  # characters before a lure in which somebody tells of one
_LONGEST_LURE = 280
_CLAUSE = re.compile(r"[,.!?;:\n，。！？；：、]")
_HANDLE = re.compile(
    r"^\W{0,4}(?:号|number|no|id|me|on|at|is)?\W{0,4}(?:(?=[\w@-]*[0-9_@])@?[\w-]{4,}|[+(]?[0-9][0-9 ()-]{6,})"
)


@dataclass(frozen=True, slots=True)
class PosingWords:
    """posing.yaml, ready to search."""

    listed: dict[str, list[str]]  # as the file has them
    generic: tuple[str, ...]
    customers: frozenset[str]
    badges: frozenset[str]
    ends: dict[str, int]  # what may be cut off a name, and what it is
    lengths: tuple[int, ...]  # of these, the longest first
    whole: frozenset[str]  # what is a word of a name by itself
    small: frozenset[str]  # fillers too short to be cut off
    lures: AhoCorasick
    latin: tuple[bool, ...]  # of the lures: they match whole words only
    messengers: int  # the first of the lures that need a handle behind them
    unless: re.Pattern[str]

    def are_whole(self, parts: Sequence[str]) -> bool:
        """Whether a name's Latin words are ours as they stand: "adminton" is no admin."""
        return all(not part.isascii() or skeleton(part) in self.whole or part.isdigit() for part in parts)

    def is_customer(self, parts: Sequence[str], rest: str) -> bool:
        chinese = "".join(part for part in parts if not part.isascii())
        return any(part in self.customers for part in parts) or any(
            word in chinese and word in rest for word in self.customers if not word.isascii()
        )

    def strip(self, text: str, least: int = GENERIC) -> tuple[int, str]:
        """Cut roles and the like (down to `least`) off both ends. The strongest of what was cut, and what is left."""
        strongest = FILLER
        while text:
            text = text.strip("0123456789")
            for length in self.lengths:
                if (what := self.ends.get(text[:length], -1)) >= least:
                    text = text[length:]
                elif (what := self.ends.get(text[-length:], -1)) >= least:
                    text = text[:-length]
                else:
                    continue
                strongest = max(strongest, what)
                break
            else:
                break
        return strongest, text

    def is_some_helpdesk(self, parts: Sequence[str], text: str) -> bool:
        """Some wallet's helpdesk, here: a role beside "wallet", and little else."""
        word = next((each for each in self.generic if not each.isascii() and each in text), None)
        if word is None:
            return False
        (one, left), (other, right) = map(self.strip, text.split(word, 1))
        rest = left + right
        return max(one, other) == ROLE and len(rest) <= LEFT_OVER[True] + 1 and not self.is_customer(parts, rest)

    def without_generic(self, spelling: str) -> str:
        for word in self.generic:
            if not word.isascii() and spelling.endswith(word):
                return spelling.removesuffix(word)
        return spelling

    def lures_in(self, text: str) -> bool:
        if len(text) > _LONGEST_LURE:  # a story
            return False
        for number, start, end in self.lures.find_matches_as_indexes(text, overlapping=True):
            if self.latin[number] and (_is_latin(text[max(0, start - 1) : start]) or _is_latin(text[end : end + 1])):
                continue
            if number >= self.messengers and not _HANDLE.match(text[end : end + 40]):
                continue
            if not self.is_told(text, start):
                return True
        return False

    def is_told(self, text: str, start: int) -> bool:
        """Whether the words before it say that somebody else is meant."""
        return self.unless.search(_CLAUSE.split(text[max(0, start - _BEFORE) : start])[-1]) is not None


def _is_latin(letter: str) -> bool:
    return letter.isascii() and letter.isalpha()


@functools.cache
def posing_words() -> PosingWords:
    return read(WORDS)


def read(file: Path) -> PosingWords:
    """Raises ConfigError: a list is missing, unknown, or holds something else than words."""
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(told, dict) or set(told) != set(LISTS):
        raise ConfigError(f"{file}: should hold exactly {', '.join(LISTS)}")
    lists: dict[str, list[str]] = {}
    for name in LISTS:
        both = told[name]
        if not isinstance(both, dict) or set(both) != {"en", "zh"}:
            raise ConfigError(f"{file}: {name} should hold en and zh")
        lists[name] = [word for lang in ("en", "zh") for word in both[lang]]
        if wrong := [word for word in lists[name] if not isinstance(word, str) or not word.strip()]:
            raise ConfigError(f"{file}: {name}: {wrong[0]!r} is no text; put it in quotes")
    return _ready(lists)


def _ready(lists: dict[str, list[str]]) -> PosingWords:
    lures = [search_text(word) for word in (*lists["lures"], *lists["messengers"])]
    ends: dict[str, int] = {}
    for what, name in ((ROLE, "roles"), (WEAK, "roles_beside_our_name"), (FILLER, "fillers"), (GENERIC, "generic")):
        for word in lists[name]:
            form = _whole(word)
            if not form.isascii() or (
                len(form) > 1 and len(word) > (1 if what >= WEAK else 2)
            ):  # "on" is in every second name
                ends.setdefault(form, what)
                ends.setdefault("".join(map(letter_by_letter, words(plain(word)))), what)
    singles = {skeleton(part) for name in LISTS[:4] for word in lists[name] for part in words(plain(word))}
    return PosingWords(
        lists,
        tuple(sorted(_forms(lists["generic"]))),
        _forms(lists["customers"]),
        frozenset("".join(lists["badges"])) - {"\ufe0f"},
        ends,
        tuple(sorted({len(word) for word in ends}, reverse=True)),
        frozenset(singles),
        frozenset(word for word in lists["fillers"] if word.isascii() and len(word) == 2),
        AhoCorasick(lures, implementation=Implementation.ContiguousNFA),
        tuple(word.isascii() for word in lures),
        len(lists["lures"]),
        _before(lists["unless"]),
    )


def _whole(word: str) -> str:
    return "".join(map(skeleton, words(plain(word))))


def _forms(listed: Sequence[str]) -> frozenset[str]:
    return frozenset(form for word in listed for form in (plain(word), _whole(word)))


def _before(listed: Sequence[str]) -> re.Pattern[str]:
    latin = "|".join(re.escape(word) for word in listed if word.isascii())
    other = "|".join(re.escape(word) for word in listed if not word.isascii())
    return re.compile(rf"\b(?:{latin})\b|(?:{other})")
