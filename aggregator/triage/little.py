"""Whether so little is said that no grave trouble can be told from it: a bare call for help, or a bare price.

The model has learned "help" from those who lose everything, and large numbers from those who miss them.
"""

from __future__ import annotations

import functools
import re
from typing import Literal

from aggregator.triage.phrases import FOLDER, AnyOf, read

GROUPS = ("calls",)

_LONGEST = 48
# A coin, a word of where its price is, and the price: "BTC 涨到 95000 了", "btc just hit $95k".
_COIN = (
    r"(?:btc|eth|bnb|sol|trx|xrp|doge|ton|ltc|bitcoin|ethereum|ether|solana"
    r"|比特[币幣]|以太坊|以太|大[饼餅]|二[饼餅]|姨太)"
)
_MEANWHILE = (
    r"(?:今天|[现現]在|目前|[终終]于|都|已[经經]|才|又|快|要"
    r"|just|now|today|has|already|finally|back|is|price|\s)*"
)
_STANDS = (
    r"(?:[涨漲跌冲衝回来來]?到|站上|突?破|跌破|[现現]在"
    r"|hits?|at|above|below|reached|reaches|broke|crossed|touched|to|over|under|now)"
)
_SUM = r"\s*\$?\s?[0-9][0-9.,]*\s?[kw万萬]?\s?(?:刀|美金|美元|u|usdt?|dollars)?"
_PRICE = re.compile(
    rf"{_COIN}[\s,:]*(?:价格|價格|[币幣现現][价價])?{_MEANWHILE}{_STANDS}{_SUM}"
    r"(?:了|啦|哦|呀|吧|now|today|again|lol|wow|[\W_])*"
)


def too_little(text: str) -> Literal["call", "price"] | None:
    """What a post is that says nothing else; None: it says more.

    Args:
        text: as `search_text` gives it.
    """
    if len(text) > _LONGEST:
        return None
    if _only_calls().fills(text):
        return "call"
    return "price" if _PRICE.fullmatch(text) else None


@functools.cache
def _only_calls() -> AnyOf:
    return AnyOf(read(FOLDER / "little.yaml", GROUPS)["calls"])


def get_ready() -> None:
    """Load the words now.

    Raises:
        ConfigError: every mistake in them, with file and group.
    """
    _only_calls()
