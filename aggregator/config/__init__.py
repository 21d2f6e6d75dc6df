"""connectors.yaml -> typed settings, or every mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    HttpUrl,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from aggregator.config.alert_settings import Alerts, Name, Webhook
from aggregator.config.clock_settings import STRICT, filled, known_zone
from aggregator.config.clock_settings import ChannelClock as ChannelClock
from aggregator.config.lake_settings import LakeSettings
from aggregator.config.mistakes import mistakes_of, or_rather
from aggregator.config.yaml_lines import Document, KeyPath, Mistake, Place, read, spelled
from connectors.contract import Duration, SourceConfig
from connectors.errors import ConfigError
from connectors.registry import connector_class
from connectors.secret import Secret

_NEXT_TO_FILE = "directory"  # the validation context's key: what relative paths are relative to


def _native_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("should be an account's id on its platform, in quotes")
    if value.startswith("@"):
        raise ValueError("should be the account's id; an @name can pass to somebody else")
    return value


def _source_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise ValueError("a source's name is made of a-z, 0-9 and hyphens, 41 at most, no hyphen first")
    return name


def _by_its_connector(value: object, info: ValidationInfo) -> SourceConfig:
    """A source is validated by its connector's own `Config`."""
    if isinstance(value, SourceConfig):
        return value
    if not isinstance(value, dict):
        raise ValueError("should be the settings of a source, connector: first")
    try:
        config = connector_class(value["connector"]).Config if isinstance(value.get("connector"), str) else None
        wrong: str | PydanticCustomError = "missing"
    except ConfigError as error:
        config, wrong = None, PydanticCustomError("connector", "{why}", {"why": str(error)})
    if config is None:
        details = InitErrorDetails(type=wrong, loc=("connector",), input=None)
        raise ValidationError.from_exception_data("source", [details], hide_input=True)
    return config.model_validate(value, context=info.context)


NativeId = Annotated[str, BeforeValidator(_native_id)]
Space = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=0, le=65535)]


class _Settings(BaseModel):
    model_config = STRICT


class Web(_Settings):
    """The door for colleagues: the feed."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address on which the feed listens.")
    port: Port = Field(default=8080, description="Port of the feed; 0 takes any free one.")
    public_url: HttpUrl | None = Field(
        default=None,
        description="Address under which colleagues reach the feed, where a proxy stands before it.",
    )
    metrics_token: Secret | None = Field(
        default=None, description="Who sends it may read /metrics; without one only this machine may."
    )


class Hooks(_Settings):
    """The door for platforms: webhooks and intake, behind the operator's TLS proxy."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address on which webhooks listen.")
    port: Port = Field(default=8081, description="Port of the webhooks; 0 takes any free one.")


class Colleague(_Settings):
    """One person who answers for us; that person's posts count as answers."""

    name: str = Field(min_length=1, description="Name that the feed shows.")
    user: str | None = Field(default=None, min_length=1, description="The colleague's user name in the feed.")
    handles: dict[Space, list[NativeId]] = Field(
        default_factory=dict, description="The colleague's account ids (never display names), per space."
    )


class Brand(_Settings):
    """By what people know us, and impostors pose."""

    names: list[Annotated[str, Field(min_length=2)]] = Field(
        default_factory=list, description="Names of the product and of the company, in every language."
    )
    domains: list[Annotated[str, Field(pattern=r"^[^\s/:@]+\.[^\s/:@]+$")]] = Field(
        default_factory=list, description="Our domains; what lies beneath them is ours, too."
    )
    handles: list[Annotated[str, Field(min_length=2)]] = Field(
        default_factory=list, description="Handles of our accounts, on whatever platform, without the @."
    )


class Bands(_Settings):
    """From which priority on an inquiry is in a band; below P2 it is P3."""

    P0: int = Field(default=80, ge=1, le=99, description="From this score on an inquiry is P0.")
    P1: int = Field(default=60, ge=1, le=99, description="From this score on an inquiry is P1.")
    P2: int = Field(default=30, ge=1, le=99, description="From this score on an inquiry is P2.")

    @model_validator(mode="after")
    def _fall(self) -> Bands:
        if not self.P0 > self.P1 > self.P2:
            raise ValueError(f"should fall from P0 to P2, but are {self.P0}, {self.P1}, {self.P2}")
        return self

    def of(self, score: int) -> str:
        """The band of a shown score."""
        return "P0" if score >= self.P0 else "P1" if score >= self.P1 else "P2" if score >= self.P2 else "P3"


class Grouping(_Settings):
    """When reports of several persons are an incident."""

    persons: int = Field(default=3, ge=2, le=50, description="The fewest persons that make an incident.")
    quiet_hours: float = Field(
        default=12, gt=0, le=168, description="An incident without a report for so long has ended."
    )


class MailServer(_Settings):
    """The server that sends the digest."""

    host: str = Field(min_length=1, description="The server that sends mail.")
    port: int = Field(default=465, ge=1, le=65535, description="465 with TLS, 587 with STARTTLS.")
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="none: only to a server on this machine."
    )
    user: str | None = Field(default=None, min_length=1, description="The account's name; without one no login.")
    password: Secret | None = Field(default=None, description="Its password.")
    address: str = Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="From which address.")


