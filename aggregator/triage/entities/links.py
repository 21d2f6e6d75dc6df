"""Links, the domain that somebody registered for them, and what an explorer's link is about."""

from __future__ import annotations

import re

ENDINGS = (
    "com|net|org|io|app|xyz|cn|me|co|top|vip|cc|info|finance|exchange|site|online|"
    "fi|gg|ly|ru|tk|pro|club|shop|live|link|network|dev|ai|tech|so|to|icu|cloud|store|space|fun|website|support|help|"
    "example|invalid|test|jp|kr|hk|tw|vn|uk|us|eu|de|biz|wallet|market|trade|bet|win|work|life|world|today|zone|one|cash|money"
)
"""By which a host is told that stands without https://, as alternatives of a pattern."""

_LINK = re.compile(
    r"https?://[^\s<>\"'，。；！？、）】」█]+"
    rf"|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:{ENDINGS})"
    r"(?![\w-])(?:/[^\s<>\"'，。；！？、）】」█]*)?",
    re.IGNORECASE,
)
DOTTED = re.compile(r"\.[A-Za-z]")
# Up to the last @ before the path is no host. A path begins with a backslash, too, where a browser reads it.
_HOST = re.compile(r"(?:https?://)?(?:[^/\\?#\s]*@)?((?:[\w-]+\.)+[a-z][\w-]+)", re.IGNORECASE)
_EXPLORERS = {
    "etherscan": "ethereum", "bscscan": "bsc", "polygonscan": "polygon", "arbiscan": "arbitrum", "basescan": "base",
    "snowtrace": "avalanche", "snowscan": "avalanche", "ftmscan": "fantom", "tronscan": "tron", "trongrid": "tron",
    "solscan": "solana", "solana": "solana", "mempool": "bitcoin", "blockstream": "bitcoin", "btcscan": "bitcoin",
    "tonscan": "ton", "tonviewer": "ton", "suiscan": "sui", "suivision": "sui", "aptoscan": "aptos",
    "lineascan": "linea", "cronoscan": "cronos", "celoscan": "celo", "scrollscan": "scroll",
}  # fmt: skip


def find_links(text: str) -> list[tuple[str, int]]:
    """(link, where it begins), without the sentence around it."""
    links = ((match[0].rstrip(".,;:!?)"), match.start()) for match in _LINK.finditer(text))
    return [(link, start) for link, start in links if _HOST.match(link)]


def host_of(link: str) -> str:
    match = _HOST.match(link)
    return match[1].lower() if match else ""


def chain_of(host: str) -> str | None:
    """The chain that an explorer shows, under whatever ending; None: it is none that we know."""
    if host.endswith("optimistic.etherscan.io"):
        return "optimism"
    parts = host.split(".")
    return next((chain for part in parts[-3:-1] if (chain := _EXPLORERS.get(part))), None)
