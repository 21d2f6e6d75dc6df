"""Whether an answer of ours names what belongs to somebody else: an address, a transaction, a contact, a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from aggregator.triage.entities import find_entities, ids

PRIVATE = ("email", "phone", "account", "wechat", "qq", "whatsapp", "telegram")
"""Entities that nobody else should read."""

_LATIN_NAME = re.compile(r"[A-Za-z\u00c0-\u024f\u0400-\u04ff]")
_HEX = re.compile(r"(?:0x)?[0-9a-f]+")
_SHORTEST = {True: 4, False: 2}  # signs of a name that tells somebody, Latin and other ones
COMMON = frozenset({
    "support", "admin", "help", "team", "user", "customer", "wallet", "official", "service", "guest", "anonymous",
    "will", "may", "mark", "hope", "none", "test", "hello", "thanks", "everyone", "community", "channel", "group",
    "crypto", "bitcoin", "ethereum", "tron", "solana", "token", "swap", "bridge", "用户", "客服", "管理员", "匿名",
    "游客", "官方", "小编", "老师", "大家", "朋友", "钱包", "币圈", "微信用户", "今天", "明天", "这个",
})  # fmt: skip
"""Names that tell nobody."""


class Named(NamedTuple):
    """Something in a text that belongs to somebody."""

    value: str
    start: int
    end: int


def ids_in(text: str) -> list[Named]:
    """Addresses and transactions, by their form."""
    return [Named(text[start:end], start, end) for _, start, end in ids.find_ids(text)]


def private_in(text: str, searchable: str) -> list[Named]:
    """Mail addresses, telephone numbers and account names."""
    entities = find_entities(text, searchable)
    return list(_placed(text, (value for kind in PRIVATE for value in entities.get(kind, ()))))


def _placed(text: str, values: Iterable[str]) -> Iterator[Named]:
    lower = text.lower()
    for value in values:
        at = lower.find(value.lower())
        if at >= 0:
            yield Named(text[at : at + len(value)], at, at + len(value))


def same_id(value: str) -> str:
    """The form in which one is compared with another: small letters where case tells nothing, no 0x."""
    lower = value.lower()
    if _HEX.fullmatch(lower):
        return lower.removeprefix("0x")
    return lower if "@" in value or lower.startswith("bc1") else value


def others_named(text: str, others: Iterable[str], ours: Iterable[str]) -> list[Named]:
    """Names of others in a text.

    Args:
        others: names and handles of other customers.
        ours: what may be said: names of this customer and of us, words of the conversation.
    """
    said = {word.casefold() for name in ours for word in (name, *name.split())}
    found: dict[str, Named] = {}
    for name in others:
        plain = name.strip().lstrip("@")
        if plain.casefold() in said or plain.casefold() in COMMON or plain.isdigit():
            continue
        if (named := _stands(text, plain)) is not None:
            found.setdefault(plain.casefold(), named)
    return sorted(found.values(), key=lambda named: named.start)


def _stands(text: str, name: str) -> Named | None:
    latin = _LATIN_NAME.match(name) is not None
    if len(name) < _SHORTEST[latin]:
        return None
    edge = r"[A-Za-z0-9_\u00c0-\u024f\u0400-\u04ff]"
    pattern = rf"(?<!{edge}){re.escape(name)}(?!{edge})" if latin else re.escape(name)
    if not latin and len(name) == 2:  # mostly a word, too: somebody is called so where a name stands
        pattern = rf"(?:^|@|(?<=\n)){pattern}|{pattern}(?=\s?(?:[您你，,]|先生|女士|小姐|同学|老师))"
    for match in re.finditer(pattern, text, re.IGNORECASE):
        # "Mist" is somebody, "in the mist" is nobody: a name of one small word has to be written as one.
        if (
            not latin
            or " " in name
            or match[0] != match[0].lower()
            or not name.isalpha()
            or text[match.start() - 1 : match.start()] == "@"
        ):
            return Named(match[0], *match.span())
    return None


def told_of(values: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Everything that a customer has named, as `same_id` compares it."""
    return frozenset(same_id(value) for named in values.values() for value in named)
