"""Access tokens for mail servers that take no password. RFC 6749, sections 4.4 and 6.

Gmail: https://developers.google.com/gmail/imap/xoauth2-protocol; Microsoft 365: client credentials.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from connectors.errors import AuthError, ConnectorError, TransientError
from connectors.secret import Secret
from connectors.session import Session
from connectors.wording import worded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connectors.session import Json, Pacing

EARLY: Final = 120.0  # seconds before its end at which a token is taken for spent
WARN_AHEAD: Final = timedelta(days=7)
UNTOLD: Final = 1800.0  # seconds, where the server does not say how long a token lasts


class OAuth2(BaseModel):
    """Where access tokens come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_url: HttpUrl = Field(description="The provider's token endpoint.")
    client_id: str = Field(min_length=1, description="The program's id, as registered with the provider.")
    client_secret: Secret | None = Field(default=None, description="The program's secret.")
    scope: str = Field(default="", description="What the token is for, where the provider asks.")


class AccessTokens:
    """The current access token, kept in memory only. With a refresh token it acts for a person; else for itself.

    One for all connections of a source: they take turns, since a refresh token may be good for one exchange only.

    `clock`: the time of day, for the other one stands still while the machine sleeps.
    """

    def __init__(
        self,
        source: str,
        oauth2: OAuth2,
        refresh_token: Secret | None,
        pacing: Pacing | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._oauth2 = oauth2
        self._refresh_token = refresh_token
        self._newer: tuple[str, str] | None = None  # the configured refresh token, and the one that replaces it
        self._token = ""
        self._ends = 0.0
        self._ends_at = 0.0  # the same by the time of day, which may be set back
        self._clock = clock
        self._turn = asyncio.Lock()
        self._refresh_lasts: float | None = None  # seconds, where the provider says so
        self._refresh_ends: datetime | None = None
        self.credential = str(refresh_token or oauth2.client_secret)
        self._session = Session(
            str(oauth2.token_url), credential=self.credential, pacing=pacing, translate=self._translated
        )

    @property
    def is_good(self) -> bool:
        """Whether the token that was fetched last has not come to its end, as far as we know."""
        return time.monotonic() < self._ends and self._clock().timestamp() < self._ends_at

    async def current(self) -> str:
        """A token that is good for some minutes.

        Raises:
            AuthError: the provider no longer accepts what we have.
            TransientError: it cannot say now.
        """
        async with self._turn:
            if not self.is_good:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        answer = await self._session.post_form("", self._request())
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise TransientError(f"{self._source}: the token endpoint gave no access token. Is `token_url` right?")
        lasts = answer.get("expires_in")
        good_for = (lasts if isinstance(lasts, int | float) else UNTOLD) - EARLY
        self._token = token
        self._ends = time.monotonic() + good_for
        self._ends_at = self._clock().timestamp() + good_for
        self._note_rotation(answer.get("refresh_token"))
        self._note_end(answer)

    def expiry(self, now: datetime) -> str | None:
        """What to do about the refresh token's end, once it is near; None: it is not, or the provider does not say."""
        if self._refresh_lasts is not None:
            self._refresh_ends, self._refresh_lasts = now + timedelta(seconds=self._refresh_lasts), None
        if self._refresh_ends is None or self._refresh_ends - now > WARN_AHEAD:
            return None
        return worded(
            f"the refresh token {self._refresh_token} expires at {self._refresh_ends:%Y-%m-%d %H:%M} UTC: give the "
            "program access to the mailbox anew before, and put the new token there"
        )

    def forget(self) -> None:
        """The mail server refused the token before its time."""
        self._ends = 0.0

    async def close(self) -> None:
        await self._session.aclose()

    def _request(self) -> dict[str, str]:
        form = {"client_id": self._oauth2.client_id}
        if self._oauth2.client_secret is not None:
            form["client_secret"] = self._oauth2.client_secret.reveal()
        if self._oauth2.scope:
            form["scope"] = self._oauth2.scope
        if self._refresh_token is None:
            return form | {"grant_type": "client_credentials"}
        configured = self._refresh_token.reveal()
        newer = self._newer[1] if self._newer and self._newer[0] == configured else configured
        return form | {"grant_type": "refresh_token", "refresh_token": newer}

    def _note_rotation(self, renewed: object) -> None:
        if self._refresh_token is not None and isinstance(renewed, str) and renewed:
            self._newer = (self._refresh_token.reveal(), renewed)

    def _note_end(self, answer: Mapping[str, object]) -> None:
        """Google and Microsoft say when a refresh token ends, where it does. Of one that each answer replaces, the end
        tells nothing: the next answer brings a later one."""
        lasts = answer.get("refresh_token_expires_in")
        if isinstance(lasts, str) and lasts.isdigit():  # Microsoft writes some numbers as text
            lasts = float(lasts)
        if not isinstance(lasts, int | float) or self._refresh_token is None or answer.get("refresh_token"):
            self._refresh_lasts = self._refresh_ends = None
        else:
            self._refresh_lasts = float(lasts)

    def _translated(self, answer: Json) -> ConnectorError | None:
        error = answer.get("error") if isinstance(answer, dict) else None
        if error in ("invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "access_denied"):
            return AuthError(
                f"{self._source}: the provider refused {self.credential} ({error}). Give the program access to the "
                "mailbox again, and set the new secret."
            )
        return TransientError(f"{self._source}: the token endpoint reports an error.") if error else None
