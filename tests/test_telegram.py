"""The Telegram connector against a simulated Bot API."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram.error import BadRequest, Forbidden

from aggregator.demo.telegram import TelegramSimulator
from aggregator.demo.telegram.bot_api import Fault
from aggregator.demo.truth import Truth
from aggregator.listener import serve
from connectors.contract import Counts, Cursor, Finding, Moved, Post, Push, PushConnector
from connectors.errors import (
    AuthError,
    CursorExpiredError,
    PushRefusedError,
    ReplyRefusedError,
    SourceGoneError,
    ThrottledError,
    TransientError,
)
from connectors.replying import Asked, Outgoing, measured
from connectors.telegram import PASSING_CONFLICTS, PRIVACY_MODE, Telegram, bot_api
from connectors.telegram.replies import refusal
from tests.contract_suite import Drained, PullContract, PushContract, drain, items, posts, refused, texts
from tests.reply_contract import KEY, TEXT, ReplyContract, an_answer, asked_in

TOKEN_ENV = "HARBOR_BOT_TOKEN"
HOOK_ENV = "HARBOR_HOOK_SECRET"
HOOK_SECRET = "hook-secret-of-nobody"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telegram(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> TelegramSimulator:
    simulator = TelegramSimulator(clock)
    monkeypatch.setenv(TOKEN_ENV, simulator.token)
    monkeypatch.setenv(HOOK_ENV, HOOK_SECRET)
    return simulator


@pytest.fixture
async def url(telegram: TelegramSimulator) -> AsyncIterator[str]:
    async with serve(telegram.app) as address:
        yield address


Source = Callable[..., Telegram]


@pytest.fixture
def source(telegram: TelegramSimulator, url: str) -> Source:
    """Makes a new connector of the same source, as after a restart; long polls end at once."""
    return lambda **settings: connector_for(telegram, url, **settings)


def connector_for(telegram: TelegramSimulator, url: str, **settings: Any) -> Telegram:
    usual = {"connector": "telegram", "token": {"env": TOKEN_ENV}, "chats": [telegram.group], "api": url}
    config = Telegram.Config.model_validate(usual | {"long_poll": 0} | settings)
    return Telegram("community", config, since=SINCE)


def polls(telegram: TelegramSimulator) -> list[dict[str, Any]]:
    return [parameters for method, parameters in telegram.api.calls if method == "getUpdates"]


async def first_text(connector: Telegram, cursor: Cursor | None = None) -> str:
    async with connector, aclosing(connector.pages(cursor)) as pages:
        async for page in pages:
            return texts(connector, page.records)[0]
    return "nothing came"


def as_truth(post: Post) -> Truth:
    assert post.author is not None
    assert post.thread is not None
    assert post.posted_at is not None
    return Truth(post.native_id, post.text, post.author.native_id, post.thread, post.posted_at, deleted=False)


class Stage:
    """The simulator as the contract suite plays it."""

    credential = TOKEN_ENV
    many = 25

    def __init__(self, telegram: TelegramSimulator, url: str) -> None:
        telegram.api.most_per_answer = 10
        self.secret = telegram.token
        self.telegram = telegram
        self.url = url

    def connector(self) -> Telegram:
        return connector_for(self.telegram, self.url)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.telegram.says("anna_w", text)

    def says_something_unreadable(self) -> None:
        self.telegram.malformed()

    def fails_next(self, fault: Fault) -> None:
        self.telegram.fail_next(fault, method="getUpdates")

    def asks_to_wait(self, seconds: int) -> None:
        self.telegram.fail_next("429", retry_after=seconds)

    def refuses_login(self) -> None:
        self.telegram.token_is_good = False


class TestTelegramOwes(PullContract):
    @pytest.fixture
    def stage(self, telegram: TelegramSimulator, url: str, monkeypatch: pytest.MonkeyPatch) -> Stage:
        monkeypatch.setattr(bot_api, "ANSWER_WITHIN", 0.5)
        return Stage(telegram, url)


class HookStage:
    def __init__(self, telegram: TelegramSimulator, url: str) -> None:
        self.telegram = telegram
        self.url = url

    def connector(self) -> PushConnector:
        return connector_for(self.telegram, self.url, webhook_secret={"env": HOOK_ENV})

    def push(self, text: str) -> Push:
        self.telegram.says("anna_w", text)
        update = self.telegram.queue.first(100)[-1]
        return hook_call(update, HOOK_SECRET)

    def forged(self, text: str) -> Push:
        return hook_call({"update_id": 1, "message": {"text": text}}, "guess")


def hook_call(update: object, secret: str) -> Push:
    headers = {"x-telegram-bot-api-secret-token": secret, "content-type": "application/json"}
    return Push("POST", headers, {}, json.dumps(update).encode())


class TestTelegramsWebhookOwes(PushContract):
    @pytest.fixture
    def push_stage(self, telegram: TelegramSimulator, url: str) -> HookStage:
        return HookStage(telegram, url)


# Confirming


async def test_a_page_is_confirmed_only_after_its_commit(telegram: TelegramSimulator, source: Source) -> None:
    telegram.says("anna_w", "one")
    async with source() as connector, aclosing(connector.pages(None)) as pages:
        await anext(pages)
        waiting_before_commit = len(telegram.queue)
        await anext(pages, None)
    assert (waiting_before_commit, len(telegram.queue)) == (1, 0)


async def test_nothing_is_missing_doubled_or_changed_after_a_busy_hour(
    telegram: TelegramSimulator, source: Source
) -> None:
    news = telegram.adds_channel("Harbor News", discussed_in=telegram.group)
    telegram.forgets_to_watch(news)
    question = telegram.says("anna_w", "😡 my swap failed @harbordesk_bot", topic="Swaps")
    telegram.says("lin", "我也是", topic="Swaps", reply_to=question)
    telegram.edits(question, "😡 my swap failed twice")
    telegram.sends_album("anna_w", "证据", topic="Swaps")
    telegram.joins("newcomer")
    telegram.malformed()
    telegram.unknown()
    telegram.tells_bot("omar", "can you help me in private?")
    telegram.forwards("lin", "send your phrase to me", written_by="harb0r_support")
    telegram.admin_says("we are on it", topic="Swaps", reply_to=question)
    telegram.channel_says("Swaps are paused", news)
    connector = source()
    done = await drain(connector)
    assert {key: as_truth(post) for key, post in posts(connector, done.records).items()} == telegram.truth()
    assert len(telegram.truth()) == 9
    assert refused(connector, done.records) == 2


async def test_a_channel_and_its_discussion_group_tell_a_post_once(telegram: TelegramSimulator, source: Source) -> None:
    news = telegram.adds_channel("Harbor News", discussed_in=telegram.group)
    post = telegram.channel_says("Swaps are paused", news)
    telegram.edits(post, "Swaps work again")
    connector = source(chats=[telegram.group, news])
    found = posts(connector, (await drain(connector)).records)
    assert {key: as_truth(each) for key, each in found.items()} == telegram.truth()
    assert [each.text for each in found.values()] == ["Swaps work again"]


async def test_what_nobody_fetched_within_a_day_is_gone(
    telegram: TelegramSimulator, source: Source, clock: Clock
) -> None:
    old = telegram.says("anna_w", "too old")
    clock.now += timedelta(hours=25)
    telegram.says("anna_w", "in time")
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["in time"]
    assert telegram.undeliverable() == {old}
    assert old not in telegram.truth()


# Update ids and kinds


async def test_ids_that_start_anew_lower_after_a_quiet_week_lose_nothing(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.says("anna_w", "before")
    async with source() as connector:
        cursor = [page.cursor async for page in connector.pages(None)][-1]
        telegram.queue.go_on_from(cursor["offset"] - 3)
        telegram.says("anna_w", "after")
        after = [page async for page in connector.pages(cursor)]
    assert texts(connector, after[0].records) == ["after"]
    assert after[-1].cursor["offset"] <= cursor["offset"]


async def test_another_bot_begins_anew_and_what_only_the_former_one_was_told_is_said_to_be_lost(
    telegram: TelegramSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram.says("anna_w", "before")
    first = await drain(source())
    telegram.token = "42:simulated-Token-of_another"
    monkeypatch.setenv(TOKEN_ENV, telegram.token)
    telegram.queue.go_on_from(7)
    telegram.says("anna_w", "to the new one")
    with pytest.raises(CursorExpiredError, match="another bot's now"):
        await drain(source(), first)
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["to the new one"]


async def test_ids_that_start_anew_far_below_are_read_after_a_restart_too(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.says("anna_w", "before")
    first = await drain(source())
    telegram.queue.go_on_from(7)
    telegram.says("anna_w", "after")
    second = await drain(source(), first)
    telegram.says("anna_w", "later")
    connector = source()
    third = await drain(connector, second)
    assert texts(connector, third.records) == ["before", "after", "later"]


async def test_kinds_that_somebody_else_asked_for_do_not_make_us_deaf(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.queue.allow(["callback_query"])
    await drain(source())
    telegram.says("anna_w", "one")
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["one"]


async def test_reactions_are_counted_where_the_bot_is_an_administrator(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.promotes_bot(telegram.group)
    connector = source()
    await drain(connector)
    post = telegram.says("anna_w", "one")
    telegram.reacts(post, "lin")
    telegram.counts_reactions(post, 3)
    read = items(connector, (await drain(connector)).records)
    assert read[1:] == [Counts(post, likes=3)]


# Long polls


async def test_a_long_poll_returns_when_something_arrives(telegram: TelegramSimulator, source: Source) -> None:
    reading = asyncio.create_task(first_text(source(long_poll=50)))
    await telegram.queue.is_awaited.wait()
    telegram.says("anna_w", "here I am")
    assert await asyncio.wait_for(reading, 5) == "here I am"


async def test_of_two_that_poll_one_bot_the_first_is_ended_and_tries_again(
    telegram: TelegramSimulator, source: Source
) -> None:
    first = asyncio.create_task(first_text(source(long_poll=50)))
    await telegram.queue.is_awaited.wait()
    second = asyncio.create_task(first_text(source(long_poll=50)))
    with pytest.raises(TransientError, match=f"another program polls the bot of {{env: {TOKEN_ENV}}}"):
        await asyncio.wait_for(first, 5)
    telegram.says("anna_w", "one")
    assert await asyncio.wait_for(second, 5) == "one"


async def test_a_second_poller_that_goes_on_asks_a_person_though_some_messages_come(
    telegram: TelegramSimulator, source: Source
) -> None:
    connector = source()
    await ended_by_another(telegram, connector, PASSING_CONFLICTS - 1)
    telegram.says("anna_w", "one of those that we get")
    assert await first_text(connector) == "one of those that we get"
    await ended_by_another(telegram, connector, 1)
    telegram.fail_next("409_poller")
    with pytest.raises(AuthError, match="another program polls the bot"):
        await drain(connector)
    await ended_by_another(telegram, connector, 1)  # whoever lets it go on begins anew


async def test_a_second_poller_that_has_gone_is_forgotten(telegram: TelegramSimulator, source: Source) -> None:
    connector = source()
    await ended_by_another(telegram, connector, PASSING_CONFLICTS)
    await drain(connector)
    await ended_by_another(telegram, connector, PASSING_CONFLICTS)


async def ended_by_another(telegram: TelegramSimulator, connector: Telegram, times: int) -> None:
    for _ in range(times):
        telegram.fail_next("409_poller")
        with pytest.raises(TransientError, match="another program polls the bot"):
            await drain(connector)


# Which chats


async def test_a_chat_that_is_not_configured_is_named_and_nothing_of_it_is_kept(
    telegram: TelegramSimulator, source: Source
) -> None:
    family = telegram.adds_chat("Family dinner", watched=False)
    telegram.says("anna_w", "soup or salad?", chat=family)
    done = await drain(source())
    assert done.records == []
    assert done.warnings == (f"the bot also sits in chat {family}, which is not configured: nothing of it is kept",)
    assert len(telegram.queue) == 0
    assert telegram.truth() == {}


async def test_private_chats_are_not_public_and_can_be_left_out(telegram: TelegramSimulator, source: Source) -> None:
    telegram.tells_bot("omar", "it is about my account")
    left_out = await drain(source(private_chats=False))
    telegram.tells_bot("omar", "hello?")
    connector = source()
    found = posts(connector, (await drain(connector)).records).values()
    assert left_out.records == []
    assert [(post.text, post.public) for post in found] == [("hello?", False)]


async def test_privacy_mode_is_told_before_anything_arrives_and_taken_back(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.privacy_mode = True
    telegram.says("anna_w", "nobody hears me")
    async with source() as connector:
        told = [page async for page in connector.pages(None)]
        again = [page async for page in connector.pages(told[-1].cursor)]
        telegram.privacy_mode = False
        after = [page async for page in connector.pages(told[-1].cursor)]
    assert [page.warnings for page in told] == [(PRIVACY_MODE,)]
    assert again == []
    assert [page.warnings for page in after] == [()]
    assert telegram.truth() == {}


async def test_a_removal_from_one_of_two_chats_is_told_until_the_bot_is_back(
    telegram: TelegramSimulator, source: Source
) -> None:
    other = telegram.adds_chat("Harbor 中文")
    chats = [telegram.group, other]
    telegram.kicks_bot(other)
    removed = await drain(source(chats=chats))
    telegram.says("anna_w", "still here")
    reading = await drain(source(chats=chats), removed)
    telegram.takes_bot_back(other)
    back = await drain(source(chats=chats), reading)
    warning = f"the bot was removed from chat {other}: add it again"
    assert (removed.warnings, reading.warnings, back.warnings) == ((warning,), (warning,), ())


async def test_a_removal_from_the_only_chat_stops_the_source_after_its_commit(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.says("anna_w", "last words")
    telegram.kicks_bot()
    with pytest.raises(SourceGoneError, match="removed from every chat"):
        await drain(source(private_chats=False))
    assert len(telegram.queue) == 0


async def test_a_removal_from_the_only_chat_is_told_and_private_chats_are_read_on(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.kicks_bot()
    removed = await drain(source())
    telegram.tells_bot("omar", "my funds are gone")
    connector = source()
    done = await drain(connector, removed)
    assert removed.warnings == done.warnings == (f"the bot was removed from chat {telegram.group}: add it again",)
    assert texts(connector, done.records) == ["my funds are gone"]


async def test_a_source_that_was_stopped_goes_on_when_the_bot_is_back(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.kicks_bot()
    gone = {"offset": 0, "moved": {}, "left": [telegram.group]}
    telegram.takes_bot_back()
    telegram.says("anna_w", "welcome back")
    connector = source()
    done = await drain(connector, Drained(gone))
    assert texts(connector, done.records) == ["welcome back"]


async def test_a_group_that_becomes_a_supergroup_goes_on_under_its_new_id(
    telegram: TelegramSimulator, source: Source
) -> None:
    beta = telegram.adds_chat("Harbor Beta", "group")
    telegram.says("anna_w", "before", chat=beta)
    new = telegram.migrates(beta)
    first = await drain(source(chats=[beta]))
    telegram.says("anna_w", "after", chat=new)
    connector = source(chats=[beta])
    second = await drain(connector, first)
    moves = [item for item in items(connector, second.records) if isinstance(item, Moved)]
    assert texts(connector, second.records) == ["before", "after"]
    assert moves == [Moved(str(beta), str(new))] * 2
    assert second.warnings == (f"chat {beta} became chat {new}: write {new} in `chats`",)
    assert set(posts(connector, second.records)) == set(telegram.truth())


async def test_a_move_that_the_new_chat_tells_first_is_followed(telegram: TelegramSimulator, source: Source) -> None:
    beta = telegram.adds_chat("Harbor Beta", "group")
    new = telegram.migrates(beta)
    telegram.says("anna_w", "after", chat=new)
    telegram.queue.confirm(telegram.queue.first(1)[0]["update_id"] + 1)
    connector = source(chats=[beta])
    assert texts(connector, (await drain(connector)).records) == ["after"]


# Failures


@pytest.mark.parametrize("method", ["getMe", "getUpdates"])
@pytest.mark.parametrize("fault", ["500", "reset", "truncated", "html"])
async def test_a_failed_call_backs_off_and_loses_nothing(
    telegram: TelegramSimulator, source: Source, fault: Fault, method: str
) -> None:
    telegram.says("anna_w", "one")
    telegram.fail_next(fault, method=method)
    with pytest.raises(TransientError, match="community: Telegram cannot be reached or understood"):
        await drain(source())
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["one"]


async def test_an_answer_lost_after_a_commit_loses_and_doubles_nothing(
    telegram: TelegramSimulator, source: Source
) -> None:
    telegram.api.most_per_answer = 1
    telegram.says("anna_w", "one")
    telegram.says("anna_w", "two")
    first = await drain(source(), pages=1)
    telegram.fail_next("reset", method="getUpdates")
    with pytest.raises(TransientError):
        await drain(source(), first)
    connector = source()
    done = await drain(connector, first)
    assert [post.text for post in items(connector, done.records) if isinstance(post, Post)] == ["one", "two"]


async def test_an_answer_that_is_falsely_empty_loses_nothing(telegram: TelegramSimulator, source: Source) -> None:
    telegram.says("anna_w", "one")
    telegram.fail_next("empty")
    async with source() as connector:
        empty = [page async for page in connector.pages(None)]
        then = [page async for page in connector.pages(None)]
    assert empty == []
    assert texts(connector, then[0].records) == ["one"]


async def test_no_text_of_an_answer_cut_short_is_logged(
    telegram: TelegramSimulator, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    telegram.says("anna_w", "my secret worry " * 20)
    telegram.fail_next("truncated", method="getUpdates")
    with pytest.raises(TransientError) as told:
        await drain(source())
    assert "worry" not in caplog.text + str(told.value)
    assert told.value.__cause__ is told.value.__context__ is None


@pytest.mark.parametrize("timedeltas", ["false", "true"])
async def test_a_429_is_understood_in_both_types_of_the_library(
    telegram: TelegramSimulator, source: Source, monkeypatch: pytest.MonkeyPatch, timedeltas: str
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", timedeltas)
    telegram.fail_next("429", retry_after=14)
    with pytest.raises(ThrottledError, match="wait 14 s") as told:
        await drain(source())
    assert told.value.retry_after == 14


async def test_a_refused_token_names_where_the_token_is(telegram: TelegramSimulator, source: Source) -> None:
    telegram.fail_next("401")
    with pytest.raises(AuthError, match=f"refused the token {{env: {TOKEN_ENV}}}"):
        await drain(source())


async def test_an_address_without_a_bot_api_asks_a_person_too(url: str, source: Source) -> None:
    with pytest.raises(AuthError, match="refused the token"):
        await drain(source(api=f"{url}/somewhere/else"))


async def test_a_renewed_token_file_is_taken_up_without_a_restart(
    telegram: TelegramSimulator, source: Source, tmp_path: Path
) -> None:
    held = tmp_path / "token"
    held.write_text("1:expired")
    telegram.says("anna_w", "one")
    async with source(token={"file": str(held)}) as connector:
        with pytest.raises(AuthError, match=str(held)):
            await anext(connector.pages(None))
        held.write_text(telegram.token)
        page = await anext(connector.pages(None))
    assert texts(connector, page.records) == ["one"]


# Webhooks


async def set_webhook(url: str, telegram: TelegramSimulator, target: str) -> None:
    """As an operator does it: with a call of its own, no connector."""
    api = bot_api.BotApi("operator", connector_for(telegram, url).config.token, url)
    await api.call("setWebhook", url=target, secret_token=HOOK_SECRET)
    await api.close()


async def test_a_webhook_in_the_way_asks_a_person(telegram: TelegramSimulator, source: Source, url: str) -> None:
    await set_webhook(url, telegram, "https://elsewhere.example/hook")
    with pytest.raises(AuthError, match="owns_bot: true"):
        await drain(source())
    assert telegram.api.webhook["url"] == "https://elsewhere.example/hook"


async def test_who_owns_the_bot_takes_it_from_the_webhook_with_all_that_waits(
    telegram: TelegramSimulator, source: Source, url: str
) -> None:
    await set_webhook(url, telegram, "https://elsewhere.example/hook")
    telegram.says("anna_w", "one")
    connector = source(owns_bot=True)
    assert texts(connector, (await drain(connector)).records) == ["one"]
    assert telegram.api.webhook["url"] == ""


async def test_telegram_delivers_to_our_webhook_in_order(telegram: TelegramSimulator, source: Source, url: str) -> None:
    family = telegram.adds_chat("Family dinner", watched=False)
    connector = source(webhook_secret={"env": HOOK_ENV})
    kept: list[dict[str, Any]] = []

    async def hook(request: Request) -> Response:
        push = Push(request.method, dict(request.headers), dict(request.query_params), await request.body())
        received = connector.receive(push)
        kept.extend(received.records)
        return Response(received.body, received.status, media_type=received.content_type)

    async with serve(Starlette(routes=[Route("/hooks/community", hook, methods=["POST"])])) as hooks:
        await set_webhook(url, telegram, f"{hooks}/hooks/community")
        telegram.says("anna_w", "one")
        telegram.says("anna_w", "soup?", chat=family)
        telegram.says("anna_w", "two")
        delivered = await telegram.api.push()
    assert delivered == 3
    assert texts(connector, kept) == ["one", "two"]


async def test_a_source_with_a_webhook_does_not_poll_and_tells_when_none_is_set(
    telegram: TelegramSimulator, source: Source
) -> None:
    done = await drain(source(webhook_secret={"env": HOOK_ENV}))
    assert ["no webhook is set" in warning for warning in done.warnings] == [True]
    assert polls(telegram) == []


async def test_a_webhook_learns_at_start_which_groups_have_moved(telegram: TelegramSimulator, source: Source) -> None:
    beta = telegram.adds_chat("Harbor Beta", "group")
    new = telegram.migrates(beta)
    telegram.says("anna_w", "after", chat=new)
    async with source(chats=[beta], webhook_secret={"env": HOOK_ENV}) as connector:
        received = connector.receive(hook_call(telegram.queue.first(10)[-1], HOOK_SECRET))
    assert texts(connector, received.records) == ["after"]


def test_a_webhook_call_that_is_no_json_is_refused(telegram: TelegramSimulator) -> None:
    connector = connector_for(telegram, "http://127.0.0.1:9", webhook_secret={"env": HOOK_ENV})
    broken = Push("POST", {"x-telegram-bot-api-secret-token": HOOK_SECRET}, {}, b"\xff{")
    with pytest.raises(PushRefusedError) as told:
        connector.receive(broken)
    assert told.value.status == 400


def test_a_polled_source_refuses_webhook_calls(telegram: TelegramSimulator) -> None:
    with pytest.raises(PushRefusedError, match="webhook_secret is not set"):
        connector_for(telegram, "http://127.0.0.1:9").receive(hook_call({"update_id": 1}, ""))


# Settings and the check


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"chats": []}, "at least 1 item"),
        ({"long_poll": 51}, "less than or equal to 50"),
        ({"owns_bot": True, "webhook_secret": {"env": HOOK_ENV}}, "choose one"),
        ({"token": "5:plain"}, "a secret may not stand in this file"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    telegram: TelegramSimulator, settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        connector_for(telegram, "http://127.0.0.1:9", **settings)


async def test_the_check_finds_nothing_wrong_where_all_is_well(telegram: TelegramSimulator, source: Source) -> None:
    async with source() as connector:
        found = await connector.check()
    assert found == [
        Finding("ok", "the bot is @harbordesk_bot"),
        Finding("ok", f"chat {telegram.group} can be read"),
    ]


async def test_the_check_tells_of_every_chat_that_cannot_be_read(
    telegram: TelegramSimulator, source: Source, url: str
) -> None:
    telegram.privacy_mode = True
    beta = telegram.adds_chat("Harbor Beta", "group")
    news = telegram.adds_channel("Harbor News")
    left = telegram.adds_chat("Left")
    admin = telegram.adds_chat("Admin", admin=True)
    new = telegram.migrates(beta)
    telegram.bot_status |= {news: "member", left: "left"}
    kicked = telegram.adds_chat("Kicked")
    telegram.kicks_bot(kicked)
    await set_webhook(url, telegram, "https://elsewhere.example/hook")
    async with source(chats=[telegram.group, beta, news, left, kicked, admin, -1009]) as connector:
        found = {finding.text: finding.level for finding in await connector.check()}
    assert found == {
        "the bot is @harbordesk_bot": "ok",
        PRIVACY_MODE: "warning",
        f"chat {telegram.group}: only commands and replies can be read (privacy mode)": "warning",
        f"chat {beta} became a supergroup: write {new} instead": "warning",
        f"chat {news}: a bot reads a channel only as its administrator": "failed",
        f"chat {left}: the bot is not in it (left): add it": "failed",
        f"chat {kicked}: there is none, or the bot is not in it: add the bot": "failed",
        f"chat {admin} can be read": "ok",
        "chat -1009: there is none, or the bot is not in it: add the bot": "failed",
        "a webhook is set for this bot, so it cannot be polled: delete it, or set owns_bot: true": "failed",
    }


async def test_the_bot_can_write_and_is_not_told_of_it(telegram: TelegramSimulator, source: Source, url: str) -> None:
    question = telegram.says("anna_w", "where is my swap?")
    api = bot_api.BotApi("operator", connector_for(telegram, url).config.token, url)
    await api.call(
        "sendMessage",
        chat_id=telegram.group,
        text="On its way",
        reply_parameters={"message_id": int(question.partition("/")[2])},
    )
    await api.close()
    connector = source()
    assert [message["text"] for message in telegram.sent] == ["On its way"]
    assert texts(connector, (await drain(connector)).records) == ["where is my swap?"]


class ReplyStage(Stage):
    """Telegram as the suite of answers plays it."""

    comes_back = False
    now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __init__(self, telegram: TelegramSimulator, url: str) -> None:
        super().__init__(telegram, url)
        self.told: list[dict[str, Any]] = []

    async def asked(self) -> Asked:
        self.telegram.says("lin", "转账没到", topic="Withdrawals")
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[dict[str, Any]]:
        self.told += (await drain(self.connector())).records  # Telegram tells each update once
        return self.told

    def unreachable(self) -> Telegram:
        return connector_for(self.telegram, "http://127.0.0.1:9")

    def said(self) -> list[str]:
        return [message["text"] for message in self.telegram.sent]

    def loses_receipt(self) -> None:
        self.telegram.fail_next("reset", method="sendMessage")

    def fails_next(self) -> None:
        self.telegram.fail_next("500", method="sendMessage")

    def refuses(self) -> None:
        self.telegram.fail_next("403", method="sendMessage")

    def asks_to_wait(self, seconds: int) -> None:
        self.telegram.fail_next("429", method="sendMessage", retry_after=seconds)

    def refuses_login(self) -> None:
        self.telegram.token_is_good = False


class TestTelegramReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, telegram: TelegramSimulator, url: str) -> ReplyStage:
        return ReplyStage(telegram, url)


async def test_an_answer_stands_below_the_message_in_its_topic(telegram: TelegramSimulator, url: str) -> None:
    stage = ReplyStage(telegram, url)
    async with an_answer(stage) as (connector, outgoing):
        sent = await connector.reply(outgoing)
    (_, request) = telegram.api.calls[-1]
    assert request["reply_parameters"]["message_id"] == int(outgoing.to.native_id.rpartition("/")[2])
    assert request["message_thread_id"] == telegram.topic("Withdrawals")
    assert request["link_preview_options"] == {"is_disabled": True}
    place = f"{telegram.topic('Withdrawals')}/{telegram.sent[0]['message_id']}"
    assert sent.permalink == f"https://t.me/harborwallet/{place}"


async def test_an_answer_to_a_channels_direct_message_goes_to_whom_it_answers(
    telegram: TelegramSimulator, url: str
) -> None:
    chat = telegram.adds_direct_messages("Harbor News Direct")
    connector = connector_for(telegram, url, chats=[chat])
    telegram.writes_to_channel("mira", "me too", chat)
    telegram.writes_to_channel("lin", "转账没到", chat)
    records = (await drain(connector)).records
    async with connector:
        sent = await connector.reply(Outgoing(KEY, TEXT, asked_in(connector, records), "amy", datetime.now(UTC)))
    (_, request) = telegram.api.calls[-1]
    assert len({post.thread for post in posts(connector, records).values()}) == 2
    assert (request["direct_messages_topic_id"], sent.permalink) == (telegram.user("lin")["id"] * 1000, None)


async def test_an_answer_to_a_group_that_became_a_supergroup_goes_there(
    telegram: TelegramSimulator, url: str, source: Source
) -> None:
    old = telegram.adds_chat("Small talk", "group")
    telegram.says("lin", "转账没到", chat=old)
    connector = source(chats=[old])
    asked = asked_in(connector, (await drain(connector)).records)
    new = telegram.migrates(old)
    async with source(chats=[old]) as connector:
        sent = await connector.reply(Outgoing("k", "One moment", asked, "amy", SINCE))
    assert sent.native_id == f"{new}/{telegram.sent[0]['message_id']}"
    assert [message["chat"]["id"] for message in telegram.sent] == [new]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Forbidden: bot was blocked by the user", "blocked"),
        ("Forbidden: user is deactivated", "gone"),
        ("Forbidden: bot was kicked from the supergroup chat", "no_right"),
        ("Forbidden: the group chat was deleted", "gone"),
        ("Bad Request: group chat was deactivated", "gone"),
        ("Bad Request: USER_IS_BLOCKED", "blocked"),
        ("Bad Request: TOPIC_CLOSED", "closed"),
        ("Bad Request: not enough rights to send text messages to the chat", "no_right"),
        ("Bad Request: something that nobody has documented", "other"),
    ],
)
def test_telegrams_refusals_are_named_by_what_to_do(said: str, why: str) -> None:
    kind, _, rest = said.partition(": ")
    refused = refusal({"Forbidden": Forbidden, "Bad Request": BadRequest}[kind](rest), "community")
    assert isinstance(refused, ReplyRefusedError)
    assert (refused.why, refused.detail) == (why, rest)


async def test_a_text_is_measured_as_telegram_does(telegram: TelegramSimulator, url: str) -> None:
    stage = ReplyStage(telegram, url)
    async with an_answer(stage) as (connector, outgoing):
        window = connector.reply_window(outgoing.to, stage.now)
        assert window.longest is not None
        most = "🙏" * (window.longest // 2)
        assert measured(most, window.unit) == window.longest
        await connector.reply(replace(outgoing, text=most))
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(replace(outgoing, text=most + "!"))
    assert told.value.why == "too_long"
