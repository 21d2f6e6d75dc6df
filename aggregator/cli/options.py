"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("connectors.yaml"),
    show_default=True,
    help="The configuration file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")


def _encoding(_: click.Context, __: click.Parameter, name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise click.BadParameter(f"unknown encoding {name}; for Chinese files of older tools try gb18030") from None
    return name


encoding_option = click.option(
    "--encoding", default="utf-8-sig", show_default=True, callback=_encoding, help="Of CSV and TSV files."
)


def shard_of(_: click.Context, __: click.Parameter, text: str) -> tuple[int, int]:
    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise click.BadParameter("write which share of how many, such as 2/8")
    return int(number), int(of)


shard_option = click.option(
    "--shard", default="1/1", callback=shard_of, help="With a lake: which share of how many; each on another host."
)


def mapping(text: str) -> dict[str, str]:
    from aggregator.importer.connector import FIELDS

    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    columns: dict[str, str] = {}
    for name, _, column in pairs:
        if name.strip() not in FIELDS or not column:
            raise click.BadParameter(
                f"{name}: write FIELD=COLUMN, FIELD one of {', '.join(FIELDS)}", param_hint="--map"
            )
        if name.strip() in columns:
            raise click.BadParameter(f"{name}: named twice", param_hint="--map")
        columns[name.strip()] = column.strip()
    return columns
