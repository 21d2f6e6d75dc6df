"""What the heads say together: their margins, the length of the text, and the products of any two of these.

One head alone reads a joke about a theft as it reads a theft. That it also sounds like small talk, and is short, tells
them apart: so each question is answered from all heads by a second linear layer over these products.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LONG = 1000  # pieces; hardly a message of the corpus has more, and what it says must not grow with its length alone
_MOST = 3.0  # a margin beyond tells no more, and its square would drown the others
# Texts. Larger products OpenBLAS shares among threads that wait for each other busily, each on a processor of its own:
# a page of 2,500 took 130 us a text so, and takes 79.
_AT_ONCE = 64
_USUAL = 4.8  # the logarithm of the number of pieces of a usual message

Numbers = NDArray[np.float64]


def together(margins: NDArray[np.floating], counts: NDArray[np.int64]) -> Numbers:
    """(texts, heads), and the number of each text's pieces -> (texts, `width(heads)`)."""
    said = _said(margins, counts)
    one, other = np.triu_indices(said.shape[1])
    return np.concatenate([said, said[:, one] * said[:, other]], axis=1)


class Mixed:
    """What `together` gives times some weights, without picking each product out: that took 8 us a text."""

    def __init__(self, weights: Numbers, heads: int) -> None:
        said = heads + 1
        self._alone = weights[:said]
        every = np.zeros((said, said, weights.shape[1]))
        every[np.triu_indices(said)] = weights[said:]
        self._every = every.reshape(said * said, -1)

    def of(self, margins: NDArray[np.floating], counts: NDArray[np.int64]) -> Numbers:
        """(texts, columns of the weights)."""
        said = _said(margins, counts)
        return np.concatenate([self._told(said[at : at + _AT_ONCE]) for at in range(0, len(said), _AT_ONCE)])

    def _told(self, said: Numbers) -> Numbers:
        products = (said[:, :, None] * said[:, None, :]).reshape(len(said), -1)
        told: Numbers = said @ self._alone + products @ self._every
        return told


def _said(margins: NDArray[np.floating], counts: NDArray[np.int64]) -> Numbers:
    # Processors differ in the last bit of a logarithm; eight digits do not show it.
    length = np.round(np.log(np.clip(counts, 1, LONG)), 8) - _USUAL
    return np.concatenate([np.clip(margins, -_MOST, _MOST), length[:, None]], axis=1, dtype=np.float64)


def width(heads: int) -> int:
    """How many numbers tell what so many heads say together."""
    said = heads + 1
    return said + said * (said + 1) // 2
