"""The commands. Each is a few lines that call one function; what is heavy is imported when it is needed."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.control import Say
    from aggregator.scoring import Input
    from aggregator.service import Running
    from aggregator.store.desk import Role
    from aggregator.store.tokens import Scope
    from aggregator.telling.trying import Tried

DONE, FAILED, BAD_CONFIGURATION, PARTLY_DONE = 0, 1, 2, 3

config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("connectors.yaml"),
    show_default=True,
    help="The configuration file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")


class _Commands(click.Group):
    """Turns what can go wrong into one sentence and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        from connectors.errors import ConfigError

        try:
            return super().invoke(context)
        except ConfigError as error:
            _fail(str(error), BAD_CONFIGURATION)
        except (KeyboardInterrupt, asyncio.CancelledError):
            from aggregator.stopping import ignore_ctrl_c

            ignore_ctrl_c()
            _fail("stopped; what was committed is kept", 130)
        except BrokenPipeError:
            _hush()
            sys.exit(FAILED)
        except Exception as error:
            if _EXPECTED.isdisjoint(each.__name__ for each in type(error).__mro__):
                raise
            _fail(_sentence(error), FAILED)


# By name, so that `aggregator --help` need not import what raises them.
_EXPECTED = frozenset(
    {"StoreError", "RefusedError", "PortTakenError", "FenceLostError", "DeskError", "ConnectorError", "OSError"}
    | {"OperationalError"}  # of SQLite: desk.db is locked, or the disk is full
)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else f"it cannot be written: {error.strerror}"
    return f"desk.db: {error}" if type(error).__name__ == "OperationalError" else str(error)


def _fail(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)


def _hush() -> None:
    """The reader of a pipe has gone: nothing more can be said, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _encoding(_: click.Context, __: click.Parameter, name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise click.BadParameter(f"unknown encoding {name}; for Chinese files of older tools try gb18030") from None
    return name


encoding_option = click.option(
    "--encoding", default="utf-8-sig", show_default=True, callback=_encoding, help="Of CSV and TSV files."
)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="inquiry-aggregator", prog_name="aggregator")
@click.option(
    "--log",
    "log_format",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    help="How to write logs; auto: as text to a terminal, else as JSON lines.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every poll, too.")
def main(log_format: Literal["auto", "text", "json"], verbose: bool) -> None:
    """Listens on every channel of a community and ranks what people ask and complain about.

    Exit codes: 0 done, 1 failed, 2 bad configuration, 3 partly done (some sources failed).
    """
    from aggregator.lean import import_without_rich

    import_without_rich("structlog", "httpx")
    from aggregator.logs import set_up

    os.umask(0o077)  # whatever is written is customers' texts, or secrets
    if log_format == "auto":
        log_format = "text" if sys.stderr.isatty() else "json"
    set_up(log_format, verbose=verbose)


@main.command(epilog="Example: aggregator run --config connectors.yaml")
@config_option
def run(config: Path) -> None:
    """Poll all sources, serve the feed and the webhooks, until stopped (Ctrl-C, SIGTERM)."""
    from aggregator.service import run as run_service

    settings = _load(config)
    _require_secrets(settings)

    def greet(service: Running) -> None:
        from aggregator.greeting import greeting

        click.echo(greeting(service))

    asyncio.run(run_service(settings, greet))


def _shard(_: click.Context, __: click.Parameter, text: str) -> tuple[int, int]:
    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise click.BadParameter("write which share of how many, such as 2/8")
    return int(number), int(of)


@main.command(epilog="Example: aggregator collect --shard 2/8")
@click.option("--shard", default="1/1", callback=_shard, help="Which share of how many, by the sources' names.")
@click.option("--hooks-port", type=click.IntRange(0, 65535), help="Instead of the configured one; 0 takes any.")
@config_option
def collect(shard: tuple[int, int], hooks_port: int | None, config: Path) -> None:
    """Poll a share of the sources into a lake (docs/lake.md), and take their webhooks, until stopped.

    A second one of the same share stands by: it takes over within the time of a lease when the first dies.
    """
    from aggregator.collecting import Shard
    from aggregator.collecting import collect as collect_on

    settings = _load(config)
    _require_secrets(settings)
    asyncio.run(collect_on(settings, Shard(*shard), hooks_port))


@main.command(epilog="Example: aggregator web --port 8090")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of the configured one; 0 takes any.")
@config_option
def web(port: int | None, config: Path) -> None:
    """Serve only the feed, over a lake (docs/lake.md) that collectors fill, until stopped."""
    from aggregator.feed_only import serve_feed

    settings = _load(config)
    asyncio.run(serve_feed(settings, click.echo, port))


@main.command(epilog="Example: aggregator poll forum support-group")
@click.argument("sources", nargs=-1)
@config_option
@json_option
def poll(sources: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Read each source once, then end: for cron. Without SOURCES: all of them.

    Where no service is at work, webhooks and alerts that are due are sent at the end, for at most 30 seconds.
    While another `aggregator poll` is at work it says so and ends with 0.
    """
    from aggregator.locking import lock

    settings = _load(config)
    _require_secrets(settings)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock(settings.data / "poll.lock") as alone:
        if not alone:
            _show({}, as_json, "already running: another `aggregator poll` has not ended yet")
            return
        result = _do(settings, "poll", {"sources": list(sources)}, quiet=as_json)
    _show(result, as_json, "")
    failed = [name for name, one in result.items() if not one["ok"]]
    sys.exit(DONE if not failed else FAILED if len(failed) == len(result) else PARTLY_DONE)


