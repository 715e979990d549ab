"""Heartbeats: when to say that we live, when to ask whether the peer does, when to give up.

Owns: the clock arithmetic of HeartBtInt(108). Must not know: messages, phases.
FIX: Vol. 2 tests 4a, 4b, 5, 6.
"""

from enum import Enum, auto

from fixoms.domain.units import SECOND, Nanos


class Due(Enum):
    """What the silence on the line asks for."""

    NOTHING = auto()
    HEARTBEAT = auto()
    TEST_REQUEST = auto()
    GIVE_UP = auto()


class KeepAlive:
    """Watches one connection. An interval of 0 asks for nothing, ever."""

    __slots__ = (
        "_give_up_after",
        "_interval",
        "_multipliers",
        "_received",
        "_test_after",
        "_testing",
    )

    def __init__(self, test_request_multiplier: float, timeout_multiplier: float) -> None:
        self._multipliers = (test_request_multiplier, timeout_multiplier)
        self.start(0, Nanos(0))

    def start(self, interval_s: int, now: Nanos) -> None:
        """Both sides agreed on this HeartBtInt(108)."""
        self._interval = interval_s * SECOND
        self._test_after = int(self._interval * self._multipliers[0])
        self._give_up_after = int(self._interval * self._multipliers[1])
        self.received(now)

    def received(self, now: Nanos) -> None:
        """A whole message arrived, whatever it is."""
        self._received = now
        self._testing = False

    @property
    def interval_s(self) -> int:
        """HeartBtInt(108)."""
        return self._interval // SECOND

    def silence_s(self, now: Nanos) -> int:
        """Seconds without a message from the peer."""
        return (now - self._received) // SECOND

    def due(self, last_sent: Nanos, now: Nanos) -> Due:
        """What to do now. TEST_REQUEST is told once per silence."""
        if self._interval == 0:
            return Due.NOTHING
        silence = now - self._received
        if silence >= self._give_up_after:
            return Due.GIVE_UP
        if self._testing:
            # The TestRequest(1) showed that we live; a Heartbeat(0) beside it would say no more.
            return Due.NOTHING
        if silence >= self._test_after:
            self._testing = True
            return Due.TEST_REQUEST
        return Due.HEARTBEAT if now - last_sent >= self._interval else Due.NOTHING
