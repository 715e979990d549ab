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
import socket
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from fixoms.domain.units import SECOND, Nanos
from fixoms.replay.world import VenueFailed

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
        self._workers = ThreadPoolExecutor(1)
        self._waited = 0.0
        self._split = split
        self._backlogs: dict[int, asyncio.Queue[_Caller]] = {}
        self._callers = 0
        self._sockets: set[socket.socket] = set()
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

        Raises VenueFailed when a callback or a task raised something.
        """
        self._goal = max(self._elapsed, goal - self._start)
        self._waited = 0.0
        self.run_forever()
        if self._failures:
            failures, self._failures = self._failures, []
            raise VenueFailed(str(failures[0])) from failures[0]

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
        future = super().run_in_executor(executor or self._workers, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._threads -= 1

    def _note_failure(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failure = context.get("exception") or RuntimeError(context.get("message", "loop failure"))
        self._failures.append(failure)

    # Network.

    async def sock_accept(self, sock: socket.socket) -> tuple[Any, Any]:
        """Wait for a terminal to dial the port of `sock`, which nobody outside can reach."""
        port = sock.getsockname()[1]
        self._sockets.add(sock)
        backlog = self._backlogs.setdefault(port, asyncio.Queue())
        try:
            caller = await backlog.get()
        except asyncio.CancelledError:
            del self._backlogs[port]
            raise
        return caller, ("127.0.0.1", 1024 + caller.number)

    async def connect_accepted_socket(  # type: ignore[override]  # TLS stays out of memory
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], sock: Any, **_: object
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Give an accepted caller its protocol."""
        protocol = protocol_factory()
        transport: MemoryTransport = sock.line.answer(protocol)
        protocol.connection_made(transport)
        return transport, protocol

    def dial(self, port: int) -> "MemoryLine":
        """Connect a terminal, which lives outside the loop; raises ConnectionRefusedError."""
        line = MemoryLine(self, self._split)
        self.connect_line(port, line)
        return line

    def connect_line(self, port: int, line: "MemoryLine") -> None:
        """Connect a line of the caller's own making; raises ConnectionRefusedError."""
        backlog = self._backlogs.get(port)
        if backlog is None:
            raise ConnectionRefusedError(111, f"nothing listens on port {port}")
        self._callers += 1
        backlog.put_nowait(_Caller(self._callers, line))

    def dispose(self) -> None:
        """Cancel what still runs and close the loop."""
        try:
            tasks = asyncio.all_tasks(self)
            for task in tasks:
                task.cancel()
            if tasks:
                self.run_to_end(asyncio.gather(*tasks, return_exceptions=True))
            self.run_to_end(self.shutdown_asyncgens())
        finally:
            self._workers.shutdown()
            for listening in self._sockets:
                # A venue that died did not close them.
                listening.close()
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


class _Caller:
    """A terminal that dialed, in the place of the socket that accept() gives."""

    def __init__(self, number: int, line: "MemoryLine") -> None:
        self.number = number
        self.line = line

    def close(self) -> None:
        """Turn the caller away."""
        self.line.peer_lost()


class MemoryTransport(asyncio.Transport):
    """The venue's end of a connection, for a protocol on the loop.

    Reads are pieces as the terminal wrote them, one per turn of the loop.
    """

    def __init__(
        self, loop: VirtualLoop, protocol: asyncio.BaseProtocol, line: "MemoryLine"
    ) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._line = line
        self._inbound: deque[bytes] = deque()
        self._reading = True
        self._scheduled = False
        self._closing = False
        self._lost: Exception | None = None

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
            self._line.receive(bytes(data))

    def close(self) -> None:
        """Close; what was written still arrives."""
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        if not self._closing:
            self._closing = True
            self._inbound.clear()
            self._line.peer_lost()
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

    def __init__(self, loop: VirtualLoop, split: Split) -> None:
        self._loop = loop
        self._split = split
        self._peer: MemoryTransport | None = None
        self._inbound = bytearray()
        self._open = True

    def answer(self, protocol: asyncio.BaseProtocol) -> MemoryTransport:
        """The venue takes the call: its end of the connection."""
        self._peer = MemoryTransport(self._loop, protocol, self)
        return self._peer

    def receive(self, octets: bytes) -> None:
        """Bytes from the venue."""
        self._inbound += octets

    def peer_lost(self) -> None:
        """The venue closed."""
        self._open = False

    def write(self, octets: bytes) -> None:
        """See world.Line."""
        if self._peer is not None and self._open:
            for piece in self._split(octets):
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
        if self._open and self._peer is not None and not self._loop.is_closed():
            self._peer.peer_lost()
        self._open = False
