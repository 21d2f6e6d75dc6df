"""Texts with planted secrets for property tests, written from the specification and by another hand than the finder.

Everything is invented and follows from a seed alone: sample n is the same however many are asked for. The published
test vectors are the exception to "invented"; they are masked without an alarm.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.secret_generator.harmless import harmless as harmless
from tests.secret_generator.keys import planted_key as planted_key
from tests.secret_generator.phrases import SplitPhrase as SplitPhrase
from tests.secret_generator.phrases import fragment, planted_phrase, published_phrase, two_wallets
from tests.secret_generator.phrases import leaked_over_messages as leaked_over_messages
from tests.secret_generator.phrases import split_over_messages as split_over_messages
from tests.secret_generator.planted import Planted as Planted
from tests.secret_generator.planted import Secret as Secret
from tests.secret_generator.planted import leaked as leaked
from tests.secret_generator.planted import lost as lost

_MIX: tuple[tuple[Callable[[random.Random], Planted], int], ...] = (
    (planted_phrase, 60),
    (planted_key, 24),
    (fragment, 6),
    (two_wallets, 5),
    (published_phrase, 5),
)


def planted(rng: random.Random) -> Planted:
    """One text with a secret of any kind."""
    makers, weights = zip(*_MIX, strict=True)
    make: Callable[[random.Random], Planted] = rng.choices(makers, weights)[0]
    return make(rng)


def generate(seed: int, count: int) -> Iterator[Planted]:
    """`count` texts with secrets."""
    return (planted(random.Random(f"planted {seed} {n}")) for n in range(count))


def generate_harmless(seed: int, count: int) -> Iterator[Planted]:
    """`count` texts that must stay as they are."""
    return (harmless(random.Random(f"harmless {seed} {n}")) for n in range(count))


def generate_split(seed: int, count: int) -> Iterator[SplitPhrase]:
    """`count` phrases, each over several messages."""
    return (split_over_messages(random.Random(f"split {seed} {n}")) for n in range(count))
