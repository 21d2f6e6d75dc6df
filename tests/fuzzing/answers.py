"""What platforms answer when we ask: a poll meets changed answers, and ends in one of the errors of connectors/errors.py
or in pages that can be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final
from unittest.mock import patch

import httpx

from aggregator.demo.forum import ForumSimulator
from aggregator.demo.telegram import TelegramSimulator
from connectors.contract import PullConnector
from connectors.errors import ConnectorError
from tests.fuzzing.draw import TEXTS, Draw, changed
from tests.fuzzing.reading import reader
from tests.fuzzing.sources import source
from tests.fuzzing.target import NOON, SAMPLES, Feed, Target

MOST_PAGES: Final = 20
HEADERS: Final = (
    "retry-after", "content-type", "etag", "last-modified", "date", "cache-control", "x-ratelimit-reset", "location",
    "content-encoding", "cf-mitigated",
)  # fmt: skip


class Platform(httpx.AsyncBaseTransport):
    """Answers as the simulator does, but for one answer, which is changed."""

    def __init__(self, app: Any) -> None:
        self._app = httpx.ASGITransport(app)
        self.draw = Draw(b"")
        self.turn = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        body = await answer.aread()
        self.turn -= 1
        if self.turn:
            return httpx.Response(answer.status_code, headers=answer.headers, content=body)
        return self._changed(answer, body)

    def _changed(self, answer: httpx.Response, body: bytes) -> httpx.Response:
        draw = self.draw
        status = (
            answer.status_code if draw.number(4) else draw.one_of([200, 204, 301, 304, 400, 401, 404, 429, 500, 503])
        )
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        for _ in range(draw.number(3)):
            headers[draw.one_of(HEADERS)] = draw.one_of([*TEXTS, draw.text()])
        try:
            value = json.loads(body)
        except ValueError:
            at = draw.number(len(body) + 1)
            body = body[:at] + draw.rest() + body[at + draw.number(256) :]
        else:
            body = json.dumps(changed(value, draw)).encode()
            if draw.number(8) == 0:
                body = body[: draw.number(len(body) + 1)]
        raw = [(name.encode(), value.encode("latin-1", "replace")[:500]) for name, value in headers.items()]
        return httpx.Response(status, headers=raw, content=body)


def _target(name: str, at: str, platform: Callable[[], Any]) -> Target:
    def ready() -> Feed:
        transport = Platform(platform())
        take, loop = reader(source(at)), asyncio.new_event_loop()

        async def poll() -> None:
            connector: Any = source(at)
            assert isinstance(connector, PullConnector)
            connector.since = NOON.replace(day=1)
            read = 0
            try:
                async with connector, aclosing(connector.pages(None)) as pages:
                    async for page in pages:
                        json.dumps(page.cursor)
                        take(json.loads(json.dumps(list(page.records))))
                        read += 1
                        if read == MOST_PAGES:
                            break
            except ConnectorError as error:
                str(error).encode()

        def feed(data: bytes) -> None:
            transport.draw = Draw(data)
            transport.turn = transport.draw.number(6) + 1
            with patch.object(httpx.AsyncHTTPTransport, "handle_async_request", transport.handle_async_request):
                loop.run_until_complete(poll())

        return feed

    return Target(f"answers-{name}", lambda: [bytes([n % 6, *([n * 5 % 256] * 30)]) for n in range(60)], ready)


def _forum() -> Any:
    forum = ForumSimulator(clock=lambda: NOON)
    forum.says("lin", "提现卡住了", title="Stuck")
    forum.says("mia", "me too", title="Second")
    return forum.app


def _telegram() -> Any:
    telegram = TelegramSimulator(clock=lambda: NOON)
    telegram.says("lin", "hello?")
    return telegram.app


def _document() -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (SAMPLES / "feed" / "status_page.xml").read_bytes()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/xml")]})
        await send({"type": "http.response.body", "body": body})

    return app


ANSWERS = [
    _target("forum", "discourse", _forum),
    _target("feed", "feed", _document),
]
