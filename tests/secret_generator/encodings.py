"""How keys and addresses are written down: base58, bech32, EIP-55, WIF, extended keys, keystores, Solana's keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import random
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # secp256k1
# Version bytes by SLIP-132: https://github.com/satoshilabs/slips/blob/master/slip-0132.md
EXTENDED = {"xprv": 0x0488ADE4, "yprv": 0x049D7878, "zprv": 0x04B2430C}


def base58(data: bytes) -> str:
    number, digits = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def base58check(payload: bytes) -> str:
    return base58(payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4])


def bech32(prefix: str, data: bytes, *, version: int | None = None) -> str:
    """BIP-173, with BIP-350's other constant from witness version 1; no version: a Cosmos or Cardano address."""
    bits = "".join(f"{byte:08b}" for byte in data)
    values = [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)]
    values = values if version is None else [version, *values]
    expanded = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values, *[0] * 6]
    rest = 1
    for value in expanded:
        top, rest = rest >> 25, (rest & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            rest ^= generator if top >> i & 1 else 0
    rest ^= 0x2BC830A3 if version else 1
    checksum = [rest >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(BECH32[value] for value in [*values, *checksum])


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash, which differs from hashlib's SHA3-256 in its padding."""
    rate = 136
    padded = bytearray(data + b"\1" + bytes(-(len(data) + 1) % rate))
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for block in range(0, len(padded), rate):
        for i in range(rate // 8):
            lanes[i % 5][i // 5] ^= int.from_bytes(padded[block + 8 * i : block + 8 * i + 8], "little")
        lanes = _keccak_f(lanes)
    return b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


def _keccak_f(lanes: list[list[int]]) -> list[list[int]]:
    register = 1
    for _ in range(24):
        columns = [a ^ b ^ c ^ d ^ e for a, b, c, d, e in lanes]
        mixed = [columns[(x + 4) % 5] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        lanes = [[lane ^ mixed[x] for lane in lanes[x]] for x in range(5)]
        x, y, moving = 1, 0, lanes[1][0]
        for turn in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            moving, lanes[x][y] = lanes[x][y], _rotated(moving, (turn + 1) * (turn + 2) // 2)
        lanes = [[lanes[x][y] ^ (~lanes[(x + 1) % 5][y] & lanes[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        for bit in range(7):
            register = (register << 1 ^ (register >> 7) * 0x71) % 256
            if register & 2:
                lanes[0][0] ^= 1 << (1 << bit) - 1
    return lanes


def _rotated(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> (64 - by)) % (1 << 64)


def eip55(account: bytes) -> str:
    """An Ethereum address of 20 bytes; the case of its letters is a checksum."""
    digits = account.hex()
    digest = keccak256(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(h, 16) > 7 else d for d, h in zip(digits, digest, strict=False))


def ton_address(account: bytes) -> str:
    """A user-friendly TON address: flags, workchain, 32 bytes, CRC-16."""
    payload = b"\x11\0" + account
    return base64.urlsafe_b64encode(payload + binascii.crc_hqx(payload, 0).to_bytes(2)).decode()


def invent_key(rng: random.Random) -> bytes:
    """32 bytes that are a private key on secp256k1."""
    return rng.randrange(1, CURVE_ORDER).to_bytes(32)


def wif(key: bytes, *, compressed: bool) -> str:
    """Bitcoin's mainnet format: begins with 5, or with K or L for a compressed public key."""
    return base58check(b"\x80" + key + b"\1" * compressed)


def extended_key(rng: random.Random, prefix: str) -> str:
    """BIP-32: version, depth, parent's fingerprint, child number, chain code, key; 111 characters."""
    depth = rng.randrange(6)
    parent = bytes(4) if depth == 0 else rng.randbytes(4)
    child = bytes(4) if depth == 0 else rng.choice((0, 0x80000000)).to_bytes(4)
    version = EXTENDED[prefix].to_bytes(4)
    return base58check(version + bytes([depth]) + parent + child + rng.randbytes(32) + b"\0" + invent_key(rng))


def solana_pair(rng: random.Random) -> bytes:
    """What a Solana wallet exports: the 32 bytes of the secret key, then those of its public key."""
    seed = rng.randbytes(32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return seed + public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def keystore(rng: random.Random) -> dict[str, object]:
    """A Web3 Secret Storage file, version 3, that its password would open.

    https://ethereum.org/en/developers/docs/data-structures-and-encoding/web3-secret-storage
    Its cost is far below a wallet's, so that inventing many stays quick.
    """
    password, salt, iv, account = rng.randbytes(8), rng.randbytes(32), rng.randbytes(16), rng.randbytes(20)
    kdf = rng.choice(("scrypt", "pbkdf2"))
    if kdf == "scrypt":
        derived = hashlib.scrypt(password, salt=salt, n=256, r=8, p=1, dklen=32)
        parameters: dict[str, object] = {"dklen": 32, "n": 256, "p": 1, "r": 8, "salt": salt.hex()}
    else:
        derived = hashlib.pbkdf2_hmac("sha256", password, salt, 64, 32)
        parameters = {"c": 64, "dklen": 32, "prf": "hmac-sha256", "salt": salt.hex()}
    encryptor = Cipher(algorithms.AES(derived[:16]), modes.CTR(iv)).encryptor()
    ciphertext = encryptor.update(invent_key(rng)) + encryptor.finalize()
    crypto = {
        "cipher": "aes-128-ctr",
        "ciphertext": ciphertext.hex(),
        "cipherparams": {"iv": iv.hex()},
        "kdf": kdf,
        "kdfparams": parameters,
        "mac": keccak256(derived[16:] + ciphertext).hex(),
    }
    name = str(uuid.UUID(bytes=rng.randbytes(16), version=4))
    return {"version": 3, "id": name, "address": account.hex(), rng.choice(("crypto", "Crypto")): crypto}
