"""What every connector owes, of an official account."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.demo.wechat import WeChatSimulator
from aggregator.demo.wechat.protocol import Fault
from connectors.contract import Push
from connectors.wechat import WeChat, chats
from tests.conftest import Hands
from tests.contract_suite import Patience, PullContract, PushContract
from tests.wechat_account import (
    SECRET_ENV,
    Source,
    configured,
    made,
)


class CommentStage:
    """Comments under one article, as the suite plays them."""

    credential = SECRET_ENV
    many = 120

    def __init__(self, wechat: WeChatSimulator, url: str, clock: Hands) -> None:
        self.secret = wechat.secret
        self.wechat = wechat
        self.url = url
        self.clock = clock
        self.patience = Patience()
        wechat.publishes("三月更新", at=clock.now - timedelta(hours=2))

    def connector(self) -> WeChat:
        config = configured(self.wechat, self.url, timeout=self.patience.taken())
        return made(config, self.clock)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.wechat.comments("ann", text)
        self.clock.pass_(hours=7)  # every article is due again, and swept

    def says_something_unreadable(self) -> None:
        self.wechat.breaks(self.wechat.comments("ann", "odd"))

    def fails_next(self, fault: Fault) -> None:
        self.patience.expects(fault)
        self.wechat.fails_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.wechat.fails_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.wechat.secret = "another"


class TestWeChatCommentsOwe(PullContract):
    @pytest.fixture
    def stage(self, wechat: WeChatSimulator, url: str, clock: Hands) -> CommentStage:
        return CommentStage(wechat, url, clock)


class TestWeChatCommentsOldestFirstOwe(PullContract):
    @pytest.fixture
    def stage(self, wechat: WeChatSimulator, url: str, clock: Hands) -> CommentStage:
        wechat.newest_first, wechat.replies_as_list = False, True
        return CommentStage(wechat, url, clock)


class ChatStage(CommentStage):
    """Chats with agents."""

    many = 25

    def connector(self) -> WeChat:
        config = configured(self.wechat, self.url, timeout=self.patience.taken(), comments=False, agent_chats="all")
        return made(config, self.clock)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.wechat.chats("ann", text)
        self.clock.pass_(minutes=1)

    def says_something_unreadable(self) -> None:
        self.wechat.chats("ann", "odd")
        self.wechat.rows[-1]["text"] = {"rich": "odd"}


class TestWeChatChatsOwe(PullContract):
    @pytest.fixture
    def stage(self, wechat: WeChatSimulator, url: str, clock: Hands, monkeypatch: pytest.MonkeyPatch) -> ChatStage:
        monkeypatch.setattr(chats, "ROWS", 10)
        return ChatStage(wechat, url, clock)


class HookStage:
    def __init__(self, wechat: WeChatSimulator, clock: Hands, called: Source, **settings: Any) -> None:
        self.wechat = wechat
        self.clock = clock
        self.connector = lambda: called(**settings)

    def push(self, text: str) -> Push:
        return self.wechat.push(self.wechat.says("ann", text))

    def forged(self, text: str) -> Push:
        push = self.push(text)
        return replace(push, query=push.query | {"signature": "0" * 40, "msg_signature": "0" * 40})


class TestWeChatsSafeModeOwes(PushContract):
    @pytest.fixture
    def push_stage(self, wechat: WeChatSimulator, clock: Hands, called: Source) -> HookStage:
        return HookStage(wechat, clock, called)


class TestWeChatsSafeModeInJsonOwes(PushContract):
    @pytest.fixture
    def push_stage(self, wechat: WeChatSimulator, clock: Hands, called: Source) -> HookStage:
        wechat.callbacks.json = True
        return HookStage(wechat, clock, called)


class TestWeChatsPlainModeOwes(PushContract):
    @pytest.fixture
    def push_stage(self, wechat: WeChatSimulator, clock: Hands, called: Source) -> HookStage:
        wechat.callbacks.mode = "plain"
        return HookStage(wechat, clock, called, encoding_aes_key=None)
