"""desk.db: who works here, how they sign in, and what a copy of the file gives away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from aggregator.store.desk import Desk, DeskError, DeskFullError, TooManyTriesError

NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
PASSWORD = "four horses in a boat"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk.db")
    desk.add_user("amy", "agent")
    yield desk
    desk.close()


def test_a_one_time_link_signs_in_once(desk: Desk) -> None:
    link = desk.invite("amy", NOW)
    token = desk.enter(link, NOW + timedelta(hours=1))
    assert token
    session = desk.session(token, NOW + timedelta(hours=1))
    assert session
    assert session.user.name == "amy"
    assert desk.enter(link, NOW + timedelta(hours=1)) is None


def test_a_new_link_ends_the_one_before_it(desk: Desk) -> None:
    desk.add_user("bob", "agent")
    lost, others = desk.invite("amy", NOW), desk.invite("bob", NOW)
    link = desk.invite("amy", NOW)
    assert desk.enter(lost, NOW) is None
    assert desk.enter(link, NOW)
    assert desk.enter(others, NOW)


def test_a_link_is_too_old_after_a_day(desk: Desk) -> None:
    link = desk.invite("amy", NOW)
    assert desk.enter(link, NOW + timedelta(hours=25)) is None


def test_each_start_makes_a_link_for_the_admin_until_somebody_has_entered(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk.db")
    lost = desk.first_admin(NOW)
    link = desk.first_admin(NOW + timedelta(days=2))
    assert lost
    assert link
    assert desk.first_admin(NOW + timedelta(days=2)) != link  # of another start: the first one is not lost
    assert desk.enter(link, NOW + timedelta(days=2))
    assert desk.first_admin(NOW) is None
    assert [(user.name, user.role) for user in desk.users()] == [("admin", "admin")]
    desk.close()


@pytest.mark.parametrize(("colleagues", "admin"), [(["amy"], "admin"), (["admin", "amy"], "admin 2")])
def test_colleagues_who_were_added_before_the_first_start_do_not_stand_in_the_admins_way(
    tmp_path: Path, colleagues: list[str], admin: str
) -> None:
    desk = Desk(tmp_path / "desk.db")
    for name in colleagues:
        desk.add_user(name, "agent")
    assert desk.first_admin(NOW)
    link = desk.first_admin(NOW)  # of the next start
    assert link
    token = desk.enter(link, NOW)
    assert token
    session = desk.session(token, NOW)
    assert session
    assert (session.user.name, session.user.role) == (admin, "admin")
    assert {user.name for user in desk.users()} == {*colleagues, admin}
    assert {user.role for user in desk.users() if user.name in colleagues} == {"agent"}
    desk.close()


def test_who_has_entered_needs_no_admin_to_be_made(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk.db")
    desk.add_user("amy", "agent")
    assert desk.enter(desk.invite("amy", NOW), NOW)
    assert desk.first_admin(NOW) is None
    assert [user.name for user in desk.users()] == ["amy"]
    desk.close()


def test_a_right_password_signs_in_and_a_wrong_one_does_not(desk: Desk) -> None:
    desk.set_password("amy", PASSWORD)
    assert desk.sign_in("amy", PASSWORD, NOW)
    assert desk.sign_in("amy", PASSWORD + "!", NOW) is None
    assert desk.sign_in("nobody", PASSWORD, NOW) is None


def test_after_five_wrong_passwords_even_the_right_one_must_wait(desk: Desk) -> None:
    desk.set_password("amy", PASSWORD)
    assert [desk.sign_in("amy", "a wrong password", NOW) for _ in range(5)] == [None] * 5
    with pytest.raises(TooManyTriesError, match="try again in 15 s"):
        desk.sign_in("amy", PASSWORD, NOW)
    assert desk.sign_in("amy", PASSWORD, NOW + timedelta(seconds=16))


def test_a_session_ends_after_twelve_idle_hours_and_after_seven_days_of_work(desk: Desk) -> None:
    token = desk.enter(desk.invite("amy", NOW), NOW)
    assert token
    assert desk.session(token, NOW + timedelta(hours=13)) is None
    working = [desk.session(token, NOW + timedelta(hours=6 * step)) for step in range(1, 28)]
    assert all(working)
    assert desk.session(token, NOW + timedelta(days=7, hours=1)) is None


def test_asking_whether_a_session_lives_does_not_keep_it_alive(desk: Desk) -> None:
    token = desk.enter(desk.invite("amy", NOW), NOW)
    assert token
    assert desk.session(token, NOW + timedelta(hours=11), used=False)
    assert desk.session(token, NOW + timedelta(hours=13)) is None


def test_signing_out_ends_the_session(desk: Desk) -> None:
    token = desk.enter(desk.invite("amy", NOW), NOW)
    assert token
    desk.sign_out(token)
    assert desk.session(token, NOW) is None


def test_a_read_inquiry_becomes_unread_only_by_a_newer_post(desk: Desk) -> None:
    inquiry = uuid4().bytes
    assert desk.read_marks("amy", [inquiry]) == {}
    desk.mark_read("amy", inquiry, NOW)
    desk.mark_read("amy", inquiry, NOW - timedelta(hours=1))
    assert desk.read_marks("amy", [inquiry, uuid4().bytes]) == {inquiry: NOW.timestamp()}


@pytest.mark.parametrize("name", ["me", "none", "system", "", " amy", "x" * 61])
def test_names_that_mean_something_else_are_refused(desk: Desk, name: str) -> None:
    with pytest.raises(DeskError, match="cannot be a user name"):
        desk.add_user(name, "agent")


def test_a_short_password_and_an_unknown_user_are_refused_in_words(desk: Desk) -> None:
    with pytest.raises(DeskError, match="at least 10 characters"):
        desk.set_password("amy", "short")
    with pytest.raises(DeskError, match="no user bob"):
        desk.invite("bob", NOW)
    with pytest.raises(DeskError, match="user amy already"):
        desk.add_user("amy", "viewer")


def test_neither_the_file_nor_a_copy_holds_a_token_or_password(desk: Desk, tmp_path: Path) -> None:
    link = desk.invite("amy", NOW)
    token = desk.enter(link, NOW)
    assert token
    desk.set_password("amy", PASSWORD)
    desk.copy_to(tmp_path / "copy.db")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"amy" in kept
    assert [secret for secret in (link, token, PASSWORD) if secret.encode() in kept] == []


def test_only_its_owner_may_read_the_file(desk: Desk, tmp_path: Path) -> None:
    assert (tmp_path / "desk.db").stat().st_mode & 0o077 == 0


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    Desk(path).close()
    con = sqlite3.connect(path)
    con.execute("PRAGMA user_version = 99")
    con.close()
    with pytest.raises(DeskError, match="newer version"):
        Desk(path)


def read_much(desk: Desk) -> None:
    for number in range(1000):
        desk.mark_read("amy", number.to_bytes(16), NOW)


def test_a_full_disk_is_told_with_its_file_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    token = desk.enter(desk.invite("amy", NOW), NOW)
    assert token
    (pages,) = desk._con.execute("PRAGMA page_count").fetchone()
    desk._con.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to have no room
    with pytest.raises(DeskFullError, match=f"{tmp_path / 'desk.db'}: the disk is full"):
        read_much(desk)
    kept = len(desk.read_marks("amy", [number.to_bytes(16) for number in range(1000)]))
    with pytest.raises(DeskFullError):
        desk.mark_read("amy", kept.to_bytes(16), NOW)
    assert desk.session(token, NOW + timedelta(hours=1))  # who only reads may go on
    desk._con.execute(f"PRAGMA max_page_count = {pages + 1000}")
    desk.mark_read("amy", kept.to_bytes(16), NOW)
    assert len(desk.read_marks("amy", [number.to_bytes(16) for number in range(1000)])) == kept + 1
