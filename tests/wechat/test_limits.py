"""What WeChat allows, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.demo.wechat import WeChatSimulator
from connectors.errors import AuthError, ThrottledError, TransientError
from connectors.wechat_api.errcode import NotPermittedError
from tests.conftest import Hands
from tests.contract_suite import Drained, drain, texts
from tests.wechat_account import (
    CALLED,
    SINCE,
    Source,
    paths,
    poll,
)


async def test_the_budget_is_told_and_survives_a_restart(wechat: WeChatSimulator, source: Source, clock: Hands) -> None:
    wechat.publishes("文章")
    done = Drained()
    async with source() as connector:
        first = await poll(connector, done)
    clock.pass_(minutes=20)
    async with source() as connector:
        second = await poll(connector, done)
    quotas = [pages[-1].quota for pages in (first, second)]
    assert [quota and (quota.left, quota.limit) for quota in quotas] == [(4999, 5000), (4998, 5000)]
    assert quotas[0]
    assert quotas[0].resets_at == datetime(2026, 3, 14, 16, 0, tzinfo=UTC)  # midnight in China
    assert paths(wechat).count("get") == 1


async def test_a_spent_budget_waits_for_midnight_in_china_and_spends_no_call(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    wechat.comment_calls_left = 0
    with pytest.raises(ThrottledError, match="00:00") as told:
        await drain(source())
    assert told.value.retry_after == 8 * 3600
    assert "list" not in paths(wechat)


async def test_a_budget_that_another_program_spends_is_noticed_and_kept_over_a_restart(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    done = Drained()
    async with source(**CALLED) as connector:
        await poll(connector, done)
        clock.pass_(minutes=5)
        wechat.comment_calls_left = 0
        told = await poll(connector, done)
        clock.pass_(minutes=5)
        await poll(connector, done)
    async with source(**CALLED) as restarted:
        again = await poll(restarted, done)
    asked = paths(wechat).count("list")
    clock.pass_(hours=8)
    wechat.comment_calls_left = 5000
    wechat.comments("ann", "after midnight")
    async with source(**CALLED) as after:
        await poll(after, done)
    assert told[-1].warnings[0].startswith("comments: today's calls of this API are used up")
    assert [page.quota and page.quota.left for page in (told[-1], again[-1])] == [0, 0]
    assert asked == 2
    assert texts(after, done.records) == ["after midnight"]


async def test_a_spent_budget_stops_neither_the_chats_nor_the_callbacks(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    wechat.comment_calls_left = 0
    wechat.agent_says("ann", "在核实")
    done = Drained()
    async with source(agent_chats="answers") as connector:
        await poll(connector, done)
    assert texts(connector, done.records) == ["在核实"]
    assert connector.complete_to == SINCE


async def test_spent_calls_for_the_list_of_articles_leave_the_known_ones_readable(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    done = Drained()
    async with source() as connector:
        await poll(connector, done)
        clock.pass_(minutes=10)
        wechat.comments("ann", "still read")
        wechat.fails_next(45009, path="batchget")
        await poll(connector, done)
    assert texts(connector, done.records) == ["still read"]


async def test_spent_calls_for_the_chats_are_not_tried_before_midnight(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden["/customservice/msgrecord/getmsglist"] = 45009
    done = Drained()
    async with source(agent_chats="answers", **CALLED) as connector:
        for _ in range(3):
            clock.pass_(minutes=5)
            await poll(connector, done)
    assert paths(wechat).count("getmsglist") == 1


async def test_an_account_whose_calls_are_not_counted_reads_old_articles_too(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden["/cgi-bin/openapi/quota/get"] = 48001
    for days in range(3):
        wechat.publishes(f"文章 {days}", at=clock.now - timedelta(days=days, hours=2))
        wechat.comments("ann", f"text {days}", at=clock.now - timedelta(hours=1, minutes=-days))
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["text 0", "text 1", "text 2"]


async def test_a_low_budget_is_kept_for_the_newest_articles(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("旧", at=clock.now - timedelta(days=3))
    new = wechat.publishes("新", at=clock.now - timedelta(hours=3))
    wechat.comment_calls_left = 100
    await drain(source())
    asked = [body for path, body in wechat.api.calls if path.endswith("comment/list")]
    assert [f"{body['msg_data_id']}/{body['index']}" for body in asked] == [new]


# What the account may not do


@pytest.mark.parametrize("code", [48001, 48004, 88000])
async def test_a_missing_comment_privilege_leaves_the_chats_at_work(
    wechat: WeChatSimulator, source: Source, clock: Hands, code: int
) -> None:
    wechat.forbidden["/cgi-bin/comment/list"] = code
    wechat.publishes("文章")
    wechat.agent_says("ann", "在核实")
    connector, done = source(agent_chats="answers"), Drained()
    async with connector:
        pages = await poll(connector, done)
        await poll(connector, done)
        asked = paths(wechat).count("list")
        del wechat.forbidden["/cgi-bin/comment/list"]
        wechat.comments("ann", "now you may")
        clock.pass_(hours=1, minutes=1)
        after = await poll(connector, done)
    assert f"errcode {code}" in pages[-1].warnings[0]
    assert asked == 1
    assert after[-1].warnings == ()
    assert texts(connector, done.records) == ["在核实", "now you may"]


async def test_an_account_that_may_read_nothing_asks_a_person(wechat: WeChatSimulator, source: Source) -> None:
    wechat.forbidden["/cgi-bin/comment/list"] = 88000
    wechat.publishes("文章")
    with pytest.raises(NotPermittedError, match="ask for it in the console, or set comments: false"):
        await drain(source())


async def test_an_account_without_the_customer_service_feature_is_told_so(
    wechat: WeChatSimulator, source: Source
) -> None:
    wechat.forbidden["/customservice/msgrecord/getmsglist"] = 65400
    done = await drain(source(agent_chats="answers"))
    assert done.warnings[0].startswith("agent_chats: the account does not use the customer-service feature")


async def test_statistics_that_may_not_be_read_do_not_stop_the_comments(
    wechat: WeChatSimulator, source: Source
) -> None:
    wechat.forbidden |= {"/datacube/getarticletotal": 48001, "/cgi-bin/openapi/quota/get": 48001}
    wechat.publishes("文章")
    wechat.comments("ann", "x")
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["x"]


async def test_publications_that_may_not_be_listed_leave_statistics_and_names(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.forbidden["/cgi-bin/freepublish/batchget"] = 48001
    clock.pass_(days=1)
    wechat.comments("ann", "by statistics", wechat.publishes("群发", at=clock.now - timedelta(days=1), listed=False))
    named = wechat.publishes("今天", listed=False)
    clock.pass_(minutes=1)
    wechat.comments("ann", "by name", named)
    connector = source(articles=[named.partition("/")[0]])
    assert texts(connector, (await drain(connector)).records) == ["by statistics", "by name"]


async def test_an_account_that_may_look_for_articles_in_no_way_asks_a_person(
    wechat: WeChatSimulator, source: Source
) -> None:
    wechat.forbidden |= {"/cgi-bin/freepublish/batchget": 48001, "/datacube/getarticletotal": 48001}
    with pytest.raises(NotPermittedError, match="needs a verified account"):
        await drain(source())


# Failures inside a 200


@pytest.mark.parametrize("path", ["stable_token", "comment/list", "freepublish/batchget"])
async def test_a_busy_platform_backs_off(wechat: WeChatSimulator, source: Source, path: str) -> None:
    wechat.publishes("文章")
    wechat.fails_next(-1, path=path)
    with pytest.raises(TransientError, match="busy"):
        await drain(source())


async def test_too_many_calls_a_minute_wait_a_minute(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    wechat.fails_next(45011, path="comment/list")
    with pytest.raises(ThrottledError) as told:
        await drain(source())
    assert told.value.retry_after >= 60


async def test_an_address_that_is_not_on_the_white_list_is_named(wechat: WeChatSimulator, source: Source) -> None:
    wechat.fails_next(40164, path="stable_token")
    with pytest.raises(AuthError, match=r"address 203\.0\.113\.9: add it to the IP white-list"):
        await drain(source())


async def test_a_page_of_html_before_the_platform_is_told_as_such(wechat: WeChatSimulator, source: Source) -> None:
    wechat.publishes("文章")
    wechat.fails_next("html", path="comment/list")
    with pytest.raises(TransientError, match="web page instead of JSON"):
        await drain(source())


async def test_a_token_that_somebody_else_has_thrown_out_is_renewed_in_passing(
    wechat: WeChatSimulator, source: Source, clock: Hands
) -> None:
    wechat.publishes("文章")
    connector, done = source(), Drained()
    async with connector:
        await poll(connector, done)
        wechat.tokens.revoke()
        wechat.comments("ann", "after")
        clock.pass_(minutes=5)
        await poll(connector, done)
    assert texts(connector, done.records) == ["after"]
    assert wechat.tokens.given == 2
