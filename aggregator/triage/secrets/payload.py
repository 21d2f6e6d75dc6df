"""Secrets in payloads that do not parse."""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote_to_bytes

from aggregator.triage.secrets.finder import find

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{32,}={0,2}")
_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")


def gate(payload: bytes) -> bool:
    """Whether a secret shows in a payload that does not parse: as it is, unescaped, or in base64."""
    joined = payload.translate(None, b"\r\n\0")
    views = [payload, joined, _unescaped(payload), unquote_to_bytes(payload.replace(b"+", b" "))]
    views += [view for run in _BASE64.finditer(joined) for view in _from_base64(run.group())]
    return any(find(text) for view in dict.fromkeys(views) for text in _readings(view))


def _readings(data: bytes) -> list[str]:
    try:
        return [data.decode("utf-8")]
    except UnicodeDecodeError:
        return [data.decode("utf-8", "replace"), data.decode("latin-1")]


def _unescaped(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)).encode("utf-8", "surrogatepass"), data)


def _from_base64(run: bytes) -> list[bytes]:
    """What a run of base64 may say. Its true beginning is unknown, so each of the four phases is read."""
    plain = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    phases = [plain[skip:] for skip in range(4)]
    return [binascii.a2b_base64(phase[: len(phase) // 4 * 4]) for phase in phases]
