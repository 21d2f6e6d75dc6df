"""Train the model from the corpus: `python -m aggregator.triage.model.train` writes `weights.bin` anew, byte for byte.

Every step is plain IEEE arithmetic in a fixed order: no thread, no library of linear algebra, and nothing drawn but
from a seed. Support vector machines with squared hinge loss, by dual coordinate descent (Hsieh et al. 2008, A Dual
Coordinate Descent Method for Large-scale Linear SVM), since that needs no function that processors round differently.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.triage.language import search_text
from aggregator.triage.model.corpus import Message, read
from aggregator.triage.model.features import SIZE, pieces
from aggregator.triage.model.heads import FILE, HEADS, Weights, packed
from aggregator.triage.terms import CATEGORIES
from aggregator.triage.words import hits_of

SEED = 20_261_128
ROUNDS = 12
STRICTNESS = 0.03  # C: how much one message that is judged wrongly weighs against small weights
PLAIN = 2.0  # times a hard message: people write plainly more often than the hands of the corpus did
RARE = 2  # pieces that fewer messages hold say nothing
CATEGORY_WORTH = 0.5  # of a category of the word lists beside the pieces of a text
PARTS = 5
NAMES = tuple(sorted(CATEGORIES))

ANSWERS: dict[str, Callable[[Message], bool]] = {
    "low": lambda message: message.grade >= 1,
    "ordinary": lambda message: message.grade >= 2,
    "serious": lambda message: message.grade >= 3,
    "emergency": lambda message: message.grade >= 4,
    "complaint": lambda message: message.kind == "complaint",
    "praise": lambda message: message.kind == "praise",
    "spam": lambda message: message.kind == "spam" or "s" in message.flags,
    "chatter": lambda message: message.kind == "chatter",
    "anger": lambda message: "a" in message.flags,
    "threat": lambda message: "t" in message.flags,
    "bait": lambda message: "b" in message.flags,
    "asks": lambda message: "q" in message.flags,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One text: its places, rising, and what each is worth."""

    place: NDArray[np.int64]
    worth: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """What was learned for one question: a weight for each place (pieces, then categories), and an offset."""

    weights: NDArray[np.float64]
    offset: float

    def margin(self, row: Row) -> float:
        return float(np.add.reduce(self.weights[row.place] * row.worth)) + self.offset


def rows_of(texts: Sequence[str]) -> list[Row]:
    """Each text's pieces with count / sqrt(all pieces), and the categories of words behind them."""
    searched = [search_text(text) for text in texts]
    found = pieces(searched)
    listed = found.listed()
    numbers = np.concatenate([found.texts(some) for some in listed])
    order = np.argsort(numbers, kind="stable")
    places = np.concatenate([some.place for some in listed])[order]
    bounds = np.searchsorted(numbers[order], np.arange(len(texts) + 1))
    rows = []
    for text, first, last in zip(searched, bounds[:-1], bounds[1:], strict=True):
        place, count = np.unique(places[first:last], return_counts=True)
        held = sorted(SIZE + NAMES.index(name) for name in hits_of(text) if name in NAMES)
        worth = np.concatenate([count / np.sqrt(max(1, last - first)), np.full(len(held), CATEGORY_WORTH)])
        rows.append(Row(np.concatenate([place, np.array(held, np.int64)]), worth))
    return rows


def rarity(rows: Sequence[Row]) -> NDArray[np.float64]:
    """How much a piece says by being rare: the logarithm of messages over messages that hold it; 0 for the rarest."""
    held = np.bincount(np.concatenate([row.place for row in rows]), minlength=SIZE + len(NAMES))
    # Processors differ in the last bit of a logarithm; eight digits do not show it.
    told = np.where(held >= RARE, np.round(np.log((len(rows) + 1) / (held + 1)), 8), 0.0)
    told[SIZE:] = 1.0
    return told


