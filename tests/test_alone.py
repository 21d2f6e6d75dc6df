"""What posts begin alone is what `fold` makes of them one by one, though most of it is filled in by columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.config import Settings
from aggregator.folding.fold import Subject, fold
from aggregator.identity import inquiry_id
from aggregator.importer.connector import FileConnector
from aggregator.ingest.alone import begun
from aggregator.ingest.origin import Origin, any_of
from aggregator.ingest.prepare import read_page
from aggregator.ingest.reading import Reading
from aggregator.inquiry import Inquiry
from aggregator.people.suspects import our_names
from aggregator.store import rows
from aggregator.triage.model.corpus import read
from connectors.contract import Record

NOW = datetime(2026, 3, 14, tzinfo=UTC)
PHRASE = "slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"


@pytest.fixture
def origin() -> Origin:
    connector, settings = FileConnector("old"), Settings(sources={}, brand={"names": ["Lantern Wallet"]})
    return Origin(
        "old",
        connector.space,
        connector.channel,
        connector.post,
        official=frozenset({"u3"}),
        points={"complaint": 31.5, "said_thanks": -7},
        exclude=any_of(["airdrop"]),
        clocks=settings.clocks,
        names=our_names(settings),
    )


def records() -> list[Record]:
    """Texts of every kind, by many authors, of which some pose as ours and one is ours; some repeat."""
    texts = [message.text for message in read()][::9]
    texts += [f"my phrase is {PHRASE}", f"{PHRASE} free money, take it", "thanks, it has arrived", "谢谢，解决了", ""]
    return [
        {
            "row": str(number),
            "text": text,
            "created_at": (NOW - timedelta(minutes=9 * number)).isoformat(),
            "author_id": f"u{number % 90}",
            "author_name": "Lantern Wallet Support" if number % 41 == 0 else f"User {number % 90}",
            "thread_id": f"t{number % 300}" if number % 3 else None,
            "channel": ("forum", "email", None)[number % 3],
            "followers": 10 ** (number % 6),
            "public": number % 5 > 0,
            "url": f"https://forum.example.org/p/{number}" if number % 2 else None,
        }
        for number, text in enumerate(texts)
    ]


def one_by_one(said: list[Reading], origin: Origin) -> list[Inquiry]:
    return [
        fold(
            Subject(inquiry_id(each.post_id), origin.source, each.channel, each.thread_id, each.person_id),
            [each.as_folded(NOW)],
            (),
            origin.clock_of(each.channel),
            origin.points,
        )
        for each in said
        if each.begins
    ]


def test_columns_that_are_filled_in_say_what_fold_says(origin: Origin) -> None:
    said = read_page(records(), origin, NOW).readings
    table, places = begun(said, origin, NOW)
    expected = one_by_one(said, origin)
    assert len(expected) > 500
    assert len({inquiry.kind for inquiry in expected}) == 6
    assert table.equals(rows.table(rows.INQUIRY, [rows.of_inquiry(inquiry) for inquiry in expected]))
    assert [row for row, _ in places if row is not None] == list(range(len(expected)))


def test_new_posts_are_folded_and_stand_in_the_row_that_is_told(origin: Origin) -> None:
    half = replace(origin, live_since=NOW - timedelta(hours=30))
    said = read_page(records(), half, NOW).readings
    table, places = begun(said, half, NOW)
    assert 100 < sum(each.backfill for each in said) < len(said) - 100
    told = [rows.values_of(table, row) for row, _ in places if row is not None]
    assert told == [
        rows.values_of(rows.table(rows.INQUIRY, [rows.of_inquiry(inquiry)]), 0) for inquiry in one_by_one(said, half)
    ]


def test_nearly_all_old_posts_are_filled_in(origin: Origin) -> None:
    said = read_page(records(), origin, NOW).readings
    begun(said, origin, NOW)
    shapes = origin.folded
    assert sum(folded is None for folded in shapes.values()) <= len(shapes) / 10


def test_a_page_without_questions_begins_nothing(origin: Origin) -> None:
    table, places = begun([], origin, NOW)
    assert (table.schema, table.num_rows, places) == (rows.table(rows.INQUIRY, []).schema, 0, [])
