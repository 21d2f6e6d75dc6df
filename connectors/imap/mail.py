"""A stored mail as its reader needs it: addresses, ids, references. RFC 5322, RFC 8601. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from connectors.contract import Record
from connectors.errors import RecordError
from connectors.imap.mime import split

_BRACKETED: Final = re.compile(r"<\s*([^<>\s@]{1,200}@[^<>\s@]{1,253})\s*>")
# An apostrophe may stand in it; one before is no part of it where another one follows.
_BARE: Final = re.compile(r"(')?([^\s<>\"(),;:@]{1,200}@[^\s<>\"'(),;:@]{1,253})(?(1)')")
_IDS: Final = re.compile(r"<([^<>]{1,1000})>")
_COMMENT: Final = re.compile(r"\([^()]*\)")
# To the end where no quote closes it (its group is empty then), so that none within it is tried as the first.
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.?)*+("|\Z)', re.DOTALL)
_DEEPEST_COMMENT: Final = 8
_FROM_HERE: Final = re.compile(r"[0-9A-Za-z]{32}@")  # `letter.id_of`
MOST_REFERENCES: Final = 200
OURS_TOO: Final = "X-Inquiry-Message-ID"  # in what we send: Amazon SES and others keep a former Message-ID nowhere
# Where servers that give each mail they send a Message-ID of their own keep the one that it came with: whichever, QQ
# Mail and Exmail, Outlook.com, Gmail.
FORMER_IDS: Final = (
    OURS_TOO.lower(),
    "x-oq-msgid",
    "x-microsoft-original-message-id",
    "x-google-original-message-id",
)


@dataclass(frozen=True, slots=True)
class Address:
    """`address`: the domain in lower case and IDNA; the local part as written, for it may tell people apart."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def is_one_of(self, ours: Collection[str]) -> bool:
        """`ours`: addresses, and whole domains written as @domain, in lower case."""
        return self.address.lower() in ours or f"@{self.domain}" in ours


class Mail:
    """One record's headers and parts.

    Raises:
        RecordError: it is no mail.
    """

    def __init__(self, record: Record) -> None:
        if "unreadable" in record:
            raise RecordError(f"a mail that cannot be read ({record['unreadable']})", _location(record))
        self.record = record
        self.parts: list[dict[str, Any]] = record["parts"]
        self._headers = [(name.lower(), value) for name, _, value in map(split, record["headers"])]
        self.subject = " ".join((self.header("subject") or "").split())
        self.sender = _first_address(self.header("from") or self.header("sender") or "")
        self.answer_to = _first_address(self.header("reply-to") or "")
        self.references = self._referenced()
        self.id = self._own_id()

    def header(self, name: str) -> str | None:
        """The first of that name (lower case)."""
        return next((value for key, value in self._headers if key == name), None)

    def headers(self, name: str) -> list[str]:
        return [value for key, value in self._headers if key == name]

    @property
    def parent(self) -> str | None:
        """What it answers."""
        return self.references[-1] if self.references else None

    @property
    def root(self) -> str:
        """The mail with which its conversation began."""
        joined: str | None = self.record.get("joined")
        if joined is not None:
            return joined
        return self.references[0] if self.references else self.id

    def native_id(self, *, forged: bool) -> str:
        """The post's id: its Message-ID, which every copy of a mail bears, and no other mail should (RFC 5322, 3.6.4).

        Only the domain in it can see to that. Who writes from elsewhere, or is forged, may have taken another's, and
        would hide that mail or change its words: such an id goes on with what tells his mail from others.

        In Sent, where only we put mails, an answer from here keeps the id that it was sent with, whatever the server
        made of it.
        """
        if self.record["role"] == "sent" and (former := former_id(self.header)) and _FROM_HERE.match(former):
            return former
        domain = self.sender.domain if self.sender else ""
        if not self.header("message-id") or (self.id.rpartition("@")[2].lower() == domain and not forged):
            return self.id
        told = (self.sender.address if self.sender else "", self.header("date") or "", "forged" if forged else "")
        return f"{self.id}~{blake2b('|'.join(told).encode('utf-8', 'replace'), digest_size=6).hexdigest()}"

    def is_vouched_for(self, authserv_id: str | None) -> bool:
        """Whether our own mail server found that the domain in From sent it (DMARC)."""
        if len(self.headers("from")) != 1 or len(_BRACKETED.findall(self.headers("from")[0])) > 1:
            return False
        return self._found(authserv_id) == "dmarc=pass"

    def is_forged(self, authserv_id: str | None) -> bool:
        """Whether our own mail server found that the domain in From did not send it."""
        return self._found(authserv_id) == "dmarc=fail"

    def _found(self, authserv_id: str | None) -> str | None:
        """What our server says of the domain in From.

        Only the topmost results under our server's name count: the sender writes headers, too, but ours come above.
        """
        if authserv_id is None or self.sender is None:
            return None
        for header in self.headers("authentication-results"):
            server, results = _results(header)
            if server == authserv_id.lower():
                said = [result for result in results if result[:1] and result[0].startswith("dmarc=")]
                return said[0][0] if len(said) == 1 and self._names_sender(said[0]) else None
        return None

    def _names_sender(self, result: list[str]) -> bool:
        assert self.sender is not None
        return f"header.from={self.sender.domain}" in result

    def _referenced(self) -> list[str]:
        """Ids of the conversation so far, the first one first; of In-Reply-To only where References is missing."""
        known = ids_in(" ".join(self.headers("references")))
        if not known:
            people = {address.address for address in (self.sender, self.answer_to) if address}
            known = [each for each in ids_in(self.header("in-reply-to") or "") if each not in people][:1]
        elif (answered := ids_in(self.header("in-reply-to") or ""))[:1] and answered[0] not in known:
            known.append(answered[0])
        return known

    def _own_id(self) -> str:
        told = self.header("message-id") or ""
        ids = ids_in(told) or ["".join(told.split()).strip("<>")]
        return ids[0] or f"digest:{self.record['digest']}"


