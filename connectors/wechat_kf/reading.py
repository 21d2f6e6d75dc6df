"""One message of WeChat customer service, read into the common shape. Pure.

A record is `{"message", "account", "nickname", "order"}`: the message as kf/sync_msg sent it, what its customer-service
account is called, the customer's nickname where it could be learnt, and the message's number within its second.
https://developer.work.weixin.qq.com/document/path/94670
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors.contract import Author, Deleted, Post, Record, Undelivered
from connectors.errors import RecordError
from connectors.replying import Why
from connectors.session import parse_json

Fields = Mapping[str, object]

FROM_CUSTOMER: Final = 3  # origin
FROM_AGENT: Final = 5
REPLY_WITHIN: Final = timedelta(hours=48)  # of the customer's last message
RECALLS: Final = frozenset({"user_recall_msg", "servicer_recall_msg"})
FAILED: Final[Mapping[int, tuple[Why, str]]] = {
    0: ("other", "WeChat does not say why"),
    1: ("gone", "the customer-service account was deleted"),
    2: ("no_right", "the application was closed"),
    4: ("window_over", "the customer's last message is older than 48 hours"),
    5: ("closed", "the session has ended"),
    6: ("too_many", "more than five messages"),
    8: ("no_right", "the company is not verified"),
    10: ("blocked", "the customer takes no messages"),
    11: ("no_right", "nobody of the company has logged in to WeCom"),
    12: ("words", "a kind of message that is not allowed"),
    13: ("words", "held back for security"),
}  # fail_type of a message that the API had sent
MOST_PASSED_ON: Final = 50  # messages of a conversation that is passed on
NAMED: Final = {"meeting": "[会议]", "schedule": "[日程]", "note": "[笔记]"}  # WeChat does not say what is in them
MEDIA: Final = {"image": "[图片]", "voice": "[语音]", "video": "[视频]", "file": "[文件]"}


def item(record: Record) -> Post | Deleted | Undelivered | None:
    """See `Connector.post`."""
    fields = record.get("message")
    if not isinstance(fields, dict):
        raise RecordError("a record without message")
    if fields.get("msgtype") == "event":
        return _event(fields)
    native_id = _name(fields, "msgid")
    try:
        return _post(fields, native_id, record)
    except RecordError as error:
        raise RecordError(str(error), native_id) from error


def _event(fields: Fields) -> Deleted | Undelivered | None:
    event = _object(fields, "event")
    if event.get("event_type") == "msg_send_fail":
        return _lost(event)
    if event.get("event_type") not in RECALLS:
        return None  # somebody enters, a session is handed over
    return Deleted(_name(event, "recall_msgid"), at=_time(fields))


def _lost(event: Fields) -> Undelivered:
    kind = event.get("fail_type")
    why, said = FAILED.get(kind, FAILED[0]) if isinstance(kind, int) else FAILED[0]
    return Undelivered(_name(event, "fail_msgid"), why, f"{said} (fail_type {kind})")


def _post(fields: Fields, native_id: str, record: Record) -> Post:
    account, customer = _name(fields, "open_kfid"), _name(fields, "external_userid")
    kind, posted_at = _name(fields, "msgtype"), _time(fields)
    asks = _asks(fields)
    called = str(record.get("account") or account)
    return Post(
        native_id=native_id,
        text=_said(kind, fields),
        posted_at=posted_at,
        author=_customer(customer, record) if asks else _agent(fields),
        thread=f"{account}/{customer}",
        order=order if isinstance(order := record.get("order"), int) else 0,
        public=False,
        place=f"微信客服 {called}",
        can_reply_until=posted_at + REPLY_WITHIN if asks else None,
        attachments=int(kind in MEDIA),
    )


def _asks(fields: Fields) -> bool:
    origin = fields.get("origin")
    if origin not in (FROM_CUSTOMER, FROM_AGENT):
        raise RecordError("it comes neither from a customer nor from an agent")
    return origin == FROM_CUSTOMER


def _customer(customer: str, record: Record) -> Author:
    return Author(customer, str(record.get("nickname") or f"wx-{customer[-6:]}"))


def _agent(fields: Fields) -> Author:
    agent = str(fields.get("servicer_userid") or "agent")
    return Author(agent, agent, role="staff")


def _said(kind: str, fields: Fields) -> str:
    told = _object(fields, kind)
    match kind:
        case "text":
            text = told.get("content")
            if not isinstance(text, str):
                raise RecordError("a text without content")
            return text
        case _ if kind in MEDIA:
            return MEDIA[kind]
        case "location":
            return _lines("[位置]", told, "name", "address")
        case "link":
            return _lines("", told, "title", "desc", "url")
        case "miniprogram":
            return _lines("[小程序]", told, "title")
        case "channels" | "channels_shop_product" | "channels_shop_order":
            return _lines("[视频号]", told, "nickname", "title", "shop_nickname", "order_id")
        case "business_card":
            return "[名片]"
        case "merged_msg":
            return "\n".join([_lines("[聊天记录]", told, "title"), *_passed_on(told)])
        case "meeting" | "schedule" | "note":
            return NAMED[kind]
        case "msgmenu":
            return _lines("", told, "head_content", "tail_content")
    raise RecordError(f"unknown kind of message: {kind[:40]}")


def _passed_on(told: Fields) -> Iterator[str]:
    """What others said, a line for each message: people pass on what scammers wrote in order to report it. Each content
    is JSON within a JSON string."""
    listed = told.get("item")
    for each in listed[:MOST_PASSED_ON] if isinstance(listed, list) else ():
        try:
            kind = each["msgtype"]
            said = _said(kind, parse_json(each["msg_content"].encode())) if kind != "merged_msg" else "[聊天记录]"
        except (RecordError, ValueError, TypeError, KeyError, AttributeError):
            continue
        yield f"{each.get('sender_name') or ''}: {said}"


def _lines(mark: str, told: Fields, *names: str) -> str:
    parts = [str(told[name]) for name in names if told.get(name)]
    return " ".join(part for part in (mark, "\n".join(parts)) if part)


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name, {})
    if not isinstance(value, dict):
        raise RecordError(f"its {name[:40]} is no object")
    return value


def _name(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise RecordError(f"it has no {name}")
    return value


def _time(fields: Fields) -> datetime:
    seconds = fields.get("send_time")
    try:
        if isinstance(seconds, int) and seconds > 0:
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise RecordError("its send_time is no number of seconds")
