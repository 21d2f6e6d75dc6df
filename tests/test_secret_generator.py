"""The generator of planted secrets, checked by other means than its own: what it calls valid is valid."""

from __future__ import annotations

import hashlib
import json
import random
import re
import unicodedata
from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from mnemonic import Mnemonic

from tests.secret_generator import (
    Planted,
    bip39,
    generate,
    generate_harmless,
    generate_split,
    keys,
    leaked,
    leaked_over_messages,
    lost,
)
from tests.secret_generator import encodings as enc
from tests.secret_generator.arrangements import ARRANGEMENTS, WRAPPINGS
from tests.secret_generator.chains import ADDRESSES, EXPLORERS, TRANSACTION_IDS
from tests.secret_generator.harmless import HARMLESS
from tests.secret_generator.phrases import WINDOW
from tests.secret_generator.planted import letters
from tests.secret_generator.spelling import SPELLINGS

SAMPLES = tuple(generate(2026, 2000))
HARMLESS_SAMPLES = tuple(generate_harmless(2026, 600))
SPLIT_SAMPLES = tuple(generate_split(2026, 150))


def masked(planted: Planted, *, but: Iterable[tuple[int, int]] = ()) -> str:
    """Every secret masked as the design says, one mark for each UTF-16 unit; the spans in `but` stay."""
    characters = list(planted.text)
    for start, end in {span for secret in planted.secrets for span in secret.spans} - set(but):
        characters[start:end] = ["█" * (1 + (ord(c) > 0xFFFF)) for c in characters[start:end]]
    return "".join(characters)


def checksum_is_valid(phrase: tuple[str, ...], language: str) -> bool:
    """BIP-39 with whole numbers and the list as `mnemonic` ships it, compared decomposed."""
    shipped = [word.replace("\ufffd\ufffd", "в") for word in Mnemonic(language).wordlist]
    wordlist = [unicodedata.normalize("NFKD", word) for word in shipped]
    number = 0
    for word in phrase:
        number = number * 2048 + wordlist.index(unicodedata.normalize("NFKD", word))
    checksum_bits = len(phrase) // 3
    entropy, checksum = divmod(number, 1 << checksum_bits)
    digest = hashlib.sha256(entropy.to_bytes(checksum_bits * 4, "big")).digest()
    return digest[0] >> (8 - checksum_bits) == checksum


def from_base58(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + enc.BASE58.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def from_base58check(text: str) -> bytes:
    data = from_base58(text)
    assert hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]
    return data[:-4]


def of_kind(kind: str) -> list[tuple[Planted, str]]:
    """Texts with one key of a kind, and the key's characters."""
    return [(p, "".join(s.pieces)) for p in SAMPLES for s in p.secrets if s.kind == kind]


def names(samples: Iterable[Planted]) -> set[str]:
    return {name for planted in samples for name in planted.layout.split("+")}


def test_a_seed_gives_the_same_texts_again_however_many_are_asked_for():
    assert tuple(generate(2026, 50)) == SAMPLES[:50]
    assert next(generate(2027, 1)) != SAMPLES[0]
    assert tuple(generate_harmless(2026, 20)) == HARMLESS_SAMPLES[:20]
    assert tuple(generate_split(2026, 10)) == SPLIT_SAMPLES[:10]


@pytest.mark.parametrize("language", bip39.LANGUAGES)
def test_phrases_have_a_valid_checksum_unless_spoiled_on_purpose(language):
    phrases = [
        (secret.pieces, "bad_checksum" in planted.layout)
        for planted in SAMPLES
        if planted.language == language
        for secret in planted.secrets
        if secret.kind == "phrase"
    ]
    assert {len(phrase) for phrase, _ in phrases} == set(bip39.LENGTHS)
    assert all(checksum_is_valid(phrase, language) != spoiled for phrase, spoiled in phrases)


def test_the_published_phrases_are_those_of_the_specification():
    published = [" ".join(phrase) for phrase in bip39.published_phrases()]
    beginnings = (
        "abandon legal letter zoo ozone gravity hamster scheme horn panda cat light all vessel scissors void test"
    )
    assert list(dict.fromkeys(phrase.split()[0] for phrase in published)) == beginnings.split()
    assert "abandon " * 11 + "about" in published
    assert "legal winner thank year wave sausage worth useful legal winner thank yellow" in published
    assert all(checksum_is_valid(tuple(phrase.split()), "english") for phrase in published)


