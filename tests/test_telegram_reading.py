"""What one Telegram update says: each sample beside the item that it must become."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Author, Counts, Deleted, Item, Moved, Post, Record
from connectors.errors import RecordError
from connectors.telegram import Telegram

SAMPLES = Path(__file__).parent / "samples" / "telegram"
GROUP, OPS_ROOM, BETA, NEWS = -1002100000777, -1002100000888, -4100777, -1002100000999
DIRECT = -1002100000555  # what people write to a channel
WHEN = datetime(2026, 3, 14, 9, 20, tzinfo=UTC)
MIRA = Author("6100000001", "Mira Okafor", "mira_ok")
LIN = Author("4503599627370495", "晓 林")
HARBOR = Author(str(GROUP), "Harbor Wallet", "harborwallet", role="staff")
NEWSROOM = Author(str(NEWS), "Harbor News", "harbornews", role="staff")


def sample(name: str) -> Record:
    record: Record = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return record


def connector(*chats: int) -> Telegram:
    config = Telegram.Config.model_validate(
        {
            "connector": "telegram",
            "token": {"env": "HARBOR_BOT_TOKEN"},
            "chats": chats or (GROUP, OPS_ROOM, BETA),
            "official_channels": [NEWS],
        }
    )
    return Telegram("community", config, since=WHEN)


def said(number: int, text: str, chat: int = GROUP, author: Author | None = MIRA, **more: Any) -> Post:
    """What Mira said in the public group, but for what is told otherwise."""
    link = f"https://t.me/harborwallet/{number}"
    usual: dict[str, Any] = {
        "posted_at": WHEN,
        "thread": str(chat),
        "order": number,
        "permalink": link if chat == GROUP else None,
    }
    return Post(f"{chat}/{number}", text, author=author, **(usual | more))


EXPECTED: dict[str, Item] = {
    "message_in_topic": said(
        4211,
        "😡😡 @harbordesk_bot 提现 is stuck, see https://harbor.example/tx",
        thread=f"{GROUP}/77",
        mentions=("harbordesk_bot",),
        permalink="https://t.me/harborwallet/77/4211",
    ),
    "message_edited": said(
        4211,
        "😡😡 提现 is stuck for three days",
        thread=f"{GROUP}/77",
        edited_at=WHEN + timedelta(seconds=60, microseconds=793602),
        permalink="https://t.me/harborwallet/77/4211",
    ),
    "message_reply_in_topic": said(
        4212,
        "我也是",
        author=LIN,
        thread=f"{GROUP}/77",
        reply_to=f"{GROUP}/4211",
        permalink="https://t.me/harborwallet/77/4212",
    ),
    "message_in_reply_chain": said(
        4213, "any news?", OPS_ROOM, reply_to=f"{OPS_ROOM}/4200", permalink="https://t.me/c/2100000888/4213"
    ),
    "message_in_basic_group": said(31, "你好，在吗？", BETA, LIN),
    "message_rtl": said(4214, "المحفظة لا تفتح بعد التحديث"),
    "message_hidden_link": said(
        4215,
        "help @Wei and read the guide",
        mentions=("6100000009",),
        links=("https://harbor-wallet.example.net/claim",),
    ),
    "message_private": said(12, "怎么找回钱包？", 4503599627370495, LIN, public=False),
    "direct_message_to_channel": said(
        51, "提现三天没到账", DIRECT, LIN, thread=f"{DIRECT}/{LIN.native_id}", public=False
    ),
    "direct_message_of_channel": said(
        52,
        "We look into it",
        DIRECT,
        Author("-1002100000444", "Harbor Cards", "harborcards", role="staff"),
        thread=f"{DIRECT}/{LIN.native_id}",
        public=False,
    ),
    "message_by_another_bot": said(4216, "HRB 1.02", author=Author("6200000001", "Price", "pricebot", role="bot")),
    "message_forwarded": said(4217, "Dear user, verify your wallet now"),
    "message_without_sender": said(
        4218, "relayed by a machine", OPS_ROOM, None, permalink="https://t.me/c/2100000888/4218"
    ),
    "album_first": said(4220, "证据截图 @mira_ok", mentions=("mira_ok",), attachments=1, pictures=1),
    "album_second": said(4221, "", attachments=1, pictures=1),
    "sticker": said(4222, "", attachments=1),
    "voice": said(4223, "", attachments=1),
    "checklist": said(4224, "Before I leave\nget my refund\nwrite to the press"),
    "anonymous_admin": said(4230, "We are looking into it", author=HARBOR, reply_to=f"{GROUP}/4211"),
    "channel_post": said(88, "Maintenance tonight", NEWS, NEWSROOM, permalink="https://t.me/harbornews/88"),
    "channel_post_edited": said(
        88,
        "Maintenance is over",
        NEWS,
        NEWSROOM,
        edited_at=WHEN + timedelta(seconds=100, microseconds=793619),
        permalink="https://t.me/harbornews/88",
    ),
    "channel_post_copied": said(4231, "Maintenance tonight", author=NEWSROOM),
    "comment_on_channel_post": said(4232, "again?!", reply_to=f"{GROUP}/4231"),
    "strange_channel_speaks": said(4233, "Join our signals", author=Author("-1002100000123", "Moon Signals")),
    "migrated_to": Moved(str(BETA), "-1002100000778"),
    "migrated_from": Moved(str(BETA), "-1002100000778"),
    "reactions_counted": Counts(f"{GROUP}/4211", likes=7),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_update_becomes_what_it_says(name: str) -> None:
    assert connector().post(sample(name)) == EXPECTED[name]


@pytest.mark.parametrize(
    "name",
    [
        *("joined", "left", "pinned", "topic_opened", "poll", "poll_closed"),
        *("reaction_of_one", "bot_kicked", "business_connected"),
    ],
)
def test_an_update_that_says_nothing_gives_no_post(name: str) -> None:
    assert connector().post(sample(name)) is None


@pytest.mark.parametrize(
    ("name", "native_id", "reason"),
    [
        ("unknown_update", "update/851793638", "unknown kind of update: some_future_update"),
        ("unknown_message", f"{GROUP}/4250", "unknown kind of message: hologram"),
        ("malformed_date", f"{GROUP}/4251", "message"),
        ("malformed_chat", "update/851793641", "message"),
        ("malformed_message", "update/851793642", "message"),
        ("malformed_id", "update/851793643", "message"),
    ],
)
def test_an_update_that_cannot_be_read_is_refused_by_name(name: str, native_id: str, reason: str) -> None:
    with pytest.raises(RecordError, match=reason) as refused:
        connector().post(sample(name))
    assert refused.value.native_id == native_id


def test_a_refusal_does_not_repeat_what_was_said() -> None:
    with pytest.raises(RecordError) as refused:
        connector().post(sample("malformed_date"))
    assert "when was this" not in str(refused.value)


def test_the_copy_of_a_channel_post_is_left_out_where_the_channel_itself_is_read() -> None:
    assert connector(GROUP, NEWS).post(sample("channel_post_copied")) is None


def test_a_comment_answers_the_channels_own_post_where_the_channel_is_read() -> None:
    comment = connector(GROUP, NEWS).post(sample("comment_on_channel_post"))
    assert isinstance(comment, Post)
    assert comment.reply_to == f"{NEWS}/88"


def test_an_album_is_one_thread() -> None:
    first, second = (connector().post(sample(name)) for name in ("album_first", "album_second"))
    assert isinstance(first, Post)
    assert isinstance(second, Post)
    assert first.thread == second.thread


def test_offsets_stay_true_in_a_masked_text() -> None:
    masked = connector().post(sample("masked"))
    assert isinstance(masked, Post)
    assert masked.text == "my words are █████ ████ 😱 @harbordesk_bot"
    assert masked.mentions == ("harbordesk_bot",)


def test_who_is_not_the_customer_of_a_business_chat_answers_for_it() -> None:
    question, answer = (connector().post(sample(name)) for name in ("business_question", "business_answer"))
    assert isinstance(question, Post)
    assert isinstance(answer, Post)
    assert (question.author, question.public) == (MIRA, False)
    assert answer.author == Author("4503599627370495", "晓 林", role="staff")
    assert question.thread == answer.thread == "bc-71/6100000001"


def test_a_colleague_who_answers_under_his_own_name_in_a_channels_direct_messages_is_staff() -> None:
    update = sample("direct_message_to_channel")
    update["message"]["from"] = {"id": 6100000007, "is_bot": False, "first_name": "Mei"}
    post = connector().post(update)
    assert isinstance(post, Post)
    assert post.author == Author("6100000007", "Mei", role="staff")


def test_messages_deleted_in_a_business_chat_are_told_one_by_one() -> None:
    gone = connector().post(sample("business_deleted"))
    assert gone == [Deleted("bc-71/6100000001/501", None), Deleted("bc-71/6100000001/502", None)]


def test_two_edits_within_one_second_come_in_their_order() -> None:
    first = sample("message_edited")
    second = first | {"update_id": first["update_id"] + 1}
    earlier, later = (connector().post(record) for record in (first, second))
    assert isinstance(earlier, Post)
    assert isinstance(later, Post)
    assert earlier.edited_at is not None
    assert later.edited_at is not None
    assert earlier.edited_at < later.edited_at


def test_every_sample_is_expected() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in SAMPLES.glob("*.json") if f'"{path.stem}"' not in source] == []
