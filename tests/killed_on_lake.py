"""A command on a lake that is killed with -9 as soon as so many of its transactions are committed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from aggregator import replay
from aggregator.cli import main
from aggregator.keeping import erasing
from aggregator.store.database import Connection
from aggregator.store.lake import Lake

T = TypeVar("T")


def kill_after(commits: int) -> None:
    left, of_theirs = [commits], Lake._transaction

    def counted(lake: Lake, work: Callable[[Connection], T]) -> T:
        result = of_theirs(lake, work)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Lake._transaction = counted


if __name__ == "__main__":
    erasing.POSTS_AT_ONCE, erasing.VALUES_AT_ONCE = 1, 1  # several transactions of the few posts there are
    replay.PAGE = 20
    kill_after(int(sys.argv[1]))
    main(sys.argv[2:])
