"""One connection to an IMAP server, in a thread of its own, and what its failures mean. RFC 3501, RFC 5530.

imapclient blocks. Whoever waits for it may be cancelled at any moment: the socket is then shut, which wakes the thread.
"""

from __future__ import annotations

import asyncio
import imaplib
import logging
import os
import re
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Final, TypeVar

from imapclient import IMAPClient, SocketTimeout

from connectors.errors import AuthError, ConnectorError, ThrottledError, TransientError
from connectors.session import Pacing
from connectors.wording import worded

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.imap.settings import Settings
    from connectors.imap.token import AccessTokens

# It logs whole conversations at DEBUG: texts, and a token as it is sent.
logging.getLogger("imapclient").setLevel(logging.CRITICAL)

CONNECT_WITHIN = 15.0  # seconds, also for the greeting
ANSWER_WITHIN = 45.0  # seconds between two pieces of an answer; half-open connections are found by it
UNTOLD_WAIT: Final = 60.0  # seconds, where a server says that it is too much but not for how long
IDENTITY: Final = {"name": "inquiry-aggregator", "version": "0.1.0", "vendor": "inquiry-aggregator"}

_CODE: Final = re.compile(r"\[([A-Z][A-Z-]+)[^\]]*\]")
_BACK_OFF: Final = re.compile(r"Suggested Backoff Time: (\d{1,9}) milliseconds", re.IGNORECASE)
_BUSY: Final = re.compile(r"too many|try again|temporar|throttl|rate limit|\bbusy\b|unavailable", re.IGNORECASE)
_WRONG: Final = re.compile(r"password|credential", re.IGNORECASE)
_FOR_NOW: Final = frozenset({"UNAVAILABLE", "INUSE", "SERVERBUG", "OVERQUOTA", "CONTACTADMIN"})
_TOO_MUCH: Final = frozenset({"LIMIT", "THROTTLED"})

T = TypeVar("T")


