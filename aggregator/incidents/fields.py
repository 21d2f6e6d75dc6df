"""The fields by which inquiries are grouped: what is broken, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

FEATURES = (
    "phishing", "impostor", "card", "bridge", "nft", "staking", "approval", "kyc", "hardware", "swap", "withdraw",
    "deposit", "code", "biometric", "login", "restore", "connect", "notification", "price", "buy", "app_start",
    "update", "fee", "history", "balance", "transfer",
)  # fmt: skip
"""What can break; of two that stand as near to the fault the first counts, for it says more."""

GENERIC = frozenset({"buy", "app_start", "update", "fee", "history", "balance", "transfer"})
"""These count only where a post names no other: nearly everything has to do with them."""

PARENTS = {
    "code": "login", "biometric": "login", "withdraw": "transfer", "deposit": "transfer", "bridge": "transfer",
    "swap": "transfer", "card": "transfer", "buy": "transfer",
}  # fmt: skip
"""What people call by a wider name when they do not look closely."""

CHAINED = frozenset(
    {"swap", "bridge", "withdraw", "deposit", "transfer", "staking", "nft", "approval", "fee", "balance", "history"}
    | {"connect"}
)
"""Where it matters on which chain."""

TOKENED = frozenset({"price", "staking", "nft"})
"""Where it matters of which token."""

Values = frozenset[str]
NONE: Values = frozenset()

SHARED = ("chain", "token", "version", "os", "error", "domain", "handle")

TELLING = ("chain", "token", "error", "domain", "handle")
"""Whoever names one of these says which trouble it is."""

ALWAYS = frozenset({"phishing", "impostor"})
"""To name them is to report them."""

NAMES: dict[str, tuple[str, ...]] = {
    "chain": (
        "ethereum", "bsc", "tron", "polygon", "arbitrum", "optimism", "base", "solana", "avalanche", "bitcoin", "ton",
        "zksync", "linea", "scroll", "sui", "aptos", "cosmos", "polkadot", "near", "fantom", "cronos", "cardano",
        "ripple", "dogecoin", "litecoin", "blast", "mantle", "celo",
    ),
    "token": (
        "usdt", "usdc", "dai", "eth", "btc", "bnb", "sol", "trx", "matic", "arb", "op", "avax", "ton", "doge", "shib",
        "pepe", "link", "uni", "ada", "dot", "atom", "xrp", "ltc",
    ),
    "os": ("ios", "android", "web", "desktop"),
}  # fmt: skip
"""Chains, tokens and systems that the lexicons name."""


NUMBERED = re.compile(r"[A-Z]{1,8}-?([0-9]{3,6})")
"""A code with letters before its number. People say SWAP-2041, SWAP2041 and 2041: whoever names it names the number."""


class Fields(NamedTuple):
    """feature: None where none is named. `also`: further ones. fault: it says that something does not work."""

    feature: str | None = None
    also: Values = NONE
    chain: Values = NONE
    token: Values = NONE
    version: Values = NONE
    os: Values = NONE
    error: Values = NONE
    domain: Values = NONE
    handle: Values = NONE  # accounts that pose as ours
    fault: bool = False
    echo: bool = False  # says "me too" and little else

    @property
    def points(self) -> bool:
        """Whether it names what only one incident can mean."""
        return bool(self.error or self.domain or self.handle)

    @property
    def tells(self) -> bool:
        """Whether it can be grouped by itself."""
        return self.fault and bool(self.feature or self.points)

    def joined(self, later: Fields) -> Fields:
        """The same person's next words: what was said stays, what was not is added."""
        feature = self.feature or later.feature
        also = (self.also | later.also | ({later.feature} if later.feature else NONE)) - {feature}
        shared = {name: getattr(self, name) | getattr(later, name) for name in SHARED}
        return Fields(
            feature, frozenset(also), **shared, fault=self.fault or later.fault, echo=self.echo and later.echo
        )

    def as_json(self) -> dict[str, Any]:
        """Only what is there, in a fixed order."""
        said: dict[str, Any] = {"feature": self.feature} if self.feature else {}
        for name in ("also", *SHARED):
            if values := getattr(self, name):
                said[name] = sorted(values)
        return said | ({"fault": True} if self.fault else {}) | ({"echo": True} if self.echo else {})

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Fields:
        """The reverse of `as_json`."""
        shared = {name: frozenset(said.get(name, ())) for name in ("also", *SHARED)}
        return cls(said.get("feature"), **shared, fault=said.get("fault", False), echo=said.get("echo", False))


def to_hold(said: Fields) -> Fields:
    """The same, for thousands of reports that are held: each holds the same few sets of values."""
    shared = {name: _one_of(getattr(said, name)) for name in SHARED}
    return Fields(said.feature, _one_of(said.also), **shared, fault=said.fault, echo=said.echo)


@lru_cache(maxsize=1024)
def _one_of(values: Values) -> Values:
    return values
