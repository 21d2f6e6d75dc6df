"""Where a link leads, as browsers read it (https://url.spec.whatwg.org/#concept-host-parser)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

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
