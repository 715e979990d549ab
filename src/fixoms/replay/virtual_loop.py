"""An asyncio event loop whose time is virtual and whose network is memory.

Owns: time that jumps when there is nothing to do, and connections without sockets.
Must not know: FIX, what the code on the loop does. That code is the real one: it asks the loop for
the time, for servers and for timers as it always does.

Time moves only towards the goal its driver sets: `run_to(goal)` works every timer on the way, in
order, and returns when nothing is left to do.
"""

import asyncio
import math
import selectors
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import Any

from fixoms.domain.units import SECOND, Nanos

Split = Callable[[bytes], Iterable[bytes]]
"""How bytes written by a terminal are cut into the pieces the other side reads."""

THREAD_WAIT_MAX = 30.0
"""Real seconds the loop waits for a thread it gave work to, before it calls that a hang."""

_THREAD_POLL = 0.05


def whole(octets: bytes) -> Iterable[bytes]:
    """Split nothing: each write arrives as one read."""
    return (octets,)


class _IdleSelector(selectors.SelectSelector):
    """Tells the loop's idle moments from its busy ones, and moves the time in the idle ones."""

    def __init__(self, on_idle: Callable[[float | None], bool]) -> None:
        super().__init__()
        self._on_idle = on_idle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Report what is ready; the loop asks with a timeout only when it has nothing to do."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._on_idle(timeout):
            return super().select(_THREAD_POLL)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop for one in-process world, starting at UTC time `start`."""

    def __init__(self, start: Nanos, split: Split = whole) -> None:
        self._start = start
        self._elapsed = 0
        self._goal = 0
        self._threads = 0
        self._waited = 0.0
        self._split = split
        self._listeners: dict[int, _Listener] = {}
        self._failures: list[BaseException] = []
        super().__init__(_IdleSelector(self._idle))
        self.set_exception_handler(self._note_failure)

    # Time.

    def now(self) -> Nanos:
        """UTC time on this loop."""
        return Nanos(self._start + self._elapsed)

    def time(self) -> float:
        """Seconds since the loop was made, which is what timers count in."""
        return self._elapsed / SECOND

    def run_to(self, goal: Nanos) -> None:
        """Work until nothing is left to do before `goal`; the time is then `goal`.

        Raises what a callback or task raised.
        """
        self._goal = max(self._elapsed, goal - self._start)
        self._waited = 0.0
        self.run_forever()
        if self._failures:
            failures, self._failures = self._failures, []
            raise failures[0]

    def settle(self) -> None:
        """Work until nothing is left to do at the present time."""
        self.run_to(self.now())

    def _idle(self, timeout: float | None) -> bool:
        """Move the time; whether to wait for a thread instead."""
        if self._threads:
            self._waited += _THREAD_POLL
            if self._waited > THREAD_WAIT_MAX:
                raise TimeoutError(f"a thread has not answered for {THREAD_WAIT_MAX} s")
            return True
        due = None if timeout is None else self._elapsed + math.ceil(timeout * SECOND)
        if due is not None and due <= self._goal:
            self._elapsed = due
        else:
            self._elapsed = self._goal
            self.stop()
        return False

    def run_in_executor(  # type: ignore[override]  # the stub's TypeVarTuple form is not public
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run `func` in a thread; virtual time stands still until it is done."""
        self._threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._threads -= 1

    def _note_failure(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failure = context.get("exception") or RuntimeError(context.get("message", "loop failure"))
        self._failures.append(failure)

    # Network.

    async def create_server(  # type: ignore[override]  # sockets and TLS stay out of memory
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **_: object,
    ) -> asyncio.AbstractServer:
        """Listen on a port of this loop's own network; port 0 takes a free one."""
        number = port or next(free for free in range(49_152, 65_536) if free not in self._listeners)
        if number in self._listeners:
            raise OSError(98, "address already in use")
        listener = _Listener(self, protocol_factory, host or "127.0.0.1", number)
        self._listeners[number] = listener
        return listener

    async def create_connection(  # type: ignore[override]  # sockets and TLS stay out of memory
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,  # noqa: ARG002  one network, one host
        port: int | None = None,
        **_: object,
    ) -> tuple["MemoryTransport", asyncio.BaseProtocol]:
        """Connect to a listener of this loop; raises ConnectionRefusedError."""
        ours = MemoryTransport(self, protocol_factory(), {"peername": ("127.0.0.1", port)})
        theirs = self._accept(port or 0)
        ours.connect_to(theirs.receive, theirs.peer_lost)
        theirs.connect_to(ours.receive, ours.peer_lost)
        ours.start()
        theirs.start()
        return ours, ours.get_protocol()

    def dial(self, port: int) -> "MemoryLine":
        """Connect a terminal, which lives outside the loop; raises ConnectionRefusedError."""
        theirs = self._accept(port)
        line = MemoryLine(self, theirs, self._split)
        theirs.connect_to(line.receive, line.peer_lost)
        theirs.start()
        return line

    def _accept(self, port: int) -> "MemoryTransport":
        listener = self._listeners.get(port)
        if listener is None:
            raise ConnectionRefusedError(111, f"nothing listens on port {port}")
        return listener.accept()

    def stop_listening(self, port: int) -> None:
        """Take a listener off the network."""
        self._listeners.pop(port, None)

    def dispose(self) -> None:
        """Cancel what still runs and close the loop."""
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_to_end(asyncio.gather(*tasks, return_exceptions=True))
        self.run_to_end(self.shutdown_asyncgens())
        self.run_to_end(self.shutdown_default_executor())
        self.close()

    def run_to_end(self, awaitable: Any) -> Any:
        """Run one awaitable to its end, timers included, and return its result."""
        future = asyncio.ensure_future(awaitable, loop=self)
        future.add_done_callback(lambda _: self.stop())
        far = Nanos(self.now() + 3600 * SECOND)
        while not future.done():
            before = self.now()
            self._goal = far - self._start
            self._waited = 0.0
            self.run_forever()
            if not future.done() and self.now() == far == before:
                raise TimeoutError("nothing moves any more, and the awaitable has no result")
        return future.result()


class _Listener(asyncio.AbstractServer):
    """A listening port of the memory network."""

    def __init__(
        self,
        loop: VirtualLoop,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
    ) -> None:
        self._loop = loop
        self._protocol_factory = protocol_factory
        self._address = (host, port)
        self._peers = 0
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        """Address, as a socket would tell it."""
        return self._address

    def accept(self) -> "MemoryTransport":
        """A new connection, seen from the listening side."""
        self._peers += 1
        peer = ("127.0.0.1", 1024 + self._peers)
        about = {"peername": peer, "sockname": self._address}
        return MemoryTransport(self._loop, self._protocol_factory(), about)

    def close(self) -> None:
        """Stop listening."""
        self._loop.stop_listening(self._address[1])

    async def wait_closed(self) -> None:
        """Nothing to wait for."""

    def is_serving(self) -> bool:
        """Whether connections are taken."""
        return True

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it listens on."""
        return self._loop

    async def start_serving(self) -> None:
        """A listener serves from the start."""

    async def serve_forever(self) -> None:
        """Serve until cancelled."""
        await self._loop.create_future()


class MemoryTransport(asyncio.Transport):
    """One end of a connection, for a protocol on the loop.

    Reads are pieces as the other side wrote them, one per turn of the loop.
    """

    def __init__(
        self, loop: VirtualLoop, protocol: asyncio.BaseProtocol, about: Mapping[str, Any]
    ) -> None:
        super().__init__(dict(about))
        self._loop = loop
        self._protocol = protocol
        self._inbound: deque[bytes] = deque()
        self._reading = True
        self._scheduled = False
        self._closing = False
        self._lost: Exception | None = None
        self._deliver: Callable[[bytes], None] = lambda _: None
        self._tell_peer: Callable[[], None] = lambda: None

    def connect_to(self, deliver: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """Where written bytes go, and what is called once this end is closed."""
        self._deliver = deliver
        self._tell_peer = lost

    def start(self) -> None:
        """Tell the protocol that it is connected."""
        self._loop.call_soon(self._protocol.connection_made, self)

    # From the other side.

    def receive(self, octets: bytes) -> None:
        """Bytes from the other side."""
        if not self._closing:
            self._inbound.append(octets)
            self._schedule()

    def peer_lost(self) -> None:
        """The other side is gone; what it wrote before is still read."""
        if not self._closing and self._lost is None:
            self._lost = ConnectionResetError(104, "connection lost")
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._inbound and self._reading and not self._closing:
            self._feed(self._inbound.popleft())
        if self._inbound and self._reading and not self._closing:
            self._schedule()
        elif self._lost is not None and not self._inbound and not self._closing:
            self._finish()

    def _feed(self, octets: bytes) -> None:
        protocol = self._protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            while octets and not self._closing:
                room = memoryview(protocol.get_buffer(-1))
                size = min(len(room), len(octets))
                room[:size] = octets[:size]
                protocol.buffer_updated(size)
                octets = octets[size:]
        elif isinstance(protocol, asyncio.Protocol):
            protocol.data_received(octets)

    def _finish(self) -> None:
        error, self._lost = self._lost, None
        self._closing = True
        self._protocol.connection_lost(error)

    # What a protocol may ask of its transport.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        if not self._closing:
            self._deliver(bytes(data))

    def close(self) -> None:
        """Close; what was written still arrives."""
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        if not self._closing:
            self._closing = True
            self._inbound.clear()
            self._tell_peer()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def is_closing(self) -> bool:
        """Whether it is closed or closing."""
        return self._closing

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`."""
        self._reading = False

    def resume_reading(self) -> None:
        """Deliver again."""
        self._reading = True
        self._schedule()

    def is_reading(self) -> bool:
        """Whether bytes are delivered."""
        return self._reading and not self._closing

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Switch the protocol."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol on this end."""
        return self._protocol

    def get_write_buffer_size(self) -> int:
        """Nothing is ever waiting: memory takes every byte at once."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Without effect: there is no write buffer."""

    def can_write_eof(self) -> bool:
        """Half-closed connections are not offered."""
        return False


class MemoryLine:
    """A terminal's end of a connection, driven from outside the loop."""

    def __init__(self, loop: VirtualLoop, peer: MemoryTransport, split: Split) -> None:
        self._loop = loop
        self._peer = peer
        self._split = split
        self._inbound = bytearray()
        self._open = True

    def receive(self, octets: bytes) -> None:
        """Bytes from the venue."""
        self._inbound += octets

    def peer_lost(self) -> None:
        """The venue closed."""
        self._open = False

    def write(self, octets: bytes) -> None:
        """See world.Line."""
        for piece in self._split(octets) if self._open else ():
            self._peer.receive(piece)

    def read(self, patience: float) -> bytes | None:  # noqa: ARG002  all is known at once
        """See world.Line."""
        self._loop.settle()
        if self._inbound:
            octets = bytes(self._inbound)
            self._inbound.clear()
            return octets
        return None if self._open else b""

    def cut(self) -> None:
        """See world.Line."""
        if self._open:
            self._open = False
            self._peer.peer_lost()
