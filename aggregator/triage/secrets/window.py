"""A phrase sent word by word: short messages of one person, kept in memory for a quarter of an hour."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from aggregator.triage.secrets.found import MASK
from aggregator.triage.secrets.letters import fold
from aggregator.triage.secrets.runs import CJK, FUNCTION_WORDS, ORDINALS, POLITE, words_of
from aggregator.triage.secrets.wordlists import CHINESE, SCRIPTS, nearly, numbers, shortened

_SPAN = timedelta(minutes=15)
_ENOUGH = 11  # of twelve words: the last one can be guessed
_ENOUGH_BESIDE_MASKED = 4  # words, once a longer piece was masked: fewer are no leak of any phrase
_MOST_PERSONS = 20_000
_MOST_PIECES = 48
_MOST_WORDS = 6
_LETTERS_PER_WORD = 7
_HAN = re.compile("[一-鿿]+")
_CHAT = FUNCTION_WORDS | POLITE
LONGEST = 240  # characters of a message that may be a piece: eleven words that are masked already
_SHORT = 64  # at most three words that can still be read, numbered
_MOST_BLANKS = 6
_SURE_SLIP = 5  # letters; many an ordinary shorter word is one letter away from a listed one
# What says which word it is, so that the word alone is left.
_NTH = "|".join((*sorted(ORDINALS), "last", "next"))
_COUNTED = re.compile(
    rf"\bword (?:no\.? ?|number |#)?\d{{1,2}}(?: is)?\b|\b(?:the )?(?:{_NTH})(?: word)? is\b"
    r"|第[\d一二三四五六七八九十]{1,3} ?[个個]?(?:单词|單詞|词|詞|字)?[是为為]?"
)
_PROSE = re.compile(r"[\u4e00-\u9fff]{5}|[\u3040-\u30ff]{9}|[\uac00-\ud7a3]{6}")


def may_be_piece(text: str) -> bool:
    """Whether a message is short enough to be a piece of a phrase, and no sentence."""
    if MASK in text:
        return len(text) <= LONGEST
    if len(text) > _SHORT or text.count(" ") >= _MOST_BLANKS:
        return False
    return not _PROSE.search(_COUNTED.sub(" ", text) if "第" in text else text)


@dataclass(slots=True)
class _Piece:
    at: datetime
    key: Hashable
    words: int
    function_words: int
    masked: bool


class PhraseWindow:
    """Remembers who sent which few list words. Bounded: the person longest silent is forgotten first."""

    def __init__(self) -> None:
        self._persons: OrderedDict[Hashable, deque[_Piece]] = OrderedDict()

    def add(self, person: Hashable, at: datetime, post_key: Hashable, text: str) -> list[Hashable]:
        """Take note of a message, masked or plain.

        Returns the keys of the messages that must be masked now, this one included, in the order they came: they
        are list words and little else, and within a quarter of an hour make up eleven words. Each key is told once.
        """
        piece = _piece(at, post_key, text)
        if piece is None:
            return []
        pieces = self._persons.setdefault(person, deque(maxlen=_MOST_PIECES))
        self._persons.move_to_end(person)
        if len(self._persons) > _MOST_PERSONS:
            self._persons.popitem(last=False)
        _put(pieces, piece)
        near = [one for one in pieces if abs(one.at - at) <= _SPAN]
        due = [one for one in near if not one.masked]
        plain = sum(one.words for one in due)
        total = sum(one.words for one in near)
        enough = total >= _ENOUGH or (plain < total and plain >= _ENOUGH_BESIDE_MASKED)
        if not enough or 3 * sum(one.function_words for one in near) >= total:
            return []
        for one in due:
            one.masked = True
        return [one.key for one in due]


def _put(pieces: deque[_Piece], piece: _Piece) -> None:
    """Add a piece; an edited message takes the place of its earlier text."""
    for i, one in enumerate(pieces):
        if one.key == piece.key:
            piece.masked = piece.masked or one.masked
            pieces[i] = piece
            return
    pieces.append(piece)


def _piece(at: datetime, key: Hashable, text: str) -> _Piece | None:
    """What a message brings to a phrase; None when it is anything else than a few list words."""
    if len(text) > 400:
        return None
    hidden = text.count(MASK)
    if hidden:
        return _Piece(at, key, max(4, hidden // _LETTERS_PER_WORD), 0, masked=True) if _bare(text) else None
    low = _COUNTED.sub(" ", fold(text).text.lower())
    for script, languages in SCRIPTS.items():
        words = [word.text for word in words_of(low, script)]
        others = len(CJK.findall(low)) - (sum(map(len, words)) if script != "letters" else 0)
        if 1 <= len(words) <= _MOST_WORDS and others <= 4 and _are_listed(words, languages):
            return _Piece(at, key, len(words), sum(word in _CHAT for word in words), masked=False)
    signs = _HAN.findall(low)
    if 1 <= len(signs) < _ENOUGH and all(len(sign) == 1 for sign in signs) and _are_listed(signs, CHINESE):
        letters = sum(char.isalpha() for char in low)
        if letters == len(signs):
            # One character alone is often a whole answer, and the last of a phrase at times.
            return _Piece(at, key, len(signs), int(len(signs) == 1), masked=False)
    return None


def _are_listed(words: list[str], languages: Sequence[str]) -> bool:
    """Whether all are on one list; one cut to its first letters, and a long one that one slip parts from it, too."""
    return any(all(map(partial(_is_listed, language=language), words)) for language in languages)


def _is_listed(word: str, *, language: str) -> bool:
    if word in numbers(language) or word in shortened(language):
        return True
    return len(word) >= _SURE_SLIP and word.isascii() and nearly(word, language)


def _bare(text: str) -> bool:
    """Whether hardly anything stands beside what was masked."""
    return sum(char.isalpha() for char in text) <= 8
