"""Views: every filter, every order, page by page; search over all posts; counts; saved views."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

import pytest

from aggregator.acting.compare_and_set import act
from aggregator.identity import Id
from aggregator.store.listing import feed_page, place_of, tally
from aggregator.store.searching import seek
from aggregator.store.views import MOST, ViewError, drop_view, save_view, views_of
from aggregator.web.search_hits import around, spans
from aggregator.web.view import View, terms_of
from aggregator.workplace import Workplace
from tests.conftest import START, Community, poll
from tests.web_site import WebSite, csrf, open_site

TX = "0x" + "3fa8" * 16
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


async def said(site: WebSite) -> None:
    """Five inquiries on two channels in two languages."""
    site.community.forum.says("wren", f"Swap failed but fee was taken. Tx {TX}", title="Where is my refund")
    site.community.clock.pass_(minutes=1)
    await poll(site.work, "forum")
    await site.says(
        ("fox", "how do I change the network fee?"),
        ("lin", "转账三小时未到账，没人理我，我要投诉"),
        ("elk", "thanks, all good now"),
        ("owl", "the bridge is slow"),
        ("owl", "my coins are stuck on Arbitrum"),
    )


def shown(work: Workplace, query: str, me: str = "amy") -> list[str]:
    """Beginnings of what a view shows, in its order."""
    view = View.of_address(query)
    with work.db.reading() as cursor:
        sought = seek(cursor, terms_of(view.search), closed=view.asks_for_closed)
        filters = view.filters(me, work.settings.timezone, sought)
        page = feed_page(cursor, filters, moment=work.clock(), bands=work.settings.bands, sort=view.sort)
        assert page.total == len(page.rows)
    return [row.inquiry.excerpt.split(" ")[0][:4] for row in page.rows]


def inquiry_of(work: Workplace, begins: str) -> Id:
    ((found,),) = work.db.query("SELECT inquiry_id FROM inquiry WHERE starts_with(excerpt, ?)", [begins])
    return bytes(found.bytes)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("channel=telegram", {"how", "转账三小", "than", "my"}),
        ("channel=forum,telegram&lang=zh", {"转账三小"}),
        ("kind=question", {"how"}),
        ("owner=me", {"how"}),
        ("owner=none&channel=forum", {"Swap"}),
        ("owner=me,none&lang=en&kind=question,complaint", {"how", "Swap", "my"}),
        ("state=closed", {"my"}),
        ("state=claimed", {"how"}),
        ("band=P0,P1&channel=telegram", {"转账三小"}),
        ("sla=overdue", {"how", "转账三小", "my"}),
        ("sla=30m", set()),
        ("sla=4h", {"Swap"}),
        ("sla=overdue,1d", {"how", "转账三小", "my", "Swap"}),
        ("source=forum", {"Swap"}),
        ("public=yes&channel=forum", {"Swap"}),
        ("public=no", set()),
        ("secret=yes", set()),
        ("thanks=yes", {"than"}),
        ("incident=none&channel=forum", {"Swap"}),
        ("incident=any", set()),
        ("incident=INC-7", set()),
        ("since=2026-03-15", set()),
        ("since=2026-03-14&until=2026-03-14&lang=zh", {"转账三小"}),
        ("until=2026-03-13", set()),
        ("since=nonsense&sla=soon&incident=x&lang=zh", {"转账三小"}),
    ],
)
async def test_filters(community: Community, query: str, expected: set[str]) -> None:
    async with open_site(community) as site:
        await said(site)
        work, now = site.work, community.clock
        await act(work.db, work.settings, inquiry_of(work, "how"), 1, "amy", "claim", now(), {})
        ver = work.db.query("SELECT ver FROM inquiry_open WHERE starts_with(excerpt, 'my')")[0][0]
        if query == "state=closed":
            await act(work.db, work.settings, inquiry_of(work, "my"), ver, "amy", "close", now(), {})
        now.pass_(minutes=40)
        assert set(shown(work, query)) == expected


async def test_orders(community: Community) -> None:
    async with open_site(community) as site:
        await said(site)
        assert shown(site.work, "")[0] == "转账三小"
        assert shown(site.work, "sort=newest")[:2] == ["my", "than"]
        assert shown(site.work, "sort=oldest")[0] == "Swap"
        assert shown(site.work, "sort=due")[:2] == ["how", "转账三小"]


async def test_pages_by_any_order_hold_each_row_once(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(*[(f"reader{number}", f"how do I export entry {number}?") for number in range(25)])
        work = site.work
        for sort in ("priority", "newest", "oldest", "due"):
            view, ids, after = View.of_address(f"sort={sort}"), list[Id](), None
            with work.db.reading() as cursor:
                while True:
                    page = feed_page(
                        cursor, view.filters("amy", "UTC"), moment=work.clock(), bands=work.settings.bands,
                        sort=view.sort, after=after, limit=10,
                    )  # fmt: skip
                    ids += [row.inquiry.inquiry_id for row in page.rows]
                    if not page.more:
                        break
                    after = page.last
            assert (len(ids), len(set(ids))) == (25, 25)


async def test_pages_of_more_than_fifty_rows_are_read_late_by_every_reader(community: Community) -> None:
    """A plain SET is not inherited by cursors, and 51 rows took five times as long as 50."""
    async with community.desk() as work:
        setting = "SELECT current_setting('late_materialization_max_rows')::INT"
        assert await work.db.read(lambda cursor: cursor.execute(setting).fetchone()) == (1000,)


async def test_the_place_of_a_row_is_told_and_none_if_the_view_lacks_it(community: Community) -> None:
    async with open_site(community) as site:
        await said(site)
        work, view = site.work, View.of_address("lang=en")
        filters, bands, now = view.filters("amy", "UTC"), work.settings.bands, work.clock()
        with work.db.reading() as cursor:
            rows = feed_page(cursor, filters, moment=now, bands=bands).rows
            last = rows[-1].inquiry.inquiry_id
            assert place_of(cursor, last, filters, moment=now, bands=bands, sort="priority") == len(rows) - 1
            chinese = inquiry_of(work, "转账")
            assert place_of(cursor, chinese, filters, moment=now, bands=bands, sort="priority") is None


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("未到账", ["转账三小"]),
        ("转账 投诉", ["转账三小"]),
        ("转账 fee", []),
        ("ＳＷＡＰ failed", ["Swap"]),
        ("refund", ["Swap"]),  # of the topic's title
        ("bridge arbitrum", ["my"]),  # in two posts of one inquiry
        ("@fox", ["how"]),
        ("fox", ["how"]),
        (TX.upper().replace("0X", "0x"), ["Swap"]),
        (TX[2:], ["Swap"]),
        ("@nobody", []),
        ("zzz", []),
    ],
)
async def test_search(community: Community, search: str, expected: list[str]) -> None:
    async with open_site(community) as site:
        await said(site)
        assert shown(site.work, View.of([("q", search)]).query()) == expected


async def test_a_search_finds_names_by_their_words_and_parts_and_customers_alone(community: Community) -> None:
    async with open_site(community) as site:
        topic = community.forum.says("harbor-lena", "the bridge is slow, we look into it", title="Bridge")
        community.forum.user("harbor-lena").moderator = True
        community.forum.says("otter", "thank you, and when?", reply_to=topic)
        await poll(site.work, "forum")
        await site.says(("Mira Fox", "gone"), ("菲菲今天早睡了吗", "everything"), ("fo", "no"))
        for search in ("mira fox", "fox mira", "MIRA", "ira"):
            assert shown(site.work, View.of([("q", search)]).query()) == ["gone"], search
        assert shown(site.work, "q=今天") == shown(site.work, "q=菲菲") == ["ever"]
        assert shown(site.work, "q=fo") == ["no"]
        assert shown(site.work, "q=harbor") == []


async def test_a_search_in_parts_finds_what_one_look_finds(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = (
        "q=bridge+arbitrum&state=all", "q=the+bridge+arbitrum", "q=owl", "q=owl+slow", "q=投诉", "q=refund+fee+failed",
    )  # fmt: skip
    async with open_site(community) as site:
        await said(site)
        whole = [shown(site.work, each) for each in searches]
        monkeypatch.setattr("aggregator.store.text_search.PART", 2)
        monkeypatch.setattr("aggregator.store.text_search.SAMPLE", 3)
        monkeypatch.setattr("os.cpu_count", lambda: 3)
        assert [shown(site.work, each) for each in searches] == whole
        assert all(whole)
        assert shown(site.work, "q=bridge+refund&state=all") == shown(site.work, "q=nowhere+bridge") == []


async def test_search_by_code_link_and_id_finds_the_one_and_closed_ones_if_asked(community: Community) -> None:
    async with open_site(community) as site:
        await said(site)
        work = site.work
        ((code, post, link, one),) = work.db.query(
            "SELECT i.code, p.post_id::VARCHAR, p.permalink, i.inquiry_id::VARCHAR "
            "FROM inquiry_open AS i JOIN post AS p USING (inquiry_id) WHERE starts_with(i.excerpt, 'how')"
        )
        for search in (code, f"#{code.lower()}", post, link, one, f"#{code} fee"):
            assert shown(work, View.of([("q", search)]).query()) == ["how"]
        await act(work.db, work.settings, inquiry_of(work, "how"), 1, "amy", "close", work.clock(), {})
        assert shown(work, "q=network") == []
        assert shown(work, "q=network&state=all") == ["how"]


def test_words_are_marked_whatever_their_case_and_width() -> None:
    text = "Ｓｗａｐ FAILED，转账未到账 swap"
    found = spans(text, terms_of("swap 未到账 failed"))
    assert [text[start:end] for start, end in found] == ["Ｓｗａｐ", "FAILED", "未到账", "swap"]
    assert around("a" * 90 + " needle " + "b" * 300, terms_of("needle")).startswith("…aaa")
    assert around("nothing", terms_of("needle")) == ""


def test_an_address_is_read_and_written_the_same_way_and_repeated_names_are_joined() -> None:
    view = View.of_address("channel=qq&channel=telegram,qq&sort=due&q=a%20b&band=P0&x=1&sla=overdue,later")
    assert view.url() == "/?band=P0&sla=overdue&channel=qq,telegram&q=a%20b&sort=due"
    assert view.without("channel", "qq") == "/?band=P0&sla=overdue&channel=telegram&q=a%20b&sort=due"
    assert View.of_address(view.query()) == view


def test_days_begin_at_midnight_where_the_team_is() -> None:
    filters = View.of_address("since=2026-03-14&until=2026-03-14").filters("amy", "Asia/Shanghai")
    assert filters.opened_from == datetime(2026, 3, 13, 16, tzinfo=UTC)
    assert filters.opened_before == datetime(2026, 3, 14, 16, tzinfo=UTC)


async def test_many_views_are_counted_at_once(community: Community) -> None:
    async with open_site(community) as site:
        await said(site)
        work = site.work
        views = {
            name: View.of_address(name).filters("amy", "UTC") for name in ("", "lang=zh", "band=P1", "state=closed")
        }
        with work.db.reading() as cursor:
            counted = tally(cursor, views, moment=work.clock(), bands=work.settings.bands)
    assert counted.views == {"": 5, "lang=zh": 1, "band=P1": 1, "state=closed": 0}
    assert counted.channels == {"telegram": 4, "forum": 1}


@pytest.mark.parametrize(
    ("query", "in_one_look"), [("", True), ("lang=zh&sort=due", True), ("secret=yes", True), ("state=closed", False)]
)
async def test_views_counted_together_with_a_list_are_what_they_are_by_themselves(
    community: Community, query: str, in_one_look: bool
) -> None:
    async with open_site(community) as site:
        await said(site)
        work = site.work
        views = {name: View.of_address(name).filters("amy", "UTC") for name in ("", "band=P0,P1", "owner=me", "sla=4h")}
        view = View.of_address(query)
        now, bands = work.clock(), work.settings.bands
        with work.db.reading() as cursor:
            asked = partial(
                feed_page, cursor, view.filters("amy", "UTC"), moment=now, bands=bands, sort=view.sort, limit=3
            )
            alone, together = asked(), asked(counted=views)
            counted = tally(cursor, views, moment=now, bands=bands).views
        assert together.counts == (counted if in_one_look else None)
        assert (together.rows, together.more, together.last, together.total) == (
            alone.rows, alone.more, alone.last, alone.total,
        )  # fmt: skip


async def test_views_are_kept_shared_replaced_and_dropped(community: Community) -> None:
    async with open_site(community) as site:
        desk = site.work.desk
        save_view(desk, "amy", " Forum  in zh ", "channel=forum&lang=zh", shared=True, now=START)
        save_view(desk, "amy", "Forum in zh", "channel=forum", shared=False, now=START)
        save_view(desk, "amy", "All", "", shared=True, now=START)
        assert [(one.name, one.query, one.shared) for one in views_of(desk, "amy")] == [
            ("All", "", True),
            ("Forum in zh", "channel=forum", False),
        ]
        (shared,) = views_of(desk, "sam")
        with pytest.raises(ViewError):
            drop_view(desk, "sam", shared.number)
        drop_view(desk, "amy", shared.number)
        assert views_of(desk, "sam") == []
        with pytest.raises(ViewError):
            save_view(desk, "amy", " ", "", shared=False, now=START)
        for number in range(MOST - 1):
            save_view(desk, "amy", f"view {number}", "", shared=False, now=START)
        with pytest.raises(ViewError):
            save_view(desk, "amy", "one more", "", shared=False, now=START)


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "x"])
async def test_a_view_of_a_number_that_none_can_have_is_not_there(community: Community, number: str) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        token = csrf((await amy.get("/")).text)
        assert (await amy.post(f"/views/{number}/drop", data={"csrf": token})).status_code == 404


async def test_a_saved_view_stands_beside_the_list_with_its_count_and_is_dropped_by_a_form(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam") as sam:
        await said(site)
        token = csrf((await amy.get("/")).text)
        kept = {"csrf": token, "name": "Chinese <b>", "query": "lang=zh&row=x&after=1", "shared": "1"}
        saved = await amy.post("/views", data=kept)
        page = (await sam.get("/")).text
        counts = (await sam.get("/counts?channel=forum")).json()
        number = views_of(site.work.desk, "amy")[0].number
        secret = await amy.post("/views", data=kept | {"query": f"q={quote(PHRASE)}"})
        refused = await sam.post(f"/views/{number}/drop", data={"csrf": csrf(page)})
        dropped = await amy.post(f"/views/{number}/drop", data={"csrf": token, "back": "/?lang=zh"})
    assert saved.headers["location"] == "/?lang=zh"
    assert 'href="/?lang=zh"><span>Chinese &lt;b&gt;</span> <b class="count"' in page
    assert (counts["views"][str(number)], counts["views"]["here"], counts["views"]["all"]) == (1, 1, 5)
    assert (refused.status_code, secret.status_code) == (404, 303)
    assert dropped.headers["location"] == "/?lang=zh"


@pytest.mark.parametrize(
    ("query", "chosen", "typed"),
    [("", "", ""), ("incident=any", "any", ""), ("incident=none", "none", ""), ("incident=INC-7,8", "", "INC-7,8")],
)
async def test_of_incidents_any_or_none_is_chosen_and_numbers_are_typed(
    community: Community, query: str, chosen: str, typed: str
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        page = (await amy.get(f"/?{query}")).text
        both = await amy.get("/?incident=any&incident=&channel=forum")
    sheet = page[page.index('<select name="incident">') :].partition("</fieldset>")[0]
    assert re.findall(r'value="(\w+)" selected', sheet) == ([chosen] if chosen else [])
    assert f'<input name="incident" value="{typed}"' in sheet
    assert 'value="any" selected' in both.text


async def test_what_came_of_keeping_a_view_is_told_on_it(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        token = csrf((await amy.get("/")).text)

        async def keeps(name: str, query: str) -> str:
            data = {"csrf": token, "name": name, "query": query}
            return (await amy.post("/views", data=data, follow_redirects=True)).text

        first, same = await keeps("Mine <b>", "lang=zh"), await keeps("Mine <b>", "lang=zh")
        assert ("was replaced" in first, "was replaced" in same) == (False, False)
        assert "Your view Mine &lt;b&gt; was replaced: it is this one now." in await keeps("Mine <b>", "lang=en")
        assert "There is a recovery phrase or a key in it. Nothing was stored." in await keeps(
            "x", f"q={quote(PHRASE)}"
        )
        assert "There is a recovery phrase or a key in it. Nothing was stored." in await keeps(PHRASE, "lang=zh")
        assert "at most 60 characters" in await keeps("x" * 61, "lang=zh")
        for number in range(MOST - 1):
            await keeps(f"view {number}", "lang=zh")
        assert "You have 40 views already" in await keeps("one more", "lang=zh")
        assert [view.name for view in views_of(site.work.desk, "amy")].count("Mine <b>") == 1
        assert "replaced" not in (await amy.get("/?kept=999")).text


async def test_what_a_search_found_in_another_post_is_shown_under_the_row_with_its_words_marked(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await said(site)
        page = (await amy.get("/?q=arbitrum%20bridge")).text
        empty = (await amy.get("/?q=nowhere&lang=zh")).text
    assert "the <mark>bridge</mark> is slow" in page
    assert "stuck on <mark>Arbitrum</mark>" in page
    assert 'href="/?lang=zh">without' in empty
    assert 'href="/?q=nowhere">without' in empty
    assert "Search closed ones, too" in empty
