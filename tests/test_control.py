"""Commands beside a running service, and the service itself: start, greeting, stop."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from aggregator.commands import handlers
from aggregator.control import Control, RefusedError, ask, socket_path
from aggregator.demo.visitor import sign_in
from aggregator.importer.files import PAGE
from aggregator.locking import lock
from aggregator.service import Running, running
from tests.conftest import Community
from tests.console import Console
from tests.test_import import ROWS, jsonl


@pytest.fixture
def desk(console: Console, community: Community) -> Console:
    """A configuration that listens to both simulators, on ports that nobody else has."""
    community.clock.now = datetime.now(UTC)  # the commands' clock is the real one
    console.config.write_text(f"""
data: data
web: {{port: 0}}
hooks: {{port: 0}}
sources:
  forum:
    connector: discourse
    url: {community.forum_url}
    api_key: {{env: FORUM_KEY}}
    calls_per_minute: 100000
    poll_every: 1h
  support:
    connector: telegram
    token: {{env: TELEGRAM_TOKEN}}
    api: {community.telegram_url}
    chats: [{community.telegram.group}]
    long_poll: 0
    poll_every: 1h
""")
    return console


@asynccontextmanager
async def serving(desk: Console) -> AsyncIterator[Running]:
    async with running(desk.settings()) as service:
        yield service


async def run(desk: Console, *words: str | Path) -> Any:
    """The JSON result of a command, run while this event loop serves."""
    return await asyncio.to_thread(desk.result, *words)


async def test_a_poll_of_which_nothing_can_be_read_says_so_to_cron(desk: Console, community: Community) -> None:
    community.telegram.malformed()
    community.telegram.malformed()
    community.telegram.malformed()
    told = await asyncio.to_thread(desk.ok, "poll", "support", "forum", code=3)
    assert "support: none of the last 3 records could be read" in told


async def test_a_poll_beside_the_service_brings_what_is_new_at_once(desk: Console, community: Community) -> None:
    async with serving(desk):
        await run(desk, "poll")
        community.forum.says("lin", "转账三小时未到账，没人理我")
        community.telegram.says("fox", "how do I change the network fee?")
        assert await run(desk, "poll", "forum") == {"forum": {"ok": True, "message": ""}}
        assert [row["channel"] for row in (await run(desk, "feed"))["inquiries"]] == ["forum"]
        await run(desk, "poll")
        assert len((await run(desk, "feed"))["inquiries"]) == 2


async def test_a_second_poll_beside_one_at_work_says_so_and_ends_well(desk: Console, community: Community) -> None:
    desk.data.mkdir(mode=0o700)
    with lock(desk.data / "poll.lock") as alone:
        second = await asyncio.to_thread(desk.run, "poll")
        assert (alone, second.exit_code) == (True, 0)
        assert second.stdout == "already running: another `aggregator poll` has not ended yet\n"
        assert await run(desk, "poll") == {}
    assert sorted(await run(desk, "poll")) == ["forum", "support"]


async def test_logs_are_lines_of_json_where_no_terminal_reads_them(desk: Console, community: Community) -> None:
    community.forum.says("lin", "转账三小时未到账，没人理我")
    lines: dict[str, list[bytes]] = {}
    for form in ("auto", "text"):
        _, told = await asyncio.to_thread(desk.begin("--log", form, "poll", "forum").communicate)
        lines[form] = told.splitlines()
        community.forum.says("lin", "还是没有人理我")
    assert [orjson.loads(line)["event"] for line in lines["auto"]] == ["page.committed"]
    assert [b"page.committed" in line and not line.startswith(b"{") for line in lines["text"]] == [True]


HOLDS = """
import sys, pathlib
from aggregator.locking import lock
with lock(pathlib.Path(sys.argv[1])) as alone:
    print(alone, flush=True)
    sys.stdin.read()
"""


def holding(path: Path) -> subprocess.Popen[bytes]:
    """A process that has this lock."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"True\n"
    return holder


