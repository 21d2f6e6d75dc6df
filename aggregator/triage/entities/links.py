"""Links, the domain that somebody registered for them, and what an explorer's link is about."""

from __future__ import annotations

import re

_LINK = re.compile(
    r"https?://[^\s<>\"'，。；！？、）】」█]+"
    r"|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|net|org|io|app|xyz|cn|me|co|top|vip|cc|info|finance|exchange|site|online|"
    r"fi|gg|ly|ru|tk|pro|club|shop|live|link|network|dev|ai|tech|so|to|icu|cloud|store|space|fun|website|support|help|"
    r"example|invalid|test|jp|kr|hk|tw|vn|uk|us|eu|de|biz|wallet|market|trade|bet|win|work|life|world|today|zone|one|cash|money)"
    r"(?![\w-])(?:/[^\s<>\"'，。；！？、）】」█]*)?",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"\.[A-Za-z]|://")
_HOST = re.compile(r"(?:https?://)?(?:[^/@\s]*@)?((?:[\w-]+\.)+[a-z][\w-]+)", re.IGNORECASE)
# Two-part endings under which anybody can register, as far as our customers and those who cheat them use them. The whole
# public suffix list has nine thousand, most of them of one town or one host of homepages.
_TWO_PART = re.compile(
    r"\.(?:(?:com|net|org|gov|edu|co|ac|or|ne|go|gob|idv|gen|web|in|re)\.[a-z]{2}"
    r"|(?:github|gitlab|gitbook|netlify|vercel|pages|web|workers|herokuapp|firebaseapp|blogspot|wordpress|weebly|wixsite|webflow|surge|glitch|"
    r"replit|onrender|fly|notion)\.(?:io|app|dev|com|sh|me|site|us))$"
)
_EXPLORERS = (
    ("etherscan.io", "ethereum"), ("bscscan.com", "bsc"), ("polygonscan.com", "polygon"), ("arbiscan.io", "arbitrum"),
    ("basescan.org", "base"), ("snowtrace.io", "avalanche"), ("snowscan.xyz", "avalanche"), ("ftmscan.com", "fantom"),
    ("tronscan.org", "tron"), ("tronscan.io", "tron"), ("trongrid.io", "tron"), ("solscan.io", "solana"), ("solana.fm", "solana"),
    ("explorer.solana.com", "solana"), ("solana.com", "solana"), ("mempool.space", "bitcoin"), ("blockstream.info", "bitcoin"),
    ("btcscan.org", "bitcoin"), ("blockchain.com", "bitcoin"), ("tonscan.org", "ton"), ("tonviewer.com", "ton"),
    ("suiscan.xyz", "sui"), ("suivision.xyz", "sui"), ("aptoscan.com", "aptos"), ("lineascan.build", "linea"),
    ("zksync.io", "zksync"), ("cronoscan.com", "cronos"), ("celoscan.io", "celo"), ("scrollscan.com", "scroll"),
)  # fmt: skip
_OPTIMISM = "optimistic.etherscan.io"


def find_links(text: str) -> list[tuple[str, int]]:
    """(link, where it begins), without the sentence around it."""
    if not _DOTTED.search(text):
        return []
    links = ((match[0].rstrip(".,;:!?)"), match.start()) for match in _LINK.finditer(text))
    return [(link, start) for link, start in links if _HOST.match(link)]


def host_of(link: str) -> str:
    match = _HOST.match(link)
    return match[1].lower() if match else ""


def domain_of(host: str) -> str:
    """What somebody registered: `bonus.example` of `claim.bonus.example`, as far as can be told without a full list."""
    keep = 3 if _TWO_PART.search(f".{host}") else 2
    return ".".join(host.split(".")[-keep:])


def chain_of(host: str) -> str | None:
    """The chain that an explorer shows; None: it is none that we know."""
    if host.endswith(_OPTIMISM):
        return "optimism"
    for ending, chain in _EXPLORERS:
        if host == ending or host.endswith(f".{ending}"):
            return chain
    first = host.partition(".")[0]
    return next((chain for ending, chain in _EXPLORERS if first == ending.partition(".")[0]), None)