@main.command(epilog="Example: aggregator check --connect")
@config_option
@click.option("--connect", is_flag=True, help="Try each login, too, and say what it may read.")
@json_option
def check(config: Path, connect: bool, as_json: bool) -> None:
    """Look for every mistake in the configuration and in the word lists."""
    from aggregator.backup import open_to_others
    from aggregator.config import missing_secrets
    from aggregator.triage import get_ready

    settings = _load(config)
    get_ready()
    if seen := open_to_others(settings.data):
        click.echo(seen, err=True)
    from aggregator.telling.trying import wrong_secrets

    missing = missing_secrets(settings) + wrong_secrets(settings)
    for line in missing:
        click.echo(line, err=True)
    if missing:
        sys.exit(BAD_CONFIGURATION)
    if not connect:
        _show({"sources": len(settings.sources)}, as_json, f"{config}: no mistakes, {len(settings.sources)} sources")
        return
    from aggregator.checking import check_lake, check_sources, of_quotas

    findings = asyncio.run(check_lake(settings)) | asyncio.run(check_sources(settings))
    for name, quota in of_quotas(_quotas(settings)).items():
        findings.get(name, []).append(quota)
    if as_json:
        _show(findings, True, "")
    for name, found in findings.items() if not as_json else ():
        for finding in found:
            click.echo(f"{name}: {finding.level}: {finding.text}")
    bad = [name for name, found in findings.items() if any(finding.level == "failed" for finding in found)]
    sys.exit(DONE if not bad else FAILED if len(bad) == len(findings) else PARTLY_DONE)


@main.command(
    "import", epilog="Example: aggregator import tickets.csv --source old-desk --map text=body,author_id=user"
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="A name for what these files are; not one of the polled sources.")
@click.option("--map", "renamed", default="", help="Our field = the file's column, ... (text=body,author_id=user).")
@encoding_option
@config_option
@json_option
def import_(files: tuple[Path, ...], source: str, renamed: str, encoding: str, config: Path, as_json: bool) -> None:
    """Take posts from JSON Lines, CSV, TSV or Parquet FILES through the same ingest.

    `text` is needed; native_id, created_at, thread_id, author_id, author_name, channel, lang, url, public,
    reply_to, followers, likes, replies and shares are used where they are. Interrupted: run it again, it goes on
    where it was. Run again afterwards: it adds nothing. Rows that cannot be read are kept, with the reason; exit code
    3 if there are some, 1 if there is nothing else.
    """
    arguments = {
        "files": [str(file.resolve()) for file in files],
        "source": source,
        "map": _mapping(renamed),
        "encoding": encoding,
    }
    result = _do(_load(config), "import", arguments, quiet=as_json)
    _show(
        result,
        as_json,
        f"{result['records']:,} rows read: {result['new']:,} new posts, {result['inquiries']:,} inquiries, "
        f"{result['rejected']:,} rejected",
    )
    rejected = result["rejected"]
    sys.exit(DONE if not rejected else FAILED if rejected == result["records"] else PARTLY_DONE)


