"""The dashboard counts what is there, by days of the team's zone, and draws it true to scale."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Bands
from aggregator.store.figures import Figures, Range, figures
from aggregator.web import plots
from tests.busy_morning import busy_morning
from tests.conftest import Community, poll
from tests.web_site import WebSite, open_site

ZONE = "Asia/Shanghai"


def _figures(site: WebSite, first: date, last: date, *channels: str) -> Figures:
    def due(_: str, began: datetime) -> datetime:
        return began + timedelta(minutes=30)

    with site.work.db.reading() as cursor:
        return figures(cursor, Range(first, last, ZONE, channels), due=due, moment=site.work.clock(), bands=Bands())


def _today(site: WebSite) -> date:
    return site.work.clock().astimezone(ZoneInfo(ZONE)).date()


async def test_inquiries_count_on_the_day_of_their_first_post_in_the_teams_zone(community: Community) -> None:
    async with open_site(community) as site:
        first = _today(site)
        await site.says(("Mia", "my swap failed"), ("Noor", "withdrawal stuck for hours"))
        local = community.clock().astimezone(ZoneInfo(ZONE))
        to_midnight = datetime(local.year, local.month, local.day, tzinfo=local.tzinfo) + timedelta(days=1) - local
        community.clock.pass_(minutes=to_midnight.total_seconds() / 60 + 1)
        await site.says(("Ola", "where is my deposit"))
        found = _figures(site, first, first + timedelta(days=1))
        assert found.arrivals == {(first, "telegram"): 2, (first + timedelta(days=1), "telegram"): 1}
        assert found.open == sum(found.bands.values()) == 3
        assert sum(found.week.values()) == sum(found.kinds.values()) == 3
        assert _figures(site, first, first).arrivals == {(first, "telegram"): 2}
        assert _figures(site, first, first, "forum").arrivals == {}


async def test_a_promise_is_kept_by_an_answer_in_time_and_broken_without_one(community: Community) -> None:
    async with open_site(community) as site:
        forum = community.forum
        forum.user("harbor-lena").moderator = True
        asked = forum.says("Wren", "My swap failed, who returns the fee?", title="Swap failed")
        forum.says("Oakley", "I can not get into my wallet.", title="Locked out")
        await poll(site.work)
        assert _figures(site, _today(site), _today(site)).promised == 0
        community.clock.pass_(minutes=10)
        forum.says("harbor-lena", "We are looking into it.", reply_to=asked)
        community.clock.pass_(minutes=5 * 60)
        await poll(site.work)
        found = _figures(site, _today(site), _today(site))
        assert found.overall
        assert (found.promised, found.kept) == (2, 1)
        assert (found.overall.answered, found.overall.p50) == (1, 600)
        assert found.answers[_today(site)] == found.overall
        pages = []
        for lang in ("en", "zh-CN"):
            async with site.visitor("vic", lang) as vic:
                pages.append((await vic.get("/dashboard")).text)
        assert ["<dd>50.0 %</dd>" in pages[0], "<dd>50.0%</dd>" in pages[1]] == [True, True]


async def test_the_page_shows_numbers_links_and_tables(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic:
        await site.says(("Mia", "my swap failed"))
        page = (await vic.get("/dashboard?range=30d")).text
        day = f"since={_today(site)}&amp;until={_today(site)}"
        assert f'href="/?state=all&amp;channel=telegram&amp;{day}"' in page
        assert page.count('<th scope="row"><a href=') >= 30
        assert "<title>" in page
        assert "style=" not in page


async def test_every_figure_is_the_number_of_inquiries_behind_its_link(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic:
        await busy_morning(site)
        page = (await vic.get("/dashboard?range=today")).text
        bars = re.findall(r'<a href="([^"]+)" aria-label="[^"]*?(\d+)"', page)
        kinds = re.findall(r'<th scope="row"><a href="([^"]+)">[^<]+</a></th><td><svg.*?<td class="number">(\d+)', page)
        bands = re.findall(r'<a class="badge [^"]*" href="([^"]+)">P\d (\d+)', page)
        assert len(bars) >= 2
        assert len(kinds) >= 3
        assert len(bands) == 4
        for link, count in (*bars, *kinds, *bands):
            listed = (await vic.get(unescape(link))).text
            assert re.search(rf'id="open-count"[^>]*>{count}<', listed), link


@pytest.mark.parametrize(
    "query",
    ["since=2026-03-20&until=2026-03-01", "since=yesterday", "range=forever", "since=0001-01-01&until=9999-12-31"],
)
async def test_ranges_that_mean_nothing_become_the_usual_one(community: Community, query: str) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic:
        answer = await vic.get(f"/dashboard?{query}")
        assert answer.status_code == 200
        assert re.search(r'range=7d"[^>]*aria-current', answer.text)


async def test_hostile_channels_stay_text(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic:
        page = (
            await vic.get("/dashboard", params={"channel": "x\"><script>alert(1)</script>,'; DROP TABLE post"})
        ).text
        assert "<script>alert" not in page


@given(st.dictionaries(st.integers(0, 30), st.integers(1, 100_000), min_size=1))
def test_bars_are_as_high_as_what_they_stand_for(counts: dict[int, int]) -> None:
    columns = list(range(31))
    bars, ticks = plots.stacked(
        columns, ["a"], {(column, "a"): count for column, count in counts.items()}, lambda *_: "", lambda *_: ""
    )
    assert len(bars) == len(counts)
    unit = {round(bar.height / count, 3) for bar, (_, count) in zip(bars, sorted(counts.items()), strict=True)}
    top = float(ticks[-1].label.replace(",", ""))
    assert max(counts.values()) <= top
    assert all(abs(one - plots.HEIGHT / top) < 0.02 for one in unit)
    assert all(bar.y >= 0 and abs(bar.y + bar.height - plots.HEIGHT) < 0.02 for bar in bars)


@given(st.floats(0.5, 1e7))
def test_ticks_are_few_and_reach_the_highest_value(highest: float) -> None:
    ticks, top = plots.scale(highest)
    assert top >= highest
    assert 2 <= len(ticks) <= 7
    assert [tick.at for tick in ticks] == sorted((tick.at for tick in ticks), reverse=True)
