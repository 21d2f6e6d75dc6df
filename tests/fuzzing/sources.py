"""One source of each connector, with invented credentials, and what its samples are."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from connectors.contract import Connector, Record
from connectors.registry import connector_class
from tests.fuzzing.target import NOON, SAMPLES

SECRET: Final = "not-a-secret-of-anybody"
AES_KEY: Final = "a" * 43
GROUPS: Final = (-1002100000777, -1002100000888, -4100777)  # of Telegram's samples
_SECRET: Final = {"env": "FUZZ_SECRET"}

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "discourse": {
        "url": "https://forum.example.net",
        "webhook_secret": _SECRET,
        "private_messages": True,
        "official_groups": ["helpers"],
    },
    "telegram": {"token": _SECRET, "chats": GROUPS, "webhook_secret": _SECRET},
    "weibo": {"token": _SECRET},
    "wechat": {"appid": "wx0123456789abcdef", "secret": _SECRET, "callback_token": _SECRET},
    "wechat_aes": {
        "connector": "wechat",
        "appid": "wx0123456789abcdef",
        "secret": _SECRET,
        "callback_token": _SECRET,
        "encoding_aes_key": {"env": "FUZZ_AES_KEY"},
    },
    "wechat_kf": {
        "corpid": "ww0123456789abcdef",
        "secret": _SECRET,
        "callback_token": _SECRET,
        "encoding_aes_key": {"env": "FUZZ_AES_KEY"},
    },
    "qq": {
        "accept_risk": True,
        "url": "http://127.0.0.1:9",
        "token": _SECRET,
        "account": 2990000001,
        "groups": [710000001],
        "private_chats": True,
        "webhook_secret": _SECRET,
    },
    "qq_bot": {"app_id": "102000000", "secret": _SECRET},
    "imap": {
        "host": "mail.example",
        "user": "support@wallet.example",
        "password": _SECRET,
        "addresses": ["support@wallet.example", "@wallet.example"],
        "authserv_id": "mx.wallet.example",
        "smtp": {"host": "mail.example"},
    },
    "feed": {"url": "https://notes.example/feed"},
    "feed_reviews": {"connector": "feed", "url": "https://notes.example/feed", "holds": "reviews"},
    "feed_weibo": {"connector": "feed", "url": "https://notes.example/feed", "holds": "weibo"},
    "intake": {"connector": "chat", "service": "intake", "secret": _SECRET, "calls_per_minute": 10**9},
    "chatwoot": {
        "connector": "chat",
        "service": "chatwoot",
        "url": "https://desk.example",
        "account": "1",
        "secret": _SECRET,
        "token": _SECRET,
    },
    "intercom": {
        "connector": "chat",
        "service": "intercom",
        "url": "https://api.intercom.example",
        "account": "abc123",
        "secret": _SECRET,
        "token": _SECRET,
    },
}

_FOLDERS: Final = {"discourse": "forum"}


def source(name: str) -> Connector:
    os.environ["FUZZ_SECRET"], os.environ["FUZZ_AES_KEY"] = SECRET, AES_KEY
    settings = {"connector": name} | SETTINGS[name]
    kind = connector_class(settings["connector"])
    connector = kind(name.replace("_", "-"), kind.Config.model_validate(settings), since=NOON)
    connector.clock = lambda: NOON
    return connector


def samples(name: str, begins: str = "") -> list[Record]:
    """The samples of a platform, by their names."""
    folder = SAMPLES / _FOLDERS.get(name, name)
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob(f"{begins}*.json"))]
