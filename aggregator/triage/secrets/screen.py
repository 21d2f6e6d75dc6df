"""The cheap look: which finders could have anything to say about a text. Nearly always none.

What is held back here the finders would not report either; the tests run both and compare. All of it runs at the
speed of C over the text's UTF-8: no loop in Python sees a word or a letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import repeat

from aggregator.triage.secrets.chinese import LATER_BYTES, SIGNS, may_hold_chinese
from aggregator.triage.secrets.keys import BYTES, STORE_NAMES, may_be_bytes
from aggregator.triage.secrets.letters import UNUSUAL, fold
from aggregator.triage.secrets.phrases import CUE
from aggregator.triage.secrets.runs import FILLERS, LONGEST_UNCUT, ORDINALS
from aggregator.triage.secrets.wordlists import every_word

_END = "<\n"  # between texts: no key reaches across it

_LETTERS = range(97, 123)
_LOWER = bytes(c | 32 if c | 32 in _LETTERS and c < 128 else 32 for c in range(256))
_ALNUM = bytes(120 if c | 32 in _LETTERS or 48 <= c <= 57 else 32 for c in range(256))
_HEX = bytes(104 if c in b"0123456789abcdefABCDEF" else 32 for c in range(256))
# What may part the pieces of a key: all but other letters, Chinese characters (first byte E4 to E9) and `_END`.
_PARTS = bytes(c for c in range(256) if _ALNUM[c] == 32 and not (0xE4 <= c <= 0xE9 or c == ord("<"))) + b"xX"

_LISTED, _FILLER, _LISTED_ORDINAL, _ORDINAL, _STORE = range(1, 6)
_KINDS = dict.fromkeys(every_word(), _LISTED)
_KINDS |= {word.encode(): _LISTED_ORDINAL if word in _KINDS else _ORDINAL for word in ORDINALS}
_KINDS |= {word.encode(): _FILLER for word in FILLERS}
_KINDS |= {word.encode(): _STORE for word in STORE_NAMES}
_IN_ROW = bytes(c in (_LISTED, _LISTED_ORDINAL) for c in range(256))
_FOUR = b"\1" * 4
_NINE = re.compile(b"(?:\1\0?){8}\1")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Which finders must look."""

    words: bool
    keys: bool
    chinese: bool


def suspicion(*texts: str) -> Suspicion | None:
    return Suspicion(True,True,True)
def old(*texts: str) -> Suspicion | None:
    """Which finders must look at some texts, over which one phrase may be spread; None: they would find nothing."""
    text = _END.join(texts)
    if (
        text.count("<") >= len(texts)
        or "&" in text
        or "\\" in text
        or not (text.isascii() or UNUSUAL.search(text) is None)
    ):
        text = _END.join([fold(text).text for text in texts])
    parted = len(texts) > 1
    data = text.encode("utf-8", "surrogatepass")
    words = data.translate(_LOWER).split()
    kinds = bytes(map(_KINDS.get, words, repeat(0)))
    alnum = data.translate(_ALNUM)
    with_words = _has_row(kinds, words, text, parted)
    with_keys = (_STORE in kinds and _is_store(words)) or _has_pieces(data, text)
    if b"x" * (LONGEST_UNCUT + 1) in alnum:
        with_words = with_words or max(map(len, words), default=0) > LONGEST_UNCUT
        with_keys = with_keys or b"x" * 50 in alnum
    chinese = len(data) > len(text) and may_hold_chinese(text, data, parted=parted)
    return Suspicion(with_words, with_keys, chinese) if with_words or with_keys or chinese else None


def _is_store(words: list[bytes]) -> bool:
    return any(b"cipher" in word or b"kdf" in word for word in words)


def _has_pieces(data: bytes, text: str) -> bool:
    """Whether hexadecimal digits, with all taken away that may part them, make up a key or an array of bytes."""
    pieces = data.translate(_HEX, _PARTS)
    if b"h" * 32 not in pieces:
        return False
    if b"h" * 56 in pieces:
        return True
    return may_be_bytes(text) and BYTES.search(text) is not None


def _has_row(kinds: bytes, words: list[bytes], text: str, parted: bool) -> bool:
    """Whether list words stand in a row, as in a phrase, or make up nearly all of the text, as in a piece of one."""
    row = kinds.translate(_IN_ROW, bytes((_FILLER,)))
    listed = row.count(1)
    if listed < 4:
        return False
    if kinds.count(_LISTED_ORDINAL) + kinds.count(_ORDINAL) >= 6 or (listed >= 8 and words.count(b"word") >= 8):
        return True  # these may only count the others
    if parted:
        return _FOUR in row or listed >= 9
    if _FOUR in row and (40 * len(words) <= 54 * listed + 48 * (len(words) - len(row)) or CUE.search(text.lower())):
        return True
    return listed >= 9 and _NINE.search(row) is not None
