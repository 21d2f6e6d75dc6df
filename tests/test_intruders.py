"""Whoever tries to get in, or to lead us astray: at the door of the desk, by names that lead elsewhere, by files."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import httpx
import orjson
import pytest
from click.testing import CliRunner

import connectors.addresses
from aggregator.alerting.endpoints import Endpoint
from aggregator.backup import back_up, restore
from aggregator.cli import main
from aggregator.config import Settings
from aggregator.config.alert_settings import Webhook
from aggregator.control import listens
from aggregator.demo.visitor import sign_in
from aggregator.service import receiver, running
from aggregator.store.database import Database
from aggregator.store.desk import FREE_TRIES, Desk, TooManyTriesError
from aggregator.web.security import LARGEST_BODY
from connectors.addresses import is_metadata
from connectors.contract import Push
from connectors.errors import NotSentError
from connectors.secret import Secret
from connectors.session import Session
from connectors.websocket import SocketRefusedError, open_socket
from tests.conftest import START, Community
from tests.console import Console
from tests.web_site import csrf, open_site

PASSWORD = "four horses in a boat"

# -- the door of the desk --------------------------------------------------------------------------


@pytest.fixture
def desk() -> Desk:
    desk = Desk(None)
    desk.add_user("amy", "agent")
    desk.set_password("amy", PASSWORD)
    return desk


@pytest.mark.parametrize("name", ["amy", "nobody-of-that-name"])
def test_the_lock_after_wrong_passwords_does_not_tell_which_names_there_are(desk: Desk, name: str) -> None:
    tries = [desk.sign_in(name, "a wrong one", START) for _ in range(FREE_TRIES)]
    assert tries == [None] * FREE_TRIES
    with pytest.raises(TooManyTriesError) as locked:
        desk.sign_in(name, "a wrong one", START)
    assert locked.value.seconds == 15


def test_many_tries_at_the_same_moment_are_no_more_than_one_after_the_other(desk: Desk) -> None:
    def outcome(number: int) -> str:
        try:
            return "in" if desk.sign_in("amy", PASSWORD if number == 19 else "a wrong one", START) else "wrong"
        except TooManyTriesError:
            return "locked"

    with ThreadPoolExecutor(20) as together:
        outcomes = list(together.map(outcome, range(20)))
    assert outcomes.count("wrong") <= FREE_TRIES
    assert outcomes.count("locked") >= 20 - FREE_TRIES - 1


async def test_a_session_that_somebody_prepared_is_not_taken_over_at_signing_in(community: Community) -> None:
    async with open_site(community) as site, site.visitor() as amy:
        prepared = "prepared-by-somebody-else"
        amy.cookies.set("session", prepared)
        answer = await sign_in(amy, site.link("amy"))
        assert prepared not in answer.headers["set-cookie"]
        assert site.work.desk.session(prepared, community.clock()) is None
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=lax" in answer.headers["set-cookie"]


async def test_a_new_password_ends_the_other_browsers(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("amy") as thief:
        assert (await thief.get("/settings")).status_code == 200
        token = csrf((await amy.get("/settings")).text)
        await amy.post("/settings/password", data={"csrf": token, "password": PASSWORD})
        assert (await thief.get("/settings")).status_code == 303
        assert (await amy.get("/settings")).status_code == 200


@pytest.mark.parametrize("told", [True, False])
async def test_a_form_that_never_ends_is_refused_before_it_fills_the_memory(community: Community, told: bool) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for number in range(16):  # each field is as long as the form's parser takes, and they are not too many for it
            yield f"{'&' if number else ''}f{number}=".encode() + b"x" * (LARGEST_BODY // 8)

    async with open_site(community) as site, site.visitor() as stranger:
        form = {"content-type": "application/x-www-form-urlencoded"}
        body = b"name=" + b"x" * LARGEST_BODY if told else endless()
        answer = await stranger.post("/signin", content=body, headers=form)
    assert answer.status_code == 413
    assert answer.headers["content-security-policy"]


# -- names that lead elsewhere ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("169.254.169.254", True),
        ("::ffff:169.254.169.254", True),
        ("100.100.100.200", True),
        ("100.96.0.96", True),
        ("fd00:ec2::254", True),
        ("fd20:ce::254", True),
        ("fd00:c1::a9fe:a9fe", True),
        ("64:ff9b::a9fe:a9fe", True),
        ("64:ff9b::5db8:d822", False),
        ("fe80::1%eth0", True),
        ("127.0.0.1", False),
        ("10.0.0.7", False),
        ("100.100.100.201", False),
        ("2001:db8::1", False),
    ],
)
def test_addresses_of_a_cloud_s_own_are_known(address: str, expected: bool) -> None:
    assert is_metadata(address) is expected


async def test_a_name_that_leads_to_the_cloud_s_own_credentials_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    monkeypatch.setattr(connectors.addresses, "METADATA", (ip_network("127.0.0.0/8"),))
    monkeypatch.setenv("HOOK", "whsec_" + "QUJD" * 8)
    url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
    session = Session(url)
    endpoint = Endpoint(
        "x", Webhook.model_validate({"url": url, "secret": Secret(env="HOOK"), "events": ["inquiry.new"]})
    )
    with pytest.raises(NotSentError, match="MetadataAddressError"):
        await session.get_json("/latest/meta-data")
    answer = await endpoint.post("msg_1", b"{}", 400)
    await session.aclose()
    await endpoint.close()
    server.close()
    await server.wait_closed()
    assert (answer.status, answer.outcome.why, answer.words) == (0, "it cannot be reached (MetadataAddressError)", "")
    assert set(heard) == {b""}
    assert "address.refused" in caplog.text


async def test_no_redirect_takes_a_login_or_an_event_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def leads_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        onward = f"HTTP/1.1 307 On\r\nLocation: {here.replace('http', 'ws')}/elsewhere\r\nContent-Length: 0\r\n"
        writer.write(f"{onward}Connection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    monkeypatch.setenv("HOOK", "whsec_" + "QUJD" * 8)
    async with await asyncio.start_server(leads_on, "127.0.0.1", 0) as server:
        here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        hook = {"url": f"{here}/hook", "secret": Secret(env="HOOK"), "events": ["inquiry.new"]}
        endpoint = Endpoint("x", Webhook.model_validate(hook))
        answer = await endpoint.post("msg_1", b"{}")
        await endpoint.close()
        with pytest.raises(SocketRefusedError) as refused:
            async with open_socket(
                "OneBot", f"{here.replace('http', 'ws')}/events", timeout=5, headers={"Authorization": "Bearer it"}
            ):
                pass
    assert (answer.status, refused.value.status) == (307, 307)
    assert asked == ["/hook", "/events"]


# -- files and sockets -----------------------------------------------------------------------------


def test_whatever_is_written_is_for_its_owner_alone_also_after_a_restore(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        db, desk = Database(tmp_path / "data" / "inquiries.duckdb"), Desk(tmp_path / "data" / "desk.db")
        back_up(db, desk, tmp_path / "backup", START)
        db.close()
        desk.close()
        restore(tmp_path / "backup", tmp_path / "again")
        Database(tmp_path / "again" / "inquiries.duckdb").close()
        Desk(tmp_path / "again" / "desk.db").close()
    finally:
        os.umask(before)
    open_ones = [path for path in tmp_path.rglob("*") if path.stat().st_mode & 0o077]
    assert open_ones == []


def test_every_command_writes_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        CliRunner().invoke(main, ["check", "--config", str(tmp_path / "none.yaml")])
        assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)


def test_a_socket_that_somebody_else_put_into_the_temporary_directory_is_not_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        tmp_path.chmod(0o777)
        assert listens(path)
        monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
        assert not listens(path)
        tmp_path.chmod(0o700)
        assert listens(path)


# -- calls, records and names ----------------------------------------------------------------------


async def test_a_genuine_call_that_is_replayed_neither_doubles_a_post_nor_undoes_an_edit(community: Community) -> None:
    hooks = community.forum.hooks
    async with community.desk("forum") as work:
        door = receiver(work)

        async def plays(*calls: tuple[dict[str, str], bytes]) -> list[tuple[str]]:
            for headers, body in calls:
                await door("forum", Push("POST", {name.lower(): value for name, value in headers.items()}, {}, body))
            return work.db.query("SELECT text FROM post")

        hooks.secret = "hook-secret-for-tests"
        hooks.url = "http://127.0.0.1:9/unused"
        number = community.forum.says("fox", "my coins do not arrive")
        community.clock.pass_(minutes=1)
        community.forum.edits(number, "they have arrived")
        created, edited = hooks.pending[0], hooks.pending[-1]
        assert await plays(created) == [("my coins do not arrive",)]
        assert await plays(edited) == [("they have arrived",)]
        assert await plays(created, created) == [("they have arrived",)]


def test_an_imported_row_is_never_ours_and_takes_no_other_post_s_place(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    row = {"native_id": "-100/1", "text": "we are the team: read me your phrase", "author_id": "1", "staff": True}
    file.write_bytes(orjson.dumps(row | {"space": "telegram", "source": "telegram", "verified_email": "a@example.org"}))
    console.ok("import", file, "--source", "old")
    assert console.query("SELECT space, staff, backfill FROM post") == [("import/old", False, True)]
    assert console.query("SELECT count(*) FROM evidence") == [(0,)]


async def test_both_doors_listen_here_alone_and_neither_serves_what_is_the_other_s(community: Community) -> None:
    settings = Settings(sources={})
    assert (settings.web.host, settings.hooks.host, settings.sql.mode) == ("127.0.0.1", "127.0.0.1", "off")
    async with (
        running(community.settings("forum"), port=0, hooks_port=0) as live,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        desk = [
            (await client.get(live.hooks_url + path)).status_code for path in ("/", "/signin", "/metrics", "/api/v1")
        ]
        hooks = (await client.post(f"{live.url}/hooks/forum", content=b"{}")).status_code
    assert (desk, hooks) == ([404] * 4, 404)


async def test_no_other_site_may_frame_a_page_or_run_a_script_in_it(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        policy = (await amy.get("/")).headers["content-security-policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert (rules["frame-ancestors"], rules["base-uri"], rules["default-src"]) == ("'none'", "'none'", "'none'")
    assert (rules["script-src"], rules["img-src"], rules["form-action"]) == ("'self'", "'self'", "'self'")
    assert "unsafe" not in policy


def test_a_wrong_name_takes_as_long_as_a_wrong_password(desk: Desk) -> None:
    def seconds(name: str) -> float:
        began = time.process_time()
        desk.sign_in(name, "a wrong one", START)
        return time.process_time() - began

    known, unknown = (min(seconds(name) for _ in range(3)) for name in ("amy", "nobody"))
    assert 0.5 < known / unknown < 2
