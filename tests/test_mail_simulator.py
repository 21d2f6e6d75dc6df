"""The simulated mail server, driven by clients that nobody here wrote, and compared with Dovecot."""

from __future__ import annotations

import asyncio
import imaplib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from aggregator.demo.mail import INBOX, JUNK, SENT, MailSimulator
from tests.imap_servers import DOVECOT, dovecot

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
T = TypeVar("T")


@pytest.fixture
def mail() -> MailSimulator:
    return MailSimulator(lambda: NOON)


@pytest.fixture
async def port(mail: MailSimulator) -> AsyncIterator[int]:
    async with mail.serving() as port:
        yield port


Talk = Callable[[Callable[[IMAPClient], T]], Any]


@pytest.fixture
def talk(mail: MailSimulator, port: int) -> Callable[[Callable[[IMAPClient], Any]], Any]:
    """Does something with a client that is logged in, in a thread, for the server runs in this one."""

    def work(do: Callable[[IMAPClient], Any]) -> Any:
        with IMAPClient("127.0.0.1", port=port, ssl=False, timeout=10) as client:
            client.login(mail.user, mail.password)
            return do(client)

    return lambda do: asyncio.to_thread(work, do)


async def test_pythons_own_client_reads_a_mail(mail: MailSimulator, port: int) -> None:
    mail.says("anna", 'she said "转账失败"\r\nand left', subject='a "quoted" subject')

    def work() -> tuple[list[Any], list[Any]]:
        with imaplib.IMAP4("127.0.0.1", port, timeout=10) as client:
            client.login(mail.user, mail.password)
            client.select("INBOX", readonly=True)
            found = client.uid("SEARCH", "ALL")[1]
            return found, client.uid("FETCH", "1", "(FLAGS BODY.PEEK[])")[1]

    found, fetched = await asyncio.to_thread(work)
    assert found == [b"1"]
    assert fetched[0][1] == mail.folders[INBOX].mails[0].raw


async def test_only_reading_a_body_in_a_folder_open_for_writing_marks_it_as_read(
    mail: MailSimulator, talk: Any
) -> None:
    peeked, examined, read = (mail.says("anna", text) for text in ("one", "two", "three"))

    def work(client: IMAPClient) -> None:
        client.select_folder("INBOX", readonly=True)
        client.fetch([2], ["BODY[]"])
        client.select_folder("INBOX")
        client.fetch([1], ["BODY.PEEK[]"])
        client.fetch([3], ["BODY[]"])

    await talk(work)
    assert [mail.flags(each) for each in (peeked, examined, read)] == [set(), set(), {r"\Seen"}]


async def test_a_range_up_to_the_last_mail_always_holds_the_last_mail(mail: MailSimulator, talk: Any) -> None:
    mail.says("anna", "one")

    def work(client: IMAPClient) -> list[int]:
        client.select_folder("INBOX", readonly=True)
        return list(client.search(["UID", "99:*"]))

    assert await talk(work) == [1]


async def test_names_of_folders_are_written_in_modified_utf_7(mail: MailSimulator, talk: Any) -> None:
    mail.folders["Ideas & more"] = mail.folders[SENT]

    def work(client: IMAPClient) -> Any:
        listed = {name: flags for flags, _, name in client.list_folders()}
        return listed, client.select_folder(JUNK, readonly=True)[b"UIDVALIDITY"]

    listed, validity = await talk(work)
    assert rb"\Junk" in listed[JUNK]
    assert rb"\Sent" in listed[SENT]
    assert validity == mail.folders[JUNK].validity


async def test_the_state_of_a_folder_is_told_when_it_is_opened(mail: MailSimulator, talk: Any) -> None:
    mail.marks_answered(mail.says("anna", "one"))
    told = await talk(lambda client: client.select_folder("INBOX", readonly=True))
    folder = mail.folders[INBOX]
    assert told[b"EXISTS"] == 1
    assert (told[b"UIDNEXT"], told[b"UIDVALIDITY"], told[b"HIGHESTMODSEQ"]) == (2, folder.validity, folder.modseq)


