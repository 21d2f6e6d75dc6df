"""Requests that are made to fill the memory or to hold a place for ever, through real sockets: each is refused or
bounded, and others are served beside it."""

from __future__ import annotations

import asyncio
import gzip
import io
import resource
import zipfile
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

import aggregator.listener
import aggregator.web.security
from aggregator.listener import serve
from aggregator.service import receiver
from aggregator.web.hooks import create_hooks
from connectors.feed import Feed
from connectors.imap.mime import MOST_PARTS, mail_of
from connectors.session import parse_json
from connectors.wechat_api.message import parsed
from tests.api_program import token_of
from tests.conftest import START, Community
from tests.contract_suite import drain
from tests.web_site import WebSite, csrf, open_site

MANY = 10_000
LARGE = 50 * 2**20  # bytes
ROOM = 150  # MB that may be taken by all of it together


def memory() -> float:
    """The most that this process has ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def answered(url: str, head: str, *body: bytes) -> str:
    """The status of a request that is written as it stands; "": the connection was closed without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port, limit=2**20)
    status = b""
    try:
        writer.write(head.encode("latin-1"))
        for piece in body:
            writer.write(piece)
            await writer.drain()
            if writer.is_closing():
                break
        status = await reader.readline()
    except ConnectionError:
        status = await reader.readline()
    finally:
        writer.close()
    return status.decode("latin-1").partition(" ")[2][:3]


