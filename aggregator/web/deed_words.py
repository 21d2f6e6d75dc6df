"""What somebody did, in words: for histories, the audit, conflicts, and what a person is told after doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from aggregator.acting.compare_and_set import ChangedMeanwhileError
from aggregator.web import words
from aggregator.web.i18n import N_

if TYPE_CHECKING:
    from gettext import NullTranslations

    from aggregator.acting.undoing import ChangedSinceError
    from aggregator.store.history import HistoryEvent

# After the name of whoever did it.
DID = {
    "claim": N_("claimed it"),
    "take": N_("took it over from %(from)s"),
    "assign": N_("assigned it to %(owner)s"),
    "release": N_("released it"),
    "wait": N_("is waiting for the customer"),
    "snooze": N_("snoozed it until %(until)s"),
    "wake": N_("woke it: the time was up"),
    "close": N_("closed it (%(reason)s)"),
    "reopen": N_("reopened it"),
    "reply": N_("answered it"),
    "label": N_("labelled it: %(labels)s"),
    "band": N_("set the band to %(band)s: %(reason)s"),
    "computed": N_("set the band back to the computed one"),
    "note": N_("wrote a note"),
    "merge": N_("put it into INC-%(number)s"),
    "part": N_("took it out of INC-%(number)s"),
    "flag": N_("flagged %(name)s for review: %(reason)s"),
    "blocked": N_("blocked %(name)s"),
    "harmless": N_("found %(name)s harmless"),
    "undo": N_("took something back"),
    "unlink": N_("said that this is somebody else: %(name)s"),
    "link": N_("said that this is the same person after all: %(name)s"),
    "confirm": N_("said that this is the same person: %(name)s"),
    "prove": N_("saw proof that this is the same person: %(name)s (%(reason)s)"),
    "block": N_("blocked %(name)s"),
    "clear": N_("said that this is no impostor: %(name)s"),
    "suspect": N_("said that this is an impostor after all: %(name)s"),
    "handover_note": N_("left a hand-over note: %(text)s"),
    "handover_done": N_("put a hand-over note away: %(text)s"),
}
# The deed itself: on buttons, in lists, and in what was taken back.
DEEDS = {
    "claim": N_("Claim"),
    "take": N_("Take over"),
    "assign": N_("Assign"),
    "release": N_("Release"),
    "wait": N_("Waiting"),
    "snooze": N_("Snooze"),
    "wake": N_("Wake"),
    "close": N_("Close"),
    "reopen": N_("Reopen"),
    "reply": N_("Reply"),
    "label": N_("Kind and tags"),
    "band": N_("Band"),
    "note": N_("Note"),
    "merge": N_("Into an incident"),
    "part": N_("Out of the incident"),
    "flag": N_("Flag for review"),
    "unflag": N_("Decide a flag"),
    "undo": N_("Undo"),
    "unread": N_("Mark unread"),
    "unlink": N_("Not the same person"),
    "link": N_("Link again"),
    "confirm": N_("Same person"),
    "prove": N_("Proved"),
    "block": N_("Block"),
    "clear": N_("No impostor"),
    "suspect": N_("An impostor after all"),
    "handover_note": N_("Hand-over note"),
    "handover_done": N_("Hand-over note put away"),
}
# Above the form that a deed needs.
TITLES = {
    "assign": N_("Assign to"),
    "snooze": N_("Snooze"),
    "close": N_("Close as"),
    "label": N_("Kind and tags"),
    "band": N_("Is this band wrong?"),
    "merge": N_("Put into an incident"),
    "note": N_("Note for colleagues"),
    "flag": N_("Flag for review"),
}
# To the one who did it.
YOU = {
    "claim": N_("You claimed %(code)s"),
    "take": N_("You took %(code)s over; %(from)s is told"),
    "assign": N_("%(code)s is assigned to %(owner)s"),
    "release": N_("You released %(code)s"),
    "wait": N_("%(code)s waits for the customer; its clock stands still"),
    "snooze": N_("%(code)s sleeps until %(until)s, or until the customer writes"),
    "close": N_("You closed %(code)s: %(reason)s"),
    "reopen": N_("You reopened %(code)s"),
    "label": N_("%(code)s: %(labels)s"),
    "band": N_("%(code)s is %(band)s now; the computed score stays on its page"),
    "computed": N_("%(code)s has its computed band again"),
    "note": N_("Note kept at %(code)s"),
    "merge": N_("%(code)s is in INC-%(number)s now"),
    "part": N_("%(code)s is no longer in INC-%(number)s"),
    "flag": N_("%(name)s is flagged for review"),
}
# What was done to many, after their number.
MANY = {
    "claim": N_("%(n)s claimed"),
    "assign": N_("%(n)s assigned to %(owner)s"),
    "release": N_("%(n)s released"),
    "wait": N_("%(n)s waiting for their customers"),
    "snooze": N_("%(n)s snoozed until %(until)s"),
    "close": N_("%(n)s closed: %(reason)s"),
    "reopen": N_("%(n)s reopened"),
    "label": N_("%(n)s labelled: %(labels)s"),
    "band": N_("%(n)s set to %(band)s"),
    "computed": N_("%(n)s set back to their computed band"),
    "merge": N_("%(n)s put into INC-%(number)s"),
    "part": N_("%(n)s taken out of their incident"),
    "undo": N_("%(n)s taken back"),
}
# Of one alone, where that is said otherwise.
ONE_OF_MANY = {
    "wait": N_("1 waiting for its customer"),
    "computed": N_("1 set back to its computed band"),
    "part": N_("1 taken out of its incident"),
}
# Before it is done to more than fifty.
SURE = {
    "claim": N_("Claim %(n)s inquiries?"),
    "assign": N_("Assign %(n)s inquiries to %(owner)s?"),
    "release": N_("Release %(n)s inquiries?"),
    "wait": N_("Wait for the customers of %(n)s inquiries? Their clocks stand still then."),
    "snooze": N_("Snooze %(n)s inquiries until %(until)s?"),
    "close": N_("Close %(n)s inquiries: %(reason)s?"),
    "reopen": N_("Reopen %(n)s inquiries?"),
    "label": N_("Label %(n)s inquiries: %(labels)s?"),
    "band": N_("Set %(n)s inquiries to %(band)s?"),
    "computed": N_("Set %(n)s inquiries back to their computed band?"),
    "merge": N_("Put %(n)s inquiries into INC-%(number)s?"),
    "part": N_("Take %(n)s inquiries out of their incident?"),
}
CHANGES = {
    "state": N_("state"),
    "owner": N_("owner"),
    "snoozed_until": N_("wakes at"),
    "close_reason": N_("reason"),
    "kind": N_("kind"),
    "tags": N_("tags"),
    "band_by": N_("band set by"),
    "role": N_("role"),
    "notice": N_("notice"),
}
WRONG = {
    "to": N_("Nobody of that name can be assigned anything."),
    "until": N_("Choose a time between now and a year from now."),
    "reason": N_("A reason is needed."),
    "kind": N_("Choose a kind, or write tags."),
    "tags": N_("At most 10 tags of 30 characters."),
    "band": N_("Choose a band."),
    "text": N_("Write something first."),
    "into": N_("There is no such incident."),
    "link": N_("That link, or person, does not stand in this thread."),
}


_VALUES: Mapping[str, Mapping[str, str]] = {
    "state": words.STATES,
    "kind": words.KINDS,
    "close_reason": words.CLOSE_REASONS,
    "role": words.DESK_ROLES,
}


class _Blank(dict[str, str]):
    """What an older event does not tell is left out of its sentence."""

    def __missing__(self, _: str) -> str:
        return ""


class DeedWords(NamedTuple):
    """Sentences in one language. `exact` writes a moment, in the team's zone."""

    translations: NullTranslations
    exact: Callable[[datetime], str]

    def did(self, event: HistoryEvent) -> str:
        """ "claimed it", to follow a name."""
        return self._say(DID, event.what, event.details)

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
        """ "state: new → claimed", one for each thing that changed."""

        def change(name: str) -> str:
            was, now = self._value(name, before.get(name)), self._value(name, after[name])
            return f"{self.gettext(CHANGES[name])}{self.gettext(': ')}{was} → {now}"

        return [change(name) for name in after if name in CHANGES]

    def _value(self, name: str, value: str | None) -> str:
        known = _VALUES.get(name, {})
        if not value:
            return "–"
        if name == "snoozed_until":
            return self.exact(datetime.fromisoformat(value))
        return self.gettext(known[value]) if value in known else value

    def names(self) -> frozenset[str]:
        """Deeds that have a name of their own."""
        return frozenset(DEEDS)

    def deed(self, what: str) -> str:
        return self.gettext(DEEDS[what]) if what in DEEDS else what

    def title(self, what: str) -> str:
        return self.gettext(TITLES[what])

    def you(self, what: str, details: Mapping[str, str], code: str) -> str:
        return self._say(YOU, what, {**details, "code": code})

    def many(self, what: str, details: Mapping[str, str], count: int) -> str:
        table = MANY | ONE_OF_MANY if count == 1 else MANY
        return self._say(table, what, {**details, "n": f"{count:,}"})

    def sure(self, what: str, details: Mapping[str, str], count: int) -> str:
        return self._say(SURE, what, {**details, "n": f"{count:,}"})

    def wrong(self, field: str) -> str:
        return self.gettext(WRONG[field])

    def ago(self, since: timedelta) -> str:
        seconds = max(0, int(since.total_seconds()))
        if seconds < 5:
            return self.gettext("just now")
        if seconds < 120:
            return self.gettext("%(n)s s ago") % {"n": seconds}
        if seconds < 120 * 60:
            return self.gettext("%(n)s min ago") % {"n": seconds // 60}
        return self.gettext("%(n)s h ago") % {"n": seconds // 3600}

    def changed(
        self, by: HistoryEvent | None, error: ChangedMeanwhileError | ChangedSinceError, now: datetime
    ) -> str:  # fmt: skip
        """Who was quicker: "amy claimed it 3 s ago", or that the customer wrote."""
        inquiry = error.inquiry
        seen = error.seen if isinstance(error, ChangedMeanwhileError) else 0
        if by is None and (seen is None or inquiry.ver <= seen):
            return self.gettext("Something has changed since; look again.")
        if by is None:
            return self.gettext("The customer wrote %(ago)s: look again") % {"ago": self.ago(now - inquiry.seen_at)}
        said = {"who": self.who(by.who), "what": self.did(by), "ago": self.ago(now - by.happened_at)}
        return self.gettext("%(who)s %(what)s %(ago)s") % said

    def at_work(self, owner: str) -> str:
        return self.gettext("%(who)s is at work: ask, or let a lead take it over") % {"who": owner}

    def who(self, name: str) -> str:
        return self.gettext("The system") if name == "system" else name

    def gettext(self, text: str) -> str:
        return self.translations.gettext(text)

    def _say(self, table: Mapping[str, str], what: str, details: Mapping[str, str]) -> str:
        key = what
        if what == "band" and details.get("band") == "computed":
            key = "computed"
        elif what == "unflag":
            key = details.get("verdict", what)
        if key not in table:
            return what
        named = {name: self._named(name, value) for name, value in details.items()}
        if what == "label":
            named["labels"] = self._labels(details)
        return self.gettext(table[key]) % _Blank(named)

    def _named(self, name: str, value: str) -> str:
        if name == "until":
            return self.exact(datetime.fromisoformat(value))
        if name == "reason" and value in words.CLOSE_REASONS:
            return self.gettext(words.CLOSE_REASONS[value])
        return value

    def _labels(self, details: Mapping[str, str]) -> str:
        kind = words.KINDS.get(details.get("kind", ""))
        said = [self.gettext(kind)] if kind else []
        said += [f"#{tag}" for name in ("tags", "add") for tag in details.get(name, "").split(",") if tag]
        return self.gettext(", ").join(said) or self.gettext("no tags")
