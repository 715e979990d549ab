"""The one writer of the segments: batches in, one transaction each; index, checkpoints, marks.

Owns: the open segment, when a new one begins, what is synced when, the thread it runs in.
Must not know: the event loop, callbacks, sessions' protocol, recovery.

A batch of one group is one autocommitted INSERT: one statement, so the thread asks for the
interpreter's lock once per flush, and not once for each of BEGIN, INSERT and COMMIT.
"""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Protocol, TypeAlias

from msgspec.structs import astuple

from fixoms.journal.group import Batch
from fixoms.journal.handover import Handover
from fixoms.journal.segment import (
    BUSY_SECONDS,
    INDEX_MARK,
    INSERT_GROUP,
    INSERT_SPAN,
    SegmentHead,
    create_segment,
    read_mark,
    write_mark,
)
from fixoms.journal.session_log import Span
from fixoms.journal.settings import Durability, JournalSettings, segment_path

SPAN_GROUPS_MAX: Final = 64
SPAN_RECORDS_MAX: Final = 4096
"""How many groups and messages gather before their spans are written: what a resend reads at
most beside what it looks for."""

_ROW_OVERHEAD: Final = 128
_PAGE_SIZE: Final = 4096
_SPACE_CHECK_BYTES: Final = 1 << 20


