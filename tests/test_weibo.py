"""The Weibo connector against a simulated open platform."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.demo.truth import Truth
from aggregator.demo.weibo import WeiboSimulator
from aggregator.demo.weibo.open_api import Fault
from aggregator.listener import serve
from connectors.contract import Author, Counts, Deleted, Finding, Page, Post, Quota
from connectors.errors import AuthError, ThrottledError, TransientError
from connectors.secret import Secret
from connectors.weibo import Weibo
from connectors.weibo.failures import NOT_ALLOWED, failure
from tests.contract_suite import Drained, Patience, PullContract, drain, items, posts, refused

TOKEN_ENV = "HARBOR_WEIBO_TOKEN"
SINCE = datetime(2026, 3, 7, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 14, 16, 0, tzinfo=UTC)  # in China
US = "@海港钱包"


class Clock:
    """12:00 in China, unless it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def weibo(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> WeiboSimulator:
    simulator = WeiboSimulator(clock)
    monkeypatch.setenv(TOKEN_ENV, simulator.token)
    return simulator


@pytest.fixture
async def url(weibo: WeiboSimulator) -> AsyncIterator[str]:
    async with serve(weibo.app) as address:
        yield address


Source = Callable[..., Weibo]


@pytest.fixture
def source(url: str, clock: Clock) -> Source:
    """Makes a new connector of the same source, as after a restart."""
    return lambda *read, **settings: connector_for(url, clock, *read, **settings)


def connector_for(url: str, clock: Clock, *read: str, **settings: Any) -> Weibo:
    usual: dict[str, Any] = {"connector": "weibo", "token": {"env": TOKEN_ENV}, "api": url, "commercial_api": url}
    if read:
        usual["read"] = read
    config = Weibo.Config.model_validate(usual | settings)
    connector = Weibo("weibo", config, since=SINCE)
    connector.clock = clock
    return connector


async def poll(connector: Weibo, done: Drained) -> list[Page]:
    """One poll of an open connector, committed on top of `done`."""
    pages = []
    async for page in connector.pages(done.cursor):
        pages.append(page)
        done.cursor = page.cursor
        done.records.extend(page.records)
    return pages


def as_truth(post: Post) -> Truth:
    assert post.author is not None
    assert post.thread is not None
    assert post.posted_at is not None
    return Truth(post.native_id, post.text, post.author.native_id, post.thread, post.posted_at, deleted=False)


class Stage:
    """The simulator as the contract suite plays it: comments under a post of ours. An hour lies between two starts."""

    credential = TOKEN_ENV
    many = 25

    def __init__(self, weibo: WeiboSimulator, url: str, clock: Clock) -> None:
        weibo.per_page = 10
        self.secret = weibo.token
        self.weibo = weibo
        self.url = url
        self.clock = clock
        self.patience = Patience()
        self.post = weibo.we_post("今晚维护")

    def connector(self) -> Weibo:
        self.clock.passes(hours=1)
        return connector_for(self.url, self.clock, "comments", timeout=self.patience.taken())

    def says(self, *said: str) -> None:
        for text in said:
            self.weibo.comments("阿岚", text, on=self.post)

    def says_something_unreadable(self) -> None:
        self.weibo.plants_unreadable()

    def fails_next(self, fault: Fault) -> None:
        self.patience.expects(fault)
        self.weibo.fails_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.weibo.fails_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.weibo.token_is_good = False


class TestWeiboOwes(PullContract):
    @pytest.fixture
    def stage(self, weibo: WeiboSimulator, url: str, clock: Clock) -> Stage:
        return Stage(weibo, url, clock)


# What is read


async def test_nothing_is_missing_doubled_or_changed_after_a_busy_hour(weibo: WeiboSimulator, source: Source) -> None:
    news = weibo.we_post("今晚 22:00 维护 <详情> & 感谢")
    complaint = weibo.says("阿岚", f"{US} 提现三天没到账 >_< 5 &lt; 7 😡")
    weibo.says("旅人", "今天天气不错")
    first = weibo.comments("小周", "维护完还是登录不上[怒]", on=news)
    weibo.comments("阿岚", "我也是", on=news, reply_to=first)
    weibo.we_comment("正在处理", on=news, reply_to=first)
    weibo.comments("路人", f"{US} 快来看看", on=complaint)
    stranger = weibo.says("晴天", "这钱包转账吞了我的币")
    weibo.comments("路人", f"{US} 出来解释", on=stranger)
    weibo.passes_on("大V", stranger, f"{US} 请回应")
    weibo.passes_on("转发机", news, "")
    weibo.says("画家", f"{US}", pictures=2)
    long = weibo.says("长文", f"{US} " + "从头说起，" * 60)
    weibo.plants_unreadable()
    connector = source()
    done = await drain(connector)
    found = posts(connector, done.records)
    assert {key: as_truth(post) for key, post in found.items()} == weibo.truth()
    assert len(found) == 11
    assert found[long].guessed == ()
    assert refused(connector, done.records) == 2


async def test_a_chain_of_reposts_is_not_counted_as_the_authors_words(weibo: WeiboSimulator, source: Source) -> None:
    news = weibo.we_post("维护公告")
    middle = weibo.passes_on("小李", news, f"{US} 同样遇到了，私钥丢了")
    weibo.passes_on("大V", middle, "看看")
    weibo.passes_on("转发机", middle)
    connector = source("mentions")
    found = posts(connector, (await drain(connector)).records)
    assert sorted(post.text for post in found.values()) == sorted(["维护公告", f"{US} 同样遇到了，私钥丢了", "看看"])
    assert {key: as_truth(post) for key, post in found.items()} == weibo.truth()


async def test_what_a_repost_passes_on_is_a_post_of_its_own(weibo: WeiboSimulator, source: Source) -> None:
    original = weibo.says("晴天", "转账吞了我的币")
    weibo.passes_on("大V", original, f"{US} 请回应")
    connector = source("mentions")
    found = posts(connector, (await drain(connector)).records)
    assert found[original].author == Author(str(weibo.member("晴天").id), "晴天", "晴天", followers=120)
    assert [post.text for post in found.values()] == ["转账吞了我的币", f"{US} 请回应"]


async def test_a_deleted_post_is_known_by_its_stub_and_fails_no_page(weibo: WeiboSimulator, source: Source) -> None:
    kept, gone = weibo.says("阿岚", f"{US} 还在"), weibo.says("小周", f"{US} 不在了")
    weibo.deletes(gone)
    connector = source("mentions")
    found = items(connector, (await drain(connector)).records)
    assert [item.native_id for item in found if isinstance(item, Post)] == [kept]
    assert [item for item in found if isinstance(item, Deleted)] == [Deleted(gone, None)]


async def test_the_original_of_a_repost_may_be_deleted(weibo: WeiboSimulator, source: Source) -> None:
    original = weibo.says("晴天", "转账吞了我的币")
    repost = weibo.passes_on("大V", original, f"{US} 请回应")
    weibo.deletes(original)
    connector = source("mentions")
    found = items(connector, (await drain(connector)).records)
    assert [item.native_id for item in found] == [original, repost]
    assert found[0] == Deleted(original, None)


async def test_deletions_edits_and_counts_of_recent_posts_are_seen(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    first, second = weibo.says("阿岚", f"{US} 一"), weibo.says("小周", f"{US} 二")
    third, fourth = weibo.says("老王", f"{US} 三"), weibo.says("小陈", f"{US} 四")
    connector, done = source("mentions"), Drained()
    async with connector:
        await poll(connector, done)
        weibo.deletes(first)
        weibo.edits(second, f"{US} 二，改过了")
        weibo.likes(third, 12)
        clock.passes(hours=1)
        done.records.clear()
        await poll(connector, done)
    found = items(connector, done.records)
    assert [item.native_id for item in found] == [first, second, third]
    assert found[0] == Deleted(first, None)
    assert isinstance(found[1], Post)
    assert found[1].text == f"{US} 二，改过了"
    assert found[2] == Counts(third, likes=12, replies=0, shares=0)
    assert fourth not in {item.native_id for item in found}


async def test_all_comments_under_our_posts_are_read_also_those_between_others(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    news = weibo.we_post("今晚维护")
    connector, done = source("comments", "own_posts"), Drained()
    async with connector:
        await poll(connector, done)
        first = weibo.comments("阿岚", "登录不上", on=news)
        answer = weibo.comments("小周", "助记词导入就闪退", on=news, reply_to=first)
        clock.passes(hours=1)
        await poll(connector, done)
    found = posts(connector, done.records)
    assert {key: as_truth(post) for key, post in found.items()} == weibo.truth()
    assert found[answer].text == "助记词导入就闪退"
    assert found[answer].reply_to == first
    assert found[answer].mentions[0] == found[first].author.native_id  # type: ignore[union-attr]


async def test_comments_under_our_posts_are_asked_for_only_where_there_are_more_than_we_know(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    quiet, busy = weibo.we_post("周报"), weibo.we_post("今晚维护")
    weibo.comments("阿岚", "好的", on=quiet)
    connector, done = source("comments", "own_posts"), Drained()
    async with connector:
        await poll(connector, done)
        first = weibo.comments("小周", "又来", on=busy)
        weibo.comments("老王", "你也是？", on=busy, reply_to=first)
        weibo.api.asked.clear()
        clock.passes(hours=1)
        await poll(connector, done)
        asked_with_news = list(weibo.api.asked)
        weibo.api.asked.clear()
        weibo.comments("小陈", "这条我们从收到的评论里知道", on=busy)
        clock.passes(hours=1)
        await poll(connector, done)
    assert asked_with_news.count("comments/show") == 1
    assert weibo.api.asked.count("comments/show") == 0


async def test_comments_that_are_counted_but_not_listed_are_asked_for_until_they_are(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    news = weibo.we_post("今晚维护")
    said = [weibo.comments(f"路人{number}", f"第{number}个", on=news) for number in range(4)]
    connector, done = source("own_posts"), Drained()
    async with connector:
        await poll(connector, done)
        began = clock.now
        said.append(weibo.comments("阿岚", "墙后面", on=news))
        for comment in said:
            weibo.hides(comment)
        clock.passes(hours=4)
        with pytest.raises(TransientError, match="it lists nothing"):
            await poll(connector, done)
        vouched = connector.complete_to
        for comment in said:
            weibo.shows(comment)
        clock.passes(hours=4)
        await poll(connector, done)
    assert vouched == began
    assert connector.complete_to == clock.now
    assert set(posts(connector, done.records)) == {news, *said}


async def test_comments_that_we_all_hide_are_shown_as_a_gap_and_keep_nobody_waiting(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    news = weibo.we_post("今晚维护")
    said = [weibo.comments(f"路人{number}", f"第{number}个", on=news) for number in range(4)]
    connector, done = source("own_posts"), Drained()
    async with connector:
        await poll(connector, done)
        began = clock.now
        for comment in (*said, weibo.comments("阿岚", "墙后面", on=news)):
            weibo.hides(comment)
        for _ in range(2):
            clock.passes(hours=4)
            with pytest.raises(TransientError):
                await poll(connector, done)
        clock.passes(hours=4)
        pages = await poll(connector, done)
    [gap] = [gap for page in pages for gap in page.gaps]
    assert (gap.start, gap.end) == (began, clock.now)
    assert connector.complete_to == clock.now


async def test_a_post_of_ours_that_we_deleted_is_marked(weibo: WeiboSimulator, source: Source, clock: Clock) -> None:
    news = weibo.we_post("今晚维护")
    weibo.comments("阿岚", "好的", on=news)
    weibo.api.fails["comments/show"].extend([20101])
    connector, done = source("own_posts"), Drained()
    async with connector:
        await poll(connector, done)
    assert Deleted(news, None) in items(connector, done.records)


async def test_our_answers_under_posts_of_others_are_seen(weibo: WeiboSimulator, source: Source) -> None:
    complaint = weibo.says("阿岚", "转账卡了两小时")
    answer = weibo.we_comment("请查看私信", on=complaint)
    connector = source("comments")
    found = posts(connector, (await drain(connector)).records)
    assert {key: as_truth(post) for key, post in found.items()} == weibo.truth()
    assert (found[answer].author, found[answer].reply_to) == (
        Author("7000000001", "海港钱包", "海港钱包", 80_000, "staff"),
        complaint,
    )


# A storm


@pytest.mark.parametrize("dies_after", [0, 1, 4, 9])
async def test_a_storm_between_two_polls_loses_nothing_wherever_the_walk_breaks_off(
    weibo: WeiboSimulator, source: Source, clock: Clock, dies_after: int
) -> None:
    weibo.per_page = 10
    weibo.says("阿岚", f"{US} 风平浪静")
    done = await drain(source("mentions"))
    storm = [weibo.says(f"路人{number}", f"{US} 第{number}个人也遇到了") for number in range(87)]
    clock.passes(hours=1)
    done = await drain(source("mentions"), done, pages=dies_after)
    later = [weibo.says(f"来者{number}", f"{US} 还有{number}") for number in range(23)]
    clock.passes(hours=1)
    connector = source("mentions")
    done = await drain(connector, done)
    assert set(posts(connector, done.records)) >= {*storm, *later}
    assert {key: as_truth(post) for key, post in posts(connector, done.records).items()} == weibo.truth()


async def test_a_page_that_is_short_or_empty_because_rows_are_hidden_is_not_taken_for_the_last(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.per_page = 5
    weibo.says("阿岚", f"{US} 先前")
    done = await drain(source("mentions"))
    storm = [weibo.says(f"路人{number}", f"{US} 第{number}个") for number in range(30)]
    for hidden in (*storm[3:5], *storm[27:]):
        weibo.hides(hidden)
    clock.passes(hours=1)
    connector = source("mentions")
    done = await drain(connector, done)
    assert len(posts(connector, done.records)) == 1 + 30 - 5


async def test_an_empty_page_on_the_way_is_not_believed_and_the_walk_goes_on_later(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.per_page = 5
    weibo.says("阿岚", f"{US} 先前")
    done = await drain(source("mentions"))
    storm = [weibo.says(f"路人{number}", f"{US} 第{number}个") for number in range(20)]
    for hidden in storm[10:15]:
        weibo.hides(hidden)
    clock.passes(hours=1)
    connector = source("mentions")
    async with connector:
        with pytest.raises(TransientError, match="it breaks off before the rows that we know"):
            await poll(connector, done)
        for hidden in storm[10:15]:
            weibo.shows(hidden)
        await poll(connector, done)
    assert set(storm) <= set(posts(connector, done.records))


async def test_an_empty_page_that_stays_is_shown_as_a_gap_and_keeps_nobody_waiting(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.per_page = 5
    weibo.says("阿岚", f"{US} 先前")
    done = await drain(source("mentions"))
    started = clock.now
    storm = []
    for number in range(20):
        clock.passes(minutes=1)
        storm.append(weibo.says(f"路人{number}", f"{US} 第{number}个"))
    for hidden in storm[10:15]:
        weibo.hides(hidden)
    clock.passes(hours=1)
    connector = source("mentions")
    async with connector:
        for _ in range(2):
            with pytest.raises(TransientError, match="it breaks off"):
                await poll(connector, done)
        clock.passes(hours=1)
        late = weibo.says("阿岚", f"{US} 还有人吗")
        pages = await poll(connector, done)
    (gap,) = [gap for page in pages for gap in page.gaps]
    assert (gap.start, gap.end) == (started, started + timedelta(minutes=16))
    assert {late, *storm[15:]} <= set(posts(connector, done.records))


async def test_a_comment_that_moderation_releases_late_is_seen(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    news = weibo.we_post("今晚维护")
    weibo.comments("阿岚", "一", on=news)
    held = weibo.comments("小周", "二", on=news)
    weibo.hides(held)
    weibo.comments("老王", "三", on=news)
    done = await drain(source("comments"))
    weibo.shows(held)
    clock.passes(hours=1)
    connector = source("comments")
    assert held in posts(connector, (await drain(connector, done)).records)


async def test_what_lies_deeper_than_weibo_lists_is_shown_as_a_gap(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.api.deepest = 1000
    weibo.says("阿岚", f"{US} 先前")
    done = await drain(source("mentions"))
    started = clock.now
    for number in range(1200):
        clock.passes(seconds=2)
        weibo.says(f"路人{number}", f"{US} 第{number}个")
    clock.passes(hours=1)
    connector = source("mentions")
    async with connector:
        pages = await poll(connector, done)
    (gap,) = [gap for page in pages for gap in page.gaps]
    assert (gap.start, gap.end) == (started, started + timedelta(seconds=402))
    assert len(posts(connector, done.records)) == 1001


async def test_a_quiet_poll_takes_one_call_for_each_list(weibo: WeiboSimulator, source: Source, clock: Clock) -> None:
    weibo.says("阿岚", f"{US} 一")
    connector, done = source("mentions", "comments"), Drained()
    async with connector:
        await poll(connector, done)
        weibo.says("小周", f"{US} 二")
        weibo.api.asked.clear()
        clock.passes(hours=2)
        await poll(connector, done)
    assert weibo.api.asked == ["statuses/mentions", "comments/timeline"]


# Lists that look fine


async def test_a_list_that_is_suddenly_empty_fails_until_it_is_whole_and_then_loses_nothing(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    for number in range(5):
        weibo.says(f"路人{number}", f"{US} 第{number}个")
    connector, done = source("mentions"), Drained()
    async with connector:
        await poll(connector, done)
        weibo.api.lists_nothing = True
        clock.passes(hours=1)
        missed = weibo.says("阿岚", f"{US} 有人吗")
        with pytest.raises(TransientError, match="weibo: mentions: it lists nothing, not even the 5 newest rows"):
            await poll(connector, done)
        spent = weibo.api.spent_today()
        with pytest.raises(TransientError):
            await poll(connector, done)
        with pytest.raises(TransientError):
            await poll(connector, done)
        assert weibo.api.spent_today() - spent == 2  # the third one rests, and has not succeeded
        weibo.api.lists_nothing = False
        clock.passes(hours=1)
        await poll(connector, done)
    assert missed in posts(connector, done.records)


async def test_a_list_whose_known_rows_are_really_gone_goes_on(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    news = weibo.we_post("今晚维护")
    weibo.comments("老王", "很早以前", on=news, at=SINCE - timedelta(days=1))
    gone = [weibo.comments(f"路人{number}", f"第{number}个", on=news) for number in range(60)]
    done = await drain(source("comments"))
    for comment in gone:
        weibo.deletes(comment)
    clock.passes(hours=1)
    done = await drain(source("comments"), done)
    new = weibo.comments("阿岚", "新的", on=news)
    clock.passes(hours=1)
    connector = source("comments")
    assert new in posts(connector, (await drain(connector, done)).records)


async def test_one_or_two_rows_may_vanish_without_suspicion(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    news = weibo.we_post("今晚维护")
    gone = weibo.comments("老王", "一", on=news)
    done = await drain(source("comments"))
    weibo.deletes(gone)
    clock.passes(hours=1)
    assert (await drain(source("comments"), done)).records == done.records


async def test_an_empty_account_is_no_failure(weibo: WeiboSimulator, source: Source, clock: Clock) -> None:
    done = await drain(source())
    clock.passes(hours=2)
    assert (await drain(source(), done)).records == []


# Whole texts


async def test_a_text_that_lists_cut_off_is_fetched_whole(weibo: WeiboSimulator, source: Source) -> None:
    text = f"{US} " + "提现三天没有到账，" * 40 + "\n请回复"
    key = weibo.says("阿岚", text)
    connector = source("mentions")
    done = await drain(connector)
    assert posts(connector, done.records)[key].text == text
    assert weibo.api.asked.count("statuses/show") == 1


async def test_without_calls_to_spare_a_cut_text_is_stored_marked_and_completed_the_next_day(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    text = f"{US} " + "提现三天没有到账，" * 40
    key = weibo.says("阿岚", text)
    connector, done = source("mentions", calls_per_day=5), Drained()
    async with connector:
        await poll(connector, done)
        first = posts(connector, done.records)[key]
        clock.now = MIDNIGHT + timedelta(hours=20)
        await poll(connector, done)
    assert first.guessed == ("text",)
    assert text.startswith(first.text)
    assert posts(connector, done.records)[key].text == text
    assert posts(connector, done.records)[key].guessed == ()


async def test_many_cut_texts_do_not_keep_their_page_waiting(weibo: WeiboSimulator, source: Source) -> None:
    long = "说来话长，" * 40
    keys = [weibo.says(f"路人{number}", f"{US} {number} {long}") for number in range(9)]
    connector, done = source("mentions"), Drained()
    async with connector:
        pages = await poll(connector, done)
    whole = [not item.guessed for item in items(connector, pages[0].records) if isinstance(item, Post)]
    assert whole.count(True) == 5
    assert [posts(connector, done.records)[key].guessed for key in keys] == [()] * 9


async def test_a_whole_text_that_cannot_be_had_fails_no_poll_and_keeps_no_other_waiting(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    for number in range(4):
        weibo.says(f"路人{number}", f"{US} 第{number}条" + "很长的话，" * 60)
    weibo.api.fails["statuses/show"].extend([99999, 99999])  # the second for the one at the head of those that wait
    connector, done = source("mentions"), Drained()
    async with connector:
        await poll(connector, done)
        clock.passes(hours=2)
        await poll(connector, done)
    found = posts(connector, done.records)
    assert [len(post.text) > 140 for post in found.values()] == [True] * 4
    assert done.cursor is not None
    assert done.cursor["cut_off"] == []


async def test_a_post_that_goes_before_its_whole_text_is_read_is_marked_deleted(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    key = weibo.says("阿岚", f"{US} " + "提现三天没有到账，" * 40)
    connector, done = source("mentions", calls_per_day=5), Drained()
    async with connector:
        await poll(connector, done)
        weibo.deletes(key)
        clock.now = MIDNIGHT + timedelta(hours=20)
        await poll(connector, done)
    assert items(connector, done.records)[-1] == Deleted(key, None)
    assert done.cursor is not None
    assert done.cursor["cut_off"] == []


@pytest.mark.parametrize("code", [10024, 10014])
async def test_whole_texts_that_weibo_refuses_are_asked_for_again_the_next_day(
    weibo: WeiboSimulator, source: Source, clock: Clock, code: int
) -> None:
    key = weibo.says("阿岚", f"{US} " + "提现三天没有到账，" * 40)
    weibo.api.fails["statuses/show"].extend([code, code])
    connector, done = source("mentions"), Drained()
    async with connector:
        pages = await poll(connector, done)
        asked = weibo.api.asked.count("statuses/show")
        clock.passes(hours=2)
        await poll(connector, done)
        assert weibo.api.asked.count("statuses/show") == asked == 2
        first = posts(connector, done.records)[key]
        clock.now = MIDNIGHT
        await poll(connector, done)
    assert pages[-1].warnings == ("1 posts are stored cut short: their whole texts come as calls allow",)
    assert first.guessed == ("text",)
    assert posts(connector, done.records)[key].guessed == ()


# The calls of a day


async def test_calls_are_counted_over_restarts_and_never_exceed_the_day(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    done = Drained()
    clock.now = MIDNIGHT - timedelta(hours=24)
    for _ in range(24 * 2 - 1):
        clock.passes(minutes=30)
        weibo.says("阿岚", f"{US} 每半小时一句")
        done = await drain(source("mentions", "comments", "comment_mentions", calls_per_day=20), Drained(done.cursor))
    assert 18 <= weibo.api.spent_today() <= 20
    assert done.cursor is not None
    assert done.cursor["used"] == weibo.api.spent_today()


async def test_each_page_tells_how_many_calls_are_left_and_until_when(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    async with source("mentions") as connector:
        pages = await poll(connector, Drained())
    assert pages[-1].quota == Quota(left=90 - weibo.api.spent_today(), limit=90, resets_at=MIDNIGHT)


async def test_when_the_days_calls_are_used_up_it_says_so_and_goes_on_at_midnight_in_china(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.per_page = 2
    storm = [weibo.says(f"路人{number}", f"{US} 第{number}个") for number in range(20)]
    connector, done = source("mentions", calls_per_day=4), Drained()
    async with connector:
        pages = await poll(connector, done)
        asked = weibo.api.spent_today()
        assert pages[-1].warnings == ("today's 4 calls are used up: reading goes on at midnight in China",)
        assert pages[-1].quota == Quota(0, 4, MIDNIGHT)
        assert connector.complete_to == SINCE
        clock.now = MIDNIGHT - timedelta(seconds=1)
        assert await poll(connector, done) == []
        assert weibo.api.spent_today() == asked == 4
        for day in range(3):
            clock.now = MIDNIGHT + timedelta(days=day)
            await poll(connector, done)
    assert set(posts(connector, done.records)) == set(storm)


async def test_a_source_is_complete_only_to_where_every_list_was_asked(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    connector, done, noon = source("mentions", "comment_mentions"), Drained(), clock.now
    async with connector:
        await poll(connector, done)
        weibo.api.asked.clear()
        clock.passes(minutes=20)
        await poll(connector, done)
        assert weibo.api.asked == ["statuses/mentions"]
        assert connector.complete_to == noon
        clock.passes(minutes=90)
        await poll(connector, done)
        assert connector.complete_to == clock.now
    assert source("mentions", "comment_mentions").complete_to == SINCE


async def test_a_poll_with_nothing_due_asks_nothing(weibo: WeiboSimulator, source: Source, clock: Clock) -> None:
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        asked = weibo.api.spent_today()
        clock.passes(seconds=30)
        assert await poll(connector, done) == []
    assert weibo.api.spent_today() == asked


async def test_calls_that_somebody_else_used_up_are_waited_for_until_midnight_in_china(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.api.spends(100)
    connector = source("mentions")
    async with connector:
        with pytest.raises(ThrottledError, match="10023") as told:
            await poll(connector, Drained())
        assert told.value.retry_after == (MIDNIGHT - clock.now).total_seconds()


# Errors by class


@pytest.mark.parametrize("status", [200, 400, 403])
@pytest.mark.parametrize("code", [10001, 10002, 10003, 10009, 10010, 10011, 29999])
async def test_what_passes_is_tried_again(weibo: WeiboSimulator, source: Source, code: int, status: int) -> None:
    weibo.api.status_of_errors = status
    weibo.says("阿岚", f"{US} 一")
    weibo.api.fails["statuses/mentions"].extend([code])
    connector, done = source("mentions"), Drained()
    async with connector:
        with pytest.raises(TransientError, match=str(code)):
            await poll(connector, done)
        await poll(connector, done)
    assert len(done.records) == 1


@pytest.mark.parametrize(
    "code", [10006, 21301, 21314, 21315, 21316, 21317, 21319, 21322, 21323, 21324, 21325, 21327, 21330, 21332]
)
async def test_a_token_that_is_no_longer_good_asks_a_person(weibo: WeiboSimulator, source: Source, code: int) -> None:
    weibo.api.fails["statuses/mentions"].extend([code])
    async with source("mentions") as connector:
        with pytest.raises(AuthError, match=rf"refused the token {{env: {TOKEN_ENV}}} \({code}: ") as told:
            await poll(connector, Drained())
    assert "authorise the app anew" in str(told.value)


@pytest.mark.parametrize("code", [10004, 10022])
async def test_an_address_without_calls_waits_for_the_next_hour(
    weibo: WeiboSimulator, source: Source, clock: Clock, code: int
) -> None:
    clock.passes(minutes=20)
    weibo.api.fails["statuses/mentions"].extend([code])
    async with source("mentions") as connector:
        with pytest.raises(ThrottledError, match=str(code)) as told:
            await poll(connector, Drained())
    assert told.value.retry_after == 40 * 60


async def test_a_list_without_calls_rests_until_midnight_and_the_others_are_read(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.api.fails["statuses/mentions"].extend([10024])
    weibo.comments("阿岚", "在吗", on=weibo.we_post("今晚维护"))
    connector, done = source("mentions", "comments"), Drained()
    async with connector:
        with pytest.raises(TransientError, match="weibo: mentions: Weibo allows no more calls of this kind today"):
            await poll(connector, done)
        assert len(posts(connector, done.records)) == 1
        weibo.api.asked.clear()
        clock.passes(hours=2)
        with pytest.raises(TransientError, match="10024"):
            await poll(connector, done)
        assert weibo.api.asked == ["comments/timeline"]
        clock.now = MIDNIGHT
        await poll(connector, done)
        assert weibo.api.asked[-2:] == ["statuses/mentions", "comments/timeline"]


@pytest.mark.parametrize("code", [10005, 10012, 10013, 10014, 20003, 20008, 20012, 21321])
async def test_a_list_that_we_may_not_read_is_told_and_the_others_are_read(
    weibo: WeiboSimulator, source: Source, clock: Clock, code: int
) -> None:
    weibo.api.fails["comments/mentions"].extend([code])
    weibo.says("阿岚", f"{US} 一")
    connector, done = source("mentions", "comment_mentions"), Drained()
    async with connector:
        pages = await poll(connector, done)
        assert f"comment_mentions cannot be read: {connector_reason(code)}" in pages[-1].warnings[0]
        assert connector.complete_to == clock.now
    assert len(posts(connector, done.records)) == 1
    weibo.api.asked.clear()
    clock.passes(hours=3)
    done = await drain(source("mentions", "comment_mentions"), done)
    assert weibo.api.asked == ["statuses/mentions"]
    clock.passes(days=1)
    done = await drain(source("mentions", "comment_mentions"), done)
    assert "comments/mentions" in weibo.api.asked
    assert done.warnings == ()


def connector_reason(code: int) -> str:
    return f"{NOT_ALLOWED[code]} ({code}). Ask for the permission in the app's console"


async def test_an_app_that_may_read_nothing_asks_a_person(weibo: WeiboSimulator, source: Source) -> None:
    weibo.api.denied = {"statuses/mentions", "comments/timeline"}
    async with source("mentions", "comments") as connector:
        with pytest.raises(AuthError, match="Weibo lets us read nothing"):
            await poll(connector, Drained())


@pytest.mark.parametrize("body", [{"error_code": "10023"}, {"error_code": 10023}])
def test_a_code_may_be_a_number_or_digits(body: dict[str, Any]) -> None:
    assert isinstance(failure(body, Secret(env=TOKEN_ENV), SINCE), ThrottledError)


@pytest.mark.parametrize(
    "body", [{}, [], None, {"statuses": []}, {"error_code": 0}, {"error_code": None}, {"error": 1}]
)
def test_an_answer_without_a_code_is_no_failure(body: object) -> None:
    assert failure(body, Secret(env=TOKEN_ENV), SINCE) is None


@pytest.mark.parametrize("fault", ["500", "reset", "truncated", "timeout", "html", "nothing"])
async def test_a_fault_at_any_list_loses_nothing(weibo: WeiboSimulator, source: Source, fault: Fault) -> None:
    weibo.per_page = 3
    news = weibo.we_post("今晚维护")
    for number in range(8):
        weibo.says(f"路人{number}", f"{US} 第{number}个")
        weibo.comments(f"路人{number}", f"评论{number}", on=news)
    done = Drained()
    for faultless in range(20):
        connector = source(timeout=0.3 if fault == "timeout" else 5)
        async with connector:
            pages = connector.pages(done.cursor)
            for _ in range(faultless):
                await commit_next(pages, done)
            weibo.fails_next(fault)
            with contextlib.suppress(TransientError):
                await commit_next(pages, done)
            await pages.aclose()
        weibo.api.faults.clear()
    connector = source()
    done = await drain(connector, done)
    assert {key: as_truth(post) for key, post in posts(connector, done.records).items()} == weibo.truth()


async def commit_next(pages: AsyncGenerator[Page, None], done: Drained) -> None:
    page = await anext(pages, None)
    if page is not None:
        done.cursor = page.cursor
        done.records.extend(page.records)


# The token


async def test_the_token_goes_in_a_header_and_never_into_an_address(weibo: WeiboSimulator, source: Source) -> None:
    weibo.says("阿岚", f"{US} 一")
    await drain(source())
    assert len(weibo.api.queries) > 4
    assert [query for query in weibo.api.queries if "token" in query or weibo.token in query] == []


async def test_a_tokens_end_is_warned_of_seven_days_ahead(weibo: WeiboSimulator, source: Source, clock: Clock) -> None:
    weibo.expires_at = clock.now + timedelta(days=8)
    connector, done = source("mentions"), Drained()
    async with connector:
        await poll(connector, done)
        clock.passes(days=1, seconds=1)
        pages = await poll(connector, done)
    end = "2026-03-22 04:00 UTC"
    assert pages[-1].warnings == (
        f"the token {{env: {TOKEN_ENV}}} expires at {end}: authorise the app anew with our account before, and put "
        "the new token there",
    )


async def test_a_token_that_ends_while_we_run_is_not_tried_again(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.expires_at = clock.now + timedelta(hours=1)
    connector, done = source("mentions"), Drained()
    async with connector:
        await poll(connector, done)
        clock.passes(hours=2)
        with pytest.raises(AuthError, match="21327"):
            await poll(connector, done)
        weibo.expires_at = clock.now + timedelta(days=30)
        pages = await poll(connector, done)
    assert pages[-1].warnings == ()


async def test_a_start_by_cron_asks_whose_token_it_is_once_an_hour_and_always_before_its_end(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    done = await drain(source("mentions"))
    clock.passes(minutes=59)
    done = await drain(source("mentions"), done)
    assert weibo.api.recognised == 1
    clock.passes(minutes=1)
    done = await drain(source("mentions"), done)
    assert weibo.api.recognised == 2
    weibo.expires_at = clock.now + timedelta(days=8)
    clock.passes(days=1)
    done = await drain(source("mentions"), done)
    assert len(done.warnings) == 1
    weibo.expires_at = clock.now + timedelta(days=90)
    clock.passes(minutes=20)
    assert (await drain(source("mentions"), done)).warnings == ()


async def test_a_list_that_is_no_longer_read_is_no_longer_complained_of(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.api.denied = {"comments/mentions"}
    done = await drain(source("mentions", "comment_mentions"))
    assert len(done.warnings) == 1
    clock.passes(hours=1)
    assert (await drain(source("mentions"), done)).warnings == ()


async def test_a_token_of_another_account_is_not_mixed_in(weibo: WeiboSimulator, source: Source, clock: Clock) -> None:
    done = await drain(source("mentions"))
    clock.passes(hours=1)
    weibo.us.id = 7_000_000_002
    with pytest.raises(AuthError, match=f"{TOKEN_ENV}}} is that of account 7000000002, .* has read account 7000000001"):
        await drain(source("mentions"), done)


# Search


async def test_a_search_finds_posts_that_do_not_name_us(weibo: WeiboSimulator, source: Source) -> None:
    weibo.has_search = True
    found = weibo.says("旅人", "海港钱包提现好慢")
    weibo.says("旅人", "今天天气不错")
    connector = source("mentions", search=["海港钱包"])
    assert list(posts(connector, (await drain(connector)).records)) == [found]


@pytest.mark.parametrize("includes_end", [True, False])
async def test_a_search_through_a_storm_loses_nothing_though_pages_shift_and_seconds_are_full(
    weibo: WeiboSimulator, source: Source, clock: Clock, includes_end: bool
) -> None:
    weibo.has_search, weibo.search_includes_end = True, includes_end
    done = await drain(source("mentions", search=["海港"]))
    clock.passes(hours=1)
    said = [weibo.says(f"路人{number}", f"海港{number}") for number in range(130)]  # all within one second
    clock.passes(seconds=30)
    for number in range(130):
        clock.passes(seconds=1)
        said.append(weibo.says(f"来者{number}", f"海港又{number}"))
    clock.passes(minutes=1)
    done = await drain(source("mentions", search=["海港"]), done, pages=3)
    weibo.deletes(said[-3])
    clock.passes(minutes=1)
    connector = source("mentions", search=["海港"])
    done = await drain(connector, done)
    assert set(posts(connector, done.records)) == set(said)
    assert len(items(connector, done.records)) == len(said)


async def test_a_search_that_breaks_off_before_what_it_has_found_is_not_believed(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.has_search = True
    done = await drain(source("mentions", search=["海港"]))
    clock.passes(hours=1)
    said = []
    for number in range(130):
        clock.passes(seconds=1)
        said.append(weibo.says(f"来者{number}", f"海港又{number}"))
    clock.passes(minutes=1)
    done = await drain(source("mentions", search=["海港"]), done, pages=3)
    weibo.api.lists_nothing = True
    with pytest.raises(TransientError, match="search: 海港: it finds nothing"):
        await drain(source("mentions", search=["海港"]), done)
    weibo.api.lists_nothing = False
    connector = source("mentions", search=["海港"])
    done = await drain(connector, done)
    assert set(posts(connector, done.records)) == set(said)


async def test_a_search_that_goes_on_finding_nothing_is_shown_as_a_gap(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.has_search = True
    done = await drain(source("mentions", search=["海港"]))
    clock.passes(hours=1)
    for number in range(130):
        clock.passes(seconds=1)
        weibo.says(f"来者{number}", f"海港又{number}")
    clock.passes(minutes=1)
    done = await drain(source("mentions", search=["海港"]), done, pages=3)
    weibo.api.lists_nothing = True
    async with source("mentions", search=["海港"]) as connector:
        for _ in range(2):
            clock.passes(minutes=5)
            with pytest.raises(TransientError):
                await poll(connector, done)
        clock.passes(minutes=5)
        pages = await poll(connector, done)
    assert [gap.reason for page in pages for gap in page.gaps] == ["the search found nothing"]


async def test_a_post_that_the_search_learns_of_late_is_found(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.has_search, weibo.search_lag = True, timedelta(minutes=10)
    done = await drain(source("mentions", search=["海港"]))
    clock.passes(hours=1)
    late = weibo.says("旅人", "海港怎么了")
    clock.passes(minutes=1)
    done = await drain(source("mentions", search=["海港"]), done)
    clock.passes(hours=1)
    connector = source("mentions", search=["海港"])
    assert late in posts(connector, (await drain(connector, done)).records)


async def test_a_search_that_believed_a_clock_ahead_begins_anew_once_it_is_right(
    weibo: WeiboSimulator, source: Source, clock: Clock
) -> None:
    weibo.has_search = True
    ahead = source("mentions", search=["海港"])
    ahead.clock = lambda: clock() + timedelta(days=2)
    done = await drain(ahead, await drain(source("mentions", search=["海港"])))
    clock.passes(minutes=1)
    meanwhile = weibo.says("旅人", "海港怎么了")
    clock.passes(hours=1)
    connector = source("mentions", search=["海港"])
    assert meanwhile in posts(connector, (await drain(connector, done)).records)


async def test_without_a_contract_the_search_is_told_and_the_rest_is_read(
    weibo: WeiboSimulator, source: Source
) -> None:
    weibo.says("阿岚", f"{US} 一")
    connector = source("mentions", search=["海港"])
    done = await drain(connector)
    assert len(posts(connector, done.records)) == 1
    assert done.warnings[0].startswith("search: 海港 cannot be read: the app lacks the permission (10014)")


@pytest.mark.parametrize("word", ["", " ", 'a"b', "a{b", "}"])
def test_a_word_that_weibo_does_not_take_is_refused_at_the_start(word: str) -> None:
    with pytest.raises(ValidationError, match="a word to search for"):
        Weibo.Config.model_validate({"connector": "weibo", "token": {"env": TOKEN_ENV}, "search": [word]})


# check


async def test_check_says_what_may_be_read_and_what_to_ask_for(weibo: WeiboSimulator, source: Source) -> None:
    weibo.expires_at = weibo.clock() + timedelta(days=5)
    weibo.api.denied = {"comments/mentions"}
    weibo.says("阿岚", f"{US} 一")
    async with source(search=["海港"]) as connector:
        found = await connector.check()
    remedy = "ask for the permission in the app's console at open.weibo.com, or leave it out"
    assert found == [
        Finding("ok", "reading as account 7000000001; list it under official: weibo: in connectors.yaml"),
        Finding(
            "warning",
            f"the token {{env: {TOKEN_ENV}}} expires at 2026-03-19 04:00 UTC: authorise the app anew with our account "
            "before, and put the new token there",
        ),
        Finding("ok", "Weibo allows this account 100 of 100 more calls"),
        Finding("ok", "mentions can be read; the newest was written at 2026-03-14 04:00 UTC"),
        Finding("ok", "comments can be read; nothing is listed"),
        Finding("failed", f"comment_mentions cannot be read: the app lacks the permission (10014): {remedy}"),
        Finding("ok", "own_posts can be read; nothing is listed"),
        Finding("failed", f"search: 海港 cannot be read: the app lacks the permission (10014): {remedy}"),
    ]


async def test_check_says_until_when_the_token_is_good_and_what_is_not_seen(
    weibo: WeiboSimulator, source: Source
) -> None:
    async with source("mentions") as connector:
        found = await connector.check()
    assert Finding("ok", "the token is good until 2027-03-14 04:00 UTC") in found
    assert found[-1].text == "posts that do not name us are not seen: Weibo's search needs a commercial contract"


async def test_check_of_a_bad_token_asks_a_person(weibo: WeiboSimulator, source: Source) -> None:
    weibo.token_is_good = False
    async with source() as connector:
        with pytest.raises(AuthError, match=TOKEN_ENV):
            await connector.check()
