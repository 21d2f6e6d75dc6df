"""The set of messages with their given slots is what it says it is."""

from __future__ import annotations

import re
from collections import Counter

from tests.sets import slots

SLOTS = {"account", "problem", "tx", "device", "version", "time", "screenshot"}
CHAINS = {
    "ethereum", "tron", "bsc", "solana", "bitcoin", "polygon", "arbitrum", "optimism", "base", "avalanche", "ton",
    "sui", "aptos",
}  # fmt: skip
EVM_HASH = re.compile(r"\b0x[0-9a-f]{64}\b")


def test_it_holds_as_many_messages_of_each_language_as_was_asked() -> None:
    langs = Counter(message.lang for message in slots())
    total = langs.total()

    assert total >= 420
    assert 0.53 <= langs["zh"] / total <= 0.57
    assert 0.28 <= langs["en"] / total <= 0.32
    assert langs.keys() == {"zh", "en", "ja", "ko", "vi", "ru", "es", "zh-Hant"}


def test_every_slot_is_given_often_and_many_messages_give_none() -> None:
    given = Counter(slot for message in slots() for slot in message.given)

    assert given.keys() == SLOTS
    assert min(given.values()) >= 20
    assert sum(not message.given for message in slots()) >= 90


def test_the_named_values_are_normalised() -> None:
    assert {chain for message in slots() for chain in message.chains} <= CHAINS
    assert all(re.fullmatch(r"[A-Z]{2,5}", token) for message in slots() for token in message.tokens)
    assert all(re.fullmatch(r"\d+(\.\d+)? [A-Z]{2,5}", amount) for message in slots() for amount in message.amounts)


def test_ids_and_texts_are_all_different() -> None:
    assert len({message.id for message in slots()}) == len(slots())
    assert len({message.text for message in slots()}) == len(slots())


def test_a_whole_hash_of_an_ethereum_like_chain_gives_the_transaction_or_is_an_address_on_sui() -> None:
    whole = [message for message in slots() if EVM_HASH.search(message.text)]

    assert len(whole) >= 15
    assert all("tx" in message.given or "sui" in message.chains for message in whole)
