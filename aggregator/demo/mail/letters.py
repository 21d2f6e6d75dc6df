"""Mails as programs write them: headers, a body in some charset, quotes, files."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from typing import Final

CRLF: Final = "\r\n"


def letter(
    *,
    sender: tuple[str, str],
    to: str,
    subject: str,
    text: str,
    message_id: str | None,
    at: datetime,
    references: Sequence[str] = (),
    quoted: str = "",
    html: bool = False,
    charset: str = "utf-8",
    files: Mapping[str, bytes] | None = None,
    more: Mapping[str, str] | None = None,
) -> bytes:
    """A whole mail.

    Args:
        sender: shown name and address.
        references: ids of the conversation, the first one first; the last one is answered.
        quoted: what the program quotes below the answer.
        charset: in which the body is written; `gb2312` labels gb18030 so, as many programs do.
        more: further headers.
    """
    name, address = sender
    headers = {
        "From": f"{_word(name)} <{address}>" if name else address,
        "To": to,
        "Subject": _word(subject),
        "Date": format_datetime(at.astimezone(UTC)),
    }
    if message_id is not None:
        headers["Message-ID"] = f"<{message_id}>"
    if references:
        headers["In-Reply-To"] = f"<{references[-1]}>"
        headers["References"] = " ".join(f"<{each}>" for each in references)
    headers |= dict(more or {})
    headers["MIME-Version"] = "1.0"
    body = _html(text, quoted, charset) if html else _plain(text, quoted, charset)
    if files:
        body = _with_files(body, files)
    head = CRLF.join(f"{key}: {value}" for key, value in headers.items())
    return (head + CRLF).encode() + body


def _word(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=200).encode(linesep=CRLF)


def _plain(text: str, quoted: str, charset: str) -> bytes:
    if quoted:
        history = CRLF.join(f"> {line}" for line in quoted.splitlines())
        text = (
            f"{text}{CRLF}{CRLF}On Sat, 14 Mar 2026 at 09:00, somebody <somebody@wallet.example> wrote:{CRLF}{history}"
        )
    return _part("text/plain", text, charset)


def _html(text: str, quoted: str, charset: str) -> bytes:
    lines = "".join(f"<div>{_escaped(line) or '<br>'}</div>" for line in text.splitlines())
    if quoted:
        lines += (
            '<div style="font-size:12px">------------------&nbsp;原始邮件&nbsp;------------------</div>'
            f"<div><b>发件人:</b>&nbsp;support</div><div>{_escaped(quoted)}</div>"
        )
    return _part("text/html", f"<html><head><style>p{{}}</style></head><body>{lines}</body></html>", charset)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _part(kind: str, text: str, charset: str) -> bytes:
    data = text.encode("gb18030" if charset == "gb2312" else charset)
    packed = base64.encodebytes(data).replace(b"\n", b"\r\n")
    head = f'Content-Type: {kind}; charset="{charset}"{CRLF}Content-Transfer-Encoding: base64{CRLF}{CRLF}'
    return head.encode() + packed


def _with_files(body: bytes, files: Mapping[str, bytes]) -> bytes:
    parts = [body]
    for name, content in files.items():
        head = (
            f"Content-Type: application/octet-stream{CRLF}"
            f'Content-Disposition: attachment; filename="{_word(name)}"{CRLF}'
            f"Content-Transfer-Encoding: base64{CRLF}{CRLF}"
        )
        parts.append(head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n"))
    joined = b"".join(b"--=_harbor\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/mixed; boundary="=_harbor"\r\n\r\n' + joined + b"--=_harbor--\r\n"


def report(to: str, about: str, action: str, status: str, why: str, more: str = "") -> bytes:
    """A server's report on the mail with that Message-ID. `more`: another of its headers."""
    return (
        f"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.mail.example\r\nTo: {to}\r\nSubject: Delivery Status\r\n"
        f"Message-ID: <{action}.{about}>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=report\r\n\r\n"
        "--report\r\nContent-Type: text/plain\r\n\r\nThis is about your message.\r\n"
        "--report\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.mail.example\r\n\r\n"
        f"Final-Recipient: rfc822; anna@mail.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {why}\r\n\r\n"
        "--report\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"From: {to}\r\nMessage-ID:\r\n <{about}>\r\n{more}\r\n--report--\r\n"
    ).encode()
