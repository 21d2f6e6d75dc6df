"""Where a link leads, as browsers read it (https://url.spec.whatwg.org/#concept-host-parser), and whose site it is."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

# Two-part endings under which anybody can register, as far as our customers and those who cheat them use them. The
# whole public suffix list has nine thousand, most of them of one town or one host of homepages.
_TWO_PART = re.compile(
    r"\.(?:(?:com|net|org|gov|edu|co|ac|or|ne|go|gob|idv|gen|web|in|re)\.[a-z]{2}"
    r"|(?:github|gitlab|gitbook|netlify|vercel|pages|web|workers|herokuapp|firebaseapp|blogspot|wordpress|weebly|"
    r"wixsite|webflow|surge|glitch|"
    r"replit|onrender|fly|notion)\.(?:io|app|dev|com|sh|me|site|us))$"
)
_IN_NO_HOST = re.compile(r"[\s#%/<>?@\[\\\]^|]")


def host_and_path(url: str) -> tuple[str, str]:
    """The host in small letters, and the path; both empty: nowhere.

    A browser takes a backslash for a slash, undoes escapes in a host, and knows wide letters, three more dots and signs
    that count nothing. Whoever reads `https://evil.example\\@wallet.example` otherwise takes it for wallet.example.
    """
    try:
        parts = urlsplit(url.replace("\\", "/"))
        host = unquote(parts.hostname or "")
    except ValueError:
        return "", ""
    host = unicodedata.normalize("NFKC", host).replace("。", ".").lower()
    host = "".join(each for each in host if unicodedata.category(each) != "Cf")
    return ("", "") if not host or _IN_NO_HOST.search(host) else (host, parts.path)


def domain_of(host: str) -> str:
    """What somebody registered: `bonus.example` of `claim.bonus.example`, as far as can be told without a full list."""
    keep = 3 if _TWO_PART.search(f".{host}") else 2
    return ".".join(host.split(".")[-keep:])