class Digests(_Settings):
    """What came in, and what is open, once a day."""

    at: str | None = Field(
        default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="When, in the team's time zone; else never."
    )
    since: str = Field(default="1d", pattern=r"^\d{1,3}d$", description="So many days back, and today.")
    lang: Literal["zh", "en"] = Field(default="zh", description="In which language.")
    to: list[Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]] = Field(
        default_factory=list, description="To whom it is sent by mail; else it is only written to a file."
    )
    smtp: MailServer | None = Field(default=None, description="The server that sends it.")

    @model_validator(mode="after")
    def _both(self) -> Digests:
        if self.to and self.smtp is None:
            raise ValueError("names receivers, but no server that sends: write smtp")
        return self


class Sql(_Settings):
    """Live SQL for analysts. `sql: scan` is short for `sql: {mode: scan}`."""

    mode: Literal["off", "scan", "pushdown"] = Field(
        default="off",
        description="off; scan: analysts read the views, and their own machines compute; pushdown: they may also send "
        "queries, checked, that this machine computes. Needs the extra [sql].",
    )
    port: Port = Field(default=9494, ge=1, description="Port on which this machine alone can reach it.")

    longest: float = Field(
        default=60, gt=0, description="Seconds; a query sent in mode pushdown that takes longer is reported."
    )
    restart_on_runaway: bool = Field(
        default=False, description="Restart the service then: nothing else ends such a query. Nothing is lost."
    )

    @model_validator(mode="before")
    @classmethod
    def _a_word_is_the_mode(cls, value: object) -> object:
        if value is False:  # `sql: false`; our reader takes `off` for a word
            return {"mode": "off"}
        if isinstance(value, dict) and value.get("mode") is False:
            return {**value, "mode": "off"}
        return {"mode": value} if isinstance(value, str) else value


class Settings(_Settings):
    """All of connectors.yaml."""

    data: Path = Field(default=Path(".data"), description="Directory of the databases; relative to this file.")
    lake: LakeSettings | None = Field(
        default=None,
        description="One database for several machines, instead of a file in `data`. Needs the extra [lake].",
    )
    timezone: Annotated[str, AfterValidator(known_zone)] = Field(
        default="Asia/Shanghai", description="IANA time zone of the team: days, working hours, times shown."
    )
    web: Web = Field(default_factory=Web, description="The feed's listener.")
    hooks: Hooks = Field(default_factory=Hooks, description="The webhooks' listener.")
    sources: dict[
        Annotated[str, AfterValidator(_source_name)],
        Annotated[SourceConfig, BeforeValidator(_by_its_connector)],
    ] = Field(description="What to listen to, by a name of your choice; {} for nothing yet.")
    team: list[Colleague] = Field(default_factory=list, description="Colleagues who answer for us.")
    official: dict[Space, list[NativeId]] = Field(
        default_factory=dict, description="Ids of our official accounts, per space."
    )
    brand: Brand = Field(default_factory=Brand, description="Our names, by which accounts that pose as ours are told.")
    official_domains: list[Annotated[str, Field(pattern=r"^[^\s/:@.]+(?:\.[^\s/:@.]+)+(?:/[^\s?#]+)?$")]] = Field(
        default_factory=list,
        description="Where answers may lead besides brand.domains: domains, or one with the beginning of a path.",
    )
    bands: Bands = Field(default_factory=Bands, description="Where each priority band begins.")
    clocks: dict[str, ChannelClock] = Field(
        default_factory=dict, description="Answer times per channel; `default` is for all that are not named."
    )
    retention: dict[str, Annotated[Duration, Field(ge=timedelta(days=30))]] = Field(
        default_factory=dict,
        description="How long closed inquiries are kept, per channel; `default` is for all that are not named.",
    )
    digest: Digests = Field(default_factory=Digests, description="What came in, and what is open, once a day.")
    incidents: Grouping = Field(
        default_factory=Grouping, description="When reports of several persons are an incident."
    )
    webhooks: dict[Name, Webhook] = Field(default_factory=dict, description="Programs that are told, by name.")
    alerts: Alerts = Field(default_factory=Alerts, description="People who are told, and of what.")
    sql: Sql = Field(default_factory=Sql, description="Live SQL for analysts.")
    points: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default_factory=dict, description="Points of single scoring rules, instead of their own."
    )

    _file: Path | None = PrivateAttr(default=None)
    _places: Mapping[KeyPath, Place] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _an_empty_section_is_its_default(cls, value: object) -> object:
        return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value

    @field_validator("data")
    @classmethod
    def _next_to_the_file(cls, data: Path, info: ValidationInfo) -> Path:
        directory: Path = (info.context or {}).get(_NEXT_TO_FILE, Path())
        try:
            return directory / data.expanduser()
        except RuntimeError:
            raise ValueError("names a home directory (~) that this machine does not have") from None

    @field_validator("hooks")
    @classmethod
    def _two_doors(cls, hooks: Hooks, info: ValidationInfo) -> Hooks:
        web = info.data.get("web")
        if isinstance(web, Web) and hooks.port == web.port != 0:
            raise ValueError(f"the feed listens on port {web.port} already; give one of the two another port")
        return hooks

    @field_validator("sql")
    @classmethod
    def _a_third_door(cls, sql: Sql, info: ValidationInfo) -> Sql:
        for what, door in (("the feed", info.data.get("web")), ("webhooks", info.data.get("hooks"))):
            if sql.mode != "off" and isinstance(door, Web | Hooks) and door.port == sql.port:
                raise ValueError(f"port {sql.port} is that of {what} already; give one of the two another port")
        return sql

    @field_validator("team")
    @classmethod
    def _one_person_per_account(cls, team: list[Colleague]) -> list[Colleague]:
        owner: dict[tuple[str, str], str] = {}
        for colleague in team:
            for account in _accounts(colleague):
                first = owner.setdefault(account, colleague.name)
                if first != colleague.name:
                    raise ValueError(f"{first} and {colleague.name} have the same account in {account[0]}")
        return team

    @field_validator("clocks", mode="before")
    @classmethod
    def _the_rest_as_promised(cls, clocks: object, info: ValidationInfo) -> object:
        """Channels and times that the file leaves out keep their defaults."""
        return filled(clocks, info.data.get("timezone", "Asia/Shanghai")) if isinstance(clocks, dict) else clocks


