"""The signed intake: what is let in, what is answered, and what is stored in the end."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Event
from typing import Any

import httpx
import orjson
import pytest

from aggregator.config import Settings
from aggregator.demo.chat import AppBackend
from aggregator.service import Running, receiver, running
from aggregator.triage.secrets import mask_record
from aggregator.workplace import Workplace
from connectors.chat import Chat
from connectors.chat.intake import LARGEST_BODY, MOST_IN_A_BATCH, Intake
from connectors.chat.message import EVENTS, LONGEST_ID, LONGEST_TEXT
from connectors.chat.signature import TOLERANCE
from connectors.contract import Push, Received
from connectors.errors import PushRefusedError
from connectors.secret import Secret

SECRET = "intake-secret"
STAMP = 1_771_000_000
BODY = '{"id":"c-1","text":"我的钱包打不开 wallet won\'t open"}'.encode()
SIGNATURE = "sha256=fba5727bba97d59f00d129c623166b16583e0ec7c01cc61c36380d1667b80936"
NOW = datetime.fromtimestamp(STAMP, UTC)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_SECRET", SECRET)
    monkeypatch.setenv("CHAT_SECRET_BEFORE", "the-one-before")


class Seconds:
    """A clock that is set by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def intake(*secrets: str, now: float = STAMP, calls_per_minute: int = 600, clock: Seconds | None = None) -> Intake:
    known = [Secret(env=name) for name in (secrets or ("CHAT_SECRET",))]
    return Intake(
        known, calls_per_minute=calls_per_minute, conversation_url="", now=lambda: now, clock=clock or Seconds(0)
    )


def call(body: bytes = BODY, **headers: str) -> Push:
    given = {
        "content-type": "application/json; charset=utf-8",
        "x-inquiry-timestamp": str(STAMP),
        "x-inquiry-signature": SIGNATURE,
    }
    return Push("POST", given | {name.replace("_", "-"): value for name, value in headers.items()}, {}, body)


def signed(body: object, secret: str = SECRET) -> Push:
    """A genuine call of whatever."""
    headers, raw = AppBackend(secret=secret, signs_at=lambda: STAMP).signed(body)
    return Push("POST", {name.lower(): value for name, value in headers.items()}, {}, raw)


def told(received: Received) -> Any:
    assert received.content_type == "application/json"
    return orjson.loads(received.body)


def refused(push: Push, **how: Any) -> int:
    with pytest.raises(PushRefusedError) as error:
        intake(**how).receive(push)
    return error.value.status


# -- is it genuine -------------------------------------------------------------------------------


def test_the_published_test_vector_is_taken() -> None:
    received = intake().receive(call())
    assert (received.status, told(received)) == (202, {"status": "accepted", "id": "c-1"})
    assert [record["message"]["id"] for record in received.records] == ["c-1"]


def test_the_document_of_the_intake_shows_this_vector_and_the_limits() -> None:
    document = (Path(__file__).parents[1] / "docs" / "chat-intake.md").read_text(encoding="utf-8")
    assert f"```json\n{BODY.decode()}\n```" in document
    assert all(each in document for each in (SECRET, str(STAMP), SIGNATURE))
    limits = (LARGEST_BODY // 1024, MOST_IN_A_BATCH, LONGEST_TEXT, TOLERANCE, LONGEST_ID)
    assert limits == (256, 100, 20_000, 300, 200)
    told = (
        "at most 256 KiB",
        "up to 100 of them",
        "up to 20,000 characters",
        "at most 300 s away",
        "up to 200 characters",
    )
    assert [each for each in told if each not in document] == []
    assert [event for event in EVENTS if f"`{event}`" not in document] == []


def test_the_signature_is_of_the_bytes_and_not_of_the_same_json_written_otherwise() -> None:
    again = orjson.dumps(orjson.loads(BODY), option=orjson.OPT_INDENT_2)
    assert refused(call(again)) == 401


@pytest.mark.parametrize("away", [-301, 301])
def test_a_call_signed_more_than_five_minutes_away_is_refused(away: int) -> None:
    assert refused(call(), now=STAMP + away) == 401


@pytest.mark.parametrize("away", [-300, 300])
def test_a_call_signed_five_minutes_away_is_taken(away: int) -> None:
    assert intake(now=STAMP + away).receive(call()).status == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"x_inquiry_timestamp": ""},
        {"x_inquiry_timestamp": "now"},
        {"x_inquiry_timestamp": "9" * 5000},
        {"x_inquiry_timestamp": str(STAMP + 1)},
        {"x_inquiry_signature": ""},
        {"x_inquiry_signature": SIGNATURE.removeprefix("sha256=")},
        {"x_inquiry_signature": SIGNATURE.replace("sha256", "sha1")},
        {"x_inquiry_signature": "sha256=é"},
    ],
)
def test_a_call_without_its_right_signature_is_refused(headers: dict[str, str]) -> None:
    assert refused(call(**headers)) == 401


