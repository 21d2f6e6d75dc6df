"""The word lists of `lexicons/*.yaml`: read with every mistake named, matched in one pass for all languages."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml
from ahocorasick_rs import AhoCorasick, Implementation

from aggregator.triage.language import search_text, traditional
from connectors.errors import ConfigError

LEXICONS = Path(__file__).with_name("lexicons")

# (start, end, points of the term's own or None), offsets into the searched text
Hit = tuple[int, int, float | None]

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz" + "".join(map(chr, (*range(0xDF, 0x250), *range(0x1E00, 0x1F00)))))
_DIGITS = frozenset("0123456789")
_GUARDS = ("not_after", "not_before", "unless")
# How far a guarding word may stand from its term, in characters of the same clause.
_REACH = {"zh": 5, "en": 14, "ja": 5, "ko": 8, "ru": 14, "es": 14, "vi": 14}
_WINDOW = 40
_compiled = functools.cache(re.compile)


@dataclass(frozen=True, slots=True)
class Guard:
    """When a term does not count: patterns for the text before it, behind it, and for the whole post; "": none.

    They are compiled once they are needed: all of them would take a tenth of a second of each start.
    """

    before: str
    behind: str
    anywhere: str

    def stops(self, text: str, start: int, end: int, excluded: dict[int, bool]) -> bool:
        """Whether the term at this place does not count. `excluded` remembers `anywhere` for this text, which
        would else be searched whole at each of many terms."""
        if self.anywhere:
            if id(self) not in excluded:
                excluded[id(self)] = _compiled(self.anywhere).search(text) is not None
            if excluded[id(self)]:
                return True
        return bool(
            (self.before and _compiled(self.before).search(text[max(0, start - _WINDOW) : start]))
            or (self.behind and _compiled(self.behind).match(text[end : end + _WINDOW]))
        )


class Term(NamedTuple):
    """One word or phrase as its file has it. `line` counts from 1."""

    text: str
    category: str
    language: str
    points: float | None
    guard: Guard | None
    file: str
    line: int


class Lexicon:
    """All terms of all files, ready to search."""

    def __init__(self, terms: Sequence[Term]) -> None:
        spellings: dict[str, Term] = {term.text: term for term in terms}
        for term in terms:
            for other in _spellings(term):
                spellings.setdefault(other, term)
        alike: dict[tuple[str, float | None, object, object, int], _Entry] = {}  # most terms say the same
        self._entries = [
            alike.setdefault((*entry[:4], id(term.guard)), entry)
            for text, term in spellings.items()
            for entry in ((term.category, term.points, _ahead(text), _behind(text), term.guard),)
        ]
        # As fast as a DFA here, and a tenth of its size, which the processor's cache notices.
        automaton = AhoCorasick(list(spellings), implementation=Implementation.ContiguousNFA)
        self._search = automaton.find_matches_as_indexes

    def hits(self, text: str) -> dict[str, list[Hit]]:
        """category -> where its terms stand in `text` (as `search_text` gives it), in the order of the text.

        Latin words and numbers match whole only. Of two terms where one stands inside the other, the longer
        counts, whatever their categories: "not arrived" is no "arrived".
        """
        entries = self._entries
        longest: list[tuple[int, int, int]] = []
        for match in self._search(text, overlapping=True):
            number, start, end = match
            _, _, ahead, behind, _ = entries[number]
            if (ahead and start and text[start - 1] in ahead) or (behind and text[end : end + 1] in behind):
                continue
            while longest and longest[-1][1] >= start:
                longest.pop()
            if not longest or longest[-1][2] != end:
                longest.append(match)
        found: dict[str, list[Hit]] = {}
        excluded: dict[int, bool] = {}
        for number, start, end in longest:
            category, points, _, _, guard = entries[number]
            if guard is not None and guard.stops(text, start, end, excluded):
                continue
            if category in found:
                found[category].append((start, end, points))
            else:
                found[category] = [(start, end, points)]
        return found


_Entry = tuple[str, float | None, frozenset[str] | None, frozenset[str] | None, Guard | None]


def load(folder: Path, categories: Collection[str]) -> Lexicon:
    """Every term of a folder, ready to search. Raises as `read`."""
    return Lexicon(read(folder, categories))


def read(folder: Path, categories: Collection[str]) -> list[Term]:
    """The terms of every `*.yaml` of a folder.

    Raises:
        ConfigError: all mistakes of all files, one `file:line: what` per line.
    """
    mistakes: list[str] = []
    terms = [term for file in sorted(folder.glob("*.yaml")) for term in _read(file, frozenset(categories), mistakes)]
    first: dict[str, Term] = {}
    for term in terms:
        if (other := first.setdefault(term.text, term)) is not term:
            where = f"{other.file}:{other.line}"
            mistakes.append(f"{term.file}:{term.line}: {term.text!r} stands already in {where}; remove one")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return terms


def _spellings(term: Term) -> Iterator[str]:
    """How else people write it: the other script; with a typographic apostrophe, or none."""
    if term.language == "zh":
        yield from traditional(term.text)
    if "'" in term.text:
        yield term.text.replace("'", "’")
        yield term.text.replace("'", "")


def _ahead(text: str) -> frozenset[str] | None:
    """Characters that may not stand before it, or it would be part of a longer word or number."""
    return _LETTERS if text[0] in _LETTERS else _DIGITS if text[0] in _DIGITS else None


def _behind(text: str) -> frozenset[str] | None:
    return _ahead(text[-1])


class _MistakeError(Exception):
    def __init__(self, node: yaml.Node | None, what: str) -> None:
        super().__init__(what)
        self.line = node.start_mark.line + 1 if node else 1


def _read(file: Path, categories: frozenset[str], mistakes: list[str]) -> Iterator[Term]:
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        mistakes.append(f"{file.name}:{line}: not YAML: {error.problem}")
        return
    try:
        top = _mapping(root, ("language", "categories"))
        language = _scalar(top["language"]) if "language" in top else ""
        if language not in _REACH or "categories" not in top:
            raise _MistakeError(root, f"needs `language:` ({' or '.join(_REACH)}) and `categories:`")
        entries = _mapping(top["categories"], categories)
    except _MistakeError as mistake:
        mistakes.append(f"{file.name}:{mistake.line}: {mistake}")
        return
    for category, node in entries.items():
        yield from _category(file.name, language, category, node, mistakes)


def _category(file: str, language: str, category: str, node: yaml.Node, mistakes: list[str]) -> Iterator[Term]:
    try:
        settings = _mapping(node, ("terms", *_GUARDS))
        shared = {name: _words(settings[name]) for name in _GUARDS if name in settings}
        items = _items(settings["terms"]) if "terms" in settings else []
    except _MistakeError as mistake:
        mistakes.append(f"{file}:{mistake.line}: {category}: {mistake}")
        return
    common = _guard(shared, language)
    for item in items:
        try:
            if isinstance(item, yaml.ScalarNode):
                yield Term(_word(item), category, language, None, common, file, item.start_mark.line + 1)
                continue
            fields = _mapping(item, ("term", "points", "note", *_GUARDS))
            if "term" not in fields:
                raise _MistakeError(item, "`term:` is missing")
            own = {name: _words(fields[name]) for name in _GUARDS if name in fields}
            joined = {name: shared.get(name, []) + own.get(name, []) for name in _GUARDS}
            points = _number(fields["points"]) if "points" in fields else None
            guard = _guard(joined, language) if own else common
            yield Term(_word(fields["term"]), category, language, points, guard, file, item.start_mark.line + 1)
        except _MistakeError as mistake:
            mistakes.append(f"{file}:{mistake.line}: {category}: {mistake}")


def _guard(words: dict[str, list[str]], language: str) -> Guard | None:
    if not any(words.values()):
        return None
    reach = _REACH[language]
    same_clause = rf"[^,.!?;。、\n]{{0,{reach}}}"
    after, before, anywhere = (_any_of(words.get(name, []), language) for name in _GUARDS)
    return Guard(
        f"{after}{same_clause}$" if after else "",
        f"{same_clause}{before}" if before else "",
        anywhere,
    )


def _any_of(words: Sequence[str], language: str) -> str:
    """A pattern for any of the words in all their spellings, whole where Latin; empty without words."""
    spellings = dict.fromkeys(words)
    if language == "zh":
        spellings |= dict.fromkeys(form for word in words for form in traditional(word))
    spellings |= dict.fromkeys(word.replace("'", sign) for word in words for sign in ("’", "") if "'" in word)
    if not spellings:
        return ""
    body = "|".join(map(re.escape, spellings))
    return rf"\b(?:{body})\b" if language in ("en", "es", "vi") else f"(?:{body})"


def _mapping(node: yaml.Node | None, allowed: Collection[str]) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _MistakeError(node, "should be a mapping, `name: value`")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = _scalar(key)
        if name not in allowed:
            raise _MistakeError(key, f"unknown word {name!r}; known are {', '.join(sorted(allowed))}")
        if name in found:
            raise _MistakeError(key, f"{name!r} stands here twice")
        found[name] = value
    return found


def _items(node: yaml.Node) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise _MistakeError(node, "should be a list")
    return list(node.value)


def _words(node: yaml.Node) -> list[str]:
    return [_word(item) for item in _items(node)]


def _word(node: yaml.Node) -> str:
    """A term in the form in which posts are searched."""
    word = search_text(_scalar(node)).strip()
    if not word:
        raise _MistakeError(node, "an empty term")
    return word


def _number(node: yaml.Node) -> float:
    try:
        return float(_scalar(node))
    except ValueError:
        raise _MistakeError(node, "points should be a number") from None


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _MistakeError(node, "should be a single word or phrase")
    return str(node.value)
