"""The mail that answers a mail. RFC 5322, section 3.6.4."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from connectors.errors import RecordError, ReplyRefusedError
from connectors.imap.mail import OURS_TOO, Mail
from connectors.imap.quotes import without_prefixes
from connectors.imap.settings import Settings
from connectors.replying import Asked, Outgoing

MOST_REFERENCES: Final = 20  # the first of them stays: it is the conversation's
QUOTED_LINES: Final = 12
QUOTED: Final = 800  # characters of what is answered
# Long lines, or the library encodes long ids as if they were words.
_POLICY: Final = SMTP.clone(max_line_length=998, cte_type="7bit")
# Amazon SES gives each mail another Message-ID, which it tells when it takes the mail.
_NAMED_BY_SES: Final = re.compile(r"\bOk ([0-9a-f]{16}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{6})\b")
_SES: Final = re.compile(r"email-smtp(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com", re.IGNORECASE)
_OLDEST_REGION: Final = "us-east-1"  # its ids end otherwise than those of all others
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Letter:
    """Ready to be sent. `message_id` without <>."""

    sender: str
    to: str
    message_id: str
    raw: bytes


def sender_of(settings: Settings) -> str | None:
    """The address that answers come from; None: nobody has told it."""
    told = settings.smtp.address if settings.smtp else None
    return told or (settings.user if "@" in settings.user else None)


def mail_of_record(asked: Asked) -> Mail | None:
    try:
        return Mail(asked.record)
    except (RecordError, KeyError, TypeError, ValueError):
        return None


def recipient(mail: Mail, settings: Settings) -> str | None:
    """Who gets the answer; None: nobody but ourselves."""
    for address in (mail.answer_to, mail.sender):
        if address is not None and not address.is_one_of(settings.ours):
            return address.address
    return None


def answer(outgoing: Outgoing, settings: Settings, now: datetime) -> Letter:
    """Raises ReplyRefusedError: there is nobody whom it could be sent to."""
    mail, sender = mail_of_record(outgoing.to), sender_of(settings)
    to = recipient(mail, settings) if mail else None
    if mail is None or sender is None or to is None:
        raise ReplyRefusedError("gone" if mail is None else "no_way")
    message_id = id_of(outgoing, settings)
    message = EmailMessage(policy=_POLICY)
    name = settings.smtp.name if settings.smtp else ""
    message["From"] = Mailbox(display_name=name, addr_spec=sender) if sender.isascii() else sender
    message["To"] = to
    message["Subject"] = f"Re: {without_prefixes(mail.subject)}".strip()
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id}>"
    message[OURS_TOO] = f"<{message_id}>"
    if "@" in mail.id:
        known = [*mail.references, mail.id]
        kept = known if len(known) <= MOST_REFERENCES else [known[0], *known[1 - MOST_REFERENCES :]]
        message["In-Reply-To"] = f"<{mail.id}>"
        message["References"] = " ".join(f"<{each}>" for each in kept)
    message.set_content(f"{outgoing.text}\n\n{_quote(mail, outgoing)}")
    return Letter(sender, to, message_id, message.as_bytes())


def as_received(letter: Letter, host: str, said: str) -> bytes:
    """The letter as the customer has it and names it in answers. `said`: by the server at `host` that took it."""
    named, region = _NAMED_BY_SES.search(said), _SES.fullmatch(host)
    if named is None or region is None:
        return letter.raw
    domain = "email" if region[1].lower() == _OLDEST_REGION else region[1].lower()
    header = f"Message-ID: <{named[1]}@{domain}.amazonses.com>"
    return re.sub(rb"(?m)^Message-ID: [^\r\n]*", header.encode(), letter.raw, count=1)


def id_of(outgoing: Outgoing, settings: Settings) -> str:
    """Its Message-ID: the same at every attempt."""
    domain = (sender_of(settings) or "").rpartition("@")[2].lower()
    return f"{outgoing.key}@{domain}"


def _quote(mail: Mail, outgoing: Outgoing) -> str:
    """The beginning of what is answered; what was masked in it stays so."""
    said = outgoing.to.text[:QUOTED]
    lines = [f"> {line}" for line in said.splitlines()[:QUOTED_LINES]]
    if len(said) < len(outgoing.to.text) or len(said.splitlines()) > QUOTED_LINES:
        lines.append("> …")
    who = (mail.sender.name or mail.sender.address) if mail.sender else ""
    who = " ".join(who.split())
    at = outgoing.to.posted_at
    if _CHINESE.search(outgoing.text):
        heading = f"在 {at.year} 年 {at.month} 月 {at.day} 日，{who} 写道："
    else:
        heading = f"On {at.day} {at:%B %Y}, {who} wrote:"
    return "\n".join([heading, *lines])
