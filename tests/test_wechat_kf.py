"""The WeChat customer service connector: its samples, and its conversations with a simulated platform."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from aggregator.demo.truth import Truth
from aggregator.demo.wechat.protocol import Fault
from aggregator.demo.wechat_kf import WeChatKfSimulator
from aggregator.listener import serve
from aggregator.triage.secrets import mask_record
from aggregator.web.hooks import create_hooks
from connectors.contract import Author, Deleted, Page, Post, Push, Received, Undelivered
from connectors.errors import (
    AuthError,
    PushRefusedError,
    RecordError,
    SourceGoneError,
    ThrottledError,
    TransientError,
)
from connectors.wechat_kf import WeChatKf, reading
from tests.conftest import Hands
from tests.contract_suite import Drained, Patience, PullContract, drain, items, posts, texts

SECRET_ENV = "LANTERN_KF_SECRET"
SINCE = datetime(2026, 3, 7, 8, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples" / "wechat_kf"
CALLED = {"callback_token": {"env": "LANTERN_KF_TOKEN"}, "encoding_aes_key": {"env": "LANTERN_KF_KEY"}}

# What a record becomes


def sample(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return record


SENT = datetime.fromtimestamp(1773475200, UTC)
CUSTOMER = "wmInvented00000000000000000Anna1"


def said(text: str, *, attachments: int = 0, name: str = "wx-0Anna1", order: int = 1) -> Post:
    return Post(
        native_id="4XYm59AKq1",
        text=text,
        posted_at=SENT,
        author=Author(CUSTOMER, name),
        thread=f"wkLantern0001/{CUSTOMER}",
        order=order,
        public=False,
        place="微信客服 灯笼钱包客服",
        can_reply_until=SENT + timedelta(hours=48),
        attachments=attachments,
    )


EXPECTED: dict[str, Any] = {
    "text": said("提币地址填错了，能追回吗 😡", name="安娜"),
    "text_rtl": said("أين أموالي؟"),
    "text_masked": said("my words are █████ ████ 😱", order=2),
    "image": said("[图片]", attachments=1),
    "voice": said("[语音]", attachments=1),
    "video": said("[视频]", attachments=1),
    "file": said("[文件]", attachments=1),
    "location": said("[位置] 人民广场\n黄浦区"),
    "link": said("提币教程\n一步步来\nhttps://wallet.example/how"),
    "business_card": said("[名片]"),
    "miniprogram": said("[小程序] 灯笼行情"),
    "channels": said("[视频号] 灯笼\n三月回顾"),
    "merged_msg": said("[聊天记录] 安娜的聊天记录"),
    "msgmenu": said("满意吗？\n谢谢"),
    "agent_text": Post(
        "4XYm59AKq1",
        "链上转账不可逆，请把哈希发我",
        SENT,
        Author("lin", "lin", role="staff"),
        thread=f"wkLantern0001/{CUSTOMER}",
        order=1,
        public=False,
        place="微信客服 灯笼钱包客服",
    ),
    "event_user_recall": Deleted("4XYm59AKq1", SENT + timedelta(seconds=100)),
    "event_servicer_recall": Deleted("4XYm59AKq2", SENT + timedelta(seconds=100)),
    "event_enter_session": None,
    "event_send_fail": Undelivered(
        "x", "window_over", "the customer's last message is older than 48 hours (fail_type 4)"
    ),
    "event_session_status": None,
}

UNREADABLE = {
    "unknown_kind": ("4XYm59AKq1", "unknown kind of message: hologram"),
    "malformed_text": ("4XYm59AKq1", "a text without content"),
    "malformed_time": ("4XYm59AKq1", "send_time is no number"),
    "malformed_origin": ("4XYm59AKq1", "neither from a customer nor from an agent"),
    "without_id": (None, "it has no msgid"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_record_becomes_its_post(name: str) -> None:
    assert reading.item(sample(name)) == EXPECTED[name]


@pytest.mark.parametrize(("kind", "text"), [("meeting", "[会议]"), ("schedule", "[日程]"), ("note", "[笔记]")])
def test_a_kind_of_which_wechat_tells_nothing_more_is_named(kind: str, text: str) -> None:
    told = sample("text") | {"nickname": ""}
    told["message"] |= {"msgtype": kind}
    assert reading.item(told) == said(text)


def test_what_somebody_passes_on_is_read_message_by_message() -> None:
    told = sample("merged_msg")
    told["message"]["merged_msg"]["item"] = [
        {"msgtype": "text", "sender_name": "客服小海", "msg_content": '{"text":{"content":"把助记词发我"}}'},
        {"msgtype": "image", "sender_name": "安娜", "msg_content": '{"image":{"media_id":"m"}}'},
        {"msgtype": "merged_msg", "sender_name": "安娜", "msg_content": "{}"},
        {"msgtype": "text", "sender_name": "安娜", "msg_content": "{"},
        {"msgtype": "hologram", "sender_name": "安娜", "msg_content": "{}"},
        "odd",
    ]
    assert reading.item(told) == said(
        "[聊天记录] 安娜的聊天记录\n客服小海: 把助记词发我\n安娜: [图片]\n安娜: [聊天记录]"
    )


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_record_that_cannot_be_read_is_refused_by_name(name: str) -> None:
    native_id, reason = UNREADABLE[name]
    with pytest.raises(RecordError, match=reason) as refused:
        reading.item(sample(name))
    assert refused.value.native_id == native_id
    assert "what shape" not in str(refused.value)


@pytest.mark.parametrize("name", EXPECTED)
def test_ids_are_not_taken_for_secrets(name: str) -> None:
    assert mask_record(sample(name)) == (sample(name), [])


def test_every_sample_is_expected() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == EXPECTED.keys() | UNREADABLE.keys()


# The simulated platform


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def kf(clock: Hands, monkeypatch: pytest.MonkeyPatch) -> WeChatKfSimulator:
    simulator = WeChatKfSimulator(clock, monotonic=lambda: clock.now.timestamp())
    monkeypatch.setenv(SECRET_ENV, simulator.secret)
    monkeypatch.setenv("LANTERN_KF_TOKEN", simulator.callbacks.token)
    monkeypatch.setenv("LANTERN_KF_KEY", simulator.callbacks.aes_key)
    return simulator


@pytest.fixture
async def url(kf: WeChatKfSimulator) -> AsyncIterator[str]:
    async with serve(kf.app) as address:
        yield address


Source = Callable[..., WeChatKf]


def configured(kf: WeChatKfSimulator, url: str, **settings: Any) -> WeChatKf.Config:
    usual = {"connector": "wechat_kf", "corpid": kf.corpid, "secret": {"env": SECRET_ENV}, "api": url, "timeout": 5}
    return WeChatKf.Config.model_validate(usual | settings)


def made(config: WeChatKf.Config, clock: Hands) -> WeChatKf:
    connector = WeChatKf("kf", config, since=SINCE)
    connector.clock = clock
    return connector


@pytest.fixture
def source(kf: WeChatKfSimulator, url: str, clock: Hands) -> Source:
    """Makes a new connector of the same source, as after a restart."""
    return lambda **settings: made(configured(kf, url, **settings), clock)


async def poll(connector: WeChatKf, done: Drained) -> list[Page]:
    """One poll of a connector that goes on living; what it brings is committed to `done`."""
    pages = []
    async for page in connector.pages(done.cursor):
        pages.append(page)
        done.records.extend(page.records)
        done.cursor = json.loads(json.dumps(page.cursor))
    return pages


def told(kf: WeChatKfSimulator, clock: Hands, account: str | None = None) -> Push:
    """The call that WeChat makes when there is news."""
    return kf.callbacks.push(kf.event_of(account))


def syncs(kf: WeChatKfSimulator) -> list[dict[str, Any]]:
    return [body for path, body in kf.calls if path.endswith("sync_msg")]


def as_truth(post: Post) -> Truth:
    assert post.author is not None
    assert post.posted_at is not None
    return Truth(post.native_id, post.text, post.author.native_id, post.thread or "", post.posted_at, deleted=False)


class Stage:
    """The simulator as the contract suite plays it."""

    credential = SECRET_ENV
    many = 25

    def __init__(self, kf: WeChatKfSimulator, url: str, clock: Hands) -> None:
        kf.most_per_answer = 10
        self.secret = kf.secret
        self.kf = kf
        self.url = url
        self.patience = Patience()
        self.clock = clock

    def connector(self) -> WeChatKf:
        self.clock.pass_(minutes=3)  # so that calls without a callback's token are let in
        return made(configured(self.kf, self.url, timeout=self.patience.taken()), self.clock)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.kf.says("anna", text)

    def says_something_unreadable(self) -> None:
        self.kf.breaks(self.kf.says("anna", "odd"))

    def fails_next(self, fault: Fault) -> None:
        self.patience.expects(fault)
        self.kf.fails_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.kf.fails_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.kf.secret = "another"


class TestWeChatKfOwes(PullContract):
    @pytest.fixture
    def stage(self, kf: WeChatKfSimulator, url: str, clock: Hands) -> Stage:
        return Stage(kf, url, clock)


async def test_a_days_conversations_are_neither_missing_doubled_nor_changed(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    vip = kf.opens_account("大客户")
    asked = kf.says("anna", "转账没到 😡")
    kf.agent_says("anna", "请发哈希")
    kf.enters("ben")
    kf.says("ben", "hello?", account=vip)
    withdrawn = kf.says("anna", "我发错了")
    kf.recalls(withdrawn)
    kf.recalls(kf.agent_says("ben", "wrong window", account=vip), by_agent=True)
    connector = source()
    done = await drain(connector)
    gone = {item.native_id for item in items(connector, done.records) if isinstance(item, Deleted)}
    found = {key: as_truth(post) for key, post in posts(connector, done.records).items()}
    truth = kf.truth()
    assert found == {key: replace(post, deleted=False) for key, post in truth.items()}
    assert gone == {key for key, post in truth.items() if post.deleted}
    assert asked in found


async def test_customers_are_called_by_their_nickname_and_accounts_by_their_name(
    kf: WeChatKfSimulator, source: Source
) -> None:
    kf.says("安娜", "在吗")
    connector = source()
    [post] = posts(connector, (await drain(connector)).records).values()
    assert (post.author and post.author.name, post.place) == ("安娜", "微信客服 灯笼钱包客服")


async def test_nicknames_are_asked_for_once_and_a_hundred_at_a_time(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    for number in range(150):
        kf.says(f"user{number}", "hi")
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        kf.says("user1", "again")
        clock.pass_(minutes=5)
        await poll(connector, done)
    asked = [len(body["external_userid_list"]) for path, body in kf.calls if path.endswith("batchget")]
    assert asked == [100, 50]


async def test_nicknames_that_may_not_be_read_are_a_warning(kf: WeChatKfSimulator, source: Source) -> None:
    kf.forbidden["/cgi-bin/kf/customer/batchget"] = 48001
    kf.says("anna", "在吗")
    connector = source()
    done = await drain(connector)
    [post] = posts(connector, done.records).values()
    assert post.author is not None
    assert post.author.name == f"wx-{kf.customer('anna')[-6:]}"
    assert "nicknames may not be read" in done.warnings[0]


@pytest.mark.parametrize("code", [-1, 45009, 95000, 99999])
async def test_nicknames_that_cannot_be_had_keep_no_message_waiting(
    kf: WeChatKfSimulator, source: Source, code: int
) -> None:
    kf.forbidden["/cgi-bin/kf/customer/batchget"] = code
    kf.says("anna", "在吗")
    connector = source()
    [post] = posts(connector, (await drain(connector)).records).values()
    assert (post.text, post.author and post.author.name) == ("在吗", f"wx-{kf.customer('anna')[-6:]}")


async def test_a_nickname_that_could_not_be_had_is_asked_for_again(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    kf.forbidden["/cgi-bin/kf/customer/batchget"] = -1
    kf.says("安娜", "在吗")
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        kf.forbidden.clear()
        kf.says("安娜", "有人吗")
        clock.pass_(minutes=5)
        await poll(connector, done)
    assert [post.author and post.author.name for post in posts(connector, done.records).values()][1] == "安娜"


# Cursor and has_more


async def test_an_empty_answer_with_more_behind_it_is_not_the_end(kf: WeChatKfSimulator, source: Source) -> None:
    kf.hiccups = 2
    kf.says("anna", "behind the empty answers")
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["behind the empty answers"]


async def test_an_answer_without_more_ends_the_poll(kf: WeChatKfSimulator, source: Source) -> None:
    kf.says("anna", "one")
    await drain(source())
    assert len(syncs(kf)) == 1


async def test_each_account_has_its_own_cursor(kf: WeChatKfSimulator, source: Source, clock: Hands) -> None:
    other = kf.opens_account("大客户")
    kf.says("anna", "one")
    kf.says("ben", "two", account=other)
    kf.says("ben", "three", account=other)
    first = await drain(source())
    clock.pass_(minutes=3)
    kf.says("anna", "four")
    connector = source()
    second = await drain(connector, Drained(first.cursor))
    assert texts(connector, second.records) == ["four"]
    assert first.cursor is not None
    assert {account: place[0] for account, place in first.cursor["accounts"].items()} == {kf.account: "c1", other: "c2"}


async def test_a_cursor_that_does_not_move_is_no_endless_loop(
    kf: WeChatKfSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    kf.most_per_answer = 0
    kf.says("anna", "one")
    done = Drained({"accounts": {kf.account: ["c0", 0, 0]}})
    with pytest.raises(TransientError, match="its cursor does not move"):
        await drain(source(), done)


async def test_what_is_older_than_three_days_is_gone(kf: WeChatKfSimulator, source: Source, clock: Hands) -> None:
    kf.says("anna", "too old")
    clock.pass_(days=4)
    kf.says("anna", "in time")
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["in time"]
    assert connector.retention == timedelta(days=3)


async def test_only_the_named_accounts_are_read(kf: WeChatKfSimulator, source: Source) -> None:
    other = kf.opens_account("大客户")
    kf.says("anna", "one")
    kf.says("ben", "two", account=other)
    connector = source(accounts=[other])
    assert texts(connector, (await drain(connector)).records) == ["two"]


async def test_named_accounts_are_read_though_the_list_of_accounts_may_not_be(
    kf: WeChatKfSimulator, source: Source
) -> None:
    kf.forbidden["/cgi-bin/kf/account/list"] = 48002
    kf.says("anna", "one")
    connector = source(accounts=[kf.account])
    assert texts(connector, (await drain(connector)).records) == ["one"]
    with pytest.raises(AuthError, match="give it the right"):
        await drain(source())


async def test_an_account_that_was_closed_does_not_stop_the_other(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    other = kf.opens_account("大客户")
    kf.closes_account(other)
    kf.says("anna", "one")
    connector = source(accounts=[kf.account, other])
    done = Drained()
    async with connector:
        await poll(connector, done)
        clock.pass_(minutes=5)
        kf.says("anna", "two")
        pages = await poll(connector, done)
    assert texts(connector, done.records) == ["one", "two"]
    assert pages[-1].warnings == (f"the customer-service account {other} does not exist",)


def withheld(kf: WeChatKfSimulator, code: int) -> tuple[str, str]:
    """The first account that is asked, which may not be read, and the other."""
    first, second = sorted([kf.account, kf.opens_account("大客户")])
    kf.withheld[first] = code
    return first, second


async def test_an_account_that_may_not_be_read_does_not_keep_the_other_from_it(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    first, second = withheld(kf, 48002)
    kf.says("anna", "one", second)
    connector, done = source(), Drained()
    async with connector:
        pages = await poll(connector, done)
        clock.pass_(minutes=5)
        kf.says("anna", "two", second)
        await poll(connector, done)
        assert connector.complete_to == connector.since
        del kf.withheld[first]
        kf.says("anna", "three", first)
        clock.pass_(minutes=5)
        well = await poll(connector, done)
    assert texts(connector, done.records) == ["one", "two", "three"]
    assert pages[-1].warnings == (f"the customer-service account {first} cannot be read: may the secret manage it?",)
    assert well[-1].warnings == ()
    assert connector.complete_to == clock.now


async def test_an_account_that_fails_is_told_once_the_others_were_read(kf: WeChatKfSimulator, source: Source) -> None:
    _, second = withheld(kf, 60030)
    kf.says("anna", "one", second)
    connector, done = source(), Drained()
    async with connector:
        with pytest.raises(TransientError, match="60030"):
            await poll(connector, done)
    assert texts(connector, done.records) == ["one"]


async def test_a_secret_that_may_read_no_account_asks_for_the_right(kf: WeChatKfSimulator, source: Source) -> None:
    kf.withheld[kf.account] = 48002
    with pytest.raises(AuthError, match="give it the right"):
        await drain(source())


async def test_a_source_whose_accounts_are_all_closed_stops(kf: WeChatKfSimulator, source: Source) -> None:
    kf.closes_account(kf.account)
    with pytest.raises(SourceGoneError, match="correct `accounts`"):
        await drain(source(accounts=[kf.account]))


async def test_an_account_that_was_closed_is_told_though_nobody_writes(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    other = kf.opens_account("大客户")
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        kf.closes_account(other)
        clock.pass_(minutes=5)
        told = await poll(connector, done)
        clock.pass_(minutes=5)
        again = await poll(connector, done)
    assert [page.warnings for page in told] == [(f"the customer-service account {other} does not exist",)]
    assert again == []


async def test_a_secret_that_sees_no_account_is_no_quiet_source(kf: WeChatKfSimulator, source: Source) -> None:
    kf.closes_account(kf.account)
    with pytest.raises(TransientError, match="sees no customer-service account: let it manage them"):
        await drain(source())


# The callback


async def test_a_callback_brings_no_message_and_asks_to_be_followed_by_a_poll(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    connector, done = source(**CALLED), Drained()
    async with connector:
        await poll(connector, done)
        kf.says("anna", "after the poll")
        received = connector.receive(told(kf, clock))
        await poll(connector, done)
    assert received == Received((), body=b"success", poll=True)
    assert texts(connector, done.records) == ["after the poll"]
    assert ["token" in body for body in syncs(kf)] == [False, True]


async def test_the_token_of_a_callback_is_used_for_ten_minutes(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    connector, done = source(**CALLED), Drained()
    async with connector:
        connector.receive(told(kf, clock))
        for _ in range(3):
            await poll(connector, done)
            clock.pass_(minutes=5)
    assert ["token" in body for body in syncs(kf)] == [True, True, False]


async def test_without_a_token_no_account_is_asked_more_often_than_every_two_minutes(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    connector, done = source(), Drained()
    async with connector:
        for _ in range(20):
            await poll(connector, done)
            clock.pass_(seconds=30)
    assert len(syncs(kf)) == 5


async def test_a_callback_for_one_account_does_not_hurry_the_others(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    other = kf.opens_account("大客户")
    connector, done = source(**CALLED), Drained()
    async with connector:
        await poll(connector, done)
        clock.pass_(seconds=10)
        connector.receive(told(kf, clock, other))
        await poll(connector, done)
    assert [body["open_kfid"] for body in syncs(kf)][2:] == [other]


async def test_a_token_that_wechat_no_longer_takes_costs_one_poll(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    connector, done = source(**CALLED), Drained()
    push = told(kf, clock)
    clock.pass_(minutes=11)
    kf.says("anna", "still there")
    async with connector:
        connector.receive(push)
        with pytest.raises(TransientError):
            await poll(connector, done)
        await poll(connector, done)
    assert texts(connector, done.records) == ["still there"]


async def test_an_account_that_was_opened_since_is_found_by_its_first_callback(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    connector, done = source(**CALLED), Drained()
    async with connector:
        await poll(connector, done)
        new = kf.opens_account("新客服")
        kf.says("anna", "first", account=new)
        connector.receive(told(kf, clock, new))
        await poll(connector, done)
    assert texts(connector, done.records) == ["first"]


def test_a_callback_for_an_account_that_is_not_wanted_asks_for_nothing(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    received = source(accounts=["wkOther"], **CALLED).receive(told(kf, clock))
    assert received == Received((), body=b"success")


def test_another_event_is_answered_and_passed_over(kf: WeChatKfSimulator, source: Source, clock: Hands) -> None:
    event = kf.event_of() | {"Event": "change_contact"}
    received = source(**CALLED).receive(kf.callbacks.push(event))
    assert received == Received((), body=b"success")


async def test_the_door_answers_the_verification_with_the_decrypted_echo(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    connector = source(**CALLED)

    async def handler(_: str, push: Push) -> Received:
        return connector.receive(push)

    query = dict(kf.callbacks.verification("1616140317555161061", encrypted=True).query)
    async with serve(create_hooks(handler)) as door, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{door}/hooks/kf", params=query)
    assert (answer.status_code, answer.text) == (200, "1616140317555161061")


def test_a_forged_callback_is_refused(kf: WeChatKfSimulator, source: Source, clock: Hands) -> None:
    kf.callbacks.token = "guess"
    with pytest.raises(PushRefusedError, match="without our signature"):
        source(**CALLED).receive(told(kf, clock))


def test_a_forged_verification_is_refused(kf: WeChatKfSimulator, source: Source, clock: Hands) -> None:
    kf.callbacks.token = "guess"
    with pytest.raises(PushRefusedError):
        source(**CALLED).receive(kf.callbacks.verification("x", encrypted=True))


def test_without_a_token_no_callback_is_accepted(kf: WeChatKfSimulator, source: Source, clock: Hands) -> None:
    with pytest.raises(PushRefusedError, match="callback_token is not configured"):
        source().receive(told(kf, clock))


@pytest.mark.parametrize("only", ["callback_token", "encoding_aes_key"])
def test_half_a_callback_cannot_be_configured(kf: WeChatKfSimulator, only: str) -> None:
    with pytest.raises(ValidationError, match="belong together"):
        configured(kf, "http://127.0.0.1:9", **{only: CALLED[only]})


# What it may not do, and what it says of itself


async def test_the_secret_of_another_application_asks_for_the_right_one(
    kf: WeChatKfSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_ENV, "that-of-another-app")
    with pytest.raises(AuthError, match=f"WeChat refused {{env: {SECRET_ENV}}}"):
        await drain(source())


async def test_an_address_that_is_not_trusted_is_told(kf: WeChatKfSimulator, source: Source) -> None:
    kf.fails_next(60020, path="account/list")
    with pytest.raises(AuthError, match="IP white-list"):
        await drain(source())


async def test_too_many_calls_wait_a_minute_not_a_day(kf: WeChatKfSimulator, source: Source) -> None:
    kf.fails_next(45009, path="sync_msg")
    with pytest.raises(ThrottledError) as throttled:
        await drain(source())
    assert 60 <= throttled.value.retry_after <= 120


async def test_we_vouch_only_until_the_account_that_was_asked_longest_ago(
    kf: WeChatKfSimulator, source: Source, clock: Hands
) -> None:
    other = kf.opens_account("大客户")
    began = clock.now
    connector, done = source(**CALLED), Drained()
    async with connector:
        await poll(connector, done)
        clock.pass_(minutes=1)
        connector.receive(told(kf, clock, other))
        await poll(connector, done)
        between = connector.complete_to
        clock.pass_(minutes=2)
        await poll(connector, done)
    assert (between, connector.complete_to) == (began, clock.now)


async def test_the_check_names_the_accounts_and_what_is_missing(kf: WeChatKfSimulator, source: Source) -> None:
    async with source(accounts=[kf.account, "wkGone"]) as connector:
        found = {finding.text: finding.level for finding in await connector.check()}
    assert found == {
        f"logged in as {kf.corpid}; the access token is good for 119 minutes": "ok",
        f"{kf.account} (灯笼钱包客服) can be read": "ok",
        "wkGone: there is none, or the secret may not manage it": "failed",
        "no callback_token: messages are seen minutes late": "warning",
    }


async def test_the_check_tells_of_a_secret_that_sees_no_account(kf: WeChatKfSimulator, source: Source) -> None:
    kf.closes_account(kf.account)
    async with source(**CALLED) as connector:
        found = [(finding.level, finding.text) for finding in await connector.check()]
    assert found[1:] == [
        ("failed", "the secret sees no customer-service account: let it manage them (微信客服, API)"),
        ("ok", "callbacks are expected encrypted"),
    ]
