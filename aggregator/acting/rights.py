"""Who may do what. The one place: pages, bulk, API and audit ask here."""

from __future__ import annotations

from typing import Literal, Protocol

Right = Literal["act", "take_from_active", "decide_flags", "audit"]

_AGENT = frozenset[Right](["act"])
_LEAD = _AGENT | frozenset[Right](["take_from_active", "decide_flags", "audit"])
_RIGHTS: dict[str, frozenset[Right]] = {"viewer": frozenset(), "agent": _AGENT, "lead": _LEAD, "admin": _LEAD}


class HasRole(Protocol):
    """Somebody with a role: viewer, agent, lead or admin."""

    @property
    def role(self) -> str: ...


def may(user: HasRole, what: Right) -> bool:
    """Whether this person may; a role that nobody knows may nothing.

    act: everything that this package names for agents. take_from_active: take over from somebody who is at work.
    decide_flags: say of a flagged link or account what it is. audit: see what all colleagues did.
    """
    return what in _RIGHTS.get(user.role, frozenset())
