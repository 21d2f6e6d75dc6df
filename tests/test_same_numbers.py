"""One number, everywhere: dashboard = view = export = raw SQL, whatever the zone, the hour, the day."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator.analysts.client import open_export
from aggregator.analysts.export import Export
from aggregator.config import Bands, Settings, clock_of
from aggregator.store.daily import RECOUNT
from aggregator.store.database import Database
from aggregator.store.figures import Figures, Range, figures
from aggregator.store.zone import keep_zone
from tests.conftest import START
from tests.console import Console
from tests.test_import import jsonl

ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia", "UTC")
CHANNELS = ("email", "telegram", "forum")
FIRST, LAST = date(2025, 1, 20), date(2025, 11, 10)

# Midnights of every zone and the seconds about them, the hours that DST skips and repeats, and the make-up days of the
# Chinese New Year of 2025 (Sunday 26 January and Saturday 8 February are worked).
DAYS = ("2025-01-26", "2025-02-08", "2025-03-09", "2025-03-30", "2025-10-26", "2025-11-02")
MOMENTS = sorted(
    {
        datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(seconds=second)
        for zone in ZONES
        for day in DAYS
        for second in (-1, 0, 1, 3600, 7199, 7200, 9000, 10800, 86399)
    }
)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inquiry at each moment: on three channels, every second one answered after 20 hours, every fifth imported."""
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "connectors.yaml").write_text("data: data\nsources: {}\n")
    console = Console(folder / "connectors.yaml")
    row = {"native_id": "1", "text": "my swap failed", "author_id": "u1", "thread_id": "a"}
    console.ok("import", jsonl(folder / "old.jsonl", row), "--source", "old")
    db = Database(console.data / "inquiries.duckdb")
    rows = [
        (CHANNELS[n % 3], at, at + timedelta(hours=20) if n % 2 else None, n % 5 == 0) for n, at in enumerate(MOMENTS)
    ]

    def fill(con: object) -> None:
        con.executemany(  # type: ignore[attr-defined]
            "INSERT INTO inquiry_closed SELECT * REPLACE (uuid() AS inquiry_id, ? AS channel, ? AS opened_at, "
            "? AS first_answer_at, ? AS backfill, 'closed' AS state) FROM inquiry_open",
            rows,
        )
        con.execute("DELETE FROM inquiry_open")  # type: ignore[attr-defined]
        con.execute(RECOUNT)  # type: ignore[attr-defined]

    db.submit(fill).result()
    db.close()
    return console.data / "inquiries.duckdb"


def _figures(db: Database, zone: str) -> Figures:
    settings = Settings(sources={}, timezone=zone)

    def due(channel: str, began: datetime) -> datetime:
        return clock_of(settings, channel).due(began, further=False)

    with db.reading() as cursor:
        return figures(cursor, Range(FIRST, LAST, zone), due=due, moment=START, bands=Bands())


VIEW = "SELECT opened_on, channel, {} FROM {} GROUP BY ALL"


def by_hand(zone: str) -> Counter[tuple[date, str]]:
    return Counter((at.astimezone(ZoneInfo(zone)).date(), CHANNELS[n % 3]) for n, at in enumerate(MOMENTS))


@pytest.mark.parametrize("zone", ZONES)
def test_every_count_is_the_same_wherever_it_is_read(zone: str, counted: Path) -> None:
    db = Database(counted)
    db.submit(lambda con: keep_zone(con, zone)).result()
    shown = _figures(db, zone)
    read = [
        db.query(VIEW.format("sum(inquiries)", "daily_counts")),
        db.query(VIEW.format("count(*)", "inquiries")),
        db.query(f"SELECT (opened_at AT TIME ZONE '{zone}')::DATE, channel, count(*) FROM inquiry GROUP BY ALL"),
    ]
    db.close()
    assert shown.arrivals == by_hand(zone)
    assert [{(day, channel): int(n) for day, channel, n in rows} for rows in read] == [by_hand(zone)] * len(read)


def test_an_export_counts_the_same(counted: Path, tmp_path: Path) -> None:
    zone = "America/New_York"
    db = Database(counted)
    db.submit(lambda con: keep_zone(con, zone)).result()
    Export(db, tmp_path / "out", START).run(lambda *_: None)
    db.close()
    files = f"read_parquet('{tmp_path}/out/inquiries/*/*.parquet')"
    with open_export(tmp_path / "out/inquiries.duckdb") as con:
        read = [
            con.execute(VIEW.format("sum(inquiries)", "daily_counts")).fetchall(),
            con.execute(VIEW.format("count(*)", "inquiries")).fetchall(),
            con.execute(f"SELECT day, channel, count(*) FROM {files} GROUP BY ALL").fetchall(),
        ]
    assert [{(day, channel): int(n) for day, channel, n in rows} for rows in read] == [by_hand(zone)] * len(read)


@pytest.mark.parametrize("zone", ZONES)
def test_answer_times_are_the_same_on_the_dashboard_and_in_the_view(zone: str, counted: Path) -> None:
    db = Database(counted)
    db.submit(lambda con: keep_zone(con, zone)).result()
    shown = _figures(db, zone)
    found = db.query(
        "SELECT opened_on, count(*), quantile_cont(seconds_to_first_answer, 0.5) FROM answer_times "
        "WHERE first_answer_at IS NOT NULL GROUP BY ALL"
    )
    rows = db.query("SELECT channel, opened_at, first_answer_at FROM answer_times WHERE first_answer_at IS NOT NULL")
    db.close()
    assert {day: (one.answered, one.p50) for day, one in shown.answers.items()} == {
        day: (count, half) for day, count, half in found
    }
    settings = Settings(sources={}, timezone=zone)
    kept = sum(answer <= clock_of(settings, channel).due(began, further=False) for channel, began, answer in rows)
    assert (shown.promised, shown.kept) == (len(rows), kept)


def test_a_make_up_day_counts_as_one_that_is_worked() -> None:
    """Mail of the Saturday before is due on the worked Sunday: the kept promises of the dashboard hang on it."""
    clock = clock_of(Settings(sources={}), "email")
    shanghai = ZoneInfo("Asia/Shanghai")
    saturday = clock.due(datetime(2025, 1, 25, 12, tzinfo=shanghai), further=False).astimezone(shanghai).date()
    other = clock.due(datetime(2025, 1, 18, 12, tzinfo=shanghai), further=False).astimezone(shanghai).date()
    assert saturday in (date(2025, 1, 26), date(2025, 1, 27))
    assert other in (date(2025, 1, 20), date(2025, 1, 21))
    assert saturday - date(2025, 1, 25) < other - date(2025, 1, 18)
