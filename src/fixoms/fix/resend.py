"""The answer to a ResendRequest(2): stored messages again, gap fills for everything else.

Owns: how far an answer has come, and the watch for peers that ask in a loop.
Must not know: where messages are stored, when a request may be answered.

A range is answered in pieces of `resend_chunk` stored messages, each asked for with a Fetch effect,
so a request for a whole day neither fills memory nor keeps other sessions waiting. What the peer
said behind its request is worked after the first piece, so answers come in the order of the
questions, and beside the later pieces, so a long answer does not hold up trading. Runs of
administrative messages become one gap fill, across pieces too. A request that comes meanwhile waits
until the answer is complete, and nothing is read from the peer until its own first piece: a peer
that floods us with requests slows down itself. FIX: Vol. 2 test 8.
"""

from collections.abc import Sequence

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix import tags
from fixoms.fix.answers import ADMIN_TYPES, number
from fixoms.fix.codec import parse
from fixoms.fix.effects import Fact, Fetch
from fixoms.fix.message import Message
from fixoms.fix.outbound import Outbox
from fixoms.fix.rejects import Reject, SessionRejectReason

LOOP_WINDOW: Nanos = Nanos(60 * SECOND)
"""Requests further apart than this are never counted as one loop."""


class Resender:
    """Answers the ResendRequests of one session, one at a time."""

    __slots__ = (
        "_begin",
        "_chunk",
        "_cursor",
        "_end",
        "_fetch",
        "_loop",
        "_next",
        "_outbox",
        "_resent",
        "is_waiting",
    )

    def __init__(self, outbox: Outbox, chunk: int, repeated_requests_max: int) -> None:
        self._outbox = outbox
        self._chunk = chunk
        self._loop = LoopWatch(repeated_requests_max)
        self.clear()

    def clear(self) -> None:
        """The connection or the numbering is a new one."""
        self._fetch: Fetch | None = None
        self._next: tuple[int, int] | None = None
        self.is_waiting = False
        self._begin = self._cursor = self._end = self._resent = 0
        self._loop.clear()

    def range_of(self, request: Message) -> tuple[int, int] | Reject:
        """First and last number a ResendRequest(2) asks for, within what was sent."""
        last = self._outbox.state.next_out - 1
        begin = number(request, tags.BEGIN_SEQ_NO)
        end = number(request, tags.END_SEQ_NO)
        if begin is None or end is None:
            tag, name = (
                (tags.BEGIN_SEQ_NO, "BeginSeqNo(7)")
                if begin is None
                else (tags.END_SEQ_NO, "EndSeqNo(16)")
            )
            text = f"Required tag missing: {name}"
            return Reject(SessionRejectReason.REQUIRED_TAG_MISSING, text, tag)
        if begin > last:
            text = f"BeginSeqNo(7) {begin} is above the last MsgSeqNum(34) sent, {last}"
            return Reject(SessionRejectReason.VALUE_IS_INCORRECT, text, tags.BEGIN_SEQ_NO)
        if end != 0 and end < begin:
            text = f"EndSeqNo(16) {end} is below BeginSeqNo(7) {begin}"
            return Reject(SessionRejectReason.VALUE_IS_INCORRECT, text, tags.END_SEQ_NO)
        return max(begin, 1), last if end == 0 else min(end, last)

    def is_loop(self, begin: int, now: Nanos) -> bool:
        """Whether the peer has asked for the same messages too often."""
        return self._loop.is_loop(begin, now)

    def start(self, begin: int, end: int) -> None:
        """Answer for these numbers, after those being answered for."""
        self.is_waiting = True
        if self._fetch is None:
            self._begin_with(begin, end)
        elif self._next is None:
            self._next = (begin, end)
        else:
            self._next = (min(begin, self._next[0]), max(end, self._next[1]))

    def _begin_with(self, begin: int, end: int) -> None:
        self._begin = self._cursor = begin
        self._end = end
        self._resent = 0
        self._ask(begin)

    def _ask(self, begin: int) -> None:
        self._fetch = Fetch(begin, self._end, self._chunk)
        self._outbox.effects.append(self._fetch)

    def stored(self, fetch: Fetch, frames: Sequence[tuple[int, bytes]], now: Nanos) -> None:
        """The answer to a Fetch: numbers and frames in ascending order, `limit` or fewer.

        An answer to a Fetch of an earlier connection is dropped.
        """
        if fetch != self._fetch:
            return
        self._fetch = None
        self.is_waiting = self._next is not None
        last = fetch.begin - 1
        for msg_seq_num, frame in frames:
            last = msg_seq_num
            message = parse(frame)
            if message.msg_type in ADMIN_TYPES or msg_seq_num < self._cursor:
                continue
            self._fill_up_to(msg_seq_num, now)
            self._outbox.again(message, msg_seq_num, now)
            self._cursor = msg_seq_num + 1
            self._resent += 1
        if len(frames) >= fetch.limit and last < self._end:
            self._ask(last + 1)
            return
        self._fill_up_to(self._end + 1, now)
        text = f"MsgSeqNum(34) {self._begin} to {self._end}, {self._resent} stored messages"
        self._outbox.note(Fact.RESEND, text)
        if self._next is not None:
            (begin, end), self._next = self._next, None
            self._begin_with(begin, end)

    def _fill_up_to(self, new_seq_no: int, now: Nanos) -> None:
        if self._cursor < new_seq_no:
            self._outbox.gap_fill(self._cursor, new_seq_no, now)
            self._cursor = new_seq_no


class LoopWatch:
    """Counts ResendRequest(2) that start no higher than one before them."""

    __slots__ = ("_count", "_highest_begin", "_limit", "_since")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """A new connection or numbering starts without a past."""
        self._highest_begin = 0
        self._count = 0
        self._since = Nanos(0)

    def is_loop(self, begin: int, now: Nanos) -> bool:
        """Whether this request is one too many within LOOP_WINDOW."""
        if begin > self._highest_begin or now - self._since > LOOP_WINDOW:
            self._highest_begin = max(begin, self._highest_begin)
            self._count = 1
            self._since = now
            return False
        self._count += 1
        return self._count > self._limit
