"""One record of a forum, read into the common shape. Fields: the Discourse API's post object.

Records come in four shapes: a post as it is listed; `{"private_post": post}` from the private list;
`{"event": name, "post": post}` from a webhook; and `{"deleted_post": {"id", "at"}}`, which the connector writes
when a post that was listed is found to be gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin

from connectors.contract import Author, Deleted, Post, Record, Role
from connectors.discourse import markdown
from connectors.errors import RecordError
from connectors.text import html_to_text, html_tree

Fields = Mapping[str, object]

REGULAR = 1  # post_type; 2 moderator action, 3 small action ("closed this topic"), 4 whisper among staff
LIKE = 2  # action id in actions_summary


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading needs besides the record. `base`: the forum's address, without a slash at its end."""

    base: str
    official_groups: Collection[str]  # lower case
    categories: Collection[int]  # empty: all
    skip_categories: Collection[int]

    def item(self, record: Record) -> Post | Deleted | None:
        """The post, its deletion, or None: nothing that a person said to us.

        Raises:
            RecordError: a field that every post has is absent or of another kind.
        """
        if "deleted_post" in record:
            return _known_deletion(_object(record, "deleted_post"))
        event = record.get("event")
        private = "private_post" in record
        fields = _object(record, "private_post") if private else _object(record, "post") if event else record
        if self._is_passed_over(fields):
            return None
        native_id = f"p{_int(fields, 'id')}"
        try:
            if event == "post_destroyed" or fields.get("deleted_at") or fields.get("user_deleted"):
                return Deleted(native_id, _time(fields, "deleted_at") or _time(fields, "updated_at"))
            return self._post(fields, native_id, private=private, recovered=event == "post_recovered")
        except RecordError as error:
            raise RecordError(str(error), native_id) from error

    def _is_passed_over(self, fields: Fields) -> bool:
        user, category = fields.get("user_id"), fields.get("category_id")
        return (
            fields.get("post_type", REGULAR) != REGULAR
            or (isinstance(user, int) and user < 0)  # -1 is the system, -2 its tutorial robot
            or (isinstance(category, int) and category in self.skip_categories)
            or (isinstance(category, int) and bool(self.categories) and category not in self.categories)
            # A flagged post shows a notice instead of its text to those who may not see it.
            or bool(fields.get("cooked_hidden"))
        )

    def _post(self, fields: Fields, native_id: str, *, private: bool, recovered: bool) -> Post:
        topic, number = _int(fields, "topic_id"), _int(fields, "post_number")
        raw, cooked = fields.get("raw"), fields.get("cooked")
        if not isinstance(raw, str) and not isinstance(cooked, str):
            raise RecordError("it has neither raw nor cooked text")
        rendered = cooked if isinstance(cooked, str) else ""
        text = markdown.said(raw) if isinstance(raw, str) else html_to_text(rendered)
        mentions, links = _mentions_and_links(rendered, text)
        parent = fields.get("reply_to_post_number")
        published = _time(fields, "created_at")
        return Post(
            native_id=native_id,
            text=text,
            posted_at=published,
            author=self._author(fields),
            thread=f"t{topic}",
            alias=f"t{topic}/{number}",
            reply_to=f"t{topic}/{parent}" if parent else None,
            mentions=mentions or markdown.names(text),
            order=_int(fields, "id"),
            edited_at=_edited_at(fields, published),
            title=_text(fields, "topic_title") if number == 1 else None,
            public=not (private or fields.get("topic_archetype") == "private_message" or fields.get("hidden")),
            permalink=self._permalink(fields, topic, number),
            likes=_likes(fields),
            replies=_count(fields, "reply_count"),
            views=_count(fields, "reads"),
            attachments=markdown.pictures_and_files(raw) if isinstance(raw, str) else 0,
            pictures=markdown.pictures(raw) if isinstance(raw, str) else 0,
            links=links,
            recovered=recovered,
        )

    def _author(self, fields: Fields) -> Author | None:
        if fields.get("user_id") is None:
            return None  # the account was removed
        handle = _text(fields, "username")
        group = (_text(fields, "primary_group_name") or "").lower()
        vouched = any(fields.get(flag) is True for flag in ("moderator", "admin", "staff"))
        role: Role = "staff" if vouched or group in self.official_groups else "customer"
        # Keyed by number: people rename themselves.
        return Author(str(_int(fields, "user_id")), _text(fields, "name") or handle or "", handle, role=role)

    def _permalink(self, fields: Fields, topic: int, number: int) -> str:
        path = _text(fields, "post_url")
        if path and path.startswith("/") and not path.startswith("//"):
            return urljoin(self.base, path)  # it holds the forum's subfolder already
        return f"{self.base}/t/{_text(fields, 'topic_slug') or '-'}/{topic}/{number}"


def _known_deletion(fields: Fields) -> Deleted:
    return Deleted(f"p{_int(fields, 'id')}", _time(fields, "at"))


def _mentions_and_links(cooked: str, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and link targets as the platform resolved them, without those inside quotes of others."""
    tree = html_tree(cooked) if "<a" in cooked else None
    if tree is None:
        return (), ()
    mentions: dict[str, None] = {}
    links: dict[str, None] = {}
    for anchor in tree.iter("a"):
        kinds, target = (anchor.get("class") or "").split(), anchor.get("href") or ""
        if "mention" in kinds or "mention-group" in kinds:
            mentions[anchor.text_content().strip().removeprefix("@")] = None
        elif target.startswith(("http://", "https://")) and target not in text and "lightbox" not in kinds:
            links[target] = None
    return tuple(mentions), tuple(links)


def _edited_at(fields: Fields, published: datetime | None) -> datetime | None:
    """An edit within the grace period does not raise `version`, but `updated_at`."""
    updated, version = _time(fields, "updated_at"), fields.get("version")
    if updated is None or published is None:
        return None
    return updated if updated > published or (isinstance(version, int) and version > 1) else None


def _likes(fields: Fields) -> int:
    """A post that nobody likes has no such summary, or one without a count."""
    summary = fields.get("actions_summary")
    for action in summary if isinstance(summary, list) else []:
        if isinstance(action, dict) and action.get("id") == LIKE:
            return _count(action, "count") or 0
    return 0


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    if isinstance(value, dict):
        return value
    raise RecordError(f"{name} is no object")


def _int(fields: Fields, name: str) -> int:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise RecordError(f"{name} is no whole number")


def _count(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _time(fields: Fields, name: str) -> datetime | None:
    value = fields.get(name)
    if value is None:
        return None
    if (at := time_or_none(value)) is None:
        raise RecordError(f"{name} is no time")
    return at


def time_or_none(value: object) -> datetime | None:
    """What a forum writes as a time, in UTC; None: it is none."""
    try:
        at = datetime.fromisoformat(str(value))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter at the calendar's ends
        return None
