"""Recovery phrases by their definition: https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki

Written out here, since `mnemonic.check()` refuses valid Russian and Turkish phrases.
"""

from __future__ import annotations

import hashlib
import random
import unicodedata
from functools import cache

from mnemonic import Mnemonic

CHINESE = ("chinese_simplified", "chinese_traditional")
LATIN = ("english", "spanish", "french", "italian", "portuguese", "czech", "turkish")
LANGUAGES = (*LATIN, *CHINESE, "japanese", "korean", "russian")
LENGTHS = (12, 15, 18, 21, 24)

# Entropies of the published English vectors: https://github.com/trezor/python-mnemonic/blob/master/vectors.json
_VECTOR_ENTROPIES = (
    *(byte * size for size in (16, 24, 32) for byte in ("00", "7f", "80", "ff")),
    "9e885d952ad362caeb4efe34a8e91bd2",
    "6610b25967cdcca9d59875f5cb50b0ea75433311869e930b",
    "68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c",
    "c0ba5a8e914111210f2bd131f3d5e08d",
    "6d9be1ee6ebd27a258115aad99b7317b9c8d28b6d76431c3",
    "9f6a2878b2520799a44ef18bc7df394e7061a224d2c33cd015b157d746869863",
    "23db8160a31d3e0dca3688ed941adbf3",
    "8197a4a47f0425faeaa69deebc05ca29c0a5b5cc76ceacc0",
    "066dca1a2bb7e8a1db2832148ce9933eea0f3ac9548d793112d9a95c9407efad",
    "f30f8c1da665478f49b001d94c5fc452",
    "c10ec20dc3cd9f652c7fac2f1230f7a3c828389a14392f05",
    "f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f",
)
HARDHAT = ("test",) * 11 + ("junk",)  # https://hardhat.org/hardhat-network/docs/reference#accounts


@cache
def words(language: str) -> tuple[str, ...]:
    """The 2,048 words of a list, composed (NFC), as people see them."""
    # `mnemonic` 0.21 ships number 1,573 of the Russian list broken: сно, two times U+FFFD, а.
    listed = (word.replace("\ufffd\ufffd", "в") for word in Mnemonic(language).wordlist)
    return tuple(unicodedata.normalize("NFC", word) for word in listed)


@cache
def _numbers(language: str) -> dict[str, int]:
    return {word: number for number, word in enumerate(words(language))}


def phrase_of(entropy: bytes, language: str) -> tuple[str, ...]:
    """The words for 16, 20, 24, 28 or 32 bytes: each byte's bits, then a bit of the SHA-256 for each 32 of them."""
    size = len(entropy) * 8
    bits = f"{int.from_bytes(entropy):0{size}b}" + f"{hashlib.sha256(entropy).digest()[0]:08b}"[: size // 32]
    return tuple(words(language)[int(bits[i : i + 11], 2)] for i in range(0, len(bits), 11))


def has_valid_checksum(phrase: tuple[str, ...], language: str) -> bool:
    """Whether the words, spelled as `words` does, are a phrase that a wallet accepts."""
    numbers = _numbers(language)
    if len(phrase) not in LENGTHS or any(word not in numbers for word in phrase):
        return False
    bits = "".join(f"{numbers[word]:011b}" for word in phrase)
    entropy = int(bits[: len(bits) * 32 // 33], 2).to_bytes(len(phrase) * 4 // 3)
    return phrase_of(entropy, language) == phrase


def invent_phrase(rng: random.Random, language: str, length: int | None = None) -> tuple[str, ...]:
    """A phrase that a wallet accepts; 12 and 24 words are the usual lengths."""
    length = length or rng.choice((12, 12, 24, *LENGTHS))
    return phrase_of(rng.randbytes(length * 4 // 3), language)


def spoil_checksum(rng: random.Random, phrase: tuple[str, ...], language: str) -> tuple[str, ...]:
    """The phrase with another last word, such that no wallet accepts it."""
    while True:
        spoiled = (*phrase[:-1], rng.choice(words(language)))
        if not has_valid_checksum(spoiled, language):
            return spoiled


def published_phrases() -> tuple[tuple[str, ...], ...]:
    """Phrases that every library's tests contain: nobody's money is behind them."""
    return (*(phrase_of(bytes.fromhex(entropy), "english") for entropy in _VECTOR_ENTROPIES), HARDHAT)
