"""What stands at the top, and why nothing else does: the weight of what comes from outside, and the demo's day."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Bands, ChannelClock, Settings, clock_of
from aggregator.demo.script import DAY_SECONDS, POSTS, Line, load
from aggregator.folding.fold import WAITING, FoldPost, Subject, fold
from aggregator.identity import stable_id
from aggregator.inquiry import Inquiry, Kind, Reason, shown
from aggregator.moving_points import (
    Beside,
    approached_points,
    incident_points,
    moving_terms,
    priority_of,
    repeat_points,
    room_of,
    share_of,
)
from aggregator.triage import judge, search_text, understand
from aggregator.triage.terms import RULES, USUALLY, usually
from tests.conftest import START

ROOT = Path(__file__).parents[1]
HOUR = timedelta(hours=1)
CLOCK = ChannelClock(first_answer=timedelta(minutes=30), next_answer=timedelta(minutes=30))
MOST = 12 + 12 + repeat_points(99) + approached_points(9) + incident_points(10**6)
"""All that comes from outside, together."""


def said(
    number: int = 0, *, kind: Kind = "complaint", stake: float = 15.0, hours: float = 0.0, staff: bool = False,
    public: bool = True, thanks: bool = False,
) -> FoldPost:  # fmt: skip
    at = START + hours * HOUR
    return FoldPost(
        post_id=stable_id("post", str(number), str(hours)), posted_at=at, order=number, seen_at=at, staff=staff,
        deleted=False, backfill=False, public=public, thanks=thanks, secret=False, kind=kind, lang="en", title=None,
        excerpt="", permalink=None, reasons=() if staff else (Reason("reads_fault", stake),),
    )  # fmt: skip


def folded(*posts: FoldPost) -> Inquiry:
    one = stable_id("one")
    return fold(Subject(one, "s", "c", one, one), posts, (), CLOCK, {})


def after(inquiry: Inquiry, hours: float, beside: Beside = Beside()) -> float:  # noqa: B008 -- a constant
    return priority_of(inquiry, beside, START + hours * HOUR)


# -- what comes from outside ---------------------------------------------------------------------


def test_an_ordinary_fault_never_leaves_the_middle_by_waiting_and_repetition() -> None:
    everything = Beside(repeats=9, first_since=START - 99 * HOUR, approaches=3, persons=500)
    fault = folded(said())
    assert after(fault, 99, everything) < Bands().P1
    assert after(folded(said(), said(1, hours=2), said(2, hours=4)), 99) < Bands().P0


def test_the_third_unanswered_question_stands_a_band_above_the_first() -> None:
    once, thrice = folded(said()), folded(said(), said(1, hours=2), said(2, hours=4))
    assert after(once, 4.5) < Bands().P1 <= after(thrice, 6)


def test_a_serious_one_is_p0_when_it_is_overdue_and_asked_again_but_not_at_once() -> None:
    serious = RULES["funds_missing"]
    assert after(folded(said(stake=serious)), 0) < Bands().P0
    assert after(folded(said(stake=serious), said(1, stake=serious, hours=2)), 5) >= Bands().P0


def test_an_emergency_that_comes_now_stands_above_all_that_has_piled_up_elsewhere() -> None:
    serious = RULES["funds_missing"] + 8 + 6 + 4
    piled = folded(*(said(number, stake=serious, hours=2 * number) for number in range(4)))
    assert after(piled, 24, Beside(repeats=1)) < RULES["key_exposed"] + RULES["public"]


@given(st.floats(-60, 160), st.floats(0, 60), st.floats(0, 30), st.floats(0, 20))
def test_beside_the_same_circumstances_the_graver_never_ranks_lower(
    points: float, more: float, waits: float, others: float
) -> None:
    low, high = (each + share_of(each) * waits + room_of(each) * others for each in (points, points + more))
    assert waits + others <= MOST
    assert low <= high + 1e-9


@given(st.floats(-60, 160), st.floats(0, 99), st.floats(0, 99))
def test_waiting_longer_never_lowers_a_rank_among_equals(stake: float, hours: float, more: float) -> None:
    inquiry = folded(said(stake=stake))
    assert after(inquiry, hours) <= after(inquiry, hours + more) + 1e-9


def test_the_terms_sum_to_the_priority() -> None:
    inquiry, beside = folded(said(stake=47.0)), Beside(2, START - HOUR, 1, 12)
    terms = moving_terms(inquiry, beside, START + 5 * HOUR)
    assert inquiry.points + sum(terms.values()) == pytest.approx(after(inquiry, 5, beside))


def test_what_a_reading_is_worth_rises_with_it() -> None:
    worth = [usually(step / 4) for step in range(401)]
    assert worth == sorted(worth)
    assert (worth[0], worth[-1], usually(120)) == (USUALLY[0][1], 100, 100)


# -- who waits -----------------------------------------------------------------------------------


def test_small_talk_in_public_asks_nothing_and_is_never_late() -> None:
    chat = folded(*(said(number, kind="other", stake=9, hours=number) for number in range(5)))
    assert (chat.asked, chat.due_at, chat.wait_per_hour) == (0, None, WAITING["other"][0])


def test_small_talk_to_us_alone_asks() -> None:
    private = folded(said(kind="complaint", public=False), said(1, kind="other", hours=1, public=False))
    assert private.asked == 2


def test_who_answers_us_in_public_asks_whatever_he_says() -> None:
    told = folded(said(), said(1, staff=True, hours=1), said(2, kind="other", stake=3, hours=2))
    assert told.due_clock == "next_answer"
    assert told.waiting_since == START + 2 * HOUR


@pytest.mark.parametrize("kind", ["praise", "noise"])
def test_praise_and_noise_wake_nothing_and_are_no_second_question(kind: Kind) -> None:
    answered = folded(said(), said(1, staff=True, hours=1), said(2, kind=kind, stake=-25, hours=2))
    waiting = folded(said(), said(2, kind=kind, stake=-25, hours=2))
    assert (answered.state, answered.waiting_since) == ("answered", None)
    assert (waiting.asked, waiting.waiting_since) == (1, START)


def test_a_complaint_among_small_talk_waits_since_it_was_made() -> None:
    mixed = folded(said(kind="other", stake=5), said(1, hours=3), said(2, kind="other", stake=5, hours=4))
    assert (mixed.waiting_since, mixed.asked) == (START + 3 * HOUR, 1)


def test_a_third_question_counts_once_whether_it_is_told_or_seen() -> None:
    told = said(2, hours=4)._replace(reasons=(Reason("reads_fault", 15.0), Reason("unanswered_said", 30.0)))
    seen = folded(said(), said(1, hours=2), said(2, hours=4))
    assert folded(said(), said(1, hours=2), told).points == seen.points


# -- the demo's day ------------------------------------------------------------------------------


def the_day() -> dict[str, tuple[float, Inquiry, list[Line]]]:
    """The inquiries of the demo's day at its end, by who asks where: priority, inquiry, lines. Each alone: without the
    persons' other places and without incidents."""
    day = load()
    lines = [line for line in day.lines if line.act in POSTS and line.text]
    edited = {line.reply_to: line for line in day.lines if line.act == "edits"}
    gone = {line.reply_to for line in day.lines if line.act == "deletes"}
    by_id = {line.id: line for line in lines}
    now = [edited.get(line.id, line) for line in lines]  # as they read in the end
    lines = [replace(line, text=last.text, expect=last.expect) for line, last in zip(lines, now, strict=True)]
    texts = [f"{line.title}\n{line.text}" if line.title else line.text for line in lines]
    parts: defaultdict[str, list[tuple[Line, FoldPost]]] = defaultdict(list)
    grades = judge([search_text(text) for text in texts])
    for order, (line, text, grade) in enumerate(zip(lines, texts, grades, strict=True)):
        who = day.people[line.who]
        staff = who.role == "staff"
        if who.role == "scammer" or (staff and line.reply_to is None) or line.act == "auto":
            continue
        asker = by_id[line.reply_to].who if staff and line.reply_to else line.who
        public = line.channel not in ("wechat_kf", "email", "chat")
        read = understand(
            text, grade, lang=None, public=public, followers=who.followers, secrets=(), staff=staff, points={}
        )
        post = said(order, kind=read.kind, hours=line.at / 3600, staff=staff, public=public, thanks=read.thanks)
        post = post._replace(reasons=read.reasons, solved=read.solved, deleted=line.id in gone)
        parts[f"{line.channel}/{line.topic}/{asker}"].append((line, post))
    settings, end = Settings(sources={}), START + timedelta(seconds=DAY_SECONDS)
    found = {}
    for name, members in parts.items():
        if all(post.staff for _, post in members):
            continue
        one = stable_id(name)
        subject = Subject(one, "s", members[0][0].channel, one, one)
        inquiry = fold(subject, [post for _, post in members], (), clock_of(settings, subject.channel), {})
        found[name] = priority_of(inquiry, Beside(), end), inquiry, [line for line, _ in members]
    return found


