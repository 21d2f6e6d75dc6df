"""Handing a mail to the server that sends it. RFC 5321, RFC 6409 (submission), RFC 4954 (AUTH), RFC 3463 (codes).

Until the mail's last line is on its way, whatever fails has sent nothing; from then on only the server's answer tells.
"""

from __future__ import annotations

import asyncio
import base64
import re
import smtplib
import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import (
    AuthError,
    ConnectorError,
    NotSentError,
    ReplyRefusedError,
    ThrottledError,
    TransientError,
)
from connectors.secret import Secret

if TYPE_CHECKING:
    from connectors.imap.letter import Letter
    from connectors.replying import Why

ANSWER_WITHIN: Final = 30.0  # seconds for each step
GREYLISTED: Final = 300.0  # seconds before a server that says "later" is asked again
MOST_SAID: Final = 300

Step = Literal["from", "to", "mail"]


class Smtp(BaseModel):
    """The server that sends our answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="The server that sends mail.")
    port: int = Field(default=465, ge=1, le=65535, description="465 with TLS, 587 with STARTTLS.")
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="none: only to a server on this machine."
    )
    user: str | None = Field(default=None, min_length=1, description="The account's name there, if it is another one.")
    password: Secret | None = Field(default=None, description="Its password, if it is another one.")
    address: str | None = Field(
        default=None, pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="From which address; else from the account's."
    )
    name: str = Field(default="", max_length=100, pattern=r"^[^\r\n]*$", description="The name beside that address.")
    keeps_copy: bool = Field(
        default=False, description="true: the server itself puts a copy into Sent, as Gmail and Microsoft 365 do."
    )


class Mailer:
    """One mail at a time, each over a connection of its own, in a thread."""

    def __init__(self, source: str, smtp: Smtp, ca_file: Path | None, credential: str) -> None:
        self._source = source
        self._smtp = smtp
        self._ca_file = ca_file
        self._credential = credential

    async def send(self, letter: Letter, user: str, secret: str, *, is_token: bool) -> str:
        """What the server said as it took the mail. Raises as `Replying.reply`."""
        outcome = await asyncio.to_thread(self._sent, letter, user, secret, is_token)
        # Raised out here, not in the thread: an exception keeps the one beside which it was raised, with its words.
        if isinstance(outcome, ConnectorError):
            raise outcome
        return outcome

    async def is_let_in(self, user: str, secret: str, *, is_token: bool) -> None:
        """Log in, and send nothing. Raises as `Replying.reply`."""
        outcome = await asyncio.to_thread(self._entered, user, secret, is_token)
        if outcome is not None:
            raise outcome

    def _entered(self, user: str, secret: str, is_token: bool) -> ConnectorError | None:
        server: smtplib.SMTP | None = None
        try:
            server = self._connected(user.rpartition("@")[2] or "localhost")
            self._log_in(server, user, secret, is_token)
        except ConnectorError as error:
            return error
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            return NotSentError(f"{self._source}: {self._smtp.host} cannot be reached ({type(error).__name__}).")
        finally:
            if server is not None:
                server.close()
        return None

    def _sent(self, letter: Letter, user: str, secret: str, is_token: bool) -> ConnectorError | str:
        server: smtplib.SMTP | None = None
        try:
            try:
                server = self._connected(letter.sender.rpartition("@")[2])
                self._log_in(server, user, secret, is_token)
                self._address(server, letter)
            except ConnectorError as error:
                return error
            except (smtplib.SMTPException, OSError, UnicodeError) as error:
                return NotSentError(f"{self._source}: {self._smtp.host} cannot be reached ({type(error).__name__}).")
            try:
                server.send(_on_the_wire(letter.raw))
                code, said = server.getreply()
            except (smtplib.SMTPException, OSError) as error:
                return TransientError(
                    f"{self._source}: {self._smtp.host} did not say whether it took the mail ({type(error).__name__})."
                )
            return self._refusal("mail", code, said) or said.decode("utf-8", "replace")[:MOST_SAID]
        finally:
            if server is not None:
                with suppress(smtplib.SMTPException, OSError):
                    server.docmd("QUIT")
                server.close()

    def _connected(self, domain: str) -> smtplib.SMTP:
        smtp = self._smtp
        if smtp.security == "tls":
            return smtplib.SMTP_SSL(
                smtp.host, smtp.port, local_hostname=domain, timeout=ANSWER_WITHIN, context=self._tls()
            )
        server = smtplib.SMTP(smtp.host, smtp.port, local_hostname=domain, timeout=ANSWER_WITHIN)
        server.ehlo()
        if smtp.security == "starttls":
            if not server.has_extn("starttls"):
                server.close()
                raise NotSentError(
                    f"{self._source}: {smtp.host} offers no STARTTLS on this port; the password was not sent. Is "
                    "`security: tls` (port 465) meant?"
                )
            server.starttls(context=self._tls())
        return server

    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except (OSError, ValueError):
            raise AuthError(f"{self._source}: {self._ca_file} holds no certificates (`ca_file`).") from None

    def _log_in(self, server: smtplib.SMTP, user: str, secret: str, is_token: bool) -> None:
        server.ehlo_or_helo_if_needed()
        if is_token:
            proof = base64.b64encode(f"user={user}\1auth=Bearer {secret}\1\1".encode()).decode()
            code, said = server.docmd("AUTH", f"XOAUTH2 {proof}")
            if code == 334:  # it says why in its own way, and waits for an empty line
                code, said = server.docmd("")
            self._let_in(code, said)
            return
        try:
            server.login(user, secret)
        except smtplib.SMTPAuthenticationError as error:
            self._let_in(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:
            raise AuthError(
                f"{self._source}: {self._smtp.host} takes no login on port {self._smtp.port}. Is `security` right?"
            ) from None

    def _let_in(self, code: int, said: bytes | str) -> None:
        if code < 300:
            return
        if code < 500:
            raise NotSentError(f"{self._source}: {self._smtp.host} cannot let us in at the moment ({code}).")
        raise AuthError(
            f"{self._source}: {self._smtp.host} refused the login with {self._credential} ({_status(said) or code}). "
            "Set the app password (授权码), and see that sending (SMTP) is switched on for it."
        )

    def _address(self, server: smtplib.SMTP, letter: Letter) -> None:
        options = []
        if not (letter.to.isascii() and letter.sender.isascii()):
            if not server.has_extn("smtputf8"):
                raise ReplyRefusedError("other", f"{self._smtp.host} takes only addresses of Latin letters")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        if refused := self._refusal("from", *server.mail(letter.sender, options)):
            raise refused
        if refused := self._refusal("to", *server.rcpt(letter.to)):
            raise refused
        if refused := self._refusal("mail", *server.docmd("DATA")):
            raise refused

    def _refusal(self, step: Step, code: int, said: bytes) -> ConnectorError | None:
        if code < 400:
            return None
        words = said.decode("utf-8", "replace")[:MOST_SAID]
        if code in (450, 451):
            return ThrottledError(f"{self._source}: {self._smtp.host} asks us to come later ({code}).", GREYLISTED)
        if code < 500:
            return NotSentError(f"{self._source}: {self._smtp.host} cannot take the mail at the moment ({code}).")
        if code == 530:
            return AuthError(f"{self._source}: {self._smtp.host} wants a login ({words}).")
        return ReplyRefusedError(_why(step, code, _status(said)), f"{code} {words}")


def _why(step: Step, code: int, status: str) -> Why:
    if code == 552 or status in ("5.2.3", "5.3.4"):
        return "too_long"
    if step == "from":
        return "no_right"
    if status.startswith(("5.1.", "5.2.")) or (step == "to" and not status.startswith("5.7")):
        return "gone"
    return "words" if step == "mail" else "blocked"


def _status(said: bytes | str) -> str:
    """The enhanced status code: `5.1.1`."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    found = re.match(r"\s*(\d\.\d{1,3}\.\d{1,3})\b", text)
    return found[1] if found else ""


def _on_the_wire(raw: bytes) -> bytes:
    """With the dots doubled that begin a line, and the one that ends the mail. RFC 5321, section 4.5.2."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw).removesuffix(b"\r\n")
    return re.sub(rb"(?m)^\.", b"..", lines) + b"\r\n.\r\n"
