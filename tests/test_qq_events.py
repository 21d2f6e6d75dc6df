"""What OneBot tells the QQ connector by itself: events over a WebSocket, signed webhook calls."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx
import pytest

from aggregator.config import Settings
from aggregator.demo.qq import OneBotSimulator
from aggregator.listener import serve
from aggregator.web.hooks import create_hooks
from aggregator.workplace import Workplace
from connectors.contract import Deleted, Finding, Page, Post, Push, PushConnector, Received
from connectors.errors import AuthError, PushRefusedError, TransientError
from connectors.qq import QQ
from connectors.qq.onebot import AccountOfflineError
from tests.conftest import Community, poll
from tests.contract_suite import PushContract, items, texts
from tests.qq_account import KNOWN, LLONEBOT, config_for, connector_for

HOOK_ENV = "HARBOR_ONEBOT_HOOK"


@pytest.fixture(autouse=True)
def quiet_server(monkeypatch: pytest.MonkeyPatch, qq: OneBotSimulator) -> None:
    """At DEBUG the simulator's server writes every header and frame."""
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "level", logging.INFO)
    monkeypatch.setenv(HOOK_ENV, qq.events.hook_secret)


@pytest.fixture
def ws(qq_url: str) -> str:
    return qq_url.replace("http://", "ws://") + "/event"


def listener(qq: OneBotSimulator, ws: str, **settings: object) -> QQ:
    address = ws.removesuffix("/event").replace("ws://", "http://")
    return connector_for(qq, address, **({"events": ws} | settings))


async def caught_up(pages: AsyncGenerator[Page, None]) -> Page:
    """Commit pages until nothing newer existed."""
    async for page in pages:
        if page.caught_up:
            return page
    raise AssertionError("the pages ended")


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_a_message_comes_by_itself_after_the_history_was_read(qq: OneBotSimulator, ws: str) -> None:
    qq.says("anna", "one")
    connector = listener(qq, ws)
    async with connector, aclosing(connector.pages(None)) as pages:
        first = await anext(pages)
        told = await caught_up(pages)
        qq.says("lin", "two 😡")
        event = await anext(pages)
    assert [texts(connector, page.records) for page in (first, event)] == [["one"], ["two 😡"]]
    assert event.cursor == told.cursor


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_an_event_and_the_history_give_the_same_post(qq: OneBotSimulator, ws: str) -> None:
    connector = listener(qq, ws)
    async with connector, aclosing(connector.pages(None)) as pages:
        told = await caught_up(pages)
        qq.says("lin", "two")
        [event] = items(connector, (await anext(pages)).records)
    again = listener(qq, ws)
    async with again, aclosing(again.pages(told.cursor)) as pages:
        [polled] = items(again, (await anext(pages)).records)
    assert event == polled


async def test_a_lost_event_is_found_by_the_polls_that_go_on_beside(qq: OneBotSimulator, ws: str) -> None:
    connector = listener(qq, ws, poll_every=0.05)
    async with connector, aclosing(connector.pages(None)) as pages:
        await caught_up(pages)
        qq.events.muted = True
        qq.says("lin", "nobody told you")
        page = await anext(page async for page in pages if page.records)
    assert texts(connector, page.records) == ["nobody told you"]


async def test_a_recall_is_told_at_once(qq: OneBotSimulator, ws: str) -> None:
    said = qq.says("lin", "my address is…")
    connector = listener(qq, ws)
    async with connector, aclosing(connector.pages(None)) as pages:
        [post] = items(connector, (await anext(pages)).records)
        await caught_up(pages)
        qq.recalls(said)
        [gone] = items(connector, (await anext(pages)).records)
    assert isinstance(post, Post)
    assert isinstance(gone, Deleted)
    assert gone.native_id == post.alias


async def test_events_of_other_groups_and_other_kinds_are_dropped(qq: OneBotSimulator, ws: str) -> None:
    family = qq.adds_group("Family")
    connector = listener(qq, ws, groups=[qq.group])
    async with connector, aclosing(connector.pages(None)) as pages:
        await caught_up(pages)
        qq.says("anna", "soup or salad?", group=family)
        qq.whispers("omar", "psst")
        qq.events.beats()
        qq.says("anna", "about my wallet")
        page = await anext(pages)
    assert texts(connector, page.records) == ["about my wallet"]


