"""How often a source is asked: what is learned, what is expected, and what a budget allows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.tempo import (
    Budget,
    Rhythm,
    heard,
    is_surge,
    next_pause,
    pause,
    polled,
    rate,
    silence,
    spent,
    usual_rate,
)
from benchmarks.tempo import measure
from connectors.contract import Quota, SourceConfig

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
BETWEEN = (timedelta(seconds=10), timedelta(minutes=30))


def listened(
    days: int, by_hour: Sequence[int] = (2,) * 24, *, every: float = 1800.0, rhythm: Rhythm | None = None
) -> tuple[Rhythm, datetime]:
    """A source that was polled for so many days and brought, each day, so many posts in each hour."""
    learned, now = rhythm or Rhythm(), MONDAY
    while now < MONDAY + timedelta(days=days):
        half = by_hour[now.hour] / (3600 / every)
        fresh = int(half * (now.minute // 30 + 1)) - int(half * (now.minute // 30))
        learned = polled(learned, now, [now] * fresh)
        now += timedelta(seconds=every)
    return learned, now


# -- learning -------------------------------------------------------------------------------------


def test_what_is_usual_at_an_hour_is_learned() -> None:
    busy_at_ten = [20 if hour == 10 else 2 for hour in range(24)]
    rhythm, now = listened(21, busy_at_ten)
    at_ten, at_four = (usual_rate(rhythm, now.replace(hour=hour).timestamp()) * 3600 for hour in (10, 4))
    assert 1 < at_four < 4
    assert at_ten > 2.5 * at_four


def test_one_storm_does_not_make_its_hour_a_busy_one() -> None:
    rhythm, now = listened(14)
    before = usual_rate(rhythm, now.timestamp())
    stormy = heard(rhythm, now, [now] * 500)
    calm, later = stormy, now
    for _ in range(4):
        later += timedelta(minutes=30)
        calm = polled(calm, later, ())
    assert usual_rate(calm, now.timestamp()) < 2 * before


def test_after_posts_more_are_expected_and_the_expectation_fades() -> None:
    bursty, now = listened(14, [0] * 23 + [40])
    now += timedelta(hours=12)
    quiet = heard(bursty, now, ())
    excited = heard(quiet, now, [now - timedelta(seconds=each) for each in range(30)])
    assert rate(excited, now.timestamp()) > 20 * rate(quiet, now.timestamp())
    faded = heard(excited, now + timedelta(hours=6), ())
    assert rate(faded, now.timestamp()) == usual_rate(faded, now.timestamp())


def test_a_time_at_which_we_did_not_listen_teaches_nothing() -> None:
    rhythm, now = listened(7)
    again = polled(rhythm, now + timedelta(days=3), ())
    assert (again.hours, again.weeks) == (rhythm.hours, rhythm.weeks)


def test_a_rhythm_survives_a_restart() -> None:
    rhythm, now = listened(3)
    kept = Rhythm.of(json.loads(json.dumps(rhythm.as_json() | {"of_a_later_version": 1})))
    assert pause(kept, now, BETWEEN) == pytest.approx(pause(rhythm, now, BETWEEN), rel=0.01)
    assert (kept.polls, kept.day, kept.last) == (rhythm.polls, rhythm.day, rhythm.last)
    assert Rhythm.of({}) == Rhythm()


# -- asking ---------------------------------------------------------------------------------------


def test_it_asks_more_often_when_posts_arrive_and_less_often_when_it_is_quiet() -> None:
    rhythm, now = listened(14, [0] * 20 + [30] * 4)
    now += timedelta(hours=12)
    excited = heard(rhythm, now, [now] * 20)
    rhythm = heard(rhythm, now, ())
    quiet = pause(rhythm, now, BETWEEN)
    assert pause(excited, now, BETWEEN) < quiet / 3
    assert BETWEEN[0].total_seconds() <= pause(excited, now, BETWEEN)
    assert quiet <= BETWEEN[1].total_seconds()


def test_it_asks_sooner_while_an_incident_runs_elsewhere() -> None:
    rhythm, now = listened(7)
    budgets = [Budget(200, now + timedelta(days=1))]
    assert pause(rhythm, now, BETWEEN, budgets, urgent=True) < pause(rhythm, now, BETWEEN, budgets) / 2


def test_a_night_does_not_make_it_oversleep_the_morning() -> None:
    rhythm, _ = listened(14, [0] * 8 + [30] * 16)
    three, before_eight = (MONDAY + timedelta(days=14, hours=hours) for hours in (3, 7.9))
    long = (timedelta(seconds=10), timedelta(hours=4))
    few = [Budget(30, MONDAY + timedelta(days=15))]
    at_night = pause(heard(rhythm, three, ()), three, long, few)
    assert pause(heard(rhythm, before_eight, ()), before_eight, long, few) < at_night / 2


def test_used_up_calls_wait_until_they_begin_anew() -> None:
    rhythm, now = listened(2)
    assert pause(rhythm, now, BETWEEN, [Budget(0, now + timedelta(hours=5))]) == 5 * 3600


def test_calls_that_do_not_suffice_for_the_longest_pause_are_spread_evenly() -> None:
    rhythm, now = listened(2)
    assert pause(rhythm, now, BETWEEN, [Budget(4, now + timedelta(hours=8))]) == 2 * 3600


def test_the_tighter_of_two_budgets_counts() -> None:
    rhythm, now = listened(2)
    until = now + timedelta(hours=8)
    both = pause(rhythm, now, BETWEEN, [Budget(1000, until), Budget(4, until)])
    assert both == pause(rhythm, now, BETWEEN, [Budget(4, until)])


@settings(deadline=None)  # a busy machine is no fault
@given(
    posts=st.lists(st.integers(0, 50), min_size=24, max_size=24),
    polls=st.integers(0, 3000),
    left=st.floats(1, 86400),
    burst=st.integers(0, 3000),
)
def test_no_source_starves_and_none_is_asked_too_often(posts: list[int], polls: int, left: float, burst: int) -> None:
    rhythm, now = listened(1, posts)
    rhythm = heard(rhythm, now, [now] * burst)
    wait = pause(rhythm, now, BETWEEN, [Budget(polls, now + timedelta(seconds=left))])
    most = max(BETWEEN[1].total_seconds(), left / polls if polls else left)
    assert min(BETWEEN[0].total_seconds(), left) <= wait <= most + 0.001


# -- settings -------------------------------------------------------------------------------------


def test_a_fixed_interval_without_bounds_stays_fixed() -> None:
    rhythm, now = listened(1)
    assert next_pause(rhythm, SourceConfig(connector="x"), None, now) is None


def test_a_fixed_interval_grows_when_the_days_polls_would_not_suffice() -> None:
    rhythm, now = listened(1)
    config = SourceConfig(connector="x", poll_every=timedelta(seconds=30), polls_per_day=96)
    assert next_pause(rhythm, config, None, now) == pytest.approx(86400 / 96, rel=0.1)
    generous = config.model_copy(update={"polls_per_day": 100_000})
    assert next_pause(rhythm, generous, None, now) == 30


def test_the_days_polls_begin_anew_at_midnight_utc() -> None:
    config = SourceConfig(connector="x", polls_per_day=3)
    rhythm = Rhythm()
    for minute in range(3):
        rhythm = polled(rhythm, MONDAY + timedelta(hours=20, minutes=minute), ())
    evening = MONDAY + timedelta(hours=21)
    assert next_pause(rhythm, config, None, evening) == 3 * 3600
    assert next_pause(rhythm, config, None, evening + timedelta(hours=3)) == 8 * 3600


def test_a_platforms_calls_are_counted_by_what_a_poll_costs() -> None:
    rhythm, now = listened(1)
    quota = Quota(left=40, limit=1000, resets_at=now + timedelta(hours=10))
    config = SourceConfig(connector="x", poll_between=BETWEEN)
    cheap = next_pause(rhythm, config, quota, now)
    for _ in range(40):
        rhythm = spent(rhythm, 8)
    dear = next_pause(rhythm, config, quota, now)
    assert cheap is not None
    assert dear is not None
    assert dear == pytest.approx(10 * 3600 / 5, rel=0.01)
    assert cheap < 3600 < dear
    over = Quota(left=0, limit=1000, resets_at=now - timedelta(seconds=1))
    assert next_pause(rhythm, config, over, now) == pause(rhythm, now, BETWEEN)


# -- silences and surges --------------------------------------------------------------------------


def test_a_silence_is_unusual_where_posts_come_every_hour_and_not_where_they_seldom_do() -> None:
    busy, now = listened(7, [6] * 24)
    seldom, _ = listened(7, [1] + [0] * 23)
    later = now + timedelta(hours=6)
    missed = silence(busy, later)
    assert missed is not None
    assert 25 < missed < 45
    assert silence(busy, now + timedelta(minutes=40)) is None
    assert silence(seldom, later) is None


def test_a_night_is_no_unusual_silence() -> None:
    rhythm, now = listened(14, [0] * 8 + [6] * 16)
    assert silence(rhythm, now + timedelta(hours=8)) is None
    assert silence(rhythm, now + timedelta(hours=13)) is not None


def test_nothing_is_unusual_before_anything_was_learned() -> None:
    rhythm, now = listened(2, [6] * 24)
    assert silence(rhythm, now + timedelta(hours=20)) is None
    assert silence(Rhythm(), now) is None


def test_a_surge_is_far_more_than_usual_and_passes() -> None:
    rhythm, now = listened(7)
    assert not is_surge(heard(rhythm, now, [now] * 3), now)
    surging = heard(rhythm, now, [now - timedelta(seconds=each) for each in range(20)])
    assert is_surge(surging, now)
    assert not is_surge(surging, now + timedelta(hours=1))


# -- what it brings -------------------------------------------------------------------------------


def test_where_posts_come_in_bursts_they_wait_half_as_long_for_the_same_number_of_polls() -> None:
    figures = {figure.what: figure for figure in measure(seeds=(11,))}
    bursts = [figures[what].value for what in ("storms", "releases", "incidents, heard of in a chat")]
    assert [value < 0.52 for value in bursts] == [True] * 3, bursts
    # Where they come evenly, nothing can be gained, and nothing is lost.
    assert 0.95 < figures["Poisson, the control"].value < 1.05
    assert {float(str(figure.beside["polls_a_day"])) <= 288 for figure in figures.values()} == {True}
    assert max(float(str(figure.beside["longest_pause"])) for figure in figures.values()) < 40 * 60
