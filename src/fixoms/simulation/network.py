"""A network of memory that delays, splits, joins and loses what it carries.

Owns: the loop of one life of a venue, and the wires between its acceptor and the clients.
Must not know: FIX. Bytes are bytes here, and a connection may be lost between any two of them.

Everything that looks like chance comes from the seeded generator a wire is made with.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from random import Random
from typing import Any, Final, Protocol

from fixoms.domain.units import MILLISECOND, SECOND, Nanos
from fixoms.replay.virtual_loop import MemoryLine, MemoryTransport, VirtualLoop, whole

LATENCY_MAX: Final = 5 * MILLISECOND
"""Most time a piece of a stream is under way."""

OFF_LOOP_MAX: Final = 3 * MILLISECOND
"""Most time that work takes which the venue gives to a thread."""

WINDOW_BYTES: Final = 512
"""What a receiver that does not read lets its peer send."""


class Station(Protocol):
    """The client's side of a wire."""

    def hear(self, octets: bytes) -> None:
        """Bytes arrived."""

    def lost(self) -> None:
        """The connection is gone."""


class SimulatedLoop(VirtualLoop):
    """The event loop of one life. What the venue does off the loop takes time, but no thread."""

    def __init__(self, start: Nanos, random: Random) -> None:
        super().__init__(start, whole)
        self._random = random

    def run_in_executor(  # type: ignore[override]  # the stub's TypeVarTuple form is not public
        self,
        executor: Executor | None,  # noqa: ARG002  no thread is ever used
        func: Callable[..., Any],
        *args: Any,
    ) -> asyncio.Future[Any]:
        """Call `func` on the loop a moment later: two runs of one seed must not race."""
        future = self.create_future()

        def work() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:  # a root, as the thread it stands for: the caller is told
                future.set_exception(error)

        self.call_later(self._random.randrange(OFF_LOOP_MAX) / SECOND, work)
        return future


class _Pipe:
    """One direction of a wire: bytes under way, in order."""

    def __init__(
        self, loop: SimulatedLoop, random: Random, deliver: Callable[[bytes], None]
    ) -> None:
        self.under_way = bytearray()
        self.is_stalled = False
        self._loop = loop
        self._random = random
        self._deliver = deliver
        self._is_scheduled = False
        self._on_empty: Callable[[], None] | None = None

    def send(self, octets: bytes) -> None:
        """Put bytes on their way."""
        self.under_way += octets
        self._schedule()

    def end(self, then: Callable[[], None]) -> None:
        """Call `then` when everything sent so far has arrived."""
        self._on_empty = then
        self._schedule()

    def stall(self, *, stalled: bool) -> None:
        """Deliver nothing more, or go on."""
        self.is_stalled = stalled
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled and not self.is_stalled and not self._loop.is_closed():
            self._is_scheduled = True
            self._loop.call_later(self._random.randrange(LATENCY_MAX) / SECOND, self._arrive)

    def _arrive(self) -> None:
        self._is_scheduled = False
        if self.is_stalled:
            return
        if self.under_way:
            # One piece of what is under way: often all of it, sometimes a single byte.
            size = len(self.under_way)
            if self._random.random() < 0.5:
                size = self._random.randint(1, size)
            piece = bytes(self.under_way[:size])
            del self.under_way[:size]
            self._deliver(piece)
        if self.under_way:
            self._schedule()
        elif self._on_empty is not None:
            then, self._on_empty = self._on_empty, None
            then()


