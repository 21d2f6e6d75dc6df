"""WeChat's callbacks through the whole service: door, commit, feed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from aggregator.config import Settings
from aggregator.demo.given_away import leaks
from aggregator.demo.wechat import WeChatSimulator
from aggregator.demo.wechat_kf import WeChatKfSimulator
from aggregator.listener import serve
from aggregator.service import Running, running
from connectors.contract import SourceConfig
from connectors.secret import Secret
from connectors.wechat import WeChat
from connectors.wechat_kf import WeChatKf
from tests.secret_maker import words


def known(simulator: WeChatSimulator | WeChatKfSimulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings with which a source speaks to this simulator."""
    monkeypatch.setenv("WX_SECRET", simulator.secret)
    monkeypatch.setenv("WX_TOKEN", simulator.callbacks.token)
    monkeypatch.setenv("WX_KEY", simulator.callbacks.aes_key)
    return {
        "secret": Secret(env="WX_SECRET"),
        "callback_token": Secret(env="WX_TOKEN"),
        "encoding_aes_key": Secret(env="WX_KEY"),
    }


@asynccontextmanager
async def serving(
    simulator: WeChatSimulator | WeChatKfSimulator, config: SourceConfig, data: Path
) -> AsyncIterator[Running]:
    """A service with the one source `wx`, called by the simulator."""
    async with running(Settings(sources={"wx": config}, data=data), port=0, hooks_port=0) as service:
        simulator.callbacks.url = f"{service.hooks_url}/hooks/wx"
        yield service


def stored(service: Running) -> list[tuple[str, bool, bool]]:
    """Text, whether it is ours, whether it is gone; in the order in which it was written."""
    return service.work.db.query(
        "SELECT text, staff, deleted_at IS NOT NULL FROM post ORDER BY posted_at, native_order"
    )


async def test_a_message_is_committed_before_it_is_answered_and_a_repeated_call_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wechat = WeChatSimulator()
    config = WeChat.Config(connector="wechat", appid=wechat.appid, comments=False, **known(wechat, monkeypatch))
    async with serving(wechat, config, tmp_path) as service, httpx.AsyncClient(trust_env=False) as client:
        message = wechat.says("ann", "提现三小时没到账 😡")
        await wechat.callbacks.deliver(client)
        at_the_answer = stored(service)
        for _ in range(2):
            wechat.callbacks.pending.append((message, wechat.pushed[message]))
        await wechat.callbacks.deliver(client)
        after = stored(service)
        [(waiting, place)] = service.work.db.query("SELECT can_reply_until IS NOT NULL, facts->>'place' FROM post")
    assert wechat.callbacks.answers == [b"success"] * 3
    assert at_the_answer == after == [("提现三小时没到账 😡", False, False)]
    assert (waiting, place) == (True, f"微信公众号 {wechat.gh} · 私信")


async def test_a_phrase_in_an_encrypted_callback_never_reaches_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phrase = " ".join(words(random.Random(5)))
    wechat = WeChatSimulator()
    config = WeChat.Config(connector="wechat", appid=wechat.appid, comments=False, **known(wechat, monkeypatch))
    async with serving(wechat, config, tmp_path) as service, httpx.AsyncClient(trust_env=False) as client:
        wechat.says("ann", f"我的助记词是 {phrase} 为什么登不上")
        await wechat.callbacks.deliver(client)
        [(text, _, _)] = stored(service)
        [(secret,)] = service.work.db.query("SELECT secret FROM inquiry_open")
    assert text.startswith("我的助记词是 █")
    assert secret
    assert leaks(tmp_path, [phrase, wechat.secret, wechat.callbacks.token, wechat.callbacks.aes_key]) == 0


async def test_a_stranger_gets_no_answer_and_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wechat = WeChatSimulator()
    config = WeChat.Config(connector="wechat", appid=wechat.appid, comments=False, **known(wechat, monkeypatch))
    async with serving(wechat, config, tmp_path) as service, httpx.AsyncClient(trust_env=False) as client:
        wechat.callbacks.token = "guess"
        refused = await client.post(wechat.callbacks.url, content=b"<xml><Content>hi</Content></xml>")
        wechat.says("ann", "forged")
        await wechat.callbacks.deliver(client)
        posts = stored(service)
    assert (refused.status_code, refused.content) == (403, b"")
    assert (wechat.callbacks.answers, posts) == ([], [])


async def test_a_call_without_a_message_brings_the_conversation_into_the_feed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kf = WeChatKfSimulator()
    async with serve(kf.app) as url:
        config = WeChatKf.Config(connector="wechat_kf", corpid=kf.corpid, api=url, **known(kf, monkeypatch))
        async with serving(kf, config, tmp_path) as service:
            calls = asyncio.create_task(kf.callbacks.keep_calling())
            kf.says("anna", "提币地址填错了，能追回吗")
            await news(service)
            kf.agent_says("anna", "请把哈希发我")
            withdrawn = kf.says("anna", "发错了")
            await news(service)
            kf.recalls(withdrawn)
            await news(service)
            found = sorted(stored(service))
            inquiries = service.work.db.query("SELECT posts, deleted, channel FROM inquiry_open")
            calls.cancel()
    assert found == [("发错了", False, True), ("提币地址填错了，能追回吗", False, False), ("请把哈希发我", True, False)]
    assert inquiries == [(2, 1, "wechat")]


async def news(service: Running) -> None:
    """What WeChat has called for is committed."""
    committed = asyncio.Event()
    publish = service.work.ingest.changed
    assert publish is not None

    def changed(inquiries: Collection[UUID]) -> None:
        publish(inquiries)
        committed.set()

    service.work.ingest.changed = changed
    await asyncio.wait_for(committed.wait(), 20)
    service.work.ingest.changed = publish
