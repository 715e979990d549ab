"""One file of the journal: a SQLite database of sealed groups, and an index of messages.

Owns: the schema and its version; creating, opening and reading one segment.
Must not know: which segment is read or written when, snapshots, recovery.

A segment names in its head what came before it, so that a missing or foreign file is noticed.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from fixoms.domain.units import Nanos
from fixoms.journal.errors import RESTORE, JournalCorruptError, JournalUnreadableError
from fixoms.journal.group import Row
from fixoms.journal.session_log import Span
from fixoms.journal.settings import archive_directory, segment_path

FORMAT_VERSION: Final = 1

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another connection; the writer is alone, so it never should."""

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE groups (
    number    INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    previous  BLOB NOT NULL,
    crc       INTEGER NOT NULL,
    entries   BLOB NOT NULL,
    session   BLOB NOT NULL
);
CREATE TABLE spans (
    session     TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    first_group INTEGER NOT NULL,
    last_group  INTEGER NOT NULL,
    PRIMARY KEY (session, epoch, first)
) WITHOUT ROWID;
"""

INSERT_GROUP: Final = "INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INDEX_MARK: Final = "INSERT OR REPLACE INTO meta VALUES ('indexed_group', ?)"
INSERT_SPAN: Final = "INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?, ?, ?)"
_COLUMNS: Final = "number, first_seq, last_seq, last_time, previous, crc, entries, session"


class SegmentHead(msgspec.Struct, frozen=True):
    """What a segment says of itself when it is created.

    `first_group` and `first_seq` are the first it may hold, `previous` the digest of the group
    before, and `positions` the epoch and last application message of every session before it.
    """

    number: int
    first_group: int
    first_seq: int
    previous: bytes
    positions: dict[str, tuple[int, int]] = {}


def segment_paths(directory: Path, *, archived: bool) -> dict[int, Path]:
    """Segments by number, ascending; with `archived` those in the archive as well."""
    folders = [archive_directory(directory), directory] if archived else [directory]
    found = {
        int(path.stem.removeprefix("segment-")): path
        for folder in folders
        for path in folder.glob("segment-????????.sqlite")
        if path.stem.removeprefix("segment-").isdigit()
    }
    return dict(sorted(found.items()))


def create_segment(directory: Path, head: SegmentHead) -> Path:
    """Create an empty segment; it appears whole or not at all, also after a power failure."""
    path = segment_path(directory, head.number)
    unfinished = path.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    text = msgspec.json.encode(head).decode()
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
        connection.executescript(_SCHEMA)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [
                ("format_version", str(FORMAT_VERSION)),
                ("head", text),
                ("head_crc", str(zlib.crc32(text.encode()))),
            ],
        )
        connection.execute("PRAGMA journal_mode=WAL")
    unfinished.rename(path)
    sync_directory(directory)
    return path


def sync_directory(directory: Path) -> None:
    """Make created, renamed and removed names durable, where the system can be asked to."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_only_uri(path: Path) -> str:
    """Name a segment so that SQLite opens it without changing it.

    Where the folder cannot be written SQLite cannot keep its shared index either; a file that has
    nothing in its log is then opened as one that nobody changes.
    """
    log = path.with_name(f"{path.name}-wal")
    has_log = log.exists() and log.stat().st_size > 0
    alone = "" if has_log or os.access(path.parent, os.W_OK) else "&immutable=1"
    return f"{path.absolute().as_uri()}?mode=ro{alone}"


def _decode_text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


UNREADABLE: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged database raises; the second when the damage is in SQLite's own words."""

_NOT_ALLOWED: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY)


