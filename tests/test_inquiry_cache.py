"""Rows that were read before are shown as they are now, whatever has changed since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aggregator.store.filters import Filters
from aggregator.store.inquiry_cache import InquiryCache
from aggregator.store.listing import feed_page
from aggregator.store.reading import FeedRow, rows_by_id
from tests.conftest import Community, poll
from tests.web_site import WebSite, csrf, open_site


def listed(site: WebSite, cache: InquiryCache, filters: Filters) -> list[FeedRow]:
    """The rows of a view; those that are named by their ids are the same, and the same as of whoever keeps none."""
    work = site.work
    with work.db.reading() as cursor:
        now, bands = work.clock(), work.settings.bands
        rows = feed_page(cursor, filters, moment=now, bands=bands, cache=cache).rows
        ids = [row.inquiry.inquiry_id for row in rows]
        named = rows_by_id(cursor, ids, moment=now, cache=cache)
        assert alike(named) == alike(rows_by_id(cursor, ids, moment=now)) == alike(rows)
    return named


def alike(rows: Iterable[FeedRow]) -> list[FeedRow]:
    """Without the hair's breadth by which sums of doubles differ."""
    return [replace(row, priority=round(row.priority, 6)) for row in rows]


async def test_an_edit_a_further_post_a_new_name_and_a_close_are_seen_at_once(community: Community) -> None:
    cache, is_open, closed = InquiryCache(), Filters(), Filters(states=("closed",))
    async with open_site(community) as site, site.visitor("amy") as amy:
        first = community.forum.says("wren", "my withdrawal has not arrived")
        await poll(site.work, "forum")
        before = listed(site, cache, is_open)
        community.clock.pass_(hours=1)
        community.forum.edits(first, "my withdrawal of 40 USDT has not arrived")
        community.forum.says("wren", "is anybody there?", reply_to=first)
        await poll(site.work, "forum")
        after = listed(site, cache, is_open)
        site.work.db.submit(lambda con: con.execute("UPDATE account SET name = 'Wren II'")).result()
        renamed = listed(site, cache, is_open)
        token, (row,) = csrf((await amy.get("/")).text), renamed
        await amy.post(
            f"/inquiry/{row.inquiry.name}/close",
            data={"csrf": token, "ver": str(row.inquiry.ver), "reason": "resolved"},
        )
        left, history = listed(site, cache, is_open), listed(site, cache, closed)
    assert [(row.inquiry.excerpt, row.inquiry.posts, row.author) for row in before] == [
        ("my withdrawal has not arrived", 1, "wren")
    ]
    assert [(row.inquiry.excerpt, row.inquiry.posts) for row in after] == [
        ("my withdrawal of 40 USDT has not arrived", 2)
    ]
    assert [row.author for row in renamed] == ["Wren II"]
    assert (left, [row.inquiry.state for row in history]) == ([], ["closed"])


async def test_a_page_that_looks_where_an_inquiry_stood_shows_what_it_has_become(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        first = community.forum.says("wren", "my refund is late")
        await poll(site.work, "forum")
        (row,) = listed(site, InquiryCache(), Filters())
        path = f"/inquiry/{row.inquiry.name}"
        assert path in (await amy.get("/")).text  # now its row is kept
        before = (await amy.get(path)).text
        community.clock.pass_(hours=1)
        community.forum.says("wren", "is anybody there?", reply_to=first)
        await poll(site.work, "forum")
        after = (await amy.get(path)).text
        assert (await amy.get(f"{path[:-4]}0000")).status_code == 404
    assert "is anybody there?" not in before
    assert "is late" in before
    assert "anybody" in after


async def test_a_thread_that_moves_is_found_where_it_is_now(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        community.telegram.says("fox", "my swap failed")
        await poll(site.work, "telegram")
        (row,) = listed(site, InquiryCache(), Filters())
        path = f"/inquiry/{row.inquiry.name}"
        assert path in (await amy.get("/")).text  # now its row is kept
        moved = community.telegram.migrates(community.telegram.group)
        community.telegram.says("owl", "nice weather in Lisbon", chat=moved)
        await poll(site.work, "telegram")
        assert "Lisbon" in (await amy.get(path)).text
