"""Texts that are needed again and again, with places for what differs: {name}, {code}, {tx} and the like."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

from aggregator.answering.safety import VARIABLE
from aggregator.config.yaml_lines import KeyPath, Mistake, Place, read
from aggregator.inquiry import Kind
from aggregator.store.snippets import Stored
from aggregator.triage.language import search_text
from aggregator.triage.terms import AT_STAKE
from connectors.errors import ConfigError

FILE = Path(__file__).with_name("snippets.yaml")
LANGUAGES = ("zh", "en", "ja", "ko", "vi", "ru", "es")
VARIABLES = ("name", "code", "tx", "missing", "incident", "me")
KINDS = (*get_args(Kind), *sorted(AT_STAKE - set(get_args(Kind))))
"""For what a snippet may be offered: kinds of inquiries, and what is at stake in them."""
LONGEST = {"name": 80, "text": 5_000}

_UNSEEN = re.compile("[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_NO_NAME = re.compile(r"[@/\\<>{}█]|://|\.\w{2}|\d{5}")
_LONGEST_NAME = 40

Values = Callable[[str], Mapping[str, str]]
"""What stands for the variables, in a language."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """`owner` None: everybody's. `kinds` empty: for all. `shipped`: as snippets.yaml has it."""

    snippet_id: str
    owner: str | None
    name: str
    lang: str
    kinds: tuple[str, ...]
    text: str
    origin: str | None = None
    shipped: bool = False

    @property
    def searched(self) -> str:
        return search_text(f"{self.name}\n{self.text}")


class Filled(NamedTuple):
    """A text with its variables filled, and where gaps are left: of unknown variables, or of unknown value."""

    text: str
    gaps: tuple[tuple[int, int], ...]


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """What a value brings is never read for variables."""
    pieces: list[str] = []
    gaps: list[tuple[int, int]] = []
    done = length = 0
    for match in VARIABLE.finditer(text):
        before = text[done : match.start()]
        value = values.get(match[0][1:-1], "")
        pieces += (before, value or match[0])
        length += len(before)
        if not value:
            gaps.append((length, length + len(match[0])))
        length += len(value or match[0])
        done = match.end()
    return Filled("".join((*pieces, text[done:])), tuple(gaps))


def greeted(name: str) -> str:
    """A customer's name as we may say it; empty: it is no name that anybody should repeat."""
    shown = " ".join(_UNSEEN.sub("", name).split())
    return "" if len(shown) > _LONGEST_NAME or _NO_NAME.search(shown) else shown


def unknown_variables(text: str) -> list[str]:
    """Those that nothing will ever fill."""
    named = (match[0] for match in VARIABLE.finditer(text))
    return list(dict.fromkeys(one for one in named if one[1:-1] not in VARIABLES))


def snippets(stored: Iterable[Stored]) -> list[Snippet]:
    """All that a colleague can take: what is stored, and of the shipped ones those for which nothing is stored."""
    rows = list(stored)
    replaced = {row.origin for row in rows if row.origin}
    own = [_of(row) for row in rows if row.is_there]
    return own + [each for each in shipped() if each.origin not in replaced]


def in_order(found: Iterable[Snippet], lang: str, about: frozenset[str]) -> list[Snippet]:
    """Those in the customer's language first, of these those for what this is about, of these one's own."""
    family = lang.partition("-")[0]

    def place(one: Snippet) -> tuple[bool, bool, bool, bool, str]:
        fits = not about.isdisjoint(one.kinds)
        return one.lang != family, not fits, bool(one.kinds) and not fits, one.owner is None, one.name

    return sorted(found, key=place)


def _of(row: Stored) -> Snippet:
    return Snippet(row.snippet_id, row.owner, row.name, row.lang, row.kinds, row.text, row.origin)


@functools.cache
def shipped() -> tuple[Snippet, ...]:
    """The first set, as the file has it."""
    return load(FILE)


def get_ready() -> None:
    """Load the first set now.

    Raises:
        ConfigError: every mistake in it, with file and line.
    """
    shipped()


def load(file: Path) -> tuple[Snippet, ...]:
    """Raises ConfigError: all mistakes, one `file:line:column key: what` per line."""
    document = read(file)
    mistakes = list(document.mistakes)
    content = document.value if isinstance(document.value, dict) else {}

    def wrong(path: KeyPath, sentence: str) -> None:
        known = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in document.places)
        mistakes.append(Mistake(document.places.get(known, Place()), path, sentence))

    found = [one for key, entry in content.items() for one in _entry(key, entry, wrong)]
    if not isinstance(document.value, dict) and not mistakes:
        wrong((), "should hold snippets by their names")
    if mistakes:
        raise ConfigError("\n".join(mistake.line(Path(file.name)) for mistake in mistakes))
    return tuple(found)


def _entry(key: str, entry: object, wrong: Callable[[KeyPath, str], None]) -> Iterator[Snippet]:
    """One snippet in its languages."""
    if not isinstance(entry, dict) or not entry.keys() & set(LANGUAGES):
        wrong((key,), f"should hold kinds, and name and text in one of {', '.join(LANGUAGES)}")
        return
    kinds = entry.get("kinds") or []
    if not isinstance(kinds, list) or any(kind not in KINDS for kind in kinds):
        wrong((key, "kinds"), f"should be a list of these: {', '.join(KINDS)}")
        kinds = []
    for lang, said in entry.items():
        if lang == "kinds":
            continue
        if lang not in LANGUAGES:
            wrong((key, lang), f"unknown; known are kinds, {', '.join(LANGUAGES)}")
        elif not isinstance(said, dict) or set(said) != {"name", "text"} or not all(map(_is_text, said.items())):
            lengths = " and ".join(f"{part} (at most {longest} characters)" for part, longest in LONGEST.items())
            wrong((key, lang), f"should hold {lengths}")
        elif unknown := unknown_variables(said["text"]):
            wrong((key, lang, "text"), f"unknown variable {', '.join(unknown)}; known are {', '.join(VARIABLES)}")
        else:
            origin = f"{key}/{lang}"
            yield Snippet(origin, None, said["name"], lang, tuple(kinds), said["text"].strip(), origin, shipped=True)


def _is_text(part: tuple[str, object]) -> bool:
    return isinstance(part[1], str) and 0 < len(part[1].strip()) <= LONGEST[part[0]]
