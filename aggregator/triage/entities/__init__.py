"""What a post names: transactions, addresses, chains, tokens, amounts, versions, devices, times, contacts, links and more.

One pass over the post looks for all words (`words/*.yaml`) at once; each pattern runs only behind a word or a sign
that is cheap to see and that most posts do not have.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aggregator.triage.entities import after, ids, links, numbers
from aggregator.triage.entities.words import FOLDER, Hit, Words, load

ALWAYS = frozenset(
    {"chain", "token", "currency", "device", "os", "version", "time", "unit", "screenshot", "problem", "code", "order"}
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
_WRITTEN_VERSION = re.compile(r"(?<![a-z0-9])v\.?\s?([0-9]{1,3}(?:\.[0-9]{1,5}){1,3})(?![0-9]|\.[0-9])")
_EMAIL = re.compile(r"[A-Za-z0-9][\w.+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_HANDLE = re.compile(r"(?<![\w.@/])@([A-Za-z][A-Za-z0-9_]{3,31})(?![\w@]|\.\w)")
_NAME = re.compile(r"(?<![\w.@/-])[a-z0-9][a-z0-9-]{2,40}\.(?:eth|sol|bnb|arb|lens)(?![a-z0-9-])")
_BARE_U = re.compile(r"(?<![a-z0-9_@.])u(?![a-z0-9_盘盾.])")
_COUNTED = re.compile(
    r"(?:\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|several|half an?)"
    r"(?:\sand a half|\sfull|\swhole|\slong|\sstraight|\ssolid|\sworking|\sbusiness)?|[0-9]\+?(?:st|nd|rd|th)?|[一二两兩俩三仨四五六七八九十百半]"
    r"|(?:один|одну|два|две|три|четыре|пять|шесть|семь|восемь|девять|десять)|(?:una?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez)"
    r"|(?:một|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười)|(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|몇십)"
    r")\s{0,2}(?:个|多|整|来|余|個)?$"
)
_SHORT_UNITS = frozenset({"h", "hs", "d", "am", "pm", "g", "ч", "hrs", "hr", "min", "mins", "m", "wk", "wks"})


class Seen(NamedTuple):
    """What a post names, with what tells whose it is.

    hits: the words of the lists that stand in it, by kind. ids: (form, start, end) in the text. versions: (version, start, end) of the
    app or the system, in the searched text.
    """

    entities: dict[str, list[str]]
    hits: dict[str, list[Hit]]
    ids: list[tuple[str, int, int]]
    versions: list[tuple[str, int, int]]


def find_entities(text: str, searchable: str) -> dict[str, list[str]]:
    """kind -> distinct values in the order of the text.

    As written: tx, address, link, account, email, phone, handle, wechat, qq, whatsapp, telegram, order, screenshot, time. Normalised: chain
    (`tron`), token (`USDT`), amount (`1200.5 USDT`), version, os (`ios 17.2`), device (`iphone 14 pro`), error, domain.
    """
    return look(text, searchable).entities


def look(text: str, searchable: str) -> Seen:
    """Read one post; `searchable` is `search_text(text)`."""
    hits = _always().hits(searchable)
    entities: dict[str, list[str]] = {}
    found_ids: list[tuple[str, int, int]] = []
    versions: list[tuple[str, int, int]] = []
    if "." in text or "://" in text:
        _links(text, searchable, hits, entities)
    if "@" in text:
        _keep(entities, "email", _EMAIL.findall(text))
        _keep(entities, "handle", _HANDLE.findall(text))
    digits = _DIGIT.search(searchable) is not None
    if digits:
        found_ids = ids.find_ids(text)
        if found_ids:
            _ids(text, searchable, found_ids, hits, entities)
    amounts, times = _numbers(searchable, hits, versions, entities) if digits else ([], [])
    if hits:
        _words(searchable, hits, amounts, times, versions, entities, digits=digits)
    if "u" in searchable and _says_u(searchable):
        entities["token"] = [*dict.fromkeys((*entities.get("token", ()), "USDT"))]
    _keep(entities, "amount", amounts)
    _keep(entities, "time", times)
    _keep(entities, "version", [version for version, _, _ in versions])
    return Seen(entities, hits, found_ids, versions)


def _links(text: str, searchable: str, hits: dict[str, list[Hit]], entities: dict[str, list[str]]) -> None:
    found = links.find_links(text)
    if ".eth" in searchable or ".sol" in searchable or ".bnb" in searchable:
        _keep(entities, "account", _NAME.findall(searchable))
    if not found:
        return
    hosts = [links.host_of(link) for link, _ in found]
    _keep(entities, "link", [link for link, _ in found])
    _keep(entities, "domain", [links.domain_of(host) for host in hosts])
    _keep(entities, "chain", [chain for host in hosts if (chain := links.chain_of(host))])
    if len(text) == len(searchable):
        for kind in list(hits):
            hits[kind] = [
                hit for hit in hits[kind] if not any(start <= hit.start < start + len(link) for link, start in found)
            ]


def _ids(
    text: str,
    searchable: str,
    found: list[tuple[str, int, int]],
    hits: dict[str, list[Hit]],
    entities: dict[str, list[str]],
) -> None:
    """A bare row of 64 digits may be a key, or anything: it is a transaction where the post speaks of one."""
    for kind, said in beside_ids().hits(searchable).items():
        hits[kind] = said
    speaks_of_one = "transaction" in hits or "chain" in hits or "token" in hits or "chain" in entities
    on_sui = any(hit.name in ("sui", "aptos") for hit in hits.get("chain", ()))
    for form, start, end in found:
        if form == "hex_tx" and not speaks_of_one:
            continue
        is_tx = ids.is_transaction(form) and not (form == "evm_tx" and on_sui and _called_address(searchable, start))
        entities.setdefault("tx" if is_tx else "address", []).append(text[start:end])
    for kind in ("tx", "address"):
        if kind in entities:
            entities[kind] = list(dict.fromkeys(entities[kind]))


_ADDRESS_CUE = re.compile(r"(?:地址|钱包|錢包|address|wallet)[^,.;。]{0,8}$")


def _called_address(searchable: str, start: int) -> bool:
    return _ADDRESS_CUE.search(searchable, max(0, start - 24), start) is not None


def _numbers(
    searchable: str,
    hits: dict[str, list[Hit]],
    versions: list[tuple[str, int, int]],
    entities: dict[str, list[str]],
) -> tuple[list[str], list[str]]:
    """Amounts and times; versions and telephone numbers are put where they belong."""
    money = {hit.start: hit.name for kind in ("token", "currency") for hit in hits.get(kind, ())}
    ends = {hit.end: hit.name for kind in ("token", "currency") for hit in hits.get(kind, ())} if money else money
    amounts: list[str] = []
    times: list[str] = []
    for number in numbers.numbers_in(searchable):
        written, times_ten, unit, start, unit_start = number
        if unit_start >= 0 and (name := money.get(unit_start) or numbers.SIGNS.get(unit)):
            if value := numbers.value_of(number):
                amounts.append(f"{value} {name}")
        elif start and (name := numbers.SIGNS.get(searchable[start - 1]) or _named_before(searchable, start, ends)):
            if value := numbers.value_of(number):
                amounts.append(f"{value} {name}")
        elif unit in _SHORT_UNITS and not times_ten:
            times.append(f"{written} {unit}")
        elif not written.isdigit():
            if numbers.is_clock(written):
                times.append(written)
            elif numbers.is_version(written):
                if written[:2] == "20" and numbers.is_date(written):
                    times.append(written)
                else:
                    versions.append((written, start, start + len(written)))
            elif numbers.is_date(written) and written not in ("24/7", "7/24") and unit not in ("of", "dex"):
                times.append(written)
            elif numbers.is_phone(written):
                _keep(entities, "phone", [written])
        elif len(written) >= 11 and (numbers.is_phone(written) or (start and searchable[start - 1] == "+")):
            _keep(entities, "phone", [*entities.get("phone", ()), written])
    if "v" in searchable:
        versions += [(match[1], match.start(1), match.end(1)) for match in _WRITTEN_VERSION.finditer(searchable)]
    return amounts, times


def _named_before(searchable: str, start: int, ends: dict[int, str]) -> str | None:
    """The token or currency that stands just before a number: `USDT: 300`."""
    if not ends:
        return None
    for gap in (0, 1, 2):
        if name := ends.get(start - gap):
            return name if searchable[start - gap : start].strip(" :=") == "" else None
    return None


def _words(
    searchable: str,
    hits: dict[str, list[Hit]],
    amounts: list[str],
    times: list[str],
    versions: list[tuple[str, int, int]],
    entities: dict[str, list[str]],
    *,
    digits: bool,
) -> None:
    for kind in ("chain", "token"):
        if kind in hits:
            _keep(entities, kind, [*entities.get(kind, ()), *(hit.name for hit in hits[kind])])
    if "time" in hits:
        times += [searchable[hit.start : hit.end] for hit in hits["time"]]
    if "unit" in hits:
        for hit in hits["unit"]:
            if counted := _COUNTED.search(searchable, max(0, hit.start - 16), hit.start):
                times.append(f"{counted[0]}{searchable[hit.start : hit.end]}")
    if "device" in hits:
        _keep(entities, "device", [after.device(searchable, hit) for hit in hits["device"]])
    if "screenshot" in hits:
        _keep(entities, "screenshot", [searchable[hit.start : hit.end] for hit in hits["screenshot"]])
    for kind in ("token", "currency"):
        for hit in hits.get(kind, ()):
            if (han := numbers.HAN_NUMBER.search(searchable, max(0, hit.start - 10), hit.start)) and (
                value := numbers.han_value(han[0])
            ):
                amounts.append(f"{value} {hit.name}")
    if "contact" in hits:
        for hit in hits["contact"]:
            if handle := after.contact(searchable, hit):
                _keep(entities, hit.name, [*entities.get(hit.name, ()), handle])
    if "account" in hits:
        named = [name for hit in hits["account"] if (name := after.account(searchable, hit))]
        _keep(entities, "account", [*entities.get("account", ()), *named])
    if digits:
        if "code" in hits:
            _keep(entities, "error", [code for hit in hits["code"] if (code := after.code(searchable, hit))])
        if "order" in hits:
            _keep(entities, "order", [name for hit in hits["order"] if (name := after.order(searchable, hit))])
        if "os" in hits:
            systems = [(hit, version) for hit in hits["os"] if (version := after.system(searchable, hit))]
            _keep(entities, "os", [f"{hit.name} {version}" for hit, version in systems])
        if "version" in hits:
            known = {start for _, start, _ in versions}
            versions += [one for hit in hits["version"] if (one := after.version(searchable, hit)) and one[1] not in known]


def _says_u(searchable: str) -> bool:
    """U for USDT: a Chinese post's, since in English it is a person."""
    match = _BARE_U.search(searchable)
    return match is not None and any("一" <= sign <= "鿿" for sign in searchable)


def _keep(entities: dict[str, list[str]], kind: str, values: Iterable[str]) -> None:
    if distinct := list(dict.fromkeys(values)):
        entities[kind] = distinct


@functools.cache
def _lists() -> list[Words]:
    return load(FOLDER, ALWAYS, BESIDE_IDS, BESIDE_VERSIONS)


def _always() -> Words:
    return _lists()[0]


def beside_ids() -> Words:
    return _lists()[1]


def beside_versions() -> Words:
    return _lists()[2]


def get_ready() -> None:
    """Load the word lists now.

    Raises:
        ConfigError: every mistake in them, with file and line.
    """
    _lists()