class Wire(MemoryLine):
    """One connection. The venue has the end `answer` gives, the client this object."""

    def __init__(self, loop: SimulatedLoop, random: Random, station: Station) -> None:
        super().__init__(loop, whole)
        self._life = loop
        self._random = random
        self._station = station
        self._far: WireTransport | None = None
        self._early = b""
        self._fuses: dict[bool, int] = {}
        self._is_heard = True
        self.is_up = True
        self.to_venue = _Pipe(loop, random, self._at_venue)
        self.to_client = _Pipe(loop, random, self._at_client)

    def answer(self, protocol: asyncio.BaseProtocol) -> "WireTransport":
        """The venue takes the call."""
        self._far = WireTransport(self._life, protocol, self)
        if self._early:
            self._far.receive(self._early)
            self._early = b""
        if not self.is_up:
            self._far.peer_lost()
        return self._far

    def _at_venue(self, octets: bytes) -> None:
        if self._far is None:
            self._early += octets
        else:
            self._far.receive(octets)

    def _at_client(self, octets: bytes) -> None:
        if self._is_heard:
            self._station.hear(octets)
        if self._far is not None:
            self._far.drained()

    # The client's side.

    def write(self, octets: bytes) -> None:
        """Send bytes to the venue."""
        if self.is_up and self._burn(octets, to_venue=True):
            self.to_venue.send(octets)

    def hang_up(self) -> None:
        """Close from the client's side; what was written still arrives."""
        self._is_heard = False
        if self.is_up:
            self.is_up = False
            self.to_venue.end(self._tell_venue)

    def cut(self) -> None:
        """Lose the connection now: what is under way never arrives."""
        was_up, self.is_up = self.is_up, False
        self.to_client.under_way.clear()
        if was_up:
            self.to_venue.under_way.clear()
            self._tell_venue()
        self._tell_client()

    def cut_after(self, octets: int, *, to_venue: bool) -> None:
        """Lose the connection after so many more bytes in one direction."""
        self._fuses[to_venue] = octets
        if octets == 0:
            self.cut()

    def _burn(self, octets: bytes, *, to_venue: bool) -> bool:
        """Whether all of it goes on its way; otherwise the connection is lost in its midst."""
        left = self._fuses.get(to_venue)
        if left is None:
            return True
        if left > len(octets):
            self._fuses[to_venue] = left - len(octets)
            return True
        self._lose_amid(octets[:left], to_venue=to_venue)
        return False

    def _lose_amid(self, octets: bytes, *, to_venue: bool) -> None:
        self.is_up = False
        if to_venue:
            self.to_venue.send(octets)
            self.to_venue.end(self._tell_venue)
            self._life.call_soon(self._tell_client)
        else:
            self.to_client.send(octets)
            self.to_client.end(self._tell_client)
            self._life.call_soon(self._tell_venue)

    def _tell_client(self) -> None:
        if self._is_heard:
            self._is_heard = False
            self._station.lost()

    def _tell_venue(self) -> None:
        if self._far is not None:
            self._far.peer_lost()

    # The venue's side.

    def receive(self, octets: bytes) -> None:
        """Bytes from the venue."""
        if self.is_up and self._burn(octets, to_venue=False):
            self.to_client.send(octets)

    def peer_lost(self) -> None:
        """The venue closed; what it wrote before still arrives."""
        if self.is_up:
            self.is_up = False
            self.to_client.end(self._tell_client)

    def die(self) -> None:
        """The venue's process is gone: of what it had written, a part may still arrive."""
        if self.is_up or self.to_client.under_way:
            rest = bytes(self.to_client.under_way)
            is_reading = not self.to_client.is_stalled
            self.is_up = False
            for pipe in (self.to_venue, self.to_client):
                pipe.under_way.clear()
                pipe.is_stalled = True
            if rest and is_reading:
                self._at_client(rest[: self._random.randint(0, len(rest))])
        self._tell_client()


class WireTransport(MemoryTransport):
    """The venue's end of a wire: it can fill up."""

    def __init__(self, loop: SimulatedLoop, protocol: asyncio.BaseProtocol, wire: Wire) -> None:
        super().__init__(loop, protocol, wire)
        self._wire = wire
        self._high = 65_536
        self._is_full = False

    def get_write_buffer_size(self) -> int:
        """Bytes the peer has not let go of, beyond what the network holds."""
        return max(0, len(self._wire.to_client.under_way) - WINDOW_BYTES)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002  empty is low
        """Pause the protocol above `high` bytes."""
        self._high = 65_536 if high is None else high

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        super().write(data)
        if not self._is_full and self.get_write_buffer_size() > self._high:
            self._is_full = True
            self.get_protocol().pause_writing()

    def drained(self) -> None:
        """The peer has read something."""
        if self._is_full and self.get_write_buffer_size() == 0 and not self.is_closing():
            self._is_full = False
            self.get_protocol().resume_writing()
