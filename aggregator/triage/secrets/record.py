"""Secrets in parsed records and in payloads that do not parse."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from aggregator.triage.secrets.encodings import is_ed25519_pair
from aggregator.triage.secrets.finder import SHORTEST, find, find_closely, masked
from aggregator.triage.secrets.found import MASK, Found
from aggregator.triage.secrets.screen import suspicion

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_DEEPEST = 200
_STORE_NAMES = frozenset(("ciphertext", "kdfparams"))
_KEY_BYTES = 64
_NESTED = (dict, list)
_PHRASE_WORDS = 12  # of the shortest phrase
_LEAK_WORDS = 4  # fewer of its words left readable are no leak
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{32,}={0,2}")
_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")


def mask_record(value: Json) -> tuple[Json, list[Found]]:
    """The record with every secret masked, in names of fields too, and what was found (offsets count within the
    string that held it). The same object when there was nothing to mask."""
    texts = _texts(value)
    if texts is not None and suspicion(*texts) is None:
        return value, []
    return mask_closely(value)


def mask_closely(value: Json) -> tuple[Json, list[Found]]:
    """The same without the cheap look before, which hardly any record does not pass."""
    found: list[Found] = []
    return _walk(value, "", found, 0), found


def _texts(value: Json) -> list[str] | None:
    """The strings of a record, those of one array or object in a row; None where its shape or its names must be
    looked at."""
    texts: list[str] = []
    level: list[Json] = [value]
    for _ in range(_DEEPEST):
        deeper: list[Json] = []
        for one in level:
            inner: Iterable[Json] = (one,)
            if isinstance(one, dict):
                if not _are_names(tuple(one)):
                    return None
                inner = one.values()
            elif isinstance(one, list):
                if len(one) == _KEY_BYTES:
                    return None
                inner = one
            for item in inner:
                if isinstance(item, str):
                    texts.append(item)
                elif isinstance(item, _NESTED):
                    deeper.append(item)
        if not deeper:
            return texts
        level = deeper
    return None


@lru_cache(maxsize=1024)
def _are_names(names: tuple[str, ...]) -> bool:
    """Whether the names of an object's fields are no more than that. A platform has a few sets of them."""
    return _STORE_NAMES.isdisjoint(names) and not any(find(name) for name in names)


def _walk(value: Json, label: str, found: list[Found], depth: int) -> Json:
    if isinstance(value, str):
        return _text(value, label, found)
    if depth > _DEEPEST:
        return value if value is None or isinstance(value, int | float) else MASK
    if isinstance(value, dict):
        return _object(value, found, depth)
    if isinstance(value, list):
        return _array(value, label, found, depth)
    return value


def _text(text: str, label: str, found: list[Found]) -> str:
    if len(text) < SHORTEST:
        return text
    secrets = find(text, label)
    if not secrets:
        return text
    hidden, moved = masked(text, secrets)
    found += moved
    return hidden


def _object(value: dict[str, Json], found: list[Found], depth: int) -> Json:
    if not _STORE_NAMES.isdisjoint(value):
        found.append(Found("keystore", 0, 1))
        return {key: _blacked(inner) for key, inner in value.items()}
    named = _are_names(tuple(value))
    changed: dict[str, Json] = {}
    same = True
    items: list[Json] = list(value.values())
    if len(value) >= 9 and (spread := _spread(items)) is not None:
        items, phrase = spread
        found.append(phrase)
        same = False
    for key, inner in zip(value, items, strict=True):
        new_key = key if named else _text(key, "", found)
        new = _walk(inner, key, found, depth + 1)
        same = same and new is inner and new_key is key
        changed[new_key] = new
    return value if same else changed


def _blacked(value: Json) -> Json:
    if isinstance(value, str):
        return MASK * len(value)
    if isinstance(value, dict):
        return {key: _blacked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blacked(inner) for inner in value]
    return value


