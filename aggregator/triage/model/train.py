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
from aggregator.triage.model.heads import FILE, HEADS, READERS, Weights, packed
from aggregator.triage.model.together import together
from aggregator.triage.terms import CATEGORIES
from aggregator.triage.words import hits_of

SEED = 20_261_128
ROUNDS = 8
STRICTNESS = 0.03  # C: how much one message that is judged wrongly weighs against small weights
ROUNDS_TOGETHER, STRICTNESS_TOGETHER = 15, 0.01  # of the second layer: the same
HARDLY = 0.05  # how much a message weighs that a head should hardly hear, of what others do
LEVELS = 24  # of a weight, on either side of 0: with 127 no figure was better, and the file half as large again
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
    "serious_oblique": lambda message: message.grade >= 3,
    "serious_plain": lambda message: message.grade >= 3,
    "grave": lambda message: message.grade >= 3,
}

HEARS: dict[str, Callable[[Message], float]] = {
    "serious_oblique": lambda message: 1.0 if message.tier == "hard" else HARDLY,
    "serious_plain": lambda message: 1.0 if message.tier == "plain" else HARDLY,
    "grave": lambda message: float(message.grade >= 1),
}
"""How much each message weighs for a head that does not hear all alike. 0: it does not count."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text: its places, rising, what each is worth, and how many pieces it has."""

    place: NDArray[np.int64]
    worth: NDArray[np.float64]
    size: int


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned for some questions: a column of weights each (of pieces, then of categories), and an offset."""

    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]

    def margins(self, row: Row) -> NDArray[np.float64]:
        told: NDArray[np.float64] = np.add.reduce(self.weights[row.place] * row.worth[:, None], axis=0) + self.offsets
        return told


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
        rows.append(Row(np.concatenate([place, np.array(held, np.int64)]), worth, int(last - first)))
    return rows


def rarity(rows: Sequence[Row]) -> NDArray[np.float64]:
    """How much a piece says by being rare: the logarithm of messages over messages that hold it; 0 for the rarest."""
    held = np.bincount(np.concatenate([row.place for row in rows]), minlength=SIZE + len(NAMES))
    # Processors differ in the last bit of a logarithm; eight digits do not show it.
    told = np.where(held >= RARE, np.round(np.log((len(rows) + 1) / (held + 1)), 8), 0.0)
    told[SIZE:] = 1.0
    return told


def train(
    rows: Sequence[Row],
    answers: NDArray[np.float64],
    rare: NDArray[np.float64],
    heed: NDArray[np.float64],
    rounds: int = ROUNDS,
    strictness: float = STRICTNESS,
) -> Learned:
    """Learn some questions side by side, each for itself.

    Args:
        answers: (rows, questions), 1 or -1.
        heed: the same; how much each row weighs for each question; 0: nothing.
    """
    weights, offsets = np.zeros((len(rare), answers.shape[1])), np.zeros(answers.shape[1])
    worth = [(row.worth * rare[row.place])[:, None] for row in rows]
    long = [float(np.add.reduce(one * one, axis=None)) + 1.0 for one in worth]
    blame = np.zeros(answers.shape)
    heard = heed > 0
    slack = 1 / (2 * strictness * np.where(heard, heed, 1.0))
    order, rng = list(range(len(rows))), random.Random(SEED)  # noqa: S311 -- the same order each time
    for _ in range(rounds):
        rng.shuffle(order)
        for number in order:
            place, one, answer, held = rows[number].place, worth[number], answers[number], blame[number]
            soft = slack[number]
            here = weights[place]
            slope = answer * (np.add.reduce(here * one, axis=0) + offsets) - 1 + soft * held
            new = np.where(heard[number], np.maximum(held - slope / (long[number] + soft), 0.0), 0.0)
            step = (new - held) * answer
            if step.any():
                blame[number] = new
                weights[place] = here + one * step
                offsets += step
    return Learned(weights * rare[:, None], offsets)


def answers_of(messages: Sequence[Message], names: Sequence[str]) -> NDArray[np.float64]:
    """(messages, names): 1 or -1."""
    return np.array([[1.0 if ANSWERS[name](message) else -1.0 for name in names] for message in messages])


def heed_of(messages: Sequence[Message]) -> NDArray[np.float64]:
    """(messages, READERS): how much each message weighs for each."""
    return np.array([[HEARS[name](message) if name in HEARS else 1.0 for name in READERS] for message in messages])


def part_of(message: Message) -> int:
    """Which of the PARTS holds a message; those of one scenario lie together."""
    return hashlib.blake2b(message.scenario.encode(), digest_size=1).digest()[0] % PARTS


def parts_of(messages: Sequence[Message]) -> NDArray[np.int64]:
    """The part of each message."""
    return np.array([part_of(message) for message in messages])


def unseen(rows: Sequence[Row], messages: Sequence[Message], parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(messages, READERS): the margins of each message by readers that were trained without its part of the corpus."""
    answers, heed = answers_of(messages, READERS), heed_of(messages)

    def learn(some: NDArray[np.int64]) -> Learned:
        learning = [rows[number] for number in some.tolist()]
        return train(learning, answers[some], rarity(learning), heed[some])

    return _without_its_part(rows, parts, len(READERS), learn)


