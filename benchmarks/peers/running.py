"""`python -m benchmarks.peers.running POSTS POLLS`: small polls by our own service, beside so many stored posts.

As benchmarks/polling.py measures them, from the answer's arrival to the commit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from benchmarks.figures import Figure, print_figures

RUNNING: Final = "aggregator run: "
POLLS: Final = 20  # of each source


def measure(posts: int, polls: int) -> Iterator[Figure]:
    """No bar: it is held against the peers."""
    from benchmarks import polling  # the service; who only reads what is printed needs nothing of it

    for figure in polling.measure(sizes=(posts,), polls=polls, imported=posts):
        yield replace(figure, benchmark="peers", what=RUNNING + figure.what, reach=None)


if __name__ == "__main__":
    print_figures(measure(int(sys.argv[1]), int(sys.argv[2])))
