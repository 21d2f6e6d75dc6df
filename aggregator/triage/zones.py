"""Zones that hours are told in: "5 pm EST", 北京时间15点, "10:00 (UTC+5:30)".

A name that means several is read as none: no promise is better than one that is half a day off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

# Hours ahead of UTC, or a place whose clocks are meant, with its summer time.
_ZONES: dict[str, float | str] = {
    "est": -5, "edt": -4, "et": "America/New_York", "eastern": "America/New_York", "new york": "America/New_York",
    "美东": "America/New_York", "美国东部": "America/New_York", "纽约": "America/New_York",
    "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "pt": "America/Los_Angeles",
    "pacific": "America/Los_Angeles",
    "美西": "America/Los_Angeles", "美国西部": "America/Los_Angeles", "brt": -3,
    "wet": 0, "bst": 1, "uk": "Europe/London", "london": "Europe/London", "伦敦": "Europe/London",
    "cet": 1, "cest": 2, "berlin": "Europe/Berlin", "柏林": "Europe/Berlin", "eet": 2, "eest": 3,
    "msk": 3, "moscow": 3, "莫斯科": 3, "gst": 4, "dubai": 4, "迪拜": 4, "ict": 7, "wib": 7,
    "beijing": 8, "china": 8, "北京": 8, "中国": 8, "hkt": 8, "hong kong": 8, "香港": 8, "sgt": 8, "singapore": 8,
    "新加坡": 8, "jst": 9, "tokyo": 9, "东京": 9, "日本": 9, "kst": 9, "seoul": 9, "首尔": 9, "韩国": 9,
    "aest": 10, "aedt": 11, "sydney": "Australia/Sydney",
}  # fmt: skip
_SEVERAL = ("cst", "ist", "ct", "mt", "central")
_YOURS = ("your time", "your local time", "local time")
_OURS = "our"
_FARTHEST = timedelta(hours=14)


def _names(names: Iterable[str]) -> str:
    return "|".join(sorted((re.escape(name) for name in names), key=len, reverse=True))


_LATIN = [name for name in _ZONES if name.isascii()]
_SHORT = [name for name in _LATIN if len(name) <= 4 and name != "uk"]
_LONG = [name for name in (*_LATIN, _OURS) if name not in _SHORT]
ZONE = re.compile(
    # "9:00 UTC - 11:00" is a span, and no zone that is behind.
    r"\(?\b(?:utc|gmt)(?:\s*(?P<sign>[+-])(?!\s+\d{1,2}\s*[:点點ap])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?)?(?!\w)\)?"
    # Behind an hour only, for "et" is a word, too, and your time is what we thank for.
    r"|(?:(?<=\d)|(?<=[\d.mk]\s))"
    rf"\(?(?P<behind>(?:{_names([*_SHORT, *_SEVERAL])})\b(?:\s+time)?|{_names(_YOURS)})\)?(?!\w)"
    rf"|\(?\b(?P<long>{_names(_LONG)})\s+time\b\)?"
    rf"|\(?(?P<zh>{_names([name for name in _ZONES if not name.isascii()])}|[当當]地)[时時][间間]\)?"
)


def zone_of(said: re.Match[str], at: datetime) -> tzinfo | None:
    """The zone that a match of `ZONE` names; None: several bear the name.

    Args:
        said: the match.
        at: a moment in our own zone. What its own clocks are called there is no other's.
    """
    name = (said["behind"] or said["long"] or said["zh"] or "").removesuffix(" time")
    if not name:
        ahead = timedelta(hours=int(said["hours"] or 0), minutes=int(said["minutes"] or 0))
        return timezone(-ahead if said["sign"] == "-" else ahead) if ahead <= _FARTHEST else None
    if name == _OURS or name == (at.tzname() or "").lower():
        return at.tzinfo
    zone = _ZONES.get(name)
    if zone is None:
        return None
    return ZoneInfo(zone) if isinstance(zone, str) else timezone(timedelta(hours=zone))
