"""A feed's server as the contract suite plays it, and what goes wrong with feeds."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
from pydantic import HttpUrl
from starlette.responses import Response

from aggregator.config import Settings
from aggregator.demo.feed import Fault, FeedSimulator
from aggregator.demo.feed.rendering import Format
from aggregator.demo.weibo import WeiboSimulator
from aggregator.listener import serve
from aggregator.workplace import Workplace
from connectors.contract import Gap, Page
from connectors.errors import AuthError, TransientError
from connectors.feed import EMPTY, Feed
from connectors.feed.memory import ROLLED_OVER
from connectors.secret import Secret
from connectors.weibo import Weibo
from connectors.weibo.bid import permalink
from tests.contract_suite import Drained, Patience, PullContract, drain, numbered, posts, texts

KEY = "k-9b8a7f6e5d4c3b2a"
NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=7)


class FeedStage:
    """One feed of any format, as the suite plays it."""

    secret = KEY
    credential = "FEED_KEY"
    many = 130

    def __init__(self, feed: FeedSimulator, url: str) -> None:
        self.feed = feed
        self.url = url
        self.patience = Patience()

    def connector(self, **settings: Any) -> Feed:
        source = settings.pop("source", "feed")
        holds = {"weibo": "weibo", "reviews": "reviews"}.get(self.feed.format, "posts")
        config = Feed.Config.model_validate(
            {
                "connector": "feed",
                "url": self.url + quote(self.feed.path),
                "holds": holds,
                "key": Secret(env="FEED_KEY"),
                "timeout": self.patience.taken(),
                **settings,
            }
        )
        return Feed(source, config, since=SINCE)

    def says(self, *said: str) -> None:
        for text in said:
            self.pass_(seconds=1)
            self.feed.says("lin", text)

    def says_something_unreadable(self) -> None:
        self.feed.breaks(self.feed.says("lin", "odd"))

    def fails_next(self, fault: str) -> None:
        self.patience.expects(fault)
        self.feed.fail_next(cast("Fault", fault))

    def asks_to_wait(self, seconds: int) -> None:
        self.feed.fail_next("429", wait=seconds)

    def refuses_login(self) -> None:
        self.feed.key = "another"

    def pass_(self, **time: float) -> None:
        cast("Hands", self.feed.clock).pass_(**time)


class Hands:
    """The clock of the simulated server: it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


def staged(format_: Format = "rss", **how: Any) -> FeedSimulator:
    return FeedSimulator(format=format_, clock=Hands(), key=KEY, **how)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_KEY", KEY)


