"""How alike two texts are, from a few numbers of each: a bottom-k sketch of their character n-grams.

Of all n-grams' hashes the smallest are kept; of two such sketches the share of common ones among the smallest of
both together estimates the Jaccard similarity (Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007).
No n-gram can be read from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

SIZE = 64
_SHOWN = 600  # characters of a post
_NO_WORDS = re.compile(r"https?:\S+|[\W\d_█]+")

Sketch = bytes
"""At most SIZE 32-bit hashes, ascending, little end first."""


def sketch_of(searchable: str) -> Sketch:
    """Of a post's searched text: letters only; pairs of Chinese signs, triples elsewhere."""
    letters = _NO_WORDS.sub(" ", searchable[:_SHOWN]).strip()
    codes = np.frombuffer(letters.encode("utf-32-le"), dtype="<u4").astype(np.uint32)
    size = 2 if np.count_nonzero(codes >= 0x2E80) * 2 > len(codes) else 3
    if len(codes) < size:
        return b""
    mixed = np.zeros(len(codes) - size + 1, np.uint32)
    for step in range(size):
        mixed = (mixed ^ codes[step : len(codes) - size + 1 + step]) * np.uint32(0x01000193)
        mixed ^= mixed >> np.uint32(15)
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    return np.unique(mixed ^ (mixed >> np.uint32(13)))[:SIZE].astype("<u4").tobytes()


def alike(left: Sketch, right: Sketch) -> float:
    """About the share of n-grams that both texts have, of those that either has; 0 where one has none."""
    return _share(_hashes(left), _hashes(right), 0.0)


def all_alike(sketch: Sketch, others: Iterable[Sketch], least: float) -> Iterator[bool]:
    """Of each whether it is `alike` by this share at least."""
    mine = _hashes(sketch)
    return (_share(mine, _hashes(other), least) >= least for other in others)


def _hashes(sketch: Sketch) -> set[int]:
    return set(memoryview(sketch).cast("I"))


def _share(one: set[int], other: set[int], least: float) -> float:
    """What falls short of `least` may come as 0."""
    common = one & other
    # Both together have as many hashes as the larger one, or SIZE, which is no less: so hardly a pair must be sorted.
    if not common or len(common) < least * max(len(one), len(other)):
        return 0.0
    both = sorted(one | other)[:SIZE]
    return len(common.intersection(both)) / len(both)
