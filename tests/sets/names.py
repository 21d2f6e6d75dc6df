"""Names that pose as an invented brand, names that do not, and how the posers approach those who complain.

The brand is Heron Wallet, 鹭钱包. Its own accounts are told by id: one that bears the same name with another id poses.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.sets import rows
from tests.sets.bystanders import bystander

SPACE = "telegram"
BRAND = ("Heron Wallet", "heronwallet", "鹭钱包")


@dataclass(frozen=True)
class Account:
    """`id` is the platform's; `how` names the trick of a poser, and is empty for everybody else."""

    id: str
    name: str
    handle: str
    lang: str
    post: str
    how: str = ""


@dataclass(frozen=True)
class Said:
    account: Account
    text: str
    reply_to: int | None = None  # place in the exchange


@dataclass(frozen=True)
class Exchange:
    """A piece of a group's talk in which `fake` approaches the account `approached`."""

    posts: tuple[Said, ...]
    fake: str
    approached: str


OFFICIAL = (
    Account("100001", "Heron Wallet", "heronwallet", "en", "Maintenance tonight from 22:00 UTC, swaps pause."),
    Account("100002", "鹭钱包官方", "heronwallet_cn", "zh", "今晚维护，兑换功能暂停，请在帮助中心提交工单。"),
    Account("100003", "Heron Support", "heron_support", "en", "Please open a ticket from the app: Help, Contact us."),
    Account("100004", "鹭钱包客服", "heron_kefu", "zh", "您好，请在 app 内提交工单，我们不会私信您。"),
)

CONFUSABLE = {
    "a": "аɑａáäạ", "e": "еｅéèẹė", "h": "һｈḥ", "l": "IΙ1ｌӏ|", "n": "ոｎńṇп", "o": "оοօｏóọ0", "r": "гｒŕṛ",
    "t": "ｔţṭτ", "w": "ԝｗẁŵѡ", "H": "НΗＨḤ", "W": "ԜＷẀ",
}  # fmt: skip
DIGITS = {"e": "3", "o": "0", "l": "1", "a": "4", "t": "7"}
BOLD = {chr(97 + i): chr(0x1D41A + i) for i in range(26)} | {chr(65 + i): chr(0x1D400 + i) for i in range(26)}
ZERO_WIDTH = "\u200b\u200c\u200d\u2060"
ROLES = (
    "Support",
    "Helpdesk",
    "Admin",
    "Mod",
    "Official",
    "Help Center",
    "Customer Care",
    "Team",
    "Assistant",
    "Agent",
)
ROLES_ZH = ("官方", "客服", "官方客服", "人工客服", "技术支持", "管理员", "助手", "售后", "中文社区管理", "安全中心")
AGENTS_ZH = ("小美", "小鹭", "小李", "01", "07号", "佳佳", "主管", "")
MARKS = ("✅", "☑️", "✔️", "🛡", "🔵", "®", "💎")
STROKES = {"鹭": "鷺路露", "钱": "錢銭线", "包": "苞饱"}


def look_alikes(seed: int, count: int = 2000) -> list[Account]:
    """Posers without doubles, each trick about as often as any other; a tenth combine two."""
    rng = random.Random(f"posers {seed}")
    made: dict[tuple[str, str], Account] = {}
    tricks = list(TRICKS.items())
    while len(made) < count:
        how, trick = tricks[len(made) % len(tricks)]
        name, handle, lang = trick(rng)
        if rng.random() < 0.1 and how not in ("mark", "same name"):
            name, how = f"{name} {rng.choice(MARKS)}", f"{how}, mark"
        post = _bait(lang, rng)
        made.setdefault((name, handle), Account(str(700_000 + len(made)), name, handle, lang, post, how))
    return list(made.values())


def ordinary(seed: int, count: int = 5000) -> list[Account]:
    """People and their posts, many with our words in their names for reasons of their own."""
    rng = random.Random(f"bystanders {seed}")
    talk = [row for row in rows("group_talk.tsv") if row["kind"] in ("plain", "asking")]
    made: dict[tuple[str, str], Account] = {}
    while len(made) < count:
        name, handle, lang = bystander(rng)
        post = rng.choice([row["text"] for row in talk if row["lang"] == lang] or [talk[0]["text"]])
        made.setdefault((name, handle), Account(str(200_000 + len(made)), name, handle, lang, post))
    return list(made.values())


