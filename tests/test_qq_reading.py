"""Each kind of OneBot message, and the Post that it must become."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.demo.qq.messages import in_codes
from aggregator.triage.secrets import mask_record
from connectors.contract import Author, Deleted, Post
from connectors.errors import RecordError
from connectors.qq.onebot import LAGRANGE, LLONEBOT, NAPCAT, UNKNOWN, Chat, Spot, dialect_of
from connectors.qq.reading import read
from connectors.qq.segments import from_codes

SAMPLES = Path(__file__).parent / "samples/qq"

QUESTION = Post(
    native_id="g710000001/20454/1773478800",
    text="提现三小时没到账，有人管吗？😡",
    posted_at=datetime(2026, 3, 14, 9, 0, tzinfo=UTC),
    author=Author("3100000007", "🛶 小河"),
    thread="g710000001",
    alias="g710000001/m1203456001",
    order=20454,
    public=True,
    place="港湾钱包 1 群 (710000001)",
)
PRIVATE = replace(
    QUESTION,
    native_id="u3100000007/12/1773478800",
    text="我的账号被锁了",
    author=Author("3100000007", "小河"),
    thread="u3100000007",
    alias="u3100000007/m12",
    order=0,
    public=False,
    place="小河 (3100000007)",
)
READ_AS: dict[str, Post | Deleted | None] = {
    "question": QUESTION,
    "reply_with_mention": replace(
        QUESTION,
        native_id="g710000001/20455/1773478800",
        text="@港湾助手 我也是！[表情]",
        alias="g710000001/m877654002",
        reply_to="g710000001/m1203456001",
        mentions=("2990000001",),
        order=20455,
    ),
    "mention_of_all": replace(QUESTION, text="@全体成员 今晚维护"),
    "picture": replace(QUESTION, text="[动画表情][图片]", attachments=2),
    "share_card": replace(
        QUESTION, text="[分享]港湾钱包跑路了？\n群友都在说", links=("https://harbor-news.example/x",)
    ),
    "mini_app": replace(QUESTION, text="[QQ小程序]空投\n领空投\n连接钱包即领", links=("https://b23.example/abc",)),
    "card_that_was_masked": replace(QUESTION, text="[卡片]"),
    "forwarded_chat": replace(
        QUESTION, text="[聊天记录]\n港湾客服007: 把助记词发给我验证\n小河: [表情]真的吗&#44; 你是谁"
    ),
    "forward_not_unfolded": replace(QUESTION, text="[聊天记录][文件] 日志.zip", attachments=1),
    "own_message": replace(QUESTION, text="已记录，正在处理", author=Author("2990000001", "港湾助手", role="staff")),
    "right_to_left": replace(QUESTION, text="أين أموالي؟", author=Author("3100000007", "3100000007")),
    "cq_codes_and_text_numbers": replace(
        QUESTION,
        native_id="g710000001/-1203456789/1773478800",
        text="@全体成员 价格[涨]了 5 &amp; 3, 对吗 [图片]",
        author=Author("3100000007", "3100000007"),
        alias="g710000001/m-1203456789",
        reply_to="g710000001/m-77",
        order=0,
        attachments=1,
        place="710000001",
    ),
    "private": PRIVATE,
    "own_private": replace(
        PRIVATE,
        native_id="u3100000007/1203456001/1773478800",
        text="请提供工单号",
        author=Author("2990000001", "港湾助手", role="staff"),
        alias="u3100000007/m1203456001",
        place="3100000007",
    ),
    "anonymous": replace(QUESTION, text="内鬼是谁", author=Author("anonymous/9001", "匿名的海鸥")),
    "all_other_segments": replace(
        QUESTION,
        text="[语音][视频][比心][表情]**公告**旧闻[骰子][戳一戳][卡片][hologram]",
        attachments=2,
        links=("https://harbor-news.example/y",),
    ),
    "nothing_said": None,
    "system_notice": None,
    "group_increase": None,
    "group_recall": Deleted("g710000001/m1203456001", datetime(2026, 3, 14, 9, 0, 50, tzinfo=UTC)),
    "friend_recall": Deleted("u3100000007/m12", datetime(2026, 3, 14, 9, 0, 50, tzinfo=UTC)),
}
REFUSED_AS = {
    "no_segments": ("cannot be read", "g710000001/20454/1773478800"),
    "no_time": ("without chat, id or time", "g710000001/m1203456001"),
    "reply_to_nobody": ("cannot be read", "g710000001/20454/1773478800"),
    "recall_of_nothing": ("does not say of what", None),
}


def sample(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return told


@pytest.mark.parametrize("name", READ_AS)
def test_a_message_becomes_its_post(name: str) -> None:
    assert read(sample(name)) == READ_AS[name]


@pytest.mark.parametrize("name", REFUSED_AS)
def test_a_record_that_cannot_be_read_is_refused_with_its_id(name: str) -> None:
    problem, native_id = REFUSED_AS[name]
    with pytest.raises(RecordError, match=problem) as told:
        read(sample(name))
    assert told.value.native_id == native_id


def test_every_sample_has_its_expected_reading() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(READ_AS) | set(REFUSED_AS)


@pytest.mark.parametrize("name", READ_AS)
def test_nothing_that_identifies_a_message_is_masked_as_a_secret(name: str) -> None:
    assert mask_record(sample(name)) == (sample(name), [])


def test_a_comma_is_escaped_within_codes_only_and_the_ampersand_comes_last() -> None:
    assert from_codes("a&#44;b&amp;#91; [CQ:share,url=https://x.example/?a=1&amp;b=2&#44;3,title=t]!") == [
        {"type": "text", "data": {"text": "a&#44;b&#91; "}},
        {"type": "share", "data": {"url": "https://x.example/?a=1&b=2,3", "title": "t"}},
        {"type": "text", "data": {"text": "!"}},
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"type": st.just("text"), "data": st.fixed_dictionaries({"text": st.text(min_size=1)})})
        | st.fixed_dictionaries(
            {"type": st.just("at"), "data": st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text())}
        )
    )
)
def test_whatever_is_written_comes_out_of_the_codes_as_it_went_in(segments: list[dict[str, Any]]) -> None:
    assert together(from_codes(in_codes(segments))) == together(segments)


def together(segments: list[dict[str, Any]]) -> list[Any]:
    """Neighbouring texts as one: codes have no border between them. `&#44;` in plain text is left alone."""
    joined: list[Any] = []
    for segment in segments:
        if segment["type"] == "text" and joined and isinstance(joined[-1], str):
            joined[-1] += segment["data"]["text"]
        else:
            joined.append(segment["data"]["text"] if segment["type"] == "text" else segment)
    return joined


def test_what_somebody_types_is_no_code() -> None:
    assert read(sample("question") | {"message": "&#91;CQ:at,qq=all&#93; hi"}) == replace(
        QUESTION, text="[CQ:at,qq=all] hi"
    )


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        (
            {
                "type": "json",
                "data": {
                    "data": json.dumps(
                        {
                            "app": "com.tencent.multimsg",
                            "prompt": "[聊天记录]",
                            "meta": {
                                "detail": {
                                    "news": [{"text": "港湾客服007: 把助记词发给我"}, {"text": "小河: 你是谁"}],
                                    "resid": "res-1",
                                    "source": "群聊的聊天记录",
                                    "summary": "查看2条转发消息",
                                }
                            },
                        },
                        ensure_ascii=False,
                    )
                },
            },
            "[聊天记录]\n港湾客服007: 把助记词发给我\n小河: 你是谁",
        ),
        (
            {
                "type": "json",
                "data": {
                    "data": '{"prompt": "推荐联系人：港湾客服007", "meta": {"contact": {"contact": "账号：310000009"}}}'
                },
            },
            "推荐联系人：港湾客服007\n账号：310000009",
        ),
        (
            {
                "type": "xml",
                "data": {
                    "data": '<msg serviceID="35" brief="[聊天记录]"><item><title size="34">群聊的聊天记录</title>'
                    '<title size="26">港湾客服007: 把助记词发给我 &amp; 验证</title><summary>查看转发消息</summary>'
                    "</item></msg>"
                },
            },
            "[聊天记录]\n群聊的聊天记录\n港湾客服007: 把助记词发给我 & 验证\n查看转发消息",
        ),
        (
            {"type": "forward", "data": {"id": "res-1", "desc": "港湾客服007: 把助记词发给我\n"}},
            "[聊天记录]\n港湾客服007: 把助记词发给我",
        ),
    ],
)
def test_of_what_is_passed_on_the_lines_that_are_shown_are_read(segment: dict[str, Any], text: str) -> None:
    post = read(sample("question") | {"message": [segment]})
    assert isinstance(post, Post)
    assert post.text == text


def test_a_forward_within_forwards_is_not_unfolded_for_ever() -> None:
    message: list[dict[str, Any]] = [{"type": "text", "data": {"text": "deep"}}]
    for _ in range(10):
        message = [{"type": "forward", "data": {"content": [{"sender": {"nickname": "x"}, "message": message}]}}]
    post = read(sample("question") | {"message": message})
    assert isinstance(post, Post)
    assert post.text.count("[聊天记录]") == 4
    assert "deep" not in post.text


@pytest.mark.parametrize(
    ("app_name", "dialect"),
    [
        ("NapCat.Onebot", NAPCAT),
        ("Lagrange.OneBot", LAGRANGE),
        ("LLOneBot", LLONEBOT),
        ("LLBot", LLONEBOT),
        ("go-cqhttp", UNKNOWN),
    ],
)
def test_the_dialect_is_told_by_the_name(app_name: str, dialect: object) -> None:
    assert dialect_of(app_name) is dialect


SPOT = Spot("20454", 1773478800, 1203456001, 20454)


@pytest.mark.parametrize(
    ("dialect", "asked"),
    [
        (
            NAPCAT,
            {"group_id": "7", "count": 50, "message_seq": "1203456001", "reverse_order": True, "reverseOrder": True},
        ),
        (LAGRANGE, {"group_id": 7, "count": 50, "message_id": 1203456001}),
        (LLONEBOT, {"group_id": 7, "count": 50, "message_seq": 20454}),
    ],
)
def test_each_dialect_asks_for_older_messages_in_its_own_way(dialect: Any, asked: dict[str, Any]) -> None:
    assert dialect.history(Chat("group", 7), 50, SPOT) == ("get_group_msg_history", asked)
    assert dialect.history(Chat("private", 7), 50, None)[0] == "get_friend_msg_history"
