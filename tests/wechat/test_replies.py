"""Answers of an official account: to messages, and to comments."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from aggregator.demo.wechat import WeChatSimulator
from connectors.contract import Record
from connectors.errors import NotSentError, ReplyRefusedError, TransientError
from connectors.replying import CANNOT_TELL, Asked, Sent, Why
from connectors.wechat import WeChat
from tests.conftest import Hands, poll
from tests.contract_suite import drain
from tests.reply_contract import TEXT, Desk, ReplyContract, a_desk, an_answer, asked_in
from tests.wechat_account import CALLED, SECRET_ENV, configured, made


class MessageStage:
    """Somebody writes to the account, which calls us."""

    credential = SECRET_ENV
    comes_back = False
    path = "custom/send"
    settings: ClassVar[dict[str, Any]] = CALLED | {"comments": False}

    def __init__(self, wechat: WeChatSimulator, url: str, clock: Hands) -> None:
        self.wechat = wechat
        self.url = url
        self.clock = clock
        self.secret = wechat.secret

    @property
    def now(self) -> Any:
        return self.clock.now

    def connector(self, **settings: Any) -> WeChat:
        return made(configured(self.wechat, self.url, timeout=2, **(self.settings | settings)), self.clock)

    def unreachable(self) -> WeChat:
        return made(configured(self.wechat, "http://127.0.0.1:9", timeout=2, **self.settings), self.clock)

    async def asked(self) -> Asked:
        self.wechat.says("mei", "转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        receive = self.connector().receive
        return [record for name in self.wechat.pushed for record in receive(self.wechat.push(name)).records]

    def said(self) -> list[str]:
        return [text for _, text in self.wechat.our.sending.sent]

    def loses_receipt(self) -> None:
        self.wechat.fails_next("reset", path=self.path)

    def fails_next(self) -> None:
        self.wechat.fails_next("500", path=self.path)

    def refuses(self) -> None:
        self.wechat.fails_next(48001, path=self.path)

    def asks_to_wait(self, seconds: int) -> None:
        self.wechat.fails_next("429", path=self.path, wait=seconds)

    def refuses_login(self) -> None:
        self.wechat.secret = "another"
        self.wechat.tokens.revoke()


class ChatStage(MessageStage):
    """The same, told by the log of agents' chats, which shows what was sent, too."""

    comes_back = True
    settings: ClassVar[dict[str, Any]] = {"comments": False, "agent_chats": "all"}

    async def asked(self) -> Asked:
        self.wechat.our.told_in_chats = True
        self.wechat.chats("mei", "转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        self.clock.pass_(minutes=1)
        return (await drain(self.connector())).records


class CommentStage(MessageStage):
    """Somebody comments on an article; our reply stands below it."""

    comes_back = True
    path = "reply/add"
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, wechat: WeChatSimulator, url: str, clock: Hands) -> None:
        super().__init__(wechat, url, clock)
        self.article = wechat.publishes("三月更新", at=clock.now - timedelta(hours=2))
        self.comment = ""

    async def asked(self) -> Asked:
        self.comment = self.wechat.comments("mei", "转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        self.clock.pass_(minutes=1)
        return (await drain(self.connector())).records

    def said(self) -> list[str]:
        return [each.reply[0] for each in self.wechat.articles[self.article].comments if each.reply]

    def refuses(self) -> None:
        self.wechat.fails_next(88000, path=self.path)


@pytest.fixture
def message(wechat: WeChatSimulator, url: str, clock: Hands) -> MessageStage:
    return MessageStage(wechat, url, clock)


@pytest.fixture
def chat(wechat: WeChatSimulator, url: str, clock: Hands) -> ChatStage:
    return ChatStage(wechat, url, clock)


@pytest.fixture
def comment(wechat: WeChatSimulator, url: str, clock: Hands) -> CommentStage:
    return CommentStage(wechat, url, clock)


class TestMessageReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, message: MessageStage) -> MessageStage:
        return message


class TestChatReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, chat: ChatStage) -> ChatStage:
        return chat


class TestCommentReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, comment: CommentStage) -> CommentStage:
        return comment


