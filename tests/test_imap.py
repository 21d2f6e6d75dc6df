"""The email connector against a simulated mail server."""

from __future__ import annotations

import asyncio
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from aggregator.demo.mail import INBOX, JUNK, SENT, MailSimulator
from aggregator.demo.mail.boxes import Folder
from aggregator.demo.mail.talk import Fault
from aggregator.demo.truth import Truth
from aggregator.listener import serve
from connectors.contract import Finding, Post
from connectors.errors import AuthError, SourceGoneError, ThrottledError, TransientError
from connectors.imap import Imap, account, connection
from connectors.session import Pacing
from tests.contract_suite import Drained, PullContract, drain, items, numbered, posts, refused, texts

PASSWORD_ENV = "HARBOR_MAIL_PASSWORD"
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mail(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> MailSimulator:
    simulator = MailSimulator(clock)
    monkeypatch.setenv(PASSWORD_ENV, simulator.password)
    return simulator


@pytest.fixture
async def port(mail: MailSimulator) -> AsyncIterator[int]:
    async with mail.serving() as port:
        yield port


Source = Callable[..., Imap]


@pytest.fixture
def source(mail: MailSimulator, port: int) -> Source:
    """Makes a new connector of the same source, as after a restart; it only polls."""
    return lambda **settings: connector_for(mail, port, **settings)


def connector_for(mail: MailSimulator, port: int, pacing: Pacing | None = None, **settings: Any) -> Imap:
    usual = {
        "connector": "imap",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "user": mail.user,
        "password": {"env": PASSWORD_ENV},
        "idle": 0,
    }
    return Imap("support", Imap.Config.model_validate(usual | settings), since=SINCE, pacing=pacing)


class Stage:
    """The simulator as the contract suite plays it."""

    credential = PASSWORD_ENV
    many = 45

    def __init__(self, mail: MailSimulator, port: int) -> None:
        self.secret = mail.password
        self.mail = mail
        self.port = port

    def connector(self) -> Imap:
        return connector_for(self.mail, self.port)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.mail.says("anna", text, subject=text)

    def says_something_unreadable(self) -> None:
        self.mail.malformed()

    def fails_next(self, fault: Fault) -> None:
        self.mail.fail_next(fault)

    def asks_to_wait(self, seconds: int) -> None:
        self.mail.fail_next("throttled", command="LOGIN", wait=seconds)

    def refuses_login(self) -> None:
        self.mail.credential_is_good = False


class TestImapOwes(PullContract):
    @pytest.fixture
    def stage(self, mail: MailSimulator, port: int, monkeypatch: pytest.MonkeyPatch) -> Stage:
        monkeypatch.setattr(connection, "ANSWER_WITHIN", 1.0)
        monkeypatch.setattr(connection, "CONNECT_WITHIN", 1.0)
        return Stage(mail, port)


# Reading a mailbox


def as_truth(post: Post) -> Truth:
    assert post.author is not None
    assert post.thread is not None
    assert post.posted_at is not None
    return Truth(post.native_id, post.text, post.author.native_id, post.thread, post.posted_at, deleted=False)


async def test_nothing_is_missing_doubled_or_changed_after_a_busy_day(
    mail: MailSimulator, source: Source, clock: Clock
) -> None:
    question = mail.says("anna", "提现没到账 😡\n三天了", subject="提现", charset="gb2312", html=True)
    clock.now += timedelta(minutes=7)
    answer = mail.answers(question, "We are looking at it.")
    back = mail.says("anna", "还是没有", reply_to=answer, html=True)
    mail.says("lin", "is this address yours?", files={"截图.png": b"png"}, folder=JUNK)
    mail.moves(mail.says("omar", "my card is blocked", folder=JUNK), INBOX)
    mail.malformed()
    connector = source()
    done = await drain(connector)
    found = posts(connector, done.records)
    marks = {key for key in found if key.endswith("#answered")}
    assert {key: as_truth(post) for key, post in found.items() if key not in marks} == mail.truth()
    assert marks == {f"{question}#answered"}
    assert (refused(connector, done.records), len(done.records)) == (1, 6)
    assert {found[each].thread for each in (question, answer, back)} == {question}


async def test_no_mail_becomes_read_by_us(mail: MailSimulator, source: Source) -> None:
    one, two = mail.says("anna", "one"), mail.says("anna", "two", folder=JUNK)
    await drain(source())
    assert (mail.flags(one), mail.flags(two)) == (set(), set())
    assert "SELECT" not in mail.commands
    assert not [each for each in mail.commands if "BODY[" in each.upper()]


async def test_a_quiet_mailbox_is_not_searched(mail: MailSimulator, source: Source) -> None:
    mail.says("anna", "one")
    done = await drain(source())
    mail.commands.clear()
    await drain(source(), done)
    assert not [each for each in mail.commands if each.startswith(("UID", "SEARCH", "FETCH"))]


async def test_the_last_mail_is_not_read_again_where_the_server_does_not_tell_the_next_number(
    mail: MailSimulator, source: Source
) -> None:
    mail.without = frozenset({"UIDNEXT"})
    mail.says("anna", "one")
    done = await drain(source())
    again = await drain(source(), done)
    assert len(again.records) == 1
    mail.says("anna", "two")
    connector = source()
    assert texts(connector, (await drain(connector, again)).records) == ["one", "two"]


async def test_numbers_may_have_gaps_and_deleted_mail_is_no_mail(mail: MailSimulator, source: Source) -> None:
    first = mail.says("anna", "one")
    mail.deletes(mail.says("anna", "never seen"))
    done = await drain(source())
    mail.deletes(first)
    mail.deletes(mail.says("anna", "never seen either"))
    mail.says("anna", "two")
    connector = source()
    later = await drain(connector, done)
    assert texts(connector, later.records) == ["one", "two"]
    assert items(connector, later.records) == list(posts(connector, later.records).values())


async def test_a_mail_that_a_colleague_takes_out_of_junk_is_still_one_post(mail: MailSimulator, source: Source) -> None:
    question = mail.says("anna", "one", folder=JUNK)
    done = await drain(source())
    mail.moves(question, INBOX)
    connector = source()
    later = await drain(connector, done)
    assert [record["mailbox"] for record in later.records] == [JUNK, INBOX]
    assert list(posts(connector, later.records)) == [question]


async def test_only_a_folder_that_was_numbered_anew_is_read_again(
    mail: MailSimulator, source: Source, clock: Clock
) -> None:
    mail.says("anna", "long ago", at=clock() - timedelta(days=9))
    mail.says("anna", "yesterday", at=clock() - timedelta(days=1))
    mail.says("anna", "spam", folder=JUNK)
    done = await drain(source())
    mail.numbers_anew()
    mail.says("anna", "now")
    connector = source()
    later = await drain(connector, done)
    assert texts(connector, later.records[3:]) == ["yesterday", "now"]
    assert later.warnings == ("the server has numbered INBOX anew; it was read again",)
    assert len((await drain(source(), later)).records) == len(later.records)


async def test_a_folder_that_was_made_anew_is_read_though_its_numbers_were_given_before(
    mail: MailSimulator, source: Source
) -> None:
    for text in numbered(5):
        mail.says("anna", text)
    done = await drain(source())
    kept = mail.folders[INBOX].mails[-1]
    mail.folders[INBOX].begin_anew()
    empty = await drain(source(), done)
    assert empty.records == done.records
    mail.folders[INBOX].add(kept.raw, kept.arrived)
    mail.says("anna", "now")
    connector = source()
    later = await drain(connector, empty)
    assert texts(connector, later.records[5:])[-1] == "now"
    assert len(posts(connector, later.records)) == len(numbered(5)) + 1
    assert (await drain(source(), later)).records == later.records


async def test_a_folder_that_was_made_anew_and_filled_between_two_polls_is_read_again(
    mail: MailSimulator, source: Source
) -> None:
    for text in numbered(5):
        mail.says("anna", text)
    done = await drain(source())
    mail.folders[INBOX].begin_anew()
    mail.says("anna", "now")
    connector = source()
    later = await drain(connector, done)
    assert texts(connector, later.records[5:]) == ["now"]
    assert later.warnings == ("the server has numbered INBOX anew; it was read again",)
    assert (await drain(source(), later)).records == later.records


async def test_a_server_that_tells_a_wrong_next_number_is_not_read_again_and_again(
    mail: MailSimulator, source: Source
) -> None:
    for text in numbered(3):
        mail.says("anna", text)
    done = await drain(source())
    mail.folders[INBOX].next_uid = 2
    again = await drain(source(), done)
    assert (again.records, again.warnings) == (done.records, ())


async def test_mail_from_before_the_backfill_point_stays_where_it_is(mail: MailSimulator, source: Source) -> None:
    mail.says("anna", "the month before", at=SINCE - timedelta(days=2))
    mail.says("anna", "the hour before", at=SINCE - timedelta(hours=1))
    old = mail.says("anna", "old, and put back later", at=SINCE - timedelta(days=5), folder=SENT)
    connector = source(sent=False)
    done = await drain(connector)
    assert done.records == []
    mail.moves(old, INBOX)
    assert (await drain(source(sent=False), done)).records == []


async def test_a_mail_that_the_server_cannot_read_holds_up_no_other(mail: MailSimulator, source: Source) -> None:
    mail.says("anna", "one")
    mail.sickens(mail.says("anna", "unreadable"))
    mail.says("anna", "three")
    connector = source()
    done = await drain(connector)
    assert texts(connector, done.records) == ["one", "three"]
    assert refused(connector, done.records) == 1
    assert (await drain(source(), done)).records == done.records


async def test_of_a_huge_mail_the_beginning_is_read(
    mail: MailSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "LARGEST", 20_000)
    monkeypatch.setattr(account, "BEGINNING", 5_000)
    mail.says("anna", "before")
    mail.says("anna", "see the film", files={"film.mp4": bytes(100_000)})
    mail.says("anna", "after")
    connector = source()
    done = await drain(connector)
    assert texts(connector, done.records) == ["before", "see the film", "after"]
    assert [record.get("cut", False) for record in done.records] == [False, True, False]
    post = posts(connector, done.records[1:2]).popitem()[1]
    assert (post.attachments, post.guessed) == (1, ("text",))


async def test_mails_of_any_size_come_in_answers_that_fit(
    mail: MailSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "AT_ONCE", 3_000)
    said = numbered(12)
    for text in said:
        mail.says("anna", text, subject=text, files={"log.txt": bytes(900)})
    connector = source()
    assert texts(connector, (await drain(connector)).records) == said


# Folders


async def test_a_server_that_marks_no_folders_is_read_by_their_names(mail: MailSimulator, source: Source) -> None:
    mail.without = frozenset({"SPECIAL-USE"})
    mail.says("anna", "one", folder=JUNK)
    connector = source()
    done = await drain(connector)
    assert (texts(connector, done.records), done.warnings) == (["one"], ())


async def test_folders_that_are_missing_are_told_of(mail: MailSimulator, source: Source) -> None:
    del mail.folders[JUNK], mail.folders[SENT]
    mail.says("anna", "one")
    done = await drain(source(mailboxes=["INBOX", "Support"], sent="Gesendet"))
    assert len(done.records) == 1
    assert done.warnings == (
        "no folder is marked as junk: write its name under `junk`, or false",
        "the folder Gesendet does not exist, or may not be read",
        "the folder Support does not exist, or may not be read",
    )


@pytest.mark.parametrize("folder", [0, 1, 2])
async def test_a_folder_that_a_server_does_not_open_once_is_read_by_the_next_poll(
    mail: MailSimulator, source: Source, folder: int
) -> None:
    mail.says("anna", "one")
    mail.fail_next("failure", command="EXAMINE", after=folder)
    async with source() as connector:
        with pytest.raises(TransientError, match="at the moment"):
            assert [page async for page in connector.pages(None)]
        pages = [page async for page in connector.pages(None)]
    assert texts(connector, [record for page in pages for record in page.records]) == ["one"]
    assert (pages[-1].warnings, mail.logins) == ((), 2)


@pytest.mark.parametrize(
    ("listed", "fault"),
    [((), "failure"), ((Folder("Support", 7),), "forbidden"), ((Folder("Support", 7, r"\Noselect"),), "failure")],
)
async def test_a_folder_is_missing_where_the_server_says_so_in_its_list_or_by_a_code(
    mail: MailSimulator, source: Source, listed: tuple[Folder, ...], fault: Fault
) -> None:
    mail.folders |= {each.name: each for each in listed}
    mail.says("anna", "one")
    mail.fail_next(fault, command="EXAMINE", after=1)
    done = await drain(source(mailboxes=["INBOX", "Support"]))
    assert len(done.records) == 1
    assert done.warnings == ("the folder Support does not exist, or may not be read",)


async def test_junk_and_sent_can_be_left_alone(mail: MailSimulator, source: Source) -> None:
    mail.says("anna", "one", folder=JUNK)
    mail.says("anna", "two", folder=SENT)
    assert (await drain(source(junk=False, sent=False))).records == []


async def test_an_account_without_any_of_its_folders_stops_the_source(mail: MailSimulator, source: Source) -> None:
    with pytest.raises(SourceGoneError, match="Support"):
        await drain(source(mailboxes=["Support"]))


# Answered by a colleague


async def answered(connector: Imap, done: Drained) -> dict[str, datetime | None]:
    found = posts(connector, done.records)
    return {post.reply_to or "": post.posted_at for key, post in found.items() if key.endswith("#answered")}


@pytest.mark.parametrize("without", [frozenset(), frozenset({"CONDSTORE", "ENABLE"})])
async def test_a_mark_is_seen_once_and_for_the_right_mail(
    mail: MailSimulator, source: Source, without: frozenset[str]
) -> None:
    mail.without = without
    one, two, three = (mail.says("anna", text) for text in ("one", "two", "three"))
    first = await drain(source())
    mail.marks_answered(two)
    second = await drain(source(), first)
    mail.marks_answered(three)
    mail.folders[INBOX].mark_mail(mail.folders[INBOX].mails[0], r"\Seen", r"\Flagged")
    connector = source()
    third = await drain(connector, await drain(source(), second))
    assert list(await answered(connector, third)) == [two, three]
    assert one not in await answered(connector, third)
    assert len(third.records) == 5


@pytest.mark.parametrize("without", [frozenset(), frozenset({"CONDSTORE", "ENABLE"})])
async def test_a_mark_does_not_hide_a_mail_that_came_after_the_answer(
    mail: MailSimulator, source: Source, clock: Clock, without: frozenset[str]
) -> None:
    mail.without = without
    question = mail.says("anna", "one")
    first = await drain(source())
    clock.now += timedelta(hours=1)
    mail.marks_answered(question)
    clock.now += timedelta(hours=1)
    mail.says("anna", "and now this", reply_to=question)
    connector = source()
    second = await drain(connector, first)
    assert await answered(connector, second) == {question: clock.now - timedelta(seconds=1)}


async def test_marks_of_many_mails_come_in_pages(mail: MailSimulator, source: Source) -> None:
    asked = [mail.says("anna", text) for text in numbered(30)]
    first = await drain(source())
    for each in asked:
        mail.marks_answered(each)
    connector = source()
    second = await drain(connector, first)
    assert list(await answered(connector, second)) == asked
    assert max(after - before for before, after in pairwise([30, *second.counts])) == 20


async def test_a_command_never_holds_too_many_numbers(
    mail: MailSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "MOST_NUMBERS", 4)
    asked = [mail.says("anna", text) for text in numbered(9)]
    first = await drain(source())
    for each in asked:
        mail.marks_answered(each)
    connector = source()
    assert list(await answered(connector, await drain(connector, first))) == asked


async def test_an_answer_in_sent_belongs_to_the_question(mail: MailSimulator, source: Source) -> None:
    question = mail.says("anna", "one")
    answer = mail.answers(question, "yes", name="Mei")
    connector = source()
    post = posts(connector, (await drain(connector)).records)[answer]
    assert post.author is not None
    assert (post.text, post.reply_to, post.thread) == ("yes", question, question)
    assert (post.author.role, post.author.name) == ("staff", "Mei")


# Conversations that a program tore apart


async def test_an_answer_that_names_only_our_mail_joins_the_conversation(mail: MailSimulator, source: Source) -> None:
    question = mail.says("anna", "one")
    answer = mail.answers(question, "which network?")
    mail.delivers(
        b"From: anna@mail.example\r\nSubject: network\r\nMessage-ID: <later@mail.example>\r\n"
        b"In-Reply-To: <" + answer.encode() + b">\r\n\r\nthe second one\r\n"
    )
    connector = source()
    post = posts(connector, (await drain(connector)).records)["later@mail.example"]
    assert (post.thread, post.reply_to) == (question, answer)


async def test_an_answer_that_names_nothing_joins_by_person_and_subject(mail: MailSimulator, source: Source) -> None:
    question = mail.says("anna", "余额不对", subject="余额")
    other = mail.says("lin", "余额也不对", subject="余额")
    later = mail.says("anna", "还没好", subject="回复：Re: 余额", reply_to=question, refers=False)
    connector = source()
    found = posts(connector, (await drain(connector)).records)
    assert (found[later].thread, found[other].thread) == (question, other)


async def test_neither_another_subject_nor_an_old_one_joins(mail: MailSimulator, source: Source, clock: Clock) -> None:
    mail.says("anna", "one", subject="fees")
    clock.now += timedelta(days=20)
    late = mail.says("anna", "two", subject="Re: fees", refers=False)
    new = mail.says("anna", "three", subject="fees")
    odd = mail.says("anna", "four", subject="Re: card", refers=False)
    connector = source()
    found = posts(connector, (await drain(connector)).records)
    assert [found[each].thread for each in (late, new, odd)] == [late, new, odd]


@pytest.mark.parametrize("said", ["", "[CANNOT] not by this"])
@pytest.mark.parametrize("criterion", ["FROM", "HEADER"])
async def test_a_server_that_does_not_search_by_something_holds_up_no_mail(
    mail: MailSimulator, source: Source, criterion: str, said: str
) -> None:
    mail.refuses_search[criterion] = said
    torn = torn_apart(mail)
    connector = source()
    found = posts(connector, (await drain(connector)).records)
    joined = {each for each, (last, first) in torn.items() if found[last].thread == first}
    assert joined == {"FROM", "HEADER"} - {criterion}
    assert mail.logins == 1


async def test_after_a_look_up_that_was_refused_the_folder_of_the_mail_is_open(
    mail: MailSimulator, source: Source
) -> None:
    torn_apart(mail)
    mail.refuses_search["HEADER"] = ""
    await drain(source())
    refused = next(at for at, command in enumerate(mail.commands) if "HEADER Message-ID" in command)
    assert mail.commands[refused + 1] == "EXAMINE"


@pytest.mark.parametrize("criterion", ["FROM", "HEADER"])
async def test_a_look_up_that_fails_each_time_ends_no_more_than_two_polls(
    mail: MailSimulator, source: Source, criterion: str
) -> None:
    torn = torn_apart(mail)
    mail.refuses_search[criterion] = "[SERVERBUG] Internal error"
    connector = source()
    await fails(connector)
    await fails(connector)
    stored = await drain(connector)
    later = torn_apart(mail)
    found = posts(connector, (await drain(connector, stored)).records)
    assert {last for last, _ in (*torn.values(), *later.values())} <= found.keys()


async def test_a_look_up_that_has_worked_since_is_waited_for_again(mail: MailSimulator, source: Source) -> None:
    torn_apart(mail)
    connector = source()
    mail.refuses_search["FROM"] = "[SERVERBUG] Internal error"
    await fails(connector)
    await fails(connector)
    mail.refuses_search.clear()
    stored = await drain(connector)
    torn_apart(mail)
    mail.refuses_search["FROM"] = "[SERVERBUG] Internal error"
    await fails(connector, stored)
    await fails(connector, stored)


async def fails(connector: Imap, stored: Drained | None = None) -> None:
    with pytest.raises(TransientError):
        await drain(connector, stored)


def torn_apart(mail: MailSimulator) -> dict[str, tuple[str, str]]:
    """The last and the first mail of two conversations, by what a server must search to find that they are one."""
    first = mail.says("anna", "one")
    answer = mail.answers(first, "which network?")
    named = mail.says("anna", "two", subject="network", more={"In-Reply-To": f"<{answer}>"})
    question = mail.says("lin", "余额不对", subject="余额")
    unnamed = mail.says("lin", "还没好", subject="Re: 余额", refers=False)
    return {"HEADER": (named, first), "FROM": (unnamed, question)}


# Waiting


async def test_the_servers_call_brings_new_mail_and_marks(mail: MailSimulator, source: Source) -> None:
    connector = source(idle="10m")
    seen: list[str] = []
    async with connector, asyncio.timeout(20), aclosing(connector.pages(None)) as pages:
        async for page in pages:
            seen += posts(connector, page.records)
            if page.caught_up and not seen:
                asyncio.get_running_loop().call_later(0.1, mail.says, "anna", "one")
            elif page.caught_up and len(seen) == 1:
                asyncio.get_running_loop().call_later(0.1, mail.marks_answered, seen[0])
            elif len(seen) >= 3:
                break
    assert seen == [seen[0], seen[0], f"{seen[0]}#answered"]


async def test_a_call_whose_end_is_still_on_its_way_is_waited_for(mail: MailSimulator, source: Source) -> None:
    mail.calls_in_pieces = True
    connector = source(idle="10m")
    seen: list[str] = []
    async with connector, asyncio.timeout(20), aclosing(connector.pages(None)) as pages:
        async for page in pages:
            seen += texts(connector, page.records)
            if seen:
                break
            if page.caught_up:
                asyncio.get_running_loop().call_later(0.1, mail.says, "anna", "one")
    assert seen == ["one"]
    assert mail.logins == 1


async def test_a_wait_that_was_quiet_ends_the_poll(mail: MailSimulator, source: Source) -> None:
    mail.says("anna", "one")
    connector = source(idle=1)
    async with asyncio.timeout(20):
        done = await drain(connector)
    assert texts(connector, done.records) == ["one"]
    assert "IDLE" in mail.commands


async def test_a_server_that_cannot_call_is_only_polled(mail: MailSimulator, source: Source) -> None:
    mail.without = frozenset({"IDLE"})
    mail.says("anna", "one")
    connector = source(idle="10m")
    async with asyncio.timeout(20):
        assert texts(connector, (await drain(connector)).records) == ["one"]


async def test_a_server_that_says_it_can_call_and_cannot_is_only_polled(mail: MailSimulator, source: Source) -> None:
    mail.refuses_idle = True
    connector = source(idle="10m")
    async with asyncio.timeout(20):
        await drain(connector)
    assert mail.commands.count("IDLE") == 1


async def test_who_waits_can_be_stopped_at_once(mail: MailSimulator, source: Source) -> None:
    connector = source(idle="10m")
    waiting = asyncio.create_task(drain(connector))
    async with asyncio.timeout(20):
        await mail.somebody_idles.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await mail.nobody_idles.wait()


async def test_a_login_that_is_not_answered_can_be_stopped_at_once(mail: MailSimulator) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def greets_and_falls_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
        while b"LOGIN" not in (line := await reader.readline()):
            writer.write(b"* CAPABILITY IMAP4rev1\r\n" + line.split()[0] + b" OK done\r\n")
        asked.set()
        await reader.read()
        left.set()
        writer.close()

    async with await asyncio.start_server(greets_and_falls_silent, "127.0.0.1", 0) as server:
        connector = connector_for(mail, server.sockets[0].getsockname()[1])
        waiting = asyncio.create_task(drain(connector))
        async with asyncio.timeout(10):
            await asked.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await left.wait()


async def test_a_connection_is_kept_between_polls_and_made_anew_when_it_ended(
    mail: MailSimulator, source: Source
) -> None:
    async with source() as connector:
        assert [page async for page in connector.pages(None)]
        assert [page async for page in connector.pages(None)]
        assert mail.logins == 1
        mail.fail_next("bye", command="NOOP")
        assert [page async for page in connector.pages(None)]
        assert mail.logins == 2


# What goes wrong


async def commit_all(connector: Imap, stored: Drained) -> None:
    """As a drain; what was committed before an error is in `stored`."""
    async with connector:
        async for page in connector.pages(None):
            stored.cursor = page.cursor
            stored.records.extend(page.records)


@pytest.mark.parametrize("command", ["LOGIN", "LIST", "EXAMINE", "SEARCH", "FETCH", "IDLE"])
@pytest.mark.parametrize("fault", ["500", "reset", "bye", "truncated"])
async def test_a_fault_at_any_command_backs_off_and_loses_nothing(
    mail: MailSimulator, source: Source, command: str, fault: Fault
) -> None:
    mail.says("anna", "one")
    mail.fail_next(fault, command=command)
    stored = Drained()
    with pytest.raises(TransientError):
        await commit_all(source(idle=1), stored)
    connector = source()
    assert texts(connector, (await drain(connector, stored)).records) == ["one"]


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ("[AUTHENTICATIONFAILED] Invalid credentials", AuthError),
        ("LOGIN Login error or password error", AuthError),
        ("[ALERT] Application-specific password required", AuthError),
        ("[UNAVAILABLE] Temporary authentication failure", TransientError),
        ("[INUSE] Mailbox is locked", TransientError),
        ("[ALERT] Too many simultaneous connections", TransientError),
        ("[LIMIT] Too many logins", ThrottledError),
        ("[THROTTLED] Slow down", ThrottledError),
        ("Login fail. Account is abnormal, password is incorrect, or system is busy.", AuthError),
    ],
)
async def test_a_login_that_fails_stops_the_source_only_if_a_person_must_act(
    mail: MailSimulator, source: Source, says: str, error: type[Exception]
) -> None:
    mail.refuses_login_with, mail.credential_is_good = says, False
    with pytest.raises(error) as told:
        await drain(source())
    assert type(told.value) is error
    assert says not in str(told.value)


