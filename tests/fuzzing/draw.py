"""Reads decisions from a fuzzer's bytes, and changes a JSON value by them.

The same bytes give the same value, with or without atheris, so that an input that failed can be kept as a test.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any, Final, TypeVar

T = TypeVar("T")
Json = Any

MOST_EDITS: Final = 6
TEXTS: Final = (
    "", " ", "\0", "\n", "a\0b", "\u200b", "\u202e", "\ufeff", "𝔞", "👩‍👩‍👧", "e\u0301" * 40, "é" * 300, "<" * 200, "[" * 200,
    "=" * 300, "&#55296;", "&amp;" * 20, "٣", "½", "Ⅷ", "-0", "1e400", "9" * 5000, "9" * 25, "0x" + "f" * 64,
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-03-14T08:00:00", "Thu, 99 Foo 20260 99:99:99 +9999",
    "http://[", "http://a:99999/", "javascript:0", "//", "../" * 20, "%", "%00%ff%u0041", "{}", "[]", "null", "NaN",
    "助记词", "seed phrase", "a" * 3000, "啊" * 3000, "@" * 100, "\r\n\r\n", "\x85\u2028", "ﷺ" * 100, "İ" * 50, "ß" * 50,
)  # fmt: skip
"""Strings that break what was written for ordinary ones."""

SCALARS: Final = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64 - 1, -(2**63), 10**12, 1773475200, 253402300800,
    0.5, -0.0, 1e308, 5e-324, 1e17, [], {}, [[]], [None], {"": ""}, {"id": None}, [0] * 300,
)  # fmt: skip


class Draw:
    """What a fuzzer's bytes decide, one after the other. When they end, the first of everything is chosen."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, below: int) -> int:
        """0 to `below` - 1."""
        size = 1 if below <= 256 else 2
        taken = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(taken) % below

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.number(len(choices))]

    def text(self) -> str:
        """Up to 255 bytes, as UTF-8; what is none comes out as a lone surrogate now and then."""
        length = self.number(256)
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken.decode("utf-8", "replace")

    def rest(self) -> bytes:
        taken, self._at = self._data[self._at :], len(self._data)
        return taken

    @property
    def left(self) -> bool:
        return self._at < len(self._data)


def changed(sample: Json, draw: Draw) -> Json:
    """The sample after a few edits anywhere in it."""
    value = {"": copy.deepcopy(sample)}
    for _ in range(min(draw.number(MOST_EDITS) + 1, draw.number(MOST_EDITS) + 1)):
        if not draw.left:
            break
        _edit(value, draw)
    return value[""]


def _edit(whole: dict[str, Json], draw: Draw) -> None:
    holder, key = _somewhere(whole, draw)
    kind = draw.number(8)
    if kind == 0:
        holder[key] = copy.deepcopy(draw.one_of(SCALARS))
    elif kind == 1:
        holder[key] = draw.one_of(TEXTS)
    elif kind == 2:
        holder[key] = draw.text()
    elif kind == 3 and isinstance(holder[key], str):
        at = draw.number(len(holder[key]) + 1)
        holder[key] = holder[key][:at] + draw.one_of(TEXTS) + draw.text() + holder[key][at:]
    elif kind == 4 and holder is not whole:
        del holder[key]
    elif kind == 5:
        other, name = _somewhere(whole, draw)
        holder[key] = copy.deepcopy(other[name])
    elif kind == 6:
        for _ in range(draw.number(256)):
            holder[key] = [holder[key]] if draw.number(2) else {"text": holder[key]}
    elif isinstance(holder[key], dict):
        holder[key][draw.text()] = copy.deepcopy(draw.one_of(SCALARS))
    elif isinstance(holder[key], str):
        holder[key] = draw.text() + holder[key]


def _somewhere(whole: dict[str, Json], draw: Draw) -> tuple[Json, Json]:
    """A place in the value: what holds it, and its name there."""
    holder: Json = whole
    key: Json = ""
    while True:
        inner = holder[key]
        names = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        turn = draw.number(len(names) + 1) if names else 0
        if not names or (turn == len(names) and key != ""):
            return holder, key
        holder, key = inner, names[turn % len(names)]


def as_json(value: Json, draw: Draw) -> bytes:
    """The value as bytes; now and then, they are changed once more, so that they may be no JSON."""
    body = json.dumps(value, ensure_ascii=draw.number(2) == 0).encode("utf-8", "surrogatepass")
    kind = draw.number(8)
    at = draw.number(len(body) + 1)
    if kind == 0:
        return body[:at]
    if kind == 1:
        return body[:at] + draw.rest() + body[at:]
    if kind == 2:
        return b"[" * draw.number(3000) + body
    return body
