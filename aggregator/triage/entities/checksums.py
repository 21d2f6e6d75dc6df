"""Checksums of addresses: EIP-55, base58check, bech32 and bech32m."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

_BASE58 = {letter: value for value, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BECH32 = {letter: value for value, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONST, _BECH32M_CONST = 1, 0x2BC830A3


def mixed_case_is_right(address: str) -> bool:
    """EIP-55: the hash of the lower-case digits says which letters are capitals. In one case only it says nothing."""
    digits = address[2:]
    if digits in (digits.lower(), digits.upper()):
        return True
    marks = keccak_256(digits.lower().encode()).hex()
    return all(
        digit.isdigit() or digit.isupper() == (int(mark, 16) >= 8) for digit, mark in zip(digits, marks, strict=False)
    )


def base58_is_right(address: str) -> bool:
    """base58check (Bitcoin, Tron): 21 bytes, then the first four of their double SHA-256."""
    number = 0
    for letter in address:
        if letter not in _BASE58:
            return False
        number = number * 58 + _BASE58[letter]
    if number >> 200:
        return False
    raw = number.to_bytes(25, "big")
    zeros = len(address) - len(address.lstrip("1"))
    if zeros != len(raw) - len(raw.lstrip(b"\0")):
        return False
    return sha256(sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def bech32_is_right(address: str) -> bool:
    """BIP-173 for witness version 0, BIP-350 for later ones."""
    if address not in (address.lower(), address.upper()):
        return False
    prefix, _, data = address.lower().rpartition("1")
    if not prefix or len(data) < 7 or any(letter not in _BECH32 for letter in data):
        return False
    values = [_BECH32[letter] for letter in data]
    expanded = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    return _polymod(expanded + values) == (_BECH32M_CONST if values[0] else _BECH32_CONST)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check


@cache
def _constants() -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Round constants and rotations of Keccak-f[1600], from their definitions (FIPS 202, 3.2)."""
    rounds, state = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if state & 1:
                constant |= 1 << ((1 << power) - 1)
            state = state << 1 ^ (0x171 if state & 0x80 else 0)
        rounds.append(constant)
    turns = [[0] * 5 for _ in range(5)]
    x, y = 1, 0
    for step in range(24):
        turns[x][y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(rounds), tuple(map(tuple, turns))


def keccak_256(message: bytes) -> bytes:
    """Keccak as Ethereum uses it: the padding of the competition, not that of SHA-3, which hashlib has."""
    rate = 136
    padded = bytearray(message) + bytes(rate - len(message) % rate)
    padded[len(message)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for number in range(rate // 8):
            at = start + number * 8
            lanes[number % 5][number // 5] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lanes[number][0].to_bytes(8, "little") for number in range(4))


def _permuted(a: list[list[int]]) -> list[list[int]]:
    constants, turns = _constants()
    for constant in constants:
        parity = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        change = [parity[x - 1] ^ _turned(parity[(x + 1) % 5], 1) for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = _turned(a[x][y] ^ change[x], turns[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        a[0][0] ^= constant
    return a


def _turned(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & 0xFFFF_FFFF_FFFF_FFFF
