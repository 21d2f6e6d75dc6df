"""QQ's official bot against the simulated platform: tokens, signed calls, the gateway."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from aggregator.config import Settings
from aggregator.demo.forum_faults import Fault
from aggregator.demo.qq_bot import QQBotSimulator
from aggregator.listener import serve
from aggregator.service import receiver
from aggregator.web.hooks import create_hooks
from aggregator.workplace import Workplace
from connectors.contract import Cursor, Deleted, Finding, Page, Post, Push, PushConnector, Received
from connectors.errors import (
    AuthError,
    ConnectorError,
    PushRefusedError,
    SourceGoneError,
    ThrottledError,
    TransientError,
)
from connectors.qq_bot import CLOCKS_DIFFER, KEPT, QQBot
from connectors.qq_bot.api import AccessToken
from connectors.qq_bot.webhook import signing_key
from connectors.secret import Secret
from connectors.websocket import JsonSocket, open_socket
from tests.conftest import START, Hands
from tests.contract_suite import PushContract, items, posts, texts

SECRET_ENV = "HARBOR_BOT_SECRET"
UNHEARD_OF: Cursor = {"unheard_since": START.timestamp()}  # at the gateway, without a session


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def bot(clock: Hands, monkeypatch: pytest.MonkeyPatch) -> QQBotSimulator:
    simulator = QQBotSimulator(clock)
    monkeypatch.setenv(SECRET_ENV, simulator.secret)
    # At DEBUG the simulator's server writes every header and frame.
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "level", logging.INFO)
    return simulator


@pytest.fixture
async def url(bot: QQBotSimulator) -> AsyncIterator[str]:
    async with serve(bot.app) as address:
        yield address


Source = Callable[..., QQBot]


@pytest.fixture
def source(bot: QQBotSimulator, url: str) -> Source:
    """Makes a new connector of the same source, as after a restart; it listens at the gateway."""

    def make(**settings: Any) -> QQBot:
        connector = QQBot("bot", config_for(bot, url, **settings), since=START)
        connector.clock = bot.clock
        return connector

    return make


def config_for(bot: QQBotSimulator, url: str, **settings: Any) -> QQBot.Config:
    usual = {"connector": "qq_bot", "app_id": bot.app_id, "secret": {"env": SECRET_ENV}, "api": url, "token_url": url}
    return QQBot.Config.model_validate(usual | {"way": "gateway", "timeout": 5} | settings)


def hooked(bot: QQBotSimulator, **settings: Any) -> QQBot:
    return QQBot("bot", config_for(bot, "http://127.0.0.1:9", **({"way": "webhook"} | settings)), since=START)


async def listens(connector: QQBot) -> None:
    """Poll once, as far as a webhook's poll goes."""
    async with connector:
        [page async for page in connector.pages(None)]


async def until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)


async def first_of(connector: QQBot, cursor: Cursor | None = None) -> Page:
    async with connector, aclosing(connector.pages(cursor or UNHEARD_OF)) as pages:
        return await anext(pages)


async def with_news(pages: AsyncGenerator[Page, None]) -> Page:
    """Commit pages until one brings something."""
    async for page in pages:
        if page.records:
            return page
    raise AssertionError("the pages ended")


# Tokens


async def test_a_token_is_fetched_once_and_renewed_in_its_last_minute(
    bot: QQBotSimulator, url: str, clock: Hands
) -> None:
    moments = [0.0, 1.0, 7100.0, 7155.0]
    token = AccessToken("bot", bot.app_id, Secret(env=SECRET_ENV), url, clock=lambda: moments[0])
    asked = []
    async with httpx.AsyncClient(auth=token, base_url=url) as client:
        while moments:
            clock.now = START + timedelta(seconds=moments[0])
            assert (await client.get("/users/@me")).is_success
            asked.append(bot.api.asked_for_tokens)
            moments.pop(0)
    assert asked == [1, 1, 1, 2]