async def test_a_killed_poll_stands_in_nobodys_way(desk: Console, community: Community) -> None:
    desk.data.mkdir(mode=0o700)
    holder = holding(desk.data / "poll.lock")
    assert await run(desk, "poll") == {}
    holder.kill()
    holder.communicate()
    assert sorted(await run(desk, "poll")) == ["forum", "support"]


async def test_a_poll_without_a_service_is_one_pass(desk: Console, community: Community) -> None:
    community.forum.says("lin", "转账三小时未到账，没人理我")
    told = await asyncio.to_thread(desk.ok, "poll")
    assert sorted(told.splitlines()) == ["forum: ok", "support: ok"]
    assert [row["channel"] for row in (await run(desk, "feed"))["inquiries"]] == ["forum"]


async def test_a_source_that_is_named_twice_is_polled_once(desk: Console, community: Community) -> None:
    assert (await asyncio.to_thread(desk.ok, "poll", "forum", "forum")) == "forum: ok\n"


async def test_a_poll_where_one_source_fails_is_partly_done(
    desk: Console, community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    community.forum.says("lin", "转账三小时未到账")
    monkeypatch.setenv("TELEGRAM_TOKEN", "12345:wrong")
    partly = await asyncio.to_thread(desk.run, "poll")
    assert partly.exit_code == 3
    assert "forum: ok" in partly.stdout
    assert "12345:wrong" not in partly.output
    assert (await asyncio.to_thread(desk.run, "poll", "support")).exit_code == 1


async def test_check_connect_says_of_each_source_what_it_may_read(
    desk: Console, community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = await asyncio.to_thread(desk.run, "check", "--connect")
    assert good.exit_code == 0, good.output
    assert {line.split(":")[0] for line in good.stdout.splitlines()} == {"forum", "support"}
    monkeypatch.setenv("TELEGRAM_TOKEN", "12345:wrong")
    bad = await asyncio.to_thread(desk.run, "check", "--connect")
    assert bad.exit_code == 3
    assert "support: failed: " in bad.stdout
    assert "12345:wrong" not in bad.output


async def test_check_connect_tells_machines_every_finding_and_what_was_left_of_a_quota(
    desk: Console, community: Community
) -> None:
    community.telegram.privacy_mode = True
    resets_at = community.clock() + timedelta(hours=5)
    async with serving(desk) as service:
        kept = "UPDATE source_state SET quota = ? WHERE source = 'forum'"
        quota = orjson.dumps({"left": 0, "limit": 900, "resets_at": resets_at.isoformat()}).decode()
        await service.work.db.write(lambda con: con.execute(kept, [quota]).fetchall())
        found = await run(desk, "check", "--connect")
    left = f"at the last poll 0 of 900 calls were left, anew at {resets_at.isoformat()}"
    assert {"level": "warning", "text": left} in found["forum"]
    assert {"level": "ok", "text": "acting for the user system"} in found["forum"]
    assert [each["level"] for each in found["support"]][:2] == ["ok", "warning"]


async def test_a_command_that_was_given_wrongly_ends_with_2_beside_the_service_too(desk: Console) -> None:
    async with serving(desk):
        for words in (("poll", "bogus"), ("digest", "--since", "banana"), ("replay", "--shard", "1/3")):
            assert (await asyncio.to_thread(desk.run, *words)).exit_code == 2
        assert (await asyncio.to_thread(desk.run, "backup", desk.data)).exit_code == 1


async def test_an_import_beside_the_service_is_in_its_feed(desk: Console, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "old.jsonl", *ROWS)
    async with serving(desk) as service:
        assert (await run(desk, "import", file, "--source", "old"))["new"] == 3
        assert (await run(desk, "import", file, "--source", "old"))["new"] == 0
        assert service.work.db.query("SELECT count(*) FROM post") == [(3,)]


async def test_the_same_import_twice_at_once_is_refused_once_and_done_once(desk: Console, tmp_path: Path) -> None:
    file = str(jsonl(tmp_path / "old.jsonl", *ROWS))
    arguments = {"files": [file], "source": "old", "map": {}, "encoding": "utf-8-sig"}
    async with serving(desk) as service:
        import_ = handlers(service.work)["import"]
        both = (import_(arguments, lambda _: None), import_(arguments, lambda _: None))
        done, refused = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(done, dict)
        assert (done["new"], isinstance(refused, RefusedError)) == (3, True)
        assert str(refused).startswith("this import is already running")
        assert (await import_(arguments, lambda _: None))["new"] == 0


async def test_a_service_that_is_killed_meanwhile_is_told_as_that(desk: Console) -> None:
    desk.data.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as service:
        service.bind(str(socket_path(desk.data)))
        service.listen()
        waits = asyncio.create_task(asyncio.to_thread(desk.run, "compact"))
        await asyncio.to_thread(lambda: service.accept()[0].close())  # somebody looks whether a service is there
        await asyncio.to_thread(die_unread, service)
        told = await waits
    assert told.exit_code == 1
    assert told.stderr.startswith("the service ended in the middle; what was committed is kept")


async def test_ctrl_c_beside_a_service_does_not_claim_that_the_service_has_stopped(desk: Console) -> None:
    begun, may_end, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def compact(_: dict[str, Any], __: Any) -> dict[str, Any]:
        begun.set()
        await may_end.wait()
        done.set()
        return {}

    desk.data.mkdir(mode=0o700)
    control = Control(socket_path(desk.data), {"compact": compact})
    await control.start()
    waits = desk.begin("compact")
    await begun.wait()
    waits.send_signal(signal.SIGINT)
    _, told = await asyncio.to_thread(waits.communicate)
    may_end.set()
    await done.wait()
    await control.stop()
    assert waits.returncode == 130
    assert told.decode() == "not waited for any longer; the running service goes on with it until it is done\n"


def die_unread(service: socket.socket) -> None:
    """As a process that is killed before it has read what it was asked."""
    connection = service.accept()[0]
    connection.recv(1, socket.MSG_PEEK)
    connection.close()


async def test_replay_compact_and_backup_work_beside_the_service(desk: Console, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "old.jsonl", *ROWS)
    async with serving(desk) as service:
        await run(desk, "import", file, "--source", "old")
        assert (await run(desk, "replay"))["changed_posts"] == 0
        assert (await run(desk, "compact"))["bytes_after"] > 0
        assert (await run(desk, "backup", tmp_path / "backup"))["posts"] == 3
        assert service.work.db.query("SELECT count(*) FROM post") == [(3,)]


async def test_a_colleague_is_added_beside_the_service_and_the_link_signs_in(desk: Console) -> None:
    async with serving(desk) as service:
        *_, link = (await asyncio.to_thread(desk.ok, "user", "add", "amy")).splitlines()
        async with httpx.AsyncClient(base_url=service.url, trust_env=False) as browser:
            assert (await sign_in(browser, service.url + "/enter?" + link.partition("?")[2])).status_code == 303
            assert (await browser.get("/")).status_code == 200


async def test_a_restore_beside_the_service_is_refused(desk: Console, tmp_path: Path) -> None:
    async with serving(desk):
        await run(desk, "backup", tmp_path / "backup")
        refused = await asyncio.to_thread(desk.run, "restore", tmp_path / "backup", "--force")
    assert refused.exit_code == 1
    assert "is running; stop it first" in refused.stderr


async def test_an_import_goes_on_after_the_service_was_stopped_in_the_middle(desk: Console, tmp_path: Path) -> None:
    rows = ({"text": f"swap {n} failed", "author_id": f"u{n % 90}"} for n in range(8 * PAGE))
    file = jsonl(tmp_path / "old.jsonl", *rows)
    async with serving(desk):
        importing = desk.begin("import", file, "--source", "old")
        assert importing.stderr is not None
        await asyncio.to_thread(importing.stderr.readline)
    _, told = await asyncio.to_thread(importing.communicate)
    assert importing.returncode == 1
    assert "run the command again" in told.decode()
    await run(desk, "import", file, "--source", "old")
    assert desk.query("SELECT count(*), count(DISTINCT text) FROM post") == [(8 * PAGE,) * 2]


async def test_the_feed_answers_while_an_import_runs(desk: Console, tmp_path: Path) -> None:
    rows = ({"text": f"swap {n} failed", "author_id": f"u{n % 90}"} for n in range(5 * PAGE))
    file = jsonl(tmp_path / "old.jsonl", *rows)
    async with serving(desk):
        importing = asyncio.create_task(asyncio.to_thread(subprocess_import, desk, file))
        while not (await in_feed(desk)) and not importing.done():
            pass
        assert not importing.done()
        assert await importing == 0


def subprocess_import(desk: Console, file: Path) -> int:
    importing = desk.begin("import", file, "--source", "old")
    importing.communicate()
    return importing.returncode


async def in_feed(desk: Console) -> int:
    path = socket_path(desk.data)
    answer = await ask(path, "feed", {"limit": 1}, lambda _: None)
    assert answer is not None
    return int(answer["open"])


async def test_the_socket_is_for_its_owner_alone_and_goes_with_the_service(desk: Console) -> None:
    async with serving(desk) as service:
        path = socket_path(service.work.settings.data)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_socket_left_by_a_killed_service_is_in_nobodys_way(desk: Console) -> None:
    desk.data.mkdir()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(socket_path(desk.data)))
    left.close()
    assert (await run(desk, "feed"))["open"] == 0
    async with serving(desk):
        assert (await run(desk, "feed"))["open"] == 0


def test_a_deep_data_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("deep/" * 30)
    assert len(str(socket_path(deep))) < 100
    assert socket_path(deep) != socket_path(deep / "er")
    assert socket_path(Path("/srv/desk")).parent == Path("/srv/desk")


# -- the protocol ---------------------------------------------------------------------------------


async def double(arguments: dict[str, Any], say: Any) -> dict[str, Any]:
    say({"line": "doubling"})
    if "refuse" in arguments:
        raise RefusedError("not today")
    return {"is": arguments["number"] * 2}


@asynccontextmanager
async def answering(path: Path) -> AsyncIterator[Path]:
    control = Control(path, {"double": double})
    await control.start()
    yield path
    await control.stop()


async def test_progress_comes_before_the_result(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    async with answering(tmp_path / "s") as path:
        assert await ask(path, "double", {"number": 4}, said.append) == {"is": 8}
    assert said == [{"line": "doubling"}]


async def test_a_refusal_arrives_as_its_sentence(tmp_path: Path) -> None:
    async with answering(tmp_path / "s") as path:
        with pytest.raises(RefusedError, match=r"^not today$"):
            await ask(path, "double", {"refuse": 1}, lambda _: None)
        with pytest.raises(RefusedError, match="does not know the command halve"):
            await ask(path, "halve", {}, lambda _: None)


async def test_nobody_there_is_none(tmp_path: Path) -> None:
    assert await ask(tmp_path / "s", "double", {"number": 4}, lambda _: None) is None


async def test_a_bug_in_a_command_and_noise_on_the_socket_leave_it_answering(tmp_path: Path) -> None:
    async with answering(tmp_path / "s") as path:
        with pytest.raises(RefusedError, match="KeyError"):
            await ask(path, "double", {}, lambda _: None)
        for noise in (b"", b"\n", b"\xff\xfe{\n", b"[]\n", b'{"command": 5}\n'):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(noise)
            writer.write_eof()
            heard = await reader.read()
            assert (b"error" in heard) == (noise != b"")
            writer.close()
        assert await ask(path, "double", {"number": 4}, lambda _: None) == {"is": 8}


async def test_looking_whether_a_service_is_there_logs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with answering(tmp_path / "s") as path:
        await ask(path, "double", {"number": 4}, lambda _: None)
    assert "control.failed" not in capsys.readouterr().out


# -- aggregator run -------------------------------------------------------------------------------


async def until_it_listens(service: subprocess.Popen[bytes]) -> str:
    """What the service says until it is ready."""
    assert service.stdout is not None
    said = b""
    while b"Ctrl-C" not in said:
        line = await asyncio.to_thread(service.stdout.readline)
        assert line, "the service ended"
        said += line
    return said.decode()


async def stopped(service: subprocess.Popen[bytes], number: signal.Signals) -> str:
    """Its log; it must end within two seconds, as if all were well."""
    service.send_signal(number)
    _, told = await asyncio.to_thread(service.communicate, timeout=2)
    assert service.returncode == 0
    return told.decode()


async def test_the_first_start_gives_a_link_that_signs_in_and_the_second_does_not(
    desk: Console, community: Community
) -> None:
    community.forum.says("lin", "转账三小时未到账，没人理我")
    service = desk.begin("run")
    said = await until_it_listens(service)
    link = re.search(r"http://\S+/enter\?token=\S+", said)
    assert link
    assert "Listening to 2: forum, support." in said
    async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as browser:
        assert (await sign_in(browser, link[0])).status_code == 303
    log = await stopped(service, signal.SIGTERM)
    assert link[0] not in log
    assert "Traceback" not in log
    service = desk.begin("run")
    assert "/enter" not in await until_it_listens(service)
    await stopped(service, signal.SIGINT)


async def test_ctrl_c_again_and_again_ends_a_service_in_order(desk: Console, community: Community) -> None:
    service = desk.begin("run")
    await until_it_listens(service)
    while service.poll() is None:
        service.send_signal(signal.SIGINT)
        await asyncio.sleep(0.02)
    _, log = await asyncio.to_thread(service.communicate, timeout=30)
    assert (service.returncode, b"Traceback" in log, b"Exception" in log) == (0, False, False)
    assert b"service.stopped" in log


async def test_a_service_tells_that_others_may_look_into_its_data(desk: Console) -> None:
    desk.data.mkdir()
    desk.data.chmod(0o750)
    service = desk.begin("run")
    await until_it_listens(service)
    assert f"chmod 700 {desk.data}" in await stopped(service, signal.SIGTERM)


async def test_no_log_line_holds_a_token_or_what_somebody_wrote(desk: Console, community: Community) -> None:
    community.telegram.says("fox", "my swordfish is gone")
    community.telegram.malformed()
    service = desk.begin("--log", "json", "--verbose", "run")
    await until_it_listens(service)
    while (await in_feed(desk)) == 0:
        pass
    log = await stopped(service, signal.SIGTERM)
    assert "swordfish" not in log
    assert community.telegram.token not in log
    assert {"page.committed", "service.stopped"} <= {orjson.loads(line)["event"] for line in log.splitlines()}


async def test_a_service_whose_port_is_taken_says_which(desk: Console) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        desk.config.write_text(desk.config.read_text().replace("web: {port: 0}", f"web: {{port: {port}}}"))
        refused = await asyncio.to_thread(desk.run, "run")
    assert refused.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr


async def test_a_second_service_on_the_same_data_is_refused(desk: Console) -> None:
    service = desk.begin("run")
    await until_it_listens(service)
    refused = await asyncio.to_thread(desk.run, "run")
    assert refused.exit_code == 1
    assert "in use by another process" in refused.stderr
    await stopped(service, signal.SIGTERM)


async def test_a_service_without_sources_says_what_to_do_next(console: Console) -> None:
    console.config.write_text("data: data\nweb: {port: 0}\nhooks: {port: 0}\nsources: {}\n")
    service = console.begin("run")
    assert service.stdout is not None
    said = [(await asyncio.to_thread(service.stdout.readline)).decode() for _ in range(6)]
    assert "aggregator demo" in said[-1]
    await stopped(service, signal.SIGTERM)
