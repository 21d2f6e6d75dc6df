"""What commands show: a progress bar, the feed as a table, the feed live."""

from __future__ import annotations

import os
import sys
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.progress import Progress
    from rich.table import Table
    from rich.text import Text

    from aggregator.control import Say

LINE_EVERY = 2.0  # seconds between two lines of progress where there is no screen
REFRESH_EVERY = 1.0
FETCH_EVERY = 30.0  # though nothing was written: the longer somebody waits, the more it presses
WIDTH = 140  # of a table in a file or pipe
COLOURS = {"P0": "bold white on red", "P1": "bold red", "P2": "yellow", "P3": "dim"}
REASONS_SHOWN = 2


@contextmanager
def progress(quiet: bool, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Say]:
    """Yield what takes a command's messages: {"progress": [what, done, total]} goes to standard error, as a bar
    or, where that is no screen, as a line every two seconds; {"line": text} goes to standard output.

    Args:
        quiet: say nothing at all.
    """
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield _on_screen(bars)
    else:
        yield _in_lines(clock)


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,  # a file or pipe behind standard output must get its lines
    )


def _on_screen(bars: Progress) -> Say:
    tasks: dict[str, Any] = {}

    def say(message: dict[str, Any]) -> None:
        if "line" in message:
            bars.stop()
            _print(message["line"])
            bars.start()
            return
        what, done, total = message["progress"]
        if what not in tasks:
            tasks[what] = bars.add_task(plain(what), total=total or None)
        bars.update(tasks[what], completed=done)

    return say


def _in_lines(clock: Callable[[], float]) -> Say:
    said_at = clock() - LINE_EVERY

    def say(message: dict[str, Any]) -> None:
        nonlocal said_at
        if "line" in message:
            _print(message["line"])
            return
        what, done, total = message["progress"]
        if clock() - said_at < LINE_EVERY:
            return
        said_at = clock()
        of = f" of {total:,}" if total else ""
        click.echo(f"{plain(what)}: {done:,}{of}", err=True)

    return say


def _print(line: str) -> None:
    click.echo(plain(line))


