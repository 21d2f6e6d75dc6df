"""The traps of masking, one by one: what must be hidden, and what must stay readable."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from aggregator.triage.secrets import find, mask
from tests import secret_maker
from tests.secret_generator import keys

PHRASE = "earth together pond inhale main camp grow bronze sad treat velvet report"
HEX = "5f2b8c1d9e0a4b7c6d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c"
SHARED = Path(__file__).resolve().parents[2] / "shared"


def test_the_whole_run_is_masked_and_not_its_first_window_that_passes_the_checksum() -> None:
    text = "zebra " + PHRASE + " lava"
    assert mask(text)[0] == "█" * len(text)


def test_a_phrase_with_a_wrong_checksum_is_masked_beside_a_cue() -> None:
    wrong = PHRASE.replace("report", "earth")
    masked, found = mask("恢复不了：" + wrong)
    assert masked == "恢复不了：" + "█" * len(wrong)
    assert not found[0].checked


@pytest.mark.parametrize("typo", ["togehter", "togethr", "togetherr", "tagether", "qqqq"])
def test_one_mistyped_word_beside_a_cue_hides_no_other_word(typo: str) -> None:
    text = PHRASE.replace("together", typo)
    assert mask("my seed phrase is: " + text)[0] == "my seed phrase is: " + "█" * len(text)


@pytest.mark.parametrize(
    "form",
    [
        "my wallet does not open, it was {} and nothing else",
        "{}",
        '{{"words": ["{}"]}}',
        "1. {}",
    ],
)
def test_a_phrase_of_which_each_word_is_cut_to_four_letters_is_masked(form: str) -> None:
    cut = [word[:4] for word in PHRASE.split()]  # as plates of steel have them
    masked, found = mask(form.format('", "'.join(cut) if "[" in form else " ".join(cut)))
    assert [word for word in cut if word in masked.split()] == []
    assert [(one.kind, one.checked) for one in found] == [("phrase", True)]


@pytest.mark.parametrize(
    "text",
    [
        "seed phrase lost, went from shop to bank, they said come back next week with your card, open till five",
        "will that coin ever list here? many want info from your team, some sold, some wait",
        "para este caso solo hace falta abri otra vez la app, todo bien pero muy lent",
        "BTC ETH SOL ATOM LINK CAKE SAND MANA NEAR GALA GMT APT",
    ],
)
def test_words_of_four_letters_that_are_a_sentence_or_a_list_of_coins_stay_readable(text: str) -> None:
    assert find(text) == []


def test_words_with_ordinals_are_a_phrase() -> None:
    text = " ".join(f"{n}th {word}" for n, word in enumerate(PHRASE.split(), 4))
    assert mask(text)[0].count("█") == len(text) - len("4th ")


@pytest.mark.parametrize("form", ["word {} is {}", "Word {}: {}", "第{}个词是{}", "#{} &quot;{}&quot;"])
def test_words_that_are_counted_one_by_one_are_a_phrase(form: str) -> None:
    text = "\n".join(form.format(n, word) for n, word in enumerate(PHRASE.split(), 1))
    assert not any(word in mask(text)[0] for word in PHRASE.split())


def test_a_heading_and_prose_around_a_phrase_cost_it_no_word() -> None:
    # Three words of the sentence and of its heading are list words as well.
    around = "my phrase: {}\n\nCan you look at it?"
    assert not any(word in mask(around.format(PHRASE))[0] for word in PHRASE.split())


def test_ids_of_mails_are_no_fragment_though_their_domains_are_list_words() -> None:
    ids = [f"<{number:04}.harbor@mail.example>" for number in range(1, 13)]
    assert [find(" ".join(ids[:many])) for many in range(2, 13)] == [[]] * 11
    assert [one.kind for one in find("harbor mail example flag harbor@mail.example")] == ["fragment"]


def test_four_list_words_alone_are_a_fragment() -> None:
    assert [one.kind for one in find("swing flag economy stadium")] == ["fragment"]
    assert [one.kind for one in find("1. swing\n2. flag\n3. economy\n4. stadium")] == ["fragment"]


@pytest.mark.parametrize(
    "text",
    [
        "can you please repeat that",
        "when will you have more time to help",
        "What about this one then",
        "please wait until tomorrow morning",
        "thank you, good job, very nice",
        "I will try again later today when there is more time",
        "never ever share your seed phrase or private key with anyone, the support team will never ask",
        "write down your recovery phrase and keep it in a safe place, then you can restore the wallet any time",
        "moon moon moon moon moon moon moon moon moon moon moon moon moon",
        "can you help? just try again, please, maybe they will solve that",
        "助记词应该怎么保存比较安全，写在纸上还是存在手机里",
        "我的助记词忘记了，钱包进不去，怎么办啊，求求你们帮帮我",
        "恢 复 中",
        "福 利 群 加 我 微 信 领 取 红 包",
    ],
)
def test_ordinary_words_stay_readable(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "tx 0x{}，私钥没有泄露过",
        "我没有泄露私钥，但是钱被转走了，交易哈希 0x{}",
        "never shared my private key! drained in tx 0x{}",
        "https://etherscan.io/tx/0x{}",
        "https://tronscan.org/#/transaction/{}",
        "https://bscscan.com/advanced-filter?eladd=0x{}",
        "block 0x{}",
        "转了100U没到账 0x{}",
        "这笔 0x{} 卡住了",
        "where is my withdrawal 0x{}",
        "my transaction {} is pending, please check. I keep my private key safe",
        "Aptos address 0x{}",
        "número de transacción: {}",
        "El dinero no llegó: {}",
        "Transaktion {}",
        "meine Überweisung fehlt: {}",
        "거래번호: {}",
        "거래 번호는 {} 입니다",
        "işlem numarası: {}",
        "İşlem no {}",
        "凭证: {}",
        "轉帳憑證：{}",
    ],
)
def test_ids_stay_readable(text: str) -> None:
    assert find(text.format(HEX)) == []


def test_addresses_stay_readable() -> None:
    text = "我的地址 0x" + HEX[:40] + " bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE"
    assert find(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Mi transacción no llega. Mi llave privada: {}",
        "거래소 개인키: {}",
        "işlem yapamıyorum, private key: {}",
        "私钥凭证: {}",
        "İşlem gelmedi, özel anahtar: {}",
        "プライベートキーは {} です",
        "khóa riêng: {}",
        "khoá riêng tư của tôi {}",
        "my key is {}",
        "我的key {}",
    ],
)
def test_words_of_a_transfer_save_no_key_that_is_named(text: str) -> None:
    assert HEX not in mask(text.format(HEX))[0]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "0x{}",
        "登录凭证: {}",
        "no llega, la clave es {}",
        "거래소: {}",
        "这个 {} 是私钥还是交易哈希啊",
        "is it a private key or a tx hash? {}",
    ],
)
def test_in_doubt_only_the_middle_is_masked(text: str) -> None:
    masked = mask(text.format(HEX))[0]
    assert masked == text.format(HEX[:8] + "█" * 48 + HEX[-8:])


def test_ids_in_a_list_are_read_by_its_heading() -> None:
    ids = "\n".join(f"{n}. {HEX[n:]}{HEX[:n]}" for n in range(1, 5))
    assert find("tx hashes\n" + ids) == []
    assert [one.kind for one in find("private keys:\n" + ids)] == ["private_key"] * 4


def test_words_in_the_line_of_a_key_count_before_those_of_other_lines() -> None:
    key = HEX[::-1]
    assert mask(f"交易雜湊：{HEX}\n{key} 這是我的私鑰")[0] == f"交易雜湊：{HEX}\n{'█' * 64} 這是我的私鑰"
    assert mask(f"转账的hash是 {HEX}\n私钥 {key}")[0] == f"转账的hash是 {HEX}\n私钥 {'█' * 64}"


def test_an_amount_before_digits_makes_them_a_transaction() -> None:
    assert find(f"跨链跨丢了，693.43 SOL 没下文，0x{HEX}") == []


def test_links_beside_a_phrase_stay_readable() -> None:
    link = f"https://explorer.example/txn/0x{HEX}"
    assert mask(f"seed phrase: {PHRASE}\n{link}")[0] == f"seed phrase: {'█' * len(PHRASE)}\n{link}"
    assert mask(f"{link}?cluster=beta\n{PHRASE}")[0] == f"{link}?cluster=beta\n{'█' * len(PHRASE)}"


def test_bytes_that_are_no_key_stay_readable() -> None:
    assert find(f'{{"width": 8, "pixels": {list(range(64))}}}') == []


def test_an_address_that_begins_with_a_list_word_stays_readable() -> None:
    address = "cosmos1jkxep836xml2neg07ep8sj88vgjpzr3wnmuzwv"
    assert mask(f"{PHRASE}\n{address}")[0] == f"{'█' * len(PHRASE)}\n{address}"


@pytest.mark.parametrize("form", ["<p {}>", "<p\u200c{}>", '<b title="{}">', "<i a=1 {}>"])
def test_what_only_looks_like_a_tag_hides_no_phrase(form: str) -> None:
    masked = mask("my seed: " + form.format(PHRASE))[0]
    assert not any(word in masked for word in PHRASE.split())


def test_tags_with_attributes_part_the_words_of_a_phrase() -> None:
    masked = mask("".join(f'<li class="word" id=w{n}>{word}</li>' for n, word in enumerate(PHRASE.split())))[0]
    assert not any(word in masked for word in PHRASE.split())


def test_sentences_around_a_phrase_with_a_slip_do_not_save_it() -> None:
    typed = PHRASE.replace("together", "togehter")
    masked = mask(f"Is there anybody who can tell me what went wrong?\nmnemonic: {typed}")[0]
    assert not any(word in masked for word in typed.split())


def test_the_russian_word_that_the_library_ships_broken_is_known() -> None:
    phrase = "сначала снег снизу сниться снова снять собака соблазн собрание абзац абонент абсурд"
    assert mask(phrase)[0] == "█" * len(phrase)


def test_a_key_in_groups_is_masked_beside_a_cue() -> None:
    groups = " ".join(HEX[i : i + 4] for i in range(0, 64, 4))
    assert mask("私钥 " + groups)[0] == "私钥 " + "█" * len(groups)
    assert find("what I see: " + groups) == []


def test_a_keystore_hides_all_that_is_encrypted_and_shows_the_address() -> None:
    planted = secret_maker.keystore(random.Random(1))
    address = planted.text.split('"address": "')[1][:40]
    masked, found = mask(planted.text)
    assert [one.kind for one in found] == ["keystore"]
    assert address in masked


def test_a_solana_signature_is_told_from_a_key_by_its_public_half() -> None:
    signature = secret_maker.base58(random.Random(3).randbytes(64))
    assert find("my swap " + signature + " is not there") == []
    assert [one.kind for one in find("我的私钥 " + signature)] == ["solana_key"]


@pytest.mark.parametrize(
    "secret",
    [
        "abandon " * 11 + "about",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "zoo " * 11 + "wrong",
        "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
        "test " * 11 + "junk",
        "0x" + "0" * 63 + "1",
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn",
    ],
)
def test_published_vectors_are_masked_without_an_alarm(secret: str) -> None:
    masked, found = mask(secret)
    assert masked == "█" * len(secret)
    assert [one.published for one in found] == [True]
    assert not any(one.published for one in find(PHRASE))


@pytest.mark.parametrize("seed", range(40))
def test_chinese_characters_that_stand_apart_are_a_phrase(seed: int) -> None:
    planted = secret_maker.chinese_phrase(random.Random(seed))
    masked, found = mask(planted.text)
    assert [one.kind for one in found] == ["phrase"], planted
    assert not any(word in masked.split("：")[-1].split("\n")[-1] for word in planted.parts)


def test_chinese_characters_without_separators_need_a_cue() -> None:
    signs = "".join(secret_maker.words(random.Random(8), 12, "chinese_simplified"))
    assert mask(f"助记词：{signs}，导入不了")[0] == f"助记词：{'█' * 12}，导入不了"
    assert find(f"今天{signs}，不错") == []


@pytest.mark.parametrize(
    "piece",
    [
        "earth together pond ",
        "earthtogetherpond",
        "ab12",
        "private key ab12 ",
        "12,",
        " ",
        "\n",
        "的 一 ",
        "助记词",
        "aban zone ",
        "<b",
        "\\",
        "а",
    ],
)
def test_a_megabyte_of_anything_is_read_in_time_that_grows_with_its_length(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        find(text)
        return time.process_time() - start

    assert seconds(1_000_000) < max(4.0, 40 * seconds(100_000))


@pytest.mark.shared
def test_at_most_one_public_post_in_ten_thousand_is_masked_wrongly() -> None:
    import duckdb

    rows = duckdb.sql(f"SELECT text FROM '{SHARED / 'data/public_dev.parquet'}'").fetchall()
    wrong = [text for (text,) in rows for one in find(text) if not one.checked]
    assert len(wrong) <= len(rows) // 10_000


def test_an_ordinary_sentence_of_twelve_characters_after_talk_of_phrases_is_no_phrase() -> None:
    said = "截图已公证。冒充客服骗取助记词，向执业律师行骗，勇气可嘉。请管理员保留此人注册信息。"
    assert find(said) == []


KEY = "2c70e1525453a9a7b2c5c8f7d6f1c7ba942712345f6a7b8c9d0e1f2a3b4c5d6e"


def in_pieces(size: int) -> list[str]:
    return [KEY[at : at + size] for at in range(0, len(KEY), size)]


@pytest.mark.parametrize(
    "text",
    [
        "my private key:\n> " + "\n> ".join(in_pieces(32)),
        "my private key:\n" + "\n".join(f"{n}. {piece}" for n, piece in enumerate(in_pieces(16), 1)),
        "my private key:\n" + "\n".join(f"{n}) {piece}" for n, piece in enumerate(in_pieces(4), 1)),
        "我的私钥：\n" + "\n".join(f"{n}、{piece}" for n, piece in enumerate(in_pieces(8), 1)),
        *("private key: " + mark.join(in_pieces(8)) for mark in ("🔥", "|", "/", "_", "*", "、", " - ", "=\n")),
        "private key " + ":".join(in_pieces(2)),
        f"my private key, first half: {KEY[:32]} second half: {KEY[32:]}",
        f"私钥前半段 {KEY[:32]}，后半段 {KEY[32:]}",
    ],
)
def test_a_private_key_that_is_parted_is_masked(text: str) -> None:
    masked, found = mask(text)
    assert [piece for piece in in_pieces(4) if piece in masked] == []
    assert all(one.alarming for one in found)


@pytest.mark.parametrize("gap", ["\n", " ", "\n> ", "=\n"])
@pytest.mark.parametrize("width", [40, 76])
def test_an_extended_key_that_is_broken_is_masked_to_its_end(gap: str, width: int) -> None:
    key = "".join(run.text for run in keys.extended(random.Random(1)).runs)
    masked, found = mask("here: " + gap.join(key[at : at + width] for at in range(0, len(key), width)))
    assert masked == "here: " + "█" * (len(masked) - 6)
    assert found[0].checked


@pytest.mark.parametrize(
    "place", ["?pk=", "?a=1&pkey=", "?mnemonic=", "?prvKey=", "?wif=", "#pk=", "import/", "?private_key="]
)
def test_a_key_in_a_link_is_masked(place: str) -> None:
    assert mask(f"https://wallet.example/{place}{KEY}")[0] == f"https://wallet.example/{place}" + "█" * 64


@pytest.mark.parametrize(
    "text",
    [
        "private key fingerprint SHA256 " + ":".join(in_pieces(2)),
        f"I keep my private key safe. https://etherscan.io/tx/0x{KEY}",
        f"https://wallet.example/?apikey={KEY}&id={KEY}",
        f"api key {KEY[:32]} for one part, order id {KEY[32:]}",
        "private key backed up at " + "2024-01-02 12:30 " * 20,
    ],
)
def test_what_only_looks_like_a_parted_key_stays_readable(text: str) -> None:
    assert mask(text) == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        "退 钱 退 钱 退 钱 退 钱",
        "大 家 好 我 是 新 人 请 多 关 照 谢 谢",
        "Issue list: balance, camera, design, filter, funny, icon, network, update",
    ],
)
def test_plain_words_that_stand_apart_stay_readable(text: str) -> None:
    assert mask(text) == (text, [])
