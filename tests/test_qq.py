"""The QQ connector against simulated OneBot implementations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

import pytest
from pydantic import ValidationError

from aggregator.config import Settings
from aggregator.demo.forum_faults import Fault
from aggregator.demo.qq import OneBotSimulator
from aggregator.demo.qq.messages import App
from aggregator.demo.truth import Truth
from aggregator.listener import serve
from aggregator.workplace import Workplace
from connectors.contract import Cursor, Deleted, Finding, Page, Post
from connectors.errors import AuthError, SourceGoneError, TransientError
from connectors.qq import QQ, TERMS
from connectors.qq.account import PAGE
from connectors.qq.onebot import AccountOfflineError, ActionFailedError, ActionRefusedError
from tests.conftest import Community, poll
from tests.contract_suite import Drained, PullContract, drain, items, numbered, posts, texts

TOKEN_ENV = "HARBOR_ONEBOT_TOKEN"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
NAPCAT, LAGRANGE, LLONEBOT, OTHER = cast(tuple[App, ...], get_args(App))
KNOWN = (NAPCAT, LAGRANGE, LLONEBOT)


class Ticking:
    """A second passes with each look at it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def app() -> App:
    """Which implementation answers; tests of all of them override it by a parameter."""
    return NAPCAT


@pytest.fixture
def qq(clock: Ticking, app: App, monkeypatch: pytest.MonkeyPatch) -> OneBotSimulator:
    simulator = OneBotSimulator(clock, app=app)
    monkeypatch.setenv(TOKEN_ENV, simulator.token)
    return simulator


@pytest.fixture
async def url(qq: OneBotSimulator) -> AsyncIterator[str]:
    async with serve(qq.app) as address:
        yield address


Source = Callable[..., QQ]


@pytest.fixture
def source(qq: OneBotSimulator, url: str) -> Source:
    """Makes a new connector of the same source, as after a restart."""
    return lambda **settings: connector_for(qq, url, **settings)


def config_for(qq: OneBotSimulator, url: str, **settings: Any) -> QQ.Config:
    usual = {"connector": "qq", "accept_risk": True, "url": url, "token": {"env": TOKEN_ENV}, "account": qq.account}
    usual |= {"groups": list(qq.groups), "calls_per_minute": 100_000, "timeout": 0.5}
    return QQ.Config.model_validate(usual | settings)


def connector_for(qq: OneBotSimulator, url: str, **settings: Any) -> QQ:
    return QQ("qq", config_for(qq, url, **settings), since=SINCE)


def as_truth(post: Post) -> Truth:
    assert post.author is not None
    assert post.thread is not None
    assert post.posted_at is not None
    return Truth(post.native_id, post.text, post.author.native_id, post.thread, post.posted_at, deleted=False)


def read_from(connector: QQ, done: Drained) -> dict[str, Truth]:
    return {key: as_truth(post) for key, post in posts(connector, done.records).items()}


async def all_pages(connector: QQ, cursor: Cursor | None = None) -> list[Page]:
    async with connector, aclosing(connector.pages(cursor)) as pages:
        return [page async for page in pages]


async def take_pages(connector: QQ, cursor: Cursor | None, taken: list[Page]) -> None:
    """Commit pages until the poll ends or fails."""
    async with connector, aclosing(connector.pages(cursor)) as pages:
        async for page in pages:
            taken.append(page)


class Stage:
    """The simulator as the contract suite plays it."""

    credential = TOKEN_ENV
    many = 3 * PAGE + 7

    def __init__(self, qq: OneBotSimulator, url: str) -> None:
        self.secret = qq.token
        self.qq = qq
        self.url = url

    def connector(self) -> QQ:
        return connector_for(self.qq, self.url)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.qq.says("anna", text)

    def says_something_unreadable(self) -> None:
        self.qq.malformed()

    def fails_next(self, fault: Fault) -> None:
        self.qq.fail_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.qq.fail_next("429_json", wait=seconds)

    def refuses_login(self) -> None:
        self.qq.token_is_good = False


