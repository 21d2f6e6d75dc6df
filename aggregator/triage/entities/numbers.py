"""What the numbers of a post are: amounts, versions, times, telephone numbers."""

from __future__ import annotations

import re

# Groups: the number as written, a multiple, what stands between, the word that follows.
# A pattern that begins with its digit is found many times faster than one that begins by looking behind.
NUMBER = re.compile(
    r"([0-9](?<![a-uw-z0-9_.@/:+=-][0-9])(?:[0-9.,:/-]*[0-9])?)"
    r"(\s?(?:[kwm](?![a-tv-z]|u[a-z])|[千万萬百亿億]+|тыс\.?|mil|triệu|만))?"
    r"(\s{0,2}[多余几来+]?(?:[个個枚颗顆]\s?)?)([a-zà-ỹ]++(?![0-9])|[ぁ-ヿ㐀-鿿가-힣]{1,4})?"
)
# A number just before a word that may go on (доллар-ов), which no table has.
BEFORE = re.compile(r"(?<![a-z0-9_.,@/:-])([0-9](?:[0-9.,]*[0-9])?)(\s?[kwm]|\s?тыс\.?)?\s?$")
# The same just behind a token or the sign of a currency.
BEHIND = re.compile(r"\s?[:=]?\s?" + NUMBER.pattern)
# What a coin costs, or by how much it moved: a sum that nobody has lost. A balance that fell to something is one's own.
# Each begins with its first sign, and looks back behind it: so a search passes over all other places in one loop.
_COINS = ("btc", "bitcoin", "eth", "bnb", "sol", "trx")
_STANDS = r"\s?(?:[现現]在|都|已[经經]|[来來]?到|(?:is|now|at|just|hits?|reached|to)\s)+"
_COSTS = (
    *(f"{sign}(?<![余餘][额額]{sign})[到了破至去]?" for sign in "涨漲跌"),
    *("站上", "突破"),
    *(f"{sign}[价價][是为為]?" for sign in "单單币幣现現"),
    r"p(?<!\wp)rice (?:is |at |of )?",
    *(rf"{coin[0]}(?<!\w{coin[0]}){coin[1:]}{_STANDS}" for coin in _COINS),
)
_PRICED = re.compile(rf"(?:{'|'.join(_COSTS)})\s?\$?([0-9](?:[0-9.,]*[0-9])?)\s?([kwm](?![a-z])|[千万萬])?")
_PLAIN = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|[0-9]+,[0-9]{1,2}")
# 1.234,56 and 1.000.000, as in Spanish, Russian and Vietnamese.
_BY_POINTS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(?:\.[0-9]{3}){2,}")
_CLOCK = re.compile(r"(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9])?")
_MONTH, _OF_MONTH, _YEAR = "(?:0?[1-9]|1[0-2])", "(?:[0-2]?[0-9]|3[01])", "(?:20)?[0-9]{2}"
_DATE = re.compile(
    rf"20[0-9]{{2}}[-/.]{_MONTH}[-/.]{_OF_MONTH}|{_OF_MONTH}[/.]{_MONTH}[/.]{_YEAR}|{_MONTH}/{_OF_MONTH}(?:/{_YEAR})?"
    r"|(?:0?[1-9]|1[0-2])-(?:[0-2][0-9]|3[01])"
)
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,5}(?:\.[0-9]{1,6})?")
_MULTIPLES = {
    "k": 3, "千": 3, "w": 4, "万": 4, "萬": 4, "百": 2, "亿": 8, "億": 8, "m": 6, "тыс": 3, "тыс.": 3, "mil": 3,
    "triệu": 6, "만": 4,
}  # fmt: skip
_PHONE = re.compile(r"(?:86-?)?1[3-9][0-9](?:-?[0-9]{4}){2}")
SIGNS = frozenset("$€£¥₽₫₩")

_DIGIT = {
    "零": 0, "一": 1, "二": 2, "两": 2, "兩": 2, "俩": 2, "三": 3, "仨": 3, "四": 4, "五": 5, "六": 6, "七": 7,
    "八": 8, "九": 9,
}  # fmt: skip
_POWER = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "萬": 10_000, "亿": 10**8}
_ENGLISH = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fifteen": 15, "eighteen": 18, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000, "million": 10**6,
}  # fmt: skip
_ENGLISH_NUMBER = re.compile(rf"\b(?:{'|'.join(_ENGLISH)})(?:[\s-](?:and\s)?(?:{'|'.join(_ENGLISH)}))*$")
HAN_DIGITS = frozenset("一二两兩俩三仨四五六七八九十百千万萬亿零半")
HAN_NUMBER = re.compile(r"[一二两兩俩三仨四五六七八九十百千万萬亿零半]+$")