def chunks(size: int) -> list[bytes]:
    return [b"10000\r\n" + b"a" * 65536 + b"\r\n"] * (size // 65536)


async def test_no_request_fills_the_memory_or_keeps_others_from_being_served(community: Community) -> None:
    async with open_site(community) as site, serve(create_hooks(receiver(site.work))) as hooks:
        before = memory()
        await _is_served(site, hooks)
        for url, path in (
            (hooks, "/hooks/forum"),
            (site.url, "/signin"),
            (site.url, "/api/v1/inquiries/ABCDEFG/claim"),
        ):
            host = f"Host: {urlsplit(url).netloc}\r\n"
            if path.startswith("/api"):
                host += f"Authorization: Bearer {token_of(site, 'amy', 'read', 'act')}\r\n"
            kind = "json" if path.startswith("/api") else "x-www-form-urlencoded"
            form = f"Content-Type: application/{kind}\r\nSec-Fetch-Site: same-origin\r\n"
            told = await answered(
                url, f"POST {path} HTTP/1.1\r\n{host}{form}Content-Length: {LARGE}\r\n\r\n", *[b"a" * 65536] * 200
            )
            assert told in ("413", "400", "404", "415", "422", ""), path
            endless = f"POST {path} HTTP/1.1\r\n{host}{form}Transfer-Encoding: chunked\r\n\r\n"
            assert await answered(url, endless, *chunks(LARGE // 4)) in ("400", "413", "404", "415", "422", ""), path
            lines = "".join(f"X-{number}: a\r\n" for number in range(MANY))
            many = await answered(url, f"POST {path} HTTP/1.1\r\n{host}{lines}\r\n")
            assert many in ("400", "403", "404", "415", "422", "431", ""), path
            packed = gzip.compress(bytes(2**24))
            zipped = (
                f"{host}Content-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: {len(packed)}\r\n"
            )
            assert await answered(url, f"POST {path} HTTP/1.1\r\n{zipped}\r\n", packed) in (
                "400",
                "403",
                "404",
                "415",
                "422",
            ), path
            await _is_served(site, hooks)
        assert memory() - before < ROOM


async def _is_served(site: WebSite, hooks: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        assert (await client.get(f"{site.url}/health/live")).status_code == 200
        assert (await client.post(f"{hooks}/hooks/nobody")).status_code == 404


async def test_who_sends_letter_by_letter_is_not_waited_for(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregator.listener, "HEADERS_WITHIN", 0.0)
    monkeypatch.setattr(aggregator.web.security, "BODY_WITHIN", 0.05)
    async with open_site(community) as site:
        port = urlsplit(site.url).port
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        for number, (_, writer) in enumerate(held):
            writer.write(b"GET / HTTP/1.1\r\nHost: loc" if number else b"")
        half = "POST /signin HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 9\r\n"
        form = "Content-Type: application/x-www-form-urlencoded\r\n\r\nx"
        assert await answered(site.url, half + form) == "408"
        async with site.visitor("amy") as browser:
            assert (await browser.get("/")).status_code == 200
        async with asyncio.timeout(20):
            for reader, writer in held:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()


async def test_odd_ids_of_events_and_huge_numbers_do_not_break_a_page(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as browser:
        async with browser.stream("GET", "/events", headers={"last-event-id": "9" * 5000}) as answer:
            assert answer.status_code == 200
        for query in (
            "q=" + "%00" * 90,
            "incident=" + "9" * 290,
            "sla=" + "9" * 290 + "d",
            "after=%ff%fe",
            "since=9999-12-31",
        ):
            assert (await browser.get(f"/?{query}")).status_code in (200, 400), query
        token = csrf((await browser.get("/settings")).text)
        told = await browser.post("/settings/keys", data={"csrf": token, "x\0": "\ud7ff\0" * 9})
        assert told.status_code < 500


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe{", b'{"a": "\0"}', b'{"a": ' + b"9" * 5000 + b"}x"],
    ids=["lists", "objects", "no UTF-8", "NUL", "digits"],
)
def test_json_that_nobody_writes_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(body)


def test_json_with_huge_numbers_and_doubled_names_is_read_as_what_can_be_stored() -> None:
    assert parse_json(b'{"a": 1, "a": 2, "b": 123456789012345678901234567890}') == {
        "a": 2,
        "b": 123456789012345678901234567890.0,
    }


def test_entities_that_grow_and_tags_within_tags_do_not_reach_a_callback() -> None:
    doctype = b"<!DOCTYPE x [" + b"".join(
        b'<!ENTITY e%d "%s">' % (number, b"&e%d;" % (number - 1) * 10 if number else b"a" * 100) for number in range(12)
    )
    for body in (doctype + b"]><xml><a>&e11;</a></xml>", b"<a>" * 100_000, b"<xml>" + b"<a>" * 5000 + b"</xml>"):
        with pytest.raises(ValueError):
            parsed(body)


def test_a_zip_in_a_mail_is_not_opened_and_parts_within_parts_are_counted() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10 * 2**20))
    head = b"From: a@b.example\r\nContent-Type: application/zip\r\nContent-Disposition: attachment\r\n\r\n"
    (part,) = mail_of(head + packed.getvalue())["parts"]
    assert part["size"] == len(packed.getvalue())
    assert "text" not in part
    deep = b"From: a@b.example\r\nMIME-Version: 1.0\r\n"
    for number in range(200):
        deep += b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (number, number)
    deep += b"Content-Type: text/plain\r\n\r\nhello\r\n" + b"--b199\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 1000
    mail = mail_of(deep)
    assert len(mail.get("parts", ())) <= MOST_PARTS


async def test_a_feed_of_a_hundred_thousand_entries_is_refused_before_it_is_read() -> None:
    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        assert callable(send)
        headers = [(b"content-type", b"application/xml"), (b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _packed_feed(100_000)})

    async with serve(app) as url:
        config = Feed.Config.model_validate({"connector": "feed", "url": f"{url}/feed"})
        with pytest.raises(Exception, match="more than 8 MB"):
            await drain(Feed("feed", config, since=START))


def _packed_feed(entries: int) -> bytes:
    item = "<item><guid>{0}</guid><title>question {0}</title><description>my swap is stuck</description></item>"
    return gzip.compress(("<rss><channel>" + "".join(map(item.format, range(entries))) + "</channel></rss>").encode())
