"""The Weibo connector against a simulated open platform."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.demo.truth import Truth
from aggregator.demo.weibo import WeiboSimulator
from aggregator.demo.weibo.open_api import Fault
from aggregator.listener import serve
from connectors.contract import Page, Post
from connectors.weibo import Weibo
from tests.contract_suite import Drained, PullContract, drain, posts, refused

TOKEN_ENV = "HARBOR_WEIBO_TOKEN"
SINCE = datetime(2026, 3, 7, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 14, 16, 0, tzinfo=UTC)  # in China
US = "@海港钱包"


class Clock:
    """12:00 in China, unless it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def weibo(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> WeiboSimulator:
    simulator = WeiboSimulator(clock)
    monkeypatch.setenv(TOKEN_ENV, simulator.token)
    return simulator


@pytest.fixture
async def url(weibo: WeiboSimulator) -> AsyncIterator[str]:
    async with serve(weibo.app) as address:
        yield address


Source = Callable[..., Weibo]


@pytest.fixture
def source(url: str, clock: Clock) -> Source:
    """Makes a new connector of the same source, as after a restart."""
    return lambda *read, **settings: connector_for(url, clock, *read, **settings)


def connector_for(url: str, clock: Clock, *read: str, **settings: Any) -> Weibo:
    usual: dict[str, Any] = {"connector": "weibo", "token": {"env": TOKEN_ENV}, "api": url, "commercial_api": url}
    if read:
        usual["read"] = read
    config = Weibo.Config.model_validate(usual | settings)
    return Weibo("weibo", config, since=SINCE, clock=clock)


async def poll(connector: Weibo, done: Drained) -> list[Page]:
    """One poll of an open connector, committed on top of `done`."""
    pages = []
    async for page in connector.pages(done.cursor):
        pages.append(page)
        done.cursor = page.cursor
        done.records.extend(page.records)
    return pages


def as_truth(post: Post) -> Truth:
    assert post.author is not None
    assert post.thread is not None
    assert post.posted_at is not None
    return Truth(post.native_id, post.text, post.author.native_id, post.thread, post.posted_at, deleted=False)


class Stage:
    """The simulator as the contract suite plays it: comments under a post of ours. An hour lies between two starts."""

    credential = TOKEN_ENV
    many = 25

    def __init__(self, weibo: WeiboSimulator, url: str, clock: Clock) -> None:
        weibo.per_page = 10
        self.secret = weibo.token
        self.weibo = weibo
        self.url = url
        self.clock = clock
        self.post = weibo.we_post("今晚维护")

    def connector(self) -> Weibo:
        self.clock.passes(hours=1)
        return connector_for(self.url, self.clock, "comments", timeout=0.5)

    def says(self, *said: str) -> None:
        for text in said:
            self.weibo.comments("阿岚", text, on=self.post)

    def says_something_unreadable(self) -> None:
        self.weibo.plants_unreadable()

    def fails_next(self, fault: Fault) -> None:
        self.weibo.fails_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.weibo.fails_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.weibo.token_is_good = False


class TestWeiboOwes(PullContract):
    @pytest.fixture
    def stage(self, weibo: WeiboSimulator, url: str, clock: Clock) -> Stage:
        return Stage(weibo, url, clock)


# What is read


async def test_nothing_is_missing_doubled_or_changed_after_a_busy_hour(weibo: WeiboSimulator, source: Source) -> None:
    news = weibo.we_post("今晚 22:00 维护 <详情> & 感谢")
    complaint = weibo.says("阿岚", f"{US} 提现三天没到账 >_< 5 &lt; 7 😡")
    weibo.says("旅人", "今天天气不错")
    first = weibo.comments("小周", "维护完还是登录不上[怒]", on=news)
    weibo.comments("阿岚", "我也是", on=news, reply_to=first)
    weibo.we_comment("正在处理", on=news, reply_to=first)
    weibo.comments("路人", f"{US} 快来看看", on=complaint)
    stranger = weibo.says("晴天", "这钱包转账吞了我的币")
    weibo.comments("路人", f"{US} 出来解释", on=stranger)
    weibo.passes_on("大V", stranger, f"{US} 请回应")
    weibo.passes_on("转发机", news, "")
    weibo.says("画家", f"{US}", pictures=2)
    long = weibo.says("长文", f"{US} " + "从头说起，" * 60)
    weibo.plants_unreadable()
    connector = source()
    done = await drain(connector)
    found = posts(connector, done.records)
    assert {key: as_truth(post) for key, post in found.items()} == weibo.truth()
    assert len(found) == 11
    assert found[long].guessed == ()
    assert refused(connector, done.records) == 2
