"""Signature and cipher of WeChat's callbacks.

https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32  # bytes to which WeChat pads; a library's 16 would fail about half the time
PREFIX = 16  # random bytes before the length
KEY = re.compile(r"[A-Za-z0-9+/]{43}")


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts, in hex: token, timestamp, nonce, and the encrypted message where there is one."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


class Envelope:
    """Encrypts and decrypts for one account with its EncodingAESKey.

    AES-256-CBC over 16 random bytes, the message's length in bytes (4, big-endian), the message, and the owner (the
    appid or corpid).

    Raises:
        ValueError: the key is not 43 characters of base64.
    """

    def __init__(self, key: str, owner: str) -> None:
        if not KEY.fullmatch(key):
            raise ValueError("an EncodingAESKey has 43 letters and digits")
        raw = base64.b64decode(key + "=")
        self._cipher = Cipher(algorithms.AES(raw), modes.CBC(raw[:16]))
        self._owner = owner.encode()

    def sealed(self, message: bytes, prefix: bytes | None = None) -> str:
        """`message` encrypted, in base64. `prefix`: instead of 16 random bytes."""
        plain = (prefix or secrets.token_bytes(PREFIX)) + len(message).to_bytes(4, "big") + message + self._owner
        pad = BLOCK - len(plain) % BLOCK
        encryptor = self._cipher.encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

    def opened(self, sealed: str) -> bytes:
        """The message.

        Raises:
            ValueError: it is no such envelope, or addressed to somebody else.
        """
        try:
            decryptor = self._cipher.decryptor()
            padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
        except (binascii.Error, ValueError):
            raise ValueError("it is not encrypted as WeChat does it") from None
        pad = padded[-1] if padded else 0
        if not 1 <= pad <= BLOCK or len(padded) < pad + PREFIX + 4:
            raise ValueError("its padding is wrong: is the EncodingAESKey the account's own?")
        plain = padded[:-pad]
        end = PREFIX + 4 + int.from_bytes(plain[PREFIX : PREFIX + 4], "big")
        if end > len(plain) or plain[end:] != self._owner:
            raise ValueError("it is addressed to another account")
        return plain[PREFIX + 4 : end]
