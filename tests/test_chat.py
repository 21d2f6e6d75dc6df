"""The desks that the chat connector reads, as the contract suites play them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from aggregator.demo.chat import AppBackend
from aggregator.demo.chat.chatwoot import ChatwootSimulator
from aggregator.demo.chat.faults import Fault
from aggregator.demo.chat.intercom import IntercomSimulator
from aggregator.listener import serve
from connectors.chat import Chat
from connectors.contract import Push
from connectors.secret import Secret
from tests.contract_suite import PullContract, PushContract

TOKEN = "tok-5c4d3e2f1a0b9c8d"
HOOK_SECRET = "hook-secret-of-nobody"
NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=7)


class Hands:
    """The clock of a simulated desk: it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


def chat(service: str, **settings: Any) -> Chat:
    config = Chat.Config.model_validate(
        {"connector": "chat", "service": service, "secret": Secret(env="CHAT_SECRET"), **settings}
    )
    return Chat("support-chat", config, since=SINCE)


def push(headers: dict[str, str], body: bytes, **query: str) -> Push:
    return Push("POST", {name.lower(): value for name, value in headers.items()}, query, body)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SECRET", HOOK_SECRET)
    monkeypatch.setenv("CHAT_TOKEN", TOKEN)


class DeskStage:
    """What both desks with a REST interface share."""

    secret = TOKEN
    credential = "CHAT_TOKEN"
    desk: ChatwootSimulator | IntercomSimulator

    def fails_next(self, fault: str) -> None:
        self.desk.fail_next(cast("Fault", fault))

    def asks_to_wait(self, seconds: int) -> None:
        self.desk.fail_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.desk.token = "another"

    def tick(self) -> None:
        cast("Hands", self.desk.clock).pass_(seconds=1)


class ChatwootStage(DeskStage):
    many = 130

    def __init__(self, desk: ChatwootSimulator, url: str) -> None:
        self.desk: ChatwootSimulator = desk
        self.url = url

    def connector(self, **settings: Any) -> Chat:
        how = {"url": self.url, "account": "1", "token": Secret(env="CHAT_TOKEN"), "timeout": 0.5, **settings}
        return chat("chatwoot", **how)

    def says(self, *said: str) -> None:
        for number, text in enumerate(said):
            self.tick()
            self.desk.says(f"visitor-{number % 3}", text)

    def says_something_unreadable(self) -> None:
        self.desk.breaks(self.desk.says("visitor-0", "odd"))

    def push(self, text: str) -> Push:
        return push(*self.desk.called(self.desk.payload("message_created", self.desk.says("visitor-0", text))))

    def forged(self, text: str) -> Push:
        genuine = self.push(text)
        return Push("POST", genuine.headers, {}, genuine.body.replace(b"visitor", b"villain"))


class IntercomStage(DeskStage):
    many = 130

    def __init__(self, desk: IntercomSimulator, url: str) -> None:
        self.desk: IntercomSimulator = desk
        self.url = url
        self._conversation = ""

    def connector(self, **settings: Any) -> Chat:
        how = {"url": self.url, "account": "abc123", "token": Secret(env="CHAT_TOKEN"), "timeout": 0.5, **settings}
        return chat("intercom", **how)

    def says(self, *said: str) -> None:
        for text in said:
            self.tick()
            self.desk.says("mei", text, conversation=self._conversation)
            self._conversation = next(iter(self.desk.conversations))

    def says_something_unreadable(self) -> None:
        self.desk.breaks(self.desk.says("mei", "odd", conversation=self._conversation))

    def push(self, text: str) -> Push:
        return push(*self.desk.called(self.desk.notification(self.desk.says("mei", text))))

    def forged(self, text: str) -> Push:
        genuine = self.push(text)
        return Push("POST", genuine.headers, {}, genuine.body.replace(b"mei", b"moi"))


class IntakeStage:
    def __init__(self) -> None:
        self.app = AppBackend(secret=HOOK_SECRET)

    def connector(self) -> Chat:
        return chat("intake")

    def push(self, text: str) -> Push:
        self.app.says("mei", text)
        return push(*self.app.signed(self.app.pending.pop()))

    def forged(self, text: str) -> Push:
        genuine = self.push(text)
        return Push("POST", genuine.headers, {}, genuine.body.replace(b"mei", b"moi"))


@pytest.fixture
async def chatwoot() -> AsyncIterator[ChatwootStage]:
    desk = ChatwootSimulator(clock=Hands(), token=TOKEN)
    desk.hook_secret = HOOK_SECRET
    async with serve(desk) as url:
        yield ChatwootStage(desk, url)


@pytest.fixture
async def intercom() -> AsyncIterator[IntercomStage]:
    desk = IntercomSimulator(clock=Hands(), token=TOKEN)
    desk.client_secret = HOOK_SECRET
    async with serve(desk) as url:
        yield IntercomStage(desk, url)


class TestChatwootContract(PullContract):
    @pytest.fixture
    def stage(self, chatwoot: ChatwootStage) -> ChatwootStage:
        return chatwoot


class TestChatwootPushContract(PushContract):
    @pytest.fixture
    def push_stage(self, chatwoot: ChatwootStage) -> ChatwootStage:
        return chatwoot


class TestIntercomContract(PullContract):
    @pytest.fixture
    def stage(self, intercom: IntercomStage) -> IntercomStage:
        return intercom


class TestIntercomPushContract(PushContract):
    @pytest.fixture
    def push_stage(self, intercom: IntercomStage) -> IntercomStage:
        return intercom


class TestIntakePushContract(PushContract):
    @pytest.fixture
    def push_stage(self) -> IntakeStage:
        return IntakeStage()