def train(
    rows: Sequence[Row], answers: NDArray[np.float64], rare: NDArray[np.float64], heed: NDArray[np.float64]
) -> Head:
    """Learn one question; `answers`: 1 or -1 for each row; `heed`: how much each weighs."""
    weights, offset = np.zeros(len(rare)), 0.0
    worth = [row.worth * rare[row.place] for row in rows]
    long = [float(np.add.reduce(one * one)) + 1.0 for one in worth]
    blame = [0.0] * len(rows)
    slack = (1 / (2 * STRICTNESS * heed)).tolist()
    order, rng = list(range(len(rows))), random.Random(SEED)  # noqa: S311 -- the same order each time
    for _ in range(ROUNDS):
        rng.shuffle(order)
        for number in order:
            place, one, answer, held = rows[number].place, worth[number], float(answers[number]), blame[number]
            soft = slack[number]
            slope = answer * (float(np.add.reduce(weights[place] * one)) + offset) - 1 + soft * held
            if held == 0 and slope >= 0:
                continue
            blame[number] = max(held - slope / (long[number] + soft), 0.0)
            step = (blame[number] - held) * answer
            weights[place] += step * one
            offset += step
    return Head(weights * rare, offset)


def answers_of(messages: Sequence[Message], name: str) -> NDArray[np.float64]:
    return np.array([1.0 if ANSWERS[name](message) else -1.0 for message in messages])


def heed_of(messages: Sequence[Message]) -> NDArray[np.float64]:
    """How much each message weighs."""
    return np.array([PLAIN if message.tier == "plain" else 1.0 for message in messages])


def part_of(message: Message) -> int:
    """Which of the PARTS holds a message; those of one scenario lie together."""
    return hashlib.blake2b(message.scenario.encode(), digest_size=1).digest()[0] % PARTS


def unseen(rows: Sequence[Row], messages: Sequence[Message], name: str) -> NDArray[np.float64]:
    """The margin of each message by a head that was trained without its part of the corpus."""
    answers, parts = answers_of(messages, name), np.array([part_of(message) for message in messages])
    heed = heed_of(messages)
    margins = np.zeros(len(rows))
    for part in range(PARTS):
        others = parts != part
        learning = [row for row, learn in zip(rows, others, strict=True) if learn]
        head = train(learning, answers[others], rarity(learning), heed[others])
        margins[~others] = [head.margin(row) for row, learn in zip(rows, others, strict=True) if not learn]
    return margins


def calibrated(margins: NDArray[np.float64], answers: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and shift that make margins probabilities (Platt 1999), by Newton's method; three digits."""
    slope, shift = 1.0, 0.0
    truth = (answers > 0).astype(float)
    for _ in range(40):
        likely = 1 / (1 + np.exp(-np.clip(slope * margins + shift, -30, 30)))
        wrong, sure = truth - likely, likely * (1 - likely)
        a, b, c = (float(np.add.reduce(one)) for one in (sure * margins * margins, sure * margins, sure))
        right = a * c - b * b
        up, over = float(np.add.reduce(wrong * margins)), float(np.add.reduce(wrong))
        slope, shift = slope + (c * up - b * over) / right, shift + (a * over - b * up) / right
    return round(slope, 3), round(shift, 3)


def _in_bytes(weights: NDArray[np.float64]) -> NDArray[np.int8]:
    """To whole numbers. The smallest say next to nothing, and are most of the file."""
    whole = np.rint(weights).astype(np.int8)
    return np.where(np.abs(whole) <= 1, 0, whole).astype(np.int8)


def version_of(messages: Sequence[Message]) -> str:
    """Names what a model was trained on: these messages with these grades."""
    told = "".join(f"{one.name}\t{one.grade}\t{one.kind}\t{one.flags}\t{one.text}\n" for one in messages)
    return hashlib.blake2b(told.encode(), digest_size=4).hexdigest()


def fit(messages: Sequence[Message], tell: Callable[[str], None] = print) -> Weights:
    """Learn every head from these messages."""
    rows = rows_of([message.text for message in messages])
    rare = rarity(rows)
    learned, steps, curves = [], [], []
    for name in HEADS:
        answers = answers_of(messages, name)
        learned.append(train(rows, answers, rare, heed_of(messages)))
        steps.append(float(np.max(np.abs(learned[-1].weights[:SIZE]))) / 127 or 1.0)
        curves.append(calibrated(unseen(rows, messages, name), answers))
        tell(name)
    return Weights(
        version_of(messages),
        np.stack([_in_bytes(head.weights[:SIZE] / step) for head, step in zip(learned, steps, strict=True)]),
        np.array(steps, np.float32),
        np.array([head.offset for head in learned], np.float32),
        NAMES,
        np.stack([head.weights[SIZE:] * CATEGORY_WORTH for head in learned]).astype(np.float32),
        np.array([slope for slope, _ in curves], np.float32),
        np.array([shift for _, shift in curves], np.float32),
    )


def main() -> None:
    FILE.write_bytes(packed(fit(read())))


if __name__ == "__main__":
    main()
