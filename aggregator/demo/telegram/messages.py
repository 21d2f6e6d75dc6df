"""Parts of messages in the shapes of the Bot API. https://core.telegram.org/bots/api#message"""

from __future__ import annotations

import re
from typing import Any, Final

Json = dict[str, Any]

ENTITIES: Final = {"mention": r"@\w{3,}", "url": r"https?://[\w./?=&#-]+", "bot_command": r"(?<!\S)/\w+"}

CONTENT: Final = frozenset({"text", "entities", "caption", "caption_entities"})


def text_of(message: Json) -> str:
    return str(message.get("text") or message.get("caption") or "")


def spoken(text: str) -> Json:
    return {"text": text} | given(entities=_entities(text) or None)


def captioned(text: str) -> Json:
    return given(caption=text or None, caption_entities=_entities(text) or None)


def _entities(text: str) -> list[Json]:
    found = [
        {"type": kind, "offset": _units(text[: match.start()]), "length": _units(match.group())}
        for kind, pattern in ENTITIES.items()
        for match in re.finditer(pattern, text)
    ]
    return sorted(found, key=lambda entity: entity["offset"])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def topic_opened(name: str) -> Json:
    return {"forum_topic_created": {"name": name, "icon_color": 7322096}}


def photo(album: str, nth: int) -> list[Json]:
    """One picture in two sizes, the largest last."""
    sizes = ((90, 67, "s"), (1280, 960, "x"))
    return [
        {
            "file_id": f"AgAC-{album}-{nth}-{size}",
            "file_unique_id": f"AQAD-{album}-{nth}-{size}",
            "width": w,
            "height": h,
        }
        for w, h, size in sizes
    ]


def given(**values: Any) -> Json:
    """Only what there is: the Bot API leaves absent members out."""
    return {key: value for key, value in values.items() if value is not None}