def test_the_published_key_is_the_first_of_hardhat():
    numbers = ec.derive_private_key(int.from_bytes(keys.PUBLISHED_KEY), ec.SECP256K1()).public_key().public_numbers()
    account = enc.keccak256(numbers.x.to_bytes(32) + numbers.y.to_bytes(32))[-20:]
    assert enc.eip55(account) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_encodings_agree_with_published_examples():
    key = bytes.fromhex("0c28fca386c7a227600b2fe50b7cae11ec86d3bf1fbe471be89827e19d72aa1d")
    account = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")
    point = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    taproot = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
    assert enc.wif(key, compressed=False) == "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
    assert enc.wif(key, compressed=True) == "KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98617"
    assert enc.bech32("bc", account, version=0) == "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    assert enc.bech32("bc", point, version=1) == taproot


def test_wif_keys_decode():
    payloads = [from_base58check(key) for _, key in of_kind("wif")]
    assert {len(payload) for payload in payloads} == {33, 34}
    assert all(payload[0] == 0x80 and payload[33:] in {b"", b"\1"} for payload in payloads)


def test_extended_keys_decode_to_a_private_key():
    decoded = [(key[:4], from_base58check(key)) for _, key in of_kind("xprv")]
    assert {prefix for prefix, _ in decoded} == {"xprv", "yprv", "zprv"}
    assert all(len(data) == 78 and data[45] == 0 for _, data in decoded)


def test_solana_keys_end_with_their_own_public_key():
    found = of_kind("solana")
    pairs = [from_base58(key) for planted, key in found if "base58" in planted.layout]
    pairs += [bytes(json.loads(re.search(r"\[[\d\s,]+\]", p.text)[0])) for p, _ in found if "array" in p.layout]
    publics = [Ed25519PrivateKey.from_private_bytes(pair[:32]).public_key() for pair in pairs]
    assert len(pairs) == len(found)
    assert [public.public_bytes(Encoding.Raw, PublicFormat.Raw) for public in publics] == [p[32:] for p in pairs]


def test_hexadecimal_keys_are_on_the_curve_and_named_as_keys():
    found = of_kind("hex_key")
    assert all(0 < int(key, 16) < enc.CURVE_ORDER and len(key) == 64 for _, key in found)
    assert all(
        planted.cue and re.search(r"private.?key|私钥|私鑰", planted.text, re.IGNORECASE) for planted, _ in found
    )


def test_keystores_parse_as_version_3():
    whole = [(p.text[p.text.index("{") : p.text.rindex("}") + 1], key) for p, key in of_kind("keystore")]
    files = [(json.loads(text.replace('\\"', '"')), key) for text, key in whole]
    assert all(file["version"] == 3 for file, _ in files)
    assert all((file.get("crypto") or file["Crypto"])["ciphertext"] == key for file, key in files)


def test_every_layout_language_and_kind_occurs_in_2000_samples():
    fragments_and_faults = {"fragment", "two_wallets", "published", "bad_checksum", "typo"}
    assert names(SAMPLES) >= ARRANGEMENTS.keys() | SPELLINGS.keys() | WRAPPINGS.keys() | fragments_and_faults
    assert {p.language for p in SAMPLES} == set(bip39.LANGUAGES)
    assert {s.kind for p in SAMPLES for s in p.secrets} == {*keys.KINDS, "phrase", "fragment", "test_vector"}
    assert {"hex_key_halves", "hex_key_spaced", "keystore_escaped", "solana_array_lines"} <= names(SAMPLES)


def test_what_is_published_must_not_alarm_and_everything_whole_must():
    alarms = {(secret.kind, secret.alarm) for planted in SAMPLES for secret in planted.secrets}
    quiet = {("test_vector", False), ("test_key", False), ("fragment", None)}
    assert quiet <= alarms
    assert all(alarm is True for _, alarm in alarms - quiet)


def test_a_text_that_needs_a_cue_has_one():
    needing = [name for name, rule in ARRANGEMENTS.items() if rule.cue] + ["bad_checksum", "typo", "json_string"]
    assert all(p.cue for p in SAMPLES if set(needing) & set(p.layout.split("+")))


def test_spans_show_where_each_piece_stands():
    plain = [p for p in SAMPLES if not {*SPELLINGS, "typo", "camel"} & set(p.layout.split("+"))]
    written = [tuple(p.text[a:b] for a, b in s.spans) for p in plain for s in p.secrets]
    assert written == [secret.pieces for planted in plain for secret in planted.secrets]


def test_what_must_stay_readable_is_in_the_text_and_outside_the_secrets():
    assert all(not lost(planted, planted.text) for planted in SAMPLES)
    assert all(not lost(planted, masked(planted)) for planted in SAMPLES)
    assert sum(bool(planted.readable) for planted in SAMPLES) > 300


