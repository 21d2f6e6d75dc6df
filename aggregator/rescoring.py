"""`aggregator rescore --dry-run`: what today's words, weights and model would make of the open inquiries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.weighing import Rescored, weigh_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from aggregator.workplace import Workplace


async def rescore(work: Workplace, progress: Callable[[int, int], None], share: tuple[int, int]) -> Rescored:
    """Understand the posts of open inquiries again, or of one share of them. Reads only; the service goes on beside."""
    return await weigh_again(work.db, work.settings, work.clock(), progress, share=share)
