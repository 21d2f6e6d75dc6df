"""The part of the service that tells others: it delivers what was noted, and looks for what only time brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from aggregator.alerting.apprising import Receiver
from aggregator.alerting.endpoints import Endpoint
from aggregator.alerting.sender import Sender
from aggregator.store import deliveries

if TYPE_CHECKING:
    from aggregator.alerting.carrying import Carrier
    from aggregator.alerting.noting import Alerting
    from aggregator.clocks import Clock
    from aggregator.config import Settings
    from aggregator.store.database import Database


WITHIN: Final = 30.0  # seconds that a command which ends gives to what is due


def carriers_of(settings: Settings) -> dict[str, Carrier]:
    """The way to each target that is told anything, by its name."""
    endpoints = {f"webhook:{name}": Endpoint(name, each) for name, each in settings.webhooks.items() if each.enabled}
    places = settings.alerts.destinations.items()
    return {**endpoints, **{f"alert:{name}": Receiver(name, each) for name, each in places if each.enabled}}


class Sent(NamedTuple):
    """done: how many were taken. left: how many were due, and are to be tried again. why: of one of these."""

    done: int
    left: int
    why: str


async def deliver_once(
    db: Database, settings: Settings, clock: Clock, alerting: Alerting, within: float = WITHIN
) -> Sent:
    """Look for what only time brings, and send what is due, for so many seconds at most; for a command that ends."""
    await alerting.look()
    began = clock()
    before = await db.read(deliveries.taken)
    sender, failed = Sender(db, clock, carriers_of(settings)), ""
    try:
        async with asyncio.timeout(within):
            await sender.deliver_due(until_done=True)
    except TimeoutError:
        failed = f"broken off after {within:g} s"
    finally:
        await sender.stop()
    left, why = await db.read(lambda con: deliveries.left(con, began))
    return Sent(await db.read(deliveries.taken) - before, left, failed or why)


@asynccontextmanager
async def delivering(
    db: Database, settings: Settings, clock: Clock, alerting: Alerting, failed: asyncio.Future[None] | None = None
) -> AsyncIterator[Sender]:
    """Deliver until the block ends; what is under way then is delivered after the next start."""
    sender, loop = Sender(db, clock, carriers_of(settings), failed), asyncio.get_running_loop()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop is closed: it is found at the next start
            loop.call_soon_threadsafe(sender.wake.set)

    alerting.wake = wake
    sender.start()
    try:
        yield sender
    finally:
        await sender.stop()
