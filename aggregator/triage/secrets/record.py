"""Secrets in parsed records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from aggregator.triage.secrets.encodings import is_ed25519_pair
from aggregator.triage.secrets.finder import find, find_closely, masked
from aggregator.triage.secrets.found import MASK, Found
from aggregator.triage.secrets.page import Suspects, suspects
from aggregator.triage.secrets.screen import SHORTEST
from aggregator.triage.secrets.spread import Json, gathered, said

_DEEPEST = 200
_STORE_NAMES = frozenset(("ciphertext", "kdfparams"))
_KEY_BYTES = 64
_KEY_NAME = re.compile("key|secret|priv|seed|sk", re.IGNORECASE)
_PLAIN = {str, int, float, bool, type(None)}
_FEWEST_FIELDS = 9  # of an object that may hold a phrase, a word in each


def mask_record(value: Json) -> tuple[Json, list[Found]]:
    """The record with every secret masked, in names of fields too, and what was found (offsets count within the
    string that held it). The same object when there was nothing to mask."""
    return _mask((value,))[0]


def mask_records(values: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], list[Found]]]:
    """`mask_record` for each record of a page, at a fraction of the cost."""
    return cast("list[tuple[dict[str, Any], list[Found]]]", _mask(values))


def mask_closely(value: Json) -> tuple[Json, list[Found]]:
    """The same without the cheap look before, which hardly any record does not pass."""
    return _Walk(None).mask(value)


def _mask(values: Sequence[Json]) -> list[tuple[Json, list[Found]]]:
    texts = _texts_of(values)
    suspected = suspects([one or () for one in texts] if None in texts else cast("list[Sequence[str]]", texts))
    results: list[tuple[Json, list[Found]]] = [(value, []) for value in values]
    for i, suspect in suspected.items():
        results[i] = _mask_suspects(values[i], suspect)
    if None in texts:
        for i, one in enumerate(texts):
            if one is None:
                results[i] = mask_closely(values[i])
    return results


def _mask_suspects(value: Json, suspects: Suspects) -> tuple[Json, list[Found]]:
    """Look exactly where there may be something. Most often there is nothing, and the record stays as it is."""
    if suspects.spread or not isinstance(value, dict):
        return _Walk(suspects).mask(value)
    for key, text in value.items():
        if isinstance(text, dict | list):
            return _Walk(suspects).mask(value)
        if isinstance(text, str) and (suspected := suspects.texts.get(text)) and find_closely(text, key, suspected):
            return _Walk(suspects).mask(value)
    return value, []


def _texts_of(values: Sequence[Json]) -> Sequence[Sequence[str] | None]:
    """The strings of each record; None where its shape or its names must be looked at."""
    if values and set(map(type, values)) == {dict}:
        records = cast("Sequence[dict[str, Json]]", values)
        shapes = set(map(tuple, records))
        if len(shapes) == 1 and _are_names(*shapes) and (columns := _columns(records)):
            return list(zip(*columns, strict=True))
    return [_texts(value) for value in values]


def _columns(records: Sequence[dict[str, Json]]) -> list[Sequence[str]] | None:
    """The strings of records that have the same fields, field by field; None where something is nested."""
    columns: list[Sequence[str]] = []
    for column in zip(*map(dict.values, records), strict=True):
        types = set(map(type, column))
        if not types <= _PLAIN:
            return None
        if types == {str}:
            columns.append(cast("Sequence[str]", column))
        elif str in types:
            columns.append([item if type(item) is str else "" for item in column])
    return columns


def _texts(value: Json) -> list[str] | None:
    """The strings of a record, level by level; what the items of an array say stands in a row."""
    texts: list[str] = []
    level: list[Json] = [value]
    for _ in range(_DEEPEST):
        deeper: list[Json] = []
        for one in level:
            items: Sequence[Json] = (one,)
            if isinstance(one, dict):
                if not _are_names(tuple(one)):
                    return None
                items = tuple(one.values())
            elif isinstance(one, list):
                if len(one) == _KEY_BYTES:
                    return None
                items = one
                texts += [text for item in one if isinstance(item, dict) and (text := said(item))]
            texts += [item for item in items if isinstance(item, str)]
            deeper += [item for item in items if isinstance(item, dict | list)]
        if not deeper:
            return texts
        level = deeper
    return None


@lru_cache(maxsize=1024)
def _are_names(names: tuple[str, ...]) -> bool:
    """Whether the names of an object's fields are no more than that. A platform has a few sets of them."""
    return _STORE_NAMES.isdisjoint(names) and not any(find(name) for name in names)


class _Walk:
    """Through one record. `suspects`: where secrets may be; None: everywhere."""

    def __init__(self, suspects: Suspects | None) -> None:
        self._suspects = suspects
        self._found: list[Found] = []

    def mask(self, value: Json) -> tuple[Json, list[Found]]:
        return self._walked(value, "", 0), self._found

    def _walked(self, value: Json, label: str, depth: int) -> Json:
        if isinstance(value, str):
            return self._text(value, label)
        if depth > _DEEPEST:
            return value if value is None or isinstance(value, int | float) else MASK
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list):
            return self._array(value, label, depth)
        return value

    def _text(self, text: str, label: str) -> str:
        if self._suspects is None:
            secrets = find(text, label) if len(text) >= SHORTEST else []
        else:
            suspected = self._suspects.texts.get(text)
            secrets = find_closely(text, label, suspected) if suspected else []
        if not secrets:
            return text
        hidden, moved = masked(text, secrets)
        self._found += moved
        return hidden

    def _object(self, value: dict[str, Json], depth: int) -> Json:
        if not _STORE_NAMES.isdisjoint(value):
            self._found.append(Found("keystore", 0, 1))
            return {key: _blacked(inner) for key, inner in value.items()}
        named = _are_names(tuple(value))
        items: Sequence[Json] = list(value.values())
        if len(value) >= _FEWEST_FIELDS:
            items = self._gathered(items)
        changed: dict[str, Json] = {}
        for key, inner in zip(value, items, strict=True):
            new_key = key if named else self._text(key, "")
            changed[new_key] = self._walked(inner, key, depth + 1)
        same = named and all(a is b for a, b in zip(value.values(), changed.values(), strict=True))
        return value if same else changed

    def _array(self, value: list[Json], label: str, depth: int) -> Json:
        if (secret := _bytes_of(value)) is not None:
            checked = is_ed25519_pair(secret)
            if checked or _KEY_NAME.search(label):
                self._found.append(Found("solana_key", 0, len(value), checked=checked))
                return [MASK] * len(value)
        items = self._gathered(value) if len(value) > 1 else value
        new = [self._walked(inner, label, depth + 1) for inner in items]
        return value if all(a is b for a, b in zip(value, new, strict=True)) else new

    def _gathered(self, items: Sequence[Json]) -> Sequence[Json]:
        """The items, without a phrase that is spread over them."""
        if (self._suspects is not None and not self._suspects.spread) or (spread := gathered(items)) is None:
            return items
        new, phrase = spread
        self._found.append(phrase)
        self._suspects = None  # it knows the texts as they were
        return new


def _blacked(value: Json) -> Json:
    if isinstance(value, str):
        return MASK * (len(value.encode("utf-16-le", "surrogatepass")) // 2)
    if isinstance(value, dict):
        return {key: _blacked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_blacked(inner) for inner in value]
    return value


def _bytes_of(value: Sequence[Json]) -> bytes | None:
    """The 64 numbers of a Solana key file."""
    if len(value) != _KEY_BYTES:
        return None
    numbers = [n for n in value if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= 255]
    return bytes(numbers) if len(numbers) == _KEY_BYTES else None
