"""Base58 with its checksum, and Ed25519's public key: what tells a key from a look-alike."""

from __future__ import annotations

import hashlib

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGIT = {char: i for i, char in enumerate(_ALPHABET)}

_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
_Point = tuple[int, int, int, int]


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
    if len(data) != 64:
        return False
    half = bytearray(hashlib.sha512(data[:32]).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    return _encode(_times(int.from_bytes(half, "little"))) == data[32:]


def _times(scalar: int) -> _Point:
    x, y = _BASE
    base: _Point = (x, y, 1, x * y % _P)
    total: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, base)
        base = _add(base, base)
        scalar >>= 1
    return total


def _add(left: _Point, right: _Point) -> _Point:
    """The unified addition in extended coordinates (RFC 8032, 5.1.4)."""
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a = (y1 - x1) * (y2 - x2) % _P
    b = (y1 + x1) * (y2 + x2) % _P
    c = 2 * t1 * t2 * _D % _P
    d = 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encode(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, _P - 2, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")
