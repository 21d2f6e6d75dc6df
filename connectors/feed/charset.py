"""A feed's bytes as text, whatever charset they are said to be in."""

from __future__ import annotations

import codecs
import re

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""", re.IGNORECASE)
_IN_HEADER = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What calls itself so is written by programs that know the larger set.
_LARGER = {"gb2312": "gb18030", "gbk": "gb18030", "hz-gb-2312": "gb18030", "iso-8859-1": "cp1252", "us-ascii": "utf-8"}
_TOLERATED = 20  # one broken character among so many good ones is a cut text, not another charset


def to_text(body: bytes, content_type: str) -> str:
    """The text. Bytes that are valid UTF-8 are UTF-8, for nothing else looks like it; then what header and
    document say; then the charset that Chinese sites leave unsaid."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body.decode(name, "replace")
    said = _said(body, content_type)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    foreign = sum(character > "\x7f" for character in text)
    if broken * _TOLERATED <= foreign:
        return text
    for name in (*(name for name in said if name != "utf-8"), "gb18030"):
        try:
            return body.decode(name)
        except UnicodeDecodeError:
            continue
    return body.decode(next(iter(said), "utf-8"), "replace")


def _said(body: bytes, content_type: str) -> list[str]:
    """Charsets that Python knows, the header's first."""
    header, declared = _IN_HEADER.search(content_type), _DECLARED.match(body[:400])
    names = [header[1]] if header else []
    names += [declared[1].decode("ascii")] if declared else []
    known = []
    for name in names:
        try:
            known.append(codecs.lookup(_LARGER.get(name.lower(), name)).name)
        except LookupError:
            continue
    return known
