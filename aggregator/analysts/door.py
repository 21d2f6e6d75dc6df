"""Live SQL: DuckDB's own remote protocol (Quack) on loopback, with a token for each analyst.

Out of the box Quack runs whatever a client sends. So nothing that a client sends is run here: its statement is looked
up as a whole, and what runs is a statement of ours (`sql: scan`), or its own after its syntax tree was checked (`sql:
pushdown`, aggregator/analysts/checked.py). The catalog that a client sees is made of the analysts' views alone, told
as tables, so that its own DuckDB asks for the columns that it needs and no more.
"""

from __future__ import annotations

import re
import secrets
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from duckdb.func import FunctionNullHandling
from duckdb.sqltypes import BOOLEAN, VARCHAR, DuckDBPyType

from aggregator.analysts import VIEWS
from aggregator.analysts.checked import Checker
from aggregator.clocks import Clock
from aggregator.listener import require_free
from aggregator.store import extensions, tokens
from aggregator.store.database import Connection, Database, StoreError
from aggregator.store.desk import Desk
from connectors.errors import ConfigError

log = structlog.get_logger()

Mode = Literal["scan", "pushdown"]

EXTENSIONS = ("quack", "httpfs")  # httpfs: Quack takes its random numbers from there, and a client its HTTP
MOST_SESSIONS = 10_000
_SPACE = re.compile(r"\s+")
_COLUMNS = re.compile(r"SELECT (#[1-9][0-9]{0,2}(?:, #[1-9][0-9]{0,2}){0,199}) FROM ([a-z_]+)")
_COUNT = re.compile(r"SELECT NULL::BOOLEAN FROM ([a-z_]+)")
_ALL = re.compile(r"FROM main\.([a-z_]+)")
_SCHEMAS = (
    "SELECT catalog_name, schema_name FROM information_schema.schemata "
    "WHERE catalog_name NOT IN ('system', 'temp') ORDER BY ALL"
)
_TABLES = (
    "SELECT schema_name, sql, 'table' FROM duckdb_tables() UNION ALL "
    "SELECT schema_name, view_name, 'view' FROM duckdb_views()"
)
# What a client may send around a query of its own; nothing is ever open between two statements here.
_IDLE = frozenset({"BEGIN TRANSACTION", "COMMIT", "ROLLBACK"})


def require_extensions() -> None:
    """Raises ConfigError: the extra [sql] is not installed."""
    if extensions.missing(EXTENSIONS):
        raise ConfigError(
            "sql: this needs the extra [sql], which is not installed. "
            f"Do: {sys.executable} -m pip install 'inquiry-aggregator[sql]', or set it to off"
        )


@dataclass(slots=True)
class _Session:
    token: str
    owner: str


@dataclass(frozen=True, slots=True)
class Slow:
    """A query that is still running, whether its client is there or not."""

    session: str
    owner: str
    seconds: float


