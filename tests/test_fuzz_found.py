"""What fuzzing found, each as it was found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import httpx
import pytest

import connectors.chat.chatwoot
from aggregator.ingest.prepare import prepare
from aggregator.ingest.sound import are_sound, refuse_unsound
from aggregator.listener import serve
from connectors.contract import Author, Counts, Deleted, Moved, Post
from connectors.errors import LONGEST_WAIT, PushRefusedError, RecordError, ThrottledError
from connectors.feed.document import parse
from connectors.imap.account import Account, Place, _special
from connectors.session import Session, told_wait
from tests.conftest import Community, poll
from tests.fuzzing.doors import _intercom, _plain_wechat, _qq, _qq_bot, _stamped, _telegram
from tests.fuzzing.draw import Draw
from tests.fuzzing.mails import _Told
from tests.fuzzing.reading import origin_of
from tests.fuzzing.records import stored
from tests.fuzzing.sources import source
from tests.fuzzing.target import NOON

POST = Post("1", "hello", NOON, Author("a"))


ODD_POSTS: list[Any] = [
    replace(POST, native_id=""),
    replace(POST, text="\ud800"),
    replace(POST, text=5),  # type: ignore[arg-type]
    replace(POST, order=2**64),
    replace(POST, order="7"),  # type: ignore[arg-type]
    replace(POST, likes=2**63),
    replace(POST, attachments=True),
    replace(POST, posted_at=NOON.replace(year=1)),
    replace(POST, edited_at=NOON.replace(tzinfo=None)),
    replace(POST, can_reply_until=NOON.replace(year=9999)),
    replace(POST, mentions=({},)),  # type: ignore[arg-type]
    replace(POST, links=(None,)),  # type: ignore[arg-type]
    replace(POST, author=Author("a", name=["x"])),  # type: ignore[arg-type]
    replace(POST, author=Author("a", followers=1e9)),  # type: ignore[arg-type]
    replace(POST, author=Author("")),
]
ODD: list[Any] = [
    *ODD_POSTS,
    Deleted(7, None),  # type: ignore[arg-type]
    Counts("1", likes=2**70),
    Moved("a", {}),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("post", ODD)
def test_what_no_row_can_hold_is_refused(post: Any) -> None:
    with pytest.raises(RecordError):
        refuse_unsound(post)


@pytest.mark.parametrize("post", ODD_POSTS)
def test_an_odd_post_is_noticed_among_others(post: Any) -> None:
    assert are_sound([POST, POST])
    assert not are_sound([POST, post, POST])


@pytest.mark.parametrize("odd", [{"real_seq": 2**70}, {"user_id": "\ud800"}, {"message_seq": [[]]}])
def test_a_record_that_the_database_would_refuse_is_refused_alone(odd: dict[str, Any]) -> None:
    connector, (first, *_) = source("qq"), [each for each in stored("qq") if each.get("message_type") == "group"]
    page = prepare([first | odd, first], origin_of(connector), NOON)
    assert page.posts.num_rows >= 1
    assert page.records == 2


def test_a_record_that_is_nested_too_deeply_to_be_stored_does_not_stop_its_page() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    connector, (first, *_) = source("telegram"), stored("telegram")
    page = prepare([{"update_id": 1, "message": deep}, first], origin_of(connector), NOON)
    assert (page.records, len(page.rejected)) == (2, 1)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"update_id": "\xff'])
def test_a_telegram_call_that_cannot_be_read_is_refused(body: bytes) -> None:
    door: Any = source("telegram")
    with pytest.raises(PushRefusedError):
        door.receive(_telegram(body, Draw(b"")))


def test_an_intercom_call_whose_data_is_no_object_brings_nothing() -> None:
    door: Any = source("intercom")
    assert door.receive(_intercom(b'{"data": 5}', Draw(b""))).records == ()


def test_a_chatwoot_call_whose_event_is_no_word_brings_nothing() -> None:
    door: Any = source("chatwoot")
    with patch.object(connectors.chat.chatwoot, "time", NOON.timestamp):
        assert door.receive(_stamped("x-chatwoot", b'{"event": {}}', Draw(b""))).records == ()


@pytest.mark.parametrize(
    ("name", "signs", "body"),
    [
        ("qq_bot", _qq_bot, b'{"op": 0, "t": ["C2C_MESSAGE_CREATE"], "d": {}}'),
        ("qq", _qq, b'{"self_id": 2990000001, "post_type": "notice", "notice_type": []}'),
        ("wechat", _plain_wechat, b"<xml><MsgType>event</MsgType><Event><a>1</a></Event></xml>"),
    ],
)
def test_a_genuine_call_whose_kind_is_no_word_is_taken(name: str, signs: Any, body: bytes) -> None:
    door: Any = source(name)
    push = replace(signs(body, Draw(b"")), method="POST")
    assert door.receive(push).status in (200, 204)


async def test_an_answer_with_a_name_in_another_charset_in_its_headers_is_read() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = "名.json".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-disposition", name)]})
        await send({"type": "http.response.body", "body": b"[1]"})

    async with serve(app) as url:
        session = Session(url)
        assert await session.get_json("/") == [1]
        await session.aclose()


@pytest.mark.parametrize("header", [{"retry-after": "9" * 400}, {"retry-after": "Sat, 14 Mar 9999 08:00:00 +0000"}])
def test_nobody_can_ask_us_to_wait_for_ever(header: dict[str, str]) -> None:
    assert told_wait(httpx.Response(429, headers=header)) == LONGEST_WAIT
    assert ThrottledError("", float("inf")).retry_after == ThrottledError("", float("nan")).retry_after == LONGEST_WAIT


def test_a_feed_that_wants_to_be_read_every_ten_to_the_five_thousand_minutes_is_read() -> None:
    body = b"<rss version='2.0'><channel><ttl>" + b"9" * 5000 + b"</ttl><item><title>x</title></item></channel></rss>"
    assert parse(body, "application/xml", "https://a.example/").minutes is None


async def test_garbled_answers_of_a_mail_server_break_nothing() -> None:
    assert _special([(5, b"/", "Junk"), ((rb"\Junk",), b"\xff", "a\xffSpam")], "junk") == "a\xffSpam"
    told, connector = _Told(), source("imap")
    told.answers = [b'1 (UID 7 FLAGS 5 INTERNALDATE NIL RFC822.SIZE "x" BODY[] (1 2))']
    account = Account.__new__(Account)
    account._settings, account._connection = connector.config, told  # type: ignore[assignment]
    (record,) = await account.mails(Place("INBOX", "inbox"), 1, [7])
    assert record["unreadable"] == "withheld by the server"
    assert json.dumps(record)


async def test_a_customer_who_becomes_one_of_us_and_edits_the_question_holds_nothing_up(community: Community) -> None:
    async with community.desk("forum") as work:
        number = community.forum.says("lin", "my swap is stuck", title="Stuck")
        await poll(work, "forum")
        community.clock.pass_(minutes=5)
        community.forum.user("lin").moderator = True
        community.forum.edits(number, "solved: my swap was stuck")
        (polled,) = await poll(work, "forum")
        assert (polled.state, polled.message) == ("ok", "")
        assert work.db.query("SELECT count(*) FROM inquiry") == [(1,)]
