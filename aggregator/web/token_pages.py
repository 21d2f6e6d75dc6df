"""Tokens for programs: a colleague's own; an admin sees everybody's."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from aggregator.store import tokens
from aggregator.store.desk import DeskError
from aggregator.web.desk_words import why
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from aggregator.web.visit import Visit

DAYS = (30, 90, 365, 0)  # 0: for ever
LONGEST = 3650


async def listed(visit: Visit) -> Response:
    return await _page(visit)


async def make(visit: Visit) -> Response:
    """The answer shows the new token, once."""
    form = await fields(visit.request)
    name, days = form.get("name", "").strip(), _days(form.get("days", "90"))
    scopes = [scope for scope in tokens.SCOPES if f"scope_{scope}" in form]
    now = visit.site.clock()
    until = now + timedelta(days=days) if days else None
    try:
        token = await asyncio.to_thread(
            tokens.make, visit.site.desk, name, visit.user.name, scopes, who=visit.user.name, now=now, until=until
        )
    except DeskError as error:
        return await _page(visit, code=409, said=why(visit, error))
    return await _page(visit, made=(name, token))


def _days(told: str) -> int:
    """0: for ever, but only if that was asked for."""
    try:
        days = int(told)
    except ValueError:
        raise HTTPException(400) from None
    if not 0 <= days <= LONGEST:
        raise HTTPException(400)
    return days


async def revoke(visit: Visit) -> Response:
    form, user = await fields(visit.request), visit.user
    owner = None if user.is_at_least("admin") else user.name
    try:
        await asyncio.to_thread(
            tokens.revoke, visit.site.desk, form.get("name", ""), who=user.name, now=visit.site.clock(), owner=owner
        )
    except DeskError as error:
        return await _page(visit, code=409, said=why(visit, error))
    return RedirectResponse("/settings/tokens", 303)


async def _page(visit: Visit, *, code: int = 200, said: str = "", made: tuple[str, str] | None = None) -> Response:
    owner = None if visit.user.is_at_least("admin") else visit.user.name
    found = await asyncio.to_thread(tokens.tokens, visit.site.desk, owner)
    return visit.page("tokens.html", code=code, tokens=found, scopes=tokens.SCOPES, days=DAYS, said=said, made=made)
