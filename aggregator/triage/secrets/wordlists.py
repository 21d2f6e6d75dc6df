"""The word lists of BIP-39, folded (lower case, no accents, one letter for all that look alike), and their checksum.

`mnemonic`'s own `check` is not used: it compares normal forms that differ from its lists'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from unicodedata import normalize

from mnemonic import Mnemonic

from aggregator.triage.secrets.letters import fold

# In which letters a list's words are written. Russian is read with the Latin ones: half of its letters look like them.
SCRIPTS = {
    "letters": ("english", "french", "spanish", "italian", "portuguese", "czech", "turkish", "russian"),
    "kana": ("japanese",),
    "hangul": ("korean",),
}
LANGUAGES = tuple(language for languages in SCRIPTS.values() for language in languages)
CHINESE = ("chinese_simplified", "chinese_traditional")
LENGTHS = (12, 15, 18, 21, 24)
SHORT = 4
"""Letters of a word that is cut short."""


@cache
def numbers(language: str) -> dict[str, int]:
    """Word -> its place in the list, 0 to 2047."""
    return {word: place for place, word in enumerate(_folded(language))}


def every_word() -> set[str]:
    """All words of all lists but the Chinese ones."""
    return {word for language in LANGUAGES for word in _folded(language)}


def every_start() -> set[str]:
    """What may be the first four letters of a word that is cut short, of all lists in Latin letters."""
    words = [word for language in SCRIPTS["letters"] for word in _folded(language)]
    return {word[:SHORT] for word in words if len(word) > SHORT and word[:SHORT].isascii()}


@cache
def shortened(language: str) -> dict[str, str]:
    """A word's first four letters -> the word, where there are more. They tell it from all others of its list (BIP-39,
    "Wordlists"), and many write down no more of it."""
    words = [word for word in numbers(language) if len(word) > SHORT and word[:SHORT].isascii()]
    return {word[:SHORT]: word for word in words if word[:SHORT] not in numbers(language)}


def _folded(language: str) -> list[str]:
    # In `mnemonic` 0.21 one Russian word is broken: two bytes of its "в" became U+FFFD each.
    listed = "\n".join(Mnemonic(language).wordlist).replace("\ufffd\ufffd", "в")
    return (listed if listed.isascii() else fold(normalize("NFC", listed)).text.lower()).split("\n")


@cache
def _one_letter_less(language: str) -> frozenset[str]:
    return frozenset(w[:i] + w[i + 1 :] for w in numbers(language) for i in range(len(w)))


def nearly(word: str, language: str) -> bool:
    """Whether one slip of the finger (a letter more, less or other) makes it a word of the list."""
    if len(word) < 4 or len(word) > 12:
        return False
    shorter = _one_letter_less(language)
    if word in shorter:
        return True
    return any((cut := word[:i] + word[i + 1 :]) in shorter or cut in numbers(language) for i in range(len(word)))


def checksum_is_right(words: Sequence[str], language: str) -> bool:
    """BIP-39: the last bits of a phrase are the first of its entropy's SHA-256."""
    if len(words) not in LENGTHS:
        return False
    places = numbers(language)
    bits = 0
    for word in words:
        if word not in places:
            return False
        bits = bits << 11 | places[word]
    size = len(words) // 3
    digest = hashlib.sha256((bits >> size).to_bytes(size * 4, "big")).digest()
    return bits & ((1 << size) - 1) == digest[0] >> (8 - size)


def phrase_of(entropy: bytes) -> str:
    """The English phrase of some entropy."""
    return Mnemonic("english").to_mnemonic(entropy)