async def test_all_sources_of_an_account_wait_when_one_was_told_to(mail: MailSimulator, port: int) -> None:
    pacing = Pacing()
    one, other = (connector_for(mail, port, pacing=pacing) for _ in range(2))
    mail.fail_next("throttled", command="LOGIN", wait=30)
    with pytest.raises(ThrottledError):
        await drain(one)
    mail.commands.clear()
    with pytest.raises(ThrottledError):
        await drain(other)
    assert mail.commands == []


async def test_a_server_that_is_not_there_is_told_without_a_traceback_of_words(mail: MailSimulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(TransientError, match="cannot be reached"):
        await drain(connector_for(mail, port))


async def test_a_server_that_speaks_another_protocol_is_no_reason_to_crash(mail: MailSimulator) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        with pytest.raises(TransientError):
            await drain(connector_for(mail, server.sockets[0].getsockname()[1]))


async def test_a_password_that_cannot_be_sent_is_told_by_its_name(
    mail: MailSimulator, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "пароль")
    with pytest.raises(AuthError, match=PASSWORD_ENV) as told:
        await drain(source())
    assert "пароль" not in "".join(traceback.format_exception(told.value))


# Logging in


async def test_a_server_that_wants_to_know_who_asks_is_told(mail: MailSimulator, source: Source) -> None:
    mail.demands_id = True
    mail.says("anna", "one")
    connector = source()
    assert texts(connector, (await drain(connector)).records) == ["one"]


async def test_a_server_that_still_opens_no_folder_asks_a_person(mail: MailSimulator, source: Source) -> None:
    mail.demands_id = True
    mail.without = frozenset({"ID"})
    with pytest.raises(AuthError, match="Unsafe Login"):
        await drain(source())


class Provider:
    """An OAuth2 token endpoint. https://www.rfc-editor.org/rfc/rfc6749#section-5"""

    def __init__(self, mail: MailSimulator) -> None:
        self.mail = mail
        self.asked: list[dict[str, str]] = []
        self.lasts = 3600
        self.error: str | None = None
        self.told: dict[str, Any] | None = None  # instead of a new refresh token
        self.app = Starlette(routes=[Route("/token", self.token, methods=["POST"])])

    async def token(self, request: Request) -> JSONResponse:
        self.asked.append({name: str(value) for name, value in (await request.form()).items()})
        if self.error:
            return JSONResponse({"error": self.error}, 400)
        renewed = {"refresh_token": f"refresh-{len(self.asked)}"} if "refresh_token" in self.asked[-1] else {}
        told = self.told if self.told is not None else renewed
        return JSONResponse({"access_token": self.mail.access_token, "expires_in": self.lasts, **told})


@pytest.fixture
async def provider(mail: MailSimulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Provider, str]]:
    monkeypatch.setenv("HARBOR_CLIENT_SECRET", "secret-of-the-program")
    mail.wants_oauth = True
    provider = Provider(mail)
    async with serve(provider.app) as url:
        yield provider, f"{url}/token"


