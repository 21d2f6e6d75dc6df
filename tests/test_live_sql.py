"""Live SQL: analysts read the views beside the running service, and can do nothing else. The attack list."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import orjson
import pytest

from aggregator.analysts import VIEWS, door
from aggregator.analysts.door import EXTENSIONS, Door, Mode
from aggregator.config import load
from aggregator.listener import PortTakenError
from aggregator.service import running
from aggregator.store import extensions, runaways, tokens
from aggregator.store.database import Database, StoreError
from aggregator.store.desk import Desk
from connectors.errors import ConfigError
from tests.analyst import asks, crowd
from tests.conftest import Community
from tests.console import Console
from tests.console import console as console
from tests.demo_day import DemoDay
from tests.demo_day import demo_day as demo_day
from tests.ports import free_port
from tests.test_import import ROWS, jsonl
from tests.test_views import QUERIES
from tests.web_site import open_site

pytestmark = pytest.mark.xdist_group("analysts")


@dataclass
class Served:
    """An open door, and a token that opens it."""

    db: Database
    desk: Desk
    door: Door
    day: DemoDay
    token: str

    def attach(self, token: str | None = None) -> str:
        return f"ATTACH '{self.door.url}' AS live (TYPE quack, TOKEN '{self.token if token is None else token}')"

    def asks(self, *statements: str) -> list[object]:
        """What an analyst gets, attached as `live`."""
        attached, *answers = asks([self.attach(), *statements])
        assert attached == []
        return answers

    def counts(self) -> list[tuple[object, ...]]:
        return self.db.query(
            "SELECT (SELECT count(*) FROM post), (SELECT count(*) FROM inquiry), (SELECT sum(ver) FROM inquiry)"
        )


@contextmanager
def serving(day: DemoDay, folder: Path, mode: Mode) -> Iterator[Served]:
    data = folder / "data"
    shutil.copytree(day.settings.data, data, ignore=shutil.ignore_patterns("*.sock"))
    db, desk = Database(data / "inquiries.duckdb"), Desk(data / "desk.db")
    opened = Door(db, desk, day.clock, mode, free_port())
    desk.add_user("ana", "viewer")
    token = tokens.make(desk, "notebook", "ana", ["sql"], who="ana", now=day.now, until=None)
    opened.open()
    try:
        yield Served(db, desk, opened, day, token)
    finally:
        opened.shut()
        desk.close()
        db.close()


@pytest.fixture(scope="module")
def scan(demo_day: DemoDay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(demo_day, tmp_path_factory.mktemp("scan"), "scan") as served:
        yield served


@pytest.fixture(scope="module")
def pushdown(demo_day: DemoDay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(demo_day, tmp_path_factory.mktemp("pushdown"), "pushdown") as served:
        yield served


def test_every_view_reads_live_as_it_does_here(scan: Served) -> None:
    counted = scan.asks(*(f"SELECT count(*) FROM live.{view}" for view in VIEWS))
    assert counted == [[[scan.db.query(f"SELECT count(*) FROM {view}")[0][0]]] for view in VIEWS]


@pytest.mark.parametrize("mode", ["scan", "pushdown"])
def test_every_example_query_answers_live_as_it_does_here(mode: str, request: pytest.FixtureRequest) -> None:
    served: Served = request.getfixturevalue(mode)
    queries = [query for question, query in QUERIES.items() if "queue" not in query]
    sent = [_sent(query.rstrip().rstrip(";")) for query in queries]
    live = asks(queries, live=(served.token, served.door.port)) if mode == "scan" else served.asks(*sent)
    here = [json.loads(json.dumps(served.db.query(query), default=str)) for query in queries]
    assert [sorted(map(str, rows)) for rows in live] == [sorted(map(str, rows)) for rows in here]


SPELLINGS = (
    # writes
    "INSERT INTO live.posts SELECT * FROM live.posts",
    "DELETE FROM live.posts",
    "UPDATE live.inquiries SET state = 'closed'",
    "DROP TABLE live.inquiries",
    "CREATE TABLE live.mine AS SELECT 1",
    "CREATE VIEW live.mine AS SELECT 1",
    "ALTER TABLE live.inquiries RENAME TO gone",
    "TRUNCATE live.posts",
    # relations that are not for analysts
    "SELECT * FROM live.post",
    "SELECT * FROM live.main.account",
    "SELECT * FROM live.duckdb_settings",
    "SELECT * FROM live.information_schema.tables",
)
SENT = (
    "DELETE FROM post",
    "WITH gone AS (SELECT 1) DELETE FROM post USING gone",
    "INSERT INTO meta VALUES ('a', 'b')",
    "SELECT 1; DELETE FROM post",
    "SELECT 1;\nDROP VIEW inquiries",
    "/* FROM main.inquiries */ DELETE FROM post",
    "FROM main.inquiries; DELETE FROM post",
    "FROM main.inquiries --\n, post",
    "COPY post TO '/tmp/stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "EXPORT DATABASE '/tmp/stolen'",
    "ATTACH '/tmp/other.duckdb' AS other",
    "ATTACH 'desk.db' AS desk (TYPE sqlite)",
    "INSTALL sqlite",
    "LOAD sqlite",
    "SET GLOBAL quack_authorization_function = 'quack_nop_authorization'",
    "RESET GLOBAL quack_authorization_function",
    "PRAGMA database_list",
    "CALL quack_stop('quack:localhost:9494')",
    "CALL quack_serve('quack:localhost:9999', token := 'mine')",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "USE system",
    "PREPARE p AS SELECT * FROM post",
    "EXECUTE p",
    "EXPLAIN ANALYZE SELECT * FROM post",
    "DESCRIBE post",
    "SUMMARIZE post",
    "SHOW ALL TABLES",
    "CREATE MACRO analysts_ask(a, b) AS b",
    "CREATE TEMP TABLE t AS FROM post",
    "CREATE SECRET (TYPE http, BEARER_TOKEN 'x')",
    "SELECT * FROM post",
    "FROM main.post",
    "from MAIN.Post",
    "TABLE post",
    'SELECT * FROM "post"',
    "SELECT * FROM memory.main.post",
    "SELECT #1 FROM post",
    "SELECT #1, text FROM inquiries",
    "SELECT NULL::BOOLEAN FROM post",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_blob('*')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'x.csv'",
    'WITH "x.csv" AS (SELECT 1) SELECT (SELECT count(*) FROM (SELECT * FROM "x.csv"))',
    "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
    "SELECT * FROM quack_query('quack:localhost:9', 'SELECT 1', token := 'aaaa')",
    "SELECT * FROM query('SELECT * FROM post')",
    "SELECT * FROM query_table('post')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_functions()",
    "SELECT * FROM pragma_database_list()",
    "SELECT * FROM quack_active_connections()",
    "SELECT * FROM sqlite_scan('desk.db', 'user')",
    "SELECT current_setting('secret_directory')",
    "SELECT getenv('PATH')",
    "SELECT getvariable('x')",
    "SELECT nextval('x')",
    "SELECT write_log('x')",
    "SELECT analysts_enter('a', 'b', 'c')",
    "SELECT analysts_ask('a', 'b')",
    "SELECT system.main.analysts_ask('a', 'b')",
    "SELECT (SELECT max(text) FROM post)",
    "SELECT * FROM inquiries WHERE EXISTS (FROM post)",
    "WITH inquiries AS (SELECT * FROM post) FROM inquiries",
    "WITH post AS (SELECT 1) SELECT * FROM main.post",
    'WITH "POST" AS (SELECT 1) SELECT * FROM post',
    "WITH RECURSIVE post AS (SELECT 1 UNION ALL FROM post) FROM post",
    "SELECT (WITH post AS (SELECT 1) SELECT 1), * FROM post",
    "SELECT * FROM inquiries AT (VERSION => 1)",
    "PIVOT inquiries ON kind USING count(*)",
    "SELECT repeat('x', 1000000000)",
    "SELECT " + "1 + " * 9000 + "1",
    "\x00FROM main.inquiries",
    "FROM main.inquiries\x00",
    "ＦＲＯＭ main.inquiries",
    "",
    " ",
)


def _sent(statement: str) -> str:
    return "FROM live.query('" + statement.replace("'", "''") + "')"


@pytest.mark.parametrize("mode", ["scan", "pushdown"])
def test_the_attack_list_is_refused_and_the_service_lives(mode: str, request: pytest.FixtureRequest) -> None:
    served: Served = request.getfixturevalue(mode)
    before = served.counts()
    answers = served.asks(*SPELLINGS, *map(_sent, SENT), "SELECT count(*) FROM live.inquiries")
    let_in = [
        statement[:60]
        for statement, answer in zip([*SPELLINGS, *SENT], answers, strict=False)
        if not isinstance(answer, str)
    ]
    assert let_in == []
    assert answers[-1] == [[served.db.query("SELECT count(*) FROM inquiries")[0][0]]]
    assert served.counts() == before
    assert not Path("/tmp/stolen.csv").exists()


def test_a_hundred_clients_at_once_read_whole_rows_while_we_write(scan: Served) -> None:
    """All rows of an inquiry are written in one transaction: who sees half of it sees torn rows."""

    def both(turn: int) -> None:
        scan.db.submit(lambda con: con.execute(f"UPDATE inquiry_open SET posts = {turn}, asked = {turn}")).result()

    both(0)
    begun = threading.Event()
    stop = threading.Event()

    def writes() -> int:
        begun.set()
        return sum(1 for turn in itertools.takewhile(lambda _: not stop.is_set(), itertools.count(1)) if not both(turn))

    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(writes)
        begun.wait()
        answers = crowd(
            scan.attach(), "SELECT count(DISTINCT posts), max(abs(posts - asked)) FROM {0}.inquiries WHERE open"
        )
        stop.set()
    assert answers == [[1, 0]] * 100
    assert written.result() > 3


def test_scan_runs_no_query_that_an_analyst_wrote(scan: Served) -> None:
    answers = scan.asks(_sent("SELECT 1"), _sent("SELECT count(*) FROM inquiries"))
    assert [str(answer).partition("\n")[0] for answer in answers] == ["Invalid Input Error: Authorization failed"] * 2


def test_pushdown_computes_here_what_reads_only_the_views(pushdown: Served) -> None:
    query = (
        "WITH busy AS (SELECT channel, count(*) AS n FROM inquiries GROUP BY channel) "
        "SELECT channel, n, round(100 * n / sum(n) OVER ()) FROM busy ORDER BY n DESC, channel"
    )
    assert pushdown.asks(_sent(query)) == [[list(row) for row in pushdown.db.query(query)]]


def test_without_a_token_that_may_nobody_enters(scan: Served) -> None:
    now = scan.day.now
    reading = tokens.make(scan.desk, "feed", "ana", ["read"], who="ana", now=now, until=None)
    over = tokens.make(scan.desk, "old", "ana", ["sql"], who="ana", now=now, until=now)
    tried = [scan.attach(token) for token in ("", "wrong", reading, over, scan.token + "x", scan.token[:-1])]
    answers = asks([*tried, f"ATTACH '{scan.door.url}' AS live (TYPE quack)", "SELECT * FROM live.inquiries"])
    assert [answer for answer in answers if not isinstance(answer, str)] == []


def test_a_revoked_token_ends_a_session_at_once(scan: Served) -> None:
    token = tokens.make(scan.desk, "brief", "ana", ["sql"], who="ana", now=scan.day.now, until=None)
    assert scan.door._enters("a-session", token, None)
    assert scan.door._asks("a-session", "FROM main.inquiries") == "FROM main.inquiries"
    tokens.revoke(scan.desk, "brief", who="ana", now=scan.day.now)
    assert scan.door._asks("a-session", "FROM main.inquiries") is None
    assert scan.door._asks("never-entered", "FROM main.inquiries") is None


async def test_the_service_opens_the_door_when_it_is_told_to_and_again_after_a_compaction(console: Console) -> None:
    port = free_port()
    told = f"data: data\nweb: {{port: 0}}\nhooks: {{port: 0}}\nsources: {{}}\nsql: {{mode: scan, port: {port}}}\n"
    console.config.write_text(told)
    async with running(console.settings()) as service:
        service.work.desk.add_user("ana", "viewer")
        token = tokens.make(
            service.work.desk, "notebook", "ana", ["sql"], who="ana", now=service.work.clock(), until=None
        )
        for _ in range(2):
            answers = await asyncio.to_thread(asks, ["SELECT count(*) FROM inquiries"], live=(token, port))
            assert answers == [[[0]]]
            await asyncio.to_thread(service.work.db.compact)
    attach = f"ATTACH 'quack:localhost:{port}' AS live (TYPE quack, TOKEN '{token}')"
    (shut,) = await asyncio.to_thread(asks, [attach])
    assert isinstance(shut, str)  # nobody is there, or somebody else by now


def test_a_file_that_a_query_still_reads_is_not_replaced(demo_day: DemoDay, tmp_path: Path) -> None:
    """Closing it would wait for the query's end, and every write with it."""
    with serving(demo_day, tmp_path, "pushdown") as served, duckdb.connect() as client, ThreadPoolExecutor(1) as pool:
        served.db.before_swap, served.db.after_swap = served.door.leave, served.door.open
        extensions.load(client, EXTENSIONS)
        client.execute(served.attach())
        served.db.compact()  # an idle client is in nobody's way; it comes again
        client.execute("DETACH live")
        client.execute(served.attach())
        reached, go_on = threading.Event(), threading.Event()

        def holds(number: int) -> int:
            reached.set()
            go_on.wait(60)
            return number

        own = served.db.held()
        own.create_function("holds", holds, ["BIGINT"], "BIGINT", side_effects=True)
        own.execute("CREATE OR REPLACE VIEW queue AS SELECT holds(1) AS priority")
        own.close()
        running = pool.submit(lambda: client.execute(_sent("SELECT priority FROM queue")).fetchall())
        assert reached.wait(60)
        copied = list[Path]()

        def asked() -> None:
            copied.extend(tmp_path.rglob("*.compacting"))
            served.door.leave()

        served.db.before_swap = asked
        with pytest.raises(StoreError, match="is as it was"):
            served.db.compact()
        assert copied == []  # nobody stood still for a copy that was in vain
        served.db.submit(lambda con: con.execute("INSERT INTO meta VALUES ('kept', 'yes')")).result()
        go_on.set()
        assert running.result() == [(1,)]
        posts = served.db.query("SELECT count(*) FROM posts")[0][0]
        assert served.asks("SELECT count(*) FROM live.posts") == [[[posts]]]
        assert served.db.query("SELECT value FROM meta WHERE key = 'kept'") == [("yes",)]