class PendingSpans:
    """Spans not yet in the index, merged per session. Shared with the loop, hence the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: dict[tuple[str, int], Span] = {}
        self._groups = 0
        self._records = 0

    def add(self, spans: list[Span]) -> None:
        """Merge the spans of one group."""
        with self._lock:
            self._groups += 1
            for span in spans:
                key = (span.session, span.epoch)
                earlier = self._spans.get(key)
                self._spans[key] = (
                    Span(*key, earlier.first, span.last, earlier.first_group, span.last_group)
                    if earlier
                    else span
                )
                self._records += span.last - span.first + 1

    @property
    def is_full(self) -> bool:
        """Whether they should be written."""
        return self._groups >= SPAN_GROUPS_MAX or self._records >= SPAN_RECORDS_MAX

    def get(self, session: str, epoch: int) -> Span | None:
        """Find the span of a session that is not yet in the index."""
        with self._lock:
            return self._spans.get((session, epoch))

    def peek(self) -> list[Span]:
        """List all of them."""
        with self._lock:
            return list(self._spans.values())

    def clear(self) -> None:
        """Forget them: they are in the index."""
        with self._lock:
            self._spans.clear()
            self._groups = 0
            self._records = 0


CONFIRMED_FILE: Final = "confirmed"


def read_confirmed_group(directory: Path) -> int:
    """Last group known to be confirmed; 0 when the mark is absent or damaged."""
    path = directory / CONFIRMED_FILE
    text = path.read_bytes()[:64].decode("ascii", "replace") if path.exists() else ""
    return read_mark(text.strip(), 0)


class HeadMark:
    """The last group that was confirmed as synced, beside the segments.

    Written without a sync after each confirmation, so it is never ahead of the segments unless
    they lost something they should have kept. That is how a cut log is told from a torn one.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / CONFIRMED_FILE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)

    def write(self, group: int) -> None:
        """Set the group."""
        self._file.seek(0)
        self._file.write(write_mark(group).ljust(40).encode())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class SegmentWriter:
    """Writes batches, synchronously. One thread at a time.

    `chain` is the digest of the last group written, `last_group` its number. Raises sqlite3.Error
    and OSError as they come; after one of them nothing more may be written.
    """

    def __init__(
        self,
        directory: Path,
        settings: JournalSettings,
        head: SegmentHead,
        last_group: int,
        chain: bytes,
        positions: dict[str, tuple[int, int]],
        mark: HeadMark,
    ) -> None:
        self.chain = chain
        self.pending = PendingSpans()
        self.low_space = False
        self.segments_started = 0
        self._directory = directory
        self._settings = settings
        self._number = head.number
        self._first_group = head.first_group
        self._last_group = last_group
        self._marked_group = 0
        self._positions = positions
        self._mark = mark
        self._unsynced_since: float | None = None
        self._space_check_bytes = min(_SPACE_CHECK_BYTES, settings.reserve_bytes // 16)
        self._unchecked_space = self._space_check_bytes
        self._open()

    def _open(self) -> None:
        path = segment_path(self._directory, self._number)
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA wal_autocheckpoint=0")
        # Elsewhere a sync is a sync; macOS only asks the drive to write when told so.
        self._connection.execute("PRAGMA fullfsync=ON")
        self._set_sync(full=self._settings.durability is Durability.ALWAYS)
        is_fresh = self._last_group < self._first_group
        self._size = 0 if is_fresh else path.stat().st_size
        self._log_size = 0

    def _set_sync(self, *, full: bool) -> None:
        self._connection.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")

    def write(self, batch: Batch) -> None:
        """Make a batch durable as the settings say, in one transaction.

        A batch without groups only brings the index of messages up to date.
        """
        if not batch.groups:
            self._write_index()
            return
        is_first = self._last_group < self._first_group
        if not is_first and (batch.new_day or self._size >= self._settings.segment_bytes_max):
            self._begin_segment(batch)
        chain = self.chain
        rows = []
        for group in batch.groups:
            row = group.seal(chain)
            chain = row.digest()
            rows.append(row)
            self.pending.add(group.spans)
            for span in group.spans:
                self._positions[span.session] = (span.epoch, span.last)
            for session, begun in group.begun.items():
                # Messages of the new numbering, if the group has any, were just noted.
                self._positions[session] = max(self._positions.get(session, begun), begun)
        sync_is_due = self._sync_is_due()
        if sync_is_due:
            self._set_sync(full=True)
        if len(rows) == 1 and not self.pending.is_full:
            self._connection.execute(INSERT_GROUP, rows[0])
        else:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(INSERT_GROUP, rows)
            if self.pending.is_full:
                self._insert_spans(rows[-1].number)
            self._connection.execute("COMMIT")
            if self.pending.is_full:
                self.pending.clear()
        self.chain = chain
        self._last_group = rows[-1].number
        if sync_is_due:
            self._set_sync(full=False)
            self._unsynced_since = None
        if self._settings.durability is Durability.ALWAYS or sync_is_due:
            self._mark.write(self._last_group)
        elif self._unsynced_since is None:
            self._unsynced_since = time.monotonic()
        written = batch.size + _ROW_OVERHEAD * len(rows)
        self._size += written
        # A page of the log holds one change of it, however small: at least one for the rows.
        self._log_size += written + _PAGE_SIZE
        self._watch_space(written + _PAGE_SIZE)
        if self._log_size >= self._settings.wal_bytes_max:
            self.checkpoint()

    def _sync_is_due(self) -> bool:
        return (
            self._settings.durability is Durability.INTERVAL
            and self._unsynced_since is not None
            and (time.monotonic() - self._unsynced_since) * 1000 >= self._settings.interval_ms
        )

    def _insert_spans(self, last_group: int) -> None:
        self._connection.executemany(INSERT_SPAN, map(astuple, self.pending.peek()))
        self._connection.execute(INDEX_MARK, (write_mark(last_group),))

    def _watch_space(self, written: int) -> None:
        self._unchecked_space += written
        if self._unchecked_space >= self._space_check_bytes:
            self._unchecked_space = 0
            free = shutil.disk_usage(self._directory).free
            self.low_space = free < self._settings.reserve_bytes

    def _begin_segment(self, batch: Batch) -> None:
        """Close the open segment and begin the next one with `batch`."""
        self._close_segment()
        head = SegmentHead(
            number=self._number + 1,
            first_group=batch.groups[0].number,
            first_seq=batch.groups[0].first_seq,
            previous=self.chain,
            positions=dict(sorted(self._positions.items())),
        )
        create_segment(self._directory, head)
        self._number = head.number
        self._first_group = head.first_group
        self.segments_started += 1
        self._open()

    def _write_index(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._insert_spans(self._last_group)
        self._connection.execute("COMMIT")
        self.pending.clear()

    def _close_segment(self) -> None:
        self._write_index()
        # A reader in the middle of this segment must not hold up the next one.
        self._connection.execute("PRAGMA busy_timeout=0")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._connection.close()

    @property
    def has_log(self) -> bool:
        """Whether a checkpoint would have something to do."""
        return self._log_size > 0

    def checkpoint(self) -> None:
        """Move what the log holds into the segment; what was not synced is synced by it."""
        found = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        _, in_log, moved = found
        if in_log == moved:
            # A reader in the way leaves a rest, which the next checkpoint takes.
            self._log_size = 0
            self._unsynced_since = None
            self._mark.write(self._last_group)

    def close(self) -> None:
        """Checkpoint and close, leaving one file per segment."""
        self._close_segment()
        self._mark.write(self._last_group)
        self._mark.close()

    def abandon(self) -> None:
        """Close after a failure, writing nothing more than SQLite itself does."""
        self._connection.close()
        self._mark.close()


class Writing(Protocol):
    """What carries batches to a SegmentWriter and tells how it went."""

    def start(self) -> None:
        """Begin to take batches."""

    def put(self, batch: Batch) -> None:
        """Write a batch as soon as the one before is done."""

    def stop(self) -> None:
        """Write what was put and end."""


WriteIn: TypeAlias = Callable[
    [
        SegmentWriter,
        JournalSettings,
        Handover,
        Callable[[Batch], None],
        Callable[[Exception], None],
    ],
    Writing,
]
"""Makes a Writing: of a writer, the settings, the handover, `written` and `failed`."""


class WriterThread:
    """Runs a SegmentWriter in a thread of its own.

    `written` is called in the thread after each batch, `failed` once with what ended it; then the
    thread takes no more. What waits is bounded by the journal, which hands over one batch at a
    time.
    """

    def __init__(
        self,
        writer: SegmentWriter,
        settings: JournalSettings,
        handover: Handover,
        written: Callable[[Batch], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._writer = writer
        self._handover = handover
        self._written = written
        self._failed = failed
        self._idle_seconds = settings.idle_checkpoint_ms / 1000
        if settings.durability is Durability.INTERVAL:
            self._idle_seconds = min(self._idle_seconds, settings.interval_ms / 1000)
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    def start(self) -> None:
        """Begin to take batches."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Write a batch as soon as the one before is done."""
        self._queue.put(batch)

    def stop(self) -> None:
        """Write what was put and end; waits for it. Call it off the loop."""
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while (batch := self._next()) is not None:
                if not batch.groups:
                    self._writer.write(batch)
                    continue
                self._handover.entered()
                try:
                    self._writer.write(batch)
                finally:
                    self._handover.finished()
                self._written(batch)
        except Exception as error:  # the root of the thread: the error ends it and is told
            self._failed(error)

    def _next(self) -> Batch | None:
        while True:
            try:
                return self._queue.get(timeout=self._idle_seconds if self._writer.has_log else None)
            except Empty:
                self._writer.checkpoint()
