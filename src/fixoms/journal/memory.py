"""A journal in memory, for scripts, the simulation and tests: same records, same interface.

Owns: committed groups kept as bytes, and when what is staged becomes committed.
Must not know: files, threads.

What is recovered has gone through the same encoding as on disk. A restart is `crash` (what was
staged is gone) or `close`, then `recover` and `start` again on the same object.
"""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice
from typing import TypeAlias

from fixoms.domain.units import Nanos
from fixoms.journal.entry import (
    Entry,
    Inbound,
    NumbersReset,
    Outbound,
    Record,
    unpack_entries,
    unpack_session_records,
)
from fixoms.journal.errors import JournalFailedError
from fixoms.journal.group import CHAIN_START, Gathering, Row
from fixoms.journal.journal import Journal, JournalState, ignore_failure, nothing_to_add
from fixoms.journal.recovery import Recovery
from fixoms.journal.resend import Frame
from fixoms.journal.session_log import SessionLog, SessionNumbers
from fixoms.journal.settings import JournalSettings
from fixoms.journal.snapshot import Snapshot


class Commit(StrEnum):
    """When staged records become durable.

    TURN: at the next turn of the event loop. IMMEDIATE: within `stage`, which calls `then`
    itself. MANUAL: when `commit` is called.
    """

    TURN = "turn"
    IMMEDIATE = "immediate"
    MANUAL = "manual"


