"""A text with secrets at known places, and what counts as a leak once somebody has masked it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

PHRASES = frozenset({"phrase", "fragment", "test_vector"})
ROW = 12  # so many characters of a key in a row are a leak
MASK = "█"


@dataclass(frozen=True)
class Secret:
    """One secret.

    kind: phrase, fragment, test_vector; hex_key, test_key, wif, xprv, keystore, solana
    pieces: a phrase's words in their order, as the list spells them (NFC); a key's characters, in one or more parts
    alarm: True, it must alarm; False, it must not (published); None, the design leaves it open (a fragment)
    spans: where each piece stands in the text, in code points; a piece may be disguised there
    """

    kind: str
    pieces: tuple[str, ...]
    alarm: bool | None
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Planted:
    """A text and its secrets.

    layout: what was done to it, `numbered_dot+upper+code_fence`; the first name is the arrangement
    language: the word list's name; for keys, that of the sentences around
    readable: pieces that must survive masking, such as transaction ids
    cue: a word such as "seed phrase" or 私钥 stands beside the secret
    """

    text: str
    secrets: tuple[Secret, ...]
    layout: str
    language: str
    readable: tuple[str, ...] = ()
    cue: bool = False


class Run(NamedTuple):
    """A stretch of text: a piece of a secret (its number and place in it), or harmless."""

    text: str
    secret: int | None = None
    place: int = 0
    keep: bool = False  # must survive masking


class Hidden(NamedTuple):
    """What a text hides, before it is known where its pieces stand."""

    kind: str
    pieces: tuple[str, ...]
    alarm: bool | None


def plant(runs: Iterable[Run], hidden: Sequence[Hidden], *, layout: str, language: str, cue: bool = False) -> Planted:
    """Write the runs one behind the other and note where each secret's pieces came to stand."""
    spans: list[dict[int, tuple[int, int]]] = [{} for _ in hidden]
    written: list[str] = []
    kept: list[str] = []
    at = 0
    for run in runs:
        if run.secret is not None:
            spans[run.secret][run.place] = (at, at + len(run.text))
        if run.keep:
            kept.append(run.text)
        written.append(run.text)
        at += len(run.text)
    secrets = tuple(
        Secret(h.kind, h.pieces, h.alarm, tuple(places[n] for n in range(len(h.pieces))))
        for h, places in zip(hidden, spans, strict=True)
    )
    return Planted("".join(written), secrets, layout, language, tuple(kept), cue)


def leaked(planted: Planted, masked: str) -> list[str]:
    """Say of each secret what is still readable, when it is too much; an empty list is no leak.

    Too much is more than a quarter of a phrase's words, or 12 characters of a key in a row (whatever separates them).
    Masks keep the length in UTF-16 units, so we compare place by place; a text of another length (markup was
    removed, say) is searched for the pieces instead.
    """
    left = _left_readable(planted.text, masked)
    if left is None:
        return _found_again(planted, masked)
    return [found for secret in planted.secrets if (found := _leak(secret, planted.text, left))]


def lost(planted: Planted, masked: str) -> list[str]:
    """Name the pieces that had to survive and did not."""
    return [piece for piece in planted.readable if piece not in masked]


def letters(text: str) -> str:
    """Only what carries meaning: letters, marks and digits, no zero-width characters."""
    return "".join(c for c in text if unicodedata.category(c)[0] in "LMN")


def _left_readable(text: str, masked: str) -> list[bool] | None:
    """For each code point of the text whether it is unchanged; None when the lengths differ."""
    before, after = text.encode("utf-16-le"), masked.encode("utf-16-le", "surrogatepass")
    if len(before) != len(after):
        return None
    left = []
    at = 0
    for character in text:
        end = at + (4 if ord(character) > 0xFFFF else 2)
        left.append(before[at:end] == after[at:end])
        at = end
    return left


def _leak(secret: Secret, text: str, left: list[bool]) -> str | None:
    remains = ["".join(text[i] for i in range(*span) if left[i]) for span in secret.spans]
    if secret.kind in PHRASES:
        written = [text[start:end] for start, end in secret.spans]
        known = [now for was, now in zip(written, remains, strict=True) if _gives_away(letters(was), letters(now))]
        return _too_many_words(secret, known)
    row = longest = ""
    for i in (i for span in secret.spans for i in range(*span)):
        row = row + text[i] if left[i] else ""
        longest = max(longest, row, key=len)
    return f"{secret.kind}: {longest}" if len(longest) >= ROW else None


def _gives_away(word: str, remains: str) -> bool:
    """Whether what remains of a word tells which it was: four letters do in every Latin list, or more than half."""
    return len(remains) >= min(4, len(word)) or 2 * len(remains) > len(word)


def _too_many_words(secret: Secret, known: Sequence[str]) -> str | None:
    if 4 * len(known) <= len(secret.pieces):
        return None
    return f"{secret.kind}: {len(known)} of {len(secret.pieces)} words: {' '.join(known)}"


def _found_again(planted: Planted, masked: str) -> list[str]:
    """Leaks by content: pieces that occur more often than the harmless part of the text accounts for."""
    around = _around(planted)
    found = []
    for secret in planted.secrets:
        written = [planted.text[start:end] for start, end in secret.spans]
        if secret.kind in PHRASES:
            if leak := _too_many_words(secret, _surplus(written, masked, around)):
                found.append(leak)
            continue
        key, there, here = "".join(written), letters(masked), letters(around)
        rows = (key[i : i + ROW] for i in range(len(key) - ROW + 1))
        found += [f"{secret.kind}: {row}" for row in rows if row in there and row not in here][:1]
    return found


def _surplus(words: Sequence[str], masked: str, around: str) -> list[str]:
    known = []
    for word in dict.fromkeys(words):
        extra = masked.count(word) - around.count(word)
        known += [word] * max(0, min(extra, words.count(word)))
    return known


def _around(planted: Planted) -> str:
    characters = list(planted.text)
    for start, end in (span for secret in planted.secrets for span in secret.spans):
        characters[start:end] = MASK * (end - start)
    return "".join(characters)
