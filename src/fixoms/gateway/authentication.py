"""Who may log on to a session.

Owns: the check of a peer's address, its Username(553), Password(554) and certificate at Logon(A),
what a refusal tells, and the thread in which passwords are hashed.
Must not know: how passwords are kept (the check is given), sequence numbers: a refused Logon
changes none.

A stranger learns nothing: an unknown user, a user of another participant, a locked one and a wrong
password get the same neutral words. The audit fact says which it was.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, Protocol, TypeVar

import msgspec

from fixoms.domain.roles import UserRole, messages_of
from fixoms.domain.units import Nanos
from fixoms.fix import tags
from fixoms.fix.application import RejectLogon
from fixoms.fix.message import Message
from fixoms.fix.peer import Certificate, Network, Peer, is_within

NEUTRAL: Final = "Logon refused"
"""All that a peer is told."""

NOBODY: Final = Peer()
"""What is known of a peer where nobody has looked."""

Given = ParamSpec("Given")
Outcome = TypeVar("Outcome")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody who wants in presents. `participant` None stands for no participant at all."""

    user: str
    password: str
    participant: str | None
    address: str = ""
    certificate: Certificate | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a claim: the user it is, or why not. The peer never sees `objection`."""

    user: str
    objection: str = ""
    roles: tuple[UserRole, ...] = ()
    must_change: bool = False
    locks: bool = False
    """Whether this wrong password was the one that locks the user."""


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a wish for a new password; `reason` says why nothing changed.

    `is_right` says that the old password was proved, `locks` that it was wrong once too often.
    """

    is_right: bool = False
    is_changed: bool = False
    locks: bool = False
    reason: str = ""


class Users(Protocol):
    """The users a venue knows. Its answers take the time of a hash, tens of milliseconds."""

    def judge(self, claim: Claim, now: Nanos) -> Finding:
        """Whether the claim is right."""

    def change_password(self, name: str, old: str, new: str, now: Nanos) -> PasswordChange:
        """Give a user who proves the old password a new one."""

    def lock(self, name: str, reason: str) -> str:
        """Let a user log on no more; tells what changed. Raises ValueError, OSError."""

    def unlock(self, name: str) -> str:
        """Take back a lock, wherever it came from; tells what changed. Raises as `lock` does."""

    def rows(self, now: Nanos) -> list[dict[str, str]]:
        """Every user for a table."""


class LogonPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a session speaks for. No `users` means any user of the participant.

    HeartBtInt(108) must be within `heartbeat_s_min` and `heartbeat_s_max`. No `networks` means any
    address the listener takes.
    """

    participant: str
    users: tuple[str, ...] = ()
    heartbeat_s_min: int = 0
    heartbeat_s_max: int = 3600
    networks: tuple[Network, ...] = ()


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who has logged on, and the message types (MsgType(35)) that user may send."""

    user: str
    may_send: frozenset[str]
    must_change: bool = False


class Authentication:
    """Checks the Logon(A) of every session, and keeps passwords off the loop.

    With `off_loop` hashes are made in one thread, so guessers wait for each other and for nobody
    else; without it they are made at once, for a loop without threads.
    """

    def __init__(
        self,
        policies: Mapping[str, LogonPolicy],
        users: Users,
        clock: Callable[[], Nanos],
        *,
        off_loop: bool = False,
    ) -> None:
        self._policies = policies
        self._users = users
        self._clock = clock
        self._hashing = ThreadPoolExecutor(1, "passwords") if off_loop else None
        self._findings: dict[str, tuple[Claim, Finding]] = {}
        self._peers: dict[str, Peer] = {}
        self._found: dict[str, Finding] = {}

    def admits(self, session: str, peer: Peer) -> str:
        """Why this peer may not use `session`, empty when it may: its address is not allowed."""
        networks = self._policies[session].networks
        if networks and not is_within(peer.address, networks):
            return f"address {peer.address} is not allowed"
        if self._hashing is None:
            self._peers[session] = peer
        return ""

    async def prepare(self, session: str, logon: Message, peer: Peer) -> None:
        """Check the password in a thread: a hash costs the time of many orders.

        The finding is kept for the Logon(A) that follows, one per session.
        """
        claim = self._claim(session, logon, peer)
        finding = await self.run(self._users.judge, claim, self._clock())
        self._peers[session] = peer
        self._findings[session] = (claim, finding)

    async def run(
        self, work: Callable[Given, Outcome], *args: Given.args, **kwargs: Given.kwargs
    ) -> Outcome:
        """Do work on users where passwords are hashed: it never runs beside other such work."""
        if self._hashing is None:
            return work(*args, **kwargs)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._hashing, lambda: work(*args, **kwargs))

    async def change_password(self, name: str, old: str, new: str) -> PasswordChange:
        """Give a user a new password."""
        return await self.run(self._users.change_password, name, old, new, self._clock())

    async def judge(self, claim: Claim) -> Finding:
        """Check a claim that is not a Logon(A)."""
        return await self.run(self._users.judge, claim, self._clock())

    async def lock(self, name: str, reason: str) -> str:
        """See Users.lock."""
        return await self.run(self._users.lock, name, reason)

    async def unlock(self, name: str) -> str:
        """See Users.unlock."""
        return await self.run(self._users.unlock, name)

    async def rows(self) -> list[dict[str, str]]:
        """See Users.rows."""
        return await self.run(self._users.rows, self._clock())

    def close(self) -> None:
        """End the thread."""
        if self._hashing is not None:
            self._hashing.shutdown(wait=False, cancel_futures=True)

    def finding_of(self, session: str) -> Finding | None:
        """What became of the last Logon(A) of a session; for the audit."""
        return self._found.get(session)

    def __call__(self, session: str, logon: Message) -> Identity:
        """Return who logs on to `session`; raises RejectLogon."""
        policy = self._policies[session]
        claim = self._claim(session, logon, self._peers.get(session, NOBODY))
        prepared = self._findings.pop(session, None)
        if prepared is not None and prepared[0] == claim:
            finding = prepared[1]
        else:
            finding = self._users.judge(claim, self._clock())
        self._found[session] = finding
        if policy.users and finding.user not in policy.users:
            raise RejectLogon(NEUTRAL, audit=f"user {finding.user!r} may not use session {session}")
        if finding.objection:
            raise RejectLogon(NEUTRAL, audit=f"user {finding.user!r}: {finding.objection}")
        # Only who has proved to be somebody is told what is wrong with the rest.
        heartbeat = int(logon.text(tags.HEART_BT_INT) or 0)
        if not policy.heartbeat_s_min <= heartbeat <= policy.heartbeat_s_max:
            raise RejectLogon(
                f"HeartBtInt(108) {heartbeat} is outside {policy.heartbeat_s_min} to "
                f"{policy.heartbeat_s_max}"
            )
        return Identity(
            user=finding.user,
            may_send=messages_of(finding.roles),
            must_change=finding.must_change,
        )

    def _claim(self, session: str, logon: Message, peer: Peer) -> Claim:
        return Claim(
            user=logon.text(tags.USERNAME) or "",
            password=logon.text(tags.PASSWORD) or "",
            participant=self._policies[session].participant,
            address=peer.address,
            certificate=peer.certificate,
        )
