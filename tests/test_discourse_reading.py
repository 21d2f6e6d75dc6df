"""Each sample beside the post that it must give."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Author, Deleted, Item, Post, Push, Received, Record
from connectors.discourse import Discourse
from connectors.errors import PushRefusedError, RecordError
from connectors.secret import Secret

SAMPLES = Path(__file__).parent / "samples" / "forum"
AT = datetime(2026, 3, 14, 2, 11, 9, 250_000, tzinfo=UTC)
SECRET = "my_lovely_secret_for_web_hook"
LIN = Post(
    native_id="p7301",
    text="",
    posted_at=AT,
    author=Author("61", "Lin Wei", "lin_w"),
    thread="t880",
    alias="t880/2",
    order=7301,
    permalink="https://forum.example.net/t/swap-shows-zero/880/2",
    likes=0,
    replies=1,
    views=31,
)


def forum(**settings: Any) -> Discourse:
    config = Discourse.Config.model_validate(
        {"connector": "discourse", "url": "https://forum.example.net", "official_groups": ["helpers"], **settings}
    )
    return Discourse("forum", config, since=AT)


def sample(name: str) -> Record:
    record: Record = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return record


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "topic_opened",
            replace(
                LIN,
                native_id="p7300",
                text="兑换之后余额显示为 0 😡\n\nhash: 0x41…9c",
                author=Author("58", "阿秋", "阿秋"),
                alias="t880/1",
                order=7300,
                title="Swap shows zero",
                permalink="https://forum.example.net/t/swap-shows-zero/880/1",
                likes=3,
            ),
        ),
        (
            "reply_with_quote_and_mention",
            replace(
                LIN,
                text="Same here :rage: @helpdesk see this page",
                reply_to="t880/1",
                mentions=("helpdesk",),
                links=("https://status.example.net/x?a=1&b=2",),
            ),
        ),
        ("edited", replace(LIN, text="متى يعود الرصيد؟ 🙏", edited_at=datetime(2026, 3, 14, 5, tzinfo=UTC))),
        ("edited_in_grace_period", replace(LIN, text="typo gone", edited_at=datetime(2026, 3, 14, 2, 13, tzinfo=UTC))),
        (
            "moderator_answers",
            replace(LIN, text="We are looking into it.", author=Author("9", "Ren", "ren", role="staff")),
        ),
        (
            "official_group_answers",
            replace(LIN, text="Fixed in 5.2.", author=Author("12", "noor", "noor", role="staff")),
        ),
        ("without_raw", replace(LIN, text="no raw here\n二")),
        ("only_a_picture", replace(LIN, text="", attachments=1, pictures=1)),
        ("removed_account", replace(LIN, text="orphan", author=None)),
        ("system_notice", None),
        ("small_action", None),
        ("whisper", None),
        ("flagged_notice_instead_of_text", None),
        ("withdrawn_by_author", Deleted("p7301", datetime(2026, 3, 14, 3, tzinfo=UTC))),
        ("removed_by_staff", Deleted("p7301", datetime(2026, 3, 14, 4, tzinfo=UTC))),
        ("private_message", replace(LIN, text="my ticket", public=False)),
        ("webhook_created", replace(LIN, text="还没到账")),
        ("webhook_recovered", replace(LIN, text="还没到账", recovered=True)),
        ("webhook_destroyed", Deleted("p7301", AT)),
        ("webhook_private_message", replace(LIN, text="secret", public=False)),
        ("found_deleted", Deleted("p7301", None)),
    ],
)
def test_a_sample_is_read_as(name: str, expected: Item | None) -> None:
    assert forum().post(sample(name)) == expected


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("without_text", "neither raw nor cooked"),
        ("topic_is_no_number", "topic_id is no whole number"),
        ("time_is_no_time", "created_at is no time"),
    ],
)
def test_a_record_that_cannot_be_read_says_why_and_which(name: str, why: str) -> None:
    with pytest.raises(RecordError, match=why) as told:
        forum().post(sample(name))
    assert told.value.native_id == "p7301"


def test_every_sample_is_expected_somewhere() -> None:
    told = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in SAMPLES.glob("*.json") if f'"{path.stem}"' not in told] == []


def test_a_record_without_an_id_or_of_no_shape_cannot_be_read() -> None:
    with pytest.raises(RecordError, match="id is no whole number"):
        forum().post({"raw": "x", "topic_id": 1, "post_number": 1})
    with pytest.raises(RecordError, match="id is no whole number"):
        forum().post({"unreadable": 7})


def test_a_forum_in_a_subfolder_links_to_itself_alone() -> None:
    connector = forum(url="https://example.net/community")
    record = sample("edited")
    links = [
        connector.post({**record, "post_url": url})
        for url in ("/community/t/s/880/2", "//evil.example/t", "javascript:alert(1)", None)
    ]
    assert [post.permalink for post in links if isinstance(post, Post)] == [
        "https://example.net/community/t/s/880/2",
        *["https://example.net/community/t/swap-shows-zero/880/2"] * 3,
    ]
    assert connector.space == "discourse/example.net/community"


@pytest.mark.parametrize(
    ("settings", "read"),
    [({"categories": [7]}, True), ({"categories": [8]}, False), ({"skip_categories": [7]}, False), ({}, True)],
)
def test_categories_can_be_chosen_and_left_out(settings: dict[str, list[int]], read: bool) -> None:
    assert (forum(**settings).post(sample("edited")) is not None) is read


def test_choosing_categories_does_not_lose_private_messages() -> None:
    assert forum(categories=[7]).post(sample("private_message")) is not None


def hook(body: bytes, event: str = "post_created", *, secret: str = SECRET, kind: str = "application/json") -> Push:
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Push(
        "POST",
        {"content-type": kind, "x-discourse-event": event, "x-discourse-event-signature": signature},
        {},
        body,
    )


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> Discourse:
    monkeypatch.setenv("HOOK", SECRET)
    return forum(webhook_secret=Secret(env="HOOK"))


@pytest.mark.parametrize(
    ("secret", "body", "signature"),
    [
        (SECRET, '{"ping":"OK"}', "162f107f6b5022353274eb1a7197885cfd35744d8d08e5bcea025d309386b7d6"),
        (
            "forum-webhook-secret",
            '{"post":{"id":4711,"raw":"提现失败 withdrawal stuck"}}',
            "29d21c81ff70764cd79ce3c5858ee1690fddb357072174df408fb0cb4dc1a4ed",
        ),
    ],
)
def test_known_signatures_are_accepted(
    hooked: Discourse, monkeypatch: pytest.MonkeyPatch, secret: str, body: str, signature: str
) -> None:
    monkeypatch.setenv("HOOK", secret)
    push = Push("POST", {"x-discourse-event-signature": f"sha256={signature}"}, {}, body.encode())
    assert hooked.receive(push).status == 200


def test_a_ping_brings_nothing(hooked: Discourse) -> None:
    assert hooked.receive(hook(b'{"ping":"OK"}', "ping")).records == []


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_call_brings_its_post_and_event_whatever_its_content_type(hooked: Discourse, kind: str) -> None:
    record = sample("webhook_created")
    body = json.dumps({"post": record["post"]}, ensure_ascii=False).encode()
    assert hooked.receive(hook(body, kind=kind)).records == [record]


def test_of_a_private_message_the_call_is_not_taken_for_the_listing_knows_whose_it_is(hooked: Discourse) -> None:
    body = json.dumps({"post": sample("webhook_private_message")["post"]}).encode()
    wanting = forum(webhook_secret=Secret(env="HOOK"), private_messages=True)
    assert hooked.receive(hook(body)) == Received([])
    assert wanting.receive(hook(body)) == Received([], poll=True)


def test_other_events_bring_nothing(hooked: Discourse) -> None:
    assert hooked.receive(hook(b'{"topic":{"id":1}}', "topic_created")).records == []


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=00", "sha256=é", "162f107f"])
def test_a_call_without_our_signature_is_refused(hooked: Discourse, signature: str) -> None:
    headers = {"x-discourse-event-signature": signature} if signature else {}
    with pytest.raises(PushRefusedError) as told:
        hooked.receive(Push("POST", headers, {}, b'{"ping":"OK"}'))
    assert told.value.status == 403


def test_no_call_is_accepted_while_no_secret_is_configured() -> None:
    with pytest.raises(PushRefusedError, match="webhook_secret is not configured"):
        forum().receive(hook(b'{"ping":"OK"}'))


def test_a_call_that_cannot_be_checked_is_put_off(hooked: Discourse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK")
    with pytest.raises(PushRefusedError, match="HOOK is not set") as told:
        hooked.receive(hook(b'{"ping":"OK"}'))
    assert told.value.status == 503


def test_a_signed_call_that_is_no_json_is_refused_as_bad(hooked: Discourse) -> None:
    with pytest.raises(PushRefusedError) as told:
        hooked.receive(hook(b"post=1"))
    assert told.value.status == 400