def exchanges(seed: int, count: int = 60) -> list[Exchange]:
    """The poser replies, names the complainer, or only speaks next; others talk in between."""
    rng = random.Random(f"exchanges {seed}")
    asking = {row["text"] for row in rows("group_talk.tsv") if row["kind"] == "asking"}
    fakes, people = look_alikes(seed, count), [one for one in ordinary(seed, count * 5) if one.post not in asking]
    complaints = [row for row in rows("group_talk.tsv") if row["kind"] == "complaint"]
    return [
        _exchange(fake, people[3 * i : 3 * i + 3], complaints, rng, ("reply", "names", "speaks next")[i % 3])
        for i, fake in enumerate(fakes)
    ]


def _exchange(
    fake: Account, people: list[Account], complaints: list[dict[str, str]], rng: random.Random, manner: str
) -> Exchange:
    victim, second, third = people
    lang = "zh" if fake.lang == "zh" else "en"
    complaint = rng.choice([row["text"] for row in complaints if row["lang"] == lang])
    talk = [Said(third, third.post), Said(victim, complaint)]
    if manner != "speaks next":
        talk.append(Said(second, second.post))
    bait = f"@{victim.handle} {fake.post}" if manner == "names" else fake.post
    talk.append(Said(fake, bait, reply_to=1 if manner == "reply" else None))
    if rng.random() < 0.3:
        talk.append(Said(OFFICIAL[1] if lang == "zh" else OFFICIAL[0], OFFICIAL[3 if lang == "zh" else 2].post, 1))
    return Exchange(tuple(talk), fake.id, victim.id)


def _bait(lang: str, rng: random.Random) -> str:
    said = rng.choice([row["text"] for row in rows("group_talk.tsv") if row["kind"] == "bait" and row["lang"] == lang])
    number = rng.randrange(10**7)
    host = rng.choice(("heron-verify", "wallet-sync", "luqianbao-kf", "fix-node"))
    return said.format(
        handle=f"@{rng.choice(('heron_desk', 'HeronCare', 'wallet_fix', 'lukefu', 'node_sync'))}{number % 100}",
        link=f"https://{host}.example/{number % 1000}",
        wx=f"lu{number}",
        qq=str(10**8 + number),
        phone=f"+1 555 01{number % 100:02d}",
    )


def _handle(rng: random.Random) -> str:
    base = rng.choice(("heronwallet", "heron_wallet", "heron", "HeronWallet", "luqianbao"))
    return f"{base}_{rng.choice(('help', 'kefu', 'cs', 'desk', 'team', 'vip', 'cn'))}{rng.randrange(1000)}"


def _stranger(rng: random.Random) -> str:
    return f"{rng.choice(('annie', 'kk', 'user', 'mrdavid', 'xx', 'w'))}{rng.randrange(10**6)}"


def _either(rng: random.Random) -> str:
    return rng.choice(("Heron Wallet", "Heron Wallet", "HeronWallet", f"Heron {rng.choice(ROLES)}"))


def _swapped_letters(rng: random.Random, table: dict[str, str], least: int, most: int) -> str:
    letters = list(_either(rng))
    brand = len("HeronWallet") if "Wallet" in "".join(letters) else len("Heron")
    places = [i for i, letter in enumerate(letters[:brand]) if letter in table]
    for i in rng.sample(places, min(len(places), rng.randint(least, most))):
        letters[i] = rng.choice(table[letters[i]])
    return "".join(letters)


def _confusable(rng: random.Random) -> tuple[str, str, str]:
    return _swapped_letters(rng, CONFUSABLE, 1, 4), _stranger(rng), _latin_lang(rng)


def _digits(rng: random.Random) -> tuple[str, str, str]:
    handle = "".join(DIGITS[c] if c in DIGITS and rng.random() < 0.5 else c for c in "heronwallet")
    handle = handle if handle != "heronwallet" else "her0nwallet"
    tail = rng.choice(("", "_", "_support", "_help", "_admin", "cs", "_team", "_cn"))
    return rng.choice((handle, "Heron Wallet", _swapped_letters(rng, DIGITS, 1, 3))), handle + tail, _latin_lang(rng)


def _role(rng: random.Random) -> tuple[str, str, str]:
    role, brand = rng.choice(ROLES), rng.choice(("Heron", "Heron Wallet", "HERON", "HeronWallet"))
    tag = rng.choice(("", f" {rng.randrange(1, 30)}", " 24/7", " (Live)", " Desk"))
    name = rng.choice(
        (f"{brand} {role}{tag}", f"{role} | {brand}", f"{role.upper()} {brand}{tag}", f"[{role}] {brand}")
    )
    return name, _handle(rng), _latin_lang(rng)