@pytest.mark.parametrize("app", KNOWN)
class TestQQOwes(PullContract):
    @pytest.fixture
    def stage(self, qq: OneBotSimulator, url: str) -> Stage:
        return Stage(qq, url)


# Walking the history


@pytest.mark.parametrize("app", KNOWN)
async def test_each_message_is_brought_once_though_cursors_are_inclusive(qq: OneBotSimulator, source: Source) -> None:
    for text in numbered(3 * PAGE):
        qq.says("anna", text)
    connector = source()
    done = await drain(connector)
    assert len(done.records) == 3 * PAGE
    assert read_from(connector, done) == qq.truth()


@pytest.mark.parametrize("app", KNOWN)
async def test_a_storm_between_two_polls_leaves_no_hole(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "before")
    first = await drain(source())
    for text in numbered(4 * PAGE):
        qq.says("lin", text)
    connector = source()
    second = await drain(connector, first)
    assert read_from(connector, second) == qq.truth()
    assert len(second.records) == 4 * PAGE + 1


@pytest.mark.parametrize("app", KNOWN)
async def test_a_storm_while_an_older_hole_is_walked_leaves_no_hole_either(qq: OneBotSimulator, source: Source) -> None:
    for text in numbered(4 * PAGE):
        qq.says("anna", text)
    first = await drain(source(), pages=2)
    for text in numbered(3 * PAGE):
        qq.says("lin", f"later: {text}")
    connector = source()
    second = await drain(connector, first)
    assert read_from(connector, second) == qq.truth()


@pytest.mark.parametrize("app", KNOWN)
async def test_ids_forgotten_at_a_restart_lose_nothing(qq: OneBotSimulator, source: Source) -> None:
    for text in numbered(4 * PAGE):
        qq.says("anna", text)
    first = await drain(source(), pages=2)
    qq.restarts()
    connector = source()
    second = await drain(connector, first)
    assert read_from(connector, second) == qq.truth()


async def test_a_hole_that_cannot_be_filled_is_told_as_a_gap_after_some_tries(
    qq: OneBotSimulator, source: Source
) -> None:
    qq.says("anna", "before")
    done = await drain(source())
    for text in numbered(2 * PAGE):
        qq.says("lin", text)
    qq.actions.loses_older = True
    told: list[Page] = []
    for _ in range(2):
        with pytest.raises(ActionFailedError):
            await take_pages(source(), done.cursor, told)
        done.cursor = told[-1].cursor
    await take_pages(source(), done.cursor, told)
    done.cursor = told[-1].cursor
    [gap] = [gap for page in told for gap in page.gaps]
    assert (gap.start, gap.reason) == (qq.times()[0], "OneBot could not give older messages")
    assert gap.end == qq.times()[1 + PAGE]
    assert await all_pages(source(), done.cursor) == []


@pytest.mark.parametrize("app", [LAGRANGE])
async def test_what_lagrange_has_not_seen_itself_is_told_as_a_gap(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "before it was installed")
    qq.says("anna", "after")
    qq.actions.remembers_from[qq.group] = 20_002
    pages = await all_pages(source())
    [gap] = [gap for page in pages for gap in page.gaps]
    assert (gap.start, gap.end) == (SINCE, qq.times()[1])
    assert texts(source(), pages[0].records) == ["after"]


async def test_the_first_poll_stops_at_the_backfill_point(qq: OneBotSimulator, source: Source, clock: Ticking) -> None:
    for text in numbered(3 * PAGE):
        qq.says("anna", text, at=SINCE - timedelta(days=1))
    for text in numbered(2 * PAGE):
        qq.says("anna", text)
    connector = source()
    done = await drain(connector)
    assert texts(connector, done.records) == numbered(2 * PAGE)
    assert len([call for call, _ in qq.actions.calls if call == "get_group_msg_history"]) <= 5


