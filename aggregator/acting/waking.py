"""What the service does when a snooze ends: it writes that down, and tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.acting.compare_and_set import note
from aggregator.folding.refold import inquiries_by_id

if TYPE_CHECKING:
    from aggregator.clocks import Clock
    from aggregator.config import Settings
    from aggregator.identity import Id
    from aggregator.inquiry import Inquiry
    from aggregator.store.database import Connection, Database
    from aggregator.store.desk import Desk


async def wake_due(
    db: Database, settings: Settings, clock: Clock, changed: Callable[[Collection[Inquiry]], None]
) -> None:
    """Write down that snoozes have ended, and hand them, in a thread, to `changed`."""
    now = clock()
    woken = await db.write(lambda con: _wake_due(con, settings, now))
    if woken:
        await asyncio.to_thread(changed, woken)


def _wake_due(con: Connection, settings: Settings, now: datetime) -> list[Inquiry]:
    due = con.execute(
        "SELECT inquiry_id FROM inquiry_open WHERE state = 'snoozed' AND snoozed_until <= ?", [now]
    ).fetchall()
    asleep = inquiries_by_id(con, [inquiry.bytes for (inquiry,) in due]) if due else {}
    return [
        note(con, settings, each, "system", "wake", each.snoozed_until or now, {}).inquiry for each in asleep.values()
    ]


def tell_woken(desk: Desk, publish: Callable[[Collection[Id]], None], woken: Collection[Inquiry]) -> None:
    """Unread again for whoever owns it, else for everybody; and told to open pages."""
    for inquiry in woken:
        desk.mark_unread(inquiry.owner, inquiry.inquiry_id)
    publish([inquiry.inquiry_id for inquiry in woken])
