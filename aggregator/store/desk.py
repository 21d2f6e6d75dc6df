"""desk.db: who works here. Users, sessions, sign-in links, read marks and personal settings.

It is a SQLite file beside the DuckDB one and is never attached to it, so that no SQL endpoint can see it. Tokens
are stored as hashes: a copy of the file signs nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import chain, count
from pathlib import Path
from typing import Literal, get_args

import orjson

from aggregator.identity import Id
from aggregator.store import work_stretches
from aggregator.store.folder import make

Role = Literal["viewer", "agent", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before may: look; act on inquiries; decide for others; say who works here."""

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
LINK_VALID = timedelta(hours=24)
FREE_TRIES = 5
LONGEST_NAME = 60
MOST_STRANGERS = 10_000  # wrong names of which tries are counted
_TOUCH_EVERY = timedelta(minutes=5)  # a write for each request would be for nothing
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


class DeskError(Exception):
    """The desk refuses; the message says why and what to do. `said` and its `values` are what can be translated."""

    def __init__(self, said: str, **values: object) -> None:
        super().__init__(said % values if values else said)
        self.said, self.values = said, values


class DeskFullError(DeskError):
    """Nothing can be written; what was there before is whole."""


class TooManyTriesError(DeskError):
    """A wrong password too often: wait `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many wrong passwords; try again in {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class User:
    """A colleague. `lang` "" follows the browser."""

    name: str
    role: Role
    lang: str
    theme: str
    shortcuts: bool
    has_password: bool
    density: str = "roomy"  # or "dense"
    keys: Mapping[str, str] = field(default_factory=dict)  # own keys by the action's name
    sound: bool = False

    def is_at_least(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def may_act(self) -> bool:
        return self.is_at_least("agent")


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. `csrf` goes into forms; `public_id` may stand in URLs."""

    user: User
    csrf: str
    public_id: str


