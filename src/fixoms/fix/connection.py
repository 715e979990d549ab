"""One TCP connection: bytes in, bytes out, bounded both ways.

Owns: the transport, the read buffer, what may arrive before the Logon(A).
Must not know: FIX beyond the first frame, stores, who may log on: the `Host` decides.

Before the Logon(A) a connection holds a few kilobytes and its peer learns nothing: whatever is not
a Logon(A) of a known session closes it without a word (FIX: Vol. 2 test 1S).
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from fixoms.domain.units import Nanos
from fixoms.fix.effects import DisconnectReason
from fixoms.fix.framing import Framer, Garbled
from fixoms.fix.link import Link
from fixoms.fix.peer import Peer, certificate_of

EARLY_BYTES_MAX = 8192
"""Most bytes taken before a whole Logon(A)."""

_EARLY_BUFFER_BYTES = 4096
_BUFFER_BYTES = 1 << 16


class Host(Protocol):
    """What a connection belongs to."""

    def opened(self, connection: "Connection") -> None:
        """The connection is there."""

    def admit(self, connection: "Connection", frame: bytes) -> None:
        """Decide on a first frame: let the connection `join` a session, now or later, or close."""

    def closed(self, connection: "Connection", reason: DisconnectReason, text: str) -> None:
        """The connection is gone; called once."""


class Connection(asyncio.BufferedProtocol):
    """The asyncio shell of a session's connection."""

    def __init__(self, host: Host, remote: str, outbound_bytes_max: int) -> None:
        self.remote = remote
        self.link: Link | None = None
        self.opened_at = Nanos(0)
        self._host = host
        self._outbound_bytes_max = outbound_bytes_max
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(_EARLY_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._early = b""
        self._is_asking = False
        self._framer = Framer(EARLY_BYTES_MAX)
        self._reason = DisconnectReason.CONNECTION_LOST
        self._text = ""
        self._is_open = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def is_open(self) -> bool:
        """See Line.is_open."""
        return self._is_open

    @property
    def peer(self) -> Peer:
        """Who the network says is at the other end."""
        return Peer(self.remote.rpartition(":")[0], certificate_of(self._transport))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.BaseProtocol."""
        # uvloop's transports behave like asyncio.Transport without being one.
        self._transport = cast("asyncio.Transport", transport)
        self._is_open = True
        self._transport.set_write_buffer_limits(high=max(self._outbound_bytes_max // 4, 1))
        self._host.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.BaseProtocol."""
        self._is_open = False
        if exc is not None and not self._text:
            self._text = str(exc)
        # Whoever waits for room finds the connection closed.
        self._has_room.set()
        if self.link is not None:
            self.link.detach(self._reason)
        self._host.closed(self, self._reason, self._text)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  asyncio's signature
        """See asyncio.BufferedProtocol."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        data = bytes(self._view[:nbytes])
        if not self._is_open:
            return
        if self.link is not None:
            self.link.receive(data)
        else:
            self._before_logon(data)

    def eof_received(self) -> None:
        """The peer closed its side; the transport closes ours."""

    def pause_writing(self) -> None:
        """See asyncio.BaseProtocol."""
        self._has_room.clear()

    def resume_writing(self) -> None:
        """See asyncio.BaseProtocol."""
        self._has_room.set()

    def _before_logon(self, data: bytes) -> None:
        self._early += data
        if len(self._early) > EARLY_BYTES_MAX:
            self.abort(DisconnectReason.FIRST_MESSAGE_NOT_LOGON, "too many bytes before Logon(A)")
            return
        if self._is_asking:
            return
        self._framer.feed(data)
        found = self._framer.next()
        if isinstance(found, Garbled):
            self.close(DisconnectReason.GARBLED_LOGON, found.reason.value)
        elif found is not None:
            self._is_asking = True
            self._host.admit(self, found.raw)

    def join(self, link: Link) -> None:
        """Take a session; what was read so far goes to it."""
        self.link = link
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        early, self._early = self._early, b""
        link.attach(self)
        if early:
            link.receive(early)

    def write(self, data: bytes) -> bool:
        """See Line.write."""
        transport = self._transport
        if transport is None:
            return False
        transport.write(data)
        return transport.get_write_buffer_size() <= self._outbound_bytes_max

    def pause(self) -> None:
        """See Line.pause."""
        if self._transport is not None and self._is_open:
            self._transport.pause_reading()

    def resume(self) -> None:
        """See Line.resume."""
        if self._transport is not None and self._is_open:
            self._transport.resume_reading()

    async def writable(self) -> None:
        """See Line.writable."""
        await self._has_room.wait()

    def close(self, reason: DisconnectReason, text: str) -> None:
        """See Line.close."""
        self._ending(reason, text)
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: DisconnectReason, text: str) -> None:
        """See Line.abort."""
        self._ending(reason, text)
        if self._transport is not None:
            self._transport.abort()

    def _ending(self, reason: DisconnectReason, text: str) -> None:
        if self._is_open:
            self._is_open = False
            self._reason = reason
            self._text = text


Clock = Callable[[], Nanos]
"""Gives the time; the shells read it once per event and hand it on."""