@pytest.mark.parametrize("qq_app", [LLONEBOT])
async def test_private_messages_are_heard_where_they_cannot_be_listed(qq: OneBotSimulator, ws: str) -> None:
    qq.says("anna", "hello")
    connector = listener(qq, ws, private_chats=True)
    async with connector, aclosing(connector.pages(None)) as pages:
        told = await caught_up(pages)
        qq.whispers("omar", "about my account")
        [post] = items(connector, (await anext(pages)).records)
    assert isinstance(post, Post)
    assert (post.text, post.public, told.warnings) == ("about my account", False, ())


async def test_a_heartbeat_that_says_offline_is_heard(qq: OneBotSimulator, ws: str) -> None:
    connector = listener(qq, ws)
    async with connector, aclosing(connector.pages(None)) as pages:
        await caught_up(pages)
        qq.goes_offline()
        qq.events.beats()
        with pytest.raises(AccountOfflineError):
            await anext(pages)


async def test_a_connection_that_ends_backs_off_and_what_was_missed_is_read(qq: OneBotSimulator, ws: str) -> None:
    connector = listener(qq, ws)
    async with connector:
        async with aclosing(connector.pages(None)) as pages:
            told = await caught_up(pages)
            qq.events.hangs_up()
            with pytest.raises(TransientError, match="event server ended"):
                await anext(pages)
        qq.says("anna", "while you were away")
        async with aclosing(connector.pages(told.cursor)) as pages:
            page = await anext(pages)
    assert texts(connector, page.records) == ["while you were away"]


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_a_refused_token_asks_a_person(qq: OneBotSimulator, ws: str) -> None:
    qq.says("anna", "one")
    connector = listener(qq, ws)
    qq.events.token_is_good = False
    async with connector, aclosing(connector.pages(None)) as pages:
        with pytest.raises(AuthError, match="HARBOR_ONEBOT_TOKEN"):
            await caught_then_next(pages)


async def caught_then_next(pages: AsyncGenerator[Page, None]) -> Page:
    """NapCat tells of a wrong token only once it is listened to."""
    await caught_up(pages)
    return await anext(pages)


async def test_an_address_where_nobody_listens_is_named(qq: OneBotSimulator, ws: str) -> None:
    connector = listener(qq, ws, events=ws.replace("/event", "/nothing"))
    async with connector, aclosing(connector.pages(None)) as pages:
        with pytest.raises((TransientError, AuthError)):
            await anext(pages)


async def test_the_check_listens_too(qq: OneBotSimulator, ws: str) -> None:
    qq.says("anna", "one")
    async with listener(qq, ws) as connector:
        good = (await connector.check())[-1]
        qq.events.token_is_good = False
        bad = (await connector.check())[-1]
    assert good == Finding("ok", "events can be heard")
    assert (bad.level, "HARBOR_ONEBOT_TOKEN" in bad.text) == ("failed", True)


