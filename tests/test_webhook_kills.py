"""Killed with SIGKILL while a webhook's receiver has an event before it: every event arrives, with the same id."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from aggregator.demo.telegram import TelegramSimulator
from aggregator.listener import serve
from tests.alert_receiver import SECRET, Place, a_place

ROOT = Path(__file__).parents[1]


@asynccontextmanager
async def a_service(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a process of its own."""
    with (config.parent / "service.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.outbox_service", config, "1", cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def configured(folder: Path, telegram: TelegramSimulator, url: str, place: Place) -> Path:
    for name, secret in (("token", telegram.token), ("hook", SECRET)):
        (folder / name).write_text(secret, encoding="utf-8")
    source = {"connector": "telegram", "token": {"file": "token"}, "chats": [telegram.group], "api": url,
              "long_poll": 0, "poll_every": "1s"}  # fmt: skip
    hook = {"url": place.url, "secret": {"file": "hook"}, "events": ["inquiry.new"], "timeout": 60}
    path = folder / "connectors.yaml"
    told = {"data": "data", "sources": {"telegram": source}, "webhooks": {"tickets": hook}}
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    return path


async def test_every_event_arrives_at_least_once_though_the_service_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first event is taken, the second has arrived and is not answered, the third waits behind it: then it dies."""
    # Telegram dates by whole seconds: what is said in the second of the start must not count as history.
    telegram = TelegramSimulator(clock=lambda: datetime.now(UTC) + timedelta(seconds=2))
    async with serve(telegram.app) as url, a_place() as place:
        config = configured(tmp_path, telegram, url, place)
        async with a_service(config) as service:
            telegram.says("lin", "转账三小时没到账")
            await place.takes(1)
            place.answers.append("hang")
            telegram.says("mia", "how do I change the network fee?")
            await place.takes(2)
            telegram.says("fox", "the app shows a blank page")
            await until_stored(telegram)
            service.kill()
            await service.wait()
        async with a_service(config):
            await place.takes(4)
    assert all(each.is_signed_by(SECRET) for each in place.came)
    ids = [each.headers["webhook-id"] for each in place.came]
    authors = [each.told["data"]["inquiry"]["author"] for each in place.came]
    assert authors == ["Lin", "Mia", "Mia", "Fox"]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3
    assert place.came[1].body == place.came[2].body


async def until_stored(telegram: TelegramSimulator) -> None:
    """The bot forgets an update once it is asked for later ones, which is after its commit."""
    async with asyncio.timeout(60):
        left = True
        while left:
            await asyncio.sleep(0.05)
            left = len(telegram.queue) > 0
