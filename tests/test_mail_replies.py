"""Answers by mail: what is sent, what a server may say to it, and what is found in Sent."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.demo.mail import SENT, MailSimulator
from aggregator.demo.mail.letters import report
from aggregator.listener import serve
from connectors.contract import Post, Undelivered
from connectors.errors import AuthError, ReplyRefusedError, ThrottledError
from connectors.imap import Imap, finding, smtp
from connectors.imap.letter import Letter, as_received
from connectors.replying import Asked, Outgoing, Sent
from tests.conftest import open_inquiries
from tests.contract_suite import drain, items
from tests.reply_contract import KEY, TEXT, Desk, ReplyContract, a_desk, an_answer, asked_in
from tests.test_imap import Provider, oauth2
from tests.test_imap_reading import APOSTROPHES

PASSWORD_ENV = "HARBOR_MAIL_PASSWORD"
NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class MailReplyStage:
    """The mailbox and its way out, as the suite of answers plays them."""

    credential = PASSWORD_ENV
    comes_back = True
    now = NOW

    def __init__(self, mail: MailSimulator, imap: int, submission: int) -> None:
        self.mail = mail
        self.secret = mail.password
        self.ports = (imap, submission)

    def connector(self, **more: Any) -> Imap:
        way_out = {"host": "127.0.0.1", "port": self.ports[1], "security": "none", "name": "Harbor Desk"}
        settings = {
            "connector": "imap",
            "host": "127.0.0.1",
            "port": self.ports[0],
            "security": "none",
            "user": self.mail.user,
            "password": {"env": PASSWORD_ENV},
            "idle": 0,
            "smtp": way_out | changes if (changes := more.pop("smtp", {})) is not None else None,
        }
        connector = Imap("support", Imap.Config.model_validate(settings | more), since=SINCE)
        connector.clock = lambda: NOW
        return connector

    def unreachable(self) -> Imap:
        return self.connector(smtp={"port": 9})

    async def asked(self, **more: Any) -> Asked:
        self.mail.says("anna", "转账没到\n怎么办？", subject="Re: 转账没到", **more)
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[dict[str, Any]]:
        return (await drain(self.connector())).records

    def said(self) -> list[str]:
        return [written(raw)[0] for raw in self.mail.submission.sent]

    def loses_receipt(self) -> None:
        self.mail.submission.loses.append("reset")
        self.mail.submission.keeps_copy = True  # else nobody can tell

    def fails_next(self) -> None:
        self.mail.submission.breaks = 1

    def refuses(self) -> None:
        self.mail.submission.refuses.append(("RCPT", "550 5.1.1 No such user here"))

    def asks_to_wait(self, seconds: int) -> None:
        self.mail.submission.refuses.append(("RCPT", f"451 4.7.1 Greylisted, come again in {seconds} s"))

    def refuses_login(self) -> None:
        self.mail.credential_is_good = False


def written(raw: bytes) -> tuple[str, str]:
    """The colleague's words, and the quoted rest."""
    content = parsed(raw).get_content().replace("\r\n", "\n")
    said, _, rest = content.partition("\n\n")
    return said, rest


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MailReplyStage]:
    mail = MailSimulator(lambda: NOW)
    monkeypatch.setenv(PASSWORD_ENV, mail.password)
    monkeypatch.setattr(smtp, "ANSWER_WITHIN", 0.5)
    async with mail.serving() as imap, mail.submission.serving() as way_out:
        yield MailReplyStage(mail, imap, way_out)


class TestMailReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, stage: MailReplyStage) -> MailReplyStage:
        return stage


class TestMailRepliesThroughAServerThatNamesMailsAnew(ReplyContract):
    @pytest.fixture(params=["X-OQ-MSGID", "X-Microsoft-Original-Message-ID"])
    def reply_stage(self, stage: MailReplyStage, request: pytest.FixtureRequest) -> MailReplyStage:
        stage.mail.submission.names_anew = request.param
        stage.mail.submission.keeps_copy = True
        return stage


async def sent_by(stage: MailReplyStage, text: str = TEXT, **more: Any) -> EmailMessage:
    asked = await stage.asked()
    async with stage.connector(**more) as connector:
        await connector.reply(Outgoing(KEY, text, asked, "amy", NOW))
    return parsed(stage.mail.submission.sent[-1])


