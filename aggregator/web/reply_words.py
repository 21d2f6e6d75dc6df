"""Why an answer is not taken, as sentences that say what to do. Names: `connectors.replying.Why`, and our own."""

from __future__ import annotations

from aggregator.web.i18n import N_

REFUSALS = {
    "no_way": N_("This platform takes no answers from here: copy the text, and answer there."),
    "feed": N_("A feed can only be read: copy the text, open the original, and answer there."),
    "setting": N_("This source lacks a setting that answering needs: an operator has to write it."),
    "no_credential": N_("This source may only read: an operator has to give it a credential that may write."),
    "login": N_("The platform refused our login: an operator has to renew it."),
    "no_right": N_("Our account may not write there: an operator has to give it the right."),
    "window_over": N_("The time in which this platform takes an answer is over."),
    "too_many": N_("The platform takes no more answers before they write again."),
    "spent": N_("The platform takes no more from our account for now: send it again later."),
    "taken": N_("A colleague is talking to them on the platform itself: leave it to them, or answer there."),
    "answered": N_("The platform takes one answer to this, and has it."),
    "gone": N_("What you answer is no longer there."),
    "closed": N_("The thread is closed: it takes no more posts."),
    "blocked": N_("They have blocked us, have left, or never wrote to us first."),
    "too_long": N_("Too long for this platform: shorten it."),
    "too_short": N_("Too short for this platform: write a little more."),
    "repeated": N_("The platform has just had the same text: change it a little."),
    "words": N_("The platform does not let these words or links pass: change them."),
    "unreachable": N_("The platform could not be reached."),
    "source_off": N_("This source is not at work here, so nothing can be sent through it."),
    "other": N_("The platform did not take it."),
}
OBJECTIONS = {
    "empty": N_("There is nothing to send yet."),
    "secret": N_("This holds what looks like a recovery phrase or a key. Never send one: take it out."),
}
TOO_LATE = {
    "sending": N_("Too late: it is being sent"),
    "sent": N_("Too late: it was sent"),
    "refused": N_("It was refused already"),
    "unknown": N_("It may have been sent already"),
    "undone": N_("It was taken back already"),
    "held": N_("It is still waiting to be sent"),
}
SETTLED = N_("A colleague has dealt with it already")
