"""The word lists of `words/*.yaml`: read with every mistake named, looked for in one pass over a post.

A file maps kinds to names to words. A name is what is stored (`tron` for 波场 and trc20), or only a language
where nothing is stored but that something was said.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from aggregator.config.yaml_lines import KeyPath, Mistake, Place, read_words
from aggregator.triage.language import search_text, traditional
from connectors.errors import ConfigError

FOLDER = Path(__file__).with_name("words")

_LETTERS = frozenset(chr(code) for code in range(0x61, 0x530) if chr(code).isalpha()) | frozenset(
    chr(code) for code in range(0x1E00, 0x1F00)
)
_DIGITS = frozenset("0123456789")
TIME = "time"
_COUNTED = ("token", "currency", "unit")
# Too short to be looked for, or a chain's name, too; behind a number they say what it counts.
SHORT_TOKENS = {"u": "USDT", "sui": "SUI", "apt": "APT", "op": "OP", "near": "NEAR"}
_SHORT_UNITS = SHORT_TOKENS | dict.fromkeys(
    ("h", "hs", "d", "am", "pm", "g", "ч", "hrs", "hr", "min", "mins", "wk", "wks"), TIME
)
# Guards of this kind are asked for only where somebody wants to know (`Words.any_stands`).
_LATER = "problem"
_GUARDS = ("not_after", "not_before")
# How far a guarding word may stand from its word, in the same clause: characters, where one is a word, or letters.
_REACH_WIDE, _REACH_NARROW = 5, 18
_LONGEST = 24  # characters of a guarding word
_ENDS = frozenset(",.!?;。、\n")  # of a clause


Hit = tuple[str, int, int]
"""A word's name, and where it stands in the searched text. A plain tuple: an import makes a few for each post."""


class Guard:
    """When a word does not count: another stands before or behind it in the same clause, at most `reach` away."""

    def __init__(self, before: Sequence[str], behind: Sequence[str], reach: int) -> None:
        self._before = _automaton(before) if before else None
        self._behind = _automaton(behind) if behind else None
        self._reach = reach

    def stops(self, text: str, start: int, end: int) -> bool:
        if self._before is not None and start:
            first = max(0, start - self._reach - _LONGEST)
            window = text[first : start + 1]
            for _, left, right in self._before(window):
                if right <= start - first and _is_whole(window, left, right) and _near(window[right:-1], self._reach):
                    return True
        if self._behind is not None:
            window = text[end - 1 : end + self._reach + _LONGEST]
            for _, left, right in self._behind(window):
                if left and _is_whole(window, left, right) and _near(window[1:left], self._reach):
                    return True
        return False


def _automaton(words: Sequence[str]) -> Callable[[str], list[tuple[int, int, int]]]:
    every = dict.fromkeys(spelling for word in words for spelling in (word, *_spellings(word)))
    automaton = AhoCorasick(list(every), implementation=Implementation.DFA, matchkind=MatchKind.LeftmostLongest)
    return automaton.find_matches_as_indexes


def _is_whole(text: str, start: int, end: int) -> bool:
    ahead, behind = _edge(text[start]), _edge(text[end - 1])
    return not ((ahead and start and text[start - 1] in ahead) or (behind and text[end : end + 1] in behind))


def _near(between: str, reach: int) -> bool:
    return len(between) <= reach and _ENDS.isdisjoint(between)


@dataclass(frozen=True, slots=True)
class Word:
    """One word as its file has it, in the form that is searched. `goes_on`: it may be the beginning of a longer one."""

    text: str
    kind: str
    name: str
    goes_on: bool
    guard: Guard | None
    file: str
    line: int


class Words:
    """All words of all files, ready to search."""

    units: Mapping[str, str]  # what a number counts, by the word behind it: a token, a currency, TIME

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = tuple(words)
        spellings: dict[str, Word] = {word.text: word for word in words}
        for word in words:
            for other in _spellings(word.text):
                spellings.setdefault(other, word)
        self._entries = [
            (word.kind, word.name, _edge(text[0]), None if word.goes_on else _edge(text[-1]), word.guard)
            for text, word in spellings.items()
        ]
        self.units = _SHORT_UNITS | {
            text: TIME if word.kind == "unit" else word.name
            for text, word in spellings.items()
            if word.kind in _COUNTED
        }
        self.first_letters = frozenset(text[0] for text in self.units if text[0] > "\u2e80")
        self._guards = {text: word.guard for text, word in spellings.items() if word.guard is not None}
        automaton = AhoCorasick(
            list(spellings), implementation=Implementation.ContiguousNFA, matchkind=MatchKind.LeftmostLongest
        )
        self._search = automaton.find_matches_as_indexes

    def hits(self, text: str) -> dict[str, list[Hit]]:
        """kind -> its words in `text` (as `search_text` gives it), in order; of words that overlap, the first and
        longest counts. Latin and Cyrillic words and numbers match whole only."""
        found: dict[str, list[Hit]] = {}
        matches = self._search(text)
        if not matches:
            return found
        entries = self._entries
        for number, start, end in matches:
            kind, name, ahead, behind, guard = entries[number]
            if (ahead and start and text[start - 1] in ahead) or (behind and text[end : end + 1] in behind):
                continue
            if guard is not None and kind != _LATER and guard.stops(text, start, end):
                continue
            if kind in found:
                found[kind].append((name, start, end))
            else:
                found[kind] = [(name, start, end)]
        return found

    def any_stands(self, text: str, hits: Sequence[Hit]) -> bool:
        """Whether one of these words is not taken back by another beside it."""
        for _, start, end in hits:
            guard = self._guards.get(text[start:end])
            if guard is None or not guard.stops(text, start, end):
                return True
        return False