async def test_an_answer_bears_the_headers_that_keep_a_conversation_together(stage: MailReplyStage) -> None:
    sent = await sent_by(stage)
    asked = (await stage.fetched())[0]
    (own,) = [each["header"] for each in asked["headers"] if each["header"].startswith("Message-ID")]
    assert sent["In-Reply-To"] == sent["References"] == own.partition(": ")[2]
    assert sent["Message-ID"] == f"<{KEY}@wallet.example>"
    assert (str(sent["From"]), str(sent["To"])) == ("Harbor Desk <support@wallet.example>", "anna@mail.example")
    assert sent["Subject"] == "Re: 转账没到"
    assert stage.mail.submission.recipients == ["anna@mail.example"]
    assert "Auto-Submitted" not in sent


async def test_it_quotes_the_question_shortly_below(stage: MailReplyStage) -> None:
    said, quoted = written((await sent_by(stage, "请稍等")).as_bytes())
    assert said == "请稍等"
    assert quoted.splitlines() == ["在 2026 年 3 月 14 日，Anna 写道：", "> 转账没到", "> 怎么办？"]
    _, english = written((await sent_by(stage, "One moment")).as_bytes())
    assert english.splitlines()[0] == "On 14 March 2026, Anna wrote:"


async def test_the_copy_in_sent_is_read_as_the_colleagues_words_alone(stage: MailReplyStage) -> None:
    await sent_by(stage, "One moment\n.. please\n.")
    connector = stage.connector()
    posts = [each for each in items(connector, await stage.fetched()) if isinstance(each, Post)]
    (answer,) = [post for post in posts if post.author and post.author.role == "staff"]
    (question,) = [post for post in posts if post.author and post.author.role == "customer"]
    assert answer.text == "One moment\n.. please\n."
    assert (answer.native_id, answer.thread, answer.reply_to) == (
        f"{KEY}@wallet.example",
        question.thread,
        question.native_id,
    )
    assert stage.mail.truth()[answer.native_id].text == answer.text


async def test_a_server_that_keeps_copies_gets_none_from_us(stage: MailReplyStage) -> None:
    stage.mail.submission.keeps_copy = True
    await sent_by(stage, smtp={"keeps_copy": True})
    await sent_by(stage)  # and one that does so without our knowing is looked at first
    assert len(stage.mail.folders[SENT].mails) == 2


async def test_an_answer_is_sent_though_its_copy_cannot_be_stored(stage: MailReplyStage) -> None:
    asked = await stage.asked()
    del stage.mail.folders[SENT]
    async with stage.connector() as connector:
        sent = await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
        assert await connector.find_sent(Outgoing(KEY, TEXT, asked, "amy", NOW)) == "cannot tell"
    assert sent.native_id == f"{KEY}@wallet.example"


async def test_what_a_server_lists_that_ignores_what_it_is_asked_for_is_not_taken_for_the_answer(
    stage: MailReplyStage,
) -> None:
    asked = await stage.asked()
    stage.mail.answers(f"{1:04d}.harbor@mail.example", "an older answer")
    stage.mail.ignores_search.add("HEADER")
    outgoing = Outgoing(KEY, TEXT, asked, "amy", NOW)
    async with stage.connector(smtp={"keeps_copy": True}) as connector:
        assert await connector.find_sent(outgoing) is None
    async with stage.connector() as connector:
        await connector.reply(outgoing)
        assert await connector.find_sent(outgoing) == Sent(f"{KEY}@wallet.example")
    assert len(stage.mail.folders[SENT].mails) == 2


