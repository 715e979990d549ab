"""Where a script is played: the seam between the player and a venue.

Owns: what the player needs of a world, and nothing of how a world provides it.
Must not know: scripts' text, sockets, event loops. replay/tcp.py and replay/virtual.py are worlds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fixoms.domain.units import Nanos
from fixoms.replay.script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How a terminal presents itself. Empty `username` and `password` are not sent.

    With `reset` its first Logon carries ResetSeqNumFlag(141)=Y, so that a script may be played
    twice on a venue that remembers numbers.
    """

    sender_comp_id: str
    target_comp_id: str
    username: str = ""
    password: str = ""
    reset: bool = False


class OperatorRefused(Exception):
    """The venue refused an operator's command; the text is its reason."""


class CannotConnect(Exception):
    """The other side takes no connection; the text says why."""


class VenueFailed(Exception):
    """The venue in this process broke; the cause is chained."""


@dataclass(frozen=True, slots=True)
class Book:
    """The visible levels of a book as (quantity, price), best first."""

    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]


class Line(Protocol):
    """One connection of a terminal."""

    def write(self, octets: bytes) -> None:
        """Send bytes; to a connection that is gone it does nothing."""

    def read(self, patience: float) -> bytes | None:
        """Bytes received, b"" when the other side has closed, None when nothing comes.

        `patience` is how long to wait, in seconds; a virtual world knows at once.
        """

    def cut(self) -> None:
        """Lose the connection without a word."""


class World(Protocol):
    """One venue for one script."""

    id_suffix: str
    """Appended to order identifiers, so that a script may be played twice on one venue."""
    quiet: float
    """Seconds in which nothing must come before it counts as nothing."""
    lasting: bool
    """Whether the venue goes on after the script, so that terminals should log out."""

    def identity(self, terminal: str) -> Identity:
        """Who a terminal is; raises CannotConnect for a terminal this world does not know."""

    def connect(self, terminal: str) -> Line:
        """Open a connection; raises CannotConnect."""

    def now(self) -> Nanos:
        """The clock terminals put into SendingTime(52)."""

    def wait(self, nanos: int) -> None:
        """Let time pass."""

    def restart(self) -> None:
        """Kill the venue and let it recover."""

    def operate(self, words: Sequence[str]) -> str:
        """Carry out an operator's command and return its answer; raises OperatorRefused."""

    def book(self, symbol: str) -> Book | None:
        """The visible book, or None where this world cannot see it."""

    def phase(self, symbol: str) -> str | None:
        """The trading phase, or None where this world cannot see it."""

    def close(self) -> None:
        """End it."""


class Target(Protocol):
    """Makes a world for each script."""

    def lacks(self, script: Script) -> str:
        """Why the script cannot be played here, empty when it can."""

    def open(self, script: Script) -> World:
        """A world at the start of the script; raises CannotConnect."""
