"""How single words of a phrase get disguised, by accident or on purpose: case, look-alikes, normal forms, typos."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from tests.secret_generator.bip39 import CHINESE, LANGUAGES, LATIN, words

ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")
_CASED = (*LATIN, "russian")
_TO_CYRILLIC = dict(zip("aceopxyisj", "асеорхуіѕј", strict=True))
_TO_GREEK = {"o": "ο", "v": "ν"}
_TO_LATIN = dict(zip("асеорху", "aceopxy", strict=True))


@dataclass(frozen=True)
class Spelling:
    """A way to write one word, and the lists whose words can be written so."""

    spell: Callable[[random.Random, str, str], str]  # rng, word, language
    languages: tuple[str, ...]


def _upper(rng: random.Random, word: str, language: str) -> str:
    # A Turkish keyboard writes İ for i, any other writes I.
    return word.replace("i", "İ").upper() if language == "turkish" and rng.random() < 0.5 else word.upper()


def _title(rng: random.Random, word: str, language: str) -> str:
    return _upper(rng, word[0], language) + word[1:]


def _zero_width(rng: random.Random, word: str, language: str) -> str:
    at = rng.randint(1, len(word))
    return word[:at] + rng.choice(ZERO_WIDTH) + word[at:]


def _look_alike(rng: random.Random, word: str, language: str) -> str:
    twins = _TO_LATIN if language == "russian" else rng.choice((_TO_CYRILLIC, _TO_CYRILLIC, _TO_GREEK))
    return "".join(twins[c] if c in twins and rng.random() < 0.6 else c for c in word)


def _full_width(rng: random.Random, word: str, language: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)


def _decomposed(rng: random.Random, word: str, language: str) -> str:
    return unicodedata.normalize("NFD", word)


def _stripped(rng: random.Random, word: str, language: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def _cut(rng: random.Random, word: str, language: str) -> str:
    return unicodedata.normalize("NFC", word)[:4]  # which tell it from all others of its list


SPELLINGS: dict[str, Spelling] = {
    "upper": Spelling(_upper, _CASED),
    "title": Spelling(_title, _CASED),
    "zero_width_inside": Spelling(_zero_width, LANGUAGES),
    "cut": Spelling(_cut, LATIN),
    "look_alike": Spelling(_look_alike, _CASED),
    "full_width": Spelling(_full_width, LATIN),
    "decomposed": Spelling(
        _decomposed, tuple(x for x in LANGUAGES if any(_decomposed(random.Random(), w, x) != w for w in words(x)))
    ),
    "stripped": Spelling(_stripped, ("spanish", "french")),  # the Portuguese and Czech lists have no accents
}
TYPO_LANGUAGES = tuple(language for language in LANGUAGES if language not in (*CHINESE, "japanese", "korean"))


def mistyped(rng: random.Random, word: str, language: str) -> str:
    """The word with one slip of the finger that is no word of the list: a letter doubled, left out, swapped, wrong."""
    while True:
        at = rng.randrange(1, len(word))
        other = rng.choice(rng.choice(words(language)))
        typed = rng.choice(
            (
                word[:at] + word[at - 1 :],
                word[:at] + word[at + 1 :],
                word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
                word[:at] + other + word[at + 1 :],
            )
        )
        if typed not in words(language):
            return typed
