"""The WeChat official account connector against a simulated account."""

from __future__ import annotations

import json
import logging
import random
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from pydantic import ValidationError

from aggregator.demo.truth import Truth
from aggregator.demo.wechat import WeChatSimulator
from aggregator.demo.wechat.protocol import Fault, Faults
from aggregator.listener import serve
from aggregator.web.hooks import create_hooks
from connectors.contract import Deleted, Finding, Page, Post, Push, Received
from connectors.errors import AuthError, ConnectorError, PushRefusedError, ThrottledError, TransientError
from connectors.wechat import WeChat, chats
from connectors.wechat.config import WeChatConfig
from connectors.wechat_api.crypto import Envelope, signature
from connectors.wechat_api.errcode import NotPermittedError
from connectors.wechat_api.message import composed, parsed
from tests.conftest import Hands
from tests.contract_suite import Drained, PullContract, PushContract, drain, items, posts, refused, texts

SECRET_ENV = "LANTERN_WX_SECRET"
SINCE = datetime(2026, 3, 7, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def wechat(clock: Hands, monkeypatch: pytest.MonkeyPatch) -> WeChatSimulator:
    simulator = WeChatSimulator(clock, monotonic=lambda: clock.now.timestamp())
    monkeypatch.setenv(SECRET_ENV, simulator.secret)
    monkeypatch.setenv("LANTERN_WX_TOKEN", simulator.callbacks.token)
    monkeypatch.setenv("LANTERN_WX_KEY", simulator.callbacks.aes_key)
    return simulator


@pytest.fixture
async def url(wechat: WeChatSimulator) -> AsyncIterator[str]:
    async with serve(wechat.app) as address:
        yield address


CALLED = {"callback_token": {"env": "LANTERN_WX_TOKEN"}, "encoding_aes_key": {"env": "LANTERN_WX_KEY"}}
PLAIN = {"callback_token": {"env": "LANTERN_WX_TOKEN"}}
Source = Callable[..., WeChat]


def configured(wechat: WeChatSimulator, url: str, **settings: Any) -> WeChatConfig:
    usual = {"connector": "wechat", "appid": wechat.appid, "secret": {"env": SECRET_ENV}, "api": url, "timeout": 5}
    return WeChatConfig.model_validate(usual | settings)


def made(config: WeChatConfig, clock: Hands) -> WeChat:
    connector = WeChat("wechat", config, since=SINCE)
    connector.clock = clock
    return connector


@pytest.fixture
def source(wechat: WeChatSimulator, url: str, clock: Hands) -> Source:
    """Makes a new connector of the same source, as after a restart."""
    return lambda **settings: made(configured(wechat, url, **settings), clock)


@pytest.fixture
def called(wechat: WeChatSimulator, clock: Hands) -> Source:
    """One that takes callbacks, and asks for nothing."""

    def make(**settings: Any) -> WeChat:
        wanted = CALLED | {"comments": False} | settings
        return made(configured(wechat, "http://127.0.0.1:9", **wanted), clock)

    return make


async def poll(connector: WeChat, done: Drained, pages: list[Page] | None = None) -> list[Page]:
    """One poll of a connector that goes on living; what it brings is committed to `done`, and added to `pages`."""
    pages = [] if pages is None else pages
    async for page in connector.pages(done.cursor):
        pages.append(page)
        done.records.extend(page.records)
        done.cursor = json.loads(json.dumps(page.cursor))
    return pages


def deletions(connector: WeChat, done: Drained) -> list[str]:
    return [item.native_id for item in items(connector, done.records) if isinstance(item, Deleted)]


def paths(wechat: WeChatSimulator) -> list[str]:
    return [path.rpartition("/")[2] for path, _ in wechat.api.calls]


def as_truth(post: Post, *, deleted: bool = False) -> Truth:
    assert post.posted_at is not None
    author = post.author.native_id if post.author else ""
    return Truth(post.native_id, post.text, author, post.thread or "", post.posted_at, deleted)


class CommentStage:
    """Comments under one article, as the suite plays them."""

    credential = SECRET_ENV
    many = 120

    def __init__(self, wechat: WeChatSimulator, url: str, clock: Hands) -> None:
        self.secret = wechat.secret
        self.wechat = wechat
        self.url = url
        self.clock = clock
        wechat.publishes("三月更新", at=clock.now - timedelta(hours=2))

    def connector(self) -> WeChat:
        config = configured(self.wechat, self.url, timeout=0.5)
        return made(config, self.clock)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.wechat.comments("ann", text)
        self.clock.pass_(hours=7)  # every article is due again, and swept

    def says_something_unreadable(self) -> None:
        self.wechat.breaks(self.wechat.comments("ann", "odd"))

    def fails_next(self, fault: Fault) -> None:
        self.wechat.fails_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.wechat.fails_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.wechat.secret = "another"


class TestWeChatCommentsOwe(PullContract):
    @pytest.fixture
    def stage(self, wechat: WeChatSimulator, url: str, clock: Hands) -> CommentStage:
        return CommentStage(wechat, url, clock)


class TestWeChatCommentsOldestFirstOwe(PullContract):
    @pytest.fixture
    def stage(self, wechat: WeChatSimulator, url: str, clock: Hands) -> CommentStage:
        wechat.newest_first, wechat.replies_as_list = False, True
        return CommentStage(wechat, url, clock)


class ChatStage(CommentStage):
    """Chats with agents."""

    many = 25

    def connector(self) -> WeChat:
        config = configured(self.wechat, self.url, timeout=0.5, comments=False, agent_chats="all")
        return made(config, self.clock)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.wechat.chats("ann", text)
        self.clock.pass_(minutes=1)

    def says_something_unreadable(self) -> None:
        self.wechat.chats("ann", "odd")
        self.wechat.rows[-1]["text"] = {"rich": "odd"}


class TestWeChatChatsOwe(PullContract):
    @pytest.fixture
    def stage(self, wechat: WeChatSimulator, url: str, clock: Hands, monkeypatch: pytest.MonkeyPatch) -> ChatStage:
        monkeypatch.setattr(chats, "ROWS", 10)
        return ChatStage(wechat, url, clock)


class HookStage:
    def __init__(self, wechat: WeChatSimulator, clock: Hands, called: Source, **settings: Any) -> None:
        self.wechat = wechat
        self.clock = clock
        self.connector = lambda: called(**settings)

    def push(self, text: str) -> Push:
        return self.wechat.push(self.wechat.says("ann", text))

    def forged(self, text: str) -> Push:
        push = self.push(text)
        return replace(push, query=push.query | {"signature": "0" * 40, "msg_signature": "0" * 40})


class TestWeChatsSafeModeOwes(PushContract):
    @pytest.fixture
    def push_stage(self, wechat: WeChatSimulator, clock: Hands, called: Source) -> HookStage:
        return HookStage(wechat, clock, called)


class TestWeChatsSafeModeInJsonOwes(PushContract):
    @pytest.fixture
    def push_stage(self, wechat: WeChatSimulator, clock: Hands, called: Source) -> HookStage:
        wechat.callbacks.json = True
        return HookStage(wechat, clock, called)


class TestWeChatsPlainModeOwes(PushContract):
    @pytest.fixture
    def push_stage(self, wechat: WeChatSimulator, clock: Hands, called: Source) -> HookStage:
        wechat.callbacks.mode = "plain"
        return HookStage(wechat, clock, called, encoding_aes_key=None)


# Callbacks


@pytest.fixture
def say(wechat: WeChatSimulator, clock: Hands) -> Callable[[str], Push]:
    return lambda text: wechat.push(wechat.says("ann", text))


def test_the_address_is_verified_with_the_bare_echo(wechat: WeChatSimulator, called: Source, clock: Hands) -> None:
    received = called().receive(wechat.callbacks.verification("5820961347"))
    assert (received.body, received.content_type.partition(";")[0]) == (b"5820961347", "text/plain")
    assert received.records == ()


def test_an_address_is_not_verified_for_a_stranger(wechat: WeChatSimulator, called: Source, clock: Hands) -> None:
    wechat.callbacks.token = "guess"
    with pytest.raises(PushRefusedError, match="LANTERN_WX_TOKEN"):
        called().receive(wechat.callbacks.verification("5820961347"))


async def test_the_door_answers_the_verification_and_a_message_as_wechat_wants_it(
    wechat: WeChatSimulator, called: Source, clock: Hands
) -> None:
    connector = called()

    async def handler(_: str, push: Push) -> Received:
        return connector.receive(push)

    async with serve(create_hooks(handler)) as door, httpx.AsyncClient(trust_env=False) as client:
        wechat.callbacks.url = f"{door}/hooks/wechat"
        echo = await client.get(wechat.callbacks.url, params=dict(wechat.callbacks.verification("echo-7").query))
        wechat.says("ann", "在吗")
        await wechat.callbacks.deliver(client)
    assert echo.text == "echo-7"
    assert wechat.callbacks.answers == [b"success"]
    assert wechat.callbacks.lost == set()


async def test_a_call_that_is_refused_three_times_is_lost_as_on_the_platform(
    wechat: WeChatSimulator, called: Source
) -> None:
    calls = []

    async def handler(_: str, push: Push) -> Received:
        calls.append(push)
        raise PushRefusedError("busy", status=503)

    async with serve(create_hooks(handler)) as door, httpx.AsyncClient(trust_env=False) as client:
        wechat.callbacks.url = f"{door}/hooks/wechat"
        lost = wechat.says("ann", "在吗")
        await wechat.callbacks.deliver(client)
    assert len(calls) == 3
    assert wechat.callbacks.lost == {lost}
    assert wechat.truth() == {}


def test_messages_that_are_encrypted_beside_their_plain_text_are_taken_from_the_encrypted_part(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push]
) -> None:
    wechat.callbacks.mode = "compatible"
    push = say("genuine")
    swapped = replace(push, body=push.body.replace(b"<![CDATA[genuine]]>", b"<![CDATA[forged]]>"))
    connector = called()
    assert b"forged" in swapped.body
    assert texts(connector, connector.receive(swapped).records) == ["genuine"]


