"""Words of time in Chinese and English: numbers, days, parts of a day, hours by the clock, lengths.

Each pattern here finds one kind of them in a text as `search_text` gives it; `deadlines.py` puts them together.
"""

from __future__ import annotations

import re

from aggregator.working_time import DAY

_ZH_DIGITS = {"一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_EN_NUMBERS: dict[str, float] = {
    "half": 0.5, "a": 1, "an": 1, "the": 1, "one": 1, "couple": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20,
    "thirty": 30, "forty": 40, "sixty": 60, "seventy": 70,
}  # fmt: skip
WEEKDAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))} | {
    name: number for number, name in enumerate("一二三四五六日")
} | {"天": 6, "末": 6}  # fmt: skip
MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
DAYS_AHEAD = {
    "今": 0, "当": 0, "當": 0, "本": 0, "明": 1, "后": 2, "後": 2, "大": 3, "today": 0, "tonight": 0, "tomorrow": 1,
    "tmrw": 1, "the day after tomorrow": 2, "day after tomorrow": 2,
}  # fmt: skip
# Until which minute of the day a part of it lasts, and whether its hours are those after noon.
PARTS: dict[str, tuple[int, bool]] = {
    "凌晨": (6 * 60, False), "早": (12 * 60, False), "上午": (12 * 60, False), "中午": (12 * 60, True),
    "下午": (18 * 60, True), "傍晚": (19 * 60, True), "晚": (DAY, True), "夜": (DAY, True),
    "morning": (12 * 60, False), "noon": (12 * 60, True), "midday": (12 * 60, True), "lunch": (13 * 60, True),
    "afternoon": (18 * 60, True), "evening": (DAY, True), "night": (DAY, True), "midnight": (DAY, True),
}  # fmt: skip
# Minutes; working days and hours are told apart by their first letters.
UNITS = {
    "分": 1, "刻": 15, "小": 60, "钟": 60, "鐘": 60, "天": DAY, "日": DAY, "自": DAY, "周": 7 * DAY, "週": 7 * DAY,
    "星": 7 * DAY, "礼": 7 * DAY, "禮": 7 * DAY, "月": 30 * DAY,
    "min": 1, "h": 60, "d": DAY, "w": 7 * DAY, "mo": 30 * DAY,
}  # fmt: skip

