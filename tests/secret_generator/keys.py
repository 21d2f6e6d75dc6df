"""Private keys in texts: hexadecimal ones with a cue, WIF, extended keys, keystores, Solana's, and a published one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.secret_generator import encodings as enc
from tests.secret_generator import prose
from tests.secret_generator.planted import Hidden, Planted, Run, plant

# Account #0 of Hardhat and Anvil: https://hardhat.org/hardhat-network/docs/reference#accounts
PUBLISHED_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
_SPEECHES = ("english", "chinese_simplified", "chinese_traditional")


@dataclass(frozen=True)
class Key:
    """A key as it is written: its runs, and the name of that form."""

    kind: str
    form: str
    runs: list[Run]
    alarm: bool = True

    @property
    def broken(self) -> bool:
        """Whether it runs over several lines."""
        return any("\n" in run.text for run in self.runs)


def _whole(text: str) -> list[Run]:
    return [Run(text, 0, 0)]


def _in_parts(parts: Sequence[str], gap: str) -> list[Run]:
    return [run for n, part in enumerate(parts) for run in (*([Run(gap)] if n else []), Run(part, 0, n))]


def _hex_forms(rng: random.Random, key: bytes) -> dict[str, list[Run]]:
    digits = key.hex()
    size = rng.choice((2, 4, 8, 16))
    groups = [digits[i : i + size] for i in range(0, 64, size)]
    halves = [digits[:32], digits[32:]]
    return {
        "bare": _whole(digits),
        "0x": [Run("0x"), *_whole(digits)],
        "upper": _whole(digits.upper()),
        "0x_upper": [Run(rng.choice(("0x", "0X"))), *_whole(digits.upper())],
        "spaced": _in_parts(groups, " "),
        "halves": [Run(rng.choice(("", "0x"))), *_in_parts(halves, rng.choice(("\n", " \n", "\r\n")))],
    }


def hex_key(rng: random.Random) -> Key:
    form, runs = rng.choice(list(_hex_forms(rng, enc.invent_key(rng)).items()))
    return Key("hex_key", form, runs)


def published_key(rng: random.Random) -> Key:
    forms = _hex_forms(rng, PUBLISHED_KEY)
    form = rng.choice(("bare", "0x", "upper"))
    return Key("test_key", form, forms[form], alarm=False)


def wif(rng: random.Random) -> Key:
    compressed = rng.random() < 0.6
    return Key(
        "wif",
        "compressed" if compressed else "uncompressed",
        _whole(enc.wif(enc.invent_key(rng), compressed=compressed)),
    )


def extended(rng: random.Random) -> Key:
    prefix = rng.choice(list(enc.EXTENDED))
    return Key("xprv", prefix, _whole(enc.extended_key(rng, prefix)))


def solana(rng: random.Random) -> Key:
    pair = enc.solana_pair(rng)
    if rng.random() < 0.4:
        return Key("solana", "base58", _whole(enc.base58(pair)))
    form, gap = rng.choice((("array", ","), ("array_spaces", ", "), ("array_lines", ",\n  "), ("array_wide", " , ")))
    edge = "\n" if form == "array_lines" else ""
    return Key("solana", form, [Run("[" + edge), *_in_parts([str(byte) for byte in pair], gap), Run(edge + "]")])


def keystore(rng: random.Random) -> Key:
    """Its ciphertext is what counts: without it the file opens nothing."""
    file = enc.keystore(rng)
    form = rng.choice(("pretty", "one_line", "escaped"))
    text = json.dumps(file, indent=rng.choice((2, 4))) if form == "pretty" else json.dumps(file, separators=(",", ":"))
    if form == "escaped":
        text = json.dumps(text)[1:-1]
    crypto = file.get("crypto") or file["Crypto"]
    before, ciphertext, behind = text.partition(crypto["ciphertext"])  # type: ignore[index]
    return Key("keystore", form, [Run(before), *_whole(ciphertext), Run(behind)])


KINDS: dict[str, Callable[[random.Random], Key]] = {
    "hex_key": hex_key,
    "wif": wif,
    "xprv": extended,
    "solana": solana,
    "keystore": keystore,
    "test_key": published_key,
}
_CUED = {
    "english": (
        ("my private key is ", ""),
        ("Private key: ", ""),
        ("here is the private key\n", ""),
        ("private key=", " why does the import fail?"),
        ("", " is my private key"),
        ("I exported the private key (", ") but it is refused"),
    ),
    "chinese_simplified": (
        ("私钥：", ""),
        ("我的私钥是 ", ""),
        ("私钥\n", ""),
        ("", " 这是我的私钥"),
        ("导入私钥 ", " 一直失败"),
    ),
    "chinese_traditional": (("私鑰：", ""), ("我的私鑰是 ", ""), ("", " 這是我的私鑰")),
}
_UNCUED = {
    "english": (
        ("", ""),
        ("why does this not work? ", ""),
        ("I pasted ", " and nothing happened"),
        ("look:\n", "\nthanks"),
    ),
    "chinese_simplified": (("", ""), ("这个导入不了 ", ""), ("帮我看看\n", "\n谢谢")),
    "chinese_traditional": (("", ""), ("這個導入不了 ", "")),
}
_HOLDERS = {  # the ones that name the key are cues themselves
    "env_line": ("PRIVATE_KEY=", ""),
    "json_field": ('{"privateKey": "', '"}'),
    "code_fence": ("```\nprivate key: ", "\n```"),
    "table": ("| private key |\n|---|\n| ", " |"),
    "csv": ("name,private key\nmain,", ""),
    "html": ("<p>private key: <code>", "</code></p>"),
}


def planted_key(rng: random.Random, kind: str | None = None) -> Planted:
    """One key of the kind, or of any. A hexadecimal key always has a cue: without one it is a transaction id."""
    key = KINDS[kind or rng.choice(list(KINDS))](rng)
    speech = rng.choice(_SPEECHES)
    needs_cue = key.kind in {"hex_key", "test_key"}
    cue = needs_cue or (key.kind != "keystore" and rng.random() < 0.4)
    holder = rng.choice(list(_HOLDERS)) if cue and not key.broken and rng.random() < 0.35 else ""
    frames = [_HOLDERS[holder]] if holder else (_CUED if cue else _UNCUED)[speech]
    before, behind = rng.choice(frames)
    shown = [Run(before), *_quoted(rng, key, holder), Run(behind)]
    hidden = Hidden(key.kind, tuple(run.text for run in key.runs if run.secret is not None), key.alarm)
    layout = f"{key.kind}_{key.form}" + (f"+{holder}" if holder else "")
    return plant(_in_company(rng, shown, speech), [hidden], layout=layout, language=speech, cue=cue)


def _quoted(rng: random.Random, key: Key, holder: str) -> list[Run]:
    if holder or key.kind == "keystore" or rng.random() < 0.7:
        return key.runs
    before, behind = rng.choice((('"', '"'), ("`", "`"), ("「", "」"), ("**", "**"), ("'", "'")))
    return [Run(before), *key.runs, Run(behind)]


def _in_company(rng: random.Random, shown: list[Run], speech: str) -> list[Run]:
    before = [Run(prose.sentence(rng, speech))] if rng.random() < 0.4 else []
    behind = [Run(prose.sentence(rng, speech))] if rng.random() < 0.3 else []
    kept = prose.kept_line(rng, speech) if rng.random() < 0.5 else []
    return prose.lines(kept, before, shown, behind) if rng.random() < 0.5 else prose.lines(before, shown, behind, kept)
