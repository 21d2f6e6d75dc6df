"""Every page and every operation of the API, called with addresses, headers and bodies that nobody meant."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from aggregator.config import Settings
from aggregator.store import tokens
from aggregator.store.source_reports import source_reports
from aggregator.web.app import create_app
from aggregator.web.stream import Stream
from aggregator.workplace import Workplace
from tests.fuzzing.draw import TEXTS, Draw, changed
from tests.fuzzing.records import stored
from tests.fuzzing.storing import Desk
from tests.fuzzing.target import NOON, Feed, Target

NAMES: Final = (
    "q", "state", "owner", "band", "sla", "channel", "incident", "since", "until", "sort", "after", "before", "cursor",
    "limit", "ids", "lang", "as_of", "wrote", "touched", "next", "to", "of", "who", "what", "day", "from", "n", "token",
)  # fmt: skip
FIELDS: Final = (
    "csrf", "text", "ver", "ids", "versions", "owner", "tags", "note", "reason", "until", "band", "why", "name", "value",
    "lang", "kinds", "confirmed", "what", "number", "password", "role", "points", "batch",
)  # fmt: skip
LEFT_OUT: Final = ("/events", "/stream")  # they answer for ever


@dataclass
class _Answer:
    status: int = 0
    body: bytearray = field(default_factory=bytearray)


class _Site:
    """A desk with a few inquiries, called without a socket."""

    def __init__(self) -> None:
        self.desk = Desk()
        work = self.work = self.desk.work
        self.loop = self.desk.loop
        for name in ("telegram", "discourse", "qq"):
            self.loop.run_until_complete(work.ingest.pushed(self.desk.origin(name), stored(name)[:12]))
        self.loop.run_until_complete(work.ingest.group())
        work.desk.add_user("lea", "admin")
        self.app = _app(work, work.settings)
        token = work.desk.invite("lea", NOON)
        form = [(b"content-type", b"application/x-www-form-urlencoded"), (b"sec-fetch-site", b"same-origin")]
        answer, cookies = self.call("POST", b"/enter", form, f"token={token}".encode())
        self.cookie = cookies
        page, _ = self.call("GET", b"/settings", [(b"cookie", self.cookie)], b"")
        found = re.search(rb'name="csrf" value="([^"]+)"', bytes(page.body))
        assert found, answer.status
        self.csrf = found[1].decode()
        self.token = tokens.make(work.desk, "fuzz", "lea", ("read", "act"), who="test", now=NOON, until=None)
        rows = work.db.query("SELECT code, inquiry_id::VARCHAR FROM inquiry_open ORDER BY code")
        self.ids = [one for row in rows for one in row] + ["INC-1", "1", "telegram", "amy"]

    def call(
        self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[_Answer, bytes]:
        path, _, query = target.partition(b"?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": query, "root_path": "",
            "headers": [(b"host", b"localhost"), (b"sec-fetch-site", b"same-origin"), *headers],
            "client": ("127.0.0.1", 9), "server": ("127.0.0.1", 8080),
        }  # fmt: skip
        answer, cookies = _Answer(), bytearray()
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                for name, value in message["headers"]:
                    if name == b"set-cookie":
                        cookies.extend(value.partition(b";")[0])
            else:
                answer.body += message.get("body", b"")

        self.loop.run_until_complete(self.app(scope, receive, send))
        return answer, bytes(cookies)


def _app(work: Workplace, settings: Settings) -> Starlette:
    stream = Stream(work.db, settings=settings, clock=lambda: NOON)
    return create_app(
        work.db,
        work.desk,
        settings=settings,
        stream=stream,
        clock=lambda: NOON,
        health=lambda: source_reports(work.db, settings, NOON),
        surfacing=work.ingest.surfacing,
        grouping=work.ingest.incidents,
        outbox=work.outbox,
        sources=work.poller,
    )


def _operations(routes: Sequence[BaseRoute], prefix: str = "") -> list[tuple[str, str]]:
    """Method and path of all."""
    found: list[tuple[str, str]] = []
    for each in routes:
        if isinstance(each, Mount):
            found += _operations(each.routes, prefix + each.path)
        elif isinstance(each, Route):
            path = prefix + each.path
            found += [(method, path) for method in sorted(each.methods or ()) if method != "HEAD"]
    return [(method, path) for method, path in found if not path.endswith(LEFT_OUT)]


def _ready(*, api: bool) -> Feed:
    site = _Site()
    operations = [each for each in _operations(site.app.routes) if each[1].startswith("/api/v1") == api]
    operations = [each for each in operations if each[1] not in ("/signout",)]

    def feed(data: bytes) -> None:
        draw = Draw(data)
        method, path = draw.one_of(operations)
        filled = re.sub(r"\{(\w+)(?::\w+)?\}", lambda _: quote(_name(draw, site.ids), safe=""), path)
        query = "&".join(f"{draw.one_of(NAMES)}={_value(draw, site.ids)}" for _ in range(draw.number(4)))
        headers, body = _sent(draw, method, site, api=api)
        answer, _ = site.call(method, f"{filled}?{query}".encode(), headers, body)
        assert 200 <= answer.status < 500, (
            f"{method} {filled}?{query} {headers} {body!r}: {bytes(answer.body[-300:])!r}"
        )

    return feed


def _name(draw: Draw, ids: list[str]) -> str:
    return draw.one_of(ids) if draw.number(4) else (draw.one_of([*TEXTS, draw.text()]) or "x")


def _value(draw: Draw, ids: list[str]) -> str:
    kind = draw.number(4)
    if kind == 0:
        return quote_from_bytes(draw.text().encode())
    if kind == 1:
        return quote(draw.one_of(TEXTS)[:600].encode("utf-8", "replace"))
    return draw.one_of([*ids, "me", "priority", "0", "-1", "2026-03-14", "1773475200", "a,b,,c", "yes"])


def _sent(draw: Draw, method: str, site: _Site, *, api: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
    headers = [(b"accept-language", draw.one_of([b"en", b"zh", b"*;q=x", b"\xff,", b"a" * 900]))]
    if draw.number(8) == 0:
        named = draw.one_of(
            [b"last-event-id", b"if-none-match", b"origin", b"range", b"accept", b"x-csrf", b"idempotency-key"]
        )
        headers.append((named, draw.one_of([*TEXTS, draw.text()]).encode("utf-8", "replace")[:3000]))
    headers.append((b"authorization", f"Bearer {site.token}".encode()) if api else (b"cookie", site.cookie))
    if method == "GET":
        return headers, b""
    if api:
        text = draw.one_of(site.ids)
        sample = {"ver": 1, "text": "hello", "tags": ["a"], "note": "x", "ids": [text], "until": "2026-03-15T08:00:00Z"}
        body = json.dumps(changed(sample, draw)).encode() if draw.number(8) else draw.rest()
        return [*headers, (b"content-type", b"application/json")], body
    pairs = [("csrf", site.csrf)] if draw.number(16) else []
    pairs += [(draw.one_of(FIELDS), draw.one_of([*TEXTS, draw.text(), *site.ids])) for _ in range(draw.number(6))]
    form = "&".join(f"{name}={quote(value.encode('utf-8', 'replace'))}" for name, value in pairs).encode()
    if draw.number(8) == 0:
        form += draw.rest()
    return [*headers, (b"content-type", b"application/x-www-form-urlencoded")], form


def _seeds() -> list[bytes]:
    return [bytes([number, *([number] * 40)]) for number in range(160)]


DESK = [
    Target("pages", _seeds, partial(_ready, api=False)),
    Target("api", _seeds, partial(_ready, api=True)),
]
