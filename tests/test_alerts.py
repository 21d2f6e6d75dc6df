"""Alerts, through Apprise, over real sockets: what is told to whom, when, in which words, and how often."""

from __future__ import annotations

import email
import email.policy
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import apprise
import orjson
import pytest

from aggregator.acting.compare_and_set import act
from aggregator.alerting.apprising import Receiver, is_address
from aggregator.alerting.carrying import Outcome
from aggregator.alerting.quiet import after_quiet
from aggregator.alerting.sender import Sender
from aggregator.alerting.serving import carriers_of
from aggregator.alerting.wording import Subject, alert, harmless
from aggregator.backup import back_up, restore
from aggregator.config import Bands, ConfigError, load
from aggregator.config.alert_settings import Alerts, Destination, Rule
from aggregator.demo.mail import MailSimulator
from aggregator.incidents.acting import end_quiet
from aggregator.store import sources
from aggregator.store.deliveries import Delivery
from aggregator.workplace import Workplace
from connectors.secret import Secret
from tests.alert_receiver import SECRET, Place, a_place
from tests.conftest import Community, poll
from tests.test_webhooks import webhook

PHRASE = "legal winner thank year wave saddle worth useful legal winner thank yellow"
STOLEN = "somebody stole all my funds, I gave the recovery phrase to a fake support"


class Watch:
    """A desk that alerts people."""

    def __init__(self, community: Community, work: Workplace) -> None:
        self.community, self.work = community, work
        self.sender = Sender(work.db, community.clock, carriers_of(work.settings))

    async def says(self, *lines: tuple[str, str]) -> None:
        for author, text in lines:
            self.community.telegram.says(author, text)
        await poll(self.work, "telegram")
        await self.work.ingest.group()
        await self.deliver()

    async def deliver(self, **later: float) -> None:
        """Time passes; somebody looks; what is due is sent."""
        self.community.clock.pass_(**later)
        await self.work.alerting.look()
        await self.sender.deliver_due(until_done=True)

    async def claims(self, who: str) -> None:
        ((inquiry, ver),) = self.work.db.query("SELECT inquiry_id, ver FROM inquiry_open")
        await act(self.work.db, self.work.settings, inquiry.bytes, ver, who, "claim", self.community.clock(), {})
        await self.deliver()


