"""What a colleague wrote is there until it is sent, and what gave way can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.identity import Id, stable_id
from aggregator.store.desk import Desk
from aggregator.store.drafts import KEPT_FOR, draft_of, draft_sent, put_back, save_draft
from tests.conftest import START

ONE: Id = stable_id("inquiry", "one")
OTHER: Id = stable_id("inquiry", "other")


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(None)
    desk.add_user("amy", "agent")
    desk.add_user("sam", "agent")
    yield desk
    desk.close()


def kept(desk: Desk, inquiry: Id = ONE) -> list[tuple[str, str]]:
    return [(one.why, one.text) for one in draft_of(desk, "amy", inquiry).kept]


def test_a_draft_belongs_to_a_colleague_and_an_inquiry(desk: Desk) -> None:
    save_draft(desk, "amy", ONE, "Hello", 0, START)
    assert draft_of(desk, "amy", ONE).text == "Hello"
    assert draft_of(desk, "sam", ONE).text == ""
    assert draft_of(desk, "amy", OTHER).version == 0


def test_it_survives_a_restart(tmp_path: Path) -> None:
    first = Desk(tmp_path / "desk.db")
    first.add_user("amy", "agent")
    save_draft(first, "amy", ONE, "您好，", 0, START)
    first.close()
    second = Desk(tmp_path / "desk.db")
    assert draft_of(second, "amy", ONE).text == "您好，"
    second.close()


def test_each_change_makes_a_version_and_the_same_text_none(desk: Desk) -> None:
    one = save_draft(desk, "amy", ONE, "Hel", 0, START)
    two = save_draft(desk, "amy", ONE, "Hello", one.version, START + timedelta(seconds=2))
    again = save_draft(desk, "amy", ONE, "Hello", two.version, START + timedelta(seconds=9))
    assert (one.version, two.version, again) == (1, 2, two)
    assert kept(desk) == []


def test_of_two_tabs_the_newer_text_wins_and_the_other_is_kept(desk: Desk) -> None:
    first = save_draft(desk, "amy", ONE, "Written in one tab", 0, START)
    later = save_draft(desk, "amy", ONE, "And this in another", first.version - 1, START + timedelta(seconds=5))
    assert later.text == "And this in another"
    assert kept(desk) == [("tab", "Written in one tab")]


def test_a_lost_answer_of_the_server_keeps_no_copy_of_what_only_grew(desk: Desk) -> None:
    save_draft(desk, "amy", ONE, "Hello", 0, START)
    save_draft(desk, "amy", ONE, "Hello fox", 0, START)
    assert kept(desk) == []


def test_what_is_taken_out_of_the_box_can_be_taken_back(desk: Desk) -> None:
    one = save_draft(desk, "amy", ONE, "A long answer", 0, START)
    save_draft(desk, "amy", ONE, "", one.version, START)
    assert draft_of(desk, "amy", ONE).text == ""
    assert kept(desk) == [("emptied", "A long answer")]


def test_a_sent_answer_clears_its_draft_only(desk: Desk) -> None:
    mine = save_draft(desk, "amy", ONE, "Sent", 0, START)
    save_draft(desk, "amy", OTHER, "Not sent", 0, START)
    draft_sent(desk, "amy", ONE, "Sent", mine.version, START)
    assert (draft_of(desk, "amy", ONE).text, draft_of(desk, "amy", OTHER).text) == ("", "Not sent")
    assert kept(desk) == []


def test_an_answer_that_was_sent_before_any_draft_was_saved_is_newer_than_what_its_box_began_from(desk: Desk) -> None:
    done = draft_sent(desk, "amy", ONE, "Sent at once", 0, START)
    assert (done.text, done.version) == ("", 1)
    assert draft_sent(desk, "amy", ONE, "Sent at once", 0, START) == done


def test_the_last_letters_need_not_have_been_saved_when_it_is_sent(desk: Desk) -> None:
    mine = save_draft(desk, "amy", ONE, "Sen", 0, START)
    assert draft_sent(desk, "amy", ONE, "Sent", mine.version, START).text == ""


def test_a_newer_text_of_another_tab_stays_when_an_older_one_is_sent(desk: Desk) -> None:
    mine = save_draft(desk, "amy", ONE, "Sent", 0, START)
    save_draft(desk, "amy", ONE, "Newer", mine.version, START)
    assert draft_sent(desk, "amy", ONE, "Sent", mine.version, START).text == "Newer"


def test_an_answer_that_was_taken_back_is_the_draft_again_or_kept_beside_a_newer_one(desk: Desk) -> None:
    put_back(desk, "amy", ONE, "Taken back", START)
    assert draft_of(desk, "amy", ONE).text == "Taken back"
    save_draft(desk, "amy", OTHER, "Begun since", 0, START)
    assert put_back(desk, "amy", OTHER, "Taken back", START).text == "Begun since"
    assert kept(desk, OTHER) == [("sent", "Taken back")]


def test_kept_texts_are_few_and_not_for_ever(desk: Desk) -> None:
    for number in range(9):
        put_back(desk, "amy", ONE, f"Answer number {number}", START)
        save_draft(desk, "amy", ONE, "Begun since", 99, START)
    assert kept(desk)[0] == ("sent", "Answer number 8")
    assert len(kept(desk)) == 5
    put_back(desk, "amy", ONE, "Much later", START + KEPT_FOR + timedelta(days=1))
    assert [text for _, text in kept(desk)] == ["Much later"]
