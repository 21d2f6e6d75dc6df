"""The email connector against a simulated mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.demo.mail import MailSimulator
from aggregator.demo.mail.talk import Fault
from connectors.imap import Imap, connection
from tests.contract_suite import PullContract

PASSWORD_ENV = "HARBOR_MAIL_PASSWORD"
TOKEN_ENV = "HARBOR_MAIL_TOKEN"
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
    monkeypatch.setenv(TOKEN_ENV, simulator.access_token)
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


def connector_for(mail: MailSimulator, port: int, **settings: Any) -> Imap:
    usual = {
        "connector": "imap",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "user": mail.user,
        "password": {"env": PASSWORD_ENV},
        "idle": 0,
    }
    return Imap("support", Imap.Config.model_validate(usual | settings), since=SINCE)


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
        monkeypatch.setattr(connection, "ANSWER_WITHIN", 0.5)
        monkeypatch.setattr(connection, "CONNECT_WITHIN", 0.5)
        return Stage(mail, port)
