"""What can go wrong between us and a platform. An error's class says what happens next.

A message serves the log and the health page, so write it for the person who must act: which source, what we
saw, what to do. It never holds a secret, a post's text, or a URL that carries a token. The page says
before it what happens next, by `kind`, and translates it (connectors/wording.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from connectors.replying import Why


LONGEST_WAIT: Final = 7 * 86400.0  # seconds; who asks for more, or for something that is no time, has made a mistake


class ConnectorError(Exception):
    """Something between us and the platform failed.

    `kind`: what happens next, as health and alerts know it (aggregator/web/trouble_words.py).
    """

    kind: ClassVar[str] = "broken"


class TransientError(ConnectorError):
    """Back off and poll again: network, 5xx, a time-out, an answer cut short."""

    kind = "transient"


class ThrottledError(TransientError):
    """The platform asks us to wait. Poll again after `retry_after` seconds, whatever our own back-off says;
    of a second or less the back-off decides."""

    kind = "throttled"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after if retry_after < LONGEST_WAIT else LONGEST_WAIT


class StatusError(TransientError):
    """An answer of an HTTP status that has no class of its own here. 4xx: what was asked was not done."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def says_no(self) -> bool:
        """Whether it tells for sure that nothing was done; a time-out or a conflict does not."""
        return 400 <= self.status < 500 and self.status not in (408, 409, 425)


class NotSentError(TransientError):
    """The platform was never reached: what was to be written there surely is not."""


class AuthError(ConnectorError):
    """Stop the source and ask a person to renew the credential."""

    kind = "refused"


class SourceGoneError(ConnectorError):
    """Stop the source: it was deleted, or we were removed from it."""

    kind = "gone"


class CursorExpiredError(ConnectorError):
    """The platform no longer knows our cursor: restart at the backfill point and record the gap."""

    kind = "forgotten"


class RecordError(ConnectorError):
    """This record cannot be read: quarantine it and go on.

    `native_id`, where it could be read, keeps one broken post that is delivered ten times from becoming ten
    rejected records.
    """

    def __init__(self, message: str, native_id: str | None = None) -> None:
        super().__init__(message)
        self.native_id = native_id


class ReplyRefusedError(ConnectorError):
    """The platform does not take this answer, and nothing was sent.

    `why`: one of `connectors.replying.Why`; `detail`: what the platform said, for the colleague to read.
    """

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why = why
        self.detail = detail


class PushRefusedError(ConnectorError):
    """A webhook call is not from the platform (bad signature, wrong secret): answer `status`, store nothing."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class ConfigError(Exception):
    """The configuration cannot be used: do not start; exit code 2. One line per mistake."""
