"""What each record of an official account becomes. Samples: invented words in the platform's shapes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.triage.secrets import mask_record
from connectors.contract import Author, Deleted, Post
from connectors.errors import RecordError
from connectors.wechat import reading

SAMPLES = Path(__file__).parent / "samples" / "wechat"
ANN = Author("o7f3aK9mQx2bV5nR8sT1wY4zE6cH", "wx-4zE6cH")
BEN = Author("oB2kD8fL4pJ7gM1vN9xS3qW6tZ5u", "wx-W6tZ5u")
US = Author("account", "公众号", role="staff")
AGENT = Author("kf2001@gh_lantern", "kf2001", role="staff")
URL = "http://mp.weixin.qq.com/s?__biz=MzAwMTIz&mid=2247483801&idx=1&sn=5e1f#rd"
TITLE = "三月维护公告"
THREAD = "article/2247483801/0"


def sample(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return record


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def private(name: str, text: str, attachments: int = 0) -> Post:
    number = sample(name)["message"]["MsgId"]
    return Post(
        native_id=f"message/{number}",
        text=text,
        posted_at=at(1773475200),
        author=ANN,
        thread=f"chat/{ANN.native_id}",
        order=int(number),
        public=False,
        place="微信公众号 gh_5c0ffee7a1b2 · 私信",
        can_reply_until=at(1773475200) + timedelta(hours=48),
        attachments=attachments,
    )


def comment(number: int, text: str, seconds: int, author: Author | None, **other: Any) -> Post:
    usual = {"title": TITLE, "permalink": URL, "place": f"《{TITLE}》留言"} | other
    native_id = f"comment/2247483801/0/{number}"
    return Post(native_id, text, at(seconds), author, thread=THREAD, order=number, **usual)


def answer(text: str, seconds: int) -> Post:
    return Post(
        f"comment/2247483801/0/13/reply/{seconds}",
        text,
        at(seconds),
        US,
        thread=THREAD,
        reply_to="comment/2247483801/0/13",
        title=TITLE,
        permalink=URL,
        place=f"《{TITLE}》留言",
    )


ASKED = comment(13, "几点恢复？", 1773475300, BEN)
ROW = Post(
    "row/0a1b2c3d4e5f60718293a4b5",
    "你们管不管？",
    at(1773475500),
    ANN,
    thread=f"chat/{ANN.native_id}",
    order=1,
    public=False,
    place="微信公众号客服 kf2001@gh_lantern",
    can_reply_until=at(1773475500) + timedelta(hours=48),
)

EXPECTED: dict[str, Any] = {
    "message_text": private(
        "message_text", '充值的 USDT 三小时了还没到 😡 /::~ <a href="https://tx.example/0x1">凭证</a>'
    ),
    "message_text_from_article": private("message_text_from_article", "文章里说的活动怎么参加？"),
    "message_text_rtl": private("message_text_rtl", "أين أموالي؟"),
    "message_text_empty": private("message_text_empty", ""),
    "message_masked": private("message_masked", "my words are █████ ████ ███████ 😱"),
    "message_image": private("message_image", "[图片]", 1),
    "message_voice": private("message_voice", "[语音]", 1),
    "message_voice_recognised": private("message_voice_recognised", "我的钱包打不开了", 1),
    "message_video": private("message_video", "[视频]", 1),
    "message_shortvideo": private("message_shortvideo", "[视频]", 1),
    "message_location": private("message_location", "[位置] 人民广场"),
    "message_location_without_label": private("message_location_without_label", "[位置] 31.23, 121.47"),
    "message_link": private("message_link", "提币教程\n一步步来\nhttps://wallet.example/how"),
    "event_subscribe": None,
    "event_click": None,
    "event_published": None,
    "comment": [comment(12, "维护完余额少了一半，<急>！", 1773475260, ANN)],
    "comment_answered": [ASKED, answer("今晚十点前 & 会公告", 1773478900)],
    "comment_answered_in_a_list": [ASKED, answer("今晚十点前", 1773478900)],
    "comment_answer_replaced": [
        ASKED,
        Deleted("comment/2247483801/0/13/reply/1773478900", None),
        answer("已经恢复", 1773490000),
    ],
    "comment_answered_twice": [ASKED, answer("今晚十点前", 1773478900), answer("已经恢复", 1773490000)],
    "comment_without_openid": [
        comment(14, "路过，支持", 1773475400, None, title=None, permalink=None, place=f"{THREAD} 留言")
    ],
    "comment_gone": [Deleted("comment/2247483801/0/12", None)],
    "comment_gone_with_its_answer": [
        Deleted("comment/2247483801/0/13", None),
        Deleted("comment/2247483801/0/13/reply/1773478900", None),
    ],
    "row_customer": ROW,
    "row_customer_picture": Post(
        "row/0a1b2c3d4e5f60718293a4b6",
        "[image]",
        ROW.posted_at,
        ANN,
        thread=ROW.thread,
        order=2,
        public=False,
        place=ROW.place,
        can_reply_until=ROW.can_reply_until,
        attachments=1,
    ),
    "row_agent": Post(
        "row/0a1b2c3d4e5f60718293a4b7",
        "在核实，请稍等。",
        ROW.posted_at,
        AGENT,
        thread=ROW.thread,
        order=3,
        public=False,
        place=ROW.place,
    ),
    "row_session_closed": None,
}

UNREADABLE = {
    "message_unknown_kind": ("message/{MsgId}", "unknown kind of message: hologram"),
    "message_without_id": (None, "it has no MsgId"),
    "message_without_time": ("message/7", "its time is no number"),
    "callback_unreadable": (None, "neither XML nor JSON"),
    "comment_malformed": ("comment/2247483801/0/15", "its time is no number"),
    "comment_without_id": (None, "without user_comment_id"),
    "row_malformed": ("row/0a1b2c3d4e5f60718293a4b9", "it has no text"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_record_becomes_its_post(name: str) -> None:
    assert reading.item(sample(name)) == EXPECTED[name]


@pytest.mark.parametrize(
    ("told", "text", "attachments"),
    [
        ({"MsgType": "file", "Title": "流水.pdf", "FileKey": "k"}, "[文件] 流水.pdf", 1),
        ({"MsgType": "file"}, "[文件]", 1),
        ({"MsgType": "miniprogrampage", "Title": "灯笼行情", "AppId": "wx1"}, "[小程序] 灯笼行情", 0),
    ],
)
def test_files_and_mini_programs_are_named(told: dict[str, str], text: str, attachments: int) -> None:
    record = sample("message_text")
    record["message"] |= told
    assert reading.item(record) == private("message_text", text, attachments)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_record_that_cannot_be_read_is_refused_by_name(name: str) -> None:
    native_id, reason = UNREADABLE[name]
    with pytest.raises(RecordError, match=reason) as refused:
        reading.item(sample(name))
    if native_id:
        native_id = native_id.format(**sample(name).get("message", {}))
    assert refused.value.native_id == native_id


def test_a_refusal_does_not_repeat_what_was_said() -> None:
    with pytest.raises(RecordError) as refused:
        reading.item(sample("comment_malformed"))
    assert "what shape" not in str(refused.value)


@pytest.mark.parametrize("name", EXPECTED)
def test_ids_and_addresses_are_not_taken_for_secrets(name: str) -> None:
    assert mask_record(sample(name)) == (sample(name), [])


def test_every_sample_is_expected() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == EXPECTED.keys() | UNREADABLE.keys()
