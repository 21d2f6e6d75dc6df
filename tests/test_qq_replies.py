"""Answers in QQ, through OneBot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.demo.qq import OneBotSimulator
from aggregator.demo.qq.answers import kernel
from connectors.contract import Record
from connectors.errors import AuthError, NotSentError, ReplyRefusedError, TransientError
from connectors.qq import QQ
from connectors.qq.account import PAGE
from connectors.qq.replies import PAGES
from connectors.replying import CANNOT_TELL, Asked, Sent
from tests.contract_suite import drain, posts
from tests.qq_account import KNOWN, NAPCAT, TOKEN_ENV, Ticking, connector_for
from tests.reply_contract import TEXT, ReplyContract, an_answer, asked_in


class GroupStage:
    credential = TOKEN_ENV
    comes_back = True

    def __init__(self, qq: OneBotSimulator, url: str, clock: Ticking) -> None:
        self.qq = qq
        self.url = url
        self.clock = clock
        self.secret = qq.token

    @property
    def now(self) -> Any:
        return self.clock.now

    def connector(self) -> QQ:
        return connector_for(self.qq, self.url, timeout=2, private_chats=True)

    def unreachable(self) -> QQ:
        return connector_for(self.qq, "http://127.0.0.1:9", timeout=2)

    def asks(self) -> None:
        self.qq.says("mei", "转账没到")

    async def asked(self) -> Asked:
        self.asks()
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        return (await drain(self.connector())).records

    def said(self) -> list[str]:
        return [truth.text for truth in self.qq.truth().values() if truth.author == str(self.qq.account)]

    def loses_receipt(self) -> None:
        self.qq.our.losing = 1

    def fails_next(self) -> None:
        self.qq.our.breaking = 1

    def refuses(self) -> None:
        self.qq.our.refusals.append(kernel(120))

    def asks_to_wait(self, seconds: int) -> None:
        self.qq.our.waits = seconds

    def refuses_login(self) -> None:
        self.qq.token_is_good = False


class PrivateStage(GroupStage):
    """NapCat alone lists private chats."""

    def asks(self) -> None:
        self.qq.whispers("mei", "转账没到")


@pytest.fixture
def group(qq: OneBotSimulator, qq_url: str, qq_clock: Ticking) -> GroupStage:
    return GroupStage(qq, qq_url, qq_clock)


@pytest.fixture
def private(qq: OneBotSimulator, qq_url: str, qq_clock: Ticking) -> PrivateStage:
    return PrivateStage(qq, qq_url, qq_clock)


@pytest.mark.parametrize("qq_app", KNOWN)
class TestGroupReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, group: GroupStage) -> GroupStage:
        return group


class TestPrivateReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, private: PrivateStage) -> PrivateStage:
        return private


async def refused(stage: GroupStage) -> ReplyRefusedError:
    async with an_answer(stage) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert stage.said() == []
    return told.value


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_an_answer_quotes_what_it_answers_and_goes_in_segments(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        await connector.reply(outgoing)
    number = str(group.qq.message_id(outgoing.to.native_id))
    assert group.qq.our.sent[0]["message"] == [
        {"type": "reply", "data": {"id": number}},
        {"type": "text", "data": {"text": TEXT}},
    ]
    whom = group.qq.our.sent[0]["group_id"]
    assert whom == (str(group.qq.group) if group.qq.app_name == NAPCAT else group.qq.group)


@pytest.mark.parametrize("coded", [False, True])
async def test_what_looks_like_a_cq_code_is_said_and_read_as_it_was_written(group: GroupStage, coded: bool) -> None:
    group.qq.coded = coded
    text = "[CQ:at,qq=all] 5 < 6 & 7, &#91;好&#93;"
    async with an_answer(group) as (connector, outgoing):
        sent = await connector.reply(replace(outgoing, text=text))
        assert await connector.find_sent(replace(outgoing, text=text)) == sent
    assert group.said() == [text]
    brought = posts(group.connector(), await group.fetched())
    assert brought[sent.native_id or ""].text == text
    assert brought[sent.native_id or ""].mentions == ()


async def test_an_answer_is_sent_though_onebot_has_forgotten_the_question_and_names_it_no_more(
    group: GroupStage,
) -> None:
    async with an_answer(group) as (connector, outgoing):
        record = {**outgoing.to.record, "message_id": 77}
        await connector.reply(replace(outgoing, to=replace(outgoing.to, record=record)))
    assert group.said() == [TEXT]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (kernel(120), "no_right"),
        (kernel(110), "no_right"),
        ("发送失败，请先添加对方为好友", "blocked"),
        ("你已被禁言", "no_right"),
    ],
)
async def test_a_refusal_is_told_from_qqs_own_words(group: GroupStage, said: str, why: str) -> None:
    group.qq.our.refusals.append(said)
    error = await refused(group)
    assert (error.why, error.detail) == (why, said)


@pytest.mark.parametrize("said", [kernel(1006514), "Timeout: NTEvent sendMsg", ""])
async def test_any_other_failure_may_have_sent_it(group: GroupStage, said: str) -> None:
    group.qq.our.refusals.append(said)
    async with an_answer(group) as (connector, outgoing):
        with pytest.raises(TransientError) as told:
            await connector.reply(outgoing)
        assert not isinstance(told.value, NotSentError)
        assert await connector.find_sent(outgoing) is None


async def test_an_account_that_is_muted_is_told_so(group: GroupStage) -> None:
    group.qq.our.muted.add(group.qq.group)
    assert (await refused(group)).why == "no_right"


async def test_an_account_that_is_no_longer_in_the_group_does_not_even_try(group: GroupStage) -> None:
    group.qq.adds_group("另一个群")
    async with an_answer(group) as (connector, outgoing):
        group.qq.leaves(group.qq.group)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, told.value.detail) == ("no_right", "Harbor Wallet 交流群")
    assert "send_group_msg" not in [action for action, _ in group.qq.actions.calls]


async def test_an_account_that_is_offline_sends_nothing_though_onebot_would_say_that_it_did(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        group.qq.goes_offline()
        with pytest.raises(NotSentError, match="offline"):
            await connector.reply(outgoing)
    assert group.said() == []


async def test_another_account_that_is_logged_in_does_not_answer_for_us(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        group.qq.account += 1
        with pytest.raises(AuthError, match="another account"):
            await connector.reply(outgoing)
    assert group.said() == []


@pytest.mark.parametrize("action", ["send_group_msg", "get_version_info"])
async def test_a_version_that_does_not_know_the_action_says_no(group: GroupStage, action: str) -> None:
    async with an_answer(group) as (connector, outgoing):
        group.qq.actions.refuses.add(action)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, action in told.value.detail) == ("other", True)


async def test_an_answer_that_the_history_does_not_show_at_once_is_sent_all_the_same(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        group.qq.actions.fails_for.add(group.qq.group)
        assert await connector.reply(outgoing) == Sent(None)
    assert group.said() == [TEXT]


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_an_answer_is_found_behind_what_was_said_since(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        group.loses_receipt()
        with pytest.raises(TransientError):
            await connector.reply(outgoing)
        for number in range(2 * PAGE):
            group.qq.says("anna", f"{number}")
        found = await connector.find_sent(outgoing)
    assert isinstance(found, Sent)
    assert group.qq.truth()[found.native_id or ""].text == TEXT


async def test_where_too_much_was_said_since_nobody_can_tell(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        for number in range(PAGES * PAGE + 1):
            group.qq.says("anna", f"{number}")
        assert await connector.find_sent(outgoing) == CANNOT_TELL


async def test_the_same_words_of_an_earlier_answer_are_not_taken_for_this_one(group: GroupStage) -> None:
    group.qq.answers(TEXT)
    group.clock.now += timedelta(minutes=10)
    async with an_answer(group) as (connector, outgoing):
        assert await connector.find_sent(outgoing) is None


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_the_same_words_to_somebody_else_are_not_taken_for_this_answer(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        other = group.qq.message_id(group.qq.says("omar", "我的也卡住了"))
        quoting = [{"type": "reply", "data": {"id": str(other)}}, {"type": "text", "data": {"text": TEXT}}]
        group.qq.sends_itself(quoting, TEXT, group.qq.group, private=False)
        assert await connector.find_sent(outgoing) is None
        sent = await connector.reply(outgoing)
        group.qq.sends_itself(quoting, TEXT, group.qq.group, private=False)
        assert await connector.find_sent(outgoing) == sent


async def test_the_same_words_without_a_quotation_may_be_this_answer(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        group.qq.answers(TEXT)
        assert await connector.find_sent(outgoing) == CANNOT_TELL


async def test_somebody_who_is_no_friend_is_answered_by_way_of_the_group(group: GroupStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        user = group.qq.user("mei")
        told = {"message_type": "private", "sub_type": "group", "user_id": user, "group_id": group.qq.group}
        record = outgoing.to.record | told
        await connector.reply(replace(outgoing, to=replace(outgoing.to, record=record)))
    assert {key: group.qq.our.sent[0][key] for key in ("user_id", "group_id")} == {
        "user_id": str(user),
        "group_id": str(group.qq.group),
    }


async def test_a_record_without_an_id_cannot_be_answered(group: GroupStage) -> None:
    asked = replace(await group.asked(), record={"group_id": group.qq.group, "time": 1})
    assert group.connector().reply_window(asked, group.now).why == "gone"


async def test_the_text_is_measured_in_bytes_and_there_is_no_deadline(group: GroupStage) -> None:
    window = group.connector().reply_window(await group.asked(), group.now)
    assert (window.why, window.until, window.longest, window.unit) == (None, None, 4500, "bytes")