def load(folder: Path, *groups: Collection[str]) -> list[Words]:
    """Read every `*.yaml` of a folder: for each group of kinds what is looked for together. In a group no word stands
    twice.

    Raises:
        ConfigError: all mistakes of all files, one `file:line:column key: what` per line.
    """
    group_of = {kind: number for number, group in enumerate(groups) for kind in group}
    mistakes: list[str] = []
    words: list[list[Word]] = [[] for _ in groups]
    first: dict[tuple[int, str], Word] = {}
    for file in sorted(folder.glob("*.yaml")):
        document = read_words(file)
        of_file = [*document.mistakes]
        for word, path in _words(document.value, group_of, file.name, document.places, of_file):
            group = group_of[word.kind]
            words[group].append(word)
            if (other := first.setdefault((group, word.text), word)) is not word:
                sentence = f"{word.text!r} stands already in {other.file}:{other.line}; remove one"
                of_file.append(Mistake(document.places[path], path, sentence))
        mistakes += [mistake.line(Path(file.name)) for mistake in sorted(of_file, key=lambda one: one.place)]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return [Words(group) for group in words]


def _spellings(text: str) -> Iterator[str]:
    """How else people write it: in traditional characters; with a typographic apostrophe, or none."""
    yield from traditional(text)
    if "周" in text:
        yield text.replace("周", "週")
    if "'" in text:
        yield text.replace("'", "’")
        yield text.replace("'", "")


def _edge(character: str) -> frozenset[str] | None:
    """Characters that may not stand beside it, or it would be part of a longer word, handle or number."""
    return _WORDY if character in _LETTERS else _DIGITS if character in _DIGITS else None


_WORDY = _LETTERS | frozenset("_@")


def _words(
    value: object, kinds: Collection[str], file: str, places: Mapping[KeyPath, Place], mistakes: list[Mistake]
) -> Iterator[tuple[Word, KeyPath]]:
    def wrong(path: KeyPath, sentence: str) -> None:
        mistakes.append(Mistake(places.get(path, Place()), path, sentence))

    if not isinstance(value, dict):
        wrong((), "should be a mapping, `kind:` and its words")
        return
    for kind, settings in value.items():
        if kind not in kinds:
            wrong((kind,), f"unknown kind; known are {', '.join(sorted(kinds))}")
            continue
        if not isinstance(settings, dict) or not isinstance(settings.get("words"), dict):
            wrong((kind,), "should hold `words:` with names and their words, and nothing else but guards")
            continue
        for unknown in settings.keys() - {"words", *_GUARDS}:
            wrong((kind, unknown), f"unknown; known are words, {', '.join(_GUARDS)}")
        shared = {name: _texts(settings.get(name, []), (kind, name), wrong) for name in _GUARDS}
        for name, items in settings["words"].items():
            if not isinstance(items, list):
                wrong((kind, "words", name), "should be a list of words")
                continue
            for number, item in enumerate(items):
                path: KeyPath = (kind, "words", name, number)
                own = dict(shared)
                if isinstance(item, dict):
                    for unknown in item.keys() - {"word", *_GUARDS}:
                        wrong((*path, unknown), f"unknown; known are word, {', '.join(_GUARDS)}")
                    own = {
                        guard: shared[guard] + _texts(item.get(guard, []), (*path, guard), wrong) for guard in _GUARDS
                    }
                    item = item.get("word")
                written = search_text(str(item)).strip() if isinstance(item, str) else ""
                if not written.rstrip("*"):
                    wrong(path, "should be a word, or {word: ..., not_after: [...], not_before: [...]}")
                    continue
                text = written.rstrip("*")
                line = places.get(path, Place()).line
                yield Word(text, kind, name, written != text, _guard(text, own), file, line), path


def _texts(value: object, path: KeyPath, wrong: object) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) and str(item).strip() for item in value):
        return [search_text(str(item)) for item in value]
    assert callable(wrong)
    wrong(path, "should be a list of words")
    return []


def _guard(text: str, words: dict[str, list[str]]) -> Guard | None:
    if not any(words.values()):
        return None
    reach = _REACH_NARROW if text[0] in _LETTERS else _REACH_WIDE
    return _shared_guard(tuple(words["not_after"]), tuple(words["not_before"]), reach)


@functools.lru_cache(maxsize=256)
def _shared_guard(before: tuple[str, ...], behind: tuple[str, ...], reach: int) -> Guard:
    return Guard(before, behind, reach)
