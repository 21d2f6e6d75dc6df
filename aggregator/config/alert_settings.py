"""Whom we tell, and of what: `webhooks:` and `alerts:` of connectors.yaml (docs/alerts.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, HttpUrl, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from aggregator.config.clock_settings import STRICT, Hours, known_zone
from aggregator.config.mistakes import or_rather
from connectors.contract import Duration
from connectors.secret import Secret

AlertEvent = Literal[
    "inquiry.key_exposed", "inquiry.urgent", "inquiry.due", "incident.started", "incident.grew", "incident.ended",
    "reply.refused", "reply.unknown", "source.blind", "source.seeing", "source.expiring",
    "sql.runaway",
]  # fmt: skip
Event = Literal["inquiry.new", "inquiry.changed", "inquiry.band", "reply.sent"] | AlertEvent
"""What can be told; docs/alerts.md says when each is."""

Band = Literal["P0", "P1", "P2", "P3"]
Language = Literal["zh", "en"]
ALL_BANDS: tuple[Band, ...] = ("P0", "P1", "P2", "P3")


def _name(name: str) -> str:
    if not name.isascii() or not name.replace("-", "").isalnum() or name.lower() != name or len(name) > 41:
        raise ValueError("a name is made of a-z, 0-9 and hyphens, 41 at most")
    return name


Name = Annotated[str, AfterValidator(_name)]


class Webhook(BaseModel):
    """A program that is told of what happens, signed."""

    model_config = STRICT

    url: HttpUrl = Field(description="Where events are posted to. It stands in this file, so it should hold no secret.")
    secret: Secret = Field(description="What they are signed with: whsec_ and 24 to 64 random bytes in base64.")
    previous_secret: Secret | None = Field(
        default=None, description="The one before, as long as the receiver may still know only that."
    )
    events: tuple[Event, ...] = Field(min_length=1, description="Which events.")
    bands: tuple[Band, ...] = Field(default=ALL_BANDS, description="Only of inquiries in these bands.")
    channels: frozenset[str] = Field(default=frozenset(), description="Only of these channels; none: of all.")
    language: Language = Field(default="en", description="Language of the explanations: zh or en.")
    timeout: float = Field(default=15, gt=0, le=60, description="Seconds to wait for an answer.")
    enabled: bool = Field(default=True, description="false: it is told nothing.")


class Destination(BaseModel):
    """Where alerts reach a person or a group."""

    model_config = STRICT

    url: Secret = Field(description="Its Apprise URL, which holds secrets: mailtos://..., tgram://..., feishu://...")
    language: Language = Field(default="zh", description="Language of the alerts: zh or en.")
    excerpt: bool = Field(default=True, description="false: nothing of the customer's own words.")
    quiet_hours: Hours = Field(default=(), description="Hours of every day in which alerts wait until they are over.")
    timezone: Annotated[str, AfterValidator(known_zone)] | None = Field(
        default=None, description="IANA time zone of these hours and of times in alerts; else the team's."
    )
    enabled: bool = Field(default=True, description="false: it is told nothing.")


class Rule(BaseModel):
    """Which alerts go where."""

    model_config = STRICT

    events: tuple[AlertEvent, ...] = Field(min_length=1, description="Which events.")
    to: tuple[str, ...] = Field(min_length=1, description="Destinations that are told at once.")
    then: tuple[str, ...] = Field(
        default=(), description="Told one after the other as long as nobody takes the inquiry."
    )
    unclaimed_after: Duration = Field(
        default=timedelta(minutes=10), ge=timedelta(minutes=1), description="How long each of them has to take it."
    )
    bands: tuple[Band, ...] = Field(default=ALL_BANDS, description="Only of inquiries in these bands.")
    channels: frozenset[str] = Field(default=frozenset(), description="Only of these channels; none: of all.")
    always: bool = Field(default=False, description="true: in quiet hours, too.")


class Alerts(BaseModel):
    """Whom we wake, and for what."""

    model_config = STRICT

    destinations: dict[Name, Destination] = Field(default_factory=dict, description="Where alerts go, by name.")
    rules: dict[Name, Rule] = Field(default_factory=dict, description="Which alerts go where, by name.")
    due_within: Duration = Field(
        default=timedelta(minutes=10), ge=timedelta(0), description="A clock is about to run out so long before."
    )
    blind_after: Duration = Field(
        default=timedelta(minutes=10), ge=timedelta(0), description="A source that fails for so long sees nothing."
    )
    updates: bool = Field(default=True, description="Tell who was alerted that somebody has taken it.")

    @model_validator(mode="after")
    def _known_destinations(self) -> Alerts:
        wrong = [
            _unknown(("rules", rule, way, place), name, self.destinations)
            for rule, said in self.rules.items()
            for way, names in (("to", said.to), ("then", said.then))
            for place, name in enumerate(names)
            if name not in self.destinations
        ]
        if wrong:
            raise ValidationError.from_exception_data("alerts", wrong, hide_input=True)
        return self


def _unknown(path: tuple[str | int, ...], name: str, known: Iterable[str]) -> InitErrorDetails:
    remedy = or_rather(name, list(known)) or "; add it under destinations"
    return InitErrorDetails(
        type=PydanticCustomError("destination", "{why}", {"why": f"no such destination{remedy}"}), loc=path, input=None
    )


def matches(to: Webhook | Rule, event: str, channel: str | None, band: str | None) -> bool:
    """Whether it wants to know. `channel`, `band` None: it is no inquiry's."""
    return (
        event in to.events
        and (band is None or band in to.bands)
        and (channel is None or not to.channels or channel in to.channels)
    )


def targets_of(webhooks: Mapping[str, Webhook], alerts: Alerts) -> list[str]:
    """All that are told anything, as the store calls them."""
    named = dict.fromkeys(name for rule in alerts.rules.values() for name in (*rule.to, *rule.then))
    return [
        *(f"webhook:{name}" for name, each in webhooks.items() if each.enabled),
        *(f"alert:{name}" for name in named if alerts.destinations[name].enabled),
    ]


def is_used(webhooks: Mapping[str, Webhook], alerts: Alerts) -> bool:
    """Whether anybody is told of anything."""
    return bool(targets_of(webhooks, alerts))
