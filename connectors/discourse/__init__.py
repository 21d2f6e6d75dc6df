"""A Discourse forum: new posts, edits and deletions by polling, and its webhooks for speed.

API: https://docs.discourse.org
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from pydantic import Field, HttpUrl

from connectors.contract import (
    Author,
    Cursor,
    Finding,
    Item,
    Page,
    PullConnector,
    Push,
    PushConnector,
    Received,
    Record,
    SourceConfig,
)
from connectors.discourse import hooks, replies
from connectors.discourse.forum import Forum, Listing
from connectors.discourse.reading import Reader, time_or_none
from connectors.discourse.walk import Place, Walk
from connectors.errors import AuthError, PushRefusedError, TransientError
from connectors.replying import Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.secret import Secret
from connectors.session import Pacing
from connectors.wording import worded

DEEP_EVERY = 5  # polls; those between look only at the newest page and what is new
SHOWN_LATE = timedelta(minutes=1)  # guests may be answered from a cache
RECOVERIES = 1000  # that are remembered, so that no deletion from before them undoes them
ASKED_PER_POLL = 10  # posts that vanished; the others wait in the cursor
NO_MESSAGE_LISTED = worded("no private message is listed any more: may our user still read them?")
NOTHING_LISTED = "the forum lists no post any more, as a login wall does: may our user still read its categories?"


class Discourse(PullConnector, PushConnector, Replying):
    """The posts of one forum that its API user, or a guest, can read."""

    class Config(SourceConfig):
        url: HttpUrl = Field(description="The forum's address, with its subfolder if it has one.")
        api_key: Secret | None = Field(default=None, description="API key; without one the forum is read as a guest.")
        api_user: str = Field(
            default="system",
            min_length=1,
            description="The user whom the API key acts for; what system writes is never listed.",
        )
        webhook_secret: Secret | None = Field(
            default=None, description="Secret of the forum's webhook; without one no call is accepted."
        )
        private_messages: bool = Field(default=False, description="true: read the API user's private messages too.")
        official_groups: frozenset[str] = Field(
            default=frozenset(), description="Primary groups whose members answer for us, besides moderators."
        )
        categories: frozenset[int] = Field(default=frozenset(), description="Read only these category ids.")
        skip_categories: frozenset[int] = Field(default=frozenset(), description="Leave these category ids out.")
        overlap: int = Field(
            default=200, ge=50, le=1000, description="How many of the newest posts are looked at again for changes."
        )
        calls_per_minute: int = Field(default=50, gt=0, description="Requests a minute; a forum allows an API key 60.")
        timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.")

    def __init__(self, source: str, config: Config, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self.config: Discourse.Config = config
        self._base = str(config.url).rstrip("/")
        self._reader = Reader(
            self._base,
            frozenset(group.lower() for group in config.official_groups),
            config.categories,
            config.skip_categories,
        )
        self._forum = Forum(
            self._base,
            key=config.api_key,
            user=config.api_user,
            calls_per_minute=config.calls_per_minute,
            pacing=pacing,
            timeout=config.timeout,
        )
        self._listings: tuple[Listing, ...] = ("public", "private") if config.private_messages else ("public",)
        self._polls = 0
        self._recovered: dict[int, datetime] = {}  # posts, by when we were told

    @property
    def space(self) -> str:
        place = urlsplit(self._base)
        return f"discourse/{place.netloc}{place.path}"

    @property
    def channel(self) -> str:
        return "forum"

    async def close(self) -> None:
        await self._forum.aclose()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """The newest page first, each page oldest first: a long backfill does not keep today's posts waiting."""
        asked, committed = self.clock(), cursor or {}
        places = {listing: Place.of(committed.get(listing)) for listing in self._listings}
        for listing in self._listings:
            async for page in self._walked(listing, places):
                if page.records or page.cursor != committed:
                    committed = page.cursor
                    yield page
        self._polls += 1
        self.complete_to = asked if self.config.api_key else asked - SHOWN_LATE

    async def _walked(self, listing: Listing, places: dict[Listing, Place]) -> AsyncGenerator[Page, None]:
        place, public = places[listing], places["public"]
        if listing == "private" and public.legacy is not None:
            place.legacy = public.legacy
        walk = Walk(
            place,
            partial(self._forum.listed, listing),
            self._forum.newest_by_activity if listing == "public" else partial(_high, public),
            self.since,
            self.config.overlap,
            lambda row: self._reads(_of(listing, row)),
        )
        async for rows in walk.steps(deep=self._polls % DEEP_EVERY == 0):
            records: list[Record] = [_of(listing, row) for row in rows]
            # Halfway through a quiet overlap there is nothing that a crash could lose.
            if records or place.low is None or place.low > (place.high or 0):
                yield Page(records, _cursor(places))
        if walk.listed_nothing and place.high is not None:
            if listing == "public":  # an inbox may really be emptied
                raise TransientError(NOTHING_LISTED)
            yield Page([], _cursor(places) | {"warned": True}, warnings=(NO_MESSAGE_LISTED,))
        if asked := place.ask[:ASKED_PER_POLL]:
            found = [await self._forum.what_became_of(post_id) for post_id in asked]
            place.ask = place.ask[ASKED_PER_POLL:]
            yield Page([_in(listing, record) for record in found if record is not None], _cursor(places))

    def post(self, record: Record) -> Item | None:
        return self._reader.item(record)

    def _reads(self, record: Record) -> bool:
        try:
            self._reader.item(record)
        except Exception:  # as for every record: platforms change their formats without notice
            return False
        return True

    def receive(self, push: Push) -> Received:
        if self.config.webhook_secret is None:
            raise PushRefusedError("a webhook call came, but webhook_secret is not configured: nothing is accepted")
        try:
            told = hooks.receive(push, self.config.webhook_secret, private_messages=self.config.private_messages)
        except AuthError as error:
            # 503, so that a forum which repeats its calls does so until the secret is back.
            raise PushRefusedError(f"a webhook call cannot be checked: {error}", status=503) from error
        return replace(told, records=[record for record in told.records if not self._is_undone(record)])

    def _is_undone(self, record: Record) -> bool:
        """Whether it is a deletion that comes after its post was recovered: calls are repeated, and keep no order. A
        recovery has no time of its own. Where the post was deleted once more, the next poll misses it in the listing.
        """
        post = record["post"]
        number, event = post.get("id"), record["event"]
        if not isinstance(number, int):
            return False
        if event == "post_recovered":
            self._recovered.pop(number, None)
            self._recovered[number] = self.clock()
            for oldest in list(self._recovered)[:-RECOVERIES]:
                del self._recovered[oldest]
        told = time_or_none(post.get("deleted_at"))
        back = self._recovered.get(number)
        came_late = told is not None and back is not None and told < back
        return came_late and bool(event == "post_destroyed")

    def reply_window(self, asked: Asked, now: datetime) -> Window:  # noqa: ARG002  # a forum has no deadline
        if self.config.api_key is None:
            return Window("no_credential")
        return Window(None if replies.place(asked) else "gone", longest=replies.LONGEST)

    async def reply(self, outgoing: Outgoing) -> Sent:
        return await replies.reply(self._forum.session, self._reader, outgoing)

    async def find_sent(self, outgoing: Outgoing) -> Sent | CannotTell | None:
        return await replies.find(self._forum.session, self._reader, outgoing, self.config.api_user)

    def is_own(self, author: Author) -> bool:
        mine = self.config.api_user if self.config.api_key else None
        return mine is not None and author.handle is not None and author.handle.casefold() == mine.casefold()

    async def check(self) -> Sequence[Finding]:
        newest = await self._forum.listed("public", None)
        user = await self._forum.user() if self.config.api_key else None
        findings = [
            Finding("ok", f"acting for the user {user}")
            if user
            else Finding("warning", "reading as a guest: categories that need a login are not seen"),
            Finding("ok", f"the newest post was written at {max(str(row.get('created_at')) for row in newest)}")
            if newest
            else Finding("warning", "no post is listed"),
        ]
        if self.config.api_key and self.config.api_user.lower() == "system":
            findings.append(Finding("warning", "answers would be written as system, whose posts are never listed"))
        if self.config.private_messages:
            findings.append(await self._private_finding())
        if self.config.webhook_secret is None:
            findings.append(Finding("warning", "no webhook_secret: new posts are seen at the next poll only"))
        elif why := self.config.webhook_secret.missing():
            findings.append(Finding("failed", f"webhook_secret: {why}"))
        return findings

    async def _private_finding(self) -> Finding:
        try:
            await self._forum.listed("private", None)
        except AuthError as error:
            return Finding("failed", f"private messages cannot be read: {error}")
        return Finding("ok", "private messages can be read")


async def _high(place: Place) -> int | None:
    return place.high


def _cursor(places: dict[Listing, Place]) -> Cursor:
    return {listing: place.cursor() for listing, place in places.items()}


def _of(listing: Listing, row: Record) -> Record:
    return {"private_post": row} if listing == "private" else row


def _in(listing: Listing, record: Record) -> Record:
    return {"private_post": record} if listing == "private" and "deleted_post" not in record else record
