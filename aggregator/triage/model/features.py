"""Texts as hashed pieces: characters in rows of one to four, words, and pairs of words; a page at a time.

The same function serves training and use. Pieces are hashed into SIZE places ("the hashing trick", Weinberger et al.
2009, Feature Hashing for Large Scale Multitask Learning), so no vocabulary has to be kept, and none can be read out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BITS = 18
SIZE = 1 << BITS
_NUL = "\0"
LONGEST = 4  # characters in a row
MOST = 4000  # characters of a text that are looked at

_LINK, _ID, _NUMBER = "\ue002", "\ue001", "\ue003"
_LINKS = re.compile(r"https?:\S+|www\.\S+")
_LONG = re.compile(r"[0-9a-z]{16}")
_IDS = re.compile(r"0x[0-9a-f]{8,}|(?=[a-z]{0,90}[0-9])[0-9a-z]{24,}")
_MASKS = re.compile("█[█ ]*")
_FEW_DIGITS = 2  # of a small number

_ODD = tuple(
    np.uint64(number)
    for number in (
        0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63,
        0xBF58476D1CE4E5B9,
    )
)  # fmt: skip
_LONGEST_WORD = 64  # letters of a word that count
_POWERS = np.cumprod(np.concatenate([[np.uint64(1)], np.full(_LONGEST_WORD - 1, _ODD[3], np.uint64)]))

Places = NDArray[np.int64]
Signs = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Some:
    """Pieces of one kind: the place of each, and where in the page it stands; `start` rises."""

    place: Places
    start: Places
    length: Places


@dataclass(frozen=True, slots=True)
class Pieces:
    """What stands in some texts.

    rows: for one sign, for two, three and four in a row, the place (0 to SIZE - 1) of the row that begins at each sign
    of the page; SIZE where none does. So they need no lists of where they stand, which took half of the time.
    words: Latin words, and pairs of them.
    counts: how many pieces each text has.
    begins: where each text begins among the page's signs, which are parted by NUL.
    signs: all texts as they were read.
    """

    rows: tuple[Places, ...]
    words: tuple[Some, ...]
    counts: Places
    begins: Places
    signs: Signs

    @property
    def plain(self) -> str:
        return _text(self.signs)

    def listed(self) -> tuple[Some, ...]:
        """All pieces, those of one kind together."""
        found = []
        for length, row in enumerate(self.rows, 1):
            start = np.flatnonzero(row != SIZE)
            found.append(Some(row[start], start, np.full(len(start), length)))
        return (*found, *self.words)

    def texts(self, some: Some) -> Places:
        """The number of the text that holds each of these pieces."""
        texts: Places = np.searchsorted(self.begins, some.start, side="right") - 1
        return texts


def plain(searched: Sequence[str]) -> str:
    """Texts in the form of `search_text`, with links, ids, masks, small and large numbers as one sign each, a blank at
    both ends of each, parted by NUL."""
    return _text(_signs(searched))


def _text(signs: Signs) -> str:
    return signs.tobytes().decode("utf-32-le", "surrogatepass")


def _signs(searched: Sequence[str]) -> Signs:
    """The page that `plain` gives, sign by sign."""
    page = f"{_NUL} {f' {_NUL} '.join(map(_shortened, searched))} {_NUL}"
    page = " ".join(page.split())
    nothing, blank = f"{_NUL} {_NUL}", f"{_NUL}  {_NUL}"
    page = page.replace(nothing, blank).replace(nothing, blank)[1:-1]
    return _with_short_numbers(np.frombuffer(page.encode("utf-32-le", "surrogatepass"), np.uint32))


def _with_short_numbers(signs: Signs) -> Signs:
    """Each number as one sign: a zero where it is small. There is one in each second post, and `re.sub` took 2 us."""
    digits = signs - np.uint32(ord("0")) < 10
    edges = np.flatnonzero(digits[1:] != digits[:-1]) + 1  # a blank stands at both ends
    if not len(edges):
        return signs
    start, end = edges[::2], edges[1::2]
    signs = signs.copy()
    signs[start] = np.where(end - start > _FEW_DIGITS, ord(_NUMBER), ord("0"))
    kept = ~digits
    kept[start] = True
    return signs[kept]


def _shortened(searched: str) -> str:
    if "://" in searched or "www." in searched:
        searched = _LINKS.sub(_LINK, searched)
    if _LONG.search(searched):
        searched = _IDS.sub(_ID, searched)
    if "█" in searched:
        searched = _MASKS.sub("█", searched)
    if _NUL in searched:
        searched = searched.replace(_NUL, " ")
    return searched[:MOST]


def pieces(searched: Sequence[str]) -> Pieces:
    """The pieces of some texts (each as `search_text` gives it), at least one."""
    signs = _signs(searched)
    nul = np.flatnonzero(signs == 0)
    begins = np.concatenate([[0], nul + 1])
    blanks = np.flatnonzero(signs == ord(" "))
    coded = signs * _ODD[0]
    rows = _rows_of_signs(coded, nul, blanks)
    words = _words(signs, coded, begins)
    size = np.append(nul, len(signs)) - begins
    counts = sum(np.maximum(size - more, 0) for more in range(LONGEST)) - _in_each(blanks, begins)
    for some in words:
        counts += _in_each(some.start, begins)
    return Pieces(rows, words, counts, begins, signs)


def _in_each(starts: Places, begins: Places) -> Places:
    """How many of these, which rise, stand in each text."""
    return np.diff(np.searchsorted(starts, begins), append=len(starts))


def _rows_of_signs(coded: NDArray[np.uint64], nul: Places, blanks: Places) -> tuple[Places, ...]:
    found = []
    code = coded
    for length in range(1, LONGEST + 1):
        if length > 1:
            code = code * _ODD[1]
            code[: 1 - length] += coded[length - 1 :]
        place = _mixed(code + np.uint64(length) * _ODD[2])
        for back in range(length):  # it would reach beyond its text
            place[np.maximum(nul - back, 0)] = SIZE
        if length > 1:
            place[1 - length :] = SIZE
        else:
            place[blanks] = SIZE
        found.append(place)
    return tuple(found)


def _words(signs: Signs, coded: NDArray[np.uint64], begins: Places) -> tuple[Some, ...]:
    """Latin words, and each with the next one of its text."""
    at = np.flatnonzero(
        (signs - np.uint32(ord("a")) < 26) | (signs - np.uint32(0xDF) < 0x250 - 0xDF) | (signs == ord("'"))
    )
    if not len(at):
        return ()
    first = np.flatnonzero(np.diff(at, prepend=-2) != 1)  # of each word, among the letters
    start, letters = at[first], np.diff(first, append=len(at))
    inside = np.minimum(np.arange(len(at)) - np.repeat(first, letters), _LONGEST_WORD - 1)
    word = np.add.reduceat(coded[at] * _POWERS[inside], first)
    text = np.searchsorted(begins, start, side="right")
    two = np.flatnonzero(text[1:] == text[:-1])  # this word and the next one stand in one text
    pair = word[two] * _ODD[1] + word[two + 1] + _ODD[3]
    together = start[two + 1] + letters[two + 1] - start[two]
    return Some(_mixed(word + _ODD[4]), start, letters), Some(_mixed(pair), start[two], together)


def _mixed(code: NDArray[np.uint64]) -> Places:
    """Places by bits that are all worth something: the finisher of MurmurHash3, shortened."""
    code ^= code >> np.uint64(29)
    code *= _ODD[5]
    code >>= np.uint64(64 - BITS)
    return code.view(np.int64)
