"""The Parquet files of a lake: how they are reached, whose folder it is, what nobody needs, and what refusals mean."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb
import structlog

from aggregator.config.lake_settings import S3, LakeSettings
from aggregator.store.database import Connection, StoreError

log = structlog.get_logger()

_OWN_FILE = re.compile(r"ducklake-[0-9a-f-]{36}[^/]*\.parquet$")
_REFUSED = re.compile(r"NoSuchBucket|InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|HTTP (?:code )?40[13]")
_OF_FILES = re.compile(r"HTTP|(?:GET|PUT|POST|HEAD|DELETE) to|[Cc]annot open file|[Ff]ailed to (?:open|write)")


def use_keys(con: Connection, s3: S3) -> str:
    """Let DuckDB use the keys as they are now. Returns what tells whether they have been renewed since."""
    key_id, secret = s3.key_id.reveal(), s3.secret.reveal()
    more = f", ENDPOINT {quoted(s3.endpoint)}" if s3.endpoint else ""
    if s3.by_path:
        more += ", URL_STYLE 'path'"
    con.execute(
        f"CREATE OR REPLACE SECRET lake_files (TYPE s3, KEY_ID {quoted(key_id)}, SECRET {quoted(secret)}, "
        f"REGION {quoted(s3.region)}, USE_SSL {str(s3.tls).lower()}{more})"
    )
    return f"{key_id} {secret}"


def is_refused(error: BaseException) -> bool:
    """Whether S3 answered, and said no: waiting does not help."""
    return isinstance(error, duckdb.Error) and bool(_REFUSED.search(str(error)))


def explained(error: duckdb.Error, settings: LakeSettings) -> StoreError:
    """What a person has to know of it, and to do."""
    text, files = str(error), settings.files
    where = (settings.s3.endpoint if settings.s3 else None) or "S3"
    if "NoSuchBucket" in text:
        bucket = files.removeprefix("s3://").partition("/")[0]
        return StoreError(f"lake.files: {where} has no bucket {bucket}; make it, or name another one")
    if "InvalidAccessKeyId" in text:
        return StoreError(f"lake.s3.key_id: {where} does not know this key; renew it")
    if "SignatureDoesNotMatch" in text:
        return StoreError(f"lake.s3.secret: {where} refused it: it is not the one that belongs to the key_id")
    if is_refused(error):
        return StoreError(f"lake.s3: {where} does not let this key work in {files}: {_first_line(text)}")
    if settings.s3 is not None and _OF_FILES.search(text):
        return StoreError(
            f"lake.files: {files} is out of reach ({where}); what was not committed is done again once it is back. "
            + _first_line(text)
        )
    return StoreError(f"the lake: {text}")


def take_folder(con: Connection, settings: LakeSettings) -> None:
    """Mark the folder as this lake's, at the first time. `con` has the lake attached, and nobody else writes.

    Raises:
        StoreError: it is another lake's: one would delete what the other needs.
        duckdb.Error: it is out of reach.
    """
    if settings.files.startswith("/"):
        Path(settings.files).mkdir(mode=0o700, parents=True, exist_ok=True)
    (mine,) = con.execute(
        "FROM postgres_query('catalog', 'SELECT schema_uuid::text FROM ducklake_schema WHERE schema_id = 0')"
    ).fetchone() or ("",)
    found = owners(con, settings)
    if found == [mine]:
        return
    if found:
        raise _another_lakes(settings, found[0])
    con.execute(f"COPY (SELECT {quoted(mine)} AS lake) TO {quoted(_folder(settings) + f'lake-{mine}.csv')}")


def owners(con: Connection, settings: LakeSettings) -> list[str]:
    """The lakes that have marked the folder.

    Raises:
        duckdb.Error: it is out of reach.
    """
    marks = con.execute("SELECT file FROM glob(?) ORDER BY ALL", [_folder(settings) + "lake-*.csv"]).fetchall()
    return [PurePosixPath(name).stem.removeprefix("lake-") for (name,) in marks]


def looked_at(con: Connection, settings: LakeSettings) -> list[str]:
    """What stands in PostgreSQL (attached as `catalog`) and in the folder, in words.

    Raises:
        StoreError: the folder is another lake's.
        duckdb.Error: one of them does not answer.
    """

    def ask(statement: str) -> list[tuple[Any, ...]]:
        return con.execute("FROM postgres_query('catalog', ?)", [statement]).fetchall()

    ((server,),) = ask("SELECT split_part(current_setting('server_version'), '.', 1)")
    made = ask("SELECT 1 FROM pg_tables WHERE tablename = 'ducklake_schema'")
    mine = ask("SELECT schema_uuid::text FROM ducklake_schema WHERE schema_id = 0")[0][0] if made else None
    tables = ask("SELECT count(*) FROM ducklake_table WHERE end_snapshot IS NULL")[0][0] if made else 0
    if settings.files.startswith("/") and not os.access(_existing(Path(settings.files)), os.W_OK):
        raise StoreError(f"lake.files: {settings.files} cannot be written")
    found = owners(con, settings)
    if found and found != [mine]:
        raise _another_lakes(settings, found[0])
    return [
        f"PostgreSQL {server}, " + (f"{tables} tables" if tables else "no tables yet"),
        f"{settings.files} answers; " + ("it is this lake's" if found else "no lake has written there yet"),
    ]


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _another_lakes(settings: LakeSettings, whose: str) -> StoreError:
    return StoreError(
        f"lake.files: {settings.files} holds the files of another lake (its lake-{whose}.csv says so); "
        "give each lake a folder of its own"
    )


def delete_orphans(con: Connection) -> None:
    """Delete files that no snapshot knows: of a process that was killed as it wrote them. Nobody else may write now."""
    orphans = con.execute(
        "CALL ducklake_delete_orphaned_files('lake', dry_run => true, cleanup_all => true)"
    ).fetchall()
    foreign = [name for (name,) in orphans if not _OWN_FILE.search(name)]
    if foreign:
        log.warning("lake.foreign_files", files=foreign[:5], left=len(orphans))
    elif orphans:
        con.execute("CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)").fetchall()
        log.info("lake.orphans_deleted", files=len(orphans))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _folder(settings: LakeSettings) -> str:
    return settings.files.rstrip("/") + "/"


def _first_line(text: str) -> str:
    return " ".join(text.split("\n\nAuthentication Failure")[0].split())
