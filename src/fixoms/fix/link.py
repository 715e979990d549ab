"""Carries out the effects of one session: store first, then the socket.

Owns: the order of frames between session, store and connection. Must not know: how connections are
made, whose session it is, FIX beyond the effects.

A link lives as long as its session; connections come and go. Effects are gathered into batches. A
batch with new messages waits for the store, and every later batch waits behind it, so frames leave
in the order of their numbers and never before they are durable. Frames of a batch go out in one
write. What is staged and not durable is bounded by pausing the peer.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fixoms.domain.units import Nanos
from fixoms.fix.effects import (
    Disconnect,
    DisconnectReason,
    Effect,
    Fetch,
    Keep,
    Noted,
    Refused,
    ResetNumbers,
    Transmit,
)
from fixoms.fix.framing import Frame, Garbled
from fixoms.fix.identity import SessionId
from fixoms.fix.message import Message
from fixoms.fix.session import Session
from fixoms.fix.states import Phase
from fixoms.fix.store import Inbound, Outbound, Record, Reset, Store
from fixoms.fix.wire_log import Direction, WireLog

_log = logging.getLogger("fixoms.fix")

STAGED_BYTES_MAX = 4 << 20
"""More bytes than this staged and not durable pause reading from the peer."""


class Line(Protocol):
    """The connection a link writes to."""

    @property
    def is_open(self) -> bool:
        """Whether writing still makes sense."""

    def write(self, data: bytes) -> bool:
        """Hand bytes to the transport; False when the peer is too slow to take them."""

    def pause(self) -> None:
        """Stop reading from the peer."""

    def resume(self) -> None:
        """Read from the peer again."""

    async def writable(self) -> None:
        """Wait until the transport has room."""

    def close(self, reason: DisconnectReason, text: str) -> None:
        """Close when what was written is out."""

    def abort(self, reason: DisconnectReason, text: str) -> None:
        """Close now."""


Audit = Callable[[SessionId, "Noted | Refused | Disconnect"], None]
"""Told of every audit fact of a session."""

Fault = Callable[[SessionId, Exception], None]
"""Told when an application callback raised what it must not raise."""


@dataclass(slots=True)
class _Batch:
    """Effects that leave together."""

    line: Line | None
    frames: list[bytes] = field(default_factory=list)
    size: int = 0
    fetch: Fetch | None = None
    end: Disconnect | None = None
    is_durable: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every link of an acceptor or initiator shares."""

    store: Store
    clock: Callable[[], Nanos]
    wire_log: WireLog | None
    audit: Audit
    fault: Fault