def test_at_the_end_of_the_demos_day_few_stand_in_p0_and_nearly_all_are_serious() -> None:
    open_ = [each for each in the_day().values() if each[1].state != "closed"]
    bands = Counter(Bands().of(shown(priority)) for priority, _, _ in open_)
    top = [lines for priority, _, lines in open_ if priority >= Bands().P0]
    serious = [lines for lines in top if max(line.expect.grade for line in lines if line.expect) >= 3]
    assert 0.03 <= bands["P0"] / len(open_) <= 0.15
    assert bands["P0"] < bands["P1"] + bands["P2"] < bands["P3"] + bands["P2"]
    assert len(serious) / len(top) >= 0.85


def test_on_the_demos_day_what_reads_like_an_emergency_is_one() -> None:
    day = load()
    lines = [line for line in day.lines if line.expect and line.text and day.people[line.who].role == "customer"]
    grades = judge([search_text(line.text) for line in lines])
    called = [
        line.expect.grade
        for line, grade in zip(lines, grades, strict=True)
        if line.expect
        and understand(
            line.text, grade, lang=None, public=True, followers=None, secrets=(), staff=False, points={}
        ).kind == "emergency"
    ]  # fmt: skip
    assert sum(grade < 3 for grade in called) <= 2
    assert sum(grade == 4 for grade in called) >= 4


EXAMPLE = ("行情图一直转圈，刷不出来", "My withdrawal has not arrived, 400 USDT, sent yesterday.")


def example(text: str) -> list[str]:
    """Its priority at once, after five hours, after five hours with 40 persons, and when it was asked three times."""
    (grade,) = judge([search_text(text)])
    read = understand(text, grade, lang=None, public=True, followers=None, secrets=(), staff=False, points={})
    asked = [said(number, kind=read.kind, hours=2.0 * number)._replace(reasons=read.reasons) for number in range(3)]
    once = folded(asked[0])
    worth = (after(once, 0), after(once, 5), after(once, 5, Beside(persons=40)), after(folded(*asked), 5))
    return [f"{each:.1f}" for each in worth]


def test_the_example_of_the_document_is_computed() -> None:
    told = (ROOT / "docs/scoring.md").read_text(encoding="utf-8").split("## An example", 1)[1].split("##", 1)[0]
    figures = [figure for text in EXAMPLE for figure in example(text)]
    assert all(f"{text}" in told for text in EXAMPLE)
    assert [figure for figure in figures if f"**{figure}, {Bands().of(shown(float(figure)))}**" not in told] == []
