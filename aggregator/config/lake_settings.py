"""The part of connectors.yaml that says where a desk of several machines keeps its data (docs/lake.md)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field, field_validator, model_validator

from aggregator.config.clock_settings import STRICT
from connectors.contract import Duration
from connectors.secret import Secret

SCHEME = "ducklake:postgres:"


class S3(BaseModel):
    """How an S3 API is spoken to. What is left out is as Amazon has it."""

    model_config = STRICT

    key_id: Secret = Field(description="Access key id.")
    secret: Secret = Field(description="Secret access key.")
    region: str = Field(default="us-east-1", min_length=1, description="Region of the bucket.")
    endpoint: str | None = Field(
        default=None, pattern=r"^[^\s/]+$", description="host:port of another service than Amazon's."
    )
    path_style: bool | None = Field(
        default=None,
        description="true: the bucket's name in the path; false: before the host's. As a rule in the path where there "
        "is an endpoint.",
    )
    tls: bool = Field(default=True, description="false: without TLS, for a service on this network.")

    @property
    def by_path(self) -> bool:
        """Whether the bucket is named in the path."""
        return self.endpoint is not None if self.path_style is None else self.path_style


class LakeSettings(BaseModel):
    """One database for several machines: catalog in PostgreSQL, rows in Parquet files."""

    model_config = STRICT

    store: str = Field(
        description="ducklake:postgres: and how to reach PostgreSQL, as key=value words of libpq. No password: libpq "
        "takes it from ~/.pgpass or PGPASSWORD."
    )
    files: str = Field(min_length=1, description="Folder that all machines share, absolute; or s3://bucket/prefix.")
    s3: S3 | None = Field(default=None, description="Needed where files are in S3.")
    lease: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=10))] = Field(
        default=timedelta(seconds=15), description="A collector that is not heard of for so long has lost its sources."
    )

    @field_validator("store")
    @classmethod
    def _a_catalog(cls, store: str) -> str:
        words = store.removeprefix(SCHEME)
        if words == store or not re.fullmatch(r"(?:\s*[a-z_]+=[^\s'\\]+)+\s*", words):
            raise ValueError(f"should be {SCHEME}host=... dbname=... user=..., in words of key=value")
        if "password=" in words or "options=" in words:
            raise ValueError("may hold no password (write it to ~/.pgpass, or set PGPASSWORD) and no options")
        return store

    @field_validator("files")
    @classmethod
    def _absolute(cls, files: str) -> str:
        if not files.startswith(("/", "s3://")):
            raise ValueError("should be an absolute path or begin with s3://: all machines have to mean the same")
        return files

    @model_validator(mode="after")
    def _keys_for_s3(self) -> LakeSettings:
        if self.files.startswith("s3://") and self.s3 is None:
            raise ValueError("names files in S3, but no keys: write s3")
        return self

    @property
    def dsn(self) -> str:
        """How libpq reaches the catalog."""
        return self.store.removeprefix(SCHEME).strip()