async def test_an_answer_is_not_said_to_be_missing_where_not_every_mail_was_looked_at(
    stage: MailReplyStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await stage.asked()
    stage.mail.answers(f"{1:04d}.harbor@mail.example", "an older answer")
    stage.mail.answers(f"{1:04d}.harbor@mail.example", "another one")
    stage.mail.ignores_search.add("HEADER")
    monkeypatch.setattr(finding, "CANDIDATES", 1)
    async with stage.connector(smtp={"keeps_copy": True}) as connector:
        assert await connector.find_sent(Outgoing(KEY, TEXT, asked, "amy", NOW)) == "cannot tell"


async def test_a_server_that_does_not_search_for_ids_gets_the_copy_and_cannot_tell(stage: MailReplyStage) -> None:
    asked = await stage.asked()
    stage.mail.refuses_search["HEADER"] = ""
    outgoing = Outgoing(KEY, TEXT, asked, "amy", NOW)
    async with stage.connector() as connector:
        await connector.reply(outgoing)
    async with stage.connector(smtp={"keeps_copy": True}) as connector:
        assert await connector.find_sent(outgoing) == "cannot tell"
    assert len(stage.mail.folders[SENT].mails) == 1


async def test_who_wants_answers_elsewhere_gets_them_there(stage: MailReplyStage) -> None:
    asked = await stage.asked(more={"Reply-To": "Anna <other@mail.example>"})
    async with stage.connector() as connector:
        await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
    assert stage.mail.submission.recipients == ["other@mail.example"]


@pytest.mark.parametrize("header", ["From", "Reply-To"])
@pytest.mark.parametrize(("written_so", "address"), APOSTROPHES)
async def test_an_answer_goes_to_an_address_with_an_apostrophe_as_it_is_written(
    stage: MailReplyStage, header: str, written_so: str, address: str
) -> None:
    asked = await stage.asked()
    headers = [each for each in asked.record["headers"] if not each["header"].startswith("From")]
    told = {"From": "Anna <anna@mail.example>", header: written_so}
    headers += [{"header": f"{name}: {value}"} for name, value in told.items()]
    asked = replace(asked, record=asked.record | {"headers": headers})
    async with stage.connector() as connector:
        await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
    assert stage.mail.submission.recipients == [address]


async def test_a_line_break_in_what_a_customer_wrote_becomes_no_header(stage: MailReplyStage) -> None:
    stage.mail.says("eve", "hello", subject="hi\r\n Bcc: all@mail.example")
    asked = asked_in(stage.connector(), await stage.fetched())
    async with stage.connector() as connector:
        await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
    sent = parsed(stage.mail.submission.sent[-1])
    assert sent["Bcc"] is None
    assert sent["Subject"] == "Re: hi Bcc: all@mail.example"


async def test_a_long_conversation_names_its_beginning_and_its_end(stage: MailReplyStage) -> None:
    asked = await stage.asked()
    ids = " ".join(f"<{number:060d}@mail.example>" for number in range(60))
    headers = [each for each in asked.record["headers"] if not each["header"].startswith("References")]
    asked = replace(asked, record=asked.record | {"headers": [*headers, {"header": f"References: {ids}"}]})
    async with stage.connector() as connector:
        await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
    known = str(parsed(stage.mail.submission.sent[-1])["References"]).split()
    assert len(known) == 20
    assert (known[0], known[-2]) == (ids.split()[0], ids.split()[-1])


async def test_without_a_way_out_the_page_says_so_before_anybody_writes(stage: MailReplyStage) -> None:
    asked = await stage.asked()
    assert stage.connector(smtp=None).reply_window(asked, NOW).why == "no_credential"


@pytest.mark.parametrize(
    ("step", "said", "why"),
    [
        ("MAIL", "550 5.7.60 Client does not have permissions to send as this sender", "no_right"),
        ("RCPT", "550 5.1.1 No such user here", "gone"),
        ("RCPT", "554 5.7.1 Recipient has blocked you", "blocked"),
        ("DATA", "554 5.7.1 not now", "words"),
        (".", "554 5.7.1 This looks like spam", "words"),
        (".", "552 5.3.4 Message too big", "too_long"),
    ],
)
async def test_a_servers_refusal_is_named_by_what_to_do(stage: MailReplyStage, step: str, said: str, why: str) -> None:
    stage.mail.submission.refuses.append((step, said))
    async with an_answer(stage) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, told.value.detail) == (why, said)
    assert stage.mail.submission.sent == []