def _array(value: list[Json], label: str, found: list[Found], depth: int) -> Json:
    if (secret := _bytes_of(value)) is not None:
        found.append(Found("solana_key", 0, len(value), checked=is_ed25519_pair(secret)))
        return [MASK] * len(value)
    items = value
    if len(value) > 1 and (spread := _spread(value)) is not None:
        items, phrase = spread
        found.append(phrase)
    new = [_walk(inner, label, found, depth + 1) for inner in items]
    return value if all(a is b for a, b in zip(value, new, strict=True)) else new


def _bytes_of(value: Sequence[Json]) -> bytes | None:
    """The 64 numbers of a Solana key file."""
    if len(value) != _KEY_BYTES:
        return None
    numbers = [n for n in value if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= 255]
    return bytes(numbers) if len(numbers) == _KEY_BYTES else None


def _said(value: Json) -> str | None:
    """What an item of an array says: a string, or a message segment's text (OneBot, chat exports)."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    text = value.get("text")
    data = value.get("data")
    if text is None and isinstance(data, dict):
        text = data.get("text")
    return text if isinstance(text, str) else None


def _spread(items: list[Json]) -> tuple[list[Json], Found] | None:
    """A phrase whose words stand in several items of one array."""
    texts = [_said(item) for item in items]
    joined = "\n".join(text or "" for text in texts)
    suspected = suspicion(joined) if len(joined) >= SHORTEST else None
    if suspected is None or not (suspected.words or suspected.chinese):
        return None
    runs = [
        one
        for one in find_closely(joined, suspected=suspected)
        if one.kind == "phrase" and "\n" in joined[one.start : one.end]
    ]
    secrets = [one for one in runs if not _stands_in_one(joined[one.start : one.end])]
    if not secrets:
        return None
    new: list[Json] = []
    at = 0
    for item, text in zip(items, texts, strict=True):
        size = len(text or "")
        inside = [one for one in secrets if one.start < at + size and one.end > at]
        cut = [Found(o.kind, max(o.start - at, 0), min(o.end - at, size)) for o in inside]
        new.append(_say(item, masked(text, cut)[0]) if text and cut else item)
        at += size + 1
    first = secrets[0]
    return new, Found("phrase", 0, 1, first.published, first.checked)


def _say(item: Json, text: str) -> Json:
    if not isinstance(item, dict):
        return text
    if isinstance(item.get("text"), str):
        return {**item, "text": text}
    data = item["data"]
    assert isinstance(data, dict)
    return {**item, "data": {**data, "text": text}}


def gate(payload: bytes) -> bool:
    """Whether a secret shows in a payload that does not parse: as it is, unescaped, or in base64."""
    joined = payload.translate(None, b"\r\n\0")
    views = [payload, joined, _unescaped(payload), unquote_to_bytes(payload.replace(b"+", b" "))]
    views += [view for run in _BASE64.finditer(joined) for view in _from_base64(run.group())]
    return any(find(text) for view in dict.fromkeys(views) for text in _readings(view))


def _readings(data: bytes) -> list[str]:
    try:
        return [data.decode("utf-8")]
    except UnicodeDecodeError:
        return [data.decode("utf-8", "replace"), data.decode("latin-1")]


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)).encode("utf-8", "surrogatepass"), data)


def _from_base64(run: bytes) -> list[bytes]:
    """What a run of base64 may say. Its true beginning is unknown, so each of the four phases is read."""
    plain = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    phases = [plain[skip:] for skip in range(4)]
    return [binascii.a2b_base64(phase[: len(phase) // 4 * 4]) for phase in phases]


def _stands_in_one(run: str) -> bool:
    """Whether one line of the run holds a whole phrase, and the rest, such as a name in the next item, is too little
    to be a part of it: fewer words than a leak has."""
    lines = run.split("\n")
    rest = [
        line for line in lines if len(line.split()) < _PHRASE_WORDS or not any(o.kind == "phrase" for o in find(line))
    ]
    return len(rest) < len(lines) and sum(len(line.split()) for line in rest) < _LEAK_WORDS
