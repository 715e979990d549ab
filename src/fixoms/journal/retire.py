"""Retiring what nobody needs any more: old snapshots, and segments by the policy.

Owns: which files may go, and how a segment is put away.
Must not know: the open segment's writer (it never touches the newest segment).
"""

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from fixoms.journal.segment import Segment, SegmentHead, segment_paths, sync_directory
from fixoms.journal.settings import JournalSettings, Retention, archive_directory
from fixoms.journal.snapshot import (
    Snapshot,
    SnapshotBrokenError,
    load_snapshot,
    snapshot_paths,
)


def retire(directory: Path, settings: JournalSettings, readers_at: int | None) -> list[int]:
    """Remove old snapshots and retire old segments. Returns the numbers of the segments.

    A segment goes when the oldest kept snapshot, every reader (`readers_at`: the last entry the
    slowest has read) and `resend_segments_min` newer closed segments can do without it.
    """
    for path in snapshot_paths(directory)[settings.snapshots_kept :]:
        path.unlink()
    if settings.retention is Retention.KEEP:
        return []
    oldest = _oldest_valid_snapshot(directory)
    if oldest is None:
        return []
    paths = segment_paths(directory, archived=False)
    heads = [_head_of(path) for path in paths.values()]
    retired: list[int] = []
    for head, following in pairwise(heads):
        newer_closed = len(heads) - len(retired) - 2
        if newer_closed < settings.resend_segments_min or not _can_go(
            following, oldest, readers_at
        ):
            break
        if not _put_away(paths[head.number], directory, settings.retention):
            break
        retired.append(head.number)
    if retired:
        sync_directory(directory)
    return retired


def _can_go(following: SegmentHead, oldest: Snapshot, readers_at: int | None) -> bool:
    """Whether nothing before the segment that follows is needed."""
    return (
        following.first_group <= oldest.group + 1
        and following.first_seq <= oldest.seq + 1
        and (readers_at is None or following.first_seq <= readers_at + 1)
    )


def _oldest_valid_snapshot(directory: Path) -> Snapshot | None:
    for path in reversed(snapshot_paths(directory)):
        try:
            return load_snapshot(path)
        except SnapshotBrokenError:
            continue
    return None


def _head_of(path: Path) -> SegmentHead:
    with closing(Segment(path)) as segment:
        return segment.head


def _put_away(path: Path, directory: Path, retention: Retention) -> bool:
    """Make one whole file of a segment and move or delete it; False when a reader is in it."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
            # Out of WAL mode the file can be read from a read-only place as it is.
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.OperationalError:
        return False
    if mode != "delete":
        return False
    if retention is Retention.PRUNE:
        path.unlink()
    else:
        archive = archive_directory(directory)
        archive.mkdir(exist_ok=True)
        path.rename(archive / path.name)
        sync_directory(archive)
    return True
