"""Alerts, as they leave: through Apprise, in threads of their own, for it waits for its network.

Its log lines may hold addresses, so none is kept: of a failure we say what number came back, and no more.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import orjson

from aggregator.alerting.carrying import Outcome
from connectors.errors import AuthError

if TYPE_CHECKING:
    from aggregator.config.alert_settings import Destination
    from aggregator.store.deliveries import Delivery

GIVES_UP: Final = timedelta(hours=4)
TOGETHER: Final = 20  # alerts that one message may hold
ALONE: Final = 3  # so many that come together are still a message each
LONGEST: Final = 60.0  # seconds of an attempt
_GRAVITY: Final = ("success", "info", "warning", "failure")
_STATUS = re.compile(r"(?:error=| failed: )(-?\d{1,7})\b")
_REFUSALS: Final[Mapping[str, tuple[str, ...]]] = {
    "wecombot": ("errcode",), "dingtalk": ("errcode",), "feishu": ("code", "StatusCode"),
    "lark": ("code", "StatusCode"),
}  # fmt: skip
"""Services that refuse with 200, and where in their answer's JSON a number says so; 0: it was taken."""

_log = logging.getLogger("apprise")
_log.propagate = False  # it writes addresses, and texts
_log.addHandler(logging.NullHandler())
_threads = ThreadPoolExecutor(4, thread_name_prefix="alert")


@cache
def _apprise() -> Any:
    """The library with all its services: a second, and 50 MB, which only those pay who alert."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # one of its services imports what Python will drop
        import apprise

        apprise.Apprise.instantiate("json://127.0.0.1")  # loads them
    return apprise


def _asset(apprise: Any) -> Any:
    """Nothing kept on disk, no redirects, nothing of its own in what is sent."""
    asset = apprise.AppriseAsset(
        app_id="inquiries", app_desc="Inquiries", app_url="", storage_mode="memory", async_mode=False
    )
    asset.http_redirects = False
    return asset


def _plugin(address: str) -> Any:
    """The service that an address names, ready to send; None: Apprise knows none."""
    apprise = _apprise()
    plugin = apprise.Apprise.instantiate(address, asset=_asset(apprise), suppress_exceptions=True)
    if fields := _REFUSALS.get(str(getattr(plugin, "secure_protocol", None))):
        module: Any = sys.modules[type(plugin).__module__]
        if not isinstance(module.requests, _Judged):
            module.requests = _Judged(module.requests, fields)
    return plugin


class _Judged:
    """`requests`, for the plugin of a service that refuses with 200: it looks at the status alone, so the number by
    which the service refuses becomes that."""

    def __init__(self, requests: Any, fields: Sequence[str]) -> None:
        self._requests, self._fields = requests, fields

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, *args: Any, **more: Any) -> Any:
        response = self._requests.post(*args, **more)
        if response.status_code == self._requests.codes.ok:
            response.status_code = _refusal(response.content, self._fields) or response.status_code
        return response


def _refusal(answer: bytes, fields: Sequence[str]) -> int:
    """The number by which it refuses; 0: it does not, or cannot be read."""
    try:
        said = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return 0
    found = [said.get(field) for field in fields] if isinstance(said, dict) else []
    return next((number for number in found if isinstance(number, int) and number), 0)


def is_address(text: str) -> bool:
    """Whether it is an Apprise URL. Nothing is sent."""
    return _plugin(text) is not None


class _Numbers(logging.Handler):
    """Keeps the statuses that warnings of its own thread tell, and nothing else of them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.threadName == threading.current_thread().name:
            self.found += _STATUS.findall(record.getMessage())


class Receiver:
    """One destination of alerts."""

    together = TOGETHER
    alone = ALONE
    in_a_row = 1
    gives_up = GIVES_UP

    def __init__(self, name: str, config: Destination) -> None:
        self.name, self._config = name, config
        self._plugin: Any = None
        self._address = ""

    async def carry(self, deliveries: Sequence[Delivery]) -> Outcome:
        messages = [orjson.loads(each.body) for each in deliveries]
        # A phone shows the title alone: not "amy has taken it" over an emergency that nobody has. Of several the last.
        gravest = max(reversed(messages), key=lambda each: _GRAVITY.index(each["type"]))
        if len(messages) == 1:
            return await self.say(gravest["title"], gravest["text"], gravest["type"])
        text = "\n\n".join(f"{each['title']}\n{each['text']}" for each in messages)
        return await self.say(f"{gravest['title']} (+{len(messages) - 1})", text, gravest["type"])

    async def say(self, title: str, text: str, kind: str) -> Outcome:
        """One message. kind: info, success, warning or failure, which some services show by a colour."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LONGEST):
                return await loop.run_in_executor(_threads, self._say, title, text, kind)
        except TimeoutError:
            return Outcome(f"no answer within {LONGEST:g} s")

    def _say(self, title: str, text: str, kind: str) -> Outcome:
        try:
            address = self._config.url.reveal()  # read each time: a renewed one is taken up
        except AuthError as error:
            return Outcome(f"its address cannot be read: {error}")
        if address != self._address:
            self._plugin, self._address = _plugin(address), address
        if self._plugin is None:
            return Outcome("its address is none that Apprise knows")
        numbers = _Numbers()
        _log.addHandler(numbers)
        try:
            done = self._plugin.notify(title=title, body=text, notify_type=kind, body_format="text")
        except Exception as error:  # of whatever plugin
            return Outcome(f"the service broke ({type(error).__name__})")
        finally:
            _log.removeHandler(numbers)
        if done:
            return Outcome()
        return Outcome(f"the service answered {numbers.found[-1]}" if numbers.found else "it was not taken")

    async def close(self) -> None:
        """It holds no connection between messages."""
