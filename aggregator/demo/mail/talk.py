"""One client's connection: the commands of IMAP4rev1 that reading mail takes. RFC 3501, section 6."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Literal

from aggregator.demo.mail.boxes import Folder, Stored
from aggregator.demo.mail.looking import fetched, reads_body, search
from aggregator.demo.mail.wire import GarbledError, Words, from_utf7, in_set, listed, quoted, read_command, utf7, words

if TYPE_CHECKING:
    from aggregator.demo.mail import MailSimulator

Fault = Literal["500", "failure", "forbidden", "reset", "truncated", "timeout", "bye", "throttled", "garbled"]
State = Literal["new", "in", "selected"]

FLAGS: Final = (r"\Answered", r"\Deleted", r"\Draft", r"\Flagged", r"\Seen")
_BEFORE_LOGIN: Final = frozenset({"CAPABILITY", "NOOP", "LOGOUT", "ID", "LOGIN", "AUTHENTICATE", "STARTTLS"})
_IN_FOLDER: Final = frozenset({"SEARCH", "FETCH", "CLOSE", "UNSELECT", "IDLE"})


class RefusedError(Exception):
    """NO, with what the server says."""


class GoneError(Exception):
    """The connection ends here."""


class Talk:
    """From the greeting to the end. What is wrong is refused, as a server does: BAD for syntax and order, NO else."""

    def __init__(self, server: MailSimulator, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._state: State = "new"
        self._introduced = False
        self._folder: Folder | None = None
        self._writes = False
        self._view: list[tuple[Stored, frozenset[str]]] = []  # the mails and flags that the client knows of
        self._commands: dict[str, Callable[[str, Words], Awaitable[str | None]]] = {
            "CAPABILITY": self._capability,
            "NOOP": self._noop,
            "LOGOUT": self._logout,
            "ID": self._id,
            "LOGIN": self._login,
            "AUTHENTICATE": self._authenticate,
            "STARTTLS": self._starttls,
            "ENABLE": self._enable,
            "LIST": self._list,
            "SELECT": self._select,
            "EXAMINE": self._examine,
            "APPEND": self._append,
            "CLOSE": self._leave,
            "UNSELECT": self._leave,
            "IDLE": self._idle,
        }

    async def run(self) -> None:
        self._say(b"* OK [CAPABILITY " + self._abilities() + b"] Harbor mail is ready")
        try:
            while True:
                await self._writer.drain()
                try:
                    line = await read_command(self._reader, self._writer)
                except GarbledError:
                    self._say(b"* BAD what is that")
                    return
                if not line:
                    return
                await self._answer(line)
        except (GoneError, ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            await self._hang_up()

    async def _hang_up(self) -> None:
        try:
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self._writer.transport.abort()

    async def _answer(self, line: bytes) -> None:
        tag, _, rest = line.partition(b" ")
        name, _, arguments = rest.partition(b" ")
        command = name.decode("ascii", "replace").upper()
        self._server.commands.append(command if command != "UID" else rest.decode("ascii", "replace"))
        try:
            given = words(arguments)
            by_uid = command == "UID"
            if by_uid:
                command, given = str(given[0]).upper() if given else "", given[1:]
            await self._suffer(command)
            done = await self._carried_out(command, given, by_uid)
        except GarbledError:
            self._say(tag + b" BAD what is that")
        except RefusedError as refused:
            self._say(tag + b" NO " + str(refused).encode())
        else:
            self._say(tag + b" OK " + (done or f"{command} done").encode())
            if command == "STARTTLS":
                await self._writer.start_tls(self._server.tls or ssl.create_default_context())
            if command == "LOGOUT":
                raise GoneError

    async def _carried_out(self, command: str, given: Words, by_uid: bool) -> str | None:
        if self._state == "new" and command not in _BEFORE_LOGIN:
            raise GarbledError
        if command in _IN_FOLDER and self._folder is None:
            raise GarbledError
        if by_uid and command == "FETCH":
            await self._fetch(given)
        elif by_uid and command == "SEARCH":
            self._search(given)
        elif by_uid or command not in self._commands:
            raise GarbledError
        else:
            return await self._commands[command](command, given)
        return None

    async def _suffer(self, command: str) -> None:
        """What was ordered to go wrong at this command."""
        faults = self._server.faults
        if not faults or faults[0][1] not in (None, command):
            return
        fault, only_at, wait, after = faults.popleft()
        if after:
            faults.appendleft((fault, only_at, wait, after - 1))
            return
        match fault:
            case "500":
                raise RefusedError("[UNAVAILABLE] Temporary failure")
            case "failure":  # as Gmail puts it
                raise RefusedError("System Error (Failure)")
            case "forbidden":
                raise RefusedError("[NOPERM] Permission denied")
            case "throttled":
                raise RefusedError(f"Request is throttled. Suggested Backoff Time: {wait * 1000} milliseconds")
            case "timeout":
                await self._reader.read()  # until the client has had enough
                raise GoneError
            case "reset":
                self._writer.transport.abort()
                raise GoneError
            case "bye":
                self._say(b"* BYE Server shutting down")
                raise GoneError
            case "garbled":
                self._say("* eins FETCH (UID zwölf FLAGS ((".encode("latin-1"))
            case "truncated":
                self._say(b"* 1 FETCH (UID 1 BODY[] {5000}\r\nSubject: this is not")
                raise GoneError

    # Any state

    def _abilities(self) -> bytes:
        can = [ability for ability in self._server.abilities if ability not in self._server.without]
        can += ["STARTTLS"] if self._server.tls and not self._writer.get_extra_info("sslcontext") else []
        return " ".join(["IMAP4rev1", *can]).encode()

    async def _capability(self, _command: str, _given: Words) -> None:
        self._say(b"* CAPABILITY " + self._abilities())

    async def _noop(self, _command: str, _given: Words) -> None:
        self._tell_changes()

    async def _logout(self, _command: str, _given: Words) -> None:
        self._say(b"* BYE see you")

    async def _id(self, _command: str, given: Words) -> None:
        if "ID" in self._server.without or len(given) != 1:
            raise GarbledError
        self._introduced = isinstance(given[0], list) and bool(given[0])
        self._say(b'* ID ("name" "harbor mail")')

    async def _starttls(self, _command: str, _given: Words) -> None:
        if self._server.tls is None:
            raise GarbledError

    async def _login(self, _command: str, given: Words) -> None:
        if self._state != "new" or len(given) != 2:
            raise GarbledError
        if self._server.wants_oauth:
            raise RefusedError("[AUTHENTICATIONFAILED] Basic authentication is disabled")
        self._let_in(given == [self._server.user, self._server.password] and self._server.credential_is_good)

    async def _authenticate(self, _command: str, given: Words) -> None:
        if self._state != "new" or not given or str(given[0]).upper() != "XOAUTH2":
            raise GarbledError
        right = f"user={self._server.user}\1auth=Bearer {self._server.access_token}\1\1".encode()
        good = await self._challenged(b"") == right and self._server.credential_is_good
        if not good:
            await self._challenged(json.dumps({"status": "400", "schemes": "Bearer"}).encode())
        self._let_in(good)

    async def _challenged(self, challenge: bytes) -> bytes:
        self._say(b"+ " + base64.b64encode(challenge))
        await self._writer.drain()
        try:
            return base64.b64decode(await self._reader.readline(), validate=False)
        except ValueError as error:
            raise GarbledError from error

    def _let_in(self, good: bool) -> None:
        if not good:
            raise RefusedError(self._server.refuses_login_with)
        self._state = "in"
        self._server.logins += 1

    async def _enable(self, _command: str, given: Words) -> None:
        if "ENABLE" in self._server.without:
            raise GarbledError
        self._say(b"* ENABLED " + " ".join(str(each) for each in given).encode())

    # Folders

    async def _list(self, _command: str, given: Words) -> None:
        if len(given) != 2:
            raise GarbledError
        for folder in self._server.folders.values():
            marks = [folder.mark] if folder.mark and "SPECIAL-USE" not in self._server.without else []
            line = b"* LIST " + listed([r"\HasNoChildren", *marks]) + b' "/" ' + quoted(utf7(folder.name).decode())
            self._say(line)

    async def _select(self, _command: str, given: Words) -> str:
        self._enter(given, writes=True)
        return "[READ-WRITE] done"

    async def _examine(self, _command: str, given: Words) -> str:
        self._enter(given, writes=False)
        return "[READ-ONLY] done"

    def _enter(self, given: Words, writes: bool) -> None:
        if len(given) != 1:
            raise GarbledError
        self._folder = None
        if self._server.demands_id and not self._introduced:
            raise RefusedError("EXAMINE Unsafe Login. Please contact the service desk for help")
        name = from_utf7(str(given[0]))
        folder = self._server.folders.get("INBOX" if name.upper() == "INBOX" else name)
        if folder is None:
            raise RefusedError("[NONEXISTENT] there is no such folder")
        self._folder, self._writes, self._state = folder, writes, "selected"
        self._view = [(stored, frozenset(stored.flags)) for stored in folder.mails]
        self._say(b"* FLAGS " + listed(FLAGS))
        self._say(b"* %d EXISTS" % len(self._view))
        self._say(b"* 0 RECENT")
        self._say(b"* OK [UIDVALIDITY %d] as long as it lasts" % folder.validity)
        if "UIDNEXT" not in self._server.without:
            self._say(b"* OK [UIDNEXT %d] is next" % folder.next_uid)
        if "CONDSTORE" not in self._server.without:
            self._say(b"* OK [HIGHESTMODSEQ %d] is highest" % folder.modseq)

    async def _append(self, _command: str, given: Words) -> None:
        if len(given) < 2 or isinstance(given[0], list) or isinstance(given[-1], list):
            raise GarbledError
        name, raw = from_utf7(given[0]), given[-1]
        if name not in self._server.folders:
            raise RefusedError("[TRYCREATE] there is no such folder")
        flags = next((each for each in given[1:-1] if isinstance(each, list)), [])
        self._server.keeps(raw.encode(), {str(flag) for flag in flags}, name)

    async def _leave(self, _command: str, _given: Words) -> None:
        self._folder, self._state = None, "in"

    # Mails

    def _search(self, given: Words) -> None:
        assert self._folder is not None
        if "CONDSTORE" in self._server.without and "MODSEQ" in given:
            raise GarbledError
        for criterion in self._server.refuses_search.keys() & {str(each).upper() for each in given}:
            if said := self._server.refuses_search[criterion]:
                raise RefusedError(said)
            raise GarbledError
        self._tell_changes()
        found = [stored.uid for stored in search(self._folder, given, self._server.ignores_search)]
        self._say(b" ".join([b"* SEARCH", *(b"%d" % uid for uid in found)]))

    async def _fetch(self, given: Words) -> None:
        folder = self._folder
        assert folder is not None
        if len(given) != 2 or isinstance(given[0], list):
            raise GarbledError
        items: Words = given[1] if isinstance(given[1], list) else [given[1]]
        self._tell_changes()
        wanted = in_set(given[0], [stored.uid for stored in folder.mails])
        for number, stored in enumerate(list(folder.mails), 1):
            if stored.uid in wanted:
                self._tell_mail(folder, number, stored, items)
                await self._writer.drain()

    def _tell_mail(self, folder: Folder, number: int, stored: Stored, items: Words) -> None:
        reading = any(str(item).upper().startswith("BODY") for item in items)
        if stored.sick and reading:
            raise RefusedError("this mail cannot be read")
        if self._writes and reads_body(items):
            folder.mark_mail(stored, r"\Seen")
        self._say(b"* %d FETCH (" % number + b" ".join(fetched(stored, items)) + b")")

    async def _idle(self, _command: str, given: Words) -> None:
        folder = self._folder
        if given or "IDLE" in self._server.without or self._server.refuses_idle or folder is None:
            raise GarbledError
        self._say(b"+ idling")
        await self._writer.drain()
        self._server.somebody_idles.set()
        self._server.nobody_idles.clear()
        line = asyncio.create_task(self._reader.readline())
        try:
            if self._server.calls_in_pieces:
                await folder.changed.wait()
                self._writer.write(b"* OK Still ")
                await self._writer.drain()
                await asyncio.wait({line})
                self._say(b"here")
                self._tell_changes()
            while not line.done():
                change = asyncio.create_task(folder.changed.wait())
                self._tell_changes()
                await self._writer.drain()
                await asyncio.wait({line, change}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
            if (await line).strip().upper() != b"DONE":
                raise GarbledError
        finally:
            self._server.somebody_idles.clear()
            self._server.nobody_idles.set()
            line.cancel()

    def _tell_changes(self) -> None:
        """What happened to the folder since the client last heard of it."""
        if self._folder is None:
            return
        there = {id(stored) for stored in self._folder.mails}
        for number in range(len(self._view), 0, -1):
            if id(self._view[number - 1][0]) not in there:
                self._say(b"* %d EXPUNGE" % number)
                del self._view[number - 1]
        known = len(self._view)
        self._view += [(stored, frozenset(stored.flags)) for stored in self._folder.mails[known:]]
        if len(self._view) > known:
            self._say(b"* %d EXISTS" % len(self._view))
        for number, (stored, flags) in enumerate(self._view, 1):
            if flags != stored.flags:
                self._say(b"* %d FETCH (UID %d FLAGS " % (number, stored.uid) + listed(stored.flags) + b")")
                self._view[number - 1] = (stored, frozenset(stored.flags))

    def _say(self, line: bytes) -> None:
        self._writer.write(line + b"\r\n")
