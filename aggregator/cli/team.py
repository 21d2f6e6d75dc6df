"""Who may do what: colleagues and tokens; and whom we tell, tried once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from aggregator.cli.doing import load_settings, tell_tried, told_by
from aggregator.cli.group import main
from aggregator.cli.options import config_option, json_option

if TYPE_CHECKING:
    from aggregator.store.desk import Role
    from aggregator.store.tokens import Scope


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
    if action == "list" and name:
        raise click.UsageError(f"list tells of all colleagues: leave {name} out")
    if action == "role" and role is None:
        raise click.UsageError("say which one: --role viewer, agent, lead or admin")
    for line in change_users(load_settings(config), action, name or "", role):
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
    if action == "list" and name:
        raise click.UsageError(f"list tells of all tokens: leave {name} out")
    if action == "make" and not owner:
        raise click.UsageError("say for whom it speaks: --for amy")
    for line in change_tokens(load_settings(config), action, name or "", owner, scopes or ("read",), days):
        click.echo(line)


@main.command(epilog="Example: aggregator webhook test ticket-system")
@click.argument("action", type=click.Choice(["test"]), expose_value=False)
@click.argument("name")
@config_option
@json_option
def webhook(name: str, config: Path, as_json: bool) -> None:
    """Send a signed test event to the webhook NAME, and print what came back."""
    from aggregator.alerting.trying import try_webhook

    tell_tried(asyncio.run(try_webhook(told_by(config), name)), as_json)


@main.command(epilog="Example: aggregator alert test on-call")
@click.argument("action", type=click.Choice(["test"]), expose_value=False)
@click.argument("name")
@config_option
@json_option
def alert(name: str, config: Path, as_json: bool) -> None:
    """Send a test to the destination NAME of alerts, and print whether it was taken."""
    from aggregator.alerting.trying import try_alert

    tell_tried(asyncio.run(try_alert(told_by(config), name)), as_json)