def test_an_unmasked_text_leaks_all_its_secrets():
    assert all(len(leaked(planted, planted.text)) == len(planted.secrets) > 0 for planted in SAMPLES)


def test_a_fully_masked_text_leaks_nothing():
    assert [leaked(planted, masked(planted)) for planted in SAMPLES] == [[]] * len(SAMPLES)


def test_a_text_of_another_length_is_searched_for_the_pieces():
    assert all(leaked(planted, planted.text + "!") for planted in SAMPLES)
    assert not any(leaked(planted, masked(planted) + "!") for planted in SAMPLES)


def test_a_quarter_of_the_words_is_no_leak_and_one_more_is():
    planted = next(p for p in SAMPLES if p.layout == "commas" and len(p.secrets[0].pieces) == 12)
    spans = planted.secrets[0].spans
    assert leaked(planted, masked(planted, but=spans[:3])) == []
    assert len(leaked(planted, masked(planted, but=spans[4:8]))) == 1


def test_eleven_characters_of_a_key_are_no_leak_and_twelve_are_even_over_a_gap():
    planted = next(p for p in SAMPLES if p.layout.startswith("hex_key_halves"))
    (_, end), (start, _) = planted.secrets[0].spans
    text, hidden = planted.text, masked(planted)
    with_eleven = hidden[: end - 6] + text[end - 6 : start + 5] + hidden[start + 5 :]
    with_twelve = hidden[: end - 6] + text[end - 6 : start + 6] + hidden[start + 6 :]
    assert leaked(planted, with_eleven) == []
    assert len(leaked(planted, with_twelve)) == 1


def test_the_first_letters_of_a_word_give_it_away():
    planted = next(p for p in SAMPLES if p.layout == "spaces" and p.language == "italian")
    hidden = list(masked(planted))
    for start, _ in planted.secrets[0].spans:
        hidden[start : start + 4] = planted.text[start : start + 4]
    assert leaked(planted, "".join(hidden))


def test_split_phrases_are_whole_within_ten_minutes():
    pieces = [tuple(w for m in split.messages for s in m.secrets for w in s.pieces) for split in SPLIT_SAMPLES]
    assert pieces == [split.phrase for split in SPLIT_SAMPLES]
    assert all(checksum_is_valid(split.phrase, split.language) for split in SPLIT_SAMPLES)
    assert all(len(split.seconds) == len(split.messages) > 1 for split in SPLIT_SAMPLES)
    assert all(list(s.seconds) == sorted(s.seconds) and s.seconds[-1] < WINDOW for s in SPLIT_SAMPLES)


def test_split_phrases_leak_unless_their_messages_are_masked():
    assert all(leaked_over_messages(s, [m.text for m in s.messages]) for s in SPLIT_SAMPLES)
    assert not any(leaked_over_messages(s, [masked(m) for m in s.messages]) for s in SPLIT_SAMPLES)


def test_every_kind_of_harmless_text_occurs_and_holds_no_secret():
    assert names(HARMLESS_SAMPLES) == set(HARMLESS)
    assert all(p.readable == (p.text,) and p.secrets == () for p in HARMLESS_SAMPLES)
    assert all(lost(p, "█" + p.text[1:]) for p in HARMLESS_SAMPLES)


def test_harmless_texts_are_no_fragments_by_the_rules_of_the_design():
    lists = {word for language in bip39.LATIN for word in bip39.words(language)}
    spoken = [re.findall(r"[^\W\d_]+", p.text.lower()) for p in HARMLESS_SAMPLES]
    marks = ["".join("x" if token in lists else "." for token in tokens) for tokens in spoken]
    assert max(len(run) for mark in marks for run in re.findall("x*", mark)) <= 6
    assert [mark for mark in marks if mark.count("x") >= 4 and mark.count("x") > 0.6 * len(mark)] == []


@pytest.mark.parametrize("chain", [*TRANSACTION_IDS, *ADDRESSES])
def test_ids_of_every_chain_are_one_word(chain):
    make = TRANSACTION_IDS.get(chain) or ADDRESSES[chain]
    assert re.fullmatch(r"[\w+/=-]{20,110}", make(random.Random(1)))


def test_explorer_links_hold_an_id():
    assert all(pattern.count("{}") == 1 and chain in TRANSACTION_IDS for pattern, chain in EXPLORERS)


def test_letters_leave_out_what_cannot_be_seen():
    assert letters("a\u200bb́, 1") == "ab́1"
