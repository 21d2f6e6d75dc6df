"""What is told: the feed in a terminal, scores, figures, exports and digests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from aggregator.cli.doing import do, load_settings, settings_if_any, show
from aggregator.cli.group import BAD_CONFIGURATION, DONE, FAILED, PARTLY_DONE, fail, main
from aggregator.cli.options import config_option, encoding_option, json_option, mapping

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.scoring import Input


@main.command(epilog="Example: aggregator feed --limit 20 --once")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 1000), help="How many of them.")
@click.option("--once", is_flag=True, help="Print it once instead of keeping it live.")
@config_option
@json_option
def feed(limit: int, once: bool, config: Path, as_json: bool) -> None:
    """Show the most pressing open inquiries, live (Ctrl-C ends)."""
    from aggregator.terminal import show as show_rows
    from aggregator.terminal import watch

    settings = load_settings(config)
    if as_json or once or not sys.stdout.isatty():
        result = do(settings, "feed", {"limit": limit}, quiet=True)
        if as_json:
            show(result, True, "")
        else:
            show_rows(result)
        return
    watch(lambda: do(settings, "feed", {"limit": limit}, quiet=True, patience=0), lambda: _stamp(settings))


@main.command(epilog="Example: aggregator score < posts.jsonl > scored.jsonl")
@config_option
@click.pass_context
def score(context: click.Context, config: Path) -> None:
    """Score JSON lines from standard input to standard output.

    In: {"id", "text", optional "channel", "lang", "author", "author_name", "thread", "created_at", "public",
    "followers"}. Out: {"id", "priority", "score", "band", "kind", "lang", "terms", "entities", "text" (masked)}, and
    "poses" where the author poses as one of us. Lines that name the same thread and author are one person's posts in
    order. A line that cannot be read becomes {"error", "line"}; exit code 3 if there is one.
    """
    from aggregator.scoring import score_lines
    from aggregator.triage import get_ready

    get_ready()
    settings = settings_if_any(context, config)
    broken = score_lines(cast("Input", sys.stdin.buffer), sys.stdout.buffer, settings)
    sys.exit(PARTLY_DONE if broken else DONE)


@main.command(epilog="Example: aggregator evaluate graded.tsv --map text=message")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "renamed", default="", help="text=message, where the column with the texts is called so.")
@encoding_option
@config_option
@click.pass_context
@json_option
def evaluate(context: click.Context, file: Path, renamed: str, encoding: str, config: Path, as_json: bool) -> None:
    """Tell how well the priority ranks the messages of FILE (JSON Lines, CSV, TSV or Parquet).

    Needed: `text`, and `grade` (0 to 4), `polarity` or `kind`. `source`, `lang` and `tier` part the messages. Each is
    scored alone. What each figure means: docs/scoring.md; what it is today: docs/model-card.md.
    """
    from aggregator.evaluating import evaluate as measured
    from aggregator.importer.files import File, ImportFileError, WrongColumnsError
    from aggregator.terminal import figures

    settings = settings_if_any(context, config)
    try:
        result = measured(File(file, mapping(renamed), encoding), settings.points)
    except ImportFileError as error:
        fail(str(error), BAD_CONFIGURATION if isinstance(error, WrongColumnsError) else FAILED)
    show(result, as_json, "" if as_json else figures(result))


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
    result = do(load_settings(config), "export", arguments, quiet=as_json)
    rows = result["views"]["inquiries"]["rows"]
    text = f"{target}: {rows:,} inquiries; {result['written']:,} files written, {result['kept']:,} kept"
    show(result, as_json, text)


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
    result = do(load_settings(config), "digest", arguments, quiet=True)
    if out:
        out.write_text(result["text"], encoding="utf-8")
    elif not mail:
        click.echo(result["text"], nl=False)
    if result["not_sent"]:
        fail(f"{result['not_sent']}; it is in {result['kept']}", PARTLY_DONE)


def _stamp(settings: Settings) -> object:
    """What changes whenever somebody has written to the database; None: a service runs, and is quick to ask."""
    from aggregator.backup import DATABASE
    from aggregator.control import listens, socket_path

    if listens(socket_path(settings.data)):
        return None
    files = sorted(settings.data.glob(DATABASE + "*"))
    return [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