async def test_a_server_that_says_later_is_asked_again_after_five_minutes(stage: MailReplyStage) -> None:
    stage.mail.submission.refuses.append((".", "451 4.7.1 Greylisted"))
    async with an_answer(stage) as (connector, outgoing):
        with pytest.raises(ThrottledError) as told:
            await connector.reply(outgoing)
    assert told.value.retry_after == 300


async def test_a_server_without_starttls_never_sees_the_password(stage: MailReplyStage) -> None:
    async with an_answer(stage, stage.connector(smtp={"security": "starttls"})) as (connector, outgoing):
        with pytest.raises(Exception, match="offers no STARTTLS") as told:
            await connector.reply(outgoing)
    assert "password was not sent" in str(told.value)


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(stage: MailReplyStage) -> None:
    stage.mail.submission.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    async with an_answer(stage, stage.connector(smtp={"security": "starttls"})) as (connector, outgoing):
        with pytest.raises(Exception, match="cannot be reached"):
            await connector.reply(outgoing)
    assert stage.mail.submission.sent == []


async def test_a_password_of_its_own_is_named_when_it_is_refused(
    stage: MailReplyStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "wrong")
    way_out = {"password": {"env": "SMTP_PASSWORD"}}
    async with an_answer(stage, stage.connector(smtp=way_out)) as (connector, outgoing):
        with pytest.raises(AuthError, match="SMTP_PASSWORD"):
            await connector.reply(outgoing)


@pytest.mark.parametrize(("lasts", "exchanges"), [(3600, 1), (60, 4)])
async def test_what_an_answer_needs_of_a_mailbox_shares_its_access(
    stage: MailReplyStage, monkeypatch: pytest.MonkeyPatch, lasts: int, exchanges: int
) -> None:
    """Reading, sending, the copy in Sent and the look for it: no refresh token is exchanged twice."""
    asked = await stage.asked()
    monkeypatch.setenv(PASSWORD_ENV, "refresh-0")
    monkeypatch.setenv("HARBOR_CLIENT_SECRET", "secret-of-the-program")
    stage.mail.wants_oauth = True
    provider = Provider(stage.mail)
    provider.lasts = lasts  # 60 s are less than what a token must last to be used again
    async with serve(provider.app) as url, stage.connector(oauth2=oauth2(f"{url}/token")) as connector:
        assert [page async for page in connector.pages(None)]
        sent = await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
        assert await connector.find_sent(Outgoing(KEY, TEXT, asked, "amy", NOW)) == sent
    assert [each["refresh_token"] for each in provider.asked] == [f"refresh-{number}" for number in range(exchanges)]


async def test_an_answer_with_a_token_that_was_withdrawn_is_sent_with_the_next_one(
    stage: MailReplyStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await stage.asked()
    monkeypatch.setenv("HARBOR_CLIENT_SECRET", "secret-of-the-program")
    stage.mail.wants_oauth = True
    provider = Provider(stage.mail)
    async with serve(provider.app) as url, stage.connector(oauth2=oauth2(f"{url}/token")) as connector:
        assert [page async for page in connector.pages(None)]
        stage.mail.access_token = "the next one"
        await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
        exchanges = [len(provider.asked)]
        stage.refuses_login()
        for _ in range(2):  # what is refused as soon as it was fetched is not fetched again at once
            with pytest.raises(AuthError):
                await connector.reply(Outgoing(KEY, TEXT, asked, "amy", NOW))
            exchanges.append(len(provider.asked))
    assert (stage.said(), exchanges) == ([TEXT], [2, 3, 4])


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp": {"host": "smtp.example.com", "security": "none"}},
        {"smtp": {"host": "smtp.example.com"}, "user": "support"},
        {"smtp": {"host": "smtp.example.com", "name": "Desk\r\nBcc: all@mail.example"}},
    ],
)
def test_settings_that_would_send_in_clear_or_from_nowhere_are_refused(wrong: dict[str, Any]) -> None:
    usual = {"connector": "imap", "host": "imap.example.com", "user": "a@example.com", "password": {"env": "X"}}
    with pytest.raises(ValidationError):
        Imap.Config.model_validate(usual | wrong)


