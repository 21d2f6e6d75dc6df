"""What is done with all that is stored: taking it in, reading it again, copying, moving, erasing it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from aggregator.cli.doing import do, load_settings, show, when_free
from aggregator.cli.group import DONE, FAILED, PARTLY_DONE, fail, main
from aggregator.cli.options import config_option, encoding_option, json_option, mapping, shard_option

if TYPE_CHECKING:
    from aggregator.config import Settings


def _no_pipes(_: click.Context, __: click.Parameter, files: tuple[Path, ...]) -> tuple[Path, ...]:
    """An import reads a file twice: first its name, which is its content, so that it can go on where it was."""
    for file in files:
        if str(file) == "-" or (file.exists() and not file.is_file()):
            raise click.BadParameter(
                f"{file} is no file but a pipe or a device: write what comes from it to a file first"
            )
    return files


@main.command(
    "import", epilog="Example: aggregator import tickets.csv --source old-desk --map text=body,author_id=user"
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    callback=_no_pipes,
)
@click.option("--source", required=True, help="A name for what these files are; not one of the polled sources.")
@click.option("--map", "renamed", default="", help="Our field = the file's column, ... (text=body,author_id=user).")
@encoding_option
@config_option
@json_option
def import_(files: tuple[Path, ...], source: str, renamed: str, encoding: str, config: Path, as_json: bool) -> None:
    """Take posts from JSON Lines, CSV, TSV or Parquet FILES through the same ingest.

    `text` is needed; native_id, created_at, thread_id, author_id, author_name, channel, lang, url, public,
    reply_to, followers, likes, replies and shares are used where they are. Times without a zone are taken for UTC, a
    number for seconds or milliseconds since 1970, or a date (20260310). Interrupted: run it again, it goes on
    where it was. Run again afterwards: it adds nothing. With another --map or --encoding the file is read anew, and its
    posts are corrected. Rows that cannot be read are kept, with the reason; exit code
    3 if there are some, 1 if there is nothing else.
    """
    arguments = {
        "files": [str(file.resolve()) for file in files],
        "source": source,
        "map": mapping(renamed),
        "encoding": encoding,
    }
    result = do(load_settings(config), "import", arguments, quiet=as_json)
    show(
        result,
        as_json,
        f"{result['records']:,} rows read: {result['new']:,} new posts, {result['inquiries']:,} inquiries, "
        f"{result['rejected']:,} rejected",
    )
    rejected, why = result["rejected"], result.get("why", [])  # a service of before tells no reasons
    if why and not as_json:
        click.echo("\n".join(why + [f"and {rejected - len(why):,} more"] * (rejected > len(why))), err=True)
    sys.exit(DONE if not rejected else FAILED if rejected == result["records"] else PARTLY_DONE)


@main.command(epilog="Example: aggregator replay")
@shard_option
@config_option
@json_option
def replay(shard: tuple[int, int], config: Path, as_json: bool) -> None:
    """Read stored records again with today's code, rejected ones included. Unchanged code changes nothing.

    Stopped, and run again with the same code and configuration, it goes on where it was.
    """
    result = do(load_settings(config), "replay", {"shard": shard}, quiet=as_json)
    text = (
        f"{result['posts']:,} posts read again: {result['changed_posts']:,} changed, "
        f"{result['changed_inquiries']:,} inquiries changed, {result['recovered']:,} rejected records recovered, "
        f"{result['rejected']:,} still rejected"
    )
    if result["went_on"]:
        text += "; it went on where an earlier one was stopped"
    if result["unknown_sources"]:
        text += f"; left alone, for they are no longer configured: {', '.join(result['unknown_sources'])}"
    show(result, as_json, text)


@main.command(epilog="Example: aggregator rescore --dry-run")
@click.option("--dry-run", is_flag=True, help="Only tell what would move.")
@shard_option
@config_option
@json_option
def rescore(dry_run: bool, shard: tuple[int, int], config: Path, as_json: bool) -> None:
    """Give open inquiries the points of today's words, weights and model. Without --dry-run: as `aggregator replay`."""
    if not dry_run:
        click.get_current_context().invoke(replay, shard=shard, config=config, as_json=as_json)
        return
    from aggregator.terminal import moves

    result = do(load_settings(config), "rescore", {"shard": shard}, quiet=as_json)
    show(result, as_json, "" if as_json else moves(result))


@main.command(epilog="Example: aggregator backup /var/backups/desk-2026-11-22")
@click.argument("target", type=click.Path(path_type=Path))
@config_option
@json_option
def backup(target: Path, config: Path, as_json: bool) -> None:
    """Copy both databases into the new folder TARGET, consistent, beside a running service."""
    result = do(load_settings(config), "backup", {"target": str(target.resolve())}, quiet=as_json)
    show(result, as_json, f"{target}: {result['posts']:,} posts, checked")


