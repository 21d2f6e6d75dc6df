"""Weibo at a desk: what is stored, whom it belongs to, and for which times the desk vouches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.config import Settings
from aggregator.demo.weibo import WeiboSimulator
from aggregator.listener import serve
from aggregator.store.source_reports import SourceReport, source_reports
from aggregator.workplace import Workplace
from connectors.contract import PullConnector, Quota
from connectors.secret import Secret
from connectors.wechat import WeChat
from connectors.weibo import Weibo
from tests.conftest import START, Hands, open_inquiries, poll, texts

US = "@海港钱包"
LONG = f"{US} " + "提现三天没有到账，" * 40
MIDNIGHT = START + timedelta(hours=8)  # in China; the tests begin at 16:00 there


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def weibo(clock: Hands, monkeypatch: pytest.MonkeyPatch) -> WeiboSimulator:
    simulator = WeiboSimulator(clock)
    monkeypatch.setenv("WEIBO_TOKEN", simulator.token)
    return simulator


@pytest.fixture
async def url(weibo: WeiboSimulator) -> AsyncIterator[str]:
    async with serve(weibo.app) as address:
        yield address


@asynccontextmanager
async def desk(url: str, data: Path, clock: Hands, *, calls_per_day: int = 90) -> AsyncIterator[Workplace]:
    source = Weibo.Config(
        connector="weibo", token=Secret(env="WEIBO_TOKEN"), api=url, commercial_api=url, calls_per_day=calls_per_day
    )
    async with Workplace(Settings(sources={"weibo": source}, data=data), clock=clock) as work:
        yield work


def report(work: Workplace) -> SourceReport:
    (only,) = source_reports(work.db, work.settings, work.clock())
    return only


async def test_a_person_and_a_thread_are_one_inquiry_and_our_comment_answers_it(
    weibo: WeiboSimulator, url: str, tmp_path: Path, clock: Hands
) -> None:
    async with desk(url, tmp_path, clock) as work:
        complaint = weibo.says("阿岚", f"{US} 提现三天没到账，没人理我")
        weibo.comments("阿岚", f"{US} 还没好", on=complaint)
        await poll(work)
        (asked,) = open_inquiries(work)
        news = weibo.we_post("今晚维护")
        question = weibo.comments("小周", "登录不上怎么办？", on=news)
        weibo.we_comment("请更新到最新版本", on=news, reply_to=question)
        clock.pass_(hours=2)
        await poll(work)
        inquiries = open_inquiries(work)
    assert (asked["posts"], asked["channel"]) == (2, "weibo")
    assert sorted(row["state"] for row in inquiries) == ["answered", "new"]


async def test_our_answer_to_a_comment_that_is_gone_answers_whom_it_names_and_not_the_post(
    weibo: WeiboSimulator, url: str, tmp_path: Path, clock: Hands
) -> None:
    async with desk(url, tmp_path, clock) as work:
        complaint = weibo.says("阿岚", f"{US} 提现三天没到账，没人理我")
        question = weibo.comments("小周", f"{US} 登录不上怎么办？", on=complaint)
        await poll(work)
        clock.pass_(minutes=30)
        weibo.we_comment("请更新到最新版本", on=complaint, reply_to=question)
        weibo.deletes(question)
        clock.pass_(hours=2)
        await poll(work)
        found = work.db.query(
            "SELECT a.name, i.state FROM inquiry AS i JOIN account AS a ON a.account_id = i.person_id ORDER BY i.state"
        )
    assert found == [("小周", "answered"), ("阿岚", "new")]


async def test_a_whole_text_is_not_replaced_by_what_a_list_shows_of_it(
    weibo: WeiboSimulator, url: str, tmp_path: Path, clock: Hands
) -> None:
    async with desk(url, tmp_path, clock, calls_per_day=40) as work:
        complaint = weibo.says("阿岚", LONG)
        await poll(work)
        weibo.api.fails["statuses/show"].extend([10001] * 9)
        weibo.comments("路人", f"{US} 快来看看", on=complaint)
        clock.pass_(hours=3)
        await poll(work)
        assert texts(work) == [LONG.strip(), f"{US} 快来看看"]
        assert work.db.query("SELECT max(version), count(*) FROM post WHERE text LIKE '%提现%'") == [(1, 1)]


async def test_a_text_that_was_cut_short_becomes_whole(
    weibo: WeiboSimulator, url: str, tmp_path: Path, clock: Hands
) -> None:
    async with desk(url, tmp_path, clock, calls_per_day=6) as work:
        weibo.says("阿岚", LONG)
        await poll(work)
        (cut,) = texts(work)
        clock.now = MIDNIGHT + timedelta(hours=23)
        await poll(work)
        assert texts(work) == [LONG.strip()]
    assert len(cut) < 140


async def test_a_login_wall_that_answers_empty_lists_is_a_gap_and_loses_nothing(
    weibo: WeiboSimulator, url: str, tmp_path: Path, clock: Hands
) -> None:
    said = [weibo.says(f"路人{number}", f"{US} 第{number}个") for number in range(5)]
    async with desk(url, tmp_path, clock) as work:
        await poll(work)
        weibo.api.lists_nothing = True
        said.append(weibo.says("阿岚", f"{US} 有人吗"))
        clock.pass_(hours=2)
        await poll(work)
        during = report(work)
        weibo.api.lists_nothing = False
        clock.pass_(hours=2)
        await poll(work)
        after = report(work)
        stored = work.db.query("SELECT native_id FROM post ORDER BY native_order")
    assert [(gap.state, gap.start) for gap in during.gaps] == [("gap", START)]
    assert "it lists nothing" in during.gaps[0].reason
    assert [gap.state for gap in after.gaps if gap.state == "gap"] == []
    assert after.complete_to == clock.now
    assert stored == [(key,) for key in said]


async def test_calls_left_are_shown_and_kept_over_a_restart(
    weibo: WeiboSimulator, url: str, tmp_path: Path, clock: Hands
) -> None:
    async with desk(url, tmp_path, clock) as work:
        await poll(work)
    spent = weibo.api.spent_today()
    clock.pass_(hours=3)
    async with desk(url, tmp_path, clock) as work:
        assert report(work).quota == Quota(90 - spent, 90, MIDNIGHT)
        await poll(work)
        assert report(work).quota == Quota(90 - weibo.api.spent_today(), 90, MIDNIGHT)
    assert weibo.api.spent_today() > spent


@pytest.mark.parametrize("kind", [Weibo, WeChat])
def test_the_desk_leaves_the_calls_to_those_who_plan_them(kind: type[PullConnector]) -> None:
    assert kind.paces_itself


async def test_the_desk_vouches_only_to_where_every_list_was_asked(
    weibo: WeiboSimulator, url: str, tmp_path: Path, clock: Hands
) -> None:
    async with desk(url, tmp_path, clock) as work:
        await poll(work)
        clock.pass_(minutes=25)
        await poll(work)
        partly = report(work).complete_to
    async with desk(url, tmp_path, clock) as work:
        await poll(work)
        restarted = report(work).complete_to
        clock.pass_(hours=3)
        await poll(work)
        wholly = report(work).complete_to
    assert partly == restarted == START
    assert wholly == clock.now