class Link:
    """One session and what carries its effects out."""

    def __init__(self, session: Session, around: Surroundings) -> None:
        self.session = session
        self._around = around
        self._line: Line | None = None
        self._batches: deque[_Batch] = deque()
        self._staged = 0
        self._is_paused = False
        self._stored_next_in = session.state.next_in
        self._flush_handle: asyncio.Handle | None = None
        self._fetch: tuple[Fetch, Line] | None = None
        self._fetching: asyncio.Task[None] | None = None
        if around.wire_log is not None:
            session.tap = self._heard
        self.flush()

    @property
    def id(self) -> SessionId:
        """Whose link this is."""
        return self.session.id

    @property
    def line(self) -> Line | None:
        """The present connection."""
        return self._line

    @property
    def is_in_use(self) -> bool:
        """Whether a connection has this session."""
        return self._line is not None

    def attach(self, line: Line) -> None:
        """A connection takes the session."""
        self._line = line
        with self._guarded():
            self.session.connected(self._around.clock())

    def detach(self, reason: DisconnectReason) -> None:
        """The connection is gone."""
        if self._line is None:
            return
        with self._guarded():
            self.session.disconnected(self._around.clock(), reason)
        self._line = None
        self._is_paused = False

    def receive(self, data: bytes) -> None:
        """Bytes of the present connection."""
        with self._guarded():
            self.session.receive(data, self._around.clock())

    def send(self, message: Message) -> int:
        """Send an application message; gives its MsgSeqNum(34).

        Messages sent in one turn of the loop leave in one write.
        """
        msg_seq_num = self.session.send(message, self._around.clock())
        self._flush_soon()
        return msg_seq_num

    def tick(self, now: Nanos) -> None:
        """Time has passed."""
        with self._guarded():
            self.session.tick(now)

    def logout(self, text: str) -> None:
        """End the session in good order."""
        with self._guarded():
            self.session.logout(text, self._around.clock())

    def reset(self) -> None:
        """Start both numbers at 1."""
        with self._guarded():
            self.session.reset(self._around.clock())

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let the session work, then carry out its effects.

        This is the root of everything an application does in a callback: what it raises cuts this
        session and is told, and the number of the message at hand stays unused.
        """
        try:
            yield
        except Exception as fault:
            _log.exception("%s: the application failed", self.id)
            self.flush()
            if self._line is not None:
                self._line.abort(DisconnectReason.APPLICATION_FAILED, str(fault))
            self._around.fault(self.id, fault)
        else:
            self.flush()

    def _flush_soon(self) -> None:
        if self._flush_handle is None:
            self._flush_handle = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Carry out what the session asked for so far."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        effects = self.session.take_effects()
        records: list[Record] = []
        batch = _Batch(self._line)
        for effect in effects:
            self._sort(effect, batch, records)
        must_wait = bool(records)
        next_in = self.session.state.next_in
        if next_in != self._stored_next_in:
            self._stored_next_in = next_in
            records.append(Inbound(next_in))
        if not must_wait:
            batch.is_durable = True
            if records:
                self._around.store.put(self.id, records, _nothing)
            if batch.frames or batch.fetch or batch.end:
                self._batches.append(batch)
                self._release()
            self._press_back()
            return
        self._batches.append(batch)
        self._staged += batch.size
        self._around.store.put(self.id, records, lambda: self._durable(batch))
        self._press_back()

    def _sort(self, effect: Effect, batch: _Batch, records: list[Record]) -> None:
        match effect:
            case Transmit():
                batch.frames.append(effect.frame)
                batch.size += len(effect.frame)
                if effect.new:
                    records.append(Outbound(effect.msg_seq_num, effect.frame, effect.admin))
            case Keep():
                records.append(Outbound(effect.msg_seq_num, effect.frame, admin=False))
            case ResetNumbers():
                records.append(Reset(effect.created_at, effect.next_out))
                self._stored_next_in = 1
            case Fetch():
                batch.fetch = effect
            case Disconnect():
                batch.end = effect
                self._around.audit(self.id, effect)
            case Refused() | Noted():
                self._around.audit(self.id, effect)

    def _durable(self, batch: _Batch) -> None:
        batch.is_durable = True
        self._staged -= batch.size
        self._release()
        self._press_back()

    def _press_back(self) -> None:
        line = self._line
        if line is None:
            return
        is_waiting = self.session.is_waiting
        if (self._staged > STAGED_BYTES_MAX or is_waiting) and not self._is_paused:
            self._is_paused = True
            line.pause()
        elif self._is_paused and self._staged < STAGED_BYTES_MAX // 2 and not is_waiting:
            self._is_paused = False
            line.resume()

    def _release(self) -> None:
        """Write the batches at the front that are durable."""
        batches = self._batches
        while batches and batches[0].is_durable:
            batch = batches.popleft()
            line = batch.line
            if line is None or not line.is_open:
                continue
            if batch.frames:
                self._said(batch.frames)
                if not line.write(b"".join(batch.frames)):
                    line.abort(DisconnectReason.SLOW_CONSUMER, "outbound queue full")
                    continue
            if batch.fetch is not None:
                self._serve(batch.fetch, line)
            if batch.end is not None:
                line.close(batch.end.reason, batch.end.text)

    def _serve(self, fetch: Fetch, line: Line) -> None:
        """Only the newest Fetch matters: one read is under way at a time."""
        self._fetch = (fetch, line)
        if self._fetching is None:
            self._fetching = asyncio.get_running_loop().create_task(self._read_store())
            self._fetching.add_done_callback(self._read_done)

    async def _read_store(self) -> None:
        while self._fetch is not None:
            (fetch, line), self._fetch = self._fetch, None
            frames = await self._around.store.read(self.id, fetch.begin, fetch.end, fetch.limit)
            # Resent messages never overrun a slow peer, and other sessions get their turn.
            await line.writable()
            if line is self._line and line.is_open:
                self.session.resend(fetch, frames, self._around.clock())
                self.flush()

    def _read_done(self, task: "asyncio.Task[None]") -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is not None:
            text = f"stored messages cannot be read: {task.exception()}"
            _log.error("%s: %s", self.id, text)
            if self._line is not None:
                self._line.abort(DisconnectReason.STORE_FAILED, text)

    def _heard(self, found: Frame | Garbled) -> None:
        if self._around.wire_log is not None:
            raw = found.raw if isinstance(found, Frame) else found.sample
            now = self._around.clock()
            self._around.wire_log.write(self.id, Direction.IN, raw, now)

    def _said(self, frames: Sequence[bytes]) -> None:
        if self._around.wire_log is not None:
            now = self._around.clock()
            for frame in frames:
                self._around.wire_log.write(self.id, Direction.OUT, frame, now)

    def is_quiet(self) -> bool:
        """Whether nothing waits for the store and no connection has the session."""
        return not self._batches and self._line is None and self.session.phase is Phase.DISCONNECTED


def _nothing() -> None:
    """A lazy record needs no answer."""
