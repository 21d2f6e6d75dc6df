"""What WeChat calls us for, and how it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest

from aggregator.demo.wechat import WeChatSimulator
from aggregator.listener import serve
from aggregator.web.hooks import create_hooks
from connectors.contract import Push, Received
from connectors.errors import PushRefusedError
from connectors.wechat_api.crypto import Envelope, signature
from connectors.wechat_api.message import composed, parsed
from tests.conftest import Hands
from tests.contract_suite import Drained, items, posts, refused, texts
from tests.wechat_account import (
    CALLED,
    Source,
    poll,
)


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
    assert wechat.callbacks.lost == {}


async def test_no_message_waits_for_another_one_and_they_arrive_in_no_certain_order(
    wechat: WeChatSimulator, called: Source
) -> None:
    connector, taken, later_is_there = called(), list[str](), asyncio.Event()

    async def handler(_: str, push: Push) -> Received:
        received = connector.receive(push)
        [text] = texts(connector, received.records)
        later_is_there.set() if text == "later" else await later_is_there.wait()
        taken.append(text)
        return received

    async with serve(create_hooks(handler)) as door, httpx.AsyncClient(trust_env=False) as client:
        wechat.callbacks.url = f"{door}/hooks/wechat"
        wechat.says("ann", "earlier")
        wechat.says("ben", "later")
        await wechat.callbacks.deliver(client)
    assert taken == ["later", "earlier"]
    assert wechat.callbacks.lost == {}


async def test_the_attempts_for_a_message_begin_so_far_apart_however_long_each_takes(
    wechat: WeChatSimulator, called: Source
) -> None:
    calls, took, wechat.callbacks.pause = list[float](), list[float](), 0.3
    now = asyncio.get_running_loop().time

    async def handler(_: str, push: Push) -> Received:
        calls.append(now())
        await asyncio.sleep(0.2)  # what a busy service takes
        took.append(now() - calls[-1])
        raise PushRefusedError("busy", status=503)

    async with serve(create_hooks(handler)) as door, httpx.AsyncClient(trust_env=False) as client:
        wechat.callbacks.url = f"{door}/hooks/wechat"
        wechat.says("ann", "在吗")
        await wechat.callbacks.deliver(client)
    assert calls[2] - calls[0] < 2 * wechat.callbacks.pause + took[0] + took[1]  # as long as one after the other's end


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
    assert wechat.callbacks.lost == {lost: wechat.clock()}


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
