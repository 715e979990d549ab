"""The single writer: the one place where a command gets its sequence and its time.

Owns: the order of commands, the monotonic time they carry, and the rule that an entry is staged in
the journal before any outlet renders it.
Must not know: FIX, sockets, SQL, MQTT. Everything that may change the venue comes through `submit`:
FIX messages, operator commands, timers, the schedule, connections coming and going.

What is staged here becomes durable in one group flush, and what the outlets make of it reaches a
socket only after that (DESIGN, law 2). The journal calls back in the order of staging, so nobody
who waits can be told before somebody who was first.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from fixoms.domain.commands import VENUE, AdvanceTime, Command
from fixoms.domain.events import Event
from fixoms.domain.units import Nanos
from fixoms.engine.engine import Engine
from fixoms.engine.order import InvariantError
from fixoms.journal.entry import Entry, Record

Then: TypeAlias = Callable[[], None]
"""Called on the loop once what was staged with it is durable."""


class Stage(Protocol):
    """The part of a journal the sequencer needs."""

    def stage(self, record: Record, then: Then | None = None) -> None:
        """Make `record` part of the group that is flushed next."""


class Sequencer:
    """Hands commands to the engine one at a time, and the decided entries to journal and outlets.

    `last_seq` and `last_time` are those of the newest entry recovered from the journal, 0 for a new
    one. A clock that goes back is held at the newest time seen: time never falls in the journal.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Stage,
        clock: Callable[[], Nanos],
        *,
        last_seq: int,
        last_time: Nanos,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._clock = clock
        self._seq = last_seq
        self._time = last_time
        self._outlets: list[Callable[[Entry], None]] = []
        self._is_halted = False

    @property
    def last_seq(self) -> int:
        """Sequence of the newest entry."""
        return self._seq

    @property
    def last_time(self) -> Nanos:
        """Time of the newest entry."""
        return self._time

    def add_outlet(self, publish: Callable[[Entry], None]) -> None:
        """Call `publish` with every entry from now on, in this process and before it is durable.

        An outlet only prepares bytes: what it sends must itself wait for the journal.
        """
        self._outlets.append(publish)

    def halt(self) -> None:
        """Take no command any more; those that still come are dropped without an event."""
        self._is_halted = True

    def submit(self, command: Command, then: Then | None = None) -> tuple[Event, ...]:
        """Decide `command`, stage its entry and let the outlets render it; returns its events.

        A timer that has come goes first: an order past its ExpireTime(126) does not trade with what
        arrives after it. Raises InvariantError when the engine finds its own state broken, which
        ends the venue.
        """
        self.run_timers()
        return self._decide(command, then)

    def run_timers(self) -> None:
        """Submit AdvanceTime for every moment the engine waits for that has come."""
        due = self._engine.next_timer
        while due is not None and due <= max(self._time, self._clock()) and not self._is_halted:
            self._decide(AdvanceTime(VENUE), None)
            waited_for, due = due, self._engine.next_timer
            if due is not None and due <= waited_for:
                raise InvariantError(f"the engine still waits for {due} after that moment")

    def _decide(self, command: Command, then: Then | None) -> tuple[Event, ...]:
        if self._is_halted:
            return ()
        self._seq += 1
        self._time = max(self._time, self._clock())
        events = tuple(self._engine.handle(command, self._seq, self._time))
        entry = Entry(self._seq, self._time, command, events)
        self._journal.stage(entry, then)
        for publish in self._outlets:
            publish(entry)
        return events
