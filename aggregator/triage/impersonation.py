"""Who poses as one of us: by a name near ours, or by what such people do.

`OurNames.judge` is pure and remembers what it judged, for an account writes many posts. Whether a lure answers
somebody who waits for us is seen where posts are assigned (aggregator/approach.py).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from ahocorasick_rs import AhoCorasick, Implementation

from aggregator.triage.confusables import differ, humps, plain, read_whole, skeleton, words
from aggregator.triage.language import search_text
from connectors.errors import ConfigError

WORDS = Path(__file__).with_name("posing.yaml")
LISTS = ("roles", "roles_beside_our_name", "fillers", "generic", "customers", "lures", "messengers", "unless")
LURE_SCORE = 0.6
_REMEMBERED = 50_000
_LONGEST = 64  # letters of a name
_LEFT_OVER = {True: 3, False: 9}  # letters that may stand besides: Chinese ones, Latin ones
_FULL = {True: 3, False: 6}  # so long is a name that few people share by chance
_BEFORE = 24  # characters before a lure in which somebody tells of one
_HOST = re.compile(r"(?:https?://)?(?:[^/@\s]*@)?([^/:?#\s]+)", re.IGNORECASE)
_MESSENGER_LINK = re.compile(
    r"(?:^|[/.])(?:t\.me|telegram\.me|wa\.me|whatsapp\.com|line\.me|discord\.gg|u\.wechat\.com|qm\.qq\.com|m\.me|signal\.me)$"
)
_HANDLE = re.compile(r"^\W{0,6}(?:号|number|no|id|me|on|at|is|:|：)?\W{0,4}(?=[\w+@-]*[0-9_@+])[@+]?[\w+-]{4,}")
_LURING_HOST = re.compile(r"support|help|verif|valid|sync|claim|recover|restor|rectif|migrat|airdrop|unlock|kefu")

FILLER, WEAK, ROLE = range(3)

Reason = Literal["name", "role", "lure"]


class Pose(NamedTuple):
    """Why an account is suspected, and how surely (0-1)."""

    reason: Reason
    score: float


@dataclass(frozen=True, slots=True)
class _Ours:
    """One of our names. `near`: so many letters may differ; `alone`: it needs no role beside it."""

    spelling: str
    near: int
    alone: bool
    letters: frozenset[str]

    def differs(self, text: str) -> bool:
        """Whether it is not ours by more than `near` letters."""
        if abs(len(text) - len(self.spelling)) > self.near or len(self.letters.symmetric_difference(text)) > 2 * self.near:
            return True
        return differ(text, self.spelling, self.near)


class OurNames:
    """The names that people know us by. Pickles: worker processes get a copy."""

    def __init__(self, brand: Iterable[str], people: Iterable[str] = (), domains: Iterable[str] = ()) -> None:
        """
        Args:
            brand: names and handles of the product and of its accounts.
            people: names of colleagues.
            domains: ours; what lies beneath them is ours, too.
        """
        self.given = (tuple(brand), tuple(people), tuple(domains))
        self.domains = tuple(domain.lower().removeprefix("www.") for domain in self.given[2])
        said = _said()
        labels = [domain.rpartition(".")[0].rpartition(".")[2] or domain for domain in self.domains]
        self._ours = _names([*self.given[0], *labels], self.given[1], said)
        self._judged: dict[tuple[str, str | None], Pose | None] = {}

    def __reduce__(self) -> tuple[type[OurNames], tuple[tuple[str, ...], ...]]:
        return OurNames, self.given

    def judge(self, name: str, handle: str | None = None) -> Pose | None:
        """Whether a customer's name or handle poses as ours."""
        key = name, handle
        try:
            return self._judged[key]
        except KeyError:
            pass
        if len(self._judged) > _REMEMBERED:
            self._judged.clear()
        found = [pose for each in {name, handle} if each and (pose := self._pose(each[:_LONGEST]))]
        pose = self._judged[key] = max(found, key=lambda one: one.score, default=None)
        return pose

    def _pose(self, name: str) -> Pose | None:
        said = _said()
        parts = words(plain(humps(name)))
        if not parts:
            return None
        bare = [skeleton(part) for part in parts]
        if found := self._near_ours(parts, bare, said):
            return found
        role, left = said.strip("".join(bare))
        return Pose("role", 0.6) if role == ROLE and not left and said.are_whole(parts) else None

    def _near_ours(self, parts: Sequence[str], bare: Sequence[str], said: _Said) -> Pose | None:
        texts = dict.fromkeys(("".join(bare), "".join(map(read_whole, parts))))
        for text in texts:
            _, core = said.strip(text)
            for ours in self._ours:
                for rest in _besides(text, core, ours):
                    if said.is_customer(parts, rest):
                        return None
                    role, left = said.strip(rest)
                    if role == FILLER and not left and ours.alone:
                        return Pose("name", 0.9)
                    if role != FILLER and len(left) <= _LEFT_OVER[not left.isascii()]:
                        return Pose("name", 0.95)
        return None

    def is_ours(self, host: str) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)

    def lures(self, searchable: str, links: Iterable[str]) -> bool:
        """Whether a text leads people away to where others do not look on, or to a page that poses as ours."""
        return _said().lures_in(searchable) or any(self._luring(link) for link in links)

    def _luring(self, link: str) -> bool:
        found = _HOST.match(link)
        host = found[1].lower().removeprefix("www.") if found else ""
        if not host or self.is_ours(host):
            return False
        if _MESSENGER_LINK.search(host) or _LURING_HOST.search(host):
            return True
        label = "".join(words(plain(host.rpartition(".")[0])))
        return any(ours.alone and ours.spelling in read_whole(label) for ours in self._ours if len(ours.spelling) > 4)


