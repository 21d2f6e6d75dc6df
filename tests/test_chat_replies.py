"""Answers in chats: through our app's backend, Chatwoot and Intercom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.demo.chat import AppBackend
from aggregator.demo.chat.takes import AppAnswers
from aggregator.listener import serve
from connectors.chat import Chat
from connectors.contract import Record
from connectors.errors import ReplyRefusedError, StatusError
from connectors.replying import CANNOT_TELL, Asked, Sent
from connectors.secret import Secret
from tests.contract_suite import drain
from tests.reply_contract import ReplyContract, an_answer, asked_in
from tests.test_chat import (
    HOOK_SECRET,
    ChatwootStage,
    IntakeStage,
    IntercomStage,
    _secrets,
    chat,
    chatwoot,
    intercom,
)

__all__ = ["_secrets", "chatwoot", "intercom"]  # fixtures


class DeskOfOthers:
    """What the two desks that are polled have in common."""

    desk: Any
    connector: Callable[..., Chat]
    says: Callable[[str], object]
    comes_back = True

    @property
    def now(self) -> Any:
        return self.desk.clock()

    def unreachable(self) -> Chat:
        return self.connector(url="http://127.0.0.1:9")

    async def asked(self) -> Asked:
        self.says("转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        return (await drain(self.connector())).records

    def loses_receipt(self) -> None:
        self.desk.answers.losing = 1

    def fails_next(self, fault: str = "") -> None:
        self.desk.answers.breaking = 1


class ChatwootReplyStage(DeskOfOthers, ChatwootStage):
    def said(self) -> list[str]:
        return [each.text or "" for each in self.desk.messages.values() if each.kind == "outgoing"]

    def refuses(self) -> None:
        self.desk.answers.refusals.append("Content is too long (maximum is 150000 characters)")


class IntercomReplyStage(DeskOfOthers, IntercomStage):
    def said(self) -> list[str]:
        parts = [part for place in self.desk.conversations.values() for part in place.parts]
        return [part.text for part in parts if part.author["type"] == "admin"]

    def refuses(self) -> None:
        self.desk.answers.refusals.append("action_forbidden")


class AppReplyStage(IntakeStage):
    """Our own app: it tells its messages by calls to us, ours among them."""

    secret = HOOK_SECRET
    credential = "CHAT_SECRET"
    comes_back = True

    def __init__(self, url: str, takes: AppAnswers) -> None:
        self.app = takes.backend
        self.takes = takes
        self.url = url
        self.now = takes.backend.clock()

    def connector(self, **settings: Any) -> Chat:
        return chat("intake", **{"reply_url": f"{self.url}/answers", "timeout": 0.5, **settings})

    def unreachable(self) -> Chat:
        return self.connector(reply_url="http://127.0.0.1:9/answers")

    async def asked(self) -> Asked:
        self.app.says("mei", "转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        return [{"message": each, "sent_at": self.now.isoformat()} for each in self.app.pending]

    def said(self) -> list[str]:
        return [each["text"] for each in self.app.pending if each["direction"] == "out"]

    def loses_receipt(self) -> None:
        self.takes.answers.losing = 1

    def fails_next(self, fault: str = "") -> None:
        self.takes.answers.breaking = 1

    def refuses(self) -> None:
        self.takes.answers.refusals.append("blocked")

    def asks_to_wait(self, seconds: int) -> None:
        self.takes.app.fail_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.app.secret = "another"


@pytest.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AppReplyStage]:
    takes = AppAnswers(AppBackend(secret=HOOK_SECRET))
    async with serve(takes.app) as url:
        yield AppReplyStage(url, takes)


class TestChatwootReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, chatwoot: ChatwootStage) -> ChatwootReplyStage:
        return ChatwootReplyStage(chatwoot.desk, chatwoot.url)


class TestIntercomReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, intercom: IntercomStage) -> IntercomReplyStage:
        return IntercomReplyStage(intercom.desk, intercom.url)


class TestAppReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, app: AppReplyStage) -> AppReplyStage:
        return app


async def test_the_app_takes_the_same_answer_once_and_can_be_asked_for_it(app: AppReplyStage) -> None:
    async with an_answer(app) as (connector, outgoing):
        first = await connector.reply(outgoing)
        assert await connector.reply(outgoing) == first == await connector.find_sent(outgoing)
    assert len(app.said()) == 1


async def test_the_app_may_say_why_it_takes_no_answer(app: AppReplyStage) -> None:
    app.refuses()
    async with an_answer(app) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, told.value.detail) == ("blocked", "the customer has left")


async def test_intercom_gets_what_a_colleague_wrote_as_text_not_as_markup(intercom: IntercomStage) -> None:
    stage = IntercomReplyStage(intercom.desk, intercom.url)
    async with an_answer(stage) as (connector, outgoing):
        await connector.reply(replace(outgoing, text="a < b\n<b>bold</b>"))
    assert stage.desk.requests[-1][1]["body"] == "<p>a &lt; b<br>&lt;b&gt;bold&lt;/b&gt;</p>"
    assert stage.desk.requests[-1][1]["admin_id"] == "71"


async def test_chatwoot_says_when_a_channel_takes_no_more_answers(chatwoot: ChatwootStage) -> None:
    stage = ChatwootReplyStage(chatwoot.desk, chatwoot.url)
    asked = await stage.asked()
    told = {**asked.record, "message": {**asked.record["message"], "conversation": {"id": 1, "can_reply": False}}}
    assert stage.connector().reply_window(replace(asked, record=told), stage.now).why == "window_over"


@pytest.mark.parametrize(("since", "tells"), [(99, None), (100, CANNOT_TELL)])
async def test_an_answer_is_not_there_only_where_all_that_was_said_since_was_read(
    chatwoot: ChatwootStage, since: int, tells: str | None
) -> None:
    stage = ChatwootReplyStage(chatwoot.desk, chatwoot.url)
    async with an_answer(stage) as (connector, outgoing):
        for number in range(since):
            stage.desk.says("visitor-0", f"hello? {number}")
        assert await connector.find_sent(outgoing) == tells


async def test_chatwoot_has_an_answer_after_which_much_was_said(chatwoot: ChatwootStage) -> None:
    stage = ChatwootReplyStage(chatwoot.desk, chatwoot.url)
    async with an_answer(stage) as (connector, outgoing):
        sent = await connector.reply(outgoing)
        for number in range(25):
            stage.desk.says("visitor-0", f"hello? {number}")
        assert await connector.find_sent(outgoing) == sent


async def test_what_a_gateway_says_of_an_answer_that_it_did_not_wait_for_is_no_refusal(
    chatwoot: ChatwootStage,
) -> None:
    stage = ChatwootReplyStage(chatwoot.desk, chatwoot.url)
    async with an_answer(stage) as (connector, outgoing):
        stage.desk.answers.tiring = 1
        with pytest.raises(StatusError) as told:
            await connector.reply(outgoing)
        assert not told.value.says_no
        assert isinstance(await connector.find_sent(outgoing), Sent)
    assert len(stage.said()) == 1


async def test_a_desk_that_may_no_longer_be_asked_cannot_tell(chatwoot: ChatwootStage) -> None:
    stage = ChatwootReplyStage(chatwoot.desk, chatwoot.url)
    only_called = stage.connector(token=None, secret=Secret(env="CHAT_SECRET"))
    async with an_answer(stage, only_called) as (connector, outgoing):
        assert await connector.find_sent(outgoing) == CANNOT_TELL


async def test_a_desk_that_only_calls_us_takes_no_answer_from_here(chatwoot: ChatwootStage, app: AppReplyStage) -> None:
    silent = ChatwootReplyStage(chatwoot.desk, chatwoot.url)
    asked = await silent.asked()
    only_called = silent.connector(token=None, secret=Secret(env="CHAT_SECRET"))
    assert only_called.reply_window(asked, silent.now).why == "no_credential"
    assert app.connector(reply_url=None).reply_window(await app.asked(), app.now).why == "no_credential"


def test_a_reply_url_is_for_our_own_app_only() -> None:
    desk = {"service": "chatwoot", "url": "https://c.example", "account": "1", "token": {"env": "T"}}
    settings = {"connector": "chat", **desk}
    with pytest.raises(ValidationError, match="reply_url is for intake"):
        Chat.Config.model_validate(settings | {"reply_url": "https://app.example/answers"})


async def test_the_check_asks_the_app_for_an_answer_that_never_was(app: AppReplyStage) -> None:
    async def told() -> list[tuple[str, str]]:
        async with app.connector() as connector:
            return [(each.level, each.text) for each in await connector.check() if "reply_url" in each.text]

    assert await told() == [("ok", "answers are taken at reply_url")]
    app.refuses_login()
    assert [level for level, _ in await told()] == ["failed"]
    app.takes.app.fail_next("500")
    assert [level for level, _ in await told()] == ["failed"]
