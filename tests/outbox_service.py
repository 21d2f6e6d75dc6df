"""The service as a process of its own, with a short time for undoing: `python -m tests.outbox_service CONFIG SECONDS`.

Its first line is the feed's address.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from aggregator.config import load
from aggregator.outbox import outbox, sender
from aggregator.service import running
from aggregator.stopping import until_signalled
from connectors.imap import smtp
from connectors.telegram import bot_api

PATIENT = 600.0  # seconds: on a busy machine nothing may time out before the process is killed


async def _run(config: Path, hold: float) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    outbox.HOLD = hold
    sender.LONGEST = bot_api.ANSWER_WITHIN = smtp.ANSWER_WITHIN = PATIENT
    stop = asyncio.get_running_loop().create_future()
    async with running(load(config), port=0, hooks_port=0) as service:
        sys.stdout.write(f"{service.url}\n")
        sys.stdout.flush()
        with until_signalled(stop):
            await asyncio.wait([stop, service.failed], return_when=asyncio.FIRST_COMPLETED)
        failed = service.failed
    if failed.done():
        failed.result()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), float(sys.argv[2])))
