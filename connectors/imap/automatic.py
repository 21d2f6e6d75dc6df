"""Mail that no person wrote to us: automatic answers, bounces, newsletters. RFC 3834, RFC 3464, RFC 8098."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from connectors.imap.mail import Mail

_MACHINES: Final = re.compile(
    r"^(?:mailer-daemon|postmaster|no-?_?reply|do-?_?not-?_?reply|noreply[-+._].*|bounces?[-+._=].*|bounces?)@", re.I
)
_DAEMONS: Final = re.compile(
    r"^(?:mailer-?daemon|mail-?daemon|postmaster|microsoftexchange[0-9a-f]{32})@", re.IGNORECASE
)
_RETURNED: Final = re.compile(
    r"failure notice|undeliver|returned mail|returned to sender|delivery[\w ()-]{0,30}\bfail|could not be delivered"
    r"|退信|无法投递|無法投遞|无法送达|無法傳遞|投递失败|未送达|未能送达",
    re.IGNORECASE,
)
# What follows tells it from people who write about automatic replies: "自动回复太敷衍了".
_OUT_OF_OFFICE: Final = re.compile(
    r"^\s*(?:自动回复|自動回覆|自动答复|自動回復|外出自动回复|不在办公室|automatic reply|auto(?:matic)?[- ]?response"
    r"|auto(?:matic)?[- ]?reply|out of (?:the )?office|abwesenheitsnotiz|automatische antwort|réponse automatique"
    r"|respuesta automática)(?=\s*(?:[:：(（\[【|–—-]|$|re\b|auto-?reply\b|until\b))",
    re.IGNORECASE,
)
_MARKS: Final = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-failed-recipients", "x-loop", "x-inquiry-id")
_REPORTS: Final = ("multipart/report", "message/disposition-notification", "message/delivery-status")


def why_automatic(mail: Mail, ours: Collection[str]) -> str | None:
    """The sign by which a mail is known to be a machine's; None: a person's, as far as can be told."""
    said = (mail.header("auto-submitted") or "no").partition(";")[0].strip().lower()
    if said != "no":
        return "auto-submitted"
    suppressed = (mail.header("x-auto-response-suppress") or "").lower()
    if {part.strip() for part in suppressed.split(",")} & {"all", "oof", "autoreply"}:
        return "x-auto-response-suppress"
    if mark := next((name for name in _MARKS if mail.header(name) is not None), None):
        return mark
    if (mail.header("content-type") or "").partition(";")[0].strip().lower() in _REPORTS:
        return "report"
    if (mail.header("return-path") or "").strip() == "<>":
        return "return-path"
    if is_returned(mail):
        return "bounce"
    if mail.sender and _MACHINES.match(mail.sender.address) and not mail.answer_to:
        return "sender"
    if _OUT_OF_OFFICE.match(mail.subject):
        return "subject"
    return _bulk(mail, ours)


def is_returned(mail: Mail) -> bool:
    """Whether a mail server says that a mail did not arrive: by who it is and in words alone, without a report for
    machines, as qmail, QQ Mail and older Exchange do."""
    nobody = (mail.header("return-path") or "").strip() == "<>"
    daemon = mail.sender is not None and bool(_DAEMONS.match(mail.sender.address))
    return (nobody or daemon) and bool(_RETURNED.search(mail.subject))


def _bulk(mail: Mail, ours: Collection[str]) -> str | None:
    """A newsletter or a list. A support address is often a group itself, which marks all that passes through it."""
    lists = " ".join(mail.header(name) or "" for name in ("list-id", "list-post", "mailing-list")).lower()
    if any(address in lists or address.replace("@", ".") in lists for address in ours):
        return None
    if (mail.header("precedence") or "").strip().lower() in ("bulk", "junk", "list"):
        return "precedence"
    return next((name for name in ("list-id", "list-unsubscribe") if mail.header(name) is not None), None)