async def test_new_numbers_come_with_a_new_validity(mail: MailSimulator, talk: Any) -> None:
    mail.deletes(mail.says("anna", "one"))
    mail.says("anna", "two")

    def work(client: IMAPClient) -> Any:
        before = client.select_folder("INBOX", readonly=True)
        mail.numbers_anew()
        after = client.select_folder("INBOX", readonly=True)
        return before[b"UIDVALIDITY"], after[b"UIDVALIDITY"], client.search(["ALL"])

    before, after, found = await talk(work)
    assert before < after
    assert found == [1]


async def test_only_changes_since_a_mod_sequence_are_found(mail: MailSimulator, talk: Any) -> None:
    first, _, third = (mail.says("anna", text) for text in ("one", "two", "three"))
    mail.marks_answered(first)
    since = mail.folders[INBOX].modseq
    mail.marks_answered(third)

    def work(client: IMAPClient) -> list[int]:
        client.select_folder("INBOX", readonly=True)
        return list(client.search(["MODSEQ", since + 1, "ANSWERED"]))

    assert await talk(work) == [3]


async def test_a_waiting_client_is_told_of_new_mail(mail: MailSimulator, port: int) -> None:
    loop = asyncio.get_running_loop()

    def work() -> Any:
        with IMAPClient("127.0.0.1", port=port, ssl=False, timeout=10) as client:
            client.login(mail.user, mail.password)
            client.select_folder("INBOX", readonly=True)
            client.idle()
            loop.call_soon_threadsafe(mail.says, "anna", "one")
            told = client.idle_check(timeout=10)
            client.idle_done()
            return told + client.noop()[1]

    assert (1, b"EXISTS") in await asyncio.to_thread(work)


async def test_a_deletion_renumbers_and_a_mark_is_told(mail: MailSimulator, talk: Any) -> None:
    first, second = mail.says("anna", "one"), mail.says("anna", "two")

    def work(client: IMAPClient) -> Any:
        client.select_folder("INBOX", readonly=True)
        mail.deletes(first)
        mail.marks_answered(second)
        return client.noop()[1]

    assert await talk(work) == [(1, b"EXPUNGE"), (1, b"FETCH", (b"UID", 2, b"FLAGS", (rb"\Answered",)))]


async def test_a_token_lets_in_and_a_wrong_one_is_refused_after_its_reason(mail: MailSimulator, port: int) -> None:
    mail.wants_oauth = True

    def work(token: str) -> str:
        with IMAPClient("127.0.0.1", port=port, ssl=False, timeout=10) as client:
            client.oauth2_login(mail.user, token)
            return str(client.select_folder("INBOX", readonly=True)[b"EXISTS"])

    assert await asyncio.to_thread(work, mail.access_token) == "0"
    with pytest.raises(LoginError, match="AUTHENTICATIONFAILED"):
        await asyncio.to_thread(work, "another-token")
    with pytest.raises(LoginError, match="disabled"):
        await asyncio.to_thread(lambda: IMAPClient("127.0.0.1", port, ssl=False).login(mail.user, mail.password))


async def test_a_server_like_163_opens_no_folder_for_a_client_without_a_name(mail: MailSimulator, talk: Any) -> None:
    mail.demands_id = True
    with pytest.raises(IMAPClientError, match="Unsafe Login"):
        await talk(lambda client: client.select_folder("INBOX", readonly=True))

    def introduced(client: IMAPClient) -> Any:
        client.id_({"name": "test"})
        return client.select_folder("INBOX", readonly=True)[b"EXISTS"]

    assert await talk(introduced) == 0


