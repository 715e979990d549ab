"""Plays scripts in this process, on a virtual clock, against the real venue.

Owns: the in-process world: its loop, its time, killing and starting the venue.
Must not know: how a venue is built; whoever composes one passes it in as a `Subject`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fixoms.domain.units import Nanos
from fixoms.replay.script import Script
from fixoms.replay.virtual_loop import MemoryLine, Split, VirtualLoop, whole
from fixoms.replay.world import Book, CannotConnect, Identity


class Subject(Protocol):
    """What is played with: an acceptor and what is behind it, on the loop it was made for."""

    async def start(self) -> int:
        """Start, recovering what is durable, and return the port that takes connections."""

    def crash(self) -> None:
        """Die on the spot: from now on nothing more becomes durable, nothing more is sent."""

    async def stop(self) -> None:
        """Stop in order, at the end of a script."""

    def identity(self, terminal: str) -> Identity:
        """Who a terminal is; raises CannotConnect for one that is not known."""

    async def operate(self, words: Sequence[str]) -> str:
        """Carry out an operator's command; raises OperatorRefused."""

    def book(self, symbol: str) -> Book | None:
        """The visible book, None where there is none to see."""

    def phase(self, symbol: str) -> str | None:
        """The trading phase, None where there is none to see."""


Revive = Callable[[VirtualLoop], Subject]
"""Makes the subject anew on a loop, over what is durable so far: called at start and restart."""


@dataclass(frozen=True, slots=True)
class VirtualTarget:
    """Makes a fresh venue for each script.

    `found` gives a script its venue: nothing durable yet, and a way to revive it after a crash.
    `split` cuts what terminals write into the pieces the venue reads.
    """

    found: Callable[[Script], Revive]
    split: Split = whole

    def lacks(self, script: Script) -> str:  # noqa: ARG002  this world plays everything
        """See Target.lacks."""
        return ""

    def open(self, script: Script) -> "VirtualWorld":
        """See Target.open."""
        return VirtualWorld(self.found(script), script.clock, self.split)


class VirtualWorld:
    """One venue in this process."""

    id_suffix = ""
    quiet = 0.0
    lasting = False

    def __init__(self, revive: Revive, start: Nanos, split: Split) -> None:
        self._revive = revive
        self._split = split
        self._start_venue(start)

    def _start_venue(self, at: Nanos) -> None:
        self._loop = VirtualLoop(at, self._split)
        self._subject = self._revive(self._loop)
        self._port: int = self._loop.run_to_end(self._subject.start())
        self._loop.settle()

    def identity(self, terminal: str) -> Identity:
        """See World.identity."""
        return self._subject.identity(terminal)

    def connect(self, terminal: str) -> MemoryLine:
        """See World.connect."""
        try:
            line = self._loop.dial(self._port)
        except ConnectionRefusedError as error:
            raise CannotConnect(f"{terminal} cannot connect: {error.strerror}") from None
        self._loop.settle()
        return line

    def now(self) -> Nanos:
        """See World.now."""
        return self._loop.now()

    def wait(self, nanos: int) -> None:
        """See World.wait."""
        self._loop.run_to(Nanos(self._loop.now() + nanos))

    def restart(self) -> None:
        """See World.restart."""
        at = self._loop.now()
        self._subject.crash()
        self._loop.dispose()
        self._start_venue(at)

    def operate(self, words: Sequence[str]) -> str:
        """See World.operate."""
        answer: str = self._loop.run_to_end(self._subject.operate(words))
        self._loop.settle()
        return answer

    def book(self, symbol: str) -> Book | None:
        """See World.book."""
        self._loop.settle()
        return self._subject.book(symbol)

    def phase(self, symbol: str) -> str | None:
        """See World.phase."""
        self._loop.settle()
        return self._subject.phase(symbol)

    def close(self) -> None:
        """See World.close."""
        self._loop.run_to_end(self._subject.stop())
        self._loop.dispose()
