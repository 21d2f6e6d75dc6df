"""The Telegram connector against a simulated Bot API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.demo.server import serve
from aggregator.demo.telegram import TelegramSimulator
from aggregator.demo.telegram.bot_api import Fault
from connectors.telegram import Telegram, bot_api
from tests.contract_suite import PullContract

TOKEN_ENV = "HARBOR_BOT_TOKEN"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telegram(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> TelegramSimulator:
    simulator = TelegramSimulator(clock)
    monkeypatch.setenv(TOKEN_ENV, simulator.token)
    return simulator


@pytest.fixture
async def url(telegram: TelegramSimulator) -> AsyncIterator[str]:
    async with serve(telegram.app) as address:
        yield address


def connector_for(telegram: TelegramSimulator, url: str, **settings: Any) -> Telegram:
    known = {"connector": "telegram", "token": {"env": TOKEN_ENV}, "chats": [telegram.group], "api": url}
    config = Telegram.Config.model_validate(known | {"long_poll": 0} | settings)
    return Telegram("community", config, since=SINCE)


class Stage:
    """The simulator as the contract suite plays it."""

    credential = TOKEN_ENV
    many = 25

    def __init__(self, telegram: TelegramSimulator, url: str) -> None:
        telegram.api.most_per_answer = 10
        self.secret = telegram.token
        self.telegram = telegram
        self.url = url

    def connector(self) -> Telegram:
        return connector_for(self.telegram, self.url)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.telegram.says("anna_w", text)

    def says_something_unreadable(self) -> None:
        self.telegram.malformed()

    def fails_next(self, fault: Fault) -> None:
        self.telegram.fail_next(fault, method="getUpdates")

    def asks_to_wait(self, seconds: int) -> None:
        self.telegram.fail_next("429", retry_after=seconds)

    def refuses_login(self) -> None:
        self.telegram.token_is_good = False


class TestTelegramOwes(PullContract):
    @pytest.fixture
    def stage(self, telegram: TelegramSimulator, url: str, monkeypatch: pytest.MonkeyPatch) -> Stage:
        monkeypatch.setattr(bot_api, "ANSWER_WITHIN", 0.5)
        return Stage(telegram, url)
