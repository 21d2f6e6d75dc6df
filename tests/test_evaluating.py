"""The figures of a ranking mean what they say, and what other words would move is told before it moves."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from aggregator import weighing
from aggregator.acting.compare_and_set import act_in
from aggregator.evaluating import auc, average_precision, in_top_quarter, ndcg, noise_in_top
from aggregator.store.database import Connection
from tests.conftest import Community, open_inquiries, poll
from tests.console import Console
from tests.test_import import jsonl

GRADED = [
    {"text": "我的币被盗了，全部转走了，怎么办", "grade": 4, "lang": "zh", "tier": "plain"},
    {"text": "提现三天没到账，没人理我", "grade": 3, "lang": "zh", "tier": "plain"},
    {"text": "My wallet was drained last night, all USDT gone", "grade": 4, "lang": "en", "tier": "plain"},
    {"text": "withdrawal stuck for two days and nobody answers", "grade": 3, "lang": "en", "tier": "plain"},
    {"text": "gm everyone", "grade": 0, "lang": "en", "tier": "plain"},
    {"text": "谢谢，已经解决了", "grade": 0, "lang": "zh", "tier": "plain"},
    {"text": "怎么添加自定义代币？", "grade": 1, "lang": "zh", "tier": "plain"},
    {"text": "how do I change the language", "grade": 1, "lang": "en", "tier": "plain"},
] * 4


def test_auc_is_the_share_of_pairs_that_stand_right_and_ties_count_half() -> None:
    rng = random.Random(1)
    priority = np.array([rng.randrange(6) for _ in range(60)], float)
    wanted = np.array([rng.random() < 0.4 for _ in range(60)])
    pairs = [(a > b) + (a == b) / 2 for a in priority[wanted] for b in priority[~wanted]]
    assert auc(priority, wanted) == pytest.approx(sum(pairs) / len(pairs))
    assert math.isnan(auc(priority, np.ones(60, bool)))


def test_the_best_order_has_the_best_figures_and_the_worst_the_worst() -> None:
    gain = np.array([4.0] * 10 + [3.0] * 10 + [0.0] * 60)
    assert average_precision(gain, gain >= 3) == 1
    assert ndcg(gain, gain) == pytest.approx(1)
    assert (in_top_quarter(gain, gain), in_top_quarter(-gain, gain)) == (1, 0)
    assert (noise_in_top(gain, gain), noise_in_top(-gain, gain)) == (0.6, 1)


def test_the_priority_is_held_against_grades(console: Console, tmp_path: Path) -> None:
    result = console.result("evaluate", jsonl(tmp_path / "graded.jsonl", *GRADED))
    assert (result["messages"], result["all"]["wanted"]) == (32, 16)
    assert result["all"]["auc"] == 1
    low, high = result["all"]["auc_interval"]
    assert low <= 1 <= high
    assert result["by"]["lang"]["zh"]["auc"] == 1
    assert "lang zh" in console.ok("evaluate", tmp_path / "graded.jsonl")


def test_polarity_and_kind_will_do_where_there_is_no_grade(console: Console, tmp_path: Path) -> None:
    polar = [{"text": row["text"], "polarity": "negative" if row["grade"] >= 3 else "positive"} for row in GRADED]
    kinds = [{"words": row["text"], "kind": "complaint" if row["grade"] >= 3 else "chatter"} for row in GRADED]
    assert console.result("evaluate", jsonl(tmp_path / "a.jsonl", *polar))["all"]["auc"] == 1
    assert console.result("evaluate", jsonl(tmp_path / "b.jsonl", *kinds), "--map", "text=words")["all"]["auc"] == 1


def test_kinds_of_somebody_else_are_nobody_s_business_beside_grades(console: Console, tmp_path: Path) -> None:
    graded = [{**row, "kind": "ticket"} for row in GRADED]
    assert console.result("evaluate", jsonl(tmp_path / "a.jsonl", *graded))["messages"] == len(GRADED)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"text": "hello"}, "no column `grade`, `polarity` or `kind`"),
        ({"text": "hello", "grade": "high"}, "grade is no number: 'high'"),
        ({"text": "hello", "grade": 9}, "a grade is 0 to 4, not 9"),
        ({"text": "hello", "grade": "nan"}, "a grade is 0 to 4, not 'nan'"),
        ({"text": "hello", "kind": "nonsense"}, "'nonsense' and the like are no kinds; there are emergency, complaint"),
        ({"body": "hello", "grade": 1}, "--map text=COLUMN"),
    ],
)
def test_a_file_that_cannot_be_judged_is_told_in_words(
    console: Console, tmp_path: Path, row: dict[str, object], told: str
) -> None:
    refused = console.run("evaluate", jsonl(tmp_path / "graded.jsonl", row))
    assert refused.exit_code == (2 if "--map" in told else 1)
    assert told in refused.stderr
    assert refused.stderr.startswith(str(tmp_path))
    assert "Traceback" not in refused.stderr


def test_a_file_of_older_tools_names_its_encoding(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "old.tsv"
    file.write_bytes("text\tgrade\n助记词被骗走了\t4\n你好\t0\n".encode("gb18030"))
    assert console.run("evaluate", file).exit_code == 1
    assert console.result("evaluate", file, "--encoding", "gb18030")["messages"] == 2


def test_unchanged_words_move_no_inquiry(console: Console, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "author_id": f"u{number}"} for number, row in enumerate(GRADED)]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    result = console.result("rescore", "--dry-run")
    assert (result["inquiries"], result["moved"], result["most"]) == (32, 0, [])


def test_other_points_are_shown_before_they_move_anything(console: Console, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "author_id": f"u{number}"} for number, row in enumerate(GRADED)]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    before = console.query("SELECT inquiry_id, points FROM inquiry_open ORDER BY ALL")
    console.config.write_text(f"data: {console.data}\nsources: {{}}\npoints: {{unanswered_said: 40}}\n")
    result = console.result("rescore", "--dry-run")
    assert result["moved"] == 8
    assert all(move["after"] > move["before"] for move in result["most"])
    assert "would move" in console.ok("rescore", "--dry-run")
    assert console.query("SELECT inquiry_id, points FROM inquiry_open ORDER BY ALL") == before


def test_what_older_rules_left_is_told_with_the_bands_between_which_it_would_move(
    console: Console, tmp_path: Path
) -> None:
    rows = [{"text": row["text"], "author_id": f"u{number}"} for number, row in enumerate(GRADED)]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    with duckdb.connect(console.data / "inquiries.duckdb") as con:
        con.execute("UPDATE inquiry_open SET points = points + 60, scoring_version = 2")
    result = console.result("rescore", "--dry-run")
    assert result["moved"] == result["inquiries"] == 32
    assert sum(result["bands"].values()) == 0
    assert result["bands"]["P0"] < 0 < result["bands"]["P3"]


async def test_what_is_closed_while_it_is_weighed_is_left_out(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with community.desk("telegram") as work:
        community.telegram.says("fox", "all my funds are gone")
        community.telegram.says("owl", "my funds have vanished, everything is gone")
        await poll(work)
        (closed, stays) = open_inquiries(work)

        def read_and_then_closed(after: Any, last: Any, con: Connection) -> Any:
            page = read(after, last, con)
            it = (closed["inquiry_id"].bytes, closed["ver"], "amy", "close", work.clock(), {"reason": "person"})
            work.db.submit(lambda writer: act_in(writer, work.settings, *it)).result()
            return page

        read = weighing._page
        monkeypatch.setattr(weighing, "_page", read_and_then_closed)
        result = await weighing.weigh_again(work.db, work.settings, work.clock(), points={"funds_missing": 90})
    assert [move.code for move in result.most] == [stays["code"]]