def place_of(settings: Settings, path: KeyPath) -> str | None:
    """Where a setting stands, as `connectors.yaml:12`; None: nowhere, it is as it is by itself."""
    if settings._file is None or path not in settings._places:
        return None
    return f"{settings._file.name}:{settings._places[path].line}"


def load(path: Path, *, known_rules: frozenset[str] = frozenset()) -> Settings:
    """Read the configuration; `known_rules` are the names that `points` may use (empty: not checked).

    Raises:
        ConfigError: all mistakes, one per line, each `file:line:column key.path: sentence`. Whether a secret
            is really there is not looked at: see `missing_secrets`.
    """
    document = read(path)
    mistakes = list(document.mistakes)
    settings = None
    try:
        settings = Settings.model_validate(document.value, context={_NEXT_TO_FILE: path.parent})
    except ValidationError as error:
        mistakes += mistakes_of(error, Settings, document)
    mistakes += _unknown_rules(document, known_rules)
    if mistakes or settings is None:
        ordered = sorted(mistakes, key=lambda mistake: mistake.place)
        # Raised outside the except block: the validation error holds values, some of which may be secrets.
        raise ConfigError("\n".join(mistake.line(path) for mistake in ordered))
    settings._file, settings._places = path, document.places
    return settings


def missing_secrets(settings: Settings) -> list[str]:
    """Secrets, ours and those of enabled sources, that cannot be read now, in the voice of `load`. Empty: all are."""
    held = [
        *secrets_in(settings.web, ("web",)),
        *secrets_in(settings.digest, ("digest",)),
        *(secrets_in(settings.lake, ("lake",)) if settings.lake else ()),
        *secrets_in({name: each for name, each in settings.webhooks.items() if each.enabled}, ("webhooks",)),
        *secrets_in(
            {name: each for name, each in settings.alerts.destinations.items() if each.enabled},
            ("alerts", "destinations"),
        ),
        *(
            each
            for name, source in settings.sources.items()
            if source.enabled
            for each in secrets_in(source, ("sources", name))
        ),
    ]
    return [at_its_place(settings, path, why) for path, secret in held if (why := secret.missing())]


def staff_of(settings: Settings, space: str) -> dict[str, str]:
    """Native id -> display name of the colleagues who have an account in this space."""
    return {handle: colleague.name for colleague in settings.team for handle in colleague.handles.get(space, ())}


def official_of(settings: Settings, space: str) -> frozenset[str]:
    """Native ids of our own accounts in this space."""
    return frozenset(settings.official.get(space, ()))


def clock_of(settings: Settings, channel: str) -> ChannelClock:
    """The times promised on a channel (`Connector.channel`)."""
    return settings.clocks.get(channel, settings.clocks["default"])


def _accounts(colleague: Colleague) -> Iterator[tuple[str, str]]:
    for space, handles in colleague.handles.items():
        for handle in handles:
            yield space, handle


def _unknown_rules(document: Document, known: frozenset[str]) -> Iterator[Mistake]:
    points = document.value.get("points") if isinstance(document.value, dict) else None
    for rule in points if known and isinstance(points, dict) else ():
        if rule not in known:
            path = ("points", rule)
            yield Mistake(document.places[path], path, "unknown rule" + or_rather(rule, known))


def secrets_in(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, Secret]]:
    """Every secret in a setting, however deep it stands."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from secrets_in(item, (*path, position))


def at_its_place(settings: Settings, path: KeyPath, sentence: str) -> str:
    """`file:line:column key.path: sentence`, for what is found out only after `load`."""
    if settings._file is None:
        return f"{spelled(path)}: {sentence}"
    return Mistake(settings._places.get(path, Place()), path, sentence).line(settings._file)