def test_a_signature_that_does_not_cover_the_body_is_not_enough(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push], clock: Hands
) -> None:
    seen = say("seen by somebody")
    forged = Envelope(wechat.callbacks.aes_key, wechat.appid).sealed(composed(MsgType="text", Content="forged"))
    with pytest.raises(PushRefusedError, match="without our signature"):
        called().receive(replace(seen, body=composed(ToUserName="gh", Encrypt=forged)))


def test_a_plain_body_is_refused_where_a_key_is_configured(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push]
) -> None:
    wechat.callbacks.mode = "plain"
    with pytest.raises(PushRefusedError, match="not encrypted"):
        called().receive(say("downgraded"))


def test_an_encrypted_body_without_a_key_says_what_to_configure(called: Source, say: Callable[[str], Push]) -> None:
    with pytest.raises(PushRefusedError, match="encoding_aes_key is not configured"):
        called(encoding_aes_key=None).receive(say("hidden"))


def test_a_message_to_another_account_is_refused(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push]
) -> None:
    wechat.callbacks.owner = "wx0000000000000000"
    with pytest.raises(PushRefusedError, match="another account"):
        called().receive(say("not for us"))


@pytest.mark.parametrize("hours", [-2, 2])
def test_an_old_signature_that_does_not_cover_the_body_opens_no_door(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push], clock: Hands, hours: int
) -> None:
    wechat.callbacks.mode = "plain"
    push = say("once")
    clock.pass_(hours=hours)
    with pytest.raises(PushRefusedError, match="is our clock right"):
        called(encoding_aes_key=None).receive(replace(push, body=push.body.replace(b"once", b"evil")))


@pytest.mark.parametrize(("hours", "calls"), [(2, 1), (-2, 1), (25, 0), (-25, 0)])
def test_a_signature_over_the_body_is_good_for_a_day(
    called: Source, say: Callable[[str], Push], clock: Hands, hours: int, calls: int
) -> None:
    push, taken = say("once"), 0
    clock.pass_(hours=hours)
    with suppress(PushRefusedError):
        taken = len(called().receive(push).records)
    assert taken == calls


