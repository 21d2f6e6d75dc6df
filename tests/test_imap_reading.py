"""What becomes of a mail: samples with invented words, each in the shape of a real program's mail."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.triage.secrets import mask_record
from connectors.contract import Post, Undelivered
from connectors.errors import RecordError
from connectors.imap.charsets import decoded, header_text
from connectors.imap.markup import text_of_html
from connectors.imap.mime import mail_of
from connectors.imap.quotes import bare_subject, own_words
from connectors.imap.reading import Reader

SAMPLES = Path(__file__).parent / "samples/email"
ARRIVED = datetime(2026, 3, 14, 18, 0, tzinfo=UTC)
READER = Reader(frozenset({"support@wallet.example", "@wallet.example"}), "mx.wallet.example")


def record_of(raw: bytes, **more: Any) -> dict[str, Any]:
    """As pages() gives it."""
    place = {"account": "support@wallet.example", "mailbox": "INBOX", "role": "inbox", "validity": 7, "uid": 3}
    told = {"flags": [], "arrived": ARRIVED.isoformat(), "size": len(raw)}
    return json.loads(json.dumps(place | told | mail_of(raw) | more))


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


def post_of(raw: bytes, **more: Any) -> Post:
    return READER.read(record_of(raw, **more))[0]


def written(text: str = "hello", **headers: str) -> bytes:
    """A plain mail of a customer; `headers` with _ for -, and without a value left out."""
    usual = {"From": "nia@mail.example", "Subject": "hello", "Message-ID": "<nia-1@mail.example>"}
    named = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()


# name: text, author, role, thread, reply_to, files
READ: dict[str, tuple[str, str, str, str, str | None, int]] = {
    "gb18030_labelled_gb2312": (
        "余额变成零（陶喆）\n\n你好，早上打开钱包余额变成零，60㎡的店等着付租金 😡\n陶喆",
        *("taozhe@mail.example", "customer", "tencent_5D3A@mail.example", None, 0),
    ),
    "no_message_id_raw_8_bit": (
        "充值不到账\n\n链上已确认，为什么还不到账？",
        *("chenjing@mail.example", "customer", "digest:03f357c25b26b6aac1423d99872db60f", None, 0),
    ),
    "subject_cut_inside_a_character": (
        "提现失败已经三天\n\n看标题",
        *("lin@mail.example", "customer", "cut-1@mail.example", None, 0),
    ),
    "alternatives_pictures_and_a_file": (
        "Hello,\nthe swap took my tokens and gave nothing 😡\nI clicked https://wallet.example/claim",
        *("Omar@mail.example", "customer", "swap-1@mail.example", "inq.71@wallet.example", 2),
    ),
    "qq_mail_reply_with_history": (
        "还是没到账，第三次问了",
        *("zhoumin@mail.example", "customer", "tencent_70@mail.example", "inq.72@wallet.example", 0),
    ),
    "html_of_an_unknown_charset": (
        "申请退款，谢谢",
        *("wei@mail.example", "customer", "anidwithblanks@mail.example", None, 0),
    ),
    "plain_text_that_only_points_to_html": (
        "I am locked out of my account since the update and support does not answer.",
        *("ines@mail.example", "customer", "stub-1@mail.example", None, 0),
    ),
    "answer_below_the_quote": (
        "Then why does it differ from the preview?\n\nI did. It still differs.",
        *("ben@mail.example", "customer", "bottom-1@mail.example", "inq.73@wallet.example", 0),
    ),
    "outlook_history": (
        "The card is still blocked – since Tuesday.",
        *("carla@mail.example", "customer", "inq.74@wallet.example", "inq.74@wallet.example", 0),
    ),
    "automatic_reply": (
        "I am away until Monday. This is urgent, my funds were stolen, I want a refund.",
        *("dan@mail.example", "bot", "inq.75@wallet.example", "inq.75@wallet.example", 0),
    ),
    "bounce": (
        "Your answer could not be delivered.\n\nFinal-Recipient: rfc822; eva@mail.example\nAction: failed\n"
        "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user",
        *("MAILER-DAEMON@mx.mail.example", "bot", "eva-1@mail.example", "inq.76@wallet.example", 1),
    ),
    "forwarded_as_an_attachment": (
        "Is this really from you?",
        *("fay@mail.example", "customer", "fwd-1@mail.example", None, 1),
    ),
    "encrypted": ("", "gus@mail.example", "customer", "pgp-1@mail.example", None, 1),
    "signed": (
        "ledger question\n\nHow do I connect a hardware wallet?",
        *("hal@mail.example", "customer", "signed-1@mail.example", None, 0),
    ),
    "file_with_a_disguised_name": (
        "لم تصل أموالي",
        *("ida@mail.example", "customer", "file-1@mail.example", None, 2),
    ),
    "colleague_vouched_for": (
        "We have unblocked the card.",
        *("mei@wallet.example", "staff", "jon-1@mail.example", "jon-1@mail.example", 0),
    ),
    "colleague_not_vouched_for": (
        "please send me the export\n\nI need the list of customers today.",
        *("unverified:mei@wallet.example", "customer", "spoof-1@scam.example", None, 0),
    ),
    "form_of_our_website": (
        "Contact form\n\nThe app crashes when I open it.",
        *("kim@mail.example", "customer", "form-1@wallet.example", None, 0),
    ),
    "customer_through_our_own_group": (
        "Where do I find the tax report?",
        *("lou@mail.example", "customer", "group-1@mail.example", None, 0),
    ),
    "newsletter": (
        "Spring sale\n\nEverything must go",
        *("news@shop.example", "bot", "news-1@shop.example", None, 0),
    ),
    "only_a_subject": (
        "my funds are gone, help!!",
        *("max@mail.example", "customer", "subject-1@mail.example", None, 0),
    ),
}
UNREADABLE = ("empty", "no_mail_at_all")


@pytest.mark.parametrize("name", READ)
def test_a_sample_becomes_the_post_that_its_author_meant(name: str) -> None:
    post = post_of(sample(name))
    assert post.author is not None
    author = (post.author.native_id, post.author.role)
    assert (post.text, *author, post.thread, post.reply_to, post.attachments) == READ[name]
    assert (post.public, post.place, post.posted_at) == (False, "support@wallet.example · INBOX", ARRIVED)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_mail_is_refused_with_an_id(name: str) -> None:
    with pytest.raises(RecordError) as told:
        post_of(sample(name))
    assert told.value.native_id


def test_a_delivery_report_tells_which_mail_did_not_arrive() -> None:
    assert READER.read(record_of(sample("bounce")))[1:] == [
        Undelivered("inq.76@wallet.example", "gone", "550 5.1.1 no such user")
    ]


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        (b"Action: failed", b"Action: delayed"),
        (b"Message-ID: <inq.76@wallet.example>", b"X-Other: 1"),  # not the mail that it answered
    ],
)
def test_a_report_of_another_kind_tells_of_no_lost_mail(part: bytes, instead: bytes) -> None:
    assert len(READER.read(record_of(sample("bounce").replace(part, instead)))) == 1


def test_a_report_that_our_server_found_forged_is_not_believed() -> None:
    forged = b"Authentication-Results: mx.wallet.example; dmarc=fail header.from=mx.mail.example\r\n"
    assert len(READER.read(record_of(forged + sample("bounce")))) == 1


QMAIL = """Hi. This is the qmail-send program at mx.mail.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<eva@mail.example>:
Remote host said: 550 5.1.1 no such user

