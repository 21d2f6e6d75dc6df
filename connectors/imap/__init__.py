"""Email over IMAP: one account, the folders that customers write to, Junk, and our answers in Sent; answers by SMTP.

RFC 3501, RFC 2177 (IDLE), RFC 7162 (CONDSTORE), RFC 6154 (SPECIAL-USE). Nothing is changed in the mailbox, but that a
copy of what was sent from here is put into Sent.
Records are mails as decoded headers and parts (`mime.py`), with the folder, UID, flags and time of arrival.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from connectors.contract import Author, Cursor, Finding, Item, Page, PullConnector, Record
from connectors.errors import AuthError, ConnectorError, SourceGoneError
from connectors.imap import letter
from connectors.imap.account import Account, Place
from connectors.imap.connection import RefusedError
from connectors.imap.finding import LookedUp, look_up_sent
from connectors.imap.mail import Mail
from connectors.imap.mime import mail_of
from connectors.imap.reading import Reader
from connectors.imap.settings import Settings
from connectors.imap.smtp import Mailer, Smtp
from connectors.imap.token import AccessTokens
from connectors.imap.walk import Walk
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Replying, Sent, Window, nothing_sent
from connectors.wording import worded

if TYPE_CHECKING:
    from connectors.session import Pacing


COPIED_WITHIN = 20.0  # seconds for putting a copy into Sent

T = TypeVar("T")


class Imap(PullConnector, Replying):
    """Reads new mail and answers, then waits for the server's call (IDLE) and goes on, until it was quiet for `idle`.

    Cursor: `{"folders": {name: marks}}`, see `walk.Marks`.
    """

    Config = Settings
    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset({"deletions"})
    config: Settings

    def __init__(self, source: str, config: Settings, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self._reader = Reader(config.ours, config.authserv_id)
        self._told: tuple[str, ...] = ()
        self._tokens: AccessTokens | None = None
        self._failed_look_ups: Counter[str] = Counter()

    @property
    def space(self) -> str:
        return "email"

    async def open(self) -> None:
        if self.config.oauth2 is not None:
            self._tokens = AccessTokens(
                self.source, self.config.oauth2, self.config.password, self.pacing, lambda: self.clock()
            )
        self._account = self._another_account()

    async def close(self) -> None:
        await self._account.close()
        if self._tokens is not None:
            await self._tokens.close()

    def _another_account(self) -> Account:
        """With the same access: a provider may take a refresh token once, and give the next one to whoever used it."""
        return Account(self.source, self.config, self.pacing, self._tokens)

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """Each folder's new mails, oldest first, then those that a colleague has answered since.

        Raises:
            SourceGoneError: none of the configured folders exists.
        """
        folders = dict(cursor["folders"]) if cursor else {}
        walk = Walk(self._account, self.since, self._failed_look_ups)
        await self._account.is_there()
        while True:
            walk.places, missing = await self._account.places()
            for place in walk.places:
                async with aclosing(walk.folder(place, folders.get(place.mailbox))) as found:
                    async for records, marks in found:
                        changed = folders.get(place.mailbox) != marks
                        folders = {**folders, place.mailbox: marks}
                        if records or changed:
                            self._told = self._warnings(walk, missing)
                            yield Page(records, {"folders": folders}, warnings=self._told)
            walk.ended()
            self._someone_there(walk)
            if self.config.idle or self._told != self._warnings(walk, missing):
                self._told = self._warnings(walk, missing)
                yield Page((), {"folders": folders}, warnings=self._told, caught_up=True)
            waiting = self.config.idle.total_seconds()
            if not waiting or not await self._account.waits(walk.places[0].mailbox, waiting):
                return

    def _someone_there(self, walk: Walk) -> None:
        if all(place.mailbox in walk.missing for place in walk.places if place.role == "inbox"):
            raise SourceGoneError(
                f"{self.source}: {self.config.host} has none of the folders {', '.join(self.config.mailboxes)}. "
                "Write under `mailboxes` what `aggregator check --connect` lists."
            )

    def _warnings(self, walk: Walk, missing: Sequence[str]) -> tuple[str, ...]:
        expiry = self._account.expiry(self.clock())
        return (
            *([expiry] if expiry else []),
            *missing,
            *(worded(f"the folder {name} does not exist, or may not be read") for name in sorted(walk.missing)),
            *(worded(f"the server has numbered {name} anew; it was read again") for name in sorted(walk.rebuilt)),
        )

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        return self._reader.read(record)

    # Answering

    def reply_window(self, asked: Asked, now: datetime) -> Window:  # noqa: ARG002  # mail has no deadline
        if self.config.smtp is None:
            return Window("no_credential")
        mail = letter.mail_of_record(asked)
        if mail is None:
            return Window("gone")
        return Window(None if letter.recipient(mail, self.config) else "no_way")

    async def reply(self, outgoing: Outgoing) -> Sent:
        assert self.config.smtp is not None  # reply_window says so
        answer = letter.answer(outgoing, self.config, self.clock())
        smtp = self.config.smtp
        user, is_token = smtp.user or self.config.user, self._takes_token(smtp)
        said = await self._entering(
            smtp, lambda secret: self._mailer(smtp).send(answer, user, secret, is_token=is_token)
        )
        if not smtp.keeps_copy:
            with suppress(ConnectorError, TimeoutError):  # it was sent, and is kept here, too
                async with asyncio.timeout(COPIED_WITHIN):
                    await self._copy(answer.message_id, letter.as_received(answer, smtp.host, said))
        return Sent(answer.message_id)

    async def _entering(self, smtp: Smtp, work: Callable[[str], Awaitable[T]]) -> T:
        """What `work` returns, which is called with a secret: once more where a token was withdrawn before its time."""
        tokens = self._tokens if self._takes_token(smtp) else None
        was_good = tokens is not None and tokens.is_good
        with nothing_sent():
            secret = await self._secret(smtp)
        try:
            return await work(secret)
        except AuthError:  # which surely sent nothing
            if tokens is not None:
                tokens.forget()
            if not was_good:
                raise
        return await self._entering(smtp, work)

    async def _secret(self, smtp: Smtp) -> str:
        return smtp.password.reveal() if smtp.password else await self._account.secret()

    def _takes_token(self, smtp: Smtp) -> bool:
        return self.config.oauth2 is not None and smtp.password is None

    def _mailer(self, smtp: Smtp) -> Mailer:
        secret = smtp.password or self.config.password
        named = secret or (self.config.oauth2.client_secret if self.config.oauth2 else "")
        return Mailer(self.source, smtp, self.config.ca_file, str(named))

    async def _copy(self, message_id: str, raw: bytes) -> None:
        """Over a connection of its own: the other one may listen for minutes."""
        account = self._another_account()
        try:
            if (sent := await _sent_folder(account)) is None:
                return
            if (await _in_folder(account, sent, message_id)).mail is None:
                await account.append(sent, raw)
        finally:
            await account.close()

    async def find_sent(self, outgoing: Outgoing) -> Sent | CannotTell | None:
        """In Sent. Where we put the copy there ourselves, its absence says little: it comes after the mail."""
        message_id = letter.id_of(outgoing, self.config)
        account = self._another_account()
        try:
            sent = await _sent_folder(account)
            if sent is None:
                return CANNOT_TELL
            looked = await _in_folder(account, sent, message_id)
        finally:
            await account.close()
        if looked.mail is not None:
            return Sent(message_id)
        copied_by_server = self.config.smtp is not None and self.config.smtp.keeps_copy
        return None if copied_by_server and looked.all_seen else CANNOT_TELL

    def is_own(self, author: Author) -> bool:  # noqa: ARG002 -- the contract names it
        """What lies in Sent, or is vouched for, is ours already; a mere address proves nothing."""
        return False

    # Checking

    async def check(self) -> Sequence[Finding]:
        places, missing = await self._account.places()
        able = await self._account.capabilities()
        found = [Finding("ok", f"logged in at {self.config.host} as {self.config.user}")]
        if self.config.idle and "IDLE" not in able:
            found.append(Finding("warning", "the server cannot call us (no IDLE): new mail is seen at the next poll"))
        found += [Finding("warning", sentence) for sentence in missing]
        for place in places:
            found.append(await self._check_folder(place))
        if self.config.smtp is not None:
            found.append(await self._check_way_out(self.config.smtp))
        if self.config.authserv_id is None:
            found.append(Finding("warning", await self._who_vouches(places[0])))
        return found

    async def _check_way_out(self, smtp: Smtp) -> Finding:
        user, is_token = smtp.user or self.config.user, self._takes_token(smtp)
        try:
            await self._entering(smtp, lambda secret: self._mailer(smtp).is_let_in(user, secret, is_token=is_token))
        except ConnectorError as error:
            return Finding("failed", f"no answer can be sent: {error}")
        return Finding("ok", f"answers are sent by {smtp.host} from {letter.sender_of(self.config)}")

    async def _check_folder(self, place: Place) -> Finding:
        status = await self._account.examine(place.mailbox)
        if status is None:
            level: Literal["warning", "failed"] = "failed" if place.role == "inbox" else "warning"
            return Finding(level, f"folder {place.mailbox}: there is none, or it may not be read")
        newest = (await self._account.search("UID", "*"))[-1:] if status.count else []
        arrived = (await self._account.arrivals(newest)).get(newest[0]) if newest else None
        last = worded(f", the newest of {arrived:%Y-%m-%d %H:%M} UTC") if arrived else ""
        return Finding("ok", f"folder {place.mailbox} ({place.role}) can be read: {status.count} mails{last}")

    async def _who_vouches(self, place: Place) -> str:
        """A hint for `authserv_id`, from the newest mail."""
        await self._account.examine(place.mailbox)
        headers = await self._account.headers((await self._account.search("UID", "*"))[-1:])
        names = [
            header.split(";")[0].split()[0]
            for raw in headers.values()
            for header in Mail(mail_of(raw)).headers("authentication-results")[:1]
            if header.split(";")[0].split()
        ]
        hint = worded(f"; the newest mail's says {names[0]}") if names else ""
        return worded(f"authserv_id is not set: a colleague's mail to this mailbox does not count as an answer{hint}")


async def _sent_folder(account: Account) -> str | None:
    places, _ = await account.places()
    return next((place.mailbox for place in places if place.role == "sent"), None)


async def _in_folder(account: Account, mailbox: str, message_id: str) -> LookedUp:
    """A server that does not search for ids has not shown us everything."""
    if await account.examine(mailbox) is None:
        return LookedUp(None, all_seen=False)
    try:
        return await look_up_sent(account, message_id)
    except RefusedError:
        return LookedUp(None, all_seen=False)
