"""What one row of Weibo says: each sample beside what it must become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Author, Counts, Deleted, Item, Post, Record
from connectors.errors import RecordError
from connectors.weibo import Weibo
from connectors.weibo.bid import bid, permalink
from connectors.weibo.times import next_midnight, read_time

SAMPLES = Path(__file__).parent / "samples" / "weibo"
WHEN = datetime(2026, 3, 14, 9, 20, 5, tzinfo=UTC)
COMMENTED = datetime(2026, 3, 14, 9, 25, tzinfo=UTC)
POST, COMMENT, NEWS = 5276081100000001, 5276091100000001, 5276000000000001
LAN = Author("1500000011", "岚岚爱喝茶", "岚岚爱喝茶", followers=88)
ZHOU = Author("1500000022", "周不周", "周不周", followers=88)
BIG = Author("2600000033", "链上观察站", "链上观察站", followers=5_123_000)
OURS = Author("7000000001", "海港钱包", "海港钱包", followers=80_231, role="staff")
US = ("海港钱包",)


def sample(name: str) -> Record:
    record: Record = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return record


def read(name: str) -> list[Item]:
    return read_record(sample(name))


def read_record(record: Record) -> list[Item]:
    config = Weibo.Config.model_validate({"connector": "weibo", "token": {"env": "HARBOR_WEIBO_TOKEN"}})
    item = Weibo("weibo", config, since=WHEN).post(record)
    assert item is not None
    return list(item) if isinstance(item, list) else [item]  # type: ignore[list-item]


def said(text: str, nth: int = 0, author: Author = LAN, **more: Any) -> Post:
    """What Lan posted, but for what is told otherwise."""
    number = str(POST + nth)
    usual: dict[str, Any] = {
        "posted_at": WHEN,
        "thread": f"s:{number}",
        "order": POST + nth,
        "permalink": f"https://weibo.com/{author.native_id}/{bid(number)}",
        "likes": 0,
        "replies": 0,
        "shares": 0,
    }
    return Post(f"s:{number}", text, author=author, **(usual | more))


def commented(text: str, nth: int = 0, author: Author = LAN, **more: Any) -> Post:
    """What Lan commented under our news, but for what is told otherwise."""
    usual: dict[str, Any] = {
        "posted_at": COMMENTED,
        "thread": f"s:{NEWS}",
        "reply_to": f"s:{NEWS}",
        "order": COMMENT + nth,
        "permalink": f"https://weibo.com/7000000001/{bid(str(NEWS))}",
        "likes": 0,
    }
    return Post(f"c:{COMMENT + nth}", text, author=author, **(usual | more))


NEWS_POST = said(
    "【公告】今晚 23:00 升级", NEWS - POST, OURS, posted_at=datetime(2026, 3, 14, 4, 0, tzinfo=UTC), order=NEWS
)

EXPECTED: dict[str, list[Item]] = {
    "mention": [
        said(
            "@海港钱包 转账卡了两小时 >_< 5 < 7 &amp; 急！[怒] http://t.cn/A6harbor",
            mentions=US,
            likes=27,
            replies=14,
            shares=3,
        )
    ],
    "mention_cut_off": [said("@海港钱包 从周一说起：先是余额对不上", 1, mentions=US, guessed=("text",))],
    "mention_whole": [said("@海港钱包 从周一说起：先是余额对不上 & 客服让我等。\n今天周五了。", 1, mentions=US)],
    "pictures_only": [said("", 2, attachments=2, pictures=2)],
    "pictures_by_id": [said("看截图 @海港钱包", 3, mentions=US, attachments=3, pictures=3)],
    "repost_with_words": [
        said("转账卡了两小时", shares=1_000_000),
        said("等一个说法 @海港钱包", 4, BIG, mentions=US),
    ],
    "repost_without_words": [NEWS_POST],
    "repost_of_an_answer": [NEWS_POST],
    "repost_with_an_answer": [NEWS_POST, said("试试重装", 17, BIG, mentions=("周不周",))],
    "repost_cut_off_in_its_chain": [NEWS_POST, said("说得好 @海港钱包", 18, BIG, mentions=US, guessed=("text",))],
    "slashes_that_are_no_chain": [
        said("见 https://app.example/u//@harbor/12 @海港钱包", 19, mentions=("harbor", "海港钱包"))
    ],
    "repost_of_a_deleted_post": [
        Deleted(f"s:{POST - 9}", None),
        said("怎么删了？@海港钱包", 6, ZHOU, mentions=US),
    ],
    "deleted_stub": [Deleted(f"s:{POST + 7}", None)],
    "no_longer_visible": [Deleted(f"s:{POST + 8}", None)],
    "for_friends_only": [said("@海港钱包 只给朋友看", 9, mentions=US, public=False)],
    "edited": [said("@海港钱包 转账卡了，已解决", mentions=US, edited_at=datetime(2026, 3, 14, 11, 2, 11, tzinfo=UTC))],
    "our_own_post": [NEWS_POST],
    "emoji_and_rtl": [
        said(
            "👩🏽‍💻👍 @海港钱包 المحفظة لا تفتح",
            10,
            Author("9007199254740993", "超长号", "超长号", followers=88),
            mentions=US,
        )
    ],
    "old_long_mid": [
        said(
            "@海港钱包 老帖",
            3501756485200075 - POST,
            mentions=US,
            permalink="https://weibo.com/1500000011/z0JH2lOMb",
        )
    ],
    "counts_only": [Counts(f"s:{POST}", likes=12_000, replies=30, shares=8)],
    "comment_counts_only": [Counts(f"c:{COMMENT}", likes=9)],
    "gone": [Deleted(f"s:{POST}", None)],
    "comment": [commented("升级完登录不上[怒][怒]", likes=4)],
    "comment_reply": [commented("我也是，导入就闪退", 1, ZHOU, reply_to=f"c:{COMMENT}", mentions=(LAN.native_id,))],
    "comment_reply_to_a_deleted_one": [commented("你删评干嘛", 2, ZHOU, reply_to=None, mentions=("岚岚爱喝茶",))],
    "comment_by_us": [commented("已私信您", 3, OURS, reply_to=f"c:{COMMENT + 1}", mentions=(ZHOU.native_id,))],
    "comment_under_a_strangers_post": [
        said("钱包吞币，求助", 12),
        commented(
            "@海港钱包 出来解释",
            4,
            ZHOU,
            thread=f"s:{POST + 12}",
            reply_to=f"s:{POST + 12}",
            mentions=US,
            permalink=f"https://weibo.com/1500000011/{bid(str(POST + 12))}",
        ),
    ],
    "comment_under_a_deleted_post": [
        commented(
            "@海港钱包 还在吗",
            5,
            ZHOU,
            thread=f"s:{POST + 7}",
            reply_to=f"s:{POST + 7}",
            mentions=US,
            permalink=f"https://m.weibo.cn/detail/{POST + 7}",
        )
    ],
    "comment_with_picture": [commented("图片评论", 6, attachments=1, pictures=1)],
    "comment_without_author": [Deleted(f"c:{COMMENT + 7}", None)],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_row_becomes_what_it_says(name: str) -> None:
    assert read(name) == EXPECTED[name]


@pytest.mark.parametrize(
    ("name", "why", "native_id"),
    [
        ("malformed_no_id", "it has no id", None),
        ("malformed_no_text", "it has no text", f"s:{POST + 14}"),
        ("malformed_time", "created_at is no time", f"s:{POST + 15}"),
        ("malformed_shape", "it is neither a post nor a comment", None),
    ],
)
def test_what_cannot_be_read_says_why_and_which(name: str, why: str, native_id: str | None) -> None:
    with pytest.raises(RecordError, match=why) as told:
        read(name)
    assert told.value.native_id == native_id


def test_every_sample_has_its_expectation() -> None:
    names = {path.stem for path in SAMPLES.glob("*.json")}
    assert {name for name in names if not name.startswith("malformed")} == set(EXPECTED)


# Addresses


@pytest.mark.parametrize(
    ("mid", "expected"),
    [
        ("3501756485200075", "z0JH2lOMb"),  # the platform's own example
        ("3516560159321035", "z6WNVD6Ph"),
        ("5127468523698745", "PbwA4fwdb"),
        ("5000000000000001", "O00000001"),  # groups but the first are padded
        ("50000000000000", "kYJa0000"),  # 14 digits: two whole groups
        ("7", "7"),
    ],
)
def test_a_posts_address_is_its_number_in_base_62(mid: str, expected: str) -> None:
    assert bid(mid) == expected


def test_without_its_author_a_post_has_a_mobile_page() -> None:
    assert permalink("5127468523698745", None) == "https://m.weibo.cn/detail/5127468523698745"
    assert permalink("5127468523698745", "1404376560") == "https://weibo.com/1404376560/PbwA4fwdb"


# Times


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Tue May 31 17:46:55 +0800 2011", datetime(2011, 5, 31, 9, 46, 55, tzinfo=UTC)),
        ("Sat Mar 14 00:30:00 -0330 2026", datetime(2026, 3, 14, 4, 0, tzinfo=UTC)),
        ("Thu Jan 1 08:00:00 +0800 1970", datetime(1970, 1, 1, tzinfo=UTC)),
        ("周二 五月 31 17:46:55 +0800 2011", None),
        ("Tue Mai 31 17:46:55 +0800 2011", None),
        ("Tue May 32 17:46:55 +0800 2011", None),
        ("Mon Jan 01 00:00:00 +0800 0001", None),
        ("2011-05-31T17:46:55+08:00", None),
        (1306835215, None),
        (None, None),
    ],
)
def test_times_are_read_as_weibo_writes_them(written: object, expected: datetime | None) -> None:
    assert read_time(written) == expected


def test_weibos_day_ends_at_midnight_in_china() -> None:
    assert next_midnight(datetime(2026, 3, 14, 15, 59, 59, tzinfo=UTC)) == datetime(2026, 3, 14, 16, tzinfo=UTC)
    assert next_midnight(datetime(2026, 3, 14, 16, 0, tzinfo=UTC)) == datetime(2026, 3, 15, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said", "cut"),
    [
        ("余额对不上...全文： http://m.weibo.cn/1500000011/5276 ", "余额对不上", True),
        ("余额对不上 ...全文： http://m.weibo.cn/1500000011/5276\u200b", "余额对不上", True),
        ("余额对不上 \u200b\u200b\u200b", "余额对不上", False),
        ("我看了全文： http://m.weibo.cn/1500000011/5276", "我看了全文： http://m.weibo.cn/1500000011/5276", False),
    ],
)
def test_what_weibo_puts_at_the_end_of_a_post_is_not_its_authors(text: str, said: str, cut: bool) -> None:
    record = sample("mention")
    record["status"]["text"] = text
    record["status"].pop("isLongText", None)
    (post,) = read_record(record)
    assert isinstance(post, Post)
    assert (post.text, "text" in post.guessed) == (said, cut)
