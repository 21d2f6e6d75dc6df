"""How each channel is connected: what to write into connectors.yaml, which secrets it takes, and where to get them.

The snippets are the shortest that work; connectors.yaml at the root of the project explains every setting.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.web.i18n import N_


@dataclass(frozen=True, slots=True)
class Guide:
    """One way to connect.

    yaml: the lines below `sources:`, not indented. secrets: environment variable -> where its value comes from. first:
    what must be done on the platform besides. section: its heading in the READMEs, English and Chinese. manual: the
    platform's own.
    """

    connector: str
    name: str
    reads: str
    yaml: str
    secrets: tuple[tuple[str, str], ...]
    first: str
    section: tuple[str, str]
    manual: str = ""


_CHAT = ("Chat", "在线客服")

GUIDES = (
    Guide(
        "telegram",
        N_("Telegram"),
        N_("groups, channels and private chats, through a bot of your own"),
        """\
telegram:
  connector: telegram
  token: {env: TELEGRAM_TOKEN}
  chats: [-1001234567890]
""",
        (("TELEGRAM_TOKEN", N_("Write /newbot to @BotFather; it answers with the token.")),),
        N_(
            "Turn the bot's privacy mode off (/setprivacy, Disable) before you add it to the groups, or it sees next to"
            " nothing there. Under chats stand the ids of the groups."
        ),
        ("Telegram", "Telegram"),
        "https://core.telegram.org/bots/features#privacy-mode",
    ),
    Guide(
        "discourse",
        N_("Discourse forum"),
        N_("posts, edits and deletions of a forum; it begins without any key"),
        """\
forum:
  connector: discourse
  url: https://forum.example.org
  api_key: {env: DISCOURSE_API_KEY}
  api_user: desk
""",
        (
            (
                "DISCOURSE_API_KEY",
                N_("Admin, API keys, New: user level Single user, scope Read-only, or Granular with topics: write."),
            ),
        ),
        N_("Leave out api_key and api_user to read the public categories as a guest."),
        ("Discourse", "Discourse"),
        "https://docs.discourse.org",
    ),
    Guide(
        "imap",
        N_("Mail"),
        N_("a mailbox over IMAP; nothing in it is changed"),
        """\
mail:
  connector: imap
  host: imap.example.com
  user: support@example.com
  password: {env: MAIL_PASSWORD}
  addresses: [support@example.com]
""",
        (
            (
                "MAIL_PASSWORD",
                N_("An app password (QQ Mail and 163 call it 授权码), made in the mailbox's settings; not your own."),
            ),
        ),
        N_("Switch on IMAP for the mailbox. Microsoft 365 takes no password: fill in oauth2 instead."),
        ("Email", "邮件"),
    ),
    Guide(
        "chat",
        N_("Chat in our own app"),
        N_("our app's backend posts signed JSON"),
        """\
app-chat:
  connector: chat
  service: intake
  secret: {env: CHAT_SECRET}
""",
        (("CHAT_SECRET", N_("Make one up, at least 32 random characters, and give the same to the app's backend.")),),
        N_("docs/chat-intake.md is all that the app's programmer needs."),
        _CHAT,
    ),
    Guide(
        "chat",
        N_("Chatwoot"),
        N_("conversations of a website's chat"),
        """\
website-chat:
  connector: chat
  service: chatwoot
  url: https://chatwoot.example.com
  account: "1"
  token: {env: CHATWOOT_TOKEN}
  secret: {env: CHATWOOT_SECRET}
""",
        (
            ("CHATWOOT_TOKEN", N_("Profile, Access token, of an administrator: others see only their own inboxes.")),
            ("CHATWOOT_SECRET", N_("The secret that Settings, Integrations, Webhooks shows for the webhook.")),
        ),
        N_("Its webhook calls /hooks/website-chat at your proxy."),
        _CHAT,
        "https://developers.chatwoot.com",
    ),
    Guide(
        "chat",
        N_("Intercom"),
        N_("conversations with people"),
        """\
intercom:
  connector: chat
  service: intercom
  url: https://api.intercom.io
  account: abc123
  secret: {env: INTERCOM_CLIENT_SECRET}
  token: {env: INTERCOM_TOKEN}
""",
        (
            ("INTERCOM_CLIENT_SECRET", N_("Developer Hub, your app, Basic information: Client secret.")),
            ("INTERCOM_TOKEN", N_("The same app, Authentication: Access token.")),
        ),
        N_("Its webhook calls /hooks/intercom at your proxy."),
        _CHAT,
        "https://developers.intercom.com",
    ),
    Guide(
        "feed",
        N_("Web feeds and app reviews"),
        N_("RSS, Atom and JSON feeds: App Store reviews, status pages, Weibo keywords by RSSHub"),
        """\
