"""The door for platforms that push."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from aggregator.listener import serve
from aggregator.web.hooks import LARGEST_BODY, create_hooks
from connectors.contract import Push, Received
from connectors.errors import AuthError, PushRefusedError


async def receive(source: str, push: Push) -> Received:
    """A source that takes pushes signed "right"."""
    if source == "locked":
        raise AuthError("the environment variable SHOP_SECRET is not set")
    if source != "shop":
        raise KeyError(source)
    if push.headers.get("x-signature") != "right":
        raise PushRefusedError("shop: the signature is wrong", status=401)
    return Received((), 202, f"{push.method} {push.query['a']} {len(push.body)}".encode())


@asynccontextmanager
async def platform(**how: float) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(create_hooks(receive, **how)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        client.headers["x-signature"] = "right"
        yield client


async def test_a_push_reaches_its_source_and_its_answer_goes_back() -> None:
    async with platform() as caller:
        answer = await caller.post("/hooks/shop?a=1", content=b"hello")
    assert (answer.status_code, answer.text) == (202, "POST 1 5")


async def test_an_unknown_source_and_a_wrong_signature_are_refused() -> None:
    async with platform() as caller:
        assert (await caller.post("/hooks/elsewhere?a=1")).status_code == 404
        refused = await caller.post("/hooks/shop?a=1", headers={"x-signature": "wrong"})
    assert (refused.status_code, refused.text) == (401, "")


async def test_a_source_whose_secret_is_missing_asks_the_platform_to_call_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with platform() as caller:
        answer = await caller.post("/hooks/locked")
    assert (answer.status_code, answer.text) == (503, "")
    [told] = [record for record in caplog.records if record.message == "push.failed"]
    assert told.exc_info is None
    assert "SHOP_SECRET" in told.__dict__["why"]


async def test_too_much_is_refused_whether_its_length_is_told_or_not() -> None:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY // 65536 + 1):
            yield b"x" * 65536

    async with platform() as caller:
        assert (await caller.post("/hooks/shop?a=1", content=b"x" * (LARGEST_BODY + 1))).status_code == 413
        assert (await caller.post("/hooks/shop?a=1", content=drops())).status_code == 413
        assert (await caller.post("/hooks/shop?a=1", content=b"x" * LARGEST_BODY)).status_code == 202


async def test_more_calls_than_can_be_held_are_told_at_once_to_come_again() -> None:
    taken, goes_on = asyncio.Semaphore(0), asyncio.Event()

    async def waits(source: str, push: Push) -> Received:
        taken.release()
        await goes_on.wait()
        return Received(())

    async with serve(create_hooks(waits, at_once=2)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as caller:
        calls = [asyncio.create_task(caller.post("/hooks/shop")) for _ in range(2)]
        [await taken.acquire() for _ in calls]
        began = time.monotonic()
        one_more = await caller.post("/hooks/shop", content=b"x" * LARGEST_BODY)
        waited = time.monotonic() - began
        goes_on.set()
        answers = [(await call).status_code for call in calls]
        afterwards = await caller.post("/hooks/shop")
    assert (one_more.status_code, one_more.headers["retry-after"]) == (503, "1")
    assert waited < 5  # seconds, which WeChat gives us
    assert (answers, afterwards.status_code) == ([200, 200], 200)


async def test_bodies_that_do_not_come_hold_no_place_for_longer_than_they_are_waited_for() -> None:
    async with serve(create_hooks(receive, body_within=0.05, at_once=1)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(b"POST /hooks/shop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient(base_url=url, trust_env=False, headers={"x-signature": "right"}) as caller:
            assert (await caller.post("/hooks/shop?a=1")).status_code == 202


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with serve(create_hooks(receive, body_within=0.05)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(b"POST /hooks/shop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        await writer.wait_closed()
