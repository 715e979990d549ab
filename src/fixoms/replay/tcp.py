"""Plays scripts over TCP against any FIX 4.4 acceptor.

Owns: sockets of terminals, the wall clock of a script.
Must not know: what is said on a connection.
"""

import itertools
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fixoms import clock
from fixoms.domain.units import SECOND, Nanos
from fixoms.replay.matching import Bindings
from fixoms.replay.script import Field, Literal, Operate, Restart, Script
from fixoms.replay.terminal import Terminal
from fixoms.replay.vocabulary import fix44
from fixoms.replay.world import Book, CannotConnect, Identity, OperatorRefused

CONNECT_TIMEOUT = 5.0
"""Seconds until a connection that is not accepted is given up."""

SWEEP_PATIENCE = 1.0
"""Seconds to wait for each answer while orders of earlier scripts are canceled."""

READ_SIZE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpTarget:
    """An acceptor at `host`:`port`.

    A terminal without an entry in `identities` uses its own name as SenderCompID(49) and, when a
    `password` is set, the user `username` or, when that is empty, one called like itself.
    `quiet` is how many seconds without a message count as nothing: more on a slow line.
    `run` names this run: with it the identifiers of each script get a suffix of their own, so that
    scripts may be played again on a venue that remembers ClOrdIDs. With `sweep` every terminal met
    so far first cancels all its orders. `operate` carries out operator's commands, where the caller
    can reach the venue's operator socket; without it scripts that need one are skipped.
    """

    host: str
    port: int
    target_comp_id: str
    identities: Mapping[str, Identity] = field(default_factory=dict)
    username: str = ""
    password: str = ""
    reset: bool = True
    quiet: float = 0.3
    run: str = ""
    sweep: bool = False
    operate: Callable[[Sequence[str]], str] | None = None
    _played: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _terminals: dict[str, None] = field(default_factory=dict)

    def lacks(self, script: Script) -> str:
        """See Target.lacks."""
        if any(isinstance(step, Restart) for step in script.steps):
            return "`restart` needs the in-process venue"
        if self.operate is None and any(isinstance(step, Operate) for step in script.steps):
            return "`operator` needs the in-process venue or the venue's operator socket"
        return ""

    def open(self, script: Script) -> "TcpWorld":
        """See Target.open."""
        number = next(self._played)
        world = TcpWorld(self, f"-{self.run}{number}" if self.run else "")
        if self.sweep:
            self._terminals.update(dict.fromkeys(script.terminals()))
            for terminal in self._terminals:
                _sweep(world, terminal)
        return world


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

    def __init__(self, target: TcpTarget, id_suffix: str) -> None:
        self._target = target
        self._lines: list[TcpLine] = []
        self.id_suffix = id_suffix
        self.quiet = target.quiet

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


def _sweep(world: TcpWorld, name: str) -> None:
    """Cancel every order of a terminal: log on, OrderMassCancelRequest(q), log out.

    A terminal that cannot log on has no orders to cancel; the script itself will say so.
    """
    terminal = Terminal(name, world, fix44(), Bindings(), automatic=True)
    terminal.connect()
    terminal.send("A", ())
    if _came(terminal, "A"):
        cl_ord_id = f"SWEEP-{world.now()}".encode("latin-1")
        fields = ((11, "ClOrdID", cl_ord_id), (530, "MassCancelRequestType", b"7"))
        terminal.send(
            "q",
            [
                Field(tag=tag, name=field_name, value=Literal(text="", wire=wire, exact=True))
                for tag, field_name, wire in fields
            ],
        )
        _came(terminal, "rj")
        terminal.send("5", ())
        _came(terminal, "5")
    terminal.cut()


def _came(terminal: Terminal, msg_types: str) -> bool:
    """Read on until a message of one of these types comes; false when none does."""
    while True:
        while terminal.inbox:
            if terminal.inbox.popleft().msg_type in msg_types:
                return True
        if not terminal.pump(SWEEP_PATIENCE, 0):
            return False
