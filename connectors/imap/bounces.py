"""Delivery reports: which mail of ours did not arrive, or is late, and why. RFC 3464. Pure.

Some servers write for people alone: what is known of the mail then stands in its copy below their words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from connectors.contract import Undelivered
from connectors.imap.automatic import is_returned
from connectors.imap.mail import FORMER_IDS, Mail, former_id, ids_in
from connectors.imap.markup import text_of_html

if TYPE_CHECKING:
    from connectors.replying import Why

_TOLD: Final = ("final-recipient", "action", "status", "diagnostic-code")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_MOST_SAID: Final = 300
_NAMING: Final = re.compile(
    rf"^[> \t]*({'|'.join(('message-id', 'references', *FORMER_IDS))}):[ \t]*(\S.*)$", re.IGNORECASE | re.MULTILINE
)
_COPY: Final = re.compile(r"[> \t]*(?:return-path|received|from|date|message-id):", re.IGNORECASE)
_CODE: Final = re.compile(r"(?<![\d.])(?:([45]\.\d{1,3}\.\d{1,3})|[45][0-5]\d)(?!\.?\d)")
_NOBODY: Final = re.compile(
    r"user (?:unknown|not found)|unknown user|no such (?:user|mailbox)|does not exist|不存在|找不到", re.IGNORECASE
)


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
    if not _has_report(mail):
        said = _line_with_code(mail)
        statuses = [code[1] for code in _CODE.finditer(said) if code[1]]
        statuses = statuses or (["5.1.1"] if _NOBODY.search(said) else [])
        said = said or mail.subject
    yield Undelivered(named, _why(statuses), (said or " ".join(statuses))[:_MOST_SAID])


def _has_failed(mail: Mail) -> bool:
    if not _has_report(mail):
        # Its subject says so; only a code may say that it will try again.
        code = _CODE.search(_line_with_code(mail))
        return code is None or code[0].startswith("5")
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
    if not (_has_report(mail) or is_returned(mail)):
        return {}
    for part in mail.parts:
        if part["type"] in ("text/rfc822-headers", "message/rfc822"):
            lines = [each["header"] for each in part.get("headers", ())]
            lines = lines or _FOLD.sub("", part.get("text", "")).splitlines()
            return {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    return {} if _has_report(mail) else _of_the_copy(mail)


def _of_the_copy(mail: Mail) -> dict[str, str]:
    """The same of a mail whose beginning stands below a server's words."""
    found: dict[str, str] = {}
    for part in mail.parts:
        if part["type"] == "text/plain":
            text = part.get("text", "")
            for name, value in [*_NAMING.findall(text), *_NAMING.findall(_FOLD.sub("", text))]:
                found.setdefault(name.lower(), value)
    return found


def _has_report(mail: Mail) -> bool:
    return any(part["type"] == "message/delivery-status" for part in mail.parts)


def _line_with_code(mail: Mail) -> str:
    """The first line of a server's own words that tells a code: "550 5.1.1 no such user"."""
    for line in takewhile(lambda line: not _COPY.match(line), _words(mail)):
        if _CODE.search(line):
            return line.strip()
    return ""


def _words(mail: Mail) -> list[str]:
    said = (part for part in reversed(mail.parts) if "text" in part and not part.get("nested"))
    texts: dict[str, str] = {part["type"]: part["text"] for part in said}
    if "text/plain" in texts or "text/html" not in texts:
        return texts.get("text/plain", "").splitlines()
    return text_of_html(texts["text/html"])[0].splitlines()


def _status(mail: Mail) -> str:
    return next((part["text"] for part in mail.parts if part["type"] == "message/delivery-status"), "")


def _values(mail: Mail, field: str) -> list[str]:
    fields = (line.partition(":") for line in _status(mail).splitlines())
    return [value.strip() for name, _, value in fields if name.lower() == field]