_N = r"(?:\d+(?:\.\d+)?|[一二两兩三四五六七八九十]+|半)"
_TO = r"\s*(?:-|~|–|—|/|到|至)\s*"
ZH_LENGTH = re.compile(
    rf"(?P<n>{_N}(?:{_TO}{_N})?)\s*[个個]?(?P<half>半)?\s*"
    r"(?P<unit>工作日|工作天|工作小时|自然日|小时|小時|钟头|鐘頭|星期|礼拜|禮拜|分钟|分鐘|刻钟|天|日|[周週](?![一二三四五六日末])|月(?!底|\d)|"
    r"hours?|hrs?|h(?![a-z])|min(?:ute)?s?(?![a-z])|days?)"
    r"(?!之?前|以前|了|过|過|来|來)\s*(?P<within>之内|以内|內|内|之後|之后|以后|后|後)?"
)
_EN_N = (
    r"(?:\d+(?:\.\d+)?|(?:a\s+)?couple(?:\s+of)?|half(?:\s+an?)?|an?|the(?=\s+(?:hour|week)\b)|one|two|three|four|five|six|seven|eight|nine|ten|"
    r"eleven|twelve|fifteen|(?:twenty|forty|seventy)[ -](?:two|four|eight)|twenty|thirty|forty|sixty)"
)
EN_LENGTH = re.compile(
    r"(?:\b(?P<before>within|in|inside|under|next|coming|up to|allow(?: us)?|takes?|than|at most|maximum(?: of)?"
    r"|give (?:me|us)|max)\s+"
    r"(?:the\s+)?(?:(?:next|coming|about|around|approximately|roughly|up to|at most|less than)\s+)*)?"
    rf"(?<![\w.:-])(?P<n>{_EN_N}(?:(?:{_TO}|\s+to\s+|\s+or\s+){_EN_N})?)[\s-]*"
    r"(?P<kind>(?:business|working|work)[\s-]*)?"
    r"(?P<unit>minutes?|mins?|hours?|hrs?|hr|h|days?|d|workdays?|weeks?|months?)\b(?P<or>\s+or\s+two)?"
    r"(?P<behind>\s+(?:from now|or less|or so|max|maximum|at most|at the latest|tops))?"
)
CLOCK = re.compile(
    rf"(?:(?<![\d.:/第-])|(?<=:\d\d-)|(?<=[点點时時半m]-))(?:(?:\d{{1,2}}|[一二三四五六七八九十]{{1,3}})(?:{_TO}|\s+(?:to|and|or)\s+))?"
    r"(?P<hour>\d{1,2}|[一二两三四五六七八九十]{1,3})\s*(?:"
    r":(?P<minute>\d\d)(?!\d)\s*(?P<m1>[ap])?(?:\.?m\b\.?)?"
    r"|(?P<m2>[ap])\.?m\b\.?"
    r"|[点點时時](?!间|間|候|刻|效)(?:(?P<half>半)|(?P<zh_minute>\d{1,2}|[一二三四五六七八九十]{1,3})分?|整|钟)?"
    r"|(?<=\bat \d)(?![\d.,:%])|(?<=\bat \d\d)(?![\d.,:%]))"
)
DAY_WORD = re.compile(
    r"(?P<zh>(?:今|当|當|明|大?后|大?後)[天日儿]|本日|[今明](?=[早晚夜])|[今明](?=.{0,2}下班))(?!然|生)"
    r"|(?P<zh_rel>[这這本]|下下|下)?[个個]?(?:[周週]|星期|礼拜|禮拜)(?P<zh_day>[一二三四五六日天末])"
    r"|(?P<zh_week>[这這本下])[个個]?(?:[周週]|星期|礼拜|禮拜)(?![一二三四五六日天末])(?P<zh_week_before>之?前|以前)?"
    r"|(?P<zh_month>本?月底|[这本]个?月(?:内|底))"
    r"|(?<!\d)(?P<y>20\d\d)[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?(?!\d)"
    # 15.03.2026, 15/03/2026; and 3/15 only where the words around say that it is a day
    r"|(?<![\d./-])(?P<one>\d{1,2})(?P<sign>[-/.])(?P<other>\d{1,2})(?P=sign)(?P<year>20\d\d)(?!\d)"
    r"|(?:(?<=\bby )|(?<=\bon )|(?<=\bbefore )|(?<=\buntil ))(?P<one_en>\d{1,2})/(?P<other_en>\d{1,2})(?![\d/])"
    r"|(?<![\d./-])(?P<one_zh>\d{1,2})/(?P<other_zh>\d{1,2})(?=[号號日]?(?:之?前|以前))"
    r"|(?:(?P<zh_m>\d{1,2}|[一二三四五六七八九十]{1,2})月)?(?P<zh_d>(?<![\d.])\d{1,2}|[一二三四五六七八九十]{1,3})[号號日](?!内|以内|之内|线|線|码)"
    r"|\b(?:(?P<en>(?:the )?day after tomorrow|tomorrow|tmrw|tonight|today)"
    r"|(?:(?P<en_rel>this|next|coming)\s+)?(?P<en_day>mon|tue|wed|thu|fri|sat|sun)(?:s?day|nesday|rs?day|r|rs|s|urday)?"
    r"|(?:the\s+)?(?P<end>end of (?:the |this |next )?(?P<end_of>day|week|month|business day|working day)|eod|eow|cob"
    r"|within the day|close of business)(?:\s+(?:on\s+)?(?P<end_on>today|tomorrow|mon|tue|wed|thu|fri|sat|sun)"
    r"(?:s?day|nesday|rs?day|r|rs|s|urday)?)?"
    r"|(?P<en_week>this|next)\s+week(?P<weekend>end)?"
    r"|(?P<en_m>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?:the\s+)?(?P<en_d>\d{1,2})(?:st|nd|rd|th)?"
    r"|(?:the\s+)?(?P<en_d2>\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<en_m2>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"[a-z]*|the\s+(?P<en_d3>\d{1,2})(?:st|nd|rd|th))\b"
)
PART = re.compile(
    r"(?<![最太尽么较])(?P<zh>凌晨|早|上午|中午|下午|傍晚|晚|夜)(?:上|间|里|晨)?(?!好|安|些|就|已|日|点(?!\s*\d|[钟前之以]))"
    r"|(?<!good )\b(?P<en>morning|noon|midday|lunch|afternoon|evening|midnight|night)(?:time)?\b"
)
CLOSING = re.compile(r"下班(?:之?前|以前)?")


def number(text: str) -> float:
    """The larger end of a number or a range: "1-3" is 3, "一两" is 2, "a couple of" is 2."""
    last = re.split(_TO + r"|\s+to\s+|\s+or\s+", text.strip())[-1]
    if re.fullmatch(r"\d+(?:\.\d+)?", last):
        return float(last)
    if last == "半":
        return 0.5
    if last[0] in "一二两兩三四五六七八九十":
        return _chinese(last)
    words = [word for word in re.split(r"[\s-]+", last) if word in _EN_NUMBERS]
    if words and words[0] in ("half", "a", "an", "the"):
        return _EN_NUMBERS[words[-1] if words[0] != "half" and len(words) > 1 else words[0]]
    return sum(_EN_NUMBERS[word] for word in words)


def _chinese(text: str) -> float:
    tens, ten, ones = text.partition("十")
    if not ten:
        return _ZH_DIGITS[text[-1]]  # 一两, 三五: the larger
    return 10 * _ZH_DIGITS.get(tens[-1:], 1) + _ZH_DIGITS.get(ones[:1], 0)
