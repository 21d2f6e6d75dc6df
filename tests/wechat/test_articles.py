"""Which articles are read."""

from __future__ import annotations

from datetime import timedelta

from aggregator.demo.wechat import WeChatSimulator
from tests.conftest import Hands
from tests.contract_suite import Drained, drain, posts, texts
from tests.wechat_account import (
    Source,
    as_truth,
    paths,
    poll,
)


async def test_articles_are_found_by_their_address_by_statistics_and_by_name(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    clock.pass_(days=1)
    yesterday = clock.now - timedelta(days=1)
    long = wechat.publishes("长链接", at=clock.now - timedelta(hours=1))
    second = wechat.publishes("次条", at=clock.now - timedelta(hours=1), beside=long)
    short = wechat.publishes("短链接", at=yesterday, short=True)
    mass = wechat.publishes("群发", at=yesterday, listed=False)
    named = wechat.publishes("今天的群发", at=clock.now, listed=False)
    for number, key in enumerate([long, second, short, mass, named]):
        wechat.comments("ann", f"comment {number}", key)
    connector = source(articles=[f"{named.partition('/')[0]}_1"])
    done = await drain(connector)
    found = posts(connector, done.records)
    assert {key: as_truth(post) for key, post in found.items()} == wechat.truth()
    assert len(found) == 5
    assert done.warnings == ()


async def test_statistics_count_positions_from_one_and_comments_from_zero(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    clock.pass_(days=1)
    head = wechat.publishes("头条", at=clock.now - timedelta(days=1), listed=False)
    beside = wechat.publishes("次条", at=clock.now - timedelta(days=1), listed=False, beside=head)
    wechat.comments("ann", "under the second", beside)
    await drain(source())
    asked = {(body["msg_data_id"], body["index"]) for path, body in wechat.api.calls if path.endswith("comment/list")}
    number = int(head.partition("/")[0])
    assert asked == {(number, 0), (number, 1)}


async def test_a_short_address_is_told_until_tomorrows_statistics_resolve_it(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    short = wechat.publishes("短链接", short=True)
    wechat.comments("ann", "waiting", short)
    first = await drain(source())
    clock.pass_(days=1)
    connector = source()
    second = await drain(connector, first)
    assert "1 articles have a short address" in first.warnings[0]
    assert (first.records, second.warnings) == ([], ())
    assert [(post.text, post.permalink) for post in posts(connector, second.records).values()] == [
        ("waiting", wechat.articles[short].url)
    ]


async def test_articles_of_one_title_are_told_apart_by_their_days(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    clock.pass_(days=4)
    older = wechat.publishes("公告", at=clock.now - timedelta(days=3), short=True, open_=False)
    newer = wechat.publishes("公告", at=clock.now - timedelta(days=1), short=True)
    oldest = wechat.publishes("公告", at=clock.now - timedelta(days=4), short=True)
    wechat.comments("ann", "under the newer", newer)
    wechat.comments("bo", "under the oldest", oldest)
    connector = source()
    done = await drain(connector)
    assert {(post.text, post.permalink) for post in posts(connector, done.records).values()} == {
        ("under the newer", wechat.articles[newer].url),
        ("under the oldest", wechat.articles[oldest].url),
    }
    assert done.warnings == ()
    assert wechat.articles[older].key not in {
        f"{body['msg_data_id']}/{body['index']}" for path, body in wechat.api.calls if path.endswith("comment/list")
    }


async def test_todays_statistics_are_never_asked_for_and_a_day_is_read_once(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    first = await drain(source())
    clock.pass_(days=2)
    await drain(source(), first)
    days = [body["begin_date"] for path, body in wechat.api.calls if path.endswith("getarticletotal")]
    assert days == sorted(set(days))
    assert days[-1] == "2026-03-15"


async def test_articles_are_listed_without_their_content_twenty_at_a_time(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    for number in range(45):
        wechat.publishes(f"文章 {number}", at=clock.now - timedelta(hours=number))
    await drain(source())
    asked = [body for path, body in wechat.api.calls if path.endswith("batchget")]
    assert [(body["offset"], body["count"], body["no_content"]) for body in asked] == [
        (0, 20, 1),
        (20, 20, 1),
        (40, 20, 1),
    ]


async def test_a_day_that_wechat_has_not_counted_yet_is_asked_for_again(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    clock.pass_(days=1)
    mass = wechat.publishes("群发", at=clock.now - timedelta(days=1), listed=False)
    wechat.comments("ann", "under it", mass)
    wechat.fails_next(61503, path="getarticletotal")
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
        before = list(done.records)
        clock.pass_(minutes=6)
        await poll(connector, done)
    assert before == []
    assert texts(connector, done.records) == ["under it"]


async def test_listing_ends_where_articles_are_too_old(wechat: WeChatSimulator, source: Source, clock: Hands) -> None:
    for number in range(100):
        wechat.publishes(f"文章 {number}", at=clock.now - timedelta(days=number))
    await drain(source())
    assert paths(wechat).count("batchget") == 2


async def test_closed_deleted_and_old_articles_are_left_alone(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("没开留言", open_=False)
    wechat.articles[wechat.publishes("删了")].deleted = True
    wechat.publishes("太旧", at=clock.now - timedelta(days=15))
    await drain(source())
    assert "list" not in paths(wechat)


async def test_an_article_that_is_gone_stops_neither_the_others_nor_the_source(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("还在", at=clock.now - timedelta(hours=1))
    wechat.comments("ann", "still here")
    connector = source(articles=["2247480000"])
    assert texts(connector, (await drain(connector)).records) == ["still here"]


async def test_comments_can_be_left_out(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    wechat.comments("ann", "x")
    done = await drain(source(comments=False))
    assert done.records == []
    assert wechat.api.calls == []