async def test_the_check_tries_the_way_out_and_sends_nothing(stage: MailReplyStage) -> None:
    async with stage.connector() as connector:
        found = [finding.text for finding in await connector.check() if finding.level == "ok"]
    assert "answers are sent by 127.0.0.1 from support@wallet.example" in found
    async with stage.connector(smtp={"port": 9}) as connector:
        (failed,) = [finding.text for finding in await connector.check() if finding.level == "failed"]
    assert failed.startswith("no answer can be sent: support: 127.0.0.1 cannot be reached")
    assert stage.mail.submission.sent == []


# What fails after it was taken


@pytest.mark.parametrize(
    ("status", "why"),
    [("5.1.1", "gone"), ("5.2.1", "gone"), ("5.3.4", "too_long"), ("5.7.1", "other"), ("4.4.7", "other")],
)
async def test_a_mail_that_did_not_arrive_says_why(stage: MailReplyStage, status: str, why: str) -> None:
    sent = await sent_by(stage)
    stage.mail.bounces(str(sent["Message-ID"])[1:-1], status=status, why=f"550 {status} no")
    assert lost_in(stage, await stage.fetched()) == [
        Undelivered(f"{KEY}@wallet.example", why, f"550 {status} no"),
    ]


async def test_an_answer_that_its_server_named_anew_is_found_in_sent_and_not_said_to_be_missing(
    stage: MailReplyStage,
) -> None:
    stage.mail.submission.names_anew = "X-OQ-MSGID"
    stage.mail.submission.keeps_copy = True
    asked = await stage.asked()
    outgoing = Outgoing(KEY, TEXT, asked, "amy", NOW)
    async with stage.connector(smtp={"keeps_copy": True}) as connector:
        assert await connector.find_sent(outgoing) is None
        await connector.reply(outgoing)
        assert await connector.find_sent(outgoing) == Sent(f"{KEY}@wallet.example")


async def test_who_answers_a_mail_by_its_new_name_answers_ours(stage: MailReplyStage) -> None:
    stage.mail.submission.names_anew = "X-OQ-MSGID"
    stage.mail.submission.keeps_copy = True
    await sent_by(stage)
    posts = [each for each in items(stage.connector(), await stage.fetched()) if isinstance(each, Post)]
    (answer,) = [post for post in posts if post.author and post.author.role == "staff"]
    assert (answer.native_id, answer.alias) == (f"{KEY}@wallet.example", "tencent_0001@qq.example")


async def test_only_in_sent_a_mail_tells_what_else_it_is_called(stage: MailReplyStage) -> None:
    stage.mail.says("eve", "hello", more={"X-OQ-MSGID": f"<{KEY}@wallet.example>"})
    (post,) = [each for each in items(stage.connector(), await stage.fetched()) if isinstance(each, Post)]
    assert KEY not in post.native_id


async def test_what_a_colleague_sent_with_another_program_is_called_what_it_was_called_before(
    stage: MailReplyStage,
) -> None:
    former = "X-OQ-MSGID: <1-2-3@wallet.example>\r\nMessage-ID: <tencent_7@wallet.example>\r\n"
    stage.mail.delivers(f"From: {stage.mail.user}\r\nTo: a@mail.example\r\n{former}\r\nhi".encode(), folder=SENT)
    (post,) = [each for each in items(stage.connector(), await stage.fetched()) if isinstance(each, Post)]
    assert (post.native_id, post.alias) == ("tencent_7@wallet.example", None)


async def test_a_mail_that_its_server_named_anew_and_that_did_not_arrive_is_told_by_ours(
    stage: MailReplyStage,
) -> None:
    stage.mail.submission.names_anew = "X-OQ-MSGID"
    await sent_by(stage)
    stage.mail.bounces(f"{KEY}@wallet.example")
    assert lost_in(stage, await stage.fetched()) == [Undelivered(f"{KEY}@wallet.example", "gone", "User unknown")]


SES_ID = "0107018f3c2a9b1d-7d5e2c14-9a0b-4c3d-8e6f-1a2b3c4d5e6f-000000"