def test_while_a_key_is_changed_both_are_good_and_no_third() -> None:
    both = ("CHAT_SECRET", "CHAT_SECRET_BEFORE")
    assert intake(*both).receive(signed({"id": "1", "text": "a"}, "the-one-before")).status == 202
    assert intake(*both).receive(signed({"id": "1", "text": "a"}, SECRET)).status == 202
    with pytest.raises(PushRefusedError):
        intake(*both).receive(signed({"id": "1", "text": "a"}, "a third"))


def test_a_secret_that_is_not_there_asks_the_sender_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_SECRET")
    with pytest.raises(PushRefusedError, match="CHAT_SECRET is not set") as error:
        intake().receive(call())
    assert error.value.status == 503


def test_size_comes_before_everything_and_the_type_before_the_signature() -> None:
    assert refused(call(b" " * (LARGEST_BODY + 1))) == 413
    assert refused(call(content_type="text/plain", x_inquiry_signature="")) == 415
    assert refused(Push("POST", {}, {}, BODY)) == 415


# -- what is answered ----------------------------------------------------------------------------


def test_the_same_message_again_is_a_duplicate_and_is_handed_on_all_the_same() -> None:
    door = intake()
    door.receive(call())
    again = door.receive(call())
    assert (again.status, told(again)) == (200, {"status": "duplicate", "id": "c-1"})
    assert len(again.records) == 1  # what was answered before may not have been stored


def test_other_words_under_the_same_id_are_no_duplicate() -> None:
    door = intake()
    door.receive(signed({"id": "1", "text": "a"}))
    assert door.receive(signed({"id": "1", "text": "b", "event": "message.updated"})).status == 202


def test_a_message_that_breaks_the_contract_is_told_so_and_kept() -> None:
    received = intake().receive(signed({"id": "1", "text": "my phrase is in here", "created_at": "?"}))
    assert received.status == 400
    assert told(received)["error"].startswith("created_at should be a time")
    assert "phrase" not in received.body.decode()
    assert len(received.records) == 1


@pytest.mark.parametrize("body", [[], "hello", 5, None])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    received = intake().receive(signed(body))
    assert (received.status, received.records) == (400, ())


def test_a_body_that_is_no_json_is_refused() -> None:
    headers, _ = AppBackend(secret=SECRET).signed({})
    push = Push("POST", {name.lower(): value for name, value in headers.items()}, {}, b"{")
    assert refused(push, now=time.time()) == 401  # it was not signed, either


def test_in_a_batch_what_is_wrong_is_named_and_the_rest_is_taken() -> None:
    door = intake()
    door.receive(signed({"id": "1", "text": "known"}))
    batch = [{"id": "1", "text": "known"}, {"id": "2", "text": "good"}, {"id": "3"}, "?", {"id": "4", "text": "good"}]
    received = door.receive(signed({"messages": batch}))
    assert received.status == 202
    assert told(received) == {
        "status": "accepted",
        "accepted": 2,
        "duplicates": 1,
        "refused": [
            {"index": 2, "id": "3", "error": "text is empty, and nothing is attached"},
            {"index": 3, "id": None, "error": "it should be an object"},
        ],
    }
    assert len(received.records) == 5


def test_a_batch_has_a_limit_that_is_told() -> None:
    many = [{"id": str(number), "text": "a"} for number in range(MOST_IN_A_BATCH + 1)]
    received = intake().receive(signed({"messages": many}))
    assert (received.status, received.records) == (413, ())
    assert told(received)["error"] == "at most 100 messages in a batch"
    assert intake().receive(signed({"messages": many[1:]})).status == 202


def test_ids_that_look_like_keys_are_told_apart_from_them() -> None:
    ids = [hashlib.sha256(bytes([number])).hexdigest() for number in range(4)]
    said = {"id": ids[0], "conversation_id": ids[1], "reply_to": ids[2], "author": {"id": ids[3]}, "text": "a"}
    door = intake()
    masked, _ = mask_record(door.receive(signed(said)).records[0])
    assert isinstance(masked, dict)
    message = door.message(masked)
    assert [message.id, message.conversation, message.reply_to, message.author_id] == [*ids[:3], f"guest/{ids[3]}"]


def test_an_empty_batch_is_a_sign_of_life() -> None:
    door = intake()
    received = door.receive(signed({"messages": []}))
    assert (received.status, received.records) == (202, [])