class MemoryJournal:
    """Keeps what was committed for as long as the object lives."""

    def __init__(
        self, commit: Commit = Commit.TURN, settings: JournalSettings | None = None
    ) -> None:
        self.on_failure: Callable[[Exception], None] = ignore_failure
        self.before_flush: Callable[[], None] = nothing_to_add
        self.rows: list[Row] = []
        self.snapshots: list[Snapshot] = []
        self.low_space = False
        self._mode = commit
        self._settings = settings or JournalSettings()
        self._life = 0
        self._begin()

    def _begin(self) -> None:
        """Stand at the end of what is committed, with nothing staged."""
        last = self.rows[-1] if self.rows else None
        self._state = JournalState.OPEN
        self._failure: Exception | None = None
        self._thens: deque[Callable[[], None]] = deque()
        self._is_scheduled = False
        self._is_committing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gathering = Gathering(
            self._settings,
            last.number if last else 0,
            last.last_seq if last else 0,
            last.last_time if last else Nanos(0),
            self._committed_sessions(),
        )
        self._durable_seq = self._gathering.last_seq

    def _committed_sessions(self) -> dict[str, SessionNumbers]:
        log = SessionLog()
        for row in self.rows:
            for record in unpack_session_records(row.session):
                log.follow(record)
        return log.numbers()

    @property
    def chain(self) -> str:
        """Hash over everything committed: equal journals have equal hashes."""
        return (self.rows[-1].digest() if self.rows else CHAIN_START).hex()

    @property
    def state(self) -> JournalState:
        """Whether records are taken."""
        return self._state

    @property
    def staged_bytes(self) -> int:
        """Bytes staged and not yet committed."""
        return self._gathering.size

    @property
    def congested(self) -> bool:
        """Whether the caller should stop reading from its peers."""
        return self.staged_bytes >= self._settings.staged_bytes_max

    @property
    def last_seq(self) -> int:
        """Sequence of the last entry staged."""
        return self._gathering.last_seq

    @property
    def last_time(self) -> Nanos:
        """Time of the last entry staged."""
        return self._gathering.last_time

    @property
    def durable_seq(self) -> int:
        """Sequence of the last entry committed."""
        return self._durable_seq

    def sessions(self) -> dict[str, SessionNumbers]:
        """Numbers of every session, staged records included."""
        return self._gathering.sessions.numbers()

    def entries(self, after_seq: int = 0) -> Iterator[Entry]:
        """Committed entries after `after_seq`."""
        first = bisect_right(self.rows, after_seq, key=lambda row: row.last_seq)
        for row in islice(self.rows, first, None):
            for entry in unpack_entries(row.entries):
                if entry.seq > after_seq:
                    yield entry

    def read(self, after_seq: int, limit: int) -> list[Entry]:
        """Committed entries after `after_seq`, at most `limit`, as JournalReader.read."""
        return list(islice(self.entries(after_seq), limit))

    def recover(self) -> Recovery:
        """Return what to start from, and take records again after `close` or `crash`."""
        if self._state is not JournalState.OPEN:
            self._begin()
        snapshot = self.snapshots[-1] if self.snapshots else None
        return Recovery(
            snapshot,
            self.entries(snapshot.seq if snapshot else 0),
            self.sessions(),
            self._gathering.last_seq,
            self._gathering.last_time,
        )

    def stage(self, record: Record, then: Callable[[], None] | None = None) -> None:
        """Add a record; `then` is called once it is committed. Errors as Journal.stage."""
        if self._state is not JournalState.OPEN:
            raise self._not_open()
        self._gathering.add(record)
        if then is not None:
            self._thens.append(then)
        if self._mode is Commit.IMMEDIATE:
            self.commit()
        elif self._mode is Commit.TURN and self._loop is not None and not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._commit_turn, self._life)

    def stage_lazy(self, record: Inbound) -> None:
        """Add a record to whatever group comes next."""
        if self._state is not JournalState.OPEN:
            raise self._not_open()
        self._gathering.add_lazily(record)

    def _not_open(self) -> JournalFailedError:
        what = f"failed: {self._failure}" if self._failure else "is closed"
        return JournalFailedError(f"the journal in memory {what}")

    def _commit_turn(self, life: int) -> None:
        if life == self._life:
            self._is_scheduled = False
            self.commit()

    def commit(self) -> None:
        """Commit what is staged and call what waits for it, in the order of staging."""
        if self._state is not JournalState.OPEN:
            return
        if self._mode is not Commit.IMMEDIATE and not self._gathering.is_empty:
            self.before_flush()
        for group in self._gathering.take().groups:
            previous = self.rows[-1].digest() if self.rows else CHAIN_START
            self.rows.append(group.seal(previous))
        self._durable_seq = self._gathering.last_seq
        if self._is_committing:
            # A `then` staged more; the outer call goes on with what it brought.
            return
        self._is_committing = True
        try:
            while self._thens and self._state is JournalState.OPEN:
                self._thens.popleft()()
        finally:
            self._is_committing = False

    def fail(self, error: Exception) -> None:
        """Fail as a disk would: nothing staged is ever confirmed."""
        self._state = JournalState.FAILED
        self._failure = error
        self._thens.clear()
        self.on_failure(error)

    def crash(self) -> None:
        """End as a killed process would: what is staged and not committed is gone."""
        self._state = JournalState.CLOSED
        self._thens.clear()
        self._life += 1

    async def start(self) -> None:
        """Begin on the running loop; what was staged before is committed."""
        self._loop = asyncio.get_running_loop()
        if self._mode is Commit.TURN:
            self.commit()

    async def drain(self) -> None:
        """Commit what is staged. Raises JournalFailedError when it never will be."""
        if self._state is not JournalState.OPEN:
            raise self._not_open()
        self.commit()

    async def close(self) -> None:
        """Commit what is staged and take nothing more."""
        if self._state is JournalState.OPEN:
            self.commit()
        self._state = JournalState.CLOSED
        self._life += 1

    def read_outbound(self, session: str, begin: int, end: int, limit: int) -> list[Frame]:
        """Committed application messages of the present epoch, as Journal.read_outbound."""
        frames: dict[int, bytes] = {}
        for row in self.rows:
            for record in unpack_session_records(row.session):
                if record.session != session:
                    continue
                if isinstance(record, NumbersReset):
                    frames.clear()
                elif (
                    isinstance(record, Outbound)
                    and not record.admin
                    and begin <= record.msg_seq_num <= end
                ):
                    frames[record.msg_seq_num] = record.frame
        return sorted(frames.items())[:limit]

    async def load_outbound(self, session: str, begin: int, end: int, limit: int) -> list[Frame]:
        """Do as read_outbound does, with everything staged before this call."""
        await self.drain()
        return self.read_outbound(session, begin, end, limit)

    async def write_snapshot(
        self,
        seq: int,
        engine: bytes,
        *,
        time: Nanos,
        state_hash: str = "",
        readers_at: int | None = None,  # noqa: ARG002 - nothing is ever retired here
    ) -> None:
        """Keep a snapshot, as Journal.write_snapshot."""
        group = self._gathering.close_group()
        snapshot = Snapshot(seq, time, group, self.sessions(), engine, state_hash)
        await self.drain()
        self.snapshots.append(snapshot)


AnyJournal: TypeAlias = Journal | MemoryJournal
"""What a sequencer writes to."""