async def test_a_port_that_is_taken_is_said(console: Console) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        console.config.write_text(
            f"data: data\nweb: {{port: 0}}\nhooks: {{port: 0}}\nsources: {{}}\nsql: {{mode: scan, port: {port}}}\n"
        )
        with pytest.raises(PortTakenError, match=f"port {port}"):
            async with running(console.settings()):
                pass


async def test_a_second_service_does_not_share_the_port_of_the_first(console: Console, scan: Served) -> None:
    sql = f"{{mode: scan, port: {scan.door.port}}}"
    console.config.write_text(f"data: data\nweb: {{port: 0}}\nhooks: {{port: 0}}\nsources: {{}}\nsql: {sql}\n")
    with pytest.raises(PortTakenError, match=f"cannot be served on port {scan.door.port}"):
        async with running(console.settings()):
            pass
    assert scan.asks("SELECT count(*) FROM live.posts") == [[[scan.db.query("SELECT count(*) FROM posts")[0][0]]]]


@pytest.mark.parametrize("door", ["web", "hooks"])
def test_the_port_of_another_door_is_a_mistake(console: Console, door: str) -> None:
    console.config.write_text(f"sources: {{}}\n{door}: {{port: 9494}}\nsql: scan\n")
    refused = console.run("check")
    assert refused.exit_code == 2
    assert "connectors.yaml:3:1 sql: port 9494 is that of " in refused.stderr


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "EXTENSIONS", ("quack", "never_made"))
    with pytest.raises(ConfigError, match=r"pip install 'inquiry-aggregator\[sql\]'"):
        door.require_extensions()


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("", "off"),
        ("sql: off", "off"),
        ("sql: scan", "scan"),
        ("sql: {mode: off}", "off"),
        ("sql: {mode: pushdown}", "pushdown"),
    ],
)
def test_a_word_is_enough_to_open_it(written: str, mode: str, tmp_path: Path) -> None:
    (tmp_path / "connectors.yaml").write_text(f"sources: {{}}\n{written}\n")
    assert load(tmp_path / "connectors.yaml").sql.mode == mode


