"""The feed and the page of one inquiry, as a browser without script sees them."""

from __future__ import annotations

import re

from tests.conftest import Community
from tests.web_site import csrf, open_site

ALARM = "my seed phrase was on a fake site and my funds are gone"


async def test_the_most_pressing_stands_first_with_score_band_and_reasons(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "how do I change the network fee?"), ("lin", "转账三小时未到账，没人理我"))
        page = (await amy.get("/")).text
    assert page.index("转账三小时未到账") < page.index("how do I change")
    assert "funds missing or stuck <b>+55" in page
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
    assert "our promise ran out" in page
    assert "<mark>未到账</mark>" in page


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
