"""A secret in the configuration: only a reference to where it is, never the secret itself."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from connectors.errors import AuthError


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
        if self.env is not None:
            return None if os.environ.get(self.env) else f"the environment variable {self.env} is not set"
        assert self.file is not None
        try:
            return None if self.file.read_text(encoding="utf-8").strip() else f"{self.file} is empty"
        except OSError as error:
            return f"{self.file} cannot be read: {error.strerror}"
        except ValueError:
            return f"{self.file} cannot be read: it is not UTF-8 text"

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
