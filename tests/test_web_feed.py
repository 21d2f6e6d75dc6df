"""The feed and the page of one inquiry, as a browser without script sees them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

import orjson

from aggregator.store.desk import Desk, DeskFullError
from tests.conftest import START, Community, poll
from tests.web_site import csrf, open_site

PASSWORD = "a password that is long enough"


async def test_the_most_pressing_stands_first_with_score_band_and_reasons(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "how do I change the network fee?"), ("lin", "转账三小时未到账，没人理我"))
        page = (await amy.get("/")).text
    assert page.index("转账三小时未到账") < page.index("how do I change")
    assert re.search(r"funds missing or stuck <b>\+\d\d", page)
    assert re.search(r'class="badge P\d"><span class="score">\d+', page)
    assert ">2</span> open inquiries" in page


async def test_an_inquirys_terms_sum_to_the_priority_shown(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "my swap failed"), ("lin", "转账三小时未到账，没人理我"))
        community.clock.pass_(hours=3)
        page = (await amy.get("/")).text
        first = re.search(r'href="(/inquiry/[^"]+)"', page)
        assert first
        page = (await amy.get(first[1])).text
    terms = [float(points) for points in re.findall(r'<td class="number">([+-][\d.]+)</td>', page)]
    total = re.search(r'id="priority">([\d.]+)<', page)
    assert total
    assert abs(sum(terms) - float(total[1])) < 0.06 * len(terms)
    assert "waiting for us" in page
    assert "first answer promised within 30 min" in page
    assert "<mark>未到账</mark>" in page


async def test_the_row_and_the_page_name_the_clock_that_ran_out(community: Community) -> None:
    community.more |= {"team": [{"name": "Mei", "handles": {"telegram": [str(community.telegram.user("mei")["id"])]}}]}
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam", lang="zh-CN") as sam:
        asked = community.telegram.says("lin", "转账三小时未到账")
        community.telegram.says("mei", "我们会在两小时内给您答复", reply_to=asked)
        await poll(site.work, "telegram")
        row = (await amy.get("/")).text
        assert '<span class="clock">our promise</span>' in row
        assert "we answered, and promised to come back" in row
        assert "We promised an answer until 2026-03-14 18:00" in row
        community.clock.pass_(hours=12)
        overdue = (await amy.get(f"/inquiry/{site.only_id()}")).text
        chinese = (await sam.get(f"/inquiry/{site.only_id()}")).text
    assert "our promise of 2026-03-14 16:00 ran out" in overdue
    assert "我们在 2026-03-14 16:00 作出的承诺已逾期" in chinese


async def test_a_filter_by_the_time_left_says_it_in_words(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam", lang="zh-CN") as sam:
        english = (await amy.get("/?sla=30m,1d")).text
        chinese = (await sam.get("/?sla=30m,1d")).text
    assert "promise: due in 30 min, due in 1 d" in english
    assert "时限：30 分钟内到期、1 天内到期" in chinese


async def test_a_year_whose_worked_weekends_nobody_knows_is_told_where_sources_are(community: Community) -> None:
    async with open_site(community) as site:
        async with site.visitor("amy") as amy:
            known = (await amy.get("/connectors")).text
        community.clock.now = datetime(2040, 12, 5, tzinfo=UTC)
        async with site.visitor("amy") as amy:
            unknown = (await amy.get("/connectors")).text
    assert "which weekends are worked" not in known
    assert re.findall(r"worked in (\d+) \(CN\)", unknown) == ["2040", "2041"]


async def test_claim_and_close_work_as_plain_forms_and_leave_a_history(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "my swap failed"))
        path = f"/inquiry/{site.only_id()}"
        token = csrf((await amy.get(path)).text)
        claimed = await amy.post(f"{path}/claim", data={"csrf": token, "ver": "1", "back": path})
        assert (claimed.status_code, claimed.headers["location"]) == (303, path)
        closed = await amy.post(f"{path}/close", data={"csrf": token, "ver": "2", "reason": "duplicate", "back": "/"})
        assert closed.status_code == 303
        page = (await amy.get(path)).text
        assert "claimed it" in page
        assert "closed it (duplicate)" in page
        assert "my swap failed" not in (await amy.get("/")).text
        assert "my swap failed" in (await amy.get("/?state=closed")).text


async def test_a_post_without_an_address_says_where_to_find_it(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "my swap failed"))
        placed = """UPDATE post SET permalink = NULL, facts = json_merge_patch(facts, '{"place": "Group <7>"}')"""
        await site.work.db.write(lambda con: con.execute(placed).fetchall())
        page = (await amy.get(f"/inquiry/{site.only_id()}")).text
    assert "to be found in: <bdi>Group &lt;7&gt;</bdi>" in page


async def test_the_connectors_page_says_what_is_left_of_a_quota_and_what_was_passed_over(community: Community) -> None:
    quota = {"left": 240, "limit": 1000, "resets_at": "2026-03-15T00:00:00+00:00"}
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "my swap failed"))
        kept = "UPDATE source_state SET quota = ?, passed_over = 1234 WHERE source = 'telegram'"
        await site.work.db.write(lambda con: con.execute(kept, [orjson.dumps(quota).decode()]).fetchall())
        page = (await amy.get("/connectors")).text
        community.clock.pass_(hours=1)
        later = (await amy.get("/connectors")).text
    assert "240 of 1000, anew at 2026-03-15 08:00" in page
    assert "1,234" in page
    assert "<dt>Next try</dt><dd><time" in page
    assert "<dt>Next try</dt><dd>now</dd>" in later  # it is late, and never in the past


async def test_with_a_full_disk_people_read_on_and_are_told_what_could_not_be_kept(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor() as sam:
        await site.says(("fox", "my swap failed"))
        site.work.desk.set_password("sam", PASSWORD)
        fills(site.work.desk)
        refused = await sam.post("/signin", data={"name": "sam", "password": PASSWORD})
        page = await amy.get(f"/inquiry/{site.only_id()}")
    assert (refused.status_code, "The disk is full: nothing was changed" in refused.text) == (507, True)
    assert (page.status_code, "my swap failed" in page.text) == (200, True)


def fills(desk: Desk) -> None:
    """Until nothing more can be noted: neither that something was read nor that somebody came in."""
    (pages,) = desk._con.execute("PRAGMA page_count").fetchone()
    desk._con.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to have no room
    for note in (
        lambda number: desk.mark_read("vic", number.to_bytes(16), START),
        lambda _: desk.enter(desk.invite("vic", START), START),
    ):
        with suppress(DeskFullError):
            for number in range(10_000):
                note(number)
