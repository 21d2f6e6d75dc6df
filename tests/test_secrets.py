"""What the masking of secrets owes: docs/reliability.md, "What is masked, and what is not"."""

from __future__ import annotations

import random
import time
from base64 import b32encode
from binascii import crc_hqx
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.triage.secrets import Found, cover, find, gate, mask, mask_record, mask_records
from tests import secret_maker

SEEDS = st.integers(0, 2**64)
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l" * 2
STELLAR = bytes([18 << 3, *range(32)])
PHRASE = "earth together pond inhale main camp grow bronze sad treat velvet report"


@settings(max_examples=400, deadline=None)
@given(SEEDS)
def test_a_phrase_in_any_layout_and_disguise_is_masked_and_the_prose_stays(seed: int) -> None:
    planted = secret_maker.phrase(random.Random(seed))
    masked, found = mask(planted.text)
    assert [one.kind for one in found] == ["phrase"], planted
    assert secret_maker.readable_share(planted, masked) <= 0.25, masked
    assert masked[: found[0].start] == planted.text[: found[0].start]


@pytest.mark.parametrize("layout", secret_maker.LAYOUTS)
@pytest.mark.parametrize("disguise", ["none", *secret_maker.DISGUISES])
def test_every_layout_in_every_disguise_leaves_no_word(layout: str, disguise: str) -> None:
    planted = secret_maker.phrase(random.Random(f"{layout}{disguise}"), layout, disguise)
    masked, found = mask(planted.text)
    assert [one.kind for one in found] == ["phrase"], planted
    assert secret_maker.readable_share(planted, masked) <= 0.25, masked


@pytest.mark.parametrize("language", secret_maker.LATIN_LISTS)
@pytest.mark.parametrize("disguise", ["none", "decomposed", "zero width"])
def test_every_latin_list_is_known(language: str, disguise: str) -> None:
    planted = secret_maker.phrase(random.Random(language), "spaces", disguise, language)
    masked, found = mask(planted.text)
    assert [one.kind for one in found] == ["phrase"], planted
    assert secret_maker.readable_share(planted, masked) <= 0.25, masked


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.sampled_from(secret_maker.KEYS))
def test_no_twelve_characters_of_a_key_stay_readable(seed: int, make: secret_maker.Maker) -> None:
    planted = make(random.Random(seed))
    masked, found = mask(planted.text)
    assert [one.kind for one in found] == [planted.kind], planted
    assert max(secret_maker.longest_left(part, masked) for part in planted.parts) < 12, masked


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_transaction_ids_stay_readable(seed: int) -> None:
    text, _ = secret_maker.transaction(random.Random(seed))
    assert find(text) == []


def test_a_mask_has_as_many_utf16_units_as_what_it_hides() -> None:
    text = "😀 my phrase: " + PHRASE.replace(" ", "🔑") + " 😀 ok?"
    masked, found = mask(text)
    assert len(masked.encode("utf-16-le")) == len(text.encode("utf-16-le"))
    assert masked[found[0].start : found[0].end] == "█" * (found[0].end - found[0].start)
    assert masked == "😀 my phrase: " + "█" * (len(PHRASE) + 11) + " 😀 ok?"


def test_a_record_without_secrets_is_the_very_same_object() -> None:
    record: dict[str, Any] = {
        "id": 7,
        "text": "the swap fails since this morning, what can I do?",
        "tags": ["swap", "bug"],
    }
    masked, found = mask_record(record)
    assert masked is record
    assert found == []


def test_every_string_of_a_record_is_masked_names_of_fields_too() -> None:
    record: dict[str, Any] = {"a": [{"b": "seed phrase: " + PHRASE}], PHRASE: 1}
    masked, found = mask_record(record)
    assert masked == {"a": [{"b": "seed phrase: " + "█" * len(PHRASE)}], "█" * len(PHRASE): 1}
    assert len(found) == 2


def test_a_payload_that_does_not_parse_is_gated() -> None:
    assert gate(b'{"text": "' + PHRASE.encode() + b'"')
    assert not gate(b'{"text": "when will the app be up again?"')


def test_found_tells_that_the_checksum_is_right() -> None:
    assert find(PHRASE) == [Found("phrase", 0, len(PHRASE), published=False, checked=True)]


def test_pieces_of_a_phrase_sent_alone_are_masked_but_for_those_that_read_like_a_sentence() -> None:
    pieces = [secret_maker.fragment(random.Random(seed)) for seed in range(1000)]
    missed = [piece.text for piece in pieces if secret_maker.readable_share(piece, mask(piece.text)[0]) > 0.25]
    assert len(missed) <= 10


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        ("seed ", "camera dinosaur elbow fabric xqx zvz qwq "),
        ("seed ", "camera dinosaur elbow fabric garage hammer, xqx zvz nia@mail.example "),
        ("助记词 我 ", "人 " * 12 + "。"),
        ("", "我 想 要 你 好 不，大家好。"),
    ],
)
def test_a_long_text_full_of_pieces_is_read_in_a_time_that_grows_with_its_length_only(before: str, piece: str) -> None:
    def took(length: int) -> float:
        """The least of three, for other threads of this process count as well."""
        text, least = (before + piece * length)[:length], float("inf")
        for _ in range(3):
            began = time.process_time()
            mask(text)
            least = min(least, time.process_time() - began)
        return least

    took(1_000)
    assert took(48_000) < 40 * max(took(6_000), 0.005)  # eight times as long; a square would be sixty-four


def test_what_is_known_is_looked_for_in_a_row_of_digits_without_end_at_once() -> None:
    digits = "1" * 300_000
    began = time.process_time()
    assert cover([digits, f"12.{PHRASE}3 is it"], [PHRASE]) == [digits, "12." + "█" * (len(PHRASE) + 1) + " is it"]
    assert time.process_time() - began < 2  # minutes, where each digit was tried as the first of a number before a word


@pytest.mark.parametrize(
    "key",
    [
        f"suiprivkey1{BECH32[:59]}",
        f"Suiprivkey1{BECH32[:59]}",
        f"NSEC1{BECH32[:58].upper()}",
        "PVT_K1_" + "7hXk2" * 9 + "Qw3Z",
        "PVT_R1_" + "7hXk2" * 10,
        b32encode(STELLAR + crc_hqx(STELLAR, 0).to_bytes(2, "little")).decode(),
    ],
)
def test_a_key_that_says_what_it_is_is_masked_without_a_word_beside_it(key: str) -> None:
    text = f"I sent you {key} in this transfer"
    assert mask(text)[0] == f"I sent you {'█' * len(key)} in this transfer"
    ((record, (found,)),) = mask_records([{"text": text}])
    assert record["text"] == mask(text)[0]
    assert (found.kind, found.doubtful) == ("private_key", False)


def test_a_key_as_aptos_writes_it_is_no_transaction() -> None:
    key = "0x" + "3f9a5b7c" * 8
    assert mask(f"ed25519-priv-{key} arrived?")[0] == f"ed25519-priv-{'█' * len(key)} arrived?"


def test_what_only_looks_like_a_key_of_stellar_stays() -> None:
    text = f"memo {b32encode(STELLAR + bytes(2)).decode()} is missing"
    assert mask(text) == (text, [])
