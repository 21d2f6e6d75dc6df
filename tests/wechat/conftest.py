"""A simulated official account on a socket, and sources that listen to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aggregator.demo.wechat import WeChatSimulator
from aggregator.listener import serve
from connectors.wechat import WeChat
from tests.conftest import Hands
from tests.wechat_account import (
    CALLED,
    SECRET_ENV,
    Source,
    configured,
    made,
)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def wechat(clock: Hands, monkeypatch: pytest.MonkeyPatch) -> WeChatSimulator:
    simulator = WeChatSimulator(clock, monotonic=lambda: clock.now.timestamp())
    monkeypatch.setenv(SECRET_ENV, simulator.secret)
    monkeypatch.setenv("LANTERN_WX_TOKEN", simulator.callbacks.token)
    monkeypatch.setenv("LANTERN_WX_KEY", simulator.callbacks.aes_key)
    return simulator


@pytest.fixture
async def url(wechat: WeChatSimulator) -> AsyncIterator[str]:
    async with serve(wechat.app) as address:
        yield address


@pytest.fixture
def source(wechat: WeChatSimulator, url: str, clock: Hands) -> Source:
    """Makes a new connector of the same source, as after a restart."""
    return lambda **settings: made(configured(wechat, url, **settings), clock)


@pytest.fixture
def called(wechat: WeChatSimulator, clock: Hands) -> Source:
    """One that takes callbacks, and asks for nothing."""

    def make(**settings: Any) -> WeChat:
        wanted = CALLED | {"comments": False} | settings
        return made(configured(wechat, "http://127.0.0.1:9", **wanted), clock)

    return make
