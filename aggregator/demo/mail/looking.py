"""SEARCH and FETCH over one folder. RFC 3501, sections 6.4.4 and 6.4.5; RFC 7162."""

from __future__ import annotations

import email
import re
from collections.abc import Collection, Iterator
from email.header import decode_header, make_header
from email.policy import compat32
from typing import Final

from aggregator.demo.mail.boxes import Folder, Stored
from aggregator.demo.mail.wire import GarbledError, Words, in_set, internal_date, listed, search_date

_SECTION: Final = re.compile(r"BODY(?:\.PEEK)?\[(.*?)\](?:<(\d+)\.(\d+)>)?", re.IGNORECASE)


def search(folder: Folder, criteria: Words, ignored: Collection[str] = ()) -> list[Stored]:
    """Mails that meet all criteria but those that this server ignores.

    Raises:
        GarbledError: a criterion that this server does not know.
    """
    found = list(folder.mails)
    left = list(criteria)
    while left:
        if str(left[0]).upper() not in ignored:
            found = _matching(folder, found, left)
        left = left[_length(left) :]
    return found


_ARGUMENTS: Final = {"UID": 1, "SINCE": 1, "BEFORE": 1, "FROM": 1, "SUBJECT": 1, "MODSEQ": 1, "HEADER": 2, "CHARSET": 1}


def _length(left: Words) -> int:
    return 1 + _ARGUMENTS.get(str(left[0]).upper(), 0)


def _matching(folder: Folder, mails: list[Stored], left: Words) -> list[Stored]:
    """Those of them that meet the first criterion."""
    key = str(left[0]).upper()
    values = [str(each) for each in left[1 : _length(left)]]
    if len(values) < _length(left) - 1:
        raise GarbledError
    match key:
        case "ALL" | "CHARSET":
            return mails
        case "ANSWERED" | "SEEN" | "FLAGGED" | "DELETED":
            return [each for each in mails if f"\\{key.title()}" in each.flags]
        case "UNANSWERED" | "UNSEEN":
            return [each for each in mails if f"\\{key[2:].title()}" not in each.flags]
        case "UID":
            wanted = in_set(values[0], [each.uid for each in folder.mails])
            return [each for each in mails if each.uid in wanted]
        case "SINCE":
            day = search_date(values[0])
            return [each for each in mails if each.arrived.date() >= day]
        case "BEFORE":
            day = search_date(values[0])
            return [each for each in mails if each.arrived.date() < day]
        case "MODSEQ":
            least = _number(values[0])
            return [each for each in mails if each.modseq >= least]
        case "FROM" | "SUBJECT":
            return [each for each in mails if values[0].lower() in _header(each, key).lower()]
        case "HEADER":
            return [each for each in mails if values[1].lower() in _header(each, values[0]).lower()]
    raise GarbledError


def _number(written: str) -> int:
    if not written.isdecimal():
        raise GarbledError
    return int(written)


def _header(stored: Stored, name: str) -> str:
    value = str(email.message_from_bytes(stored.raw, policy=compat32).get(name, ""))
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


def fetched(stored: Stored, items: Words) -> Iterator[bytes]:
    """Each wanted item with its value, UID first.

    Raises:
        GarbledError: an item that this server does not know.
    """
    yield b"UID %d" % stored.uid
    for item in items:
        name = str(item).upper()
        match name:
            case "UID":
                continue
            case "FLAGS":
                yield b"FLAGS " + listed(stored.flags)
            case "INTERNALDATE":
                yield b"INTERNALDATE " + internal_date(stored.arrived)
            case "RFC822.SIZE":
                yield b"RFC822.SIZE %d" % len(stored.raw)
            case "MODSEQ":
                yield b"MODSEQ (%d)" % stored.modseq
            case _:
                yield _content(stored, name)


def reads_body(items: Words) -> bool:
    """Whether it sets \\Seen: BODY[...] does, BODY.PEEK[...] does not."""
    return any(str(item).upper().startswith("BODY[") for item in items)


def _content(stored: Stored, name: str) -> bytes:
    section = _SECTION.fullmatch(name)
    if section is None:
        raise GarbledError
    head, blank, _ = stored.raw.partition(b"\r\n\r\n")
    match section[1]:
        case "":
            data = stored.raw
        case "HEADER":
            data = head + blank
        case _:
            raise GarbledError
    told = f"BODY[{section[1]}]"
    if section[2] is not None:
        start, length = int(section[2]), int(section[3])
        data = data[start : start + length]
        told += f"<{start}>"
    return told.encode() + b" {%d}\r\n" % len(data) + data
