"""The journal for people and other programs: what it holds, as text or as JSON lines.

Owns: the summary of a segment, one line per entry, the JSON form of an entry.
Must not know: terminals, where lines go.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import msgspec

from fixoms.domain.units import SECOND, Nanos
from fixoms.journal.entry import Entry
from fixoms.journal.reader import JournalReader
from fixoms.journal.segment import Segment, segment_paths

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH = 500


class SegmentSummary(NamedTuple):
    """One file of a journal; `last_seq` one below `first_seq` when it holds no entry.

    `size` is in bytes, without the write-ahead log. `last_time` is 0 without entries.
    """

    path: Path
    number: int
    first_seq: int
    last_seq: int
    groups: int
    last_time: Nanos
    size: int


def list_segments(directory: Path) -> list[SegmentSummary]:
    """Every segment, archived ones included, oldest first. Raises JournalCorruptError."""
    summaries: list[SegmentSummary] = []
    for number, path in segment_paths(directory, archived=True).items():
        with closing(Segment(path)) as segment:
            summaries.append(
                SegmentSummary(
                    path,
                    number,
                    segment.head.first_seq,
                    segment.last_seq(),
                    segment.last_group() - segment.head.first_group + 1,
                    segment.last_time(),
                    path.stat().st_size,
                )
            )
    return summaries


def read_entries(directory: Path, first: int = 1, last: int | None = None) -> Iterator[Entry]:
    """Entries `first` to `last` (all there are when None). Raises JournalCorruptError."""
    with closing(JournalReader(directory)) as reader:
        after = first - 1
        while last is None or after < last:
            limit = _BATCH if last is None else min(_BATCH, last - after)
            entries = reader.read(after, limit)
            if not entries:
                return
            yield from entries
            after = entries[-1].seq


def print_entries(directory: Path, first: int = 1, last: int | None = None) -> Iterator[str]:
    """One line per entry: sequence, UTC time, sender, command; then one per event, indented."""
    for entry in read_entries(directory, first, last):
        command = entry.command
        sender = command.origin.session or command.origin.user
        yield (
            f"{entry.seq:>10} {render_time(entry.time)} {sender:<12}"
            f" {type(command).__name__} {_fields_as_text(command)}"
        )
        for event in entry.events:
            yield f"{'':>10} -> {type(event).__name__} {_fields_as_text(event)}"


def export_entries(directory: Path, first: int = 1, last: int | None = None) -> Iterator[str]:
    """One JSON object per entry, every field by its name, times in nanoseconds."""
    for entry in read_entries(directory, first, last):
        yield msgspec.json.encode(
            {
                "seq": entry.seq,
                "time": entry.time,
                "command": named_fields(entry.command),
                "events": [named_fields(event) for event in entry.events],
            }
        ).decode()


def render_time(time: Nanos) -> str:
    """UTC time to the microsecond, as FIX writes timestamps."""
    moment = _EPOCH + timedelta(microseconds=time // (SECOND // 1_000_000))
    return moment.strftime("%Y%m%d-%H:%M:%S.%f")


def named_fields(value: object) -> object:
    """Turn records, which are arrays on disk, into objects with their field names."""
    if isinstance(value, msgspec.Struct):
        fields = {name: named_fields(getattr(value, name)) for name in value.__struct_fields__}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, tuple | list):
        return [named_fields(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value


def _fields_as_text(record: msgspec.Struct) -> str:
    """Fields that say something: those that are not empty."""
    return " ".join(
        f"{name}={_as_text(value)}"
        for name in record.__struct_fields__
        if name != "origin" and (value := getattr(record, name)) not in (None, "", (), 0)
    )


def _as_text(value: object) -> str:
    if isinstance(value, msgspec.Struct):
        return f"({_fields_as_text(value)})"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_as_text(each) for each in value)}]"
    if isinstance(value, Enum):
        return value.name
    return str(value)
