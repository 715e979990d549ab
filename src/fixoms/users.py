"""Users of the venue: who may log on, for which participant, with which roles, from where.

Owns: the users file, the check of what a peer claims to be, the change of a password, and the count
of wrong ones that locks a user.
Must not know: FIX sessions, sockets, what a hash costs (passwords.py), what a role permits
(domain/roles.py).

The file is read again when it changes: `fixoms user add` takes effect at the next logon. Whoever
changes it holds a lock beside it, so that the venue and a command lose nothing of each other's.
"""

import contextlib
import enum
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from fixoms.clock import at
from fixoms.domain.roles import UserRole
from fixoms.domain.units import SECOND, Nanos
from fixoms.file_lock import exclusive
from fixoms.fix.peer import is_within
from fixoms.gateway.authentication import Claim, Finding, PasswordChange
from fixoms.passwords import Unfit, fits, hash_password
from fixoms.settings import LockOutSettings, Name
from fixoms.typed_yaml import ConfigError, Document, Problem, read_document, render_document

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_FINGERPRINT: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD: Final = (
    "# Users of the venue, made by `fixoms user add`. It holds password hashes, no passwords;\n"
    "# keep it readable by its owner only.\n"
)

_Day = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$",
        description="the last day as YYYY-MM-DD, or nothing",
    ),
]
_Participant = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})?$",
        description="a participant's name, or nothing for the venue's own people",
    ),
]


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One user.

    `participant` is empty for people of the venue, who cannot log on over FIX. No `roles` means
    trader for a user of a participant, and nothing for others. `expires` is the last day (UTC) the
    user may log on. `allowed_addresses` empty means any address the venue accepts. With
    `certificate` (`sha256:` and a fingerprint, or a subject such as `O=Alpha,CN=alice`) TLS must
    have verified that certificate; a user without a password then needs nothing else.
    `must_change` permits nothing but a new password. `locked` says why an operator locked the user.
    """

    participant: _Participant = ""
    password_hash: str = ""
    roles: tuple[UserRole, ...] = ()
    expires: _Day = ""
    allowed_addresses: tuple[str, ...] = ()
    certificate: str = ""
    must_change: bool = False
    locked: str = ""

    @property
    def effective_roles(self) -> tuple[UserRole, ...]:
        """Roles the user acts in."""
        if self.roles or not self.participant:
            return self.roles
        return (UserRole.TRADER,)


class _UsersFile(msgspec.Struct, frozen=True):
    users: dict[Name, User] = {}


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
    document = read_document(path, _UsersFile)
    problems = list(_mistakes(document))
    if problems:
        raise ConfigError(path, problems)
    return dict(document.value.users)


def _mistakes(document: "Document[_UsersFile]") -> Iterator[Problem]:
    for name, user in document.value.users.items():
        for key, check, value in (
            *(("allowed_addresses", check_address, each) for each in user.allowed_addresses),
            ("certificate", check_certificate, user.certificate),
            ("expires", check_day, user.expires),
        ):
            try:
                check(value)
            except Unfit as unfit:
                yield document.problem(f"users.{name}.{key}", str(unfit))


def check_address(text: str) -> str:
    """Give `text` back if it is an address or a network; raises Unfit."""
    try:
        ip_network(text)
    except ValueError:
        accepted = "an IP address or network such as 192.0.2.7 or 192.0.2.0/24"
        raise Unfit(f"{text!r} is not {accepted}") from None
    return text


def check_certificate(text: str) -> str:
    """Give `text` back if it can name a certificate, or is empty; raises Unfit."""
    if text and not _FINGERPRINT.fullmatch(text) and "=" not in text:
        raise Unfit(
            f"{text!r} names no certificate: `sha256:` and 64 hexadecimal digits in lower case, or "
            "a subject such as O=Alpha,CN=alice"
        )
    return text


def check_day(text: str) -> str:
    """Give `text` back if it is a day written YYYY-MM-DD, or is empty; raises Unfit."""
    try:
        is_day = not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_day = False
    if not is_day:
        raise Unfit(f"{text!r} is not a day written YYYY-MM-DD")
    return text


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


@contextlib.contextmanager
def edit_users(path: Path) -> Iterator[dict[str, User]]:
    """Read the users for a change, and write what became of them.

    Nobody else changes them meanwhile. Nothing is written when the block raises. Raises ConfigError
    and OSError.
    """
    with exclusive(path.with_name(f".{path.name}.lock")):
        users = read_users(path)
        yield users
        write_users(path, users)


def new_user(name: str, participant: str, password: str) -> User:
    """Make a trader of a participant; raises Unfit."""
    check_name("user", name)
    check_name("participant", participant)
    return User(participant=participant, password_hash=hash_password(password))


def check_name(kind: str, text: str) -> None:
    """Raise Unfit unless `text` can be the name of a `kind`."""
    if not _NAME.fullmatch(text):
        raise Unfit(f"{text!r} is no {kind} name: 1 to 32 letters, digits, `_`, `.` or `-`")


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

    def free(self, user: str) -> None:
        """Forget wrong passwords and the lock they led to."""
        self._wrong.pop(user, None)
        self._locked_until.pop(user, None)


class Verdict(enum.Enum):
    """What became of a name and a password; the peer is told only right or not."""

    RIGHT = "right"
    WRONG = "wrong password"
    LOCKS = "wrong password, user is now locked"
    LOCKED = "user is locked"
    UNKNOWN = "unknown user"


class UserBook:
    """The users of a running venue: a view of the users file, and who is locked.

    For one thread at a time: the gateway asks in its thread for passwords only.
    """

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

    def judge(self, claim: Claim, now: Nanos) -> Finding:
        """See gateway.authentication.Users.

        A users file that cannot be read leaves the users known before in force. Whoever is barred
        for another reason than the password is refused without counting a wrong one: a stranger at
        a foreign address locks nobody.
        """
        self._look_again()
        name = claim.user or self._named_by(claim)
        user = self._users.get(name)
        if user is not None and (bar := _bar(user, claim, now)):
            # The work of a hash, so that the time does not tell which names exist.
            fits("", claim.password)
            return Finding(user=name, objection=bar)
        if user is not None and not user.password_hash:
            # `_bar` has seen the certificate that stands for this user.
            verdict = Verdict.LOCKED if self._lock_out.is_locked(name, now) else Verdict.RIGHT
        else:
            verdict = self.check(name, claim.password, now)
        if user is None or verdict is not Verdict.RIGHT:
            locks = verdict is Verdict.LOCKS
            return Finding(user=name, objection=str(verdict.value), locks=locks)
        return Finding(user=name, roles=user.effective_roles, must_change=user.must_change)

    def _look_again(self) -> None:
        with contextlib.suppress(ConfigError):
            self.refresh()

    def _named_by(self, claim: Claim) -> str:
        """The one user whom the certificate of a Logon(A) without Username(553) names."""
        named = [name for name, user in self._users.items() if _shows(user.certificate, claim)]
        return named[0] if len(named) == 1 else ""

    def check(self, name: str, password: str, now: Nanos) -> Verdict:
        """Check a password: tens of milliseconds of work, whether or not the user exists.

        A locked user costs nothing, so that guessing on does not either.
        """
        user = self._users.get(name)
        if self._lock_out.is_locked(name, now):
            return Verdict.LOCKED
        is_right = fits("" if user is None else user.password_hash, password)
        if user is None:
            return Verdict.UNKNOWN
        if is_right:
            self._lock_out.right(name)
            return Verdict.RIGHT
        return Verdict.LOCKS if self._lock_out.wrong(name, now) else Verdict.WRONG

    def change_password(self, name: str, old: str, new: str, now: Nanos) -> PasswordChange:
        """See gateway.authentication.Users."""
        self._look_again()
        verdict = self.check(name, old, now)
        if verdict is not Verdict.RIGHT:
            return PasswordChange(locks=verdict is Verdict.LOCKS, reason=verdict.value)
        if new == old:
            return PasswordChange(is_right=True, reason="the new password is the old one")
        try:
            self._edit(name, password_hash=hash_password(new), must_change=False)
        except Unfit as unfit:
            return PasswordChange(is_right=True, reason=str(unfit))
        except (ConfigError, OSError):
            return PasswordChange(is_right=True, reason="the users file cannot be written")
        return PasswordChange(is_right=True, is_changed=True)

    def lock(self, name: str, reason: str) -> str:
        """Let a user log on no more, until `unlock`; tells what changed. Raises Unfit, OSError."""
        self._edit(name, locked=reason or "no reason given")
        return f"{name} is locked"

    def unlock(self, name: str) -> str:
        """Take back `lock`, and what wrong passwords led to. Raises Unfit, OSError."""
        self._edit(name, locked="")
        self._lock_out.free(name)
        return f"{name} is not locked"

    def _edit(self, name: str, **changes: object) -> None:
        with edit_users(self._path) as users:
            if name not in users:
                raise Unfit(f"there is no user {name}")
            users[name] = msgspec.structs.replace(users[name], **changes)
        self._look_again()

    def rows(self, now: Nanos) -> list[dict[str, str]]:
        """Every user for a table, without hashes."""
        self._look_again()
        return [
            user_row(name, user) | {"locked": user.locked or self._lock_text(name, now)}
            for name, user in sorted(self._users.items())
        ]

    def _lock_text(self, name: str, now: Nanos) -> str:
        return "wrong passwords" if self._lock_out.is_locked(name, now) else ""


def user_row(name: str, user: User) -> dict[str, str]:
    """One user as texts, without the hash."""
    return {
        "user": name,
        "participant": user.participant,
        "roles": ", ".join(role.value for role in user.effective_roles),
        "expires": user.expires,
        "addresses": ", ".join(user.allowed_addresses),
        "certificate": user.certificate,
        "must change": "yes" if user.must_change else "",
        "locked": user.locked,
    }


def _bar(user: User, claim: Claim, now: Nanos) -> str:
    """Why `user` may not come in whatever the password; empty when nothing stands in the way."""
    if user.locked:
        return f"locked by an operator: {user.locked}"
    if user.expires and at(now).date().isoformat() > user.expires:
        return f"expired after {user.expires}"
    if claim.participant is not None and user.participant != claim.participant:
        return f"acts for {user.participant or 'no participant'}"
    networks = [ip_network(each) for each in user.allowed_addresses]
    if networks and not is_within(claim.address, networks):
        return f"may not come from {claim.address or 'an unknown address'}"
    if user.certificate and not _shows(user.certificate, claim):
        return f"did not show certificate {user.certificate}"
    if not user.certificate and not user.password_hash:
        return "has neither a password nor a certificate"
    return ""


def _shows(wanted: str, claim: Claim) -> bool:
    """Whether the certificate TLS has verified is the one `wanted` names."""
    if claim.certificate is None or not wanted:
        return False
    return wanted in (f"sha256:{claim.certificate.fingerprint}", claim.certificate.subject)
