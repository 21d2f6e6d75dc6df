"""The platforms of the day, one each."""

from typing import Final

from aggregator.demo.scene import Scene
from aggregator.demo.scenes.chat import ChatScene
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.mail import MailScene
from aggregator.demo.scenes.qq import QQScene
from aggregator.demo.scenes.qq_bot import QQBotScene
from aggregator.demo.scenes.reviews import ReviewsScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.demo.scenes.wechat import WeChatScene
from aggregator.demo.scenes.wechat_kf import WeChatKfScene
from aggregator.demo.scenes.weibo import WeiboScene

SCENES: Final[tuple[type[Scene], ...]] = (
    ForumScene,
    TelegramScene,
    WeiboScene,
    WeChatScene,
    WeChatKfScene,
    QQScene,
    QQBotScene,
    MailScene,
    ChatScene,
    ReviewsScene,
)