def test_too_many_calls_are_told_for_how_long_to_wait() -> None:
    clock = Seconds(1000.0)
    door = intake(calls_per_minute=2, clock=clock)
    assert [door.receive(signed({"id": str(number), "text": "a"})).status for number in range(2)] == [202, 202]
    clock.now = 1020.0
    received = door.receive(signed({"id": "3", "text": "a"}))
    assert (received.status, received.headers, received.records) == (429, {"Retry-After": "41"}, ())
    clock.now = 1060.0
    assert door.receive(signed({"id": "3", "text": "a"})).status == 202


def test_forged_calls_do_not_use_up_the_apps_calls() -> None:
    door = intake(calls_per_minute=1)
    for _ in range(3):
        with pytest.raises(PushRefusedError):
            door.receive(call(x_inquiry_signature="sha256=0"))
    assert door.receive(call()).status == 202


# -- through the service -------------------------------------------------------------------------


class Hands:
    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now


class House:
    """A service whose only source is the app's chat, and the app."""

    def __init__(self, service: Running, app: AppBackend, client: httpx.AsyncClient) -> None:
        self.service = service
        self.app = app
        self.client = client

    async def deliver(self) -> None:
        await self.app.deliver(self.client)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.service.work.db.query(query)


@asynccontextmanager
async def house(data: Path, app: AppBackend) -> AsyncIterator[House]:
    config = Chat.Config.model_validate(
        {"connector": "chat", "secret": Secret(env="CHAT_SECRET"), "poll_every": timedelta(hours=1)}
    )
    settings = Settings(sources={"app-chat": config}, data=data)
    async with running(settings, clock=app.clock, port=0, hooks_port=0) as service:
        app.url = f"{service.hooks_url}/intake/chat/app-chat"
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            yield House(service, app, client)


@pytest.fixture
def app() -> AppBackend:
    return AppBackend(secret=SECRET, clock=Hands())


async def test_five_short_lines_are_one_private_inquiry(tmp_path: Path, app: AppBackend) -> None:
    for line in ("hi", "我的转账", "没有到账", "since yesterday", "0x12… ?"):
        app.says("mei", line)
    async with house(tmp_path, app) as here:
        await here.deliver()
        assert here.rows("SELECT count(*), count(DISTINCT inquiry_id), bool_or(public) FROM post") == [(5, 1, False)]
        assert here.rows("SELECT space, channel FROM source_state") == [("chat/app-chat", "chat")]
    assert app.statuses == [202] * 5


async def test_a_message_whose_answer_was_lost_is_sent_again_and_stored_once(tmp_path: Path, app: AppBackend) -> None:
    app.says("mei", "my balance is gone")
    app.loses_answers(2)
    async with house(tmp_path, app) as here:
        for _ in range(3):
            await here.deliver()
        assert here.rows("SELECT count(*) FROM post") == [(1,)]
        assert here.rows("SELECT count(*) FROM record") == [(1,)]
    assert app.statuses == [200]


async def test_what_was_written_while_we_were_down_comes_afterwards_in_order(tmp_path: Path, app: AppBackend) -> None:
    async with house(tmp_path, app) as here:
        app.says("mei", "one")
        await here.deliver()
    app.says("mei", "two")
    app.says("mei", "three")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await app.deliver(client)
    assert len(app.pending) == 2
    app.batch = 50
    async with house(tmp_path, app) as here:
        await here.deliver()
        assert here.rows("SELECT text FROM post ORDER BY seen_at, native_id") == [("one",), ("two",), ("three",)]


async def test_an_answer_stops_the_waiting_an_edit_and_a_deletion_are_marked(tmp_path: Path, app: AppBackend) -> None:
    asked = app.says("mei", "where is my deposit")
    app.edits(asked, "where is my deposit of 5?")
    app.replies("mo", "It has arrived now.", to=asked)
    other = app.says("lin", "wrong chat, sorry")
    app.deletes(other)
    async with house(tmp_path, app) as here:
        await here.deliver()
        found = here.rows("SELECT native_id, text, staff, version, deleted_at IS NOT NULL FROM post ORDER BY native_id")
        assert found == [
            ("m-1", "where is my deposit of 5?", False, 2, False),
            ("m-2", "It has arrived now.", True, 1, False),
            ("m-3", "wrong chat, sorry", False, 1, True),
        ]
        waiting = "SELECT waiting_since FROM inquiry_open JOIN post USING (inquiry_id) WHERE native_id = 'm-1'"
        assert here.rows(waiting) == [(None,)]


async def test_a_bad_message_in_a_batch_is_kept_apart_and_the_others_stored(tmp_path: Path, app: AppBackend) -> None:
    app.batch = 10
    app.says("mei", "one")
    app.breaks()
    app.says("mei", "two")
    async with house(tmp_path, app) as here:
        await here.deliver()
        assert here.rows("SELECT text FROM post ORDER BY native_id") == [("one",), ("two",)]
        [(reason,)] = here.rows("SELECT reason FROM rejected_record")
    assert reason.startswith("created_at should be a time")
    assert app.answers[-1]["accepted"] == 2


