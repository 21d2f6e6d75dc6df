"""The cheap look at one text: which finders could have anything to say. Nearly always none.

What is held back here the finders would not report either; the tests run both and compare. It runs at the speed of C
over the text's UTF-8: no loop in Python sees a word or a letter. `page.py` does the same for a page of records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import repeat

from aggregator.triage.secrets.chinese import LATER_BYTES, SIGNS, may_hold_chinese
from aggregator.triage.secrets.glued import LONGEST_UNCUT
from aggregator.triage.secrets.keys import BYTES, STORE_NAMES, may_be_bytes
from aggregator.triage.secrets.letters import UNUSUAL, fold
from aggregator.triage.secrets.phrases import CUE
from aggregator.triage.secrets.runs import FEWEST_SHORTENED, FILLERS, ORDINALS, WORDS
from aggregator.triage.secrets.wordlists import every_start, every_word

SHORTEST = 11  # four Korean words of two letters and what parts them, or six Chinese characters
# What stands between the texts of a record, and between records. In a text they are blanks.
TEXT_END, RECORD_END = "\x1f", "\x1e"
MARKS = str.maketrans(TEXT_END + RECORD_END, "  ")

# One byte for each: a letter in lower case; x for a Latin letter; x for that or a digit; h for a hexadecimal digit.
_LETTERS = range(97, 123)
_KEPT = TEXT_END.encode() + RECORD_END.encode()
LOWER = bytes(c | 32 if c | 32 in _LETTERS and c < 128 else c if c in _KEPT else 32 for c in range(256))
LATIN = bytes(120 if c | 32 in _LETTERS and c < 128 else c if c in _KEPT else 32 for c in range(256))
ALNUM = bytes(120 if LATIN[c] == 120 or 48 <= c <= 57 else c if c in _KEPT else 32 for c in range(256))
HEX = bytes(104 if c in b"0123456789abcdefABCDEF" else c if c in _KEPT else 32 for c in range(256))
# What may part the pieces of a key: all but other letters, Chinese characters (first byte E4 to E9) and marks.
PARTS = bytes(c for c in range(256) if ALNUM[c] == 32 and not 0xE4 <= c <= 0xE9) + b"xX"
# The first bytes of Cyrillic letters, of kana and of Korean syllables.
LEADS = {
    "letters": (b"\xd0", b"\xd1"),
    "kana": (b"\xe3\x81", b"\xe3\x82"),
    "hangul": (b"\xea", b"\xeb", b"\xec", b"\xed"),
}
RARE_LEADS = bytes(102 if c in (0xD0, 0xD1, 0xEA, 0xEB, 0xEC, 0xED) else 32 for c in range(256))  # f: not kana
# Looked at first, for it is quick: whether one of them begins here.
_WORDS = {
    script: re.compile(f"(?=[{RECORD_END}{pattern.pattern[1:-2]}])(?:{pattern.pattern}|{RECORD_END})")
    for script, pattern in WORDS.items()
}
GLUED = b"x" * (LONGEST_UNCUT + 1)
BASE58 = b"x" * 50
EXTENDED = b"prv"  # xprv, zprv: it may be broken over lines
EOS = (b"pvt k  ", b"pvt r  ")  # PVT_K1_ in LOWER: half of these keys have a character too few for BASE58
_KEY = b"h" * 56
DIGITS = b"h" * 32  # at least: an array of bytes may have one digit for each

_LISTED, _FILLER, _LISTED_ORDINAL, _ORDINAL, _COUNTING, _SHORTENED = range(1, 7)
_END_OF_TEXT, END_OF_RECORD = b"\x08", b"\x09"
_OF = dict.fromkeys(every_word(), _LISTED)
_OF |= {word: _LISTED_ORDINAL if word in _OF else _ORDINAL for word in ORDINALS}
_OF |= dict.fromkeys(FILLERS, _FILLER) | {"word": _COUNTING}
_KINDS = {start.encode(): _SHORTENED for start in every_start()}
_KINDS |= {word.encode(): kind for word, kind in _OF.items() if word.isascii()}
_OF[RECORD_END] = END_OF_RECORD[0]
_KINDS |= {TEXT_END.encode(): _END_OF_TEXT[0], RECORD_END.encode(): END_OF_RECORD[0]}
_IN_ROW = bytes(
    1 if c in (_LISTED, _LISTED_ORDINAL, _COUNTING) else c if c == END_OF_RECORD[0] else 0 for c in range(256)
)
_MADE_WHOLE = bytes(_LISTED if c == _SHORTENED else c for c in range(256))
NO_COUNTING = bytes(c for c in range(9) if c not in (_LISTED_ORDINAL, _ORDINAL, _COUNTING))
FOUR, NINE = b"\1" * 4, re.compile(b"(?:\1\0?){8}\1")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Which finders must look."""

    words: bool
    keys: bool
    chinese: bool


