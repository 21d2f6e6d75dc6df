"""Hosts for processes of a test, each of which can be cut off from the others: network namespaces with a cable to one
switch where this machine allows that (root, and `ip` of iproute2), else loopback, through wires that can be cut.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.s3_server import Wire

_NUMBERS = count(2)


class Loopback:
    """A host that is none: what it reaches, it reaches through wires of its own."""

    kind = "loopback ports"

    def __init__(self) -> None:
        self.address = "127.0.0.1"
        self.within: tuple[str, ...] = ()
        self._wires: list[Wire] = []

    def reach(self, to: int | str) -> tuple[str, int]:
        """Where this host finds a port of this machine, or a socket in its file system."""
        self._wires.append(wire := Wire(to))
        return self.address, wire.port

    def cut(self) -> None:
        for wire in self._wires:
            wire.cut()

    def mend(self) -> None:
        for wire in self._wires:
            wire.mend()

    def end(self) -> None:
        for wire in self._wires:
            wire.close()


class Namespace:
    """A network namespace, whose cable is pulled: packets go nowhere, and nobody is told."""

    kind = "network namespaces"

    def __init__(self, switch: str, number: int) -> None:
        self.name = f"{switch}h{number}"
        net = _net(switch)
        self.address = f"{net}.{number}"
        self.within = ("ip", "netns", "exec", self.name)
        self._switch = switch
        _ip("netns", "add", self.name)
        _ip("link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("link", "set", self.name, "master", switch, "up")
        _ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", self.name, "link", "set", "eth0", "up")
        _ip("-n", self.name, "link", "set", "lo", "up")

    def cut(self) -> None:
        _ip("link", "set", self.name, "nomaster")

    def mend(self) -> None:
        _ip("link", "set", self.name, "master", self._switch)

    def end(self) -> None:
        _ip("netns", "delete", self.name)


Host = Loopback | Namespace


class Hosts:
    """Make hosts with `host`. `address`: of this machine, as they see it."""

    def __init__(self, switch: str | None) -> None:
        self._switch = switch
        self.address = f"{_net(switch)}.1" if switch else "127.0.0.1"
        self.kind = Namespace.kind if switch else Loopback.kind
        self.hosts: list[Host] = []

    def host(self) -> Host:
        host = Namespace(self._switch, next(_NUMBERS)) if self._switch else Loopback()
        self.hosts.append(host)
        return host


@contextmanager
def hosts() -> Iterator[Hosts]:
    switch = f"dk{os.getpid()}" if _may_have_namespaces() else None
    if switch:
        _ip("link", "add", switch, "type", "bridge")
    made = Hosts(switch)
    try:
        if switch:
            _ip("addr", "add", f"{made.address}/24", "dev", switch)
            _ip("link", "set", switch, "up")
        yield made
    finally:
        for host in made.hosts:
            host.end()
        if switch:
            _ip("link", "delete", switch)


def _net(switch: str) -> str:
    number = int(switch.removeprefix("dk"))
    return f"10.{200 + number // 250 % 50}.{number % 250}"


def _may_have_namespaces() -> bool:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    probe = f"dk{os.getpid()}p"
    made = [_tried("netns", "add", probe), _tried("link", "add", probe, "type", "bridge")]
    _tried("link", "delete", probe)
    _tried("netns", "delete", probe)
    return all(made) and Path("/run/netns").is_dir()


def _tried(*words: str) -> bool:
    return subprocess.run(["ip", *words], capture_output=True, check=False).returncode == 0


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr.decode())