--- Below this line is a copy of the message.

Return-Path: <support@wallet.example>
From: support@wallet.example
To: eva@mail.example
Message-ID:
 <inq.76@wallet.example>
References: <eva-1@mail.example>
Subject: Re: hello

We have seen 450 such cases.
"""


def test_a_mail_that_a_server_returns_in_words_alone_is_told_as_well() -> None:
    raw = written(QMAIL, From="MAILER-DAEMON@mx.mail.example", Subject="failure notice", Message_ID="")
    post, *lost = READER.read(record_of(raw))
    assert isinstance(post, Post)
    assert post.author is not None
    assert (post.author.role, post.thread, post.reply_to) == ("bot", "eva-1@mail.example", "inq.76@wallet.example")
    assert lost == [Undelivered("inq.76@wallet.example", "gone", "Remote host said: 550 5.1.1 no such user")]


@pytest.mark.parametrize(
    ("sender", "subject", "words", "why"),
    [
        ("PostMaster@qq.example", "系统退信", "该收件人帐户不存在 550 User not found", "gone"),
        ("postmaster@mail.example", "来自邮件系统的退信", "很抱歉", "other"),
        (
            "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@mail.example",
            "Undeliverable: Re: hello",
            "5.2.2",
            "other",
        ),
    ],
)
def test_who_returns_a_mail_is_no_customer_and_the_mail_did_not_arrive(
    sender: str, subject: str, words: str, why: str
) -> None:
    text = f"{words}\n\n    Message-ID: <tencent_1@qq.example>\n    X-OQ-MSGID: <inq.76@wallet.example>\n"
    post, *lost = READER.read(record_of(written(text, From=sender, Subject=subject, Reply_To=sender)))
    assert isinstance(post, Post)
    assert post.author is not None
    assert post.author.role == "bot"
    assert [(each.native_id, each.why) for each in lost if isinstance(each, Undelivered)] == [
        ("inq.76@wallet.example", why)
    ]


@pytest.mark.parametrize(
    ("sender", "subject", "words"),
    [
        ("eva@mail.example", "failure notice", "550 5.1.1 no such user"),  # a customer who passes one on
        ("MAILER-DAEMON@mx.mail.example", "Undelivered yet", "451 4.4.1 I will try again"),
        ("MAILER-DAEMON@mx.mail.example", "Warning: delayed", "550 5.1.1 no such user"),
    ],
)
def test_other_words_tell_of_no_lost_mail(sender: str, subject: str, words: str) -> None:
    text = f"{words}\n\nMessage-ID: <inq.76@wallet.example>\n"
    assert len(READER.read(record_of(written(text, From=sender, Subject=subject)))) == 1


def test_every_sample_is_looked_at() -> None:
    assert {path.stem for path in SAMPLES.glob("*")} == {*READ, *UNREADABLE}


def test_a_mail_that_the_server_withholds_is_refused_with_its_place() -> None:
    with pytest.raises(RecordError) as told:
        READER.read({"mailbox": "INBOX", "validity": 7, "uid": 9, "unreadable": "withheld by the server"})
    assert told.value.native_id == "INBOX/7/9"


# Headers and charsets


def test_names_and_titles_are_read() -> None:
    post = post_of(sample("gb18030_labelled_gb2312"))
    assert post.author is not None
    assert (post.author.name, post.title) == ("陶喆", "余额变成零（陶喆）")


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("喆㎡😡".encode("gb18030"), "gb2312", "喆㎡😡"),
        ("喆㎡".encode("gbk"), "x-gbk", "喆㎡"),
        ("喆".encode("gb18030"), "hz", "喆"),
        ("轉帳失敗".encode("big5"), "big5", "轉帳失敗"),
        ("it’s €5".encode("cp1252"), "iso-8859-1", "it’s €5"),
        ("naïve".encode(), "us-ascii", "naïve"),
        ("提现三天没有到账，客服不回复".encode(), "gb2312", "提现三天没有到账，客服不回复"),
        ("it’s stuck".encode(), "iso-8859-1", "it’s stuck"),
        ("não chegou".encode(), "windows-1252", "não chegou"),
        ("вывод завис".encode(), "windows-1251", "вывод завис"),
        ("联通".encode("gbk"), "gb2312", "联通"),
        ("вывод завис".encode("koi8-r"), "koi8-r", "вывод завис"),
        ("出金できません".encode("iso-2022-jp"), "iso-2022-jp", "出金できません"),
        ("出金できません".encode("shift_jis"), "shift_jis", "出金できません"),
        ("출금이 안 돼요".encode("euc-kr"), "euc-kr", "출금이 안 돼요"),
        ("提现".encode(), "utf8", "提现"),
        ("提现".encode(), "utf-8mb4", "提现"),
        ("提现".encode(), "default", "提现"),
        ("提现".encode(), None, "提现"),
        ("提现失败".encode("gb18030"), None, "提现失败"),
        ("提现失败".encode("gb18030"), "utf-8", "提现失败"),
        ("提现".encode("utf-7"), "unicode-1-1-utf-7", "提现"),
        (rb"\u0041\N{BULLET}", "unicode_escape", r"\u0041\N{BULLET}"),
        (b"abc", "hex", "abc"),
        (b"abc", "idna", "abc"),
        (b"a\x00b\x07c\r\n", "utf-8", "abc\r\n"),
        (b"+2AA-", "utf-7", "?"),
        (b"", "x-unknown", ""),
    ],
)
def test_bytes_are_read_in_the_charset_that_they_are_in(data: bytes, charset: str | None, text: str) -> None:
    assert decoded(data, charset) == text


def test_bytes_of_no_charset_at_all_are_still_a_text() -> None:
    assert decoded(bytes(range(128, 256)) * 3 + b"\xff", "utf-8")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?gb2312?B?zOHP1g==?= =?gb2312?B?yqew3A==?=", "提现失败"),
        ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
        ("=?utf-8?B?5o+Q546w?= today", "提现 today"),
        ("today =?utf-8?B?5o+Q546w?=", "today 提现"),
        ("=?utf-8*zh?B?5o+Q546w?=", "提现"),
        ("=?utf-8?B?5o+Q546w", "=?utf-8?B?5o+Q546w"),
        ("=?utf-8?B?!!!?=", ""),
        ("folded\r\n line", "folded line"),
        ("提现".encode("gb18030").decode("ascii", "surrogateescape"), "提现"),
        ("injected\r\nBcc: all@wallet.example", "injected Bcc: all@wallet.example"),
    ],
)
def test_a_header_is_read_as_it_was_meant(raw: str, text: str) -> None:
    assert header_text(raw) == text


@pytest.mark.parametrize(
    ("sender", "address", "name"),
    [
        ('"Nia, the first" <nia@mail.example>', "nia@mail.example", "Nia, the first"),
        ("=?utf-8?B?546L77yM5LqU?= <Wang@MAIL.example>", "Wang@mail.example", "王，五"),
        ("nia@mail.example (Nia)", "nia@mail.example", ""),
        ('"support@wallet.example" <thief@scam.example>', "thief@scam.example", "support@wallet.example"),
        ("nia@例子.example", "nia@xn--fsqu00a.example", ""),
        ("Nia <nia@mail.example>, Leo <leo@mail.example>", "nia@mail.example", "Nia"),
    ],
)
def test_the_author_is_the_first_address(sender: str, address: str, name: str) -> None:
    author = post_of(written(From=sender)).author
    assert author is not None
    assert (author.native_id, author.name, author.role) == (address, name, "customer")


APOSTROPHES = [
    ("o'brien@company.ie", "o'brien@company.ie"),
    ("<o'brien@company.ie>", "o'brien@company.ie"),
    ("Ann O'Brien <o'brien@company.ie>", "o'brien@company.ie"),
    ("o'brien@company.ie (Ann O'Brien)", "o'brien@company.ie"),
    ("'o'brien@company.ie'", "o'brien@company.ie"),
    ("'ann@company.ie'", "ann@company.ie"),
    ("'ann@company.ie' (Ann)", "ann@company.ie"),
    ("'ann@company.ie', 'leo@company.ie'", "ann@company.ie"),
]


@pytest.mark.parametrize(("written_so", "address"), APOSTROPHES)
def test_an_address_with_an_apostrophe_is_whole_and_one_in_quotes_is_without_them(
    written_so: str, address: str
) -> None:
    passed = "mx.wallet.example; dmarc=pass header.from=company.ie"
    author = post_of(written(From=written_so, Authentication_Results=passed)).author
    assert author is not None
    assert (author.native_id, author.vouched) == (address, (("mail", address),))
    form = post_of(written(From="noreply@form.example", Reply_To=written_so)).author
    assert form is not None
    assert form.native_id == address


def test_a_mail_without_a_sender_has_no_author() -> None:
    assert post_of(written(From="")).author is None


# Times


def test_arrival_counts_and_not_what_the_sender_dates() -> None:
    future = post_of(written(Date="Sat, 14 Mar 2036 09:00:00 +0000"))
    absurd = post_of(sample("html_of_an_unknown_charset"))
    slow = post_of(written(Date="Thu, 12 Mar 2026 09:00:00 +0000"))
    assert {future.posted_at, absurd.posted_at, slow.posted_at} == {ARRIVED}


def test_a_mail_that_was_moved_here_years_later_keeps_its_own_date() -> None:
    post = post_of(written(Date="Sat, 14 Mar 2020 09:00:00 +0100"))
    assert (post.posted_at, post.guessed) == (datetime(2020, 3, 14, 8, tzinfo=UTC), ("posted_at",))


def test_a_new_mail_from_a_computer_whose_clock_stands_years_back_arrived_now() -> None:
    received = "from mail.example by mx.wallet.example with ESMTPS id 7; Sat, 14 Mar 2026 17:59:58 +0000 (UTC)"
    post = post_of(written(Received=received, Date="Fri, 01 Jan 2010 00:00:00 +0000"))
    assert (post.posted_at, post.guessed) == (ARRIVED, ())


def test_a_mail_that_was_moved_here_arrived_when_the_last_server_on_its_way_took_it() -> None:
    received = "by mx.old.example id 7; Sun, 15 Mar 2020 09:00:00 +0100"
    post = post_of(written(Received=received, Date="Fri, 01 Jan 2010 00:00:00 +0000"))
    assert (post.posted_at, post.guessed) == (datetime(2020, 3, 15, 8, tzinfo=UTC), ("posted_at",))


def test_without_a_time_of_arrival_the_date_is_a_guess() -> None:
    post = post_of(written(Date="Sat, 14 Mar 2026 09:00:00 +0100"), arrived=None)
    assert (post.posted_at, post.guessed) == (datetime(2026, 3, 14, 8, tzinfo=UTC), ("posted_at",))
    assert post_of(written(), arrived=None).posted_at is None


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        ("自动回复太敷衍了，我要人工客服", "customer"),
        ("自动回复，没有人处理", "customer"),
        ("Automatic reply after automatic reply, where is a human?", "customer"),
        ("Out of office hours nobody answers", "customer"),
        ("自动回复", "bot"),
        ("自動回覆: 提現", "bot"),
        ("Automatic reply: Your ticket", "bot"),
        ("Out of Office Re: Your ticket", "bot"),
        ("Out of office AutoReply: Your ticket", "bot"),
    ],
)
def test_who_complains_of_automatic_replies_is_none(subject: str, role: str) -> None:
    author = post_of(written("my withdrawal is stuck", Subject=subject)).author
    assert author is not None
    assert author.role == role


# What the author wrote


QUOTED = {
    "On ... wrote, wrapped": ("new\n\nOn Fri, 13 Mar 2026 at 20:00, Harbor Desk <a@b.example>\nwrote:\n> old", "new"),
    "On ... wrote, unmarked": ("new\n\nOn Fri, 13 Mar 2026, Harbor Desk wrote:\nold words\nmore of them", "new"),
    "Gmail in Chinese": ("新的\n\nHarbor <a@b.example> 于2026年3月13日周五 20:00写道：\n\n> 旧的", "新的"),
    "在 ... 写道": ("新的\n在 2026-03-13 20:00:00，support 写道：\n旧的", "新的"),
    "QQ ruler": ("新的\n------------------ 原始邮件 ------------------\n发件人: x\n旧的", "新的"),
    "163 ruler": ("新的\n---- 回复的原邮件 ----\n| 发件人 | x |\n旧的", "新的"),
    "Outlook ruler": ("new\n-----Original Message-----\nFrom: x\nold", "new"),
    "header block": ("新的\n\n发件人: x\n发送时间: 2026年3月13日\n收件人: y\n主题: z\n\n旧的", "新的"),
    "German": ("neu\n\nAm 13.03.26 um 20:00 schrieb Harbor Desk:\n> alt", "neu"),
    "French": ("neuf\n\nLe ven. 13 mars 2026 à 20:00, Harbor <a@b.example> a écrit :\n> vieux", "neuf"),
    "signature": ("new\n\n-- \nNia\nChief of nothing", "new"),
    "phone": ("新的\n\n发自我的 iPhone", "新的"),
    "interleaved": ("> why?\nbecause\n> when?\nnow", "because\nnow"),
    "a colon is no quote": ("I wrote:\nhelp me\nFrom: here on it fails", "I wrote:\nhelp me\nFrom: here on it fails"),
    "a ruler of their own": ("one\n--------\ntwo", "one\n--------\ntwo"),
    "nothing but history": ("> everything\n> is quoted", "> everything\n> is quoted"),
    "passed on": ("---- Forwarded message ----\nFrom: x\nold", "---- Forwarded message ----\nFrom: x\nold"),
    "Gmail in Japanese": ("まだです\n\n2026年3月3日(火) 10:00 Harbor <a@b.example>:\n\n> 確認します", "まだです"),
    "Gmail in Korean": ("아직\n\n2026년 3월 3일 (화) 오전 10:00, Harbor <a@b.example>님이 작성:\n\n> 확인", "아직"),
    "Gmail in Russian": ("Нет\n\nвт, 3 мар. 2026 г. в 10:00, Harbor <a@b.example>:\n\n> проверим", "Нет"),
    "Gmail in Vietnamese": ("Chưa\n\nVào Th 3, 3 thg 3 Harbor <a@b.example>\nđã viết:\n\n> kiểm tra", "Chưa"),
    "iPhone in Japanese": ("まだです\n\n2026/03/03 10:00、Harbor <a@b.example>のメール:\n\n> 確認します", "まだです"),
    "iPhone in Korean": ("아직\n\n2026. 3. 3. 오전 10:00, Harbor <a@b.example> 작성:\n\n> 확인", "아직"),
    "Outlook in Japanese": (
        "まだです\n\n________\n差出人: Harbor <a@b.example>\n送信日時: 2026年3月3日\n宛先: y\n件名: 出金\n\n確認します",
        "まだです",
    ),
    "Outlook in Korean": ("아직\n\n보낸 사람: x\n보낸 날짜: 2026년 3월 3일\n받는 사람: y\n제목: 출금\n\n확인", "아직"),
    "Outlook in Russian": ("Нет\n\nОт: x\nОтправлено: 3 марта 2026 г.\nКому: y\nТема: вывод\n\nпроверим", "Нет"),
    "Outlook in Vietnamese": ("Chưa\n\nTừ: x\nĐã gửi: 3 tháng 3, 2026\nTới: y\nChủ đề: rút tiền\n\ncũ", "Chưa"),
    "QQ ruler in English": ("new\n------------------ Original ------------------\nFrom: x\nold", "new"),
    "name first, wrapped": ("新的\nHarbor <a@b.example> 于2026年3月13日周五\n20:00写道：\n> 旧的", "新的"),
}


@pytest.mark.parametrize(
    "said",
    [
        "It is missing.\nSent via TRC20 to TJRabPrwbZy45sbavfcjinPJC18kyJRkQk",
        "It is missing.\nSent from Binance to my wallet on Monday, 500 USDT",
        "Sent from my exchange to the wallet\nand it never came",
        "钱没到\n从我的币安账户提到钱包，一直没有发送",
        "My transfer is missing.\n\nFrom: TJRab\nTo: 0x5290\nDate: 2026-01-02\nTXID: 4f0c\nPlease help",
        "No llega.\nDe: Binance\nPara: mi wallet\nEnviado: ayer\nAyuda",
        "你好，\n--\n我的UID是 12345678\n提现卡住了",
        "my withdrawal is pending\n> 48 hours now, and nobody answers\nplease help",
        "还没到账\n>3天了\n帮我看看",
        "Today at 10:00 I wrote to Harbor <a@b.example>:\nmy funds are gone\nand nobody answers",
        "Шаги:\nОт: Binance\nКому: мой кошелёк\nДата: вчера\nНе пришло",
        "what I see is\n-- Original\nand then nothing works 12345",
    ],
)
def test_what_only_looks_like_history_or_a_signature_is_the_authors(said: str) -> None:
    assert own_words(said) == said


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone 15 Pro",
        "Sent from Yahoo Mail for iPhone",
        "Sent via the Samsung Galaxy S24",
        "从我的华为手机发送",
        "Get Outlook for iOS",
    ],
)
def test_what_a_program_writes_below_a_mail_is_not_the_authors(line: str) -> None:
    assert own_words(f"new\n\n{line}\n\nOn Fri, 13 Mar 2026, Harbor Desk wrote:\n> 2 old lines") == "new"


@pytest.mark.parametrize("case", QUOTED)
def test_history_and_signatures_are_cut_off(case: str) -> None:
    text, own = QUOTED[case]
    assert own_words(text) == own
    assert own_words(text.replace("\n", "\r\n")) == own


@pytest.mark.parametrize(
    "line", ["ab cd" + "<@>" * 160 + ":", "1:00 " + "<@" * 246 + ":", "1:00 " + "<a@b>" * 98 + ":"]
)
def test_lines_of_nothing_but_halves_of_addresses_are_read_at_once(line: str) -> None:
    began = time.process_time()
    own_words("\n".join([line] * 100))
    assert time.process_time() - began < 2  # it took a second for each line


def test_an_address_within_an_address_belongs_to_the_sentence_before_a_quote() -> None:
    said = "Ann Lee <ann@mail.example<mailto:ann@mail.example>> wrote:"
    assert own_words(f"new\n\n{said}\n> old") == "new"
    assert own_words("새 글\n\nAnn Lee <ann@mail.example>님이 작성:\n> old") == "새 글"


@pytest.mark.parametrize(
    "subject",
    ["Re: Fwd: fees", "回复：回复: fees", "AW: WG: Fees", "RE[2]: fees", "答复：转发：fees ", "回覆: Re : fees"],
)
def test_prefixes_of_answers_are_no_part_of_a_subject(subject: str) -> None:
    assert bare_subject(subject) == "fees"


def test_what_html_hides_is_not_said() -> None:
    html = (
        "<head><title>t</title><style>p{}</style></head><script>evil()</script><div style='DISPLAY: NONE'>a</div>"
        "<span style='font-size:0'>b</span><p hidden>c</p><!-- d --><img alt=e><p>one<br>two &amp; three</p>tail"
    )
    assert text_of_html(html) == ("one\ntwo & three\n\ntail", ())


def test_a_part_of_any_length_ends_somewhere_and_pictures_do_not_count() -> None:
    picture = f'<img src="data:image/png;base64,{"A" * 400_000}">'
    html = written(f"<p>one{picture}</p><p>two</p>").replace(b"text/plain", b"text/html")
    assert post_of(html).text == "hello\n\none\n\ntwo"
    (part,) = record_of(written("word " * 100_000))["parts"]
    assert (len(part["text"]), part["cut"]) == (300_000, True)


def test_a_link_that_shows_another_address_is_told() -> None:
    html = (
        '<a href="https://scam.example/x">https://wallet.example</a> <a href="https://a.example/">https://a.example</a>'
    )
    assert text_of_html(html)[1] == ("https://scam.example/x",)


@pytest.mark.parametrize("tag", ["div", "table><tr><td", "ul><li", "blockquote", "b"])
def test_html_nested_without_end_is_read(tag: str) -> None:
    assert "deep" in text_of_html(f"<p>top</p>{f'<{tag}>' * 20_000}deep")[0]


def test_a_mail_of_html_alone_that_is_only_a_quote_stays_whole() -> None:
    assert text_of_html("<blockquote type=cite>look at this</blockquote>")[0] == "look at this"


def test_text_around_a_picture_is_one_text() -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = "nia@mail.example", "Re: x", "<p@mail.example>"
    mail.set_content("before the picture")
    mail.add_attachment(b"png", maintype="image", subtype="png", filename="a.png", disposition="inline")
    mail.add_attachment("after the picture", disposition="inline")
    post = post_of(mail.as_bytes())
    assert (post.text, post.attachments) == ("before the picture\n\nafter the picture", 1)


def test_an_attached_text_is_a_file_and_not_the_authors_words() -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = "nia@mail.example", "Re: x", "<p@mail.example>"
    mail.set_content("see the log")
    mail.add_attachment("ERROR everything is lost", filename="app.log")
    post = post_of(mail.as_bytes())
    assert (post.text, post.attachments) == ("see the log", 1)


def test_files_are_listed_with_size_and_hash_under_harmless_names() -> None:
    parts = record_of(sample("file_with_a_disguised_name"))["parts"]
    assert [(part.get("name"), part.get("size")) for part in parts[1:]] == [("shotgnp.exe", 2), ("winmail.dat", 3)]
    assert len(parts[1]["sha256"]) == 64
    names = [part["name"] for part in record_of(sample("alternatives_pictures_and_a_file"))["parts"] if "name" in part]
    assert names == ["shot.png", "凭证.pdf"]


# Who speaks for us


def answered_by(server: str, result: str, **more: str) -> str:
    headers = {"From": "mei@wallet.example", "Authentication-Results": f"{server}; {result}", **more}
    author = post_of(written(**headers)).author
    assert author is not None
    return author.role


def test_only_our_own_server_vouches_for_a_colleague() -> None:
    passed = "dmarc=pass (p=none) header.from=wallet.example"
    assert answered_by("mx.wallet.example", passed) == "staff"
    assert answered_by("mx.wallet.example", "spf=pass; " + passed) == "staff"
    assert answered_by("mx.scam.example", passed) == "customer"
    assert answered_by("mx.wallet.example", "dmarc=pass header.from=scam.example") == "customer"
    assert answered_by("mx.wallet.example", "dkim=pass header.d=wallet.example") == "customer"
    assert (
        answered_by("mx.wallet.example", passed, From="mei@wallet.example, a <b@c.example>, <d@e.example>")
        == "customer"
    )


@pytest.mark.parametrize(
    ("result", "vouched"),
    [
        ("dmarc=pass header.from=mail.example", (("mail", "fox@mail.example"),)),
        ("dmarc=none header.from=mail.example", ()),
        ("dmarc=fail header.from=mail.example", ()),
    ],
)
def test_a_customers_address_that_our_server_vouches_for_tells_who_it_is_elsewhere(
    result: str, vouched: tuple[tuple[str, str], ...]
) -> None:
    results = f"mx.wallet.example; {result}"
    author = post_of(written(From="fox@mail.example", Authentication_Results=results)).author
    assert author is not None
    assert author.vouched == vouched


def test_a_server_that_does_not_give_its_name_is_told_by_an_empty_one() -> None:
    reader = Reader(READER.ours, "")
    results = "spf=pass smtp.mailfrom=wallet.example; dmarc=pass action=none header.from=wallet.example"
    (post,) = reader.read(record_of(written(From="mei@wallet.example", Authentication_Results=results)))
    assert post.author is not None
    assert post.author.role == "staff"


def test_without_our_servers_name_nobody_is_vouched_for() -> None:
    (post,) = Reader(READER.ours, None).read(record_of(sample("colleague_vouched_for")))
    assert post.author is not None
    assert (post.author.native_id, post.author.role) == ("unverified:mei@wallet.example", "customer")


def test_what_lies_in_sent_we_have_said() -> None:
    author = post_of(written(From="Mei <mei@partner.example>"), role="sent").author
    assert author is not None
    assert (author.native_id, author.role) == ("mei@partner.example", "staff")


AUTOMATIC = {
    "Auto-Submitted": "auto-generated",
    "Precedence": "bulk",
    "X-Auto-Response-Suppress": "DR, OOF, AutoReply",
    "X-Autoreply": "yes",
    "X-Autorespond": "on",
    "X-Failed-Recipients": "eva@mail.example",
    "List-Id": "<offers.shop.example>",
    "List-Unsubscribe": "<https://shop.example>",
    "Return-Path": "<>",
    "From": "No Reply <no-reply@shop.example>",
    "Subject": "自动回复：您好",
    "X-Inquiry-Id": "ABCDEFG",
    "Content-Type": "multipart/report; report-type=disposition-notification; boundary=x",
}


@pytest.mark.parametrize("header", AUTOMATIC)
def test_a_machines_mail_is_no_inquiry(header: str) -> None:
    author = post_of(written(**{header: AUTOMATIC[header]})).author
    assert author is not None
    assert author.role == "bot"


@pytest.mark.parametrize("header", ["Auto-Submitted: no", "Precedence: first-class", "X-Auto-Response-Suppress: RN"])
def test_a_persons_mail_is_one_though_it_bears_such_headers(header: str) -> None:
    name, _, value = header.partition(": ")
    author = post_of(written(**{name: value})).author
    assert author is not None
    assert author.role == "customer"


# Conversations


def test_a_first_mail_is_its_own_conversation_and_answers_belong_to_it() -> None:
    first = post_of(written(Message_ID="<a@mail.example>"))
    answer = post_of(written(Message_ID="<b@wallet.example>", References="<a@mail.example>"), role="sent")
    back = post_of(
        written(
            Message_ID="<c@mail.example>",
            References="<a@mail.example>\r\n <b@wallet.example>",
            In_Reply_To="<b@wallet.example>",
        )
    )
    assert {first.thread, answer.thread, back.thread} == {"a@mail.example"}
    assert [post.reply_to for post in (first, answer, back)] == [None, "a@mail.example", "b@wallet.example"]


def test_what_in_reply_to_says_beside_an_id_is_ignored() -> None:
    post = post_of(written(In_Reply_To='Message from nia <nia@mail.example> of "Friday" <b@wallet.example>'))
    assert post.reply_to == "b@wallet.example"


def test_the_same_mail_in_two_mailboxes_is_one_post() -> None:
    here = post_of(written(), mailbox="INBOX", account="support@wallet.example", uid=3)
    there = post_of(written(), mailbox="feedback", account="feedback@wallet.example", uid=900)
    assert here.native_id == there.native_id


@pytest.mark.parametrize(
    "other",
    [
        {"From": "omar@other.example"},  # of another domain than the id
        {"From": "nia@other.example"},
        {"Authentication_Results": "mx.wallet.example; dmarc=fail header.from=mail.example"},
    ],
)
def test_another_mail_with_the_id_of_a_customers_does_not_take_its_place(other: dict[str, str]) -> None:
    mine, another = post_of(written("my funds are gone")), post_of(written("hello", **other))
    assert mine.native_id == "nia-1@mail.example"
    assert another.native_id != mine.native_id
    assert (another.alias, another.thread) == ("nia-1@mail.example", mine.thread)


def test_a_customer_whose_provider_writes_ids_under_another_name_keeps_mails_apart_by_person_and_date() -> None:
    def sent(sender: str, date: str, **more: Any) -> str:
        return post_of(written(From=sender, Date=date, Message_ID="<1@out.provider.example>"), **more).native_id

    one = sent("nia@mail.example", "Sat, 14 Mar 2026 08:00:00 +0000")
    copy = sent("nia@mail.example", "Sat, 14 Mar 2026 08:00:00 +0000", mailbox="feedback", uid=900)
    later = sent("nia@mail.example", "Sat, 14 Mar 2026 09:00:00 +0000")
    another = sent("omar@mail.example", "Sat, 14 Mar 2026 08:00:00 +0000")
    assert one == copy
    assert len({one, later, another}) == 3


def test_mails_without_an_id_are_told_apart_by_what_they_say() -> None:
    same = [post_of(written(text, Message_ID="")).native_id for text in ("one", "one", "two")]
    assert same[0] == same[1] != same[2]


# Who wrote it, whatever the name looks like


@pytest.mark.parametrize(
    "sender",
    [
        '"<nia@mail.example>" <omar@other.example>',
        "=?utf-8?q?=3Cnia=40mail=2Eexample=3E?= <omar@other.example>",
        "=?utf-8?q?=22=3Cnia=40mail=2Eexample=3E=22?= <omar@other.example>",
        "(<nia@mail.example>) <omar@other.example>",
    ],
)
def test_an_address_within_a_name_is_no_address(sender: str) -> None:
    author = post_of(written(From=sender)).author
    assert author is not None
    assert author.native_id == "omar@other.example"


def test_an_address_that_a_program_encoded_together_with_the_name_is_read() -> None:
    author = post_of(written(From="=?utf-8?q?Nia_=3Cnia=40mail=2Eexample=3E?=")).author
    assert author is not None
    assert (author.native_id, author.name) == ("nia@mail.example", "Nia")


@pytest.mark.parametrize("end", ["", "\\"])
def test_headers_of_nothing_but_escaped_quotes_are_read_at_once(end: str) -> None:
    quotes = '"' + '\\"' * 3_900 + end
    raw = f"Authentication-Results: mx.evil.example; {quotes}\r\n".encode() * 100 + written()
    began = time.process_time()
    author = post_of(raw).author
    assert time.process_time() - began < 2  # half a minute, where each quote was tried as the first
    assert author is not None
    assert author.native_id == "nia@mail.example"


def test_a_quote_that_is_never_closed_hides_no_address() -> None:
    author = post_of(written(From='"Mei of the <desk <nia@mail.example>')).author
    assert author is not None
    assert author.native_id.endswith("nia@mail.example")


@pytest.mark.parametrize(
    "said",
    [
        'spf=pass smtp.mailfrom="x; dmarc=pass header.from=wallet.example; ',
        'spf=pass smtp.mailfrom="x; dmarc=pass header.from=wallet.example;"@evil.example; dmarc=fail',
        "spf=pass (of (x) ; dmarc=pass header.from=wallet.example ) smtp.mailfrom=x@evil.example",
        "spf=pass (of x ; dmarc=pass header.from=wallet.example ; smtp.mailfrom=x@evil.example",
        "dmarc=pass header.from=wallet.example; dmarc=fail header.from=wallet.example",
    ],
)
def test_what_a_sender_smuggles_into_our_servers_results_vouches_for_nobody(said: str) -> None:
    raw = written(From="Mei <mei@wallet.example>", Authentication_Results=f"mx.wallet.example; {said}")
    author = post_of(raw).author
    assert author is not None
    assert (author.native_id, author.role) == ("unverified:mei@wallet.example", "customer")


@pytest.mark.parametrize(
    ("found", "author"),
    [("fail", "unverified:nia@mail.example"), ("none", "nia@mail.example"), ("pass", "nia@mail.example")],
)
def test_a_mail_that_our_server_found_forged_is_not_that_customers(found: str, author: str) -> None:
    told = f"mx.wallet.example; dmarc={found} header.from=mail.example"
    post = post_of(written(Authentication_Results=told))
    assert post.author is not None
    assert post.author.native_id == author


def test_a_mail_that_is_made_to_take_minutes_is_read_in_part() -> None:
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (i, i) for i in range(200))
    raw = b"From: nia@mail.example\nMessage-ID: <1@mail.example>\n" + nested + b"\n" + b"\n" * 5_000_000
    post = post_of(raw)
    assert (post.native_id, post.guessed) == ("1@mail.example", ("text",))


# Answered by a colleague


def marked(**more: Any) -> Post:
    _, mark = READER.read(record_of(written(), flags=["\\Answered", "\\Seen"], **more))
    return mark


def test_a_mark_of_an_answer_is_an_answer_of_ours_to_that_mail() -> None:
    mark = marked()
    assert mark.author is not None
    assert (mark.native_id, mark.reply_to) == ("nia-1@mail.example#answered", "nia-1@mail.example")
    assert (mark.author.native_id, mark.author.role) == ("support@wallet.example", "staff")
    assert "marked as answered" in mark.text


def test_a_mark_that_was_there_before_us_is_not_dated_after_later_mails() -> None:
    assert marked().posted_at == ARRIVED + timedelta(seconds=1)


def test_a_mark_that_we_see_being_set_is_dated_before_mails_that_came_with_it() -> None:
    later = ARRIVED + timedelta(hours=2)
    assert marked(marked_before=later.isoformat()).posted_at == later - timedelta(seconds=1)
    assert marked(marked_before=None).posted_at is None


@pytest.mark.parametrize("more", [{"role": "sent"}, {"flags": ["\\Seen"]}])
def test_other_flags_and_folders_tell_of_no_answer(more: dict[str, Any]) -> None:
    assert len(READER.read(record_of(written(), **{"flags": ["\\Answered"], **more}))) == 1


# Whatever comes


def test_a_masked_record_is_read_too() -> None:
    phrase = "earth together pond inhale main camp grow bronze sad treat velvet report"
    record = record_of(written(f"my words are {phrase}\r\n\r\nOn Fri, 13 Mar 2026, Desk wrote:\r\n> hello"))
    masked, found = mask_record(record)
    assert isinstance(masked, dict)
    assert [each.kind for each in found] == ["phrase"]
    assert READER.read(masked)[0].text == f"hello\n\nmy words are {'█' * len(phrase)}"


def test_an_address_of_words_that_are_on_the_phrase_list_stays_an_address() -> None:
    record = record_of(written(From="Rose Young <rose.young@mail.invalid>", Message_ID="<young.rose@royal.example>"))
    assert mask_record(record)[0] == record


def only_record_errors(raw: bytes) -> None:
    """A mail is read, or refused as RecordError; and it can be stored."""
    record = record_of(raw)
    json.dumps(record, ensure_ascii=False).encode()
    try:
        told = READER.read(record)
    except RecordError:
        return
    for item in told:
        assert item.native_id
        (item.detail if isinstance(item, Undelivered) else item.text).encode()
        assert isinstance(item, Undelivered) or item.posted_at is None or item.posted_at.tzinfo is UTC


HEADERS = ("From", "Subject", "Date", "Message-ID", "References", "In-Reply-To", "Content-Type", "List-Id", "Reply-To",
           "Content-Transfer-Encoding", "Content-Disposition", "Authentication-Results", "Auto-Submitted")  # fmt: skip
PIECES = st.sampled_from(
    [
        *(b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=b", b"text/html", b"text/plain; charset="),
        *(b"gb2312", b"message/rfc822", b"message/delivery-status", b"--b", b"--b--", b"\r\n", b"\n", b"\r", b";"),
        *(b"=?utf-8?B?", b"?=", b"=?gb2312?Q?=", b"<", b">", b"@", b"filename*0*=", b"filename*=utf-8''%", b'name="'),
        *(b"base64", b"quoted-printable", b"x-uuencode", b"begin 644 x", b"\x00", b"\xff\xfe", b"\xcc\xe1\xcf\xd6"),
        *(b"<div style='", b"On x wrote:", b"> ", b"a@b.example", b"<a@b.example>", b"+9999", b"Mon, 31 Feb 2026"),
        b"mx.wallet.example; dmarc=pass header.from=",
    ]
)
FREE = st.binary(max_size=30)
VALUES = st.lists(PIECES | FREE, max_size=6).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(raw: bytes) -> None:
    only_record_errors(raw)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(HEADERS), VALUES), max_size=8), st.lists(PIECES | FREE, max_size=25))
def test_no_headers_and_parts_break_the_reading(headers: list[tuple[str, bytes]], body: list[bytes]) -> None:
    head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers)
    only_record_errors(head + b"\r\n" + b"".join(body))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(READ)), st.integers(0, 4000), st.integers(0, 40), FREE)
def test_no_damage_to_a_real_mail_breaks_the_reading(name: str, at: int, length: int, new: bytes) -> None:
    raw = sample(name)
    only_record_errors(raw[:at] + new + raw[at + length :])


def test_parts_within_parts_without_end_are_read_or_refused() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000))
    only_record_errors(b"From: nia@mail.example\r\n" + nested + b"\r\nhello")
    forwarded = b"Content-Type: message/rfc822\r\n\r\n" * 3000
    only_record_errors(b"From: nia@mail.example\r\n" + forwarded + b"hello")
