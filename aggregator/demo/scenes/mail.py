"""The day in the support mailbox."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

from aggregator.clocks import Clock
from aggregator.demo.mail import DOMAIN, INBOX, SENT, MailSimulator
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from connectors.contract import SourceConfig
from connectors.imap import Imap
from connectors.imap.smtp import Smtp


class MailScene(Scene):
    """Customers write to the inbox, programs quote what they answer, and our answers lie in Sent."""

    source = "support-mail"
    channel = "email"
    troubles = ("reset", "429_json", "500", "truncated")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = MailSimulator(clock)
        self.port = self.way_out = 0

    @property
    def space(self) -> str:
        return "email"

    async def open(self, stack: AsyncExitStack) -> None:
        self.port = await stack.enter_async_context(self.simulator.serving())
        self.way_out = await stack.enter_async_context(self.simulator.submission.serving())

    def config(self, secrets: Path) -> SourceConfig:
        return Imap.Config(
            connector="imap",
            host="127.0.0.1",
            port=self.port,
            security="none",
            user=self.simulator.user,
            password=kept(secrets, "mail.password", self.simulator.password),
            smtp=Smtp(host="127.0.0.1", port=self.way_out, security="none"),
            idle=timedelta(seconds=self.long_poll),
            poll_every=timedelta(seconds=1),
        )

    def account(self, person: Person) -> str:
        return self.simulator.user_named(_name(person), person.name)

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        chinese = person.lang == "zh"
        return [
            self.simulator.says(
                _name(person),
                line.text,
                line.title,
                reply_to=target,
                at=at,
                html=chinese,
                charset="gb2312" if chinese else "utf-8",
                folder=SENT if person.role == "staff" else INBOX,
                more={"Auto-Submitted": "auto-replied"} if line.act == "auto" else None,
            )
        ]

    def plants_unreadable(self) -> None:
        self.simulator.malformed()
        self.planted.append(None)

    def fails(self, trouble: Trouble) -> None:
        if trouble == "500" or trouble == "reset" or trouble == "truncated":
            self.simulator.fail_next(trouble)
        else:
            self.simulator.fail_next("throttled", wait=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()


def _name(person: Person) -> str:
    """Colleagues write from addresses of ours."""
    return f"{person.handle}@{DOMAIN}" if person.role == "staff" else person.handle