@pytest.fixture(params=["rss", "atom", "json", "reviews", "weibo"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[FeedStage]:
    async with serve(feed := staged(request.param)) as url:
        yield FeedStage(feed, url)


@pytest.fixture
async def rss() -> AsyncIterator[FeedStage]:
    async with serve(feed := staged()) as url:
        yield FeedStage(feed, url)


class TestFeedContract(PullContract):
    pass


async def committed(connector: Feed, cursor: Any = None) -> list[Page]:
    """Every page of one poll."""
    async with aclosing(connector.pages(cursor)) as pages:
        return [page async for page in pages]


async def test_reviews_of_one_title_stay_apart_though_older_ones_are_listed_further_down() -> None:
    reviews = staged("reviews", part=2)
    async with serve(reviews) as url:
        stage = FeedStage(reviews, url)
        reviews.says("anna", "it broke again", title="Good app")
        reviews.says("cole", "no words", title="Fine")
        reviews.says("dave", "three more words", title="Nice")
        done = await drain(stage.connector())
        reviews.says("ben", "it broke for me, too", title="Good app")
        done = await drain(stage.connector(), done)
    assert posts(stage.connector(), done.records).keys() == reviews.truth().keys()
    assert len(reviews.truth()) == 4


# -- asking only for what has changed ------------------------------------------------------------


async def test_a_feed_that_has_not_changed_is_not_read_again(rss: FeedStage) -> None:
    rss.says("one")
    first = await drain(rss.connector())
    second = await drain(rss.connector(), Drained(first.cursor))
    assert rss.feed.statuses == [200, 304]
    assert second.records == []
    asked = rss.feed.requests[-1].headers
    assert asked["if-none-match"].startswith('W/"')
    assert asked["if-modified-since"] == "Sat, 14 Mar 2026 08:00:01 GMT"


async def test_the_tag_is_kept_only_once_everything_is_committed(rss: FeedStage) -> None:
    rss.says(*numbered(rss.many))
    first = await drain(rss.connector(), pages=2)
    assert first.cursor
    assert first.cursor["etag"] == ""
    second = await drain(rss.connector(), first)
    assert texts(rss.connector(), second.records) == numbered(rss.many)
    assert second.cursor
    assert second.cursor["etag"].startswith('W/"')


async def test_a_server_without_tags_brings_nothing_twice(rss: FeedStage) -> None:
    rss.feed.conditional = False
    rss.says("one")
    first = await drain(rss.connector())
    second = await drain(rss.connector(), Drained(first.cursor))
    assert rss.feed.statuses == [200, 200]
    assert (second.records, second.cursors) == ([], [])


# -- who is who ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["rss", "atom", "json"])
async def test_ids_that_change_with_every_answer_double_nothing(format_: Format) -> None:
    async with serve(feed := staged(format_, new_ids=True)) as url:
        stage = FeedStage(feed, url)
        feed.says("lin", "my wallet won't open", title="Help")
        feed.says("lin", "still nothing", title="Again")
        first = await drain(stage.connector())
        stage.pass_(minutes=5)
        feed.says("fox", "same here", title="Me too")
        second = await drain(stage.connector(), first)
        assert texts(stage.connector(), second.records) == [
            "Help\n\nmy wallet won't open",
            "Again\n\nstill nothing",
            "Me too\n\nsame here",
        ]
        assert len(second.records) == 3


async def test_an_edit_is_seen_even_where_ids_change(rss: FeedStage) -> None:
    rss.feed.new_ids = True
    said = rss.feed.says("lin", "my walet", title="Help")
    first = await drain(rss.connector())
    rss.feed.edits(said, "my wallet")
    second = await drain(rss.connector(), first)
    [post] = posts(rss.connector(), second.records).values()
    assert post.text == "Help\n\nmy wallet"


async def test_a_new_entry_at_the_address_of_one_that_left_is_a_new_post(rss: FeedStage) -> None:
    rss.feed.keeps, rss.feed.new_ids = 1, True
    rss.feed.says("lin", "maintenance begins", title="Maintenance")
    first = await drain(rss.connector())
    rss.feed.entries[1].deleted = True
    rss.pass_(hours=1)
    rss.feed.says("lin", "trading stops", title="Trading")
    rss.feed.entries[2].link = rss.feed.entries[1].link
    second = await drain(rss.connector(), first)
    assert len(posts(rss.connector(), second.records)) == 2


def replies(rss: FeedStage, author: str, text: str, guid: str) -> None:
    """Below one page, under its title, as the feed of a board's topic lists it."""
    rss.pass_(minutes=10)
    rss.feed.says(author, text, title="Re: Withdrawals", link=f"{rss.feed.site}/topic/77", guid=guid)


async def test_what_another_person_writes_at_the_same_address_under_the_same_title_is_a_new_post(
    rss: FeedStage,
) -> None:
    rss.feed.keeps = 1
    replies(rss, "anna", "my 5000 USDT are gone", "c1")
    first = await drain(rss.connector())
    replies(rss, "ben", "thanks, solved for me", "c2")
    second = await drain(rss.connector(), first)
    assert len(posts(rss.connector(), second.records)) == 2


async def test_an_address_that_several_entries_have_tells_nobody_apart(rss: FeedStage) -> None:
    replies(rss, "anna", "my 5000 USDT are gone", "c1")
    replies(rss, "ben", "mine, too", "c2")
    rss.says("another topic")
    first = await drain(rss.connector())
    rss.feed.keeps = 2
    replies(rss, "anna", "they are back", "c3")
    second = await drain(rss.connector(), first)
    assert len(posts(rss.connector(), second.records)) == 4


async def test_at_one_address_ids_that_change_with_every_answer_double_nothing(rss: FeedStage) -> None:
    rss.feed.new_ids = True
    replies(rss, "anna", "my 5000 USDT are gone", "c1")
    replies(rss, "ben", "mine, too", "c2")
    first = await drain(rss.connector())
    replies(rss, "anna", "they are back", "c3")
    second = await drain(rss.connector(), first)
    assert len(second.records) == 3


async def test_a_cursor_that_names_no_authors_doubles_nothing(rss: FeedStage) -> None:
    rss.feed.new_ids = True
    rss.feed.says("lin", "my wallet won't open", title="Help")
    first = await drain(rss.connector())
    first.cursor["known"] = {key: mark[:4] for key, mark in first.cursor["known"].items()}
    second = await drain(rss.connector(), first)
    assert len(second.records) == 1


async def test_of_an_id_that_is_listed_twice_the_newest_entry_stands(rss: FeedStage) -> None:
    for text in ("investigating", "resolved"):
        rss.pass_(minutes=20)
        rss.feed.says("status", text, title="Withdrawals", guid="incident-1")
    first = await drain(rss.connector())
    [post] = posts(rss.connector(), first.records).values()
    assert post.text == "Withdrawals\n\nresolved"
    again = await drain(rss.connector(), first)
    assert again.records == first.records


async def test_two_addresses_of_one_feed_give_the_same_posts(rss: FeedStage) -> None:
    rss.says("one")
    one, other = rss.connector(), rss.connector(source="other", url=f"{rss.url}{rss.feed.path}?limit=50")
    found = [list(posts(each, (await drain(each)).records)) for each in (one, other)]
    assert found[0] == found[1]
    assert one.space == other.space == "feed"


@pytest.mark.parametrize(
    ("format_", "space", "channel"),
    [("weibo", "weibo", "weibo"), ("reviews", "feed", "reviews"), ("rss", "feed", "feed")],
)
async def test_a_feed_says_where_its_ids_are_unique(format_: Format, space: str, channel: str) -> None:
    connector = FeedStage(staged(format_), "http://127.0.0.1:9").connector()
    assert (connector.space, connector.channel) == (space, channel)


# -- edits, dates, order -------------------------------------------------------------------------


def test_a_cursor_is_of_one_address_whatever_its_query() -> None:
    stage = FeedStage(staged("weibo"), "http://127.0.0.1:9")
    one, same, other = (stage.connector(url=f"http://feeds.example/{path}") for path in ("a?limit=20", "a", "b"))
    assert one.cursor_of == same.cursor_of != other.cursor_of
    assert one.cursor_of != one.space == "weibo"


async def test_an_edit_is_the_same_post_with_other_words(stage: FeedStage) -> None:
    said = stage.feed.says("lin", "they owe me 10", title="Money")
    first = await drain(stage.connector())
    stage.pass_(minutes=5)
    stage.feed.edits(said, "they owe me 100")
    second = await drain(stage.connector(), first)
    assert [len(first.records), len(second.records)] == [1, 2]
    [post] = posts(stage.connector(), second.records).values()
    assert post.native_id == said
    assert post.text.endswith("they owe me 100")


async def test_a_date_that_drifts_between_polls_is_no_edit(stage: FeedStage) -> None:
    stage.says("one", "two")
    first = await drain(stage.connector())
    for entry in stage.feed.entries.values():
        entry.at += timedelta(seconds=40)
    stage.feed.conditional = False
    second = await drain(stage.connector(), Drained(first.cursor))
    assert second.records == []


async def test_entries_without_a_date_come_in_the_order_of_the_feed(rss: FeedStage) -> None:
    rss.feed.dated = False
    rss.says("one", "two", "three")
    connector = rss.connector()
    found = posts(connector, (await drain(connector)).records).values()
    assert [(post.text, post.posted_at) for post in sorted(found, key=lambda post: post.order)] == [
        ("one", None),
        ("two", None),
        ("three", None),
    ]


async def test_what_is_older_than_the_backfill_point_is_left_out(rss: FeedStage) -> None:
    rss.feed.says("lin", "long ago", at=SINCE - timedelta(minutes=1))
    rss.says("now")
    connector = rss.connector()
    first = await drain(connector)
    second = await drain(rss.connector(), first)
    assert texts(connector, second.records) == ["now"]


async def test_what_is_no_longer_listed_is_not_taken_for_deleted(rss: FeedStage) -> None:
    rss.says("one", "two")
    first = await drain(rss.connector())
    rss.feed.deletes(next(iter(rss.feed.truth())))
    second = await drain(rss.connector(), first)
    assert texts(rss.connector(), second.records) == ["one", "two"]
    assert {"deletions", "history"} == rss.connector().blind_to


# -- faster than we ask --------------------------------------------------------------------------


async def test_a_feed_that_rolls_over_between_two_polls_leaves_a_gap(stage: FeedStage) -> None:
    stage.feed.keeps = 3
    stage.says("one", "two", "three")
    [first] = await committed(stage.connector())
    stage.pass_(minutes=5)
    stage.says("four", "five", "six", "seven")
    [second] = await committed(stage.connector(), first.cursor)
    assert second.gaps == (Gap(NOW + timedelta(seconds=3), NOW + timedelta(seconds=306), ROLLED_OVER),)
    [third] = [page for page in await committed(stage.connector(), second.cursor) if page.gaps] or [None]
    assert third is None


async def test_what_made_room_for_newer_entries_is_known(stage: FeedStage) -> None:
    stage.feed.keeps = 2
    stage.says("one", "two", "three")
    stage.feed.deletes(list(stage.feed.truth())[1])
    stage.says("four")
    assert stage.feed.unlisted() == {next(iter(stage.feed.truth()))}


async def test_what_a_crash_left_of_a_feed_that_then_rolls_over_is_in_a_gap(stage: FeedStage) -> None:
    stage.feed.keeps = stage.feed.part = 130
    stage.says(*map(str, range(130)))
    async with aclosing(stage.connector().pages(None)) as pages:
        first = await anext(pages)  # fifty of them; before the others can be committed, we are killed
    stage.says(*map(str, range(130)))
    second, *_ = await committed(stage.connector(), first.cursor)
    assert second.gaps == (Gap(NOW + timedelta(seconds=50), NOW + timedelta(seconds=132), ROLLED_OVER),)


@pytest.mark.parametrize("looked", [True, False])
async def test_what_rolled_over_before_anything_was_seen_is_in_a_gap(stage: FeedStage, looked: bool) -> None:
    """Nothing could be read for long after the start, or the feed was empty when it was."""
    stage.feed.keeps = 10
    first = (await committed(stage.connector()))[-1].cursor if looked else None
    stage.pass_(hours=1)
    stage.says(*map(str, range(11)))
    [second] = await committed(stage.connector(), first)
    assert second.gaps == (Gap(NOW, NOW + timedelta(hours=1, seconds=3), ROLLED_OVER),)


async def test_the_first_entries_of_a_new_feed_are_no_gap(stage: FeedStage) -> None:
    [first] = await committed(stage.connector())
    stage.pass_(hours=1)
    stage.says(*map(str, range(9)))
    [second] = await committed(stage.connector(), first.cursor)
    assert (len(second.records), second.gaps) == (9, ())


async def test_a_gap_begins_where_the_feed_was_last_seen_unchanged(rss: FeedStage) -> None:
    rss.feed.keeps = 2
    rss.says("one", "two")
    connector = rss.connector()
    [first] = await committed(connector)
    rss.pass_(hours=1)
    assert await committed(connector, first.cursor) == []
    rss.says("three", "four")
    [second] = await committed(connector, first.cursor)
    assert [gap.start for gap in second.gaps] == [NOW + timedelta(hours=1, seconds=2)]


async def test_as_long_as_one_known_entry_is_listed_nothing_was_lost(rss: FeedStage) -> None:
    rss.feed.keeps = 3
    rss.says("one", "two", "three")
    [first] = await committed(rss.connector())
    rss.pass_(minutes=5)
    rss.says("four", "five")
    [second] = await committed(rss.connector(), first.cursor)
    assert (len(second.records), second.gaps) == (2, ())


async def test_new_entries_that_reach_back_to_the_last_poll_leave_no_gap(rss: FeedStage) -> None:
    rss.says("one")
    [first] = await committed(rss.connector())
    rss.pass_(minutes=5)
    rss.feed.entries[1].deleted = True
    rss.feed.says("lin", "held back", at=NOW)
    rss.says("two")
    [second] = await committed(rss.connector(), first.cursor)
    assert second.gaps == ()


async def test_a_feed_in_parts_is_read_until_what_we_know(stage: FeedStage) -> None:
    stage.feed.part = 4
    stage.says(*numbered(6))
    first = await drain(stage.connector())
    stage.pass_(minutes=5)
    stage.says(*(f"late {text}" for text in numbered(9)))
    stage.feed.statuses.clear()
    second = await drain(stage.connector(), first)
    assert texts(stage.connector(), second.records) == numbered(6) + [f"late {text}" for text in numbered(9)]
    assert stage.feed.statuses == [200, 200, 200]


async def test_a_feed_in_parts_is_read_back_to_the_backfill_point_only(rss: FeedStage) -> None:
    rss.feed.part = 2
    for number in range(1, 21):
        rss.feed.says("lin", f"{number} days ago", at=NOW - timedelta(days=number))
    connector = rss.connector()
    done = await drain(connector)
    assert texts(connector, done.records) == [f"{number} days ago" for number in range(7, 0, -1)]
    assert len(rss.feed.statuses) == 4


async def test_a_further_part_on_another_host_is_not_asked_for(rss: FeedStage) -> None:
    item = "<item><title>one</title><link>https://x.example/1</link></item>"
    body = (
        '<rss xmlns:a="http://www.w3.org/2005/Atom" version="2.0"><channel>'
        f'<a:link rel="next" href="{rss.url}/secret"/>{item}</channel></rss>'
    )
    async with serve(Response(body, media_type="application/rss+xml")) as url:
        done = await drain(rss.connector(url=f"{url}/feed"))
    assert len(done.records) == 1
    assert rss.feed.requests == []


async def test_a_feed_whose_next_part_is_itself_ends(rss: FeedStage) -> None:
    feed = '{"version": "https://jsonfeed.org/version/1.1", "next_url": "/feed", "items": [{"id": 1, "title": "a"}]}'
    async with serve(Response(feed, media_type="application/json")) as url:
        connector = rss.connector(url=f"{url}/feed", key=None)
        done = await drain(connector)
    assert len(done.records) == 1


# -- silence that is not health ------------------------------------------------------------------


async def test_a_feed_that_is_empty_all_at_once_is_not_believed(stage: FeedStage) -> None:
    stage.says("one")
    first = await drain(stage.connector())
    stage.feed.conditional = False
    stage.feed.deletes(next(iter(stage.feed.truth())))
    with pytest.raises(TransientError, match="empty all at once"):
        await drain(stage.connector(), first)


async def test_a_status_page_may_be_empty(rss: FeedStage) -> None:
    rss.says("all is well")
    first = await drain(rss.connector(holds="notices"))
    rss.feed.deletes(next(iter(rss.feed.truth())))
    second = await drain(rss.connector(holds="notices"), first)
    assert second.warnings == ()


async def test_a_feed_that_never_listed_anything_is_warned_of(stage: FeedStage) -> None:
    assert (await drain(stage.connector())).warnings == (EMPTY,)


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"<!doctype html><html><body>Sign in</body></html>", "text/html", "a web page came"),
        (b"<html><body>Sign in</body></html>", "application/xml", "a web page came"),
        (b'{"error": {"message": "ConfigNotFoundError"}}', "application/json", "but no feed"),
        (b'[{"a": 1}]', "application/json", "no feed"),
        (b"<opml><body/></opml>", "text/xml", "no feed"),
        (b"", "text/xml", "no feed"),
        (b'<rss version="2.0"><channel><item><title>half', "text/xml", "cut short"),
        (b'{"items": [{"id": 1', "application/json", "cut short"),
    ],
)
async def test_what_is_no_feed_backs_off_and_says_why(rss: FeedStage, body: bytes, kind: str, told: str) -> None:
    async with serve(Response(body, media_type=kind)) as url:
        with pytest.raises(TransientError, match=told):
            await drain(rss.connector(url=f"{url}/feed"))


