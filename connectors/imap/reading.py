"""Reads one stored mail into the common shape. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.contract import Author, Post, Record, Undelivered
from connectors.errors import RecordError
from connectors.imap.automatic import why_automatic
from connectors.imap.bounces import bounced, delivery_failed, undelivered
from connectors.imap.mail import Address, Mail
from connectors.imap.markup import text_of_html
from connectors.imap.quotes import is_reply_subject, own_words

ANSWERED: Final = "\\Answered"
MARKED: Final = "[已在邮箱里标为已回复 · marked as answered in the mailbox]"  # it stands among posts of both languages
# A mail that the server dates this much later than it was received or sent was not under way for so long: it was moved
# here.
_MOVED: Final = timedelta(days=7)
_STUB: Final = 20  # characters of a plain text that only says that there is HTML
_SEALS: Final = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_NO_FILES: Final = _SEALS | {"message/delivery-status", "text/rfc822-headers", "application/pgp-encrypted"}


@dataclass(frozen=True, slots=True)
class Reader:
    """`ours`: our own addresses, and our domains as @domain, in lower case."""

    ours: frozenset[str]
    authserv_id: str | None

    def read(self, record: Record) -> Sequence[Post | Undelivered]:
        """The mail, and where a colleague's mail program marked it as answered, that mark as an answer of ours.

        Besides, where it is a server's report that a mail of ours was given up, that it did not arrive.

        Raises:
            RecordError: it cannot be read.
        """
        try:
            mail = Mail(record)
            post = self._post(mail)
            return [post, *_answer_marks(mail, post), *self._undelivered(mail)]
        except (TypeError, KeyError, ValueError, AttributeError, IndexError) as error:
            raise RecordError(f"no record of a mail ({type(error).__name__})", str(record.get("uid"))) from error

    def _undelivered(self, mail: Mail) -> Iterable[Undelivered]:
        """A customer could say so, too, but only of what was written to them."""
        if why_automatic(mail, self.ours) and not mail.is_forged(self.authserv_id):
            yield from undelivered(mail)

    def _post(self, mail: Mail) -> Post:
        text, links = _body(mail)
        files = sum(_is_file(part) for part in mail.parts)
        if not (mail.sender or mail.subject or mail.header("date") or mail.header("message-id")):
            raise RecordError("no mail: it is empty, or has none of the headers that every mail has", mail.id)
        machine = why_automatic(mail, self.ours)
        author, guessed = self._author(mail, machine)
        posted_at, clamped = _posted_at(mail)
        about = bounced(mail)
        native_id = mail.native_id(forged=mail.is_forged(self.authserv_id))
        return Post(
            native_id=native_id,
            text=delivery_failed(mail, text) if about else _with_subject(mail, text),
            posted_at=posted_at,
            author=author,
            thread=about[0] if about else mail.root,
            reply_to=about[-1] if about else mail.parent,
            alias=None if native_id == mail.id else mail.id,
            order=mail.record["uid"],
            title=mail.subject[:500] or None,
            public=False,
            place=f"{mail.record['account']} · {mail.record['mailbox']}",
            attachments=files,
            pictures=sum(_is_picture(part) for part in mail.parts),
            links=links,
            guessed=guessed + clamped + (("text",) if _is_cut(mail) else ()),
        )

    def _author(self, mail: Mail, machine: str | None) -> tuple[Author | None, tuple[str, ...]]:
        sender = mail.sender or mail.answer_to
        if sender is None:
            return None, ()
        if machine:
            return Author(sender.address, sender.name, role="bot"), ()
        if mail.record["role"] == "sent":  # only who holds the account's password puts a mail there
            return Author(sender.address, sender.name, role="staff"), ()
        if not sender.is_one_of(self.ours):
            if mail.is_forged(self.authserv_id):
                return Author(f"unverified:{sender.address}", sender.name), ("author",)
            return self._person(mail, sender)
        if mail.is_vouched_for(self.authserv_id):
            return Author(sender.address, sender.name, role="staff"), ()
        if mail.answer_to and not mail.answer_to.is_one_of(self.ours):
            return Author(mail.answer_to.address, mail.answer_to.name or sender.name), ("author",)  # a web form
        # Whoever pretends to be one of us must not have a colleague's id.
        return Author(f"unverified:{sender.address}", sender.name), ("author",)

    def _person(self, mail: Mail, sender: Address) -> tuple[Author, tuple[str, ...]]:
        if mail.answer_to and sender.address.lower().startswith(("noreply@", "no-reply@", "no_reply@")):
            return Author(mail.answer_to.address, mail.answer_to.name), ("author",)  # a form of somebody else's
        proved = mail.is_vouched_for(self.authserv_id)
        return Author(sender.address, sender.name, vouched=(("mail", sender.address),) if proved else ()), ()


def _answer_marks(mail: Mail, post: Post) -> Iterable[Post]:
    """The mark has no time. It must not look later than a mail that came after the answer and still waits.

    A mark that a mail bears when we first see it is dated as the mail; one that we see being set, just before the
    first mail that is new to us at that moment, or else at that moment.
    """
    said = mail.record
    if ANSWERED not in said["flags"] or said["role"] == "sent" or post.author is None or post.author.role != "customer":
        return
    if "marked_before" in said:
        newer = said["marked_before"]
        at = datetime.fromisoformat(newer) - timedelta(seconds=1) if newer else None
    else:
        at = post.posted_at and post.posted_at + timedelta(seconds=1)
    yield Post(
        native_id=f"{post.native_id}#answered",
        text=MARKED,
        posted_at=at,
        author=Author(said["account"], role="staff"),
        thread=post.thread,
        reply_to=post.native_id,
        title=post.title,
        public=False,
        place=post.place,
        guessed=("posted_at",),
    )


def _posted_at(mail: Mail) -> tuple[datetime | None, tuple[str, ...]]:
    """When it arrived: the sender writes Date as he likes, and his clock may stand years back.

    Of a mail that was moved here the server knows no more than that. When it first arrived, the last server on its way
    wrote into it; where none did, as into what we sent, Date has to do.
    """
    arrived: str | None = mail.record["arrived"]
    dated = date_of(mail.header("date") or "")
    if arrived is None:
        return dated, ("posted_at",)
    at = datetime.fromisoformat(arrived).astimezone(UTC)
    received = date_of((mail.header("received") or "").rpartition(";")[2].strip())
    first = received or dated
    if first is not None and at - first > _MOVED:
        return first, ("posted_at",)
    return at, ()


def date_of(header: str) -> datetime | None:
    """In UTC; None: it is no date."""
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(header)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None


def _body(mail: Mail) -> tuple[str, tuple[str, ...]]:
    """The author's own words, and what links hide."""
    alternatives: dict[int, dict[str, str]] = defaultdict(dict)
    for part in mail.parts:
        if part["type"] in ("text/plain", "text/html") and "text" in part and not part.get("nested"):
            alternatives[part["group"]].setdefault(part["type"], part["text"])
    texts: list[str] = []
    links: list[str] = []
    for found in alternatives.values():
        plain = found.get("text/plain", "")
        rendered, hidden = text_of_html(found["text/html"]) if "text/html" in found else ("", ())
        chosen = rendered if _is_stub(plain, rendered) else plain
        texts.append(own_words(chosen))
        links += hidden
    return "\n\n".join(text for text in texts if text), tuple(dict.fromkeys(links))


def _is_stub(plain: str, rendered: str) -> bool:
    length = len(plain.strip())
    return not length or (length < _STUB and len(rendered) > 10 * length) or (
        bool(rendered) and length < 300 and "html" in plain.lower() and "support" in plain.lower()
    )  # fmt: skip


def _is_cut(mail: Mail) -> bool:
    return "cut" in mail.record or any("cut" in part for part in mail.parts)


def _is_file(part: dict[str, Any]) -> bool:
    return "text" not in part and part["type"] not in _NO_FILES and not part.get("nested")


def _is_picture(part: dict[str, Any]) -> bool:
    """Pictures inside the text are mostly logos."""
    return _is_file(part) and str(part["type"]).startswith("image/") and part.get("disposition") == "attachment"


def _with_subject(mail: Mail, text: str) -> str:
    """Who begins a conversation says half of it in the subject."""
    begins = not mail.references and not is_reply_subject(mail.subject)
    if not mail.subject or (text and not begins) or mail.subject.rstrip(".…") in text:
        return text
    return f"{mail.subject}\n\n{text}".strip()
