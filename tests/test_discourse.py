from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.demo.forum import ForumSimulator
from aggregator.demo.forum_faults import Fault
from aggregator.demo.server import serve
from connectors.contract import Deleted, Page, Push
from connectors.discourse import Discourse
from connectors.discourse.walk import Place
from connectors.errors import AuthError, PushRefusedError, ThrottledError, TransientError
from connectors.secret import Secret
from tests.contract_suite import Drained, PullContract, PushContract, drain, items, posts, texts

KEY = "k-5f1e0d9c8b7a6f5e4d3c2b1a"
NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=7)


class ForumStage:
    """The forum's simulator, as the suite plays it."""

    secret = KEY
    credential = "FORUM_KEY"
    many = 130

    def __init__(self, forum: ForumSimulator, url: str) -> None:
        self.forum = forum
        self.url = url

    def connector(self, **settings: Any) -> Discourse:
        since = settings.pop("since", SINCE)
        config = Discourse.Config(
            **{
                "connector": "discourse",
                "url": self.url,
                "api_key": Secret(env="FORUM_KEY"),
                "webhook_secret": Secret(env="HOOK_SECRET"),
                "calls_per_minute": 100_000,
                "timeout": 0.5,
                **settings,
            }
        )
        return Discourse("forum", config, since=since)

    def says(self, *said: str) -> None:
        for text in said:
            self.forum.says("lin", text)

    def says_something_unreadable(self) -> None:
        self.forum.breaks(self.forum.says("lin", "odd"))

    def fails_next(self, fault: Fault) -> None:
        self.forum.fail_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.forum.fail_next("429_json", wait=seconds)

    def refuses_login(self) -> None:
        self.forum.api_key = "another"

    def push(self, text: str) -> Push:
        post = self.forum.says("lin", text)
        return self.event("post_created", post)

    def forged(self, text: str) -> Push:
        push = self.push(text)
        return Push(push.method, push.headers, push.query, push.body.replace(b"lin", b"lim"))

    def event(self, event: str, post: int) -> Push:
        self.forum.hooks.url = "http://127.0.0.1:9/unused"
        self.forum._tell(event, self.forum._posts[post])
        headers, body = self.forum.hooks.pending[-1]
        return Push("POST", {name.lower(): value for name, value in headers.items()}, {}, body)


@pytest.fixture
def forum(monkeypatch: pytest.MonkeyPatch) -> ForumSimulator:
    simulator = ForumSimulator(api_key=KEY, clock=lambda: NOW)
    monkeypatch.setenv("FORUM_KEY", KEY)
    monkeypatch.setenv("HOOK_SECRET", simulator.hooks.secret)
    return simulator


@pytest.fixture(params=["current", "legacy"])
async def stage(forum: ForumSimulator, request: pytest.FixtureRequest) -> AsyncIterator[ForumStage]:
    forum.dialect = request.param
    async with serve(forum.app) as url:
        yield ForumStage(forum, url)


@pytest.fixture
async def current(forum: ForumSimulator) -> AsyncIterator[ForumStage]:
    async with serve(forum.app) as url:
        yield ForumStage(forum, url)


@pytest.fixture
async def legacy(forum: ForumSimulator) -> AsyncIterator[ForumStage]:
    forum.dialect = "legacy"
    async with serve(forum.app) as url:
        yield ForumStage(forum, url)


@pytest.fixture
def push_stage(current: ForumStage) -> ForumStage:
    return current


class TestForumContract(PullContract):
    pass


class TestForumPushContract(PushContract):
    pass
