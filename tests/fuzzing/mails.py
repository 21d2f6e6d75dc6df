"""Mails as a server gives them: the parser, the reader, and a mail server's own answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import imapclient.response_parser
from imapclient.imapclient import IMAPClient

from connectors.imap.account import Account, Place, _special
from connectors.imap.charsets import decoded, header_text
from tests.fuzzing.draw import Draw
from tests.fuzzing.reading import reader
from tests.fuzzing.records import mail_record
from tests.fuzzing.sources import source
from tests.fuzzing.target import SAMPLES, Feed, Target


def _letters() -> list[bytes]:
    return [file.read_bytes()[:4000] for file in sorted((SAMPLES / "email").glob("*.eml"))]


def _mail() -> Feed:
    take = reader(source("imap"))

    def feed(data: bytes) -> None:
        record = mail_record(data)
        json.dumps(record).encode()
        take([json.loads(json.dumps(record))])

    return feed


def _headers() -> Feed:
    def feed(data: bytes) -> None:
        draw = Draw(data)
        charset = draw.one_of(
            ["utf-8", "gb2312", "idna", "utf-7", "unicode_escape", "base64", "rot13", "x\0y", "", None]
        )
        rest = draw.rest()
        decoded(rest, charset).encode()
        text = rest.decode("latin-1")
        header_text(text).encode()
        header_text(text, addresses=True).encode()

    return feed


def _encoded_words() -> list[bytes]:
    return [
        b"\0=?utf-8?B?5o+Q546w?= =?gb2312?Q?=CC=E1=CF=D6?= <a@b.example>",
        b"\1=?utf-8?q?=E6=8F?= =?utf-8?q?=90?=",
        b'\2"=?utf-8?B?4p2k?=" <x@xn--a.example>, b@c',
    ]


class _Told:
    """A mail server that answers what it is told to."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []

    async def run(self, work: Any) -> Any:
        return work(self)

    def fetch(self, uids: list[int], _: list[str]) -> Any:
        lines = self.answers or [b""]
        return imapclient.response_parser.parse_fetch_response(lines, normalise_times=False, uid_is_key=True)

    def search(self, _: list[Any]) -> Any:
        return imapclient.response_parser.parse_message_list(self.answers)

    def select_folder(self, _: str, readonly: bool) -> Any:
        return {}


def _answers() -> Feed:
    """What is made of answers to FETCH, SEARCH and LIST. What the library cannot read, it says by an exception, which
    ends the connection (`connection.py`); what it reads must not break us."""
    connector: Any = source("imap")

    def feed(data: bytes) -> None:
        lines = data.split(b"\r\n")
        told = _Told()
        told.answers = lines
        account = Account.__new__(Account)
        account._settings, account._connection = connector.config, told  # type: ignore[assignment]
        try:
            fetched = told.fetch([1], [])
        except Exception:
            fetched = {}
        if fetched:
            uids = sorted(fetched)
            records = asyncio.run(account.mails(Place("INBOX", "inbox"), 1, uids))
            json.dumps(records).encode("utf-8")
            asyncio.run(account.arrivals(uids))
            asyncio.run(account.headers(uids))
        try:
            found = told.search([])
        except Exception:
            found = []
        assert all(isinstance(uid, int) for uid in found)
        try:
            listed = IMAPClient._proc_folder_list(_Lists(), lines)
        except Exception:
            listed = []
        _special(listed, "junk")
        _special(listed, "sent")

    return feed


class _Lists(IMAPClient):
    def __init__(self) -> None:
        self.folder_encode = True


def _fetched() -> list[bytes]:
    return [
        b'1 (UID 7 FLAGS (\\Seen) INTERNALDATE "14-Mar-2026 08:00:00 +0000" RFC822.SIZE 12 BODY[] "From: a@b\r\n\r\nhi")',
        b'1 (UID 7 FLAGS (\\Seen $X) RFC822.SIZE 99999999999 BODY[]<0> NIL)\r\n2 (UID 8 BODY[HEADER] "Subject: x")',
        b"1 2 3 (MODSEQ 9)",
        b'(\\HasNoChildren \\Junk) "/" "Junk"\r\n(\\Sent) NIL INBOX.Sent',
    ]


MAILS = [
    Target("mail", _letters, _mail),
    Target("mail-headers", _encoded_words, _headers),
    Target("mail-answers", _fetched, _answers),
]