def plain(text: str) -> str:
    """One line without control characters: what a stranger wrote must not steer the terminal."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


# -- the feed -------------------------------------------------------------------------------------


def show(result: dict[str, Any], file: TextIO | None = None) -> None:
    """Print the answer of the command `feed` as a table.

    Args:
        file: None: standard output.
    """
    console = _console(file or sys.stdout)
    console.print(_table(result))
    console.print(_summary(result))


def watch(fetch: Callable[[], dict[str, Any]], stamp: Callable[[], object]) -> None:
    """Keep the feed on screen, as new as a second ago, until Ctrl-C. What cannot be had now is said below it.

    Args:
        stamp: what changes when there may be something new; None: fetching is cheap. Where no service runs, `fetch`
            opens the database and keeps others from it: it is left alone while nothing changes but the waiting times.
    """
    from rich.live import Live

    console = _console(sys.stdout)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            shown, seen, fetched = _screen(fetch(), console.height), stamp(), time.monotonic()
            while True:
                live.update(shown, refresh=True)
                time.sleep(REFRESH_EVERY)
                now = stamp()
                if now is None or now != seen or time.monotonic() - fetched > FETCH_EVERY:
                    shown = _again(fetch, shown, console.height)
                    seen, fetched = stamp(), time.monotonic()
        except (KeyboardInterrupt, CancelledError):
            return


def _again(fetch: Callable[[], dict[str, Any]], before: Group, height: int) -> Group:
    from aggregator.control import RefusedError
    from aggregator.store.database import StoreError

    try:
        return _screen(fetch(), height)
    except (RefusedError, StoreError) as error:  # the service restarts, or another command holds the file
        from rich.console import Group
        from rich.text import Text

        return Group(before.renderables[0], Text(plain(str(error)), style="red"))


def _screen(result: dict[str, Any], height: int) -> Group:
    from rich.console import Group

    fitting = {**result, "inquiries": result["inquiries"][: max(1, (height - 5) // 2)]}
    return Group(_table(fitting), _summary(result))


def _console(file: TextIO) -> Console:
    from rich.console import Console

    width = None if file.isatty() or os.environ.get("COLUMNS") else WIDTH
    return Console(file=file, width=width, highlight=False)


def _summary(result: dict[str, Any]) -> Text:
    from rich.text import Text

    return Text(f"{len(result['inquiries'])} of {result['open']:,} open, at {_moment(result['now']):%H:%M:%S} UTC")


def _table(result: dict[str, Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False)
    table.add_column("code", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("channel", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("due", justify="right", no_wrap=True)
    table.add_column("owner", no_wrap=True, max_width=10)
    table.add_column("what they say, and why it ranks here", ratio=1, overflow="ellipsis")
    now = _moment(result["now"])
    for row in result["inquiries"]:
        table.add_row(*_cells(row, now))
    return table


def _cells(row: dict[str, Any], now: datetime) -> list[Text]:
    from rich.text import Text

    band = str(row["band"])
    said = Text(plain(row["excerpt"] or row["title"] or ""), no_wrap=True, overflow="ellipsis")
    why = Text(_why(row["terms"]), style="dim", no_wrap=True, overflow="ellipsis")
    return [
        Text(row["code"]),
        Text(f"{row['score']} {band}", style=COLOURS[band]),
        Text(plain(row["channel"])),
        Text(row["kind"]),
        _clock(row, now),
        Text(plain(row["owner"] or "")),
        Text("\n").join([said, why]),
    ]


def _why(terms: list[dict[str, Any]]) -> str:
    """The strongest terms in words, most points first."""
    from aggregator.web.words import RULES

    strongest = sorted(terms, key=lambda term: -abs(term["points"]))[:REASONS_SHOWN]
    return " · ".join(f"{RULES.get(term['rule'], term['rule'])} {term['points']:+.0f}" for term in strongest)


def _clock(row: dict[str, Any], now: datetime) -> Text:
    """Time left of our promise, and which one; where none was given, how long the person waits."""
    from rich.text import Text

    from aggregator.web.words import CLOCKS

    if row["due_at"]:
        left = (_moment(row["due_at"]) - now).total_seconds()
        left_of = f"-{_span(-left)}" if left < 0 else _span(left)
        which = CLOCKS.get(row.get("due_clock") or "", "")
        return Text(f"{left_of} {which}".rstrip(), style="bold red" if left < 0 else "")
    if row["waiting_since"]:
        return Text(f"waits {_span((now - _moment(row['waiting_since'])).total_seconds())}", style="dim")
    return Text("")


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def figures(result: Mapping[str, Any]) -> str:
    """What `aggregator evaluate` found, as a table of text."""
    names = [name for name in result["all"] if not name.endswith("_interval")]
    rows = [
        ["", *(name.replace("_", " ") for name in names)],
        ["all", *(_figure(result["all"], name) for name in names)],
    ]
    for by, parts in result["by"].items():
        rows += [[f"{by} {value}", *(_figure(part, name) for name in names)] for value, part in parts.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names) + 1)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _figure(part: Mapping[str, Any], name: str) -> str:
    value, interval = part.get(name), part.get(f"{name}_interval")
    told = "–" if value is None else str(value)
    return f"{told} ({interval[0]}-{interval[1]})" if interval else told


def moves(result: Mapping[str, Any]) -> str:
    """What `aggregator rescore --dry-run` found, the widest move first."""
    lines = [f"{result['inquiries']:,} open inquiries: {result['moved']:,} would move"]
    lines += [f"  {band}: {count:+,}" for band, count in sorted(result["bands"].items()) if count]
    for move in result["most"]:
        kind = move["kind"] if move["kind"] == move["new_kind"] else f"{move['kind']} -> {move['new_kind']}"
        lines.append(f"#{move['code']}  {move['before']:>2} -> {move['after']:>2}  {kind}: {move['excerpt'][:70]}")
    return "\n".join(lines)
