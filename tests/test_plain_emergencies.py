"""Emergencies said plainly by a hand of whom neither model nor word lists saw anything, beside messages in the same
words that are none: most must stand in P0, and hardly any of the others. Nothing may be learned from them.

Who wrote and graded them: docs/model-card.md.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from aggregator.config import Bands
from aggregator.triage import judge, search_text, understand
from aggregator.triage.model.corpus import read

SET = Path(__file__).with_name("sets") / "plain_emergencies.tsv"
Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with SET.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def bands_of(rows: list[Row]) -> Counter[tuple[str, int]]:
    """How many of each band and grade, as they would come in public."""
    bands, found = Bands(), Counter[tuple[str, int]]()
    grades = judge([search_text(row["text"]) for row in rows])
    for row, grade in zip(rows, grades, strict=True):
        seen = understand(
            row["text"], grade, lang=None, public=True, followers=None, secrets=(), staff=False, points={}
        )
        found[bands.of(int(sum(reason.points for reason in seen.reasons))), int(row["grade"])] += 1
    return found


def test_what_is_said_plainly_stands_on_top_and_its_look_alikes_do_not(rows: list[Row]) -> None:
    found = bands_of(rows)
    assert sum(row["grade"] == "4" for row in rows) == 200
    assert found["P0", 4] >= 142
    assert found["P0", 4] + found["P1", 4] >= 174
    assert sum(found["P0", grade] for grade in range(3)) <= 4
    assert found["P0", 3] <= 8


def test_none_of_them_is_in_the_corpus(rows: list[Row]) -> None:
    learned = {message.text.strip() for message in read()}
    assert learned.isdisjoint(row["text"].strip() for row in rows)
    assert len({row["text"] for row in rows}) == 400
