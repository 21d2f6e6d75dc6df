"""What customers call themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from connectors.errors import TransientError
from connectors.wechat_api.errcode import NoSuchItemError, NotPermittedError
from connectors.wechat_kf.desk import NAMES, Desk

REMEMBERED: Final = 10_000


class Nicknames:
    """Asked for until they are known; empty where WeChat does not tell. `allowed` False: the secret may not ask."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: OrderedDict[str, str] = OrderedDict()
        self.allowed = True

    async def learn(self, customers: Iterable[str]) -> None:
        new = [customer for customer in dict.fromkeys(customers) if customer not in self._known]
        for start in range(0, len(new) if self.allowed else 0, NAMES):
            asked = new[start : start + NAMES]
            try:
                told = await self._desk.nicknames(asked)
            except NotPermittedError:
                self.allowed = False
                break
            except (TransientError, NoSuchItemError):
                break  # no reason to keep a message waiting; asked for again with the next one
            self._known |= {customer: told.get(customer, "") for customer in asked}
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def of(self, customer: str) -> str:
        return self._known.get(customer, "")
