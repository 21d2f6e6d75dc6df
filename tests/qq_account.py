"""A simulated OneBot implementation on a socket, and connectors for it. For tests/conftest.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

import pytest

from aggregator.demo.qq import OneBotSimulator
from aggregator.demo.qq.messages import App
from aggregator.listener import serve
from connectors.qq import QQ

TOKEN_ENV = "HARBOR_ONEBOT_TOKEN"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
NAPCAT, LAGRANGE, LLONEBOT, OTHER = cast(tuple[App, ...], get_args(App))
KNOWN = (NAPCAT, LAGRANGE, LLONEBOT)


class Ticking:
    """A second passes with each look at it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def qq_clock() -> Ticking:
    return Ticking()


@pytest.fixture
def qq_app() -> App:
    """Which implementation answers; tests of all of them override it by a parameter."""
    return NAPCAT


@pytest.fixture
def qq(qq_clock: Ticking, qq_app: App, monkeypatch: pytest.MonkeyPatch) -> OneBotSimulator:
    simulator = OneBotSimulator(qq_clock, app=qq_app)
    monkeypatch.setenv(TOKEN_ENV, simulator.token)
    return simulator


@pytest.fixture
async def qq_url(qq: OneBotSimulator) -> AsyncIterator[str]:
    async with serve(qq.app) as address:
        yield address


Source = Callable[..., QQ]


@pytest.fixture
def qq_source(qq: OneBotSimulator, qq_url: str) -> Source:
    """Makes a new connector of the same source, as after a restart."""
    return lambda **settings: connector_for(qq, qq_url, **settings)


def config_for(qq: OneBotSimulator, qq_url: str, **settings: Any) -> QQ.Config:
    usual = {"connector": "qq", "accept_risk": True, "url": qq_url, "token": {"env": TOKEN_ENV}, "account": qq.account}
    usual |= {"groups": list(qq.groups), "calls_per_minute": 100_000, "timeout": 5}
    return QQ.Config.model_validate(usual | settings)


def connector_for(qq: OneBotSimulator, qq_url: str, **settings: Any) -> QQ:
    return QQ("qq", config_for(qq, qq_url, **settings), since=SINCE)
