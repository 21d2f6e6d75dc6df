"""The email connector against servers that nobody here wrote, and our simulator beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from aggregator.demo.mail.letters import letter
from connectors.contract import Finding
from connectors.errors import AuthError
from connectors.imap import Imap
from tests.contract_suite import drain, posts, texts
from tests.imap_servers import DOVECOT, Server, dovecot, pymap

PASSWORD_ENV = "HARBOR_MAIL_PASSWORD"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)

without_dovecot = pytest.mark.skipif(DOVECOT is None, reason="Dovecot is not installed")


@pytest.fixture(params=["pymap", pytest.param("dovecot", marks=without_dovecot)])
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with {"pymap": pymap, "dovecot": dovecot}[request.param](tmp_path) as running:
        monkeypatch.setenv(PASSWORD_ENV, running.password)
        yield running


Source = Callable[..., Imap]


@pytest.fixture
def source(server: Server) -> Source:
    def made(**settings: Any) -> Imap:
        usual = {
            "connector": "imap",
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "user": server.user,
            "password": {"env": PASSWORD_ENV},
            "idle": 0,
            "junk": False,
            "sent": False,
        }
        return Imap("support", Imap.Config.model_validate(usual | settings), since=SINCE)

    return made


def mail(text: str, number: int, at: datetime = NOON, subject: str | None = None, **more: Any) -> bytes:
    return letter(
        sender=("Anna", "anna@mail.example"),
        to="support@wallet.example",
        subject=text if subject is None else subject,
        text=text,
        message_id=f"{number}@mail.example",
        at=at,
        **more,
    )


async def test_new_mail_is_read_once_in_order_and_stays_unread(server: Server, source: Source) -> None:
    with server.hand() as client:
        for number in range(1, 46):
            at = NOON + timedelta(minutes=number)
            client.append("INBOX", mail(f"question {number} 😡", number), (), at)
    first = await drain(source())
    server.deliver(mail("提现没到账", 46), NOON + timedelta(hours=1))
    connector = source()
    second = await drain(connector, first)
    assert texts(connector, second.records) == [*(f"question {number} 😡" for number in range(1, 46)), "提现没到账"]
    assert len(second.records) == 46
    found = posts(connector, second.records)
    assert found["7@mail.example"].posted_at == NOON + timedelta(minutes=7)
    with server.hand() as client:
        client.select_folder("INBOX")
        assert len(client.search(["UNSEEN", "SINCE", SINCE.date()])) == 46


async def test_mail_from_before_the_backfill_point_is_not_asked_for(server: Server, source: Source) -> None:
    server.deliver(mail("long ago", 1), SINCE - timedelta(days=3))
    server.deliver(mail("the evening before", 2), SINCE - timedelta(hours=3))
    server.deliver(mail("just in time", 3), SINCE + timedelta(hours=3))
    connector = source()
    done = await drain(connector)
    assert texts(connector, done.records) == ["just in time"]


async def test_a_mail_that_a_colleague_marked_as_answered_is_answered(server: Server, source: Source) -> None:
    server.deliver(mail("one", 1), NOON)
    server.deliver(mail("two", 2), NOON)
    first = await drain(source())
    with server.hand() as client:
        client.select_folder("INBOX")
        client.add_flags(client.search(["HEADER", "Message-ID", "1@mail.example"]), [rb"\Answered"])
    connector = source()
    second = await drain(connector, first)
    third = await drain(source(), second)
    marks = {key: post for key, post in posts(connector, third.records).items() if key.endswith("#answered")}
    assert [(key, post.reply_to) for key, post in marks.items()] == [("1@mail.example#answered", "1@mail.example")]
    assert [post.author.role for post in marks.values() if post.author] == ["staff"]
    assert len(third.records) == 3


async def test_a_folder_that_was_numbered_anew_is_read_again_only_where_it_may_be_new(
    server: Server, source: Source
) -> None:
    folder = "客服 & 支持"
    with server.hand() as client:
        client.create_folder(folder)
        append(client, folder, 1, 5, 9)
    first = await drain(source(mailboxes=[folder]))
    with server.hand() as client:
        client.delete_folder(folder)
        client.create_folder(folder)
        append(client, folder, 1, 5, 9, 10)
    connector = source(mailboxes=[folder])
    second = await drain(connector, first)
    assert list(posts(connector, second.records)) == [f"{day}@mail.example" for day in (1, 5, 9, 10)]
    assert list(posts(connector, second.records[3:])) == ["9@mail.example", "10@mail.example"]
    assert any("numbered" in warning for warning in second.warnings)


def append(client: IMAPClient, folder: str, *days: int) -> None:
    for day in days:
        client.append(folder, mail(f"mail {day}", day), (), SINCE + timedelta(days=day))


async def test_a_call_of_the_server_brings_new_mail_at_once(server: Server, source: Source) -> None:
    server.deliver(mail("one", 1), NOON)
    connector = source(idle="10m")
    found: list[str] = []
    async with connector, asyncio.timeout(30), aclosing(connector.pages(None)) as pages:
        async for page in pages:
            found += texts(connector, page.records)
            if page.caught_up and found == ["one"]:
                delivery = asyncio.create_task(asyncio.to_thread(server.deliver, mail("two", 2), NOON))
            if found == ["one", "two"]:
                break
    await delivery
    assert found == ["one", "two"]


async def test_a_wrong_password_asks_a_person(server: Server, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "not-the-password")
    with pytest.raises(AuthError, match=PASSWORD_ENV):
        await drain(source())


async def test_the_check_says_what_can_be_read(server: Server, source: Source) -> None:
    server.deliver(mail("one", 1), NOON)
    async with source(mailboxes=["INBOX", "Nowhere"]) as connector:
        findings = await connector.check()
    assert Finding("failed", "folder Nowhere: there is none, or it may not be read") in findings
    assert any(each.level == "ok" and "2026-03-14 12:00 UTC" in each.text for each in findings)
