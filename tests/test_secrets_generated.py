"""Masking held against the generator of planted secrets: leaks, alarms, lost ids, harmless texts, messages, records.

The generator was written from the specification by another hand. SECRETS=10000 (half a minute) draws as many texts as
the promise speaks of; without it a tenth of them. SECRETS_SEED draws others.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from aggregator.triage.secrets import Found, PhraseWindow, find, mask, mask_record, mask_records
from aggregator.triage.secrets.record import mask_closely
from tests.secret_generator import (
    Planted,
    SplitPhrase,
    generate,
    generate_harmless,
    generate_split,
    leaked,
    leaked_over_messages,
    lost,
)

COUNT = int(os.environ.get("SECRETS", "1000"))
SEED = int(os.environ.get("SECRETS_SEED", "1"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Masked = tuple[Planted, str, list[Found]]
Record = dict[str, Any]


@cache
def texts() -> Sequence[Masked]:
    return [(planted, *mask(planted.text)) for planted in generate(SEED, COUNT)]


@cache
def harmless() -> Sequence[Planted]:
    return list(generate_harmless(SEED, COUNT // 2))


def is_decidable(planted: Planted) -> bool:
    """Whether a cue stands beside the secret, or it has a checksum. What is left are pieces of phrases, sent alone."""
    return planted.cue or "fragment" not in planted.layout


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass"))


def test_nothing_leaks_where_a_cue_or_a_checksum_tells() -> None:
    leaks = [(planted, masked) for planted, masked, _ in texts() if is_decidable(planted) and leaked(planted, masked)]
    assert leaks == []


def test_at_most_one_text_in_a_thousand_leaks() -> None:
    leaks = [planted.text for planted, masked, _ in texts() if leaked(planted, masked)]
    assert 1000 * len(leaks) <= max(1000, COUNT), leaks


def test_what_must_alarm_does_and_what_is_published_does_not() -> None:
    wanted = [(planted, found, {secret.alarm for secret in planted.secrets}) for planted, _, found in texts()]
    wrong = [
        planted
        for planted, found, alarms in wanted
        if None not in alarms and any(one.alarming for one in found) is not (True in alarms)
    ]
    assert wrong == []


def test_transaction_ids_and_addresses_beside_a_secret_stay_readable() -> None:
    assert [planted for planted, masked, _ in texts() if lost(planted, masked)] == []


def test_harmless_texts_stay_as_they_are() -> None:
    assert [planted.text for planted in harmless() if find(planted.text)] == []


def test_masking_again_changes_nothing() -> None:
    assert [planted.text for planted, masked, _ in texts() if mask(masked)[0] != masked] == []


def test_masks_keep_the_length_in_utf16_units() -> None:
    assert [planted.text for planted, masked, _ in texts() if units(masked) != units(planted.text)] == []


def told(split: SplitPhrase) -> list[str]:
    """The messages as they are stored in the end: masked one by one, and those that the window names in black."""
    window = PhraseWindow()
    stored: list[str] = []
    for second, message in zip(split.seconds, split.messages, strict=True):
        stored.append(mask(message.text)[0])
        due = window.add("mia", NOON + timedelta(seconds=second), len(stored) - 1, stored[-1])
        for key in due:
            assert isinstance(key, int)
            stored[key] = "█" * len(stored[key])
    return stored


def test_a_phrase_over_several_messages_of_a_person_is_hidden_in_every_language() -> None:
    assert [split for split in generate_split(SEED, COUNT // 5) if leaked_over_messages(split, told(split))] == []


def said(rng: random.Random, text: str) -> tuple[Record, Callable[[Any], str]]:
    """A record in a platform's shape that says the text, and where it says it."""
    nested = {"message": {"text": text, "date": 1772323226}, "update_id": rng.randrange(10**9)}
    segments = {"message": [{"type": "text", "data": {"text": text}}], "user_id": rng.randrange(10**10)}
    flat = {
        "native_id": f"crowd-20260314-{rng.randrange(9999)}",
        "text": text,
        "created_at": "2026-03-01T00:00:26.514+00:00",
        "author": "ömer 27",
        "url": None,
        "likes": 3,
    }
    shapes: list[tuple[Record, Callable[[Any], str]]] = [
        (flat, lambda record: record["text"]),
        (nested, lambda record: record["message"]["text"]),
        (segments, lambda record: record["message"][0]["data"]["text"]),
    ]
    return rng.choice(shapes)


def records() -> Iterator[tuple[Planted, Record, Callable[[Any], str]]]:
    rng = random.Random(SEED)
    planted = [planted for planted, _, _ in texts()] + list(harmless())
    rng.shuffle(planted)
    for one in planted:
        yield one, *said(rng, one.text)


@cache
def looked_at_closely() -> Sequence[tuple[Record, tuple[Any, list[Found]]]]:
    return [(record, mask_closely(record)) for _, record, _ in records()]


def test_a_text_in_a_record_is_masked_as_it_is_alone() -> None:
    different = [
        planted.text
        for planted, record, text_of in records()
        if text_of(mask_record(record)[0]) != mask(planted.text)[0] and is_decidable(planted)
    ]
    assert different == []


@pytest.mark.parametrize("size", [1, 25, 1000])
def test_a_page_is_masked_like_its_records_looked_at_closely(size: int) -> None:
    every = looked_at_closely()
    pages = [mask_records([record for record, _ in every[i : i + size]]) for i in range(0, len(every), size)]
    assert [result for page in pages for result in page] == [result for _, result in every]


def test_a_page_of_strange_records_is_masked_like_each_of_them() -> None:
    phrase = "earth together pond inhale main camp grow bronze sad treat velvet report"
    strange: list[Record] = [
        {},
        {"text": ""},
        {"text": "a \x1e b \x1f c", "more": f"\x1f{phrase}\x1e"},
        {"text": "a <b", "more": f"c> {phrase}"},
        {"text": f"&#30;{phrase}&#31;"},
        {phrase: {"deep": [[phrase.split()]]}},
        {"text": "\ud800 lone", "key": [7] * 64},
        {"crypto": {"cipher": "aes", "ciphertext": "ab" * 32}},
        {"text": f"tx 0x{'5f2b8c1d' * 8}", "more": None, "n": 1.5},
    ]
    assert mask_records(strange) == [mask_closely(record) for record in strange]
    assert mask_records([]) == []


def test_records_without_secrets_are_the_very_same_objects() -> None:
    rng = random.Random(SEED)
    every = [said(rng, planted.text)[0] for planted in harmless()]
    assert all(
        masked is record and not found for record, (masked, found) in zip(every, mask_records(every), strict=True)
    )
