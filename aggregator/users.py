"""`aggregator user`: who may sign in. Works beside a running service, for desk.db has many writers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal

from aggregator.backup import DESK
from aggregator.clocks import Clock, system_clock
from aggregator.store.desk import Desk

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.desk import Role

# Who listens everywhere is reached here at least; a machine's name would have to be a `public_url` to be known.
_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- not listened on


def change_users(
    settings: Settings,
    action: Literal["add", "link", "list"],
    name: str,
    role: Role,
    *,
    clock: Clock = system_clock,
) -> list[str]:
    """Do it, and say it in lines for a person: after `add` and `link` the last one is the one-time link.

    Raises:
        DeskError: the name is taken, unknown or cannot be one.
    """
    with closing(Desk(settings.data / DESK)) as desk:
        if action == "list":
            return [f"{user.name}: {user.role}" for user in desk.users()] or ["nobody yet: aggregator user add amy"]
        if action == "add":
            desk.add_user(name, role)
        link = sign_in_link(desk_url(settings), desk.invite(name, clock()))
    done = f"{name} is {role} now" if action == "add" else f"a new link for {name}"
    return [f"{done}; it signs in once, within a day:", link]


def desk_url(settings: Settings) -> str:
    """Where colleagues reach the feed, as far as the configuration tells."""
    web = settings.web
    if web.public_url:
        return str(web.public_url)
    host = _HERE.get(web.host, web.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{web.port}"


def sign_in_link(url: str, token: str) -> str:
    """The address that signs a colleague in once."""
    return f"{url.rstrip('/')}/enter?token={token}"
