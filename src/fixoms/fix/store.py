"""The seam where "nothing leaves before it is durable" lives.

Owns: what a shell asks of a message store, and the store that lives in memory.
Must not know: sessions' phases, sockets, which medium keeps the records.

A store keeps, per session, the two numbers and the application messages sent. Administrative
messages only move the number: they are never sent again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from fixoms.domain.units import Nanos
from fixoms.fix.config import SessionState
from fixoms.fix.identity import SessionId


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message got this number. `frame` is kept unless `admin`."""

    msg_seq_num: int
    frame: bytes
    admin: bool


@dataclass(frozen=True, slots=True)
class Inbound:
    """Everything below `next_in` was received.

    On its own it is lazy: it never waits for the medium. Losing it makes the peer send messages
    again that were worked already, marked PossDupFlag(43)=Y.
    """

    next_in: int


@dataclass(frozen=True, slots=True)
class Reset:
    """A new epoch: older messages are gone, `next_in` is 1."""

    created_at: Nanos
    next_out: int


Record = Outbound | Inbound | Reset


class Store(Protocol):
    """Keeps sessions. All methods are called on the event loop."""

    def load(self, session: SessionId, now: Nanos) -> SessionState:
        """The state of a session, made new when the store has none. May block: called at start."""

    def put(self, session: SessionId, records: Sequence[Record], then: Callable[[], None]) -> None:
        """Stage records in this order, and call `then` on the loop once all are durable.

        `then` may be called before `put` returns, is called in the order of the puts of a session,
        and is never called after a failure.
        """

    async def read(
        self, session: SessionId, begin: int, end: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """The first `limit` application messages from `begin` to `end`, ascending by number.

        Sees every record put before.
        """

    def on_failure(self, callback: Callable[[Exception], None]) -> None:
        """Call this on the loop when records cannot be made durable; the store is dead then."""

    async def close(self) -> None:
        """Make everything put so far durable and let go of the medium."""


class MemoryStore:
    """A `Store` whose sessions live as long as the process.

    Beyond `messages_max` per session the oldest messages are forgotten and gap filled.
    """

    def __init__(self, messages_max: int = 1_000_000) -> None:
        self._messages_max = messages_max
        self._states: dict[SessionId, SessionState] = {}
        self._messages: dict[SessionId, dict[int, bytes]] = {}

    def load(self, session: SessionId, now: Nanos) -> SessionState:
        """See Store.load."""
        state = self._states.setdefault(session, SessionState(created_at=now))
        self._messages.setdefault(session, {})
        return replace(state)

    def put(self, session: SessionId, records: Sequence[Record], then: Callable[[], None]) -> None:
        """See Store.put."""
        state = self._states[session]
        messages = self._messages[session]
        for record in records:
            match record:
                case Outbound():
                    state.next_out = record.msg_seq_num + 1
                    if not record.admin:
                        messages[record.msg_seq_num] = record.frame
                        if len(messages) > self._messages_max:
                            del messages[next(iter(messages))]
                case Inbound():
                    state.next_in = record.next_in
                case Reset():
                    state.next_out, state.next_in = record.next_out, 1
                    state.created_at = record.created_at
                    messages.clear()
        then()

    async def read(
        self, session: SessionId, begin: int, end: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """See Store.read."""
        messages = self._messages[session]
        found: list[tuple[int, bytes]] = []
        for msg_seq_num in range(begin, end + 1):
            frame = messages.get(msg_seq_num)
            if frame is not None:
                found.append((msg_seq_num, frame))
                if len(found) == limit:
                    break
        return found

    def on_failure(self, callback: Callable[[Exception], None]) -> None:
        """See Store.on_failure. Memory does not fail."""

    async def close(self) -> None:
        """See Store.close."""