async def test_an_entity_that_names_a_file_is_not_followed(rss: FeedStage, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("do not read")
    body = (
        f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{tmp_path}/private">]>'
        '<rss version="2.0"><channel><item><title>a &x; b</title></item></channel></rss>'
    )
    async with serve(Response(body, media_type="text/xml")) as url:
        connector = rss.connector(url=f"{url}/feed")
        [post] = posts(connector, (await drain(connector)).records).values()
    assert "read" not in post.text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://reader:pass@feeds.example/x", "a login may not stand in it"),
        ("https://feeds.example/x?limit=5&key=abc", "key may not stand in it"),
    ],
)
def test_a_secret_in_the_url_is_refused_without_repeating_it(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        Feed.Config.model_validate({"connector": "feed", "url": url})
    assert "pass@" not in str(refused.value)
    assert "abc" not in str(refused.value)


# -- login and check -----------------------------------------------------------------------------


async def test_a_key_is_added_to_the_query_that_there_is(rss: FeedStage) -> None:
    await drain(rss.connector(url=f"{rss.url}{rss.feed.path}?limit=5"))
    assert rss.feed.requests[-1].query_params.multi_items() == [("limit", "5"), ("key", KEY)]


async def test_with_a_user_the_key_is_a_password(rss: FeedStage) -> None:
    rss.feed.key = ""
    await drain(rss.connector(user="reader"))
    login = rss.feed.requests[-1].headers["authorization"].removeprefix("Basic ")
    assert b64decode(login).decode() == f"reader:{KEY}"
    assert rss.feed.requests[-1].url.query == ""


async def test_a_feed_for_guests_needs_no_key_and_says_so_when_it_does(rss: FeedStage) -> None:
    with pytest.raises(AuthError, match="does not let guests read"):
        await drain(rss.connector(key=None))


async def found(stage: FeedStage, **settings: Any) -> list[str]:
    async with stage.connector(**settings) as connector:
        return [finding.text for finding in await connector.check()]


async def test_check_tells_what_is_listed_and_what_cannot_be_seen(stage: FeedStage) -> None:
    stage.says("one")
    stage.pass_(hours=2)
    stage.says("two")
    told = await found(stage)
    assert "2 entries, the newest of 2026-03-14 10:00 UTC" in told[0]
    assert "not what was said before" in told[1]


async def test_check_warns_of_a_pace_that_loses_entries_and_of_a_server_without_tags(rss: FeedStage) -> None:
    rss.says("one", "two")
    rss.feed.conditional, rss.feed.max_age = False, 900
    told = "\n".join(await found(rss))
    assert "all it lists was written within 1 s" in told
    assert "each poll reads all of it" in told
    assert "every 900 s: polling more often brings nothing" in told


async def test_check_warns_of_entries_that_cannot_be_told_apart_or_dated() -> None:
    dated = "<item><title>b</title><pubDate>Sat, 14 Mar 2026 08:00:00 GMT</pubDate></item>"
    body = f'<rss version="2.0"><channel><item><title>a</title></item>{dated}</channel></rss>'
    async with serve(Response(body, media_type="text/xml")) as url:
        stage = FeedStage(staged(), url)
        told = "\n".join(await found(stage, holds="weibo"))
    assert "2 entries have neither id nor address" in told
    assert "1 entries do not say when" in told
    assert "2 entries do not lead to a Weibo post" in told


# -- with the store ------------------------------------------------------------------------------


async def test_two_feeds_that_list_the_same_weibo_post_store_it_once(tmp_path: Path) -> None:
    async with serve(feed := staged("weibo")) as url:
        stage = FeedStage(feed, url)
        stage.says("提现三天没到账", "一直转圈")
        sources = {name: stage.connector().config for name in ("keyword", "super-topic")}
        async with Workplace(Settings(sources=sources, data=tmp_path), clock=stage.feed.clock) as work:
            for source in work.poller.sources.values():
                await work.poller.poll(source)
            assert work.db.query("SELECT count(*), count(DISTINCT post_id) FROM post WHERE space = 'weibo'") == [(2, 2)]
            assert work.db.query("SELECT count(*) FROM sighting") == [(2,)]


@asynccontextmanager
async def polled_both(
    data: Path, weibo: WeiboSimulator, feed: FeedSimulator, order: tuple[str, str]
) -> AsyncIterator[Workplace]:
    """What is stored after Weibo was read by its API and by a feed, in this order."""
    async with serve(weibo.app) as api, serve(feed) as url:
        token = Secret(env="WEIBO_TOKEN")
        sources = {
            "api": Weibo.Config(connector="weibo", token=token, api=HttpUrl(api), commercial_api=HttpUrl(api)),
            "feed": FeedStage(feed, url).connector().config,
        }
        async with Workplace(Settings(sources=sources, data=data), clock=weibo.clock) as work:
            for name in order:
                await work.poller.poll(work.poller.sources[name])
            yield work


@pytest.mark.parametrize("order", [("api", "feed"), ("feed", "api")])
async def test_a_weibo_post_that_api_and_feed_bring_is_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    weibo, feed = WeiboSimulator(clock=Hands()), staged("weibo")
    monkeypatch.setenv("WEIBO_TOKEN", weibo.token)
    said = weibo.says("阿岚", "@海港钱包 提现卡住了 [怒]")
    link = permalink(said.removeprefix("s:"), str(weibo.member("阿岚").id))
    assert feed.says("阿岚", "@海港钱包 提现卡住了 [怒]", link=link) == said
    async with polled_both(tmp_path, weibo, feed, order) as work:
        posts_, accounts, seen = (
            work.db.query("SELECT native_id, source, version FROM post WHERE space = 'weibo'"),
            work.db.query("SELECT native_id, name FROM account"),
            work.db.query("SELECT source FROM sighting"),
        )
    assert posts_ == [(said, order[0], 1)]
    assert accounts == [(str(weibo.member("阿岚").id), "阿岚")]
    assert seen == [(order[1],)]


@pytest.mark.parametrize("end", [" ...全文", "...全文： http://m.weibo.cn/1500000011/5276 \u200b"])
@pytest.mark.parametrize("order", [("api", "feed"), ("feed", "api")])
async def test_a_weibo_text_that_a_feed_cuts_short_does_not_replace_the_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str], end: str
) -> None:
    weibo, feed = WeiboSimulator(clock=Hands()), staged("weibo")
    monkeypatch.setenv("WEIBO_TOKEN", weibo.token)
    whole = "@海港钱包 提现三天没到账，客服一直不回。" + "订单号是8827391，金额 5200 USDT。" * 8 + "再不处理我要找律师"
    said = weibo.says("阿岚", whole)
    link = permalink(said.removeprefix("s:"), str(weibo.member("阿岚").id))
    feed.says("阿岚", f"{whole[:120]}{end}", link=link)
    async with polled_both(tmp_path, weibo, feed, order) as work:
        (text,) = work.db.query("SELECT text FROM post WHERE space = 'weibo'")
    assert text == (whole,)


