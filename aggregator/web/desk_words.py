"""Why the desk refuses, in the language of whoever reads it. The command line says the same in English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aggregator.web.i18n import N_

if TYPE_CHECKING:
    from aggregator.store.desk import DeskError
    from aggregator.web.visit import Visit

REFUSED: Final = (
    N_("%(name)r cannot be a user name; take 1 to 60 characters, not me, none or system"),
    N_("unknown role %(role)s; take viewer, agent, lead or admin"),
    N_("there is a user %(name)s already"),
    N_("there is no user %(name)s"),
    N_("%(name)s is the only admin; make somebody else admin first"),
    N_("%(name)r cannot name a token; take 1 to 60 characters"),
    N_("a token needs one or more of %(scopes)s"),
    N_("there is a token %(name)s already; revoke it first or take another name"),
    N_("there is no token %(name)s"),
)
"""What a form of ours can be refused with."""


def why(visit: Visit, error: DeskError) -> str:
    return visit.gettext(error.said) % error.values if error.said in REFUSED else str(error)
