"""What we ask Weibo for. https://open.weibo.com/wiki/微博API"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.contract import Record
from connectors.errors import AuthError, TransientError
from connectors.secret import Secret
from connectors.session import Json, Pacing, SecretHeader, Session, Translate
from connectors.weibo.failures import failure
from connectors.weibo.plan import Budget


class OutOfCallsError(Exception):
    """Today's calls are used up. Nothing is wrong: we go on tomorrow."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One list. `key`: the name of its rows; `count`: the most rows of a page."""

    path: str
    key: str
    count: int


MENTIONS: Final = Endpoint("/2/statuses/mentions.json", "statuses", 200)
# Not comments/to_me: this one also lists what we wrote ourselves, so that our answers stop the clock.
COMMENTS: Final = Endpoint("/2/comments/timeline.json", "comments", 200)
COMMENT_MENTIONS: Final = Endpoint("/2/comments/mentions.json", "comments", 200)
COMMENTS_OF_POST: Final = Endpoint("/2/comments/show.json", "comments", 200)
OUR_POSTS: Final = Endpoint("/2/statuses/user_timeline.json", "statuses", 100)
SEARCH: Final = Endpoint("/2/search/statuses/limited.json", "statuses", 50)


@dataclass(frozen=True, slots=True)
class Token:
    """Whose token it is, and until when it is good; None: Weibo did not say."""

    account: str
    expires_at: datetime | None


class Api:
    """The connection of one source. Every call to `/2/` is counted in `budget` before it is made.

    Methods raise as `Session.get_json`, and OutOfCallsError.
    """

    def __init__(
        self,
        *,
        token: Secret,
        base: str,
        commercial_base: str,
        timeout: float,
        pacing: Pacing | None,
        budget: Budget,
        clock: Callable[[], datetime],
    ) -> None:
        self._token = token
        self._budget = budget
        self._clock = clock
        self._session, self._commercial = (
            Session(
                url,
                auth=SecretHeader(token, before="OAuth2 "),
                credential=str(token),
                pacing=pacing,
                timeout=timeout,
                translate=lambda body: failure(body, token, clock()),
            )
            for url in (base, commercial_base)
        )

    async def aclose(self) -> None:
        await self._session.aclose()
        await self._commercial.aclose()

    async def whose_token(self) -> Token:
        """https://open.weibo.com/wiki/Oauth2/get_token_info

        Raises:
            AuthError: it has expired, or Weibo does not know it.
        """
        form = {"access_token": self._token.reveal()}
        told = await self._session.post_form("/oauth2/get_token_info", form)
        account = told.get("uid") if isinstance(told, dict) else None
        if not isinstance(account, int | str) or not str(account).isdecimal():
            raise TransientError("get_token_info answered without an account: is the configured api Weibo's?")
        # Here `expire_in`, and `expires_in` when the token is given out.
        left = told.get("expire_in", told.get("expires_in"))
        if not isinstance(left, int | str) or not str(left).lstrip("-").isdecimal():
            return Token(str(account), None)
        if int(left) <= 0:
            raise AuthError(
                f"Weibo refused the token {self._token}: it has expired: authorise the app anew with our account"
            )
        return Token(str(account), self._clock() + timedelta(seconds=min(int(left), 10**9)))

    async def rows(self, endpoint: Endpoint, **parameters: str | int) -> tuple[list[Record], int | None]:
        """The rows of one page, newest first, and how many the list holds, hidden ones included; None: not told.

        A parameter 0 is left out.
        """
        return await self._page(self._session, endpoint, **parameters)

    async def found(self, **parameters: str | int) -> tuple[list[Record], int | None]:
        """One page of a commercial search, and how many rows match in all; None: not told."""
        return await self._page(self._commercial, SEARCH, **parameters)

    async def _page(
        self, session: Session, endpoint: Endpoint, **parameters: str | int
    ) -> tuple[list[Record], int | None]:
        given = {name: value for name, value in parameters.items() if value}
        answer = await self._get(session, endpoint.path, count=endpoint.count, **given)
        rows = answer.get(endpoint.key) if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise TransientError(f"{endpoint.path} answered without {endpoint.key}: is the configured api Weibo's?")
        total = answer.get("total_number")
        return [row if isinstance(row, dict) else {"unreadable": row} for row in rows], (
            total if isinstance(total, int) else None
        )

    async def whole(self, status: str) -> Record:
        """One post with its whole text. Raises SourceGoneError, too."""
        answer = await self._get(self._session, "/2/statuses/show.json", id=status, isGetLongText=1)
        if not isinstance(answer, dict):
            raise TransientError("/2/statuses/show.json answered without a post")
        return answer

    async def write(self, path: str, form: Mapping[str, str], translate: Translate) -> Json:
        """Post a form. It is one of the day's calls, but never waits for them: Weibo itself allows a few more."""
        self._budget.spend(self._clock())
        return await self._session.post_form(path, form, translate=translate)

    async def calls_left(self) -> tuple[int, int] | None:
        """How many of how many calls Weibo itself still allows; None: it does not say. Not counted."""
        answer = await self._session.get_json("/2/account/rate_limit_status.json")
        left, limit = (
            (answer.get("remaining_user_hits"), answer.get("user_limit")) if isinstance(answer, dict) else (None, None)
        )
        return (left, limit) if isinstance(left, int) and isinstance(limit, int) else None

    async def _get(self, session: Session, path: str, **parameters: str | int) -> Json:
        now = self._clock()
        if not self._budget.left(now):
            raise OutOfCallsError
        self._budget.spend(now)
        return await session.get_json(path, gone=False, **parameters)
