"""Texts that look like secrets and are none: what a finder masks here, support can no longer read."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable

from tests.secret_generator import bip39, chains, prose
from tests.secret_generator import encodings as enc
from tests.secret_generator.planted import Planted, Run, plant

# Slots {} are filled from the language's own word list. No more than three list words stand in a row.
_FRAMES: dict[str, tuple[str, ...]] = {
    "english": (
        "The {} was in the {} with a {}, and then they said it is not the {} of my {}.",
        "We have to {} our {} when the {} isn't there; my {} and his {} are at the {}.",
        "Does anyone know whether the {} or the {} goes to a {}? I was told it's for the {} and the {}.",
    ),
    "spanish": (
        "El {} y la {} son de mi {}, pero no me gusta el {} que está en la {} con un {}.",
        "No sé si la {} de su {} es un {} o una {}, ¿me lo dices? Se lo di a mi {} en el {}.",
    ),
    "french": (
        "Le {} et la {} de mon {} ne sont pas dans le {}, il y a un {} sur la {}.",
        "Je ne sais pas si le {} est un {} ou une {} ; on a mis le {} et la {} dans un {}.",
    ),
    "japanese": (
        "{}と{}は{}のあとで見ました。でも{}がないので、{}を買いに行きます。{}も{}もあるそうです。",
        "今日の{}は{}より良かったです。次は{}と{}を食べて、{}の話をしましょう。{}はどうですか。",
    ),
    "korean": (
        "{}은 {}에서 {}을 봤는데, 그 {}이 없어서 {}를 사러 갔어요. {}도 {}처럼 좋았습니다.",
        "오늘 {}과 {}이 왔어요. 그래서 {}까지 {}를 가지고 가서 {}의 얘기를 했습니다.",
    ),
}
_CLAUSES = (
    "我昨天从交易所提了一笔币到这个地址",
    "到现在还没有收到",
    "区块浏览器上显示已经成功了",
    "麻烦客服帮我查一下到底是怎么回事",
    "今天天气真好我们一起去公园走走",
    "他说这个项目明年会在主网上线",
    "大家都在等新的版本什么时候发布",
    "手续费比上个月高了不少",
    "我不知道为什么每次打开都要等很久",
    "如果可以的话请把这个功能加回来",
    "周末带孩子去看了一场电影感觉还不错",
)
_CUE_TALK = (
    "我的助记词丢了怎么办，还能不能把钱找回来？",
    "请问助记词和私钥有什么区别，应该怎么保存才安全？",
    "有人私信我说是官方客服，要我把助记词发给他，这是真的吗？",
    "恢复钱包的时候提示助记词不正确，我明明是照着纸上抄的。",
    "助记词我昨天抄在纸上了现在找不到",
    "私钥已经备份好了请问下一步应该怎么做",
    "千万不要把私钥告诉任何人，官方也不会问你要。",
    "What is the difference between a seed phrase and a private key?",
    "Somebody asked me for my recovery phrase, is that a scam? I did not give it to them.",
    "I lost my seed phrase but I still have the phone, what can I do?",
    "It says my mnemonic is invalid, although I have checked it twice.",
    "Never share your secret recovery phrase with anyone, we will not ask for it.",
)
_GOODS = (
    "apples",
    "milk",
    "olive oil",
    "rice",
    "sugar",
    "eggs",
    "butter",
    "oranges",
    "bread",
    "tuna",
    "salad",
    "coffees",
)
_LYRICS = (
    "la la la, oh oh oh, {} me tonight",
    "and I was the {} in your {}, oh yeah",
    "we're in the {} of the {}, na na na na",
    "{} {}, it's you and I, it's you and I",
    "they say that {} isn't {}, but I'm gonna {} anyway",
)


def _invented_prose(rng: random.Random) -> tuple[str, str]:
    language = rng.choice(list(_FRAMES))
    words = bip39.words(language)
    frames = (rng.choice(_FRAMES[language]) for _ in range(rng.randint(1, 3)))
    return language, " ".join(frame.format(*(rng.choice(words) for _ in range(frame.count("{}")))) for frame in frames)


def _chinese_prose(rng: random.Random) -> tuple[str, str]:
    gap = rng.choice(("，", "，", "\n", ""))
    return "chinese_simplified", gap.join(rng.sample(_CLAUSES, rng.randint(1, 4))) + rng.choice(("", "。", "！"))


def _ordinary(rng: random.Random) -> tuple[str, str]:
    language = rng.choice(list(prose.ORDINARY))
    count = min(rng.randint(1, 3), len(prose.ORDINARY[language]))
    return language, " ".join(rng.sample(prose.ORDINARY[language], count))


def _talk_about_secrets(rng: random.Random) -> tuple[str, str]:
    text = rng.choice(_CUE_TALK)
    return ("english" if text.isascii() else "chinese_simplified"), text


def _lyrics(rng: random.Random) -> tuple[str, str]:
    words = bip39.words("english")
    lines = (rng.choice(_LYRICS) for _ in range(rng.randint(2, 5)))
    return "english", "\n".join(line.format(*(rng.choice(words) for _ in range(line.count("{}")))) for line in lines)


def _shopping(rng: random.Random) -> tuple[str, str]:
    goods = rng.sample(_GOODS, rng.randint(4, 8))
    gap, mark = rng.choice(((", ", ""), ("\n", ""), ("\n", "- ")))
    return "english", "to buy:\n" + gap.join(f"{mark}{rng.randint(2, 12)} x the {item}" for item in goods)


def _transaction(rng: random.Random) -> tuple[str, str]:
    speech = rng.choice(("english", "chinese_simplified", "chinese_traditional"))
    return speech, "".join(run.text for run in prose.transaction(rng, speech))


def _address(rng: random.Random) -> tuple[str, str]:
    speech = rng.choice(("english", "chinese_simplified", "chinese_traditional"))
    return speech, "".join(run.text for run in prose.address(rng, speech))


def _transactions(rng: random.Random) -> tuple[str, str]:
    ids = "\n".join(f"{n}. {chains.transaction_id(rng)}" for n in range(1, rng.randint(3, 6)))
    head = rng.choice(("transactions that are stuck:", "这几笔交易的哈希：", "tx hashes"))
    return ("english" if head.isascii() else "chinese_simplified"), f"{head}\n{ids}"


def _order(rng: random.Random) -> tuple[str, str]:
    number = f"{rng.randrange(10**17, 10**18)}"
    return "chinese_simplified", rng.choice(("订单号：{}，还没发货", "工单 {} 没人处理", "order number {}")).format(
        number
    )


def _technical(rng: random.Random) -> tuple[str, str]:
    return "english", rng.choice(
        (
            f"ticket {uuid.UUID(bytes=rng.randbytes(16), version=4)} was closed without an answer",
            f"broken since commit {rng.randbytes(20).hex()}",
            f"sha256 of the installer: {rng.randbytes(32).hex()}",
            f"ipfs://{enc.base58(bytes((0x12, 0x20)) + rng.randbytes(32))} does not load",
            f"trace id {rng.randbytes(16).hex()}, span {rng.randbytes(8).hex()}",
            f"device id {enc.base58(rng.randbytes(16))}",
            f"block {rng.randrange(10**7, 10**8)}, block hash 0x{rng.randbytes(32).hex()}",
        )
    )


def _pixels(rng: random.Random) -> tuple[str, str]:
    """Bytes in JSON, 64 of them at times; the second half is no public key of the first."""
    size = rng.choice((16, 48, 64, 100))
    return "english", json.dumps({"width": 8, "pixels": list(rng.randbytes(size))})


HARMLESS: dict[str, Callable[[random.Random], tuple[str, str]]] = {  # name -> language and text
    "invented_prose": _invented_prose,
    "chinese_prose": _chinese_prose,
    "ordinary": _ordinary,
    "talk_about_secrets": _talk_about_secrets,
    "lyrics": _lyrics,
    "shopping": _shopping,
    "transaction": _transaction,
    "transactions": _transactions,
    "address": _address,
    "explorer_link": lambda rng: ("english", chains.explorer_link(rng)),
    "order": _order,
    "technical": _technical,
    "pixels": _pixels,
}


def harmless(rng: random.Random) -> Planted:
    """A text without a secret; all of it must stay readable."""
    layout = rng.choice(list(HARMLESS))
    language, text = HARMLESS[layout](rng)
    return plant([Run(text, keep=True)], [], layout=layout, language=language)
