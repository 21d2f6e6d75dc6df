"""Platform text made safe for eyes: nothing hidden, masks explained, links shown whole, evidence marked.

Posts are written by attackers. Characters that nobody sees, that turn the reading direction, or that look like
another letter become visible marks (Unicode TR 36 and TR 39).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

from aggregator.hosts import domain_of, host_and_path

LONGEST = 20_000  # characters of a post that a page shows

Look = Literal["plain", "hidden", "lookalike", "masked", "link", "cut"]

_MASK = re.compile("█+")
_LINK = re.compile(
    r"(?:https?://|mailto:)[^\s<>\"'“”‘’（）()《》，。；！？、█\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+",
    re.IGNORECASE,
)
_DOT_OF_HOST = re.compile(r"(?<=[\w-])\.(?=[^\W\d_])")  # before a letter: 2.1.3 is no host
_WORD = re.compile(r"[^\W\d_]+")
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_EMOJI_GLUE = "\u200d"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that looks one way. `note`: what a mark means; for a link, its target."""

    text: str
    look: Look = "plain"
    note: str = ""
    evidence: bool = False


def pieces(text: str, evidence: Sequence[tuple[int, int]] = ()) -> list[Piece]:
    """The text in order; `evidence` are offsets (in Python characters) that made it rank where it ranks."""
    shown = text[:LONGEST]
    found: list[Piece] = []
    at = 0
    for start, end, look, note in _special(shown):
        found += _plain(shown, at, start, evidence)
        found.append(Piece(shown[start:end], look, note, any(left < end and start < right for left, right in evidence)))
        at = end
    found += _plain(shown, at, len(shown), evidence)
    if len(text) > LONGEST:
        found.append(Piece("…", "cut", str(len(text))))
    return found


def in_plain(text: str) -> str:
    """The text where nothing can be marked: what nobody sees is named, `[U+202E]`."""
    return "".join(f"[{piece.note.split(' ')[0]}]" if piece.look == "hidden" else piece.text for piece in pieces(text))


def unlinked(text: str) -> str:
    """The text for a chat, which makes links of names that end in a domain (evil.example), though nothing marks them as
    links, and mentions of what stands behind an @."""
    return _DOT_OF_HOST.sub("．", text).replace("@", "＠")


def _plain(text: str, start: int, end: int, evidence: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    """What lies between marks, cut where evidence begins and ends."""
    edges = {min(max(edge, start), end) for span in evidence for edge in span}
    for left, right in pairwise(sorted({start, end} | edges)):
        yield Piece(text[left:right], evidence=any(first <= left < last for first, last in evidence))


def _special(text: str) -> Iterator[tuple[int, int, Look, str]]:
    """Marks in order, none inside another: a link is one whole, whatever it holds."""
    marks: list[tuple[int, int, Look, str]] = [(*match.span(), "masked", "") for match in _MASK.finditer(text)]
    marks += [(*match.span(), "link", match[0]) for match in _LINK.finditer(text)]
    marks += [(at, at + 1, "hidden", name_of(text[at])) for at in range(len(text)) if _is_hidden(text, at)]
    for match in _WORD.finditer(text):
        marks += _lookalikes(match)
    end = 0
    for mark in sorted(marks, key=lambda mark: (mark[0], -mark[1])):
        if mark[0] >= end:
            end = mark[1]
            yield mark


def _is_hidden(text: str, position: int) -> bool:
    character = text[position]
    if character in "\n\t" or character in _INVISIBLE:
        return character in _INVISIBLE
    if character == _EMOJI_GLUE:
        around = text[max(0, position - 2) : position] + text[position + 1 : position + 2]
        return not any(unicodedata.category(one) == "So" for one in around)
    return unicodedata.category(character) in ("Cf", "Cc", "Co", "Zl", "Zp")


def _lookalikes(word: re.Match[str]) -> Iterator[tuple[int, int, Look, str]]:
    """Cyrillic or Greek letters inside a word with Latin ones."""
    if word[0].isascii() or not any(letter.isascii() for letter in word[0]):
        return
    for position, letter in enumerate(word[0], word.start()):
        name = unicodedata.name(letter, "")
        if name.startswith(("CYRILLIC", "GREEK")):
            yield position, position + 1, "lookalike", name_of(letter)


def name_of(character: str) -> str:
    """`U+202E RIGHT-TO-LEFT OVERRIDE`"""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a link leads. `domain` is what somebody registered, as far as can be told without a full list."""

    url: str
    host: str
    domain: str
    punycode: str  # "" unless the host holds other than ASCII letters
    web: bool  # http or https; otherwise mailto


def target(url: str) -> Target | None:
    """Read a link, as browsers do; None: we do not lead there (another scheme, no host, or hidden characters)."""
    if any(_is_hidden(url, position) for position in range(len(url))) or " " in url or len(url) > 4000:
        return None
    try:
        parts = urlsplit(url.replace("\\", "/"))
        _ = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme == "mailto" and "@" in parts.path:
        return Target(url, parts.path, parts.path.rpartition("@")[2], "", web=False)
    host, _ = host_and_path(url)
    if scheme not in ("http", "https") or not host:
        return None
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:
        return None
    domain = host if re.fullmatch(r"[\d.]+|.*:.*", host) else domain_of(host)
    return Target(url, host, domain, ascii_host if ascii_host != host else "", web=True)
