"""What a journal holds when it is opened: the newest snapshot, and everything after it.

Owns: the checks at opening, the walk over the tail, the stream of entries to decide again.
Must not know: the engine, who stages what afterwards.

The walk reads each group after the snapshot once, with checksum and chain; groups before it are
left to `verify`, so that a start costs what came since the snapshot and not all of history.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry, SessionRecord, unpack_entries, unpack_session_records
from fixoms.journal.errors import JournalCorruptError
from fixoms.journal.group import Row
from fixoms.journal.segment import UNREADABLE, Segment, SegmentHead, segment_paths
from fixoms.journal.session_log import SessionLog, SessionNumbers, Span
from fixoms.journal.settings import JournalSettings
from fixoms.journal.snapshot import Snapshot, newest_snapshot
from fixoms.journal.wal import read_tail

_ACCEPT = (
    "If what is missing cannot be brought back from a copy, start once with accept_lost_tail: true"
    " and settle with the brokers what they were told"
)


NEVER: Final = 1 << 62


@dataclass(slots=True)
class OpeningReport:
    """What opening a journal found and did. All zero and empty after an orderly stop.

    `cut_bytes` and `cut_frames` are of the torn tail of the write-ahead log; `lost_groups` counts
    confirmed groups that are missing (only with `accept_lost_tail`); `groups_read` is the tail.
    """

    created: bool = False
    cut_bytes: int = 0
    cut_frames: int = 0
    lost_groups: int = 0
    groups_read: int = 0
    broken_snapshots: list[str] = field(default_factory=list)


class Recovery(NamedTuple):
    """What a venue starts from. `entries` streams those after the snapshot (all without one)."""

    snapshot: Snapshot | None
    entries: Iterator[Entry]
    sessions: dict[str, SessionNumbers]
    last_seq: int
    last_time: Nanos


class Found(NamedTuple):
    """State of an existing journal.

    `spans` are of messages its index does not cover yet; `paths` the segments the tail is in.
    """

    head: SegmentHead
    snapshot: Snapshot | None
    sessions: dict[str, SessionNumbers]
    last_group: int
    last_seq: int
    last_time: Nanos
    chain: bytes
    spans: list[Span]
    paths: list[Path]


def examine(
    directory: Path, settings: JournalSettings, marked_group: int, report: OpeningReport
) -> Found:
    """Check and read the tail of a journal nobody has open.

    `marked_group` is the last group known to have been confirmed. Raises JournalCorruptError.
    """
    paths = segment_paths(directory, archived=False)
    _check_numbers(paths)
    snapshot, report.broken_snapshots = newest_snapshot(directory)
    needed = _needed(list(paths.values()), snapshot.group if snapshot else 0, report)
    found = _Walk(needed, snapshot, report).run()
    newest = needed[-1]
    if snapshot and (snapshot.group > found.last_group or snapshot.seq > found.last_seq):
        raise JournalCorruptError(
            newest,
            found.last_group + 1,
            found.last_seq + 1,
            f"the journal ends at entry {found.last_seq}, but a snapshot was made after entry"
            f" {snapshot.seq}",
            "Restore the segments that belong to the snapshot, or move the snapshot aside",
        )
    if found.last_group < marked_group:
        report.lost_groups = marked_group - found.last_group
        if not settings.accept_lost_tail:
            raise JournalCorruptError(
                newest,
                found.last_group + 1,
                found.last_seq + 1,
                f"groups to {marked_group} were confirmed, the journal ends at {found.last_group}",
                _ACCEPT,
            )
    return found


def _check_numbers(paths: dict[int, Path]) -> None:
    first = min(paths)
    for expected, (number, path) in enumerate(paths.items(), start=first):
        if number != expected:
            raise JournalCorruptError(
                path, 0, 0, f"segment {expected} before it is missing", "Put the file back"
            )


def _needed(paths: list[Path], after_group: int, report: OpeningReport) -> list[Path]:
    """Segments that hold groups after `after_group`, and the newest in any case.

    The older ones are not even opened, or a start would cost as much as there is history.
    """
    needed: list[Path] = []
    for path in reversed(paths):
        _check_log(path, report)
        needed.insert(0, path)
        with closing(Segment(path)) as segment:
            if segment.head.first_group <= after_group + 1:
                break
    return needed


def _check_log(path: Path, report: OpeningReport) -> None:
    try:
        tail = read_tail(path)
    except UNREADABLE as error:
        raise JournalCorruptError(
            path, 0, 0, f"SQLite cannot read it: {error}", "Restore it from a copy"
        ) from error
    if tail.damaged:
        raise JournalCorruptError(
            path,
            0,
            0,
            f"its write-ahead log is damaged {tail.size} bytes before its end, and holds"
            " transactions after the damage",
            "Restore the segment and its -wal file from a copy. Opening it with SQLite drops"
            " everything after the damage, so copy both files away first",
        )
    report.cut_bytes += tail.size
    report.cut_frames += tail.frames


class _Walk:
    """One pass over the groups after the snapshot."""

    def __init__(self, paths: list[Path], snapshot: Snapshot | None, report: OpeningReport) -> None:
        self._paths = paths
        self._snapshot = snapshot
        self._after = snapshot.group if snapshot else 0
        self._report = report
        self._sessions = SessionLog(snapshot.sessions if snapshot else None)
        self._spans: list[Span] = []
        self._before: Row | None = None

    def run(self) -> Found:
        with closing(Segment(self._paths[0])) as first:
            if first.head.first_group > self._after + 1:
                raise first.corrupt(
                    first.head.first_group,
                    first.head.first_seq,
                    f"groups {self._after + 1} to {first.head.first_group - 1} are needed and are"
                    " missing",
                )
        for path in self._paths[:-1]:
            with closing(Segment(path)) as segment:
                self._read(segment, indexed=NEVER)
        with closing(Segment(self._paths[-1])) as newest:
            indexed = newest.indexed_group()
            self._read(newest, indexed)
            if indexed < self._after:
                self._spans = _all_spans(newest)
            return self._found(newest)

    def _read(self, segment: Segment, indexed: int) -> None:
        """Read the groups of one segment; spans of those after group `indexed` are kept."""
        if self._before is not None:
            _check_head(segment, self._before)
        # The last group the snapshot covers is read as well, for its digest.
        for row in segment.rows(max(self._after, 1) if self._before is None else 0):
            _check_follows(segment, row, self._before)
            self._before = row
            if row.number > self._after:
                self._take(segment, row, keep_spans=row.number > indexed)

    def _found(self, newest: Segment) -> Found:
        before = self._before
        if before is None:
            chain = newest.head.previous
            last_group, last_seq = newest.last_group(), newest.last_seq()
            last_time = self._snapshot.time if self._snapshot else Nanos(0)
        else:
            chain, last_group = before.digest(), before.number
            last_seq, last_time = before.last_seq, before.last_time
        return Found(
            newest.head,
            self._snapshot,
            self._sessions.numbers(),
            last_group,
            last_seq,
            last_time,
            chain,
            self._spans,
            self._paths,
        )

    def _take(self, segment: Segment, row: Row, *, keep_spans: bool) -> None:
        self._report.groups_read += 1
        for record in decoded_session_records(segment, row):
            self._sessions.follow(record)
        spans = self._sessions.close_group(row.number)
        if keep_spans:
            self._spans.extend(spans)


def _check_head(segment: Segment, before: Row) -> None:
    head = segment.head
    if (head.first_group, head.first_seq) != (before.number + 1, before.last_seq + 1):
        raise segment.corrupt(
            head.first_group,
            head.first_seq,
            f"it begins with group {head.first_group}, the one before it ends with {before.number}",
        )
    if head.previous != before.digest():
        raise segment.corrupt(
            head.first_group, head.first_seq, "it does not continue the segment before it"
        )


def _check_follows(segment: Segment, row: Row, before: Row | None) -> None:
    if before is None:
        if row.number == segment.head.first_group and row.previous != segment.head.previous:
            raise segment.corrupt(row.number, row.first_seq, "the hash chain is broken")
        return
    if row.previous != before.digest():
        raise segment.corrupt(row.number, row.first_seq, "the hash chain is broken")
    if row.first_seq != before.last_seq + 1:
        raise segment.corrupt(
            row.number,
            before.last_seq + 1,
            f"entries {before.last_seq + 1} to {row.first_seq - 1} are missing",
        )


def _all_spans(segment: Segment) -> list[Span]:
    """Spans of a whole segment, when its index cannot say how far it goes."""
    log = SessionLog(
        {
            name: SessionNumbers(last + 1, 1, Nanos(0), epoch)
            for name, (epoch, last) in segment.head.positions.items()
        }
    )
    spans: list[Span] = []
    for row in segment.rows(0):
        for record in decoded_session_records(segment, row):
            log.follow(record)
        spans.extend(log.close_group(row.number))
    return spans


def decoded_session_records(segment: Segment, row: Row) -> list[SessionRecord]:
    """Session records of a row."""
    try:
        return unpack_session_records(row.session)
    except msgspec.DecodeError as error:
        raise segment.corrupt(row.number, row.first_seq, f"unknown records: {error}") from error


def decoded_entries(segment: Segment, row: Row) -> list[Entry]:
    """Entries of a row; their sequences must be those the row states."""
    try:
        entries = unpack_entries(row.entries)
    except msgspec.DecodeError as error:
        raise segment.corrupt(row.number, row.first_seq, f"unknown records: {error}") from error
    if [entry.seq for entry in entries] != list(range(row.first_seq, row.last_seq + 1)):
        raise segment.corrupt(row.number, row.first_seq, "the entries are not those it states")
    return entries


def stream_entries(paths: list[Path], after_seq: int, last_seq: int) -> Iterator[Entry]:
    """Entries `after_seq` + 1 to `last_seq` out of these segments, a group at a time.

    Raises JournalCorruptError at the first one that is missing or damaged.
    """
    expected = after_seq + 1
    for path in paths:
        if expected > last_seq:
            return
        segment = Segment(path)
        try:
            if segment.last_seq() < expected:
                continue
            if segment.head.first_seq > expected:
                raise segment.corrupt(0, expected, "entries before this segment are missing")
            for row in segment.rows(segment.group_of(expected)):
                for entry in decoded_entries(segment, row):
                    if entry.seq == expected <= last_seq:
                        yield entry
                        expected += 1
        finally:
            segment.close()
    if expected <= last_seq:
        raise JournalCorruptError(
            paths[-1], 0, expected, f"entries {expected} to {last_seq} are missing", _ACCEPT
        )