class Door:
    """Serves until `shut`. Safe for many threads: Quack calls back from its own."""

    def __init__(self, db: Database, desk: Desk, clock: Clock, mode: Mode, port: int) -> None:
        self.mode = mode
        self.port = port
        self._db, self._desk, self._clock = db, desk, clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._lock = threading.Lock()
        self._own: Connection | None = None
        self._columns: Mapping[str, list[str]] = {}
        self._catalog: Mapping[str, str] = {}
        self._checker: Checker | None = None

    @property
    def url(self) -> str:
        return f"quack:localhost:{self.port}"

    # -- opening ---------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin to listen, unless it does.

        Raises:
            duckdb.Error, PortTakenError: the port is taken.
        """
        if self._own is not None:
            return
        require_free("localhost", self.port)
        con = self._db.held()
        extensions.load(con, EXTENSIONS)
        self._columns = _columns(con)
        self._catalog = {
            _SCHEMAS: "SELECT current_database() AS catalog_name, 'main' AS schema_name",
            _TABLES: _catalog_of(con),
        }
        self._checker = Checker(_relations(con)) if self.mode == "pushdown" else None
        _call_back(con, "quack_authentication_function", self._enters, 3, BOOLEAN)
        _call_back(con, "quack_authorization_function", self._asks, 2, VARCHAR)
        con.execute("CALL quack_serve(?, token := ?)", [self.url, secrets.token_urlsafe(32)]).fetchall()
        self._own = con

    def leave(self) -> None:
        """`shut`, for the file is about to be swapped.

        Raises:
            StoreError: a query is running; closing the file would wait for its end, and all writing with it.
        """
        if self.slow(0):
            raise StoreError("an analyst's query is running")
        self.shut()

    def shut(self) -> None:
        """Stop to listen; sessions end."""
        con, self._own = self._own, None
        if con is None:
            return
        con.execute("CALL quack_stop(?)", [self.url]).fetchall()
        con.close()
        with self._lock:
            self._sessions.clear()

    def slow(self, longest: float) -> list[Slow]:
        """Queries that have been running for more than so many seconds."""
        if self._own is None:
            return []
        found = (
            self._own.cursor()
            .execute(  # Quack takes the times from the machine's own clock
                "SELECT connection_id, epoch(CAST(now() AS TIMESTAMP)) - epoch(query_started_at) AS seconds "
                "FROM quack_active_connections() WHERE state = 'active' AND seconds > ?",
                [longest],
            )
            .fetchall()
        )
        with self._lock:
            owners = {session: known.owner for session, known in self._sessions.items()}
        return [Slow(session, owners.get(session, "?"), seconds) for session, seconds in found]

    # -- what Quack asks us ----------------------------------------------------------------------

    def _enters(self, session: str | None, token: str | None, _: str | None) -> bool:
        """Whether this token opens the door."""
        owner = self._owner(token or "")
        if session is None or owner is None:
            log.warning("sql.refused", why="unknown token")
            return False
        with self._lock:
            self._sessions[session] = _Session(token or "", owner)
            while len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        log.info("sql.entered", owner=owner)
        return True

    def _asks(self, session: str | None, query: str | None) -> str | None:
        """The statement to run instead of what was sent; None: nothing."""
        with self._lock:
            known = self._sessions.get(session or "")
        if known is None or query is None or self._owner(known.token) != known.owner:
            return None
        allowed = self.allowed(query)
        if allowed is None:
            log.warning("sql.refused", owner=known.owner, characters=len(query))
        return allowed

    def allowed(self, query: str) -> str | None:
        """What may run for it. In scan mode nothing of `query` itself does."""
        if (ours := self._catalog.get(_SPACE.sub(" ", query).strip())) is not None:
            return ours
        if query in _IDLE:
            return "SELECT true AS ok"
        if found := _COUNT.fullmatch(query):
            return f"SELECT NULL::BOOLEAN FROM main.{found[1]}" if found[1] in self._columns else None
        if found := _ALL.fullmatch(query):
            return f"FROM main.{found[1]}" if found[1] in self._columns else None
        if found := _COLUMNS.fullmatch(query):
            return self._some(found[2], [int(number[1:]) for number in found[1].split(", ")])
        if self._checker is None or self._checker.refused(query) is not None:
            return None
        return query

    def _some(self, view: str, numbers: list[int]) -> str | None:
        names = self._columns.get(view)
        if names is None or max(numbers) > len(names):
            return None
        return f"SELECT {', '.join(_quoted(names[number - 1]) for number in numbers)} FROM main.{view}"

    def _owner(self, token: str) -> str | None:
        held = tokens.holder(self._desk, token, self._clock())
        return held[0].name if held is not None and "sql" in held[1] else None


def _call_back(con: Connection, setting: str, function: Callable[..., Any], takes: int, gives: DuckDBPyType) -> None:
    name = f"analysts_{secrets.token_hex(8)}"  # an open database keeps the one of an earlier door
    kinds: list[Any] = [VARCHAR] * takes
    special = FunctionNullHandling.SPECIAL
    con.create_function(name, function, kinds, gives, null_handling=special, side_effects=True)
    con.execute(f"SET GLOBAL {setting} = '{name}'")


def _columns(con: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {view: [] for view in VIEWS}
    for view, name in con.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND table_name IN "
        "(SELECT unnest(?)) ORDER BY table_name, column_index",
        [list(VIEWS)],
    ).fetchall():
        found[view].append(name)
    return found


def _catalog_of(con: Connection) -> str:
    """What answers a client that asks for all tables: the analysts' views, told as tables."""
    types = con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
    ).fetchall()
    rows = []
    for view in VIEWS:
        columns = ", ".join(f"{_quoted(name)} {kind}" for of, name, kind in types if of == view)
        rows.append(f"('main', 'CREATE TABLE {view}({columns});', 'table')")
    return f"SELECT schema_name, sql, kind FROM (VALUES {', '.join(rows)}) AS t(schema_name, sql, kind)"


def _relations(con: Connection) -> list[str]:
    found = con.execute("SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views()").fetchall()
    return [name for (name,) in found]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
