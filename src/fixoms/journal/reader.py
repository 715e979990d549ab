"""Reading entries while, or after, another process writes them.

Owns: a reader's place in the segments, checked reading, waiting for more.
Must not know: what a reader does with entries, where it keeps its own cursor.

A reader never writes into the journal and holds no transaction between calls, so it cannot hold
up the writer; a reader that lags only reads later.
"""

import time
from pathlib import Path
from typing import Final

from fixoms.journal.entry import Entry
from fixoms.journal.errors import JournalCorruptError
from fixoms.journal.recovery import decoded_entries
from fixoms.journal.segment import Segment, segment_paths
from fixoms.journal.settings import archive_directory, segment_path

POLL_SECONDS_MIN: Final = 0.001
POLL_SECONDS_MAX: Final = 0.02
"""`wait` looks this often: at once after activity, more and more seldom when it is quiet."""

GROUPS_PER_QUERY: Final = 64


class EntriesMissingError(JournalCorruptError):
    """The entries asked for are before the oldest segment: they were pruned."""


class JournalReader:
    """Reads one journal, from any process. Not for two threads at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._newest: Segment | None = None
        self._segment: Segment | None = None
        self._next_group = 0
        self._read_seq = -1
        self._rest: list[Entry] = []

    def close(self) -> None:
        """Let go of the files."""
        self._leave()
        if self._newest is not None:
            self._newest.close()
            self._newest = None

    def _leave(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        self._read_seq = -1
        self._rest = []

    def read(self, after_seq: int, limit: int) -> list[Entry]:
        """Entries after `after_seq`, ascending, at most `limit`; none when there is none yet.

        Reading on from where the last call ended costs no search. Raises JournalCorruptError for
        what fails its checksum, EntriesMissingError for what was pruned.
        """
        if after_seq != self._read_seq and not self._seek(after_seq):
            return []
        entries = self._rest
        while len(entries) < limit:
            more = self._next_groups(limit - len(entries))
            if not more:
                break
            entries = entries + more if entries else more
        self._rest = entries[limit:]
        entries = entries[:limit]
        if entries:
            self._read_seq = entries[-1].seq
        return entries

    def last_seq(self) -> int:
        """Sequence of the newest entry on disk, 0 when there is none."""
        newest = self._newest_segment()
        return 0 if newest is None else newest.last_seq()

    def wait(self, after_seq: int, timeout: float) -> bool:
        """Wait until there is an entry after `after_seq`; False when `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        pause = POLL_SECONDS_MIN
        seen: tuple[int, int] | None = None
        while True:
            newest = self._newest_segment()
            if newest is not None:
                now = (newest.head.number, newest.commits())
                if now != seen and newest.last_seq() > after_seq:
                    return True
                seen = now
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 2, POLL_SECONDS_MAX)

    def _newest_segment(self) -> Segment | None:
        """Open the newest segment, or keep it open while there is none after it."""
        if self._newest is not None and not self._path_of(self._newest.head.number + 1):
            return self._newest
        paths = segment_paths(self._directory, archived=True)
        if paths:
            if self._newest is not None:
                self._newest.close()
            self._newest = Segment(paths[max(paths)])
        return self._newest

    def _seek(self, after_seq: int) -> bool:
        """Go to the group after `after_seq`; False when the journal does not exist yet."""
        self._leave()
        paths = segment_paths(self._directory, archived=True)
        for path in reversed(paths.values()):
            segment = Segment(path)
            if segment.head.first_seq <= after_seq + 1:
                self._segment = segment
                self._next_group = segment.group_of(after_seq + 1)
                self._read_seq = after_seq
                return True
            segment.close()
        if paths:
            raise EntriesMissingError(
                min(paths.values()),
                0,
                after_seq + 1,
                "entries before this segment were pruned",
                "Start this reader from a copy that has them, or from the entries that are left",
            )
        return False

    def _next_groups(self, limit: int) -> list[Entry]:
        """Entries of the next groups, at least one when there is one."""
        entries: list[Entry] = []
        while self._segment is not None and not entries:
            # Looked for first: once a successor exists, this segment grows no more.
            successor = self._path_of(self._segment.head.number + 1)
            groups = max(1, min(limit, GROUPS_PER_QUERY))
            rows = list(self._segment.rows(self._next_group, self._next_group + groups - 1))
            for row in rows:
                if self._read_seq < row.last_seq:
                    entries.extend(
                        entry
                        for entry in decoded_entries(self._segment, row)
                        if entry.seq > self._read_seq
                    )
                self._next_group = row.number + 1
            if not rows:
                if successor is None:
                    break
                self._enter(successor)
        return entries

    def _path_of(self, number: int) -> Path | None:
        """Where segment `number` is, None when it is nowhere."""
        for folder in (self._directory, archive_directory(self._directory)):
            path = segment_path(folder, number)
            if path.exists():
                return path
        return None

    def _enter(self, path: Path) -> None:
        """Go on in the segment after the one that was read to its end."""
        following = Segment(path)
        if following.head.first_group != self._next_group:
            raise following.corrupt(
                following.head.first_group,
                following.head.first_seq,
                f"group {self._next_group} is missing before it",
            )
        if self._segment is not None:
            self._segment.close()
        self._segment = following
