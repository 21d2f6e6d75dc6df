"""Which promise an inquiry's clock belongs to, in words: "first answer promised within 30 min"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from aggregator.web import words
from aggregator.working_time import Period, WorkingDays

if TYPE_CHECKING:
    from gettext import NullTranslations

    from aggregator.config import Settings
    from aggregator.inquiry import Inquiry

Promises = tuple[tuple[str, Period, Period], ...]
"""Channel, time for the first answer, time for the next."""


def promises_of(settings: Settings) -> Promises:
    return tuple((channel, clock.first_answer, clock.next_answer) for channel, clock in settings.clocks.items())


class Sentences(NamedTuple):
    """What templates say of a clock. `exact` writes a moment."""

    translations: NullTranslations
    promises: Mapping[str, tuple[Period, Period]]
    exact: Callable[..., str]

    def broken(self, inquiry: Inquiry) -> str:
        """Why an inquiry is overdue."""
        gettext = self.translations.gettext
        if inquiry.due_clock == "promise" and inquiry.answered_at:
            return gettext("our promise of %(at)s ran out") % {"at": self.exact(inquiry.answered_at)}
        if inquiry.due_clock not in ("first_answer", "next_answer"):
            unnamed = words.RULES["overdue"]
            return gettext(unnamed)
        within = self._length(self._period(inquiry))
        if inquiry.due_clock == "first_answer":
            return gettext("first answer promised within %(time)s") % {"time": within}
        return gettext("next answer promised within %(time)s") % {"time": within}

    def until(self, inquiry: Inquiry) -> str:
        """Which promise runs until when."""
        gettext, at = self.translations.gettext, {"at": self.exact(inquiry.due_at)}
        if inquiry.due_clock == "promise":
            return gettext("We promised an answer until %(at)s") % at
        if inquiry.due_clock == "first_answer":
            return gettext("First answer promised until %(at)s") % at
        return gettext("Next answer promised until %(at)s") % at

    def _period(self, inquiry: Inquiry) -> Period:
        first, further = self.promises.get(inquiry.channel, self.promises["default"])
        return first if inquiry.due_clock == "first_answer" else further

    def _length(self, period: Period) -> str:
        gettext = self.translations.gettext
        if isinstance(period, WorkingDays):
            several = gettext("%(n)s working days") % {"n": period.days}
            return gettext("1 working day") if period.days == 1 else several
        if period % timedelta(days=1) == timedelta(0) and period > timedelta(days=1):
            return gettext("%(n)s days") % {"n": period.days}
        if period % timedelta(hours=1) == timedelta(0):
            return gettext("%(n)s h") % {"n": period // timedelta(hours=1)}
        return gettext("%(n)s min") % {"n": max(1, period // timedelta(minutes=1))}
