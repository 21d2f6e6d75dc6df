"""What the transaction under way changes, gathered for those who must be told of it in the same one.

The writer's thread gathers for its database, and only where somebody is told of anything.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from aggregator.identity import Id

if TYPE_CHECKING:
    from aggregator.store.rows import Connection


@dataclass(slots=True)
class Changed:
    """By their ids. replies: answers of ours that were sent, or were not. runaways: whose query has begun to take too
    long, and for how many seconds it has run."""

    inquiries: set[Id] = field(default_factory=set)
    incidents: set[Id] = field(default_factory=set)
    replies: set[UUID] = field(default_factory=set)
    runaways: list[tuple[str, float]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.inquiries or self.incidents or self.replies or self.runaways)


class Teller(Protocol):
    """Whoever tells others what was written."""

    def write(self, con: Connection, changed: Changed) -> bool:
        """Before COMMIT, on the writer's connection: note what is to be told. Whether there is something."""

    def committed(self) -> None:
        """There is something to send."""


_of_thread = threading.local()


@contextmanager
def gathering() -> Iterator[Changed]:
    """Gather what this thread changes until the block ends."""
    _of_thread.changed = Changed()
    try:
        yield _of_thread.changed
    finally:
        _of_thread.changed = None


def gathered() -> Changed | None:
    """Where to note what changes; None: nobody is told."""
    changed: Changed | None = getattr(_of_thread, "changed", None)
    return changed