async def test_the_gap_of_a_feed_that_rolled_over_stands_in_the_ledger(tmp_path: Path) -> None:
    async with serve(feed := staged(keeps=2)) as url:
        stage = FeedStage(feed, url)
        stage.says("one", "two")
        settings = Settings(sources={"notes": stage.connector().config}, data=tmp_path)
        async with Workplace(settings, clock=stage.feed.clock) as work:
            await work.poller.poll(work.poller.sources["notes"])
            stage.pass_(minutes=10)
            stage.says("three", "four", "five")
            await work.poller.poll(work.poller.sources["notes"])
            lost = work.db.query("SELECT state, reason FROM coverage WHERE state = 'lost'")
    assert lost == [("lost", ROLLED_OVER)]


async def test_a_feed_whose_answers_are_kept_is_complete_only_to_where_they_may_be_old(rss: FeedStage) -> None:
    rss.feed.max_age, rss.feed.keeps = 300, 2
    rss.says("one", "two")
    connector = rss.connector()
    connector.clock = rss.feed.clock
    [first] = await committed(connector)
    seen = rss.feed.clock() - timedelta(minutes=5)
    complete_to = connector.complete_to
    rss.pass_(minutes=10)
    unchanged = await committed(connector, first.cursor), connector.complete_to
    rss.says("three", "four")
    [second] = await committed(connector, first.cursor)
    assert complete_to == seen
    assert unchanged == ([], seen + timedelta(minutes=10))
    assert [gap.start for gap in second.gaps] == [seen + timedelta(minutes=10)]
