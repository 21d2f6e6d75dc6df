"""Bytes of a mail as text, whatever charset they claim to have. RFC 2047, RFC 2231."""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator

# Senders label what they write with a subset's name; the superset reads both.
_SUPERSETS = {
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "chinesegb", "hz", "euc-cn", "cp936", "gb_2312-80"), "gb18030"),
    **dict.fromkeys(("big5", "x-x-big5"), "big5hkscs"),
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1"), "cp1252"),
    **dict.fromkeys(("utf8", "utf-8mb4", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("ks_c_5601-1987", "euc-kr"), "cp949"),
    "shift_jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
}
# Codecs of Python that are no charset of a mail; some of them warn, or read escapes as characters.
_NO_CHARSETS = frozenset({"unicode_escape", "raw_unicode_escape", "unicode-escape", "raw-unicode-escape", "idna",
                          "punycode", "undefined", "mbcs", "oem"})  # fmt: skip
_ONE_BYTE = ("cp125", "iso8859", "koi8", "mac")  # charsets with one byte for a character begin so
_GUESSED_FROM = 65_536  # bytes: guessing gets no better with more
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))
_ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_ADDRESS = re.compile(r"<[^<>\s]*@[^<>\s]*>")
_NO_STRUCTURE = str.maketrans('<>"', "‹›'")


def decoded(data: bytes, charset: str | None) -> str:
    """Text without control characters and lone surrogates.

    The declared charset comes first, its superset where it has one; then UTF-8, then GB18030, then a guess. But what is
    UTF-8 beyond doubt is that, whatever it claims: some programs label all that they send "gb2312" or "iso-8859-1".
    """
    claimed = _known(charset)
    for name in ("utf-8" if _is_plainly_utf8(data, claimed) else claimed, "utf-8", "gb18030"):
        if name is not None:
            try:
                return clean(data.decode(name))
            except (UnicodeError, LookupError):
                continue
    return clean(_guessed(data))


def _is_plainly_utf8(data: bytes, claimed: str | None) -> bool:
    """Whether it is valid UTF-8, and no text of the claimed charset looks so by chance. Where that has two bytes for a
    character, one of UTF-8 with three must be among them: "联通" in GBK is valid UTF-8, too."""
    if claimed is None or data.isascii() or b"\0" in data:
        return False
    try:
        widest = max(data.decode())
    except UnicodeDecodeError:
        return False
    return claimed.startswith(_ONE_BYTE) or widest > "\u07ff"


def clean(text: str) -> str:
    """No character that a database or a reader's screen could not take."""
    return text.encode("utf-8", "replace").decode("utf-8").translate(_CONTROLS)


def header_text(raw: str, *, addresses: bool = False) -> str:
    """A header's value on one line, its encoded words read.

    Args:
        raw: as the parser gives it: 8-bit bytes stand as surrogates (surrogateescape).
        addresses: it holds an address. Brackets that come out of an encoded word are then part of a name: else a name
            such as <ann@bank.example> would be taken for the address. RFC 2047, section 5.
    """
    unfolded = re.sub(r"\r?\n[ \t]*|\r", " ", raw)
    names_only = addresses and _ADDRESS.search(unfolded) is not None  # some programs encode the address, too
    return "".join(
        decoded(data, charset).translate(_NO_STRUCTURE if names_only and charset is not None else {})
        for data, charset in _runs(unfolded)
    ).strip()


def _runs(text: str) -> Iterator[tuple[bytes, str | None]]:
    """Bytes with their charset. Words of one charset in a row are one: a character may be cut between them."""
    held, charset, at = b"", "", 0
    for word in _ENCODED_WORD.finditer(text):
        between = text[at : word.start()]
        at = word.end()
        data = _unpacked(word[2], word[3])
        if held and word[1].lower() == charset and not between.strip():
            held += data
            continue
        if held:
            yield held, charset
        if between and not (held and not between.strip()):
            yield _bytes(between), None
        held, charset = data, word[1].lower()
    if held:
        yield held, charset
    if at < len(text):
        yield _bytes(text[at:]), None


def _unpacked(encoding: str, content: str) -> bytes:
    data = _bytes(content)
    if encoding in "qQ":
        return _HEX.sub(lambda match: bytes([int(match[1], 16)]), data.replace(b"_", b" "))
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") if _escaped(text) else text.encode("utf-8", "replace")


def _escaped(text: str) -> bool:
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in text)


def _known(charset: str | None) -> str | None:
    """The codec to read a declared charset with; None: there is none of that name."""
    name = (charset or "").strip().strip("\"'").lower()
    name = _SUPERSETS.get(name, name)
    try:
        found = codecs.lookup(name).name if name and name.isascii() and "\0" not in name else None
    except LookupError:
        return None
    return None if found in _NO_CHARSETS else found


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    guess = from_bytes(data[:_GUESSED_FROM]).best()
    return data.decode(guess.encoding if guess else "utf-8", "replace")
