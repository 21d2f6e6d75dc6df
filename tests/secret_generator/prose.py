"""Invented sentences around a secret: ordinary ones, and those whose cue tells that a secret is beside them."""

from __future__ import annotations

import random

from tests.secret_generator import chains
from tests.secret_generator.planted import Run

ORDINARY: dict[str, tuple[str, ...]] = {
    "english": (
        "Hello, I cannot get into my account since the update.",
        "The app shows a balance of zero, what should I do?",
        "Please help me, I have been waiting since yesterday!",
        "It worked fine on my old phone.",
        "I tried it three times and nothing happened.",
        "Thanks in advance for looking into this.",
        "Is there anybody who can tell me what went wrong?",
    ),
    "chinese_simplified": (
        "你好，更新之后我的账户进不去了。",
        "余额显示是零，请问怎么处理？",
        "麻烦帮我看一下，已经等了两天了！",
        "以前的手机上一直是好的。",
        "我试了三次都没有反应。",
        "谢谢客服，请尽快回复。",
    ),
    "chinese_traditional": (
        "你好，更新之後我的帳戶進不去了。",
        "餘額顯示是零，請問怎麼處理？",
        "麻煩幫我看一下，已經等了兩天了！",
        "謝謝客服，請盡快回覆。",
    ),
    "japanese": ("アップデートしてから開けなくなりました。", "残高がゼロと表示されます。どうすればいいですか？"),
    "korean": ("업데이트 이후에 계정에 들어갈 수 없어요.", "잔액이 0으로 나오는데 어떻게 해야 하나요?"),
    "spanish": ("Desde la actualización no puedo entrar en mi cuenta.", "¿Qué hago? El saldo sale a cero."),
    "french": ("Depuis la mise à jour, je ne peux plus ouvrir mon compte.", "Le solde affiche zéro, que faire ?"),
}
PHRASE_CUES: dict[str, tuple[str, ...]] = {
    "english": (
        "my seed phrase is",
        "Here is my recovery phrase:",
        "mnemonic:",
        "My secret recovery phrase:",
        "these are my seed words",
        "Seed phrase =",
        "backup phrase:",
        "I wrote down the recovery words like this:",
    ),
    "chinese_simplified": (
        "我的助记词是：",
        "助记词：",
        "这是我的助记词",
        "恢复短语：",
        "用这个恢复助记词：",
        "钱包助记词如下：",
    ),
    "chinese_traditional": ("我的助記詞是：", "助記詞：", "這是我的助記詞", "恢復短語：", "錢包助記詞如下："),
}
PHRASE_CUES_BEHIND = {
    "english": ("that is my seed phrase", "<- my recovery phrase", "(this is the mnemonic)"),
    "chinese_simplified": ("这是我的助记词", "以上是助记词"),
    "chinese_traditional": ("這是我的助記詞", "以上是助記詞"),
}
_TRANSACTIONS = {
    "english": ("tx {}", "Transaction hash: {}", "The txid is {}", "my transaction {} is still pending", "hash: {}"),
    "chinese_simplified": ("交易哈希：{}", "哈希 {}", "交易号 {} 一直没到账", "tx: {}", "转账的hash是 {}"),
    "chinese_traditional": ("交易雜湊：{}", "交易哈希 {}", "txid：{}"),
}
_ADDRESSES = {
    "english": ("my address is {}", "Address: {}", "I sent it to {}", "wallet address {}"),
    "chinese_simplified": ("我的地址是 {}", "地址：{}", "转到了 {}", "收款地址 {}"),
    "chinese_traditional": ("我的地址是 {}", "地址：{}"),
}


def speech_around(rng: random.Random, language: str) -> str:
    """In which language the sentences with cues are, beside a phrase of this list: Chinese or English."""
    if language.startswith("chinese"):
        return language if rng.random() < 0.8 else "english"
    return "english" if rng.random() < 0.8 else "chinese_simplified"


def sentence(rng: random.Random, *languages: str) -> str:
    """An ordinary sentence in one of the languages, in English when we know none of them."""
    known = [language for language in languages if language in ORDINARY]
    return rng.choice(ORDINARY[rng.choice(known or ["english"])])


def transaction(rng: random.Random, speech: str) -> list[Run]:
    """A line about a transaction, whose id must survive."""
    kept = chains.explorer_link(rng) if rng.random() < 0.25 else chains.transaction_id(rng)
    return _with_id(rng.choice(_TRANSACTIONS[speech]), kept)


def address(rng: random.Random, speech: str) -> list[Run]:
    """A line about an address, which must survive."""
    return _with_id(rng.choice(_ADDRESSES[speech]), chains.address(rng))


def kept_line(rng: random.Random, speech: str) -> list[Run]:
    return rng.choice((transaction, address))(rng, speech)


def _with_id(pattern: str, kept: str) -> list[Run]:
    before, behind = pattern.split("{}")
    return [Run(before), Run(kept, keep=True), Run(behind)]


def lines(*parts: list[Run]) -> list[Run]:
    """The parts that are not empty, each on its own line."""
    runs: list[Run] = []
    for part in parts:
        if part:
            runs += [*([Run("\n")] if runs else []), *part]
    return runs
