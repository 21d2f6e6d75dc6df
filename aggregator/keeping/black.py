"""Words that are blacked out wherever they stand, as long as they were, so that offsets of a platform stay true."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from ahocorasick_rs import AhoCorasick

from aggregator.triage import search_text

MASK = "█"
NOBODY = 0
"""In place of an id that is a number: what reads the record expects one."""
# What the author of something, named by id within somebody else's record, is called there.
_NAMES_WHO = frozenset(
    ("id", "user_id", "userid", "uid", "idstr", "username", "user_name", "screen_name", "qq", "openid", "from_id")
)
_SAYS_WHO = re.compile(
    r"name|nick|user|login|handle|mail|avatar|card|screen|display|profile|image|photo", re.IGNORECASE
)
_SIGNS = re.compile(r"[\\.^$|?*+()\[\]{}]")
_LONGEST_PATTERN = 10_000  # characters
_BY_CHANCE = 5  # bytes
_LONG_ENOUGH = 6  # characters of an id: a shorter one may be that of a category


@dataclass(frozen=True, slots=True)
class Words:
    """What is somebody's own.

    passages: of what that person wrote. names: names, handles and telling ids, found as whole words. called: names that
    are ordinary words, too, found only behind an @. ids: native ids, by which records of others name that person.
    """

    passages: frozenset[str]
    names: frozenset[str]
    called: frozenset[str]
    ids: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.passages | self.names | {f"@{name}" for name in self.called}


class Black:
    """Blacks out somebody's words."""

    def __init__(self, words: Words) -> None:
        self.words = words
        whole = {form: True for word in words.names for form in _forms(word)}
        whole |= {form: True for word in words.called for form in _forms(f"@{word}")}
        self._patterns = {form: False for word in words.passages for form in _forms(word)} | whole
        self._whole = list(self._patterns.values())
        self._finder = AhoCorasick(list(self._patterns)) if self._patterns else None
        self._who = {word.lower() for word in (*words.names, *words.called)}
        self._ids = {each for each in words.ids if len(each) >= _LONG_ENOUGH}

        hints = self._told_by = {*self._patterns, *self._who, *(each.lower() for each in self._ids)}
        self._hints = AhoCorasick(list(hints)) if hints else None

    def as_patterns(self) -> list[str]:
        """Regular expressions (RE2) that find, in lower case, all that may hold one of these; several, for one that is
        too long is refused."""
        parts: list[list[str]] = [[]]
        room = _LONGEST_PATTERN
        for word in sorted(self._told_by):
            if len(word) > room:
                parts.append([])
                room = _LONGEST_PATTERN
            parts[-1].append(_SIGNS.sub(r"\\\g<0>", word))
            room -= len(word)
        return ["|".join(words) for words in parts if words]

    def may_hold(self, written: str) -> bool:
        """Whether JSON, as it is written, is worth reading."""
        return self._hints is not None and bool(self._hints.find_matches_as_indexes(_lower(written)))

    def stands_in(self, written: str) -> bool:
        """Whether it would be changed: JSON, as it is written."""
        return self.may_hold(written) and self.value(before := orjson.loads(written)) != before

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where they stand."""
        if self._finder is None:
            return []
        low = _lower(text)
        found = self._finder.find_matches_as_indexes(low, overlapping=True)
        return [(start, end) for at, start, end in found if not self._whole[at] or stands_alone(low, start, end)]

    def text(self, text: str) -> str:
        """The text without them."""
        spans = self.spans(text)
        if not spans:
            return text
        hidden = bytearray(len(text))
        for start, end in spans:
            hidden[start:end] = b"\1" * (end - start)
        return "".join(_masked(char) if gone else char for char, gone in zip(text, hidden, strict=True))

    def value(self, value: Any, *, inside: bool = False) -> Any:
        """A JSON value without them. `inside`: of another value; only there an object is somebody who is named."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each, inside=True) for each in value]
        if isinstance(value, dict):
            if inside and self._is_person(value):
                return {key: self._unnamed(str(key), each) for key, each in value.items()}
            return {key: self.value(each, inside=True) for key, each in value.items()}
        return value

    def _is_person(self, value: Mapping[str, Any]) -> bool:
        return any(
            str(each) in self._ids or str(each).lower() in self._who
            for key, each in value.items()
            if key.lower() in _NAMES_WHO and isinstance(each, str | int)
        )

    def _unnamed(self, key: str, value: Any) -> Any:
        if isinstance(value, str) and (_SAYS_WHO.search(key) or value in self._ids):
            return "".join(map(_masked, value))
        if isinstance(value, int) and str(value) in self._who:  # a short one may be that of anything
            return NOBODY
        return self.value(value, inside=True)

    def as_bytes(self) -> dict[bytes, bool]:
        """What to look for in files, ASCII in lower case; True: as a whole word only. Only what is so long that it does
        not stand there by chance."""
        words = {form.encode(): whole for form, whole in self._patterns.items()}
        for word in self.words.all:
            words.setdefault(word.encode().lower(), word not in self.words.passages)
        return {word: whole for word, whole in words.items() if len(word) >= _BY_CHANCE}


def is_whole(block: bytes, start: int, end: int) -> bool:
    """Whether what stands there is no part of a longer word."""
    around = block[max(0, start - 1) : end + 1].decode("latin-1")
    return stands_alone(around, min(1, start), min(1, start) + end - start)


def _forms(word: str) -> Collection[str]:
    return {_lower(word), _lower(search_text(word))}


def _lower(text: str) -> str:
    low = text.lower()
    return low if len(low) == len(text) else "".join(_lower_char(char) for char in text)


def _lower_char(char: str) -> str:
    low = char.lower()
    return low if len(low) == 1 else char


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether it is a whole word. Chinese has no space between words: there every place counts."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (_joins(before) and _joins(text[start])) and not (_joins(after) and _joins(text[end - 1]))


def _joins(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def _masked(char: str) -> str:
    return MASK * (len(char.encode("utf-16-le")) // 2)
