"""Letters that look alike become one: full width, Cyrillic, Greek, accents, hidden marks, tags, escapes.

The folded text is what the finders read; `Folded.span` leads back to the text as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5

_ALIKE = {
    seen: letter
    for look, letters in (
        ("асеорхуіјѕԁһԛԝвкмнтгп", "aceopxyijsdhqwbkmhtrn"),
        ("АВСЕНІЈКМОРЅТХУԌПГ", "ABCEHIJKMOPSTXYGNR"),  # П and Г as in lower case, for the Russian list
        ("αβγεηικνορτυχωσμ", "abyenikvoptuxwom"),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
        ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"),
        ("ıɑɡɩłøđħŁØĐ", "iagilodhLOD"),
    )
    for seen, letter in zip(look, letters, strict=True)
}
# Letters, marks that cannot be seen and Chinese characters in compatible forms stand among all the rest; what is
# listed here is none of these: ASCII, punctuation, arrows, box drawings, Chinese, Japanese, Korean, emoji.
UNUSUAL = re.compile(
    r"[^\x00-\xa9\xab\xac\xae-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u2000-\u200a\u2010-\u2029\u202f-\u205f\u20a0-\u20a7"
    r"\u20a9-\u20c0\u2150-\u215f\u2190-\u249b\u24ea-\u2bff\u3000-\u3029\u3030-\u3037\u303b-\u3098\u309b-\u9fff\uac00-\ud7a3"
    r"\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\ufffd\U0001f000-\U0001f0ff\U0001f1e6-\U0001f1ff"
    r"\U0001f260-\U0001faff]"
)
# The same, and what may be markup: where `fold` has anything to do.
FOLDED = re.compile(UNUSUAL.pattern.replace(r"\x00-\xa9", r"\x00-%'-;=-\[\]-\xa9"))
# Attributes are let pass where they are too short for a phrase (`<p earth together ...>` is none of ours), and a style
# of any length where it is one: mail programs write whole fonts into each.
_STYLE = r"\s?[a-z-]{1,40}\s?:[^:;<>%s]{1,80}"
_STYLES = "|".join(rf"{mark}{_STYLE % mark}(?:;{_STYLE % mark}){{0,16}};?\s?{mark}" for mark in ('"', "'"))
_ATTRIBUTE = (
    rf"\s+(?:style\s?=\s?(?:{_STYLES})"
    r"|[\w:-]{1,20}\s?=\s?(?:\"[^\"<>]{0,60}\"|'[^'<>]{0,60}'|[^\s\"'<>]{1,60}))"
)
_NAMES = (
    "a|abbr|acronym|address|article|aside|b|bd[io]|big|blockquote|body|br|button|caption|center|cite|code|col|colgroup|data"
    "|d[dlt]|del|details|dfn|dir|div|em|fieldset|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|img|ins|kbd"
    "|label|legend|li|main|mark|menu|nav|nobr|[ou]l|p|pre|q|s|samp|section|small|span|strike|strong|su[bp]|summary|table"
    "|t[drh]|tbody|tfoot|thead|time|tt|u|var|wbr|[ovw]:[a-z]{1,12}"
)
_TAG = rf"</?(?:{_NAMES})(?:{_ATTRIBUTE}){{0,8}}\s?/?>"
# Kana and Korean syllables that were taken apart (NFD) are put together again.
_APART = r"[\u304b-\u30fd][\u3099\u309a]|[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?"
_CHANGED = re.compile(
    # Looked at first: neither plain ASCII nor a Chinese character.
    r"(?=[<&\\\x80-\u33ff\ua000-\uabff\ud7a4-\U0010ffff])(?:"
    + _APART
    + r"|[^\x00-\x7f\u3040-\u9fff\uac00-\ud7a3]|(?i:"
    + _TAG
    + r"|<!--[^<>]{0,40}-->|&(?:[a-z][a-z0-9]{1,30}|#\d{1,6}|#x[0-9a-f]{1,5});"
    r"|\\{1,4}(?:u[0-9a-f]{4}|[nrtbf\"/])|\\{2}))"
)
_JOINS = frozenset(("&zwnj;", "&zwj;", "&shy;", "<wbr>", "<wbr/>", "<wbr />", "</wbr>"))
_PARTS = frozenset(("&nbsp;", "&lt;", "&gt;", "&apos;", "&ensp;", "&emsp;"))


@dataclass(frozen=True, slots=True)
class Folded:
    """`text`: what the finders read. `changes`: where in the text as written something else stood (from, up to), and
    how many characters it became."""

    text: str
    changes: list[tuple[int, int, int]]

    def spans(self, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Where places in the folded text stand in the text as written."""
        origin: list[int] = []
        done = 0
        for start, end, size in self.changes:
            origin.extend(range(done, start))
            # What stands for a whole entity leads back to its end, so that a span covers it all.
            origin.extend([end - 1] * size)
            done = end
        origin.extend(range(done, done + len(self.text) - len(origin)))
        return [(origin[start], origin[end - 1] + 1) for start, end in spans]


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
    parts: list[str] = []
    changes: list[tuple[int, int, int]] = []
    done = 0
    if not text.isascii() or "<" in text or "&" in text or "\\" in text:
        for match in _CHANGED.finditer(text):
            start, end = match.span()
            seen = match.group()
            if seen < "\x80":
                shown = _shown(seen)
            else:
                shown = _plain(seen) if len(seen) == 1 else unicodedata.normalize("NFC", seen)
            parts += [text[done:start], shown]
            changes.append((start, end, len(shown)))
            done = end
    parts.append(text[done:])
    return Folded("".join(parts), changes)


def _shown(mark: str) -> str:
    """What a tag, an entity or an escape looks like on the page."""
    low = mark.lower()
    if low[0] == "\\":
        low = "\\" + low.lstrip("\\")  # JSON in JSON escapes what it escapes
    if low in _JOINS or low.startswith("<!--"):
        return ""
    if low.startswith("\\u"):
        code = int(low[2:], 16)
        return _plain(chr(code)) if not 0xD800 <= code < 0xE000 else " "
    if low.startswith("&#"):
        code = int(low[3:-1], 16) if low[2] == "x" else int(low[2:-1])
        return _plain(chr(code)) if code < 0xD800 else " "
    if low[0] == "&" and low not in _PARTS:
        return "".join(map(_plain, html5.get(mark[1:], mark)))
    return {'\\"': '"', "\\/": "/"}.get(low, "\n")
