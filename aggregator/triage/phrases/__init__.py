"""The word lists beside this file: groups of phrases per language, found in a text that `search_text` gives."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from ahocorasick_rs import AhoCorasick, Implementation

from aggregator.triage.language import search_text, traditional
from connectors.errors import ConfigError

FOLDER = Path(__file__).parent
# Letters of scripts that put spaces between words: there a word matches whole only.
_RANGES = ((0x61, 0x7B), (0xDF, 0x250), (0x400, 0x500), (0x1E00, 0x1F00))
_LETTERS = frozenset(chr(code) for begin, end in _RANGES for code in range(begin, end))
_SIGN = re.compile(r"[\W_]")


@functools.cache
def phrases(name: str, groups: tuple[str, ...]) -> Mapping[str, AnyOf]:
    """Group -> what finds any of its phrases.

    Raises:
        ConfigError: all mistakes of the list, one `file: group: what` per line.
    """
    return {group: AnyOf(words) for group, words in read(FOLDER / f"{name}.yaml", groups).items()}


def read(file: Path, groups: Collection[str]) -> dict[str, list[str]]:
    """The phrases of each group, all languages together, as they are searched.

    Raises:
        ConfigError: see `phrases`.
    """
    try:
        # The loader that knows text only: "no" is a word here.
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 -- it makes strings only
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file.name}:{line}: not YAML: {error.problem}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file.name}: should hold the groups {', '.join(groups)}")
    mistakes = [f"{group}: missing" for group in groups if group not in content]
    mistakes += [f"{group}: unknown; known are {', '.join(groups)}" for group in content if group not in groups]
    found: dict[str, list[str]] = {}
    for group, languages in content.items():
        found[group] = []
        if not isinstance(languages, dict):
            mistakes.append(f"{group}: should be `language: [phrases]`")
            continue
        for language, words in languages.items():
            if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
                mistakes.append(f"{group}: {language}: should be a list of phrases")
                continue
            found[group] += _searched(words)
    if mistakes:
        raise ConfigError("\n".join(f"{file.name}: {mistake}" for mistake in mistakes))
    return found


def _searched(words: list[str]) -> list[str]:
    """In all spellings."""
    plain = [search_text(word).strip() for word in words]
    plain += [form for word in plain for form in traditional(word)]
    plain += [word.replace("'", sign) for word in plain if "'" in word for sign in ("’", "")]
    return list(dict.fromkeys(word for word in plain if len(word) > 0))


class Phrase(NamedTuple):
    """Where a phrase stands, and how it reads there."""

    start: int
    end: int
    text: str


class AnyOf:
    """Finds any of some phrases: where several begin at one place the longest, Latin and Cyrillic ones as whole words.

    Its methods do as those of `re.Pattern` do. An automaton is ready in a tenth of the time that a pattern of so many
    phrases takes to compile, which was half a second of each start.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self._words = [(phrase[0] in _LETTERS, phrase[-1] in _LETTERS) for phrase in phrases]
        self._search = AhoCorasick(phrases, implementation=Implementation.ContiguousNFA).find_matches_as_indexes

    def _longest(self, text: str) -> dict[int, int]:
        """Where one begins -> where the longest ends, in no order."""
        found = {}
        for number, start, end in self._search(text, overlapping=True):  # in the order of their ends
            begins, ends = self._words[number]
            if begins and start and text[start - 1] in _LETTERS:
                continue
            if ends and end < len(text) and text[end] in _LETTERS:
                continue
            found[start] = end
        return found

    def search(self, text: str, start: int = 0, end: int | None = None) -> Phrase | None:
        """The first one that begins at `start` or behind it; nothing is read from `end` on."""
        text = text[:end]
        found = self._longest(text)
        first = min((at for at in found if at >= start), default=None)
        return None if first is None else Phrase(first, found[first], text[first : found[first]])

    def match(self, text: str) -> Phrase | None:
        """The one with which the text begins."""
        end = self._longest(text).get(0)
        return None if end is None else Phrase(0, end, text[:end])

    def finditer(self, text: str, start: int = 0, end: int | None = None) -> Iterator[Phrase]:
        """Each that begins behind the end of the one before."""
        text = text[:end]
        for first, last in sorted(self._longest(text).items()):
            if first >= start:
                yield Phrase(first, last, text[first:last])
                start = last

    def sub(self, instead: str, text: str) -> str:
        """The text with `instead` in place of each."""
        parts, at = [], 0
        for start, end, _ in self.finditer(text):
            parts += [text[at:start], instead]
            at = end
        return "".join([*parts, text[at:]])

    def fills(self, text: str) -> bool:
        """Whether the text is nothing but such phrases, and signs between them."""
        found = self._longest(text)
        at = 0
        while at < len(text):
            if at not in found and not _SIGN.match(text, at):
                return False
            at = found.get(at, at + 1)
        return text != ""
