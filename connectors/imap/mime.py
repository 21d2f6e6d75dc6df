"""One mail as decoded headers and parts: what is stored of it. RFC 5322, RFC 2045, RFC 2231."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.message import Message
from email.policy import Compat32
from hashlib import sha256
from typing import Any, Final

from connectors.imap.charsets import clean, decoded, header_text

LONGEST_HEADER: Final = 8_000  # characters
MOST_HEADERS: Final = 200
LONGEST_TEXT: Final = 300_000  # characters of one part; it ends there, marked. More takes seconds to read
MOST_PARTS: Final = 200
# The parser compares each line with the boundaries of all the parts around it: of a mail that is made to take
# minutes, only so much is read that it takes seconds.
MOST_COMPARISONS: Final = 10_000_000
DEEPEST: Final = 30
# Long, for machines only, and full of characters that look like keys.
_SIGNATURES: Final = frozenset(
    {"dkim-signature", "domainkey-signature", "x-google-dkim-signature", "arc-seal", "arc-message-signature",
     "x-gm-message-state", "x-google-smtp-source", "x-ms-exchange-antispam-messagedata-0",
     "x-microsoft-antispam-message-info", "x-ms-exchange-antispam-messagedata-chunkcount"}
)  # fmt: skip
_TEXTS: Final = ("text/plain", "text/html", "text/rfc822-headers")
_ADDRESSES: Final = frozenset({"from", "sender", "reply-to"})
_PICTURE: Final = re.compile(r"data:[\w/+.;-]{1,80},[A-Za-z0-9+/=%\r\n]{200,}")  # within HTML
# Directions and marks that make a name look like another: "txt.exe" as "exe.txt".
_TRICKY: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x7f-\x9f]")

Json = dict[str, Any]


class _AsSent(Compat32):
    """Headers stay as they are, 8-bit bytes as surrogates.

    The default policy raises on malformed headers; both it and Compat32 lose characters of wrongly labelled ones.
    """

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002  # the library's signature
        return value


_AS_SENT: Final = _AsSent()


def mail_of(raw: bytes) -> Json:
    """`headers` [{"header": "Name: value"}, ...], `parts` (see below), and `digest` where the mail has no Message-ID.

    A part: `type`; `text`, or else `size` and `sha256` of a file; `name`; `disposition`; `group`: parts with the
    same number are alternatives of one another; `nested`: it stands inside a mail that is attached or forwarded.

    What cannot be read at all has `unreadable`, the reason, instead: one such mail must not hold up a mailbox.
    """
    try:
        return _read(raw)
    except Exception as error:  # the library's parser was never meant for what spammers send
        return {"unreadable": type(error).__name__}


def _read(raw: bytes) -> Json:
    lines = MOST_COMPARISONS // (1 + raw.lower().count(b"boundary="))
    read = raw if raw.count(b"\n") <= lines else b"\n".join(raw.split(b"\n", lines)[:lines])
    message = email.message_from_bytes(read, policy=_AS_SENT)
    headers = headers_of(message)
    mail: Json = {"headers": headers, "parts": list(_parts(message))}
    if len(read) < len(raw):
        mail["cut"] = True
    named = {name.lower(): value for name, _, value in map(split, reversed(headers))}
    if not named.get("message-id"):
        told = "|".join(named.get(name, "") for name in ("from", "date", "subject"))
        body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
        digest = sha256(f"{told}|{len(raw)}|".encode("utf-8", "replace") + body[:4096]).hexdigest()
        mail["digest"] = digest[:32]
    return mail


def headers_of(message: Message) -> list[Json]:
    """Each as {"header": "Name: value"}, decoded, in their order.

    So that each is masked for itself, and with its name: the address of one Rose Young, alone or beside other headers,
    looks like a piece of a recovery phrase.
    """
    pairs = [(clean(name), value) for name, value in message.items()]
    kept = [(name, value) for name, value in pairs if name.lower() not in _SIGNATURES][:MOST_HEADERS]
    return [
        {"header": f"{name}: {header_text(value[:LONGEST_HEADER], addresses=name.lower() in _ADDRESSES)}"}
        for name, value in kept
    ]


def split(header: Json) -> tuple[str, str, str]:
    """Name, separator and value."""
    told: str = header["header"]
    return told.partition(": ")


def _parts(message: Message) -> Iterator[Json]:
    """Its leaves from the first to the last."""
    waiting: list[tuple[Message, int | None, bool, int]] = [(message, None, False, 0)]
    number = 0
    while waiting and number < MOST_PARTS:
        part, group, nested, depth = waiting.pop(0)
        kind = part.get_content_type()
        inner = part.get_payload()
        if kind == "message/delivery-status" and isinstance(inner, list):
            yield {
                "type": kind,
                "group": number,
                "text": _status([each for each in inner if isinstance(each, Message)]),
            }
        elif isinstance(inner, list) and depth < DEEPEST:
            shared = number if kind == "multipart/alternative" else group
            if kind == "message/rfc822" and inner and isinstance(inner[0], Message):
                yield {"type": kind, "group": number, "headers": headers_of(inner[0])}
            nested = nested or kind.startswith("message/")
            waiting[:0] = [(each, shared, nested, depth + 1) for each in inner if isinstance(each, Message)]
        else:
            yield _leaf(part, kind, number if group is None else group, nested)
        number += 1


def _leaf(part: Message, kind: str, group: int, nested: bool) -> Json:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    disposition = str(part.get("content-disposition", "")).partition(";")[0].strip().lower()
    leaf: Json = {"type": clean(kind), "group": group}
    if name := _file_name(part):
        leaf["name"] = name
    if disposition:
        leaf["disposition"] = "attachment" if disposition == "attachment" else "inline"
    if part.get("content-id"):
        leaf["embedded"] = True
    if nested:
        leaf["nested"] = True
    if kind in _TEXTS and disposition != "attachment":
        text = _PICTURE.sub("data:", decoded(data, _charset(part, data, kind)))
        leaf["text"] = text[:LONGEST_TEXT]
        if len(text) > LONGEST_TEXT:
            leaf["cut"] = True
    else:
        leaf |= {"size": len(data), "sha256": sha256(data).hexdigest()}
    return leaf


def _charset(part: Message, data: bytes, kind: str) -> str | None:
    declared = part.get_param("charset")
    if isinstance(declared, tuple):
        declared = declared[2]
    if declared or kind != "text/html":
        return declared
    hint = re.search(rb"charset\s*=\s*[\"']?\s*([\w-]{2,40})", data[:2048], re.IGNORECASE)
    return hint[1].decode() if hint else None


def _file_name(part: Message) -> str:
    """Without a path, and without characters that disguise it; empty: it has none."""
    value = part.get_param("filename", header="content-disposition") or part.get_param("name") or ""
    if isinstance(value, tuple):  # RFC 2231: charset, language, and the bytes as latin-1
        charset, _, text = value
        name = decoded(text.encode("latin-1", "replace"), charset)
    else:
        name = header_text(value)
    return _TRICKY.sub("", re.split(r"[/\\]", name)[-1]).strip()[:200]


def _status(blocks: list[Message]) -> str:
    """The fields of a delivery status, a line each. RFC 3464."""
    return "\n".join(header["header"] for block in blocks for header in headers_of(block))