def _role_zh(rng: random.Random) -> tuple[str, str, str]:
    role, agent = rng.choice(ROLES_ZH), rng.choice(AGENTS_ZH)
    name = rng.choice(
        (f"鹭钱包{role}{agent}", f"{role}-鹭钱包{agent}", f"鹭钱包【{role}】{agent}", f"Heron{role}{agent}")
    )
    return name, rng.choice((_handle, _stranger))(rng), "zh"


def _strokes_zh(rng: random.Random) -> tuple[str, str, str]:
    sign = rng.choice("鹭钱包")
    brand = "鹭钱包".replace(sign, rng.choice(STROKES[sign]))
    return f"{brand}{rng.choice(ROLES_ZH)}{rng.choice(AGENTS_ZH)}", rng.choice((_handle, _stranger))(rng), "zh"


def _doubled(rng: random.Random) -> tuple[str, str, str]:
    at = rng.randrange(len("heronwallet"))
    handle = "heronwallet"[: at + 1] + "heronwallet"[at:] + rng.choice(("", "s", "_", "_io", "_app", "01"))
    return rng.choice(("Heron Wallet", handle, handle.title())), handle, _latin_lang(rng)


def _dropped(rng: random.Random) -> tuple[str, str, str]:
    at = rng.randrange(1, len("heronwallet"))
    handle = "heronwallet"[:at] + "heronwallet"[at + 1 :] + rng.choice(("", "_", "_help", "_support", "_cs"))
    return rng.choice(("Heron Wallet", handle, "Heron Walet", "Hern Wallet")), handle, _latin_lang(rng)


def _neighbours(rng: random.Random) -> tuple[str, str, str]:
    at = rng.randrange(len("heronwallet") - 1)
    handle = "heronwallet"[:at] + "heronwallet"[at + 1] + "heronwallet"[at] + "heronwallet"[at + 2 :]
    tail = rng.choice(("_team", "_care", "_official", "_help"))
    return rng.choice(("Heron Wallet", "Haron Wallet Support", "Heorn Wallet")), handle + tail, _latin_lang(rng)


def _zero_width(rng: random.Random) -> tuple[str, str, str]:
    if rng.random() < 0.4:
        name, lang = f"鹭{rng.choice(ZERO_WIDTH)}钱{rng.choice(ZERO_WIDTH)}包{rng.choice(ROLES_ZH)}", "zh"
    else:
        name, lang = _either(rng), _latin_lang(rng)
        at = rng.randrange(1, 5)
        name = name[:at] + rng.choice(ZERO_WIDTH) + name[at:]
    return name, _stranger(rng), lang


def _spaced(rng: random.Random) -> tuple[str, str, str]:
    gap = rng.choice((" ", "_", ".", "-", "·"))
    if rng.random() < 0.4:
        return gap.join("鹭钱包") + rng.choice(ROLES_ZH), _stranger(rng), "zh"
    handle = rng.choice(("heron_wallet_", "_heronwallet", "heron__wallet", "h_e_r_o_n_wallet", "heron_wallet__"))
    tail = rng.choice(("", "help", "cs", "support", str(rng.randrange(90))))
    return rng.choice((gap.join("HERON"), "Heron" + gap + "Wallet")), handle + tail, _latin_lang(rng)


def _mark(rng: random.Random) -> tuple[str, str, str]:
    if rng.random() < 0.4:
        return f"鹭钱包{rng.choice(MARKS)}{rng.choice(('', '官方', '客服'))}", _stranger(rng), "zh"
    return (
        f"{rng.choice(('Heron Wallet', 'HeronWallet', 'Heron'))} {rng.choice(MARKS)}",
        _stranger(rng),
        _latin_lang(rng),
    )


def _bold(rng: random.Random) -> tuple[str, str, str]:
    return "".join(BOLD.get(letter, letter) for letter in _either(rng)), _handle(rng), _latin_lang(rng)


def _same_name(rng: random.Random) -> tuple[str, str, str]:
    official = rng.choice(OFFICIAL)
    return official.name, _stranger(rng), official.lang


def _latin_lang(rng: random.Random) -> str:
    return rng.choice(("en",) * 10 + ("ru", "es", "vi", "ja", "ko"))


TRICKS: dict[str, Callable[[random.Random], tuple[str, str, str]]] = {
    "confusable": _confusable,
    "digits": _digits,
    "role": _role,
    "role zh": _role_zh,
    "strokes zh": _strokes_zh,
    "doubled": _doubled,
    "dropped": _dropped,
    "neighbours": _neighbours,
    "zero width": _zero_width,
    "spaced": _spaced,
    "mark": _mark,
    "bold": _bold,
    "same name": _same_name,
}
