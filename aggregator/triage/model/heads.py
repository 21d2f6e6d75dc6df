"""The trained weights: one column a head, one byte a weight; and what the heads say together (together.py)."""

from __future__ import annotations

import bz2
import functools
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aggregator.triage.model.features import SIZE, Pieces, pieces
from aggregator.triage.model.together import LONG, Mixed, width

HEADS = (
    "low", "ordinary", "serious", "emergency", "complaint", "praise", "spam", "chatter", "anger", "threat", "bait",
    "asks",
)  # fmt: skip
"""What each head tells: that a message is graded at least 1, 2, 3, 4; that it is a complaint, praise, an advertisement,
small talk; that it is angry, threatens, is bait, or asks something."""

ASIDE = ("serious_oblique", "serious_plain", "grave")
"""Heads that are heard only beside the others: that a message is serious, learned nearly from hard ones alone, and
nearly from plain ones alone; and the same among those that are graded at least 1."""

READERS = (*HEADS, *ASIDE)

FILE = Path(__file__).with_name("weights.bin")
MAGIC = "inquiry heads 2"
_WINDOW = 6  # signs that are looked at together for the place that tells most
_LATIN = re.compile(r"[a-z\u00df-\u024f']{2}")  # no word ends between these two


@dataclass(slots=True)
class Judged:
    """likely: (texts, HEADS), 0 to 1. The pieces are kept to find what told it."""

    likely: NDArray[np.float32]
    pieces: Pieces
    _telling: tuple[str, list[tuple[int, int]]] | None = None

    def telling(self, weights: NDArray[np.int8], number: int) -> str:
        """The words of a text that weigh most, of several the first; empty: none do. `weights`: always the same."""
        if self._telling is None:
            self._telling = self.pieces.plain, _telling(self.pieces, weights)
        page, places = self._telling
        start, end = places[number]
        return _whole_words(page, start, end) if start < end else ""


