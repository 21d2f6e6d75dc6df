"""What we ask a forum for."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Literal

import httpx

from connectors.contract import Pace, Record
from connectors.errors import AuthError, SourceGoneError, TransientError
from connectors.secret import Secret
from connectors.session import Json, Pacing, Session

Listing = Literal["public", "private"]
LISTINGS: Mapping[Listing, tuple[str, str]] = {
    "public": ("/posts.json", "latest_posts"),
    "private": ("/private-posts.json", "private_posts"),
}


class ApiKey(httpx.Auth):
    """The two headers of an API key, read anew for each request, so that a renewed key is taken up."""

    def __init__(self, key: Secret, user: str) -> None:
        self._key = key
        self._user = user

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Api-Key"] = self._key.reveal()
        request.headers["Api-Username"] = self._user
        yield request


class Forum:
    """The few endpoints that reading needs. Each method raises as `Session.get_json`."""

    def __init__(
        self,
        base: str,
        *,
        key: Secret | None,
        user: str,
        calls_per_minute: int,
        pacing: Pacing | None,
        timeout: float,
    ) -> None:
        self.session = Session(
            base,
            auth=ApiKey(key, user) if key else None,
            credential=str(key) if key else "",
            pace=Pace(calls_per_minute),
            pacing=pacing,
            timeout=timeout,
        )

    async def aclose(self) -> None:
        await self.session.aclose()

    async def listed(self, listing: Listing, before: int | None) -> list[Record]:
        """One page of posts below an id, in whatever order; None: the newest."""
        path, name = LISTINGS[listing]
        page = await (self.session.get_json(path) if before is None else self.session.get_json(path, before=before))
        rows = page.get(name) if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise TransientError(f"{path} answered without {name}: is the configured url that of a Discourse forum?")
        return [row if isinstance(row, dict) else {"unreadable": row} for row in rows]

    async def newest_by_activity(self) -> int | None:
        """Id of the newest post in the topic that was last written in; None: there is no topic.

        Not simply the first topic: pinned ones float to the top.
        """
        topics = _at(await self.session.get_json("/latest.json", order="activity"), "topic_list", "topics")
        if not isinstance(topics, list) or not topics:
            return None
        active = max(topics, key=lambda topic: str(_at(topic, "last_posted_at")))
        stream = _at(await self.session.get_json(f"/t/{_at(active, 'id')}.json"), "post_stream", "stream")
        return max((number for number in stream if isinstance(number, int)), default=None) if stream else None

    async def what_became_of(self, post_id: int) -> Record | None:
        """A post that is no longer listed: as it is now, as deleted, or None: somewhere where we may not look."""
        try:
            post = await self.session.get_json(f"/posts/{post_id}.json", gone=True)
        except SourceGoneError:
            return {"deleted_post": {"id": post_id, "at": None}}
        except AuthError:
            return None  # this one post only: the listing has just let us in
        return post if isinstance(post, dict) else None

    async def user(self) -> str | None:
        """The name of the user that we act for; None: the forum does not say."""
        try:
            name = _at(await self.session.get_json("/session/current.json", gone=True), "current_user", "username")
        except SourceGoneError:
            return None
        return name if isinstance(name, str) else None


def _at(value: Json, *path: str) -> Json:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
