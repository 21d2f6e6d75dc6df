"""How the priority ranks messages by hands of whom the model never saw anything: it must never learn from them.

What they are, and who graded them: docs/model-card.md.
"""

from __future__ import annotations

import csv
from pathlib import Path

from aggregator.evaluating import evaluate
from aggregator.importer.files import File
from aggregator.triage.model.corpus import read

UNSEEN = Path(__file__).with_name("sets") / "unseen_messages.tsv"


def test_what_matters_stands_above_what_does_not_also_where_it_is_hard_to_tell() -> None:
    found = evaluate(File(UNSEEN, {}), {})
    hard, plain = (found["by"]["tier"][tier] for tier in ("hard", "plain"))
    assert (found["messages"], hard["messages"]) == (5836, 5679)
    assert hard["auc"] >= 0.88
    assert plain["auc"] >= 0.93
    assert found["by"]["lang"]["zh"]["auc"] >= 0.89
    assert found["all"]["noise_in_top_50"] <= 0.06


def test_none_of_them_is_in_the_corpus() -> None:
    learned = {message.text.strip() for message in read()}
    with UNSEEN.open(encoding="utf-8", newline="") as lines:
        unseen = [
            row["text"].replace("\\n", "\n").strip()
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    assert learned.isdisjoint(unseen)
    assert len(set(unseen)) == len(unseen)
