"""Every command as a person meets it: help, mistakes, signals, pipes, a full disk."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import orjson
import pytest
from click.testing import CliRunner

from aggregator.cli import data, doing, main
from aggregator.store.database import Database
from tests.console import Console
from tests.test_import import ROWS, jsonl

COMMANDS = sorted(main.commands)


# -- help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    told = CliRunner().invoke(main, [command, "--help"])
    assert told.exit_code == 0
    assert f"Example: aggregator {command}" in " ".join(told.output.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    options = [each for each in main.commands[command].params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help] == []


def test_help_names_every_command_and_the_exit_codes() -> None:
    told = CliRunner().invoke(main, ["--help"]).output
    assert all(f"  {command} " in told for command in COMMANDS)
    codes = ("0 done", "1 failed", "2 bad configuration or wrong usage", "3 partly done", "130 stopped")
    assert [code for code in codes if code not in " ".join(told.split())] == []


def test_help_loads_nothing_heavy() -> None:
    """What makes `--help` quick: nothing that takes time is imported before a command needs it."""
    program = "import sys; sys.argv = ['aggregator', '--help']\nfrom aggregator.cli import main\n"
    program += "try: main()\nexcept SystemExit: print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout.decode().split()
    )
    assert "click" in loaded
    assert loaded.isdisjoint({"duckdb", "pydantic", "yaml", "rich", "structlog", "numpy", "httpx"})


# -- mistakes -------------------------------------------------------------------------------------


def test_all_mistakes_of_a_configuration_are_told_with_their_lines(console: Console) -> None:
    console.config.write_text(
        "sources:\n  support:\n    connector: telegram\n    token: 123:abc\n    pol_every: 5s\nwbe: {}\n"
    )
    refused = console.run("feed", "--once")
    assert refused.exit_code == 2
    told = refused.stderr.splitlines()
    assert [line.split(":")[1] for line in told if line.startswith(str(console.config))] == ["2", "4", "5", "6"]
    assert "did you mean poll_every?" in refused.stderr
    assert "123:abc" not in refused.output


def test_a_configuration_that_is_not_there_is_a_mistake(console: Console) -> None:
    console.config.unlink()
    refused = console.run("check")
    assert refused.exit_code == 2
    assert str(console.config) in refused.stderr
    assert console.run("score", typed=b"").exit_code == 2


def test_a_good_configuration_has_no_mistakes(console: Console) -> None:
    assert "no mistakes, 0 sources" in console.ok("check")
    assert console.result("check") == {"sources": 0}


def test_a_missing_secret_is_named_by_its_line(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    console.config.write_text(
        "sources:\n  support:\n    connector: telegram\n    token: {env: NO_SUCH_TOKEN}\n    chats: [1]\n"
    )
    for words in (["check"], ["poll"], ["run"]):
        refused = console.run(*words)
        assert refused.exit_code == 2
        assert "connectors.yaml:4:5 sources.support.token: the environment variable NO_SUCH_TOKEN" in refused.stderr


def test_what_polls_nothing_needs_no_secret(console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    console.config.write_text(
        "data: data\nsources:\n  support:\n    connector: telegram\n    token: {env: NO_SUCH_TOKEN}\n    chats: [1]\n"
        "    webhook_secret: {env: NO_SUCH_TOKEN}\n"
    )
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    assert len(console.feed()) == 3
    assert console.result("replay")["changed_posts"] == 0
    console.ok("backup", tmp_path / "backup")
    console.ok("compact")


def test_a_source_that_nobody_configured_is_named(console: Console) -> None:
    refused = console.run("poll", "forum")
    assert refused.exit_code == 2
    assert "no such source to poll: forum" in refused.stderr


@contextmanager
def held(console: Console) -> Iterator[Callable[[], object]]:
    """Another process has the database, until it is told to let go."""
    console.ok("compact")
    holder = subprocess.Popen(
        [sys.executable, "-c", "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); input()",
         console.data / "inquiries.duckdb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    holder.stdout.readline()
    yield lambda: holder.communicate(b"\n")
    if holder.returncode is None:
        holder.communicate(b"\n")


def test_a_database_that_another_process_holds_is_named(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doing, "PATIENCE", 0.0)
    with held(console):
        refused = console.run("feed", "--once")
    assert refused.exit_code == 1
    assert "inquiries.duckdb is in use by another process" in refused.stderr


def test_a_command_waits_until_another_one_has_done_with_the_database(console: Console, tmp_path: Path) -> None:
    with held(console) as let_go:
        waits = console.begin("backup", tmp_path / "copy", "--json")
        assert waits.stderr is not None
        assert b"in use by another process: waiting until it is free" in waits.stderr.readline()
        let_go()
        told, more = waits.communicate(timeout=30)
    assert (waits.returncode, orjson.loads(told)["posts"], more) == (0, 0, b"")


def test_a_restore_waits_until_another_command_has_done_with_the_database(console: Console, tmp_path: Path) -> None:
    console.ok("backup", tmp_path / "copy")
    with held(console) as let_go:
        waits = console.begin("restore", tmp_path / "copy", "--force", "--json")
        assert waits.stderr is not None
        assert b"in use by another process: waiting until it is free" in waits.stderr.readline()
        let_go()
        told, more = waits.communicate(timeout=30)
    assert (waits.returncode, orjson.loads(told)["posts"], more) == (0, 0, b"")


def test_ctrl_c_ends_a_command_that_waits_for_the_database(console: Console) -> None:
    with held(console):
        waits = console.begin("retain")
        assert waits.stderr is not None
        waits.stderr.readline()
        waits.send_signal(signal.SIGINT)
        _, told = waits.communicate(timeout=30)
    assert (waits.returncode, told) == (130, b"stopped; what was committed is kept\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["digest", "--since", "banana"], "--since banana: write so many days, such as 7d"),
        (["digest", "--since", "5000d"], "--since 5000d: write so many days, such as 7d"),
        (["digest", "--mail"], "set digest.to and digest.smtp"),
        (["user", "list", "extra"], "leave extra out"),
        (["token", "list", "extra"], "leave extra out"),
        (["user", "role", "amy"], "--role viewer, agent, lead or admin"),
        (["replay", "--shard", "1/3"], "--shard is for a lake"),
        (["rescore", "--dry-run", "--shard", "1/3"], "--shard is for a lake"),
    ],
)
def test_a_command_that_was_given_wrongly_ends_with_2(console: Console, words: list[str], told: str) -> None:
    refused = console.run(*words)
    assert (refused.exit_code, told in refused.stderr) == (2, True), refused.output
    assert "isoformat" not in refused.stderr


def test_a_database_of_a_newer_program_is_refused(console: Console) -> None:
    console.ok("compact")
    db = Database(console.data / "inquiries.duckdb")
    with db.reading() as cursor:
        cursor.execute("UPDATE meta SET value = '9999' WHERE key = 'schema_version'")
    db.close()
    refused = console.run("feed", "--once")
    assert refused.exit_code == 1
    assert "newer version of this program (schema 9999" in refused.stderr


def test_a_data_directory_that_cannot_be_made_is_named(console: Console) -> None:
    console.config.write_text("data: connectors.yaml/data\nsources: {}\n")
    refused = console.run("feed", "--once")
    assert refused.exit_code == 1
    assert "cannot be created" in refused.stderr


@pytest.mark.parametrize(
    ("data", "told"), [("connectors.yaml", "is no directory"), ("/proc/none", "nothing can be written into /proc")]
)
def test_a_data_directory_that_cannot_work_is_a_mistake(console: Console, data: str, told: str) -> None:
    console.config.write_text(f"sources: {{}}\ndata: {data}\n")
    refused = console.run("check")
    assert (refused.exit_code, "connectors.yaml:2:1 data: " in refused.stderr) == (2, True)
    assert told in refused.stderr
    for words in (["poll"], ["user", "list"], ["feed", "--once"]):
        refused = console.run(*words)
        assert (refused.exit_code, f"the data directory {console.data} cannot be created" in refused.stderr) == (
            1,
            True,
        )


def test_a_look_at_the_data_directory_leaves_nothing_behind(console: Console) -> None:
    console.ok("check")
    assert [path.name for path in console.config.parent.iterdir()] == ["connectors.yaml"]


def test_a_damaged_desk_is_said_with_what_to_do_and_a_backup_mends_it(console: Console, tmp_path: Path) -> None:
    console.ok("user", "add", "amy")
    console.ok("backup", tmp_path / "backup")
    (console.data / "desk.db").write_bytes(b"no database" * 1000)
    for words in (["user", "list"], ["token", "list"], ["feed", "--once"], ["retain"]):
        refused = console.run(*words)
        assert (refused.exit_code, "desk.db is damaged" in refused.stderr) == (1, True)
        assert "aggregator restore FOLDER --force" in refused.stderr
    console.ok("restore", tmp_path / "backup", "--force")
    assert console.ok("user", "list") == "amy: agent\n"


# -- signals and pipes ----------------------------------------------------------------------------


def test_ctrl_c_in_an_import_keeps_whole_pages_and_the_next_one_goes_on(console: Console, tmp_path: Path) -> None:
    rows = ({"text": f"swap {n} failed", "author_id": f"u{n % 90}"} for n in range(20_000))
    file = jsonl(tmp_path / "old.jsonl", *rows)
    stopped = console.begin("import", file, "--source", "old")
    assert stopped.stderr is not None
    stopped.stderr.readline()
    stopped.send_signal(signal.SIGINT)
    _, told = stopped.communicate(timeout=30)
    assert stopped.returncode == 130
    assert told.decode().splitlines()[-1] == "stopped; what was committed is kept"
    assert b"Traceback" not in told
    console.ok("import", file, "--source", "old")
    assert console.query("SELECT count(*), count(DISTINCT text) FROM post") == [(20_000, 20_000)]


def test_ctrl_c_twice_in_an_import_ends_it_in_order(console: Console, tmp_path: Path) -> None:
    rows = ({"text": f"swap {n} failed", "author_id": f"u{n % 90}"} for n in range(20_000))
    stopped = console.begin("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    assert stopped.stderr is not None
    stopped.stderr.readline()
    while stopped.poll() is None:  # as somebody does who cannot wait
        stopped.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            stopped.wait(0.02)
    _, told = stopped.communicate(timeout=30)
    assert (stopped.returncode, b"Traceback" in told, b"Exception" in told) == (130, False, False)
    assert told.decode().splitlines()[-1] == "stopped; what was committed is kept"


def test_a_data_directory_that_others_may_read_is_told(console: Console) -> None:
    console.data.mkdir()
    console.data.chmod(0o755)  # whatever umask a command has left
    told = console.run("check")
    assert (told.exit_code, f"chmod 700 {console.data}" in told.stderr) == (0, True)
    console.data.chmod(0o700)
    assert console.run("check").stderr == ""


def test_ctrl_c_in_the_score_filter_shows_no_traceback(console: Console) -> None:
    filter_ = console.begin("score")
    assert filter_.stdin is not None
    assert filter_.stdout is not None
    filter_.stdin.write(b'{"text": "hello"}\n')
    filter_.stdin.flush()
    filter_.stdout.readline()
    filter_.send_signal(signal.SIGINT)
    _, told = filter_.communicate(timeout=30)
    assert (filter_.returncode, told.decode()) == (130, "stopped; what was committed is kept\n")


def test_a_reader_who_leaves_ends_a_command_silently(console: Console, tmp_path: Path) -> None:
    rows = [{"id": number, "text": "my swap failed"} for number in range(30_000)]
    with jsonl(tmp_path / "posts.jsonl", *rows).open("rb") as posts:
        filter_ = console.begin("score", stdin=posts)
        assert filter_.stdout is not None
        filter_.stdout.readline()
        filter_.stdout.close()
        assert filter_.stderr is not None
        told = filter_.stderr.read()
        filter_.wait(30)
    assert (told, filter_.returncode) == (b"", 1)


def test_a_pipe_that_nobody_reads_is_no_traceback_for_the_feed_either(console: Console, tmp_path: Path) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    shown = console.begin("feed", "--once")
    assert shown.stdout is not None
    shown.stdout.close()
    assert shown.stderr is not None
    assert shown.stderr.read() == b""
    shown.wait(30)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_in_nobodys_way(console: Console, tmp_path: Path, closed: str) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    for words in ("feed --once", "compact", "poll", "user list"):
        line = f'exec "$0" -m aggregator {words} --config "$1" {closed}'
        ended = subprocess.run(["sh", "-c", line, sys.executable, console.config], capture_output=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, b""), words
    assert len(console.feed()) == 3


def test_a_full_disk_ends_an_import_in_words_and_leaves_no_half_page(console: Console, tmp_path: Path) -> None:
    rows = ({"text": f"swap {n} failed {'x' * (n % 50)}{n * n}", "author_id": f"u{n}"} for n in range(20_000))
    file = jsonl(tmp_path / "old.jsonl", *rows)
    console.ok("compact")
    room = 3 << 20
    full = console.begin(
        "import", file, "--source", "old",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )  # fmt: skip
    _, told = full.communicate(timeout=60)
    assert full.returncode == 1
    assert b"the disk is full" in told
    assert b"Traceback" not in told
    kept = console.query("SELECT count(*) FROM post")[0][0]
    assert kept < 20_000
    assert kept % 2500 == 0
    console.ok("import", file, "--source", "old")
    assert console.query("SELECT count(*), count(DISTINCT text) FROM post") == [(20_000, 20_000)]


def test_an_answer_that_cannot_be_written_is_one_sentence(console: Console, tmp_path: Path) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    with Path("/dev/full").open("wb") as full:
        shown = console.begin("feed", "--json", stdout=full)
        _, told = shown.communicate(timeout=30)
    assert shown.returncode == 1
    assert told.decode().splitlines() == ["it cannot be written: No space left on device"]


# -- what is shown --------------------------------------------------------------------------------


def test_the_feed_is_a_table_with_the_reasons_in_words(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    shown = console.ok("feed", "--once")
    first = next(line for line in shown.splitlines() if "没到账" in line)
    assert " P1 " in first
    assert "complaint" in first
    assert re.search(r"funds missing or stuck \+\d+ · says that nobody answered \+8", shown)
    assert "3 of 3 open" in shown


def test_control_characters_of_a_stranger_do_not_reach_the_terminal(console: Console, tmp_path: Path) -> None:
    nasty = {"text": "swap failed \x1b[2J\x1b]0;owned\x07 help\u202etxt", "author_id": "u", "channel": "\x1b[31mred"}
    console.ok("import", jsonl(tmp_path / "old.jsonl", nasty), "--source", "old")
    shown = console.ok("feed", "--once")
    assert "swap failed" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_json_results_are_one_object_on_standard_output_and_nothing_else(console: Console, tmp_path: Path) -> None:
    shown = console.run("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old", "--json")
    assert orjson.loads(shown.stdout)["new"] == 3
    assert shown.stderr == ""
    (most, *_) = console.feed()
    assert sum(term["points"] for term in most["terms"]) == most["priority"]


@pytest.mark.parametrize("spoken", ["ascii", "latin-1", "gbk"])
def test_a_terminal_that_lacks_some_signs_shows_the_others(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", spoken)
    rows = [*ROWS, {"text": "my swap failed 😡", "author_id": "é"}]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    for words in (("feed", "--once"), ("digest", "--lang", "zh"), ("check",)):
        told, wrong = console.begin(*words).communicate(timeout=60)
        assert (b"Traceback" in wrong, told.strip() == b"") == (False, False)
    told, _ = console.begin("feed", "--json").communicate(timeout=60)
    assert "😡" in told.decode("utf-8")


def test_a_lake_that_was_compacted_tells_no_sizes_that_it_does_not_know(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.fullmatch(r"[\d,]{5,} bytes before, [\d,]{5,} after\n", console.ok("compact"))
    monkeypatch.setattr(data, "do", lambda *_, **__: {"bytes_before": 0, "bytes_after": 0})
    assert console.ok("compact") == "done; a lake's bytes are elsewhere (docs/lake.md)\n"


# -- colleagues -----------------------------------------------------------------------------------


def test_a_colleague_is_added_and_gets_a_link_that_works_once(console: Console) -> None:
    assert "nobody yet" in console.ok("user", "list")
    *_, link = console.ok("user", "add", "amy", "--role", "admin").splitlines()
    assert link.startswith("http://127.0.0.1:8080/enter?token=")
    assert console.ok("user", "list") == "amy: admin\n"
    again = console.run("user", "add", "amy")
    assert (again.exit_code, again.stderr) == (1, "there is a user amy already\n")


def test_a_link_names_the_public_address(console: Console) -> None:
    console.config.write_text("data: data\nsources: {}\nweb: {public_url: 'https://desk.example.org/inquiries'}\n")
    console.ok("user", "add", "amy")
    *_, link = console.ok("user", "link", "amy").splitlines()
    assert link.startswith("https://desk.example.org/inquiries/enter?token=")


def test_a_colleague_must_be_named(console: Console) -> None:
    assert console.run("user", "add").exit_code == 2
    assert console.run("user", "link", "nobody").stderr == "there is no user nobody\n"