def value_of(written: str, times: str) -> str | None:
    """`12000` for 1.2 and 万, `1200.5` for 1,200.5 and no multiple (""); None: no plain number."""
    if is_grouped_by_points(written):
        written = written.replace(".", "").replace(",", ".")
    if not times and "," not in written:
        if "." not in written:
            return written.lstrip("0") or None
        return written.rstrip("0").rstrip(".") if written.count(".") == 1 else None
    plain = written
    if not plain.replace(".", "", 1).isdecimal():
        if not _PLAIN.fullmatch(written):
            return None
        if "." not in plain and len(plain) - plain.rindex(",") != 4:
            plain = plain.replace(",", ".")
        plain = plain.replace(",", "")
    if not times:
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return shifted(plain, sum(_MULTIPLES[sign] for sign in _signs(times.strip())))


def without_prices(searchable: str, amounts: list[str]) -> list[str]:
    """Without those that are only named as what a coin costs: 95000 USD of "BTC 涨到 95000 刀了"."""
    priced = {
        value_of(match[1], match[2] or "") for match in _PRICED.finditer(searchable) if searchable.count(match[1]) == 1
    }
    return [amount for amount in amounts if amount.partition(" ")[0] not in priced] if priced else amounts


def _signs(times: str) -> list[str]:
    return [times] if times in _MULTIPLES else list(times)


def shifted(plain: str, power: int) -> str:
    """Without needless zeros, and `power` places to the left of the point."""
    whole, _, rest = plain.partition(".")
    rest = rest.ljust(power, "0")
    whole, rest = (whole + rest[:power]).lstrip("0") or "0", rest[power:].rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def spelled_before(searchable: str, start: int, end: int) -> str | None:
    """The value of a number in words just before the word at `start`: 三千 of 三千U, "thirty pounds"."""
    while start < end and searchable[start] in HAN_DIGITS:  # of 万u
        start += 1
    before = searchable[max(0, start - 30) : start]
    plain = before.rstrip("个個枚颗顆 ")
    if plain and plain[-1] in HAN_DIGITS:
        han = HAN_NUMBER.search(plain)
        if han and not plain[: han.start()][-1:].isdecimal():
            return han_value(han[0])
    if plain and plain[-1] in "enyrdxot" and (match := _ENGLISH_NUMBER.search(plain)):
        return _english_value(match[0].replace("-", " ").split())
    return None


def _english_value(words: list[str]) -> str | None:
    total = current = 0
    for word in words:
        value = _ENGLISH.get(word, 0)
        if value in (100, 1000, 10**6):
            current = (current or 1) * value
            if value >= 1000:
                total, current = total + current, 0
        else:
            current += value
    return str(total + current) if total + current else None


def han_value(written: str) -> str | None:
    """`3000` for 三千, `15000` for 一万五; None: no number ("一半")."""
    if written == "半":
        return "0.5"
    total, section, digit, last = 0, 0, 0, 1
    for sign in written:
        if sign in _DIGIT:
            digit = _DIGIT[sign]
            continue
        if sign not in _POWER:
            return None
        last = _POWER[sign]
        if last >= 10_000:
            total, section, digit = (total + section + digit or 1) * last, 0, 0
        else:
            section, digit = section + (digit or 1) * last, 0
    if digit and last >= 100 and written[-2:-1] != "零":
        digit *= last // 10
    return str(total + section + digit) if total + section + digit else None


def is_grouped_by_points(written: str) -> bool:
    return _BY_POINTS.fullmatch(written) is not None


def is_clock(written: str) -> bool:
    return ":" in written and _CLOCK.fullmatch(written) is not None


def is_date(written: str) -> bool:
    return _DATE.fullmatch(written) is not None


def is_day(written: str) -> bool:
    """10.03.2026, 2026.3.10: a date with its whole year, which no version has there."""
    return is_date(written) and any(len(part) == 4 for part in re.split("[-/.]", written))


def is_version(written: str) -> bool:
    """Three parts or more, and no address of a computer."""
    parts = written.split(".")
    return _VERSION.fullmatch(written) is not None and (len(parts) == 3 or int(parts[0]) < 10)


def is_phone(written: str) -> bool:
    return _PHONE.fullmatch(written) is not None
