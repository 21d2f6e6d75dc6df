"""The set of our answers holds promises and what only looks like one, each with the moment it runs out."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from tests.sets import promises


def test_both_languages_hold_promises_and_answers_without_one() -> None:
    kinds = Counter((answer.lang, answer.due is not None) for answer in promises())

    assert kinds.total() >= 160
    assert kinds.keys() == {("zh", True), ("zh", False), ("en", True), ("en", False)}
    assert min(kinds.values()) >= 25


def test_a_promise_runs_out_after_it_was_made_and_within_the_month() -> None:
    held = [answer for answer in promises() if answer.due]

    assert all(timedelta(0) < answer.due - answer.posted_at <= timedelta(days=25) for answer in held if answer.due)
    assert {answer.timezone for answer in promises()} == {"Asia/Shanghai"}
    assert {answer.due.utcoffset() for answer in held if answer.due} == {timedelta(hours=8)}


def test_some_are_posted_on_another_day_in_utc_than_where_we_work() -> None:
    assert any(answer.posted_at.utcoffset() == timedelta(0) for answer in promises())


def test_ids_and_texts_are_all_different() -> None:
    assert len({answer.id for answer in promises()}) == len(promises())
    assert len({answer.text for answer in promises()}) == len(promises())
