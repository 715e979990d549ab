"""The offline check: is the journal whole, and does the engine still decide what it says.

Owns: the checks over all of history, and what each finding is called.
Must not know: the engine (it is handed in), how findings are shown.

Recovery reads the tail; this reads everything, archived segments included, and goes on after a
finding to name the next one.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from fixoms.domain.commands import Command
from fixoms.domain.events import Event
from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry, Outbound
from fixoms.journal.errors import JournalCorruptError, JournalOrderError, JournalUnwritableError
from fixoms.journal.group import CHAIN_START, Row
from fixoms.journal.lock import DirectoryLock
from fixoms.journal.recovery import decoded_entries, decoded_session_records
from fixoms.journal.segment import UNREADABLE, Segment, segment_paths
from fixoms.journal.session_log import SessionLog, SessionNumbers
from fixoms.journal.snapshot import (
    Snapshot,
    SnapshotBrokenError,
    load_snapshot,
    snapshot_paths,
)
from fixoms.journal.wal import read_tail
from fixoms.journal.writer import read_confirmed_group

FINDINGS_MAX: Final = 100
"""After so many findings the check stops: the list would help nobody any more."""


class Decider(Protocol):
    """What decides commands again: an engine."""

    def handle(self, command: Command, seq: int, time: Nanos) -> Sequence[Event]:
        """Decide a command as it was decided when it was journaled."""

    def state_hash(self) -> str:
        """Hash of everything the engine knows."""


class FindingKind(StrEnum):
    """What is wrong.

    DATABASE: SQLite finds its file damaged. CHECKSUM: a group is not what was written, or is
    missing. CHAIN: a group or segment does not follow the one before. SEQUENCE: entries are
    missing or out of order. DECISION: the engine decides otherwise now. STATE: the engine's state
    differs from a snapshot's. SNAPSHOT: a snapshot cannot be used. INDEX: the index of messages
    misses some. TAIL: the write-ahead log has a torn or damaged end. LOST: confirmed groups are
    missing at the end.
    """

    DATABASE = "database"
    CHECKSUM = "checksum"
    CHAIN = "chain"
    SEQUENCE = "sequence"
    DECISION = "decision"
    STATE = "state"
    SNAPSHOT = "snapshot"
    INDEX = "index"
    TAIL = "tail"
    LOST = "lost"


class Finding(NamedTuple):
    """One thing that is wrong, and where: `segment-00000001.sqlite, group 7, entry 12`."""

    kind: FindingKind
    place: str
    text: str


class VerifyReport:
    """What was read and what was found. `chain` is the digest of the last group, in hex."""

    def __init__(self) -> None:
        self.segments = 0
        self.groups = 0
        self.entries = 0
        self.messages = 0
        self.decided = 0
        self.first_seq = 0
        self.last_seq = 0
        self.chain = CHAIN_START.hex()
        self.findings: list[Finding] = []

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def is_full(self) -> bool:
        """Whether there are so many findings that the check stops."""
        return len(self.findings) >= FINDINGS_MAX

    def add(self, kind: FindingKind, place: str, text: str) -> None:
        """Note a finding."""
        if not self.is_full:
            self.findings.append(Finding(kind, place, text))


def verify(
    directory: Path, new_engine: Callable[[bytes | None], Decider] | None = None
) -> VerifyReport:
    """Check the journal in `directory`, which no process may have open.

    `new_engine` makes an engine from a snapshot's bytes, or a new one from None; without it
    nothing is decided again. Raises JournalLockedError when a venue is using the journal, and
    FileNotFoundError when there is none. Changes nothing.
    """
    report = VerifyReport()
    paths = segment_paths(directory, archived=True)
    if not paths:
        raise FileNotFoundError(f"{directory}: there is no journal here")
    lock = _lock(directory)
    try:
        snapshots = _check_snapshots(directory, report)
        decisions = _Decisions(new_engine, snapshots, report)
        last_group = _check_segments(paths, decisions, report)
    finally:
        if lock is not None:
            lock.release()
    confirmed = read_confirmed_group(directory)
    if last_group < confirmed:
        report.add(
            FindingKind.LOST,
            max(paths.values()).name,
            f"groups to {confirmed} were confirmed, the journal ends at {last_group}",
        )
    return report


def _lock(directory: Path) -> DirectoryLock | None:
    try:
        return DirectoryLock(directory)
    except JournalUnwritableError:
        # A copy on read-only media: nobody can be writing it.
        return None


def _check_snapshots(directory: Path, report: VerifyReport) -> list[Snapshot]:
    """Valid snapshots, oldest first."""
    valid: list[Snapshot] = []
    for path in reversed(snapshot_paths(directory)):
        try:
            valid.append(load_snapshot(path))
        except SnapshotBrokenError as error:
            report.add(FindingKind.SNAPSHOT, path.name, str(error))
    return valid


def _check_segments(paths: dict[int, Path], decisions: "_Decisions", report: VerifyReport) -> int:
    """Check all segments in turn; returns the number of the last group."""
    before: Row | None = None
    last_group = 0
    expected = min(paths)
    for number, path in paths.items():
        if number != expected:
            report.add(FindingKind.CHAIN, path.name, f"segment {expected} before it is missing")
            before = None
        expected = number + 1
        report.segments += 1
        _check_tail(path, report)
        try:
            with closing(Segment(path)) as segment:
                _check_database(segment, report)
                _check_head(segment, before, report)
                if not report.segments - 1:
                    report.first_seq = segment.head.first_seq
                    decisions.begin(segment.head.first_seq)
                before = _check_groups(segment, before, decisions, report)
                last_group = segment.last_group()
        except JournalCorruptError as error:
            report.add(FindingKind.DATABASE, path.name, error.what)
            before = None
        if report.is_full:
            break
    if before is not None:
        report.chain = before.digest().hex()
        report.last_seq = before.last_seq
    return last_group


def _check_tail(path: Path, report: VerifyReport) -> None:
    try:
        tail = read_tail(path)
    except UNREADABLE as error:
        report.add(FindingKind.DATABASE, path.name, f"SQLite cannot read it: {error}")
        return
    if tail.damaged:
        report.add(
            FindingKind.TAIL,
            f"{path.name}-wal",
            f"it is damaged {tail.size} bytes before its end, with transactions after the damage",
        )
    elif tail.size:
        report.add(
            FindingKind.TAIL,
            f"{path.name}-wal",
            f"its last {tail.size} bytes are a torn transaction, which the next start cuts off",
        )


def _check_database(segment: Segment, report: VerifyReport) -> None:
    for complaint in segment.complaints():
        report.add(FindingKind.DATABASE, segment.path.name, complaint)


def _check_head(segment: Segment, before: Row | None, report: VerifyReport) -> None:
    if before is None:
        return
    head = segment.head
    if head.previous != before.digest() or head.first_group != before.number + 1:
        report.add(
            FindingKind.CHAIN, segment.path.name, "it does not continue the segment before it"
        )
    if head.first_seq != before.last_seq + 1:
        report.add(
            FindingKind.SEQUENCE,
            segment.path.name,
            f"it begins with entry {head.first_seq}, the one before it ends with {before.last_seq}",
        )


def _check_groups(
    segment: Segment, before: Row | None, decisions: "_Decisions", report: VerifyReport
) -> Row | None:
    """Check every group of a segment; returns the last sound one when nothing follows it."""
    index = _IndexCheck(segment, report)
    wanted = segment.head.first_group
    last = segment.last_group()
    previous = segment.head.previous
    seq = segment.head.first_seq - 1
    is_linked = True
    while wanted <= last and not report.is_full:
        try:
            for row in segment.rows(wanted):
                place = f"{segment.path.name}, group {row.number}, entry {row.first_seq}"
                if is_linked and row.previous != previous:
                    report.add(FindingKind.CHAIN, place, "the hash chain is broken")
                if is_linked and row.first_seq != seq + 1:
                    report.add(FindingKind.SEQUENCE, place, f"entry {seq + 1} should be the next")
                wanted = row.number + 1
                previous, seq, is_linked = row.digest(), row.last_seq, True
                before = row
                report.groups += 1
                index.check(row)
                for entry in decoded_entries(segment, row):
                    report.entries += 1
                    decisions.check(entry, place)
        except JournalCorruptError as error:
            place = f"{segment.path.name}, group {error.group}, entry {error.entry}"
            report.add(FindingKind.CHECKSUM, place, error.what)
            decisions.stop()
            wanted = max(wanted, error.group) + 1
            is_linked = False
            before = None
    return before


class _IndexCheck:
    """Whether every application message is where the index of its segment says."""

    def __init__(self, segment: Segment, report: VerifyReport) -> None:
        self._segment = segment
        self._report = report
        self._indexed = segment.indexed_group()
        self._sessions = SessionLog(
            {
                name: SessionNumbers(last + 1, 1, Nanos(0), epoch)
                for name, (epoch, last) in segment.head.positions.items()
            }
        )

    def check(self, row: Row) -> None:
        """Check the messages of a group."""
        place = f"{self._segment.path.name}, group {row.number}"
        try:
            for record in decoded_session_records(self._segment, row):
                self._report.messages += isinstance(record, Outbound)
                self._sessions.follow(record)
        except JournalOrderError as error:
            self._report.add(FindingKind.SEQUENCE, place, str(error))
        for span in self._sessions.close_group(row.number):
            if row.number > self._indexed:
                continue
            found = self._segment.spans(span.session, span.epoch, span.first, span.last)
            if not any(each.first_group <= row.number <= each.last_group for each in found):
                self._report.add(
                    FindingKind.INDEX,
                    place,
                    f"messages {span.first} to {span.last} of session {span.session} are not in"
                    " the index",
                )


class _Decisions:
    """Decides the entries again, from the beginning or from the oldest snapshot that fits."""

    def __init__(
        self,
        new_engine: Callable[[bytes | None], Decider] | None,
        snapshots: list[Snapshot],
        report: VerifyReport,
    ) -> None:
        self._new_engine = new_engine
        self._snapshots = {snapshot.seq: snapshot for snapshot in snapshots}
        self._report = report
        self._engine: Decider | None = None
        self._next_seq = 0

    def begin(self, first_seq: int) -> None:
        """Make the engine for a history that begins with entry `first_seq`."""
        if self._new_engine is None:
            return
        if first_seq == 1:
            self._engine = self._new_engine(None)
            self._next_seq = 1
            return
        usable = [seq for seq in self._snapshots if seq >= first_seq - 1]
        if usable:
            self._engine = self._new_engine(self._snapshots[min(usable)].engine)
            self._next_seq = min(usable) + 1
            return
        self._report.add(
            FindingKind.DECISION,
            f"entry {first_seq}",
            "history begins here and no snapshot reaches it, so nothing can be decided again",
        )

    def stop(self) -> None:
        """Decide no more: entries are missing, so everything after them would differ."""
        self._engine = None

    def check(self, entry: Entry, place: str) -> None:
        """Decide an entry again and compare."""
        if self._engine is None or entry.seq < self._next_seq:
            return
        decided = tuple(self._engine.handle(entry.command, entry.seq, entry.time))
        self._report.decided += 1
        if decided != entry.events:
            self._report.add(
                FindingKind.DECISION,
                f"{place}: entry {entry.seq}",
                _difference(entry.events, decided),
            )
            self.stop()
            return
        snapshot = self._snapshots.get(entry.seq)
        if snapshot is not None and snapshot.state_hash:
            present = self._engine.state_hash()
            if present != snapshot.state_hash:
                self._report.add(
                    FindingKind.STATE,
                    f"{place}: entry {entry.seq}",
                    f"the engine's state is {present}, the snapshot's {snapshot.state_hash}",
                )


def _difference(journaled: tuple[Event, ...], decided: tuple[Event, ...]) -> str:
    """Name the first event that differs."""
    for number, (old, new) in enumerate(zip(journaled, decided, strict=False), start=1):
        if old != new:
            return f"event {number} was journaled as {old!r} and is decided as {new!r} now"
    return f"{len(journaled)} events were journaled, {len(decided)} are decided now"
