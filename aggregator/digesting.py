"""Write the digest, send it by mail, or keep it in a file; once a day by the service itself."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from contextlib import suppress
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import structlog

from aggregator.clocks import missed_a_day
from aggregator.config import Digests, Settings
from aggregator.control import MisusedError
from aggregator.store.figures import Range
from aggregator.store.meta import note, noted
from aggregator.web import digest as pages
from aggregator.web.i18n import CHINESE, ENGLISH, Lang
from aggregator.workplace import Workplace
from connectors.errors import AuthError

log = structlog.get_logger()

KEPT = 60  # digests in the folder
_MADE_AT = "digest_made_at"
"""The key of `meta` that holds when the daily digest was last made."""
ANSWER_WITHIN = 30.0  # seconds for each step


class NotSentError(Exception):
    """The mail was not taken, or not by all; the message says why."""


async def digest_of(
    work: Workplace, since: str, lang: str | None, form: Literal["md", "html"], mail: bool, url: str = ""
) -> dict[str, Any]:
    """The digest as text; `mail` sends it, too. not_sent: why not, and then it is kept in a file.

    Raises:
        ValueError: `since` is no such time.
    """
    settings = work.settings
    spoken = CHINESE if (lang or settings.digest.lang) == "zh" else ENGLISH
    moment = work.clock()
    wanted = _days_since(since, moment, ZoneInfo(settings.timezone))
    digest = await work.db.read(lambda con: pages.gather(con, wanted, settings, moment))
    url = str(settings.web.public_url or url)
    told = await asyncio.to_thread(
        lambda: (
            pages.markdown(digest, spoken, url)
            if form == "md"
            else pages.html(digest, spoken, url, settings, plots=True)
        )
    )
    if not mail:
        return {"text": told, "not_sent": "", "kept": ""}
    letter = await asyncio.to_thread(_letter, digest, spoken, url, settings)
    try:
        await asyncio.to_thread(_send, letter, settings.digest)
    except NotSentError as error:
        kept = await asyncio.to_thread(_keep, digest, spoken, url, settings)
        return {"text": told, "not_sent": str(error), "kept": str(kept)}
    return {"text": told, "not_sent": "", "kept": ""}


async def daily_digest(work: Workplace, url: str) -> None:
    """Into a file of the data directory; and by mail, if somebody wants it."""
    settings = work.settings
    digest = settings.digest
    told = await digest_of(work, digest.since, None, "html", bool(digest.to), url)
    path = settings.data / "digests" / f"{work.clock().astimezone(ZoneInfo(settings.timezone)).date()}.html"
    await asyncio.to_thread(_put, path, told["text"])
    await work.db.write(lambda con: note(con, _MADE_AT, work.clock().isoformat()))
    if told["not_sent"]:
        log.error("digest.not_sent", message=told["not_sent"])
    else:
        log.info("digest.made", to=len(digest.to), file=path.name)


async def digest_if_missed(work: Workplace, url: str) -> None:
    """The daily digest, where its hour has passed without anybody at work, as at a machine that is off at night. The
    very first one comes at its hour."""
    last, now = await work.db.read(lambda con: noted(con, _MADE_AT)), work.clock()
    if last is not None and missed_a_day(datetime.fromisoformat(last), now):
        await daily_digest(work, url)


def _days_since(since: str, moment: datetime, zone: ZoneInfo) -> Range:
    """`7d`: so many days back, and today; or a date. As the dashboard's ranges.

    Raises:
        ValueError: it is neither, or lies in the future or too far back. It holds `since`.
    """
    today, back = moment.astimezone(zone).date(), -1
    with suppress(ValueError):  # Python's own words, of its own functions
        days = since.endswith("d") and since[:-1].isdecimal()
        back = int(since[:-1]) if days else (today - date.fromisoformat(since)).days
    if not 0 <= back <= 366:
        raise ValueError(since)
    return Range(today - timedelta(days=back), today, str(zone))


def _keep(digest: pages.Digest, lang: Lang, url: str, settings: Settings) -> Path:
    path = settings.data / "digests" / f"{digest.wanted.last}.html"
    _put(path, pages.html(digest, lang, url, settings, plots=True))
    return path


def _put(path: Path, text: str) -> None:
    """Into a file, whole; the oldest ones go."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".writing")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    for old in sorted(path.parent.glob("*.html"))[:-KEPT]:
        old.unlink(missing_ok=True)


def _letter(digest: pages.Digest, lang: Lang, url: str, settings: Settings) -> EmailMessage:
    """As plain text, as a page without plots, for mail programs draw none, and the page with plots beside them.

    Raises:
        MisusedError: nobody wants it.
    """
    smtp = settings.digest.smtp
    if smtp is None or not settings.digest.to:
        raise MisusedError("nobody is named who wants it: set digest.to and digest.smtp in connectors.yaml")
    letter = EmailMessage()
    letter["Subject"] = pages.title(digest, lang)
    letter["From"] = smtp.address
    letter["To"] = ", ".join(settings.digest.to)
    letter["Date"] = format_datetime(digest.moment)
    letter["Message-ID"] = make_msgid(domain=smtp.address.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(pages.markdown(digest, lang, url))
    letter.add_alternative(pages.html(digest, lang, url, settings, plots=False), subtype="html")
    letter.add_attachment(
        pages.html(digest, lang, url, settings, plots=True), subtype="html", filename=f"{digest.wanted.last}.html"
    )
    return letter


def _send(letter: EmailMessage, digest: Digests) -> None:
    smtp = digest.smtp
    assert smtp is not None
    try:
        context = ssl.create_default_context()
        if smtp.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=ANSWER_WITHIN, context=context)
        else:
            server = smtplib.SMTP(smtp.host, smtp.port, timeout=ANSWER_WITHIN)
        with server:
            if smtp.security == "starttls":
                server.starttls(context=context)
            if smtp.user and smtp.password:
                server.login(smtp.user, smtp.password.reveal())
            refused = server.send_message(letter)
    except smtplib.SMTPAuthenticationError as error:
        raise NotSentError(f"{smtp.host} refused the login with {smtp.password} ({error.smtp_code})") from None
    except (smtplib.SMTPException, OSError, AuthError) as error:
        raise NotSentError(f"{smtp.host}: the digest could not be sent ({type(error).__name__})") from error
    if refused:
        raise NotSentError(f"{smtp.host} does not take it for {', '.join(refused)}")
