"""Mail from the server to the feed: what begins an inquiry, what answers it, and that nothing is there twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import Settings
from aggregator.demo.mail import JUNK, SENT, MailSimulator
from aggregator.workplace import Workplace
from connectors.imap import Imap
from tests.conftest import Hands, open_inquiries, poll, texts


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def mail(clock: Hands, monkeypatch: pytest.MonkeyPatch) -> MailSimulator:
    simulator = MailSimulator(clock)
    monkeypatch.setenv("HARBOR_MAIL_PASSWORD", simulator.password)
    return simulator


@pytest.fixture
async def desk(mail: MailSimulator, clock: Hands, tmp_path: Path) -> AsyncIterator[Workplace]:
    """A desk with two sources that read the same account."""
    async with mail.serving() as port:
        settings: dict[str, Any] = {
            "connector": "imap",
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "user": mail.user,
            "password": {"env": "HARBOR_MAIL_PASSWORD"},
            "idle": 0,
        }
        config = Imap.Config.model_validate(settings)
        sources = {"mail": config, "mail-again": config}
        async with Workplace(Settings(sources=sources, data=tmp_path / "data"), clock=clock) as work:
            yield work


def waiting(work: Workplace) -> list[str]:
    return [inquiry["title"] for inquiry in open_inquiries(work) if inquiry["waiting_since"] is not None]


async def test_only_what_people_write_begins_an_inquiry(desk: Workplace, mail: MailSimulator) -> None:
    mail.says("anna", "提现没到账", subject="提现")
    mail.says("lin", "我不在办公室，提现没到账", subject="自动回复：您好")
    mail.says("shop", "spring sale", more={"List-Unsubscribe": "<https://shop.example/leave>"})
    mail.says("omar", "my coins are gone", folder=JUNK)
    await poll(desk)
    assert sorted(waiting(desk)) == ["my coins are gone", "提现"]
    assert len(texts(desk)) == 4


async def test_an_answer_with_any_mail_program_stops_the_waiting_until_the_customer_writes_again(
    desk: Workplace, mail: MailSimulator, clock: Hands
) -> None:
    question = mail.says("anna", "how do I change the network fee?")
    marked = mail.says("omar", "where is the tax report?")
    await poll(desk)
    assert len(waiting(desk)) == 2
    clock.pass_(minutes=10)
    answer = mail.answers(question, "In the settings.")
    mail.marks_answered(marked)
    await poll(desk)
    assert waiting(desk) == []
    clock.pass_(minutes=10)
    mail.says("anna", "there is no such setting, where is it?", reply_to=answer)
    await poll(desk)
    assert waiting(desk) == ["how do I change the network fee?"[:30]]
    assert len(open_inquiries(desk)) == 2


async def test_a_transaction_that_stands_only_in_a_links_target_is_given(desk: Workplace, mail: MailSimulator) -> None:
    tx = "0x" + "4e3a1f9c" * 8
    page = f'<p>没到账: <a href="https://etherscan.io/tx/{tx}">0x4e3a…1f9c</a>, <a href="https://shop.example/{tx}">x</a></p>'
    head = "From: anna@provider.example\r\nSubject: =?utf-8?b?5o+Q546w?=\r\nMessage-ID: <1@provider.example>\r\n"
    mail.delivers(f"{head}Content-Type: text/html; charset=utf-8\r\n\r\n{page}\r\n".encode())
    await poll(desk)
    [(given, named, text)] = desk.db.query("SELECT facts ->> 'given', facts ->> '$.entities.tx', text FROM post")
    assert "tx" in given
    assert named == f'["{tx}"]'
    assert tx not in text


async def test_a_mail_that_two_sources_see_is_one_post(desk: Workplace, mail: MailSimulator) -> None:
    mail.says("anna", "one")
    await poll(desk)
    await poll(desk)
    assert texts(desk) == ["one"]
    assert desk.db.query("SELECT count(*) FROM sighting") == [(1,)]


async def test_a_mail_with_the_id_of_another_is_another_post_and_one_answer_answers_one(
    desk: Workplace, mail: MailSimulator, clock: Hands
) -> None:
    def from_(sender: str, text: str, more: str = "") -> bytes:
        head = f"From: {sender}\r\nSubject: {text}\r\nMessage-ID: <1@out.provider.example>\r\n"
        return f"{head}{more}\r\n{text}\r\n".encode()

    mail.delivers(from_("nia@provider.example", "my funds are gone"))
    await poll(desk)
    mail.delivers(from_("villain@other.example", "win a prize"))
    await poll(desk)
    assert sorted(waiting(desk)) == ["my funds are gone", "win a prize"]
    clock.pass_(minutes=10)
    mail.delivers(
        f"From: {mail.user}\r\nSubject: Re: my funds are gone\r\nMessage-ID: <2@wallet.example>\r\n"
        "In-Reply-To: <1@out.provider.example>\r\n\r\nWe look into it.\r\n".encode(),
        folder=SENT,
    )
    await poll(desk)
    assert len(waiting(desk)) == 1
