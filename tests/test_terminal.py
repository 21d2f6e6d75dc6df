"""What stands on the screen: progress, the live feed, log lines."""

from __future__ import annotations

import logging
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path
from select import select
from typing import Literal

import orjson
import pytest
import structlog

import aggregator
import connectors
from aggregator import logs
from aggregator.logs import set_up
from aggregator.store.database import Database
from aggregator.terminal import plain, progress
from tests.console import Console
from tests.test_import import ROWS, jsonl


class Screen:
    """A terminal of 120 x 30, and what was written to it."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        self.said = b""

    def until(self, words: str) -> str:
        while words.encode() not in self.said:
            assert select([self._ours], [], [], 20)[0], self.said
            self.said += os.read(self._ours, 4096)
        return self.said.decode(errors="replace")

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


# -- live -----------------------------------------------------------------------------------------


def test_the_live_feed_shows_what_arrives_and_ends_with_ctrl_c(
    console: Console, screen: Screen, tmp_path: Path
) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    watching = console.begin("feed", stdout=screen.theirs)
    screen.until("3 of 3 open")
    watching.send_signal(signal.SIGINT)
    _, told = watching.communicate(timeout=30)
    assert b"Traceback" not in told
    assert watching.returncode in (0, 130)
    screen.until("\x1b[?1049l")  # the screen as it was before


def test_a_live_feed_without_a_service_leaves_the_database_to_others_and_shows_what_they_bring(
    console: Console, screen: Screen, tmp_path: Path
) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    watching = console.begin("feed", stdout=screen.theirs)
    screen.until("3 of 3 open")
    for _ in range(30):  # it once was open in a second of every two
        Database(console.data / "inquiries.duckdb").close()
    console.ok("import", jsonl(tmp_path / "new.jsonl", {"text": "my swap failed"}), "--source", "old")
    screen.until("4 of 4 open")
    watching.send_signal(signal.SIGINT)
    _, told = watching.communicate(timeout=30)
    assert b"Traceback" not in told


def test_an_import_draws_a_bar_on_a_terminal(console: Console, screen: Screen, tmp_path: Path) -> None:
    importing = console.begin("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old", stderr=screen.theirs)
    told, _ = importing.communicate(timeout=30)
    assert told == b"3 rows read: 3 new posts, 3 inquiries, 0 rejected\n"
    assert "old.jsonl" in screen.until("3/?")


# -- progress in lines ----------------------------------------------------------------------------


def test_without_a_terminal_progress_is_a_line_every_two_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    at = iter(range(100))
    with progress(False, clock=lambda: float(next(at))) as say:
        for done in range(1, 7):
            say({"progress": ["old.csv", done * 1000, 9000 * (done > 3)]})
    said = capsys.readouterr()
    assert said.err.splitlines() == ["old.csv: 1,000", "old.csv: 3,000", "old.csv: 5,000 of 9,000"]
    assert said.out == ""


def test_lines_go_to_standard_output_and_a_quiet_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (False, True):
        with progress(quiet) as say:
            say({"line": "forum: \x1b[31mok"})
    assert capsys.readouterr().out == "forum: [31mok\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("two\nlines\r\n", "two lines"),
        ("\x1b]0;title\x07 a", "]0;title a"),
        ("abc\u202edef\u200b", "abc def"),
        ("提现 没到账 🙂", "提现 没到账 🙂"),
        ("\x9b31m red", "31m red"),
    ],
)
def test_what_a_stranger_wrote_is_one_harmless_line(written: str, shown: str) -> None:
    assert plain(written) == shown


# -- logs -----------------------------------------------------------------------------------------

Logged = Callable[[], list[str]]


@pytest.fixture
def logged(console: Console, capsys: pytest.CaptureFixture[str]) -> Logged:
    """The lines on standard error; the console's fixture puts logging back as it was."""
    return lambda: capsys.readouterr().err.splitlines()


def test_a_log_line_has_its_time_its_level_and_its_event(logged: Logged) -> None:
    set_up("text", verbose=False)
    structlog.get_logger().info("page.committed", source="forum", posts=25)
    (line,) = logged()
    assert line.startswith("20")
    assert {"[info", "page.committed", "source=forum", "posts=25"} <= set(line.replace("]", " ").split())
    assert "\x1b" not in line


def test_as_json_each_line_is_one_object_libraries_included(logged: Logged) -> None:
    set_up("json", verbose=False)
    structlog.get_logger().warning("source.failed", message="转账\nx")
    logging.getLogger("some.library").warning("half %s", 1)
    ours, theirs = (orjson.loads(line) for line in logged())
    assert (ours["event"], ours["level"], ours["message"]) == ("source.failed", "warning", "转账\nx")
    assert (theirs["event"], theirs["level"]) == ("half 1", "warning")


@pytest.mark.parametrize("kind", ["text", "json"])
def test_what_stands_beside_an_event_is_logged_and_what_a_library_puts_there_is_not(
    logged: Logged, kind: Literal["text", "json"]
) -> None:
    set_up(kind, verbose=False)
    ours = {"number": "1f2e3d4c", "path": "/inquiry", "source": "forum", "why": "no signature", "at_once": 128}
    logging.getLogger("aggregator.web").error("page.failed", extra=ours | {"request": "swordfish"})
    (line,) = logged()
    assert {name for name, value in ours.items() if name in line and str(value) in line} == set(ours)
    assert "swordfish" not in line


def test_every_name_that_is_given_beside_an_event_is_let_into_the_log() -> None:
    folders = (Path(aggregator.__file__).parent, Path(connectors.__file__).parent)
    code = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    given = re.findall(r"\blog\.\w+\([^\n]*?extra=\{([^}]*)\}", code)
    assert {name for some in given for name in re.findall(r'"(\w+)":', some)} == set(logs._BESIDE)


def test_only_a_verbose_log_tells_what_is_for_developers(logged: Logged) -> None:
    set_up("text", verbose=False)
    structlog.get_logger().debug("poll.began")
    assert logged() == []
    set_up("text", verbose=True)
    structlog.get_logger().debug("poll.began")
    assert len(logged()) == 1


def test_libraries_that_log_urls_and_texts_are_silent(logged: Logged) -> None:
    set_up("text", verbose=True)
    logging.getLogger("httpx").info("HTTP Request: GET https://api.example.org/bot1:token/getMe")
    logging.getLogger("telegram.Bot").critical("update with its text")
    logging.getLogger("apscheduler.scheduler").warning("missed by a second")
    assert logged() == []


def test_a_traceback_shows_no_variable_and_no_secret(logged: Logged) -> None:
    set_up("text", verbose=False)
    swordfish = "a customer's words"
    try:
        raise ValueError("read: slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic")
    except ValueError:
        structlog.get_logger().exception("source.broken", length=len(swordfish))
    told = "\n".join(logged())
    assert "ValueError" in told
    assert "test_terminal.py" in told
    assert "customer" not in told
    assert "pottery mixture ensure" not in told.partition("raise ValueError")[2].partition("\n")[2]


def test_a_value_with_line_breaks_stays_one_line_of_text(logged: Logged) -> None:
    set_up("text", verbose=False)
    structlog.get_logger().info("source.failed", message="first\n2026 [info] forged\x1b[2J")
    assert len(logged()) == 1