_of_a_lake = click.option(
    "--shard", default="1/1", callback=_shard, help="With a lake: which share of how many; each on another host."
)


@main.command(epilog="Example: aggregator replay")
@_of_a_lake
@config_option
@json_option
def replay(shard: tuple[int, int], config: Path, as_json: bool) -> None:
    """Read stored records again with today's code, rejected ones included. Unchanged code changes nothing.

    Stopped, and run again with the same code and configuration, it goes on where it was.
    """
    result = _do(_load(config), "replay", {"shard": shard}, quiet=as_json)
    text = (
        f"{result['posts']:,} posts read again: {result['changed_posts']:,} changed, "
        f"{result['changed_inquiries']:,} inquiries changed, {result['recovered']:,} rejected records recovered, "
        f"{result['rejected']:,} still rejected"
    )
    if result["went_on"]:
        text += "; it went on where an earlier one was stopped"
    if result["unknown_sources"]:
        text += f"; left alone, for they are no longer configured: {', '.join(result['unknown_sources'])}"
    _show(result, as_json, text)


@main.command(epilog="Example: aggregator rescore --dry-run")
@click.option("--dry-run", is_flag=True, help="Only tell what would move.")
@_of_a_lake
@config_option
@json_option
def rescore(dry_run: bool, shard: tuple[int, int], config: Path, as_json: bool) -> None:
    """Give open inquiries the points of today's words, weights and model. Without --dry-run: as `aggregator replay`."""
    if not dry_run:
        click.get_current_context().invoke(replay, shard=shard, config=config, as_json=as_json)
        return
    from aggregator.terminal import moves

    result = _do(_load(config), "rescore", {"shard": shard}, quiet=as_json)
    _show(result, as_json, "" if as_json else moves(result))


@main.command(epilog="Example: aggregator feed --limit 20 --once")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 1000))
@click.option("--once", is_flag=True, help="Print it once instead of keeping it live.")
@config_option
@json_option
def feed(limit: int, once: bool, config: Path, as_json: bool) -> None:
    """Show the most pressing open inquiries, live (Ctrl-C ends)."""
    from aggregator.terminal import show, watch

    settings = _load(config)
    if as_json or once or not sys.stdout.isatty():
        result = _do(settings, "feed", {"limit": limit}, quiet=True)
        if as_json:
            _show(result, True, "")
        else:
            show(result)
        return
    watch(lambda: _do(settings, "feed", {"limit": limit}, quiet=True), lambda: _stamp(settings))


@main.command(epilog="Example: aggregator score < posts.jsonl > scored.jsonl")
@config_option
@click.pass_context
def score(context: click.Context, config: Path) -> None:
    """Score JSON lines from standard input to standard output.

    In: {"id", "text", optional "channel", "lang", "author", "thread", "created_at", "public", "followers"}. Out: {"id",
    "priority", "score", "band", "kind", "lang", "terms", "entities", "text" (masked)}. Lines that name the same
    thread and author are one person's posts in order. A line that cannot be read becomes {"error", "line"}.
    """
    from aggregator.scoring import score_lines
    from aggregator.triage import get_ready

    get_ready()

    given = context.get_parameter_source("config") is click.core.ParameterSource.COMMANDLINE
    settings = _load(config) if given or config.exists() else _no_settings()
    broken = score_lines(cast("Input", sys.stdin.buffer), sys.stdout.buffer, settings)
    sys.exit(PARTLY_DONE if broken else DONE)


@main.command(epilog="Example: aggregator evaluate graded.tsv --map text=message")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "renamed", default="", help="The columns' names, as in `aggregator import` (text=body).")
@encoding_option
@config_option
@click.pass_context
@json_option
def evaluate(context: click.Context, file: Path, renamed: str, encoding: str, config: Path, as_json: bool) -> None:
    """Tell how well the priority ranks the messages of FILE (JSON Lines, CSV, TSV or Parquet).

    Needed: `text`, and `grade` (0 to 4), `polarity` or `kind`. `source`, `lang` and `tier` part the messages. Each is
    scored alone. What each figure means, and what it is today: docs/scoring.md.
    """
    from aggregator.evaluating import evaluate as measured
    from aggregator.importer.files import File, ImportFileError
    from aggregator.terminal import figures

    given = context.get_parameter_source("config") is click.core.ParameterSource.COMMANDLINE
    settings = _load(config) if given or config.exists() else _no_settings()
    try:
        result = measured(File(file, _mapping(renamed), encoding), settings.points)
    except ImportFileError as error:
        raise click.ClickException(str(error)) from None
    _show(result, as_json, "" if as_json else figures(result))


