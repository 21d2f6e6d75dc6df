"""Chat on our website and in our app: our own signed intake, Chatwoot, and Intercom.

What customers write here is private. All three are read into one shape (`message.py`); another desk of the kind
needs an adapter beside `chatwoot.py`, or a few lines in the product's backend that call the intake.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field, HttpUrl, model_validator

from connectors.chat import checking, intercom
from connectors.chat.chatwoot import Chatwoot, Walk
from connectors.chat.intake import Intake
from connectors.chat.intercom import Intercom
from connectors.chat.message import Message
from connectors.chat.replies import AppWay, ChatwootWay, IntercomWay, Signed, Way
from connectors.contract import (
    Author,
    Cursor,
    Duration,
    Finding,
    Item,
    Pace,
    Page,
    PullConnector,
    Push,
    PushConnector,
    Received,
    Record,
    SourceConfig,
)
from connectors.errors import PushRefusedError, RecordError, ReplyRefusedError
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.secret import Secret
from connectors.session import Pacing, SecretHeader, Session

INTERCOM_VERSION = "2.11"


class Chat(PullConnector, PushConnector, Replying):
    """One desk. What is pushed to us is there at once; where it has a REST interface (`token`), polls bring what a
    call missed. Without one, a source is complete up to the last genuine call."""

    class Config(SourceConfig):
        service: Literal["intake", "chatwoot", "intercom"] = Field(
            default="intake", description="intake: our app calls us itself, signed; or the desk whose webhook does."
        )
        secret: Secret | None = Field(
            default=None, description="What calls are signed with: the app's, the webhook's, Intercom's client secret."
        )
        previous_secret: Secret | None = Field(
            default=None, description="The one before, which is good as long as it stands here."
        )
        url_token: Secret | None = Field(
            default=None, description="For a Chatwoot that signs nothing: ?token=... of the webhook's address."
        )
        url: HttpUrl | None = Field(default=None, description="Address of the Chatwoot server, or of Intercom's API.")
        token: Secret | None = Field(default=None, description="Access token of its REST interface, for polling.")
        account: str = Field(default="", description="Chatwoot's account number; Intercom's app id, for links.")
        inboxes: frozenset[int] = Field(default=frozenset(), description="Read only these Chatwoot inboxes, by id.")
        conversation_url: str = Field(
            default="", description="intake: where colleagues answer; {conversation_id} stands for its id."
        )
        reply_url: HttpUrl | None = Field(
            default=None, description="intake: where the app's backend takes our answers (docs/chat-intake.md)."
        )
        admin_id: str = Field(default="", description="intercom: in whose name we answer; else the token's owner.")
        calls_per_minute: int = Field(
            default=600,
            gt=0,
            description="More calls in a minute, of the app to us or of us to the desk, have to wait.",
        )
        timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.")
        poll_every: Duration = Field(
            default=timedelta(minutes=1), gt=timedelta(0), description="Time between two polls."
        )

        @model_validator(mode="after")
        def _fits_its_service(self) -> Chat.Config:
            if self.service == "intake" and (self.secret is None or self.token or self.url_token):
                raise ValueError("intake needs secret, and takes neither token nor url_token")
            if self.service == "chatwoot" and (self.url is None or not self.account.isdecimal()):
                raise ValueError("chatwoot needs url and account (a number)")
            if self.url_token and (self.service != "chatwoot" or self.secret):
                raise ValueError("url_token is for a Chatwoot that signs nothing: not together with secret")
            if self.reply_url and self.service != "intake":
                raise ValueError("reply_url is for intake; the other desks are answered with their token")
            if self.token and self.url is None:
                raise ValueError("token needs url")
            if not (self.secret or self.url_token or self.token):
                raise ValueError("give secret (to be called), token (to poll), or both")
            return self

    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset()
    config: Config

    def __init__(self, source: str, config: Config, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self._desk = _desk(config)
        self._session = _session(config, config.token, pacing) if config.token else None
        self._way = self._way_of(pacing)
        self.tells_once = self._session is None  # we are called, and can ask nobody

    @property
    def space(self) -> str:
        if isinstance(self._desk, Chatwoot):
            assert self.config.url
            return f"chatwoot/{self.config.url.host}/{self._desk.account}"
        return "intercom" if isinstance(self._desk, Intercom) else f"chat/{self.source}"

    @property
    def channel(self) -> str:
        return "chat"

    async def close(self) -> None:
        if self._session:
            await self._session.aclose()
        if self._way and self._way.session is not self._session:
            await self._way.session.aclose()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """What the REST interface tells. Without one, only how long ago we were called."""
        if self._session is None:
            for page in self._silence(cursor):
                yield page
        elif isinstance(self._desk, Chatwoot):
            async for page in Walk.of(self._session, self._desk, self.since, cursor).pages():
                yield page
        else:
            async for page in intercom.pages(self._session, self.since, cursor):
                yield page

    def _silence(self, cursor: Cursor | None) -> Generator[Page, None, None]:
        """Nobody can be asked. What was to be sent before the last genuine call has come, and is stored, by then."""
        committed = datetime.fromisoformat(cursor["heard"]) if cursor else self.since
        self.complete_to = max(committed, self.heard_at or committed)
        if self.complete_to > committed:
            yield Page((), {"heard": self.complete_to.isoformat()})

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        message = self._desk.message(record)
        return message.item() if message else None

    def receive(self, push: Push) -> Received:
        """Authenticate and unpack one call.

        Raises:
            PushRefusedError: it is not from the desk.
        """
        if not (self.config.secret or self.config.url_token):
            raise PushRefusedError("a call came, but neither secret nor url_token is configured: nothing is accepted")
        received = self._desk.receive(push)
        # Anybody may send HEAD; what we put off comes later.
        return replace(received, heard=push.method != "HEAD" and received.status < 300)

    # Answering

    def _way_of(self, pacing: Pacing | None) -> Way | None:
        config = self.config
        if isinstance(self._desk, Intake):
            if config.reply_url is None or config.secret is None:
                return None
            session = Session(
                str(config.reply_url),
                auth=Signed(config.secret),
                credential=str(config.secret),
                pace=Pace(config.calls_per_minute),
                pacing=pacing,
                timeout=config.timeout,
            )
            return AppWay(session)
        if self._session is None:
            return None
        if isinstance(self._desk, Chatwoot):
            return ChatwootWay(self._session, self._desk)
        return IntercomWay(self._session, self._desk, config.admin_id)

    def _answered(self, asked: Asked) -> Message | None:
        try:
            message = self._desk.message(asked.record)
        except RecordError:
            return None
        return message if message and (message.conversation or isinstance(self._desk, Intake)) else None

    def reply_window(self, asked: Asked, now: datetime) -> Window:  # noqa: ARG002  # a chat has no deadline of ours
        message = self._answered(asked)
        if self._way is None:
            return Window("no_credential")
        return self._way.window(asked, message) if message else Window("gone")

    async def reply(self, outgoing: Outgoing) -> Sent:
        message = self._answered(outgoing.to)
        if self._way is None or message is None:
            raise ReplyRefusedError("gone" if self._way else "no_credential")
        return await self._way.send(outgoing, message)

    async def find_sent(self, outgoing: Outgoing) -> Sent | CannotTell | None:
        message = self._answered(outgoing.to)
        return await self._way.find(outgoing, message) if self._way and message else CANNOT_TELL

    def is_own(self, author: Author) -> bool:  # noqa: ARG002 -- the contract names it
        """Every desk tells who is a colleague."""
        return False

    async def check(self) -> Sequence[Finding]:
        door = "/intake/chat" if isinstance(self._desk, Intake) else "/hooks"
        found = list(
            checking.of_calls(
                _secrets(self.config),
                self.config.url_token,
                polled=self._session is not None or isinstance(self._desk, Intake),
                where=f"{door}/{self.source}",
            )
        )
        if self._session and isinstance(self._desk, Chatwoot):
            found += [finding async for finding in checking.of_chatwoot(self._session, self._desk)]
        elif self._session:
            found += [finding async for finding in checking.of_intercom(self._session)]
        if isinstance(self._way, AppWay):
            found.append(await checking.of_answers(self._way.session))
        return found


def _secrets(config: Chat.Config) -> list[Secret]:
    return [secret for secret in (config.secret, config.previous_secret) if secret]


def _desk(config: Chat.Config) -> Intake | Chatwoot | Intercom:
    if config.service == "intercom":
        return Intercom(config.account, _secrets(config))
    if config.service == "intake":
        return Intake(
            _secrets(config), calls_per_minute=config.calls_per_minute, conversation_url=config.conversation_url
        )
    base = str(config.url).rstrip("/")
    return Chatwoot(base, int(config.account), config.inboxes, _secrets(config), config.url_token)


def _session(config: Chat.Config, token: Secret, pacing: Pacing | None) -> Session:
    is_chatwoot = config.service == "chatwoot"
    return Session(
        str(config.url),
        auth=SecretHeader(token, "api_access_token", before="") if is_chatwoot else SecretHeader(token),
        headers={} if is_chatwoot else {"Intercom-Version": INTERCOM_VERSION},
        credential=str(token),
        pace=Pace(config.calls_per_minute),
        pacing=pacing,
        timeout=config.timeout,
    )
