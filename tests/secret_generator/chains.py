"""Transaction ids and addresses of the chains that people write to support about, and links to explorers."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

from tests.secret_generator import encodings as enc

TRANSACTION_IDS: dict[str, Callable[[random.Random], str]] = {
    "ethereum": lambda rng: "0x" + rng.randbytes(32).hex(),
    "bitcoin": lambda rng: rng.randbytes(32).hex(),
    "tron": lambda rng: rng.randbytes(32).hex(),
    "solana": lambda rng: enc.base58(rng.randbytes(64)),
    "ton": lambda rng: base64.b64encode(rng.randbytes(32)).decode(),
    "xrp": lambda rng: rng.randbytes(32).hex().upper(),
    "cosmos": lambda rng: rng.randbytes(32).hex().upper(),
    "cardano": lambda rng: rng.randbytes(32).hex(),
    "aptos": lambda rng: "0x" + rng.randbytes(32).hex(),
    "sui": lambda rng: enc.base58(rng.randbytes(32)),
    "near": lambda rng: enc.base58(rng.randbytes(32)),
}
ADDRESSES: dict[str, Callable[[random.Random], str]] = {
    "ethereum": lambda rng: enc.eip55(rng.randbytes(20)),
    "ethereum_lower": lambda rng: "0x" + rng.randbytes(20).hex(),
    "bitcoin_p2pkh": lambda rng: enc.base58check(b"\0" + rng.randbytes(20)),
    "bitcoin_p2sh": lambda rng: enc.base58check(b"\5" + rng.randbytes(20)),
    "bitcoin_segwit": lambda rng: enc.bech32("bc", rng.randbytes(20), version=0),
    "bitcoin_taproot": lambda rng: enc.bech32("bc", rng.randbytes(32), version=1),
    "tron": lambda rng: enc.base58check(b"\x41" + rng.randbytes(20)),
    "solana": lambda rng: enc.base58(rng.randbytes(32)),
    "ton": lambda rng: enc.ton_address(rng.randbytes(32)),
    "cosmos": lambda rng: enc.bech32("cosmos", rng.randbytes(20)),
    "cardano": lambda rng: enc.bech32("addr", b"\1" + rng.randbytes(56)),
}  # none of Aptos or Sui: it is 32 bytes in hexadecimal, as a key is, and no such word as "tx" stands by it
EXPLORERS = (
    ("https://etherscan.io/tx/{}", "ethereum"),
    ("https://bscscan.com/tx/{}", "ethereum"),
    ("https://polygonscan.com/tx/{}#eventlog", "ethereum"),
    ("https://arbiscan.io/tx/{}?a=1", "ethereum"),
    ("https://mempool.space/tx/{}", "bitcoin"),
    ("https://www.blockchain.com/explorer/transactions/btc/{}", "bitcoin"),
    ("https://tronscan.org/#/transaction/{}", "tron"),
    ("https://solscan.io/tx/{}", "solana"),
    ("https://explorer.solana.com/tx/{}?cluster=mainnet-beta", "solana"),
    ("https://xrpscan.com/tx/{}", "xrp"),
    ("https://www.mintscan.io/cosmos/tx/{}", "cosmos"),
    ("https://cardanoscan.io/transaction/{}", "cardano"),
    ("https://suiscan.xyz/mainnet/tx/{}", "sui"),
    ("https://explorer.aptoslabs.com/txn/{}", "aptos"),
)


def transaction_id(rng: random.Random) -> str:
    return rng.choice(list(TRANSACTION_IDS.values()))(rng)


def address(rng: random.Random) -> str:
    return rng.choice(list(ADDRESSES.values()))(rng)


def explorer_link(rng: random.Random) -> str:
    pattern, chain = rng.choice(EXPLORERS)
    return pattern.format(TRANSACTION_IDS[chain](rng))