@main.command(epilog="Example: aggregator backup /var/backups/desk-2026-11-22")
@click.argument("target", type=click.Path(path_type=Path))
@config_option
@json_option
def backup(target: Path, config: Path, as_json: bool) -> None:
    """Copy both databases into the new folder TARGET, consistent, beside a running service."""
    result = _do(_load(config), "backup", {"target": str(target.resolve())}, quiet=as_json)
    _show(result, as_json, f"{target}: {result['posts']:,} posts, checked")


@main.command(epilog="Example: aggregator export /srv/analysts/inquiries")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--with-personal-data", "personal", is_flag=True, help="Names, handles, mail addresses, links, too.")
@click.option("--csv", is_flag=True, help="Also as CSV, which spreadsheets open without running formulas.")
@config_option
@json_option
def export(target: Path, personal: bool, csv: bool, config: Path, as_json: bool) -> None:
    """Write what analysts may see into the folder TARGET: Parquet by day, and inquiries.duckdb.

    Run again, it renews the folder: only days that changed are written. Personal data is masked unless asked for.
    docs/analysts.md
    """
    arguments = {"target": str(target.resolve()), "personal": personal, "csv": csv}
    result = _do(_load(config), "export", arguments, quiet=as_json)
    rows = result["views"]["inquiries"]["rows"]
    text = f"{target}: {rows:,} inquiries; {result['written']:,} files written, {result['kept']:,} kept"
    _show(result, as_json, text)


@main.command(epilog="Example: aggregator restore /var/backups/desk-2026-11-22")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the data that is there.")
@config_option
@json_option
def restore(folder: Path, force: bool, config: Path, as_json: bool) -> None:
    """Put the backup FOLDER in place. The service must not be running."""
    from aggregator.backup import restore as put_back
    from aggregator.control import RefusedError

    settings = _load(config)
    if settings.lake is not None:
        raise RefusedError(
            f"{folder}: no lake is put back here; restore PostgreSQL (pg_restore), and the folder of its "
            "files beside it, or read the backup with a configuration without lake (docs/lake.md)"
        )
    _require_no_service(settings)
    result = put_back(folder.resolve(), settings.data, force=force)
    _show(result, as_json, f"{settings.data}: {result['posts']:,} posts restored, as of {result['made_at']}")


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

    settings = _load(config)
    path = file or settings.data / DATABASE
    with progress(as_json) as say:
        result = asyncio.run(stoppable(migrated(settings, to, path, say, only_compare=compare)))
    _show(asdict(result), as_json, "" if result.differences else f"{result.rows:,} rows in {result.tables} tables: "
          f"the same in both, {result.copied:,} of them copied now; desk.db was not touched")  # fmt: skip
    if result.differences:
        end = "they are not the same" + ("" if compare else ": empty the target, and run this again")
        _fail("\n".join((*result.differences, end)), FAILED)


@main.command(epilog="Example: aggregator compact")
@config_option
@json_option
def compact(config: Path, as_json: bool) -> None:
    """Copy the database into a fresh file: only so do overwritten and erased bytes leave the disk."""
    result = _do(_load(config), "compact", {}, quiet=as_json)
    _show(result, as_json, f"{result['bytes_before']:,} bytes before, {result['bytes_after']:,} after")


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
    from aggregator.erasure_told import erasure

    arguments = {"person": person, "dry_run": dry_run, "logs": [str(each.resolve()) for each in logs]}
    result = _do(_load(config), "erase", arguments, quiet=as_json)
    _show(result, as_json, "" if as_json else erasure(result))
    sys.exit(DONE if dry_run or result["proof"]["holds"] else PARTLY_DONE)


@main.command(epilog="Example: aggregator retain")
@config_option
@json_option
def retain(config: Path, as_json: bool) -> None:
    """Delete what has been kept for as long as `retention` says. The service does it by itself, once a day."""
    result = _do(_load(config), "retain", {}, quiet=as_json)
    rows = "".join(f"\n  {table}: {count:,}" for table, count in result["deleted"].items())
    _show(result, as_json, f"{result['inquiries']:,} inquiries deleted, counted in inquiry_count{rows}")