def oauth2(url: str, **more: Any) -> dict[str, Any]:
    return {"token_url": url, "client_id": "harbor", "client_secret": {"env": "HARBOR_CLIENT_SECRET"}, **more}


async def test_a_program_logs_in_with_a_token_of_its_own(
    mail: MailSimulator, source: Source, provider: tuple[Provider, str]
) -> None:
    server, url = provider
    mail.says("anna", "one")
    connector = source(password=None, oauth2=oauth2(url, scope="mail"))
    assert texts(connector, (await drain(connector)).records) == ["one"]
    assert server.asked == [
        {
            "client_id": "harbor",
            "client_secret": "secret-of-the-program",
            "scope": "mail",
            "grant_type": "client_credentials",
        }
    ]


async def test_a_refresh_token_is_exchanged_and_its_successor_used(
    mail: MailSimulator, source: Source, provider: tuple[Provider, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = provider
    server.lasts = 60  # less than what a token must last to be used again
    monkeypatch.setenv(PASSWORD_ENV, "refresh-0")
    async with source(oauth2=oauth2(url)) as connector:
        for _ in range(2):
            assert [page async for page in connector.pages(None)]
            mail.fail_next("bye", command="NOOP")
    assert [each["refresh_token"] for each in server.asked] == ["refresh-0", "refresh-1"]


@pytest.mark.parametrize(
    ("told", "warns"),
    [
        ({"refresh_token_expires_in": 86_400}, True),
        ({"refresh_token_expires_in": "86400"}, True),
        ({"refresh_token_expires_in": 30 * 86_400}, False),
        ({"refresh_token_expires_in": 86_400, "refresh_token": "refresh-1"}, False),  # each answer brings a newer one
        ({}, False),  # the provider does not say
    ],
)
async def test_a_refresh_token_that_ends_soon_is_warned_of_where_the_provider_says_so(
    told: dict[str, Any], warns: bool, source: Source, provider: tuple[Provider, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = provider
    server.told = told
    monkeypatch.setenv(PASSWORD_ENV, "refresh-0")
    async with source(oauth2=oauth2(url)) as connector:
        pages = [page async for page in connector.pages(None)]
    found = [warning for warning in pages[-1].warnings if "expires" in warning]  # by this word alerts know it
    assert bool(found) is warns
    assert all("refresh-0" not in warning and PASSWORD_ENV in warning for warning in found)


async def test_a_token_is_used_until_shortly_before_its_end(
    mail: MailSimulator, source: Source, provider: tuple[Provider, str]
) -> None:
    server, url = provider
    async with source(oauth2=oauth2(url)) as connector:
        for _ in range(2):
            assert [page async for page in connector.pages(None)]
            mail.fail_next("bye", command="NOOP")
    assert (mail.logins, len(server.asked)) == (2, 1)


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client"])
async def test_a_provider_that_refuses_asks_a_person(
    source: Source, provider: tuple[Provider, str], error: str
) -> None:
    server, url = provider
    server.error = error
    with pytest.raises(AuthError, match=PASSWORD_ENV):
        await drain(source(oauth2=oauth2(url)))


async def test_a_provider_in_trouble_is_asked_again(source: Source, provider: tuple[Provider, str]) -> None:
    server, url = provider
    server.error = "temporarily_unavailable"
    with pytest.raises(TransientError):
        await drain(source(oauth2=oauth2(url)))


async def test_a_token_that_the_mail_server_refuses_is_not_used_again(
    mail: MailSimulator, source: Source, provider: tuple[Provider, str]
) -> None:
    server, url = provider
    mail.credential_is_good = False
    async with source(oauth2=oauth2(url)) as connector:
        for _ in range(2):
            with pytest.raises(AuthError, match=PASSWORD_ENV):
                assert [page async for page in connector.pages(None)]
    assert len(server.asked) == 2


@pytest.mark.parametrize(("slept", "tries"), [(timedelta(hours=2), 2), (timedelta(0), 3)])
async def test_a_token_that_ended_while_the_machine_slept_or_was_withdrawn_is_replaced(
    mail: MailSimulator, source: Source, provider: tuple[Provider, str], clock: Clock, slept: timedelta, tries: int
) -> None:
    server, url = provider
    mail.says("anna", "one")
    async with source(oauth2=oauth2(url)) as connector:
        connector.clock = clock
        assert [page async for page in connector.pages(None)]
        mail.access_token = "the next one"
        clock.now += slept
        mail.fail_next("bye", command="NOOP")
        assert [page async for page in connector.pages(None)]
    assert (mail.logins, mail.commands.count("AUTHENTICATE"), len(server.asked)) == (2, tries, 2)


# Encryption


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For 127.0.0.1, of an authority that nobody knows: certificate and key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "harbor mail")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "mail.pem"
    path.write_bytes(built.public_bytes(Encoding.PEM) + pem)
    return path


def context(certificate: Path) -> ssl.SSLContext:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    return served


async def test_mail_is_read_through_tls(mail: MailSimulator, certificate: Path) -> None:
    mail.says("anna", "one")
    async with mail.serving(tls=context(certificate)) as port:
        connector = connector_for(mail, port, security="tls", ca_file=certificate, idle=1)
        async with asyncio.timeout(20):
            assert texts(connector, (await drain(connector)).records) == ["one"]


async def test_mail_is_read_after_starttls(mail: MailSimulator, port: int, certificate: Path) -> None:
    mail.says("anna", "one")
    mail.tls = context(certificate)
    connector = connector_for(mail, port, security="starttls", ca_file=certificate)
    assert texts(connector, (await drain(connector)).records) == ["one"]
    assert mail.commands.index("STARTTLS") < mail.commands.index("LOGIN")


async def test_a_server_without_starttls_never_sees_the_password(mail: MailSimulator, port: int) -> None:
    with pytest.raises(TransientError, match="STARTTLS"):
        await drain(connector_for(mail, port, security="starttls"))
    assert "LOGIN" not in mail.commands


async def test_an_unknown_authority_is_not_trusted(mail: MailSimulator, certificate: Path) -> None:
    async with mail.serving(tls=context(certificate)) as port:
        with pytest.raises(TransientError, match="ca_file"):
            await drain(connector_for(mail, port, security="tls"))
    assert mail.commands == []


async def test_an_authority_that_cannot_be_read_is_told_by_its_name(
    mail: MailSimulator, port: int, tmp_path: Path
) -> None:
    with pytest.raises(AuthError, match="missing"):
        await drain(connector_for(mail, port, security="tls", ca_file=tmp_path / "missing.pem"))


# Settings and the check


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"security": "none", "host": "mail.example"}, "in clear"),
        ({"password": None}, "set password"),
        ({"addresses": ["wallet.example"]}, "is no address"),
        ({"mailboxes": []}, "at least 1"),
        ({"idle": "1h"}, "25"),
    ],
)
def test_settings_that_cannot_work_are_refused(mail: MailSimulator, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        connector_for(mail, 1, **settings)


async def test_the_check_says_what_can_be_read_and_what_is_missing(mail: MailSimulator, source: Source) -> None:
    mail.without = frozenset({"IDLE"})
    del mail.folders[SENT]
    mail.says("anna", "one", more={"Authentication-Results": "mx.wallet.example; dmarc=none"})
    async with source(idle="2m", mailboxes=["INBOX", "Support"]) as connector:
        findings = await connector.check()
    assert findings == [
        Finding("ok", "logged in at 127.0.0.1 as support@wallet.example"),
        Finding("warning", "the server cannot call us (no IDLE): new mail is seen at the next poll"),
        Finding("warning", "no folder is marked as sent: write its name under `sent`, or false"),
        Finding("ok", "folder INBOX (inbox) can be read: 1 mails, the newest of 2026-03-14 09:00 UTC"),
        Finding("failed", "folder Support: there is none, or it may not be read"),
        Finding("ok", "folder 垃圾邮件 (junk) can be read: 0 mails"),
        Finding(
            "warning",
            "authserv_id is not set: a colleague's mail to this mailbox does not count as an answer; "
            "the newest mail's says mx.wallet.example",
        ),
    ]


async def test_the_check_of_an_empty_mailbox_says_so(mail: MailSimulator, source: Source) -> None:
    async with source(authserv_id="mx.wallet.example") as connector:
        findings = await connector.check()
    assert [finding.level for finding in findings] == ["ok"] * 4
