"""A secret in the configuration: only a reference to where it is, never the secret itself."""

from __future__ import annotations

import hmac
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from connectors.errors import AuthError

GRACE: Final = 600.0  # seconds for which what a file held before it was changed still proves a call genuine


class _Held(NamedTuple):
    """What a file holds, what it held before, and until when that counts."""

    value: str
    before: str
    until: float


class Renewals:
    """What the secrets' files held when they were last read: a platform learns of a new one later than we."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[Path, _Held] = {}
        self._lock = threading.Lock()

    def saw(self, file: Path, value: str) -> None:
        with self._lock:
            held = self._held.get(file)
            if held is None:
                self._held[file] = _Held(value, "", 0.0)
            elif held.value != value:
                self._held[file] = _Held(value, held.value, self._clock() + GRACE)

    def before(self, file: Path) -> str | None:
        """What it held until a short while ago; None: it was not changed."""
        with self._lock:
            held = self._held.get(file)
        return held.before if held is not None and self._clock() < held.until else None


_renewals = Renewals()


class Secret(BaseModel):
    """`{env: NAME}` or `{file: PATH}`. Read at each use, so that a renewed file is taken up without a restart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = Field(default=None, description="Name of the environment variable that holds it.")
    file: Path | None = Field(
        default=None, description="File that holds it, and nothing else; relative to the configuration's directory."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_a_reference(cls, value: object) -> object:
        if not isinstance(value, dict | Secret):
            raise ValueError("write {env: NAME} or {file: PATH}; a secret may not stand in this file")
        return value

    @field_validator("env")
    @classmethod
    def _is_a_name(cls, env: str | None) -> str | None:
        # A token pasted here would otherwise be repeated by every message that names the variable.
        if env is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", env):
            raise ValueError("should be the name of an environment variable, not its value")
        return env

    @field_validator("file")
    @classmethod
    def _next_to_the_file(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        directory: Path = (info.context or {}).get("directory", Path())
        return file and directory / file

    @model_validator(mode="after")
    def _names_one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("write either {env: NAME} or {file: PATH}")
        return self

    def __str__(self) -> str:
        return f"{{env: {self.env}}}" if self.env else f"{{file: {self.file}}}"

    def missing(self) -> str | None:
        """Why it cannot be read now, or None."""
        try:
            self.reveal()
        except AuthError as error:
            return str(error)
        return None

    def reveal(self) -> str:
        """The secret.

        Raises:
            AuthError: it is not there (any more).
        """
        if self.env is not None:
            if value := os.environ.get(self.env, "").strip():
                return value
            raise AuthError(f"the environment variable {self.env} is not set")
        assert self.file is not None
        # Read once: whoever writes a file first empties it, and nothing is signed with an empty secret.
        try:
            value = self.file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise AuthError(f"{self.file} cannot be read: {error.strerror}") from None
        except ValueError:
            raise AuthError(f"{self.file} cannot be read: it is not UTF-8 text") from None
        if not value:
            raise AuthError(f"{self.file} is empty")
        _renewals.saw(self.file, value)
        return value

    def accepted(self) -> tuple[str, ...]:
        """The secret, and for ten minutes after its file was changed the one before: platforms are told by hand.

        Raises:
            AuthError: it is not there (any more).
        """
        value = self.reveal()
        before = _renewals.before(self.file) if self.file else None
        return (value,) if before is None else (value, before)

    def proves(self, given: str, made: Callable[[str], str] = str) -> bool:
        """Whether `given` is what `made` makes of the secret, or of another one that is accepted. In constant time.

        Raises:
            AuthError: it is not there (any more).
        """
        genuine = False
        for secret in self.accepted():
            genuine |= hmac.compare_digest(given.encode("utf-8", "replace"), made(secret).encode())
        return genuine

    def stamp(self) -> tuple[int, ...]:
        """Of its file; another one once it was written anew, or is gone. Empty: it is in no file that can be seen."""
        if self.file is None:
            return ()
        try:
            seen = self.file.stat()
        except OSError:
            return ()
        return seen.st_ino, seen.st_mtime_ns, seen.st_size
