"""What differs between two persons who say the same: sums, times, devices, how they begin and end."""

from __future__ import annotations

import random

PHONES = ("小米13", "华为Mate40", "红米K60", "三星S22", "vivo X90", "OPPO Find X6", "一加11", "荣耀90")
PHONES_LATIN = (
    "Pixel 7",
    "Galaxy S22",
    "Galaxy A54",
    "OnePlus 11",
    "Xiaomi 13",
    "Moto G84",
    "Redmi Note 12",
    "Nokia X30",
)
COINS = ("SOL", "DOGE", "LTC", "ADA", "XRP", "DOT", "LINK", "SHIB", "AVAX", "ATOM")
CITIES = ("Porto", "Hanoi", "Accra", "Leeds", "Quito", "Osaka")
PERSONS = ("Dana", "Milo", "Greta", "Otis", "Ruth", "Ivo")
ZH_NAMES = ("阿川", "小满", "老葛", "青柠", "北岸", "不吃鱼", "夜航", "七月半", "山竹", "码农老何", "糯米", "西瓜皮")
EN_NAMES = (
    "driftwood",
    "marlow",
    "tobin",
    "quill",
    "oakley",
    "wrenna",
    "pico",
    "sundial",
    "hazel",
    "brisk",
    "fennel",
    "juno",
)

AGO = {
    "zh": ("{n}分钟前", "半小时前", "一个多小时前", "刚刚", "今天"),
    "zh-Hant": ("{n}分鐘前", "半小時前", "一個多小時前", "剛剛", "今天"),
    "en": ("{n} minutes ago", "half an hour ago", "an hour or so ago", "earlier today"),
    "ja": ("{n}分前", "さっき", "一時間ほど前"),
    "ru": ("{n} минут назад", "час назад"),
    "es": ("hace {n} minutos", "hace una hora"),
    "ko": ("{n}분 전",),
    "vi": ("{n} phút trước",),
}
OPENERS = {
    "zh": ("", "", "", "求助，", "管理员在吗，", "你好，", "@鹭钱包官方 ", "有没有人知道，"),
    "en": ("", "", "", "hi, ", "hey team, ", "anyone else? ", "Help: ", "@heronwallet "),
}
CLOSERS = {
    "zh": ("", "", "", "，求回复", "……", "，急", "😭", "？？"),
    "en": ("", "", "", ". please help", " :(", " ???", ", any news?", " 🙏"),
}
ME_TOO = {
    "zh": ("我也是", "+1", "同样的问题", "一样一样", "我这也这样", "同", "不止你一个，我也"),
    "en": ("me too", "+1", "same here", "same problem", "yep, also happening to me", "you're not alone, same"),
}
AGAIN = {
    "zh": ("还没好？", "有人管吗", "催一下", "都这么久了，还是一样", "再问一遍，有进展没"),
    "en": ("still the same", "any update?", "bump, nobody answered", "hello? still broken", "asking again"),
}
WORKS_HERE = {
    "zh": ("我这边正常", "谢谢", "收到", "别急，等官方", "我没遇到过"),
    "en": ("works for me", "fine on my side", "thanks", "let's wait for the team", "never had that"),
}


def filled(text: str, lang: str, rng: random.Random) -> str:
    """Put a made-up value in every {gap}. {ago} may hold another gap, so it goes first."""
    ago = rng.choice(AGO[lang]).format(n=rng.randint(5, 50))
    return text.format(
        ago=ago,
        n=rng.randint(2, 9),
        k=rng.randint(8, 15),
        amt=rng.choice(("0.05", "0.2", "0.37", "1.1", "2", "3.5", "12")),
        big=rng.randrange(50, 9000, 10),
        wrong=rng.choice(("31.2", "31.24", "31.3", "31")),
        phone=rng.choice(PHONES if lang == "zh" else PHONES_LATIN),
        hash="0x" + "".join(rng.choices("0123456789abcdef", k=64)),
        coin=rng.choice(COINS),
        city=rng.choice(CITIES),
        name=rng.choice(PERSONS),
    )


def nickname(lang: str, rng: random.Random) -> str:
    return rng.choice(ZH_NAMES if lang == "zh" else EN_NAMES)