def former_id(header: Callable[[str], str | None]) -> str | None:
    """The Message-ID that a mail came with, where the server that sent it gave it another; None: it kept it.

    `header`: gives the first header of a name (lower case).
    """
    return next((found[0] for name in FORMER_IDS if (found := ids_in(header(name) or ""))), None)


def ids_in(text: str) -> list[str]:
    """Message ids without <>; blanks inside come from folded lines."""
    found = _IDS.findall(text) or [word for word in text.split() if re.fullmatch(r"[^\s@]+@[^\s@]+", word)]
    return list(dict.fromkeys(bare for each in found if "@" in (bare := "".join(each.split()))))[:MOST_REFERENCES]


def _first_address(header: str) -> Address | None:
    structure = _COMMENT.sub(_covered, _QUOTED.sub(_covered, header))  # a name may look like an address
    if found := _BRACKETED.search(structure):
        name = header[: found.start()].rpartition(">")[2].strip(" ,;\t").strip("\"'").replace('\\"', '"').strip()
        return Address(_normal(header[found.start(1) : found.end(1)]), name[:200])
    bare = _BARE.search(_COMMENT.sub("", header))
    return Address(_normal(bare[2])) if bare else None


def _covered(found: re.Match[str]) -> str:
    return found[0] if found[found.lastindex or 0] == "" else "_" * len(found[0])


def _normal(address: str) -> str:
    local, _, domain = address.rpartition("@")
    domain = domain.strip(".").lower()
    with suppress(UnicodeError):  # no name that could be registered stays as it is written
        domain = domain.encode("idna").decode()
    return f"{local}@{domain}"


def _results(header: str) -> tuple[str, list[list[str]]]:
    """The server that checked, and each check's words. Some servers (Microsoft 365) do not give their name: "".

    What is quoted or in a comment may be the sender's words; where they cannot be told apart, nothing is believed.
    """
    bare = _QUOTED.sub(lambda found: "" if found[1] else found[0], header)
    for _ in range(_DEEPEST_COMMENT):
        bare = _COMMENT.sub("", bare)
    if not {'"', "(", ")"}.isdisjoint(bare):
        bare = bare.partition(";")[0]
    server, *results = [part.split() for part in bare.lower().split(";")]
    if server and "=" in server[0]:
        return "", [server, *results]
    return server[0] if server else "", results


def _location(record: Record) -> str:
    return f"{record.get('mailbox')}/{record.get('validity')}/{record.get('uid')}"
