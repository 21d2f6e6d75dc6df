"""One record of an official account, read into the common shape. Pure.

Records come in five shapes: `{"message": fields}` from a callback, `{"unreadable": text}` from one that does not
parse, `{"comment", "article"}` from comment/list, `{"comment_gone"}`, written by the connector when a comment has
disappeared (both with `reply_before`, where our reply of that time is gone), and `{"row", "digest", "order"}` from
getmsglist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Final

from connectors.contract import Author, Deleted, Item, Post, Record
from connectors.errors import RecordError

Fields = Mapping[str, object]

REPLY_WITHIN: Final = timedelta(hours=48)  # of the customer's last message
FROM_AGENT: Final = 2002  # opercode
FROM_CUSTOMER: Final = 2003
US: Final = Author("account", "公众号", role="staff")
MEDIA: Final = {"image": "[图片]", "voice": "[语音]", "video": "[视频]", "shortvideo": "[视频]"}
LARGEST: Final = 2**63


def item(record: Record) -> Item | Sequence[Item] | None:
    """See `Connector.post`."""
    if "unreadable" in record:
        raise RecordError("a callback that is neither XML nor JSON")
    if "message" in record:
        return _message(_object(record, "message"))
    if "comment_gone" in record:
        return _gone(_comment_id(_object(record, "comment_gone")), record)
    if "comment" in record:
        return _comment(record)
    return _row(record)


# Messages to the account: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html


def _message(fields: Fields) -> Post | None:
    kind = fields.get("MsgType")
    if kind == "event":
        return None  # somebody follows, scans, opens a menu: nothing is said
    native_id = f"message/{_id(fields, 'MsgId')}"
    try:
        openid = _id(fields, "FromUserName")
        posted_at = _time(fields.get("CreateTime"))
        return Post(
            native_id=native_id,
            text=_said(str(kind), fields),
            posted_at=posted_at,
            author=person(openid),
            thread=f"chat/{openid}",
            order=_number(fields.get("MsgId")),
            public=False,
            place=f"微信公众号 {fields.get('ToUserName', '')} · 私信",
            can_reply_until=posted_at + REPLY_WITHIN,
            attachments=int(kind in MEDIA or kind == "file"),
        )
    except RecordError as error:
        raise RecordError(str(error), native_id) from error


def _said(kind: str, fields: Fields) -> str:
    match kind:
        case "text":
            return _text(fields, "Content")
        case "voice" if fields.get("Recognition"):
            return _text(fields, "Recognition")
        case "location":
            label = fields.get("Label") or f"{fields.get('Location_X')}, {fields.get('Location_Y')}"
            return f"[位置] {label}"
        case "link":
            parts = (fields.get(name) for name in ("Title", "Description", "Url"))
            return "\n".join(str(part) for part in parts if part)
        case "file" | "miniprogrampage":  # both are sent, and neither is documented for accounts
            mark = "[文件]" if kind == "file" else "[小程序]"
            return f"{mark} {fields.get('Title') or ''}".rstrip()
        case _ if kind in MEDIA:
            return MEDIA[kind]
    raise RecordError(f"unknown kind of message: {kind[:40]}")


def person(openid: str) -> Author:
    """An openid is all that the platform tells of a person."""
    return Author(openid, f"wx-{openid[-6:]}")


# Comments: https://developers.weixin.qq.com/doc/offiaccount/Comments_management/Image_Comments_Management_Interface.html


def _comment(record: Record) -> list[Item]:
    fields, article = _object(record, "comment"), _object(record, "article")
    native_id = _comment_id({**article, "user_comment_id": fields.get("user_comment_id")})
    thread = f"article/{article.get('msg_data_id')}/{article.get('index')}"
    title, url = str(article.get("title") or ""), article.get("url")
    openid = fields.get("openid")
    try:
        post = Post(
            native_id=native_id,
            text=unescape(_text(fields, "content")),
            posted_at=_time(fields.get("create_time")),
            # Who comments under another identity than that of WeChat has no openid.
            author=person(openid) if isinstance(openid, str) and openid else None,
            thread=thread,
            order=_number(fields.get("user_comment_id")),
            title=title or None,
            permalink=str(url) if url else None,
            place=f"《{title}》留言" if title else f"{thread} 留言",
        )
        answers = [_reply(reply, post) for reply in replies(fields)]
        told = {answer.native_id for answer in answers}
        gone = [item for item in _gone_reply(native_id, record) if item.native_id not in told]
        return [post, *gone, *answers]
    except RecordError as error:
        raise RecordError(str(error), native_id) from error


def _gone(native_id: str, record: Record) -> list[Item]:
    return [Deleted(native_id, at=None), *_gone_reply(native_id, record)]


def _gone_reply(native_id: str, record: Record) -> list[Deleted]:
    before = record.get("reply_before")
    return [Deleted(f"{native_id}/reply/{before}", at=None)] if before else []


def replies(comment: Fields) -> list[Fields]:
    """Our replies to a comment: documented as an object, sent as an array too; empty where there is none."""
    told = comment.get("reply")
    several = told if isinstance(told, list) else [told]
    return [reply for reply in several if isinstance(reply, dict) and reply.get("content")]


def _reply(reply: Fields, to: Post) -> Post:
    return Post(
        # A reply has no id; there is one at a time.
        native_id=f"{to.native_id}/reply/{_number(reply.get('create_time'))}",
        text=unescape(_text(reply, "content")),
        posted_at=_time(reply.get("create_time")),
        author=US,
        thread=to.thread,
        reply_to=to.native_id,
        title=to.title,
        permalink=to.permalink,
        place=to.place,
    )


def _comment_id(fields: Fields) -> str:
    """Comments are numbered within their article only."""
    number = fields.get("user_comment_id")
    if not isinstance(number, int):
        raise RecordError("a comment without user_comment_id")
    return f"comment/{fields.get('msg_data_id')}/{fields.get('index')}/{number}"


# Chats with agents: https://developers.weixin.qq.com/doc/offiaccount/Customer_Service/Obtain_chat_transcript.html


def _row(record: Record) -> Post | None:
    fields = _object(record, "row")
    code = fields.get("opercode")
    if code not in (FROM_AGENT, FROM_CUSTOMER):
        return None  # a session begins or ends
    native_id = f"row/{record.get('digest')}"
    try:
        openid, at = _id(fields, "openid"), _time(fields.get("time"))
        agent = str(fields.get("worker") or "agent")
        mine = code == FROM_CUSTOMER
        text = _text(fields, "text")
        return Post(
            native_id=native_id,
            text=text,
            posted_at=at,
            author=person(openid) if mine else Author(agent, agent.partition("@")[0], role="staff"),
            thread=f"chat/{openid}",
            order=_number(record.get("order")),
            public=False,
            place=f"微信公众号客服 {agent}",
            can_reply_until=at + REPLY_WITHIN if mine else None,
            attachments=int(text in ("[image]", "[voice]", "[video]")),
        )
    except RecordError as error:
        raise RecordError(str(error), native_id) from error


def _object(record: Record, name: str) -> Fields:
    value = record.get(name)
    if not isinstance(value, dict):
        raise RecordError(f"a record without {name}")
    return value


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise RecordError(f"it has no {name}")
    return value


def _id(fields: Fields, name: str) -> str:
    if not (value := _text(fields, name)):
        raise RecordError(f"its {name} is empty")
    return value


def _number(value: object) -> int:
    number = int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
    return number if number < LARGEST else 0


def _time(value: object) -> datetime:
    """Unix seconds, as a number or as digits."""
    if not (seconds := _number(value)):
        raise RecordError("its time is no number of seconds")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise RecordError("its time is beyond any calendar") from None
