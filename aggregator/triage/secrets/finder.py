"""Find and mask secrets in one text. A cheap gate first: hardly any ordinary post passes it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aggregator.triage.secrets.chinese import find_chinese, may_hold
from aggregator.triage.secrets.found import Found
from aggregator.triage.secrets.keys import find_keys
from aggregator.triage.secrets.letters import MARKUP, UNUSUAL, Folded, fold
from aggregator.triage.secrets.phrases import CUE, find_phrases
from aggregator.triage.secrets.wordlists import every_word

MASK = "█"
SHORTEST = 15  # four words of three letters and what parts them

_LETTERS = bytes(c if 97 <= c <= 122 else c + 32 if 65 <= c <= 90 else 32 for c in range(256))
_ALNUM = bytes(120 if 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 else 32 for c in range(256))
# Digits, letters, and the first UTF-8 bytes of what may be a letter in disguise: the rest cannot be a secret.
_TELLING = frozenset(b"0123456789") | frozenset(range(65, 91)) | frozenset(range(97, 123))
_DISGUISED = frozenset(range(0xC2, 0xE0)) | {0xE1, 0xE2, 0xEF, 0xF0, 0xF3}
_UNTOLD = bytes(set(range(256)) - _TELLING - _DISGUISED)
_NO_DIGIT = bytes(set(range(256)) - frozenset(b"0123456789"))
_LONG = b"x" * 40
_FOUR = b"\1" * 4
_FIVE = b"\1" * 5
_is_word = every_word().__contains__
_KEY_WORD = re.compile(r"priv|secret|[钥鑰匙]|seed|\bkey", re.IGNORECASE)


def find(text: str, label: str = "") -> list[Found]:
    """Secrets in a text, in order, not overlapping. `label`: the name of the field that holds it, if any."""
    if len(text) < SHORTEST:
        return []
    data = text.encode("utf-8", "surrogatepass")
    chinese = False
    if len(data) > len(text):
        chinese = may_hold(text, data)
        if not chinese and len(data.translate(None, _UNTOLD)) < SHORTEST:
            return []
        if UNUSUAL.search(text):
            folded = fold(text)
            return _look(folded, folded.text.encode("utf-8", "surrogatepass"), label, chinese)
    return _look(Folded(text, None), data, label, chinese)


def _look(folded: Folded, data: bytes, label: str, chinese: bool) -> list[Found]:
    """Pass the gates, which hold back nearly every ordinary post but no secret, then look closely."""
    size = len(data)
    long = size >= 40 and _LONG in data.translate(_ALNUM)
    plain = MARKUP.sub(b" ", data) if b"<" in data or b"\\" in data or b"&" in data else data
    words = plain.translate(_LETTERS).split()
    with_words = long or (len(words) >= 4 and _has_words(words, folded.text))
    with_keys = long or (size >= 64 and _has_pieces(folded.text, data))
    if not (with_words or with_keys or chinese):
        return []
    if folded.origin is None:
        folded = fold(folded.text)
    found = [*find_keys(folded.text, label)] if with_keys else []
    if with_words:
        found += find_phrases(folded.text.lower())
    if chinese:
        found += find_chinese(folded.text)
    return [_moved(folded, one) for one in _apart(found)]


def _has_words(words: list[bytes], text: str) -> bool:
    """Whether list words stand together, or make up most of the text."""
    flags = bytes(map(_is_word, words))
    listed = flags.count(1)
    if listed < 4:
        return False
    if 4 * listed >= 3 * len(words):
        return True
    if listed >= 9 and (_FIVE in flags or 2 * listed >= len(words)):
        return True
    return _FOUR in flags and CUE.search(text.lower()) is not None


def _has_pieces(text: str, data: bytes) -> bool:
    """Whether numbers or pieces of hexadecimal may make up a key."""
    digits = len(data.translate(None, _NO_DIGIT))
    return digits >= 16 and (digits >= 64 or _KEY_WORD.search(text) is not None)


def _apart(found: Iterable[Found]) -> list[Found]:
    """Secrets in order of place; of two that overlap the earlier found stays, and grows to cover both."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: one.start):
        if kept and one.start < kept[-1].end:
            kept[-1] = _merged(kept[-1], one)
        else:
            kept.append(one)
    return kept


_RANK = ("keystore", "xprv", "wif", "solana_key", "phrase", "private_key", "fragment")


def _merged(left: Found, right: Found) -> Found:
    """Both, named after the surer one."""
    surer = min(left, right, key=lambda one: (not one.checked, _RANK.index(one.kind)))
    return Found(surer.kind, left.start, max(left.end, right.end), left.published or right.published, surer.checked)


def _moved(folded: Folded, one: Found) -> Found:
    start, end = folded.span(one.start, one.end)
    return Found(one.kind, start, end, one.published, one.checked)


def mask(text: str) -> tuple[str, list[Found]]:
    """The text with a █ for each UTF-16 unit of a secret, and what was found, by offsets in the masked text."""
    found = find(text)
    return masked(text, found) if found else (text, [])


def masked(text: str, found: Iterable[Found]) -> tuple[str, list[Found]]:
    """Mask what was found. A letter outside the basic plane is two units, so later offsets move."""
    parts: list[str] = []
    now: list[Found] = []
    done = grown = 0
    for one in found:
        secret = text[one.start : one.end]
        units = len(secret) + sum(char > "\uffff" for char in secret)
        start = one.start + grown
        parts += [text[done : one.start], MASK * units]
        now.append(Found(one.kind, start, start + units, one.published, one.checked))
        grown += units - len(secret)
        done = one.end
    parts.append(text[done:])
    return "".join(parts), now
