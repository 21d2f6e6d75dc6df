"""What a post shows of its author that another account may show, too, as hashes: the values themselves are not kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aggregator.identity import Id, stable_id

CLAIMED = ("tx", "address")
"""Kinds of entities that anybody can quote, the victim's neighbour and the thief included."""
SAID, PROVED = "said", "proved"
"""What a colleague says: that two accounts are one person's, without proof, or with one, such as a code we sent."""
VERIFIED = frozenset({"mail", "app", PROVED})
"""Kinds that a platform has vouched for (`Author.vouched`), and what was proved to a colleague."""

_MOST = 8  # of a post: who lists more quotes a table, not his own wallet
_HEX = re.compile(r"(?:0x)?[0-9a-f]+")


class Evidence(NamedTuple):
    kind: str
    value: Id  # a hash of kind and value


def evidence_of(vouched: Sequence[tuple[str, str]], entities: Mapping[str, Sequence[str]]) -> tuple[Evidence, ...]:
    """All of a post: what its author's platform vouches for, and the ids on chains that its text names."""
    if not vouched and entities.keys().isdisjoint(CLAIMED):
        return ()
    found = [Evidence(kind, hashed(kind, value)) for kind, value in vouched]
    claims = [(kind, value) for kind in CLAIMED for value in entities.get(kind, ())]
    if len(claims) <= _MOST:
        found += [Evidence(kind, hashed(kind, value)) for kind, value in claims]
    return tuple(dict.fromkeys(found))


def hashed(kind: str, value: str) -> Id:
    """The same for all spellings of one value."""
    return stable_id("evidence", kind, _plain(kind, value))


def _plain(kind: str, value: str) -> str:
    """Upper and lower case differ only in base58."""
    if kind == "app":
        return value
    lower = value.lower()
    if kind == "mail" or lower.startswith("bc1"):
        return lower
    return lower.removeprefix("0x") if _HEX.fullmatch(lower) else value
