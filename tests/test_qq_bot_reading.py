"""Each kind of event of QQ's official bot, and the Post that it must become."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.triage.secrets import mask_record
from connectors.contract import Author, Deleted, Post
from connectors.errors import RecordError
from connectors.qq_bot.reading import read

SAMPLES = Path(__file__).parent / "samples/qq_bot"
GROUP, MEMBER, USER = "C0FFEE00" * 4, "0DDBA11A" * 4, "5EA5411E" * 4
AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

IN_GROUP = Post(
    native_id="group:ROBOT1.0_aTq9.a!",
    text="提币卡住了😡",
    posted_at=AT,
    author=Author(MEMBER),
    thread=f"group/{GROUP}",
    place="港湾钱包 1 群",
    can_reply_until=AT + timedelta(minutes=5),
)
IN_PRIVATE = Post(
    native_id="c2c:ROBOT1.0_.b6nx.CV!",
    text="我的账号被锁了[表情]",
    posted_at=AT,
    author=Author(USER),
    thread=f"c2c/{USER}",
    public=False,
    can_reply_until=AT + timedelta(minutes=60),
)
READ_AS: dict[str, Post | Deleted | None] = {
    "group_at": IN_GROUP,
    "group_reply": replace(
        IN_GROUP,
        native_id="group:ROBOT1.0_full_7",
        text="我也登不上 @港湾助手",
        author=Author(MEMBER, "小河"),
        alias=f"group/{GROUP}/REFIDX_2=",
        reply_to=f"group/{GROUP}/REFIDX_1=",
        mentions=("AB12",),
        attachments=1,
        pictures=1,
    ),
    "group_bot": replace(
        IN_GROUP,
        native_id="group:ROBOT1.0_full_8",
        text="每日签到成功",
        author=Author(MEMBER, "签到机", role="bot"),
    ),
    "c2c": IN_PRIVATE,
    "c2c_picture": replace(IN_PRIVATE, native_id="c2c:ROBOT1.0_pic!", text="", attachments=1, pictures=1),
    "guild_at": Post(
        native_id="guild:0812345677890abcdef",
        text="@港湾助手 where is my swap? [表情]",
        posted_at=AT,
        author=Author("1234", "sailor"),
        thread="guild/100010",
        reply_to="guild:0812345677890abcde0",
        mentions=("6158",),
        order=101,
        place="100010",
        can_reply_until=AT + timedelta(minutes=5),
    ),
    "guild_direct": Post(
        native_id="dm:08dm",
        text="hello?",
        posted_at=AT,
        author=Author("1234", "sailor"),
        thread="dm/990099",
        order=12,
        public=False,
        place="990099",
        can_reply_until=AT + timedelta(minutes=5),
    ),
    "guild_recall": Deleted("guild:0812345677890abcdef", None),
    "nothing_said": None,
    "robot_added": None,
}
REFUSED_AS = {
    "no_author": "C2C_MESSAGE_CREATE:ROBOT1.0_x",
    "no_time": "C2C_MESSAGE_CREATE:ROBOT1.0_y",
    "nothing_at_all": None,
}


def sample(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return told


@pytest.mark.parametrize("name", READ_AS)
def test_an_event_becomes_its_post(name: str) -> None:
    assert read(sample(name), {GROUP: "港湾钱包 1 群"}) == READ_AS[name]


@pytest.mark.parametrize("name", REFUSED_AS)
def test_an_event_that_cannot_be_read_is_refused_with_its_id(name: str) -> None:
    with pytest.raises(RecordError, match="cannot be read") as told:
        read(sample(name), {})
    assert told.value.native_id == REFUSED_AS[name]


def test_every_sample_has_its_expected_reading() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(READ_AS) | set(REFUSED_AS)


@pytest.mark.parametrize("name", READ_AS)
def test_nothing_that_identifies_a_message_is_masked_as_a_secret(name: str) -> None:
    assert mask_record(sample(name)) == (sample(name), [])


def test_an_id_as_long_as_the_platform_makes_them_is_not_masked() -> None:
    number = "ROBOT1.0_eBKyWmxqpSnu6vLQ7w7fT0fGloLGYf4fFa737wRyLnMCgyYjLi7KLZkQ9B0WbqbjZ"
    told = sample("group_at")
    told["d"]["id"] = number
    assert mask_record(told) == (told, [])


def test_the_same_message_told_as_a_mention_and_as_any_message_is_one_post() -> None:
    told = sample("group_at")
    again = told | {"t": "GROUP_MESSAGE_CREATE"}
    assert read(told, {}) == read(again, {})


@pytest.mark.parametrize("name", ["guild_at", "guild_direct"])
def test_what_a_guild_escapes_is_read_as_it_was_written(name: str) -> None:
    told = sample(name)
    told["d"]["content"] = "<@!6158> fee &lt; 5, https://a.example/?x=1&amp;y=2 &amp;lt; &lt;@7&gt;"
    post = read(told, {})
    assert isinstance(post, Post)
    assert post.text.endswith("fee < 5, https://a.example/?x=1&y=2 &lt; <@7>")
    assert post.mentions == ("6158",)


def test_a_group_escapes_nothing() -> None:
    told = sample("group_at")
    told["d"]["content"] = " what does &lt; mean"
    post = read(told, {})
    assert isinstance(post, Post)
    assert post.text == "what does &lt; mean"


def test_of_a_voice_message_what_qq_has_understood_is_read() -> None:
    told = sample("c2c")
    voice = {"content_type": "voice", "filename": "a.amr", "asr_refer_text": "我的钱全部没有了"}
    told["d"] |= {"content": "", "attachments": [voice, voice | {"asr_refer_text": None}]}
    post = read(told, {})
    assert isinstance(post, Post)
    assert (post.text, post.attachments, post.pictures) == ("我的钱全部没有了", 2, 0)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({"message_type": 3, "content": ""}, "[卡片]"),
        (
            {
                "message_type": 3,
                "content": "",
                "ark_data": {
                    "prompt": "[分享]领空投",
                    "ark_type": "share",
                    "fields": {"title": "领空投", "desc": "连接钱包即领", "width": 300},
                },
            },
            "[分享]领空投\n连接钱包即领",
        ),
        (
            {"content": "这是真的吗", "ark_data": '{"prompt": "推荐联系人：港湾客服007"}'},
            "这是真的吗\n推荐联系人：港湾客服007",
        ),
        ({"content": "看", "ark_data": "{broken"}, "看\n[卡片]"),
    ],
)
def test_of_a_card_what_it_shows_is_read(told: dict[str, Any], text: str) -> None:
    card = sample("c2c")
    card["d"] |= told
    post = read(card, {})
    assert isinstance(post, Post)
    assert post.text == text


def test_a_chat_that_is_passed_on_is_unfolded() -> None:
    told = sample("c2c")
    theirs = {"author": {"username": "港湾客服007"}, "content": "把助记词发给我验证"}
    nested = {"message_type": 102, "msg_elements": [{"author": {"username": "小河"}, "content": "你是谁"}]}
    picture = {"content": "", "attachments": [{"content_type": "image/png", "url": "pictures.example/1"}]}
    told["d"] |= {"message_type": 102, "content": "", "msg_elements": [theirs, nested, picture, "unknown"]}
    post = read(told, {})
    assert isinstance(post, Post)
    assert post.text == "[聊天记录]\n港湾客服007: 把助记词发给我验证\n小河: 你是谁\n[图片]"


def test_a_chat_that_is_passed_on_and_not_told_is_shown_as_one() -> None:
    told = sample("c2c")
    told["d"] |= {"message_type": 102, "content": ""}
    post = read(told, {})
    assert isinstance(post, Post)
    assert post.text == "[聊天记录]"


def test_what_a_message_answers_is_not_said_again_where_its_type_is_not_told() -> None:
    told = sample("group_reply")
    del told["d"]["message_type"]
    post = read(told, {})
    assert isinstance(post, Post)
    assert post.text == "我也登不上 @港湾助手"
