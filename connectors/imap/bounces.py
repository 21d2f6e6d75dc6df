"""Delivery reports: which mail of ours did not arrive, or is late, and why. RFC 3464. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from connectors.contract import Undelivered
from connectors.imap.mail import Mail, former_id, ids_in

if TYPE_CHECKING:
    from connectors.replying import Why

_TOLD: Final = ("final-recipient", "action", "status", "diagnostic-code")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_MOST_SAID: Final = 300


def bounced(mail: Mail) -> list[str]:
    """Ids of the conversation of the mail that a delivery report is about, that mail last; empty: it is none."""
    said = _of_the_mail(mail)
    return [*ids_in(said.get("references", "")), *ids_in(said.get("message-id", ""))]


def delivery_failed(mail: Mail, text: str) -> str:
    """What the server says, to whom it failed or is late, and why."""
    told = [line for line in _status(mail).splitlines() if line.partition(":")[0].lower() in _TOLD]
    return "\n".join([text, "", *told]).strip()


def undelivered(mail: Mail) -> Iterator[Undelivered]:
    """The mail that a server has given up. Of one that is only late (`delayed`) it is still trying."""
    about = _of_the_mail(mail)
    named = former_id(about.get) or next(iter(ids_in(about.get("message-id", ""))), None)
    if named is None or not _has_failed(mail):
        return
    statuses = _values(mail, "status")
    said = next((said.partition(";")[2].strip() or said for said in _values(mail, "diagnostic-code")), "")
    yield Undelivered(named, _why(statuses), (said or " ".join(statuses))[:_MOST_SAID])


def _has_failed(mail: Mail) -> bool:
    actions = {value.partition(" ")[0].lower() for value in _values(mail, "action")}
    return "failed" in actions if actions else any(value.startswith("5.") for value in _values(mail, "status"))


def _why(statuses: Iterable[str]) -> Why:
    """RFC 3463. What may have several reasons is told in the server's words."""
    for status in statuses:
        if status.startswith(("5.1.", "5.2.1")):
            return "gone"
        if status.startswith(("5.2.3", "5.3.4")):
            return "too_long"
    return "other"


def _of_the_mail(mail: Mail) -> dict[str, str]:
    """Headers of the mail that a delivery report is about, by their names in lower case."""
    if not any(part["type"] == "message/delivery-status" for part in mail.parts):
        return {}
    for part in mail.parts:
        if part["type"] in ("text/rfc822-headers", "message/rfc822"):
            lines = [each["header"] for each in part.get("headers", ())]
            lines = lines or _FOLD.sub("", part.get("text", "")).splitlines()
            return {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    return {}


def _status(mail: Mail) -> str:
    return next((part["text"] for part in mail.parts if part["type"] == "message/delivery-status"), "")


def _values(mail: Mail, field: str) -> list[str]:
    fields = (line.partition(":") for line in _status(mail).splitlines())
    return [value.strip() for name, _, value in fields if name.lower() == field]
