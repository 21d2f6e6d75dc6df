"""IMAP servers that nobody here wrote, each run in a folder of its own on a port of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imapclient import IMAPClient

from tests.ports import free_port

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
STARTS_WITHIN = 30.0  # seconds

_DOVECOT_CONF = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  mailbox Spam {{
    auto = create
    special_use = \\Junk
  }}
  mailbox Gesendet {{
    auto = create
    special_use = \\Sent
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Server:
    """A running server, and whom it lets in."""

    name: str
    port: int
    user: str
    password: str

    @contextmanager
    def hand(self) -> Iterator[IMAPClient]:
        """A colleague's mail program, logged in."""
        with IMAPClient("127.0.0.1", port=self.port, ssl=False, timeout=30) as client:
            client.login(self.user, self.password)
            yield client

    def deliver(self, raw: bytes, at: datetime, folder: str = "INBOX", flags: tuple[str, ...] = ()) -> None:
        with self.hand() as client:
            client.append(folder, raw, flags, at)


@contextmanager
def pymap(folder: Path) -> Iterator[Server]:
    """https://github.com/icgood/pymap, with a mailbox in memory that begins with a few mails of 2010."""
    port = free_port()
    server = Server("pymap", port, "harbor", "pymap-password")
    command = [str(Path(sys.executable).parent / "pymap"), "--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    command += ["dict", "--demo-user", server.user, "--demo-password", server.password]
    with _running(command, folder, port):
        yield server


@contextmanager
def dovecot(folder: Path) -> Iterator[Server]:
    """https://doc.dovecot.org/2.3/, as the user who runs the tests, or as `nobody` for root."""
    assert DOVECOT is not None
    port = free_port()
    server = Server("dovecot", port, "harbor", "dovecot-password")
    me = pwd.getpwuid(os.getuid())
    account = pwd.getpwnam("nobody") if me.pw_uid == 0 else me
    (folder / "mail").mkdir()
    os.chown(folder / "mail", account.pw_uid, account.pw_gid)
    for parent in (folder, *folder.parents):  # pytest's folders are closed to others
        if parent.owner() == me.pw_name and me.pw_uid == 0 and len(parent.parts) > 2:
            parent.chmod(parent.stat().st_mode | 0o011)
    group = subprocess.run(["id", "-gn", account.pw_name], capture_output=True, text=True, check=True).stdout.strip()
    written = _DOVECOT_CONF.format(
        folder=folder, user=account.pw_name, group=group, password=server.password, port=port
    )
    (folder / "dovecot.conf").write_text(written)
    with _running([DOVECOT, "-F", "-c", str(folder / "dovecot.conf")], folder, port):
        yield server


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "output").open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_for(port, process, folder)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "output").read_text()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                if connection.recv(4) == b"* OK":
                    return
        except OSError:
            time.sleep(0.02)  # until the process listens; it has no other way to tell
    raise AssertionError(f"it did not start: {(folder / 'output').read_text()}")
