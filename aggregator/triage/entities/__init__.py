"""What a post names: transactions, addresses, chains, tokens, amounts, versions, devices, times, contacts, links and more.

One pass over the post looks for all words (`words/*.yaml`) at once; each pattern runs only behind a word or a sign
that is cheap to see and that most posts do not have.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from aggregator.triage.entities import after, ids, links, numbers
from aggregator.triage.entities.words import FOLDER, SHORT_TOKENS, TIME, Hit, Words, load

ALWAYS = frozenset(
    {"chain", "token", "currency", "device", "os", "version", "time", "unit", "screenshot", "problem", "vague", "code", "order"}
    | {"account", "contact"}
)
"""Kinds of words that are looked for in each post."""

BESIDE_IDS = frozenset({"other_side", "my_side", "transaction"})
"""Kinds that are looked for only where a post holds an id."""

BESIDE_VERSIONS = frozenset({"old"})
"""Kinds that are looked for only where a post holds a version."""

PERSONAL = frozenset({"phone", "email", "handle", "wechat", "qq", "whatsapp", "telegram", "account"})
"""Entities that are personal data: masked in exports unless asked for, and erased with the person."""

_DIGIT = re.compile("[0-9]")
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_HANDLE = re.compile(r"@(?<![\w.@/]@)([A-Za-z][A-Za-z0-9_]{3,31})(?![\w@]|\.\w)")
_NAME = re.compile(r"(?<![\w.@/-])[a-z0-9][a-z0-9-]{2,40}\.(?:eth|sol|bnb|arb|lens)(?![a-z0-9-])")
_BARE_U = re.compile(r"u(?<![a-z0-9_@.]u)(?![a-z0-9_盘盾.])")
_COUNTED = re.compile(
    r"(?:\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|several|half an?)"
    r"(?:\sand a half|\sfull|\swhole|\slong|\sstraight|\ssolid|\sworking|\sbusiness)?|[0-9]\+?(?:st|nd|rd|th)?|[一二两兩俩三仨四五六七八九十百半]"
    r"|(?:один|одну|два|две|три|четыре|пять|шесть|семь|восемь|девять|десять)|(?:una?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez)"
    r"|(?:một|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười)|(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|몇십)"
    r")\s{0,2}(?:个|多|整|来|余|個)?$"
)
_DAY = re.compile(r"\s?[0-9]{1,2}(?:st|nd|rd|th)?(?![0-9.:])")
_HAN = re.compile("[一-鿿]")

_Reader = Callable[[str, list[Hit], dict[str, list[str]]], None]


class Seen(NamedTuple):
    """What a post names, with what tells whose it is.

    hits: the words of the lists that stand in it, by kind. ids: (form, start, end) in the text.
    """

    entities: dict[str, list[str]]
    hits: dict[str, list[Hit]]
    ids: list[tuple[str, int, int]]


def find_entities(text: str, searchable: str) -> dict[str, list[str]]:
    """kind -> distinct values in the order of the text.

    As written: tx, address, link, account, email, phone, handle, wechat, qq, whatsapp, telegram, order, screenshot, time. Normalised: chain
    (`tron`), token (`USDT`), amount (`1200.5 USDT`), version, os (`ios 17.2`), device (`iphone 14 pro`), error, domain.
    """
    return look(text, searchable).entities


def look(text: str, searchable: str) -> Seen:
    """Read one post; `searchable` is `search_text(text)`."""
    hits = always().hits(searchable)
    entities: dict[str, list[str]] = {}
    found_ids: list[tuple[str, int, int]] = []
    if "." in text and links.DOTTED.search(text):
        _links(text, searchable, hits, entities)
    if "@" in text:
        _keep(entities, "email", _EMAIL.findall(text))
        _keep(entities, "handle", _HANDLE.findall(text))
    if _DIGIT.search(searchable):
        if ids.RUN.search(text) and (found_ids := ids.find_ids(text)):
            _ids(text, searchable, found_ids, hits, entities)
        _numbers(searchable, entities)
    for kind in hits:
        if kind in _READERS:
            _READERS[kind](searchable, hits[kind], entities)
    if "u" in searchable and not searchable.isascii() and _BARE_U.search(searchable) and _HAN.search(searchable):
        _add(entities, "token", "USDT")
    return Seen(entities, hits, found_ids)


def _links(text: str, searchable: str, hits: dict[str, list[Hit]], entities: dict[str, list[str]]) -> None:
    found = links.find_links(text)
    if ".eth" in searchable or ".sol" in searchable or ".bnb" in searchable:
        names = list(_NAME.finditer(searchable))
        _keep(entities, "account", [name[0] for name in names])
        _drop_inside(hits, [name.span() for name in names])
    if not found:
        return
    hosts = [links.host_of(link) for link, _ in found]
    _keep(entities, "link", [link for link, _ in found])
    _keep(entities, "domain", [links.domain_of(host) for host in hosts])
    _keep(entities, "chain", [chain for host in hosts if (chain := links.chain_of(host))])
    if len(text) == len(searchable):
        _drop_inside(hits, [(start, start + len(link)) for link, start in found])


def _drop_inside(hits: dict[str, list[Hit]], spans: list[tuple[int, int]]) -> None:
    """Letters of an id or a link are no words."""
    for kind, said in list(hits.items()):
        left = [hit for hit in said if not any(start <= hit[1] < end for start, end in spans)]
        if left:
            hits[kind] = left
        else:
            del hits[kind]


def _ids(
    text: str,
    searchable: str,
    found: list[tuple[str, int, int]],
    hits: dict[str, list[Hit]],
    entities: dict[str, list[str]],
) -> None:
    if len(text) == len(searchable):
        _drop_inside(hits, [(start, end) for _, start, end in found])
    for form, start, end in found:
        kind = "address"
        if form == "hex_tx":
            if not _speaks_of_one(searchable, hits):
                continue
            kind = "tx"
        elif ids.is_transaction(form):
            kind = "address" if "chain" in hits and _is_long_address(searchable, form, start, hits) else "tx"
        _add(entities, kind, text[start:end])


def _speaks_of_one(searchable: str, hits: dict[str, list[Hit]]) -> bool:
    """A bare row of 64 digits may be a key, or anything: it is a transaction where the post speaks of one."""
    return "chain" in hits or "token" in hits or "transaction" in beside_ids().hits(searchable)


def _is_long_address(searchable: str, form: str, start: int, hits: dict[str, list[Hit]]) -> bool:
    """On Sui and Aptos addresses are as long as transactions elsewhere."""
    if form != "evm_tx" or not any(name in ("sui", "aptos") for name, _, _ in hits["chain"]):
        return False
    return _ADDRESS_CUE.search(searchable, max(0, start - 24), start) is not None


_ADDRESS_CUE = re.compile(r"(?:地址|钱包|錢包|address|wallet)[^,.;。]{0,8}$")


def _numbers(searchable: str, entities: dict[str, list[str]]) -> None:
    """Amounts, times, versions and telephone numbers."""
    units, first_letters = always().units, always().first_letters
    for written, times, gap, unit in numbers.NUMBER.findall(searchable):
        if unit and written.count(".") < 2:
            name = units.get(unit)
            if name is None and unit[0] in first_letters:
                name = units.get(unit[:3]) or units.get(unit[:2]) or units.get(unit[0])
            if name is TIME:
                _add(entities, "time", written + times + gap + _unit(units, unit))
                continue
            if name is not None:
                if number := numbers.value_of(written, times):
                    _add(entities, "amount", f"{number} {name}")
                    if unit in SHORT_TOKENS:
                        _add(entities, "token", name)
                continue
        if written.isdecimal():
            if len(written) >= 11 and (numbers.is_phone(written) or f"+{written}" in searchable):
                _add(entities, "phone", written)
        else:
            _signed_number(searchable, written, entities)


def _unit(units: Mapping[str, str], unit: str) -> str:
    """小时 of 小时还没"""
    return next((unit[:length] for length in (4, 3, 2) if unit[:length] in units), unit[0]) if unit not in units else unit


def _signed_number(searchable: str, written: str, entities: dict[str, list[str]]) -> None:
    """A number with signs in it that counts nothing we know."""
    if ":" in written:
        if numbers.is_clock(written):
            _add(entities, "time", written)
    elif "-" in written or "/" in written:
        if numbers.is_date(written):
            _add(entities, "time", written)
        elif numbers.is_phone(written):
            _add(entities, "phone", written)
    elif (parts := written.count(".")) > 1:
        if written.startswith("20") and numbers.is_date(written):
            _add(entities, "time", written)
        elif numbers.is_version(written):
            _add(entities, "version", written)
    elif parts and any(f"{sign}{written}" in searchable for sign in ("v", "v.", "v ")):
        _add(entities, "version", written)


def _keep(entities: dict[str, list[str]], kind: str, values: Iterable[str]) -> None:
    if distinct := list(dict.fromkeys(values)):
        entities[kind] = distinct


def _add(entities: dict[str, list[str]], kind: str, value: str) -> None:
    if kind not in entities:
        entities[kind] = [value]
    elif value not in entities[kind]:
        entities[kind].append(value)


def _names(kind: str) -> _Reader:
    def read(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
        if len(hits) == 1 and kind not in entities:
            entities[kind] = [hits[0][0]]
            return
        for name, _, _ in hits:
            _add(entities, kind, name)

    return read


def _as_written(kind: str) -> _Reader:
    def read(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
        for _, start, end in hits:
            _add(entities, kind, searchable[start:end])

    return read


def _behind(kind: str, value_at: Callable[[str, Hit], str | None]) -> _Reader:
    def read(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
        for hit in hits:
            if value := value_at(searchable, hit):
                _add(entities, kind, value)

    return read


def _counted(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    """Three hours, 三小时; what digits count is read with them."""
    for name, start, end in hits:
        if name == "month":
            if match := _DAY.match(searchable, end):
                _add(entities, "time", searchable[start : match.end()])
        elif not searchable[max(0, start - 2) : start].strip()[-1:].isdecimal():
            if counted := _COUNTED.search(searchable[max(0, start - 16) : start]):
                _add(entities, "time", f"{counted[0]}{searchable[start:end]}")


def _tokens(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    for name, _, _ in hits:
        _add(entities, "token", name)
    _money(searchable, hits, entities)


def _money(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    """Amounts that do not begin with digits: 三千U; where there is no other, USDT: 300 and $300."""
    for name, start, end in hits:
        if value := numbers.spelled_before(searchable, start, end):
            _add(entities, "amount", f"{value} {name}")
        elif "amount" not in entities or searchable[start] in numbers.SIGNS:
            if match := numbers.BEFORE.search(searchable[max(0, start - 16) : start]):
                value = numbers.value_of(match[1], (match[2] or "").strip())
                _add(entities, "amount", f"{value} {name}")
            else:
                _amount_behind(searchable, name, end, entities)


def _amount_behind(searchable: str, name: str, end: int, entities: dict[str, list[str]]) -> None:
    match = numbers.BEHIND.match(searchable, end)
    if match is None or ((unit := match[4]) and (unit in always().units or unit[0] in always().first_letters)):
        return
    if value := numbers.value_of(match[1], match[2] or ""):
        _add(entities, "amount", f"{value} {name}")


def _contacts(searchable: str, hits: list[Hit], entities: dict[str, list[str]]) -> None:
    for hit in hits:
        if handle := after.contact(searchable, hit):
            _add(entities, hit[0], handle)


_READERS: dict[str, _Reader] = {
    "chain": _names("chain"),
    "token": _tokens,
    "currency": _money,
    "time": _as_written("time"),
    "unit": _counted,
    "device": _behind("device", after.device),
    "os": _behind("os", after.system),
    "screenshot": _as_written("screenshot"),
    "contact": _contacts,
    "account": _behind("account", after.account),
    "version": _behind("version", after.version),
    "code": _behind("error", after.code),
    "order": _behind("order", after.order),
}
"""What is done with the words of a kind; those of others (`problem`) are only found."""


@functools.cache
def _all_lists() -> list[Words]:
    return load(FOLDER, ALWAYS, BESIDE_IDS, BESIDE_VERSIONS)


@functools.cache
def always() -> Words:
    return _all_lists()[0]


def beside_ids() -> Words:
    return _all_lists()[1]


def beside_versions() -> Words:
    return _all_lists()[2]


def get_ready() -> None:
    """Load the word lists now.

    Raises:
        ConfigError: every mistake in them, with file and line.
    """
    always()
