"""Transaction ids and addresses, by their form."""

from __future__ import annotations

import re

from aggregator.triage.entities.checksums import base58_is_right, bech32_is_right, mixed_case_is_right

_B58 = "[1-9A-HJ-NP-Za-km-z]"
_MIXED = r"(?=[0-9A-Za-z]*[0-9])(?=[0-9A-Za-z]*[a-z])(?=[0-9A-Za-z]*[A-Z])"
# No id is shorter, and most posts have no such run of letters and digits.
RUN = re.compile(r"[0-9A-Za-z]{26,}")
_TON = re.compile(r"(?<![0-9A-Za-z_-])[EU]Q[0-9A-Za-z_-]{46}(?![0-9A-Za-z_-])")
_ID = re.compile(
    r"(?P<evm_tx>0x[0-9a-fA-F]{64})"
    r"|(?P<evm>0x[0-9a-fA-F]{40})"
    r"|(?P<hex_tx>[0-9a-fA-F]{64})"
    rf"|(?P<solana_tx>{_MIXED}{_B58}{{86,88}})"
    r"|(?P<bech32>(?:bc1|tb1|ltc1)[02-9ac-hj-np-z]{11,71}|(?:BC1|LTC1)[02-9AC-HJ-NP-Z]{11,71})"
    rf"|(?P<tron>T{_B58}{{33}})"
    rf"|(?P<base58>(?=[0-9A-Za-z]*[A-Za-z])[13]{_B58}{{25,34}})"
    rf"|(?P<solana>{_MIXED}{_B58}{{43,44}})"
)
_TRANSACTIONS = frozenset({"evm_tx", "hex_tx", "solana_tx"})
_CHECKS = {"evm": mixed_case_is_right, "bech32": bech32_is_right, "tron": base58_is_right, "base58": base58_is_right}


def find_ids(text: str) -> list[tuple[str, int, int]]:
    """(form, start, end) of each transaction id and address; the form is a name of `_ID`'s groups."""
    found = []
    for run in RUN.finditer(text):
        if match := _ID.fullmatch(run[0]):
            found.append((str(match.lastgroup), run.start(), run.end()))
    if "EQ" in text or "UQ" in text:
        found += [("ton", *match.span()) for match in _TON.finditer(text)]
    return found


def is_transaction(form: str) -> bool:
    return form in _TRANSACTIONS


def form_of(written: str) -> str | None:
    """The form of an id as it stands in a post: `evm_tx, hex_tx` (Bitcoin, Tron and others), `solana_tx, evm, bech32,
    tron, base58, solana, ton`; None: it is none."""
    match = _ID.fullmatch(written)
    return match.lastgroup if match else "ton" if _TON.fullmatch(written) else None


def is_mistyped(address: str) -> bool:
    """Whether an address carries a checksum that does not fit. Whoever wrote it changed or left out a character.

    Takes up to half a millisecond, so nobody asks it for each post.
    """
    check = _CHECKS.get(form_of(address) or "")
    return check is not None and not check(address)
