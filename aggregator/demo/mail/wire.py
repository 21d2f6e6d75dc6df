"""How IMAP writes things down: command lines with literals, sets of numbers, times, names. RFC 3501, section 9."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

LONGEST: Final = 1_000_000  # bytes of a command
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LITERAL: Final = re.compile(rb"\{(\d{1,7})(\+?)\}\r\n$")

Words = list["str | Words"]
"""A command's arguments; a parenthesised list is a list."""


class GarbledError(Exception):
    """The client broke the syntax."""


async def read_command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A whole command with its literals in their place; empty: the client has gone.

    Raises:
        GarbledError: it is too long, or a line does not end with CRLF.
    """
    command = b""
    while True:
        line = await reader.readline()
        if not line:
            return b""
        command += line
        if not line.endswith(b"\r\n") or len(command) > LONGEST:
            raise GarbledError
        literal = _LITERAL.search(command)
        if literal is None:
            return command[:-2]
        if not literal[2]:
            writer.write(b"+ go on\r\n")
            await writer.drain()
        command += await reader.readexactly(int(literal[1]))


def words(text: bytes) -> Words:
    """The arguments of a command: atoms, "quoted strings", {5}literals, and lists of them.

    Raises:
        GarbledError: quotes or parentheses do not match.
    """
    top: Words = []
    stack = [top]
    at = 0
    while at < len(text):
        if text[at : at + 1] == b" ":
            at += 1
        elif text[at : at + 1] == b"(":
            stack.append([])
            at += 1
        elif text[at : at + 1] == b")":
            if len(stack) == 1:
                raise GarbledError
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        else:
            word, at = _word(text, at)
            stack[-1].append(word)
    if len(stack) != 1:
        raise GarbledError
    return top


def _word(text: bytes, at: int) -> tuple[str, int]:
    if literal := re.compile(rb"\{(\d+)\+?\}\r\n").match(text, at):
        end = literal.end() + int(literal[1])
        return text[literal.end() : end].decode("utf-8", "replace"), end
    if quoted := re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"').match(text, at):
        return re.sub(r"\\(.)", r"\1", quoted[1].decode("utf-8", "replace")), quoted.end()
    # A section such as BODY[HEADER.FIELDS (SUBJECT)] is one word.
    atom = re.compile(rb'[^\s()"\[\]{]+(?:\[[^\]]*\])?(?:<\d+(?:\.\d+)?>)?').match(text, at)
    if atom is None:
        raise GarbledError
    return atom[0].decode("ascii", "replace"), atom.end()


def in_set(written: str, numbers: Sequence[int]) -> set[int]:
    """Those of the numbers (ascending) that a set such as `1:3,7,9:*` names. `*` is the highest; a range has no
    direction.

    Raises:
        GarbledError: it is no set.
    """
    if not re.fullmatch(r"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*", written):
        raise GarbledError
    highest = numbers[-1] if numbers else 0
    chosen: set[int] = set()
    for part in written.split(","):
        ends = [highest if end == "*" else int(end) for end in part.split(":")]
        chosen.update(number for number in numbers if min(ends) <= number <= max(ends))
    return chosen


def quoted(text: str) -> bytes:
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def listed(flags: Iterable[str]) -> bytes:
    return b"(" + " ".join(sorted(flags)).encode() + b")"


def internal_date(at: datetime) -> bytes:
    at = at.astimezone(UTC)
    return f'"{at.day:2d}-{_MONTHS[at.month - 1]}-{at:%Y %H:%M:%S} +0000"'.encode()


def search_date(written: str) -> date:
    """`14-Mar-2026`.

    Raises:
        GarbledError: it is no date.
    """
    try:
        day, month, year = written.split("-")
        return date(int(year), _MONTHS.index(month.title()) + 1, int(day))
    except ValueError as error:
        raise GarbledError from error


def utf7(name: str) -> bytes:
    """A folder's name in modified UTF-7. RFC 3501, section 5.1.3."""

    def shifted(run: re.Match[str]) -> str:
        packed = base64.b64encode(run[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
        return f"&{packed}-"

    return re.sub(r"[^\x20-\x7e]+", shifted, name.replace("&", "&-")).encode()


def from_utf7(name: str) -> str:
    """Raises GarbledError: it is no such name."""

    def unshifted(run: re.Match[str]) -> str:
        packed = run[1].replace(",", "/")
        return base64.b64decode(packed + "=" * (-len(packed) % 4)).decode("utf-16-be") if packed else "&"

    try:
        return re.sub(r"&([^-]*)-", unshifted, name)
    except ValueError as error:
        raise GarbledError from error
