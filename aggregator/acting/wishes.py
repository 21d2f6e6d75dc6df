"""What a person asks for in a form, checked and turned into the details of an event. Secrets in it are masked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, get_args
from unicodedata import normalize

from aggregator.acting.snoozing import until_of
from aggregator.inquiry import Kind
from aggregator.triage.secrets import mask

if TYPE_CHECKING:
    from aggregator.config import Bands, Settings

CLOSE_REASONS: Final = ("resolved", "answered_elsewhere", "duplicate", "spam", "no_action")
MOST_TAGS, LONGEST_TAG, LONGEST_WORDS = 10, 30, 4000
LONGEST_SNOOZE = timedelta(days=366)
_BETWEEN_TAGS: Final = re.compile(r"[,;、#\s]+")
JUST_BELOW: Final = 0.01  # a priority that is shown as the number before


class WishError(Exception):
    """The form asks for something that cannot be; `field` is at fault."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def details_of(
    what: str, form: Mapping[str, str], *, me: str, colleagues: Collection[str], now: datetime, settings: Settings
) -> dict[str, str]:
    """The details of the event.

    Args:
        colleagues: who may be assigned something.

    Raises:
        WishError: a field is missing, or means nothing.
    """
    match what:
        case "assign":
            return {"owner": _colleague(form.get("to", ""), me, colleagues)}
        case "snooze":
            return {"until": _until(form.get("until") or form.get("until_at", ""), now, settings).isoformat()}
        case "close":
            return {"reason": _one_of(form.get("reason") or "resolved", CLOSE_REASONS, "reason")}
        case "label":
            return _labels(form)
        case "band":
            return _band(form, settings.bands)
        case "note":
            return {"text": words_of(form.get("text", ""), "text")}
        case _:
            return {}


def _colleague(name: str, me: str, colleagues: Collection[str]) -> str:
    return _one_of(me if name == "me" else name.strip(), colleagues, "to")


def _until(choice: str, now: datetime, settings: Settings) -> datetime:
    try:
        until = until_of(choice, now, settings.timezone)
    except (ValueError, OverflowError):
        raise WishError("until") from None
    if not now < until <= now + LONGEST_SNOOZE:
        raise WishError("until")
    return until


def _labels(form: Mapping[str, str]) -> dict[str, str]:
    labels = {}
    if form.get("kind"):
        labels["kind"] = _one_of(form["kind"], get_args(Kind), "kind")
    labels |= {name: ",".join(tags_of(form[name])) for name in ("tags", "add") if name in form}
    if labels.get("add") == "":
        del labels["add"]
    if not labels:
        raise WishError("kind")
    return labels


def tags_of(text: str) -> list[str]:
    """Tags as they are stored: lower case, in order, each once; commas and spaces part them.

    Raises:
        WishError: too many, or too long.
    """
    parts = _BETWEEN_TAGS.sub(" ", normalize("NFKC", text).lower()).split()
    tags = sorted({mask(part)[0] for part in parts})
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise WishError("tags")
    return tags


def _band(form: Mapping[str, str], bands: Bands) -> dict[str, str]:
    band = _one_of(form.get("band", ""), ("P0", "P1", "P2", "P3", "computed"), "band")
    if band == "computed":
        return {"band": band}
    low, high = {"P0": (bands.P0, None), "P1": (bands.P1, bands.P0), "P2": (bands.P2, bands.P1)}.get(
        band, (None, bands.P2)
    )
    limits = {"at_least": str(low) if low else "", "at_most": str(high - JUST_BELOW) if high else ""}
    return {"band": band, "reason": words_of(form.get("reason", ""), "reason")} | {k: v for k, v in limits.items() if v}


def words_of(text: str, field: str) -> str:
    """What a colleague wrote, without the secret that may have been copied along."""
    words = text.replace("\r\n", "\n").strip()
    if not words or len(words) > LONGEST_WORDS:
        raise WishError(field)
    return mask(words)[0]


def _one_of(value: str, known: Collection[str], field: str) -> str:
    if value not in known:
        raise WishError(field)
    return value
