"""Live events on the wire: what a browser that was away gets, and how the stream ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NoReturn, TypeVar

import httpx
import orjson

from aggregator.config import Settings
from aggregator.store.database import Database
from aggregator.web.presence import FADES
from aggregator.web.stream import Stream
from tests.conftest import START, Community
from tests.web_site import open_site

LIMIT = 10  # seconds in which an event has to come
T = TypeVar("T")


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


async def test_figures_wait_for_somebody_who_listens(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        before = site.stream.number
        await site.says(("fox", "my swap failed"))
        await site.stream.settled()
        await site.says(("owl", "my swap failed, too"))
        assert await site.stream.settled() == before + 2  # both are told, and nothing else
        async with listening(amy) as events:
            assert (await until(events, "counts"))[0]["open"] == 2


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


async def test_a_stream_ends_when_its_session_is_over_at_a_busy_desk_too(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        site.stream.ping_every = 0.05
        async with asyncio.timeout(LIMIT), listening(amy) as heard:
            events = _never_quiet(site.stream, heard)
            await until(events, "ping")
            site.work.desk.sign_out_everywhere("amy")
            left = [name async for name, *_ in events]
    assert set(left) <= {"told", "ping"}


async def _never_quiet(
    stream: Stream, events: AsyncIterator[tuple[str, dict[str, object], str]]
) -> AsyncIterator[tuple[str, dict[str, object], str]]:
    """One more is on its way whenever one has come."""
    async for event in events:
        await stream.tell({"to": "sam", "what": "progress"})
        yield event


async def test_what_cannot_be_told_is_read_anew_and_what_follows_is_told_again(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, listening(amy) as events:
        await until(events, "hello")
        site.stream._clock = _broken_once(community.clock)
        await site.says(("fox", "my swap failed"))
        await until(events, "resync")
        assert site.stream.unsaid() == set()
        await site.says(("owl", "my swap failed, too"))
        told, _ = await until(events, "new")
    assert "my swap failed, too" in str(told["html"])


async def test_a_look_around_that_fails_is_not_the_last() -> None:
    db = Database(None)
    stream = Stream(db, settings=Settings(sources={}), clock=lambda: START)
    await stream.noted("amy", "tab", b"1" * 16, "viewing")
    stream.presence._now = _broken_once(lambda: time.monotonic() + FADES)
    stream.watch_every = 0.01
    running = asyncio.create_task(stream.run())
    async with asyncio.timeout(LIMIT), stream._moved:
        await stream._moved.wait_for(lambda: stream.presence.of(b"1" * 16) == {"amy": "idle"})
    stream.stop()
    await running
    db.close()


def _broken_once(call: Callable[[], T]) -> Callable[[], T]:
    """It fails the first time."""
    calls = iter([_broken])

    def broken_once() -> T:
        return next(calls, call)()

    return broken_once


def _broken() -> NoReturn:
    raise RuntimeError("broken")