class Segment:
    """A segment open for reading. SQLite's complaints become JournalCorruptError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._connection = sqlite3.connect(
                read_only_uri(path),
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=BUSY_SECONDS,
            )
        except sqlite3.OperationalError as error:
            raise JournalUnreadableError(f"{path}: the file cannot be opened: {error}") from error
        # Damaged text must not be mistaken for an error of ours before its checksum is looked at.
        self._connection.text_factory = _decode_text
        try:
            self.head = self._read_head()
        except sqlite3.OperationalError as error:
            self._connection.close()
            if error.sqlite_errorcode & 0xFF in _NOT_ALLOWED:
                raise JournalUnreadableError(
                    f"{path}: the file cannot be opened: {error}; check who owns it"
                ) from error
            raise self.corrupt(0, 0, f"SQLite cannot read it: {error}") from error
        except UNREADABLE as error:
            self._connection.close()
            raise self.corrupt(0, 0, f"SQLite cannot read it: {error}") from error
        except JournalCorruptError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def corrupt(self, group: int, entry: int, what: str) -> JournalCorruptError:
        """Make the error that names this segment."""
        return JournalCorruptError(self.path, group, entry, what, RESTORE)

    def _read_head(self) -> SegmentHead:
        meta = dict(self._connection.execute("SELECT key, value FROM meta"))
        version = meta.get("format_version")
        if version != str(FORMAT_VERSION):
            raise JournalCorruptError(
                self.path,
                0,
                0,
                f"format version {version}, this program reads {FORMAT_VERSION}",
                "Open it with the version of fixoms that wrote it",
            )
        text = str(meta.get("head", ""))
        if str(zlib.crc32(text.encode())) != meta.get("head_crc"):
            raise self.corrupt(0, 0, "its head fails its checksum")
        return msgspec.json.decode(text, type=SegmentHead)

    def commits(self) -> int:
        """Read a number that changes whenever another connection has committed to this file."""
        return self._number("PRAGMA data_version")

    def last_group(self) -> int:
        """Read the number of the last group; that before the first when it is empty."""
        return self._number("SELECT max(number) FROM groups", self.head.first_group - 1)

    def last_seq(self) -> int:
        """Read the sequence of the last entry; that before the first when it is empty."""
        return self._number(
            "SELECT last_seq FROM groups ORDER BY number DESC LIMIT 1", self.head.first_seq - 1
        )

    def last_time(self) -> Nanos:
        """Read the time of the last entry, 0 when the segment is empty."""
        return Nanos(self._number("SELECT last_time FROM groups ORDER BY number DESC LIMIT 1"))

    def _number(self, query: str, otherwise: int = 0) -> int:
        try:
            found = self._connection.execute(query).fetchone()
        except UNREADABLE as error:
            raise self.corrupt(0, 0, f"SQLite cannot read it: {error}") from error
        return otherwise if found is None or found[0] is None else int(found[0])

    def group_of(self, seq: int) -> int:
        """Find the first group whose entries reach `seq`; one past the last when none does.

        Both columns ascend, so a binary search by primary key needs no index of its own.
        """
        low, high = self.head.first_group, self.last_group() + 1
        while low < high:
            middle = (low + high) // 2
            reached = self._number(f"SELECT last_seq FROM groups WHERE number = {middle:d}", -1)  # noqa: S608 - an int
            if reached < 0:
                raise self.corrupt(middle, 0, "the group is missing")
            if reached < seq:
                low = middle + 1
            else:
                high = middle
        return low

    def rows(self, first: int, last: int | None = None) -> Iterator[Row]:
        """Groups `first` to `last` (to the end when None), each checked against its checksum."""
        bound = (1 << 62) if last is None else last
        expected = max(first, self.head.first_group)
        seq = 0
        try:
            for found in self._connection.execute(
                f"SELECT {_COLUMNS} FROM groups WHERE number BETWEEN ? AND ? ORDER BY number",  # noqa: S608 - a constant
                (first, bound),
            ):
                row = Row._make(found)
                if row.number != expected:
                    raise self.corrupt(expected, seq + 1, "the group is missing")
                if not _is_sound(row) or row.checksum() != row.crc:
                    raise self.corrupt(expected, seq + 1, "the group fails its checksum")
                expected += 1
                seq = row.last_seq
                yield row
        except UNREADABLE as error:
            raise self.corrupt(expected, seq + 1, f"SQLite cannot read it: {error}") from error

    def spans(self, session: str, epoch: int, begin: int, end: int) -> list[Span]:
        """Spans that overlap messages `begin` to `end` of a session's epoch, ascending."""
        try:
            spans = [
                msgspec.convert(found, Span)
                for found in self._connection.execute(
                    "SELECT session, epoch, first, last, first_group, last_group FROM spans"
                    " WHERE session = ? AND epoch = ? AND first <= ? AND last >= ? ORDER BY first",
                    (session, epoch, end, begin),
                )
            ]
        except UNREADABLE as error:
            raise self.corrupt(0, 0, f"SQLite cannot read it: {error}") from error
        except msgspec.ValidationError as error:
            raise self.corrupt(0, 0, f"the index of messages is damaged: {error}") from error
        return spans

    def complaints(self) -> list[str]:
        """List what SQLite's own check of the file finds wrong; empty when it is sound."""
        try:
            found = self._connection.execute("PRAGMA integrity_check(20)").fetchall()
        except UNREADABLE as error:
            return [str(error)]
        return [str(line) for (line,) in found if line != "ok"]

    def indexed_group(self) -> int:
        """Read the last group the index of messages covers; that before the first if unknown."""
        try:
            found = self._connection.execute(
                "SELECT value FROM meta WHERE key = 'indexed_group'"
            ).fetchone()
        except UNREADABLE as error:
            raise self.corrupt(0, 0, f"SQLite cannot read it: {error}") from error
        return read_mark(str(found[0]) if found else "", self.head.first_group - 1)


def write_mark(number: int) -> str:
    """Render a number so that damage to it shows."""
    text = str(number)
    return f"{text} {zlib.crc32(text.encode()):08x}"


def read_mark(mark: str, otherwise: int) -> int:
    """Read what write_mark wrote; `otherwise` when it is damaged or absent."""
    number = mark.partition(" ")[0]
    if number.isascii() and number.isdigit() and write_mark(int(number)) == mark:
        return int(number)
    return otherwise


def _is_sound(row: Row) -> bool:
    """Whether a damaged row still has the types its checksum is computed over."""
    return (
        all(isinstance(number, int) for number in row[:4])
        and all(isinstance(blob, bytes) for blob in (row.previous, row.entries, row.session))
        and min(row[:3]) >= 0
    )
