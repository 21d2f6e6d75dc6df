"""Alerts, as they leave: through Apprise, in threads of their own, for it waits for its network.

Its log lines may hold addresses, so none is kept: of a failure we say what number came back, and no more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import threading
import warnings
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
SMS: Final = 320  # characters; services of so little room send a longer text in parts
_GRAVITY: Final = ("success", "info", "warning", "failure")
_STATUS = re.compile(r"(?:error=| failed: )(-?\d{1,7})\b")
_REFUSALS: Final[Mapping[str, tuple[str, ...]]] = {
    "wecombot": ("errcode",), "dingtalk": ("errcode",), "feishu": ("code", "StatusCode"),
    "lark": ("code", "StatusCode"),
}  # fmt: skip
"""Services that refuse with 200, and where in their answer's JSON a number says so; 0: it was taken."""


def _units(text: str) -> int:
    """UTF-16 code units, in which Telegram counts: never fewer than characters."""
    return len(text.encode("utf-16-le")) // 2


def _bytes(text: str) -> int:
    return len(text.encode())


def _request(text: str) -> int:
    """Bytes of a request that holds it as JSON with escapes; 200 for what stands around it."""
    return len(json.dumps(text)) + 200


_COUNTED: Final[Mapping[str, Callable[[str], int]]] = {
    "wecombot": _bytes, "dingtalk": _request, "feishu": _request, "lark": _request,
}  # fmt: skip
"""How a service counts what a message may hold, unless in `_units`."""

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
    if fields := _REFUSALS.get(_scheme(plugin)):
        module: Any = sys.modules[type(plugin).__module__]
        if not isinstance(module.requests, _Judged):
            module.requests = _Judged(module.requests, fields)
    return plugin


def _scheme(plugin: Any) -> str:
    return str(getattr(plugin, "secure_protocol", None))


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


class _Room(NamedTuple):
    """How much a message may hold, its title included, and how its service counts that. splits: what is longer
    is split by the service, or by Apprise, whose address says `overflow=`."""

    most: int
    counted: Callable[[str], int]
    splits: bool = False

    def size(self, text: str) -> int:
        return self.counted(text.replace("\n", "\r\n"))  # so Apprise ends lines in HTML, for Telegram

    def holds(self, title: str, text: str) -> bool:
        return self.size(f"{title}\n{text}") <= self.most

    def cut(self, title: str, text: str) -> tuple[str, str]:
        """As much of both as there is room for; of the title at most half of that."""
        if self.splits or self.holds(title, text):
            return title, text
        title = self._beginning(title, self.most // 2)
        return title, self._beginning(text, self.most - self.size(f"{title}\n"))

    def _beginning(self, text: str, most: int) -> str:
        if self.size(text) <= most:
            return text
        fitting = bisect_right(range(len(text)), most, key=lambda length: self.size(f"{text[:length]}…"))
        return f"{text[: max(0, fitting - 1)]}…"


def _joined(messages: Sequence[dict[str, str]]) -> tuple[str, str, str]:
    """Title, text and kind of a message that holds them all."""
    # A phone shows the title alone: not "amy has taken it" over an emergency that nobody has. Of several the last.
    gravest = max(reversed(messages), key=lambda each: _GRAVITY.index(each["type"]))
    if len(messages) == 1:
        return gravest["title"], gravest["text"], gravest["type"]
    text = "\n\n".join(f"{each['title']}\n{each['text']}" for each in messages)
    return f"{gravest['title']} (+{len(messages) - 1})", text, gravest["type"]


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
        room = await asyncio.to_thread(self._room)
        together = range(len(messages), 1, -1)
        count = next((count for count in together if room.holds(*_joined(messages[:count])[:2])), 1)
        title, text, kind = _joined(messages[:count])
        outcome = await self.say(*room.cut(title, text), kind)
        return outcome if count == len(messages) else outcome._replace(carried=count)

    async def say(self, title: str, text: str, kind: str) -> Outcome:
        """One message. kind: info, success, warning or failure, which some services show by a colour."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LONGEST):
                return await loop.run_in_executor(_threads, self._say, title, text, kind)
        except TimeoutError:
            return Outcome(f"no answer within {LONGEST:g} s")

    def _room(self) -> _Room:
        """That of its service, or any, where it cannot be known."""
        if self._not_ready():
            return _Room(sys.maxsize, len)
        splits = self._plugin.overflow_mode.value != "upstream" or self._plugin.body_maxlen <= SMS
        return _Room(self._plugin.body_maxlen, _COUNTED.get(_scheme(self._plugin), _units), splits)

    def _not_ready(self) -> Outcome | None:
        """Why there is no service to send with; None: there is one."""
        try:
            address = self._config.url.reveal()  # read each time: a renewed one is taken up
        except AuthError as error:
            return Outcome(f"its address cannot be read: {error}")
        if address != self._address:
            self._plugin, self._address = _plugin(address), address
        return Outcome("its address is none that Apprise knows") if self._plugin is None else None

    def _say(self, title: str, text: str, kind: str) -> Outcome:
        if not_ready := self._not_ready():
            return not_ready
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