async def refused(stage: MessageStage, text: str = TEXT) -> ReplyRefusedError:
    async with an_answer(stage) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(replace(outgoing, text=text))
    return told.value


# Messages


async def test_chinese_goes_to_the_customer_as_it_is(message: MessageStage) -> None:
    async with an_answer(message) as (connector, outgoing):
        await connector.reply(outgoing)
    assert message.wechat.our.sending.sent == [(message.wechat.openid("mei"), TEXT)]


async def test_a_message_may_be_answered_for_48_hours_and_five_times(message: MessageStage) -> None:
    asked, connector = await message.asked(), message.connector()
    window = connector.reply_window(replace(asked, answers=4), message.now)
    assert (window.why, window.left, window.longest, window.unit) == (None, 1, 2048, "bytes")
    assert window.until == asked.can_reply_until == asked.posted_at + timedelta(hours=48)
    assert connector.reply_window(asked, asked.posted_at + timedelta(hours=48)).why == "window_over"


async def test_what_agents_say_in_chats_is_not_counted_among_the_five(chat: ChatStage) -> None:
    asked = replace(await chat.asked(), answers=9)
    window = chat.connector().reply_window(asked, chat.now)
    assert (window.why, window.left) == (None, None)


async def test_the_sixth_answer_is_too_many(message: MessageStage) -> None:
    async with an_answer(message) as (connector, outgoing):
        for _ in range(5):
            await connector.reply(outgoing)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, "45047" in told.value.detail) == ("too_many", True)


async def test_an_answer_after_48_hours_is_too_late(message: MessageStage) -> None:
    async with an_answer(message) as (connector, outgoing):
        message.clock.pass_(hours=48)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert told.value.why == "window_over"


async def test_the_same_code_within_48_hours_means_that_they_have_left(message: MessageStage) -> None:
    message.wechat.our.left.add(message.wechat.openid("mei"))
    error = await refused(message)
    assert (error.why, "45015" in error.detail, "rid: " in error.detail) == ("blocked", True, True)


async def test_a_text_is_measured_in_bytes(message: MessageStage) -> None:
    assert (await refused(message, "长" * 683)).why == "too_long"
    assert message.said() == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (40003, "gone"),
        (43004, "blocked"),
        (44004, "too_short"),
        (45009, "spent"),
        (48001, "no_right"),
        (48004, "no_right"),
        (50002, "no_right"),
        (87014, "words"),
        (99999, "other"),
    ],
)
async def test_each_errcode_says_what_a_colleague_can_do(message: MessageStage, code: int, why: str) -> None:
    message.wechat.fails_next(code, path="custom/send")
    error = await refused(message)
    assert (error.why, str(code) in error.detail) == (why, True)


async def test_a_token_that_cannot_be_had_has_sent_nothing(message: MessageStage) -> None:
    async with an_answer(message) as (connector, outgoing):
        for fault in ("500", "timeout", "truncated"):
            message.wechat.fails_next(fault, path="stable_token")
            with pytest.raises(NotSentError):
                await connector.reply(outgoing)
    assert message.said() == []


async def test_a_token_that_another_program_takes_away_again_and_again_has_sent_nothing(message: MessageStage) -> None:
    async with an_answer(message) as (connector, outgoing):
        message.wechat.fails_next(40001, 40001, path="custom/send")
        with pytest.raises(NotSentError, match="another program"):
            await connector.reply(outgoing)


async def test_a_platform_that_is_busy_may_have_sent_it(message: MessageStage) -> None:
    async with an_answer(message) as (connector, outgoing):
        message.wechat.fails_next(-1, path="custom/send")
        with pytest.raises(TransientError) as told:
            await connector.reply(outgoing)
    assert not isinstance(told.value, NotSentError)


async def test_a_sent_message_is_found_where_chats_tell_of_it_and_else_nobody_knows(chat: ChatStage) -> None:
    async with an_answer(chat) as (connector, outgoing):
        await connector.reply(outgoing)
        assert await connector.find_sent(outgoing) == Sent(None)
        assert await connector.find_sent(replace(outgoing, text="另一句")) == CANNOT_TELL
        later = replace(outgoing, began_at=outgoing.began_at + timedelta(hours=1))
        chat.clock.pass_(hours=1, minutes=1)
        assert await connector.find_sent(later) == CANNOT_TELL


