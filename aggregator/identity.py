"""Ids that everybody can compute: the same post has the same id, whoever saw it, however often."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

Id = bytes
"""Sixteen bytes, which the tables hold as UUID. On the way there an id is made, compared and looked up a dozen times
for each post, and uuid.UUID does all of that in Python."""

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_YEAR_9000 = 221_845_392_000_000  # in milliseconds; there are few more years that can be told
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]


def stable_id(*parts: str) -> Id:
    """blake2b-128 of the parts, separated by NUL (which no platform allows in an id)."""
    return blake2b("\0".join(parts).encode(), digest_size=16).digest()


def post_id(space: str, native_id: str) -> Id:
    return stable_id(space, native_id)


def thread_id(space: str, thread: str) -> Id:
    return stable_id(space, "thread", thread)


def account_id(space: str, native_id: str) -> Id:
    return stable_id(space, "account", native_id)


def inquiry_id(first_post: Id) -> Id:
    """The inquiry that began with this post."""
    return blake2b(first_post, digest_size=16, person=b"inquiry").digest()


def code(inquiry: Id) -> str:
    """What people call an inquiry: 7 letters and digits of base32 (2-7, A-Z)."""
    bits = int.from_bytes(inquiry[:5])
    return _PAIRS[bits >> 30] + _PAIRS[bits >> 20 & 1023] + _PAIRS[bits >> 10 & 1023] + _BASE32[bits >> 5 & 31]


def written(one: Id) -> str:
    """As a UUID is written in JSON."""
    digits = one.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def as_written(text: str) -> Id:
    """The reverse of `written`.

    Raises:
        ValueError: it is no id.
    """
    return UUID(text).bytes


def share_of_ids(number: int, of: int) -> tuple[UUID, UUID]:
    """Between which ids one share of all ids lies: above the first, up to the second. Ids are hashes, so the shares are
    of a size; an id is in exactly one of them."""
    above, last = (((edge << 128) // of) - 1 for edge in (number - 1, number))
    return UUID(int=max(above, 0)), UUID(int=last)


def as_uuid(one: Id) -> UUID:
    """As DuckDB takes it for a parameter of a statement."""
    return UUID(bytes=one)


def time_of(one: Id) -> datetime:
    """When a time-ordered id was made, to the millisecond. Of another id it is any time."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(int.from_bytes(one[:6]), _YEAR_9000))


def time_ordered_id(unix_ms: int, number: int) -> UUID:
    """UUIDv7 (RFC 9562, sections 5.7 and 6.2): 48 bits of time, `number` (0-4095) within the millisecond, random."""
    random = int.from_bytes(os.urandom(8))
    value = (unix_ms & (2**48 - 1)) << 80 | (number & 0xFFF) << 64 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0b11 << 62) | 0b10 << 62)
