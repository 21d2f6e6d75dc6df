"""Values that stand behind the word which says what they are."""

from __future__ import annotations

import re

from aggregator.triage.entities.words import Hit

_IS = (
    r"\s{0,2}(?:number|no\.?|id|名|号|码|is|was|es|là|は|是|为|叫|叫做|編號|编号|номер|số|번호|은|는)?"
    r"\s?[:#=(\[「\"'«是]{0,2}\s{0,2}"
)
_MODEL = re.compile(
    r"(?:手机|的)?\s?(?:galaxy|note|mate|nova|pura|redmi|reno|find|mi|civi|magic|pro|max|air|fold|flip|edge|pocket|[a-z])?\s?"
    r"(?:[a-z]?[0-9]{1,4}[a-z]{0,2}|se|x[rs]?|fold|flip)(?![0-9a-z.])"
    r"(?:\s?(?:pro|max|plus|ultra|mini|lite|se|note|fold|flip|turbo|air|5g|\+))*"
)
_SYSTEM = re.compile(
    r"\s?(?:版本|系统版本|系统|version|ver\.?|v|os)?\s?[:：]?\s?([0-9]{1,2}(?:\.[0-9]{1,3}){0,4})(?![0-9]|:[0-9]|[%月号]|\s?(?:usdt|eth|u\b|days|hours|小时))"
)
_VERSION = re.compile(r"\s?(?:号|number|no\.?)?\s?(?:是|is|为|:|=)?\s?v?([0-9]{1,3}(?:\.[0-9]{1,5}){1,3})(?![0-9])")
_VERSION_BEFORE = re.compile(r"(?<![0-9a-z.])v?([0-9]{1,3}(?:\.[0-9]{1,5}){1,3})\s?(?:的)?$")
_CODE = re.compile(
    r"\s{0,2}(?:code|码|碼|代码|号|no\.?)?\s{0,2}(?:是|is|为|es|了|个)?\s?[:#=(\[「\"'“]{0,2}\s{0,2}"
    r"([a-z]{0,8}[-_]?[0-9]{2,6}|0x[0-9a-f]{1,8}|[a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?![0-9a-z]|[.,:][0-9]|\s?[次遍个個分小天秒])"
)
_E_CODE = re.compile(r"[0-9]{2,6}(?![0-9a-z])")
_ORDER = re.compile(_IS + r"#?([a-z]{0,6}-?[0-9][0-9a-z-]{2,30})(?![0-9a-z.])")
_NAMED = re.compile(
    r"\s?(?:(?:name|名|号|id|number|编号)\s?)?(?:(?P<sign>[:=：#「(]|[\"'“](?=[a-z0-9@])|是|为|叫)|(?P<word>is|es|là|は|은|는|:)\s)?[\s\"'「“@]{0,2}"
    r"(?P<value>[a-z0-9][a-z0-9_.-]{2,40}[a-z0-9])(?:@[a-z0-9.-]+)?"
)
_CONTACT = re.compile(
    r"\s?(?:号|id|me)?\s?[:：是=+@]{0,2}\s?@?([a-z][a-z0-9_-]{4,31}|\+?[0-9][0-9 -]{4,18}[0-9])(?![a-z0-9_])"
)
# How a sentence goes on behind a messenger's name: "on telegram asking for my words", "a whatsapp group".
_NO_NAME = frozenset({
    "about", "account", "accounts", "admin", "admins", "after", "again", "already", "asked", "because", "before",
    "channel", "channels", "community", "first", "group", "groups", "messages", "message", "number", "please", "saying",
    "since", "support", "thanks", "their", "there", "today", "tonight", "username", "where", "which", "while", "would",
    "yesterday",
})  # fmt: skip
_TOLD_BY_SIGN = re.compile(r"[0-9_]")


def device(searchable: str, hit: Hit) -> tuple[str, int]:
    """Brand and model: `huawei mate 40`; and where the model ends."""
    name, start, end = hit
    if match := _MODEL.match(searchable, end):
        return f"{name} {match[0].removeprefix('手机').removeprefix('的').strip()}", match.end()
    said = searchable[start:end]
    if name == "iphone":
        said = "".join(sign for sign in said if sign.isdigit())
    model = "".join(sign for sign in said.replace(name, "") if sign.isascii()).strip()
    return (f"{name} {model}" if any(sign.isdigit() for sign in model) else name), end


def system(searchable: str, hit: Hit) -> str | None:
    """Operating system and its number, `ios 17.2`; None: no number is told. `win11` holds its own."""
    name, start, end = hit
    own = searchable[start:end].lstrip("abcdefghijklmnopqrstuvwxyz ")
    if own.isdigit():
        return f"{name} {own}"
    match = _SYSTEM.match(searchable, end)
    return f"{name} {match[1]}" if match else None


def version(searchable: str, hit: Hit) -> str | None:
    """A version before or behind the word that says so."""
    if "." not in searchable:
        return None
    match = _VERSION.match(searchable, hit[2]) or _VERSION_BEFORE.search(searchable, max(0, hit[1] - 16), hit[1])
    return match[1] if match else None


def code(searchable: str, hit: Hit) -> str | None:
    said = searchable[hit[1] : hit[2]]
    if said == "e-":
        match = _E_CODE.match(searchable, hit[2])
        return f"E-{match[0]}" if match else None
    match = _CODE.match(searchable, hit[2])
    return match[1].upper() if match else None


def order(searchable: str, hit: Hit) -> str | None:
    match = _ORDER.match(searchable, hit[2])
    return match[1].upper() if match else None


def account(searchable: str, hit: Hit) -> str | None:
    """A user id or an account's name. Behind "is", or nothing, only with a digit in it: "my account is locked"."""
    match = _NAMED.match(searchable, hit[2])
    if match is None:
        return None
    value = match["value"]
    if value.startswith("0x") or (value.isdigit() and len(value) < 4):
        return None
    return value if match["sign"] or _TOLD_BY_SIGN.search(value) else None


def contact(searchable: str, hit: Hit) -> str | None:
    match = _CONTACT.match(searchable, hit[2])
    if match is None or match[1] in _NO_NAME:
        return None
    goes_on = match[1].isalpha() and match[1].endswith("ing") and searchable[hit[2] : match.start(1)] == " "
    return None if goes_on else match[1]