def test_a_retry_some_minutes_later_is_still_taken(called: Source, say: Callable[[str], Push], clock: Hands) -> None:
    push = say("late")
    clock.pass_(minutes=20)
    assert len(called().receive(push).records) == 1


@pytest.mark.parametrize("missing", ["timestamp", "nonce", "msg_signature"])
def test_a_call_without_its_parameters_is_refused(called: Source, say: Callable[[str], Push], missing: str) -> None:
    push = say("x")
    with pytest.raises(PushRefusedError):
        called().receive(replace(push, query={name: text for name, text in push.query.items() if name != missing}))


@pytest.mark.parametrize("body", [b"", b"<xml>", b"\xff\xfe", b"{}", b"<!DOCTYPE a><xml><Encrypt>x</Encrypt></xml>"])
def test_a_body_that_cannot_be_opened_is_refused(called: Source, say: Callable[[str], Push], body: bytes) -> None:
    with pytest.raises(PushRefusedError):
        called().receive(replace(say("x"), body=body))


def test_what_wechat_signed_but_nobody_can_parse_is_kept_for_later(
    wechat: WeChatSimulator, called: Source, clock: Hands, say: Callable[[str], Push]
) -> None:
    sealed = Envelope(wechat.callbacks.aes_key, wechat.appid).sealed(b"<xml><Content>half a")
    query = dict(say("x").query)
    query["msg_signature"] = signature(wechat.callbacks.token, query["timestamp"], query["nonce"], sealed)
    connector = called()
    received = connector.receive(Push("POST", {}, query, composed(Encrypt=sealed)))
    assert received.records == [{"unreadable": "<xml><Content>half a"}]
    assert refused(connector, received.records) == 1


def test_without_a_token_no_callback_is_accepted(source: Source, say: Callable[[str], Push]) -> None:
    with pytest.raises(PushRefusedError, match="callback_token is not configured"):
        source().receive(say("x"))


def test_a_secret_that_has_gone_missing_lets_wechat_come_again(
    called: Source, say: Callable[[str], Push], monkeypatch: pytest.MonkeyPatch
) -> None:
    push = say("x")
    monkeypatch.delenv("LANTERN_WX_KEY")
    with pytest.raises(PushRefusedError, match="LANTERN_WX_KEY is not set") as told:
        called().receive(push)
    assert told.value.status == 503


def test_a_msgid_beyond_53_bits_keeps_its_last_digit(wechat: WeChatSimulator, called: Source, clock: Hands) -> None:
    wechat.callbacks.json = True
    connector = called()
    first, second = (wechat.push(wechat.says("ann", text)) for text in ("one", "two"))
    found = posts(connector, [*connector.receive(first).records, *connector.receive(second).records])
    assert list(found) == ["message/24536998765432101", "message/24536998765432102"]


def test_following_and_tapping_are_no_inquiries(wechat: WeChatSimulator, called: Source, clock: Hands) -> None:
    connector = called(passive_reply="您好")
    event = wechat.callbacks.push(wechat.happens("ann", "subscribe"))
    received = connector.receive(event)
    assert items(connector, received.records) == []
    assert (received.body, received.poll) == (b"success", False)


@pytest.mark.parametrize("event", ["PUBLISHJOBFINISH", "MASSSENDJOBFINISH"])
async def test_an_article_that_has_come_out_is_looked_for_at_once(
    wechat: WeChatSimulator, source: Source, clock: Hands, event: str
) -> None:
    done = Drained()
    async with source(**CALLED) as connector:
        await poll(connector, done)
        wechat.publishes("新公告")
        wechat.comments("ann", "首评")
        push = wechat.callbacks.push(wechat.happens("ann", event))
        received = connector.receive(push)
        await poll(connector, done)
    assert received.poll
    assert texts(connector, done.records) == ["首评"]


# The passive reply


def test_the_passive_reply_is_encrypted_addressed_and_signed(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push]
) -> None:
    received = called(passive_reply="收到，客服会回复您 <b>").receive(say("在吗"))
    around = parsed(received.body)
    signed = signature(wechat.callbacks.token, around["TimeStamp"], around["Nonce"], around["Encrypt"])
    inside = parsed(Envelope(wechat.callbacks.aes_key, wechat.appid).opened(around["Encrypt"]))
    assert around["MsgSignature"] == signed
    assert received.content_type.startswith("application/xml")
    assert (inside["ToUserName"], inside["FromUserName"]) == (wechat.openid("ann"), wechat.gh)
    assert (inside["MsgType"], inside["Content"]) == ("text", "收到，客服会回复您 <b>")


def test_the_passive_reply_is_plain_in_the_plain_mode(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push]
) -> None:
    wechat.callbacks.mode = "plain"
    received = called(encoding_aes_key=None, passive_reply="收到").receive(say("在吗"))
    assert parsed(received.body)["Content"] == "收到"


def test_five_lines_get_one_passive_reply_and_a_retry_gets_it_again(
    called: Source, say: Callable[[str], Push], clock: Hands
) -> None:
    connector = called(passive_reply="收到")
    first, second = say("one"), say("two")
    answers = [connector.receive(push).body == b"success" for push in (first, first, second)]
    clock.pass_(hours=25)
    assert answers == [False, False, True]
    assert connector.receive(say("three")).body != b"success"


def test_a_json_callback_is_answered_without_an_xml_reply(
    wechat: WeChatSimulator, called: Source, say: Callable[[str], Push]
) -> None:
    wechat.callbacks.json = True
    assert called(passive_reply="收到").receive(say("在吗")).body == b"success"


# What the time without us costs


