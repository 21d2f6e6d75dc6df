"""Base58 and base32 with their checksums, and Ed25519's public key: what tells a key from a look-alike."""

from __future__ import annotations

import base64
import hashlib
from binascii import crc_hqx

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_STELLAR_SEED = 18 << 3  # an S, as the first character
_DIGIT = {char: i for i, char in enumerate(_ALPHABET)}


def base58_decode(text: str) -> bytes | None:
    """Bytes of a base58 text, or None when it holds another character."""
    number = 0
    for at in range(0, len(text), 10):
        part = 0
        for char in text[at : at + 10]:
            digit = _DIGIT.get(char)
            if digit is None:
                return None
            part = part * 58 + digit
        number = number * 58 ** len(text[at : at + 10]) + part
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base58check_payload(text: str) -> bytes | None:
    """What a base58check text carries, or None when its checksum is wrong."""
    data = base58_decode(text)
    if data is None or len(data) < 5:
        return None
    digest = hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()
    return data[:-4] if digest[:4] == data[-4:] else None


def is_ed25519_pair(data: bytes) -> bool:
    """Whether 64 bytes are a seed and its public key, as Solana writes a secret key (RFC 8032, 5.1.5)."""
    # Loaded when it is needed first: hardly any text holds 64 bytes.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return (
        len(data) == 64 and Ed25519PrivateKey.from_private_bytes(data[:32]).public_key().public_bytes_raw() == data[32:]
    )


def is_stellar_seed(text: str) -> bool:
    """Whether 56 characters of base32 are a secret key of Stellar (SEP-23): a version, 32 bytes, and their CRC."""
    data = base64.b32decode(text)
    return data[0] == _STELLAR_SEED and crc_hqx(data[:-2], 0).to_bytes(2, "little") == data[-2:]
