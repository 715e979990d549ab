"""The journal: stage records, be told when they are durable, start again from them.

Owns: the open group on the event loop, the order of confirmations, the states of a journal.
Must not know: SQL (segment.py, writer.py), what a command means.

A flush begins at the end of the loop iteration in which something was staged; while the writer
thread writes and syncs it, the next batch gathers. Whatever one iteration stages becomes durable
in one transaction or not at all.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Inbound, Record
from fixoms.journal.errors import (
    JournalCorruptError,
    JournalFailedError,
    JournalOrderError,
    JournalUnwritableError,
)
from fixoms.journal.group import CHAIN_START, Batch, Gathering
from fixoms.journal.handover import Handover
from fixoms.journal.lock import DirectoryLock
from fixoms.journal.recovery import OpeningReport, Recovery, examine, stream_entries
from fixoms.journal.resend import Frame, OutboundReader
from fixoms.journal.retire import retire
from fixoms.journal.segment import SegmentHead, create_segment, segment_paths
from fixoms.journal.session_log import SessionNumbers
from fixoms.journal.settings import JournalSettings
from fixoms.journal.snapshot import Snapshot, save_snapshot
from fixoms.journal.writer import (
    HeadMark,
    SegmentWriter,
    WriteIn,
    WriterThread,
    read_confirmed_group,
)


class JournalState(StrEnum):
    """OPEN takes records; FAILED after a write error and CLOSED take none."""

    OPEN = "open"
    FAILED = "failed"
    CLOSED = "closed"


def ignore_failure(_: Exception) -> None:
    """Take no notice: what `on_failure` is until somebody sets it."""


def nothing_to_add() -> None:
    """Stage nothing more: what `before_flush` is until somebody sets it."""


class Journal:
    """The journal of one venue in one directory. Create it with `open`.

    Set `on_failure` before `start`: it is called on the loop, once, when a write fails (disk
    full, I/O error). Nothing staged and not yet confirmed will ever be confirmed then; the
    process is to stop taking commands and to start again, which recovers what is on disk.

    `before_flush` is called when a group is about to be closed and may still stage into it: what
    belongs to the records of this turn becomes durable with them.
    """

    def __init__(
        self,
        directory: Path,
        settings: JournalSettings,
        lock: DirectoryLock,
        report: OpeningReport,
        recovery: Recovery,
        gathering: Gathering,
        writer: SegmentWriter,
        write_in: WriteIn,
    ) -> None:
        self.on_failure: Callable[[Exception], None] = ignore_failure
        self.before_flush: Callable[[], None] = nothing_to_add
        self.report = report
        self._directory = directory
        self._settings = settings
        self._lock = lock
        self._recovery = recovery
        self._gathering = gathering
        self._writer = writer
        self._saving = asyncio.Lock()
        self._handover = Handover()
        self._thread = write_in(writer, settings, self._handover, self._on_written, self._on_failed)
        self._reader = OutboundReader(directory, writer.pending)
        self._off_loop = ThreadPoolExecutor(2, "journal-files")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state = JournalState.OPEN
        self._failure: Exception | None = None
        self._thens: list[Callable[[], None]] = []
        self._in_flight: list[Callable[[], None]] = []
        self._in_flight_size = 0
        self._in_flight_seq = 0
        self._is_writing = False
        self._is_scheduled = False
        self._waiters: set[asyncio.Future[None]] = set()
        self._durable_seq = gathering.last_seq

    @classmethod
    def open(
        cls,
        directory: Path,
        settings: JournalSettings | None = None,
        write_in: WriteIn = WriterThread,
    ) -> "Journal":
        """Open the journal in `directory`, created when there is none, and lock it.

        `write_in` makes what runs the writer: a thread, but for a simulated disk. What was cut or
        passed over is in `report`. Raises JournalLockedError, JournalCorruptError or
        JournalUnwritableError; the directory is then as it was.
        """
        settings = settings or JournalSettings()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = DirectoryLock(directory)
        except OSError as error:
            raise JournalUnwritableError(f"{directory}: {error}") from error
        try:
            return cls._open_locked(directory, settings, lock, write_in)
        except (OSError, sqlite3.Error) as error:
            lock.release()
            raise JournalUnwritableError(f"{directory}: {error}") from error
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open_locked(
        cls, directory: Path, settings: JournalSettings, lock: DirectoryLock, write_in: WriteIn
    ) -> "Journal":
        report = OpeningReport()
        for unfinished in directory.glob("*.tmp"):
            unfinished.unlink()
        mark = HeadMark(directory)
        try:
            if not segment_paths(directory, archived=False):
                _refuse_remains(directory)
                create_segment(
                    directory,
                    SegmentHead(number=1, first_group=1, first_seq=1, previous=CHAIN_START),
                )
                report.created = True
            found = examine(directory, settings, read_confirmed_group(directory), report)
            writer = SegmentWriter(
                directory,
                settings,
                found.head,
                found.last_group,
                found.chain,
                {
                    name: (numbers.epoch, numbers.next_out - 1)
                    for name, numbers in found.sessions.items()
                },
                mark,
            )
        except BaseException:
            mark.close()
            raise
        writer.pending.add(found.spans)
        after_seq = found.snapshot.seq if found.snapshot else 0
        recovery = Recovery(
            found.snapshot,
            stream_entries(found.paths, after_seq, found.last_seq),
            found.sessions,
            found.last_seq,
            found.last_time,
        )
        gathering = Gathering(
            settings, found.last_group, found.last_seq, found.last_time, found.sessions
        )
        return cls(directory, settings, lock, report, recovery, gathering, writer, write_in)

    def recover(self) -> Recovery:
        """Return what to start from; its entries can be streamed once, before `start`."""
        return self._recovery

    @property
    def state(self) -> JournalState:
        """Whether records are taken."""
        return self._state

    @property
    def failure(self) -> Exception | None:
        """What made the journal fail, when it did."""
        return self._failure

    @property
    def staged_bytes(self) -> int:
        """Bytes staged and not yet durable."""
        return self._gathering.size + self._in_flight_size

    @property
    def congested(self) -> bool:
        """Whether the caller should stop reading from its peers until `drain` returns."""
        return self.staged_bytes >= self._settings.staged_bytes_max

    @property
    def low_space(self) -> bool:
        """Whether the disk has less room than the reserve: time to take cancels only."""
        return self._writer.low_space

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
        """Sequence of the last entry that is durable."""
        return self._durable_seq

    def sessions(self) -> dict[str, SessionNumbers]:
        """Numbers of every session, staged records included."""
        return self._gathering.sessions.numbers()

    def stage(self, record: Record, then: Callable[[], None] | None = None) -> None:
        """Add a record to the open group; `then` is called on the loop once it is durable.

        The calls come in the order of staging. Raises JournalFailedError when the journal takes
        nothing more, JournalOrderError for a gap or a number used twice.
        """
        if self._state is not JournalState.OPEN:
            raise self._not_open()
        self._gathering.add(record)
        if then is not None:
            self._thens.append(then)
        if not (self._is_scheduled or self._is_writing or self._loop is None):
            self._is_scheduled = True
            self._loop.call_soon(self._flush)

    def stage_lazy(self, record: Inbound) -> None:
        """Add a record to whatever group comes next; it makes none be written by itself.

        A crash before that forgets it, and the peer is asked for the messages again.
        """
        if self._state is not JournalState.OPEN:
            raise self._not_open()
        self._gathering.add_lazily(record)

    def _not_open(self) -> JournalFailedError:
        if self._failure is None:
            return JournalFailedError(f"{self._directory}: the journal is closed")
        return JournalFailedError(f"{self._directory}: the journal failed: {self._failure}")

    async def start(self) -> None:
        """Begin to write, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        if not self._gathering.is_empty:
            self._flush()

    def _flush(self, *, busy: bool = False) -> None:
        """Hand what has gathered to the writer, unless it is busy or there is nothing.

        `busy`: it gathered while the batch before was being written.
        """
        self._is_scheduled = False
        if self._is_writing or self._state is not JournalState.OPEN or self._loop is None:
            return
        try:
            self.before_flush()
        except Exception as error:  # a root: what broke here must stop the venue
            self._fail(error)
            return
        batch = self._gathering.take()
        if not batch.groups:
            self._confirm(self._take_thens())
            return
        self._in_flight = self._take_thens()
        self._in_flight_size = batch.size
        self._in_flight_seq = self._gathering.last_seq
        self._is_writing = True
        self._handover.begin(self._loop)
        self._thread.put(batch)
        self._handover.given(busy=busy)

    def _take_thens(self) -> list[Callable[[], None]]:
        thens = self._thens
        self._thens = []
        return thens

    def _on_written(self, batch: Batch) -> None:
        """In the writer thread: a batch is durable."""
        if self._loop is not None and batch.groups:
            # The loop may be gone when a process ends without close(); nobody waits then.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._written)

    def _on_failed(self, error: Exception) -> None:
        """In the writer thread: it ended."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._fail, error)

    def _written(self) -> None:
        thens = self._in_flight
        self._in_flight = []
        self._in_flight_size = 0
        self._durable_seq = self._in_flight_seq
        self._is_writing = False
        self._handover.end()
        if not self._gathering.is_empty:
            self._flush(busy=True)
        self._confirm(thens)
        if not self._is_writing and self._gathering.is_empty:
            # Somebody waits for what was just written and staged nothing more.
            self._confirm(self._take_thens())

    def _confirm(self, thens: list[Callable[[], None]]) -> None:
        try:
            for then in thens:
                then()
        except Exception as error:  # a root: what broke here must stop the venue
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._state is not JournalState.OPEN:
            return
        self._state = JournalState.FAILED
        self._handover.end()
        self._failure = error
        self._thens.clear()
        self._in_flight = []
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(self._not_open())
        self._waiters.clear()
        self.on_failure(error)

    async def drain(self) -> None:
        """Wait until everything staged so far is durable, lazy records included.

        Raises JournalFailedError when it will never be.
        """
        if self._state is not JournalState.OPEN:
            raise self._not_open()
        if self._loop is None:
            raise JournalFailedError(f"{self._directory}: the journal was not started")
        if self._gathering.is_empty and not self._is_writing:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.add(waiter)
        self._thens.append(partial(_settle, waiter))
        if not self._is_writing:
            self._flush()
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def close(self) -> None:
        """Write what is staged, checkpoint, and let go of the directory. May be called twice."""
        if self._state is JournalState.CLOSED:
            return
        failed = self._state is JournalState.FAILED
        try:
            if not failed and self._loop is not None:
                await self.drain()
        finally:
            was_open = self._state is JournalState.OPEN
            self._state = JournalState.CLOSED
            await asyncio.to_thread(self._release, orderly=was_open)

    def _release(self, *, orderly: bool) -> None:
        self._thread.stop()
        self._off_loop.shutdown()
        self._reader.close()
        try:
            if orderly:
                self._writer.close()
            else:
                self._writer.abandon()
        finally:
            self._lock.release()

    def read_outbound(self, session: str, begin: int, end: int, limit: int) -> list[Frame]:
        """Application messages `begin` to `end` of a session's present epoch, at most `limit`.

        Ascending; numbers that are not there were admin messages. Only what is durable is found,
        and only in segments that are not retired. Blocks: see load_outbound.
        """
        epoch = self._gathering.sessions.epoch(session)
        return self._reader.read(session, epoch, begin, end, limit)

    async def load_outbound(self, session: str, begin: int, end: int, limit: int) -> list[Frame]:
        """Do as read_outbound does, off the loop and with everything staged before this call."""
        epoch = self._gathering.sessions.epoch(session)
        await self.drain()
        return await asyncio.get_running_loop().run_in_executor(
            self._off_loop, self._reader.read, session, epoch, begin, end, limit
        )

    async def write_snapshot(
        self,
        seq: int,
        engine: bytes,
        *,
        time: Nanos,
        state_hash: str = "",
        readers_at: int | None = None,
    ) -> None:
        """Save the engine's state after entry `seq`, with the numbers of the sessions now.

        Call it in the same loop iteration in which `engine` was taken. It returns when the
        snapshot is on disk and what nobody needs any more is retired: `readers_at` is the last
        entry the slowest reader has read (None: no reader to wait for). Raises JournalFailedError
        or OSError; older snapshots stay valid. JournalOrderError: `seq` was not staged yet.
        """
        if seq > self.last_seq:
            raise JournalOrderError(f"a snapshot after entry {seq}, the last is {self.last_seq}")
        group = self._gathering.close_group()
        snapshot = Snapshot(seq, time, group, self.sessions(), engine, state_hash)
        await self.drain()
        # The index of messages must reach as far as the snapshot: recovery reads no further back.
        self._thread.put(Batch([], new_day=False, size=0))
        async with self._saving:
            await asyncio.get_running_loop().run_in_executor(
                self._off_loop, self._save, snapshot, readers_at
            )

    def _save(self, snapshot: Snapshot, readers_at: int | None) -> None:
        save_snapshot(self._directory, snapshot)
        # A segment that somebody has open cannot be put away.
        self._reader.close()
        retire(self._directory, self._settings, readers_at)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _refuse_remains(directory: Path) -> None:
    """A journal that once was here must not begin anew in silence."""
    if read_confirmed_group(directory) or any(directory.glob("snapshot-*.snap")):
        raise JournalCorruptError(
            directory,
            1,
            1,
            "all its segments are missing",
            "Put them back, or empty the directory to begin a new journal",
        )