async def test_the_time_in_which_we_did_not_run_is_told_as_a_gap_once(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    done = Drained()
    async with source(**CALLED) as before:
        await poll(before, done)
        clock.pass_(minutes=10)
        still_running = await poll(before, done)
    stopped = clock.now
    clock.pass_(minutes=10)
    started = clock.now
    async with source(**CALLED) as after:
        wechat.fails_next("500")
        told: list[Page] = []
        with pytest.raises(TransientError):
            await poll(after, done, told)
        clock.pass_(minutes=1)
        again = await poll(after, done)
    gaps = [gap for page in told for gap in page.gaps]
    assert [(gap.start, gap.end) for gap in gaps] == [(stopped, started)]
    assert [gap for page in [*still_running, *again] for gap in page.gaps] == []


async def test_a_restart_within_the_three_attempts_of_wechat_misses_nothing(source: Source, clock: Hands) -> None:
    done = Drained()
    async with source(**CALLED) as before:
        await poll(before, done)
    clock.pass_(seconds=14)
    async with source(**CALLED) as after:
        pages = await poll(after, done)
    assert [gap for page in pages for gap in page.gaps] == []


async def test_a_poll_that_finds_nothing_to_do_commits_nothing(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=2))
    connector, done = source(), Drained()
    async with connector:
        first = await poll(connector, done)
        clock.pass_(seconds=30)
        second = await poll(connector, done)
    assert (len(first), second) == (1, [])


async def test_a_source_without_callbacks_misses_nothing_by_a_restart(source: Source, clock: Hands) -> None:
    done = Drained()
    async with source() as before:
        await poll(before, done)
    clock.pass_(hours=3)
    async with source() as after:
        pages = await poll(after, done)
    assert [gap for page in pages for gap in page.gaps] == []


# Which articles


