"""Weibo: who names us, who comments on us, and what is said under our posts. https://open.weibo.com/wiki/

There is no webhook and, without a commercial contract, no search; an account's day has about 100 calls. So each poll
asks only what is due (plan.py), and a listing is read down to what we know (walk.py).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import ClassVar, Literal, get_args

from pydantic import Field, HttpUrl, IPvAnyAddress, field_validator

from connectors.contract import (
    Author,
    Cursor,
    Duration,
    Finding,
    Gap,
    Item,
    Page,
    PullConnector,
    Quota,
    Record,
    SourceConfig,
)
from connectors.errors import AuthError, ThrottledError, TransientError
from connectors.replying import Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.secret import Secret
from connectors.session import Pacing
from connectors.weibo import reading, replies
from connectors.weibo.account import Account
from connectors.weibo.api import Api, OutOfCallsError
from connectors.weibo.checking import findings
from connectors.weibo.failures import EndpointSpentError, NotAllowedError
from connectors.weibo.long_texts import complete, next_whole
from connectors.weibo.plan import Budget, can_spare, due
from connectors.weibo.spots import Asking, Found, OwnPosts, Spot
from connectors.weibo.state import State, What
from connectors.weibo.times import next_midnight
from connectors.weibo.troubles import Troubles
from connectors.weibo.walk import EmptyAnswerError
from connectors.wording import worded

ASK_AGAIN = timedelta(days=1)  # for what Weibo does not let us read
WHOLE_AGAIN = timedelta(hours=1)  # for whole texts, after one could not be had


class Weibo(PullConnector, Replying):
    """What the account whose token we hold may read. Cursor: `State.cursor()`, and the calls of the day."""

    class Config(SourceConfig):
        token: Secret = Field(description="Access token of our own account, from the app's OAuth login.")
        read: frozenset[What] = Field(
            default=frozenset(get_args(What)),
            min_length=1,
            description="Posts that name us; comments to us, and ours; comments that name us; all under our own posts.",
        )
        search: frozenset[str] = Field(
            default=frozenset(), description="Words to search all of Weibo for; needs a commercial contract."
        )
        calls_per_day: int = Field(
            default=90, gt=0, description="Calls that this source may make a day; Weibo allows an account about 100."
        )
        reply_ip: IPvAnyAddress | None = Field(
            default=None, description="This machine's public address, which Weibo asks for with each answer (rip)."
        )
        api: HttpUrl = Field(default=HttpUrl("https://api.weibo.com"), description="The open platform's address.")
        commercial_api: HttpUrl = Field(
            default=HttpUrl("https://c.api.weibo.com"), description="Address of the commercial search."
        )
        timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.")
        poll_every: Duration = Field(
            default=timedelta(minutes=3), gt=timedelta(0), description="How often to see which list is due."
        )

        @field_validator("search")
        @classmethod
        def _can_be_searched(cls, words: frozenset[str]) -> frozenset[str]:
            if any(not word.strip() or set(word) & set('{}"') for word in words):
                raise ValueError('a word to search for is not empty and has no { } or "')
            return words

        @field_validator("reply_ip")
        @classmethod
        def _is_public(cls, address: IPvAnyAddress | None) -> IPvAnyAddress | None:
            if address is not None and not address.is_global:
                raise ValueError("should be the public address; Weibo takes a private one for abuse")
            return address

    blind_to: ClassVar[frozenset[Literal["edits", "deletions", "history"]]] = frozenset({"edits", "deletions"})
    paces_itself: ClassVar[bool] = True

    def __init__(
        self,
        source: str,
        config: Config,
        *,
        since: datetime,
        pacing: Pacing | None = None,
    ) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self.config: Weibo.Config = config
        self.complete_to = since
        self._budget = Budget(config.calls_per_day)
        self._troubles = Troubles()
        self._is_recognised = False
        self._no_whole_text_before: datetime | None = None
        self._told: tuple[str, ...] | None = None
        self._api = Api(
            token=config.token,
            base=str(config.api),
            commercial_base=str(config.commercial_api),
            timeout=config.timeout,
            pacing=pacing,
            budget=self._budget,
            clock=lambda: self.clock(),
        )

    @property
    def space(self) -> str:
        return "weibo"

    async def close(self) -> None:
        await self._api.aclose()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """The newest page of each place that is due first, each page oldest first.

        Raises:
            TransientError: a place could not be read, now or before; the others were.
        """
        now = self.clock()
        state = State.of(cursor, self.config.read, sorted(self.config.search))
        if cursor:
            self._budget.take_up(cursor["day"], cursor["used"], now)
        self.complete_to = state.complete_to(self.since)
        await self._recognise(state, now)
        for spot in due(self._askable(state, now), self._budget.left(now), state.profile, now):
            async with aclosing(self._asked(spot, state)) as pages:
                async for page in pages:
                    yield page
            self.complete_to = state.complete_to(self.since)
        while state.cut_off and self._may_spare(state):
            if record := await self._whole(state):
                yield self._page(state, [record])
        if self._told != self._warnings(state):
            yield self._page(state)
        if trouble := self._troubles.first():
            raise trouble

    async def _recognise(self, state: State, now: datetime) -> None:
        """Ask whose token it is, and until when it is good: after a start, and then once a day."""
        if not state.account.is_stale(now, at_a_start=not self._is_recognised):
            return
        token = await self._api.whose_token()
        if state.account.us not in ("", token.account):
            raise AuthError(
                f"{self.source}: the token {self.config.token} is that of account {token.account}, but this source "
                f"has read account {state.account.us}: give the new account a source of its own"
            )
        state.account = Account(token.account, token.expires_at, now)
        self._is_recognised = True

    def _askable(self, state: State, now: datetime) -> list[Spot]:
        for name, (since, _) in list(state.denied.items()):
            if not 0 <= now.timestamp() - since < ASK_AGAIN.total_seconds():
                del state.denied[name]
        return [
            spot for spot in state.spots if spot.name not in state.denied and not self._troubles.rests(spot.name, now)
        ]

    async def _asked(self, spot: Spot, state: State) -> AsyncGenerator[Page, None]:
        """Read one place. What goes wrong with it alone does not keep the others from being read."""
        now = self.clock()
        asking = Asking(self._api, state.account.us, self.since, now)
        new: list[datetime | None] = []
        try:
            async with aclosing(spot.ask(asking)) as found:
                async for part in found:
                    await complete(part.records, self._api, asking.us, state.cut_off, lambda: self._may_spare(state))
                    _credit(spot, part, state)
                    new += part.new
                    yield self._page(state, part.records, part.gaps)
        except NotAllowedError as refused:
            self._deny(spot, state, refused, now)
        except OutOfCallsError:
            pass  # what was read stands in the cursor; the page below says that the day's calls are used up
        except (EmptyAnswerError, EndpointSpentError) as error:
            rest_until = next_midnight(now) if isinstance(error, EndpointSpentError) else None
            self._troubles.note(spot.name, f"{self.source}: {spot.name}: {error}", now, rest_until)
        except ThrottledError:
            raise
        except AuthError:
            self._is_recognised = False  # a person will put another token there
            raise
        except TransientError as error:
            self._troubles.note(spot.name, f"{self.source}: {spot.name}: {error}", now)
            raise
        else:
            self._troubles.end(spot.name)
            spot.pulse.note(len(new), now)
            state.profile.note((at for at in new if at), now)
        yield self._page(state)

    def _deny(self, spot: Spot, state: State, refused: NotAllowedError, now: datetime) -> None:
        self._troubles.end(spot.name)
        state.denied[spot.name] = (int(now.timestamp()), str(refused))
        if all(each.name in state.denied for each in state.spots):
            raise AuthError(f"{self.source}: Weibo lets us read nothing; {_denial(spot.name, str(refused))}")

    async def _whole(self, state: State) -> Record | None:
        try:
            return await next_whole(self._api, state.account.us, state.cut_off)
        except (NotAllowedError, EndpointSpentError):
            self._no_whole_text_before = next_midnight(self.clock())
        except ThrottledError:
            raise
        except TransientError:  # every place was read; the others that wait come first next time
            state.cut_off.append(state.cut_off.pop(0))
            self._no_whole_text_before = self.clock() + WHOLE_AGAIN
        return None

    def _may_spare(self, state: State) -> bool:
        """Whether a whole text may be asked for."""
        now = self.clock()
        if self._no_whole_text_before is not None and now < self._no_whole_text_before:
            return False
        return can_spare(self._budget.left(now), state.spots, now)

    def _page(self, state: State, records: Sequence[Record] = (), gaps: tuple[Gap, ...] = ()) -> Page:
        now = self.clock()
        left = self._budget.left(now)
        cursor = state.cursor() | {"day": self._budget.day, "used": self._budget.used}
        self._told = self._warnings(state)
        quota = Quota(left, self._budget.limit, next_midnight(now))
        return Page(records, cursor, gaps, self._told, quota=quota)

    def _warnings(self, state: State) -> tuple[str, ...]:
        now = self.clock()
        told = [_denial(name, why) for name, (_, why) in state.denied.items()]
        if expiry := state.account.expiry(self.config.token, now):
            told.append(expiry)
        if not self._budget.left(now):
            told.append(worded(f"today's {self._budget.limit} calls are used up: reading goes on at midnight in China"))
        if state.cut_off:
            told.append(
                worded(f"{len(state.cut_off)} posts are stored cut short: their whole texts come as calls allow")
            )
        return tuple(told)

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        return reading.read(record)

    @property
    def _reply_ip(self) -> str | None:
        return str(self.config.reply_ip) if self.config.reply_ip else None

    def reply_window(self, asked: Asked, now: datetime) -> Window:  # noqa: ARG002  # Weibo has no deadline
        return replies.window(asked, self._reply_ip)

    async def reply(self, outgoing: Outgoing) -> Sent:
        return await replies.reply(self._api, outgoing, self._reply_ip, self.config.token, self.clock())

    async def find_sent(self, outgoing: Outgoing) -> Sent | CannotTell | None:
        return await replies.find(self._api, outgoing)

    def is_own(self, author: Author) -> bool:  # noqa: ARG002  # what the token's account writes is told as ours
        return False

    async def check(self) -> Sequence[Finding]:
        state = State.of(None, self.config.read, sorted(self.config.search))
        return [found async for found in findings(self._api, self.config.token, state.spots, self.clock())]


def _credit(spot: Spot, found: Found, state: State) -> None:
    if spot.name == "comments":
        for other in state.spots:
            if isinstance(other, OwnPosts):
                other.credit(found)


def _denial(name: str, why: str) -> str:
    return worded(
        f"{name} cannot be read: {why}. Ask for the permission in the app's console at open.weibo.com, or leave it out"
    )
