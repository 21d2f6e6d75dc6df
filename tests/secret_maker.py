"""Invents secrets as customers paste them, written from the design's list of traps before the finder was.

Nothing here is anybody's: phrases come from a seeded generator, keys too. `Planted.parts` are the pieces that
must not stay readable: the words of a phrase as they stand in the text, or the characters of a key.
"""

from __future__ import annotations

import hashlib
import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from mnemonic import Mnemonic

LENGTHS = (12, 15, 18, 21, 24)
LATIN_LISTS = ("english", "french", "spanish", "italian", "portuguese", "czech", "turkish")
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

CYRILLIC = str.maketrans("aceopxyiABCEHKMOPTXs", "асеорхуіАВСЕНКМОРТХѕ")
GREEK = str.maketrans("oviABEHIKMNOPTXYZ", "ονιΑΒΕΗΙΚΜΝΟΡΤΧΥΖ")
FULL_WIDTH = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})

EN_PROSE = (
    ("Hello team, my wallet does not open any more, here is my recovery phrase: ", " Can you look at it today?"),
    ("my seed words ", " and the app says they are invalid"),
    ("I typed this in and nothing happened:\n", "\nWhat did I do wrong? The balance shows zero."),
    ("Please restore it for me. ", ""),
    ("", ""),
)
ZH_PROSE = (
    ("我的助记词是 ", " 导入以后余额变成零了，帮我看看怎么回事"),
    ("客服你好，钱包进不去了，", "，你帮我登一下吧，谢谢"),
    ("恢复钱包用的词：\n", "\n为什么提示不对？"),
    ("【求助】", "这些词输进去没反应😭"),
    ("", ""),
)


@dataclass(frozen=True, slots=True)
class Planted:
    """A text with a secret in it. `kind` is what the finder should call it."""

    text: str
    kind: str
    parts: tuple[str, ...]
    layout: str


