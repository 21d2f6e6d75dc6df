"""Which clock runs for an inquiry, and until when: a pure fold over posts and events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config.clock_settings import ChannelClock
from aggregator.folding.fold import FoldPost, Subject, fold
from aggregator.identity import stable_id
from aggregator.inquiry import Event, Inquiry, Reason
from tests.conftest import START

CLOCK = ChannelClock(first_answer=timedelta(minutes=30), next_answer=timedelta(hours=2))
ID = stable_id("inquiry")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def post(minutes: float, **more: Any) -> FoldPost:
    said: dict[str, Any] = {
        "post_id": stable_id("post", str(minutes), str(sorted(more))), "posted_at": at(minutes), "order": 0,
        "seen_at": at(minutes), "staff": False, "deleted": False, "backfill": False, "public": False, "thanks": False,
        "secret": False, "kind": "complaint", "lang": "en", "title": None, "excerpt": "", "permalink": None,
        "reasons": (Reason("funds_missing", 55.0),),
    }  # fmt: skip
    return FoldPost(**said | more)


def ours(minutes: float, **more: Any) -> FoldPost:
    return post(minutes, **{"staff": True, "kind": "other", "reasons": ()} | more)


def thanks(minutes: float, **more: Any) -> FoldPost:
    return post(minutes, **{"thanks": True, "kind": "praise", "reasons": ()} | more)


def event(minutes: float, what: Any, who: str = "amy", **details: str) -> Event:
    return Event(stable_id("event", str(minutes), what), ID, at(minutes), who, what, details)


def folded(*said: FoldPost | Event) -> Inquiry:
    posts = [each for each in said if isinstance(each, FoldPost)]
    events = [each for each in said if isinstance(each, Event)]
    return fold(Subject(ID, "s", "chat", ID, ID), posts, events, CLOCK, {})


def due(*said: FoldPost | Event) -> tuple[float | None, str | None]:
    """In minutes from the start, and which clock it is."""
    inquiry = folded(*said)
    return inquiry.due_at and (inquiry.due_at - START) / timedelta(minutes=1), inquiry.due_clock


def rules(inquiry: Inquiry) -> set[str]:
    return {reason.rule for reason in inquiry.reasons}


def test_the_first_post_starts_the_clock_for_the_first_answer() -> None:
    assert due(post(0), post(5)) == (30, "first_answer")


def test_an_answer_stops_it_and_the_next_word_starts_the_next() -> None:
    assert due(post(0), ours(10)) == (None, None)
    assert due(post(0), ours(10), post(40)) == (160, "next_answer")


def test_a_promise_has_a_clock_of_its_own_until_we_answer_again() -> None:
    promised = ours(10, promise=at(70))
    assert due(post(0), promised) == (70, "promise")
    assert due(post(0), promised, ours(60)) == (None, None)
    assert due(post(0), promised, ours(60, promise=at(500))) == (500, "promise")


def test_of_two_clocks_the_first_to_run_out_is_told() -> None:
    assert due(post(0), ours(10, promise=at(70)), post(20)) == (70, "promise")
    assert due(post(0), ours(10, promise=at(700)), post(20)) == (140, "next_answer")


def test_thanks_start_no_clock_and_end_no_promise() -> None:
    waiting = folded(post(0), ours(10, promise=at(70)), thanks(12))
    assert (waiting.due_clock, waiting.thanks) == ("promise", False)
    assert "said_thanks" not in rules(waiting)
    heard = folded(post(0), ours(10), thanks(12))
    assert (heard.due_at, heard.waiting_since, heard.thanks) == (None, None, True)


def test_who_says_that_it_is_solved_waits_no_longer_and_is_owed_nothing() -> None:
    assert due(post(0), ours(10, promise=at(70)), thanks(12, solved=True)) == (None, None)
    alone = folded(post(0), thanks(12, solved=True))
    assert (alone.due_at, alone.waiting_since, alone.asked, alone.thanks) == (None, None, 0, True)


def test_thanks_before_any_answer_leave_the_clock_running() -> None:
    assert due(post(0), thanks(12)) == (30, "first_answer")


def test_a_new_word_after_thanks_asks_again() -> None:
    again = folded(post(0), ours(10), thanks(12), post(50))
    assert (again.state, again.thanks, again.due_clock) == ("new", False, "next_answer")


def test_a_customers_words_promise_nothing() -> None:
    assert due(post(0, promise=at(5))) == (30, "first_answer")


def test_a_deleted_answer_neither_stops_a_clock_nor_starts_one() -> None:
    assert due(post(0), ours(10, promise=at(70), deleted=True)) == (30, "first_answer")


def test_a_promise_from_before_we_listened_starts_no_clock() -> None:
    assert due(post(0, backfill=True), ours(10, promise=at(70), backfill=True)) == (None, None)


def test_what_was_promised_is_no_finished_answer() -> None:
    assert {"promised", "answered"} & rules(folded(post(0), ours(10, promise=at(70)))) == {"promised"}
    assert {"promised", "answered"} & rules(folded(post(0), ours(10))) == {"answered"}


def test_closing_ends_every_clock_and_a_new_word_starts_one_anew() -> None:
    closed = event(20, "close", reason="resolved")
    assert due(post(0), closed) == (None, None)
    assert due(post(0), closed, post(100)) == (130, "first_answer")
    assert due(post(0), ours(5, promise=at(300)), closed, post(100)) == (220, "next_answer")


def test_closed_as_answered_elsewhere_is_an_answer() -> None:
    elsewhere = event(20, "close", reason="answered_elsewhere")
    again = folded(post(0), elsewhere, post(100))
    assert (again.due_clock, again.asked, again.first_answer_at) == ("next_answer", 1, at(20))


def test_closing_by_mistake_and_reopening_changes_no_clock() -> None:
    assert due(post(0), event(10, "close", reason="resolved"), event(11, "reopen", undo="1")) == (30, "first_answer")


def test_touching_an_old_post_starts_its_clock_then_and_not_before() -> None:
    old = post(0, backfill=True)
    assert due(old) == (None, None)
    assert due(old, event(100, "claim")) == (130, "first_answer")
    assert due(old, event(100, "claim"), ours(110), post(300)) == (420, "next_answer")


said = st.builds(
    lambda minutes, kind, promise, deleted, backfill, solved: {
        "customer": post,
        "staff": ours,
        "thanks": thanks,
    }[kind](
        minutes,
        promise=at(minutes + promise) if promise else None,
        deleted=deleted,
        backfill=backfill,
        solved=solved and kind == "thanks",
    ),
    st.integers(0, 5000),
    st.sampled_from(["customer", "customer", "staff", "thanks"]),
    st.one_of(st.none(), st.integers(1, 5000)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
happened = st.builds(
    lambda minutes, what, reason: event(minutes, what, reason=reason),
    st.integers(0, 5000),
    st.sampled_from(["claim", "release", "close", "reopen"]),
    st.sampled_from(["resolved", "answered_elsewhere", "duplicate"]),
)
courses = st.lists(said, min_size=1, max_size=12, unique_by=lambda each: each.posted_at).map(
    lambda posts: [post(0), *posts]
)


@settings(max_examples=400, deadline=None)
@given(courses, st.lists(happened, max_size=5, unique_by=lambda each: each.happened_at), st.randoms())
def test_the_order_of_arrival_changes_nothing(posts: list[FoldPost], events: list[Event], chance: Any) -> None:
    shuffled = [*posts, *events]
    chance.shuffle(shuffled)
    assert folded(*shuffled) == folded(*posts, *events)


@settings(max_examples=400, deadline=None)
@given(courses, st.lists(happened, max_size=5, unique_by=lambda each: each.happened_at))
def test_a_due_moment_lies_behind_what_it_counts_from(posts: list[FoldPost], events: list[Event]) -> None:
    inquiry = folded(*posts, *events)
    starts = [each for each in (inquiry.waiting_since, inquiry.answered_at) if each]
    assert (inquiry.due_at is None) == (inquiry.due_clock is None)
    assert inquiry.due_at is None or any(inquiry.due_at > start for start in starts)
    assert not (inquiry.due_at and inquiry.state == "closed")
    assert inquiry.due_clock in (None, "promise") or inquiry.waiting_since is not None


@settings(max_examples=400, deadline=None)
@given(courses)
def test_a_further_answer_of_ours_leaves_nobody_waiting(posts: list[FoldPost]) -> None:
    assert due(*posts, ours(6000)) == (None, None)


@pytest.mark.parametrize("promise", [1, 60, 600])
def test_a_promise_never_puts_off_the_answer_to_a_new_question(promise: int) -> None:
    with_it, _ = due(post(0), ours(10, promise=at(10 + promise)), post(20))
    without_it, _ = due(post(0), ours(10), post(20))
    assert with_it is not None
    assert without_it is not None
    assert with_it <= without_it
