"""The secrets that a text gives away, found without the code that is to mask them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Final

from mnemonic import Mnemonic

from aggregator.demo.script import Day, Line

PHRASE_WORDS: Final = 12
READABLE_WORDS: Final = 4  # of a phrase of 12: more than a quarter is a leak
READABLE_LETTERS: Final = 12  # of a key
_HEX = re.compile(r"\b(?:0x)?([0-9a-f]{64})\b")


def given_away(text: str) -> list[str]:
    """Keys that are no transaction id (0x...), and runs of 12 or more words of the English BIP-39 list."""
    keys = [match[1] for match in _HEX.finditer(text) if not match[0].startswith("0x")]
    return [*keys, *(re.sub(r"[^a-z]+", " ", text[start:end]) for start, end in _phrases(text))]


def may_be_masked(text: str) -> list[tuple[int, int]]:
    """Where a careful reader may mask: what is given away, and transaction ids, for they look like keys."""
    return [*(match.span(1) for match in _HEX.finditer(text)), *_phrases(text)]


def with_own_phrases(day: Day) -> Day:
    """The day with a phrase that is published nowhere, and opens nothing, for each that a customer gives away.

    day.yaml has only published test vectors, which are masked without an alarm, as everybody knows them.
    """
    return replace(day, lines=tuple(_own_phrase(day, line) for line in day.lines))


def _own_phrase(day: Day, line: Line) -> Line:
    if day.people[line.who].role != "customer":
        return line
    text = line.text
    for start, end in _phrases(text):
        entropy = sha256(f"{line.id} opens nothing".encode()).digest()[:16]
        text = text[:start] + Mnemonic("english").to_mnemonic(entropy) + text[end:]
    return replace(line, text=text)


def _phrases(text: str) -> Iterator[tuple[int, int]]:
    listed = frozenset(Mnemonic("english").wordlist)
    for is_listed, run in groupby(re.finditer(r"[a-z]+", text), key=lambda word: word[0] in listed):
        words = list(run)
        if is_listed and len(words) >= PHRASE_WORDS:
            yield words[0].start(), words[-1].end()


def leaks(folder: Path, secrets: Iterable[str]) -> int:
    """How many of the secrets can be read, in part, in the bytes of any file of the folder."""
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    return sum(any(piece in held for piece in _pieces(secret) for held in files) for secret in secrets)


def _pieces(secret: str) -> list[bytes]:
    words = secret.split(" ")
    if len(words) > 1:
        return [" ".join(words[at : at + READABLE_WORDS]).encode() for at in range(len(words) - READABLE_WORDS + 1)]
    return [secret[at : at + READABLE_LETTERS].encode() for at in range(len(secret) - READABLE_LETTERS + 1)]