async def test_several_groups_are_read_and_one_that_fails_does_not_stop_the_others(
    qq: OneBotSimulator, source: Source
) -> None:
    beta = qq.adds_group("Harbor Beta")
    qq.says("anna", "one")
    qq.says("anna", "two", group=beta)
    first = await drain(source())
    qq.actions.fails_for.add(qq.group)
    qq.says("lin", "three")
    qq.says("lin", "four", group=beta)
    got: list[Page] = []
    with pytest.raises(ActionFailedError):
        await take_pages(source(), first.cursor, got)
    assert [texts(source(), page.records) for page in got] == [["four"]]


@pytest.mark.parametrize("app", KNOWN)
async def test_a_group_in_which_nothing_was_said_is_no_failure(qq: OneBotSimulator, source: Source) -> None:
    first = await drain(source())
    qq.says("anna", "hello?")
    connector = source()
    second = await drain(connector, first)
    assert texts(connector, second.records) == ["hello?"]
    assert second.warnings == ()


async def test_a_group_that_gives_no_history_yet_is_named(qq: OneBotSimulator, source: Source) -> None:
    assert (await drain(source())).warnings == (f"group {qq.group} gives no history yet",)


@pytest.mark.parametrize("app", [OTHER])
async def test_an_unknown_implementation_is_read_with_a_warning(qq: OneBotSimulator, source: Source) -> None:
    for text in numbered(2 * PAGE):
        qq.says("anna", text)
    connector = source()
    done = await drain(connector)
    assert texts(connector, done.records) == numbered(2 * PAGE)
    assert done.warnings == ("SomeBot 0.1 is not known here: history may be incomplete",)


async def test_both_formats_give_the_same_posts(qq: OneBotSimulator, source: Source) -> None:
    question = qq.says("anna", "价格[涨]了 5 & 3, 对吗? 😡")
    qq.says("lin", "I think so &amp; more", reply_to=question)
    connector = source()
    in_segments = posts(connector, (await drain(connector)).records)
    qq.coded = True
    connector = source()
    assert posts(connector, (await drain(connector)).records) == in_segments
    assert [post.reply_to for post in in_segments.values()][1] == in_segments[question].alias


# Private chats, our own words


async def test_private_chats_are_read_where_they_are_listed_and_are_not_public(
    qq: OneBotSimulator, source: Source
) -> None:
    qq.says("anna", "in the group")
    qq.whispers("omar", "it is about my account")
    qq.answers("what is it?", to="omar")
    left_out = await drain(source())
    connector = source(private_chats=True)
    found = posts(connector, (await drain(connector)).records)
    told = [(post.text, post.public, post.author and post.author.role) for post in found.values()]
    assert len(left_out.records) == 1
    assert told[1:] == [("it is about my account", False, "customer"), ("what is it?", False, "staff")]
    assert {key: as_truth(post) for key, post in found.items()} == qq.truth()


async def test_a_private_chat_without_news_is_not_asked_for(qq: OneBotSimulator, source: Source) -> None:
    qq.whispers("omar", "it is about my account")
    first = await drain(source(private_chats=True))
    qq.actions.calls.clear()
    await drain(source(private_chats=True), first)
    assert "get_friend_msg_history" not in [call for call, _ in qq.actions.calls]


@pytest.mark.parametrize("app", [LAGRANGE, LLONEBOT])
async def test_an_implementation_that_does_not_list_private_chats_is_named(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "hello")
    done = await drain(source(private_chats=True))
    assert [warning.endswith("does not list private chats: they are not read") for warning in done.warnings] == [True]


async def test_what_the_account_writes_itself_is_ours(qq: OneBotSimulator, source: Source) -> None:
    qq.answers("已记录，正在处理")
    connector = source()
    [post] = posts(connector, (await drain(connector)).records).values()
    assert post.author is not None
    assert (post.author.role, post.place) == ("staff", f"Harbor Wallet 交流群 ({qq.group})")


