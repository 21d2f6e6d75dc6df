"""The cheap look: which finders could have anything to say. Nearly always none.

What is held back here the finders would not report either; the tests run both and compare. A whole page is looked at
at once, at the speed of C over its UTF-8: no loop in Python sees a word or a letter, only records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from aggregator.triage.secrets.chinese import LATER_BYTES, SIGNS, may_hold_chinese
from aggregator.triage.secrets.glued import LONGEST_UNCUT
from aggregator.triage.secrets.keys import BYTES, STORE_NAMES, may_be_bytes
from aggregator.triage.secrets.letters import UNUSUAL, fold
from aggregator.triage.secrets.phrases import CUE
from aggregator.triage.secrets.runs import FILLERS, ORDINALS, WORDS
from aggregator.triage.secrets.wordlists import LENGTHS, every_word

SHORTEST = 11  # four Korean words of two letters and what parts them, or six Chinese characters
# Between the texts of a record, and between records. In a text they are blanks.
_TEXT, _RECORD = "\x1f", "\x1e"
_MARKS = str.maketrans(_TEXT + _RECORD, "  ")

_LETTERS = range(97, 123)
_LOWER = bytes(c | 32 if c | 32 in _LETTERS and c < 128 else c if c in b"\x1e\x1f" else 32 for c in range(256))
_LATIN = bytes(120 if c | 32 in _LETTERS and c < 128 else 32 for c in range(256))
_ALNUM = bytes(120 if c | 32 in _LETTERS and c < 128 or 48 <= c <= 57 else 32 for c in range(256))
_HEX = bytes(104 if c in b"0123456789abcdefABCDEF" else c if c == 0x1E else 32 for c in range(256))
# What may part the pieces of a key: all but other letters, Chinese characters (first byte E4 to E9) and marks.
_PARTS = bytes(c for c in range(256) if _ALNUM[c] == 32 and not (0xE4 <= c <= 0xE9 or c in b"\x1e\x1f")) + b"xX"
# Kana, Korean syllables, and Cyrillic letters that no Latin one looks like.
_FOREIGN = re.compile(r"[\u0430-\u045f\u3041-\u3096\uac00-\ud7a3]")
_FOREIGN_BYTES = (b"\xd0", b"\xd1", b"\xe3\x81", b"\xe3\x82", b"\xea", b"\xeb", b"\xec", b"\xed")

_LISTED, _FILLER, _LISTED_ORDINAL, _ORDINAL, _COUNTING = range(1, 6)
_TEXT_END, _RECORD_END = 8, 9
_OF = dict.fromkeys(every_word(), _LISTED)
_OF |= {word: _LISTED_ORDINAL if word in _OF else _ORDINAL for word in ORDINALS}
_OF |= dict.fromkeys(FILLERS, _FILLER) | {"word": _COUNTING}
_KINDS = {word.encode(): kind for word, kind in _OF.items() if word.isascii()}
_KINDS |= {_TEXT.encode(): _TEXT_END, _RECORD.encode(): _RECORD_END}
_IN_ROW = bytes(1 if c in (_LISTED, _LISTED_ORDINAL, _COUNTING) else c if c == _RECORD_END else 0 for c in range(256))
_FOUR, _NINE = b"\1" * 4, re.compile(b"(?:\1\0?){8}\1")
_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Which finders must look."""

    words: bool
    keys: bool
    chinese: bool


@dataclass(slots=True)
class Suspects:
    """What must be looked at in a record: some of its texts, or also (`spread`) a phrase over several of them."""

    texts: dict[str, Suspicion]
    spread: bool


def suspicion(text: str) -> Suspicion | None:
    """Which finders must look at a text; None: they would find nothing."""
    text = _folded(text).translate(_MARKS)
    data = text.encode("utf-8", "surrogatepass")
    lower = data.translate(_LOWER)
    words = _has_row(bytes(map(_KINDS.get, lower.split(), repeat(0))), text) or _has_other_words(text, data)
    keys = _may_be_store(lower) or _has_pieces(data.translate(_HEX, _PARTS), text)
    keys = keys or b"x" * 50 in data.translate(_ALNUM)
    chinese = len(data) > len(text) and may_hold_chinese(text, data.translate(SIGNS, LATER_BYTES))
    return Suspicion(words, keys, chinese) if words or keys or chinese else None


def _folded(text: str) -> str:
    if "<" in text or "&" in text or "\\" in text or not (text.isascii() or UNUSUAL.search(text) is None):
        return fold(text).text
    return text


def _may_be_store(lower: bytes) -> bool:
    return (b"cipher" in lower or b"kdf" in lower) and any(name.encode() in lower for name in STORE_NAMES)


def _has_pieces(pieces: bytes, text: str) -> bool:
    """Whether hexadecimal digits, with all taken away that may part them, make up a key or an array of bytes."""
    if b"h" * _SHORTEST_KEY not in pieces:
        return False
    return b"h" * 56 in pieces or (may_be_bytes(text) and BYTES.search(text) is not None)


def _has_row(kinds: bytes, text: str, *, crowded: bool = False) -> bool:
    """Whether list words stand in a row, as in a phrase, or make up nearly all of the text (or not even that:
    `crowded`), as in a piece of one."""
    row = kinds.translate(_IN_ROW, bytes((_FILLER,)))
    listed = row.count(1)
    if listed < 4:
        return False
    if _counts(kinds, listed):
        return True
    if _FOUR in row:
        few = 40 * len(kinds) <= 54 * listed + 48 * (len(kinds) - len(row))
        if few or crowded or CUE.search(text.lower()):
            return True
    return listed >= 9 and _NINE.search(row) is not None


def _counts(kinds: bytes, listed: int) -> bool:
    """Whether some words may only count the others: first, second; word 1, word 2."""
    if kinds.count(_LISTED_ORDINAL) + kinds.count(_ORDINAL) >= 6:
        return True
    return listed >= 8 and kinds.count(_COUNTING) >= 8


def _has_other_words(text: str, data: bytes) -> bool:
    """The same for letters without spaces, and for Russian, Japanese and Korean."""
    if b"x" * (LONGEST_UNCUT + 1) in data.translate(_LATIN):
        return True
    if not any(lead in data for lead in _FOREIGN_BYTES) or not _FOREIGN.search(low := text.lower()):
        return False
    for script, pattern in WORDS.items():
        words = pattern.findall(low)
        if _has_row(bytes(map(_OF.get, words, repeat(0))), text, crowded=True):
            return True
        if script == "letters" and max(map(len, words), default=0) > LONGEST_UNCUT:
            return True
    return False
