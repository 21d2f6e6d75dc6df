"""What happens next with a source that fails or has stopped, and what a person can do: said before what went wrong.

By the kind of its error (`connectors.errors`). A row of an earlier version has none, and a connector of somebody else
may have a kind of its own.
"""

from __future__ import annotations

from aggregator.web.i18n import N_

STOPPED = {
    "refused": N_(
        "The platform does not let us in, so nothing is read. Renew the credential named here where it is kept: a file "
        "that changes is tried at once; else start the service again, or press “Go on”."
    ),
    "gone": N_(
        "The platform no longer has it, or we were removed from it, so nothing is read. Have us added again and press "
        "“Go on”, or delete the source from connectors.yaml."
    ),
    "unreadable": N_(
        "The platform seems to have changed its format, so nothing more is read; what came is kept. An operator has to "
        "update this program; then press “Go on”."
    ),
    "broken": N_(
        "This program itself has failed at this source, so nothing is read from it; the others go on. Press “Go on” to "
        "try again; if it stops again, pass on to an operator what stands here."
    ),
}
UNTIL_LOOKED_AT = N_("Nothing is read until somebody puts right what stands here, and presses “Go on”.")
FAILING = {
    "throttled": N_("The platform asks us to wait: it is asked again at %(time)s. Nobody need do anything."),
    "refused": N_("The platform does not take the renewed credential yet: it is tried again at %(time)s."),
    "forgotten": N_(
        "The platform no longer knows how far we had read: reading begins anew at %(time)s. What can no longer be had "
        "stands under the times with gaps."
    ),
}
TRIED_AGAIN = N_(
    "Reading does not work for now, and is tried again by itself at %(time)s; what the platform still has is then "
    "fetched. If it goes on like this, see to what stands here."
)
AT_ONCE = N_("It is being tried again.")


def next_step(state: str, trouble: str | None, is_planned: bool) -> str | None:
    """A sentence to be translated, with %(time)s where it is_planned; None: nothing need be said."""
    if state == "stopped":
        return STOPPED.get(trouble or "", UNTIL_LOOKED_AT)
    if state != "failing":
        return None
    return FAILING.get(trouble or "", TRIED_AGAIN) if is_planned else AT_ONCE
