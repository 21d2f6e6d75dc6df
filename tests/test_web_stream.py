"""Live events on the wire: what a browser that was away gets, and how the stream ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import orjson

from tests.conftest import Community
from tests.web_site import open_site

LIMIT = 10  # seconds in which an event has to come


@asynccontextmanager
async def listening(
    client: httpx.AsyncClient, last: int | None = None, lang: str = "en"
) -> AsyncIterator[AsyncIterator[tuple[str, dict[str, object], str]]]:
    """Events as (name, data, id)."""
    headers = {} if last is None else {"last-event-id": str(last)}
    async with client.stream("GET", f"/events?lang={lang}", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in answer.headers
        yield _events(answer.aiter_lines())


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, dict[str, object], str]]:
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
            continue
        yield fields["event"], orjson.loads(fields["data"]), fields.get("id", "")
        fields = {}


async def until(events: AsyncIterator[tuple[str, dict[str, object], str]], name: str) -> tuple[dict[str, object], str]:
    async with asyncio.timeout(LIMIT):
        while (event := await anext(events))[0] != name:
            pass
    return event[1], event[2]


async def test_a_commit_is_told_with_the_row_in_the_listeners_language(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, listening(amy, lang="zh-CN") as events:
        assert (await until(events, "hello"))[0]["build"]
        await site.says(("lin", "转账三小时未到账"))
        told, _ = await until(events, "new")
        assert "资产未到账或丢失" in str(told["html"])
        counts, _ = await until(events, "counts")
        assert counts["open"] == 1


async def test_who_was_away_gets_what_came_meanwhile_by_the_last_event_id(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        async with listening(amy) as events:
            hello, _ = await until(events, "hello")
            await site.says(("fox", "my swap failed"))
            _, number = await until(events, "new")
        await site.says(("owl", "my swap failed, too"))
        async with listening(amy, last=int(number)) as events:
            told, _ = await until(events, "new")
            assert "my swap failed, too" in str(told["html"])
        async with listening(amy, last=int(str(hello["seq"])) - 1) as events:
            assert (await until(events, "resync"))[0] == {}


async def test_fifty_open_streams_do_not_hold_up_the_stop(community: Community) -> None:
    async with open_site(community) as site, AsyncExitStack() as open_streams:
        client = await open_streams.enter_async_context(site.visitor("amy"))
        streams = [await open_streams.enter_async_context(listening(client)) for _ in range(50)]
        for events in streams:
            await until(events, "hello")
        assert site.stream.clients == 50
        began = time.monotonic()
        await site.goes_down()
        assert time.monotonic() - began < 2
        assert site.stream.clients == 0


async def test_a_stream_ends_when_its_session_is_over(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        site.stream.ping_every = 0.05
        async with listening(amy) as events:
            await until(events, "ping")
            site.work.desk.sign_out_everywhere("amy")
            names = [name async for name, *_ in events]
    assert set(names) <= {"ping"}
