"""What becomes of an attempt to tell somebody something, and when it is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from aggregator.backing_off import BackOff

if TYPE_CHECKING:
    from aggregator.store.deliveries import Delivery

BACK_OFF: Final = BackOff(2 * 3600, times=3)
"""2 s, 6 s, 18 s, a minute, 3 min, 8 min, 24 min, 73 min, and then every two hours."""
LONGEST_WISH: Final = 6 * 3600.0  # seconds; who asks to wait longer is asked again all the same


class Outcome(NamedTuple):
    """why: what went wrong, for people; empty: it was taken. retry_after: seconds that the target asked for. alone:
    only this delivery is refused, others may be taken. gone: it wants no more at all. carried: for so many of them,
    the first, there was room; None: for all."""

    why: str = ""
    retry_after: float | None = None
    alone: bool = False
    gone: bool = False
    carried: int | None = None


class Carrier(Protocol):
    """The way to one target. `together`: how many deliveries one message may hold, should more than `alone` be due at
    the same time. `in_a_row`: how many are sent before it is written down that they were: these a crash repeats.
    `gives_up`: for how long one may be overdue."""

    together: int
    alone: int
    in_a_row: int
    gives_up: timedelta

    async def carry(self, deliveries: Sequence[Delivery]) -> Outcome:
        """One attempt, with as many of them as there is room for. Raises nothing that a target can cause."""

    async def close(self) -> None:
        """Let go of its connections."""
