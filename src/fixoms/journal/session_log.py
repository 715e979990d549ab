"""The FIX numbers of every session as the journal knows them, and where its messages lie.

Owns: next numbers and epochs of sessions, followed from record to record; the spans that say
which groups hold which outbound messages.
Must not know: SQL, files, the FIX session protocol.
"""

from typing import Final

import msgspec

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Inbound, NumbersReset, Outbound, SessionRecord
from fixoms.journal.errors import JournalOrderError


class SessionNumbers(msgspec.Struct, frozen=True, array_like=True):
    """Where a session stands: next MsgSeqNum(34) out and in, and since when its numbers count.

    `epoch` counts the resets of the session's numbers.
    """

    next_out: int
    next_in: int
    created_at: Nanos
    epoch: int = 0


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Application messages `first` to `last` of a session's epoch lie in these groups.

    Between the two there may be numbers of admin messages, which are never sent again.
    """

    session: str
    epoch: int
    first: int
    last: int
    first_group: int
    last_group: int


class _Session:
    """Numbers of one session while the journal is open; the span is of the open group."""

    __slots__ = ("created_at", "epoch", "name", "next_in", "next_out", "span_first", "span_last")

    def __init__(self, name: str, numbers: SessionNumbers) -> None:
        self.name = name
        self.next_out = numbers.next_out
        self.next_in = numbers.next_in
        self.created_at = numbers.created_at
        self.epoch = numbers.epoch
        self.span_first = 0
        self.span_last = 0


_UNHEARD_OF: Final = SessionNumbers(next_out=1, next_in=1, created_at=Nanos(0))


class SessionLog:
    """Follows session records in the order they are staged."""

    def __init__(self, numbers: dict[str, SessionNumbers] | None = None) -> None:
        self._sessions = {name: _Session(name, known) for name, known in (numbers or {}).items()}
        self._touched: list[_Session] = []
        self._ended: list[Span] = []
        self._begun: dict[str, tuple[int, int]] = {}

    def follow(self, record: SessionRecord) -> None:
        """Take a record into account. Raises JournalOrderError when a number is used again."""
        name = record.session
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = _Session(name, _UNHEARD_OF)
        if isinstance(record, Outbound):
            number = record.msg_seq_num
            if number < session.next_out:
                raise JournalOrderError(
                    f"session {name}: MsgSeqNum(34)={number} was used already, the next one is"
                    f" {session.next_out}"
                )
            session.next_out = number + 1
            if not record.admin:
                if not session.span_first:
                    session.span_first = number
                    self._touched.append(session)
                session.span_last = number
        elif isinstance(record, Inbound):
            session.next_in = record.next_in
        else:
            self._begin_epoch(session, record)

    def _begin_epoch(self, session: _Session, record: NumbersReset) -> None:
        if session.span_first:
            self._ended.append(_span_of(session, group=0))
            session.span_first = 0
            self._touched.remove(session)
        session.epoch += 1
        session.next_out = record.next_out
        session.next_in = record.next_in
        session.created_at = record.time
        self._begun[session.name] = (session.epoch, record.next_out - 1)

    def take_begun(self) -> dict[str, tuple[int, int]]:
        """Sessions whose numbers began anew since the last call: epoch and last number before."""
        begun, self._begun = self._begun, {}
        return begun

    def close_group(self, group: int) -> list[Span]:
        """Spans of the records since the last call, which all went into group number `group`."""
        if not self._touched and not self._ended:
            return []
        spans = [
            msgspec.structs.replace(span, first_group=group, last_group=group)
            for span in self._ended
        ]
        self._ended.clear()
        for session in self._touched:
            spans.append(_span_of(session, group))
            session.span_first = 0
        self._touched.clear()
        return spans

    def epoch(self, session: str) -> int:
        """Present epoch of a session; 0 for one never heard of."""
        known = self._sessions.get(session)
        return known.epoch if known else 0

    def numbers(self) -> dict[str, SessionNumbers]:
        """Where every session stands now, by name in alphabetical order."""
        return {
            name: SessionNumbers(known.next_out, known.next_in, known.created_at, known.epoch)
            for name, known in sorted(self._sessions.items())
        }


def _span_of(session: _Session, group: int) -> Span:
    return Span(session.name, session.epoch, session.span_first, session.span_last, group, group)