def test_a_runaway_is_named_and_ended_by_the_restart(console: Console, tmp_path: Path) -> None:
    port = free_port()
    sql = f"{{mode: pushdown, port: {port}, longest: 0.5, restart_on_runaway: true}}"
    alerts = "{destinations: {me: {url: {file: address}}}, rules: {r: {events: [sql.runaway], to: [me]}}}"
    (console.config.parent / "address").write_text(
        "json://127.0.0.1:9/"
    )  # nobody is there: it is kept, to be tried again
    (console.config.parent / "address").chmod(0o600)
    console.config.write_text(
        f"data: data\nweb: {{port: 0}}\nhooks: {{port: 0}}\nsources: {{}}\nsql: {sql}\nalerts: {alerts}\n"
    )
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    console.ok("user", "add", "ana")
    told = console.ok("token", "make", "notebook", "--for", "ana", "--scope", "sql")
    token = re.findall(r"desk_[\w-]+", told)[0]
    attach = f"ATTACH 'quack:localhost:{port}' AS live (TYPE quack, TOKEN '{token}')"
    runaway = "SELECT count(*) FROM range(3000000) AS a(i), range(3000000) AS b(j) WHERE i * j % 7 = 3"
    with (tmp_path / "log").open("wb") as log:
        service = console.begin("run", stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_for(port)
            answers = asks([attach, _sent(runaway)])
            wait_for(port)
            after = asks([attach, "SELECT count(*) FROM live.inquiries"])
        finally:
            service.kill()
            service.wait()
    said = [orjson.loads(line) for line in (tmp_path / "log").read_bytes().splitlines() if line.startswith(b"{")]
    assert isinstance(answers[1], str)
    assert after == [[], [[3]]]
    assert [each["owner"] for each in said if each["event"] in ("sql.runaway", "sql.restarting")] == ["ana", "ana"]
    with closing(Database(console.data / "inquiries.duckdb")) as db:
        assert db.query("SELECT owner, how, seconds > 0.5, ended_at >= seen_at FROM runaway") == [
            ("ana", "restart", True, True)
        ]
        told = db.query("SELECT target, event, body FROM delivery WHERE state = 'due'")
    assert [each[:2] for each in told] == [("alert:me", "sql.runaway")]
    assert "ana" in told[0][2]


async def test_a_runaway_is_shown_told_once_and_counted_as_long_as_it_runs(community: Community) -> None:
    async with open_site(community, "telegram") as site, site.visitor("amy") as amy:
        db, now = site.work.db, community.clock

        async def looked(*running: tuple[str, str, float]) -> list[str]:
            return await db.write(lambda con: runaways.note(con, running, now()))

        assert await looked(("s1", "ana", 61.0), ("s2", "ben", 70.0)) == ["s1", "s2"]
        assert await looked(("s1", "ana", 66.0)) == []
        page, told = (await amy.get("/connectors")).text, (await amy.get("/metrics")).text
        assert (page.count("running"), page.count("over</span>"), "66" in page) == (1, 1, True)
        assert "aggregator_sql_runaways 1.0" in told
        await db.write(lambda con: runaways.end_all(con, now()))
        assert "ended by a restart" in (await amy.get("/connectors")).text
        community.clock.pass_(days=2)
        assert "Queries of analysts" not in (await amy.get("/connectors")).text


def wait_for(port: int) -> None:
    """Until somebody listens there; at most a minute."""
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
            return
        threading.Event().wait(0.1)
    raise TimeoutError(port)