def _besides(text: str, core: str, ours: _Ours) -> Iterator[str]:
    """What stands in a name besides ours, if ours does. `core`: the name without roles and fillers at its ends."""
    spelling = ours.spelling
    if (at := text.find(spelling)) >= 0:
        end = at + len(spelling)
        yield text[:at] + text[end:]
        if at:  # a letter that two words share was written twice
            yield text[: at + 1] + text[end:]
        if end < len(text):
            yield text[:at] + text[end - 1 :]
    elif ours.near:
        if not ours.differs(text):
            yield ""
        elif core and core != text and not ours.differs(core):
            yield text.replace(core, "", 1)


def _names(brand: Iterable[str], people: Iterable[str], said: _Said) -> tuple[_Ours, ...]:
    found: dict[str, _Ours] = {}
    for name in brand:
        parts = words(plain(humps(name)))
        _add(found, "".join(map(skeleton, parts)), alone=True)
        # Its own part, without "wallet", counts beside a role.
        own = [part for part in parts if part not in said.generic]
        stem = said.without_generic("".join(map(skeleton, own)))
        _add(found, stem, alone=False)
    for name in people:
        parts = words(plain(name))
        whole = "".join(parts)
        _add(found, "".join(map(skeleton, parts)), alone=len(whole) >= _FULL[not whole.isascii()])
    return tuple(sorted(found.values(), key=lambda ours: (not ours.alone, -len(ours.spelling))))


def _add(found: dict[str, _Ours], spelling: str, *, alone: bool) -> None:
    chinese = not spelling.isascii()
    if len(spelling) < (2 if chinese else 3) or (spelling in found and found[spelling].alone):
        return
    long = len(spelling) >= (4 if chinese else 6)
    near = 0 if not long else 2 if len(spelling) >= 11 else 1
    found[spelling] = _Ours(spelling, near, alone, frozenset(spelling))


@dataclass(frozen=True, slots=True)
class _Said:
    """posing.yaml, ready to search."""

    generic: frozenset[str]
    customers: frozenset[str]
    ends: dict[str, int]  # what may be cut off a name, and what it is
    lengths: tuple[int, ...]  # of these, the longest first
    whole: frozenset[str]  # what is a word of a name by itself
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

    def strip(self, text: str) -> tuple[int, str]:
        """Cut roles and fillers off both ends. The strongest of what was cut, and what is left."""
        strongest = FILLER
        while text:
            for length in self.lengths:
                if (what := self.ends.get(text[:length])) is not None:
                    text = text[length:]
                elif (what := self.ends.get(text[-length:])) is not None:
                    text = text[:-length]
                else:
                    continue
                strongest = max(strongest, what)
                break
            else:
                break
        return strongest, "" if text.isdigit() else text

    def without_generic(self, spelling: str) -> str:
        for word in self.generic:
            if not word.isascii() and spelling.endswith(word):
                return spelling.removesuffix(word)
        return spelling

    def lures_in(self, text: str) -> bool:
        for number, start, end in self.lures.find_matches_as_indexes(text):
            if self.latin[number] and (_is_latin(text[max(0, start - 1) : start]) or _is_latin(text[end : end + 1])):
                continue
            if number >= self.messengers and not _HANDLE.match(text[end : end + 40]):
                continue
            if not self.unless.search(text[max(0, start - _BEFORE) : start]):
                return True
        return False


def _is_latin(letter: str) -> bool:
    return letter.isascii() and letter.isalpha()


@functools.cache
def _said() -> _Said:
    return read(WORDS)


def read(file: Path) -> _Said:
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


def _ready(lists: dict[str, list[str]]) -> _Said:
    lures = [search_text(word) for word in (*lists["lures"], *lists["messengers"])]
    forms = {name: _forms(lists[name]) for name in ("generic", "customers")}
    ends: dict[str, int] = {}
    for what, name in ((ROLE, "roles"), (WEAK, "roles_beside_our_name"), (FILLER, "fillers"), (FILLER, "generic")):
        for word in lists[name]:
            ends.setdefault(_whole(word), what)
    singles = {skeleton(part) for name in LISTS[:4] for word in lists[name] for part in words(plain(word))}
    return _Said(
        forms["generic"],
        forms["customers"],
        ends,
        tuple(sorted({len(word) for word in ends}, reverse=True)),
        frozenset(singles),
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
