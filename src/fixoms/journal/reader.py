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
        self._segment: Segment | None = None
        self._next_group = 0
        self._read_seq = -1
        self._rest: list[Entry] = []

    def close(self) -> None:
        """Let go of the files."""
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
        paths = segment_paths(self._directory, archived=True)
        if not paths:
            return 0
        segment = Segment(paths[max(paths)])
        try:
            return segment.last_seq()
        finally:
            segment.close()

    def wait(self, after_seq: int, timeout: float) -> bool:
        """Wait until there is an entry after `after_seq`; False when `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        pause = POLL_SECONDS_MIN
        commits = -1
        while True:
            seen = -2 if self._segment is None else self._segment.commits()
            if seen != commits or self._has_successor():
                commits = seen
                if self.last_seq() > after_seq:
                    return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 2, POLL_SECONDS_MAX)

    def _seek(self, after_seq: int) -> bool:
        """Go to the group after `after_seq`; False when the journal does not exist yet."""
        self.close()
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
            has_successor = self._has_successor()
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
                if not has_successor:
                    break
                self._enter_successor()
        return entries

    def _has_successor(self) -> bool:
        return self._segment is not None and self._successor() is not None

    def _successor(self) -> Path | None:
        if self._segment is None:
            return None
        name = f"segment-{self._segment.head.number + 1:08d}.sqlite"
        for folder in (self._directory, self._directory / "archive"):
            if (folder / name).exists():
                return folder / name
        return None

    def _enter_successor(self) -> None:
        path = self._successor()
        if path is None or self._segment is None:
            return
        following = Segment(path)
        if following.head.first_group != self._next_group:
            raise following.corrupt(
                following.head.first_group,
                following.head.first_seq,
                f"group {self._next_group} is missing before it",
            )
        self._segment.close()
        self._segment = following