async def test_a_recovery_phrase_is_masked_before_it_is_stored(tmp_path: Path, app: AppBackend) -> None:
    phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    app.says("mei", f"my words: {phrase}")
    async with house(tmp_path, app) as here:
        await here.deliver()
        [(text,)] = here.rows("SELECT text FROM post")
    assert "█" in text
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sausage worth useful" not in stored


async def test_a_source_is_complete_up_to_the_last_genuine_call(tmp_path: Path, app: AppBackend) -> None:
    async def complete_to(here: House) -> datetime:
        await here.service.work.poller.poll(here.service.work.poller.sources["app-chat"], once=True)
        [(at,)] = here.rows("SELECT max(to_at) FROM coverage WHERE state = 'complete'")
        return at

    async with house(tmp_path, app) as here:
        before = await complete_to(here)
        await here.client.post(app.url, content=b"{}", headers={"Content-Type": "application/json"})
        assert await complete_to(here) == before
        await app.beats(here.client)
        after = await complete_to(here)
    assert before <= app.clock() - timedelta(days=6)
    assert after >= app.clock() - timedelta(minutes=1)
    async with house(tmp_path, app) as here:
        assert await complete_to(here) == after


async def test_a_call_that_was_put_off_vouches_for_nothing(app: AppBackend) -> None:
    config = {"connector": "chat", "secret": Secret(env="CHAT_SECRET"), "calls_per_minute": 1}
    chat = Chat("app-chat", Chat.Config.model_validate(config), since=NOW)
    received = [chat.receive(signed_now(app, number)) for number in range(2)]
    assert [(each.status, each.heard) for each in received] == [(202, True), (429, False)]


async def test_a_call_vouches_for_nothing_before_it_and_those_before_it_are_stored(
    tmp_path: Path, app: AppBackend
) -> None:
    stored, seconds = Event(), iter(range(100))
    settings = Settings(
        sources={"app-chat": Chat.Config(connector="chat", secret=Secret(env="CHAT_SECRET"))}, data=tmp_path
    )
    async with Workplace(settings, clock=lambda: NOW + timedelta(seconds=next(seconds))) as work:
        receive, chat = receiver(work), work.connectors["app-chat"]
        assert isinstance(chat, Chat)
        writing = asyncio.create_task(work.db.write(lambda _: stored.wait(20)))
        asked = next(seconds)
        message = asyncio.create_task(receive("app-chat", signed_now(app, 1)))
        await asyncio.sleep(0)  # it has come
        await receive("app-chat", beat(app))
        heard = [chat.heard_at]
        stored.set()
        await asyncio.gather(writing, message)
        await receive("app-chat", beat(app))
        heard.append(chat.heard_at)
    assert heard[0] == NOW + timedelta(seconds=asked + 1)
    assert heard[1] is not None
    assert heard[1] > heard[0]


def beat(app: AppBackend) -> Push:
    headers, raw = app.signed({"messages": []})
    return Push("POST", {name.lower(): value for name, value in headers.items()}, {}, raw)


def signed_now(app: AppBackend, number: int) -> Push:
    headers, raw = app.signed({"id": str(number), "text": "a"})
    return Push("POST", {name.lower(): value for name, value in headers.items()}, {}, raw)


def test_calls_that_come_at_once_are_counted_one_after_the_other() -> None:
    meeting = Barrier(2, timeout=0.3)
    at_once = []

    def clock() -> float:
        with suppress(BrokenBarrierError):
            at_once.append(meeting.wait())
        return 0.0

    counted = Intake(
        [Secret(env="CHAT_SECRET")], calls_per_minute=9, conversation_url="", now=lambda: STAMP, clock=clock
    )
    with ThreadPoolExecutor(2) as threads:
        statuses = list(threads.map(lambda _: counted.receive(call()).status, range(2)))
    assert sorted(statuses) == [200, 202]
    assert at_once == []


async def test_strangers_learn_nothing(tmp_path: Path, app: AppBackend) -> None:
    async with house(tmp_path, app) as here:
        headers, raw = app.signed({"id": "1", "text": "a"})
        forged = await here.client.post(app.url, headers=headers | {"X-Inquiry-Timestamp": "1"}, content=raw)
        elsewhere = await here.client.post(f"{app.url}-2", headers=headers, content=raw)
        looked = await here.client.get(app.url)
    assert [(each.status_code, each.text) for each in (forged, elsewhere)] == [(401, ""), (404, "Not Found")]
    assert looked.status_code == 405
