"""Who may log on to a session.

Owns: the check of Username(553) and Password(554) in a Logon(A), and what a refusal tells.
Must not know: how passwords are kept (the check is given), sequence numbers: a refused Logon
changes none.

A stranger learns nothing: an unknown user, a user of another participant, a locked one and a wrong
password get the same neutral words. The audit fact says which it was.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import msgspec

from fixoms.domain.units import Nanos
from fixoms.fix import tags
from fixoms.fix.application import RejectLogon
from fixoms.fix.message import Message

NEUTRAL: Final = "Logon refused"
"""All that a peer is told."""


class Users(Protocol):
    """The users a venue knows."""

    def objection(self, name: str, participant: str, password: str, now: Nanos) -> str:
        """Why this user may not act for `participant` with this password; empty when it may."""


class LogonPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a session speaks for. No `users` means any user of the participant.

    HeartBtInt(108) must be within `heartbeat_s_min` and `heartbeat_s_max`.
    """

    participant: str
    users: tuple[str, ...] = ()
    heartbeat_s_min: int = 0
    heartbeat_s_max: int = 3600


class Authentication:
    """Checks the Logon(A) of every session."""

    def __init__(
        self, policies: Mapping[str, LogonPolicy], users: Users, clock: Callable[[], Nanos]
    ) -> None:
        self._policies = policies
        self._users = users
        self._clock = clock
        self._hashing = ThreadPoolExecutor(1, "passwords")
        self._verdicts: dict[str, tuple[str, str, str]] = {}

    async def prepare(self, session: str, logon: Message) -> None:
        """Check the password in a thread of its own: a hash costs the time of many orders.

        The verdict is kept for the Logon(A) that follows, one per session. One thread, so guessers
        wait for each other and for nobody else.
        """
        name, password = _claimed(logon)
        participant = self._policies[session].participant
        objection = await asyncio.get_running_loop().run_in_executor(
            self._hashing, self._users.objection, name, participant, password, self._clock()
        )
        self._verdicts[session] = (name, password, objection)

    def close(self) -> None:
        """End the thread."""
        self._hashing.shutdown(wait=False, cancel_futures=True)

    def __call__(self, session: str, logon: Message) -> str:
        """Return the user who logs on to `session`; raises RejectLogon."""
        policy = self._policies[session]
        name, password = _claimed(logon)
        if policy.users and name not in policy.users:
            raise RejectLogon(NEUTRAL, audit=f"user {name!r} may not use session {session}")
        prepared = self._verdicts.pop(session, None)
        if prepared is not None and prepared[:2] == (name, password):
            objection = prepared[2]
        else:
            objection = self._users.objection(name, policy.participant, password, self._clock())
        if objection:
            raise RejectLogon(NEUTRAL, audit=f"user {name!r}: {objection}")
        # Only who has proved to be somebody is told what is wrong with the rest.
        heartbeat = int(logon.text(tags.HEART_BT_INT) or 0)
        if not policy.heartbeat_s_min <= heartbeat <= policy.heartbeat_s_max:
            raise RejectLogon(
                f"HeartBtInt(108) {heartbeat} is outside {policy.heartbeat_s_min} to "
                f"{policy.heartbeat_s_max}"
            )
        return name


def _claimed(logon: Message) -> tuple[str, str]:
    """Username(553) and Password(554), empty where absent."""
    return logon.text(tags.USERNAME) or "", logon.text(tags.PASSWORD) or ""
