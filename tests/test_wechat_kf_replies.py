"""Answers through WeChat customer service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.demo.wechat_kf import WeChatKfSimulator
from aggregator.outbox import Row
from connectors.contract import Record, Undelivered
from connectors.errors import NotSentError, ReplyRefusedError, ThrottledError, TransientError
from connectors.replying import Asked
from connectors.wechat_kf import WeChatKf
from tests.conftest import Hands, open_inquiries
from tests.contract_suite import drain, items
from tests.reply_contract import KEY, TEXT, ReplyContract, a_desk, an_answer, asked_in
from tests.test_wechat_kf import SECRET_ENV, clock, configured, kf, made, url

__all__ = ["clock", "kf", "url"]  # fixtures


class KfReplyStage:
    credential = SECRET_ENV
    comes_back = False

    def __init__(self, kf: WeChatKfSimulator, url: str, clock: Hands) -> None:
        self.kf = kf
        self.url = url
        self.clock = clock
        self.secret = kf.secret

    @property
    def now(self) -> Any:
        return self.clock.now

    def connector(self) -> WeChatKf:
        return made(configured(self.kf, self.url, timeout=2), self.clock)

    def unreachable(self) -> WeChatKf:
        return made(configured(self.kf, "http://127.0.0.1:9", timeout=2), self.clock)

    async def asked(self) -> Asked:
        self.kf.says("mei", "转账没到")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        self.clock.pass_(minutes=3)
        return (await drain(self.connector())).records

    def said(self) -> list[str]:
        return [text for _, text in self.kf.answers.sending.sent]

    def loses_receipt(self) -> None:
        self.kf.fails_next("reset", path="send_msg")

    def fails_next(self) -> None:
        self.kf.fails_next("500", path="send_msg")

    def refuses(self) -> None:
        self.kf.fails_next(95001, path="send_msg")

    def asks_to_wait(self, seconds: int) -> None:
        self.kf.fails_next("429", path="send_msg", wait=seconds)

    def refuses_login(self) -> None:
        self.kf.secret = "another"
        self.kf.tokens.revoke()


@pytest.fixture
def reply_stage(kf: WeChatKfSimulator, url: str, clock: Hands) -> KfReplyStage:
    return KfReplyStage(kf, url, clock)


class TestKfReplies(ReplyContract):
    pass


async def refused(stage: KfReplyStage, text: str = TEXT) -> ReplyRefusedError:
    async with an_answer(stage) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(replace(outgoing, text=text))
    assert stage.said() == []
    return told.value


async def test_an_answer_bears_our_id_and_goes_to_the_customer_at_that_account(reply_stage: KfReplyStage) -> None:
    async with an_answer(reply_stage) as (connector, outgoing):
        assert (await connector.reply(outgoing)).native_id == KEY
    assert reply_stage.kf.answers.msgids == [KEY]
    assert reply_stage.kf.answers.sending.sent == [(reply_stage.kf.customer("mei"), TEXT)]


async def test_a_customer_who_wrote_may_be_answered_for_48_hours_and_five_times(reply_stage: KfReplyStage) -> None:
    asked, connector = await reply_stage.asked(), reply_stage.connector()
    window = connector.reply_window(replace(asked, answers=2), reply_stage.now)
    assert (window.why, window.left, window.longest, window.unit) == (None, 3, 2048, "bytes")
    assert window.until == asked.can_reply_until == asked.posted_at + timedelta(hours=48)
    assert connector.reply_window(asked, asked.posted_at + timedelta(hours=48)).why == "window_over"


async def test_a_record_that_names_no_customer_cannot_be_answered(reply_stage: KfReplyStage) -> None:
    asked = replace(await reply_stage.asked(), record={"message": {"msgid": "1"}})
    assert reply_stage.connector().reply_window(asked, reply_stage.now).why == "gone"


async def test_after_five_answers_the_platform_takes_no_more(reply_stage: KfReplyStage) -> None:
    async with an_answer(reply_stage) as (connector, outgoing):
        for number in range(5):
            await connector.reply(replace(outgoing, key=f"{KEY[:-1]}{number}"))
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert told.value.why == "too_many"
    assert "95001" in told.value.detail


async def test_after_48_hours_the_platform_takes_none(reply_stage: KfReplyStage) -> None:
    async with an_answer(reply_stage) as (connector, outgoing):
        reply_stage.clock.pass_(hours=48)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert told.value.why == "window_over"


async def test_a_text_that_is_too_long_in_bytes_is_refused_as_such(reply_stage: KfReplyStage) -> None:
    assert (await refused(reply_stage, "长" * 700)).why == "too_long"


@pytest.mark.parametrize(
    ("state", "colleague", "why", "named"),
    [(3, "lin", "taken", "lin: "), (2, "", "taken", "WeCom: "), (4, "", "closed", "95018")],
    ids=["a colleague talks to them", "they wait for a colleague", "the session has ended"],
)
async def test_a_session_that_is_not_ours_says_whose_it_is(
    reply_stage: KfReplyStage, state: int, colleague: str, why: str, named: str
) -> None:
    reply_stage.kf.answers.states[reply_stage.kf.customer("mei")] = (state, colleague)
    error = await refused(reply_stage)
    assert (error.why, named in error.detail) == (why, True)


async def test_where_the_session_cannot_be_looked_up_the_first_refusal_stands(reply_stage: KfReplyStage) -> None:
    reply_stage.kf.fails_next(95018, path="send_msg")
    reply_stage.kf.fails_next("500", path="service_state/get")
    assert (await refused(reply_stage)).why == "taken"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (40096, "gone"),
        (48002, "no_right"),
        (50002, "no_right"),
        (87014, "words"),
        (95000, "gone"),
        (95002, "window_over"),
        (95013, "closed"),
        (95017, "no_right"),
        (99999, "other"),
    ],
)
async def test_each_errcode_says_what_a_colleague_can_do(reply_stage: KfReplyStage, code: int, why: str) -> None:
    reply_stage.kf.fails_next(code, path="send_msg")
    error = await refused(reply_stage)
    assert (error.why, str(code) in error.detail) == (why, True)


@pytest.mark.parametrize("code", [45009, 45011, 45033])
async def test_too_many_calls_are_tried_again(reply_stage: KfReplyStage, code: int) -> None:
    reply_stage.kf.fails_next(code, path="send_msg")
    async with an_answer(reply_stage) as (connector, outgoing):
        with pytest.raises(ThrottledError):
            await connector.reply(outgoing)


async def test_a_token_that_cannot_be_had_has_sent_nothing(reply_stage: KfReplyStage) -> None:
    async with an_answer(reply_stage) as (connector, outgoing):
        for fault in ("500", "timeout", "truncated"):
            reply_stage.kf.fails_next(fault, path="gettoken")
            with pytest.raises(NotSentError):
                await connector.reply(outgoing)
        await connector.reply(outgoing)
    assert reply_stage.said() == [TEXT]


async def test_a_token_that_somebody_revoked_is_renewed_and_the_answer_is_sent_once(reply_stage: KfReplyStage) -> None:
    async with an_answer(reply_stage) as (connector, outgoing):
        await connector.reply(outgoing)
        reply_stage.kf.tokens.revoke()
        await connector.reply(replace(outgoing, text="二"))
    assert reply_stage.said() == [TEXT, "二"]


async def test_a_platform_that_is_busy_may_have_sent_it(reply_stage: KfReplyStage) -> None:
    reply_stage.kf.fails_next(-1, path="send_msg")
    async with an_answer(reply_stage) as (connector, outgoing):
        with pytest.raises(TransientError) as told:
            await connector.reply(outgoing)
    assert not isinstance(told.value, NotSentError)


# What fails after it was taken


@pytest.mark.parametrize(
    ("kind", "why"),
    [(4, "window_over"), (5, "closed"), (6, "too_many"), (10, "blocked"), (13, "words"), (0, "other"), (99, "other")],
)
async def test_a_message_that_did_not_arrive_says_why(reply_stage: KfReplyStage, kind: int, why: str) -> None:
    async with an_answer(reply_stage) as (connector, outgoing):
        sent = await connector.reply(outgoing)
        reply_stage.kf.loses(KEY, "mei", kind)
        (lost,) = [item for item in items(connector, await reply_stage.fetched()) if isinstance(item, Undelivered)]
    assert (lost.native_id, lost.why, f"(fail_type {kind})" in lost.detail) == (sent.native_id, why, True)


async def test_an_answer_that_did_not_arrive_is_not_sent_after_all_and_its_question_is_open_again(
    reply_stage: KfReplyStage, tmp_path: Path
) -> None:
    told: list[Row] = []
    async with a_desk(reply_stage, tmp_path) as desk:
        before = open_inquiries(desk.work)
        desk.work.outbox.tell = told_to(told)
        await desk.answers()
        assert [each["state"] for each in open_inquiries(desk.work)] == ["answered"]
        reply_stage.kf.loses(reply_stage.kf.answers.msgids[0], "mei", 10)
        await desk.reads()
        await desk.reads()
        row, after = desk.row(), open_inquiries(desk.work)
    assert (row.state, row.why, row.settled_at) == ("refused", "blocked", None)
    assert [(each["state"], each["waiting_since"], each["due_at"]) for each in after] == [
        ("new", before[0]["waiting_since"], before[0]["due_at"])
    ]
    assert [each.outbox_id for each in told] == [row.outbox_id]


async def test_an_answer_whose_receipt_was_lost_and_that_did_not_arrive_is_not_sent(
    reply_stage: KfReplyStage, tmp_path: Path
) -> None:
    async with a_desk(reply_stage, tmp_path) as desk:
        reply_stage.loses_receipt()
        await desk.answers()
        assert desk.row().state == "unknown"
        reply_stage.kf.loses(reply_stage.kf.answers.msgids[0], "mei", 5)
        await desk.reads()
        assert (desk.row().state, desk.row().why) == ("refused", "closed")


async def test_what_another_program_could_not_send_is_nothing_to_us(reply_stage: KfReplyStage, tmp_path: Path) -> None:
    async with a_desk(reply_stage, tmp_path) as desk:
        await desk.answers()
        reply_stage.kf.loses("somebody-elses", "mei", 5)
        await desk.reads()
        assert desk.row().state == "sent"


def told_to(told: list[Row]) -> Callable[[Row], Awaitable[None]]:
    async def tell(row: Row) -> None:
        told.append(row)

    return tell
