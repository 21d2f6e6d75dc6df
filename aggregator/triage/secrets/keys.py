"""Private keys in a folded text: hexadecimal, WIF, extended keys, keystores, Solana, and those that say what they are.

A hexadecimal private key looks exactly like a transaction id: `context.py` decides by the words around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from aggregator.triage.secrets import published
from aggregator.triage.secrets.context import Reading, read
from aggregator.triage.secrets.encodings import (
    base58_decode,
    base58check_payload,
    is_ed25519_pair,
    is_stellar_seed,
)
from aggregator.triage.secrets.found import Found

_XPRV = re.compile(r"(?<![A-Za-z0-9])[a-zA-Z]prv[1-9A-HJ-NP-Za-km-z]{60,120}")
_XPRV_PIECES = re.compile(r"(?<![A-Za-z0-9])[a-zA-Z]prv(?:(?:[^\w█]|_){0,6}[1-9A-HJ-NP-Za-km-z]){107}")
# Sui and Nostr (bech32), EOS: they begin with what they are.
_NAMED = re.compile(
    r"(?<![A-Za-z0-9])(?:(?i:(?:suiprivkey|nsec)1[02-9ac-hj-np-z]{50,})|(?i:pvt)_[KR]1_[1-9A-HJ-NP-Za-km-z]{45,})"
)
_STELLAR = re.compile(r"(?<![A-Za-z0-9])S[A-D][A-Z2-7]{54}(?![A-Za-z0-9])")
_BASE58 = re.compile(r"(?<![1-9A-HJ-NP-Za-km-z])[1-9A-HJ-NP-Za-km-z]{50,}")
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{56,})")
_NO_DIGITS = bytes(c for c in range(256) if c not in b"0123456789abcdefABCDEF")
_HEX_PIECES = re.compile(
    r"(?<![0-9a-zA-Z])(?:0[xX])?[0-9a-fA-F]{1,60}(?:(?:[^\w█]|_){1,6}[0-9a-fA-F]{1,60}){1,95}(?![0-9a-zA-Z])"
)
_HEX_PIECE = re.compile(r"[0-9a-fA-F]+(?![xX])")
_NUMBER = re.compile(r"\d{1,2}[.)、:]")  # of a list's line
_FEWEST_OF_A_KIND = 6  # letters, and digits; less is a table of numbers
_HALVES = re.compile(
    r"(?<![0-9a-zA-Z])(?:0x)?([0-9a-f]{32})(?![0-9a-z])(?=.{0,60}(?:half|part|rest|then|半|段|部分|剩|后面|後面))"
    r".{1,80}?(?<![0-9a-z])(?:0x)?([0-9a-f]{32})(?![0-9a-z])",
    re.IGNORECASE | re.DOTALL,
)
BYTES = re.compile(
    r"(?<![0-9a-zA-Z])(?:0x)?[0-9a-fA-F]{1,3}(?:[\s,;；，、]{1,6}(?:0x)?[0-9a-fA-F]{1,3}){31,64}(?![0-9a-zA-Z])"
)
STORE_NAMES = ("crypto", "ciphertext", "kdfparams")
_STORE = re.compile(rf"[\"']?(?<![a-z])(?:{'|'.join(STORE_NAMES)})[\"']?\s*[:：=]", re.IGNORECASE)
_WIF_FIRST = "5KL9c6QT"  # Bitcoin, its test net, BIP-38, Dogecoin, Litecoin
SHORTEST_KEY = 32  # characters: bytes without blanks
_SHOWN = 8  # characters that stay readable at each end of what may be a key or a transaction id
_MOST_PAIRS = 200  # curve operations per text: a page of signatures must not hold up the rest


def find_keys(text: str, label: str = "") -> Iterator[Found]:
    """Keys in the order of how surely they are known; the caller drops what overlaps an earlier one.

    `label`: the name of the field that holds the text, read as if it stood before it.
    """
    yield from _keystores(text)
    if "prv" in text:
        for match in _XPRV.finditer(text):
            payload = base58check_payload(match.group()[:111])
            yield Found("xprv", match.start(), match.end(), checked=payload is not None)
        for match in _XPRV_PIECES.finditer(text):
            if base58check_payload(re.sub(r"[\W_]", "", match.group())) is not None:
                yield Found("xprv", match.start(), match.end(), checked=True)
    for match in _NAMED.finditer(text):
        yield Found("private_key", match.start(), match.end())
    for match in _STELLAR.finditer(text):
        if is_stellar_seed(match.group()):
            yield Found("private_key", match.start(), match.end(), checked=True)
    yield from _base58_keys(text, label)
    if may_be_bytes(text):
        yield from _byte_arrays(text, label)
    yield from _hex_keys(text, label)
    if len(_HEX.sub("", text).encode("utf-8", "replace").translate(None, _NO_DIGITS)) >= 64:
        yield from _hex_in_pieces(text, label)


def _keystores(text: str) -> Iterator[Found]:
    """From the first field of the encrypted part to its closing brace, or as far as it was pasted."""
    done = 0
    low = text.lower()
    if "cipher" not in low and "kdf" not in low:
        return
    while match := _STORE.search(text, done):
        done = _end_of_object(text, match.end())
        inside = text[match.start() : done].lower()
        if len(inside) >= SHORTEST_KEY and ("cipher" in inside or "kdf" in inside):
            yield Found("keystore", match.start(), done)


def _end_of_object(text: str, start: int) -> int:
    """Where the braces that follow are closed; without braces, 600 characters on at most."""
    depth = 0
    opened = False
    limit = min(len(text), start + 4000)
    for i in range(start, limit):
        if text[i] == "{":
            depth, opened = depth + 1, True
        elif text[i] == "}":
            depth -= 1
            if depth < 0 or (opened and depth == 0):
                return i + 1 if depth == 0 else i
        elif not opened and i - start > 600:
            return i
    return limit


def _base58_keys(text: str, label: str) -> Iterator[Found]:
    pairs = 0
    for match in _BASE58.finditer(text):
        token, start = match.group(), match.start()
        if _is_hex(token):
            continue
        if len(token) <= 60 and (wif := _wif(token)):
            first, last, key = wif
            public = published.is_published_hex(key[1:33].hex())
            yield Found("wif", start + first, start + last, public, checked=True)
        elif len(token) in (51, 52) and token[0] in "5KL9c":
            if read(text, start, match.end(), label) is Reading.KEY:
                yield Found("wif", start, match.end())
        elif 86 <= len(token) <= 88 and _stands_alone(text, start, match.end()):
            pairs += 1
            data = base58_decode(token) if pairs <= _MOST_PAIRS else None
            if data is not None and is_ed25519_pair(data):
                yield Found("solana_key", start, match.end(), checked=True)
            elif read(text, start, match.end(), label) is Reading.KEY:
                yield Found("solana_key", start, match.end())
            elif pairs > _MOST_PAIRS and read(text, start, match.end(), label) is Reading.DOUBT:
                yield Found("solana_key", start + _SHOWN, match.end() - _SHOWN, doubtful=True)


def _wif(token: str) -> tuple[int, int, bytes] | None:
    """Where in a token a WIF or an encrypted key (BIP-38, 58 characters) stands, and what it carries. Only a
    right checksum counts."""
    for size, payloads in ((51, (33, 34)), (52, (33, 34)), (58, (39,))):
        for at in range(len(token) - size + 1):
            if token[at] not in _WIF_FIRST:
                continue
            payload = base58check_payload(token[at : at + size])
            if payload is not None and len(payload) in payloads:
                return at, at + size, payload
    return None


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not (text[start - 1 : start].isalnum() and text[start - 1].isascii()) and not (
        text[end : end + 1].isalnum() and text[end].isascii()
    )


def _is_hex(token: str) -> bool:
    return not token.strip("0123456789abcdefABCDEF")


def may_be_bytes(text: str) -> bool:
    """Whether enough stands apart for a key's bytes, written one by one."""
    return len(text.split()) + sum(map(text.count, ",;，；、")) >= 32


