"""Which state an inquiry is in, and who leaves it when: a pure fold, whatever the order of arrival."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config.clock_settings import ChannelClock
from aggregator.folding.fold import FoldPost, fold
from aggregator.identity import stable_id, written
from aggregator.inquiry import Event, Inquiry, Reason
from aggregator.working_time import WorkingDays
from tests.test_due import ID, at, due, event, folded, ours, post, rules, thanks
from tests.test_due import Subject as Subject


def snooze(minutes: float, until: float, who: str = "amy") -> Event:
    return event(minutes, "snooze", who, until=at(until).isoformat())


def undo(minutes: float, of: Event) -> Event:
    return event(minutes, "undo", event=written(of.event_id))


def states(*said: FoldPost | Event) -> tuple[str, str | None]:
    inquiry = folded(*said)
    return inquiry.state, inquiry.owner


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([event(1, "claim")], ("claimed", "amy")),
        ([event(1, "claim"), event(2, "release")], ("new", None)),
        ([event(1, "assign", owner="sam")], ("claimed", "sam")),
        ([event(1, "claim", "sam"), event(2, "take")], ("claimed", "amy")),
        ([event(1, "claim"), event(2, "wait")], ("waiting", "amy")),
        ([event(1, "wait"), event(2, "claim")], ("waiting", "amy")),
        ([event(1, "wait"), event(2, "release")], ("waiting", None)),
        ([snooze(1, 90)], ("snoozed", None)),
        ([snooze(1, 90), event(2, "claim")], ("claimed", "amy")),
        ([snooze(1, 90), event(2, "assign", owner="sam")], ("snoozed", "sam")),
        ([event(1, "claim"), event(2, "close")], ("closed", "amy")),
        ([event(1, "claim"), event(2, "close"), event(3, "reopen")], ("claimed", "amy")),
        ([event(1, "close"), event(2, "reopen")], ("new", None)),
        ([event(1, "close"), event(2, "wait")], ("closed", None)),
        ([event(1, "claim"), event(2, "reply")], ("answered", "amy")),
        ([event(1, "reply", "sam")], ("answered", "sam")),
        ([event(1, "claim"), event(2, "wait"), ours(3)], ("answered", "amy")),
    ],
)
def test_what_a_colleague_does_sets_the_state(before: list[Event | FoldPost], after: tuple[str, str | None]) -> None:
    assert states(post(0), *before) == after


@pytest.mark.parametrize("asleep", [event(2, "wait"), snooze(2, 600), event(2, "reply"), event(2, "close"), ours(2)])
def test_a_word_of_the_customer_wakes_it_for_its_owner_and_mere_thanks_do_not(asleep: Event | FoldPost) -> None:
    slept = folded(post(0), event(1, "claim"), asleep)
    assert folded(post(0), event(1, "claim"), asleep, thanks(30)).state == slept.state
    assert folded(post(0), event(1, "claim"), asleep, thanks(30, solved=True)).state == slept.state
    assert states(post(0), event(1, "claim"), asleep, post(30)) == ("claimed", "amy")


def test_an_unowned_one_wakes_for_everybody() -> None:
    for asleep in (event(2, "wait"), snooze(2, 600), event(2, "close"), ours(2)):
        assert states(post(0), asleep, post(30)) == ("new", None)


def test_a_snooze_ends_by_time_at_the_first_step_after_it() -> None:
    slept = folded(post(0), event(1, "claim"), snooze(2, 60))
    assert (slept.state, slept.snoozed_until) == ("snoozed", at(60))
    woken = folded(post(0), event(1, "claim"), snooze(2, 60), event(60, "wake", "system"))
    assert (woken.state, woken.owner, woken.snoozed_until) == ("claimed", "amy", None)
    assert states(post(0), snooze(2, 60), thanks(61)) == ("new", None)


def test_a_wake_that_comes_after_the_snooze_was_prolonged_wakes_nobody() -> None:
    assert states(post(0), snooze(1, 60), snooze(30, 500), event(60, "wake", "system"))[0] == "snoozed"


def test_the_clock_runs_on_while_snoozed_and_stands_still_while_we_wait_for_the_customer() -> None:
    assert due(post(0), snooze(5, 600)) == (30, "first_answer")
    assert due(post(0), event(10, "wait")) == (None, None)
    paused = folded(post(0), event(10, "wait"))
    assert (paused.waiting_since, paused.wait_per_hour) == (None, 0.0)
    assert "awaiting" in rules(paused)
    assert due(post(0), event(10, "wait"), post(100)) == (120, "first_answer")
    assert folded(post(0), event(10, "wait"), post(100)).waiting_since == at(90)


@pytest.mark.parametrize(("rule", "points"), [("funds_missing", 42.0), ("question", 6.0), ("reads_minor", 5.0)])
def test_it_is_known_by_what_tells_the_trouble_not_by_who_asks_where_we_are(rule: str, points: float) -> None:
    told = post(0, excerpt="what is wrong", reasons=(Reason(rule, points),))
    calls = post(30, excerpt="hello??", reasons=(Reason("reads_serious", 55.0), Reason("unanswered_said", 30.0)))
    small = post(31, excerpt="ok", kind="other", reasons=(Reason("public", 4.0),))
    both = post(40, excerpt="stolen, and nobody answers",
                reasons=(Reason("funds_stolen", 92.0), Reason("unanswered_said", 8.0)))  # fmt: skip
    assert folded(told, calls, small).excerpt == "what is wrong"
    assert folded(calls, small).excerpt == "hello??"
    assert folded(told, calls, both).excerpt == "stolen, and nobody answers"
    assert folded(told._replace(deleted=True), calls).excerpt == "hello??"


def test_several_pauses_add_up_and_what_had_run_out_stays_so() -> None:
    twice = (post(0), event(10, "wait"), post(100), event(110, "wait"), post(200))
    assert due(*twice) == (210, "first_answer")
    assert due(post(0), event(40, "wait"), post(100)) == (30, "first_answer")


def test_what_was_answered_before_we_waited_starts_a_clock_of_its_own() -> None:
    assert due(post(0), ours(10), event(11, "wait"), post(100)) == (220, "next_answer")


def test_a_promise_stands_still_too_while_we_wait() -> None:
    promised = ours(10, promise=at(70))
    assert due(post(0), promised, event(20, "wait")) == (None, None)
    assert due(post(0), promised, event(20, "wait"), event(50, "reopen")) == (100, "promise")
    assert due(post(0), promised, event(20, "wait"), post(50)) == (100, "promise")


def test_working_hours_count_on_from_where_they_stood_still() -> None:
    clock = ChannelClock(first_answer=timedelta(hours=4), next_answer=timedelta(hours=4), counts="open_hours")
    monday = 47 * 60  # START is a Saturday, 16:00 in Shanghai; open hours are 9 to 18
    paused = [post(0), event(monday - 4 * 60, "wait"), post(monday)]
    assert _due(paused, clock) == at(49 * 60)  # two of four hours were left


def _due(said: list[FoldPost | Event], clock: ChannelClock) -> object:
    posts = [each for each in said if isinstance(each, FoldPost)]
    events = [each for each in said if isinstance(each, Event)]
    return fold(Subject(ID, "s", "chat", ID, ID), posts, events, clock, {}).due_at


def test_working_days_count_on_too() -> None:
    clock = ChannelClock(first_answer=WorkingDays(1), next_answer=WorkingDays(2))
    assert _due([post(0)], clock) == at(50 * 60)  # Monday, 18:00 in Shanghai
    assert _due([post(0), event(60, "wait"), post(3 * 24 * 60)], clock) == at(4 * 24 * 60 + 2 * 60)


def test_a_reply_counts_once_when_the_platform_shows_it_to_us() -> None:
    came_back = ours(11)
    reply = event(10, "reply", post=written(came_back.post_id))
    both = folded(post(0), post(10.5), reply, came_back)
    assert (both.state, both.first_answer_at, both.waiting_since) == ("answered", at(11), None)
    alone = folded(post(0), reply)
    assert (alone.state, alone.first_answer_at) == ("answered", at(10))


def test_what_was_written_before_but_seen_after_a_closing_is_not_slept_through() -> None:
    late = post(5, seen_at=at(20))
    assert states(post(0), late, event(10, "close"))[0] == "new"
    assert states(post(0), late, event(10, "claim"), event(11, "wait"))[0] == "claimed"
    assert states(post(0), late, event(1, "claim"), event(11, "reply")) == ("claimed", "amy")
    assert states(post(0), late, event(25, "close"))[0] == "closed"


@pytest.mark.parametrize("posted", [9.5, 10])
def test_an_answer_from_here_that_came_back_answers_nothing_that_was_not_seen_when_it_was_sent(posted: float) -> None:
    late, came_back = post(5, seen_at=at(20)), ours(posted, seen_at=at(20))
    reply = event(10, "reply", post=written(came_back.post_id))
    sent = folded(post(0), late, reply)
    back = folded(post(0), late, reply, came_back)
    assert (back.state, back.owner, back.waiting_since) == ("claimed", "amy", at(5))
    assert (back.first_answer_at, back.asked, back.due_clock) == (at(posted), sent.asked, sent.due_clock)
    assert "answered" not in rules(back)
    elsewhere = folded(post(0), late, came_back)
    assert (elsewhere.state, elsewhere.waiting_since) == ("answered", None)
    seen_in_time = folded(post(0), post(5, seen_at=at(9)), reply, came_back)
    assert (seen_in_time.state, seen_in_time.waiting_since) == ("answered", None)


def test_labels_are_a_colleagues_word_against_the_computed_one() -> None:
    noise = folded(post(0), event(1, "label", kind="noise", tags="ios,vip"))
    assert (noise.kind, noise.tags, noise.due_at, noise.wait_per_hour) == ("noise", "ios,vip", None, 0.0)
    more = folded(post(0), event(1, "label", tags="ios"), event(2, "label", add="vip,ios"))
    assert (more.kind, more.tags) == ("complaint", "ios,vip")


def test_a_band_holds_while_there_is_something_to_do_and_its_most_always() -> None:
    high = event(1, "band", band="P0", reason="partner", at_least="80")
    asked = folded(post(0), high)
    assert (asked.at_least, asked.at_most, asked.band_by) == (80.0, None, "amy")
    assert folded(post(0), high, ours(5)).at_least is None
    assert folded(post(0), high, ours(5), post(9)).at_least == 80.0
    low = event(2, "band", band="P3", reason="spam", at_most="29.99")
    assert folded(post(0), high, low, ours(5)).at_most == 29.99
    assert folded(post(0), high, event(3, "band", band="computed")).band_by is None


def test_taken_back_is_as_if_it_had_never_been() -> None:
    claim, wait, close = event(1, "claim"), event(2, "wait"), event(3, "close")
    assert folded(post(0), claim, wait, close, undo(4, close)) == folded(post(0), claim, wait)
    assert folded(post(0), claim, undo(4, claim)) == folded(post(0))


WHATS = st.sampled_from(["claim", "take", "release", "wait", "close", "reopen", "reply", "wake", "note"])


@st.composite
def lives(draw: st.DrawFn) -> list[FoldPost | Event]:
    """Anything that may happen to one inquiry within two hours."""
    said: list[FoldPost | Event] = [post(0)]
    minutes = st.integers(0, 120)
    for number in range(draw(st.integers(0, 6))):
        when = draw(minutes)
        more = {"post_id": stable_id("life", str(number)), "seen_at": at(when + draw(st.sampled_from([0, 5, 60])))}
        said.append(draw(st.sampled_from([post, ours, thanks]))(when, **more))
    for number in range(draw(st.integers(0, 8))):
        when = draw(minutes)
        done = draw(
            st.one_of(
                WHATS.map(lambda what, when=when: event(when, what, "system" if what == "wake" else "amy")),
                st.just(event(when, "assign", owner="sam")),
                st.just(event(when, "label", kind="question", add="vip")),
                st.just(event(when, "band", band="P1", at_least="60", at_most="79.99", reason="x")),
                minutes.map(lambda until, when=when: snooze(when, when + until)),
            )
        )
        said.append(_as(done, number))
    events = [each for each in said if isinstance(each, Event)]
    if events and draw(st.booleans()):
        said.append(_as(undo(draw(minutes), draw(st.sampled_from(events))), 99))
    return said


def _as(happened: Event, number: int) -> Event:
    name = stable_id("event", str(number))
    return Event(name, ID, happened.happened_at, happened.who, happened.what, happened.details)


@given(lives(), st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None)
def test_any_order_of_arrival_gives_the_same_row(said: list[FoldPost | Event], random: Random) -> None:
    shuffled = list(said)
    random.shuffle(shuffled)
    assert folded(*shuffled) == folded(*said)


@given(lives())
@settings(max_examples=400, deadline=None)
def test_a_row_never_contradicts_itself(said: list[FoldPost | Event]) -> None:
    row: Inquiry = folded(*said)
    assert (row.state == "snoozed") == (row.snoozed_until is not None)
    assert (row.state == "closed") == (row.closed_at is not None)
    assert row.state not in ("waiting", "closed") or row.due_at is None
    assert row.state != "waiting" or row.waiting_since is None
    assert row.state != "claimed" or row.owner is not None
    assert row.state != "new" or row.owner is None
    assert row.due_at is None or row.due_at >= row.opened_at
