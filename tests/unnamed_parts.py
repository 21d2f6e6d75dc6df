"""How much of a fault is read in words that avoid its name: `python -m tests.unnamed_parts`.

`sets/unnamed_parts.tsv`: 4,000 messages of six hands who knew the parts of the product and neither rules nor word
lists. Two thirds were to be told without the part's usual name, many with the name of another part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from aggregator.incidents.extract import fields_of
from aggregator.incidents.fields import Fields
from aggregator.triage import judge, search_text, understand
from tests.sets import rows

NO_PART = "none"


@dataclass(frozen=True)
class Counts:
    """Shares. told: of faults of some part, those that are read as faults; right: of the same, those of which the part
    is read; false: of messages about no fault, those that could begin an incident."""

    faults: int
    told: float
    right: float
    false: float


def counted() -> Counts:
    """Of the whole set."""
    all_ = rows("unnamed_parts.tsv")
    reads = list(zip(all_, _read([row["text"] for row in all_]), strict=True))
    faults = [(row["part"], read) for row, read in reads if row["fault"] == "1" and row["part"] != NO_PART]
    others = [read for row, read in reads if row["fault"] == "0"]
    told = sum(read is not None and read.fault for _, read in faults)
    right = sum(read is not None and read.feature == part for part, read in faults)
    false = sum(read is not None and read.tells for read in others)
    return Counts(len(faults), told / len(faults), right / len(faults), false / len(others))


def _read(texts: Sequence[str]) -> Iterator[Fields | None]:
    searched = [search_text(text) for text in texts]
    for text, searchable, grade in zip(texts, searched, judge(searched), strict=True):
        seen = understand(text, grade, lang=None, public=True, followers=None, secrets=(), staff=False, points={})
        yield fields_of(searchable, text, {"kind": seen.kind, "entities": seen.entities})


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(counted(), option=orjson.OPT_INDENT_2).decode() + "\n")
