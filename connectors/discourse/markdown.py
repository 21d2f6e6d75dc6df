"""What the author of a forum post wrote, out of its Markdown (`raw`)."""

from __future__ import annotations

import re
from html import unescape

# Lengths are bounded so that no post, however odd, takes more than linear time.
_BLOCK = re.compile(
    r"(?P<fence>^[ ]{0,3}(?:`{3,}|~{3,})[^\n]*$)|(?P<open>\[quote(?:=[^\]\n]{0,300})?\])|(?P<close>\[/quote\])",
    re.MULTILINE | re.IGNORECASE,
)
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\([^)\n]{1,2000}\)")
_UPLOAD = re.compile(r"\[[^\]\n]{0,300}\]\(upload://[^)\n]{1,2000}\)")
_LINK = re.compile(r"\[([^\]\n]{1,300})\]\((?:[^()\n]|\([^()\n]{0,500}\)){1,2000}\)")
_WRAPPER = re.compile(r"\[/?(?:details|spoiler|poll|wrap)(?:[= ][^\]\n]{0,300})?\]", re.IGNORECASE)
_BREAK = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
_INLINE_CODE = re.compile(r"(`{1,2})([^`\n]{1,2000})\1")
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_MENTION = re.compile(r"(?<![\w@./`])@(\w[\w.-]{0,59})")


def said(raw: str) -> str:
    """Plain text: without quotes of others and pictures; links as labels; code kept as it is, without its fences.

    A quote that is never closed is the author's own text, as on the platform.
    """
    parts: list[str] = []
    in_code, depth, start, opened = "", 0, 0, 0
    for token in _BLOCK.finditer(raw):
        kind = token.lastgroup
        if depth:
            depth += (kind == "open") - (kind == "close")
            start = token.end() if not depth else start
        elif kind == "fence":
            mark = token.group().strip()[:3]
            if in_code and mark != in_code:
                continue
            parts.append(_kept(raw[start : token.start()], code=bool(in_code)))
            in_code, start = ("" if in_code else mark), token.end()
        elif kind == "open" and not in_code:
            parts.append(_kept(raw[start : token.start()], code=False))
            depth, opened = 1, token.start()
    parts.append(_kept(raw[opened if depth else start :], code=bool(in_code)))
    return _BLANK_LINES.sub("\n\n", "".join(parts)).strip()


def _kept(text: str, *, code: bool) -> str:
    if code:
        return text
    text = _LINK.sub(r"\1", _UPLOAD.sub("", _IMAGE.sub("", text)))
    text = _WRAPPER.sub("", _BREAK.sub("\n", text))
    return unescape(_INLINE_CODE.sub(r"\2", text))


def pictures_and_files(raw: str) -> int:
    """How many pictures and uploads the post carries, those in quotes included."""
    without_pictures, pictures = _IMAGE.subn("", raw)
    return pictures + len(_UPLOAD.findall(without_pictures))


def pictures(raw: str) -> int:
    """How many pictures the post shows."""
    return len(_IMAGE.findall(raw))


def names(text: str) -> tuple[str, ...]:
    """Whom a text names with @, once each, in order."""
    return tuple(dict.fromkeys(name.rstrip(".-_") for name in _MENTION.findall(text)))
