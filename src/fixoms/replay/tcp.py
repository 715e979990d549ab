"""Plays scripts over TCP against any FIX 4.4 acceptor.

Owns: sockets of terminals, the wall clock of a script.
Must not know: what is said on a connection.
"""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fixoms import clock
from fixoms.domain.units import SECOND, Nanos
from fixoms.replay.script import Operate, Restart, Script
from fixoms.replay.world import Book, CannotConnect, Identity, OperatorRefused

CONNECT_TIMEOUT = 5.0
"""Seconds until a connection that is not accepted is given up."""

READ_SIZE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpTarget:
    """An acceptor at `host`:`port`.

    A terminal without an entry in `identities` uses its own name as SenderCompID(49) and, when a
    `password` is set, the user `username` or, when that is empty, one called like itself.
    `operate` carries out operator's commands, where the caller can reach the venue's operator
    socket; without it scripts that need one are skipped.
    """

    host: str
    port: int
    target_comp_id: str
    identities: Mapping[str, Identity] = field(default_factory=dict)
    username: str = ""
    password: str = ""
    reset: bool = True
    id_suffix: str = ""
    operate: Callable[[Sequence[str]], str] | None = None

    def lacks(self, script: Script) -> str:
        """See Target.lacks."""
        if any(isinstance(step, Restart) for step in script.steps):
            return "`restart` needs the in-process venue"
        if self.operate is None and any(isinstance(step, Operate) for step in script.steps):
            return "`operator` needs the in-process venue or the venue's operator socket"
        return ""

    def open(self, script: Script) -> "TcpWorld":  # noqa: ARG002  every script, one acceptor
        """See Target.open."""
        return TcpWorld(self)


class TcpLine:
    """One TCP connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket: socket.socket | None = connection

    def write(self, octets: bytes) -> None:
        """See Line.write."""
        if self._socket is not None:
            try:
                self._socket.settimeout(CONNECT_TIMEOUT)
                self._socket.sendall(octets)
            except OSError:
                # What the other side said before it closed can still be read.
                return

    def read(self, patience: float) -> bytes | None:
        """See Line.read."""
        if self._socket is None:
            return b""
        try:
            self._socket.settimeout(max(patience, 0.0))
            octets = self._socket.recv(READ_SIZE)
        except (TimeoutError, BlockingIOError):
            return None
        except OSError:
            octets = b""
        if not octets:
            self.cut()
        return octets

    def cut(self) -> None:
        """See Line.cut."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class TcpWorld:
    """A running acceptor, for one script."""

    lasting = True

    def __init__(self, target: TcpTarget) -> None:
        self._target = target
        self._lines: list[TcpLine] = []
        self.id_suffix = target.id_suffix

    def identity(self, terminal: str) -> Identity:
        """See World.identity."""
        known = self._target.identities.get(terminal)
        return known or Identity(
            sender_comp_id=terminal,
            target_comp_id=self._target.target_comp_id,
            username=self._target.username or (terminal if self._target.password else ""),
            password=self._target.password,
            reset=self._target.reset,
        )

    def connect(self, terminal: str) -> TcpLine:
        """See World.connect."""
        address = (self._target.host, self._target.port)
        try:
            connection = socket.create_connection(address, CONNECT_TIMEOUT)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotConnect(
                f"{terminal} cannot connect to {address[0]}:{address[1]}: {reason}"
            ) from None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = TcpLine(connection)
        self._lines.append(line)
        return line

    def now(self) -> Nanos:
        """See World.now."""
        return clock.now()

    def wait(self, nanos: int) -> None:
        """See World.wait."""
        time.sleep(nanos / SECOND)

    def restart(self) -> None:
        """See World.restart; `TcpTarget.lacks` keeps such scripts away."""
        raise CannotConnect("`restart` needs the in-process venue")

    def operate(self, words: Sequence[str]) -> str:
        """See World.operate."""
        if self._target.operate is None:
            raise OperatorRefused("no operator socket to give the command to")
        return self._target.operate(words)

    def book(self, symbol: str) -> Book | None:  # noqa: ARG002  nothing to look into from here
        """See World.book."""
        return None

    def phase(self, symbol: str) -> str | None:  # noqa: ARG002  nothing to look into from here
        """See World.phase."""
        return None

    def close(self) -> None:
        """See World.close."""
        for line in self._lines:
            line.cut()
