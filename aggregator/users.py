"""`aggregator user` and `token`: who may sign in, and which programs may speak for them.

They work beside a running service, for desk.db has many writers.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from aggregator.backup import DESK, settle
from aggregator.clocks import Clock, system_clock
from aggregator.store import team, tokens
from aggregator.store.desk import Desk, DeskError

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.desk import Role

_SHELL = "aggregator user"  # who did it, for the audit: whoever may run commands on this machine


def change_users(
    settings: Settings,
    action: Literal["add", "link", "list", "role", "remove"],
    name: str,
    role: Role | None,
    *,
    clock: Clock = system_clock,
) -> list[str]:
    """Do it, and say it in lines for a person: after `add` and `link` the last one is the one-time link.

    Raises:
        DeskError: the name is taken, unknown or cannot be one, or it is the last admin.
    """
    now = clock()
    settle(settings.data)
    with closing(Desk(settings.data / DESK)) as desk:
        if action == "list":
            return [f"{user.name}: {user.role}" for user in desk.users()] or ["nobody yet: aggregator user add amy"]
        if action == "remove":
            team.remove(desk, name, who=_SHELL, now=now)
            return [f"{name} can sign in no longer; what was done stays under that name"]
        if action == "role":
            if role is None:
                raise DeskError("say which one: --role viewer, agent, lead or admin")
            team.set_role(desk, name, role, who=_SHELL, now=now)
            return [f"{name} is {role} now"]
        if action == "add":
            role = desk.add_user(name, role or "agent").role
        link = sign_in_link(desk_url(settings), desk.invite(name, now))
        with desk.writing() as con:
            what, details = ("invite", {"role": role}) if action == "add" and role else ("link", {})
            team.note(con, now, _SHELL, what, name, details)
    done = f"{name} is {role} now" if action == "add" else f"a new link for {name}, which ends earlier ones"
    return [f"{done}; it signs in once, within a day:", link]


def change_tokens(
    settings: Settings,
    action: Literal["make", "list", "revoke"],
    name: str,
    owner: str,
    scopes: Collection[tokens.Scope],
    days: int | None,
    *,
    clock: Clock = system_clock,
) -> list[str]:
    """Do it, and say it in lines for a person; after `make` the last one is the token.

    Raises:
        DeskError: the name is taken, unknown or cannot be one, or there is no such owner.
    """
    now = clock()
    settle(settings.data)
    with closing(Desk(settings.data / DESK)) as desk:
        if action == "list":
            return [_told(one) for one in tokens.tokens(desk)] or [
                "none yet: aggregator token make nightly-report --for amy --scope read"
            ]
        if action == "revoke":
            tokens.revoke(desk, name, who=_SHELL, now=now)
            return [f"{name} is worth nothing any more"]
        until = now + timedelta(days=days) if days else None
        token = tokens.make(desk, name, owner, scopes, who=_SHELL, now=now, until=until)
    return [f"{name} speaks for {owner}; nobody can see this again:", token]


def _told(one: tokens.Token) -> str:
    until = f", until {one.until:%Y-%m-%d}" if one.until else ""
    used = f"last used {one.used_at:%Y-%m-%d %H:%M}" if one.used_at else "never used"
    return f"{one.name}: for {one.owner}, {' '.join(s for s in tokens.SCOPES if s in one.scopes)}{until}, {used}"


def desk_url(settings: Settings) -> str:
    """Where colleagues reach the feed, as far as the configuration tells."""
    web = settings.web
    if web.public_url:
        return str(web.public_url)
    host = _reached_at(web.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{web.port}"


def _reached_at(host: str) -> str:
    """Who listens everywhere is reached here at least; a machine's name would have to be a `public_url` to be known."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def sign_in_link(url: str, token: str) -> str:
    """The address that signs a colleague in once."""
    return f"{url.rstrip('/')}/enter?token={token}"
