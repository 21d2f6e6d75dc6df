"""How well the priority ranks our own corpus: each message judged by a model that never saw its scenario.

    python -m benchmarks.grading [--strangers] [--worst 20] [--usually]

prints its figures as JSON lines; with --strangers by models that saw nothing by the hand that wrote a message, instead
of nothing of its scenario; with --worst also the messages that stand farthest from where they belong; with
--usually only what a reading would be worth on a usual day (`aggregator.triage.terms.USUALLY`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from aggregator.evaluating import auc, average_precision, in_top_quarter, ndcg, noise_in_top
from aggregator.triage import search_text
from aggregator.triage.model import HEADS
from aggregator.triage.model.corpus import Message, read
from aggregator.triage.model.train import (
    answers_of,
    calibrated,
    parts_of,
    rows_of,
    said_together,
    unseen,
    unseen_together,
)
from aggregator.triage.spans import spans_of
from aggregator.triage.terms import STEPS, USUALLY, falling, weigh
from aggregator.triage.words import hits_of

GRADES: Final = 5
FEW: Final = 20  # of either side, below which a part has no figures


@dataclass(frozen=True, slots=True)
class Unseen:
    """What a model that never saw a message says of it."""

    likely: Sequence[float]

    @property
    def levels(self) -> tuple[float, float, float, float]:
        low, ordinary, serious, emergency = falling(np.array([self.likely[:4]]))[0].tolist()
        return low, ordinary, serious, emergency

    def says(self, head: str) -> float:
        return self.likely[HEADS.index(head)]

    def words(self) -> str:
        return ""


def likelihoods(messages: Sequence[Message], *, strangers: bool = False) -> NDArray[np.float64]:
    """(messages, heads): what a model says that was trained on the other parts of the corpus.

    Args:
        strangers: it never saw anything by the hand that wrote the message, either.
    """
    rows = rows_of([message.text for message in messages])
    parts = parts_of(messages)
    if strangers:
        parts = np.unique([message.hand for message in messages], return_inverse=True)[1]
    said = said_together(rows, unseen(rows, messages, parts))
    margins, answers = unseen_together(said, messages, parts), answers_of(messages, HEADS)
    columns = []
    for one, answer in zip(margins.T, answers.T, strict=True):
        slope, shift = calibrated(one, answer)
        columns.append(1 / (1 + np.exp(-(slope * one + shift))))
    return np.stack(columns, axis=1)


def priorities(messages: Sequence[Message], likely: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each message's terms, as if it came in private from a stranger."""
    told = []
    for message, one in zip(messages, likely.tolist(), strict=True):
        searched = search_text(message.text)
        _, reasons, _ = weigh(
            searched, hits_of(searched), Unseen(one), public=False, followers=None, secrets=(),
            span=spans_of(message.text, searched), points={},
        )  # fmt: skip
        told.append(sum(reason.points for reason in reasons))
    return np.array(told)


def kappa(messages: Sequence[Message], power: int = 2) -> float:
    """How far two independent grades agree beyond chance, wide misses counting more (Cohen 1968, weighted kappa)."""
    pairs = np.zeros((GRADES, GRADES))
    for message in messages:
        pairs[int(message.first.split()[0]), int(message.second.split()[0])] += 1
    apart = np.abs(np.subtract.outer(np.arange(GRADES), np.arange(GRADES))) ** power
    chance = np.outer(pairs.sum(1), pairs.sum(0)) / pairs.sum()
    return float(1 - (apart * pairs).sum() / (apart * chance).sum())


def parts(messages: Sequence[Message]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each way to part the corpus, with the messages of the part."""
    yield "all", np.ones(len(messages), bool)
    ways: dict[str, Callable[[Message], str]] = {
        "tier": lambda message: message.tier,
        "lang": lambda message: message.lang,
        "channel": lambda message: message.channel,
        "hand": lambda message: message.hand,
        "hand and tier": lambda message: f"{message.hand} {message.tier}",
    }
    for by, way in ways.items():
        values = np.array([way(message) for message in messages])
        for value in np.unique(values):
            yield f"{by} {value}", values == value


def measure(messages: Sequence[Message], priority: NDArray[np.float64]) -> Iterator[dict[str, object]]:
    grade = np.array([message.grade for message in messages], float)
    serious = grade >= 3
    yield {"what": "agreement of two graders", "quadratic_kappa": round(kappa(messages), 3)}
    for name, chosen in parts(messages):
        yes = int(serious[chosen].sum())
        if min(yes, int(chosen.sum()) - yes) < FEW:
            continue
        yield {
            "what": name,
            "messages": int(chosen.sum()),
            "auc": round(auc(priority[chosen], serious[chosen]), 3),
            "average_precision": round(average_precision(priority[chosen], serious[chosen]), 3),
            "ndcg_20": round(ndcg(priority[chosen], grade[chosen]), 3),
            "grade_4_in_top_quarter": round(in_top_quarter(priority[chosen], grade[chosen]), 3),
            "noise_in_top_50": round(noise_in_top(priority[chosen], grade[chosen]), 3),
        }


WORTH: Final = (0.0, 6.0, 20.0, 70.0, 100.0)  # of a message of each grade
ON_A_DAY: Final = (0.30, 0.20, 0.25, 0.20, 0.05)  # how many messages of a day have each grade
NEAR: Final = 2.5  # points on either side


def usual_worth(messages: Sequence[Message], likely: NDArray[np.float64]) -> Iterator[dict[str, object]]:
    """What messages that read about so grave are worth, each counting as often as its grade comes on a usual day."""
    grade = np.array([message.grade for message in messages])
    weight = (np.array(ON_A_DAY) / (np.bincount(grade, minlength=GRADES) / len(grade)))[grade]
    reads = falling(likely[:, :4]) @ np.array(list(STEPS.values()))
    for place, taken in USUALLY:
        near = np.exp(-(((reads - place) / NEAR) ** 2) / 2) * weight
        worth = float((near * np.array(WORTH)[grade]).sum() / near.sum())
        yield {"what": "usual worth", "reads": place, "worth": round(worth, 1), "taken": taken}


@cache
def corpus(*, strangers: bool = False) -> tuple[list[Message], NDArray[np.float64]]:
    messages = read()
    return messages, priorities(messages, likelihoods(messages, strangers=strangers))


def worst(messages: Sequence[Message], priority: NDArray[np.float64], count: int) -> list[dict[str, object]]:
    """Grave ones that stand lowest and slight ones that stand highest, by turns."""
    order = np.argsort(priority, kind="stable")
    low = [number for number in order if messages[number].grade >= 3][: count // 2]
    high = [number for number in order[::-1] if messages[number].grade <= 1][: count - count // 2]
    return [
        {"priority": round(float(priority[number]), 1), "grade": messages[number].grade, "text": messages[number].text}
        for number in (*low, *high)
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--strangers", action="store_true", help="each hand judged without anything it wrote")
    options.add_argument("--worst", type=int, default=0, help="how many of the worst mistakes to print")
    options.add_argument("--usually", action="store_true", help="what readings would be worth on a usual day")
    chosen = options.parse_args()
    if chosen.usually:
        everything = read()
        for figure in usual_worth(everything, likelihoods(everything, strangers=chosen.strangers)):
            print(orjson.dumps(figure).decode())
        return
    messages, priority = corpus(strangers=chosen.strangers)
    for figure in measure(messages, priority):
        print(orjson.dumps(figure).decode())
    for mistake in worst(messages, priority, chosen.worst):
        print(orjson.dumps(mistake).decode())


if __name__ == "__main__":
    main()