@main.command(epilog="Example: aggregator digest --since 7d --lang en --out week.html")
@click.option("--since", default="1d", show_default=True, help="So many days back, and today (7d), or a date.")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Default: digest.lang.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Into this file: .html with plots, or .md."
)
@click.option("--mail", is_flag=True, help="Send it to digest.to.")
@config_option
def digest(since: str, lang: str | None, out: Path | None, mail: bool, config: Path) -> None:
    """Tell what came in, what is open, what ran out, incidents, impostors and gaps: the dashboard's figures.

    It holds no texts and no names of customers. Exit code 3: the mail could not be sent; the digest is in the data
    directory, under digests.
    """
    form = "html" if out and out.suffix in (".html", ".htm") else "md"
    arguments = {"since": since, "lang": lang, "form": form, "mail": mail}
    result = _do(_load(config), "digest", arguments, quiet=True)
    if out:
        out.write_text(result["text"], encoding="utf-8")
    elif not mail:
        click.echo(result["text"], nl=False)
    if result["not_sent"]:
        _fail(f"{result['not_sent']}; it is in {result['kept']}", PARTLY_DONE)


@main.command(epilog="Example: aggregator user add amy --role agent")
@click.argument("action", type=click.Choice(["add", "link", "list", "role", "remove"]))
@click.argument("name", required=False)
@click.option(
    "--role",
    type=click.Choice(["viewer", "agent", "lead", "admin"]),
    help="What this colleague may do: look; act (default of add); decide for others; say who works here.",
)
@config_option
def user(
    action: Literal["add", "link", "list", "role", "remove"], name: str | None, role: Role | None, config: Path
) -> None:
    """Add or remove a colleague, change a role, make a new one-time sign-in link, or list who may sign in."""
    from aggregator.users import change_users

    if action != "list" and not name:
        raise click.UsageError("name the colleague: aggregator user add amy")
    for line in change_users(_load(config), action, name or "", role):
        click.echo(line)


@main.command(epilog="Example: aggregator token make nightly-report --for amy --scope read --days 90")
@click.argument("action", type=click.Choice(["make", "list", "revoke"]))
@click.argument("name", required=False)
@click.option("--for", "owner", default="", help="The colleague for whom it speaks; it may never do more.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(["read", "act", "sql"]), help="What it may; can be repeated."
)
@click.option("--days", type=click.IntRange(1, 3650), help="It ends by itself after so many days.")
@config_option
def token(
    action: Literal["make", "list", "revoke"],
    name: str | None,
    owner: str,
    scopes: tuple[Scope, ...],
    days: int | None,
    config: Path,
) -> None:
    """Make, list or revoke tokens: keys for programs that use the API, or query live."""
    from aggregator.users import change_tokens

    if action != "list" and not name:
        raise click.UsageError("name the token: aggregator token make nightly-report --for amy --scope read")
    if action == "make" and not owner:
        raise click.UsageError("say for whom it speaks: --for amy")
    for line in change_tokens(_load(config), action, name or "", owner, scopes or ("read",), days):
        click.echo(line)


@main.command(epilog="Example: aggregator webhook test ticket-system")
@click.argument("action", type=click.Choice(["test"]), expose_value=False)
@click.argument("name")
@config_option
@json_option
def webhook(name: str, config: Path, as_json: bool) -> None:
    """Send a signed test event to the webhook NAME, and print what came back."""
    from aggregator.telling.trying import try_webhook

    _tell(asyncio.run(try_webhook(_told_by(config), name)), as_json)


@main.command(epilog="Example: aggregator alert test on-call")
@click.argument("action", type=click.Choice(["test"]), expose_value=False)
@click.argument("name")
@config_option
@json_option
def alert(name: str, config: Path, as_json: bool) -> None:
    """Send a test to the destination NAME of alerts, and print whether it was taken."""
    from aggregator.telling.trying import try_alert

    _tell(asyncio.run(try_alert(_told_by(config), name)), as_json)


