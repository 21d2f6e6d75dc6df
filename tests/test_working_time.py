"""When a promised time runs out: working days, open hours, quiet hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config import clock_of, load
from aggregator.config.clock_settings import Calendar, ChannelClock
from aggregator.working_time import DAY, WorkingDays, WorkingTime, unpublished, without
from connectors.errors import ConfigError

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = WorkingTime()
SOURCES = "sources: {group: {connector: telegram, token: {env: T}, chats: [1]}}\n"


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("came", "days", "due"),
    [
        pytest.param("2026-03-02 10:00", 1, "2026-03-03 18:00", id="a Monday"),
        pytest.param("2026-03-02 07:00", 1, "2026-03-03 18:00", id="before the doors open it came that day"),
        pytest.param("2026-03-02 23:00", 1, "2026-03-03 18:00", id="after we closed"),
        pytest.param("2026-03-06 19:00", 1, "2026-03-09 18:00", id="a Friday"),
        pytest.param("2026-03-07 12:00", 1, "2026-03-09 18:00", id="a Saturday"),
        pytest.param("2026-03-07 12:00", 3, "2026-03-11 18:00", id="three days from a Saturday"),
        pytest.param("2026-02-13 10:00", 1, "2026-02-14 18:00", id="a Saturday that is worked before Spring Festival"),
        pytest.param("2026-02-14 10:00", 1, "2026-02-24 18:00", id="over Spring Festival"),
        pytest.param("2026-02-27 20:00", 1, "2026-02-28 18:00", id="the Saturday that makes up for it"),
        pytest.param("2026-09-30 10:00", 2, "2026-10-09 18:00", id="over the National Day holidays"),
        pytest.param("2026-12-31 10:00", 1, "2027-01-04 18:00", id="over a year's end"),
    ],
)
def test_working_days_in_china(came: str, days: int, due: str) -> None:
    assert CHINA.working_days_after(at(came), days) == at(due)


def test_a_day_is_worked_only_if_all_countries_work() -> None:
    both = WorkingTime(countries=("CN", "US"))
    assert not both.is_worked(date(2026, 2, 14))  # worked in China, a Saturday elsewhere
    assert not both.is_worked(date(2026, 11, 26))  # Thanksgiving
    assert both.is_worked(date(2026, 3, 3))


def test_a_country_may_rest_on_other_days() -> None:
    emirates = WorkingTime(zone="Asia/Dubai", countries=(), weekend=frozenset({4, 5}))
    assert not emirates.is_worked(date(2026, 3, 6))
    assert emirates.is_worked(date(2026, 3, 8))


def test_own_days_come_before_all_others() -> None:
    ours = WorkingTime(days_off=frozenset({date(2026, 3, 3)}), days_worked=frozenset({date(2026, 3, 7)}))
    assert ours.working_days_after(at("2026-03-02 10:00"), 1) == at("2026-03-04 18:00")
    assert ours.working_days_after(at("2026-03-06 10:00"), 1) == at("2026-03-07 18:00")


def clock(first: str = "4h", **more: object) -> ChannelClock:
    return ChannelClock.model_validate({"first_answer": first, "next_answer": "1h", **more})


@pytest.mark.parametrize(
    ("came", "due"),
    [
        ("2026-03-02 10:00", "2026-03-02 14:00"),
        ("2026-03-02 16:00", "2026-03-03 11:00"),
        ("2026-03-06 17:30", "2026-03-09 12:30"),
        ("2026-03-07 03:00", "2026-03-09 13:00"),
        ("2026-03-02 14:00", "2026-03-02 18:00"),
    ],
)
def test_open_hours_count_only_while_we_work(came: str, due: str) -> None:
    assert clock(counts="open_hours").due(at(came), further=False) == at(due)


def test_a_lunch_break_does_not_count() -> None:
    calendar = {"hours": ["09:00-12:00", "13:30-18:00"]}
    assert clock(counts="open_hours", calendar=calendar).due(at("2026-03-02 11:00"), further=False) == at(
        "2026-03-02 16:30"
    )


@pytest.mark.parametrize(
    ("came", "due"),
    [
        ("2026-03-02 10:00", "2026-03-02 14:00"),
        ("2026-03-02 22:00", "2026-03-03 11:00"),
        ("2026-03-03 02:00", "2026-03-03 12:00"),
        ("2026-03-07 12:00", "2026-03-07 16:00"),
    ],
)
def test_a_clock_stands_still_in_quiet_hours(came: str, due: str) -> None:
    assert clock(quiet_hours="23:00-08:00").due(at(came), further=False) == at(due)


def test_each_answer_has_its_own_time() -> None:
    came = at("2026-03-02 10:00")
    assert clock().due(came, further=False) == came + timedelta(hours=4)
    assert clock().due(came, further=True) == came + timedelta(hours=1)
    assert clock("1 working day").due(came, further=False) == at("2026-03-03 18:00")


def test_a_day_of_25_hours_has_no_more_open_ones() -> None:
    berlin = {"holidays": ["DE"], "timezone": "Europe/Berlin"}
    due = clock("9h", counts="open_hours", calendar=berlin).due(at("2026-10-24 10:00"), further=False)
    assert due == at("2026-10-26 18:00", ZoneInfo("Europe/Berlin"))


def test_worked_weekends_that_are_not_known_yet_are_noticed() -> None:
    assert not unpublished("CN", 2026)
    assert unpublished("CN", 2035)
    assert not unpublished("JP", 2035)  # Japan works no weekends


def test_channels_take_the_calendar_of_default_setting_by_setting(tmp_path: Path) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text(
        SOURCES + "timezone: Europe/Berlin\nclocks:\n"
        "  default: {quiet_hours: 22:00-07:00, calendar: {holidays: [DE-BY], days_off: [2027-02-11]}}\n"
        "  email: {first_answer: 3 working days, quiet_hours: [], calendar: {weekend: [sunday]}}\n",
        encoding="utf-8",
    )
    read = load(file)
    assert clock_of(read, "telegram").quiet_hours == ((0, 7 * 60), (22 * 60, DAY))
    email = clock_of(read, "email")
    assert (email.first_answer, email.next_answer, email.quiet_hours) == (WorkingDays(3), WorkingDays(2), ())
    assert email.working_time == WorkingTime(
        "Europe/Berlin", ("DE-BY",), frozenset({6}), days_off=frozenset({date(2027, 2, 11)})
    )


def test_every_mistake_in_a_clock_is_told_once_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text(
        SOURCES + "clocks:\n"
        "  default: {quiet_hours: 23:00, calendar: {holidays: [DE-XX, cn], weekend: [fryday],"
        " days_off: [2027-02-31]}}\n"
        "  email: {first_answer: 0 working days, next_answer: soon, counts: some, calendar: {hours: []}}\n"
        "  chat: {quiet_hours: 00:00-24:00, calendar: {hours: [9:00-13:00, 12:00-14:00]}}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert [line.split(" ", 1)[1] for line in str(caught.value).splitlines()] == [
        "clocks.default.quiet_hours: should be hours such as [09:00-12:00, 13:30-18:00]",
        "clocks.default.calendar.holidays[0]: no calendar of this country or part is known",
        "clocks.default.calendar.holidays[1]: should be the code of a country, such as CN, or of a part of one, such "
        "as DE-BY",
        "clocks.default.calendar.weekend[0]: should be a day such as saturday; did you mean friday?",
        "clocks.default.calendar.days_off[0]: should be a valid date or datetime, day value is outside expected range",
        "clocks.email.first_answer: should be 1 to 250 working days",
        "clocks.email.next_answer: should be a time such as 30m, 4h or 2d, or 3 working days",
        "clocks.email.counts: should be 'all_hours' or 'open_hours'",
        "clocks.email.calendar.hours: leaves no hour to work in",
        "clocks.chat.quiet_hours: leaves no hour in which the clock runs",
        "clocks.chat.calendar.hours: these hours overlap",
    ]


moments = st.integers(0, 10 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
spans = st.sampled_from([(), ((0, 480),), ((0, 420), (1380, DAY)), ((720, 780),)])
hours = st.sampled_from([((540, 1080),), ((540, 720), (810, 1080)), ((0, 360), (1320, DAY)), ((0, DAY),)])
periods = st.one_of(
    st.integers(1, 20).map(WorkingDays), st.integers(1, 40 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
)
clocks = st.builds(
    lambda promised, counts, quiet, open_, weekend, countries, zone: ChannelClock(
        first_answer=promised,
        next_answer=promised,
        counts=counts,
        quiet_hours=quiet,
        calendar=Calendar(hours=open_, weekend=weekend, holidays=countries, timezone=zone),
    ),
    periods,
    st.sampled_from(["all_hours", "open_hours"]),
    spans,
    hours.filter(lambda open_: without(open_, ((0, 480),)) != ()),
    st.sampled_from([frozenset({5, 6}), frozenset({6}), frozenset[int](), frozenset({4, 5})]),
    st.sampled_from([("CN",), (), ("CN", "US"), ("DE-BY",)]),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)


@settings(max_examples=300, deadline=None)
@given(clocks, moments)
def test_a_due_moment_never_lies_before_its_start(ours: ChannelClock, came: datetime) -> None:
    assert ours.due(came, further=False) >= came


@settings(max_examples=300, deadline=None)
@given(clocks, moments, st.timedeltas(timedelta(0), timedelta(days=12)))
def test_what_comes_later_is_never_due_earlier(ours: ChannelClock, came: datetime, later: timedelta) -> None:
    assert ours.due(came + later, further=False) >= ours.due(came, further=False)


@settings(max_examples=300, deadline=None)
@given(clocks, moments, st.lists(st.integers(0, 40), max_size=5))
def test_a_further_day_off_never_makes_it_earlier(ours: ChannelClock, came: datetime, off: list[int]) -> None:
    days_off = frozenset(came.date() + timedelta(days=number) for number in off)
    rested = ours.model_copy(update={"calendar": ours.calendar.model_copy(update={"days_off": days_off})})
    assert rested.due(came, further=False) >= ours.due(came, further=False)


@settings(max_examples=200, deadline=None)
@given(clocks, moments, spans)
def test_more_quiet_hours_never_make_it_earlier(ours: ChannelClock, came: datetime, quiet: tuple) -> None:
    loud = ours.model_copy(update={"quiet_hours": ()})
    still = ours.model_copy(update={"quiet_hours": quiet})
    assert still.due(came, further=False) >= loud.due(came, further=False)
