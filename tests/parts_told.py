"""How much of a fault is read in words that avoid its name: `python -m tests.parts_told`.

`sets/parts_told.tsv`: 4,000 messages of six hands who knew the parts of the product and neither rules nor word lists.
Two thirds were to be told without the part's usual name, many with the name of another part.
"""

from __future__ import annotations

import sys
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
    faults: list[tuple[str, Fields | None]] = []
    others: list[Fields | None] = []
    for row in rows("parts_told.tsv"):
        if row["fault"] == "0":
            others.append(_read(row["text"]))
        elif row["part"] != NO_PART:
            faults.append((row["part"], _read(row["text"])))
    told = sum(read is not None and read.fault for _, read in faults)
    right = sum(read is not None and read.feature == part for part, read in faults)
    false = sum(read is not None and read.tells for read in others)
    return Counts(len(faults), told / len(faults), right / len(faults), false / len(others))


def _read(text: str) -> Fields | None:
    searchable = search_text(text)
    (grade,) = judge([searchable])
    seen = understand(text, grade, lang=None, public=True, followers=None, secrets=(), staff=False, points={})
    return fields_of(searchable, text, {"kind": seen.kind, "entities": seen.entities})


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(counted(), option=orjson.OPT_INDENT_2).decode() + "\n")
