"""What a mail source is told in connectors.yaml."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from connectors.contract import Duration, SourceConfig
from connectors.imap.smtp import Smtp
from connectors.imap.token import OAuth2
from connectors.secret import Secret


class Settings(SourceConfig):
    """One account."""

    host: str = Field(min_length=1, description="The mail server.")
    port: int = Field(default=993, ge=1, le=65535, description="993 with TLS, 143 with STARTTLS.")
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="none: only to a server on this machine."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificate authority of a server of your own; relative to this file."
    )
    user: str = Field(min_length=1, description="The account's name at the server, mostly its address.")
    password: Secret | None = Field(
        default=None,
        description="App password (授权码 at QQ and 163), not the one for the web. With oauth2: refresh token.",
    )
    oauth2: OAuth2 | None = Field(default=None, description="Where access tokens come from (XOAUTH2).")
    mailboxes: tuple[str, ...] = Field(default=("INBOX",), min_length=1, description="Folders that customers write to.")
    junk: bool | str = Field(
        default=True, description="Read the Junk folder, too. true: the one that the server marks; or its name."
    )
    sent: bool | str = Field(
        default=True,
        description="See our answers in the Sent folder. true: the one that the server marks; or its name.",
    )
    addresses: frozenset[str] = Field(
        default=frozenset(),
        description="Our own addresses, or @domain for a whole domain: who writes from there answers for us.",
    )
    authserv_id: str | None = Field(
        default=None,
        description="Name under which our mail server writes Authentication-Results; only it vouches for a colleague.",
    )
    smtp: Smtp | None = Field(
        default=None, description="The server that sends our answers; without one mails can only be read."
    )
    idle: Duration = Field(
        default=timedelta(minutes=2),
        ge=timedelta(0),
        le=timedelta(minutes=25),
        description="Wait so long for the server's call (IDLE) before looking again; 0s: poll only.",
    )

    @field_validator("addresses")
    @classmethod
    def _lower(cls, addresses: frozenset[str]) -> frozenset[str]:
        if wrong := sorted(each for each in addresses if "@" not in each):
            raise ValueError(f"{wrong[0]} is no address; write name@example.com, or @example.com for all of them")
        return frozenset(each.lower() for each in addresses)

    @field_validator("ca_file")
    @classmethod
    def _beside_the_configuration(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        directory: Path = (info.context or {}).get("directory", Path())
        return path and directory / path

    @model_validator(mode="after")
    def _has_a_credential(self) -> Settings:
        if self.password is None and (self.oauth2 is None or self.oauth2.client_secret is None):
            raise ValueError("set password, or oauth2 with a client_secret")
        return self

    @model_validator(mode="after")
    def _nothing_in_clear(self) -> Settings:
        if self.security == "none" and not _is_this_machine(self.host):
            raise ValueError("security: none would send the password in clear; it is for a server on this machine")
        if self.smtp is not None and self.smtp.security == "none" and not _is_this_machine(self.smtp.host):
            raise ValueError(
                "smtp: security: none would send the password in clear; it is for a server on this machine"
            )
        if self.smtp is not None and self.smtp.address is None and "@" not in self.user:
            raise ValueError("smtp: set `address`: from which address answers come")
        return self

    @property
    def ours(self) -> frozenset[str]:
        """Our addresses; the account's own is one of them."""
        return self.addresses | ({self.user.lower()} if "@" in self.user else set())


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
