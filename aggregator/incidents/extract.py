"""Reads a post's fields from its words.

The words stand in `lexicons/`; chains, tokens, versions, systems, error codes and domains come from the post's
entities as well, where triage has found them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aggregator.hosts import domain_of
from aggregator.incidents.fields import ALWAYS, FEATURES, GENERIC, NAMES, NONE, NUMBERED, TOKENED, Fields, Values
from aggregator.triage.lexicon import Hit, Lexicon, read
from aggregator.triage.own_doing import is_mislaid

LEXICONS = Path(__file__).with_name("lexicons")

_SIGNS = (
    "fault",
    "not_here",
    "vanished",
    "crash",
    "echo",
    "echo_alone",
    "over",
    "fine",
    "howto",
    "weak",
    "lure",
    "drained",
    "market",
    "wrong",
    "shown",
)
_ENTITY = {"chain": "chain", "token": "token", "os": "os"}
_OWN_DOING = frozenset({"login", "app_start", "restore"})  # who forgot his password cannot get in either
_NEAR = 60  # characters between a feature and the fault that speaks of it
_ECHO_LONGEST = 90  # characters; who says more than "me too" says what
# Two numbers are a version only behind a word that says so; three are found by triage.
_SHORT_VERSION = re.compile(
    r"(?:\bv|version |ver\.? ?|版本|版|バージョン|버전|верси\w* |versión |phiên bản )"
    r"\s?(\d{1,3}\.\d{1,3}(?:\.\d{1,4})?)"
)
_LAST_ZERO = re.compile(r"^(\d+\.\d+)\.0$")  # people leave it out
_ALONE_LONGEST = 4  # letters and digits
_NO_LETTERS = re.compile(r"[\W_]+")
_HANDLE = re.compile(r"@[a-z0-9_.]{4,}|(?<![a-z0-9./@])[a-z0-9]+(?:_[a-z0-9]+)+")
_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{1,8}[-_][0-9]{2,6}|[A-Z]{1,8}[0-9]{3,6}|0x[0-9a-fA-F]{2,6})(?![A-Za-z0-9])"
)
# A word of many meanings: the chain has a capital letter amid a sentence, or stands alone among Chinese.
_BASE = re.compile(
    r"(?<=[a-z,/(\u3040-\u9fff] )Base\b|(?<=[→>])\s?Base\b|(?<=[\u3040-\u9fff])[Bb]ase(?![A-Za-z])"
    r"|(?<![A-Za-z])[Bb]ase(?=[\u3040-\u9fff])"
)
BASE: Values = frozenset({"base"})
_AT_EASE = frozenset({"other", "praise", "noise"})  # kinds of posts in which "no" and "not" are no trouble
_SHOWS = frozenset({"wrong", "shown"})
_POSED = ("approval", "connect", "code", "restore")  # for which a site or an account that poses as ours asks
# Behind the word "code": then it is no code that is waited for.
_CODE_ITSELF = re.compile(r"\s?[:：#]?\s?-?[a-z_]*\d+(?!\d|\s?(?:times|min|hour|day|x\b))")
_SURE_CODE = re.compile(r"(?<![A-Za-z0-9-])[A-Z]{2,8}-[0-9]{2,6}(?![A-Za-z0-9-])")
# Of a code some people tell the number alone: "2041是什么错误", "swap 2077 again". Years are none.
_BARE_NUMBER = re.compile(
    r"(?:err(?:or)?|code|swap|[报報][错錯]?|弹[出了]?|彈[出了]?|提示|代[码碼]|错误|錯誤|[闪閃兑兌][兑兌换換])[^\w]{0,3}([0-9]{4})(?![\d.:%年/-])"
    r"|(?<![\d.:#/-])([0-9]{4})(?:是?[个個]?(?:什么|什麼|啥|甚麼)|[错錯][误誤]|[报報][错錯]|[,\s](?:error|again|keeps))",
    re.IGNORECASE,
)
_YEAR = re.compile(r"19\d\d|20[0-3]\d")
_NO_CODE = re.compile(r"(?:ERC|BEP|TRC|BRC|SPL|IOS|EIP|MP|USB|HTTP|SHA|AES|P|Q|V)[-_]?\d+", re.IGNORECASE)
# A label begins where none goes on, and has 63 letters at most (RFC 1035): else a long run is read anew at each letter.
_BARE_DOMAIN = re.compile(r"(?<![a-z0-9-])(?:[a-z0-9-]{1,63}(?:\.|\[\.\]|\(\.\)|。)){1,8}[a-z]{2,24}\b")
_ENDINGS = frozenset({
    "com", "net", "org", "io", "app", "xyz", "cn", "me", "co", "top", "vip", "cc", "info", "finance", "exchange",
    "site", "online", "fi", "gg", "ly", "ru", "tk", "pro", "club", "shop", "live", "link", "network", "dev", "web",
    "claims", "help", "support", "example", "test", "invalid", "wallet",
})  # fmt: skip
_EXPLORERS = frozenset({
    "etherscan.io", "bscscan.com", "tronscan.org", "polygonscan.com", "arbiscan.io", "basescan.org", "solscan.io",
    "blockchain.com", "blockchair.com", "mempool.space", "snowtrace.io", "ftmscan.com", "explorer.solana.com",
    "imgur.com", "youtube.com", "t.me", "twitter.com", "x.com", "weibo.com",
})  # fmt: skip


def fields_of(searchable: str, text: str, facts: Mapping[str, Any]) -> Fields | None:
    """What a customer's post says about something broken; None: nothing of the kind, or by his own mistake.

    Args:
        searchable: as `search_text(text)` gives it.
        facts: the post's, as `prepare` makes them.
    """
    hits = _lexicon().hits(searchable)
    entities: Mapping[str, Sequence[Any]] = facts.get("entities", {})
    if (not hits and not entities) or facts.get("lures"):  # who lures customers away reports nothing
        return None
    faults = [
        hit for sign in ("fault", "wrong", "not_here", "vanished", "crash", "drained") for hit in hits.get(sign, ())
    ]
    features, fails = _features(searchable, hits)
    if "market" in hits and not _SHOWS.isdisjoint(hits):  # not the market is at fault, but how it is shown
        features["price"] = features.get("price", []) + hits["market"]
    faults += fails
    grave = facts.get("kind") == "emergency"
    if _is_over(hits, faults) or ("howto" in hits and not faults):
        return None
    feature, also = _foremost(features, faults)
    if "crash" in hits and (feature is None or feature in GENERIC):
        feature, also = "app_start", frozenset(features) - {"app_start"}
    elif feature is None and ("not_here" in hits or "vanished" in hits):
        feature = "transfer" if "not_here" in hits else "balance"
    domain = _domains(searchable, entities)
    handle = _handles(searchable, posing="impostor" in features)
    at_ease = facts.get("kind") in _AT_EASE
    doubtful = "weak" in hits and not at_ease
    open_to = (None, *GENERIC, *ALWAYS, *(_POSED if domain or handle else ()))
    if feature in open_to and (deceit := _deceit(hits, features, domain, handle, bool(faults) or doubtful)):
        feature, also = deceit, frozenset(features) - ALWAYS
    if feature in _OWN_DOING and is_mislaid(searchable):
        return None
    error = _errors(text, entities, faulty=bool(faults) or grave)
    doubts = hits.get("weak", []) + hits.get("shown", [])
    weak = (
        feature is not None
        and not (at_ease and feature in GENERIC)
        and bool(doubts)
        and _distance(features.get(feature, [(0, 0, None)]), doubts) <= _NEAR
    )
    chain = _shared("chain", hits, entities) | (BASE if _BASE.search(text) else NONE) or _chains_of(entities)
    if facts.get("kind") in ("noise", "praise") and not (faults or domain or handle):
        return None
    token = _shared("token", hits, entities)
    if feature in TOKENED and not token:
        token = frozenset(_NATIVE[one] for one in chain if one in _NATIVE)
    return Fields(
        feature,
        also,
        chain=chain,
        token=token,
        version=_versions(searchable, entities),
        os=_shared("os", hits, entities),
        error=error,
        domain=domain if feature in (*ALWAYS, "approval", "connect", "transfer", None) else NONE,
        handle=handle if feature in (*ALWAYS, "transfer", None) else NONE,
        fault=bool(faults) or grave or weak or bool(error) or feature in ALWAYS,
        echo=_is_echo(searchable, hits),
    )


def _is_echo(searchable: str, hits: Mapping[str, list[Hit]]) -> bool:
    if "echo" in hits:
        return len(searchable) <= _ECHO_LONGEST
    return "echo_alone" in hits and len(_NO_LETTERS.sub("", searchable)) <= _ALONE_LONGEST


def _handles(searchable: str, *, posing: bool) -> Values:
    """Accounts that are named as @name, or whose name has signs in it as no word has."""
    found = {one.group().strip("@_."): one.start() for one in _HANDLE.finditer(searchable)}
    called = {name for name, start in found.items() if start == 0}  # the first words mostly call us
    return frozenset(found.keys() - called or (called if posing else NONE))


def _is_over(hits: Mapping[str, list[Hit]], faults: Sequence[Hit]) -> bool:
    """It works again, said after the trouble."""
    return "over" in hits and not any(fault[0] > hits["over"][-1][0] for fault in faults)


def _features(searchable: str, hits: Mapping[str, list[Hit]]) -> tuple[dict[str, list[Hit]], list[Hit]]:
    found: dict[str, list[Hit]] = {}
    fails: list[Hit] = []
    for name in FEATURES:
        places = hits.get(name, []) + (broken := hits.get(f"{name}_fails", []))
        if name == "code" and places:
            places = [place for place in places if not _CODE_ITSELF.match(searchable, place[1])]
        if places:
            found[name] = places
            fails += broken
    return found, fails


def _foremost(features: Mapping[str, list[Hit]], faults: Sequence[Hit]) -> tuple[str | None, Values]:
    """What the post is about: the feature nearest to a fault, and the others."""
    if not features:
        return None, NONE
    told = [name for name in features if name in ALWAYS] or [name for name in features if name not in GENERIC]
    told = told or list(features)
    first = min(told, key=lambda name: _distance(features[name], faults)) if len(told) > 1 and faults else told[0]
    return first, frozenset(features) - {first}


def _deceit(
    hits: Mapping[str, list[Hit]], features: Mapping[str, list[Hit]], domain: Values, handle: Values, faulty: bool
) -> str | None:
    """Whether somebody poses as us: a site, or an account; None: neither."""
    lured = "lure" in hits and (domain or handle or ("crash" not in hits and (faulty or len(hits["lure"]) > 1)))
    if not lured and ALWAYS.isdisjoint(features):
        return None
    if domain or handle:
        return "phishing" if domain else "impostor"
    return next((name for name in ("impostor", "phishing") if name in features), "phishing")


def _distance(places: Sequence[Hit], faults: Sequence[Hit]) -> int:
    return min(max(place[0] - fault[1], fault[0] - place[1], 0) for place in places for fault in faults)


def _shared(name: str, hits: Mapping[str, list[Hit]], entities: Mapping[str, Sequence[Any]]) -> Values:
    prefix = f"{name}_"
    found = {category.removeprefix(prefix) for category in hits if category.startswith(prefix)}
    known = _names()[name]
    for value in entities.get(_ENTITY[name], ()):
        spelled = str(value).lower().partition(" ")[0]  # "ios 17": which one is another field
        found.add(known.get(spelled, spelled))
    return frozenset(found)


def _chains_of(entities: Mapping[str, Sequence[Any]]) -> Values:
    """The chain that an address gives away by its form."""
    forms = {"T": "tron", "b": "bitcoin"}
    return frozenset(forms[one[0]] for one in entities.get("address", ()) if isinstance(one, str) and one[0] in forms)


def _versions(searchable: str, entities: Mapping[str, Sequence[Any]]) -> Values:
    found = {str(one) for one in entities.get("version", ())}
    found |= set(_SHORT_VERSION.findall(searchable))
    return frozenset(_LAST_ZERO.sub(r"\1", one.lstrip("v")) for one in found)


def _errors(text: str, entities: Mapping[str, Sequence[Any]], *, faulty: bool) -> Values:
    found = {str(one).upper() for one in entities.get("error", ())} | {one.upper() for one in _SURE_CODE.findall(text)}
    if faulty:
        found |= {one.upper() for one in _CODE.findall(text)}
        numbers = {match[1] or match[2] for match in _BARE_NUMBER.finditer(text)}
        found |= {one for one in numbers if not _YEAR.fullmatch(one)}
    codes = {one.replace("_", "-") for one in found if not _NO_CODE.fullmatch(one)}
    return frozenset(codes | {number[1] for one in codes if (number := NUMBERED.fullmatch(one))})


def _domains(searchable: str, entities: Mapping[str, Sequence[Any]]) -> Values:
    """Registrable domains, as far as can be told without a full list."""
    hosts = {str(one) for one in entities.get("domain", ())}
    for link in entities.get("link", ()):
        hosts.add(str(link).lower().partition("://")[2] or str(link).lower())
    hosts |= {re.sub(r"[\[\]()]", "", one.group()).replace("。", ".") for one in _BARE_DOMAIN.finditer(searchable)}
    found = set()
    for host in hosts:
        name = re.split(r"[/?#:]", host.removeprefix("www."))[0]
        parts = name.split(".")
        domain = domain_of(name)
        if len(parts) > 1 and parts[-1] in _ENDINGS and domain not in _EXPLORERS:
            found.add(domain)
    return frozenset(found)


def _lexicon() -> Lexicon:
    return _words()[0]


@functools.cache
def _words() -> tuple[Lexicon, dict[str, dict[str, str]]]:
    """All words; and how those of a name lead to it: `erc20` -> ethereum."""
    terms = read(LEXICONS, categories())
    found: dict[str, dict[str, str]] = {name: {} for name in NAMES}
    for term in terms:
        name, _, one = term.category.partition("_")
        if name in found:
            found[name][term.text] = one
    return Lexicon(terms), found


@functools.cache
def categories() -> frozenset[str]:
    """What the lexicons may speak of: features, with and without their failing, signs, and names."""
    named = {f"{name}_{one}" for name, values in NAMES.items() for one in values}
    return frozenset({*FEATURES, *(f"{name}_fails" for name in FEATURES), *_SIGNS, *named})


def _names() -> dict[str, dict[str, str]]:
    return _words()[1]


_NATIVE = {
    "ethereum": "eth", "bsc": "bnb", "tron": "trx", "polygon": "matic", "solana": "sol", "avalanche": "avax",
    "bitcoin": "btc", "ton": "ton", "cosmos": "atom", "polkadot": "dot", "cardano": "ada", "ripple": "xrp",
    "dogecoin": "doge", "litecoin": "ltc",
}  # fmt: skip


def get_ready() -> None:
    """Load the words now.

    Raises:
        ConfigError: every mistake in them, with file and line.
    """
    _lexicon()
