"""Reading a session's messages back, for resends.

Owns: finding outbound application messages by number, across segments, within bounds.
Must not know: the FIX session protocol, who asked.
"""

import threading
from contextlib import closing
from pathlib import Path

from fixoms.journal.entry import NumbersReset, Outbound
from fixoms.journal.recovery import decoded_session_records
from fixoms.journal.segment import Segment, SegmentHead, segment_paths
from fixoms.journal.session_log import Span
from fixoms.journal.writer import PendingSpans

Frame = tuple[int, bytes]
"""MsgSeqNum(34) and the message as it was sent."""


class OutboundReader:
    """Reads beside the writer. Any thread may call it, one at a time."""

    def __init__(self, directory: Path, pending: PendingSpans) -> None:
        self._directory = directory
        self._pending = pending
        self._heads: dict[int, SegmentHead] = {}
        self._newest: tuple[int, Segment] | None = None
        self._lock = threading.Lock()

    def read(self, session: str, epoch: int, begin: int, end: int, limit: int) -> list[Frame]:
        """Application messages `begin` to `end`, ascending, the first `limit` of them."""
        with self._lock:
            # Pending spans first: they may move into the index meanwhile, never out of it.
            pending = self._pending.get(session, epoch)
            paths = segment_paths(self._directory, archived=False)
            frames: dict[int, bytes] = {}
            for number in self._segments_from(paths, session, epoch, begin):
                segment = self._opened(number, paths)
                try:
                    spans = segment.spans(session, epoch, begin, end)
                    if pending is not None:
                        spans.append(pending)
                    for span in spans:
                        if span.first <= end and span.last >= begin and len(frames) < limit:
                            _collect(segment, span, begin, end, limit, frames)
                finally:
                    if self._newest is None or segment is not self._newest[1]:
                        segment.close()
                if len(frames) >= limit:
                    break
            return sorted(frames.items())[:limit]

    def _segments_from(
        self, paths: dict[int, Path], session: str, epoch: int, begin: int
    ) -> list[int]:
        """Numbers of the segments that may hold message `begin` and later ones, ascending."""
        needed: list[int] = []
        for number in sorted(paths, reverse=True):
            if number not in self._heads:
                with closing(Segment(paths[number])) as segment:
                    self._heads[number] = segment.head
            needed.append(number)
            before = self._heads[number].positions.get(session)
            if before is None or before[0] != epoch or before[1] < begin:
                break
        return needed[::-1]

    def _opened(self, number: int, paths: dict[int, Path]) -> Segment:
        """Open a segment; the newest one, which most resends are from, stays open."""
        if number != max(paths):
            return Segment(paths[number])
        if self._newest is None or self._newest[0] != number:
            self._close_newest()
            self._newest = (number, Segment(paths[number]))
        return self._newest[1]

    def _close_newest(self) -> None:
        if self._newest is not None:
            self._newest[1].close()
            self._newest = None

    def close(self) -> None:
        """Let go of the files; reading opens them again."""
        with self._lock:
            self._close_newest()


def _collect(
    segment: Segment, span: Span, begin: int, end: int, limit: int, frames: dict[int, bytes]
) -> None:
    for row in segment.rows(span.first_group, span.last_group):
        for record in decoded_session_records(segment, row):
            if record.session != span.session:
                continue
            if isinstance(record, NumbersReset):
                # What this group held before it belongs to the epoch before.
                frames.clear()
            elif (
                isinstance(record, Outbound)
                and not record.admin
                and begin <= record.msg_seq_num <= end
            ):
                frames[record.msg_seq_num] = record.frame
        if len(frames) >= limit:
            return
