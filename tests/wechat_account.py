"""A source that listens to a simulated WeChat official account, and what its tests look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aggregator.demo.truth import Truth
from aggregator.demo.wechat import WeChatSimulator
from connectors.contract import Deleted, Page, Post
from connectors.wechat import WeChat
from connectors.wechat.config import WeChatConfig
from tests.conftest import Hands
from tests.contract_suite import Drained, items

SECRET_ENV = "LANTERN_WX_SECRET"
SINCE = datetime(2026, 3, 7, 8, 0, tzinfo=UTC)


CALLED = {"callback_token": {"env": "LANTERN_WX_TOKEN"}, "encoding_aes_key": {"env": "LANTERN_WX_KEY"}}
PLAIN = {"callback_token": {"env": "LANTERN_WX_TOKEN"}}
Source = Callable[..., WeChat]


def configured(wechat: WeChatSimulator, url: str, **settings: Any) -> WeChatConfig:
    usual = {"connector": "wechat", "appid": wechat.appid, "secret": {"env": SECRET_ENV}, "api": url, "timeout": 5}
    return WeChatConfig.model_validate(usual | settings)


def made(config: WeChatConfig, clock: Hands) -> WeChat:
    connector = WeChat("wechat", config, since=SINCE)
    connector.clock = clock
    return connector


async def poll(connector: WeChat, done: Drained, pages: list[Page] | None = None) -> list[Page]:
    """One poll of a connector that goes on living; what it brings is committed to `done`, and added to `pages`."""
    pages = [] if pages is None else pages
    async for page in connector.pages(done.cursor):
        pages.append(page)
        done.records.extend(page.records)
        done.cursor = json.loads(json.dumps(page.cursor))
    return pages


def deletions(connector: WeChat, done: Drained) -> list[str]:
    return [item.native_id for item in items(connector, done.records) if isinstance(item, Deleted)]


def paths(wechat: WeChatSimulator) -> list[str]:
    return [path.rpartition("/")[2] for path, _ in wechat.api.calls]


def as_truth(post: Post, *, deleted: bool = False) -> Truth:
    assert post.posted_at is not None
    author = post.author.native_id if post.author else ""
    return Truth(post.native_id, post.text, author, post.thread or "", post.posted_at, deleted)
