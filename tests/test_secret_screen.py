"""The cheap look before the finders holds nothing back: with and without it the same is found."""

from __future__ import annotations

import json
import random
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from aggregator.triage.secrets.finder import find, find_closely
from aggregator.triage.secrets.letters import UNUSUAL, fold
from aggregator.triage.secrets.record import Json, mask_closely, mask_record
from tests import secret_maker

SHARED = Path(__file__).resolve().parents[2] / "shared"
SAMPLES = Path(__file__).parent / "samples"
TALK = (
    "my swap is stuck since this morning and nobody can help me, what should I do now?",
    "可以帮我看看吗，转账一直没有到账，已经等了两个小时",
    "tx 0x{hex} is pending, block 20,114,532 at 12:04:55, fee 0.00042",
    "send it to 0x{address} please, order 2026-03-01T00:00:26+00:00",
    "first, second, third: open, import, restore. fourth try failed",
    "<p>see <a href='https://forum.example/t/swap/880/2'>this</a> &amp; that</p>",
    "私钥 {hex} 和 助记词：我不会告诉你的，客服让我导入",
    "1. 的 2. 一 3. 是 4. 在 5. 不",
    f"array {[*range(40)]}",
)
Maker = secret_maker.Maker
MAKERS: tuple[Maker, ...] = (
    secret_maker.phrase,
    secret_maker.chinese_phrase,
    secret_maker.fragment,
    *secret_maker.KEYS,
)


def talk(rng: random.Random) -> str:
    line = rng.choice(TALK).replace("{hex}", rng.randbytes(32).hex()).replace("{address}", rng.randbytes(20).hex())
    return line if rng.random() < 0.7 else " ".join(rng.sample(line.split() + secret_maker.words(rng)[:6], 5))


def planted(seed: int) -> Iterator[str]:
    """A secret, the secret cut or torn somewhere, and talk with some of its words."""
    rng = random.Random(seed)
    text = rng.choice(MAKERS)(rng).text
    yield text
    yield text[rng.randrange(len(text)) :][: rng.randrange(12, 400)]
    yield "".join(char for char in text if rng.random() < 0.97)
    yield " ".join(rng.choice(text.split() + talk(rng).split()) for _ in range(rng.randrange(4, 40)))
    yield rng.choice(list(secret_maker.DISGUISES.values()))(text, rng)
    yield talk(rng) + rng.choice(("\n", " ", "，")) + rng.choice((text, talk(rng)))


def unequal(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if len(text) >= 15 and find(text) != find_closely(text)]


@pytest.mark.parametrize("part", range(4))
def test_what_is_held_back_holds_no_secret(part: int) -> None:
    assert unequal(text for seed in range(part * 1000, part * 1000 + 1000) for text in planted(seed)) == []


def test_a_phrase_in_every_layout_disguise_and_list_is_not_held_back() -> None:
    rng = random.Random(4)
    texts = [
        secret_maker.phrase(rng, layout, disguise, language).text
        for layout in secret_maker.LAYOUTS
        for disguise in ("none", *secret_maker.DISGUISES)
        for language in secret_maker.LATIN_LISTS
    ]
    assert unequal(texts) == []


def spread(rng: random.Random, text: str) -> Json:
    """A text torn into the fields of a record, among others."""
    words = text.split()
    size = rng.choice((1, 1, 2, 5))
    pieces: list[Json] = [" ".join(words[i : i + size]) for i in range(0, len(words), size)]
    segments: list[Json] = [{"type": "text", "data": {"text": piece}} for piece in pieces]
    shapes: list[Json] = [
        {"message": segments, "user_id": rng.randrange(10**10)},
        {"update": {"text": talk(rng), "list": pieces}, "date": 1772323226},
        {**{f"w{n}": piece for n, piece in enumerate(pieces)}, "at": "2026-03-01T00:00:26+00:00"},
        {"text": text, "author": "mia-77", "row": rng.randbytes(16).hex() + ":12"},
        {"deep": [[[{"title": talk(rng)}, text]]], "n": [*range(rng.choice((63, 64)))]},
        {text: 1, "ids": [rng.randrange(256) for _ in range(rng.choice((3, 64)))]},
    ]
    return rng.choice(shapes)


@pytest.mark.parametrize("part", range(4))
def test_no_record_is_held_back_that_the_walk_would_change(part: int) -> None:
    def records() -> Iterator[Json]:
        for seed in range(part * 400, part * 400 + 400):
            rng = random.Random(seed)
            yield from (spread(rng, text) for text in planted(seed))
            yield spread(rng, talk(rng) + " " + talk(rng))

    assert [record for record in records() if mask_record(record) != mask_closely(record)] == []


def test_the_samples_of_every_platform_are_read_alike() -> None:
    files = sorted(SAMPLES.glob("*/*.json"))
    records = [json.loads(file.read_text("utf-8")) for file in files]
    assert records
    assert [file for file, one in zip(files, records, strict=True) if mask_record(one) != mask_closely(one)] == []


def test_every_character_that_may_hide_a_letter_or_nothing_counts_as_unusual() -> None:
    def hides(char: str) -> bool:
        plain = fold(char).text
        return plain != char and (not plain or any(c.isalpha() and (c.isascii() or "一" <= c <= "龥") for c in plain))

    every = map(chr, [*range(0x80, 0xD800), *range(0xE000, sys.maxunicode + 1)])
    missed = [char for char in every if hides(char) and not UNUSUAL.match(char)]
    assert [unicodedata.name(char) for char in missed] == []


@pytest.mark.shared
def test_public_posts_are_read_alike() -> None:
    import duckdb

    rows = duckdb.sql(f"SELECT text FROM '{SHARED / 'data/public_dev.parquet'}'").fetchall()
    assert unequal(text for (text,) in rows) == []
