"""Reading a session's messages back, for resends.

Owns: finding outbound application messages by number, across segments, within bounds.
Must not know: the FIX session protocol, who asked.
"""

import threading
from pathlib import Path

from fixoms.journal.entry import NumbersReset, Outbound
from fixoms.journal.recovery import decoded_session_records
from fixoms.journal.segment import Segment, segment_paths
from fixoms.journal.session_log import Span
from fixoms.journal.writer import PendingSpans

Frame = tuple[int, bytes]
"""MsgSeqNum(34) and the message as it was sent."""


class OutboundReader:
    """Reads beside the writer. Any thread may call it, one at a time."""

    def __init__(self, directory: Path, pending: PendingSpans) -> None:
        self._directory = directory
        self._pending = pending
        self._open: dict[int, Segment] = {}
        self._lock = threading.Lock()

    def read(self, session: str, epoch: int, begin: int, end: int, limit: int) -> list[Frame]:
        """Application messages `begin` to `end`, ascending, the first `limit` of them."""
        with self._lock:
            # Pending spans first: they may move into the index meanwhile, never out of it.
            pending = self._pending.get(session, epoch)
            frames: dict[int, bytes] = {}
            for segment in self._segments_from(session, epoch, begin):
                spans = segment.spans(session, epoch, begin, end)
                if pending is not None:
                    spans.append(pending)
                for span in spans:
                    if span.last < begin or span.first > end:
                        continue
                    _collect(segment, span, begin, end, limit, frames)
                    if len(frames) >= limit:
                        break
                if len(frames) >= limit:
                    break
            return sorted(frames.items())[:limit]

    def _segments_from(self, session: str, epoch: int, begin: int) -> list[Segment]:
        """Open the segments that may hold message `begin` and later ones, oldest first."""
        paths = segment_paths(self._directory, archived=False)
        for gone in self._open.keys() - paths.keys():
            self._open.pop(gone).close()
        needed: list[Segment] = []
        for number, path in sorted(paths.items(), reverse=True):
            segment = self._open.get(number)
            if segment is None:
                segment = self._open[number] = Segment(path)
            needed.append(segment)
            before = segment.head.positions.get(session)
            if before is None or before[0] != epoch or before[1] < begin:
                break
        return needed[::-1]

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for segment in self._open.values():
                segment.close()
            self._open.clear()


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
