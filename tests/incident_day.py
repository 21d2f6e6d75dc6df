"""Group a labelled day and tell how well it was done: `python -m tests.incident_day [first seed] [seeds] [-v] [FILE]`.

FILE: the phrases that are reported, as `incident_phrases_later.tsv`.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from aggregator.identity import Id, stable_id
from aggregator.incidents.extract import fields_of
from aggregator.incidents.grouping import Grouper
from aggregator.incidents.reports import Report as Reported
from aggregator.incidents.reports import Said
from aggregator.incidents.sketch import sketch_of
from aggregator.triage import judge, search_text, understand
from tests.sets.incidents import Report, stream

NEVER = 999


@dataclass
class Verdict:
    """f1: of pairs of posts. alerts: by label, with which of its reports an incident began; 0: before the first.
    mixed: incidents that hold two persons or more of each of two labels."""

    precision: float
    recall: float
    alerts: Mapping[str, int]
    mixed: Sequence[Mapping[str | None, int]]
    false: int  # incidents with more posts without a label than with one
    wrong: Sequence[tuple[str | None, str | None, str]] = field(default_factory=list)

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def said_of(post: Report) -> Said | None:
    """As `keeping` would make it of a stored post; None: nothing of the kind is said."""
    searchable = search_text(post.text)
    (grade,) = judge([searchable])
    seen = understand(post.text, grade, lang=None, public=True, followers=None, secrets=(), staff=False, points={})
    fields = fields_of(searchable, post.text, {"kind": seen.kind, "entities": seen.entities})
    if fields is None:
        return None
    reply_to = stable_id(post.space, post.reply_to) if post.reply_to else None
    person = stable_id(post.space, "account", post.author)
    thread = stable_id(post.space, "thread", post.thread)
    return Said(
        inquiry_of(post), stable_id(post.space, post.native_id), None, person, thread, reply_to, post.at, fields,
        sketch_of(searchable),
    )  # fmt: skip


def inquiry_of(post: Report) -> Id:
    return stable_id(post.space, post.thread, post.author)


def grouped(posts: Iterable[Report]) -> tuple[dict[Id, Id], dict[Id, datetime]]:
    """Inquiry -> incident, and when each incident began."""
    grouper = Grouper(persons=3, quiet=timedelta(hours=12))
    incident_of: dict[Id, Id] = {}
    began: dict[Id, datetime] = {}
    stored: dict[Id, Reported] = {}
    for post in posts:
        grouper.heard(post.at)
        if (said := said_of(post)) is None:
            continue
        if said.inquiry_id in stored and grouper.held.of(said.inquiry_id) is None:
            grouper.know_again(stored[said.inquiry_id])
        changes = grouper.take([said])
        stored |= changes.reports
        began |= dict.fromkeys(changes.began, post.at)
        for one, inquiry in changes.joined:
            incident_of[inquiry] = one
    return incident_of, began


def judged(posts: Sequence[Report]) -> Verdict:
    incident_of, began = grouped(posts)
    given = [(post.incident, incident_of.get(inquiry_of(post))) for post in posts]
    cells, labels, found = Counter(given), Counter(one for one, _ in given), Counter(one for _, one in given)
    right = sum(_pairs(n) for (label, one), n in cells.items() if label and one)
    true = sum(_pairs(n) for label, n in labels.items() if label)
    told = sum(_pairs(n) for one, n in found.items() if one)
    inside: dict[Id, Counter[str | None]] = defaultdict(Counter)
    for label, one in given:
        if one:
            inside[one][label] += 1
    home = {one: counts.most_common(1)[0][0] for one, counts in inside.items()}
    alerts = {}
    for label in labels.keys() - {None}:
        starts = [began[one] for one, of in home.items() if of == label]
        first = min(starts, default=None)
        alerts[label] = sum(post.incident == label and post.at <= first for post in posts) if first else NEVER
    mixed = [
        counts for counts in inside.values() if sum(label is not None and n > 1 for label, n in counts.items()) > 1
    ]
    wrong = [
        (post.incident, home.get(one) if one else None, post.text)
        for post, (label, one) in zip(posts, given, strict=True)
        if (home.get(one, "?") if one else None) != label
    ]
    return Verdict(
        right / told if told else 0.0, right / true, alerts, mixed, sum(home[one] is None for one in home), wrong
    )


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()] or [1, 3]
    files = [word for word in sys.argv[1:] if word.endswith(".tsv")] or ["incident_phrases.tsv"]
    for seed in range(numbers[0], numbers[0] + numbers[1]):
        verdict = judged(stream(seed, files[0]))
        late = {label: n for label, n in verdict.alerts.items() if n > 5}
        line = {
            "seed": seed, "f1": round(verdict.f1, 4), "precision": round(verdict.precision, 4),
            "recall": round(verdict.recall, 4), "late": late, "mixed": len(verdict.mixed), "false": verdict.false,
        }  # fmt: skip
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
        if "-v" in sys.argv:
            for label, home, text in verdict.wrong:
                sys.stdout.write(f"  {label} -> {home}: {text}\n")
