"""A feed's server as the contract suite plays it, and what goes wrong with feeds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import pytest

from aggregator.demo.feed import Fault, FeedSimulator
from aggregator.demo.feed.rendering import Format
from aggregator.listener import serve
from connectors.feed import Feed
from connectors.secret import Secret
from tests.contract_suite import PullContract

KEY = "k-9b8a7f6e5d4c3b2a"
NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=7)


class FeedStage:
    """One feed of any format, as the suite plays it."""

    secret = KEY
    credential = "FEED_KEY"
    many = 130

    def __init__(self, feed: FeedSimulator, url: str) -> None:
        self.feed = feed
        self.url = url

    def connector(self, **settings: Any) -> Feed:
        holds = {"weibo": "weibo", "reviews": "reviews"}.get(self.feed.format, "posts")
        config = Feed.Config.model_validate(
            {
                "connector": "feed",
                "url": self.url + quote(self.feed.path),
                "holds": holds,
                "key": Secret(env="FEED_KEY"),
                "timeout": 0.5,
                **settings,
            }
        )
        return Feed("feed", config, since=SINCE)

    def says(self, *said: str) -> None:
        for text in said:
            self.feed.clock.pass_(seconds=1)
            self.feed.says("lin", text)

    def says_something_unreadable(self) -> None:
        self.feed.breaks(self.feed.says("lin", "odd"))

    def fails_next(self, fault: str) -> None:
        self.feed.fail_next(cast("Fault", fault))

    def asks_to_wait(self, seconds: int) -> None:
        self.feed.fail_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.feed.key = "another"


class Hands:
    """The clock of the simulated server: it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


def staged(format_: Format = "rss", **how: Any) -> FeedSimulator:
    return FeedSimulator(format=format_, clock=Hands(), key=KEY, **how)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_KEY", KEY)


@pytest.fixture(params=["rss", "atom", "json", "reviews", "weibo"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[FeedStage]:
    async with serve(feed := staged(request.param)) as url:
        yield FeedStage(feed, url)


@pytest.fixture
async def rss() -> AsyncIterator[FeedStage]:
    async with serve(feed := staged()) as url:
        yield FeedStage(feed, url)


class TestFeedContract(PullContract):
    pass
