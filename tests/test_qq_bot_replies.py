"""Answers of QQ's official bot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.demo.qq_bot import QQBotSimulator
from connectors.contract import Record
from connectors.errors import NotSentError, ReplyRefusedError, ThrottledError, TransientError
from connectors.qq_bot import QQBot
from connectors.replying import Asked, Sent
from tests.conftest import START, Hands
from tests.reply_contract import TEXT, ReplyContract, an_answer, asked_in
from tests.test_qq_bot import SECRET_ENV, bot, call_with, clock, config_for, url

__all__ = ["bot", "clock", "url"]  # fixtures


class BotStage:
    """A member of a group asks the bot, which is called by QQ."""

    credential = SECRET_ENV
    comes_back = False

    def __init__(self, bot: QQBotSimulator, url: str, clock: Hands) -> None:
        self.bot = bot
        self.url = url
        self.clock = clock
        self.secret = bot.secret
        self.says: Callable[[str, str], str] = bot.asks_bot
        bot.hook_url = "kept"

    @property
    def now(self) -> Any:
        return self.clock.now

    def connector(self) -> QQBot:
        connector = QQBot("bot", config_for(self.bot, self.url, way="webhook", timeout=2), since=START)
        connector.clock = self.clock
        return connector

    def unreachable(self) -> QQBot:
        nowhere = "http://127.0.0.1:9"
        return QQBot("bot", config_for(self.bot, nowhere, way="webhook", timeout=2), since=START)

    async def asked(self) -> Asked:
        self.clock.pass_(seconds=1)
        self.says("mei", "转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        receive = self.connector().receive
        return [record for each in self.bot.pending for record in receive(call_with(self.bot, each)).records]

    def said(self) -> list[str]:
        return [body["content"] for _, body in self.bot.our.sent]

    def loses_receipt(self) -> None:
        self.bot.our.losing = 1

    def fails_next(self) -> None:
        self.bot.our.breaking = 1

    def refuses(self) -> None:
        self.bot.our.refusals.append("40054002")

    def asks_to_wait(self, seconds: int) -> None:
        self.bot.our.waits = seconds

    def refuses_login(self) -> None:
        self.bot.api.secret_is_good = False
        self.bot.api.revokes_tokens()


@pytest.fixture
def group(bot: QQBotSimulator, url: str, clock: Hands) -> BotStage:
    return BotStage(bot, url, clock)


@pytest.fixture
def private(bot: QQBotSimulator, url: str, clock: Hands) -> BotStage:
    stage = BotStage(bot, url, clock)
    stage.says = bot.tells_bot
    return stage


@pytest.fixture
def guild(bot: QQBotSimulator, url: str, clock: Hands) -> BotStage:
    stage = BotStage(bot, url, clock)
    stage.says = bot.says_in_guild
    return stage


@pytest.fixture
def places(group: BotStage, private: BotStage, guild: BotStage) -> dict[str, BotStage]:
    return {"group": group, "private": private, "guild": guild}


class TestGroupReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, group: BotStage) -> BotStage:
        return group


class TestPrivateReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, private: BotStage) -> BotStage:
        return private


class TestGuildReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, guild: BotStage) -> BotStage:
        return guild


async def refused(stage: BotStage) -> ReplyRefusedError:
    async with an_answer(stage) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert stage.said() == []
    return told.value


async def test_an_answer_goes_where_it_was_asked_and_names_the_message(
    group: BotStage, places: dict[str, BotStage]
) -> None:
    for stage in places.values():
        async with an_answer(stage) as (connector, outgoing):
            sent = await connector.reply(outgoing)
        _, body = stage.bot.our.sent[-1]
        kind, _, number = outgoing.to.native_id.partition(":")
        assert (body["msg_id"], (sent.native_id or "").startswith(f"{kind}:")) == (number, True)
    paths = [path for path, _ in group.bot.our.sent]
    user = group.bot.openid("user", "mei")
    assert paths == [
        f"/v2/groups/{group.bot.group}/messages",
        f"/v2/users/{user}/messages",
        f"/channels/{group.bot.channel}/messages",
    ]


async def test_a_direct_session_of_a_guild_is_answered_there(group: BotStage) -> None:
    group.says = group.bot.writes_to_bot_in_guild
    async with an_answer(group) as (connector, outgoing):
        await connector.reply(outgoing)
    assert group.bot.our.sent[0][0] == "/dms/18700077/messages"


@pytest.mark.parametrize(("stage", "minutes", "left"), [("group", 5, None), ("private", 60, 3), ("guild", 5, None)])
async def test_each_place_has_its_minutes(
    places: dict[str, BotStage], stage: str, minutes: int, left: int | None
) -> None:
    at = places[stage]
    asked, connector = replace(await at.asked(), answers=2), at.connector()
    window = connector.reply_window(asked, at.now)
    assert (window.why, window.left) == (None, left)
    assert window.until == asked.can_reply_until == asked.posted_at + timedelta(minutes=minutes)
    assert connector.reply_window(asked, asked.posted_at + timedelta(minutes=minutes)).why == "window_over"


@pytest.mark.parametrize("stage", ["group", "guild"])
async def test_after_five_minutes_qq_takes_no_answer(places: dict[str, BotStage], stage: str) -> None:
    at = places[stage]
    async with an_answer(at) as (connector, outgoing):
        at.clock.pass_(minutes=5)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, "40034005" in told.value.detail) == ("window_over", True)


async def test_several_answers_to_one_message_have_numbers_of_their_own(private: BotStage) -> None:
    async with an_answer(private) as (connector, outgoing):
        for number in range(5):
            await connector.reply(replace(outgoing, key=f"{number}abc"))
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(replace(outgoing, key="5abc"))
    assert told.value.why == "too_many"
    assert len({body["msg_seq"] for _, body in private.bot.our.sent}) == 5


@pytest.mark.parametrize("stage", ["group", "private"])
async def test_the_same_answer_is_never_said_twice_for_qq_knows_its_number(
    places: dict[str, BotStage], stage: str
) -> None:
    at = places[stage]
    async with an_answer(at) as (connector, outgoing):
        at.loses_receipt()
        with pytest.raises(TransientError):
            await connector.reply(outgoing)
        assert await connector.reply(outgoing) == Sent(None)
    assert at.said() == [TEXT]


async def test_time_or_number_exceeded_is_told_apart_by_our_clock(group: BotStage) -> None:
    group.bot.our.refusals.extend(["40034128", "40034128"])
    async with an_answer(group) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as many:
            await connector.reply(outgoing)
        group.clock.pass_(minutes=5)
        with pytest.raises(ReplyRefusedError) as late:
            await connector.reply(outgoing)
    assert (many.value.why, late.value.why) == ("too_many", "window_over")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (304103, "window_over"),
        (40034105, "window_over"),
        (40034024, "gone"),
        (40034006, "words"),
        (40054010, "words"),
        (40054007, "too_long"),
        (40054002, "no_right"),
        (40054003, "no_right"),
        (11253, "no_right"),
        (11265, "no_right"),
        (40054004, "blocked"),
        (40054013, "blocked"),
        (304061, "other"),
    ],
)
async def test_each_code_says_what_a_colleague_can_do(group: BotStage, code: int, why: str) -> None:
    group.bot.our.refusals.append(str(code))
    error = await refused(group)
    assert (error.why, error.detail) == (why, f"no ({code})")


@pytest.mark.parametrize("code", [22009, 20028, 40034100])
async def test_too_many_calls_are_tried_again(group: BotStage, code: int) -> None:
    group.bot.our.refusals.append(str(code))
    async with an_answer(group) as (connector, outgoing):
        with pytest.raises(ThrottledError):
            await connector.reply(outgoing)


@pytest.mark.parametrize("code", [11252, 50055001])
async def test_qqs_own_trouble_may_have_sent_it(group: BotStage, code: int) -> None:
    group.bot.our.refusals.append(str(code))
    async with an_answer(group) as (connector, outgoing):
        with pytest.raises(TransientError) as told:
            await connector.reply(outgoing)
    assert not isinstance(told.value, NotSentError | ThrottledError)


async def test_what_a_moderator_looks_at_first_is_sent_and_held(group: BotStage) -> None:
    group.bot.our.audited = True
    async with an_answer(group) as (connector, outgoing):
        assert await connector.reply(outgoing) == Sent(None, held=True)


async def test_in_guilds_what_looks_like_a_mention_is_none(guild: BotStage, group: BotStage) -> None:
    async with an_answer(guild) as (connector, outgoing):
        await connector.reply(replace(outgoing, text="<@everyone> 5 < 6 & 7"))
    async with an_answer(group) as (connector, outgoing):
        await connector.reply(replace(outgoing, text="5 < 6 & 7"))
    assert group.said() == ["&lt;@everyone&gt; 5 &lt; 6 &amp; 7", "5 < 6 & 7"]


async def test_a_token_that_cannot_be_had_has_sent_nothing(group: BotStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        for fault in ("500", "timeout", "truncated"):
            group.bot.faults.append((fault, 0))
            with pytest.raises(NotSentError):
                await connector.reply(outgoing)
        await connector.reply(outgoing)
    assert group.said() == [TEXT]


async def test_a_token_that_was_revoked_is_renewed_and_the_answer_is_said_once(group: BotStage) -> None:
    async with an_answer(group) as (connector, outgoing):
        await connector.reply(outgoing)
        group.bot.api.revokes_tokens()
        await connector.reply(replace(outgoing, key="another", text="二"))
    assert group.said() == [TEXT, "二"]


async def test_a_record_that_names_no_message_cannot_be_answered(group: BotStage) -> None:
    asked = await group.asked()
    for record in ({"t": "GROUP_ADD_ROBOT", "d": {}}, {"t": "C2C_MESSAGE_CREATE", "d": {"id": "1"}}, {}):
        assert group.connector().reply_window(replace(asked, record=record), group.now).why == "gone"
