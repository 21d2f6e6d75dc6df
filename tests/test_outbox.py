"""Answers are held, sent once, and never silently not at all; on a simulated forum."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import pytest

from aggregator.demo.forum_writing import Lost, Refusal
from aggregator.identity import Id
from aggregator.outbox import Row, SaidMeanwhileError, Sender, TooLateError
from aggregator.outbox.outbox import HOLD
from aggregator.outbox.row import of_inquiry
from aggregator.outbox.sender import LOOKS_AGAIN
from aggregator.workplace import Workplace
from connectors.errors import ReplyRefusedError
from connectors.replying import CANNOT_TELL, CannotTell, Outgoing, Sent
from tests.conftest import Community, open_inquiries, poll
from tests.test_erasing import erase

ANSWER = "Please send us the transaction ID, we look at it at once."


@dataclass
class Desk:
    """A workplace whose answers are sent when the test says so."""

    community: Community
    work: Workplace

    @property
    def inquiry(self) -> Id:
        ((inquiry,),) = self.work.db.query("SELECT inquiry_id FROM inquiry")
        return bytes(inquiry.bytes)

    async def answers(self, text: str = ANSWER, who: str = "amy", seen: str = "") -> Row:
        return await self.work.outbox.send(self.inquiry, who, text, seen)

    async def time_passes(self, seconds: float = HOLD) -> None:
        """And what is due is sent."""
        self.community.clock.pass_(seconds=seconds)
        await self.sends()

    async def sends(self) -> None:
        await Sender(self.work.outbox).send_due(until_done=True)

    async def starts_again(self) -> None:
        sender = Sender(self.work.outbox)
        await sender.look_after_a_start()
        await sender.send_due(until_done=True)

    def row(self) -> Row:
        return self.rows()[-1]

    def rows(self) -> list[Row]:
        with self.work.db.reading() as con:
            return of_inquiry(con, self.inquiry)

    async def ask(self) -> int:
        number = self.community.forum.says("lin", "转账三小时未到账，没人理我", title="转账没到")
        await poll(self.work, "forum")
        return number


@pytest.fixture
async def desk(community: Community) -> AsyncIterator[Desk]:
    community.forum.user("system").id = 77  # a real account: what the forum's own one writes is never listed
    async with community.desk("forum") as work:
        desk = Desk(community, work)
        await desk.ask()
        yield desk


async def test_an_answer_is_sent_when_the_time_to_undo_it_has_passed(desk: Desk) -> None:
    await desk.answers()
    await desk.time_passes(HOLD - 0.1)
    assert desk.row().state == "held"
    assert desk.community.forum.writing.taken == 0
    await desk.time_passes(0.1)
    assert desk.row().state == "sent"
    assert desk.community.forum.writing.taken == 1


async def test_an_answer_that_is_taken_between_a_look_and_its_rest_is_sent(desk: Desk) -> None:
    outbox, sent = desk.work.outbox, asyncio.Event()

    class JustBefore(Sender):
        async def send_due(self, *, until_done: bool = False) -> bool:
            waits = await super().send_due(until_done=until_done)
            if not desk.rows():
                await desk.answers()
                desk.community.clock.pass_(seconds=HOLD)
            return waits

    outbox.changed = lambda _: sent.set() if desk.row().state == "sent" else None
    sender = JustBefore(outbox)
    sender.start()
    async with asyncio.timeout(10):
        await sent.wait()
    await sender.stop()
    assert desk.community.forum.writing.taken == 1


async def test_the_inquiry_is_answered_at_once_and_its_clock_stands(desk: Desk) -> None:
    assert open_inquiries(desk.work)[0]["due_at"] is not None
    await desk.answers()
    await desk.time_passes()
    (inquiry,) = open_inquiries(desk.work)
    assert (inquiry["state"], inquiry["due_at"], inquiry["waiting_since"]) == ("answered", None, None)
    assert inquiry["answered_at"] == desk.community.clock()


async def test_a_promise_in_an_answer_starts_its_clock(desk: Desk) -> None:
    await desk.answers("我们会在两小时内给您答复")
    await desk.time_passes()
    assert open_inquiries(desk.work)[0]["due_clock"] == "promise"


async def test_an_answer_that_comes_back_by_polling_counts_once(desk: Desk) -> None:
    await desk.answers()
    await desk.time_passes()
    before = open_inquiries(desk.work)
    desk.community.clock.pass_(minutes=5)
    await poll(desk.work, "forum")
    await poll(desk.work, "forum")
    after = open_inquiries(desk.work)
    assert len(after) == 1
    assert (after[0]["state"], after[0]["first_answer_at"]) == ("answered", before[0]["first_answer_at"])
    assert desk.work.db.query("SELECT text, staff FROM post ORDER BY posted_at")[1:] == [(ANSWER, True)]
    assert desk.row().arrived_at is not None


async def test_an_answer_that_came_back_before_we_heard_that_it_was_sent_counts_once(desk: Desk) -> None:
    await desk.answers()
    desk.community.forum.writing.loses.append("reset")
    desk.community.clock.pass_(seconds=HOLD)
    sender = Sender(desk.work.outbox)
    await sender.send_due()
    await poll(desk.work, "forum")
    await sender.send_due(until_done=True)
    assert desk.row().state == "sent"
    assert [len(open_inquiries(desk.work)), desk.community.forum.writing.taken] == [1, 1]
    assert desk.work.db.query("SELECT count(*) FROM inquiry_event WHERE what = 'reply'") == [(1,)]


async def test_what_nobody_knew_is_sent_once_it_comes_back_by_polling(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.work.connectors["forum"], "find_sent", _cannot_tell)
    desk.community.forum.writing.loses.append("reset")
    await desk.answers()
    await desk.time_passes()
    assert (desk.row().state, desk.row().looked) == ("unknown", "cannot tell")
    desk.community.clock.pass_(minutes=1)
    await poll(desk.work, "forum")
    (inquiry,) = open_inquiries(desk.work)
    assert (desk.row().state, inquiry["state"]) == ("sent", "answered")
    changed = ('{"state":"new","owner":null}', '{"state":"answered","owner":"amy"}')
    told = desk.work.db.query("SELECT who, ver, before, after FROM inquiry_event WHERE what = 'reply'")
    assert told == [("amy", inquiry["ver"], *changed)]


async def _cannot_tell(_: Outgoing) -> CannotTell:
    return CANNOT_TELL


@pytest.mark.parametrize("killed", [False, True])
async def test_what_came_back_while_it_was_being_sent_is_sent_though_nobody_can_tell(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """The platform has told of it, and never says that it has it; or the service is killed in between."""

    async def came_back(outgoing: Outgoing) -> CannotTell:
        await poll(desk.work, "forum")
        return await _cannot_tell(outgoing)

    async def dies(_: Outgoing) -> CannotTell:
        raise asyncio.CancelledError

    told: list[Row] = []
    desk.work.outbox.tell = lambda row: _noted(told, row)
    forum = desk.work.connectors["forum"]
    desk.community.forum.writing.loses.append("reset")
    await desk.answers()
    if killed:
        monkeypatch.setattr(forum, "find_sent", dies)
        with suppress(asyncio.CancelledError):
            await desk.time_passes()
        assert desk.row().state == "sending"
    monkeypatch.setattr(forum, "find_sent", came_back)
    await (desk.starts_again() if killed else desk.time_passes())
    (inquiry,) = open_inquiries(desk.work)
    assert (desk.row().state, desk.row().looked, inquiry["state"]) == ("sent", None, "answered")
    assert desk.row().arrived_at is not None
    assert desk.work.db.query("SELECT who, what FROM inquiry_event") == [("amy", "reply")]
    assert told == []


async def _noted(told: list[Row], row: Row) -> None:
    told.append(row)


async def test_an_impostor_who_says_the_same_is_not_taken_for_our_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.work.connectors["forum"], "find_sent", _cannot_tell)
    await desk.answers()
    desk.community.forum.fail_next("reset")
    await desk.time_passes()
    desk.community.forum.says("support_helper", ANSWER, reply_to=1001)
    await poll(desk.work, "forum")
    assert desk.row().state == "unknown"
    assert desk.work.db.query("SELECT count(*) FROM post WHERE staff") == [(0,)]


@pytest.mark.parametrize("while_sending", [False, True])
async def test_the_same_words_to_somebody_else_are_not_our_answer_that_came_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, while_sending: bool
) -> None:
    forum = desk.community.forum

    async def answered_another(_: Outgoing) -> CannotTell:
        forum.says("system", ANSWER, reply_to=forum.says("fox", "my swap failed, too", reply_to=1001))
        if while_sending:
            await poll(desk.work, "forum")
        return CANNOT_TELL

    monkeypatch.setattr(desk.work.connectors["forum"], "find_sent", answered_another)
    await desk.answers()
    forum.fail_next("reset")
    await desk.time_passes()
    await poll(desk.work, "forum")
    assert desk.work.db.query("SELECT state FROM outbox") == [("unknown",)]
    assert desk.work.db.query("SELECT text FROM post WHERE staff") == [(ANSWER,)]


async def test_what_is_found_is_not_this_answer_where_it_is_known_as_another_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await desk.answers()
    await desk.time_passes()

    async def finds_the_first(_: Outgoing) -> Sent:
        return Sent(desk.rows()[0].native_id)

    monkeypatch.setattr(desk.work.connectors["forum"], "find_sent", finds_the_first)
    await desk.answers("And the version, please.", seen=str(first.outbox_id))
    desk.community.forum.fail_next("reset")
    await desk.time_passes()
    assert [(row.state, row.looked) for row in desk.rows()] == [("sent", None), ("unknown", "cannot tell")]


async def test_a_deleted_answer_leaves_the_customer_waiting_again(desk: Desk) -> None:
    await desk.answers()
    await desk.time_passes()
    desk.community.clock.pass_(minutes=5)
    await poll(desk.work, "forum")
    desk.community.forum.deletes(1002)
    await poll(desk.work, "forum")
    assert open_inquiries(desk.work)[0]["state"] == "new"


async def test_what_is_undone_in_time_is_never_sent(desk: Desk) -> None:
    held = await desk.answers()
    desk.community.clock.pass_(seconds=HOLD - 0.001)
    await desk.work.outbox.undo(held.outbox_id, "amy")
    await desk.time_passes(60)
    assert (desk.row().state, desk.community.forum.writing.taken) == ("undone", 0)


async def test_undo_in_the_very_second_has_one_winner(desk: Desk) -> None:
    held = await desk.answers()
    desk.community.clock.pass_(seconds=HOLD)
    sender = Sender(desk.work.outbox)
    await sender.send_due()  # begun, and not yet committed
    undone = True
    try:
        await desk.work.outbox.undo(held.outbox_id, "amy")
    except TooLateError:
        undone = False
    await sender.send_due(until_done=True)
    assert (desk.row().state, desk.community.forum.writing.taken) == (("undone", 0) if undone else ("sent", 1))


async def test_of_two_who_answer_at_once_one_is_stopped_with_the_others_text(desk: Desk) -> None:
    await desk.answers(who="amy")
    with pytest.raises(SaidMeanwhileError) as told:
        await desk.answers("Have you tried to restart it?", who="sam")
    assert [(answer.who, answer.text) for answer in told.value.answers] == [("amy", ANSWER)]


async def test_who_has_seen_the_others_answer_may_answer_too(desk: Desk) -> None:
    first = await desk.answers(who="amy")
    await desk.answers("And please tell us the version.", who="sam", seen=str(first.outbox_id))
    await desk.time_passes()
    await desk.sends()
    assert [row.state for row in desk.rows()] == ["sent", "sent"]


async def test_an_answer_given_on_the_platform_meanwhile_stops_one_from_here(desk: Desk) -> None:
    desk.community.forum.user("mei").moderator = True
    desk.community.forum.says("mei", "We are on it.", reply_to=1001)
    await poll(desk.work, "forum")
    with pytest.raises(SaidMeanwhileError) as told:
        await desk.answers()
    assert told.value.answers[0].text == "We are on it."


@pytest.mark.parametrize(
    ("refusal", "why"),
    [("short", "too_short"), ("similar", "repeated"), ("closed", "closed"), ("forbidden", "no_right")],
)
async def test_a_refusal_is_told_in_words_and_nothing_waits_for_it(desk: Desk, refusal: Refusal, why: str) -> None:
    desk.community.forum.writing.refuses.append(refusal)
    await desk.answers()
    await desk.time_passes()
    row = desk.row()
    assert (row.state, row.why) == ("refused", why)
    assert row.detail
    assert open_inquiries(desk.work)[0]["state"] == "new"


async def test_a_refused_login_is_told_with_the_name_of_the_credential(desk: Desk) -> None:
    desk.community.forum.api_key = "another"
    await desk.answers()
    await desk.time_passes()
    assert (desk.row().state, desk.row().why) == ("refused", "login")
    assert "FORUM_KEY" in (desk.row().detail or "")


async def test_what_a_moderator_must_let_through_is_sent_and_marked(desk: Desk) -> None:
    desk.community.forum.writing.refuses.append("enqueued")
    await desk.answers()
    await desk.time_passes()
    assert (desk.row().state, desk.row().pending) == ("sent", True)
    desk.community.forum.approves(1002)
    desk.community.clock.pass_(minutes=5)
    await poll(desk.work, "forum")
    assert desk.row().arrived_at is not None
    assert len(open_inquiries(desk.work)) == 1


@pytest.mark.parametrize("lost", ["timeout", "reset"])
async def test_an_answer_whose_receipt_was_lost_is_found_and_sent_once(desk: Desk, lost: Lost) -> None:
    desk.community.forum.writing.loses.append(lost)
    await desk.answers()
    await desk.time_passes()
    assert (desk.row().state, desk.community.forum.writing.taken) == ("sent", 1)


@pytest.mark.parametrize("fault", ["timeout", "reset", "500"])
async def test_what_may_have_been_sent_and_is_not_found_waits_for_a_person(desk: Desk, fault: str) -> None:
    await desk.answers()
    desk.community.forum.fail_next(fault)
    await desk.time_passes()
    assert (desk.row().state, desk.row().looked) == ("unknown", "absent")
    await desk.time_passes(600)
    await desk.starts_again()
    assert (desk.row().state, desk.community.forum.writing.taken) == ("unknown", 0)


async def test_a_source_that_is_busy_is_looked_at_once_it_no_longer_is(desk: Desk) -> None:
    outbox, sender, free = desk.work.outbox, Sender(desk.work.outbox), asyncio.Event()

    async def not_yet(_: str) -> None:
        await free.wait()

    desk.community.forum.fail_next("reset")
    unknown = await desk.answers()
    desk.community.clock.pass_(seconds=HOLD)
    await sender.send_due(until_done=True)
    assert (desk.row().state, desk.row().looked) == ("unknown", "absent")
    desk.community.forum.says("system", ANSWER, reply_to=1001)  # it was only slow
    outbox.ready = not_yet
    await desk.answers("And the version, please, as it stands in the settings.", seen=str(unknown.outbox_id))
    for seconds in (HOLD, *LOOKS_AGAIN):
        desk.community.clock.pass_(seconds=seconds)
        await sender.send_due()
    free.set()
    await sender.send_due(until_done=True)
    await sender.send_due(until_done=True)
    assert [row.state for row in desk.rows()] == ["sent", "sent"]


async def test_an_answer_of_which_nobody_knows_goes_with_its_person_and_others_are_sent(desk: Desk) -> None:
    sender = Sender(desk.work.outbox)
    desk.community.forum.fail_next("reset")
    await desk.answers()
    desk.community.clock.pass_(seconds=HOLD)
    await sender.send_due(until_done=True)
    assert (desk.row().state, desk.row().looked) == ("unknown", "absent")
    await erase(desk.work, "lin")
    desk.community.forum.says("fox", "my swap failed, and nobody answers", title="Swap failed")
    await poll(desk.work, "forum")
    await desk.answers()
    desk.community.clock.pass_(seconds=LOOKS_AGAIN[0])
    await sender.send_due(until_done=True)
    assert [row.state for row in desk.rows()] == ["sent"]


async def test_a_person_may_be_erased_while_an_answer_is_on_its_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def erased_meanwhile(_: Outgoing) -> None:
        await erase(desk.work, "lin")

    monkeypatch.setattr(desk.work.connectors["forum"], "find_sent", erased_meanwhile)
    desk.community.forum.fail_next("reset")
    await desk.answers()
    await desk.time_passes()
    assert desk.work.db.query("SELECT count(*) FROM outbox") == [(0,)]


async def test_of_a_lost_answer_nobody_is_told_once_its_person_is_erased(desk: Desk) -> None:
    told: list[Row] = []

    async def tell(lost: Row) -> None:
        told.append(lost)

    desk.work.outbox.tell = tell
    sent = await desk.answers()
    await desk.work.outbox.lost(sent.outbox_id)
    assert told == [sent]
    await erase(desk.work, "lin")
    await desk.work.outbox.lost(sent.outbox_id)
    assert told == [sent]


async def test_a_person_who_has_looked_says_that_it_was_sent(desk: Desk) -> None:
    unknown = await _unknown(desk)
    await desk.work.outbox.was_sent(unknown.outbox_id, "sam")
    assert desk.row().state == "sent"
    assert open_inquiries(desk.work)[0]["state"] == "answered"
    with pytest.raises(TooLateError):
        await desk.work.outbox.again(unknown.outbox_id, "amy")


async def test_a_person_who_has_looked_in_vain_sends_it_again_and_only_one_can(desk: Desk) -> None:
    unknown = await _unknown(desk)
    again = await desk.work.outbox.again(unknown.outbox_id, "amy")
    with pytest.raises(TooLateError):
        await desk.work.outbox.again(unknown.outbox_id, "sam")
    await desk.time_passes()
    assert again.key != unknown.key
    assert [row.state for row in desk.rows()] == ["unknown", "sent"]
    assert desk.community.forum.writing.taken == 1


async def _unknown(desk: Desk) -> Row:
    await desk.answers()
    desk.community.forum.fail_next("reset")
    await desk.time_passes()
    return desk.row()


async def test_a_429_waits_as_long_as_the_platform_says_and_keeps_the_order(desk: Desk) -> None:
    first = await desk.answers()
    await desk.answers("And the version, please, as it stands in the settings.", seen=str(first.outbox_id))
    desk.community.forum.fail_next("429_json", wait=30)
    await desk.time_passes()
    assert [row.state for row in desk.rows()] == ["held", "held"]
    assert (desk.rows()[0].due_at - desk.community.clock()).total_seconds() >= 30
    await desk.time_passes(5)
    assert desk.community.forum.writing.taken == 0


async def test_a_platform_that_cannot_be_reached_is_tried_again_and_given_up_in_words(desk: Desk) -> None:
    await desk.answers()
    desk.community.forum.fail_next(*["429_text"] * 3, wait=900)
    await desk.time_passes()
    assert (desk.row().state, desk.row().why) == ("refused", "unreachable")


async def test_an_answer_does_not_wait_for_a_clock_that_was_set_back(desk: Desk) -> None:
    await desk.answers()
    await desk.time_passes(-3600)
    assert (desk.row().state, desk.community.forum.writing.taken) == ("sent", 1)


async def test_a_source_that_is_not_at_work_refuses_in_words(community: Community) -> None:
    async with community.desk("forum") as work:
        desk = Desk(community, work)
        await desk.ask()
        await desk.answers()
    async with community.desk("telegram") as work:
        desk = Desk(community, work)
        await desk.time_passes()
        assert (desk.row().state, desk.row().why) == ("refused", "source_off")
        with pytest.raises(ReplyRefusedError) as told:
            await desk.answers()
        assert told.value.why == "source_off"


async def test_unknown_ids_are_refused(desk: Desk) -> None:
    with pytest.raises(KeyError):
        await desk.work.outbox.undo(UUID(int=1), "amy")


async def test_what_is_read_while_an_answer_is_held_is_not_answered_by_it(desk: Desk) -> None:
    await desk.answers()
    desk.community.clock.pass_(seconds=4)
    await _asks_on(desk)
    await desk.time_passes(5)
    (row,) = open_inquiries(desk.work)
    assert (desk.row().state, row["state"], row["owner"]) == ("sent", "claimed", "amy")
    assert row["waiting_since"] is not None


async def test_what_is_read_before_somebody_says_that_it_was_sent_is_not_answered_by_it(desk: Desk) -> None:
    lost = await _unknown(desk)
    desk.community.clock.pass_(minutes=5)
    await _asks_on(desk)
    desk.community.clock.pass_(minutes=25)
    await desk.work.outbox.was_sent(lost.outbox_id, "sam")
    (row,) = open_inquiries(desk.work)
    assert (row["state"], row["answered_at"] is not None, row["due_at"] is not None) == ("claimed", True, True)


async def _asks_on(desk: Desk) -> None:
    ((link,),) = desk.work.db.query("SELECT DISTINCT permalink FROM post WHERE NOT staff")
    topic = int(link.rsplit("/", 2)[1])
    desk.community.forum.says("lin", "somebody took my recovery phrase just now, please freeze it", topic=topic)
    await poll(desk.work, "forum")