def to(place: Place, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Destination:
    """A destination that posts JSON to a place."""
    name = f"ALERT_{place.url.rpartition(':')[2]}"
    monkeypatch.setenv(name, place.url.replace("http", "json", 1) + "/alert")
    return Destination(url=Secret(env=name), **{"language": "en", **more})


def bot(monkeypatch: pytest.MonkeyPatch, address: str, place: Place) -> None:
    """The service of this Apprise URL, which stands in ALERT_BOT, is at a place."""
    monkeypatch.setenv("ALERT_BOT", address)
    assert is_address(address)  # Apprise is loaded
    plugin = type(apprise.Apprise.instantiate(address))
    monkeypatch.setattr(plugin, "notify_url", f"{place.url}/")
    monkeypatch.setattr(plugin, "request_rate_per_sec", 0)


def bot_words(told: dict[str, Any]) -> str:
    """What a bot of Telegram, Discord or WeCom is given to say, as people see it."""
    said = told.get("content") or told["text"]
    return unescape(re.sub(r"</?b>", "", said)) if isinstance(said, str) else str(said["content"])


def room_taken(told: dict[str, Any]) -> int:
    """As the service counts: WeCom bytes, the others characters."""
    said = bot_words(told)
    return len(said.encode()) if "msgtype" in told else len(said)


def titles(place: Place) -> list[str]:
    return [each.told["title"] for each in place.came]


def rule(*events: str, **more: Any) -> Rule:
    return Rule.model_validate({"events": events, "to": ("one",), **more})


@asynccontextmanager
async def watching(community: Community, destinations: dict[str, Destination], *rules: Rule) -> AsyncIterator[Watch]:
    named = {f"rule-{number}": each for number, each in enumerate(rules)}
    community.more["alerts"] = Alerts(destinations=destinations, rules=named)
    async with community.desk("telegram") as work:
        watch = Watch(community, work)
        yield watch
        await watch.sender.stop()


def code(watch: Watch) -> str:
    return str(watch.work.db.query("SELECT code FROM inquiry_open")[0][0])


async def test_an_exposed_key_is_told_once_masked_in_each_readers_language(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = rule("inquiry.key_exposed", "inquiry.urgent", to=("zh", "en"))
    async with a_place() as zh, a_place() as en:
        places = {"zh": to(zh, monkeypatch, language="zh", excerpt=False), "en": to(en, monkeypatch)}
        async with watching(community, places, events) as watch:
            await watch.says(("lin", f"please help, see https://evil.example/x @all my phrase: {PHRASE}"))
            await watch.says(("lin", "hello? is anybody there?"))
            await watch.deliver(minutes=30)
            name = code(watch)
            await watch.claims("amy")
            await watch.deliver(minutes=30)
        assert titles(zh) == [f"私钥或助记词泄露：{name}", f"amy 已领取 {name}"]
        assert titles(en) == [f"Key or phrase exposed: {name}", f"amy has taken {name}"]
        said = en.came[0].told["message"]
        assert "Tell the customer to move the funds" in said
        assert "please help, see [link] ＠███" in said
        everything = b"".join(each.body for each in (*zh.came, *en.came)).decode()
        assert not {"winner", "saddle", "evil.example"} & set(everything.replace("/", " ").split())
        assert "please help" not in "".join(each.told["message"] for each in zh.came)


async def test_an_exposed_key_is_urgent_to_whoever_listens_for_that_alone(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLD_SECRET", SECRET)
    both = rule("inquiry.key_exposed", "inquiry.urgent", to=("both",), then=("lead",))
    rules = (both, rule("inquiry.urgent", to=("urgent", "both")), rule("inquiry.key_exposed", to=("key",)))
    async with a_place() as urgent, a_place() as key, a_place() as lead, a_place() as two, a_place() as program:
        places = {name: to(place, monkeypatch) for name, place in
                  (("urgent", urgent), ("key", key), ("lead", lead), ("both", two))}  # fmt: skip
        community.more["webhooks"] = {"program": webhook(program, events=("inquiry.urgent",))}
        async with watching(community, places, *rules) as watch:
            await watch.says(("lin", f"somebody stole all my funds, my phrase: {PHRASE}"))
            await watch.deliver(minutes=11)
        exposed = "Key or phrase exposed"
        assert [title.partition(":")[0] for title in titles(urgent)] == ["Urgent"]
        assert [title.partition(":")[0] for place in (key, two) for title in titles(place)] == [exposed] * 2
        assert [title.partition(".")[2].partition(":")[0] for title in titles(lead)] == [f" {exposed}"]
        assert program.types == ["inquiry.urgent"]
        assert "winner" not in b"".join(each.body for each in (*urgent.came, *program.came)).decode()


async def test_an_exposed_key_is_urgent_at_once_to_whoever_hears_of_keys_only_in_the_morning(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = ((15 * 60, 21 * 60),)  # it is 16:00 in Shanghai
    rules = (rule("inquiry.key_exposed"), rule("inquiry.urgent", always=True))
    async with a_place() as place:
        places = {"one": to(place, monkeypatch, quiet_hours=quiet)}
        async with watching(community, places, *rules) as watch:
            await watch.says(("lin", f"somebody stole all my funds, my phrase: {PHRASE}"))
        assert [title.partition(":")[0] for title in titles(place)] == ["Urgent"]


async def test_pieces_of_a_phrase_that_wait_to_be_told_are_hidden_with_the_posts(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLD_SECRET", SECRET)
    async with a_place() as program, a_place() as place:
        program.answers.extend([503] * 9)
        place.answers.extend([503] * 9)
        community.more["webhooks"] = {"program": webhook(program)}
        events = rule("inquiry.key_exposed", "inquiry.due")
        async with watching(community, {"one": to(place, monkeypatch)}, events) as watch:
            words = PHRASE.split()
            for start in range(0, 12, 3):
                await watch.says(("lin", " ".join(words[start : start + 3])))
                community.clock.pass_(minutes=1)
            waiting = "".join(body for (body,) in watch.work.db.query("SELECT body FROM delivery"))
            assert watch.work.db.query("SELECT count(*) FROM delivery WHERE event = 'inquiry.new'") == [(1,)]
            assert watch.work.db.query("SELECT secret FROM inquiry") == [(True,)]
    assert "█" in waiting
    assert not {word for word in words if f'"{word}' in waiting or f" {word} " in waiting}


async def test_nothing_is_told_of_history_but_an_exposed_key_and_a_fresh_emergency(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_place() as place:
        community.telegram.says("old", STOLEN)
        community.clock.pass_(hours=30)
        community.telegram.says("key", f"my phrase: {PHRASE}")
        community.telegram.says("new", STOLEN)
        community.clock.pass_(hours=1)
        events = rule("inquiry.key_exposed", "inquiry.urgent", "inquiry.due")
        async with watching(community, {"one": to(place, monkeypatch)}, events) as watch:
            await poll(watch.work, "telegram")
            await watch.deliver()
            await watch.deliver(hours=12)
        assert sorted(title.split(":")[0] for title in titles(place)) == ["Key or phrase exposed", "Urgent"]


async def test_in_quiet_hours_only_what_may_wake_people_is_told_and_what_was_taken_meanwhile_never(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = ((15 * 60, 24 * 60), (0, 8 * 60))  # it is 16:00 in Shanghai
    async with a_place() as asleep, a_place() as awake:
        places = {name: to(place, monkeypatch, quiet_hours=quiet) for name, place in
                  (("one", asleep), ("duty", awake))}  # fmt: skip
        rules = (rule("inquiry.urgent"), rule("inquiry.urgent", to=("duty",), always=True))
        async with watching(community, places, *rules) as watch:
            await watch.says(("lin", STOLEN))
            assert (len(asleep.came), len(awake.came)) == (0, 1)
            await watch.claims("amy")
            await watch.says(("mia", STOLEN))
            await watch.deliver(hours=15, minutes=59)
            assert len(asleep.came) == 0
            await watch.deliver(minutes=2)
        assert [title.split(":")[0] for title in titles(asleep)] == ["Urgent"]


async def test_what_waited_for_the_end_of_quiet_hours_is_given_up_only_four_hours_after_it(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = ((15 * 60, 24 * 60), (0, 8 * 60))  # it is 16:00 in Shanghai
    async with a_place() as asleep:
        places = {"one": to(asleep, monkeypatch, quiet_hours=quiet)}
        async with watching(community, places, rule("inquiry.urgent")) as watch:
            await watch.says(("lin", STOLEN))
            asleep.answers.append(503)
            await watch.deliver(hours=16, minutes=1)
            assert watch.work.db.query("SELECT state, why FROM delivery") == [("due", "the service answered 503")]
            await watch.deliver(minutes=5)
            assert watch.work.db.query("SELECT state FROM delivery") == [("done",)]
            community.clock.pass_(hours=8)
            await watch.says(("mia", STOLEN))
            asleep.answers.extend([503] * 99)
            await watch.deliver(hours=16)
            await watch.deliver(hours=3)
            assert watch.work.db.query("SELECT state FROM delivery ORDER BY written_at") == [("done",), ("due",)]
            await watch.deliver(hours=1)
            assert watch.work.db.query("SELECT state FROM delivery ORDER BY written_at") == [("done",), ("given_up",)]


async def test_what_nobody_takes_goes_to_the_next_and_the_next_until_somebody_does(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_place() as one, a_place() as lead, a_place() as boss:
        places = {"one": to(one, monkeypatch), "lead": to(lead, monkeypatch), "boss": to(boss, monkeypatch)}
        async with watching(community, places, rule("inquiry.urgent", then=("lead", "boss"))) as watch:
            await watch.says(("lin", STOLEN))
            await watch.deliver(minutes=9)
            assert (len(one.came), len(lead.came)) == (1, 0)
            await watch.deliver(minutes=1)
            name = code(watch)
            assert titles(lead)[0].startswith(f"Nobody has taken it for 10 min. Urgent: {name}")
            await watch.claims("amy")
            await watch.deliver(hours=1)
        assert (titles(one)[1:], titles(lead)[1:], titles(boss)) == ([f"amy has taken {name}"],) * 2 + ([],)


async def test_an_incident_is_told_when_it_begins_grows_and_ends(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"user{number}" for number in range(5)]
    monkeypatch.setenv("TOLD_SECRET", SECRET)
    async with a_place() as place, a_place() as program:
        events = rule("incident.started", "incident.grew", "incident.ended")
        community.more["webhooks"] = {"program": webhook(program, events=events.events, language="zh")}
        async with watching(community, {"one": to(place, monkeypatch)}, events) as watch:
            for number, each in enumerate(people):
                await watch.says((each, f"swap fails on Arbitrum since v2.1.{3}, error 5003 {'!' * number}"))
                await watch.deliver(minutes=1)
            community.clock.pass_(hours=13)
            await end_quiet(watch.work.db, watch.work.ingest.incidents, community.clock)
            await watch.deliver()
        assert [title.partition(":")[0] for title in titles(place)] == [
            "New incident INC-1", "INC-1 grows", "INC-1 has ended",
        ]  # fmt: skip
        assert [each.told["message"] for each in place.came[:2]] == [
            "3 persons report it.", "5 persons report it.",
        ]  # fmt: skip
        assert "Arbitrum" in titles(place)[0]
        told = [each.told["data"]["incident"] for each in program.came]
        assert [(each["name"], each["persons"], each["state"]) for each in told] == [
            ("INC-1", 3, "open"), ("INC-1", 5, "open"), ("INC-1", 5, "ended"),
        ]  # fmt: skip
        assert (told[2]["end_reason"], "Arbitrum" in told[0]["says"]) == ("quiet", True)


async def test_an_incident_that_nobody_begins_with_goes_to_the_next_until_somebody_does(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_place() as one, a_place() as lead, a_place() as boss:
        places = {"one": to(one, monkeypatch), "lead": to(lead, monkeypatch), "boss": to(boss, monkeypatch)}
        async with watching(community, places, rule("incident.started", then=("lead", "boss"))) as watch:
            for number in range(3):
                await watch.says((f"user{number}", f"swap fails on Arbitrum since v2.1.3, error 5003 {'!' * number}"))
            await watch.deliver(minutes=9)
            assert (len(one.came), len(lead.came)) == (1, 0)
            await watch.deliver(minutes=2)
            assert titles(lead)[0].startswith("Nobody has taken it for 10 min. New incident INC-1")
            inquiry, ver = watch.work.db.query("SELECT inquiry_id, ver FROM inquiry_open ORDER BY opened_at LIMIT 1")[0]
            await act(
                watch.work.db, watch.work.settings, inquiry.bytes, ver, "amy", "claim", watch.community.clock(), {}
            )
            await watch.deliver(hours=1)
        assert (len(one.came), len(lead.came), boss.came) == (1, 1, [])


async def test_a_clock_about_to_run_out_and_a_source_that_sees_nothing_are_told(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_place() as place:
        events = rule("inquiry.due", "source.blind", "source.seeing", "source.expiring")
        async with watching(community, {"one": to(place, monkeypatch)}, events) as watch:
            await watch.says(("lin", "how do I change the network fee?"))
            await watch.deliver(minutes=15)
            assert titles(place) == []
            await watch.deliver(minutes=6)
            await watch.deliver(minutes=6)
            assert [title.partition(" at ")[0] for title in titles(place)] == ["The clock runs out"]
            community.telegram.token_is_good = False
            await poll(watch.work, "telegram")
            await watch.deliver()
            await watch.deliver(minutes=1)
            community.telegram.token_is_good = True
            await poll(watch.work, "telegram")
            await watch.deliver()
            now, warnings = community.clock(), ("the token {env: TELEGRAM_TOKEN} expires at 2026-03-20 08:00 UTC",)
            for _ in range(2):
                await watch.work.db.write(lambda con: sources.report(con, "telegram", "ok", "", 0, now, None, warnings))
                await watch.deliver()
        assert titles(place)[1:] == [
            "We see nothing any more of telegram", "We see telegram again", "Access to telegram expires",
        ]  # fmt: skip
        assert place.came[-1].told["message"].startswith("the token {env: TELEGRAM_TOKEN} expires at")
        assert "TELEGRAM_TOKEN" in place.came[1].told["message"]


async def test_a_failure_is_tried_again_and_many_that_wait_are_one_message(
    community: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_place() as place:
        place.answers.append(503)
        async with watching(community, {"one": to(place, monkeypatch)}, rule("inquiry.urgent")) as watch:
            await watch.says(*((f"user{number}", f"{STOLEN} {number}") for number in range(5)))
            waits = watch.work.db.query("SELECT DISTINCT why FROM delivery WHERE state = 'due'")
            assert waits == [("the service answered 503",)]
            assert len(place.came) == 1
            await watch.deliver(minutes=1)
            assert watch.work.db.query("SELECT DISTINCT state FROM delivery") == [("done",)]
        assert len(place.came) == 2
        assert titles(place)[1].endswith("(+4)")
        assert place.came[1].told["message"].count("Urgent: ") == 5
        assert place.url not in caplog.text


async def test_of_many_that_come_as_one_message_the_gravest_is_its_title(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []

    def say(title: str, text: str, kind: str) -> Outcome:
        said.append((title, kind))
        return Outcome()

    receiver, now = Receiver("one", Destination(url=Secret(env="NO_MATTER"))), datetime.now(UTC)
    monkeypatch.setattr(receiver, "_say", say)
    waiting = [
        Delivery(
            UUID(int=number), "alert:one", "inquiry.urgent", "x",
            orjson.dumps({"title": f"{kind} {number}", "text": "", "type": kind}).decode(), False, "due", now, now,
        )
        for number, kind in enumerate(("failure", "failure", "warning", "success"))
    ]  # fmt: skip
    assert await receiver.carry(waiting) == Outcome()
    assert await receiver.carry(waiting[-1:]) == Outcome()
    assert said == [("failure 1 (+3)", "failure"), ("success 3", "success")]


@pytest.mark.parametrize(
    ("address", "body", "number"),
    [
        (
            "wecombot://abcd1234-aaaa-bbbb-cccc-1234567890ab",
            b'{"errcode":93000,"errmsg":"invalid url: abcd1234"}',
            93000,
        ),
        ("wecombot://abcd1234-aaaa-bbbb-cccc-1234567890ab", b'{"errcode":-1,"errmsg":"system busy"}', -1),
        ("dingtalk://abcdef0123456789", b'{"errcode":310000,"errmsg":"keywords not in content"}', 310000),
        ("feishu://abcdef-1234", b'{"code":19024,"msg":"Key Words Not Found","data":{}}', 19024),
        ("feishu://abcdef-1234", b'{"StatusCode":9499,"StatusMessage":"Bad Request"}', 9499),
        ("lark://abcdef-1234", b'{"code":19024,"msg":"Key Words Not Found","data":{}}', 19024),
    ],
)
async def test_what_a_bot_refuses_with_200_is_tried_again_and_only_its_number_is_told(
    community: Community, monkeypatch: pytest.MonkeyPatch, address: str, body: bytes, number: int
) -> None:
    async with a_place() as place:
        bot(monkeypatch, address, place)
        place.says, place.answers = body, deque([200])
        places = {"one": Destination(url=Secret(env="ALERT_BOT"))}
        async with watching(community, places, rule("inquiry.urgent")) as watch:
            await watch.says(("lin", STOLEN))
            told = watch.work.db.query("SELECT state, why FROM delivery")
            assert told == [("due", f"the service answered {number}")]
            place.says, place.answers = b'{"errcode":0,"code":0,"StatusCode":0,"msg":"ok"}', deque([200])
            await watch.deliver(minutes=1)
            assert watch.work.db.query("SELECT state FROM delivery") == [("done",)]
    assert len(place.came) == 2


@pytest.mark.parametrize(
    ("address", "language", "most"),
    [
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "en", 4096),
        ("discord://1234567890/abcdefghijk", "en", 2000),
        ("wecombot://abcd1234-aaaa-bbbb-cccc-1234567890ab", "zh", 2048),
    ],
)
async def test_a_burst_of_alerts_is_as_many_messages_as_the_service_asks_for(
    community: Community, monkeypatch: pytest.MonkeyPatch, address: str, language: str, most: int
) -> None:
    async with a_place() as place:
        bot(monkeypatch, address, place)
        place.says, place.answers = b'{"ok":true,"errcode":0}', deque([200] * 25)
        places = {"one": Destination.model_validate({"url": {"env": "ALERT_BOT"}, "language": language})}
        async with watching(community, places, rule("inquiry.urgent")) as watch:
            await watch.says(
                *(
                    (f"user{number}", f"我的助记词刚才被骗走了，钱全没了，快帮我冻结！{number} " * 3)
                    for number in range(25)
                )
            )
            assert watch.work.db.query("SELECT state, count(*) FROM delivery GROUP BY ALL") == [("done", 25)]
            codes = [code for (code,) in watch.work.db.query("SELECT code FROM inquiry_open")]
    said = [bot_words(each.told) for each in place.came]
    assert len(said) < 20
    assert max(room_taken(each.told) for each in place.came) <= most
    assert [sum(f"{code}" in each for each in said) for code in codes] == [1] * 25


@pytest.mark.parametrize("address", ["dingtalk://abcdef0123456789", "feishu://abcdef-1234", "lark://abcdef-1234"])
async def test_a_service_that_counts_the_bytes_of_a_request_is_sent_no_longer_one(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    now, told = datetime.now(UTC), orjson.dumps({"title": "告警", "text": "说" * 340, "type": "failure"}).decode()
    many = [
        Delivery(UUID(int=number), "alert:one", "source.blind", "x", told, False, "due", now, now)
        for number in range(20)
    ]  # fmt: skip
    async with a_place() as place:
        bot(monkeypatch, address, place)
        place.says, place.answers = b'{"errcode":0,"code":0}', deque([200])
        outcome = await Receiver("one", Destination(url=Secret(env="ALERT_BOT"))).carry(many)
    assert outcome.carried is not None
    assert len(place.came[0].body) <= 20_000


async def test_an_alert_that_is_too_long_for_its_service_ends_with_an_ellipsis(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    told = orjson.dumps({"title": "告警" * 300, "text": "说" * 3000, "type": "failure"}).decode()
    async with a_place() as place:
        bot(monkeypatch, "wecombot://abcd1234-aaaa-bbbb-cccc-1234567890ab", place)
        place.says, place.answers = b'{"errcode":0}', deque([200])
        receiver = Receiver("one", Destination(url=Secret(env="ALERT_BOT")))
        one = Delivery(UUID(int=1), "alert:one", "source.blind", "x", told, False, "due", now, now)
        assert await receiver.carry([one]) == Outcome()
    said = place.came[0].told["text"]["content"]
    title, _, text = said.partition("\r\n")
    assert (title[-2:], text[-2:]) == ("警…", "说…")
    assert 2040 <= len(said.encode()) <= 2048


async def test_an_alert_is_split_where_its_address_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    told = orjson.dumps({"title": "!", "text": "a" * 5000, "type": "failure"}).decode()
    async with a_place() as place:
        bot(monkeypatch, "tgram://123456789:abcdefg_hijklmnop/12315544/?overflow=split", place)
        place.says, place.answers = b'{"ok":true}', deque([200] * 5)
        receiver = Receiver("one", Destination(url=Secret(env="ALERT_BOT")))
        one = Delivery(UUID(int=1), "alert:one", "source.blind", "x", told, False, "due", now, now)
        assert await receiver.carry([one]) == Outcome()
    assert sum(bot_words(each.told).count("a") for each in place.came) == 5000


def test_a_text_for_a_phone_is_left_whole_for_its_service_sends_it_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_SMS", f"twilio://AC{'0' * 32}:{'1' * 32}@15551112222/15553334444")
    room = Receiver("one", Destination(url=Secret(env="ALERT_SMS")))._room()
    assert room.most <= 320
    assert room.cut("title", "a" * 500) == ("title", "a" * 500)


async def test_alerts_arrive_by_mail(community: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = MailSimulator()
    async with simulator.submission.serving() as port:
        login = f"{quote(simulator.user, safe='')}:{quote(simulator.password, safe='')}"
        monkeypatch.setenv(
            "ALERT_MAIL", f"mailto://{login}@127.0.0.1:{port}?from={simulator.user}&to=lead@example.com&mode=insecure"
        )
        place = Destination(url=Secret(env="ALERT_MAIL"))
        async with watching(community, {"one": place}, rule("inquiry.urgent")) as watch:
            await watch.says(("lin", STOLEN))
            name = code(watch)
    (raw,) = simulator.submission.sent
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    assert (str(letter["to"]), simulator.submission.recipients) == ("lead@example.com", ["lead@example.com"])
    assert str(letter["subject"]).startswith(f"紧急：{name}")
    body = letter.get_body(("plain", "html"))
    assert body is not None
    assert "Telegram" in body.get_content()


def test_nothing_that_a_chat_would_act_on_is_left_of_an_excerpt() -> None:
    said = harmless("@everyone go to https://evil.example/a?b or t.me/scam <!channel> [x](y) *now* `rm`", "[link]")
    assert said == "＠everyone go to [link] or [link] ‹!channel› ［x］(y) ∗now∗ 'rm'"
    assert len(harmless("说" * 200, "[link]")) == 80
    assert harmless("a\u202eb\u200bc", "[link]") == "abc"
    assert harmless("open h\u200bttps:/\u2060/evil.example/a or evil.exa\u200bmple\u200b/b", "[link]") == (
        "open [link] or [link]"
    )
    assert harmless("nia@evil.example, evil.example:8443, 2.1.3", "[link]") == (
        "nia＠evil．example, evil．example:8443, 2.1.3"
    )
    assert harmless("[link](evil.example) since\n10:00", "[link]") == "［link］(evil．example) since 10:00"


def test_no_site_and_no_handle_in_an_incident_s_name_can_be_followed_from_a_chat() -> None:
    subject = Subject(incident={
        "fields": {"feature": "phishing", "domain": ["evil.example"], "handle": ["harbor_help"], "version": ["2.1.3"]},
        "number": 7, "persons": 3,
    })  # fmt: skip
    to = Destination(url=Secret(env="ALERT_URL"))
    told = alert("incident.started", subject, to, "UTC", Bands())
    assert "evil．example" in told.title
    assert "＠harbor_help" in told.title
    assert "v2.1.3" in told.title
    assert "evil.example" not in told.title


def test_mistakes_in_these_sections_are_told_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text(
        "sources: {}\n"
        "webhooks:\n"
        "  tickets:\n"
        "    url: ftp://tickets.example.com/in\n"
        "    secret: whsec_AAAA\n"
        "    events: [inquiry.nwe]\n"
        "alerts:\n"
        "  destinations:\n"
        "    duty: {url: {env: ALERT_URL}, quiet_hours: [9-5]}\n"
        "  rules:\n"
        "    keys: {events: [inquiry.key_exposed], to: [duty]}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as raised:
        load(file)
    told = str(raised.value)
    for place in (":4:5 webhooks.tickets.url:", ":5:5 webhooks.tickets.secret:", ":6:14 webhooks.tickets.events[0]",
                  ":9:35 alerts.destinations.duty.quiet_hours:"):  # fmt: skip
        assert place in told
    assert "AAAA" not in told
    file.write_text(
        "sources: {}\n"
        "alerts:\n"
        "  destinations:\n"
        "    duty: {url: {env: ALERT_URL}}\n"
        "  rules:\n"
        "    keys: {events: [inquiry.key_exposed], to: [duty, dutty]}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=r":6:54 alerts.rules.keys.to\[1\]: no such destination; did you mean duty\?"):
        load(file)


def test_quiet_hours_end_by_the_readers_clock() -> None:
    night = ((23 * 60, 24 * 60), (0, 8 * 60 + 30))
    late = datetime(2026, 3, 14, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
    assert after_quiet(late, night, "Asia/Shanghai") == datetime(2026, 3, 15, 0, 30, tzinfo=UTC)
    assert after_quiet(late - timedelta(hours=1), night, "Asia/Shanghai") == late - timedelta(hours=1)
    # The night in which clocks go forward.
    assert after_quiet(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), night, "Europe/Berlin") == datetime(
        2026, 3, 29, 6, 30, tzinfo=UTC
    )


async def test_a_backup_that_is_put_back_wakes_nobody_a_second_time(
    community: Community, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who is told once quiet hours are over still is; and a program hears it again, and knows it by its id."""
    monkeypatch.setenv("TOLD_SECRET", SECRET)
    events, backup = rule("inquiry.urgent", to=("one", "night")), tmp_path / "backup"
    async with a_place() as program, a_place() as one, a_place() as night:
        community.more["webhooks"] = {"program": webhook(program)}
        quiet = ((15 * 60, 21 * 60),)  # it is 16:00 in Shanghai
        places = {"one": to(one, monkeypatch), "night": to(night, monkeypatch, quiet_hours=quiet)}
        async with watching(community, places, events) as watch:
            community.telegram.says("lin", STOLEN)
            await poll(watch.work, "telegram")
            await watch.work.ingest.group()
            back_up(watch.work.db, watch.work.desk, backup, community.clock())
            await watch.deliver()
        assert (len(one.came), len(night.came), len(program.came)) == (1, 0, 1)
        community.clock.pass_(hours=1)
        restore(backup, community.data, force=True, clock=community.clock)
        async with watching(community, places, events) as watch:
            await watch.deliver()
            assert (len(one.came), len(night.came), len(program.came)) == (1, 0, 2)
            await watch.deliver(hours=5)
        assert (len(one.came), len(night.came)) == (1, 1)
        assert len({each.headers["webhook-id"] for each in program.came}) == 1
