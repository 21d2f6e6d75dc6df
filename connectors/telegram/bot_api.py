"""Calls to the Bot API through python-telegram-bot, and what their failures mean.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest
from telegram.warnings import PTBUserWarning

from connectors.errors import AuthError, ConnectorError, ThrottledError, TransientError
from connectors.secret import Secret
from connectors.session import Json, certificates, parse_json
from connectors.telegram.replies import refusal

Meaning = Callable[[TelegramError, str], ConnectorError | None]

ANSWER_WITHIN = 20.0
"""Seconds, on top of a long poll. The library's own 5 are too few on long ways round the world."""


class OtherPollerError(AuthError):
    """The first of the two 409: another program polls the same bot, and this poll was ended by it."""


class WebhookActiveError(AuthError):
    """The second of the two 409: a webhook stands in the way of polling."""


class RefusedError(TransientError):
    """400 or 403. For a poll a fault on the way; for a question about a chat the answer."""

    def __init__(self, message: str, moved_to: int | None) -> None:
        super().__init__(message)
        self.moved_to = moved_to  # the supergroup that the chat became


class _Strict(HTTPXRequest):
    """The library reads bytes that are no UTF-8 as question marks, and the next call would confirm such a text."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> Json:
        try:
            return parse_json(payload)
        except ValueError as error:
            raise TelegramError("cut short or in a wrong charset") from error


class BotApi:
    """The connection of one source. No error that it raises holds the token or a text."""

    def __init__(self, source: str, token: Secret, api: str) -> None:
        _silence_library()
        self._source = source
        self._token = token
        self._base_url = f"{api.rstrip('/')}/bot"
        self._request = _Strict(
            connection_pool_size=4,
            connect_timeout=ANSWER_WITHIN,
            read_timeout=ANSWER_WITHIN,
            write_timeout=ANSWER_WITHIN,
            httpx_kwargs={"verify": certificates()},
        )

    async def close(self) -> None:
        await self._request.shutdown()

    async def call(self, method: str, **parameters: Any) -> Any:
        """Return the `result` of one method, as sent. A parameter None is left out.

        Raises:
            ConnectorError: one of errors.py, OtherPollerError, WebhookActiveError or RefusedError.
        """
        return await self._called(method, parameters, None)

    async def send(self, method: str, **parameters: Any) -> Any:
        """The same of a method that writes. Raises as `Replying.reply`."""
        return await self._called(method, parameters, refusal)

    async def _called(self, method: str, parameters: dict[str, Any], means: Meaning | None) -> Any:
        # A new Bot each time costs microseconds and takes up a renewed token file.
        bot = Bot(
            self._token.reveal(),
            base_url=self._base_url,
            request=self._request,
            get_updates_request=self._request,
        )
        try:
            return await bot.do_api_request(
                method, api_kwargs=parameters, read_timeout=ANSWER_WITHIN + parameters.get("timeout", 0)
            )
        except TelegramError as error:
            problem = (means(error, self._source) if means else None) or self._problem(error)
        except (KeyError, TypeError):
            problem = TransientError(f"{self._source}: the answer is not the Bot API's. Is `api` right?")
        # Raised out here, for an exception keeps the one beside which it was raised, with its URL and token.
        raise problem

    def _problem(self, error: TelegramError) -> ConnectorError:
        """What a failed call means for the poller. PTB's own messages may quote the answer: not repeated."""
        source = self._source
        match error:
            case RetryAfter():
                wait = _seconds(error.retry_after)
                return ThrottledError(f"{source}: Telegram asks us to wait {wait:g} s.", wait)
            case InvalidToken():
                return AuthError(
                    f"{source}: Telegram refused the token {self._token}. Renew it with BotFather and set it."
                )
            case Conflict() if "webhook" in error.message:
                return WebhookActiveError(
                    f"{source}: a webhook is set for this bot, so it cannot be polled. Delete the webhook, "
                    "set owns_bot: true to have it deleted, or set webhook_secret to be called by it."
                )
            case Conflict():
                return OtherPollerError(
                    f"{source}: another program polls the bot of {self._token} too, and each gets only part "
                    "of the messages. Stop the other one, or use one bot for each environment."
                )
            case ChatMigrated():
                return RefusedError(f"{source}: the group became a supergroup.", error.new_chat_id)
            case Forbidden() | BadRequest():
                return RefusedError(f"{source}: Telegram refused a call ({type(error).__name__}).", None)
            case _:
                cause = type(error.__cause__ or error).__name__
                return TransientError(f"{source}: Telegram cannot be reached or understood ({cause}).")


def _seconds(wait: int | timedelta) -> float:
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _silence_library() -> None:
    """Keep tokens and texts out of every log: httpx logs URLs, PTB whole answers that it cannot read."""
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # PTB would rather have us call get_updates(), and announces a type that _seconds() is ready for.
    for message in (r"Please use 'Bot\.", r".*attribute `retry_after` will be of type"):
        warnings.filterwarnings("ignore", message=message, category=PTBUserWarning)
