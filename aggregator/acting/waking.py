"""What the service does beside writing down that a snooze has ended."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.inquiry import Inquiry
    from aggregator.store.desk import Desk


def tell_woken(desk: Desk, publish: Callable[[Collection[Id]], None], woken: Collection[Inquiry]) -> None:
    """Unread again for whoever owns it, else for everybody; and told to open pages."""
    for inquiry in woken:
        desk.mark_unread(inquiry.owner, inquiry.inquiry_id)
    publish([inquiry.inquiry_id for inquiry in woken])
