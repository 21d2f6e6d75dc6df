"""Word lists and the model, loaded before anything is read, beside whoever is served already."""

from __future__ import annotations

import asyncio

from aggregator import answering, triage
from aggregator.incidents import extract


async def load_vocabulary() -> None:
    """Load all of it in a thread: it takes as long as all the rest of a start.

    Raises:
        ConfigError: every mistake in the lists, with file and line.
    """
    await asyncio.to_thread(_load)


def _load() -> None:
    extract.get_ready()
    triage.get_ready()
    answering.get_ready()  # a broken list must not keep every answer from being sent
