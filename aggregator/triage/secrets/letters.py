"""Letters that look alike become one: full width, Cyrillic, Greek, accents, hidden marks, tags, escapes.

The folded text is what the finders read; `Folded.span` leads back to the text as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_ALIKE = {
    seen: letter
    for look, letters in (
        ("асеорхуіјѕԁһԛԝвкмнтгп", "aceopxyijsdhqwbkmhtrn"),
        ("АВСЕНІЈКМОРЅТХУԌ", "ABCEHIJKMOPSTXYG"),
        ("αβγεηικνορτυχωσμ", "abyenikvoptuxwom"),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
        ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"),
        ("ıɑɡɩłøđħŁØĐ", "iagilodhLOD"),
    )
    for seen, letter in zip(look, letters, strict=True)
}
UNUSUAL = re.compile(
    "[\u00ad\u00c0-\u024f\u0250-\u02af\u0300-\u03ff\u0400-\u052f\u115f\u1160\u180e\u1d00-\u1dbf\u1e00-\u1fff"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2100-\u214f\u24b6-\u24e9\u3164\ufeff\uff21-\uff3a\uff41-\uff5a"
    "\uff10-\uff19\U0001d400-\U0001d7ff\U0001f130-\U0001f189\U000e0000-\U000e0fff]"
)
_TAG = (
    r"</?(?:[ou]l|li|p|br|div|span|t[drh]|table|tbody|code|pre|[biaus]|em|strong|h[1-6]|img|blockquote)\b[^<>]{0,300}>"
)
MARKUP = re.compile(_TAG.encode() + rb"|&#?\w{1,6};|\\[nrt]", re.IGNORECASE)
"""Tags, entities and escaped line ends in a text's UTF-8."""
_NOT_TEXT = re.compile(
    _TAG + r"|&(?:nbsp|amp|quot|lt|gt|apos|zwnj|zwj|shy|ensp|emsp|#\d{1,6}|#x[0-9a-f]{1,5});"
    r"|\\u[0-9a-f]{4}|\\[nrtbf\"/\\]",
    re.IGNORECASE,
)
_JOINS = frozenset(("&zwnj;", "&zwj;", "&shy;"))


@dataclass(frozen=True, slots=True)
class Folded:
    """`text`: what the finders read. `origin[i]`: where its character i begins in the text as written (one more
    entry than characters); None: they are the same."""

    text: str
    origin: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    """One character without its disguise; empty for what cannot be seen."""
    alike = _ALIKE.get(char)
    if alike is not None:
        return alike
    if "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3":
        return char
    if char in "\u115f\u1160\u3164":
        return ""
    parts = unicodedata.normalize("NFKD", char)
    return "".join(_ALIKE.get(c, c) for c in parts if unicodedata.category(c) not in {"Mn", "Me", "Cf"})


def fold(text: str) -> Folded:
    """The text as the eye reads it."""
    if text.isascii() and not ("<" in text or "&" in text or "\\" in text):
        return Folded(text, None)
    out: list[str] = []
    origin: list[int] = []

    def take(start: int, end: int) -> None:
        for i in range(start, end):
            char = text[i]
            plain = char if char < "\x80" else _plain(char)
            out.append(plain)
            origin.extend([i] * len(plain))

    done = 0
    for match in _NOT_TEXT.finditer(text):
        take(done, match.start())
        done = match.end()
        shown = _shown(match.group())
        out.append(shown)
        # The last character of what stands for the whole leads back to its end, so that a span covers it all.
        origin.extend([done - 1] * len(shown))
    take(done, len(text))
    return Folded("".join(out), origin)


def _shown(mark: str) -> str:
    """What a tag, an entity or an escape looks like on the page."""
    low = mark.lower()
    if low in _JOINS:
        return ""
    if low.startswith("\\u"):
        code = int(low[2:], 16)
        return _plain(chr(code)) if not 0xD800 <= code < 0xE000 else " "
    if low.startswith("&#"):
        code = int(low[3:-1], 16) if low[2] == "x" else int(low[2:-1])
        return _plain(chr(code)) if code < 0xD800 else " "
    return {'\\"': '"', "&quot;": '"', "\\/": "/", "&amp;": "&"}.get(low, "\n")
