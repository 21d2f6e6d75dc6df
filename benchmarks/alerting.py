"""From read on a platform to received by those who are told: an alert through Apprise, and a webhook.

The source is polled each second. Everybody says something urgent, so each post is an inquiry, an alert and an event.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aggregator.config import Settings
from aggregator.config.alert_settings import Alerts, Destination, Rule, Webhook
from aggregator.demo.telegram import TelegramSimulator
from aggregator.listener import serve
from aggregator.service import Running, running
from benchmarks.figures import Figure, percentile, print_figures
from connectors.secret import Secret
from connectors.telegram import Telegram

POLL_SECONDS: Final = 1.0
REACH_SECONDS: Final = 2.0
POSTS: Final = 60
APART: Final = 0.4  # seconds
PATIENCE: Final = 30.0  # seconds after the last post
SAID: Final = "somebody stole all my funds, I gave the recovery phrase to a fake support"
KEY: Final = "whsec_" + "YmVuY2htYXJr" * 3


class Receivers:
    """Takes alerts and events, and notes when each inquiry's first came."""

    def __init__(self) -> None:
        self.alerts: dict[str, datetime] = {}
        self.events: dict[str, datetime] = {}
        self.app = Starlette(routes=[Route("/{kind}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        now, told = datetime.now(UTC), orjson.loads(await request.body())
        if request.path_params["kind"] == "event":
            self.events.setdefault(told["data"]["inquiry"]["code"], now)
        else:
            said = f"{told['title']}\n{told['message']}"
            for line in said.splitlines():
                if line.startswith("Urgent: "):
                    self.alerts.setdefault(line.removeprefix("Urgent: ")[:7], now)
        return Response(status_code=204)


def measure(posts: int = POSTS, apart: float = APART) -> Iterator[Figure]:
    """Play so many posts, each so long after the one before."""
    before = time.process_time()
    told = asyncio.run(_played(posts, apart))
    spent = (time.process_time() - before) / posts
    yield Figure(
        "alerting", "processor time for each post", 1000 * spent, "ms", None, {"with": "both receivers, polls"}
    )
    for what, seconds, late in told:
        counted = {"told": len(seconds), "poll_every": POLL_SECONDS}
        reach = REACH_SECONDS + (POLL_SECONDS if late else 0.0)
        yield Figure("alerting", f"{what}: p50", percentile(seconds, 50), "s", None, counted)
        yield Figure("alerting", f"{what}: p95", percentile(seconds, 95), "s", reach, counted)
        yield Figure("alerting", f"{what}: missing", posts - len(seconds), "posts", 0, counted)


async def _played(posts: int, apart: float) -> list[tuple[str, list[float], bool]]:
    telegram, receivers = TelegramSimulator(), Receivers()
    with TemporaryDirectory(prefix="bench-alerting-") as data:
        async with serve(telegram.app) as api, serve(receivers.app) as told:
            settings = _settings(Path(data), telegram, api, told)
            async with running(settings, port=0, hooks_port=0) as service:
                await asyncio.sleep(2 * POLL_SECONDS)  # the first poll, and Apprise's second
                for number in range(posts):
                    telegram.says(f"user{number}", SAID)
                    await asyncio.sleep(apart)
                latest, done = time.monotonic() + PATIENCE, False
                while not done:
                    await asyncio.sleep(0.1)
                    done = time.monotonic() > latest or min(len(receivers.alerts), len(receivers.events)) == posts
                return _times(service, receivers)


def _times(service: Running, receivers: Receivers) -> list[tuple[str, list[float], bool]]:
    stored = service.work.db.query("SELECT code, opened_at, seen_at FROM inquiry")
    found = []
    for what, came in (("alert", receivers.alerts), ("webhook", receivers.events)):
        for since, at, late in (("read", 2, False), ("published", 1, True)):
            seconds = [(came[row[0]] - row[at]) / timedelta(seconds=1) for row in stored if row[0] in came]
            found.append((f"{what} after it was {since}", sorted(max(0.0, each) for each in seconds), late))
    return found


def _settings(data: Path, telegram: TelegramSimulator, api: str, told: str) -> Settings:
    os.environ |= {"BENCH_TOKEN": telegram.token, "BENCH_KEY": KEY, "BENCH_URL": told.replace("http", "json", 1) + "/a"}
    source = Telegram.Config(
        connector="telegram",
        token=Secret(env="BENCH_TOKEN"),
        api=api,
        chats=frozenset({telegram.group}),
        long_poll=0,
        poll_every=timedelta(seconds=POLL_SECONDS),
    )
    hook = Webhook(url=f"{told}/event", secret=Secret(env="BENCH_KEY"), events=("inquiry.new",))
    alerts = Alerts(
        destinations={"one": Destination(url=Secret(env="BENCH_URL"), language="en")},
        rules={"urgent": Rule(events=("inquiry.urgent",), to=("one",))},
    )
    return Settings(sources={"telegram": source}, data=data, webhooks={"hook": hook}, alerts=alerts)


if __name__ == "__main__":
    print_figures(measure())
