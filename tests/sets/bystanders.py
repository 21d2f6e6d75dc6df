"""Names of ordinary people, with the words of posers where they mean something else."""

from __future__ import annotations

import random

FIRST = (
    "Anna", "Ben", "Clara", "Dario", "Edith", "Femi", "Gwen", "Hugo", "Iris", "Jonas", "Kaya", "Liam", "Moira", "Nils",
    "Olga", "Paul", "Quentin", "Rosa", "Sven", "Tara", "Uma", "Viktor", "Wanda", "Yusuf", "Zoe", "Helen", "Aaron",
    "Herman", "Theron", "Sharon", "Erin", "Waller", "Wally",
)  # fmt: skip
LAST = (
    "Heron", "Walsh", "Waller", "Hernandez", "Heronimus", "Okafor", "Lindqvist", "Marsh", "Crane", "Egret", "Stork",
    "Bell", "Fischer", "Moreau", "Novak", "Castillo", "Barlow", "Officer", "Helps", "Modrow", "Adminov", "Carey",
)  # fmt: skip
EN_WORDS = (
    "crypto", "wallet", "hodl", "bird", "heron", "blueheron", "heronbay", "river", "pixel", "moon", "satoshi", "coin",
    "trader", "degen", "frog", "coffee", "nightowl", "walletless", "ledgerline", "chain", "block", "panda", "tea",
    "mod", "admin", "helper", "support", "teamster", "official", "desk", "agent", "care",
)  # fmt: skip
EN_PHRASES = (
    "support my channel", "Admin of nothing", "Chess Club Admin", "Blue Heron Cafe", "Heron Photography",
    "Grey Heron", "Great Blue Heron", "Heron Bay Lodge", "Herons FC Official", "Official Gamer", "Not Official",
    "Tech Support Dad", "Moderately Happy", "Mod the Gob", "Linux Helpdesk Survivor", "Customer of the year",
    "wallet is empty", "My wallet hurts", "Leather Wallet Shop", "Crypto Grandma", "support local farms",
    "Night Heron", "Heron Lake Rowing", "Minecraft Server Admin", "Team Rocket", "Agent Smithy", "Care Bear",
    "Help me lord", "Wallet Inspector", "Herone", "Heronry Watch", "Hero N", "Heroine", "Heron's Nest B&B",
    "Crypto Support Group Therapy", "Real Madrid Official Fan",
)  # fmt: skip
BRAND_CUSTOMERS = (
    ("heron wallet victim", "en"), ("refund_me_heronwallet", "en"), ("HeronWallet user since 2022", "en"),
    ("heronwallet holder", "en"), ("鹭钱包老用户", "zh"), ("鹭钱包受害者", "zh"), ("鹭钱包还我钱", "zh"),
    ("等鹭钱包到账的人", "zh"), ("鹭钱包用户小李", "zh"), ("在鹭钱包丢了币", "zh"),
)  # fmt: skip
ZH_WORDS = (
    "小满", "夜航船", "山竹", "白鹭", "鹭岛", "苍鹭", "池鹭", "夜鹭观察员", "客家人", "异乡客", "剑客", "黑客帝国",
    "过客", "官小飞", "上官", "司空", "判官", "钱多多", "没钱", "钱包空空", "钱包鼓鼓", "包子", "书包",
    "币圈老韭菜", "韭菜", "挖矿的", "矿工老王", "大饼摊主", "卖烧饼", "打新人", "空投猎人", "链上搬砖", "打工人",
    "管家婆", "管理学硕士", "助教", "助人为乐", "服了", "不服", "支持国货", "技术宅", "安全帽", "小美", "佳佳",
    "阿旺", "七月半", "糯米", "冬瓜", "一只鹤", "观鸟", "厦门鹭江", "鹭江道", "中文系", "售楼处", "官方吐槽",
)  # fmt: skip
ZH_TAILS = (
    "",
    "",
    "吖",
    "不吃鱼",
    "在路上",
    "的日常",
    "本人",
    "2号",
    "_",
    "（潜水）",
    "今天也要加油",
    "爱喝茶",
    "哥",
    "姐",
)
ZH_PHRASES = (
    "篮球群管理员", "社区团购客服小王", "某宝客服在线", "官渡区", "上官婉", "客服已疯", "美食官方认证吃货",
    "狗狗救助站", "我不是客服", "学校机房管理员", "驴友群主", "支持我的频道", "钱包丢在地铁上", "鹭岛房产",
    "白鹭洲公园", "官人好", "观鸟协会客服", "物业客服中心",
)  # fmt: skip
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗官钱包路陆"
GIVEN = "子涵欣怡宇轩梓晨雨桐浩然思远若曦嘉树一鸣海燕建国丽华晓东雪梅志强秋白"
OTHER = (
    ("ja", ("さくら", "たけし", "サギ鳥", "ユキ", "青鷺", "白鷺城", "鷺沼の人", "ゆうた", "もち", "財布なくした")),
    ("ko", ("하늘", "지민", "왜가리", "민수네", "지갑요정", "코인초보", "두루미", "관리비")),
    ("ru", ("Аня", "Дима Цапля", "Герон", "Хероним", "Олег", "Кошелёк пуст", "Ваня", "Админ дачи", "Света", "Север")),
    ("vi", ("Minh", "Thảo", "Cò Trắng", "Hải Đăng", "Ví Rỗng", "Lan Anh", "Tuấn", "Ngọc")),
    ("es", ("Lucía", "Garza Azul", "Mateo", "Sin Cartera", "Nube", "Soporte Vital", "Íñigo", "Jerónimo")),
    ("ar", ("سلمى", "خالد", "بلشون", "نور", "ياسين")),
)
EMOJI = ("", "", "", "", "🐸", "🌙", "🚀", "☕", "🐦", "✨", "💎", "✅")


def bystander(rng: random.Random) -> tuple[str, str, str]:
    """Name, handle, language."""
    kind = rng.random()
    number = rng.randrange(10 ** rng.randint(1, 5))
    if kind < 0.24:
        return f"{rng.choice(FIRST)} {rng.choice(LAST)}", f"{rng.choice(FIRST).lower()}{number}", "en"
    if kind < 0.44:
        words = f"{rng.choice(EN_WORDS)}{rng.choice(('_', '', '.'))}{rng.choice(FIRST).lower()}"
        return words + rng.choice(EMOJI), f"{words.replace('.', '_')}{number}", "en"
    if kind < 0.52:
        return rng.choice(EN_PHRASES) + rng.choice(EMOJI), f"{rng.choice(EN_WORDS)}{number}", "en"
    if kind < 0.72:
        return rng.choice(ZH_WORDS) + rng.choice(ZH_TAILS) + rng.choice(EMOJI), f"u{number}x", "zh"
    if kind < 0.84:
        return rng.choice(SURNAMES) + "".join(rng.sample(GIVEN, rng.randint(1, 2))), f"w{number}", "zh"
    if kind < 0.89:
        return rng.choice(ZH_PHRASES) + rng.choice(EMOJI), f"q{number}", "zh"
    if kind < 0.891:
        name, lang = rng.choice(BRAND_CUSTOMERS)
        return name, f"a{number}", lang
    lang, names = rng.choice(OTHER)
    return rng.choice(names) + rng.choice(EMOJI), f"{lang}{rng.choice(('_', ''))}{number}", lang
