"""A secret in the configuration: only a reference to where it is, never the secret itself."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.errors import AuthError


class Secret(BaseModel):
    """`{env: NAME}` or `{file: PATH}`. Read at each use, so that a renewed file is taken up without a restart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = Field(default=None, description="Name of the environment variable that holds it.")
    file: Path | None = Field(default=None, description="File that holds it, and nothing else.")

    @model_validator(mode="before")
    @classmethod
    def _is_a_reference(cls, value: object) -> object:
        if not isinstance(value, dict | Secret):
            raise ValueError("write {env: NAME} or {file: PATH}; a secret may not stand in this file")
        return value

    @model_validator(mode="after")
    def _names_one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("write either {env: NAME} or {file: PATH}")
        return self

    def __str__(self) -> str:
        return f"{{env: {self.env}}}" if self.env else f"{{file: {self.file}}}"

    def missing(self) -> str | None:
        """Why it cannot be read now, or None."""
        if self.env is not None:
            return None if os.environ.get(self.env) else f"the environment variable {self.env} is not set"
        assert self.file is not None
        try:
            return None if self.file.read_text(encoding="utf-8").strip() else f"{self.file} is empty"
        except OSError as error:
            return f"{self.file} cannot be read: {error.strerror}"

    def reveal(self) -> str:
        """The secret.

        Raises:
            AuthError: it is not there (any more).
        """
        if why := self.missing():
            raise AuthError(why)
        if self.env is not None:
            return os.environ[self.env].strip()
        assert self.file is not None
        return self.file.read_text(encoding="utf-8").strip()
