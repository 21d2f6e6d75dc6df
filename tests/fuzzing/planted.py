"""Nothing stays unmasked: a secret with a right checksum, in whatever surroundings and wherever in a record.

The surroundings are lines of their own: what is glued to a key makes another word of it, which nobody can tell from a
key (docs/reliability.md says what is claimed).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from aggregator.triage.secrets import gate, mask, mask_record
from tests import secret_maker
from tests.fuzzing.draw import TEXTS, Draw
from tests.fuzzing.target import Feed, Target

MANY: Final = 200
WORDS_LEFT: Final = 0.25  # of a phrase; more is a leak
CHARACTERS_LEFT: Final = 12  # of a key in a row


@cache
def secrets() -> list[tuple[str, str]]:
    """Kind and text: phrases of all Latin lists, WIF keys, extended keys. All invented."""
    rng = random.Random(20260314)
    found: list[tuple[str, str]] = []
    for number in range(MANY):
        language = secret_maker.LATIN_LISTS[number % len(secret_maker.LATIN_LISTS)]
        count = secret_maker.LENGTHS[number % len(secret_maker.LENGTHS)]
        found.append(("phrase", " ".join(secret_maker.words(rng, count, language))))
        maker: Callable[[random.Random], secret_maker.Planted] = (secret_maker.wif, secret_maker.xprv)[number % 2]
        (part,) = maker(rng).parts
        found.append(("key", part))
    return found


def _ready() -> Feed:
    def feed(data: bytes) -> None:
        draw = Draw(data)
        kind, secret = draw.one_of(secrets())
        before, after = _surroundings(draw), _surroundings(draw)
        text = f"{before}\n{secret}\n{after}"
        _is_hidden(kind, secret, mask(text)[0])
        record = _around(text, draw)
        masked, _ = mask_record(record)
        _is_hidden(kind, secret, json.dumps(masked, ensure_ascii=False).replace("\\n", "\n"))
        broken = json.dumps(record, ensure_ascii=draw.number(2) == 0).encode("utf-8", "surrogatepass") + b"}"
        assert gate(broken), "the gate let a payload pass that holds a secret"

    return feed


def _surroundings(draw: Draw) -> str:
    parts = [draw.one_of(TEXTS) if draw.number(2) else draw.text() for _ in range(draw.number(4))]
    return " ".join(parts)


def _around(text: str, draw: Draw) -> Any:
    kind = draw.number(5)
    if kind == 0:
        return {"text": text}
    if kind == 1:
        return {"message": {"text": text, "date": 1773475200}, "from": draw.text()}
    if kind == 2:
        return {"segments": [{"type": "text", "data": {"text": text}}, draw.text()]}
    if kind == 3:
        return {"card": json.dumps({"prompt": draw.text(), "meta": {"desc": text}}, ensure_ascii=draw.number(2) == 0)}
    return {text: draw.text()}


def _is_hidden(kind: str, secret: str, masked: str) -> None:
    if kind == "phrase":
        words = secret.split()
        assert _words_left(words, masked) <= WORDS_LEFT * len(words), "words of a phrase are left"
    else:
        longest = next(
            (
                n
                for n in range(len(secret), 0, -1)
                if any(secret[at : at + n] in masked for at in range(len(secret) - n + 1))
            ),
            0,
        )
        assert longest < CHARACTERS_LEFT, f"{longest} characters of a key are left"


def _words_left(words: list[str], masked: str) -> int:
    """How many words of the phrase still stand beside one another."""
    best = 0
    for at in range(len(words)):
        for size in range(best + 1, len(words) - at + 1):
            if f"{' '.join(words[at : at + size])}" not in masked:
                break
            best = size
    return best


PLANTED = [Target("planted", lambda: [bytes([n, 1, 1, n, 1, 1, n, n % 5]) for n in range(60)], _ready)]