def suspicion(text: str) -> Suspicion | None:
    """Which finders must look at a text; None: they would find nothing."""
    text = folded(text).translate(MARKS)
    data = text.encode("utf-8", "surrogatepass")
    words, keys = has_words(text, data), has_keys(text, data)
    chinese = len(data) > len(text) and may_hold_chinese(text, data.translate(SIGNS, LATER_BYTES))
    return Suspicion(words, keys, chinese) if words or keys or chinese else None


def folded(text: str) -> str:
    """The text as the eye reads it, quickly where that is what is written."""
    if "<" in text or "&" in text or "\\" in text or not (text.isascii() or UNUSUAL.search(text) is None):
        return fold(text).text
    return text


def has_words(text: str, data: bytes) -> bool:
    """Whether there are list words enough, in whatever script."""
    kinds = kinds_of(data.translate(LOWER))
    return has_row(kinds, text) or has_shortened(kinds, text) or has_other_words(text, data)


def has_keys(text: str, data: bytes) -> bool:
    """Whether there is a store of keys, or enough digits and letters for one."""
    if BASE58 in data.translate(ALNUM) or has_pieces(data.translate(HEX, PARTS), text):
        return True
    lower = data.translate(LOWER)
    return EXTENDED in lower or any(mark in lower for mark in EOS) or may_be_store(lower)


def may_be_store(lower: bytes) -> bool:
    return (b"cipher" in lower or b"kdf" in lower) and any(name.encode() in lower for name in STORE_NAMES)


def has_pieces(pieces: bytes, text: str) -> bool:
    """Whether hexadecimal digits, without all that may part them, make up a key, its halves or an array of bytes."""
    if DIGITS not in pieces:
        return False
    return _KEY in pieces or pieces.count(DIGITS) > 1 or (may_be_bytes(text) and BYTES.search(text) is not None)


def kinds_of(lower: bytes) -> bytes:
    """One byte for each word of a text or a page: whether it is listed, or parts others."""
    return bytes(map(_KINDS.get, lower.split(), repeat(0)))


def row_of(kinds: bytes) -> bytes:
    """1 for a listed word, 0 for another one; those that may always stand between them are left out."""
    return kinds.translate(_IN_ROW, bytes((_FILLER,)) + _END_OF_TEXT)


def has_row(kinds: bytes, text: str, *, crowded: bool = False) -> bool:
    """Whether list words stand in a row, as in a phrase, or make up nearly all of the text (or not even that:
    `crowded`), as in a piece of one."""
    row = row_of(kinds)
    listed = row.count(1)
    if listed < 4:
        return False
    if counts(kinds) or has_long_row(row):
        return True
    if FOUR not in row:
        return False
    few = 40 * len(kinds) <= 54 * listed + 48 * (len(kinds) - len(row))
    return few or crowded or CUE.search(text.lower()) is not None


def has_shortened(kinds: bytes, text: str) -> bool:
    """The same for words of which some are cut to their first letters."""
    return may_be_shortened(kinds) and has_row(made_whole(kinds), text)


def may_be_shortened(kinds: bytes) -> bool:
    """Whether a text may be worth that look."""
    return kinds.count(_SHORTENED) >= FEWEST_SHORTENED and FOUR in row_of(made_whole(kinds))


def made_whole(kinds: bytes) -> bytes:
    """As if no word was cut."""
    return kinds.translate(_MADE_WHOLE)


def has_long_row(row: bytes) -> bool:
    """Whether most of a phrase may be there; strangers may stand between its words."""
    return row.count(1) >= 9 and NINE.search(row) is not None


def counts(kinds: bytes) -> bool:
    """Whether some words may only count the others: first, second; word 1, word 2."""
    return kinds.count(_LISTED_ORDINAL) + kinds.count(_ORDINAL) >= 6 or kinds.count(_COUNTING) >= 8


def has_other_words(text: str, data: bytes) -> bool:
    """The same for letters without spaces, and for Russian, Japanese and Korean."""
    if GLUED in data.translate(LATIN):
        return True
    for script, leads in LEADS.items():
        if any(lead in data for lead in leads):
            kinds, is_glued = other_kinds(script, text.lower())
            if is_glued or has_row(kinds, text, crowded=True):
                return True
    return False


def other_kinds(script: str, low: str) -> tuple[bytes, bool]:
    """Like `kinds_of`, for the words of a script in a text or a page; and whether some may be glued together."""
    words = _WORDS[script].findall(low)
    is_glued = script == "letters" and max(map(len, words), default=0) > LONGEST_UNCUT
    return bytes(map(_OF.get, words, repeat(0))), is_glued
