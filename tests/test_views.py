"""The analysts' views: explained, without personal data, and each example query finds something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aggregator.analysts import VIEWS
from aggregator.analysts.dictionary import dictionary
from aggregator.store.database import Database
from tests.demo_day import DemoDay as DemoDay
from tests.demo_day import demo_database as demo_database
from tests.demo_day import demo_day as demo_day

pytestmark = pytest.mark.xdist_group("analysts")

DOCS = Path(__file__).parents[1] / "docs"
QUERIES = dict(
    re.findall(r"^## \d+\. (.*?)$.*?^```sql\n(.*?)^```$", (DOCS / "queries.md").read_text("utf-8"), re.M | re.S)
)
FIND_NOTHING = {"Do all terms sum to the points?"}


def test_the_data_dictionary_is_what_the_schema_says() -> None:
    db = Database(None)
    with db.reading() as cursor:
        made = dictionary(cursor)
    db.close()
    assert (DOCS / "data-dictionary.md").read_text("utf-8") == made, "python -m aggregator.analysts.dictionary"


def test_there_are_twenty_queries_and_every_view_is_asked() -> None:
    assert len(QUERIES) == 20
    asked = set(re.findall(r"(?:FROM|JOIN) (\w+)", "\n".join(QUERIES.values())))
    assert {*VIEWS} - asked == {"post_texts", "source_coverage"}


@pytest.mark.parametrize("question", QUERIES)
def test_every_example_query_answers_its_question(question: str, demo_database: Database) -> None:
    found = demo_database.query(QUERIES[question])
    assert bool(found) is (question not in FIND_NOTHING)


def test_no_view_gives_away_who_wrote(demo_database: Database) -> None:
    """Names, handles, ids of platforms, mail addresses: none of them in any cell of any view."""
    names = demo_database.query(
        "SELECT DISTINCT unnest([name, handle, native_id]) AS word FROM account WHERE role = 'customer'"
    )
    words = {word for (word,) in names if word and len(word) > 5}
    assert len(words) > 50
    cells = [
        str(cell)
        for view in VIEWS
        for row in demo_database.query(f"SELECT * FROM {view}")
        for cell in row
        if isinstance(cell, str)
    ]
    assert [cell for cell in cells for word in words if cell == word] == []
    assert [cell for cell in cells if re.search(r"[\w.]+@[\w-]+\.\w+", cell)] == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("write to lin.q@mail.example please", "write to ██████ please"),
        ("电话13812345678，微信同号", "电话██████，微信同号"),
        ("call +49 171 234 5678 now", "call ██████ now"),
        ("身份证11010519900307123X", "身份证██████"),
        ("tx 0x63f97062934b84725d994c681600b3c61d35774c50f35b7aa7abe6d6d29d8cf6", None),
        ("TXYZ13812345678abcdefghijk1234567890", None),
        ("1234567890123 USDT on 2026-03-14 12:30", None),
    ],
)
def test_personal_data_is_masked_by_its_form_and_transactions_stay(said: str, shown: str | None) -> None:
    db = Database(None)
    found = db.query("SELECT without_personal(?, NULL::JSON)", [said])
    db.close()
    assert found == [(shown or said,)]


def test_what_reading_found_is_masked_whatever_its_case() -> None:
    db = Database(None)
    entities = '{"handle": ["Mia_K"], "qq": ["123456"], "tx": ["0xabc"], "email": ["a+b(c"]}'
    found = db.query(
        "SELECT without_personal('@mia_k or QQ 123456, a+b(c, 0xabc', ?::JSON), without_personal(NULL, ?::JSON)",
        [entities, entities],
    )
    db.close()
    assert found == [("@██████ or QQ ██████, ██████, 0xabc", None)]


def test_entities_that_are_personal_data_are_what_exports_mask() -> None:
    db = Database(None)
    ((macro,),) = db.query("SELECT macro_definition FROM duckdb_functions() WHERE function_name = 'personal_values'")
    db.close()
    assert set(re.findall(r"\$\.(\w+)", macro)) == {
        "phone", "email", "handle", "wechat", "qq", "whatsapp", "telegram", "account",
    }  # fmt: skip