class RefusedError(TransientError):
    """NO or BAD to one command; the connection is good. The server's words are left out: they may quote a mail.

    `code`: what it says to programs (RFC 5530), such as NONEXISTENT; "": nothing.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Connection:
    """Opened by the first command, and opened again by the next one after a failure.

    `tokens`: where the server takes no password; other connections may use them, too.
    """

    def __init__(self, source: str, settings: Settings, pacing: Pacing | None, tokens: AccessTokens | None) -> None:
        self._source = source
        self._settings = settings
        self._pacing = pacing or Pacing()
        self._tokens = tokens
        self._credential = tokens.credential if tokens else str(settings.password)
        self._secret = ""
        self._client: IMAPClient | None = None
        self._entering: IMAPClient | None = None  # connected, but not logged in
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"imap-{source}")

    @property
    def is_open(self) -> bool:
        return self._client is not None

    async def run(self, work: Callable[[IMAPClient], T]) -> T:
        """What `work` returns, which is called in the thread with a connection that is logged in.

        Raises:
            RefusedError: the server said NO or BAD; everything else ends the connection.
            ConnectorError: one of errors.py.
        """
        await self._pacing.turn(self._key, None)  # who was told to wait waits with all its sources
        was_good = self._client is None and self._tokens is not None and self._tokens.is_good
        try:
            return await self._attempted(work)
        except AuthError:
            if not was_good:
                raise
        return await self._attempted(work)  # a token was withdrawn before its time: with the next one

    async def _attempted(self, work: Callable[[IMAPClient], T]) -> T:
        if self._client is None:
            self._secret = await self.secret()
        left = Event()
        doing = asyncio.get_running_loop().run_in_executor(self._thread, self._work, work, left)
        try:
            outcome = await asyncio.shield(doing)
        except asyncio.CancelledError:
            left.set()
            self._wake()
            raise
        # Raised out here, not in the thread: an exception keeps the one beside which it was raised, with its words.
        if isinstance(outcome, ConnectorError):
            self._note(outcome)
            raise outcome
        return outcome

    async def secret(self) -> str:
        if self._tokens:
            return await self._tokens.current()
        assert self._settings.password is not None
        return self._settings.password.reveal()

    def expiry(self, now: datetime) -> str | None:
        """What to do about access that ends soon."""
        return self._tokens.expiry(now) if self._tokens else None

    def _note(self, problem: ConnectorError) -> None:
        if isinstance(problem, ThrottledError):
            self._pacing.block(self._key, problem.retry_after - 1)
        if isinstance(problem, AuthError) and self._tokens:
            self._tokens.forget()

    @property
    def _key(self) -> str:
        return f"{self._settings.host} {self._credential}"

    async def drop(self) -> None:
        """End it as it is; the next command opens another one."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)

    async def close(self) -> None:
        """Say goodbye where the server answers at once; else just go."""
        if self._client is not None:
            with suppress(TimeoutError, ConnectorError):
                async with asyncio.timeout(2):
                    await self.run(lambda client: client.logout())
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=False)

    def _work(self, work: Callable[[IMAPClient], T], left: Event) -> T | ConnectorError:
        """In the thread. `left`: nobody waits for the outcome any more, and the socket may be shut."""
        try:
            if self._client is None:
                self._client = self._logged_in()
            outcome: T | ConnectorError = work(self._client)
        except Exception as error:  # the library raises whatever a garbled answer makes it stumble over
            outcome = self._problem(error)
        if left.is_set() or (isinstance(outcome, ConnectorError) and not isinstance(outcome, RefusedError)):
            self._drop()
        return outcome

    def _wake(self) -> None:
        """Shut the connection under the thread that reads from it."""
        if (client := self._client or self._entering) is not None:
            # By a second handle: the first may be in the middle of TLS.
            with (
                suppress(OSError, AttributeError),
                socket.socket(fileno=os.dup(client.socket().fileno())) as handle,
            ):
                handle.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, AttributeError):
                client.shutdown()

    # Logging in

    def _logged_in(self) -> IMAPClient:
        settings = self._settings
        client = IMAPClient(
            settings.host,
            port=settings.port,
            ssl=settings.security == "tls",
            ssl_context=self._tls(),
            timeout=SocketTimeout(CONNECT_WITHIN, ANSWER_WITHIN),
        )
        self._entering = client
        try:
            client.normalise_times = False
            if settings.security == "starttls":
                self._encrypt(client)
            self._log_in(client)
            # 163, 126 and 188 mail open no mailbox for whom they do not know.
            if client.has_capability("ID"):
                with suppress(imaplib.IMAP4.error):
                    client.id_(IDENTITY)
            if client.has_capability("CONDSTORE") and client.has_capability("ENABLE"):
                with suppress(imaplib.IMAP4.error):
                    client.enable("CONDSTORE")
        except BaseException:
            with suppress(OSError):
                client.shutdown()
            raise
        finally:
            self._entering = None
        return client

    def _encrypt(self, client: IMAPClient) -> None:
        if not client.has_capability("STARTTLS"):
            raise TransientError(
                f"{self._source}: {self._settings.host} offers no STARTTLS on this port; the password was not sent. Is "
                "`security: tls` (port 993) meant?"
            )
        client.starttls(self._tls())

    def _log_in(self, client: IMAPClient) -> None:
        settings = self._settings
        try:
            if settings.oauth2:
                client.oauth2_login(settings.user, self._secret)
            else:
                client.login(settings.user, self._secret)
        except imaplib.IMAP4.error as error:
            if isinstance(error.__context__, imaplib.IMAP4.abort):  # the library takes both for a refusal
                raise error.__context__ from None
            words = str(error)
            # QQ Mail names every possible cause at once. Trying a wrong password again and again locks the account.
            told = None if _WRONG.search(words) and not _CODE.search(words) else self._told(words)
            refused = told or self._refused_login()
        except UnicodeError:
            refused = self._refused_login()
        else:
            return
        raise refused

    def _refused_login(self) -> AuthError:
        settings = self._settings
        what = worded(
            "Give the program access to the mailbox"
            if settings.oauth2
            else "Set the app password (授权码), not the web's"
        )
        return AuthError(
            f"{self._source}: {settings.host} refused the login with {self._credential}. {what}, and see that IMAP is "
            "switched on for it."
        )

    def _tls(self) -> ssl.SSLContext | None:
        if self._settings.security == "none":
            return None
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except (OSError, ValueError):  # with ssl.SSLError, which is an OSError
            raise AuthError(f"{self._source}: {self._settings.ca_file} holds no certificates (`ca_file`).") from None

    # What failures mean

    def _problem(self, error: Exception) -> ConnectorError:
        host = self._settings.host
        match error:
            case ConnectorError():
                return error
            case ssl.SSLCertVerificationError():
                return TransientError(
                    f"{self._source}: the certificate of {host} is not to be trusted. Is `host` right? For a server "
                    "of your own, name its authority in `ca_file`."
                )
            case TimeoutError():
                return TransientError(f"{self._source}: {host} did not answer in time.")
            case imaplib.IMAP4.abort():
                return self._told(str(error)) or TransientError(f"{self._source}: {host} ended the connection.")
            case imaplib.IMAP4.error():
                refused = RefusedError(f"{self._source}: {host} refused a command.", _code(str(error)))
                return self._told(str(error)) or refused
            case OSError():
                return TransientError(f"{self._source}: {host} cannot be reached ({type(error).__name__}).")
            case _:
                return TransientError(f"{self._source}: {host} sent what cannot be read ({type(error).__name__}).")

    def _told(self, words: str) -> ConnectorError | None:
        """A failure that the server explained. None: it did not, or not in a way that we know."""
        host = self._settings.host
        code = _code(words)
        if asked := _BACK_OFF.search(words):
            seconds = int(asked[1]) / 1000
            return ThrottledError(f"{self._source}: {host} asks us to wait {seconds:.0f} s.", seconds + 1)
        if "unsafe login" in words.lower():
            return AuthError(
                f"{self._source}: {host} lets us log in but open no mailbox (Unsafe Login). Allow this program in "
                "the mailbox's web settings (IMAP, client authorisation)."
            )
        if code in _TOO_MUCH:
            return ThrottledError(f"{self._source}: {host} says that it is too much [{code}].", UNTOLD_WAIT)
        if code in _FOR_NOW or (code != "AUTHENTICATIONFAILED" and _BUSY.search(words)):
            return TransientError(f"{self._source}: {host} cannot serve us at the moment [{code or 'busy'}].")
        return None


def _code(words: str) -> str:
    return found[1] if (found := _CODE.search(words)) else ""
