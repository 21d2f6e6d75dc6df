"""The digest counts as the dashboard does, tells no texts and no names, and is sent, or kept, and that is said."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from aggregator.commands import handlers
from aggregator.config import Digests, MailServer
from aggregator.control import RefusedError
from aggregator.demo.mail import MailSimulator
from aggregator.demo.mail.submission import Submission
from aggregator.digesting import daily_digest, digest_if_missed
from aggregator.store.figures import Range
from aggregator.web.dashboard import figures_of
from aggregator.workplace import Workplace
from connectors.secret import Secret
from tests.conftest import Community, poll
from tests.console import Console


async def digest(work: Workplace, since: str = "7d", lang: str = "en", form: str = "md", mail: bool = False) -> dict:
    arguments = {"since": since, "lang": lang, "form": form, "mail": mail}
    return await handlers(work)["digest"](arguments, lambda _: None)


@asynccontextmanager
async def busy(community: Community) -> AsyncIterator[Workplace]:
    """Two days on two platforms, with somebody answered, somebody late, and a gap."""
    async with community.desk() as work:
        said = community.telegram.says("fox", "my swordfish funds are gone")
        community.forum.says("lin", "转账三小时未到账，没人理我")
        await poll(work)
        community.clock.pass_(hours=20)
        community.telegram.admin_says("we look into it", reply_to=said)
        community.telegram.says("owl", "how do I change the fee?")
        await poll(work)
        community.clock.pass_(hours=10)
        lost = "INSERT INTO coverage VALUES ('forum', ?, ?, 'lost', 'test')"
        now = community.clock()
        await work.db.write(
            lambda con: con.execute(lost, [now - timedelta(hours=3), now - timedelta(hours=1)]).fetchall()
        )
        yield work


async def test_its_numbers_are_those_of_the_dashboard(community: Community) -> None:
    async with busy(community) as work:
        text = (await digest(work))["text"]
        today = community.clock().astimezone().date()
        wanted = Range(today - timedelta(days=7), today, work.settings.timezone)
        found = await work.db.read(lambda con: figures_of(con, wanted, work.settings, work.clock()))
        (missed,) = work.db.query("SELECT count(*) FROM inquiry_open WHERE due_at < $1", [work.clock()])[0]
    told = dict(re.findall(r"(?m)^\| ([^|]+) \| ([^|]+) \|$", text))
    assert told["Began in this time"] == str(sum(found.arrivals.values())) == "3"
    assert told["Open now"].startswith(f"{found.open} (P0 {found.bands['P0']},")
    assert told["Promises kept"] == f"{found.kept} / {found.promised}"
    assert told["Promised times that have run out"] == str(missed)
    assert missed > 0
    assert re.search(r"\| forum \| lost \| 2 h \|", text)


async def test_nobody_waits_less_than_nothing_where_the_clock_was_set_back(community: Community) -> None:
    async with busy(community) as work:
        community.clock.pass_(hours=-11)
        text = (await digest(work))["text"]
    assert "| 0 s |" in text
    assert not re.search(r"\| -\d", text)


@pytest.mark.parametrize("form", ["md", "html"])
async def test_it_tells_neither_texts_nor_names(community: Community, form: str) -> None:
    async with busy(community) as work:
        told = [(await digest(work, lang=lang, form=form))["text"] for lang in ("zh", "en")]
        code = work.db.query("SELECT code FROM inquiry_open LIMIT 1")[0][0]
    for text in told:
        assert code in text
        # A code may hold a name of three letters.
        words = ("swordfish", "转账三小时", r"\bfox\b", r"\blin\b", r"\bowl\b")
        assert [word for word in words if re.search(word, text.lower())] == []
    assert told[0] != told[1]
    assert "数字概览" in told[0]


async def test_as_a_page_it_has_plots_and_is_whole_in_itself(community: Community) -> None:
    async with busy(community) as work:
        text = (await digest(work, form="html"))["text"]
    assert text.count("<svg") >= 2
    assert "<script" not in text
    assert not re.search(r'(src|href)="(?!https?://)', text)


async def test_days_that_cannot_be_are_refused(community: Community) -> None:
    async with community.desk("telegram") as work:
        for since in ("yesterday", "2999-01-01", "400d", "800000d", "9999999999d", "0x"):
            with pytest.raises(RefusedError, match="write so many days"):
                await digest(work, since=since)


async def test_by_mail_it_is_words_a_page_and_the_page_with_plots(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    way_out = Submission(MailSimulator())
    monkeypatch.setenv("DIGEST_PASSWORD", way_out.mail.password)
    async with way_out.serving() as port:
        server = MailServer(
            host="127.0.0.1", port=port, security="none", user=way_out.mail.user,
            password=Secret(env="DIGEST_PASSWORD"), address="desk@example.com",
        )  # fmt: skip
        community.more["digest"] = Digests(to=["lead@example.com", "night@example.com"], smtp=server, lang="zh")
        async with busy(community) as work:
            told = await digest(work, lang="zh", mail=True)
            way_out.refuses.append(("RCPT", "550 5.1.1 nobody of that name"))
            in_part = await digest(work, lang="zh", mail=True)
            monkeypatch.setenv("DIGEST_PASSWORD", "another")
            locked_out = await digest(work, lang="zh", mail=True)
    letter = email.message_from_bytes(way_out.sent[0], policy=email.policy.default)
    assert (told["not_sent"], letter["To"]) == ("", "lead@example.com, night@example.com")
    plain, page, file = (part.get_content() for part in letter.walk() if part.get_content_maintype() == "text")
    assert plain.replace("\r\n", "\n").strip() == told["text"].strip()
    assert ("<svg" in page, "<svg" in file) == (False, True)
    assert "does not take it for lead@example.com" in in_part["not_sent"]
    assert "refused the login" in locked_out["not_sent"]


async def test_what_no_server_takes_is_kept_and_told(community: Community) -> None:
    server = MailServer(host="127.0.0.1", port=9, security="none", address="desk@example.com")
    community.more["digest"] = Digests(to=["lead@example.com"], smtp=server, lang="en")
    async with busy(community) as work:
        told = await digest(work, mail=True)
        assert told["not_sent"].startswith("127.0.0.1: the digest could not be sent")
        (kept,) = (community.data / "digests").iterdir()
        assert str(kept) == told["kept"]
        assert "<svg" in kept.read_text(encoding="utf-8")


async def test_the_daily_job_writes_a_file_and_replaces_it(community: Community) -> None:
    async with busy(community) as work:
        await daily_digest(work, "http://127.0.0.1:8080")
        await daily_digest(work, "http://127.0.0.1:8080")
        (made,) = (community.data / "digests").iterdir()
        text = made.read_text(encoding="utf-8")
    assert 'href="http://127.0.0.1:8080/dashboard?since=' in text


async def test_a_digest_whose_hour_nobody_was_at_work_is_made_as_soon_as_somebody_is(community: Community) -> None:
    async with busy(community) as work:
        folder = community.data / "digests"
        await digest_if_missed(work, "")
        assert not folder.exists()  # the very first one comes at its hour
        await daily_digest(work, "")
        community.clock.pass_(hours=25)  # its hour is not over yet
        await digest_if_missed(work, "")
        assert len(list(folder.iterdir())) == 1
        community.clock.pass_(hours=2)
        await digest_if_missed(work, "")
        await digest_if_missed(work, "")
        assert len(list(folder.iterdir())) == 2


def test_the_command_prints_markdown_and_writes_pages(console: Console) -> None:
    assert console.ok("digest", "--lang", "en").startswith("# Inquiries ")
    out = console.config.parent / "week.html"
    assert console.ok("digest", "--since", "7d", "--out", out) == ""
    assert out.read_text(encoding="utf-8").lstrip().startswith("<!doctype html>")
    refused = console.run("digest", "--mail")
    assert (refused.exit_code, "set digest.to and digest.smtp" in refused.stderr) == (2, True)
