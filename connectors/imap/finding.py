"""Finding a mail by its Message-ID. RFC 3501, section 6.4.4.

What SEARCH HEADER lists is only where to look: servers exist that ignore the criterion and list every mail of the
folder, and all of them find an id within a longer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connectors.errors import RecordError
from connectors.imap.account import Account
from connectors.imap.mail import FORMER_IDS, Mail, former_id
from connectors.imap.mime import mail_of

MESSAGE_ID: Final = "Message-ID"
CANDIDATES: Final = 50  # the newest that were listed; others are not looked at


@dataclass(frozen=True, slots=True)
class LookedUp:
    """`mail`: its headers; None: it is not among those that were looked at. `all_seen`: no more were listed."""

    mail: Mail | None
    all_seen: bool


async def look_up_sent(account: Account, message_id: str) -> LookedUp:
    """The same of a mail of ours, whose server may have given it another Message-ID and keep ours beside it."""
    found = await look_up(account, message_id)
    for header in FORMER_IDS:
        if found.mail is not None:
            break
        former = await look_up(account, message_id, header)
        found = LookedUp(former.mail, all_seen=found.all_seen and former.all_seen)
    return found


async def look_up(account: Account, message_id: str, header: str = MESSAGE_ID) -> LookedUp:
    """In the open folder. `header`: which one holds it."""
    listed = await account.search("HEADER", header, message_id)
    newest = listed[-CANDIDATES:]
    headers = await account.headers(newest) if newest else {}
    candidates = (mail_with(raw) for _, raw in sorted(headers.items()))
    found = next((mail for mail in candidates if mail is not None and _bears(mail, header, message_id)), None)
    return LookedUp(found, all_seen=len(newest) == len(listed))


def _bears(mail: Mail, header: str, message_id: str) -> bool:
    return mail.id == message_id if header == MESSAGE_ID else former_id(mail.header) == message_id


def mail_with(headers: bytes) -> Mail | None:
    try:
        return Mail(mail_of(headers))
    except RecordError:
        return None