async def test_a_short_lived_token_is_renewed_before_each_call(bot: QQBotSimulator, source: Source) -> None:
    bot.api.lives = timedelta(seconds=40)
    async with source(way="webhook") as connector:
        await connector.check()
        await connector.check()
    assert bot.api.asked_for_tokens == 2


async def test_a_revoked_token_is_fetched_again_once(bot: QQBotSimulator, source: Source) -> None:
    async with source(way="webhook") as connector:
        await connector.check()
        bot.api.revokes_tokens()
        assert (await connector.check())[0] == Finding("ok", "the bot is Harbor 助手 (102990001)")
    assert bot.api.asked_for_tokens == 2


async def test_a_wrong_secret_asks_a_person(bot: QQBotSimulator, source: Source) -> None:
    bot.api.secret_is_good = False
    with pytest.raises(AuthError, match=SECRET_ENV):
        await listens(source(way="webhook"))


@pytest.mark.parametrize("fault", ["500", "reset", "truncated", "timeout"])
@pytest.mark.parametrize("nth", [0, 1])
async def test_a_fault_backs_off(bot: QQBotSimulator, source: Source, fault: Fault, nth: int) -> None:
    async with source(way="webhook", timeout=1 if fault == "timeout" else 10) as connector:
        [await connector.check() for _ in range(nth)]  # by then there is a token
        bot.fail_next(fault)
        with pytest.raises(TransientError):
            [page async for page in connector.pages(None)]


@pytest.mark.parametrize("nth", [0, 1])
async def test_a_429_waits_as_long_as_the_platform_said(bot: QQBotSimulator, source: Source, nth: int) -> None:
    async with source(way="webhook") as connector:
        [await connector.check() for _ in range(nth)]  # by then there is a token
        bot.fail_next("429_json", wait=17)
        with pytest.raises(ThrottledError) as told:
            [page async for page in connector.pages(None)]
    assert 17 <= told.value.retry_after <= 20


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (11253, AuthError),
        (11265, SourceGoneError),
        (22009, ThrottledError),
        (11281, TransientError),
        (11243, AuthError),
    ],
)
async def test_a_code_in_the_body_says_what_happens_next(
    bot: QQBotSimulator, source: Source, code: int, error: type[ConnectorError]
) -> None:
    bot.api.code = code
    with pytest.raises(error):
        await listens(source(way="webhook"))


# Signed calls


class HookStage:
    def __init__(self, bot: QQBotSimulator) -> None:
        self.bot = bot
        bot.hook_url = "kept"

    def connector(self) -> PushConnector:
        return hooked(self.bot)

    def push(self, text: str) -> Push:
        self.bot.asks_bot("anna", text)
        return call_with(self.bot, self.bot.pending.pop())

    def forged(self, text: str) -> Push:
        return call_with(self.bot, {"op": 0, "t": "C2C_MESSAGE_CREATE", "d": {"content": text}}, secret="guess")


def call_with(bot: QQBotSimulator, payload: Any, secret: str | None = None) -> Push:
    headers, body = bot.signed(payload, secret)
    return Push("POST", headers, {}, body)


class TestQQsWebhookOwes(PushContract):
    @pytest.fixture
    def push_stage(self, bot: QQBotSimulator) -> HookStage:
        return HookStage(bot)


def test_the_key_is_that_of_the_published_vector() -> None:
    public = signing_key("naOC0ocQE3shWLAfffVLB1rhYPG7").public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert public.hex() == "d7c362fe78aef81ff23287b493628b5db02a3c4fe30b215e4d19609b5d76673a"


def test_the_signature_of_an_event_is_that_of_the_vector(bot: QQBotSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_ENV, "naOC0ocQE3shWLAfffVLB1rhYPG7")
    event = '"op":0,"s":7,"t":"GROUP_AT_MESSAGE_CREATE","d":{"content":" 提币卡住了"}}'
    body = f'{{"id":"GROUP_AT_MESSAGE_CREATE:evt-1",{event}'.encode()
    signature = (
        "8982116e7403a98798d6a09791cfccb353ed438791a8268b2c5374a0ebf4e430"
        "d794c5d9a3fee50c3aa4df630c5997bda5344012882553851fd5c8a09e39af06"
    )
    headers = {"x-bot-appid": bot.app_id, "x-signature-ed25519": signature, "x-signature-timestamp": "1725442341"}
    received = hooked(bot).receive(Push("POST", headers, {}, body))
    assert [record["id"] for record in received.records] == ["GROUP_AT_MESSAGE_CREATE:evt-1"]
    with pytest.raises(PushRefusedError, match="does not bear QQ's signature"):
        hooked(bot).receive(Push("POST", headers, {}, body.replace(b":7", b": 7")))