async def test_articles_are_found_by_their_address_by_statistics_and_by_name(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    clock.pass_(days=1)
    yesterday = clock.now - timedelta(days=1)
    long = wechat.publishes("长链接", at=clock.now - timedelta(hours=1))
    second = wechat.publishes("次条", at=clock.now - timedelta(hours=1), beside=long)
    short = wechat.publishes("短链接", at=yesterday, short=True)
    mass = wechat.publishes("群发", at=yesterday, listed=False)
    named = wechat.publishes("今天的群发", at=clock.now, listed=False)
    for number, key in enumerate([long, second, short, mass, named]):
        wechat.comments("ann", f"comment {number}", key)
    connector = source(articles=[f"{named.partition('/')[0]}_1"])
    done = await drain(connector)
    found = posts(connector, done.records)
    assert {key: as_truth(post) for key, post in found.items()} == wechat.truth()
    assert len(found) == 5
    assert done.warnings == ()


async def test_statistics_count_positions_from_one_and_comments_from_zero(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    clock.pass_(days=1)
    head = wechat.publishes("头条", at=clock.now - timedelta(days=1), listed=False)
    beside = wechat.publishes("次条", at=clock.now - timedelta(days=1), listed=False, beside=head)
    wechat.comments("ann", "under the second", beside)
    await drain(source())
    asked = {(body["msg_data_id"], body["index"]) for path, body in wechat.api.calls if path.endswith("comment/list")}
    number = int(head.partition("/")[0])
    assert asked == {(number, 0), (number, 1)}


async def test_a_short_address_is_told_until_tomorrows_statistics_resolve_it(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    short = wechat.publishes("短链接", short=True)
    wechat.comments("ann", "waiting", short)
    first = await drain(source())
    clock.pass_(days=1)
    connector = source()
    second = await drain(connector, first)
    assert "1 articles have a short address" in first.warnings[0]
    assert (first.records, second.warnings) == ([], ())
    assert [(post.text, post.permalink) for post in posts(connector, second.records).values()] == [
        ("waiting", wechat.articles[short].url)
    ]


async def test_todays_statistics_are_never_asked_for_and_a_day_is_read_once(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    first = await drain(source())
    clock.pass_(days=2)
    await drain(source(), first)
    days = [body["begin_date"] for path, body in wechat.api.calls if path.endswith("getarticletotal")]
    assert days == sorted(set(days))
    assert days[-1] == "2026-03-15"


async def test_articles_are_listed_without_their_content_twenty_at_a_time(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    for number in range(45):
        wechat.publishes(f"文章 {number}", at=clock.now - timedelta(hours=number))
    await drain(source())
    asked = [body for path, body in wechat.api.calls if path.endswith("batchget")]
    assert [(body["offset"], body["count"], body["no_content"]) for body in asked] == [
        (0, 20, 1),
        (20, 20, 1),
        (40, 20, 1),
    ]


async def test_a_day_that_wechat_has_not_counted_yet_is_asked_for_again(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    clock.pass_(days=1)
    mass = wechat.publishes("群发", at=clock.now - timedelta(days=1), listed=False)
    wechat.comments("ann", "under it", mass)
    wechat.fails_next(61503, path="getarticletotal")
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
        before = list(done.records)
        clock.pass_(minutes=6)
        await poll(connector, done)
    assert before == []
    assert texts(connector, done.records) == ["under it"]


async def test_listing_ends_where_articles_are_too_old(wechat: WeChatSimulator, source: Source, clock: Hands) -> None:
    for number in range(100):
        wechat.publishes(f"文章 {number}", at=clock.now - timedelta(days=number))
    await drain(source())
    assert paths(wechat).count("batchget") == 2


async def test_closed_deleted_and_old_articles_are_left_alone(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("没开留言", open_=False)
    wechat.articles[wechat.publishes("删了")].deleted = True
    wechat.publishes("太旧", at=clock.now - timedelta(days=15))
    await drain(source())
    assert "list" not in paths(wechat)


async def test_an_article_that_is_gone_stops_neither_the_others_nor_the_source(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("还在", at=clock.now - timedelta(hours=1))
    wechat.comments("ann", "still here")
    connector = source(articles=["2247480000"])
    assert texts(connector, (await drain(connector)).records) == ["still here"]


async def test_comments_can_be_left_out(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    wechat.comments("ann", "x")
    done = await drain(source(comments=False))
    assert done.records == []
    assert wechat.api.calls == []


# The walk over an article's comments


async def test_never_fifty_comments_are_asked_for(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    for number in range(60):
        wechat.comments("ann", f"text {number}")
    await drain(source())
    asked = [body for path, body in wechat.api.calls if path.endswith("comment/list")]
    assert {(body["count"], body["type"]) for body in asked} == {(49, 0)}
    assert [body["begin"] for body in asked] == [0, 49]


async def test_a_walk_that_was_cut_off_is_begun_again_even_if_the_number_of_comments_is_as_before(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.newest_first = False
    wechat.publishes("文章")
    ids = [wechat.comments("ann", f"text {number}") for number in range(60)]
    done = await drain(source())
    clock.pass_(hours=2)
    wechat.deletes(ids[55])
    wechat.comments("ben", "in place of another")
    wechat.answers(ids[0], "so that the first page has news")
    connector = source()
    cut_off = await drain(connector, done, pages=1)
    after = await drain(source(), cut_off)
    assert "in place of another" in texts(connector, after.records)
    assert deletions(connector, after) == [ids[55]]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_new_comment_is_found_wherever_it_is_listed(
    wechat: WeChatSimulator, source: Source, clock: Hands, newest_first: bool
) -> None:
    wechat.newest_first = newest_first
    wechat.publishes("文章")
    for number in range(100):
        wechat.comments("ann", f"text {number}")
    first = await drain(source())
    clock.pass_(minutes=40)
    wechat.comments("ben", "the new one")
    connector = source()
    second = await drain(connector, Drained(first.cursor))
    assert texts(connector, second.records) == ["the new one"]


async def test_a_quiet_look_costs_one_call_and_brings_nothing(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    for number in range(100):
        wechat.comments("ann", f"text {number}")
    first = await drain(source())
    clock.pass_(minutes=40)
    before = paths(wechat).count("list")
    second = await drain(source(), Drained(first.cursor))
    assert second.records == []
    assert paths(wechat).count("list") == before + 1


async def test_an_old_article_is_looked_at_less_often_than_a_new_one(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    old = wechat.publishes("旧", at=clock.now - timedelta(days=10))
    new = wechat.publishes("新", at=clock.now - timedelta(minutes=10))
    done = Drained()
    async with source() as connector:
        for _ in range(12):
            clock.pass_(minutes=5)
            await poll(connector, done)
    looks = [f"{body['msg_data_id']}/{body['index']}" for path, body in wechat.api.calls if path.endswith("list")]
    assert looks.count(old) == 1
    assert looks.count(new) >= 10


async def test_an_article_where_people_write_is_looked_at_in_each_poll(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=10))
    done = Drained()
    async with source() as connector:
        for number in range(5):
            wechat.comments("ann", f"text {number}")
            await poll(connector, done)
            clock.pass_(seconds=30)
    assert texts(connector, done.records) == [f"text {number}" for number in range(5)]


async def test_our_answer_to_a_comment_of_this_morning_is_seen_within_minutes(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=10))
    done = Drained()
    async with source() as connector:
        asked = wechat.comments("ann", "几点恢复？")
        await poll(connector, done)
        clock.pass_(hours=2)
        await poll(connector, done)
        wechat.answers(asked, "十点")
        clock.pass_(minutes=3)
        await poll(connector, done)
    assert texts(connector, done.records) == ["几点恢复？", "十点"]


async def test_comments_that_come_during_the_walk_shift_nothing_out(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    for number in range(120):
        wechat.comments("ann", f"text {number}")
    wechat.between_pages(*[lambda: wechat.comments("ben", "meanwhile") and None] * 2)
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        await poll(connector, done)
    assert set(posts(connector, done.records)) == set(wechat.truth())
    assert deletions(connector, done) == []


async def test_comments_that_go_during_the_walk_hide_none_and_delete_none_wrongly(
    wechat: WeChatSimulator, source: Source
) -> None:
    wechat.publishes("文章")
    ids = [wechat.comments("ann", f"text {number}") for number in range(120)]
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        wechat.comments("ben", "one more")
        wechat.between_pages(lambda: wechat.deletes(ids[119]), lambda: wechat.deletes(ids[118]))
        await poll(connector, done)
        early = deletions(connector, done)
        await poll(connector, done)
    assert early == []
    assert sorted(deletions(connector, done)) == sorted([ids[118], ids[119]])
    assert len(posts(connector, done.records)) == 121


async def test_a_comment_that_has_disappeared_is_told_as_deleted_once(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    first, second = wechat.comments("ann", "one"), wechat.comments("ben", "two")
    done = await drain(source())
    wechat.deletes(first)
    clock.pass_(hours=7)
    done = await drain(source(), done)
    clock.pass_(hours=7)
    connector = source()
    done = await drain(connector, done)
    assert deletions(connector, done) == [first]
    assert second in posts(connector, done.records)


async def test_our_reply_is_read_when_it_comes_when_it_changes_and_when_it_goes(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    asked = wechat.comments("ann", "几点恢复？")
    done = await drain(source())
    clock.pass_(hours=1)
    wechat.answers(asked, "今晚")
    done = await drain(source(), done)
    clock.pass_(hours=1)
    wechat.answers(asked, "已恢复")
    done = await drain(source(), done)
    clock.pass_(hours=1)
    wechat.withdraws_answer(asked)
    connector = source()
    done = await drain(connector, done)
    replies = [post for post in posts(connector, done.records).values() if post.reply_to == asked]
    assert [(post.text, post.author and post.author.role) for post in replies] == [
        ("今晚", "staff"),
        ("已恢复", "staff"),
    ]
    assert deletions(connector, done) == [post.native_id for post in replies]


@pytest.mark.parametrize("as_list", [True, False])
async def test_an_unanswered_comment_stays_so_in_both_shapes(
    wechat: WeChatSimulator, source: Source, as_list: bool
) -> None:
    wechat.replies_as_list = as_list
    wechat.publishes("文章")
    asked = wechat.comments("ann", "在吗")
    answered = wechat.comments("ben", "几点？")
    wechat.answers(answered, "十点")
    connector = source()
    found = posts(connector, (await drain(connector)).records)
    assert {key: as_truth(post) for key, post in found.items()} == wechat.truth()
    assert asked in found


async def test_who_uses_another_identity_has_no_author(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    wechat.comments(None, "no openid")
    connector = source()
    assert [post.author for post in posts(connector, (await drain(connector)).records).values()] == [None]


async def test_comments_from_before_the_backfill_point_are_left_out(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章", at=SINCE - timedelta(days=2))
    wechat.comments("ann", "too old", at=SINCE - timedelta(days=1))
    wechat.comments("ann", "new enough", at=SINCE + timedelta(hours=1))
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["new enough"]


async def test_the_cursor_stays_small_under_a_popular_article(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    for number in range(900):
        wechat.comments("ann", f"text {number}")
    done = await drain(source())
    assert len(json.dumps(done.cursor)) < 1000


async def test_we_vouch_only_until_the_article_that_was_looked_at_longest_ago(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=10))
    wechat.publishes("新", at=clock.now - timedelta(minutes=10))
    began = clock.now
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
        clock.pass_(minutes=20)
        await poll(connector, done)
        between = connector.complete_to
        clock.pass_(minutes=41)
        await poll(connector, done)
        after = connector.complete_to
    assert (between, after) == (began, clock.now)


async def test_an_account_that_never_had_the_privilege_is_vouched_for_from_no_time_on(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden["/cgi-bin/comment/list"] = 88000
    wechat.publishes("文章")
    done = Drained()
    async with source(**CALLED) as connector:
        await poll(connector, done)
    assert connector.complete_to == SINCE


async def test_we_vouch_for_nothing_while_comments_are_refused(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    began = clock.now
    done = Drained()
    async with source(**CALLED) as connector:
        await poll(connector, done)
        wechat.forbidden["/cgi-bin/comment/list"] = 48001
        clock.pass_(hours=1)
        await poll(connector, done)
    async with source(**CALLED) as restarted:
        await poll(restarted, done)
    assert connector.complete_to == restarted.complete_to == began


@pytest.mark.parametrize("seed", range(8))
async def test_stormy_days_under_articles_end_with_what_stands_there(
    wechat: WeChatSimulator, source: Source, clock: Hands, seed: int
) -> None:
    rng = random.Random(seed)
    wechat.newest_first, wechat.replies_as_list = rng.random() < 0.5, rng.random() < 0.5
    wechat.publishes("第一篇")
    storm = Storm(wechat, clock, rng)
    connector, done = source(), Drained()
    for _ in range(60):
        storm.blows()
        if rng.random() < 0.5:
            await poll_as_far_as(connector, done, rng.choice([1, 2, 99]))
        if rng.random() < 0.2:
            await connector.close()
            connector = source()
    wechat.faults = Faults()
    for _ in range(3):
        clock.pass_(hours=7)
        await poll(connector, done)
    await connector.close()
    truth = {key: post for key, post in wechat.truth().items() if not post.deleted}
    assert standing(connector, done) == truth
    assert len(truth) > 100


class Storm:
    """What can happen under the articles of an account, at random."""

    def __init__(self, wechat: WeChatSimulator, clock: Hands, rng: random.Random) -> None:
        self.wechat, self.clock, self.rng = wechat, clock, rng
        self.ids: list[str] = []

    def blows(self) -> None:
        happen = self.rng.choice(
            [
                *(self.many_write, self.many_write, self.some_are_deleted, self.we_answer, self.we_withdraw),
                *(self.it_goes_wrong, self.an_article_comes_out, self.somebody_writes_meanwhile),
            ]
        )
        happen()
        self.clock.pass_(seconds=self.rng.choice([7, 60, 900, 7200]))

    def many_write(self) -> None:
        article = self.rng.choice(list(self.wechat.articles))
        for _ in range(self.rng.choice([1, 3, 40])):
            self.ids.append(self.wechat.comments("ann", f"text {len(self.ids)}", article))

    def some_are_deleted(self) -> None:
        for native_id in self.rng.sample(self.ids, min(3, len(self.ids))):
            self.wechat.deletes(native_id)

    def we_answer(self) -> None:
        for native_id in self.rng.sample(self.ids, min(2, len(self.ids))):
            self.wechat.answers(native_id, f"answer of {self.clock.now}")

    def we_withdraw(self) -> None:
        for native_id in self.rng.sample(self.ids, min(2, len(self.ids))):
            self.wechat.withdraws_answer(native_id)

    def it_goes_wrong(self) -> None:
        self.wechat.fails_next(self.rng.choice(["500", "reset", "truncated", -1, 40001]), path="comment/list")

    def an_article_comes_out(self) -> None:
        self.wechat.publishes(f"第 {len(self.wechat.articles) + 1} 篇")

    def somebody_writes_meanwhile(self) -> None:
        self.wechat.between_pages(self.many_write, self.some_are_deleted)


async def poll_as_far_as(connector: WeChat, done: Drained, pages: int) -> None:
    """A poll that is cut off before it commits more than so many pages, or by what goes wrong."""
    with suppress(TransientError):
        async with aclosing(connector.pages(done.cursor)) as stream:
            async for page in stream:
                if (pages := pages - 1) < 0:
                    return
                done.records.extend(page.records)
                done.cursor = json.loads(json.dumps(page.cursor))


def standing(connector: WeChat, done: Drained) -> dict[str, Truth]:
    """What was told and not taken back."""
    found: dict[str, Truth] = {}
    for item in items(connector, done.records):
        if isinstance(item, Post):
            found[item.native_id] = as_truth(item)
        elif isinstance(item, Deleted):
            found.pop(item.native_id, None)
    return found


# The daily budget


async def test_the_budget_is_told_and_survives_a_restart(wechat: WeChatSimulator, source: Source, clock: Hands) -> None:
    wechat.publishes("文章")
    done = Drained()
    async with source() as connector:
        first = await poll(connector, done)
    clock.pass_(minutes=20)
    async with source() as connector:
        second = await poll(connector, done)
    quotas = [pages[-1].quota for pages in (first, second)]
    assert [quota and (quota.left, quota.limit) for quota in quotas] == [(4999, 5000), (4998, 5000)]
    assert quotas[0]
    assert quotas[0].resets_at == datetime(2026, 3, 14, 16, 0, tzinfo=UTC)  # midnight in China
    assert paths(wechat).count("get") == 1


async def test_a_spent_budget_waits_for_midnight_in_china_and_spends_no_call(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    wechat.comment_calls_left = 0
    with pytest.raises(ThrottledError, match="00:00") as told:
        await drain(source())
    assert told.value.retry_after == 8 * 3600
    assert "list" not in paths(wechat)


async def test_a_budget_that_another_program_spends_is_noticed_and_kept_over_a_restart(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    done = Drained()
    async with source(**CALLED) as connector:
        await poll(connector, done)
        clock.pass_(minutes=5)
        wechat.comment_calls_left = 0
        told = await poll(connector, done)
        clock.pass_(minutes=5)
        await poll(connector, done)
    async with source(**CALLED) as restarted:
        again = await poll(restarted, done)
    asked = paths(wechat).count("list")
    clock.pass_(hours=8)
    wechat.comment_calls_left = 5000
    wechat.comments("ann", "after midnight")
    async with source(**CALLED) as after:
        await poll(after, done)
    assert told[-1].warnings[0].startswith("comments: today's calls of this API are used up")
    assert [page.quota and page.quota.left for page in (told[-1], again[-1])] == [0, 0]
    assert asked == 2
    assert texts(after, done.records) == ["after midnight"]


async def test_a_spent_budget_stops_neither_the_chats_nor_the_callbacks(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    wechat.comment_calls_left = 0
    wechat.agent_says("ann", "在核实")
    done = Drained()
    async with source(agent_chats="answers") as connector:
        await poll(connector, done)
    assert texts(connector, done.records) == ["在核实"]
    assert connector.complete_to == SINCE


async def test_spent_calls_for_the_list_of_articles_leave_the_known_ones_readable(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
        clock.pass_(minutes=10)
        wechat.comments("ann", "still read")
        wechat.fails_next(45009, path="batchget")
        await poll(connector, done)
    assert texts(connector, done.records) == ["still read"]


async def test_spent_calls_for_the_chats_are_not_tried_before_midnight(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden["/customservice/msgrecord/getmsglist"] = 45009
    done = Drained()
    async with source(agent_chats="answers", **CALLED) as connector:
        for _ in range(3):
            clock.pass_(minutes=5)
            await poll(connector, done)
    assert paths(wechat).count("getmsglist") == 1


async def test_an_account_whose_calls_are_not_counted_reads_old_articles_too(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden["/cgi-bin/openapi/quota/get"] = 48001
    for days in range(3):
        wechat.publishes(f"文章 {days}", at=clock.now - timedelta(days=days, hours=2))
        wechat.comments("ann", f"text {days}", at=clock.now - timedelta(hours=1, minutes=-days))
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["text 0", "text 1", "text 2"]


async def test_a_low_budget_is_kept_for_the_newest_articles(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=3))
    new = wechat.publishes("新", at=clock.now - timedelta(hours=3))
    wechat.comment_calls_left = 100
    await drain(source())
    asked = [body for path, body in wechat.api.calls if path.endswith("comment/list")]
    assert [f"{body['msg_data_id']}/{body['index']}" for body in asked] == [new]


# Chats with agents


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


# What nobody may be told


@hypothesis(max_examples=60, deadline=None)
@given(
    query=st.dictionaries(st.sampled_from(["timestamp", "nonce", "signature", "msg_signature", "echostr"]), st.text()),
    body=st.binary() | st.text().map(str.encode) | st.just(b'{"a":' * 900 + b"1" + b"}" * 900),
    method=st.sampled_from(["GET", "POST"]),
)
def test_a_stranger_is_refused_whatever_he_sends(query: dict[str, str], body: bytes, method: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANTERN_WX_TOKEN", "a token")
        patch.setenv("LANTERN_WX_KEY", "k" * 43)
        config = configured(WeChatSimulator(), "http://127.0.0.1:9", **CALLED)
        connector = WeChat("wechat", config, since=SINCE)
        with pytest.raises(PushRefusedError):
            connector.receive(Push(method, {}, query, body))


@pytest.mark.parametrize("fault", ["500", "reset", "truncated", "timeout", 40001, 45011, 99999])
async def test_no_access_token_stands_in_a_log_an_error_or_the_cursor(
    wechat: WeChatSimulator, source: Source, clock: Hands, caplog: pytest.LogCaptureFixture, fault: Fault | int
) -> None:
    caplog.set_level(logging.DEBUG)
    wechat.publishes("文章")
    connector, done = source(timeout=0.5), Drained()
    async with connector:
        await poll(connector, done)
        token = wechat.tokens.stable()["access_token"]
        wechat.fails_next(fault, fault, path="comment/list")
        clock.pass_(minutes=5)
        with pytest.raises(ConnectorError) as told:
            await poll(connector, done)
    everything = "".join(traceback.format_exception(told.value)) + repr(told.value.args) + json.dumps(done.cursor)
    assert token not in everything + caplog.text


# What the account may not do


@pytest.mark.parametrize("code", [48001, 48004, 88000])
async def test_a_missing_comment_privilege_leaves_the_chats_at_work(
    wechat: WeChatSimulator, source: Source, clock: Hands, code: int
) -> None:
    wechat.forbidden["/cgi-bin/comment/list"] = code
    wechat.publishes("文章")
    wechat.agent_says("ann", "在核实")
    connector, done = source(agent_chats="answers"), Drained()
    async with connector:
        pages = await poll(connector, done)
        await poll(connector, done)
        asked = paths(wechat).count("list")
        del wechat.forbidden["/cgi-bin/comment/list"]
        wechat.comments("ann", "now you may")
        clock.pass_(hours=1, minutes=1)
        after = await poll(connector, done)
    assert f"errcode {code}" in pages[-1].warnings[0]
    assert asked == 1
    assert after[-1].warnings == ()
    assert texts(connector, done.records) == ["在核实", "now you may"]


async def test_an_account_that_may_read_nothing_asks_a_person(wechat: WeChatSimulator, source: Source) -> None:
    wechat.forbidden["/cgi-bin/comment/list"] = 88000
    wechat.publishes("文章")
    with pytest.raises(NotPermittedError, match="ask for it in the console, or set comments: false"):
        await drain(source())


async def test_an_account_without_the_customer_service_feature_is_told_so(
    wechat: WeChatSimulator, source: Source
) -> None:
    wechat.forbidden["/customservice/msgrecord/getmsglist"] = 65400
    done = await drain(source(agent_chats="answers"))
    assert done.warnings[0].startswith("agent_chats: the account does not use the customer-service feature")


async def test_statistics_that_may_not_be_read_do_not_stop_the_comments(
    wechat: WeChatSimulator, source: Source
) -> None:
    wechat.forbidden |= {"/datacube/getarticletotal": 48001, "/cgi-bin/openapi/quota/get": 48001}
    wechat.publishes("文章")
    wechat.comments("ann", "x")
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["x"]


async def test_publications_that_may_not_be_listed_leave_statistics_and_names(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden["/cgi-bin/freepublish/batchget"] = 48001
    clock.pass_(days=1)
    wechat.comments("ann", "by statistics", wechat.publishes("群发", at=clock.now - timedelta(days=1), listed=False))
    named = wechat.publishes("今天", listed=False)
    clock.pass_(minutes=1)
    wechat.comments("ann", "by name", named)
    connector = source(articles=[named.partition("/")[0]])
    assert texts(connector, (await drain(connector)).records) == ["by statistics", "by name"]


async def test_an_account_that_may_look_for_articles_in_no_way_asks_a_person(
    wechat: WeChatSimulator, source: Source
) -> None:
    wechat.forbidden |= {"/cgi-bin/freepublish/batchget": 48001, "/datacube/getarticletotal": 48001}
    with pytest.raises(NotPermittedError, match="needs a verified account"):
        await drain(source())


# Failures inside a 200


@pytest.mark.parametrize("path", ["stable_token", "comment/list", "freepublish/batchget"])
async def test_a_busy_platform_backs_off(wechat: WeChatSimulator, source: Source, path: str) -> None:
    wechat.publishes("文章")
    wechat.fails_next(-1, path=path)
    with pytest.raises(TransientError, match="busy"):
        await drain(source())


async def test_too_many_calls_a_minute_wait_a_minute(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    wechat.fails_next(45011, path="comment/list")
    with pytest.raises(ThrottledError) as told:
        await drain(source())
    assert told.value.retry_after >= 60


async def test_an_address_that_is_not_on_the_white_list_is_named(wechat: WeChatSimulator, source: Source) -> None:
    wechat.fails_next(40164, path="stable_token")
    with pytest.raises(AuthError, match=r"address 203\.0\.113\.9: add it to the IP white-list"):
        await drain(source())


async def test_a_page_of_html_before_the_platform_is_told_as_such(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    wechat.fails_next("html", path="comment/list")
    with pytest.raises(TransientError, match="web page instead of JSON"):
        await drain(source())


async def test_a_token_that_somebody_else_has_thrown_out_is_renewed_in_passing(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        wechat.tokens.revoke()
        wechat.comments("ann", "after")
        clock.pass_(minutes=5)
        await poll(connector, done)
    assert texts(connector, done.records) == ["after"]
    assert wechat.tokens.given == 2


# What it says of itself


async def findings(connector: WeChat) -> dict[str, str]:
    async with connector:
        found: list[Finding] = list(await connector.check())
    return {finding.text: finding.level for finding in found}


async def test_the_check_says_what_may_be_read_and_what_is_left(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章", at=clock.now - timedelta(hours=1))
    wechat.comments("ann", "x", at=clock.now - timedelta(minutes=5))
    assert await findings(source(agent_chats="answers", **CALLED)) == {
        f"logged in as {wechat.appid}; the access token is good for 119 minutes and renews itself": "ok",
        "calls for comments left today: 5000 of 5000": "ok",
        "comments can be read: 1 under the newest of 1 articles, the newest of 2026-03-14T07:55:00+00:00": "ok",
        "agents' chats can be read: 0 rows in the last hour": "ok",
        "callbacks are expected encrypted": "ok",
    }


async def test_the_check_says_what_is_missing_and_where_to_ask_for_it(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden |= {
        "/cgi-bin/comment/list": 88000,
        "/customservice/msgrecord/getmsglist": 65400,
        "/cgi-bin/openapi/quota/get": 48001,
    }
    wechat.publishes("文章")
    found = await findings(source(agent_chats="answers"))
    assert [(level, text.partition(":")[0]) for text, level in found.items()][1:] == [
        ("failed", "comments cannot be read"),
        ("failed", "agents' chats cannot be read"),
        ("warning", "no callback_token"),
    ]


async def test_the_check_warns_of_the_plain_mode_and_of_a_key_that_is_none(
    wechat: WeChatSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = await findings(source(comments=False, **PLAIN))
    monkeypatch.setenv("LANTERN_WX_KEY", "too short")
    broken = await findings(source(comments=False, **CALLED))
    monkeypatch.delenv("LANTERN_WX_TOKEN")
    missing = await findings(source(comments=False, **CALLED))
    assert "use safe mode" in list(plain)[-1]
    assert list(broken)[-1] == "{env: LANTERN_WX_KEY} cannot be used: an EncodingAESKey has 43 letters and digits"
    assert "LANTERN_WX_TOKEN is not set" in list(missing)[-1]
    assert [list(found.values())[-1] for found in (plain, broken, missing)] == ["warning", "failed", "failed"]


@pytest.mark.parametrize("wrong", ["abc", "2247483789_0", "2247483789_x"])
def test_an_article_is_named_by_its_number_and_position(wechat: WeChatSimulator, wrong: str) -> None:
    with pytest.raises(ValidationError, match="articles are written as"):
        configured(wechat, "http://127.0.0.1:9", articles=[wrong])


def test_an_article_may_be_named_by_its_number_alone(wechat: WeChatSimulator) -> None:
    named = configured(wechat, "http://127.0.0.1:9", articles=[2247483789, "2247483790", "2247483790_2"])
    assert named.places() == {(2247483789, 0), (2247483790, 0), (2247483790, 1)}


def test_a_key_without_a_token_cannot_be_configured(wechat: WeChatSimulator) -> None:
    with pytest.raises(ValidationError, match="need callback_token too"):
        configured(wechat, "http://127.0.0.1:9", encoding_aes_key={"env": "LANTERN_WX_KEY"})
