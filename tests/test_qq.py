"""The QQ connector against simulated OneBot implementations."""

from __future__ import annotations

import random
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.config import Settings
from aggregator.demo.forum_faults import Fault
from aggregator.demo.qq import OneBotSimulator
from aggregator.demo.truth import Truth
from aggregator.workplace import Workplace
from connectors.contract import Cursor, Deleted, Finding, Page, Post
from connectors.errors import AuthError, SourceGoneError, TransientError
from connectors.qq import QQ, TERMS
from connectors.qq.account import CONTACTS, PAGE
from connectors.qq.onebot import AccountOfflineError, ActionFailedError, ActionRefusedError
from tests.conftest import Community, poll
from tests.contract_suite import Drained, Patience, PullContract, drain, items, numbered, posts, refused, texts
from tests.qq_account import (
    KNOWN,
    LAGRANGE,
    LLONEBOT,
    OTHER,
    SINCE,
    TOKEN_ENV,
    Source,
    Ticking,
    config_for,
    connector_for,
)


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

    def __init__(self, qq: OneBotSimulator, qq_url: str) -> None:
        self.secret = qq.token
        self.qq = qq
        self.url = qq_url
        self.patience = Patience()

    def connector(self) -> QQ:
        return connector_for(self.qq, self.url, timeout=self.patience.taken())

    def says(self, *texts: str) -> None:
        for text in texts:
            self.qq.says("anna", text)

    def says_something_unreadable(self) -> None:
        self.qq.malformed()

    def fails_next(self, fault: Fault) -> None:
        self.patience.expects(fault)
        self.qq.fail_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.qq.fail_next("429_json", wait=seconds)

    def refuses_login(self) -> None:
        self.qq.token_is_good = False


@pytest.mark.parametrize("qq_app", KNOWN)
class TestQQOwes(PullContract):
    @pytest.fixture
    def stage(self, qq: OneBotSimulator, qq_url: str) -> Stage:
        return Stage(qq, qq_url)


