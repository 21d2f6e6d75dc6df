"""Webhooks: what is told, how it is signed, and what happens when nobody takes it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.acting.compare_and_set import act
from aggregator.alerting.carrying import Outcome
from aggregator.alerting.sender import Sender
from aggregator.alerting.serving import carriers_of
from aggregator.alerting.signing import headers, key_of
from aggregator.config import Web
from aggregator.config.alert_settings import Webhook
from aggregator.outbox import Sender as OutboxSender
from aggregator.outbox.outbox import HOLD
from aggregator.store.deliveries import reports
from aggregator.workplace import Workplace
from connectors.secret import Secret
from tests.alert_receiver import OLD_SECRET, SECRET, Place, a_place
from tests.conftest import Community, poll

ALL = ("inquiry.new", "inquiry.changed", "inquiry.band", "inquiry.key_exposed", "incident.started", "incident.grew",
       "incident.ended", "reply.sent")  # fmt: skip


class Told:
    """A desk whose webhooks lead to places."""

    def __init__(self, community: Community, work: Workplace) -> None:
        self.community, self.work = community, work
        self.sender = Sender(work.db, community.clock, carriers_of(work.settings))

    async def says(self, author: str, text: str) -> None:
        self.community.telegram.says(author, text)
        await poll(self.work, "telegram")

    async def starts_again(self) -> None:
        await self.sender.stop()
        self.sender = Sender(self.work.db, self.community.clock, carriers_of(self.work.settings))

    async def deliver(self, **later: float) -> None:
        self.community.clock.pass_(**later)
        await self.sender.deliver_due(until_done=True)

    def rows(self) -> list[tuple[Any, ...]]:
        return self.work.db.query("SELECT target, event, state, tries, why FROM delivery ORDER BY delivery_id")


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLD_SECRET", SECRET)
    monkeypatch.setenv("TOLD_OLD_SECRET", OLD_SECRET)


def webhook(place: Place, **more: Any) -> Webhook:
    return Webhook(
        url=f"{place.url}/in", secret=Secret(env="TOLD_SECRET"), **{"events": ("inquiry.new",), "timeout": 20, **more}
    )


@asynccontextmanager
async def telling(community: Community, **webhooks: Webhook) -> AsyncIterator[Told]:
    community.more |= {"webhooks": webhooks}
    async with community.desk("telegram") as work:
        told = Told(community, work)
        yield told
        await told.sender.stop()


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the specification's reference implementations."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert key is not None
    said = headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        datetime.fromtimestamp(1614265330, UTC),
        [key],
    )
    assert said["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (key_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), key_of("whsec_c2hvcnQ="), key_of("whsec_?")) == (None,) * 3


async def test_what_happens_to_an_inquiry_is_told_signed_masked_and_explained(community: Community) -> None:
    community.more["web"] = Web(public_url="https://desk.example.com")
    phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    async with a_place() as place:
        old = Secret(env="TOLD_OLD_SECRET")
        async with telling(community, tickets=webhook(place, events=ALL, previous_secret=old, language="zh")) as told:
            await told.says("lin", f"my recovery phrase is {phrase.replace('sausage', 'saddle')}, help me")
            await told.deliver()
            ((inquiry,),) = told.work.db.query("SELECT inquiry_id FROM inquiry")
            await act(told.work.db, told.work.settings, inquiry.bytes, 1, "amy", "claim", community.clock(), {})
            await told.deliver()
            assert told.rows()[0][2:] == ("done", 1, None)
        assert place.types[0] == "inquiry.new"
        assert sorted(place.types) == ["inquiry.band", "inquiry.changed", "inquiry.key_exposed", "inquiry.new"]
        first, last = place.came[0], place.came[-1]
        assert all(each.is_signed_by(SECRET) and each.is_signed_by(OLD_SECRET) for each in place.came)
        assert not first.is_signed_by("whsec_" + "AAAA" * 8)
        assert abs(int(first.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
        assert (first.path, first.headers["content-type"]) == ("/in", "application/json")
        said = first.told["data"]["inquiry"]
        assert said["url"] == f"https://desk.example.com/inquiry/{inquiry}"
        assert (said["band"], said["key_exposed"], said["author"]) == ("P0", True, "Lin")
        assert "saddle" not in first.body.decode()
        assert "█" in said["excerpt"]
        assert sum(each["points"] for each in said["why"]) == pytest.approx(said["priority"])
        assert all(re.search("[\u4e00-\u9fff]", each["says"]) for each in said["why"])
        assert last.told["data"]["inquiry"]["owner"] == "amy"
        assert len({each.headers["webhook-id"] for each in place.came}) == 4


async def test_only_what_a_webhook_asks_for_is_told_and_nothing_of_history(community: Community) -> None:
    async with a_place() as urgent, a_place() as forum:
        community.telegram.says("old", "my funds are gone and nobody answers")
        community.clock.pass_(hours=1)
        hooks = {
            "urgent": webhook(urgent, bands=("P0",), events=("inquiry.new", "inquiry.band")),
            "forum": webhook(forum, events=ALL, channels=frozenset({"forum"})),
            "off": webhook(forum, enabled=False),
        }
        async with telling(community, **hooks) as told:
            await told.says("mia", "how do I change the network fee?")
            await told.says("lin", "somebody stole all my funds, I gave the recovery phrase to a fake support")
            await told.deliver()
        assert {each.told["data"]["inquiry"]["author"] for each in urgent.came} <= {"Lin"}
        assert forum.came == []


async def test_failures_are_tried_again_in_order_with_the_same_id_and_each_endpoint_alone(
    community: Community,
) -> None:
    async with a_place() as bad, a_place() as good:
        bad.answers.extend([500, "reset", 429, (503, {"retry-after": "3600"}), (302, {"location": good.url})])
        async with telling(community, bad=webhook(bad), good=webhook(good)) as told:
            await told.says("lin", "转账三小时没到账")
            await told.says("mia", "how do I change the network fee?")
            await told.deliver()
            assert (len(bad.came), len(good.came)) == (1, 2)
            await told.deliver(seconds=1)
            assert len(bad.came) == 1  # it has time to recover
            for _ in range(3):
                await told.deliver(minutes=2)
            assert len(bad.came) == 4
            await told.deliver(minutes=30)  # it asked for an hour
            assert len(bad.came) == 4
            await told.deliver(minutes=31)
            (fares,) = told.work.db.query("SELECT why FROM delivery WHERE why IS NOT NULL")
            assert "redirects are not followed" in fares[0]
            with told.work.db.reading() as con:
                report = reports(con, ["webhook:bad"])[0]
            assert (report.waiting, report.given_up, "redirects" in (report.why or "")) == (2, 0, True)
            await told.deliver(hours=3)
            assert {row[2] for row in told.rows()} == {"done"}
        assert [each.headers["webhook-id"] for each in bad.came[:6]] == [bad.came[0].headers["webhook-id"]] * 6
        assert len({each.body for each in bad.came[:6]}) == 1
        assert [each.told["data"]["inquiry"]["author"] for each in bad.came[5:]] == ["Lin", "Mia"]


async def test_what_waits_for_an_endpoint_is_told_in_order_after_a_new_start_too(community: Community) -> None:
    async with a_place() as place:
        place.answers.extend([502, (503, {"retry-after": "3600"})])
        async with telling(community, tickets=webhook(place)) as told:
            await told.says("lin", "转账三小时没到账")
            for author, later in (("mia", 1), ("fox", 3590)):
                await told.deliver(seconds=3)
                await told.says(author, "how do I change the network fee?")
                await told.starts_again()
                await told.deliver(seconds=later)  # it has asked for more time
            assert len(place.came) == 2
            await told.deliver(seconds=10)
    assert [each.told["data"]["inquiry"]["author"] for each in place.came] == ["Lin", "Lin", "Lin", "Mia", "Fox"]


async def test_what_waits_is_told_first_though_the_clock_was_set_back_meanwhile(community: Community) -> None:
    async with a_place() as place:
        place.answers.append(503)
        async with telling(community, one=webhook(place)) as told:
            community.clock.pass_(hours=2)
            await told.says("lin", "转账三小时没到账")
            await told.deliver()
        community.clock.pass_(hours=-1)
        async with telling(community, one=webhook(place)) as told:
            await told.says("mia", "how do I change the network fee?")
            await told.deliver()
    said = [each.told["data"]["inquiry"]["author"] for each in place.came]
    assert said == ["Lin", "Lin", "Mia"]


async def test_what_waits_does_not_wait_for_a_clock_that_is_set_back_while_we_run(community: Community) -> None:
    async with a_place() as place:
        place.answers.append((503, {"retry-after": "600"}))
        async with telling(community, one=webhook(place)) as told:
            community.clock.pass_(hours=2)
            await told.work.alerting.look()
            await told.says("lin", "转账三小时没到账")
            await told.deliver()
            community.clock.pass_(hours=-1)
            await told.work.alerting.look()
            await told.deliver()
    assert [each.told["data"]["inquiry"]["author"] for each in place.came] == ["Lin", "Lin"]


async def test_one_that_takes_too_long_is_tried_again(community: Community) -> None:
    async with a_place() as place:
        place.answers.append("hang")
        async with telling(community, slow=webhook(place, timeout=0.5)) as told:
            await told.says("lin", "转账三小时没到账")
            await told.deliver()
            assert [(row[2], row[4]) for row in told.rows()] == [("due", "no answer within 0.5 s")]


async def test_one_that_is_refused_alone_lets_others_pass_and_is_given_up_after_a_day(community: Community) -> None:
    async with a_place() as place:
        place.answers.extend([400, 204, 400, 400])
        async with telling(community, picky=webhook(place)) as told:
            await told.says("lin", "转账三小时没到账")
            await told.says("mia", "how do I change the network fee?")
            await told.deliver()
            assert [row[2] for row in told.rows()] == ["due", "done"]
            await told.deliver(hours=12)
            await told.deliver(hours=13)
            assert [(row[2], row[4]) for row in told.rows()] == [("given_up", "it answered 400"), ("done", None)]
            assert told.work.db.query("SELECT body FROM delivery") == [("",), ("",)]


async def test_what_nobody_has_taken_for_a_day_is_given_up_and_who_is_gone_is_left_alone(community: Community) -> None:
    async with a_place() as dead, a_place() as gone:
        dead.answers.extend([502] * 9)
        gone.answers.append(410)
        async with telling(community, dead=webhook(dead), gone=webhook(gone)) as told:
            await told.says("lin", "转账三小时没到账")
            await told.says("mia", "how do I change the network fee?")
            await told.deliver()
            await told.deliver(hours=20)
            await told.says("fox", "the app shows a blank page")
            await told.deliver(hours=5)
            states = {(row[0], row[2], row[4]) for row in told.rows()}
            assert ("webhook:dead", "given_up", "it answered 502") in states
            assert ("webhook:dead", "due", None) in states  # fox has not waited for so long
            assert len(gone.came) == 1
            assert {why for target, _, why in states if target == "webhook:gone"} == {
                "it wants no more (410 Gone): nothing is sent there until the service starts again"
            }


async def test_what_becomes_of_our_answers_is_told_without_their_words(community: Community) -> None:
    async with a_place() as place:
        community.more["webhooks"] = {"replies": webhook(place, events=("reply.sent", "reply.refused"))}
        async with community.desk("forum") as work:
            told = Told(community, work)
            for author in ("lin", "mia"):
                community.forum.says(author, "转账三小时没到账", title=f"{author} asks")
            await poll(work, "forum")
            asked = work.db.query("SELECT inquiry_id FROM inquiry ORDER BY opened_at, inquiry_id")
            for (inquiry,) in asked:
                await work.outbox.send(inquiry.bytes, "amy", "We look at it at once.", "")
            community.clock.pass_(seconds=HOLD)
            out = OutboxSender(work.outbox)
            await out.send_due(until_done=True)
            community.forum.writing.refuses.append("similar")
            community.clock.pass_(seconds=1)
            await out.send_due(until_done=True)
            await told.deliver()
            await told.sender.stop()
    said = [each.told["data"]["reply"] for each in place.came]
    assert place.types == ["reply.sent", "reply.refused"]
    assert [each["state"] for each in said] == ["sent", "refused"]
    assert {each["who"] for each in said} == {"amy"}
    assert {each["inquiry"]["source"] for each in said} == {"forum"}
    assert "at once" not in b"".join(each.body for each in place.came).decode()


async def test_an_answer_of_which_nobody_knew_is_told_as_sent_once_it_comes_back(community: Community) -> None:
    community.forum.user("system").id = 77  # a real account: what the forum's own one writes is never listed
    async with a_place() as place:
        community.more["webhooks"] = {"replies": webhook(place, events=("reply.sent", "reply.unknown"))}
        async with community.desk("forum") as work:
            told = Told(community, work)
            community.forum.says("lin", "转账三小时没到账", title="lin asks")
            await poll(work, "forum")
            ((inquiry,),) = work.db.query("SELECT inquiry_id FROM inquiry")
            await work.outbox.send(inquiry.bytes, "amy", "We look at it at once.", "")
            community.forum.fail_next("reset")
            community.clock.pass_(seconds=HOLD)
            await OutboxSender(work.outbox).send_due(until_done=True)
            community.forum.says("system", "We look at it at once.", reply_to=1001)  # the forum was only slow
            await poll(work, "forum")
            await told.deliver()
            await told.sender.stop()
    assert place.types == ["reply.unknown", "reply.sent"]


async def test_a_bug_on_the_way_to_one_keeps_nobody_else_from_being_told(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_place() as place:
        async with telling(community, bad=webhook(place), good=webhook(place)) as told:
            bad = told.sender._carriers["webhook:bad"]

            async def breaks(_: object) -> Outcome:
                raise ZeroDivisionError

            monkeypatch.setattr(bad, "carry", breaks)
            await told.says("lin", "转账三小时没到账")
            await told.deliver()
            states = {row[0]: (row[2], row[4]) for row in told.rows()}
        assert states == {
            "webhook:bad": ("due", "the way there is broken (ZeroDivisionError); see the log"),
            "webhook:good": ("done", None),
        }
