"""A stop of the listener: what is under way gets a moment to end, and is then cut off without a word of alarm."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from aggregator import listener
from aggregator.listener import serve


async def test_a_stop_cuts_off_what_does_not_end_and_prints_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "GRACE", 0.2)
    came, leaves = asyncio.Event(), asyncio.Event()

    async def never(_request: Request) -> Response:
        came.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def ends(_request: Request) -> Response:
        await leaves.wait()
        return PlainTextResponse("done")

    app = Starlette(routes=[Route("/never", never), Route("/ends", ends)])
    with caplog.at_level(logging.INFO), capture_logs() as told:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            async with serve(app) as url:
                cut, kept = (asyncio.create_task(client.get(f"{url}/{path}")) for path in ("never", "ends"))
                await came.wait()
                asyncio.get_running_loop().call_later(0.05, leaves.set)
            assert (await kept).text == "done"
            assert (await cut).status_code == 500  # who sends a post sends it again
    assert [(one["event"], one["requests"]) for one in told] == [("listener.cut_off", 1)]
    assert not [record for record in caplog.records if record.exc_info]