@pytest.mark.parametrize("app", [LAGRANGE])
async def test_a_group_name_that_a_message_leaves_out_is_kept_with_it(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "hello")
    connector = source()
    [post] = posts(connector, (await drain(connector)).records).values()
    assert post.place == f"Harbor Wallet 交流群 ({qq.group})"


# Recalls


@pytest.mark.parametrize("app", KNOWN)
async def test_a_recall_that_nobody_told_is_noticed_at_the_second_poll(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "one")
    gone = qq.says("anna", "please delete my address")
    qq.says("anna", "three")
    first = await drain(source())
    qq.recalls(gone)
    second = await drain(source(), first)
    third = await drain(source(), second)
    fourth = await drain(source(), third)
    connector = source()
    assert [items(connector, done.records)[3:] for done in (second, third, fourth)] == [
        [],
        [Deleted(gone, None)],
        [Deleted(gone, None)],
    ]


async def test_a_message_that_is_missing_once_is_not_taken_for_recalled(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "one")
    blinked = qq.says("anna", "two")
    first = await drain(source())
    qq.recalls(blinked)
    second = await drain(source(), first)
    qq.unrecalls(blinked)
    third = await drain(source(), second)
    fourth = await drain(source(), third)
    assert [item for item in items(source(), fourth.records) if isinstance(item, Deleted)] == []


# Failures


async def test_success_needs_status_ok_as_well_as_retcode_0(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "one")
    first = await drain(source())
    qq.actions.fails_for.add(qq.group)  # as NapCat does: HTTP 200, retcode 200, status "failed"
    with pytest.raises(ActionFailedError, match="retcode 200"):
        await drain(source(), first)


async def test_a_call_that_is_not_taken_stops_the_source(qq: OneBotSimulator, source: Source) -> None:
    qq.actions.refuses.add("get_group_list")
    with pytest.raises(ActionRefusedError, match="does not take get_group_list") as told:
        await drain(source())
    assert not isinstance(told.value, TransientError)


async def test_an_offline_account_that_goes_on_answering_is_noticed(qq: OneBotSimulator, source: Source) -> None:
    qq.says("anna", "one")
    first = await drain(source())
    qq.goes_offline()
    qq.says("anna", "two")
    with pytest.raises(AccountOfflineError, match="Log it in again"):
        await drain(source(), first)
    qq.comes_back()
    connector = source()
    assert texts(connector, (await drain(connector, first)).records) == ["one", "two"]


async def test_an_account_that_says_it_is_online_and_lists_nothing_is_noticed(
    qq: OneBotSimulator, source: Source
) -> None:
    qq.lists_nothing = True
    with pytest.raises(TransientError, match="lists no group at all"):
        await drain(source())


@pytest.mark.parametrize("app", [LLONEBOT])
async def test_a_history_that_is_suddenly_empty_is_no_answer(qq: OneBotSimulator, source: Source) -> None:
    said = qq.says("anna", "one")
    first = await drain(source())
    qq.recalls(said)
    with pytest.raises(TransientError, match="is empty, which it was not before"):
        await drain(source(), first)


async def test_another_account_than_ours_asks_a_person(qq: OneBotSimulator, source: Source) -> None:
    with pytest.raises(AuthError, match="another account than 42"):
        await drain(source(account=42))


async def test_a_group_that_the_account_left_is_named_and_none_at_all_stops_the_source(
    qq: OneBotSimulator, source: Source
) -> None:
    beta = qq.adds_group("Harbor Beta")
    qq.adds_group("Not ours")
    ours = [qq.group, beta]
    qq.leaves(beta)
    qq.says("anna", "one")
    one_left = await drain(source(groups=ours))
    qq.leaves(qq.group)
    with pytest.raises(SourceGoneError, match="none of the groups"):
        await drain(source(groups=ours), one_left)
    assert one_left.warnings == (f"the account is not in group {beta}: let it join",)