class Desk:
    """The open desk.db; None keeps it in memory. Calls block: run them in a thread from the event loop."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            make(path.parent)
            path.touch(mode=0o600)
            path.chmod(0o600)  # one that was copied here
        self._name = str(path)
        self._strangers: OrderedDict[str, tuple[int, float]] = OrderedDict()  # wrong names: tries, locked until
        self._con = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        try:
            with self._told():
                self._con.execute("PRAGMA journal_mode = WAL")
                self._con.execute("PRAGMA foreign_keys = ON")
                self._migrate(self._name)
        except BaseException:
            self._con.close()
            raise

    def _migrate(self, name: str) -> None:
        scripts = _migrations()
        version = self._con.execute("PRAGMA user_version").fetchone()[0]
        if version > len(scripts):
            raise DeskError(f"{name} was written by a newer version of this program; install that version")
        for number, script in enumerate(scripts[version:], version + 1):
            self._con.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    def close(self) -> None:
        with self._lock:
            self._con.close()

    def copy_to(self, target: Path) -> None:
        """A consistent copy into a new file, while others go on working."""
        with self._lock, closing(sqlite3.connect(target)) as copy:
            self._con.backup(copy)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, nobody else's meanwhile. For the modules that keep further things in this file."""
        with self._lock:
            yield self._con

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The same in a transaction: all of it or, at an error, nothing.

        Raises:
            DeskFullError: the disk takes no more.
        """
        with self._lock, self._told():
            self._con.execute("BEGIN IMMEDIATE")
            try:
                yield self._con
                self._con.execute("COMMIT")
            except BaseException:
                if self._con.in_transaction:  # a full disk ends it by itself
                    self._con.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raises DeskFullError instead of what SQLite says of a disk that takes no more."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_FULL":
                raise DeskFullError(f"{self._name}: the disk is full; free some space, nothing was changed") from error
            if error.sqlite_errorname.startswith("SQLITE_IOERR"):
                raise DeskFullError(
                    f"{self._name} cannot be written ({error}): the disk is full, or failing; nothing was changed"
                ) from error
            raise

    # -- users -----------------------------------------------------------------------------------

    def users(self) -> list[User]:
        with self._lock:
            names = self._con.execute("SELECT name FROM user ORDER BY name").fetchall()
            return [self._user(name) for (name,) in names]

    def add_user(self, name: str, role: Role) -> User:
        """Raises DeskError: the name is taken or cannot be one."""
        if not name.strip() or name != name.strip() or len(name) > LONGEST_NAME or name in ("me", "none", "system"):
            raise DeskError(
                "%(name)r cannot be a user name; take 1 to 60 characters, not me, none or system", name=name
            )
        if role not in ROLES:
            raise DeskError("unknown role %(role)s; take viewer, agent, lead or admin", role=role)
        with self.writing() as con:
            if con.execute("SELECT 1 FROM user WHERE name = ?", [name]).fetchone():
                raise DeskError("there is a user %(name)s already", name=name)
            con.execute("INSERT INTO user (name, role) VALUES (?, ?)", [name, role])
            return self._user(name)

    def user(self, name: str) -> User:
        """Raises DeskError: there is no such user."""
        with self._lock:
            return self._user(name)

    def _user(self, name: str) -> User:
        row = self._con.execute(
            "SELECT role, lang, theme, shortcuts, hash IS NOT NULL, density, keys, sound FROM user WHERE name = ?",
            [name],
        ).fetchone()
        if row is None:
            raise DeskError("there is no user %(name)s", name=name)
        role, lang, theme, shortcuts, has_password, density, keys, sound = row
        own = orjson.loads(keys)
        return User(name, role, lang, theme, bool(shortcuts), bool(has_password), density, own, bool(sound))

    def set_preferences(
        self,
        name: str,
        *,
        lang: str | None = None,
        theme: str | None = None,
        shortcuts: bool | None = None,
        density: str | None = None,
        keys: Mapping[str, str] | None = None,
        sound: bool | None = None,
    ) -> None:
        """Change what is given, and leave the rest."""
        told = None if keys is None else orjson.dumps(keys).decode()
        with self.writing() as con:
            con.execute(
                "UPDATE user SET lang = coalesce(?, lang), theme = coalesce(?, theme), "
                "shortcuts = coalesce(?, shortcuts), density = coalesce(?, density), keys = coalesce(?, keys), "
                "sound = coalesce(?, sound) "
                "WHERE name = ?",
                [lang, theme, shortcuts, density, told, sound, name],
            )

    def set_password(self, name: str, password: str) -> None:
        """Raises DeskError: shorter than 10 characters."""
        if len(password) < 10:
            raise DeskError("take a password of at least 10 characters")
        salt = secrets.token_bytes(16)
        digest = hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)
        with self.writing() as con:
            con.execute(
                "UPDATE user SET salt = ?, hash = ?, failures = 0, locked_until = 0 WHERE name = ?",
                [salt, digest, name],
            )

    def first_admin(self, now: datetime) -> str | None:
        """A one-time link's token, as long as nobody has ever got in; None: somebody has.

        Colleagues may have been added before; where none of them is an admin, one is made beside them.
        """
        users = self.users()
        with self._lock:
            entered = self._con.execute("SELECT 1 FROM session LIMIT 1").fetchone()
        if entered or any(user.has_password for user in users):
            return None
        admin = next((user.name for user in users if user.role == "admin"), None)
        if admin is None:
            taken = {user.name for user in users}
            names = chain(["admin"], (f"admin {number}" for number in count(2)))
            admin = self.add_user(next(name for name in names if name not in taken), "admin").name
        return self._link(admin, now)  # those that stand in other terminals and logs stay good

    # -- signing in ------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, now: datetime, browser: str = "") -> str | None:
        """The token of a new session, or None: wrong name or password, which take equally long.

        Raises:
            TooManyTriesError: after 5 wrong ones each further one doubles the wait, up to 15 minutes.
        """
        at = now.timestamp()
        salt, expected = self._take_a_try(name, at)
        digest = hashlib.scrypt(password.encode(), salt=salt or b"nobody is here..", **_SCRYPT)
        if expected is None or not hmac.compare_digest(digest, expected):
            return None
        return self._begin(name, at, browser)

    def _take_a_try(self, name: str, at: float) -> tuple[bytes | None, bytes | None]:
        """Salt and hash. The try counts before it is judged: many at once are no more tries than one after the other.

        A name that nobody has is locked as well, else the lock would tell which names there are.
        """
        with self.writing() as con:
            found = con.execute("SELECT salt, hash, failures, locked_until FROM user WHERE name = ?", [name]).fetchone()
            salt, expected, failures, locked_until = found or (None, None, *self._strangers.get(name, (0, 0.0)))
            if locked_until > at:
                raise TooManyTriesError(locked_until - at)
            failures += 1
            if failures >= FREE_TRIES:
                locked_until = at + min(900, 15 * 2 ** min(failures - FREE_TRIES, 10))
            if found:
                update = "UPDATE user SET failures = ?, locked_until = ? WHERE name = ?"
                con.execute(update, [failures, locked_until, name])
            elif len(name) <= LONGEST_NAME:
                self._strangers[name] = failures, locked_until
                if len(self._strangers) > MOST_STRANGERS:
                    self._strangers.popitem(last=False)
        return salt, expected

    def invite(self, name: str, now: datetime) -> str:
        """A token that signs this user in once, within a day. Earlier ones are worth nothing any more: whoever asks for
        another may have lost the first to somebody else.

        Raises:
            DeskError: there is no such user.
        """
        with self.writing() as con:
            con.execute("DELETE FROM link WHERE user = ?", [name])
        return self._link(name, now)

    def _link(self, name: str, now: datetime) -> str:
        token = secrets.token_urlsafe(32)
        with self.writing() as con:
            self._user(name)
            con.execute("DELETE FROM link WHERE until < ?", [now.timestamp()])
            con.execute("INSERT INTO link VALUES (?, ?, ?)", [hashed(token), name, (now + LINK_VALID).timestamp()])
        return token

    def invited(self, link: str, now: datetime) -> str | None:
        """Whom a one-time link would sign in; None: used, too old, or never given."""
        with self._lock:
            row = self._con.execute("SELECT user, until FROM link WHERE hash = ?", [hashed(link)]).fetchone()
        return row[0] if row and row[1] >= now.timestamp() else None

    def enter(self, link: str, now: datetime, browser: str = "") -> str | None:
        """Use up a one-time link: the token of a new session, or None: used, too old, or never given."""
        with self.writing() as con:
            row = con.execute("DELETE FROM link WHERE hash = ? RETURNING user, until", [hashed(link)]).fetchone()
        if row is None or row[1] < now.timestamp():
            return None
        return self._begin(row[0], now.timestamp(), browser)

    def _begin(self, name: str, at: float, browser: str) -> str:
        token = secrets.token_urlsafe(32)
        with self.writing() as con:
            con.execute("UPDATE user SET failures = 0, locked_until = 0 WHERE name = ?", [name])
            con.execute("DELETE FROM session WHERE used < ? OR began < ?", _oldest(at))
            con.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", [hashed(token), name, at, at, browser[:300]])
            work_stretches.seen(con, name, at)
        return token

    def session(self, token: str, now: datetime, *, used: bool = True) -> Session | None:
        """Whose token this is; None: unknown, idle for 12 h, or 7 days old. `used` False only asks."""
        at, digest = now.timestamp(), hashed(token)
        with self._lock:
            row = self._con.execute("SELECT user, began, used FROM session WHERE hash = ?", [digest]).fetchone()
            if row is None or row[2] < _oldest(at)[0] or row[1] < _oldest(at)[1]:
                return None
            if used and at - row[2] > _TOUCH_EVERY.total_seconds():
                with suppress(DeskFullError), self._told():  # who only reads may go on
                    self._con.execute("UPDATE session SET used = ? WHERE hash = ?", [at, digest])
                    work_stretches.seen(self._con, row[0], at)
            return Session(self._user(row[0]), _derived(token, b"csrf"), _derived(token, b"public")[:16])

    def last_used(self, name: str) -> float | None:
        """Unix time at which this person last used the desk, to five minutes; None: is not signed in."""
        with self._lock:
            (used,) = self._con.execute("SELECT max(used) FROM session WHERE user = ?", [name]).fetchone()
        return None if used is None else float(used)

    def sign_out(self, token: str) -> None:
        with self.writing() as con:
            con.execute("DELETE FROM session WHERE hash = ?", [hashed(token)])

    def sign_out_everywhere(self, name: str) -> None:
        """End all sessions, and the links that nobody has used yet: one may be in the wrong hands, too."""
        with self.writing() as con:
            con.execute("DELETE FROM session WHERE user = ?", [name])
            con.execute("DELETE FROM link WHERE user = ?", [name])

    # -- reading ---------------------------------------------------------------------------------

    def mark_read(self, name: str, inquiry: Id, seen: datetime) -> None:
        """`seen`: the inquiry's `seen_at` that was on screen; a newer post makes it unread again."""
        with self.writing() as con:
            con.execute(
                "INSERT INTO read_mark VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen = max(seen, excluded.seen)",
                [name, inquiry, seen.timestamp()],
            )

    def mark_unread(self, name: str | None, inquiry: Id) -> None:
        """As if this person (None: nobody) had ever looked at it."""
        with self.writing() as con:
            con.execute("DELETE FROM read_mark WHERE inquiry = ? AND (user = ? OR ? IS NULL)", [inquiry, name, name])

    def read_marks(self, name: str, inquiries: Collection[Id]) -> dict[Id, float]:
        """Unix time up to which each was read; those never read are absent."""
        marks = ",".join("?" * len(inquiries))
        with self._lock:
            rows = self._con.execute(
                f"SELECT inquiry, seen FROM read_mark WHERE user = ? AND inquiry IN ({marks})",
                [name, *inquiries],
            ).fetchall()
        return dict(rows)


def _migrations() -> list[str]:
    folder = resources.files("aggregator.sql.desk")
    files = sorted((one for one in folder.iterdir() if one.name[:4].isdigit()), key=lambda one: one.name)
    return [one.read_text(encoding="utf-8") for one in files]


def time_of(at: float) -> datetime:
    """As desk.db keeps it."""
    return datetime.fromtimestamp(at, UTC)


def hashed(token: str) -> bytes:
    """What of a token is stored."""
    return hashlib.sha256(token.encode()).digest()


def _derived(token: str, purpose: bytes) -> str:
    return hashlib.blake2b(token.encode(), digest_size=24, person=purpose).hexdigest()


def _oldest(at: float) -> tuple[float, float]:
    """Sessions used or begun before these are over."""
    return at - IDLE.total_seconds(), at - LONGEST.total_seconds()
