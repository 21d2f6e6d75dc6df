"""Chats with human agents."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from aggregator.demo.wechat import WeChatSimulator
from connectors.errors import ThrottledError, TransientError
from connectors.wechat import chats
from tests.conftest import Hands
from tests.contract_suite import Drained, drain, posts, texts
from tests.wechat_account import (
    CALLED,
    SINCE,
    Source,
    as_truth,
    configured,
    poll,
)


async def test_the_chats_of_a_day_are_neither_missing_nor_doubled(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.chats_read = "all"
    for number in range(3):
        wechat.chats("ann", "[image]")
        wechat.agent_says("ann", f"answer {number}")
        clock.pass_(minutes=7)
    connector, done = source(agent_chats="all", comments=False), Drained()
    async with connector:
        await poll(connector, done)
        clock.pass_(minutes=7)
        await poll(connector, done)
    assert {key: as_truth(post) for key, post in posts(connector, done.records).items()} == wechat.truth()
    assert len(done.records) == 6


async def test_chats_that_were_read_by_a_clock_ahead_are_read_again_once_it_is_right(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.chats_read = "all"
    connector, done = source(agent_chats="all", comments=False), Drained()
    async with connector:
        connector.clock = lambda: clock() + timedelta(days=2)
        await poll(connector, done)
        connector.clock = clock
        clock.pass_(minutes=7)
        wechat.chats("ann", "是不是没人在")
        clock.pass_(minutes=7)
        await poll(connector, done)
    assert texts(connector, done.records) == ["是不是没人在"]


async def test_with_callbacks_only_the_answers_are_taken_from_the_chats(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.chats("ann", "came by callback already")
    wechat.agent_says("ann", "在核实")
    connector = source(agent_chats="answers", **CALLED)
    found = list(posts(connector, (await drain(connector)).records).values())
    assert [(post.text, post.author and post.author.role) for post in found] == [("在核实", "staff")]
    assert found[0].thread == f"chat/{wechat.openid('ann')}"


def test_taking_each_message_twice_cannot_be_configured(wechat: WeChatSimulator) -> None:
    with pytest.raises(ValidationError, match="would store each message twice"):
        configured(wechat, "http://127.0.0.1:9", agent_chats="all", **CALLED)


async def test_no_window_is_longer_than_a_day_and_none_is_left_out(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    said = [wechat.chats("ann", f"day {day}", at=SINCE + timedelta(days=day, seconds=1)) for day in range(7)]
    connector = source(agent_chats="all", comments=False)
    assert len(texts(connector, (await drain(connector)).records)) == len(said)


async def test_rows_that_are_alike_to_the_second_are_both_kept_and_never_again(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.chats("ann", "[image]")
    wechat.chats("ann", "[image]")
    clock.pass_(minutes=1)
    first = await drain(source(agent_chats="all"))
    clock.pass_(minutes=1)
    connector = source(agent_chats="all")
    second = await drain(connector, first)
    assert len(posts(connector, first.records)) == len(posts(connector, second.records)) == 2


async def test_rows_that_come_late_are_found_in_the_overlap(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    connector, done = source(agent_chats="all", comments=False), Drained()
    async with connector:
        await poll(connector, done)
        clock.pass_(minutes=5)
        wechat.chats("ann", "late", at=clock.now - timedelta(minutes=8))
        await poll(connector, done)
        before = len(done.records)
        await poll(connector, done)
    assert texts(connector, done.records) == ["late"]
    assert len(done.records) == before


async def test_more_rows_than_one_answer_holds_are_read_on(
    wechat: WeChatSimulator, source: Source, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "ROWS", 4)
    said = [f"text {number}" for number in range(8)]
    for text in said:
        wechat.chats("ann", text)
    clock.pass_(minutes=1)
    connector = source(agent_chats="all", comments=False)
    assert texts(connector, (await drain(connector)).records) == said


async def test_rows_that_cannot_be_read_on_are_not_passed_over(
    wechat: WeChatSimulator, source: Source, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats, "ROWS", 4)
    wechat.chats_stand_still = True
    said = [f"text {number}" for number in range(8)]
    for text in said:
        wechat.chats("ann", text)
    clock.pass_(minutes=1)
    connector, done = source(agent_chats="all", comments=False), Drained()
    async with connector:
        with pytest.raises(TransientError, match="msgid does not move"):
            await poll(connector, done)
        wechat.chats_stand_still = False
        await poll(connector, done)
    assert list(dict.fromkeys(texts(connector, done.records))) == said


async def test_chats_that_we_could_not_read_while_we_were_away_are_not_vouched_for(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    done = Drained()
    async with source(agent_chats="all", comments=False) as connector:
        wechat.chats("ann", "before")
        await poll(connector, done)
    left = clock.now
    clock.pass_(days=1)
    wechat.forbidden["/customservice/msgrecord/getmsglist"] = 45009
    async with source(agent_chats="all", comments=False) as restarted:
        with pytest.raises(ThrottledError):
            await poll(restarted, done)
    assert restarted.complete_to == left


async def test_comments_that_cannot_be_read_keep_no_chat_from_being_read(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    wechat.forbidden["/cgi-bin/comment/list"] = 99999
    wechat.agent_says("ann", "在核实")
    connector, done = source(agent_chats="answers"), Drained()
    async with connector:
        with pytest.raises(TransientError, match="errcode 99999"):
            await poll(connector, done)
    assert texts(connector, done.records) == ["在核实"]