def _byte_arrays(text: str, label: str) -> Iterator[Found]:
    for match in islice(BYTES.finditer(text), _MOST_PAIRS):
        pieces = re.split(r"[\s,;；，、]+", match.group())
        decimal = all(piece.isdecimal() for piece in pieces)
        values = [int(piece, 10 if decimal else 16) for piece in pieces]
        if max(values) > 255:
            continue
        data = bytes(values)
        checked = is_ed25519_pair(data)
        reading = Reading.KEY if checked else read(text, match.start(), match.end(), label)
        if reading is Reading.KEY:
            yield Found("solana_key", match.start(), match.end(), checked=checked)


def _hex_keys(text: str, label: str) -> Iterator[Found]:
    for match in _HEX.finditer(text):
        digits = match.group(1)
        if len(digits) > 130:
            continue
        reading = read(text, match.start(), match.end(), label)
        public = len(digits) == 64 and published.is_published_hex(digits)
        if public or reading is Reading.KEY:
            yield Found("private_key", match.start(), match.end(), public)
        elif len(digits) == 64 and reading is Reading.DOUBT:
            yield Found("private_key", match.start(1) + _SHOWN, match.end() - _SHOWN, doubtful=True)


def _hex_in_pieces(text: str, label: str) -> Iterator[Found]:
    """A key in groups, in a list, in halves or broken over lines: only where a word says that it is one."""
    for match in _HEX_PIECES.finditer(text):
        pieces = [piece.span() for piece in _HEX_PIECE.finditer(text, *match.span())]
        unnumbered = [(start, end) for start, end in pieces if not _NUMBER.fullmatch(text[start : end + 1])]
        yield from _made_up(text, unnumbered, label) or _made_up(text, pieces, label)
    for match in _HALVES.finditer(text):
        if read(text, match.start(1), match.end(2), label) is Reading.KEY:
            yield Found("private_key", *match.span(1))
            yield Found("private_key", *match.span(2))


def _made_up(text: str, pieces: Sequence[tuple[int, int]], label: str) -> list[Found]:
    """The keys that pieces which follow each other make up."""
    found: list[Found] = []
    done = 0
    for first in range(len(pieces)):
        last = _sixty_four(pieces, first)
        if first < done or last is None:
            continue
        digits = "".join(text[start:end] for start, end in pieces[first : last + 1])
        start, end = pieces[first][0], pieces[last][1]
        if _is_mixed(digits) and read(text, start, end, label) is Reading.KEY:
            found.append(Found("private_key", start, end, published.is_published_hex(digits)))
            done = last + 1
    return found


def _is_mixed(digits: str) -> bool:
    decimal = sum(map(str.isdecimal, digits))
    return _FEWEST_OF_A_KIND <= decimal <= len(digits) - _FEWEST_OF_A_KIND


def _sixty_four(pieces: Sequence[tuple[int, int]], first: int) -> int | None:
    """The piece with which those from `first` on make up a key's 64 digits."""
    total = 0
    for last in range(first, len(pieces)):
        total += pieces[last][1] - pieces[last][0]
        if total >= 64:
            return last if total == 64 else None
    return None
