"""`aggregator check --connect` for Weibo: what the token may read. Each answer costs a call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from connectors.contract import Finding, Record
from connectors.errors import TransientError
from connectors.secret import Secret
from connectors.weibo.account import Account
from connectors.weibo.api import OUR_POSTS, Api
from connectors.weibo.failures import NotAllowedError
from connectors.weibo.spots import Listed, Search, Spot
from connectors.weibo.times import read_time
from connectors.wording import worded


async def findings(api: Api, token: Secret, spots: Sequence[Spot], now: datetime) -> AsyncGenerator[Finding, None]:
    """Login, the token's end, calls left, and each place."""
    whose = await api.whose_token()
    yield Finding("ok", f"reading as account {whose.account}; list it under official: weibo: in connectors.yaml")
    expiry = Account(whose.account, whose.expires_at).expiry(token, now)
    if expiry:
        yield Finding("warning", expiry)
    elif whose.expires_at:
        yield Finding("ok", f"the token is good until {whose.expires_at:%Y-%m-%d %H:%M} UTC")
    yield await _calls(api)
    for spot in spots:
        yield await _place(api, spot, now)
    if not any(isinstance(spot, Search) for spot in spots):
        yield Finding("ok", "posts that do not name us are not seen: Weibo's search needs a commercial contract")


async def _calls(api: Api) -> Finding:
    try:
        told = await api.calls_left()
    except (NotAllowedError, TransientError):
        told = None
    if told is None:
        return Finding("ok", "Weibo does not say how many calls are left")
    left, limit = told
    return Finding("ok" if left else "warning", f"Weibo allows this account {left} of {limit} more calls")


async def _place(api: Api, spot: Spot, now: datetime) -> Finding:
    try:
        rows = await _rows(api, spot, now)
    except NotAllowedError as refused:
        remedy = worded("ask for the permission in the app's console at open.weibo.com, or leave it out")
        return Finding("failed", f"{spot.name} cannot be read: {refused}: {remedy}")
    newest = max((at for row in rows if (at := read_time(row.get("created_at")))), default=None)
    seen = worded(f"the newest was written at {newest:%Y-%m-%d %H:%M} UTC" if newest else "nothing is listed")
    return Finding("ok", f"{spot.name} can be read; {seen}")


async def _rows(api: Api, spot: Spot, now: datetime) -> list[Record]:
    if isinstance(spot, Search):
        rows, _ = await api.found(q=spot.word, sort="time", endtime=int(now.timestamp()))
    else:
        rows, _ = await api.rows(spot.endpoint if isinstance(spot, Listed) else OUR_POSTS)
    return rows