async def test_an_address_that_is_no_onebot_is_named(qq: OneBotSimulator, url: str) -> None:
    with pytest.raises(TransientError, match="configured url right"):
        await drain(connector_for(qq, f"{url}/somewhere/else"))


# With the desk


async def test_an_offline_account_is_a_gap_that_closes_and_nothing_is_missing_or_doubled(
    qq: OneBotSimulator, url: str, community: Community
) -> None:
    settings = Settings(sources={"qq": config_for(qq, url)}, data=community.data)
    async with Workplace(settings, clock=community.clock) as work:
        qq.says("anna", "提现卡住了", at=community.clock())
        await poll(work)
        community.clock.pass_(minutes=1)
        qq.goes_offline()
        qq.says("anna", "still stuck", at=community.clock())
        await poll(work)
        offline = work.db.query("SELECT state FROM coverage ORDER BY from_at"), work.poller.sources["qq"].state
        qq.comes_back()
        community.clock.pass_(minutes=1)
        await poll(work)
        states = work.db.query("SELECT state, reason FROM coverage WHERE state <> 'complete'")
        stored = dict(work.db.query("SELECT native_id, text FROM post"))
    assert offline == ([("complete",), ("gap",)], "failing")
    assert [(state, "offline" in reason) for state, reason in states] == [("refetched", True)]
    assert stored == {key: each.text for key, each in qq.truth().items()}


async def test_a_recall_names_a_message_by_its_alias_and_marks_the_right_one(
    qq: OneBotSimulator, url: str, community: Community
) -> None:
    gone, _ = qq.says("anna", "my address is…", at=community.clock()), qq.says("lin", "ok", at=community.clock())
    settings = Settings(sources={"qq": config_for(qq, url)}, data=community.data)
    async with Workplace(settings, clock=community.clock) as work:
        await poll(work)
        source = work.poller.sources["qq"]
        page = Page([recall_of(qq, gone)], source.cursor or {})
        await work.ingest.page(source.origin, page, source.fence)
        marked = work.db.query("SELECT native_id, deleted_at FROM post WHERE deleted_at IS NOT NULL")
    assert marked == [(gone, datetime(2026, 3, 14, 9, 30, tzinfo=UTC))]


def recall_of(qq: OneBotSimulator, native_id: str) -> dict[str, Any]:
    """The notice by which OneBot tells that a message was recalled at 9:30."""
    told = {"post_type": "notice", "notice_type": "group_recall", "self_id": qq.account, "operator_id": 3_000_000_001}
    spoken = {"group_id": qq.group, "message_id": qq.message_id(native_id)}
    return told | spoken | {"time": int(datetime(2026, 3, 14, 9, 30, tzinfo=UTC).timestamp())}


# Settings and the check


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"accept_risk": False}, "accept_risk"),
        ({"groups": []}, "at least 1 item"),
        ({"token": "plain"}, "a secret may not stand in this file"),
    ],
)
def test_settings_that_cannot_work_are_refused(qq: OneBotSimulator, settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        connector_for(qq, "http://127.0.0.1:9", **settings)


async def test_the_check_tells_what_can_be_read_and_what_the_terms_say(qq: OneBotSimulator, source: Source) -> None:
    quiet = qq.adds_group("Quiet")
    left = qq.adds_group("Left")
    qq.leaves(left)
    qq.says("anna", "hello")
    async with source() as connector:
        found = await connector.check()
    assert found == [
        Finding("ok", f"NapCat.Onebot 4.9.21 answers; account {qq.account} is logged in and online"),
        Finding("warning", TERMS),
        Finding("ok", f"group {qq.group} can be read; newest message 2026-03-14 09:00"),
        Finding("warning", f"group {quiet}: no message can be read; was anything said there yet?"),
        Finding("failed", f"group {left}: the account is not in it: let it join"),
    ]


async def test_the_check_of_an_offline_account_fails(qq: OneBotSimulator, source: Source) -> None:
    qq.goes_offline()
    async with source() as connector:
        with pytest.raises(AccountOfflineError):
            await connector.check()