@main.command(epilog="Example: aggregator demo --seconds 30 --json")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the feed, 0 for any free one; else 8080 if free.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep the data there; else it is deleted at the end.")
@click.option("--seconds", type=click.FloatRange(5), help="End by itself after so many seconds, and check the result.")
@click.option("--speed", type=click.FloatRange(1), help="How many times as fast as a real day.")
@click.option("--open", "open_browser", is_flag=True, help="Open the feed in a browser, signed in.")
@json_option
def demo(
    port: int | None, data: Path | None, seconds: float | None, speed: float | None, open_browser: bool, as_json: bool
) -> None:
    """Play a day in the life of a wallet's community: simulated platforms, real connectors, the real feed."""
    from aggregator.demo.play import play

    if seconds and speed:
        raise click.UsageError("--seconds squeezes the whole day into so many; leave --speed out")
    ok = asyncio.run(
        play(port=port, data=data, seconds=seconds, speed=speed, open_browser=open_browser, as_json=as_json)
    )
    sys.exit(DONE if ok else FAILED)


# -- shared ---------------------------------------------------------------------------------------


def _load(config: Path) -> Settings:
    from aggregator.config import load
    from aggregator.folding.fold import STATE_RULES
    from aggregator.triage.terms import RULES

    return load(config, known_rules=frozenset(RULES) | frozenset(STATE_RULES))


def _told_by(config: Path) -> Settings:
    """Settings whose webhooks and alerts can be tried, whatever the secrets of the sources are."""
    from aggregator.telling.trying import wrong_secrets
    from connectors.errors import ConfigError

    settings = _load(config)
    if wrong := wrong_secrets(settings):
        raise ConfigError("\n".join(wrong))
    return settings


def _tell(tried: Tried, as_json: bool) -> None:
    _show(tried._asdict(), as_json, tried.line)
    sys.exit(DONE if tried.ok else FAILED)


def _no_settings() -> Settings:
    from aggregator.config import Settings

    return Settings(sources={})


def _require_secrets(settings: Settings) -> None:
    from aggregator.config import missing_secrets
    from aggregator.telling.trying import wrong_secrets
    from connectors.errors import ConfigError

    if missing := missing_secrets(settings) + wrong_secrets(settings):
        raise ConfigError("\n".join(missing))


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


def _stamp(settings: Settings) -> object:
    """What changes whenever somebody has written to the database; None: a service runs, and is quick to ask."""
    from aggregator.backup import DATABASE
    from aggregator.control import listens, socket_path

    if listens(socket_path(settings.data)):
        return None
    files = sorted(settings.data.glob(DATABASE + "*"))
    return [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files]


def _quotas(settings: Settings) -> dict[str, Any]:
    """What the last polls told; nothing where none has been, or where another command holds the database."""
    from aggregator.backup import DATABASE
    from aggregator.control import RefusedError
    from aggregator.store.database import StoreError

    if not (settings.data / DATABASE).exists():
        return {}
    try:
        return _do(settings, "quotas", {}, quiet=True)
    except (RefusedError, StoreError):
        return {}


def _mapping(text: str) -> dict[str, str]:
    from aggregator.importer.connector import FIELDS

    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    for name, _, column in pairs:
        if name.strip() not in FIELDS or not column:
            raise click.BadParameter(
                f"{name}: write FIELD=COLUMN, FIELD one of {', '.join(FIELDS)}", param_hint="--map"
            )
    return {name.strip(): column.strip() for name, _, column in pairs}


def _do(settings: Settings, command: str, arguments: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """Let the running service do it, or do it here."""
    from aggregator.stopping import stoppable
    from aggregator.terminal import progress

    with progress(quiet) as say:
        return asyncio.run(stoppable(_anywhere(settings, command, arguments, say)))


async def _anywhere(settings: Settings, command: str, arguments: dict[str, Any], say: Say) -> dict[str, Any]:
    from aggregator.control import ask, socket_path

    answered = await ask(socket_path(settings.data), command, arguments, say)
    if answered is not None:
        return answered
    from aggregator.importer.workers import workers_for

    with workers_for(map(Path, arguments["files"] if command == "import" else ())) as workers:
        from aggregator.commands import handlers
        from aggregator.vocabulary import load_vocabulary
        from aggregator.workplace import Workplace

        if command == "poll":
            await load_vocabulary()
        async with Workplace(settings, listen=command == "poll") as work:
            return await handlers(work, alone=True, workers=workers)[command](arguments, say)


def _show(result: Any, as_json: bool, text: str) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(result, default=str).decode())
    elif text:
        click.echo(text)