def test_a_validation_is_answered_as_the_published_vector_says(
    bot: QQBotSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "DG5g3B4j9X2KOErG"
    monkeypatch.setenv(SECRET_ENV, secret)
    asked = {"plain_token": "Arq0D5A61EgUu4OxUvOp", "event_ts": "1725442341"}
    received = hooked(bot).receive(call_with(bot, {"d": asked, "op": 13}, secret))
    assert json.loads(received.body) == {
        "plain_token": "Arq0D5A61EgUu4OxUvOp",
        "signature": "87befc99c42c651b3aac0278e71ada338433ae26fcb24307bdc5ad38c1adc2d0"
        "1bcfcadc0842edac85e85205028a1132afe09280305f13aa6909ffc2d652c706",
    }
    assert (received.records, received.status, received.content_type) == ([], 200, "application/json")


@pytest.mark.parametrize(
    "asked",
    [
        {"plain_token": '{"op":0,"t":"C2C_MESSAGE_CREATE"}', "event_ts": "1725442341"},
        {"plain_token": "abc", "event_ts": '1725442341{"op":0}'},
        {"plain_token": "abc"},
        "abc",
    ],
)
def test_a_validation_cannot_have_a_false_event_signed(bot: QQBotSimulator, asked: Any) -> None:
    with pytest.raises(PushRefusedError) as told:
        hooked(bot).receive(call_with(bot, {"op": 13, "d": asked}))
    assert told.value.status == 400


def test_an_unsigned_validation_is_not_answered(bot: QQBotSimulator) -> None:
    asked = {"op": 13, "d": {"plain_token": "abc", "event_ts": "1725442341"}}
    with pytest.raises(PushRefusedError):
        hooked(bot).receive(call_with(bot, asked, secret="guess"))


def test_an_event_is_answered_with_its_receipt_and_a_heartbeat_with_its_own(bot: QQBotSimulator) -> None:
    event = hooked(bot).receive(call_with(bot, {"op": 0, "t": "GROUP_ADD_ROBOT", "d": {}}))
    heartbeat = hooked(bot).receive(call_with(bot, {"op": 1, "d": 42}))
    assert event == Received([], body=b'{"op": 12, "d": 0}', content_type="application/json", heard=True)
    assert json.loads(heartbeat.body) == {"op": 11, "d": 42}


def test_a_call_for_another_bot_is_refused(bot: QQBotSimulator) -> None:
    call = call_with(bot, {"op": 0})
    with pytest.raises(PushRefusedError, match="another bot than"):
        hooked(bot, app_id="77").receive(call)


@pytest.mark.parametrize("signature", ["", "zz", "ab" * 64])
def test_a_signature_that_is_none_is_refused(bot: QQBotSimulator, signature: str) -> None:
    headers = {"x-bot-appid": bot.app_id, "x-signature-ed25519": signature, "x-signature-timestamp": "1"}
    with pytest.raises(PushRefusedError, match="does not bear QQ's signature"):
        hooked(bot).receive(Push("POST", headers, {}, b"{}"))


def test_a_signed_call_that_is_no_json_object_is_refused(bot: QQBotSimulator) -> None:
    with pytest.raises(PushRefusedError) as told:
        hooked(bot).receive(call_with(bot, [1]))
    assert told.value.status == 400


def test_a_source_that_listens_refuses_calls(bot: QQBotSimulator) -> None:
    with pytest.raises(PushRefusedError, match="listens at the gateway"):
        hooked(bot, way="gateway").receive(call_with(bot, {"op": 0}))


def test_only_the_places_that_are_named_are_read_and_private_talks(bot: QQBotSimulator) -> None:
    bot.hook_url = "kept"
    bot.asks_bot("anna", "ours")
    bot.asks_bot("anna", "soup?", group=bot.openid("group", "Family"))
    bot.tells_bot("anna", "in private")
    connector = hooked(bot, places={bot.group: "Harbor 1"})
    records = [record for payload in bot.pending for record in connector.receive(call_with(bot, payload)).records]
    assert [(item.text, item.place) for item in items(connector, records) if isinstance(item, Post)] == [
        ("ours", "Harbor 1"),
        ("in private", None),
    ]


def test_an_event_of_an_unknown_shape_is_kept_for_quarantine(bot: QQBotSimulator) -> None:
    bot.hook_url = "kept"
    bot.malformed()
    connector = hooked(bot, places={bot.group: "Harbor 1"})
    no_place = {"op": 0, "t": "GROUP_MESSAGE_CREATE", "d": {"id": "odd"}}
    for payload in (*bot.pending, no_place):
        assert list(connector.receive(call_with(bot, payload)).records) == [payload]


async def test_qq_tries_our_address_and_delivers_again_what_was_not_taken(bot: QQBotSimulator) -> None:
    connector, kept, troubles = hooked(bot), list[dict[str, Any]](), ["the disk is full"]

    async def handler(source: str, push: Push) -> Received:
        received = connector.receive(push)
        if received.records and troubles:
            raise PushRefusedError(troubles.pop(), status=503)
        kept.extend(received.records)
        return received

    async with serve(create_hooks(handler)) as door, httpx.AsyncClient() as client:
        bot.hook_url = f"{door}/hooks/bot"
        valid = await bot.validates(client)
        bot.asks_bot("anna", "one")
        await bot.deliver(client)
        after_failure = len(bot.pending)
        await bot.deliver(client)
    assert (valid, after_failure, bot.pending) == (True, 1, [])
    assert texts(connector, kept) == ["one"]


# The gateway


async def test_events_come_in_the_order_in_which_they_were_told(bot: QQBotSimulator, source: Source) -> None:
    connector = source(hears=["groups", "mentions_in_guilds"])
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        ready = await anext(pages)
        bot.says("anna", "one")
        bot.asks_bot("lin", "二 😡")
        bot.tells_bot("omar", "three")
        guild = bot.says_in_guild("mira", "four")
        bot.recalls(guild)
        records = [*(await with_news(pages)).records]
        while len(records) < 5:
            records += (await with_news(pages)).records
    found = items(connector, records)
    assert (ready.caught_up, list(ready.records)) == (True, [])
    assert [item.text for item in found if isinstance(item, Post)] == ["one", "二 😡", "three", "four"]
    assert found[-1] == Deleted(guild, None)
    assert {key: post.text for key, post in posts(connector, records).items()} == {
        key: truth.text for key, truth in bot.truth().items()
    }


async def test_what_was_said_while_we_were_away_is_replayed(bot: QQBotSimulator, source: Source) -> None:
    begun = await first_of(source())
    bot.says("anna", "while you were away")
    connector = source()
    async with connector, aclosing(connector.pages(begun.cursor)) as pages:
        page = await with_news(pages)
    assert texts(connector, page.records) == ["while you were away"]
    assert bot.gateway.heard[-1]["op"] == 6


async def test_what_was_not_committed_is_replayed(bot: QQBotSimulator, source: Source) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        committed = await anext(pages)
        bot.says("anna", "lost in a crash")
        lost = await anext(pages)
    again = source()
    page = await first_of(again, committed.cursor)
    assert texts(again, lost.records) == texts(again, page.records) == ["lost in a crash"]


async def test_a_poll_that_is_broken_off_has_closed_its_connection(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a commit that failed: it does not stay open until somebody tidies up."""
    closed: list[JsonSocket] = []

    @asynccontextmanager
    async def watched(*args: Any, **settings: Any) -> AsyncIterator[JsonSocket]:
        async with open_socket(*args, **settings) as socket:
            try:
                yield socket
            finally:
                closed.append(socket)

    monkeypatch.setattr("connectors.qq_bot.open_socket", watched)
    async with source() as connector:
        async with aclosing(connector.pages(UNHEARD_OF)) as pages:
            await anext(pages)
            assert closed == []
        assert len(closed) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_crashes_and_broken_connections_lose_nothing_that_a_session_holds(
    bot: QQBotSimulator, source: Source, seed: int
) -> None:
    records = await rough_day(bot, source, random.Random(seed))
    found = posts(source(), records)
    assert {key: post.text for key, post in found.items()} == {key: each.text for key, each in bot.truth().items()}


async def rough_day(bot: QQBotSimulator, source: Source, dice: random.Random) -> list[dict[str, Any]]:
    """What was committed in eight connections, of which most break, with a crash before a commit here and there."""
    kept: list[dict[str, Any]] = []
    cursor = (await first_of(source())).cursor
    for number in range(8):
        [bot.says("anna", f"{number}/{line}") for line in range(dice.choice((0, 1, 5, 150)))]
        connector = source()
        async with connector, aclosing(connector.pages(cursor)) as pages:
            with suppress(TransientError):
                async for page in pages:
                    if dice.random() < 0.2:
                        break
                    cursor, kept = page.cursor, [*kept, *page.records]
                    if page.caught_up:
                        bot.gateway.closes(dice.choice((1011, 4009)))
                        if dice.random() < 0.5:
                            break
    connector = source()
    async with connector, aclosing(connector.pages(cursor)) as pages:
        async for page in pages:
            kept += page.records
            if page.caught_up:
                break
    return kept


async def test_an_event_that_is_told_twice_is_one_post(bot: QQBotSimulator, source: Source) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.says("anna", "one")
        first = await with_news(pages)
        bot.gateway.sends_again()
        second = await with_news(pages)
    assert posts(connector, first.records) == posts(connector, second.records)


async def test_a_heartbeat_confirms_what_is_committed_and_its_answer_vouches(
    bot: QQBotSimulator, source: Source
) -> None:
    bot.gateway.interval = 20
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        vouched = await anext(pages)
    beats = [message["d"] for message in bot.gateway.heard if message["op"] == 1]
    assert (vouched.caught_up, list(vouched.records)) == (True, [])
    assert beats[0] == 1


async def test_a_heartbeat_vouches_for_nothing_while_a_replay_is_under_way(
    bot: QQBotSimulator, source: Source, clock: Hands
) -> None:
    def beats() -> int:
        return sum(message["op"] == 1 for message in bot.gateway.heard)

    begun = (await first_of(source())).cursor
    clock.pass_(minutes=1)
    asked = clock.now
    bot.gateway.interval, bot.gateway.replays_at_once = 20, False
    connector = source()
    async with connector, aclosing(connector.pages(begun)) as pages:
        resumed = asyncio.create_task(anext(pages))
        await until(lambda: beats() > 0)
        clock.pass_(minutes=1)
        before = beats()
        await until(lambda: beats() > before)
        bot.gateway.replays()
        replayed = await resumed
        complete_to = connector.complete_to
        vouched = await anext(pages)
    assert (replayed.cursor["heard_to"], complete_to) == (asked.timestamp(), asked)
    assert (vouched.cursor["heard_to"], connector.complete_to) == (clock.now.timestamp(), clock.now)


async def test_a_gateway_that_answers_no_heartbeat_is_left(bot: QQBotSimulator, source: Source) -> None:
    bot.gateway.interval = 20
    bot.gateway.answers_heartbeats = False
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        with pytest.raises(TransientError, match="no longer answers"):
            await anext(pages)


async def test_an_answer_that_came_during_a_long_commit_is_one(bot: QQBotSimulator, source: Source) -> None:
    def beats() -> int:
        return sum(message["op"] == 1 for message in bot.gateway.heard)

    bot.gateway.interval = 20
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.gateway.answers_heartbeats = False
        asked = asyncio.create_task(anext(pages))
        await until(lambda: beats() > 0)
        due = asyncio.get_running_loop().time() + bot.gateway.interval / 1000  # the next heartbeat, at the latest
        bot.says("anna", "what takes long to commit")
        await asked
        bot.gateway.sends({"op": 11})
        await until(lambda: asyncio.get_running_loop().time() >= due)
        page = await anext(pages)
    assert (page.caught_up, list(page.records)) == (True, [])


@pytest.mark.parametrize("how", ["op 7", "4009"])
async def test_when_qq_asks_for_it_we_connect_again_and_resume(bot: QQBotSimulator, source: Source, how: str) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.gateway.sends({"op": 7}) if how == "op 7" else bot.gateway.closes(4009)
        resumed = await anext(pages)
        bot.says("anna", "afterwards")
        page = await with_news(pages)
    assert resumed.caught_up
    assert texts(connector, page.records) == ["afterwards"]
    assert [message["op"] for message in bot.gateway.heard] == [2, 6]


async def test_what_comes_together_with_the_request_to_connect_again_is_kept(
    bot: QQBotSimulator, source: Source
) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.says("anna", "last words")
        bot.gateway.sends({"op": 7})
        page = await with_news(pages)
        bot.says("lin", "after")
        after = await with_news(pages)
    assert [texts(connector, each.records) for each in (page, after)] == [["last words"], ["after"]]


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        (4004, AuthError, SECRET_ENV),
        (4008, ThrottledError, "slow down"),
        (4013, ConnectorError, "update this program"),
        (4914, SourceGoneError, "offline or banned"),
        (4915, SourceGoneError, "offline or banned"),
        (1011, TransientError, "ended"),
    ],
)
async def test_how_the_connection_ends_says_what_happens_next(
    bot: QQBotSimulator, source: Source, code: int, error: type[ConnectorError], says: str
) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.gateway.closes(code)
        with pytest.raises(error, match=says):
            await anext(pages)


def ends(bot: QQBotSimulator, how: int | str) -> None:
    """The session is over: op 9, or the code of a closed connection."""
    bot.gateway.forgets_sessions(how if isinstance(how, int) else None)


@pytest.mark.parametrize("how", ["op 9", 4006, 4007, 4902])
async def test_after_a_lost_session_a_new_one_begins_and_the_time_between_them_is_told_as_a_gap(
    bot: QQBotSimulator, source: Source, clock: Hands, how: int | str
) -> None:
    begun = (await first_of(source())).cursor
    clock.pass_(minutes=3)
    connector = source()
    async with connector, aclosing(connector.pages(begun)) as pages:
        await anext(pages)
        heard = clock.now
        clock.pass_(minutes=1)
        ends(bot, how)
        bot.says("anna", "nobody hears me")
        lost = await anext(pages)
        clock.pass_(minutes=1)
        again = await anext(pages)
        bot.says("anna", "afterwards")
        news = await with_news(pages)
    assert (lost.cursor, lost.gaps) == ({"unheard_since": heard.timestamp()}, ())
    assert [(gap.start, gap.end) for gap in again.gaps] == [(heard - CLOCKS_DIFFER, clock.now + CLOCKS_DIFFER)]
    assert (again.caught_up, texts(connector, news.records), news.gaps) == (True, ["afterwards"], ())


async def test_a_session_that_nobody_resumes_for_a_day_takes_with_it_what_nobody_confirmed(
    bot: QQBotSimulator, source: Source, clock: Hands
) -> None:
    begun = await first_of(source())
    bot.says("anna", "this is confirmed")
    connector = source()
    async with connector, aclosing(connector.pages(begun.cursor)) as pages:
        committed = (await with_news(pages)).cursor
    await first_of(source(), committed)
    unconfirmed = bot.says("anna", "this is not")
    await until(lambda: not bot.gateway.is_heard)  # it has noticed that we are gone
    held = bot.undeliverable()
    clock.pass_(hours=25)
    assert (held, bot.undeliverable()) == (frozenset(), {unconfirmed})


async def test_a_new_session_that_is_lost_at_once_backs_off_and_its_token_is_not_blamed(
    bot: QQBotSimulator, source: Source
) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.gateway.sends({"op": 9, "d": False})
        lost = await anext(pages)
        with pytest.raises(TransientError, match="cannot be had any more"):
            await anext(pages)
    assert lost.cursor == UNHEARD_OF


async def test_from_when_nothing_is_heard_is_noted_before_anything_is_asked(source: Source, clock: Hands) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(None)) as pages:
        noted, begun = await anext(pages), None
        clock.pass_(seconds=40)
        begun = await anext(pages)
    assert (noted.cursor, noted.records, noted.caught_up) == (UNHEARD_OF, (), False)
    assert [(gap.start, gap.end) for gap in begun.gaps] == [(START - CLOCKS_DIFFER, clock.now + CLOCKS_DIFFER)]


@pytest.mark.parametrize(("minutes", "gaps"), [(4, 0), (40, 1)])
async def test_of_a_session_that_is_resumed_late_qq_may_not_have_kept_all(
    bot: QQBotSimulator, source: Source, clock: Hands, minutes: int, gaps: int
) -> None:
    begun = await first_of(source())
    bot.says("anna", "while you were away")
    clock.pass_(minutes=minutes)
    connector = source()
    async with connector, aclosing(connector.pages(begun.cursor)) as pages:
        resumed = [await anext(pages), await anext(pages)]
    told = [(gap.start, gap.end) for page in resumed for gap in page.gaps]
    assert told == [(START - CLOCKS_DIFFER, clock.now - KEPT)][:gaps]


async def test_a_right_that_the_bot_does_not_have_is_named(bot: QQBotSimulator, source: Source) -> None:
    with pytest.raises(AuthError, match="may not hear all that `hears` names"):
        await first_of(source(hears=["groups", "guilds"]))


async def test_a_removal_from_a_group_is_told_until_the_bot_is_back(bot: QQBotSimulator, source: Source) -> None:
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.kicks_bot()
        removed = await anext(pages)
        bot.says("anna", "nobody hears me")
        meanwhile = await anext(pages)
        bot.takes_bot_back()
        back = await anext(pages)
    warning = f"the bot was removed from group {bot.group}: add it again"
    assert [page.warnings for page in (removed, meanwhile, back)] == [(warning,), (warning,), ()]


async def test_a_removal_that_a_call_told_is_told_at_the_next_poll(bot: QQBotSimulator, source: Source) -> None:
    bot.hook_url = "kept"
    bot.kicks_bot()
    bot.kicks_bot(bot.openid("group", "Family"))
    async with source(way="webhook", places={bot.group: "Harbor 1"}) as connector:
        [connector.receive(call_with(bot, payload)) for payload in bot.pending]
        told = [page.warnings async for page in connector.pages(None)]
    assert told == [(f"the bot was removed from group {bot.group}: add it again",)]


async def test_a_gateway_that_cannot_be_reached_backs_off(bot: QQBotSimulator, source: Source) -> None:
    bot.api.gateway_url = "ws://127.0.0.1:9/websocket"
    with pytest.raises(TransientError, match="QQ's gateway cannot be reached"):
        await first_of(source())


async def test_no_secret_and_no_text_stands_in_a_log(
    bot: QQBotSimulator, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connector = source()
    async with connector, aclosing(connector.pages(UNHEARD_OF)) as pages:
        await anext(pages)
        bot.says("anna", "my private worry")
        await with_news(pages)
    assert [word for word in (bot.secret, "worry", "token-1-of-nobody") if word in caplog.text] == []


async def test_a_lost_session_is_shown_as_lost_time_and_listening_goes_on(
    bot: QQBotSimulator, url: str, clock: Hands, tmp_path: Any
) -> None:
    settings = Settings(sources={"bot": config_for(bot, url)}, data=tmp_path / "data")
    async with Workplace(settings, clock=clock) as work:
        source = work.poller.sources["bot"]
        await work.poller.poll(source, once=True)
        bot.gateway.forgets_sessions()
        clock.pass_(minutes=3)
        await work.poller.poll(source, once=True)
        states = work.db.query("SELECT to_at - from_at FROM coverage WHERE state = 'lost' ORDER BY from_at")
    assert states == [(2 * CLOCKS_DIFFER,), (timedelta(minutes=3) + 2 * CLOCKS_DIFFER,)]
    assert source.state == "ok"


# By webhook nobody can be asked


async def test_by_webhook_a_source_is_complete_up_to_the_last_genuine_call(
    bot: QQBotSimulator, url: str, clock: Hands, tmp_path: Any
) -> None:
    async def complete_to(work: Workplace) -> Any:
        await work.poller.poll(work.poller.sources["bot"], once=True)
        [(at,)] = work.db.query("SELECT max(to_at) FROM coverage WHERE state = 'complete'")
        return at

    settings = Settings(sources={"bot": config_for(bot, url, way="webhook")}, data=tmp_path / "data")
    bot.hook_url = "kept"
    bot.asks_bot("anna", "one")
    async with Workplace(settings, clock=clock) as work:
        receive, found = receiver(work), [await complete_to(work)]
        clock.pass_(minutes=4)
        with pytest.raises(PushRefusedError):
            await receive("bot", call_with(bot, bot.pending[0], secret="guess"))
        found.append(await complete_to(work))
        await receive("bot", call_with(bot, bot.pending[0]))
        clock.pass_(hours=1)
        found.append(await complete_to(work))
        await receive("bot", call_with(bot, {"op": 1, "d": 42}))
        found.append(await complete_to(work))
        lost = work.db.query("SELECT count(*) FROM coverage WHERE state = 'lost'")
    backfill, called, lived = START - timedelta(days=7), START + timedelta(minutes=4), clock.now
    assert found == [backfill, backfill, called, lived]
    assert lost == [(0,)]


@pytest.mark.parametrize(("minutes", "gaps"), [(4, 0), (40, 1)])
async def test_by_webhook_a_longer_time_in_which_we_did_not_run_is_told_as_a_gap_once(
    bot: QQBotSimulator, url: str, clock: Hands, minutes: int, gaps: int
) -> None:
    def started() -> QQBot:
        connector = QQBot("bot", config_for(bot, url, way="webhook"), since=START - timedelta(days=7))
        connector.clock = clock
        return connector

    async def polled(connector: QQBot, cursor: Cursor | None) -> Page:
        [page] = [page async for page in connector.pages(cursor)]
        return page

    async with started() as before:
        first = await polled(before, None)
        clock.pass_(hours=2)
        second = await polled(before, first.cursor)
    stopped = clock.now
    clock.pass_(minutes=minutes)
    async with started() as after:
        third = await polled(after, second.cursor)
    told = [(gap.start, gap.end) for page in (first, second, third) for gap in page.gaps]
    assert told == [(stopped - CLOCKS_DIFFER, clock.now)][:gaps]


# Settings and the check


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"app_id": "abc"}, "String should match pattern"),
        ({"hears": []}, "at least 1 item"),
        ({"hears": ["everything"]}, "Input should be"),
        ({"secret": "plain"}, "a secret may not stand in this file"),
    ],
)
def test_settings_that_cannot_work_are_refused(bot: QQBotSimulator, settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        config_for(bot, "http://127.0.0.1:9", **settings)


async def test_the_check_tells_what_is_left_to_do(bot: QQBotSimulator, source: Source) -> None:
    bot.api.sessions_left = 0
    async with source() as connector, source(way="webhook") as called:
        listening, webhook = await connector.check(), await called.check()
    assert [finding.level for finding in listening] == ["ok", "warning", "ok"]
    assert listening[1].text == "0 of 1000 connections are left today"
    assert webhook[1].text.startswith("QQ must call /hooks/bot")


def test_both_ways_share_one_space_and_the_channel_of_qq(bot: QQBotSimulator) -> None:
    connector = hooked(bot)
    assert (connector.space, connector.channel) == (f"qqbot/{bot.app_id}", "qq")
