"""Texts as hashed pieces: characters in rows of one to four, words, and pairs of words; a page at a time.

The same function serves training and use. Pieces are hashed into SIZE places ("the hashing trick", Weinberger et al.
2009, Feature Hashing for Large Scale Multitask Learning), so no vocabulary has to be kept, and none can be read out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

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
_LARGE = re.compile(r"[0-9]{3,}")
_SMALL = re.compile(r"[0-9]{1,2}")

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


@dataclass(frozen=True, slots=True)
class Pieces:
    """What stands in some texts: rows of one sign, of two, of three, of four, words, pairs of words.

    place: of each piece, 0 to SIZE - 1.
    start, length: where it stands in `plain`, and how many characters it covers; `start` rises within each kind.
    kinds: where each kind ends.
    counts: how many pieces each text has.
    plain: all texts as they were read, parted by NUL; `begins`: where each begins in it.
    """

    place: Places
    start: Places
    length: Places
    kinds: tuple[int, ...]
    counts: Places
    plain: str
    begins: Places

    def texts(self) -> Places:
        """The number of the text that holds each piece."""
        texts: Places = np.searchsorted(self.begins, self.start, side="right") - 1
        return texts

    def sums(self, worth: NDArray[np.int8]) -> NDArray[np.int32]:
        """Of the rows of `worth` that stand at each text's pieces."""
        sums = np.zeros((len(self.begins), worth.shape[1]), np.int32)
        for first, end in zip((0, *self.kinds), self.kinds, strict=False):
            starts = np.searchsorted(self.start[first:end], self.begins)
            held = np.diff(starts, append=end - first) > 0
            if held.any():
                rows = np.take(worth, self.place[first:end], axis=0)
                sums[held] += np.add.reduceat(rows, starts[held], axis=0, dtype=np.int32)
        return sums


def plain(searched: Sequence[str]) -> str:
    """Texts in the form of `search_text`, with links, ids, masks, small and large numbers as one sign each, a blank at
    both ends of each, parted by NUL."""
    page = f"{_NUL} {f' {_NUL} '.join(map(_shortened, searched))} {_NUL}"
    page = " ".join(_SMALL.sub("0", _LARGE.sub(_NUMBER, page)).split())
    nothing, blank = f"{_NUL} {_NUL}", f"{_NUL}  {_NUL}"
    return page.replace(nothing, blank).replace(nothing, blank)[1:-1]


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
    joined = plain(searched)
    signs = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    ends = signs == 0
    begins = np.concatenate([[0], np.flatnonzero(ends) + 1])
    coded = signs * _ODD[0]
    found = [*_rows_of_signs(signs, coded, ends), *_words(signs, coded, np.cumsum(ends))]
    code, start, length = (np.concatenate(parts) for parts in zip(*found, strict=True))
    place = (code >> np.uint64(64 - BITS)).astype(np.int64)
    kinds = tuple(accumulate(len(one) for one, _, _ in found))
    counts = np.zeros(len(begins), np.int64)
    for _, starts, _ in found:
        counts += np.diff(np.searchsorted(starts, begins), append=len(starts))
    return Pieces(place, start, length, kinds, counts, joined, begins)


_Found = tuple[NDArray[np.uint64], Places, Places]


def _rows_of_signs(signs: NDArray[np.uint64], coded: NDArray[np.uint64], ends: NDArray[np.bool_]) -> list[_Found]:
    found = []
    ok, code = ~ends, coded
    for length in range(1, LONGEST + 1):
        if length > 1:
            if len(code) < 2:
                break
            code = code[:-1] * _ODD[1] + coded[length - 1 :]
            ok = ok[:-1] & ~ends[length - 1 :]
        wanted = ok & (signs != ord(" ")) if length == 1 else ok
        start = np.flatnonzero(wanted)
        found.append((_mixed(code[start] + np.uint64(length) * _ODD[2]), start, np.full(len(start), length)))
    return found


def _words(signs: NDArray[np.uint64], coded: NDArray[np.uint64], text: Places) -> list[_Found]:
    """Latin words, and each with the next one of its text."""
    letters = ((signs >= ord("a")) & (signs <= ord("z"))) | ((signs >= 0xDF) & (signs < 0x250)) | (signs == ord("'"))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], letters, [False]]).astype(np.int8)))
    start, end = edges[::2], edges[1::2]
    if not len(start):
        return []
    inside = np.minimum(_since(start, len(signs)), _LONGEST_WORD - 1)
    word = np.add.reduceat(np.where(letters, coded * _POWERS[inside], np.uint64(0)), start)
    words = (_mixed(word + _ODD[4]), start, end - start)
    together = text[start[1:]] == text[start[:-1]]
    pair = _mixed(word[:-1] * _ODD[1] + word[1:] + _ODD[3])
    return [words, (pair[together], start[:-1][together], (end[1:] - start[:-1])[together])]


def _since(starts: Places, size: int) -> Places:
    """For each of `size` places how far it lies behind the last start."""
    last = np.zeros(size, np.int64)
    last[starts] = starts
    return np.arange(size) - np.maximum.accumulate(last)


def _mixed(code: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits that are all worth something: the finisher of MurmurHash3, shortened."""
    code = code ^ (code >> np.uint64(29))
    code = code * _ODD[5]
    return code ^ (code >> np.uint64(32))