def _telling(found: Pieces, weights: NDArray[np.int8]) -> list[tuple[int, int]]:
    """Of each text where the `_WINDOW` signs begin and end that together weigh most; nowhere: none do."""
    size, begins = len(found.signs), found.begins
    begun = np.zeros(size + 1)
    for length, row in enumerate(found.rows, 1):
        worth = np.take(weights, row) / length
        begun[:-1] += worth
        begun[length:] -= worth[: size + 1 - length]
    for some in found.words:
        worth = weights[some.place] / some.length
        begun += np.bincount(some.start, worth, size + 1) - np.bincount(some.start + some.length, worth, size + 1)
    summed = np.cumsum(np.cumsum(begun))  # first each sign's worth, then that of all up to it
    signs = np.diff(begins, append=size + 1)  # of each text, with the NUL behind it
    nul = begins + signs - 1
    last = np.minimum(np.arange(_WINDOW, size + 1 + _WINDOW), np.repeat(nul, signs)) - 1
    near = np.round(summed[last] - np.append(0.0, summed[:-1]), 6)  # more digits hang on the rest of the page
    near[nul] = -np.inf
    most = np.maximum.reduceat(near, begins)
    places = np.flatnonzero(near == np.repeat(most, signs))
    first = places[np.searchsorted(places, begins)]
    end = np.where(most > 0, np.minimum(first + _WINDOW, nul), first)
    return list(zip(first.tolist(), end.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learned.

    pieces: (READERS, SIZE), signed bytes; scales: what one of a reader is worth; offsets: added to each margin.
    categories: names of the word lists' categories; worths: (READERS, categories) for a text that holds one.
    mixed: (HEADS, numbers of `together`), what their margins together are worth; bases: added to it.
    slopes, shifts: 1 / (1 + exp(-(slope * margin + shift))) is how likely a yes is.
    """

    version: str
    pieces: NDArray[np.int8]
    scales: NDArray[np.float32]
    offsets: NDArray[np.float32]
    categories: tuple[str, ...]
    worths: NDArray[np.float32]
    mixed: NDArray[np.float32]
    bases: NDArray[np.float32]
    slopes: NDArray[np.float32]
    shifts: NDArray[np.float32]


class Model:
    """Reads pages of texts."""

    def __init__(self, learned: Weights) -> None:
        self.version = learned.version
        self._lanes = _in_lanes(learned.pieces)
        self._serious = np.append(learned.pieces[READERS.index("serious")], np.int8(0))
        self._scales, self._offsets = learned.scales, learned.offsets
        # Margins and their likelihoods in one step.
        self._mixed = Mixed((learned.mixed * learned.slopes[:, None]).T.astype(np.float64), len(READERS))
        self._bases = learned.bases * learned.slopes + learned.shifts
        self._number = {name: number for number, name in enumerate(learned.categories)}
        self._worth = np.ascontiguousarray(learned.worths.T, np.float64)
        # Many posts hold words of the same categories.
        self._of_words = functools.lru_cache(maxsize=20_000)(self._reckoned)

    def judge(self, searched: Sequence[str], categories: Sequence[Collection[str]]) -> Judged:
        """Read a page of texts, each as `search_text` gives it, with the categories whose words stand in it."""
        found = pieces(searched)
        counts = np.maximum(found.counts, 1, dtype=np.float32)
        share = np.minimum(1 / np.sqrt(counts), math.sqrt(LONG) / counts)
        margins = self._sums(found) * share[:, None] * self._scales + self._offsets
        margins += np.concatenate([self._of_words(frozenset(names)) for names in categories]).reshape(margins.shape)
        likely = 1 / (1 + np.exp(-(self._mixed.of(margins, found.counts) + self._bases)))
        return Judged(likely.astype(np.float32), found)

    def _reckoned(self, categories: frozenset[str]) -> NDArray[np.float64]:
        """What words of these categories add to the margins."""
        known = sorted(self._number[name] for name in categories if name in self._number)
        added: NDArray[np.float64] = np.add.reduce(self._worth[known], axis=0)
        return added

    def _sums(self, found: Pieces) -> NDArray[np.int64]:
        """Of the weights of each text's pieces, by head."""
        lanes = np.take(self._lanes, found.rows[0], axis=0)
        for row in found.rows[1:]:
            lanes += np.take(self._lanes, row, axis=0)
        # A lane holds the sum of so many signs, not that of the longest text.
        parts = np.union1d(found.begins, np.arange(0, len(found.signs), _AT_ONCE))
        sums = np.add.reduceat(_from_lanes(np.add.reduceat(lanes, parts)), np.searchsorted(parts, found.begins))
        for some in found.words:
            starts = np.searchsorted(some.start, found.begins)
            held = np.diff(starts, append=len(some.start)) > 0
            if held.any():
                sums[held] += _from_lanes(np.add.reduceat(np.take(self._lanes, some.place, axis=0), starts[held]))
        return sums

    def telling(self, judged: Judged, number: int) -> str:
        """The words of this text of the page that speak most for its being serious; empty: none do."""
        return judged.telling(self._serious, number)


# Three heads share a number of 64 bits, each with 21 of them: a row of weights is added up in 4 steps, not in 12. That
# took 2.4 us of a post, and takes 0.7.
_LANES, _LANE = 3, 21
_AT_ONCE = 2000  # signs; four pieces begin at each, and one says at most 128: 2 ** 20 is not reached


def _in_lanes(weights: NDArray[np.int8]) -> NDArray[np.int64]:
    """(heads, places) -> (places and one that says nothing, for signs at which no piece begins; numbers)."""
    heads, places = weights.shape
    lanes = np.zeros((places + 1, heads // _LANES), np.int64)
    for head, row in enumerate(weights):  # not all at once: that would take 30 MB for a moment
        lanes[:-1, head // _LANES] += row.astype(np.int64) << head % _LANES * _LANE
    return lanes


def _from_lanes(lanes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(texts, numbers) -> (texts, heads)."""
    heads = np.empty((*lanes.shape, _LANES), np.int64)
    half, mask = 1 << _LANE - 1, (1 << _LANE) - 1
    for lane in range(_LANES):
        heads[..., lane] = one = ((lanes + half) & mask) - half
        lanes = (lanes - one) >> _LANE
    return heads.reshape(len(lanes), -1)


def _whole_words(text: str, start: int, end: int) -> str:
    """This piece of a text, widened to whole Latin words."""
    while start and _LATIN.match(text[start - 1 : start + 1]):
        start -= 1
    while _LATIN.match(text[end - 1 : end + 1]):
        end += 1
    return text[start:end].strip(" \0\ue001\ue002.,!?:;")


@functools.cache
def load(file: Path = FILE) -> Model:
    """The model that ships with the program."""
    return Model(unpacked(file.read_bytes()))


_BY_READER = ("scales", "offsets", "worths")
_BY_HEAD = ("mixed", "bases", "slopes", "shifts")
_SMALL = (*_BY_READER, *_BY_HEAD)


def packed(learned: Weights) -> bytes:
    """The weights as a file. bzip2, since its only implementation writes the same everywhere."""
    head = "\n".join((MAGIC, learned.version, " ".join(READERS), " ".join(learned.categories), "")).encode()
    small = b"".join(getattr(learned, name).astype("<f4").tobytes() for name in _SMALL)
    return bz2.compress(head + small + learned.pieces.tobytes(), 9)


def unpacked(data: bytes) -> Weights:
    """The reverse of `packed`."""
    magic, version, heads, categories, rest = bz2.decompress(data).split(b"\n", 4)
    assert (magic.decode(), tuple(heads.decode().split())) == (MAGIC, READERS), (
        "the file of weights is of another version"
    )
    names = tuple(categories.decode().split())
    widths = {"worths": len(names), "mixed": width(len(READERS))}
    arrays, at = {}, 0
    for name in _SMALL:
        rows = len(READERS if name in _BY_READER else HEADS)
        count = rows * widths.get(name, 1)
        array = np.frombuffer(rest, "<f4", count, at).astype(np.float32)
        arrays[name] = array.reshape(rows, -1) if name in widths else array
        at += 4 * count
    pieces_ = np.frombuffer(rest, np.int8, SIZE * len(READERS), at).reshape(len(READERS), SIZE)
    return Weights(version.decode(), pieces_, categories=names, **arrays)