reviews-us:
  connector: feed
  url: https://itunes.apple.com/us/rss/customerreviews/id=123456789/sortBy=mostRecent/json
  holds: reviews
""",
        (),
        N_("Put your app's number into the address; one source for each country."),
        ("Feeds", "订阅源"),
        "https://docs.rsshub.app",
    ),
    Guide(
        "weibo",
        N_("Weibo"),
        N_("who names us, who comments to us, and what is said under our posts"),
        """\
weibo:
  connector: weibo
  token: {env: WEIBO_TOKEN}
""",
        (
            (
                "WEIBO_TOKEN",
                N_("The access token of our own account, from the OAuth login of an app at open.weibo.com."),
            ),
        ),
        N_("Weibo must have reviewed the app; until then only its test users can log in."),
        ("Weibo", "微博"),
        "https://open.weibo.com/wiki/",
    ),
    Guide(
        "wechat",
        N_("WeChat official account"),
        N_("messages, comments under articles, agents' chats"),
        """\
wechat:
  connector: wechat
  appid: wx1234567890abcdef
  secret: {env: WECHAT_SECRET}
  callback_token: {env: WECHAT_CALLBACK_TOKEN}
  encoding_aes_key: {env: WECHAT_AES_KEY}
""",
        (
            (
                "WECHAT_SECRET",
                N_("mp.weixin.qq.com, 设置与开发, 基本配置: AppSecret. Put this machine on the white-list."),
            ),
            ("WECHAT_CALLBACK_TOKEN", N_("The Token of 服务器配置 on the same page; your own choice.")),
            ("WECHAT_AES_KEY", N_("The EncodingAESKey of the same form; choose 安全模式.")),
        ),
        N_("Start the service before you save there: WeChat calls /hooks/wechat at once."),
        ("WeChat official account", "微信公众号"),
        "https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html",
    ),
    Guide(
        "wechat_kf",
        N_("WeChat customer service"),
        N_("both sides of its conversations"),
        """\
wechat-kf:
  connector: wechat_kf
  corpid: ww1234567890abcdef
  secret: {env: WECHAT_KF_SECRET}
  callback_token: {env: WECHAT_KF_CALLBACK_TOKEN}
  encoding_aes_key: {env: WECHAT_KF_AES_KEY}
""",
        (
            ("WECHAT_KF_SECRET", N_("kf.weixin.qq.com, 开发配置: the Secret of 微信客服 itself.")),
            ("WECHAT_KF_CALLBACK_TOKEN", N_("The Token of 回调配置 on the same page; your own choice.")),
            ("WECHAT_KF_AES_KEY", N_("The EncodingAESKey of the same form.")),
        ),
        N_("Start the service before you save there: WeChat calls /hooks/wechat-kf at once."),
        ("WeChat customer service", "微信客服"),
        "https://developer.work.weixin.qq.com/document/path/94638",
    ),
    Guide(
        "qq_bot",
        N_("QQ's official bot"),
        N_("groups, private talks and guild channels, by the way that QQ allows"),
        """\
qq-bot:
  connector: qq_bot
  app_id: "102000000"
  secret: {env: QQ_BOT_SECRET}
""",
        (("QQ_BOT_SECRET", N_("q.qq.com, your bot, 开发设置: AppSecret. One that is reset there is void at once.")),),
        N_("Start the service, then save /hooks/qq-bot as its callback; or write way: gateway."),
        ("QQ's official bot", "QQ 官方机器人"),
        "https://bot.q.qq.com/wiki/develop/api-v2/",
    ),
    Guide(
        "qq",
        N_("QQ groups by OneBot"),
        N_("all of a group's messages; it breaks QQ's terms, and the account may be frozen"),
        """\
qq:
  connector: qq
  accept_risk: true
  url: http://127.0.0.1:3000
  token: {env: ONEBOT_TOKEN}
  account: 10001000
  groups: [123456789]
""",
        (("ONEBOT_TOKEN", N_("The access token that you set for the HTTP server of NapCat, Lagrange or LLOneBot.")),),
        N_("Use an account that you can do without, and ask whoever answers for compliance first."),
        ("QQ through OneBot", "QQ（OneBot）"),
        "https://github.com/botuniverse/onebot-11",
    ),
)


def in_order(configured: Iterable[str]) -> list[Guide]:
    """Those whose connector is not in use come first, each part in our order."""
    used = set(configured)
    return sorted(GUIDES, key=lambda guide: guide.connector in used)
