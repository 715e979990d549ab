"""What we miss from the peer: messages held behind a gap, and what to ask for.

Owns: `InboundGap`. Must not know: logon, logout, heartbeats, frames, effects; `Session` drives it.

The first message with a number too high asks for everything from the expected number on, once.
Messages behind the gap are held, within bounds, and worked in order when the gap closes; what did
not fit is requested again when its turn comes. A peer that does not fill the gap is asked a bounded
number of times (FIX: Vol. 2 test 2b).
"""

from dataclasses import dataclass

from fixoms.domain.units import Nanos
from fixoms.fix.message import Message


@dataclass(frozen=True, slots=True)
class Held:
    """A message behind a gap. `message` is None when it was answered on arrival."""

    message: Message | None
    size: int


class InboundGap:
    """Messages the peer numbered and we have not worked yet."""

    __slots__ = (
        "_attempts",
        "_bytes",
        "_bytes_max",
        "_chunk",
        "_count_max",
        "_deadline",
        "_held",
        "_highest",
        "_timeout",
        "_until",
    )

    def __init__(self, *, count_max: int, bytes_max: int, chunk: int, timeout: Nanos) -> None:
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._chunk = chunk
        self._timeout = timeout
        self.clear()

    def clear(self) -> None:
        """Forget everything: the connection or the numbering is a new one."""
        self._held: dict[int, Held] = {}
        self._bytes = 0
        self._highest = 0
        self._until = 0
        self._attempts = 0
        self._deadline = Nanos(0)

    @property
    def is_open(self) -> bool:
        """Whether a number above the expected one was seen and not worked yet."""
        return self._highest > 0

    @property
    def attempts(self) -> int:
        """ResendRequests in a row that brought nothing."""
        return self._attempts

    @property
    def held_count(self) -> int:
        """Messages held."""
        return len(self._held)

    def hold(self, msg_seq_num: int, message: Message | None, size: int) -> bool:
        """Keep a message that came too early; False when the bounds are reached."""
        self._highest = max(self._highest, msg_seq_num)
        known = self._held.get(msg_seq_num)
        if known is not None:
            # A message answered on arrival must not be answered again when its turn comes.
            return True
        if len(self._held) >= self._count_max or self._bytes + size > self._bytes_max:
            return False
        self._held[msg_seq_num] = Held(message, size)
        self._bytes += size
        return True

    def notice(self, msg_seq_num: int) -> None:
        """A message came too early that is of no use but for its number."""
        self._highest = max(self._highest, msg_seq_num)

    def request(self, expected: int, now: Nanos) -> tuple[int, int] | None:
        """BeginSeqNo(7) and EndSeqNo(16) to ask for now, or None when there is no need."""
        if not self.is_open or expected <= self._until or expected in self._held:
            return None
        return self._ask(expected, now)

    def repeat(self, expected: int, now: Nanos) -> tuple[int, int] | None:
        """The same when the answer has not come in time."""
        if not self.is_open or self._until == 0 or now < self._deadline:
            return None
        self._attempts += 1
        return self._ask(expected, now)

    def await_unasked(self, now: Nanos) -> None:
        """The peer knows what we miss (789 in our Logon): only wait for it."""
        self._until = self._highest
        self._deadline = Nanos(now + self._timeout)

    def _ask(self, expected: int, now: Nanos) -> tuple[int, int]:
        self._deadline = Nanos(now + self._timeout)
        if self._chunk == 0:
            self._until = self._highest
            return expected, 0
        end = min(expected + self._chunk - 1, max(self._highest - 1, expected))
        self._until = end
        return expected, end

    def take(self, expected: int) -> Held | None:
        """The held message whose turn it is."""
        held = self._held.pop(expected, None)
        if held is not None:
            self._bytes -= held.size
        return held

    def advanced(self, expected: int, now: Nanos) -> bool:
        """The expected number went up; True when this closed the gap."""
        if not self.is_open:
            return False
        self._attempts = 0
        self._deadline = Nanos(now + self._timeout)
        if expected > self._highest:
            self.clear()
            return True
        return False

    def skip_to(self, expected: int) -> list[int]:
        """Drop held messages the peer skipped with a SequenceReset(4); their numbers."""
        skipped = sorted(number for number in self._held if number < expected)
        for number in skipped:
            self._bytes -= self._held.pop(number).size
        return skipped
