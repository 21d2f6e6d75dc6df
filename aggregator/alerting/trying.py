"""`aggregator webhook test` and `aggregator alert test`; and secrets that are there, but are none."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from aggregator.alerting.apprising import Receiver, is_address
from aggregator.alerting.bodies import body
from aggregator.alerting.endpoints import READ_AT_MOST, Endpoint
from aggregator.alerting.signing import key_of
from aggregator.alerting.wording import test_alert
from aggregator.config import at_its_place, secrets_in
from connectors.errors import ConfigError

if TYPE_CHECKING:
    from aggregator.config import Settings


class Tried(NamedTuple):
    """What came back from one target. status 0: it has none, or nothing came."""

    name: str
    ok: bool
    status: int
    seconds: float
    why: str
    words: str

    @property
    def line(self) -> str:
        came = f"{self.status}" if self.status else "taken" if self.ok else "nothing"
        said = f": {' '.join(self.words.split())}" if self.words.strip() else ""
        return f"{self.name}: {came} in {self.seconds:.2f} s{f', {self.why}' if self.why else ''}{said}"


async def try_webhook(settings: Settings, name: str) -> Tried:
    """Send a signed event `test`. Raises ConfigError: there is no such webhook, or its secrets are not there."""
    endpoint = Endpoint(name, _named(settings, settings.webhooks, name, ("webhooks",)))
    text = body("test", datetime.now(UTC), {"says": "This is a test."})
    began = time.perf_counter()
    try:
        answer = await endpoint.post(f"msg_{uuid4().hex}", text.encode(), READ_AT_MOST)
    finally:
        await endpoint.close()
    outcome = answer.outcome
    return Tried(name, not outcome.why, answer.status, time.perf_counter() - began, outcome.why, answer.words)


async def try_alert(settings: Settings, name: str) -> Tried:
    """Send a test, in quiet hours too. Raises ConfigError: there is no such destination, or no address for it."""
    config = _named(settings, settings.alerts.destinations, name, ("alerts", "destinations"))
    told, began = test_alert(config), time.perf_counter()
    outcome = await Receiver(name, config).say(told.title, told.text, told.kind)
    return Tried(name, not outcome.why, 0, time.perf_counter() - began, outcome.why, "")


def wrong_secrets(settings: Settings) -> list[str]:
    """In the voice of `aggregator.config.missing_secrets`. No secret is quoted. Apprise takes a second to import."""
    found = []
    for name, webhook in settings.webhooks.items():
        held = {"secret": webhook.secret, "previous_secret": webhook.previous_secret}
        for setting, secret in held.items() if webhook.enabled else ():
            if secret is not None and not secret.missing() and key_of(secret.reveal()) is None:
                why = "should hold whsec_ and 24 to 64 random bytes in base64"
                found.append(at_its_place(settings, ("webhooks", name, setting), why))
    for name, to in settings.alerts.destinations.items():
        if to.enabled and not to.url.missing() and not is_address(to.url.reveal()):
            path = ("alerts", "destinations", name, "url")
            found.append(at_its_place(settings, path, "holds no address that Apprise knows"))
    return found


def _named(settings: Settings, section: Any, name: str, where: tuple[str, ...]) -> Any:
    if name not in section:
        raise ConfigError(f"{'.'.join(where)}: there is no {name}; there are {', '.join(section) or 'none'}")
    held = secrets_in(section[name], (*where, name))
    if missing := [at_its_place(settings, path, why) for path, secret in held if (why := secret.missing())]:
        raise ConfigError("\n".join(missing))
    return section[name]
