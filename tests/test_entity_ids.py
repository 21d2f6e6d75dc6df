"""Transaction ids and addresses: their forms, and checksums that tell a mistyped address."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aggregator.triage.entities import find_entities
from aggregator.triage.entities.checksums import (
    base58_is_right,
    bech32_is_right,
    keccak_256,
    mixed_case_is_right,
)
from aggregator.triage.entities.ids import form_of, is_mistyped
from aggregator.triage.language import search_text

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
# The examples of EIP-55, BIP-173 and BIP-350.
CHECKSUMMED = ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"]
SEGWIT = [
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
]


def base58check(version: int, body: bytes) -> str:
    raw = bytes([version]) + body
    raw += sha256(sha256(raw).digest()).digest()[:4]
    number, letters = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        letters = BASE58[rest] + letters
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + letters


def changed(text: str, at: int, alphabet: str) -> str:
    """The same with one letter replaced by the next of its alphabet."""
    place = len(text) - 1 - at % (len(text) - 4)
    letter = alphabet[(alphabet.index(text[place]) + 1) % len(alphabet)]
    return text[:place] + letter + text[place + 1 :]


def test_keccak_is_the_one_of_ethereum_and_not_sha3() -> None:
    assert keccak_256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak_256(b"x" * 300) != keccak_256(b"x" * 301)


@pytest.mark.parametrize("address", CHECKSUMMED)
def test_an_address_in_mixed_case_is_checked_by_its_case(address: str) -> None:
    assert mixed_case_is_right(address)
    assert not mixed_case_is_right(address.replace("a", "A", 1))


@pytest.mark.parametrize("address", [CHECKSUMMED[0].lower(), "0x" + CHECKSUMMED[0][2:].upper()])
def test_an_address_in_one_case_carries_no_checksum(address: str) -> None:
    assert not is_mistyped(address)


@pytest.mark.parametrize("address", SEGWIT)
def test_bech32_and_bech32m_are_told_by_the_witness_version(address: str) -> None:
    assert bech32_is_right(address)
    assert not is_mistyped(address)


@pytest.mark.parametrize("address", ["Bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qqqqq", "nothing", "bc1b1o1i1"])
def test_what_is_no_bech32_is_not_right(address: str) -> None:
    assert not bech32_is_right(address)


@given(st.binary(min_size=20, max_size=20), st.sampled_from([0x00, 0x05, 0x41]), st.integers(0, 30))
def test_one_wrong_letter_breaks_base58check(body: bytes, version: int, at: int) -> None:
    address = base58check(version, body)
    assert base58_is_right(address)
    wrong = changed(address, at, BASE58)
    assume(len(wrong.lstrip("1")) == len(address.lstrip("1")))
    assert not base58_is_right(wrong)


@given(st.sampled_from(SEGWIT), st.integers(0, 100))
def test_one_wrong_letter_breaks_bech32(address: str, at: int) -> None:
    assert not bech32_is_right(changed(address.lower(), at, BECH32))


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=20, max_size=20))
def test_every_checksummed_address_is_right_and_its_swapped_case_is_not(raw: bytes) -> None:
    digits = raw.hex()
    assume(sum(digit.isalpha() for digit in digits) > 4)
    marks = keccak_256(digits.encode()).hex()
    address = "0x" + "".join(d.upper() if int(mark, 16) >= 8 else d for d, mark in zip(digits, marks, strict=False))
    assume(address[2:] not in (digits, digits.upper()))
    assert mixed_case_is_right(address)
    assert not mixed_case_is_right("0x" + address[2:].swapcase())


@settings(deadline=None)  # the first call loads the lists
@given(
    st.sampled_from(["我的地址", "wallet ", "адрес: ", "(", "tx/"]),
    st.binary(min_size=20, max_size=20),
    st.sampled_from(["", "，没到账", " help", ").", "?x=1"]),
)
def test_an_address_is_found_whatever_stands_around_it(before: str, body: bytes, behind: str) -> None:
    for address in ("0x" + body.hex(), base58check(0x41, body)):
        text = f"{before}{address}{behind}"
        assert find_entities(text, search_text(text)).get("address") == [address]


def test_a_mistyped_address_is_still_found_and_can_be_marked() -> None:
    text = "my address 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"
    (address,) = find_entities(text, search_text(text))["address"]
    assert is_mistyped(address)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("0x" + "9f3c" * 16, "evm_tx"),
        ("4e1d" * 16, "hex_tx"),
        ("0x" + "ab12" * 10, "evm"),
        ("EQ" + "Ab1-" * 11 + "_z", "ton"),
        (SEGWIT[0], "bech32"),
        ("9f3c" * 8, None),
        ("13800138000138001380013800", None),
    ],
)
def test_the_form_tells_the_chains_that_write_so(written: str, form: str | None) -> None:
    assert form_of(written) == form


def test_letters_inside_an_id_are_no_words() -> None:
    text = "tx 0xfc1fc3" + "4e" * 29
    assert find_entities(text, search_text(text)).keys() == {"tx"}