@pytest.mark.parametrize(
    ("region", "domain"), [("us-east-1", "email.amazonses.com"), ("eu-west-1", "eu-west-1.amazonses.com")]
)
async def test_the_copy_of_what_amazon_ses_named_anew_is_called_as_customers_call_it(
    stage: MailReplyStage, region: str, domain: str
) -> None:
    sent = Letter(
        "support@wallet.example", "anna@mail.example", f"{KEY}@wallet.example", (await sent_by(stage)).as_bytes()
    )
    raw = as_received(sent, f"email-smtp.{region}.amazonaws.com", f"Ok {SES_ID}")
    stage.mail.folders[SENT].mails.clear()
    stage.mail.delivers(raw, folder=SENT)
    posts = [each for each in items(stage.connector(), await stage.fetched()) if isinstance(each, Post)]
    (answer,) = [post for post in posts if post.author and post.author.role == "staff"]
    assert (answer.native_id, answer.alias) == (f"{KEY}@wallet.example", f"{SES_ID}@{domain}")
    assert raw.count(b"Message-ID: <0107") == 1


@pytest.mark.parametrize(
    ("host", "said"),
    [("smtp.mail.example", f"Ok {SES_ID}"), ("email-smtp.eu-west-1.amazonaws.com", "2.0.0 on its way")],
)
def test_other_servers_are_not_taken_for_amazon_ses(host: str, said: str) -> None:
    sent = Letter("a@wallet.example", "b@mail.example", "1@wallet.example", b"Message-ID: <1@wallet.example>\r\n\r\nhi")
    assert as_received(sent, host, said) == sent.raw


async def test_a_mail_that_a_server_named_anew_without_a_trace_and_that_did_not_arrive_is_told_by_ours(
    stage: MailReplyStage,
) -> None:
    sent = await sent_by(stage)
    ours = f"X-Inquiry-Message-ID: {sent['X-Inquiry-Message-ID']}\r\n"
    stage.mail.delivers(report(stage.mail.user, f"{SES_ID}@email.amazonses.com", "failed", "5.1.1", "no", ours))
    assert lost_in(stage, await stage.fetched()) == [Undelivered(f"{KEY}@wallet.example", "gone", "no")]


async def test_a_mail_that_is_only_late_or_arrived_is_not_lost(stage: MailReplyStage) -> None:
    await sent_by(stage)
    stage.mail.bounces(f"{KEY}@wallet.example", "delayed", "4.4.1")
    stage.mail.bounces(f"{KEY}@wallet.example", "delivered", "2.0.0")
    stage.mail.bounces(f"{KEY}@wallet.example", "relayed", "2.0.0")
    assert lost_in(stage, await stage.fetched()) == []


def lost_in(stage: MailReplyStage, records: list[dict[str, Any]]) -> list[Undelivered]:
    return [item for item in items(stage.connector(), records) if isinstance(item, Undelivered)]


@pytest.mark.parametrize("looks", [0, 1])
async def test_an_answer_that_did_not_arrive_is_not_sent_after_all_though_its_copy_lies_in_sent(
    stage: MailReplyStage, tmp_path: Path, looks: int
) -> None:
    async with a_desk(stage, tmp_path) as desk:
        before = open_inquiries(desk.work)
        await desk.answers()
        await read_often(desk, looks)  # the copy comes before the report, or together with it
        assert [each["state"] for each in open_inquiries(desk.work)] == ["answered"]
        stage.mail.bounces(f"{desk.row().key}@wallet.example")
        await read_often(desk, 2)
        row, after = desk.row(), open_inquiries(desk.work)
    assert (row.state, row.why, row.detail) == ("refused", "gone", "User unknown")
    assert [(each["state"], each["waiting_since"], each["due_at"]) for each in after] == [
        ("new", before[0]["waiting_since"], before[0]["due_at"])
    ]
    assert len(stage.mail.folders[SENT].mails) == 1


async def test_an_answer_that_is_late_stays_sent(stage: MailReplyStage, tmp_path: Path) -> None:
    async with a_desk(stage, tmp_path) as desk:
        await desk.answers()
        stage.mail.bounces(f"{desk.row().key}@wallet.example", "delayed", "4.4.1")
        await desk.reads()
        assert desk.row().state == "sent"
        assert [each["state"] for each in open_inquiries(desk.work)] == ["answered"]


async def read_often(desk: Desk, times: int) -> None:
    for _ in range(times):
        await desk.reads()
