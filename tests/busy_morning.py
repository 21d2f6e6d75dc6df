"""An invented morning on both channels, in both languages: what the screens are looked at with."""

from __future__ import annotations

import random

from tests.conftest import Community, poll
from tests.secret_maker import phrase
from tests.web_site import WebSite

TELEGRAM = (
    ("小满", "转账三小时还没到账，哈希已经确认了，客服一直没人回，再不处理我就去投诉了！"),
    ("Marlow", "how do I change the network fee before sending?"),
    ("阿北", "更新之后打不开应用，一直闪退，安卓 14"),
    (
        "Ines",
        "All my USDT is gone. I connected to airdrop-harbor.example.top yesterday and now the wallet is empty, help!!",
    ),
    ("老周", "新版的界面真好看，点赞"),
    ("Tobin", "gm everyone"),
    ("Ines", "please somebody answer, this is my rent money"),
    ("叶子", "有人私信我说是官方客服，要我把助记词发给他，这是真的吗？"),
)
SAME = (
    ("Bo", "since this morning the app crashes at start, Android 14, v5.2.0"),
    ("海盐", "安卓更新到5.2.0以后一打开就闪退"),
    ("Nils", "5.2.0 won't open on my Android phone, it just closes"),
)
FORUM = (
    ("Wren", "Swap failed but fee was taken", "Swapped 240 USDC on Polygon, it failed and I still paid the fee. Tx 0x"
     + "3fa8" * 16 + ". Who returns it?"),
    ("Quill", "Suggestion: export as CSV", "Would love to see an export of the history for my taxes."),
    ("秋白", "提币选错网络怎么办", "提币的时候选错了网络，钱还能找回来吗？已经等了两天了。"),
    ("Oakley", "Locked out after update", "It asks for a password I never set. I can not get into my wallet."),
)  # fmt: skip


async def busy_morning(site: WebSite) -> None:
    """Everything said and polled; the clock stands half an hour after the last word."""
    community = site.community
    for author, text in (*TELEGRAM, *SAME):
        community.telegram.says(author, text)
        community.clock.pass_(minutes=3)
    community.telegram.says("Ravi", phrase(random.Random(3), layout="commas", disguise="none").text)
    topics = [_asks(community, *question) for question in FORUM]
    community.forum.user("harbor-lena").moderator = True
    community.forum.says("harbor-lena", "Thank you, noted for the next version.", reply_to=topics[1])
    community.clock.pass_(minutes=30)
    await poll(site.work)
    await site.work.ingest.group()


def _asks(community: Community, author: str, title: str, text: str) -> int:
    post = community.forum.says(author, text, title=title)
    community.clock.pass_(minutes=4)
    return post
