"""The message store of the FIX sessions, kept in the venue's journal.

Owns: the translation of session records into journal records, and nothing else.
Must not know: when a session writes what (fix), when a group is flushed (journal).

Records staged here lie in the same group as the entries that caused them, so a crash forgets both
or keeps both: no client is ever told of an order the venue does not have, and no order is kept
whose MsgSeqNum(34) the venue would ask for again.
"""

from collections.abc import Callable, Mapping, Sequence

from fixoms.domain.units import Nanos
from fixoms.fix import store
from fixoms.fix.config import SessionState
from fixoms.fix.identity import SessionId
from fixoms.journal import entry
from fixoms.journal.memory import AnyJournal
from fixoms.journal.session_log import SessionNumbers


class JournalStore:
    """A `fixoms.fix.store.Store` over the journal. A session is named by the peer's CompID."""

    def __init__(self, journal: AnyJournal, recovered: Mapping[str, SessionNumbers]) -> None:
        self._journal = journal
        self._recovered = recovered
        self._on_failure: Callable[[Exception], None] | None = None
        self._is_dead = False

    def fail(self, failure: Exception) -> None:
        """The journal is lost: nothing put from now on is kept, and no `then` is called."""
        self._is_dead = True
        if self._on_failure is not None:
            self._on_failure(failure)

    def load(self, session: SessionId, now: Nanos) -> SessionState:
        """Numbers as recovered, or new ones that begin at `now`."""
        numbers = self._recovered.get(session.target_comp_id)
        if numbers is None:
            # When the numbers began decides when a session's schedule resets them next.
            self._journal.stage(entry.NumbersReset(session.target_comp_id, 1, 1, now))
            return SessionState(created_at=now)
        return SessionState(
            next_out=numbers.next_out,
            next_in=numbers.next_in,
            created_at=numbers.created_at or now,
        )

    def put(
        self, session: SessionId, records: Sequence[store.Record], then: Callable[[], None]
    ) -> None:
        """Stage `records`; `then` is called once the last of them is durable.

        A put of inbound numbers alone forces no sync and calls `then` at once: losing such a number
        costs a gap fill.
        """
        if self._is_dead:
            return
        name = session.target_comp_id
        staged = [_journal_record(name, record) for record in records]
        forcing = [each for each in staged if not isinstance(each, entry.Inbound)]
        if not forcing:
            for record in staged:
                if isinstance(record, entry.Inbound):
                    self._journal.stage_lazy(record)
            then()
            return
        last = staged[-1]
        for record in staged:
            self._journal.stage(record, then if record is last else None)

    async def read(
        self, session: SessionId, begin: int, end: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """Application messages to send again, read off the loop."""
        return await self._journal.load_outbound(session.target_comp_id, begin, end, limit)

    def on_failure(self, callback: Callable[[Exception], None]) -> None:
        """Call this from `fail`; the journal tells the venue of a failure, the venue this store."""
        self._on_failure = callback

    async def close(self) -> None:
        """Wait until everything staged is durable. The journal itself is the venue's to close."""
        await self._journal.drain()


def _journal_record(name: str, record: store.Record) -> entry.SessionRecord:
    match record:
        case store.Outbound():
            return entry.Outbound(name, record.msg_seq_num, record.admin, record.frame)
        case store.Inbound():
            return entry.Inbound(name, record.next_in)
        case store.Reset():
            return entry.NumbersReset(name, record.next_out, 1, record.created_at)