async def test_no_secret_and_no_text_stands_in_a_log(
    qq: OneBotSimulator,
    ws: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    connector = listener(qq, ws)
    async with connector, aclosing(connector.pages(None)) as pages:
        await caught_up(pages)
        qq.says("anna", "my private worry")
        await anext(pages)
    assert qq.token not in caplog.text
    assert "worry" not in caplog.text


async def test_one_pass_of_the_desk_over_an_open_connection_ends_and_vouches(
    qq: OneBotSimulator, ws: str, community: Community
) -> None:
    config = config_for(qq, ws.removesuffix("/event").replace("ws://", "http://"), events=ws)
    async with Workplace(Settings(sources={"qq": config}, data=community.data), clock=community.clock) as work:
        qq.says("anna", "提现卡住了", at=community.clock())
        await poll(work)
        community.clock.pass_(minutes=1)
        qq.says("anna", "still stuck", at=community.clock())
        await poll(work)
        stored = dict(work.db.query("SELECT native_id, text FROM post"))
        vouched = work.db.query("SELECT to_at FROM coverage WHERE state = 'complete'")
    assert stored == {key: each.text for key, each in qq.truth().items()}
    assert vouched == [(community.clock(),)]


# Webhook


class HookStage:
    def __init__(self, qq: OneBotSimulator, qq_url: str) -> None:
        self.qq = qq
        self.url = qq_url

    def connector(self) -> PushConnector:
        return connector_for(self.qq, self.url, webhook_secret={"env": HOOK_ENV})

    def push(self, text: str) -> Push:
        self.qq.events.hook_url = "kept"
        self.qq.says("anna", text)
        headers, body = self.qq.events.signed(self.qq.events.pending.pop())
        return Push("POST", headers, {}, body)

    def forged(self, text: str) -> Push:
        headers, body = self.qq.events.signed({"self_id": self.qq.account, "raw_message": text}, secret="guess")
        return Push("POST", headers, {}, body)


class TestOneBotsWebhookOwes(PushContract):
    @pytest.fixture
    def push_stage(self, qq: OneBotSimulator, qq_url: str) -> HookStage:
        return HookStage(qq, qq_url)


@pytest.fixture
def hooked(qq: OneBotSimulator, qq_url: str) -> QQ:
    return connector_for(qq, qq_url, webhook_secret={"env": HOOK_ENV})


def test_the_signature_is_that_of_the_published_vector(
    qq: OneBotSimulator,
    qq_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = '{"post_type":"message","raw_message":"充值没到账"}'.encode()
    digest = "fc2cebf4da0c1ee1404b90c02dd7946940eefc8c"
    monkeypatch.setenv(HOOK_ENV, "onebot-secret")
    assert hmac.new(b"onebot-secret", body, hashlib.sha1).hexdigest() == digest
    connector = connector_for(qq, qq_url, webhook_secret={"env": HOOK_ENV})
    with pytest.raises(PushRefusedError, match="of another account"):  # it has passed the signature
        connector.receive(Push("POST", {"x-signature": f"sha1={digest}"}, {}, body))
    with pytest.raises(PushRefusedError, match="does not bear our signature"):
        connector.receive(Push("POST", {"x-signature": f"sha1={digest}"}, {}, body + b" "))


def test_an_answer_has_no_body_that_onebot_would_carry_out(qq: OneBotSimulator, hooked: QQ) -> None:
    headers, body = qq.events.signed({"post_type": "meta_event", "self_id": qq.account})
    assert hooked.receive(Push("POST", headers, {}, body)) == Received([], status=204)


def test_a_signed_call_that_is_no_json_object_is_refused(qq: OneBotSimulator, hooked: QQ) -> None:
    body = b"[1]"
    signature = hmac.new(qq.events.hook_secret.encode(), body, hashlib.sha1).hexdigest()
    with pytest.raises(PushRefusedError) as told:
        hooked.receive(Push("POST", {"x-signature": f"sha1={signature}"}, {}, body))
    assert told.value.status == 400


def test_a_source_without_a_webhook_refuses_calls(qq: OneBotSimulator, qq_url: str) -> None:
    headers, body = qq.events.signed({"self_id": qq.account})
    with pytest.raises(PushRefusedError, match="webhook_secret is not set"):
        connector_for(qq, qq_url).receive(Push("POST", headers, {}, body))


async def test_onebot_delivers_to_our_door(qq: OneBotSimulator, hooked: QQ) -> None:
    kept: list[dict[str, object]] = []

    async def handler(source: str, push: Push) -> Received:
        received = hooked.receive(push)
        kept.extend(json.loads(json.dumps(list(received.records))))
        return received

    async with serve(create_hooks(handler)) as door, httpx.AsyncClient() as client:
        qq.events.hook_url = f"{door}/hooks/qq"
        said = qq.says("anna", "one")
        qq.recalls(said)
        await qq.events.deliver(client)
    post, gone = items(hooked, kept)
    assert isinstance(post, Post)
    assert isinstance(gone, Deleted)
    assert (post.text, gone.native_id) == ("one", post.alias)
