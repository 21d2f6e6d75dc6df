"""The page of notifications: what somebody was told while no page was open, or has not looked at yet."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response

from aggregator.store.desk import DeskFullError
from aggregator.store.notifications import mark_told, told_to
from aggregator.web import words

if TYPE_CHECKING:
    from aggregator.store.notifications import Notification
    from aggregator.web.visit import Visit


async def show(visit: Visit) -> Response:
    """All of it, the latest first; it is read then."""
    desk, me = visit.site.desk, visit.user.name
    found = await asyncio.to_thread(told_to, desk, me)
    with suppress(DeskFullError):  # it can be read all the same
        await asyncio.to_thread(mark_told, desk, me)
    return visit.page("notifications.html", found=found, said=lambda one: said(visit, one))


def said(visit: Visit, one: Notification) -> str:
    """The sentence that open pages show at once."""
    sentence = visit.gettext(words.SCRIPT[f"told_{one.what}"])
    return sentence.format(who=one.who, code=one.code, n=one.n)
