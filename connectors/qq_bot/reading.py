"""Reads one event into the common shape. Pure.

https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/event.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from connectors.contract import Author, Deleted, Post, Record
from connectors.errors import RecordError
from connectors.session import parse_json

Kind = Literal["group", "c2c", "guild", "dm"]
SAID: Mapping[str, Kind] = {
    "GROUP_AT_MESSAGE_CREATE": "group",
    "GROUP_MESSAGE_CREATE": "group",
    "C2C_MESSAGE_CREATE": "c2c",
    "AT_MESSAGE_CREATE": "guild",
    "MESSAGE_CREATE": "guild",
    "DIRECT_MESSAGE_CREATE": "dm",
}
RECALLED: Mapping[str, Kind] = {
    "PUBLIC_MESSAGE_DELETE": "guild",
    "MESSAGE_DELETE": "guild",
    "DIRECT_MESSAGE_DELETE": "dm",
}
ANSWER_WITHIN: Mapping[Kind, timedelta] = {
    "group": timedelta(minutes=5),
    "c2c": timedelta(minutes=60),
    "guild": timedelta(minutes=5),
    "dm": timedelta(minutes=5),
}
_PLACE_KEY: Mapping[Kind, str] = {"group": "group_openid", "guild": "channel_id", "dm": "guild_id"}
_PUBLIC = frozenset({"group", "guild"})
_ESCAPED = frozenset({"guild", "dm"})  # there what people write is told apart from markers by &lt; &gt; &amp;
_MENTION = re.compile(r"<@!?(?P<id>[\w-]+)>")
_FACE = re.compile(r"<faceType=[^<>]*>|<emoji:\d+>")
_CARD, _FORWARD, _REPLY = 3, 102, 103  # message_type; `msg_elements` of a reply are what it quotes
_CARD_WORDS = ("title", "desc", "summary")  # of the fields of a card, after its prompt
_DEEPEST = 3  # forwards within forwards that are unfolded
_MOST_FORWARDED = 50  # messages of one forward that are unfolded


def place_of(record: Record) -> str | None:
    """The id of the group, channel or direct session in which it was said; None: a talk with one user, or no message.

    Raises:
        KeyError, TypeError: the event is not of its documented form.
    """
    kind = SAID.get(record["t"]) or RECALLED.get(record["t"])
    if kind is None or kind == "c2c":
        return None
    said = record["d"]["message"] if record["t"] in RECALLED else record["d"]
    return str(said[_PLACE_KEY[kind]])


def read(record: Record, places: Mapping[str, str]) -> Post | Deleted | None:
    """See `Connector.post`. `places`: names of groups, channels and sessions by id."""
    event = str(record.get("t"))
    try:
        if event in SAID:
            return _post(record["d"], SAID[event], places)
        if event in RECALLED:
            return Deleted(f"{RECALLED[event]}:{record['d']['message']['id']}", at=None)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise RecordError(f"a {event} that cannot be read ({type(error).__name__})", _raw_id(record)) from error
    return None


def _post(said: Record, kind: Kind, places: Mapping[str, str]) -> Post | None:
    mentioned = {
        str(each["id"]): each for each in said.get("mentions") or () if isinstance(each, dict) and "id" in each
    }
    text, mentions = _text(str(said.get("content") or ""), mentioned, escaped=kind in _ESCAPED)
    attachments = len(said.get("attachments") or ())
    text = "\n".join(each for each in (*_shown(said, text), *_heard(said)) if each)
    if not text and not attachments:
        return None
    posted_at = datetime.fromisoformat(said["timestamp"]).astimezone(UTC)
    place = None if kind == "c2c" else str(said[_PLACE_KEY[kind]])
    author = _author(said["author"], kind)
    thread = f"{kind}/{place or author.native_id}"
    own, quoted = _positions(said)
    reference = said.get("message_reference")
    return Post(
        native_id=f"{kind}:{said['id']}",
        text=text,
        posted_at=posted_at,
        author=author,
        thread=thread,
        reply_to=f"{kind}:{reference['message_id']}" if reference else quoted and f"{thread}/{quoted}",
        alias=own and f"{thread}/{own}",
        mentions=mentions,
        order=int(said.get("seq") or said.get("seq_in_channel") or 0),
        public=kind in _PUBLIC,
        place=places.get(place, place) if place else None,
        can_reply_until=posted_at + ANSWER_WITHIN[kind],
        attachments=attachments,
        pictures=sum(str(each.get("content_type")).startswith("image/") for each in said.get("attachments") or ()),
    )


def _author(told: Record, kind: Kind) -> Author:
    """Who speaks. An openid is another one for each bot, and in groups for each group."""
    key: Mapping[Kind, str] = {"group": "member_openid", "c2c": "user_openid"}
    name = str(told.get("username") or "")
    return Author(str(told[key.get(kind, "id")]), name, role="bot" if told.get("bot") else "customer")


def _text(content: str, mentioned: Mapping[str, Record], *, escaped: bool) -> tuple[str, tuple[str, ...]]:
    """Words, and the ids that they name. What is left of a mention of the bot in groups is a blank before the words."""
    named: list[str] = []

    def spelled(marker: re.Match[str]) -> str:
        named.append(marker["id"])
        return f"@{mentioned.get(marker['id'], {}).get('username') or marker['id']}"

    text = _FACE.sub("[表情]", _MENTION.sub(spelled, content)).strip()
    if escaped:
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text, tuple(dict.fromkeys(named))


def _shown(said: Record, text: str) -> list[str]:
    """The words, and what is passed on with them: a card, or a chat with somebody else. Either may come without any
    words, and without telling what it holds; that something was there is shown nevertheless."""
    kind = said.get("message_type")
    card = _card(said.get("ark_data"))
    inside = [] if kind == _REPLY else _forwarded(said.get("msg_elements"), _positions(said)[1], 0)
    shown = [text, card if card not in text else "", *inside]
    if kind == _FORWARD and not text.startswith("[聊天记录]"):
        shown.insert(0, "[聊天记录]")
    if kind == _CARD and not any(shown):
        return ["[卡片]"]
    return shown


def _card(told: object) -> str:
    """What a shared card or mini app shows. It comes as an object, or as JSON within a string."""
    if isinstance(told, str):
        try:
            told = parse_json(told.encode())
        except ValueError:
            return "[卡片]" if told else ""
    if not isinstance(told, dict) or not told:
        return ""
    fields = told.get("fields")
    words = [told.get("prompt"), *(fields.get(name) for name in _CARD_WORDS if isinstance(fields, dict))]
    shown: list[str] = []
    for each in words:
        if isinstance(each, str) and (said := each.strip()) and not any(said in line for line in shown):
            shown.append(said)
    return "\n".join(shown) or "[卡片]"


def _forwarded(elements: object, quoted: str | None, depth: int) -> list[str]:
    """A line for each message that is passed on: people forward what scammers wrote in order to report it."""
    if not isinstance(elements, list) or depth >= _DEEPEST:
        return []
    lines = []
    for each in elements[:_MOST_FORWARDED]:
        if not isinstance(each, dict) or (quoted and each.get("msg_idx") == quoted):
            continue
        author = each.get("author")
        who = str(author.get("username") or "") if isinstance(author, dict) else ""
        what = _FACE.sub("[表情]", str(each.get("content") or "")).strip()
        pictures = "[图片]" if each.get("attachments") and not what else ""
        inside = [what, _card(each.get("ark_data")), pictures, *_heard(each)]
        inside += _forwarded(each.get("msg_elements"), None, depth + 1)
        if said := "\n".join(part for part in inside if part):
            lines.append(f"{who}: {said}" if who else said)
    return lines


def _heard(said: Record) -> list[str]:
    """What QQ has understood of voice messages."""
    told = (each.get("asr_refer_text") for each in said.get("attachments") or ())
    return [words.strip() for words in told if isinstance(words, str)]


def _positions(said: Record) -> tuple[str | None, str | None]:
    """A message's own index in its group and that of the one it answers, which is told apart from all ids."""
    scene = said.get("message_scene") or {}
    told = dict(each.split("=", 1) for each in scene.get("ext") or () if "=" in each)
    return told.get("msg_idx") or None, told.get("ref_msg_idx") or None


def _raw_id(record: Record) -> str | None:
    said = record.get("d")
    number = said.get("id") if isinstance(said, dict) else None
    return f"{record.get('t')}:{number or record.get('id')}" if number or record.get("id") else None
