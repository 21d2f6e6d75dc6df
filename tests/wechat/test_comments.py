"""The walk over an article's comments."""

from __future__ import annotations

import json
import random
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.demo.truth import Truth
from aggregator.demo.wechat import WeChatSimulator
from aggregator.demo.wechat.protocol import Faults
from connectors.contract import Deleted, Post
from connectors.errors import TransientError
from connectors.wechat import WeChat
from tests.conftest import Hands
from tests.contract_suite import Drained, drain, items, posts, texts
from tests.wechat_account import (
    CALLED,
    SINCE,
    Source,
    as_truth,
    deletions,
    paths,
    poll,
)


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


async def test_a_list_that_is_suddenly_empty_is_not_believed_and_marks_nobody_as_gone(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    article = wechat.publishes("旧", at=clock.now - timedelta(hours=1))
    said = [wechat.comments(f"user{number}", f"text {number}") for number in range(4)]
    wechat.publishes("新")
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
        began = clock.now
        clock.pass_(hours=1)
        wechat.lists_nothing = True
        with pytest.raises(TransientError, match=f"nothing under article {article}, though 4 comments stood there"):
            await poll(connector, done)
        vouched = connector.complete_to
        wechat.lists_nothing = False
        said.append(wechat.comments("late", "behind the wall", article))
        await poll(connector, done)
    assert vouched == began
    assert deletions(connector, done) == []
    assert list(posts(connector, done.records)) == said


async def test_a_list_that_stays_empty_is_believed_after_some_hours(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    said = [wechat.comments(f"user{number}", f"text {number}") for number in range(4)]
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
        for comment in said:
            wechat.deletes(comment)
        clock.pass_(hours=1)
        with pytest.raises(TransientError):
            await poll(connector, done)
        clock.pass_(hours=6)
        await poll(connector, done)
    assert deletions(connector, done) == said


async def test_an_article_that_was_never_looked_at_is_not_vouched_for(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=3))
    wechat.publishes("新", at=clock.now - timedelta(hours=3))
    wechat.comment_calls_left = 100
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
    assert connector.complete_to == datetime(2026, 3, 10, 16, 0, tzinfo=UTC)  # the day on which it came out begins