def words(rng: random.Random, count: int = 12, language: str = "english") -> list[str]:
    """A valid phrase: its checksum is right."""
    phrase = Mnemonic(language).to_mnemonic(rng.randbytes(count * 4 // 3))
    return unicodedata.normalize("NFC", phrase).split()


def _numbered(mark: str, between: str) -> Callable[[Sequence[str], random.Random], str]:
    return lambda ws, _: between.join(mark.format(n) + w for n, w in enumerate(ws, 1))


def _joined(between: str) -> Callable[[Sequence[str], random.Random], str]:
    return lambda ws, _: between.join(ws)


def _mixed_separators(ws: Sequence[str], rng: random.Random) -> str:
    seps = (" ", ", ", "，", "、", "\n", "\t", " - ", ";", "。", " / ", " · ")
    return "".join(w + rng.choice(seps) for w in ws[:-1]) + ws[-1]


def _mixed_case(ws: Sequence[str], rng: random.Random) -> str:
    return " ".join("".join(rng.choice((c.upper(), c)) for c in w) for w in ws)


def _table(ws: Sequence[str], _: random.Random) -> str:
    rows = ["\t".join(f"{i + j + 1} {w}" for j, w in enumerate(ws[i : i + 3])) for i in range(0, len(ws), 3)]
    return "\n".join(rows)


LAYOUTS: dict[str, Callable[[Sequence[str], random.Random], str]] = {
    "spaces": _joined(" "),
    "double spaces": _joined("  "),
    "one per line": _joined("\n"),
    "windows lines": _joined("\r\n"),
    "blank lines between": _joined("\n\n"),
    "commas": _joined(", "),
    "commas without spaces": _joined(","),
    "chinese commas": _joined("，"),
    "chinese enumeration": _joined("、"),
    "chinese full stops": _joined("。"),
    "ideographic spaces": _joined("\u3000"),
    "no-break spaces": _joined("\u00a0"),
    "tabs": _joined("\t"),
    "dashes": _joined("-"),
    "spaced dashes": _joined(" - "),
    "long dashes": _joined(" — "),
    "dots": _joined("."),
    "underscores": _joined("_"),
    "slashes": _joined(" / "),
    "bars": _joined(" | "),
    "arrows": _joined(" → "),
    "emoji": _joined("🔑"),
    "many emoji": _joined(" 🙏🏽😭 "),
    "quoted": lambda ws, _: ", ".join(f'"{w}"' for w in ws),
    "chinese quotes": lambda ws, _: "、".join(f"“{w}”" for w in ws),
    "json array": lambda ws, _: json.dumps(list(ws), ensure_ascii=False),
    "python list": lambda ws, _: str(list(ws)),
    "numbered 1.": _numbered("{}. ", "\n"),
    "numbered 1)": _numbered("{}) ", " "),
    "numbered 1:": _numbered("{}:", " "),
    "numbered glued": _numbered("{}", " "),
    "numbered (1)": _numbered("({}) ", ", "),
    "numbered #1": _numbered("#{} ", "\n"),
    "numbered chinese": _numbered("第{}个 ", "，"),
    "numbered chinese glued": _numbered("第{}个", ""),
    "numbered enumeration": _numbered("{}、", "\n"),
    "html list": lambda ws, _: "<ol>\n" + "\n".join(f"<li>{w}</li>" for w in ws) + "\n</ol>",
    "html breaks": _joined("<br>"),
    "markdown list": _numbered("- ", "\n"),
    "mail quote": lambda ws, _: "\n".join(f"> {w}" for w in ws),
    "table": _table,
    "upper case": lambda ws, _: " ".join(ws).upper(),
    "title case": lambda ws, _: " ".join(w.capitalize() for w in ws),
    "mixed case": _mixed_case,
    "camel case": lambda ws, _: "".join(w.capitalize() for w in ws),
    "mixed separators": _mixed_separators,
    "and before the last": lambda ws, _: ", ".join(ws[:-1]) + " and " + ws[-1],
    "escaped lines": _joined("\\n"),
}


def _undisguised(text: str, _: random.Random) -> str:
    return text


def _zero_width(text: str, rng: random.Random) -> str:
    marks = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
    return "".join(c + (rng.choice(marks) if c.isalpha() and rng.random() < 0.3 else "") for c in text)


DISGUISES: dict[str, Callable[[str, random.Random], str]] = {
    "cyrillic": lambda text, _: text.translate(CYRILLIC),
    "greek": lambda text, _: text.translate(GREEK),
    "full width": lambda text, _: text.translate(FULL_WIDTH),
    "zero width": _zero_width,
    "decomposed": lambda text, _: unicodedata.normalize("NFD", text),
    "mathematical": lambda text, _: "".join(chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in text),
}


def _planted(secret: str, rng: random.Random) -> str:
    before, after = rng.choice(EN_PROSE + ZH_PROSE)
    return before + secret + after


def phrase(
    rng: random.Random, layout: str | None = None, disguise: str | None = None, language: str = "english"
) -> Planted:
    """A phrase in prose. Without a layout and a disguise both are drawn by lot (half stay undisguised)."""
    layout = layout or rng.choice(list(LAYOUTS))
    disguise = disguise or rng.choice(["none"] * len(DISGUISES) + list(DISGUISES))
    change = DISGUISES.get(disguise, _undisguised)
    # Hidden marks would be a layout of their own inside tags and escapes, which nobody types.
    if layout in {"html list", "html breaks", "escaped lines"}:
        change = DISGUISES["decomposed"]
    plain = words(rng, rng.choice(LENGTHS), language)
    secret = change(LAYOUTS[layout](plain, rng), rng)
    return Planted(_planted(secret, rng), "phrase", tuple(plain), f"{language}, {layout}, {disguise}")


CHINESE_LAYOUTS = {
    "spaces": " ",
    "one per line": "\n",
    "enumeration": "、",
    "commas": "，",
    "ideographic spaces": "\u3000",
    "dots": ".",
    "mixed": " ，",
}


def chinese_phrase(rng: random.Random) -> Planted:
    """A Chinese phrase with separators between its characters, after a cue."""
    plain = words(rng, rng.choice(LENGTHS), rng.choice(["chinese_simplified", "chinese_traditional"]))
    layout = rng.choice([*CHINESE_LAYOUTS, "numbered"])
    between = CHINESE_LAYOUTS.get(layout)
    numbered = " ".join(f"{n}.{w}" for n, w in enumerate(plain, 1))
    secret = numbered if between is None else between.join(plain)
    cue = rng.choice(["我的助记词：", "助記詞: ", "恢复词如下\n", "帮我导入一下：\n"])
    return Planted(cue + secret + "\nhelp", "phrase", tuple(plain), f"chinese, {layout}")


def fragment(rng: random.Random) -> Planted:
    """Four to eleven words of a phrase, sent alone."""
    plain = words(rng)[: rng.randint(4, 11)]
    secret = LAYOUTS[rng.choice(["spaces", "one per line", "commas", "numbered 1.", "upper case"])](plain, rng)
    return Planted(secret, "fragment", tuple(plain), "fragment")


def base58(data: bytes) -> str:
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = BASE58[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


def base58check(data: bytes) -> str:
    return base58(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4])


KEY_PROSE = (
    ("my private key is ", " please check it"),
    ("Here is the private key: ", ", restore the missing tokens"),
    ("", " <- this is my private key, it does not import"),
    ("私钥：", " 为什么导入提示无效啊"),
    ("我的私钥是", "，帮我看看"),
    ("", " 这是我的私钥"),
    ("private_key=", ""),
    ("私鑰 ", " 導入失敗"),
)


def private_key(rng: random.Random) -> Planted:
    key = rng.randbytes(32).hex()
    shown = rng.choice([key, "0x" + key, key.upper(), "0x" + key.upper()])
    before, after = rng.choice(KEY_PROSE)
    return Planted(before + shown + after, "private_key", (shown.removeprefix("0x"),), "hex key")


def wif(rng: random.Random) -> Planted:
    shown = base58check(b"\x80" + rng.randbytes(32) + rng.choice([b"", b"\x01"]))
    return Planted(_planted(shown, rng), "wif", (shown,), "wif")


def xprv(rng: random.Random) -> Planted:
    version = rng.choice(["0488ade4", "049d7878", "04b2430c"])  # xprv, yprv, zprv (SLIP-132)
    body = b"\x03" + rng.randbytes(4 + 4 + 32) + b"\0" + rng.randbytes(32)
    shown = base58check(bytes.fromhex(version) + body)
    return Planted(_planted(shown, rng), "xprv", (shown,), "xprv")


def keystore(rng: random.Random) -> Planted:
    """Web3 secret storage, version 3. The address may stay readable, what is encrypted may not."""
    cipher_text, mac, salt, iv = (rng.randbytes(n).hex() for n in (32, 32, 32, 16))
    value = {
        "address": rng.randbytes(20).hex(),
        rng.choice(["crypto", "Crypto"]): {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": iv},
            "ciphertext": cipher_text,
            "kdf": "scrypt",
            "kdfparams": {"dklen": 32, "n": 262144, "p": 1, "r": 8, "salt": salt},
            "mac": mac,
        },
        "id": f"{rng.getrandbits(32):08x}-0000-4000-8000-{date(2026, 1, 1):%Y%m%d}0000",
        "version": 3,
    }
    shown = json.dumps(value, indent=rng.choice([None, 2]))
    return Planted(_planted(shown, rng), "keystore", (cipher_text, mac), "keystore")


RFC8032 = (  # seed and public key of the first tests of RFC 8032, section 7.1
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
)


def solana_key(rng: random.Random) -> Planted:
    """A true pair in prose without a cue word, as base58 or as the byte array of a key file."""
    data = bytes.fromhex(rng.choice(RFC8032))
    if rng.random() < 0.5:
        shown = base58(data)
        return Planted(_planted(shown, rng), "solana_key", (shown,), "solana base58")
    shown = rng.choice([",", ", "]).join(map(str, data))
    return Planted(_planted(f"[{shown}]", rng), "solana_key", (shown,), "solana bytes")


Maker = Callable[[random.Random], Planted]
KEYS: tuple[Maker, ...] = (private_key, wif, xprv, keystore, solana_key)

ID_PROSE = (
    ("tx hash ", " still pending, please look"),
    ("txid: ", ""),
    ("I sent it yesterday, transaction id ", " and it never arrived"),
    ("https://etherscan.io/tx/", " 这笔一直没到账"),
    ("https://tronscan.org/#/transaction/", " where is my money"),
    ("交易哈希 ", "，一天了还没到账"),
    ("提币到钱包没到账，哈希：", " 请处理"),
    ("区块哈希是", "，链上可以查到"),
    ("block hash ", " was orphaned"),
)


def transaction(rng: random.Random) -> tuple[str, str]:
    """A text with a transaction or block id, and that id: it must stay readable."""
    shown = rng.choice(["0x", ""]) + rng.randbytes(32).hex()
    before, after = rng.choice(ID_PROSE)
    return before + shown + after, shown


def readable_share(planted: Planted, masked: str) -> float:
    """Share of the phrase's words that can still be read, in whatever letters they stand."""
    seen = unicodedata.normalize("NFKC", masked).lower()
    plain = unicodedata.normalize("NFKC", planted.text).lower()
    shown = [w for w in planted.parts if unicodedata.normalize("NFKC", w).lower() in plain]
    if not shown:  # disguised letters: count what changed by the length of what is left
        return 1 - masked.count("█") / max(1, len(" ".join(planted.parts)))
    return sum(unicodedata.normalize("NFKC", w).lower() in seen for w in shown) / len(planted.parts)


def longest_left(secret: str, masked: str) -> int:
    """How many characters of a key in a row can still be read."""
    length = 0
    while any(secret[i : i + length + 1] in masked for i in range(len(secret) - length)):
        length += 1
    return length