@main.command(epilog="Example: aggregator restore /var/backups/desk-2026-11-22")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the data that is there.")
@config_option
@json_option
def restore(folder: Path, force: bool, config: Path, as_json: bool) -> None:
    """Put the backup FOLDER in place. The service must not be running."""
    from aggregator.backup import restore as put_back
    from aggregator.control import RefusedError

    settings = load_settings(config)
    if settings.lake is not None:
        raise RefusedError(
            f"{folder}: no lake is put back here; restore PostgreSQL (pg_restore), and the folder of its "
            "files beside it, or read the backup with a configuration without lake (docs/lake.md)"
        )
    when_free(lambda: _require_no_service(settings))
    result = put_back(folder.resolve(), settings.data, force=force)
    show(result, as_json, f"{settings.data}: {result['posts']:,} posts restored, as of {result['made_at']}")


@main.command("migrate-store", epilog="Example: aggregator migrate-store --to lake")
@click.option("--to", type=click.Choice(["lake", "file"]), required=True, help="Which of the two is filled.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file on the other side; default: inquiries.duckdb in the data directory.",
)
@click.option("--compare", is_flag=True, help="Copy nothing: only compare what is in both.")
@config_option
@json_option
def migrate_store(to: Literal["lake", "file"], file: Path | None, compare: bool, config: Path, as_json: bool) -> None:
    """Move all inquiries from the file into the empty lake of connectors.yaml, or back; and compare every row.

    Nothing else may be at work on either. What is read is never changed. Interrupted, by kill -9 too: run it again, it
    goes on where it stood. desk.db (users, drafts, saved views) is no part of it, and stays where it is. docs/lake.md
    """
    from dataclasses import asdict

    from aggregator.backup import DATABASE
    from aggregator.migrating.migrate import migrate_store as migrated
    from aggregator.stopping import stoppable
    from aggregator.terminal import progress

    settings = load_settings(config)
    path = file or settings.data / DATABASE
    with progress(as_json) as say:
        result = when_free(lambda: asyncio.run(stoppable(migrated(settings, to, path, say, only_compare=compare))))
    show(asdict(result), as_json, "" if result.differences else f"{result.rows:,} rows in {result.tables} tables: "
          f"the same in both, {result.copied:,} of them copied now; desk.db was not touched")  # fmt: skip
    if result.differences:
        end = "they are not the same" + ("" if compare else ": empty the target, and run this again")
        fail("\n".join((*result.differences, end)), FAILED)


@main.command(epilog="Example: aggregator compact")
@config_option
@json_option
def compact(config: Path, as_json: bool) -> None:
    """Copy the database into a fresh file: only so do overwritten and erased bytes leave the disk."""
    result = do(load_settings(config), "compact", {}, quiet=as_json)
    sizes = f"{result['bytes_before']:,} bytes before, {result['bytes_after']:,} after"
    show(result, as_json, sizes if result["bytes_before"] else "done; a lake's bytes are elsewhere (docs/lake.md)")


@main.command(epilog="Example: aggregator erase --person K7QX2MA --dry-run")
@click.option("--person", required=True, help="The code of an inquiry, space:id of an account, a handle or a name.")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option(
    "--log-file",
    "logs",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A log to be searched, too; can be repeated.",
)
@config_option
@json_option
def erase(person: str, dry_run: bool, logs: tuple[Path, ...], config: Path, as_json: bool) -> None:
    """Erase a person: every table, version, record and draft, and what others quoted; compact; and prove it.

    Exit code 3: it is erased, but something is left, which is named. Backups that still hold the person are named, too;
    they are not changed.
    """
    from aggregator.erasure_report import erasure

    arguments = {"person": person, "dry_run": dry_run, "logs": [str(each.resolve()) for each in logs]}
    result = do(load_settings(config), "erase", arguments, quiet=as_json)
    show(result, as_json, "" if as_json else erasure(result))
    sys.exit(DONE if dry_run or result["proof"]["holds"] else PARTLY_DONE)


@main.command(epilog="Example: aggregator retain")
@config_option
@json_option
def retain(config: Path, as_json: bool) -> None:
    """Delete what has been kept for as long as `retention` says. The service does it by itself, once a day."""
    result = do(load_settings(config), "retain", {}, quiet=as_json)
    rows = "".join(f"\n  {table}: {count:,}" for table, count in result["deleted"].items())
    show(result, as_json, f"{result['inquiries']:,} inquiries deleted, counted in inquiry_count{rows}")


def _require_no_service(settings: Settings) -> None:
    """Raises RefusedError, DatabaseBusyError: a service or a command is at work. A database that cannot be opened
    for another reason may be replaced."""
    from aggregator.backup import DATABASE
    from aggregator.control import RefusedError, listens, socket_path
    from aggregator.store.database import Database, DatabaseBusyError, StoreError

    if listens(socket_path(settings.data)):
        raise RefusedError(f"the service of {settings.data} is running; stop it first")
    if not (settings.data / DATABASE).exists():
        return
    try:
        Database(settings.data / DATABASE).close()
    except DatabaseBusyError:
        raise
    except StoreError:
        return
