"""`aggregator evaluate`: how well the priority ranks messages that somebody has graded.

Each message is scored alone, as it would be when it came in private from a stranger. Figures are of the priority, not
of the model inside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from aggregator.importer.files import File, ImportFileError
from aggregator.inquiry import Kind
from aggregator.triage import judge, search_text, understand
from aggregator.triage.secrets import mask

if TYPE_CHECKING:
    from collections.abc import Mapping

DRAWS = 1000  # of the bootstrap
SEED = 20_261_128
FEW = 8  # with fewer of either side a figure says nothing
TOP, BEST = 50, 20
_SERIOUS, _MOST = 3, 4
_GRAVE_KINDS = frozenset({"emergency", "complaint"})

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """Messages with what is known of them.

    priority: as the feed would rank them. gain: how much a message deserves a look, the grade where there is one.
    wanted: whether it belongs above the others. group: "by" and its value, for each way to part them.
    """

    priority: Numbers
    gain: Numbers
    wanted: NDArray[np.bool_]
    graded: bool
    groups: Sequence[Mapping[str, str]]


def evaluate(file: File, points: Mapping[str, float]) -> dict[str, Any]:
    """All figures of one file, each with its 95 % interval, and for each source, language and tier apart.

    Raises:
        ImportFileError: the file cannot be read, holds neither `grade`, `polarity` nor `kind`, or kinds that are none.
    """
    scored = _scored(file, points)
    parts: dict[str, dict[str, Any]] = {}
    for by in ("source", "lang", "tier"):
        values = [group.get(by, "") for group in scored.groups]
        for value in sorted(set(values) - {""}):
            chosen = np.array([each == value for each in values])
            parts.setdefault(by, {})[value] = _figures(_part(scored, chosen), interval=False)
    return {"messages": len(scored.priority), "all": _figures(scored, interval=True), "by": parts}


def _scored(file: File, points: Mapping[str, float]) -> Scored:
    priority: list[float] = []
    labels: list[tuple[float, bool]] = []
    groups: list[dict[str, str]] = []
    graded, kinds = False, set[str]()
    for rows in file.pages(0):
        records = [row for row in rows.records() if isinstance(row.get("text"), str)]
        if not priority and records:
            graded = _has(records[0], "grade")
            if not any(_has(records[0], name) for name in ("grade", "polarity", "kind")):
                raise ImportFileError(f"{file.path}: there is no column `grade`, `polarity` or `kind` to judge by")
        priority += _priorities([row["text"] for row in records], points)
        labels += [_label(row, file) for row in records]
        by_kind = (row for row in records if not (_has(row, "grade") or _has(row, "polarity")))
        kinds |= {str(row["kind"]) for row in by_kind if _has(row, "kind")}
        groups += [{by: str(row[by]) for by in ("source", "lang", "tier") if _has(row, by)} for row in records]
    if not priority:
        raise ImportFileError(f"{file.path}: no message in it")
    if kinds and kinds.isdisjoint(get_args(Kind)):
        one = next(iter(kinds))
        raise ImportFileError(f"{file.path}: {one!r} and the like are no kinds; there are {', '.join(get_args(Kind))}")
    gain, wanted = zip(*labels, strict=True)
    return Scored(np.array(priority), np.array(gain, float), np.array(wanted, bool), graded, groups)


def _priorities(texts: Sequence[str], points: Mapping[str, float]) -> Iterator[float]:
    masked = [mask(text) for text in texts]
    for (text, found), grade in zip(masked, judge([search_text(text) for text, _ in masked]), strict=True):
        said = understand(
            text, grade, lang=None, public=False, followers=None, secrets=found, staff=False, points=points
        )
        yield sum(reason.points for reason in said.reasons)


def _has(row: Mapping[str, Any], name: str) -> bool:
    return row.get(name) not in (None, "")


def _label(row: Mapping[str, Any], file: File) -> tuple[float, bool]:
    """What a message deserves, and whether it belongs above the others: by grade, else by polarity, else by kind."""
    try:
        if _has(row, "grade"):
            grade = float(row["grade"])
            if not 0 <= grade <= _MOST:
                raise ImportFileError(f"{file.path}: a grade is 0 to {_MOST}, not {row['grade']!r}")
            return grade, grade >= _SERIOUS
        if _has(row, "polarity"):
            bad = str(row["polarity"]).lower() in ("negative", "neg", "-1", "-1.0")
            return float(bad), bad
    except ValueError as error:
        raise ImportFileError(f"{file.path}: grade is no number: {row['grade']!r}") from error
    grave = row.get("kind") in _GRAVE_KINDS
    return float(grave), grave


def _part(scored: Scored, chosen: NDArray[Any]) -> Scored:
    return Scored(scored.priority[chosen], scored.gain[chosen], scored.wanted[chosen], scored.graded, ())


def _figures(scored: Scored, *, interval: bool) -> dict[str, Any]:
    ways: dict[str, Callable[[Numbers, Numbers, NDArray[np.bool_]], float]] = {
        "auc": lambda priority, _, wanted: auc(priority, wanted),
        "average_precision": lambda priority, _, wanted: average_precision(priority, wanted),
        f"ndcg_{BEST}": lambda priority, gain, _: ndcg(priority, gain),
    }
    if scored.graded:
        ways["grade_4_in_top_quarter"] = lambda priority, gain, _: in_top_quarter(priority, gain)
        ways[f"noise_in_top_{TOP}"] = lambda priority, gain, _: noise_in_top(priority, gain)
    wanted = int(scored.wanted.sum())
    told: dict[str, Any] = {"messages": len(scored.priority), "wanted": wanted}
    if min(wanted, len(scored.priority) - wanted) < FEW:
        return told
    for name, way in ways.items():
        value = way(scored.priority, scored.gain, scored.wanted)
        told[name] = round(value, 3) if math.isfinite(value) else None
        if interval:
            told[f"{name}_interval"] = _interval(way, scored)
    return told


def _interval(way: Callable[[Numbers, Numbers, NDArray[np.bool_]], float], scored: Scored) -> list[float]:
    """95 %, by the bootstrap: the same figure of messages drawn with replacement (Efron 1979)."""
    rng = np.random.default_rng(SEED)
    count = len(scored.priority)
    values = []
    for _ in range(DRAWS if count <= 2000 else DRAWS // 5):
        drawn = rng.integers(count, size=count)
        values.append(way(scored.priority[drawn], scored.gain[drawn], scored.wanted[drawn]))
    low, high = np.nanquantile(values, (0.025, 0.975))
    return [round(float(low), 3), round(float(high), 3)]


def auc(priority: Numbers, wanted: NDArray[np.bool_]) -> float:
    """How likely a wanted message stands above another one; a tie counts half."""
    yes = int(wanted.sum())
    no = len(wanted) - yes
    if not yes or not no:
        return math.nan
    _, place, count = np.unique(priority, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[wanted].sum() - yes * (yes + 1) / 2) / (yes * no))


def _ordered(priority: Numbers, values: NDArray[Any]) -> NDArray[Any]:
    """The values from the highest priority down; those of equal priority in an order drawn once."""
    shuffled = np.random.default_rng(SEED).permutation(len(priority))
    return values[shuffled][np.argsort(-priority[shuffled], kind="stable")]


def average_precision(priority: Numbers, wanted: NDArray[np.bool_]) -> float:
    """The share of wanted messages above each wanted one, on average."""
    places = np.flatnonzero(_ordered(priority, wanted)) + 1
    return float(np.mean(np.arange(1, len(places) + 1) / places)) if len(places) else math.nan


def ndcg(priority: Numbers, gain: Numbers) -> float:
    """Discounted gain of the first BEST against that of the best possible order (Järvelin and Kekäläinen 2002)."""
    discount = 1 / np.log2(np.arange(2, BEST + 2))
    worth = 2.0**gain - 1
    best = np.sort(worth)[::-1][:BEST]
    ideal = float(np.sum(best * discount[: len(best)]))
    first = _ordered(priority, worth)[:BEST]
    return float(np.sum(first * discount[: len(first)])) / ideal if ideal else math.nan


def in_top_quarter(priority: Numbers, gain: Numbers) -> float:
    """The share of the grade-4 messages that stand in the first quarter."""
    ordered = _ordered(priority, gain)
    emergencies = int((gain >= 4).sum())
    return float((ordered[: len(ordered) // 4] >= 4).sum() / emergencies) if emergencies else math.nan


def noise_in_top(priority: Numbers, gain: Numbers) -> float:
    """The share of grade-0 messages among the first TOP."""
    first = _ordered(priority, gain)[:TOP]
    return float((first < 1).mean())
