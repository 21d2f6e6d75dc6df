"""Ids that everybody can compute: the same post has the same id, whoever saw it, however often."""

from __future__ import annotations

import os
from base64 import b32encode
from hashlib import blake2b
from uuid import UUID


def stable_id(*parts: str) -> UUID:
    """A UUID from blake2b-128 of the parts, separated by NUL (which no platform allows in an id)."""
    return UUID(bytes=blake2b("\0".join(parts).encode(), digest_size=16).digest())


def post_id(space: str, native_id: str) -> UUID:
    return stable_id(space, native_id)


def thread_id(space: str, thread: str) -> UUID:
    return stable_id(space, "thread", thread)


def account_id(space: str, native_id: str) -> UUID:
    return stable_id(space, "account", native_id)


def inquiry_id(first_post: UUID) -> UUID:
    """The inquiry that began with this post."""
    return UUID(bytes=blake2b(first_post.bytes, digest_size=16, person=b"inquiry").digest())


def code(inquiry: UUID) -> str:
    """What people call an inquiry: 7 letters and digits of base32 (2-7, A-Z)."""
    return b32encode(inquiry.bytes[:5]).decode()[:7]


def time_ordered_id(unix_ms: int, number: int) -> UUID:
    """UUIDv7 (RFC 9562, sections 5.7 and 6.2): 48 bits of time, `number` (0-4095) within the millisecond, random."""
    random = int.from_bytes(os.urandom(8))
    value = (unix_ms & (2**48 - 1)) << 80 | (number & 0xFFF) << 64 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0b11 << 62) | 0b10 << 62)
