"""What alerts say. They leave the house, so they hold no more than these sentences and a short excerpt."""

from __future__ import annotations

from aggregator.web.i18n import N_

TITLES = {
    "inquiry.key_exposed": N_("Key or phrase exposed: %(code)s"),
    "inquiry.urgent": N_("Urgent: %(code)s (%(band)s, %(score)s)"),
    "inquiry.due": N_("The clock runs out at %(time)s: %(code)s"),
    "incident.started": N_("New incident %(incident)s: %(name)s"),
    "incident.grew": N_("%(incident)s grows: %(name)s"),
    "incident.ended": N_("%(incident)s has ended: %(name)s"),
    "reply.refused": N_("Answer not sent: %(code)s"),
    "reply.unknown": N_("Answer may not have arrived: %(code)s"),
    "source.blind": N_("We see nothing any more of %(source)s"),
    "source.seeing": N_("We see %(source)s again"),
    "source.expiring": N_("Access to %(source)s expires"),
    "sql.runaway": N_("A query of %(who)s has run for %(seconds)s s"),
}
UNCLAIMED = N_("Nobody has taken it for %(minutes)s min. %(title)s")
TAKEN = N_("%(who)s has taken %(code)s")
DEALT_WITH = N_("%(code)s is dealt with (%(state)s)")
MOVE_FUNDS = N_("Tell the customer to move the funds to a new wallet at once. Never ask for the phrase.")
PERSONS = N_("%(persons)s persons report it.")
WHERE = N_("%(channel)s, %(kind)s")
WAITING = N_("Waiting since %(time)s")
EXCERPT = N_("“%(words)s”")
LINK = N_("[link]")
RESTARTS = N_("The service starts anew by itself, which ends it. Nothing is lost.")
RUNS_ON = N_("It takes processor time from everybody. Only starting the service anew ends it before its time.")
TEST_TITLE = N_("Test")
TEST_TEXT = N_("Alerts from the inquiry queue reach you here.")
