"""Notes what others are to be told, in the transaction of what it tells of.

`write` runs on the writer's connection before each COMMIT that changed something; `look` from time to time, for what
only time brings. Both find what is new against the table `noticed`, so nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import duckdb
import orjson
import structlog

from aggregator.alerting import looking, states
from aggregator.alerting.bodies import body, incident_data, inquiry_data, reply_data
from aggregator.alerting.quiet import after_quiet
from aggregator.alerting.wording import Alert, Subject, alert, lang_of, taken
from aggregator.clocks import Clock
from aggregator.config import Settings
from aggregator.config.alert_settings import is_used, matches
from aggregator.identity import Id, time_ordered_id
from aggregator.inquiry import shown
from aggregator.outbox import row as outbox_row
from aggregator.store import deliveries
from aggregator.store.changed import Changed
from aggregator.store.database import Database
from aggregator.store.deliveries import Delivery
from aggregator.store.reading import FeedRow, rows_by_id

if TYPE_CHECKING:
    from aggregator.outbox.row import Row
    from aggregator.store.rows import Connection

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(seconds=5)
STALE: Final = timedelta(days=1)  # after so long without a look, what is so is taken for noticed
NOTE_EVERY: Final = timedelta(minutes=10)
MOST_ADDED: Final = 50.0  # points that circumstances add to an inquiry's own (aggregator/sql/0011_shares.sql)
TELLS: Final = ("sent", "refused", "unknown")
WOKE: Final = ("inquiry.key_exposed", "inquiry.urgent", "inquiry.due")
"""Alerts whose reader wants to know that somebody has taken the inquiry."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Alerting:
    """One per workplace. `wake` is called, on the writer's thread, when there is something to send."""

    def __init__(self, db: Database, settings: Settings, clock: Clock) -> None:
        self._db, self._settings, self._clock = db, settings, clock
        self.wake: Callable[[], None] = lambda: None
        self._webhooks = {name: each for name, each in settings.webhooks.items() if each.enabled}
        self._rules = settings.alerts.rules
        self._last = (0, 0)  # of ids: millisecond and number
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._noted_at: datetime | None = None
        wanted = [
            states.LEVELS[band]
            for each in self._webhooks.values()
            if "inquiry.band" in each.events
            for band in each.bands
        ]
        self._floor = max(1.0, min(wanted, default=states.LEVELS["P0"]))
        self._incidents_escalate = any(
            rule.then and any(event.startswith("incident.") for event in rule.events) for rule in self._rules.values()
        )
        self._tells_all = any({"inquiry.new", "inquiry.changed"} & {*each.events} for each in self._webhooks.values())
        band = {3.0: "P0", 2.0: "P1", 1.0: "P2"}[self._floor]
        self._least = getattr(settings.bands, band) - MOST_ADDED

    @property
    def is_used(self) -> bool:
        return is_used(self._settings.webhooks, self._settings.alerts)

    async def start(self) -> None:
        """Whoever begins to listen, or does so again after a day, is told of what comes, not of all that stands."""
        now = self._clock()

        def do(con: Connection) -> None:
            before = looking.told_to(con)
            if before is None or now - before > STALE:
                looking.begin(con, now, self._settings.bands, self._settings.alerts.due_within, self._floor)
            looking.note_told(con, now)
            deliveries.clock_went_back(con, now)
            self._last = max(self._last, deliveries.last_id(con))

        await self._db.write(do)

    # -- the teller of the database ------------------------------------------------------------------

    def write(self, con: Connection, changed: Changed) -> bool:
        """Raises duckdb.Error alone: a mistake of ours here must not keep a page from being stored."""
        try:
            found, levels, done = self._of_changes(con, changed)
        except duckdb.Error:
            raise
        except Exception as error:
            log.exception("telling.broken", exc_info=error)
            return False
        return self._keep(con, found, levels, done)

    def committed(self) -> None:
        self.wake()

    # -- what only time brings -----------------------------------------------------------------------

    async def look(self) -> None:
        """Clocks about to run out, bands reached by waiting, sources that see nothing. Old deliveries are forgotten."""
        now, settings = self._clock(), self._settings
        if now < self._looked_at:
            await self._db.write(lambda con: deliveries.clock_went_back(con, now))
            self._noted_at = None
        self._looked_at = now
        within = settings.alerts.due_within
        risen = await self._db.read(lambda con: looking.risen(con, now, settings.bands, within, self._floor))
        sources = await self._db.read(lambda con: self._of_sources(con, now))
        note = self._noted_at is None or now - self._noted_at >= NOTE_EVERY
        if not (risen or any(sources) or note):
            return
        self._noted_at = now if note else self._noted_at
        if await self._db.write(lambda con: self._looked(con, risen, now, note)):
            self.wake()

    def _looked(self, con: Connection, risen: set[Id], now: datetime, note: bool) -> bool:
        found, levels, done = self._of_inquiries(con, risen, now, told=False)
        more, levels_of_sources = self._of_sources(con, now)
        if note:
            deliveries.forget_old(con, now)
            looking.note_told(con, now)
        return self._keep(con, [*found, *more], levels | levels_of_sources, done)

    # -- finding what is new -------------------------------------------------------------------------

    def _of_changes(self, con: Connection, changed: Changed) -> tuple[list[Delivery], dict[str, float], list[str]]:
        now = self._clock()
        some: Collection[Id] = changed.inquiries
        if some and not self._tells_all:
            some = looking.touched(con, some, self._least)
        found, levels, done = self._of_inquiries(con, some, now, told=True)
        if changed.incidents:
            incidents = looking.incidents_by_id(con, changed.incidents)
            known = deliveries.noticed(con, [f"incident:{each['id']}" for each in incidents])
            for each in incidents:
                new = states.of_incident(each, known)
                levels |= new.levels
                for event in new.events:
                    found += self._tell_of_incident(event, each, now)
        if self._incidents_escalate and (waiting := looking.escalating(con)):
            done += [each["id"] for each in looking.incidents_by_id(con, waiting) if _is_taken(each)]
        for reply in changed.replies:
            found += self._tell_of_reply(con, outbox_row.row(con, reply), now)
        for owner, seconds in changed.runaways:
            found += self._tell_of_runaway(owner, seconds, now)
        return found, levels, done

    def _of_inquiries(
        self, con: Connection, inquiries: Collection[Id], now: datetime, *, told: bool
    ) -> tuple[list[Delivery], dict[str, float], list[str]]:
        """told: they have changed, else only time went by. The third: those that somebody has in hand."""
        found: list[Delivery] = []
        levels: dict[str, float] = {}
        if not inquiries:
            return found, levels, []
        rows = rows_by_id(con, inquiries, moment=now)
        keys = [key for row in rows for key in states.keys_of_inquiry(row.inquiry.name)]
        known = deliveries.noticed(con, keys) if keys else {}
        in_hand = []
        for row in rows:
            due_within, bands = self._settings.alerts.due_within, self._settings.bands
            new = states.of_inquiry(row, known, now, bands, due_within, self._floor)
            events = list(new.events)
            if told and not row.inquiry.backfill:
                events.insert(0, "inquiry.new" if row.inquiry.ver == 1 else "inquiry.changed")
            levels |= new.levels
            if row.inquiry.secret and f"key_exposed:{row.inquiry.name}" in new.levels:
                deliveries.hide(con, row.inquiry.name, row.inquiry.excerpt, row.inquiry.title, now)
            found += _told_once([each for event in events for each in self._tell_of_inquiry(event, row, now)])
            if told and self._rules and row.inquiry.ver > 1:
                is_taken, key = states.is_taken(row.inquiry), f"taken:{row.inquiry.name}"
                if is_taken:
                    in_hand.append(row.inquiry.name)
                if is_taken and not known.get(key) and (updates := self._tell_taken(con, row, now)):
                    found += updates
                    levels[key] = 1.0
                elif not is_taken and known.get(key):
                    levels[key] = 0.0
        return found, levels, in_hand

    def _of_sources(self, con: Connection, now: datetime) -> tuple[list[Delivery], dict[str, float]]:
        found: list[Delivery] = []
        levels: dict[str, float] = {}
        names = [name for name, source in self._settings.sources.items() if source.enabled]
        known = deliveries.noticed(con, [f"{what}:{name}" for name in names for what in ("blind", "expires")])
        for look in looking.sources(con, names):
            fails = look.state == "failing" and look.gap is not None
            is_blind = look.state in ("stopped", "silent") or (
                fails and look.gap is not None and now - look.gap >= self._settings.alerts.blind_after
            )
            was_blind = bool(known.get(f"blind:{look.name}"))
            if was_blind and look.state not in ("ok", "paused"):
                is_blind = True  # until all is well again
            expiry = next((warning for warning in look.warnings if "expires" in warning), None)
            new = states.of_source(look.name, known, is_blind=is_blind, expires=expiry is not None)
            levels |= new.levels
            for event in new.events:
                told = look if expiry is None or event != "source.expiring" else look._replace(state="", message=expiry)
                found += self._tell_of_source(event, told, now)
        return found, levels

    # -- whom to tell --------------------------------------------------------------------------------

    def _tell_of_inquiry(self, event: str, row: FeedRow, now: datetime) -> list[Delivery]:
        bands, name = self._settings.bands, row.inquiry.name
        band, url = bands.of(shown(row.priority)), self._url(f"/inquiry/{name}")
        found = [
            self._webhook(to, event, name, {"inquiry": inquiry_data(row, bands, lang_of(said.language), url)}, now)
            for to, said in self._webhooks.items()
            if matches(said, event, row.inquiry.channel, band)
        ]
        subject = Subject(row=row, url=url)
        free = not states.is_taken(row.inquiry)
        return found + self._alerts(event, name, subject, now, row.inquiry.channel, band, free=free)

    def _tell_of_incident(self, event: str, incident: Mapping[str, Any], now: datetime) -> list[Delivery]:
        url = self._url(f"/incidents/{incident['id']}")
        found = [
            self._webhook(
                to, event, incident["id"], {"incident": incident_data(incident, lang_of(said.language), url)}, now
            )
            for to, said in self._webhooks.items()
            if matches(said, event, None, None)
        ]
        free = event != "incident.ended" and not _is_taken(incident)
        return found + self._alerts(event, incident["id"], Subject(incident=incident, url=url), now, free=free)

    def _tell_of_source(self, event: str, look: looking.SourceLook, now: datetime) -> list[Delivery]:
        name, source = look.name, {"name": look.name, "message": look.message}
        found = [
            self._webhook(to, event, name, {"source": source}, now)
            for to, said in self._webhooks.items()
            if matches(said, event, None, None)
        ]
        return found + self._alerts(event, name, Subject(source=look, url=self._url("/connectors")), now)

    def _tell_of_runaway(self, owner: str, seconds: float, now: datetime) -> list[Delivery]:
        query = {"owner": owner, "seconds": round(seconds), "restarts": self._settings.sql.restart_on_runaway}
        found = [
            self._webhook(to, "sql.runaway", owner, {"sql": query}, now)
            for to, said in self._webhooks.items()
            if matches(said, "sql.runaway", None, None)
        ]
        return found + self._alerts("sql.runaway", owner, Subject(query=query, url=self._url("/connectors")), now)

    def _tell_of_reply(self, con: Connection, reply: Row, now: datetime) -> list[Delivery]:
        event = f"reply.{reply.state}"
        rows = rows_by_id(con, [reply.inquiry_id.bytes], moment=now) if reply.state in TELLS else []
        if not rows:
            return []
        (row,) = rows
        bands, name = self._settings.bands, row.inquiry.name
        band, url = bands.of(shown(row.priority)), self._url(f"/inquiry/{name}")
        found = []
        for to, said in self._webhooks.items():
            if matches(said, event, row.inquiry.channel, band):
                inquiry = inquiry_data(row, bands, lang_of(said.language), url)
                found.append(self._webhook(to, event, name, {"reply": reply_data(reply, inquiry)}, now))
        return found + self._alerts(event, name, Subject(row=row, url=url), now, row.inquiry.channel, band)

    def _tell_taken(self, con: Connection, row: FeedRow, now: datetime) -> list[Delivery]:
        """Whoever was woken, and whoever still waits, learns that somebody has it."""
        name, places = row.inquiry.name, self._settings.alerts.destinations
        woken = deliveries.told(con, name, WOKE) if self._settings.alerts.updates else []
        found = []
        for target in woken:
            to = places.get(target.removeprefix("alert:")) if target.startswith("alert:") else None
            if to is not None and to.enabled:
                told = taken(row, self._url(f"/inquiry/{name}"), to)
                due_at = self._awake(target.removeprefix("alert:"), now)
                found.append(self._delivery(target, "inquiry.taken", name, _json(told), now, due_at))
        return found

    def _alerts(
        self,
        event: str,
        name: str,
        subject: Subject,
        now: datetime,
        channel: str | None = None,
        band: str | None = None,
        *,
        free: bool = False,
    ) -> list[Delivery]:
        """free: somebody may take what it is about, and nobody has: until then its alert goes from one to the next."""
        found: dict[str, Delivery] = {}
        for rule in self._rules.values():
            if not matches(rule, event, channel, band):
                continue
            steps: Iterable[tuple[str, int]] = [(one, 0) for one in rule.to]
            if free:
                steps = [*steps, *((one, place) for place, one in enumerate(rule.then, 1))]
            for one, step in steps:
                to, target = self._settings.alerts.destinations[one], f"alert:{one}"
                if not to.enabled:
                    continue
                after = step * rule.unclaimed_after
                due_at = now + after if rule.always else self._awake(one, now + after)
                minutes = int(after.total_seconds() // 60) if step else None
                zone = to.timezone or self._settings.timezone
                told = alert(event, subject, to, zone, self._settings.bands, minutes)
                moot = free and (bool(step) or due_at > now)
                made = self._delivery(target, event, name, _json(told), now, due_at, unless_taken=moot)
                if target not in found or due_at < found[target].due_at:
                    found[target] = made
        return list(found.values())

    def _awake(self, destination: str, moment: datetime) -> datetime:
        to = self._settings.alerts.destinations[destination]
        return after_quiet(moment, to.quiet_hours, to.timezone or self._settings.timezone)

    # -- writing -------------------------------------------------------------------------------------

    def _webhook(self, to: str, event: str, subject: str, data: Mapping[str, Any], now: datetime) -> Delivery:
        return self._delivery(f"webhook:{to}", event, subject, body(event, now, data), now, now)

    def _delivery(
        self, target: str, event: str, subject: str, text: str, now: datetime, due_at: datetime, *,
        unless_taken: bool = False,
    ) -> Delivery:  # fmt: skip
        return Delivery(self._next_id(now), target, event, subject, text, unless_taken, "due", now, due_at)

    def _next_id(self, now: datetime) -> UUID:
        """Rises even within a millisecond, and when the clock goes back, also while nobody was at work."""
        millisecond, number = self._last
        this = int(now.timestamp() * 1000)
        if this > millisecond:
            self._last = (this, 0)
        else:
            self._last = (millisecond + (number + 1) // 4096, (number + 1) % 4096)
        return time_ordered_id(*self._last)

    def _keep(
        self, con: Connection, found: Sequence[Delivery], levels: Mapping[str, float], in_hand: Sequence[str]
    ) -> bool:
        now = self._clock()
        if levels:
            deliveries.notice(con, levels, now)
        if in_hand:
            deliveries.drop_taken(con, in_hand, now)
        deliveries.insert(con, found)
        return bool(found)

    def _url(self, path: str) -> str | None:
        public = self._settings.web.public_url
        return f"{str(public).rstrip('/')}{path}" if public is not None else None


def _told_once(some: Sequence[Delivery]) -> list[Delivery]:
    """An exposed key is urgent: who is told of the one by then is not told of the other."""
    keys = {each.target: each.due_at for each in some if each.event == "inquiry.key_exposed"}
    return [each for each in some if each.event != "inquiry.urgent" or each.due_at < keys.get(each.target, _NEVER)]


def _is_taken(incident: Mapping[str, Any]) -> bool:
    """A colleague has begun with it, or nobody need any more."""
    return bool(incident["taken"]) or incident["state"] != "open"


def _json(told: Alert) -> str:
    return orjson.dumps(told.as_json()).decode()
