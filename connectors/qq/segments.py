"""A message's segments, or its CQ codes, as text.

https://github.com/botuniverse/onebot-11/blob/master/message/segment.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape

from connectors.contract import Record
from connectors.session import Json, parse_json

DEEPEST = 3  # forwards within forwards that are unfolded
MOST_FORWARDED = 50  # messages of one forward that are unfolded

_CODE = re.compile(r"\[CQ:(?P<type>[\w.-]+)(?P<data>(?:,[^\[\],]*)*)\]")
_BRIEF = re.compile(r'<msg\b[^<>]*?\sbrief="([^"<>]+)"')
_XML_WORDS = re.compile(r"<(?:title|summary)\b[^<>]*>([^<>]+)<")
_SHOWN = {
    **{"face": "[表情]", "image": "[图片]", "record": "[语音]", "video": "[视频]", "poke": "[戳一戳]"},
    **{"dice": "[骰子]", "rps": "[猜拳]", "location": "[位置]", "contact": "[名片]", "music": "[音乐]"},
}
_ATTACHED = frozenset({"image", "record", "video", "file"})


@dataclass(slots=True)
class Said:
    """What the segments of one message say."""

    text: str = ""
    reply_to: str | None = None  # message_id
    mentions: list[str] = field(default_factory=list)  # account numbers
    attachments: int = 0
    links: list[str] = field(default_factory=list)


def read_message(message: Json) -> Said:
    """Read either format: a list of segments, or text with CQ codes.

    Raises:
        ValueError: it is neither.
    """
    said = Said()
    segments = from_codes(message) if isinstance(message, str) else message
    if not isinstance(segments, list):
        raise ValueError("neither segments nor text")
    said.text = _all(segments, said, 0).strip()
    return said


def passed_on(segment: Json) -> str | None:
    """The id by which to ask for a chat that is passed on; None: it is none, or its messages are told with it."""
    if not isinstance(segment, dict) or segment.get("type") != "forward":
        return None
    data = segment.get("data")
    number = data.get("id") if isinstance(data, dict) and not data.get("content") else None
    return str(number) if isinstance(number, str | int) and number else None


def from_codes(text: str) -> list[Record]:
    """`[CQ:at,qq=123] hello &#91;1&#93;` as segments. A comma is escaped within codes only; `&amp;` comes last."""
    segments: list[Record] = []
    at = 0
    for code in _CODE.finditer(text):
        segments += _plain(text[at : code.start()])
        pairs = (pair.partition("=") for pair in code["data"].split(",")[1:])
        segments.append({"type": code["type"], "data": {key: _unescaped(value, ",") for key, _, value in pairs}})
        at = code.end()
    return segments + _plain(text[at:])


def _plain(text: str) -> list[Record]:
    return [{"type": "text", "data": {"text": _unescaped(text, "&#44;")}}] if text else []


def _unescaped(text: str, comma: str) -> str:
    return text.replace("&#91;", "[").replace("&#93;", "]").replace("&#44;", comma).replace("&amp;", "&")


def _all(segments: Iterable[Json], said: Said, depth: int) -> str:
    return "".join(_one(segment["type"], segment.get("data") or {}, said, depth) for segment in segments)


def _one(kind: str, data: Record, said: Said, depth: int) -> str:
    if kind in _ATTACHED:
        said.attachments += 1
    match kind:
        case "text":
            return str(data.get("text", ""))
        case "at":
            return _at(data, said, depth)
        case "reply":
            if not depth:
                said.reply_to = str(data["id"])
            return ""
        case "image" | "mface":
            return str(data.get("summary") or "") or _SHOWN.get(kind, "[表情]")
        case "file":
            return f"[文件] {data.get('name') or data.get('file') or ''}".rstrip()
        case "markdown":
            return str(data.get("content", ""))
        case "share":
            return _shared(said, data.get("url"), data.get("title"), data.get("content"))
        case "json":
            return _card(data.get("data"), said)
        case "xml":
            return _old_card(str(data.get("data") or ""))
        case "forward" | "node":
            return _forwarded(data, said, depth)
        case _:
            return _SHOWN.get(kind, f"[{kind}]")  # a kind of tomorrow still shows that something was there


def _at(data: Record, said: Said, depth: int) -> str:
    whom = str(data["qq"])
    if whom == "all":
        return "@全体成员"
    if not depth:
        said.mentions.append(whom)
    return f"@{str(data.get('name') or '').removeprefix('@') or whom}"


def _card(inside: Json, said: Said) -> str:
    """A shared card or mini app. What it shows is JSON within a JSON string."""
    try:
        card = parse_json(inside.encode()) if isinstance(inside, str) else inside
    except ValueError:
        return "[卡片]"
    if not isinstance(card, dict):
        return "[卡片]"
    meta = card.get("meta")
    parts = [part for part in meta.values() if isinstance(part, dict)] if isinstance(meta, dict) else []
    first = parts[0] if parts else {}
    prompt, title = str(card.get("prompt") or "[卡片]"), str(first.get("title") or "")
    if isinstance(first.get("news"), list):  # a chat that is passed on: its first lines
        lines = (each.get("text") for each in first["news"] if isinstance(each, dict))
        return "\n".join([prompt, *(str(line).strip() for line in lines if line)])
    return _shared(
        said,
        first.get("qqdocurl") or first.get("jumpUrl") or first.get("url"),
        prompt,
        None if title in prompt else title,
        first.get("desc") or first.get("contact"),
    )


def _old_card(xml: str) -> str:
    """A card of older QQ. `brief` is what the list of chats shows of it, its titles are what the card shows."""
    brief = _BRIEF.search(xml)
    parts = [brief[1] if brief else "[卡片]", *_XML_WORDS.findall(xml)]
    lines = dict.fromkeys(unescape(part).strip() for part in parts[:MOST_FORWARDED])
    return "\n".join(line for line in lines if line) or "[卡片]"


def _shared(said: Said, url: Json, *words: Json) -> str:
    if isinstance(url, str) and url:
        said.links.append(url if "://" in url else f"https://{url}")
    return "\n".join(str(each) for each in words if each)


def _forwarded(data: Record, said: Said, depth: int) -> str:
    """What somebody passes on, a line for each message: people forward what scammers wrote in order to report it."""
    content = data.get("content")
    if not isinstance(content, list) or not content or depth >= DEEPEST:
        told = data.get("desc") or data.get("preview")  # some hosts tell its first lines
        return f"[聊天记录]\n{told.strip()}" if isinstance(told, str) and told.strip() else "[聊天记录]"
    lines = [_forwarded_line(each, said, depth) for each in content[:MOST_FORWARDED] if isinstance(each, dict)]
    return "\n".join(["[聊天记录]", *lines])


def _forwarded_line(each: Record, said: Said, depth: int) -> str:
    inner = each["data"] if each.get("type") == "node" and isinstance(each.get("data"), dict) else each
    sender = inner.get("sender")
    who = (sender.get("nickname") if isinstance(sender, dict) else None) or inner.get("nickname") or ""
    message = inner.get("message") or inner.get("content") or []
    segments = from_codes(message) if isinstance(message, str) else message
    return f"{who}: {_all(segments, said, depth + 1)}"
