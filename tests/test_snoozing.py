"""Until when one snoozes: mornings of the team's zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.acting.snoozing import until_of
from aggregator.acting.wishes import WishError, details_of, tags_of
from aggregator.config import Settings

SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("choice", "now", "zone", "until"),
    [
        ("1h", "2026-03-14T08:00", SHANGHAI, "2026-03-14T09:00"),
        ("tomorrow", "2026-03-14T08:00", SHANGHAI, "2026-03-15T01:00"),
        ("tomorrow", "2026-03-14T17:00", SHANGHAI, "2026-03-16T01:00"),  # it is the 15th there already
        ("monday", "2026-03-14T08:00", SHANGHAI, "2026-03-16T01:00"),
        ("monday", "2026-03-16T00:30", SHANGHAI, "2026-03-23T01:00"),  # on a Monday, the next one
        ("tomorrow", "2026-03-28T12:00", BERLIN, "2026-03-29T07:00"),  # over the change of clocks
        ("2026-03-16T09:00", "2026-03-14T08:00", SHANGHAI, "2026-03-16T01:00"),
        ("2026-03-29T02:30", "2026-03-14T08:00", BERLIN, "2026-03-29T01:30"),  # skipped there
        ("2026-10-25T02:30", "2026-03-14T08:00", BERLIN, "2026-10-25T00:30"),  # twice there: the first
    ],
)
def test_until_when(choice: str, now: str, zone: str, until: str) -> None:
    assert until_of(choice, utc(now), zone) == utc(until)


def test_a_time_that_is_over_or_too_far_is_refused() -> None:
    settings = Settings(sources={})
    now = utc("2026-03-14T08:00")
    for until in ("2026-03-14T15:59", "2027-04-01T09:00", "", "later"):
        with pytest.raises(WishError):
            details_of("snooze", {"until": until}, me="amy", colleagues=(), now=now, settings=settings)
    told = details_of(
        "snooze", {"until": "", "until_at": "2026-03-14T16:01"}, me="amy", colleagues=(), now=now, settings=settings
    )
    assert datetime.fromisoformat(told["until"]) == now + timedelta(minutes=1)


def test_tags_are_plain_short_and_each_once() -> None:
    assert tags_of(" #VIP, iOS、退款；vip ") == ["ios", "vip", "退款"]
    with pytest.raises(WishError):
        tags_of(",".join(str(number) for number in range(11)))