@pytest.mark.parametrize(
    "command",
    ["FROBNICATE", "UID FETCH 1 BODYSTRUCTURE", "UID FETCH x FLAGS", "UID SEARCH ODD", "SELECT a b", "IDLE x"],
)
async def test_what_breaks_the_protocol_is_refused(mail: MailSimulator, port: int, command: str) -> None:
    mail.says("anna", "one")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"a LOGIN {mail.user} {mail.password}\r\nb EXAMINE INBOX\r\nc {command}\r\nd LOGOUT\r\n".encode())
    answers = (await reader.read()).split(b"\r\n")
    writer.close()
    assert [each[:5] for each in answers if each[:1] in (b"a", b"b", b"c")] == [b"a OK ", b"b OK ", b"c BAD"]


async def test_mail_is_not_read_before_the_login(mail: MailSimulator, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"a EXAMINE INBOX\r\nb UID FETCH 1 FLAGS\r\nc LOGOUT\r\n")
    answers = (await reader.read()).split(b"\r\n")
    writer.close()
    assert [each[:5] for each in answers if each[:1] in (b"a", b"b")] == [b"a BAD", b"b BAD"]


async def test_arguments_may_be_literals(mail: MailSimulator, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    user, password = mail.user.encode(), mail.password.encode()
    writer.write(b"a LOGIN {%d}\r\n" % len(user))
    assert (await reader.readline()).startswith(b"+")
    writer.write(user + b" {%d+}\r\n" % len(password) + password + b"\r\n")
    assert (await reader.readline()).startswith(b"a OK")
    writer.close()


@pytest.mark.parametrize("fault", ["bye", "reset", "truncated"])
async def test_a_connection_that_ends_is_noticed_by_the_client(mail: MailSimulator, talk: Any, fault: Any) -> None:
    mail.says("anna", "one")
    mail.fail_next(fault, command="FETCH")

    def work(client: IMAPClient) -> Any:
        client.select_folder("INBOX", readonly=True)
        return client.fetch([1], ["BODY.PEEK[]"])

    with pytest.raises((IMAPClientAbortError, ConnectionResetError)):
        await talk(work)


@pytest.mark.skipif(DOVECOT is None, reason="Dovecot is not installed")
async def test_it_answers_as_dovecot_does(mail: MailSimulator, talk: Any, tmp_path: Path) -> None:
    for number in range(6):
        mail.says("anna" if number % 2 else "lin", f"mail {number} 转账", at=NOON + timedelta(hours=9 * number))
    stored = mail.folders[INBOX].mails
    stored[2].flags.add(r"\Answered")
    with dovecot(tmp_path) as other:

        def prepared() -> Any:
            with other.hand() as client:
                for each in stored:
                    client.append("INBOX", each.raw, sorted(each.flags), each.arrived)
                client.select_folder("INBOX")
                client.delete_messages([4])
                client.expunge()
                return asked(client)

        theirs = await asyncio.to_thread(prepared)
    mail.folders[INBOX].remove(stored[3])
    assert await talk(asked) == theirs


def asked(client: IMAPClient) -> list[Any]:
    """What a client asks to hear the same from two servers."""
    client.normalise_times = False
    told = client.select_folder("INBOX", readonly=True)
    criteria: list[list[Any]] = [
        ["ALL"],
        ["UID", "3:*"],
        ["UID", "99:*"],
        ["UID", "5:1"],
        ["UID", "2,4:5,*"],
        ["SINCE", date(2026, 3, 15)],
        ["BEFORE", date(2026, 3, 15)],
        ["ANSWERED"],
        ["UNANSWERED", "FROM", "anna@mail.example"],
        ["FROM", "LIN@MAIL"],
        ["HEADER", "Message-ID", "0002.harbor"],
        ["ANSWERED", "UID", "1:2"],
    ]
    wanted = ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[HEADER]", "BODY.PEEK[]"]
    fetched = client.fetch([1, 3, 4, 5], wanted)
    part = client.fetch([1], ["BODY.PEEK[]<10.50>"])
    return [
        told[b"EXISTS"],
        told[b"UIDNEXT"],
        [list(client.search(each)) for each in criteria],
        {
            uid: {name: answer[name.encode().replace(b".PEEK", b"")] for name in wanted}
            for uid, answer in fetched.items()
        },
        part[1][b"BODY[]<10>"],
    ]
