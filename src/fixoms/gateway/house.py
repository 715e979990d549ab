"""What an operator may do to the house around the engine: sessions, users, snapshot.

Owns: the rows and deeds behind those words of the desk.
Must not know: the words (operator.py), orders. What is done to a session is journaled with its
numbers; what is done to a user stands in the users file; both are told to the audit by who asked.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from fixoms.fix.acceptor import Acceptor, SessionStatus
from fixoms.fix.identity import SessionId
from fixoms.gateway.authentication import Authentication
from fixoms.gateway.operator_words import Misspoken
from fixoms.gateway.order_entry import OrderEntry
from fixoms.gateway.schedule import Step

Deed: TypeAlias = Callable[[], Awaitable[str | list[dict[str, str]]]]
"""Something that takes time; tells what changed, or rows. Raises ValueError, OSError."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class House:
    """The sessions, users and timetable of a running venue, as the desk reaches them."""

    def __init__(
        self,
        *,
        acceptor: Acceptor,
        order_entry: OrderEntry,
        authentication: Authentication,
        steps: Sequence[Step],
        snapshot: Callable[[], Awaitable[int]],
    ) -> None:
        self._acceptor = acceptor
        self._order_entry = order_entry
        self._authentication = authentication
        self._steps = steps
        self._snapshot = snapshot

    def session_rows(self) -> list[dict[str, str]]:
        """Every session: whose it is, who is logged on, its numbers."""
        return [
            {
                "session": status.session.target_comp_id,
                "participant": self._order_entry.participant_of(status.session),
                "user": self._order_entry.user_of(status.session) if status.remote else "",
                "phase": status.phase.name.lower(),
                "next in": str(status.next_in),
                "next out": str(status.next_out),
                "remote": status.remote,
            }
            for status in self._acceptor.status()
        ]

    def schedule_rows(self) -> list[dict[str, str]]:
        """The steps of the timetable, in the order of the day."""
        return [
            {
                "at": step.at.isoformat(),
                "do": step.what,
                "scope": step.scope,
                "weekdays": " ".join(_DAYS[day] for day in step.weekdays),
            }
            for step in sorted(self._steps, key=lambda step: step.at)
        ]

    def reset_session(self, name: str) -> str:
        """Start the numbers of a session at 1; tells what they were. Raises Misspoken."""
        status = self._status(name)
        self._acceptor.link(status.session).reset()
        how = "asked of the peer by Logon(A), ResetSeqNumFlag(141)=Y" if status.remote else "done"
        return (
            f"{name}: numbers start at 1, {how}; before: next in {status.next_in}, "
            f"next out {status.next_out}"
        )

    def disconnect(self, name: str, reason: str) -> str:
        """Log a session out; its peer may come back. Raises Misspoken."""
        status = self._status(name)
        if not status.remote:
            raise Misspoken(f"{name} is not connected")
        self._acceptor.link(status.session).logout(reason or "disconnected by the operator")
        return f"{name} of {status.remote} is logged out"

    def lock_user(self, name: str, reason: str) -> Deed:
        """Lock a user and log its sessions out."""

        async def deed() -> str:
            done = await self._authentication.lock(name, reason)
            ended = self._order_entry.sessions_of(name)
            for session in ended:
                self._acceptor.link(session).logout("the user is locked")
            names = ", ".join(session.target_comp_id for session in ended)
            return f"{done}; logged out: {names or 'no session'}"

        return deed

    def unlock_user(self, name: str) -> Deed:
        """Take back a lock, the operator's and that of wrong passwords."""

        async def deed() -> str:
            return await self._authentication.unlock(name)

        return deed

    def user_rows(self) -> Deed:
        """Every user, without passwords."""

        async def deed() -> list[dict[str, str]]:
            return await self._authentication.rows()

        return deed

    def snapshot(self) -> Deed:
        """Save the engine's state now."""

        async def deed() -> str:
            return f"the engine is saved as of entry {await self._snapshot()}"

        return deed

    def _status(self, name: str) -> SessionStatus:
        for status in self._acceptor.status():
            if status.session.target_comp_id == name:
                return status
        known = ", ".join(session.target_comp_id for session in self._known())
        raise Misspoken(f"{name!r} is not a session of this venue; known: {known}")

    def _known(self) -> list[SessionId]:
        return [status.session for status in self._acceptor.status()]