# Comments


async def test_a_comment_takes_one_reply_and_the_page_says_so(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        assert connector.reply_window(outgoing.to, comment.now).until is None
        await connector.reply(outgoing)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(replace(outgoing, text="二"))
        assert (told.value.why, "88005" in told.value.detail) == ("answered", True)
        answered = asked_in(connector, [record for record in await comment.fetched() if "comment" in record])
    assert connector.reply_window(answered, comment.now).why == "answered"
    assert comment.said() == [TEXT]


async def test_a_reply_that_was_made_in_wechats_console_is_the_one_it_takes_until_it_is_withdrawn(
    comment: CommentStage, tmp_path: Path
) -> None:
    async with a_desk(comment, tmp_path) as desk:
        await poll(desk.work, desk.source)
        assert why_not(desk) is None
        comment.wechat.answers(comment.comment, "请升级到 2.3.1")
        comment.clock.pass_(hours=7)
        await poll(desk.work, desk.source)
        assert why_not(desk) == "answered"
        comment.wechat.withdraws_answer(comment.comment)
        comment.clock.pass_(hours=7)
        await poll(desk.work, desk.source)
        assert why_not(desk) is None


async def test_a_reply_to_another_comment_of_the_same_person_leaves_this_one_open(
    comment: CommentStage, tmp_path: Path
) -> None:
    async with a_desk(comment, tmp_path) as desk:
        comment.clock.pass_(minutes=1)
        comment.wechat.comments("mei", "还是没到")
        comment.wechat.answers(comment.comment, "请升级到 2.3.1")
        await desk.reads()
        assert desk.work.db.query("SELECT count(*), count(*) FILTER (staff) FROM post") == [(3, 1)]
        assert why_not(desk) is None


def why_not(desk: Desk) -> Why | None:
    """Why its page does not let a colleague answer."""
    ((inquiry,),) = desk.work.db.query("SELECT inquiry_id FROM inquiry")
    with desk.work.db.reading() as con:
        return desk.work.outbox.written(con, inquiry.bytes).window.why


@pytest.mark.parametrize("as_list", [False, True])
async def test_a_reply_is_found_under_its_comment_by_its_words(comment: CommentStage, as_list: bool) -> None:
    comment.wechat.replies_as_list = as_list
    async with an_answer(comment) as (connector, outgoing):
        for number in range(60):
            comment.wechat.comments("ann", f"还有 {number}")
        sent = replace(outgoing, text="请看 <帮助> & 教程")
        comment.loses_receipt()
        with pytest.raises(TransientError):
            await connector.reply(sent)
        at = int(comment.now.timestamp())
        assert await connector.find_sent(sent) == Sent(f"{comment.comment}/reply/{at}")
        assert await connector.find_sent(outgoing) is None


async def test_a_reply_that_cannot_be_seen_at_once_is_sent_all_the_same(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        comment.wechat.fails_next("500", path="comment/list")
        assert await connector.reply(outgoing) == Sent(None)
    assert comment.said() == [TEXT]


async def test_a_comment_that_has_gone_says_nothing_of_a_reply(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        comment.wechat.deletes(comment.comment)
        assert await connector.find_sent(outgoing) == CANNOT_TELL
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert told.value.why == "gone"


@pytest.mark.parametrize(
    ("code", "why"), [(88001, "gone"), (88004, "gone"), (88007, "too_long"), (88000, "no_right"), (45009, "spent")]
)
async def test_each_errcode_of_comments_says_what_a_colleague_can_do(
    comment: CommentStage, code: int, why: str
) -> None:
    comment.wechat.fails_next(code, path="reply/add")
    error = await refused(comment)
    assert (error.why, str(code) in error.detail) == (why, True)


async def test_a_record_that_names_nobody_cannot_be_answered(message: MessageStage) -> None:
    asked = await message.asked()
    for record in ({"message": {}}, {"comment": {}, "article": {}}, {"row": {"openid": ""}}, {}):
        assert message.connector().reply_window(replace(asked, record=record), message.now).why == "gone"
