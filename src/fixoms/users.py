"""Users of the venue: who may log on, for which participant, with which password.

Owns: the users file and its password hashes (argon2id), the check of a password, and the count of
wrong ones that locks a user.
Must not know: FIX sessions, sockets, what a user may do once logged on.

A check costs tens of milliseconds on purpose, so nothing on the path of an order makes one. The
file is read again when it changes: `fixoms user add` takes effect at the next logon.
"""

import contextlib
import enum
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fixoms.domain.units import SECOND, Nanos
from fixoms.settings import LockOutSettings, Name
from fixoms.typed_yaml import ConfigError, Problem, read_document, render_document

PASSWORD_CHARS_MIN: Final = 8
PASSWORD_CHARS_MAX: Final = 128

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_PASSWORD: Final = re.compile(r"[ -~]+")
_HEAD: Final = (
    "# Users of the venue, made by `fixoms user add`. It holds password hashes, no passwords;\n"
    "# keep it readable by its owner only.\n"
)
# OWASP's smallest sound setting: a check holds a core for some 20 ms, and 19 MiB.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Checked in place of the hash of a user who is not there, so that the time an answer takes does not
# tell which names exist. No password fits it.
_NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)


class User(msgspec.Struct, frozen=True):
    """One user: the participant it acts for, and the hash of its password."""

    participant: Name
    password_hash: str


class _UsersFile(msgspec.Struct, frozen=True):
    users: dict[Name, User] = {}


class Unfit(ValueError):
    """A user name or password that cannot be taken; the message says what is allowed."""


def read_users(path: Path) -> dict[str, User]:
    """Users in the file at `path`, none when there is no such file yet.

    Raises ConfigError when the file is broken, or open to more than its owner and group.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(path, [Problem(key="", text=f"cannot be read: {error}")]) from None
    if os.name == "posix" and mode & (stat.S_IRWXO | stat.S_IWGRP):
        text = f"is open to others (mode {stat.S_IMODE(mode):o}); make it 600: chmod 600 {path}"
        raise ConfigError(path, [Problem(key="", text=text)])
    return dict(read_document(path, _UsersFile).value.users)


def write_users(path: Path, users: Mapping[str, User]) -> None:
    """Write the users file so that a reader sees the old one or the new one, mode 600."""
    tree = {name: msgspec.to_builtins(user) for name, user in sorted(users.items())}
    text = _HEAD + render_document({"users": tree})
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes the file with mode 600.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def hash_password(password: str) -> str:
    """Hash of `password` with a salt of its own; raises Unfit.

    Passwords are printable ASCII, because Password(554) has no other agreed encoding.
    """
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise Unfit(f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")
    if not _PASSWORD.fullmatch(password):
        raise Unfit("a password is made of printable ASCII characters")
    return _HASHER.hash(password)


def new_user(name: str, participant: str, password: str) -> User:
    """Make a user; raises Unfit."""
    for kind, text in (("user", name), ("participant", participant)):
        if not _NAME.fullmatch(text):
            raise Unfit(f"{text!r} is no {kind} name: 1 to 32 letters, digits, `_`, `.` or `-`")
    return User(participant=participant, password_hash=hash_password(password))


class LockOut:
    """Counts wrong passwords in a row and says which users are locked; holds no clock.

    Only users that exist are counted, so the users file bounds the memory it takes.
    """

    def __init__(self, settings: LockOutSettings) -> None:
        self._wrong_max = settings.wrong_passwords
        self._locked_for = settings.locked_for_s * SECOND
        self._wrong: dict[str, int] = {}
        self._locked_until: dict[str, Nanos] = {}

    def is_locked(self, user: str, now: Nanos) -> bool:
        """Whether `user` is refused whatever the password."""
        until = self._locked_until.get(user)
        if until is None:
            return False
        if now < until:
            return True
        del self._locked_until[user]
        return False

    def wrong(self, user: str, now: Nanos) -> bool:
        """Count a wrong password; True when it locks the user."""
        count = self._wrong.get(user, 0) + 1
        if count < self._wrong_max:
            self._wrong[user] = count
            return False
        self._wrong.pop(user, None)
        self._locked_until[user] = Nanos(now + self._locked_for)
        return True

    def right(self, user: str) -> None:
        """Forget the wrong passwords of `user`."""
        self._wrong.pop(user, None)


class Verdict(enum.Enum):
    """What became of a name and a password; the peer is told only right or not."""

    RIGHT = "right"
    WRONG = "wrong password"
    LOCKS = "wrong password, user is now locked"
    LOCKED = "user is locked"
    UNKNOWN = "unknown user"


class UserBook:
    """The users of a running venue: a view of the users file, and who is locked."""

    def __init__(self, path: Path, lock_out: LockOut) -> None:
        self._path = path
        self._lock_out = lock_out
        self._stamp: tuple[int, int, int] | None = None
        self._users: dict[str, User] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the file again if it changed. Raises ConfigError; the users known before stay."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = None
        if stamp is None or stamp != self._stamp:
            self._users = read_users(self._path)
            self._stamp = stamp

    def get(self, name: str) -> User | None:
        """The user called `name`."""
        return self._users.get(name)

    def __len__(self) -> int:
        return len(self._users)

    def objection(self, name: str, participant: str, password: str, now: Nanos) -> str:
        """Why this user may not act for `participant` with this password; empty when it may.

        For the audit only: the peer is not told which it was. A users file that cannot be read
        leaves the users known before in force.
        """
        with contextlib.suppress(ConfigError):
            self.refresh()
        verdict = self.check(name, password, now)
        if verdict is not Verdict.RIGHT:
            return str(verdict.value)
        user = self._users[name]
        return "" if user.participant == participant else f"acts for {user.participant}"

    def check(self, name: str, password: str, now: Nanos) -> Verdict:
        """Check a password: tens of milliseconds of work, whether or not the user exists.

        A locked user costs nothing, so that guessing on does not either.
        """
        user = self._users.get(name)
        if self._lock_out.is_locked(name, now):
            return Verdict.LOCKED
        fits = _fits(user, password)
        if user is None:
            return Verdict.UNKNOWN
        if fits:
            self._lock_out.right(name)
            return Verdict.RIGHT
        return Verdict.LOCKS if self._lock_out.wrong(name, now) else Verdict.WRONG


def _fits(user: User | None, password: str) -> bool:
    if len(password) > PASSWORD_CHARS_MAX:
        return False
    try:
        return _HASHER.verify(_NOBODY if user is None else user.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
