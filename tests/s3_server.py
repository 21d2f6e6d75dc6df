"""A real S3 API for tests: moto as a process of its own, which checks keys and signatures, behind a wire to be cut."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
import orjson
import pytest

from aggregator.store import extensions

BUCKET = "desk"
_RESET = struct.pack("ii", 1, 0)


class Wire:
    """Carries connections to a port of this machine, or to a socket in its file system. Cut, it resets them all, those
    that come meanwhile as well."""

    def __init__(self, to: int | str, address: str = "127.0.0.1") -> None:
        self._to = to
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._whole, self._left, self._mends_after = True, -1, -1
        self.resets = 0
        """Connections that came in vain."""
        self._door = socket.create_server((address, 0))
        self.port = self._door.getsockname()[1]
        self.endpoint = f"{address}:{self.port}"
        self._accepting = threading.Thread(target=self._accept, name="wire")
        self._accepting.start()

    def cut(self, *, after: int = 0, mends_after: int = -1) -> None:
        """Now, or when so many more connections have been made; until `mend`, or until so many have been reset."""
        with self._guard:
            self._left, self._mends_after = after, mends_after
            if not after:
                self._cut()

    def mend(self) -> None:
        with self._guard:
            self._whole, self._left = True, -1

    @property
    def whole(self) -> bool:
        return self._whole

    def close(self) -> None:
        self.cut()
        self._door.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._door.close()

    def _cut(self) -> None:
        self._whole = False
        for end in self._open:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _reached(self) -> socket.socket:
        if isinstance(self._to, int):
            return socket.create_connection(("127.0.0.1", self._to))
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._to)
        return far

    def _carry(self, near: socket.socket) -> None:
        with near, suppress(OSError), self._reached() as far:
            with self._guard:
                if self._left == 0 and self._whole:
                    self._cut()
                self._left -= 1
                if not self._whole:
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    self.resets += 1
                    self._mends_after -= 1
                    if self._mends_after == 0:
                        self._whole = True
                    return
                self._open |= {near, far}
            try:
                while self._whole:
                    for end in select.select([near, far], [], [])[0]:
                        said = end.recv(1 << 16)
                        if not said:
                            return  # the server ends each answer so
                        (far if end is near else near).sendall(said)
            finally:
                with self._guard:
                    self._open -= {near, far}


class S3Server:
    """One server with one bucket. `endpoint` leads through the wire."""

    def __init__(self, port: int, key_id: str, secret: str) -> None:
        self.wire = Wire(port)
        self.endpoint = self.wire.endpoint
        self.keys = {"TEST_S3_KEY_ID": key_id, "TEST_S3_SECRET": secret}
        """To be set in the environment."""
        self._beside = duckdb.connect(config={"autoinstall_known_extensions": False})
        extensions.load(self._beside, ["httpfs"])
        self._beside.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{key_id}', SECRET '{secret}', REGION 'us-east-1', USE_SSL false, "
            f"ENDPOINT '127.0.0.1:{port}', URL_STYLE 'path')"
        )

    def place(self, prefix: str, **more: object) -> dict[str, Any]:
        """For `lake`: where the files are, and how they are reached."""
        s3 = {"key_id": {"env": "TEST_S3_KEY_ID"}, "secret": {"env": "TEST_S3_SECRET"}, "tls": False}
        return {"files": f"s3://{BUCKET}/{prefix}", "s3": {**s3, "endpoint": self.endpoint, **more}}

    def files(self, prefix: str) -> list[str]:
        """The names of all that is there, whatever became of the wire."""
        return [name for (name,) in self.sql(f"SELECT file FROM glob('s3://{BUCKET}/{prefix}/**') ORDER BY ALL")]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """What DuckDB answers that reaches the server beside the wire."""
        return self._beside.execute(statement).fetchall()

    def close(self) -> None:
        self.wire.close()
        self._beside.close()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    serving = subprocess.Popen(
        [sys.executable, "-c", "from tests.s3_serving import main; main()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert serving.stdout is not None
    try:
        server = S3Server(**orjson.loads(serving.stdout.readline()))
        try:
            yield server
        finally:
            server.close()
    finally:
        serving.kill()
        serving.wait()
        serving.stdout.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.keys.items():
            patch.setenv(name, value)
        yield server
        server.wire.mend()
