"""How a process that runs for weeks asks for memory: what is freed goes back, whichever thread had it."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_GNU: Final = sys.platform == "linux"
_ARENA_MAX: Final = -8  # of mallopt(3), in malloc.h of the GNU C library
ARENAS: Final = 2


def be_thrifty() -> None:
    """Before threads are started.

    Each thread of ours would get an arena of its own of the C library; what they once needed for a large page stays
    theirs. With pages read in a dozen threads that is most of what a busy process holds without need.
    """
    if _GNU:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, ARENAS)


@contextmanager
def started() -> Iterator[None]:
    """Give back what a start has freed. What it has left is kept aside while the block runs: to look through all of it
    for what refers to itself in circles stopped everything for 64 ms, whenever a few pages had left enough behind."""
    gc.collect()
    gc.freeze()
    if _GNU:
        ctypes.CDLL(None).malloc_trim(0)
    try:
        yield
    finally:
        gc.unfreeze()
