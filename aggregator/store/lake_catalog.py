"""How a lake's catalog in PostgreSQL is reached, and the lock in it by which one process writes at a time."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from aggregator.config.lake_settings import LakeSettings
from aggregator.store import extensions, lake_files
from aggregator.store.database import Connection
from aggregator.store.lake_files import quoted
from connectors.errors import ConfigError

EXTENSIONS = ("ducklake", "postgres_scanner")
WRITER = 0x494E51  # the number of the lock that the one who writes holds
# PostgreSQL lets go of a lock whose holder is cut off (25 s) or stands still in a transaction (5 min).
_SESSION = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=25000 "
    "-c idle_in_transaction_session_timeout=300000"
)
# Whoever is cut off waits for an answer no longer than that, either (where the settings say nothing else).
_PATIENCE = "keepalives_idle=10 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=25000"
_PASSES = re.compile(
    r"conflict|serializ|could not connect|unable to connect|connection|server closed|terminat|timed? ?out|"
    r"starting up|shutting down|could not establish|HTTP|IO Error",
    re.IGNORECASE,
)
# DuckDB calls it a mistake in the statement if PostgreSQL goes away while it looks up what the statement names. And
# DuckLake passes over some errors of its own transaction in PostgreSQL: the next statement finds that one aborted.
_CUT_OFF = re.compile(
    r"server closed the connection|terminating connection|connection to server|Unable to connect|"
    r"could not (?:receive|send) data|[Cc]onnection (?:timed out|reset|refused)|[Tt]ransaction is aborted"
)
# PostgreSQL says why it refuses something. Where no reason stands behind the statement, libpq had no answer at all:
# it knew by then that the connection is gone.
_NO_ANSWER = re.compile(r"Failed to (?:execute|prepare)[\s\S]*\": *$")
# After an error of its own DuckDB refuses every further statement on that database: only a new one helps. DuckLake 1.0
# makes such an error of rows in the catalog that it cannot read (duckdb/ducklake#1469).
SPOILT = (duckdb.InternalException, duckdb.FatalException)


def require_lake(settings: LakeSettings) -> None:
    """Raises ConfigError: the extra [lake] is not installed."""
    if extensions.missing(_needed(settings)):
        raise ConfigError(
            "lake: this needs the extra [lake], which is not installed. "
            f"Do: {sys.executable} -m pip install 'inquiry-aggregator[lake]'"
        )


def connected(settings: LakeSettings) -> Connection:
    con = duckdb.connect(
        ":memory:",
        config={
            "threads": max(1, (os.cpu_count() or 2) // 2),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    extensions.load(con, _needed(settings))
    return con


def _needed(settings: LakeSettings) -> tuple[str, ...]:
    return (*EXTENSIONS, "httpfs") if settings.s3 else EXTENSIONS


def reached(settings: LakeSettings, *, session: str = "") -> str:
    """How PostgreSQL is reached. `session`: further options of the connection."""
    return f"{_PATIENCE} {settings.dsn} connect_timeout=5 options={quoted(_SESSION + session)}"


@contextmanager
def locked(con: Connection) -> Iterator[None]:
    """While no other process of ours writes: waits for the lock, and holds it by a transaction of its own."""
    gate = con.cursor()
    try:
        gate.execute("BEGIN")
        gate.execute("FROM postgres_query('catalog', ?)", [f"SELECT pg_advisory_xact_lock({WRITER})::text"]).fetchall()
        yield
    finally:
        let_go(gate)


def cut_off(con: Connection, settings: LakeSettings, name: str) -> None:
    """End the connections of that name. A database that is spoilt does nothing any more with its own, and what it has
    open in PostgreSQL, our lock above all, would be open until it has stood still for too long."""
    con.execute(f"ATTACH {quoted(reached(settings))} AS cutting (TYPE postgres)")
    con.execute(
        "FROM postgres_query('cutting', ?)",
        [
            "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity "
            f"WHERE application_name = {quoted(name)} AND datname = current_database()"
        ],
    ).fetchall()
    con.execute("DETACH cutting")


def roll_back(con: Connection) -> bool:
    """End its transaction, if there is one. False: that was refused, and it must not be closed, ever.

    Closing it would roll back as well, in a destructor of C++. If PostgreSQL is away, what that throws cannot be
    caught: the process is aborted. So nobody may be the last one to know of it, not even the interpreter as it ends.
    """
    try:
        con.execute("ROLLBACK")
    except SPOILT:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(con))
        return False
    except duckdb.Error:
        pass  # there was none, or it has ended without an answer
    return True


def let_go(con: Connection) -> None:
    """Close it, with the transaction that it may be in."""
    if roll_back(con):
        con.close()


def passes(error: BaseException) -> bool:
    """Whether it is worth another attempt: somebody else wrote at this moment, or something is out of reach."""
    if lake_files.is_refused(error):
        return False
    if isinstance(error, SPOILT):
        return True
    if isinstance(error, duckdb.ProgrammingError | duckdb.NotSupportedError):
        return bool(_CUT_OFF.search(str(error)))
    text = str(error)
    return isinstance(error, duckdb.Error) and any(sign.search(text) for sign in (_PASSES, _CUT_OFF, _NO_ANSWER))
