"""Each sample, served as it is, beside the posts that it must give."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from aggregator.listener import serve
from aggregator.triage.secrets import mask_record
from connectors.contract import Author, Post
from connectors.errors import RecordError, TransientError
from connectors.feed import Feed, identity, reading
from connectors.feed.charset import to_text
from connectors.feed.document import parse
from connectors.feed.entry import entry_of, has_zone, moment
from connectors.feed.memory import listed
from connectors.feed.reading import Holds
from connectors.feed.weibo import mid_of, weibo_post
from connectors.weibo import reading as weibo_api
from connectors.weibo.bid import bid
from tests.contract_suite import Drained, drain, posts

SAMPLES = Path(__file__).parent / "samples" / "feed"
SINCE = datetime(2026, 3, 7, tzinfo=UTC)


async def fetched(body: bytes, holds: str, content_type: str = "application/xml") -> tuple[Feed, Drained]:
    """What a connector brings of a feed that answers so."""
    async with serve(Response(body, headers={"Content-Type": content_type})) as url:
        config = Feed.Config.model_validate({"connector": "feed", "url": f"{url}/notes/feed", "holds": holds})
        connector = Feed("feed", config, since=SINCE)
        return connector, await drain(connector)


async def read(name: str, holds: str = "posts", content_type: str = "application/xml") -> dict[str, Post]:
    connector, done = await fetched((SAMPLES / name).read_bytes(), holds, content_type)
    return posts(connector, done.records)


async def refusals(name: str, holds: str = "posts") -> list[str]:
    connector, done = await fetched((SAMPLES / name).read_bytes(), holds)
    return [why for record in done.records if (why := _refusal(connector, record))]


def _refusal(connector: Feed, record: dict[str, Any]) -> str:
    try:
        connector.post(record)
    except RecordError as error:
        return str(error)
    return ""


# -- Weibo ---------------------------------------------------------------------------------------


async def test_a_weibo_keyword_gives_the_authors_own_words() -> None:
    found = await read("weibo_keyword.xml", "weibo")
    assert found["s:3501756485200075"] == Post(
        native_id="s:3501756485200075",
        text="充值两天没到 [怒]\n@灯笼钱包 在吗",
        posted_at=datetime(2026, 3, 13, 1, 5, tzinfo=UTC),
        author=Author("1404370001", "沙洲小路", "沙洲小路"),
        thread="s:3501756485200075",
        mentions=("灯笼钱包",),
        order=found["s:3501756485200075"].order,
        permalink="https://weibo.com/1404370001/z0JH2lOMb",
        attachments=1,
        pictures=1,
    )


async def test_a_weibo_entry_without_author_and_date_is_read_by_its_link_and_title() -> None:
    post = (await read("weibo_keyword.xml", "weibo"))["s:5000000000000001"]
    assert (post.author, post.text) == (Author("5512340002", "北窗听雨", "北窗听雨"), "7 > 3 & 粗字")
    assert post.posted_at is None


async def test_who_passes_a_weibo_post_on_is_not_taken_for_its_author() -> None:
    found = await read("weibo_keyword.xml", "weibo")
    assert found["s:5127468523698745"].text == "我也一样"
    assert "s:3516560159321035" not in found


async def test_a_weibo_post_has_the_same_id_thread_and_author_by_feed_and_by_the_api() -> None:
    by_feed = (await read("weibo_keyword.xml", "weibo"))["s:3501756485200075"]
    number = 3501756485200075
    status = {
        "id": number,
        "idstr": str(number),
        "mid": str(number),
        "text": "充值两天没到 [怒]\n@灯笼钱包 在吗",
        "created_at": "Fri Mar 13 09:05:00 +0800 2026",
        "user": {"id": 1404370001, "idstr": "1404370001", "screen_name": "沙洲小路"},
    }
    [by_api] = weibo_api.read({"status": status, "us": "1"})
    assert isinstance(by_api, Post)
    same = ("native_id", "thread", "author", "text", "posted_at", "permalink", "mentions")
    assert [getattr(by_feed, name) for name in same] == [getattr(by_api, name) for name in same]


async def test_a_weibo_post_in_a_feed_that_is_not_said_to_hold_them_is_kept_apart() -> None:
    assert [why.partition(":")[0] for why in await refusals("weibo_keyword.xml", "posts")] == ["it is a Weibo post"] * 4


async def test_what_is_no_weibo_post_in_a_feed_of_them_is_kept_apart() -> None:
    assert await refusals("status_page.xml", "weibo") == ["it does not lead to a Weibo post"]


@pytest.mark.parametrize(
    ("mid", "letters"),
    [
        ("3501756485200075", "z0JH2lOMb"),  # the platform's own example
        ("3516560159321035", "z6WNVD6Ph"),
        ("5127468523698745", "PbwA4fwdb"),
        ("5000000000000001", "O00000001"),
    ],
)
def test_a_weibo_number_is_read_from_its_letters(mid: str, letters: str) -> None:
    assert (mid_of(letters), bid(mid)) == (mid, letters)


@pytest.mark.parametrize(
    ("link", "native_id", "uid"),
    [
        ("https://weibo.com/1404370001/z0JH2lOMb?refer_flag=1", "s:3501756485200075", "1404370001"),
        ("http://www.weibo.com/1404370001/z0JH2lOMb/", "s:3501756485200075", "1404370001"),
        ("https://m.weibo.cn/detail/3501756485200075", "s:3501756485200075", ""),
        ("https://m.weibo.cn/status/z0JH2lOMb", "s:3501756485200075", ""),
        ("https://m.weibo.cn/1404370001/3501756485200075", "s:3501756485200075", "1404370001"),
    ],
)
def test_every_address_of_a_weibo_post_leads_to_it(link: str, native_id: str, uid: str) -> None:
    found = weibo_post(link)
    assert found is not None
    assert (found.native_id, found.uid) == (native_id, uid)


@pytest.mark.parametrize(
    "link",
    [
        "https://weibo.com/1404370001",
        "https://s.weibo.com/weibo/x",
        "https://weibo.com.evil.example/1404370001/z0JH2lOMb",
        "https://weibo.com/1404370001/1ZZZZZZZZ",
    ],
)
def test_other_addresses_are_no_weibo_posts(link: str) -> None:
    assert weibo_post(link) is None


# -- reviews of an app ---------------------------------------------------------------------------

REVIEW = Post(
    native_id="appstore/12990000001",
    text="Balance gone & no answer\n\nSince the update my balance shows 0.\nSupport is silent 😡",
    posted_at=datetime(2026, 3, 14, 4, 14, 30, tzinfo=UTC),
    author=Author("appstore/77001", "quiet_harbor"),
    thread="appstore/12990000001",
    order=1,
    title="★☆☆☆☆ 4.2.0",
    permalink="https://apps.example/us/review?id=990001&type=Purple%20Software",
    likes=3,
)


async def test_a_review_is_read_with_its_stars_and_the_app_itself_is_not() -> None:
    assert list((await read("reviews.json", "reviews", "text/javascript")).values()) == [REVIEW]


async def test_a_review_is_the_same_post_in_atom() -> None:
    [post] = (await read("reviews.xml", "reviews")).values()
    assert (post.native_id, post.text, post.author, post.posted_at, post.title, post.likes) == (
        REVIEW.native_id,
        REVIEW.text,
        REVIEW.author,
        REVIEW.posted_at,
        REVIEW.title,
        REVIEW.likes,
    )


async def test_one_review_alone_is_an_object_and_none_is_no_list() -> None:
    [post] = (await read("reviews_one.json", "reviews", "text/javascript")).values()
    assert (post.native_id, post.text, post.title) == ("appstore/12990000002", "很好用\n\n转账很快", "★★★★★ 4.2.1")
    assert await read("reviews_none.json", "reviews", "text/javascript") == {}


# -- other feeds ---------------------------------------------------------------------------------


async def test_a_providers_status_page_is_nobodys_question() -> None:
    [post] = (await read("status_page.xml", "notices")).values()
    assert post.author == Author("127.0.0.1", "Harbor Node Status - Incident History", role="bot")
    assert post.native_id == "tag:status.example,2005:Incident/18800001"
    assert post.text.startswith("Delayed confirmations\n\nMar 14, 06:30 UTC\nResolved - Blocks are read again.")
    assert post.edited_at == datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
    assert post.permalink == "https://status.example/incidents/k2x9"


async def test_our_own_status_page_counts_as_said_by_us() -> None:
    [post] = (await read("status_page.xml", "ours")).values()
    assert post.author
    assert post.author.role == "staff"


async def test_a_json_feed_is_read_with_a_number_as_id_an_author_of_version_1_and_a_hidden_link() -> None:
    found = await read("json_feed.json", content_type="application/feed+json")
    assert found == {
        "127.0.0.1/0fa0106e#2047": Post(
            native_id="127.0.0.1/0fa0106e#2047",
            text="Gas too high?\n\nمتى تنخفض الرسوم؟ 🙏",
            posted_at=datetime(2026, 3, 14, 1, 5, 7, tzinfo=UTC),
            author=Author("board.example/u/omar", "Omar"),
            thread="127.0.0.1/0fa0106e#2047",
            order=3,
            edited_at=datetime(2026, 3, 14, 2, 0, tzinfo=UTC),
            lang="ar",
            permalink="https://board.example/2047",
            attachments=1,
        ),
        "board.example/2046?p=1": Post(
            native_id="board.example/2046?p=1",
            text="Look here",
            posted_at=datetime(2026, 3, 14, tzinfo=UTC),
            author=Author("127.0.0.1/lee", "lee"),
            thread="board.example/2046?p=1",
            order=2,
            place="Harbor board",
            links=("https://claim.example/x",),
        ),
    }


async def test_an_item_that_is_none_is_refused_alone() -> None:
    assert await refusals("json_feed.json") == ["it says nothing"]


async def test_items_without_id_date_or_address_are_read_and_marked() -> None:
    found = {post.text.partition("\n")[0]: post for post in (await read("bare_items.xml")).values()}
    nameless = found["no id, no date, no address"]
    assert (nameless.guessed, nameless.posted_at, nameless.place) == (("native_id",), None, "Notes")
    assert found["numbered here only"].native_id.endswith("#17")
    assert found["numbered here only"].guessed == ("posted_at",)  # its time names no zone
    assert found["写于中文日期"].posted_at == datetime(2026, 3, 14, 1, 5, tzinfo=UTC)  # in China
    assert await refusals("bare_items.xml") == ["it says nothing"]


async def test_a_title_that_is_only_the_beginning_of_the_text_is_not_repeated() -> None:
    [post] = [post for post in (await read("bare_items.xml")).values() if post.attachments]
    assert post.text == "Long story that begins here\nand goes on in a second line & ends"
    assert (post.permalink or "").endswith("/posts/9")


async def test_an_id_that_looks_like_a_key_survives_masking() -> None:
    item = f'<item><guid isPermaLink="false">{"5e" * 32}</guid><title>a</title></item>'
    body = f'<rss version="2.0"><channel>{item}</channel></rss>'
    connector, done = await fetched(body.encode(), "posts")
    masked, _ = mask_record(done.records[0])
    assert isinstance(masked, dict)
    post = connector.post(masked)
    assert post is not None
    assert post.native_id.endswith(f"#{'5e' * 32}")


# -- charsets and times --------------------------------------------------------------------------

CHINESE = (
    '<?xml version="1.0" encoding="{}"?>'
    '<rss version="2.0"><channel><item><title>喆的钱包㎡ 打不开</title></item></channel></rss>'
)


@pytest.mark.parametrize(
    ("declared", "charset", "header"),
    [
        ("utf-8", "utf-8", "application/xml"),
        ("gb2312", "gb18030", "application/xml"),  # with characters that gb2312 does not have
        ("utf-8", "gb18030", "application/xml"),
        ("gb2312", "utf-8", "text/xml; charset=gb2312"),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1"),
        ("utf-8", "gb18030", "text/xml; charset=utf-8"),
        ("utf-16", "utf-16", "application/xml"),
        ("utf-8", "utf-8-sig", "text/xml"),
        ("x-unheard-of", "utf-8", "application/xml; charset=x-unheard-of"),
    ],
)
async def test_a_feed_in_another_charset_than_it_says_is_read(declared: str, charset: str, header: str) -> None:
    connector, done = await fetched(CHINESE.format(declared).encode(charset), "posts", header)
    assert [post.text for post in posts(connector, done.records).values()] == ["喆的钱包㎡ 打不开"]


def test_one_broken_character_does_not_make_the_rest_another_charset() -> None:
    body = ("钱包打不开" * 20).encode() + b"\xe9\x92" + "谢谢".encode()
    assert to_text(body, "application/xml").startswith("钱包打不开")
    assert to_text(body, "application/xml").endswith("谢谢")


def test_a_charset_that_only_the_header_tells_is_believed() -> None:
    assert to_text("Кошелёк не открывается".encode("koi8-r"), "text/xml; charset=koi8-r") == "Кошелёк не открывается"


@pytest.mark.parametrize(
    "text",
    [
        "Sat, 14 Mar 2026 09:05:07 +0800",
        "Sat, 14 Mar 2026 01:05:07 GMT",
        "14 Mar 2026 01:05:07 +0000",
        "2026-03-14T09:05:07+08:00",
        "2026-03-14T01:05:07Z",
        "2026-03-14 01:05:07",
        "2026/3/14 01:05:07",
        "Mar 14, 2026 1:05:07 AM",
        "Fri, 13 Mar 2026 08:05:07 PM -0500",
        "Sat, 14 Mar 2026 10:05:07 JST",
        "Sat, 14 Mar 2026 09:05:07 GMT+8",
        "Sat, 14 Mar 2026 09:05:07 UTC+08:00",
        "Sat Mar 14 2026 09:05:07 GMT+0800 (中国标准时间)",
        "2026-03-14 09:05:07 +0800 CST",
        "Sat Mar 14 09:05:07 +0800 2026",
        "14 Mar 2026 04:05:07 MSK",
        "2026年3月14日 09:05:07",
        "2026年3月14日 上午9:05:07",
        "2026年3月14日9时05分07秒",
    ],
)
def test_times_are_read_however_feeds_write_them(text: str) -> None:
    assert moment(text) == datetime(2026, 3, 14, 1, 5, 7, tzinfo=UTC)


def test_an_afternoon_is_one_and_a_half_of_a_day_is_no_zone() -> None:
    assert moment("2026年3月13日 下午3:05") == datetime(2026, 3, 13, 7, 5, tzinfo=UTC)
    assert moment("2026年3月13日 中午12:05") == datetime(2026, 3, 13, 4, 5, tzinfo=UTC)
    assert moment("2026年3月13日 凌晨0:05") == datetime(2026, 3, 12, 16, 5, tzinfo=UTC)
    assert moment("2026年3月13日 凌晨12:05") == datetime(2026, 3, 12, 16, 5, tzinfo=UTC)
    assert moment("2026年3月13日 晚上12:05") == datetime(2026, 3, 13, 16, 5, tzinfo=UTC)
    assert not has_zone("Mar 14, 2026 1:05:07 AM")
    assert not has_zone("Sat, 14 Mar 2026 10:05:07 XYZ")
    assert has_zone("Sat, 14 Mar 2026 10:05:07 JST")
    assert has_zone("Sat Mar 14 2026 09:05:07 GMT+0800 (中国标准时间)")
    assert has_zone("Sat Mar 14 09:05:07 +0800 2026")
    assert has_zone("2026-03-14T01:05:07Z")


@pytest.mark.parametrize("text", ["", "yesterday", "5 分钟前", "2026年13月40日", "Sat, 99 Mar 2026 01:05:07 GMT"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert moment(text) is None


# -- what nobody foresaw -------------------------------------------------------------------------

PIECES = [
    b"<",
    b">",
    b"&",
    b"&#0;",
    b"&#xD800;",
    b"\xff",
    b"\x00",
    b"<![CDATA[",
    b"null",
    b"[]",
    b"{}",
    b'"',
    b"http://[",
]


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(path.name for path in SAMPLES.iterdir())),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(PIECES)), min_size=1, max_size=5),
    holds=st.sampled_from(["posts", "weibo", "reviews", "notices"]),
)
def test_a_feed_that_is_broken_anywhere_fails_as_a_whole_or_entry_by_entry(
    name: str, cuts: list[tuple[float, int, bytes]], holds: Holds
) -> None:
    body = (SAMPLES / name).read_bytes()
    for place, length, piece in cuts:
        start = int(place * len(body))
        body = body[:start] + piece + body[start + length :]
    try:
        document = parse(body, "", "https://feeds.example/notes")
    except TransientError:
        return
    for each in listed(document, host="feeds.example", place="feeds.example/1"):
        stored = json.loads(orjson.dumps(each.record | {"id": each.names.key, "order": 1}))
        with suppress(RecordError):
            reading.read(stored, holds)


def test_a_reference_to_half_a_character_costs_that_character_only() -> None:
    body = b'<rss version="2.0"><channel><item><title>a&#xD83D;&#55357;&#0;&#38;b</title></item></channel></rss>'
    assert parse(body, "", "https://feeds.example/notes").entries[0]["title"] == "a&b"


# -- made to take for ever ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<rss><channel></channel></rss>" + "<!---->" * 50_000 + "x",
        "<rss><channel></channel></rss>" + "</rss><!--" * 50_000,
        "<!---->" * 50_000 + "x",
    ],
)
def test_comments_without_number_are_read_in_one_go(text: str) -> None:
    with pytest.raises(TransientError):
        parse(text.encode(), "text/xml", "https://a.example/feed")


def test_a_feed_may_end_with_comments() -> None:
    text = "<rss version='2.0'><channel><title>a</title></channel></rss>\n<!-- one -->\n<!-- two -->\n"
    assert parse(text.encode(), "text/xml", "https://a.example/feed").title == "a"


def test_brackets_without_number_are_read_in_one_go() -> None:
    entry = {"json_feed": {"id": "1", "content_html": "<a" * 200_000, "title": "x"}}
    names = identity.names(entry_of(entry), place="p", home="")
    post = reading.read({**entry, "id": names.key, "order": 1, "host": "h", "from": "t"}, "posts")
    assert post is not None


def test_a_hundred_thousand_blanks_within_a_text_are_read_at_once_and_those_at_its_end_go() -> None:
    text = "swap fails" + "\u200b" * 100_000 + "since noon"
    entry = {"id": "7", "url": "https://forum.example/t/7", "content_text": f"{text} \u200b \u200b"}
    began = time.process_time()
    post = reading.read({"id": "7", "host": "forum.example", "order": 1, "from": "Forum", "json_feed": entry}, "posts")
    assert time.process_time() - began < 2  # half a minute, where each blank was tried as the first of the last ones
    assert post is not None
    assert post.text == text
