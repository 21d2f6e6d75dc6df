"""Folders of a mailbox and the mails in them, as an IMAP server keeps them. RFC 3501, section 2.3."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Stored:
    """One mail in one folder."""

    uid: int
    raw: bytes
    arrived: datetime
    modseq: int
    flags: set[str] = field(default_factory=set)
    sick: bool = False  # the server cannot read it any more


class Folder:
    """Mails in the order of their UIDs, which are never used twice under one UIDVALIDITY."""

    def __init__(self, name: str, validity: int, mark: str | None = None) -> None:
        self.name = name
        self.validity = validity
        self.mark = mark  # SPECIAL-USE, such as \\Junk
        self.next_uid = 1
        self.modseq = 1
        self.mails: list[Stored] = []
        self.changed = asyncio.Event()  # replaced at each change, after it was set

    def add(self, raw: bytes, arrived: datetime, flags: set[str] | None = None) -> Stored:
        self.modseq += 1
        stored = Stored(self.next_uid, raw, arrived, self.modseq, set(flags or ()))
        self.next_uid += 1
        self.mails.append(stored)
        self._tell()
        return stored

    def mark_mail(self, stored: Stored, *flags: str) -> None:
        self.modseq += 1
        stored.flags |= set(flags)
        stored.modseq = self.modseq
        self._tell()

    def remove(self, stored: Stored) -> None:
        self.modseq += 1
        self.mails.remove(stored)
        self._tell()

    def number_anew(self) -> None:
        """As after a restored backup: another UIDVALIDITY, UIDs from 1 on."""
        self.validity += 1
        for uid, stored in enumerate(self.mails, 1):
            stored.uid = uid
        self.next_uid = len(self.mails) + 1

    def begin_anew(self) -> None:
        """As after somebody deleted the folder and made it anew, on a server that gives it the same UIDVALIDITY."""
        self.mails.clear()
        self.next_uid = 1
        self._tell()

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
