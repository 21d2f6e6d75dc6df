"""Each sample beside what it must give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.chat import Chat
from connectors.chat.intercom import records
from connectors.chat.message import told_time
from connectors.contract import Author, Deleted, Item, Post, Record, Undelivered
from connectors.errors import RecordError
from connectors.secret import Secret

SAMPLES = Path(__file__).parent / "samples" / "chat"
SENT = datetime(2026, 3, 14, 1, 30, tzinfo=UTC)


def chat(service: str, **settings: Any) -> Chat:
    config = {"connector": "chat", "service": service, "secret": Secret(env="CHAT_SECRET"), **settings}
    return Chat("support-chat", Chat.Config.model_validate(config), since=SENT)


def sample(name: str) -> Record:
    record: Record = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return record


def taken_in(fields: object, **settings: Any) -> Item | Sequence[Item] | None:
    return chat("intake", **settings).post({"message": fields, "sent_at": SENT.isoformat()})


# -- our own intake ------------------------------------------------------------------------------

ASKED = Post(
    native_id="9007199254740993",
    text="导入钱包后余额是 0 😭 what now?",
    posted_at=datetime(2026, 3, 14, 1, 5, 7, tzinfo=UTC),
    author=Author("user/u-204", "阿宁"),
    thread="conv-31",
    reply_to="m-12",
    public=False,
    place="conv-31",
    attachments=1,
    pictures=1,
)
APP_AND_MAIL = (("app", "c-5"), ("mail", "a@b.example"))
BARE = Post(native_id="m-1", text="help", posted_at=None, public=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intake_full", ASKED),
        ("intake_minimal", BARE),
        (
            "intake_guest",  # who only claims to be u-204 is not taken for that customer
            replace(
                BARE,
                native_id="m-2",
                text="المحفظة لا تفتح",
                posted_at=datetime(2026, 3, 14, 1, 5, 7, tzinfo=UTC),
                author=Author("guest/u-204", "not verified"),
                thread="conv-32",
                place="conv-32",
            ),
        ),
        (
            "intake_without_author",  # in a chat there is one customer
            replace(
                BARE,
                native_id="m-3",
                text="anyone?",
                posted_at=datetime(2026, 3, 14, 1, 5, 7, 123000, tzinfo=UTC),
                author=Author("guest~conv-32"),
                thread="conv-32",
                place="conv-32",
            ),
        ),
        (
            "intake_answer",
            replace(
                BARE,
                native_id="m-4",
                text="Please update to 3.0.3",
                posted_at=datetime(2026, 3, 14, 1, 20, tzinfo=UTC),
                author=Author("staff/mo", "Mo", role="staff"),
                thread="conv-31",
                place="conv-31",
                reply_to="9007199254740993",
            ),
        ),
        (
            "intake_edited",
            replace(
                BARE,
                text="help, please",
                posted_at=datetime(2026, 3, 14, 1, 0, tzinfo=UTC),
                edited_at=datetime(2026, 3, 14, 1, 2, tzinfo=UTC),
                author=Author("user/u-7"),
                thread="~user/u-7",
            ),
        ),
        ("intake_deleted", Deleted("m-1", datetime(2026, 3, 14, 1, 9, tzinfo=UTC))),
        (
            "intake_picture_only",
            replace(BARE, native_id="m-5", text="", author=Author("user/u-7"), thread="~user/u-7", attachments=1),
        ),
    ],
)
def test_a_message_of_the_intake_becomes(name: str, expected: Item) -> None:
    assert taken_in(sample(name)) == expected


@pytest.mark.parametrize(
    ("author", "vouched"),
    [
        ({"id": "5", "verified": True, "customer_id": "c-5", "verified_email": "a@b.example"}, APP_AND_MAIL),
        ({"id": "5", "customer_id": "c-5", "verified_email": "a@b.example"}, ()),
        ({"id": "5", "verified": True, "email": "a@b.example", "verified_email": "unknown"}, ()),
        ({"id": "5", "verified": True, "customer_id": "c-5", "is_staff": True}, ()),
    ],
)
def test_only_of_a_verified_customer_it_is_known_who_that_is_elsewhere(
    author: Record, vouched: tuple[tuple[str, str], ...]
) -> None:
    post = taken_in({"id": "1", "text": "help", "author": author})
    assert isinstance(post, Post)
    assert post.author is not None
    assert post.author.vouched == vouched


def test_an_edit_or_deletion_without_a_time_happened_when_it_was_sent() -> None:
    edited = taken_in({"id": "1", "text": "b", "event": "message.updated"})
    assert isinstance(edited, Post)
    assert edited.edited_at == SENT
    assert taken_in({"id": "1", "event": "message.deleted"}) == Deleted("1", SENT)


def test_a_conversation_is_found_where_the_setting_says() -> None:
    post = taken_in(sample("intake_full"), conversation_url="https://desk.example/c/{conversation_id}?x=1")
    assert isinstance(post, Post)
    assert post.permalink == "https://desk.example/c/conv-31?x=1"


def test_null_is_as_good_as_left_out() -> None:
    names = ("event", "direction", "author", "attachments", "conversation_id", "created_at", "updated_at", "reply_to")
    assert taken_in({"id": "1", "text": "help", **dict.fromkeys(names)}) == taken_in({"id": "1", "text": "help"})
    nobody = {"id": None, "name": None, "verified": None, "is_staff": None, "customer_id": None, "verified_email": None}
    said = taken_in({"id": "1", "text": "help", "conversation_id": "c-1", "author": nobody})
    assert said == taken_in({"id": "1", "text": "help", "conversation_id": "c-1"})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"text": "no id"}, "id should be a text of 1 to 200 characters"),
        ({"id": 17, "text": "a"}, "id should be a text of 1 to 200 characters"),
        ({"id": "x" * 201, "text": "a"}, "id should be a text of 1 to 200 characters"),
        ({"id": "1"}, "text is empty, and nothing is attached"),
        ({"id": "1", "text": " \n"}, "text is empty, and nothing is attached"),
        ({"id": "1", "text": 5}, "text should be a text of at most 20000 characters"),
        ({"id": "1", "text": "x" * 20_001}, "text should be a text of at most 20000 characters"),
        ({"id": "1", "text": "a", "event": "message.read"}, "event should be one of message.created"),
        ({"id": "1", "text": "a", "direction": "sideways"}, "direction should be in or out"),
        ({"id": "1", "text": "a", "author": "mei"}, "author should be an object"),
        ({"id": "1", "text": "a", "author": {"id": 5}}, "author.id should be a text"),
        ({"id": "1", "text": "a", "author": {"id": "5", "verified": "yes"}}, "verified should be true or false"),
        ({"id": "1", "text": "a", "attachments": {}}, "attachments should be a list"),
        ({"id": "1", "text": "a", "created_at": "yesterday"}, "created_at should be a time with a zone"),
        ({"id": "1", "text": "a", "created_at": "2026-03-14T01:00:00"}, "created_at should be a time with a zone"),
        ({"id": "1", "text": "a", "created_at": 17}, "created_at should be a time with a zone"),
        ({"id": "1", "text": "a", "created_at": True}, "created_at should be a time with a zone"),
        ("help", "it should be an object"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_the_name_of_its_field(fields: object, told: str) -> None:
    with pytest.raises(RecordError) as refused:
        taken_in(fields)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "value", [1_773_450_307, 1_773_450_307_000, "2026-03-14T01:05:07Z", "2026-03-14T09:05:07+08:00"]
)
def test_a_time_is_told_in_seconds_milliseconds_or_words(value: object) -> None:
    assert told_time(value, "created_at") == datetime(2026, 3, 14, 1, 5, 7, tzinfo=UTC)


# -- Chatwoot ------------------------------------------------------------------------------------

CALM = Post(
    native_id="411",
    text="swap is stuck 兑换卡住了",
    posted_at=datetime(2026, 3, 14, 1, 5, 7, 123000, tzinfo=UTC),
    author=Author("contact/71", "calm-river-8"),
    thread="29",
    reply_to="409",
    order=411,
    public=False,
    permalink="https://chatwoot.example/app/accounts/1/conversations/29",
)
SIGNED = replace(CALM, author=Author("contact/71", "calm-river-8", vouched=(("app", "u-204"),)))


def woot(name: str) -> Item | Sequence[Item] | None:
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    return connector.post({"message": sample(f"chatwoot_{name}"), "sent_at": SENT.isoformat()})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("visitor_asks", SIGNED),
        (
            "older_server",
            replace(
                CALM,
                native_id="412",
                text="hello?",
                posted_at=datetime(2026, 3, 14, 1, 6, tzinfo=UTC),
                reply_to=None,
                order=412,
            ),
        ),
        ("rest_asks", replace(CALM, posted_at=datetime(2026, 3, 14, 1, 5, 7, tzinfo=UTC))),
        (
            "colleague_answers",
            replace(
                CALM,
                native_id="413",
                text="We are **looking** into it",
                posted_at=datetime(2026, 3, 14, 1, 10, tzinfo=UTC),
                author=Author("user/4", "Mo", role="staff"),
                reply_to=None,
                order=413,
            ),
        ),
        (
            "bot_answers",
            replace(
                CALM,
                native_id="415",
                text="Have you tried our help pages?",
                posted_at=datetime(2026, 3, 14, 1, 11, 30, tzinfo=UTC),
                author=Author("bot/2", "Greeter", role="bot"),
                reply_to=None,
                order=415,
            ),
        ),
        ("private_note", None),
        ("greeting", None),
        ("rest_resolved", None),
        ("deleted", Deleted("411", SENT)),
        (
            "rest_picture_only",
            replace(
                CALM,
                native_id="418",
                text="",
                posted_at=datetime(2026, 3, 14, 1, 16, 40, tzinfo=UTC),
                reply_to=None,
                order=418,
                attachments=1,
                pictures=1,
            ),
        ),
        (
            "rest_by_mail",  # without the mail that it quotes
            replace(
                CALM,
                native_id="419",
                text="Still no coins.",
                posted_at=datetime(2026, 3, 14, 1, 18, 20, tzinfo=UTC),
                author=Author("contact/72", "Ada"),
                thread="30",
                permalink="https://chatwoot.example/app/accounts/1/conversations/30",
                reply_to=None,
                order=419,
            ),
        ),
    ],
)
def test_a_message_of_chatwoot_becomes(name: str, expected: Item | None) -> None:
    assert woot(name) == expected


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"content_attributes": {"external_error": "131047: Re-engagement message"}}, "131047: Re-engagement message"),
        ({"status": "failed"}, ""),
        ({"status": "failed", "message_type": 1, "content": None}, ""),  # as the list has it
    ],
)
def test_an_answer_that_chatwoot_could_not_deliver_is_none(change: Record, detail: str) -> None:
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    message = sample("chatwoot_colleague_answers") | {"event": "message_updated"} | change
    assert connector.post({"message": message, "sent_at": SENT.isoformat()}) == (
        Undelivered("413", "other", detail),
        Deleted("413", SENT),
    )


def test_a_customers_message_is_none_that_could_not_be_delivered() -> None:
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    message = sample("chatwoot_visitor_asks") | {"status": "failed"}
    assert isinstance(connector.post({"message": message, "sent_at": None}), Post)


@pytest.mark.parametrize(("verified", "vouched"), [(True, (("app", "c-5"),)), (False, ()), (None, ())])
def test_chatwoots_identifier_counts_where_our_app_has_signed_it(
    verified: bool | None, vouched: tuple[tuple[str, str], ...]
) -> None:
    message = sample("chatwoot_visitor_asks")
    message["sender"]["identifier"] = "c-5"
    message["conversation"]["contact_inbox"] = {"hmac_verified": verified}
    post = chat("chatwoot", url="https://chatwoot.example/", account="1").post({"message": message})
    assert isinstance(post, Post)
    assert post.author is not None
    assert post.author.vouched == vouched


def test_an_edit_told_by_chatwoot_happened_when_it_called() -> None:
    changed = sample("chatwoot_visitor_asks") | {"event": "message_updated", "content": "solved"}
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    assert connector.post({"message": changed, "sent_at": SENT.isoformat()}) == replace(
        SIGNED, text="solved", edited_at=SENT
    )


@pytest.mark.parametrize(
    "change",
    [{"id": None}, {"message_type": 7}, {"message_type": "odd"}, {"created_at": "?"}, {"content": ""}, {"sender": "x"}],
)
def test_a_message_of_chatwoot_that_cannot_be_read_is_refused(change: Record) -> None:
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    with pytest.raises(RecordError):
        connector.post({"message": sample("chatwoot_visitor_asks") | change, "sent_at": None})


def survey(**answer: Any) -> Record:
    """The message that asks how it was, once the customer has answered."""
    return sample("chatwoot_greeting") | {
        "event": "message_updated",
        "content_type": "input_csat",
        "content_attributes": {"submitted_values": {"csat_survey_response": answer}} if answer else {},
        "conversation": {"id": 29, "meta": {"sender": {"id": 71, "name": "calm-river-8", "type": "contact"}}},
    }


def test_what_a_customer_writes_into_the_survey_of_chatwoot_is_read() -> None:
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    answered = survey(rating=1, feedback_message=" 问题根本没解决，钱还是没到 ")
    assert connector.post({"message": answered, "sent_at": SENT.isoformat()}) == replace(
        CALM,
        native_id="416",
        text="★☆☆☆☆\n问题根本没解决，钱还是没到",
        posted_at=SENT,
        edited_at=SENT,
        reply_to=None,
        order=416,
    )


@pytest.mark.parametrize("answer", [{}, {"rating": 5}, {"rating": 2, "feedback_message": ""}])
def test_a_survey_without_words_says_nothing(answer: dict[str, Any]) -> None:
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    assert connector.post({"message": survey(**answer), "sent_at": SENT.isoformat()}) is None


def test_of_a_voice_message_what_chatwoot_has_understood_is_read() -> None:
    voice = [{"file_type": "audio", "data_url": "https://a.example/1"}, {"file_type": "image"}]
    message = sample("chatwoot_visitor_asks") | {"content": None, "attachments": voice}
    connector = chat("chatwoot", url="https://chatwoot.example/", account="1")
    silent = connector.post({"message": message, "sent_at": None})
    voice[0]["transcribed_text"] = "我的钱没了"
    heard = connector.post({"message": message, "sent_at": None})
    assert silent == replace(SIGNED, text="", attachments=2, pictures=1)
    assert heard == replace(SIGNED, text="我的钱没了", attachments=2, pictures=1)


# -- Intercom ------------------------------------------------------------------------------------


def intercom(name: str) -> list[Item | None]:
    connector = chat("intercom", account="abc123")
    return [connector.post(record) for record in records(sample(f"intercom_{name}")["data"]["item"])]


MEI = Post(
    native_id="source/771",  # the opening message stands apart from the parts, and is numbered apart
    text="Hi, the app doesn't start",
    posted_at=datetime.fromtimestamp(1773440000, UTC),
    author=Author("contact/64f1", "Mei"),
    thread="21540001",
    order=771,
    public=False,
    permalink="https://app.intercom.com/a/inbox/abc123/inbox/conversation/21540001",
    place="conversation 21540001",
)


def test_an_intercom_notification_brings_the_opening_message_and_the_reply() -> None:
    reply = replace(
        MEI,
        native_id="9981",
        text="Still broken!! 还是不行",
        posted_at=datetime.fromtimestamp(1773450307, UTC),
        order=9981,
        attachments=1,
        pictures=1,
    )
    assert intercom("replied") == [MEI, reply]


def test_notes_and_assignments_are_not_said_and_bots_are_bots() -> None:
    found = [item for item in intercom("admin") if isinstance(item, Post)]
    assert [(post.native_id, post.author.role if post.author else "") for post in found] == [
        ("9982", "staff"),
        ("9985", "staff"),
        ("9986", "bot"),
    ]


def test_what_was_redacted_is_deleted() -> None:
    assert intercom("redacted") == [Deleted("9981", datetime.fromtimestamp(1773450500, UTC))]


def test_what_a_customer_writes_beside_the_rating_of_intercom_is_read() -> None:
    conversation = sample("intercom_replied")["data"]["item"]
    rating = {"rating": 1, "remark": "问题根本没解决", "created_at": 1773450900, "contact": {"id": "64f1"}}
    told = list(records(conversation | {"conversation_rating": rating}))
    assert chat("intercom", account="abc123").post(told[-1]) == Post(
        native_id="rating/21540001",
        text="★☆☆☆☆\n问题根本没解决",
        posted_at=datetime.fromtimestamp(1773450900, UTC),
        author=Author("contact/64f1", "Mei"),
        thread="21540001",
        public=False,
        permalink="https://app.intercom.com/a/inbox/abc123/inbox/conversation/21540001",
        place="conversation 21540001",
    )


@pytest.mark.parametrize("rating", [None, {"rating": 5}, {"rating": 5, "remark": None}, "odd"])
def test_a_rating_without_words_says_nothing(rating: object) -> None:
    conversation = sample("intercom_replied")["data"]["item"]
    assert list(records(conversation | {"conversation_rating": rating})) == list(records(conversation))


def test_a_rating_that_cannot_be_read_is_refused() -> None:
    rating = {"remark": "no", "created_at": "?"}
    with pytest.raises(RecordError) as refused:
        chat("intercom").post({"rating": rating, "conversation": "7", "at": 1773440000})
    assert refused.value.native_id == "rating/7"


# -- settings ------------------------------------------------------------------------------------

SECRET = {"env": "A"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "intake needs secret"),
        ({"secret": SECRET, "token": SECRET}, "intake needs secret, and takes neither token"),
        ({"service": "chatwoot", "secret": SECRET}, "chatwoot needs url and account"),
        ({"service": "chatwoot", "url": "https://a.example", "account": "x", "token": SECRET}, "account (a number)"),
        ({"service": "chatwoot", "url": "https://a.example", "account": "1"}, "give secret (to be called), token"),
        (
            {"service": "chatwoot", "url": "https://a.example", "account": "1", "url_token": SECRET, "secret": SECRET},
            "not together with secret",
        ),
        ({"service": "intercom", "token": SECRET}, "token needs url"),
        ({"service": "intercom", "url_token": SECRET}, "url_token is for a Chatwoot"),
    ],
)
def test_settings_that_do_not_fit_the_service_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("(", r"\(").replace(")", r"\)")):
        Chat.Config.model_validate({"connector": "chat", **settings})


@pytest.mark.parametrize(
    ("connector", "space"),
    [
        (chat("intake"), "chat/support-chat"),
        (chat("chatwoot", url="https://chatwoot.example", account="1"), "chatwoot/chatwoot.example/1"),
        (chat("intercom"), "intercom"),
    ],
)
def test_a_desk_says_where_its_ids_are_unique(connector: Chat, space: str) -> None:
    assert (connector.space, connector.channel) == (space, "chat")


# -- what comes to a desk by mail ------------------------------------------------------------------

BEGINS = [
    ("<p>提现三天没到账</p>", "<p>please help</p>", "提现三天没到账\n\nplease help"),
    ("<p>My swap is lost</p>", "", "My swap is lost"),
    ("<p>Re: swap</p>", "<p>any news?</p>", "any news?"),
    ("<p>any news</p>", "<p>any news?</p>", "any news?"),
    ("", "<p>hello</p>", "hello"),
]


@pytest.mark.parametrize(("subject", "body", "text"), BEGINS)
def test_the_subject_of_a_mail_to_intercom_is_a_part_of_what_it_says(subject: str, body: str, text: str) -> None:
    author = {"type": "lead", "id": "64f1", "name": "Mei"}
    source = {"type": "email", "id": "9", "subject": subject, "body": body, "author": author}
    post = chat("intercom").post({"source": source, "conversation": "7", "at": 1773440000})
    assert isinstance(post, Post)
    assert post.text == text


@pytest.mark.parametrize(("subject", "body", "text"), BEGINS)
def test_the_subject_of_a_mail_to_chatwoot_is_a_part_of_what_it_says(subject: str, body: str, text: str) -> None:
    told, said = (each.removeprefix("<p>").removesuffix("</p>") for each in (subject, body))
    fields = sample("chatwoot_rest_by_mail") | {"content": said}
    fields["content_attributes"] = {"email": {"subject": told, "text_content": {"reply": said}}}
    post = chat("chatwoot", url="https://chat.example", account="1").post({"message": fields, "sent_at": None})
    assert isinstance(post, Post)
    assert post.text == text


def test_who_answers_a_mail_does_not_say_its_subject() -> None:
    author = {"type": "admin", "id": "5", "name": "Mo"}
    source = {"type": "email", "id": "9", "subject": "Your ticket", "body": "<p>hello</p>", "author": author}
    post = chat("intercom").post({"source": source, "conversation": "7", "at": 1773440000})
    assert isinstance(post, Post)
    assert post.text == "hello"


@pytest.mark.parametrize(
    "body", ["<p>first line</p><p>fee &lt; 5 USDT &amp; rising</p>", "first line\n\nfee < 5 USDT & rising"]
)
def test_a_notification_in_plain_text_says_the_same_as_one_in_html(body: str) -> None:
    author = {"type": "user", "id": "64f1", "name": "Mei"}
    part = {"id": "9", "part_type": "comment", "body": body, "author": author, "created_at": 1773440000}
    post = chat("intercom").post({"part": part, "conversation": "7", "at": 1773440000})
    assert isinstance(post, Post)
    assert post.text == "first line\n\nfee < 5 USDT & rising"
