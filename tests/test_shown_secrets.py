"""Secrets in HTML, through real ingest: whatever parts their letters, no byte of them reaches the disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import pytest

from aggregator.config import Settings
from aggregator.demo.chat.chatwoot import ChatwootSimulator
from aggregator.demo.mail import MailSimulator
from aggregator.listener import serve
from aggregator.workplace import Workplace
from connectors.chat import Chat
from connectors.contract import Cursor, Page, SourceConfig
from connectors.discourse import Discourse
from connectors.imap import Imap
from connectors.secret import Secret
from tests.conftest import START, Hands, open_inquiries, poll, texts

WORDS = ["earth", "together", "pond", "inhale", "main", "camp", "grow", "bronze", "sad", "treat", "velvet", "report"]
PHRASE = " ".join(WORDS)
KEY = "2c70e1525453a9a7b2c5c8f7d6f1c7ba942712345f6a7b8c9d0e1f2a3b4c5d6e"
FONT = 'style="font-family: Arial, Helvetica, sans-serif; font-size: 14px; color: rgb(34, 34, 34); direction: ltr"'
LINK = "https://wallet.example/a/rather/long/path/that/goes/on/and/on/until/it/is/no/short/attribute/any/more"
PARTED = {
    "entities": "&bull;".join(WORDS),
    "comments": "<!-- -->".join(WORDS),
    "styles": "".join(f"<span {FONT}>{word}</span> " for word in WORDS),
    "cells": "<table><tr>" + "".join(f"<td {FONT}>{word}</td>" for word in WORDS) + "</tr></table>",
    "links": "".join(f'<a href="{LINK}/{number}">{word}</a> ' for number, word in enumerate(WORDS)),
    "unknown tags": "".join(f'<word kind="{LINK}">{word}</word> ' for word in WORDS),
    "a link within each word": "".join(f'{word[:2]}<a href="{LINK}"></a>{word[2:]} ' for word in WORDS),
    "a letter as an entity in a link": "".join(f'<a href="{LINK}">&#{ord(word[0])};{word[1:]}</a> ' for word in WORDS),
    "a key with a break": f"private key: {KEY[:20]}<wbr>{KEY[20:]}",
    "a key in two spans": f"private key: <span {FONT}>{KEY[:32]}</span><span {FONT}>{KEY[32:]}</span>",
    "a key in two links": f'private key: <a href="{LINK}">{KEY[:32]}</a><a href="{LINK}">{KEY[32:]}</a>',
}
MAIL, FORUM, CHATWOOT = PLATFORMS = ("mail", "forum", "chatwoot")
CASES = [(MAIL, parted) for parted in PARTED] + [
    (platform, parted) for platform in (FORUM, CHATWOOT) for parted in ("entities", "links", "a key in two links")
]


class Cooked(Discourse):
    """A forum that gives its posts as HTML only."""

    class Config(Discourse.Config):
        html: str

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        if cursor is None:
            author = {"user_id": 7, "username": "anna", "name": "Anna"}
            place = {"id": 1, "topic_id": 2, "post_number": 1, "post_type": 1, "topic_slug": "wallet"}
            yield Page([{**place, **author, "created_at": START.isoformat(), "cooked": self.config.html}], {"page": 1})


class Town:
    """A desk that reads one of the platforms."""

    def __init__(self, clock: Hands, data: Path) -> None:
        self.clock, self.data = clock, data
        self.mail = MailSimulator(clock)
        self.chatwoot = ChatwootSimulator(clock=clock)

    async def hears(self, platform: str, html: str) -> tuple[list[str], bool, list[str]]:
        """The texts that are stored once somebody wrote this, whether a key was given, and the stored records."""
        async with AsyncExitStack() as stack:
            config = await self._source(platform, html, stack)
            settings = Settings(sources={"source": config}, data=self.data)
            work = await stack.enter_async_context(Workplace(settings, clock=self.clock))
            await poll(work)
            bodies = [body for (body,) in work.db.query("SELECT body FROM record")]
            return texts(work), any(row["secret"] for row in open_inquiries(work)), bodies

    async def _source(self, platform: str, html: str, stack: AsyncExitStack) -> SourceConfig:
        if platform == MAIL:
            port = await stack.enter_async_context(self.mail.serving())
            self.mail.delivers(html_mail(html))
            reached = {"host": "127.0.0.1", "port": port, "security": "none", "user": self.mail.user, "idle": 0}
            return Imap.Config.model_validate({"connector": "imap", "password": Secret(env="MAIL"), **reached})
        if platform == FORUM:
            known = {"url": "https://forum.example", "api_key": Secret(env="FORUM"), "html": html}
            return Cooked.Config.model_validate({"connector": f"{__name__}:Cooked", **known})
        self.chatwoot.says("anna", "see below", mail={"html_content": {"reply": html}})
        url = await stack.enter_async_context(serve(self.chatwoot))
        reached = {"service": platform, "url": url, "account": "1"}
        return Chat.Config.model_validate({"connector": "chat", "token": Secret(env="CHATWOOT"), **reached})


def html_mail(html: str, plain: str = "") -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "Anna <anna@mail.example>", "desk@wallet.example"
    message["Subject"], message["Message-ID"] = "wallet", "<1@mail.example>"
    message["Date"] = format_datetime(START)
    if plain:
        message.set_content(plain)
        message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    return bytes(message)


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    town = Town(Hands(), tmp_path / "data")
    monkeypatch.setenv("MAIL", town.mail.password)
    monkeypatch.setenv("FORUM", "a-key")
    monkeypatch.setenv("CHATWOOT", town.chatwoot.token)
    return town


def readable(town: Town, stored: list[str]) -> list[str]:
    """What can be read of the phrase (words that no table has) and the key, in what is stored and in the files."""
    bytes_ = b"".join(path.read_bytes() for path in sorted(town.data.iterdir()) if path.is_file())
    written = bytes_ + "".join(stored).encode()
    told = ["inhale", "bronze", "velvet"] + [KEY[at : at + 12] for at in range(0, 64, 4)]
    return [each for each in told if each.encode() in written]


@pytest.mark.parametrize(("platform", "parted"), CASES)
async def test_a_secret_that_markup_parts_is_nowhere_on_the_disk(town: Town, platform: str, parted: str) -> None:
    html = f"<p>Hello, my coins are gone</p><div>{PARTED[parted]}</div><p>Regards, Anna</p>"
    said, is_secret, records = await town.hears(platform, html)
    assert readable(town, said + records) == []
    assert is_secret
    assert "Hello, my coins are gone" in said[0]
    assert "Regards, Anna" in said[0]


async def test_the_html_beside_a_plain_text_hides_what_the_plain_text_hides(town: Town) -> None:
    parted = "".join(f'<a href="{LINK}">{word}</a> ' for word in WORDS)
    town.mail.delivers(html_mail(f"<p>my wallet does not open: {parted}</p>", f"my wallet does not open: {PHRASE}"))
    said, _, records = await town.hears(MAIL, "<p>another mail</p>")
    assert readable(town, said + records) == []


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_transaction_behind_a_link_stays_readable(town: Town, platform: str) -> None:
    html = f'<p>Where is it?</p><p><a href="https://etherscan.io/tx/0x{KEY}">0x{KEY}</a></p><p>since &bull; noon</p>'
    said, is_secret, _ = await town.hears(platform, html)
    assert f"0x{KEY}" in said[0]
    assert not is_secret
