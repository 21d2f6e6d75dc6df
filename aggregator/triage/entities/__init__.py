"""What a post names: transactions, addresses, chains, tokens, amounts, versions, devices, times, links and more.

One pass over a post looks for all words (`words/*.yaml`) at once; each pattern runs only behind a word or a sign
that is cheap to see and that most posts do not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aggregator.hosts import domain_of
from aggregator.triage.entities import ids, links, numbers
from aggregator.triage.entities.lists import always, beside_ids
from aggregator.triage.entities.lists import get_ready as get_ready
from aggregator.triage.entities.readers import READERS, add, read_numbers
from aggregator.triage.entities.words import Hit

_EMAIL = re.compile(r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9][\w.+-]{0,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_HANDLE = re.compile(r"@(?<![\w.@/]@)([A-Za-z][A-Za-z0-9_]{3,31})(?![\w@]|\.\w)")
NAME = re.compile(r"(?<![\w.@/-])[a-z0-9][a-z0-9-]{2,40}\.(?:eth|sol|bnb|arb|lens)(?![a-z0-9-])")
_BARE_ID = re.compile(r"(?:^|[\n,;。、])\s{0,2}我?的?(?<![a-z0-9])id\s?[:是]?\s?([0-9]{6,12})(?![0-9a-z])")
_BARE_U = re.compile(r"u(?<![a-z0-9_@.]u)(?![a-z0-9_盘盾.])")
_HAN = re.compile("[一-鿿]")


class Seen(NamedTuple):
    """What a post names, with what tells whose it is.

    hits: the words of the lists that stand in it, by kind. ids: (form, start, end) in the text.
    """

    entities: dict[str, list[str]]
    hits: dict[str, list[Hit]]
    ids: list[tuple[str, int, int]]


def find_entities(text: str, searchable: str) -> dict[str, list[str]]:
    """kind -> distinct values in the order of the text.

    As written: tx, address, link, account, email, phone, handle, wechat, qq, whatsapp, telegram, order, screenshot,
    time. Normalised: chain (`tron`), token (`USDT`), amount (`1200.5 USDT`), version, os (`ios 17.2`), device
    (`iphone 14 pro`), error, domain.
    """
    return look(text, searchable).entities


def look(text: str, searchable: str) -> Seen:
    """Read one post; `searchable` is `search_text(text)`."""
    return _look(text, searchable, always().hits(searchable))


def look_all(texts: Sequence[str], searched: Sequence[str]) -> list[Seen]:
    """`look` at a page of posts: word lists and patterns each stay in the processor's cache."""
    words = always()
    hits = [words.hits(searchable) for searchable in searched]
    return list(map(_look, texts, searched, hits))


def with_hidden(seen: Seen, targets: Iterable[str]) -> Seen:
    """What a post names, and the transactions that its links lead to behind a label: "here", or a shortened hash."""
    entities = {kind: list(values) for kind, values in seen.entities.items()}
    for target in targets:
        if not links.chain_of(links.host_of(target)):
            continue
        leads_to = find_entities(target, target.lower())
        if "tx" in leads_to:
            for kind in ("tx", "chain"):
                for value in leads_to[kind]:
                    add(entities, kind, value)
    return seen._replace(entities=entities)


def _look(text: str, searchable: str, hits: dict[str, list[Hit]]) -> Seen:
    entities: dict[str, list[str]] = {}
    found_ids: list[tuple[str, int, int]] = []
    if "." in text and links.DOTTED.search(text):
        _links(text, searchable, hits, entities)
    if "@" in text:
        _keep(entities, "email", _EMAIL.findall(text))
        _keep(entities, "handle", _HANDLE.findall(text))
    if ids.RUN.search(text) and (found_ids := ids.find_ids(text)):
        _ids(text, searchable, found_ids, hits, entities)
    if found := numbers.NUMBER.findall(searchable):
        read_numbers(searchable, found, entities)
    if "id" in searchable and (told := _BARE_ID.search(searchable)):
        add(entities, "account", told[1])
    for kind, said in hits.items():
        if read := READERS.get(kind):
            read(searchable, said, entities)
    if "amount" in entities:
        if left := numbers.without_prices(searchable, entities["amount"]):
            entities["amount"] = left
        else:
            del entities["amount"]
    if "u" in searchable and not searchable.isascii() and _BARE_U.search(searchable) and _HAN.search(searchable):
        add(entities, "token", "USDT")
    return Seen(entities, hits, found_ids)


def _links(text: str, searchable: str, hits: dict[str, list[Hit]], entities: dict[str, list[str]]) -> None:
    found = links.find_links(text)
    if ".eth" in searchable or ".sol" in searchable or ".bnb" in searchable:
        names = list(NAME.finditer(searchable))
        _keep(entities, "account", [name[0] for name in names])
        _drop_inside(hits, [name.span() for name in names])
    if not found:
        return
    hosts = [links.host_of(link) for link, _ in found]
    _keep(entities, "link", [link for link, _ in found])
    _keep(entities, "domain", [domain_of(host) for host in hosts])
    _keep(entities, "chain", [chain for host in hosts if (chain := links.chain_of(host))])
    if len(text) == len(searchable):
        _drop_inside(hits, [(start, start + len(link)) for link, start in found])


def _drop_inside(hits: dict[str, list[Hit]], spans: list[tuple[int, int]]) -> None:
    """Letters of an id or a link are no words."""
    for left, right in spans:
        for kind, said in list(hits.items()):
            for hit in said:
                if left <= hit[1] < right:
                    break
            else:
                continue
            if outside := [hit for hit in said if not left <= hit[1] < right]:
                hits[kind] = outside
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
        add(entities, kind, text[start:end])


def _speaks_of_one(searchable: str, hits: dict[str, list[Hit]]) -> bool:
    """A bare row of 64 digits may be a key, or anything: it is a transaction where the post speaks of one."""
    return "chain" in hits or "token" in hits or "transaction" in beside_ids().hits(searchable)


def _is_long_address(searchable: str, form: str, start: int, hits: dict[str, list[Hit]]) -> bool:
    """On Sui and Aptos addresses are as long as transactions elsewhere."""
    if form != "evm_tx" or not any(name in ("sui", "aptos") for name, _, _ in hits["chain"]):
        return False
    return _ADDRESS_CUE.search(searchable, max(0, start - 24), start) is not None


_ADDRESS_CUE = re.compile(r"(?:地址|钱包|錢包|address|wallet)[^,.;。]{0,8}$")


def _keep(entities: dict[str, list[str]], kind: str, values: Iterable[str]) -> None:
    if distinct := list(dict.fromkeys(values)):
        entities[kind] = distinct