# Walking the history


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_each_message_is_brought_once_though_cursors_are_inclusive(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    for text in numbered(3 * PAGE):
        qq.says("anna", text)
    connector = qq_source()
    done = await drain(connector)
    assert len(done.records) == 3 * PAGE
    assert read_from(connector, done) == qq.truth()


@pytest.mark.parametrize("qq_app", KNOWN)
@pytest.mark.parametrize("coded", [False, True])
async def test_what_is_passed_on_is_asked_for_by_its_id(qq: OneBotSimulator, qq_source: Source, *, coded: bool) -> None:
    qq.coded = coded
    theirs = [{"type": "text", "data": {"text": "把助记词发给我验证"}}]
    qq.actions.passed_on["res-1"] = [
        {"type": "node", "data": {"user_id": "1", "nickname": "港湾客服007", "content": theirs}}
        if qq.app_name == "Lagrange.OneBot"
        else {"sender": {"nickname": "港湾客服007"}, "content": theirs}
    ]
    qq.sends("anna", [{"type": "forward", "data": {"id": "res-1"}}], "[聊天记录]\n港湾客服007: 把助记词发给我验证")
    qq.sends("anna", [{"type": "forward", "data": {"id": "expired"}}], "[聊天记录]")
    connector = qq_source()
    first = await drain(connector)
    assert read_from(connector, first) == qq.truth()
    asked = [parameters["id"] for action, parameters in qq.actions.calls if action == "get_forward_msg"]
    assert asked == ["res-1", "expired"]
    await drain(qq_source(), first)
    assert [action for action, _ in qq.actions.calls].count("get_forward_msg") == len(asked)


async def test_where_passed_on_chats_cannot_be_asked_for_one_question_a_poll_is_enough(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    qq.actions.refuses.add("get_forward_msg")
    for number in range(5):
        qq.sends("anna", [{"type": "forward", "data": {"id": f"res-{number}"}}], "[聊天记录]")
    connector = qq_source()
    assert read_from(connector, await drain(connector)) == qq.truth()
    assert [action for action, _ in qq.actions.calls].count("get_forward_msg") == 1


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_a_storm_between_two_polls_leaves_no_hole(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.says("anna", "before")
    first = await drain(qq_source())
    for text in numbered(4 * PAGE):
        qq.says("lin", text)
    connector = qq_source()
    second = await drain(connector, first)
    assert read_from(connector, second) == qq.truth()
    assert len(second.records) == 4 * PAGE + 1


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_a_storm_while_an_older_hole_is_walked_leaves_no_hole_either(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    for text in numbered(4 * PAGE):
        qq.says("anna", text)
    first = await drain(qq_source(), pages=2)
    for text in numbered(3 * PAGE):
        qq.says("lin", f"later: {text}")
    connector = qq_source()
    second = await drain(connector, first)
    assert read_from(connector, second) == qq.truth()


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_ids_forgotten_at_a_restart_lose_nothing(qq: OneBotSimulator, qq_source: Source) -> None:
    for text in numbered(4 * PAGE):
        qq.says("anna", text)
    first = await drain(qq_source(), pages=2)
    qq.restarts()
    connector = qq_source()
    second = await drain(connector, first)
    assert read_from(connector, second) == qq.truth()


async def test_a_hole_that_cannot_be_filled_is_told_as_a_gap_after_some_tries(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    qq.says("anna", "before")
    done = await drain(qq_source())
    for text in numbered(2 * PAGE):
        qq.says("lin", text)
    qq.actions.loses_older = True
    told: list[Page] = []
    for _ in range(2):
        with pytest.raises(ActionFailedError):
            await take_pages(qq_source(), done.cursor, told)
        done.cursor = told[-1].cursor
    await take_pages(qq_source(), done.cursor, told)
    done.cursor = told[-1].cursor
    [gap] = [gap for page in told for gap in page.gaps]
    assert (gap.start, gap.reason) == (qq.times()[0], "OneBot could not give older messages")
    assert gap.end == qq.times()[1 + PAGE]
    assert await all_pages(qq_source(), done.cursor) == []


@pytest.mark.parametrize("qq_app", [LAGRANGE])
async def test_what_lagrange_has_not_seen_itself_is_told_as_a_gap(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.says("anna", "before it was installed")
    qq.says("anna", "after")
    qq.actions.remembers_from[qq.group] = 20_002
    pages = await all_pages(qq_source())
    [gap] = [gap for page in pages for gap in page.gaps]
    assert (gap.start, gap.end) == (SINCE, qq.times()[1])
    assert texts(qq_source(), pages[0].records) == ["after"]


async def test_the_first_poll_stops_at_the_backfill_point(
    qq: OneBotSimulator, qq_source: Source, qq_clock: Ticking
) -> None:
    for text in numbered(3 * PAGE):
        qq.says("anna", text, at=SINCE - timedelta(days=1))
    for text in numbered(2 * PAGE):
        qq.says("anna", text)
    connector = qq_source()
    done = await drain(connector)
    assert texts(connector, done.records) == numbered(2 * PAGE)
    assert len([call for call, _ in qq.actions.calls if call == "get_group_msg_history"]) <= 5


async def test_several_groups_are_read_and_one_that_fails_does_not_stop_the_others(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    beta = qq.adds_group("Harbor Beta")
    qq.says("anna", "one")
    qq.says("anna", "two", group=beta)
    first = await drain(qq_source())
    qq.actions.fails_for.add(qq.group)
    qq.says("lin", "three")
    qq.says("lin", "four", group=beta)
    got: list[Page] = []
    with pytest.raises(ActionFailedError):
        await take_pages(qq_source(), first.cursor, got)
    assert [texts(qq_source(), page.records) for page in got] == [["four"]]


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_a_group_in_which_nothing_was_said_is_no_failure(qq: OneBotSimulator, qq_source: Source) -> None:
    first = await drain(qq_source())
    qq.says("anna", "hello?")
    connector = qq_source()
    second = await drain(connector, first)
    assert texts(connector, second.records) == ["hello?"]
    assert second.warnings == ()


async def test_a_group_that_gives_no_history_yet_is_named(qq: OneBotSimulator, qq_source: Source) -> None:
    assert (await drain(qq_source())).warnings == (f"group {qq.group} gives no history yet",)


@pytest.mark.parametrize("qq_app", [OTHER])
async def test_an_unknown_implementation_is_read_with_a_warning(qq: OneBotSimulator, qq_source: Source) -> None:
    for text in numbered(2 * PAGE):
        qq.says("anna", text)
    connector = qq_source()
    done = await drain(connector)
    assert texts(connector, done.records) == numbered(2 * PAGE)
    assert done.warnings == ("SomeBot 0.1 is not known here: history may be incomplete",)


async def test_both_formats_give_the_same_posts(qq: OneBotSimulator, qq_source: Source) -> None:
    question = qq.says("anna", "价格[涨]了 5 & 3, 对吗? 😡")
    qq.says("lin", "I think so &amp; more", reply_to=question)
    connector = qq_source()
    in_segments = posts(connector, (await drain(connector)).records)
    qq.coded = True
    connector = qq_source()
    assert posts(connector, (await drain(connector)).records) == in_segments
    assert [post.reply_to for post in in_segments.values()][1] == in_segments[question].alias


@pytest.mark.parametrize("qq_app", KNOWN)
@pytest.mark.parametrize("seed", range(3))
async def test_crashes_storms_restarts_and_failures_lose_and_double_nothing(
    qq: OneBotSimulator, qq_source: Source, seed: int
) -> None:
    done = await rough_day(qq, qq_source, random.Random(seed))
    connector = qq_source()
    done = await drain(connector, done)
    assert read_from(connector, done) == qq.truth()


async def rough_day(qq: OneBotSimulator, source: Source, dice: random.Random) -> Drained:
    """What was committed in twelve polls, most of which end badly."""
    done = Drained()
    for number in range(12):
        for text in numbered(dice.choice((0, 1, 7, PAGE + 3, 3 * PAGE))):
            qq.says(dice.choice(("anna", "lin")), f"{number}: {text}")
        if dice.random() < 0.3:
            qq.restarts()
        if dice.random() < 0.3:
            qq.fail_next("500")
        with suppress(TransientError):
            done = await drain(source(), done, pages=dice.choice((0, 1, 2, 3, 1000)))
    return done


# Private chats, our own words


async def test_private_chats_are_read_where_they_are_listed_and_are_not_public(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    qq.says("anna", "in the group")
    qq.whispers("omar", "it is about my account")
    qq.answers("what is it?", to="omar")
    left_out = await drain(qq_source())
    connector = qq_source(private_chats=True)
    found = posts(connector, (await drain(connector)).records)
    told = [(post.text, post.public, post.author and post.author.role) for post in found.values()]
    assert len(left_out.records) == 1
    assert told[1:] == [("it is about my account", False, "customer"), ("what is it?", False, "staff")]
    assert {key: as_truth(post) for key, post in found.items()} == qq.truth()


def asked_in_private(qq: OneBotSimulator) -> int:
    """How often the history of a private chat was asked for since the last look."""
    asked = [call for call, _ in qq.actions.calls].count("get_friend_msg_history")
    qq.actions.calls.clear()
    return asked


async def test_a_private_chat_without_news_is_asked_for_once_more(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.whispers("anna", "it is about my account")
    qq.whispers("omar", "mine, too")
    first = await drain(qq_source(private_chats=True))
    asked_in_private(qq)
    second = await drain(qq_source(private_chats=True), first)
    once_more = asked_in_private(qq)  # of the newest alone it is not known whether its second was over
    await drain(qq_source(private_chats=True), second)
    assert (once_more, asked_in_private(qq)) == (1, 0)


async def test_what_is_said_in_private_within_the_second_of_what_was_read_is_not_missed(
    qq: OneBotSimulator, qq_source: Source, qq_clock: Ticking
) -> None:
    second = qq_clock()
    qq.whispers("omar", "are you there?", at=second)
    first = await drain(qq_source(private_chats=True))
    qq.whispers("omar", "my phrase was stolen", at=second)
    connector = qq_source(private_chats=True)
    assert read_from(connector, await drain(connector, first)) == qq.truth()


@pytest.mark.parametrize("pages", [1000, 1, 30, 60])
async def test_of_a_night_with_many_private_chats_none_is_missed_wherever_the_first_poll_ends(
    qq: OneBotSimulator, qq_source: Source, pages: int
) -> None:
    qq.whispers("omar", "good evening")
    done = await drain(qq_source(private_chats=True))
    for number in range(3 * CONTACTS):
        qq.whispers(f"user{number}", "my coins are gone")
        qq.says("anna", "still awake")
    done = await drain(qq_source(private_chats=True), done, pages=pages)
    connector = qq_source(private_chats=True)
    assert read_from(connector, await drain(connector, done)) == qq.truth()


async def test_of_a_private_chat_that_has_gone_quiet_little_is_kept_and_nothing_is_lost(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    for text in numbered(PAGE):
        qq.whispers("omar", text)
    first = await drain(qq_source(private_chats=True))
    for number in range(CONTACTS):
        qq.whispers(f"user{number}", "hello")
    second = await drain(qq_source(private_chats=True), first)  # looks once more whether omar's last second was over
    second = await drain(qq_source(private_chats=True), second)
    kept = (second.cursor or {})["chats"][f"u{qq.user('omar')}"]
    for text in numbered(2 * PAGE):
        qq.whispers("omar", f"again: {text}")
    connector = qq_source(private_chats=True)
    third = await drain(connector, second)
    assert len(kept["tail"]) == 1
    assert read_from(connector, third) == qq.truth()


@pytest.mark.parametrize("qq_app", [LAGRANGE, LLONEBOT])
async def test_an_implementation_that_does_not_list_private_chats_is_named(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    qq.says("anna", "hello")
    done = await drain(qq_source(private_chats=True))
    assert [warning.endswith("set events or webhook_secret to hear them") for warning in done.warnings] == [True]


async def test_what_the_account_writes_itself_is_ours(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.answers("已记录，正在处理")
    connector = qq_source()
    [post] = posts(connector, (await drain(connector)).records).values()
    assert post.author is not None
    assert (post.author.role, post.place) == ("staff", f"Harbor Wallet 交流群 ({qq.group})")


@pytest.mark.parametrize("qq_app", [LAGRANGE])
async def test_a_group_name_that_a_message_leaves_out_is_kept_with_it(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.says("anna", "hello")
    connector = qq_source()
    [post] = posts(connector, (await drain(connector)).records).values()
    assert post.place == f"Harbor Wallet 交流群 ({qq.group})"


async def test_a_chat_of_which_nothing_can_be_read_is_kept_for_quarantine(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    qq.malformed()
    first = await drain(qq_source())
    second = await drain(qq_source(), first)
    assert (refused(qq_source(), first.records), len(second.records)) == (1, 1)


# Recalls


@pytest.mark.parametrize("qq_app", KNOWN)
async def test_a_recall_that_nobody_told_is_noticed_at_the_second_poll(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.says("anna", "one")
    gone = qq.says("anna", "please delete my address")
    qq.says("anna", "three")
    first = await drain(qq_source())
    qq.recalls(gone)
    second = await drain(qq_source(), first)
    third = await drain(qq_source(), second)
    fourth = await drain(qq_source(), third)
    connector = qq_source()
    assert [items(connector, done.records)[3:] for done in (second, third, fourth)] == [
        [],
        [Deleted(gone, None)],
        [Deleted(gone, None)],
    ]


async def test_a_message_that_is_missing_once_is_not_taken_for_recalled(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.says("anna", "one")
    blinked = qq.says("anna", "two")
    first = await drain(qq_source())
    qq.recalls(blinked)
    second = await drain(qq_source(), first)
    qq.unrecalls(blinked)
    third = await drain(qq_source(), second)
    fourth = await drain(qq_source(), third)
    assert [item for item in items(qq_source(), fourth.records) if isinstance(item, Deleted)] == []


# Failures


async def test_success_needs_status_ok_as_well_as_retcode_0(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.says("anna", "one")
    first = await drain(qq_source())
    qq.actions.fails_for.add(qq.group)  # as NapCat does: HTTP 200, retcode 200, status "failed"
    with pytest.raises(ActionFailedError, match="retcode 200"):
        await drain(qq_source(), first)


async def test_a_call_that_is_not_taken_stops_the_source(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.actions.refuses.add("get_group_list")
    with pytest.raises(ActionRefusedError, match="does not take get_group_list") as told:
        await drain(qq_source())
    assert not isinstance(told.value, TransientError)


async def test_an_offline_account_that_goes_on_answering_is_noticed(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.says("anna", "one")
    first = await drain(qq_source())
    qq.goes_offline()
    qq.says("anna", "two")
    with pytest.raises(AccountOfflineError, match="Log it in again"):
        await drain(qq_source(), first)
    qq.comes_back()
    connector = qq_source()
    assert texts(connector, (await drain(connector, first)).records) == ["one", "two"]


async def test_an_account_that_says_it_is_online_and_lists_nothing_is_noticed(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    qq.lists_nothing = True
    with pytest.raises(TransientError, match="lists no group at all"):
        await drain(qq_source())


@pytest.mark.parametrize("qq_app", [LLONEBOT])
async def test_a_history_that_is_suddenly_empty_is_no_answer(qq: OneBotSimulator, qq_source: Source) -> None:
    said = qq.says("anna", "one")
    first = await drain(qq_source())
    qq.recalls(said)
    with pytest.raises(TransientError, match="is empty, which it was not before"):
        await drain(qq_source(), first)


async def test_another_account_than_ours_asks_a_person(qq: OneBotSimulator, qq_source: Source) -> None:
    with pytest.raises(AuthError, match="another account than 42"):
        await drain(qq_source(account=42))


async def test_a_group_that_the_account_left_is_named_and_none_at_all_stops_the_source(
    qq: OneBotSimulator, qq_source: Source
) -> None:
    beta = qq.adds_group("Harbor Beta")
    qq.adds_group("Not ours")
    ours = [qq.group, beta]
    qq.leaves(beta)
    qq.says("anna", "one")
    one_left = await drain(qq_source(groups=ours))
    qq.leaves(qq.group)
    with pytest.raises(SourceGoneError, match="none of the groups"):
        await drain(qq_source(groups=ours), one_left)
    assert one_left.warnings == (f"the account is not in group {beta}: let it join",)


async def test_an_address_that_is_no_onebot_is_named(qq: OneBotSimulator, qq_url: str) -> None:
    with pytest.raises(TransientError, match="configured url right"):
        await drain(connector_for(qq, f"{qq_url}/somewhere/else"))


# With the desk


async def test_an_offline_account_is_a_gap_that_closes_and_nothing_is_missing_or_doubled(
    qq: OneBotSimulator, qq_url: str, community: Community
) -> None:
    settings = Settings(sources={"qq": config_for(qq, qq_url)}, data=community.data)
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
    qq: OneBotSimulator, qq_url: str, community: Community
) -> None:
    gone, _ = qq.says("anna", "my address is…", at=community.clock()), qq.says("lin", "ok", at=community.clock())
    settings = Settings(sources={"qq": config_for(qq, qq_url)}, data=community.data)
    async with Workplace(settings, clock=community.clock) as work:
        await poll(work)
        source = work.poller.sources["qq"]
        notice = qq.recall_of(gone) | {"time": int(datetime(2026, 3, 14, 9, 30, tzinfo=UTC).timestamp())}
        page = Page([notice], source.cursor or {})
        await work.ingest.page(source.origin, page, source.fence)
        marked = work.db.query("SELECT native_id, deleted_at FROM post WHERE deleted_at IS NOT NULL")
    assert marked == [(gone, datetime(2026, 3, 14, 9, 30, tzinfo=UTC))]


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


async def test_the_check_tells_what_can_be_read_and_what_the_terms_say(qq: OneBotSimulator, qq_source: Source) -> None:
    quiet = qq.adds_group("Quiet")
    left = qq.adds_group("Left")
    qq.leaves(left)
    qq.says("anna", "hello")
    async with qq_source() as connector:
        found = await connector.check()
    assert found == [
        Finding("ok", f"NapCat.Onebot 4.9.21 answers; account {qq.account} is logged in and online"),
        Finding("warning", TERMS),
        Finding("ok", f"group {qq.group} can be read; newest message 2026-03-14 09:00"),
        Finding("warning", f"group {quiet}: no message can be read; was anything said there yet?"),
        Finding("failed", f"group {left}: the account is not in it: let it join"),
    ]


async def test_the_check_of_an_offline_account_fails(qq: OneBotSimulator, qq_source: Source) -> None:
    qq.goes_offline()
    async with qq_source() as connector:
        with pytest.raises(AccountOfflineError):
            await connector.check()
