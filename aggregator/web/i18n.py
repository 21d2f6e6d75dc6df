"""Languages of the pages: which one a visitor gets, and its catalogue."""

from __future__ import annotations

import gettext
import struct
from functools import cache
from pathlib import Path
from typing import NewType

Lang = NewType("Lang", str)

CHINESE, ENGLISH = Lang("zh-CN"), Lang("en")
LANGS = (CHINESE, ENGLISH)
LOCALE = Path(__file__).parent / "locale"
DOMAIN = "aggregator"


def N_(text: str) -> str:  # noqa: N802 -- gettext's own name for a string that is translated later
    """Mark a string for extraction."""
    return text


@cache
def catalogue(lang: Lang) -> gettext.GNUTranslations:
    """The compiled catalogue, which is part of the package."""
    with (LOCALE / lang.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@cache
def entries(lang: Lang, context: str) -> dict[str, str]:
    """All strings of one context with their translations, which gettext itself does not list."""
    data = (LOCALE / lang.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.mo").read_bytes()
    count, *tables = struct.unpack_from("<3I", data, 8)

    def text(table: int, number: int) -> str:
        length, at = struct.unpack_from("<2I", data, table + 8 * number)
        return data[at : at + length].decode()

    pairs = [(text(tables[0], number), text(tables[1], number)) for number in range(count)]
    mark = f"{context}\x04"
    return {original.removeprefix(mark): said for original, said in pairs if original.startswith(mark)}


def choose(*wishes: str | None) -> Lang:
    """The first wish that we speak: a setting, a cookie, an Accept-Language header. English if none."""
    for wish in wishes:
        for tag in _by_quality(wish or ""):
            if tag.startswith("zh"):
                return CHINESE
            if tag.startswith("en"):
                return ENGLISH
    return ENGLISH


def _by_quality(header: str) -> list[str]:
    """Tags of an Accept-Language header, the most wanted first (RFC 9110, 12.5.4)."""
    wanted = []
    for position, part in enumerate(header.lower().split(",")[:20]):
        tag, _, parameters = part.partition(";")
        quality = parameters.strip().removeprefix("q=") or "1"
        try:
            wanted.append((-float(quality), position, tag.strip()))
        except ValueError:
            continue
    return [tag for quality, _, tag in sorted(wanted) if quality < 0 and tag]