def said_together(rows: Sequence[Row], margins: NDArray[np.float64]) -> list[Row]:
    """What the readers say of each text together, as a row to learn from."""
    said = together(margins, np.array([row.size for row in rows]))
    place = np.arange(said.shape[1])
    return [Row(place, one, row.size) for one, row in zip(said, rows, strict=True)]


def train_together(said: Sequence[Row], answers: NDArray[np.float64]) -> Learned:
    """Learn all questions from what the readers say together."""
    return train(
        said, answers, np.ones(len(said[0].place)), np.ones(answers.shape), ROUNDS_TOGETHER, STRICTNESS_TOGETHER
    )


def unseen_together(said: Sequence[Row], messages: Sequence[Message], parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(messages, HEADS): the margins of each message, where this layer, too, was trained without its part."""
    answers = answers_of(messages, HEADS)
    return _without_its_part(
        said,
        parts,
        len(HEADS),
        lambda some: train_together([said[number] for number in some.tolist()], answers[some]),
    )


def _without_its_part(
    rows: Sequence[Row], parts: NDArray[np.int64], questions: int, learn: Callable[[NDArray[np.int64]], Learned]
) -> NDArray[np.float64]:
    margins = np.zeros((len(rows), questions))
    for part in np.unique(parts):
        learned = learn(np.flatnonzero(parts != part))
        for number in np.flatnonzero(parts == part):
            margins[number] = learned.margins(rows[int(number)])
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


def version_of(messages: Sequence[Message]) -> str:
    """Names what a model was trained on: these messages with these grades."""
    told = "".join(f"{one.name}\t{one.grade}\t{one.kind}\t{one.flags}\t{one.text}\n" for one in messages)
    return hashlib.blake2b(told.encode(), digest_size=4).hexdigest()


def fit(messages: Sequence[Message], tell: Callable[[str], None] = print) -> Weights:
    """Learn every head from these messages."""
    rows, parts = rows_of([message.text for message in messages]), parts_of(messages)
    readers = train(rows, answers_of(messages, READERS), rarity(rows), heed_of(messages))
    tell("the readers are trained")
    said = said_together(rows, unseen(rows, messages, parts))
    tell("and without each part of the corpus")
    answers = answers_of(messages, HEADS)
    heads, margins = train_together(said, answers), unseen_together(said, messages, parts)
    curves = np.array([calibrated(*both) for both in zip(margins.T, answers.T, strict=True)], np.float32)
    largest = np.max(np.abs(readers.weights[:SIZE]), axis=0)
    steps = np.where(largest > 0, largest / LEVELS, 1.0)
    return Weights(
        version_of(messages),
        np.ascontiguousarray(np.rint(readers.weights[:SIZE] / steps).astype(np.int8).T),
        steps.astype(np.float32),
        readers.offsets.astype(np.float32),
        NAMES,
        (readers.weights[SIZE:].T * CATEGORY_WORTH).astype(np.float32),
        np.ascontiguousarray(heads.weights.T, np.float32),
        heads.offsets.astype(np.float32),
        curves[:, 0],
        curves[:, 1],
    )


def main() -> None:
    FILE.write_bytes(packed(fit(read())))


if __name__ == "__main__":
    main()
