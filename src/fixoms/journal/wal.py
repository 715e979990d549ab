"""What a crash left at the end of a segment's write-ahead log.

Owns: telling a torn tail, which a crash may leave, from damage before the tail, which it may not.
Must not know: groups, recovery.

SQLite itself stops reading the log at the first frame that fails its checksum and drops the rest
without a word. Each transaction is synced before the next begins, so an honest crash can only
tear the last one: a frame that follows a later commit proves that something else happened.
Layout: sqlite.org, "WAL-mode File Format".
"""

import sqlite3
import struct
import sys
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct(">IIIIIIII")
_FRAME: Final = struct.Struct(">IIII")
_FRAME_HEADER_SIZE: Final = 24
_MAGIC: Final = (0x377F0682, 0x377F0683)
_VALID_FRAMES: Final = slice(16, 20)
"""Where the shared index says how many frames of the log are valid (mxFrame)."""


class Tail(NamedTuple):
    """Bytes and frames of the log that SQLite does not read.

    `damaged`: they begin with damage inside the log and hold later transactions.
    """

    size: int
    frames: int
    damaged: bool


NO_TAIL: Final = Tail(0, 0, damaged=False)


def read_tail(segment: Path) -> Tail:
    """Look at the log of a segment no process has open; changes neither of the files.

    Raises sqlite3.DatabaseError (or UnicodeDecodeError) when SQLite cannot read the segment.
    """
    log = segment.with_name(segment.name + "-wal")
    if not log.exists() or log.stat().st_size == 0:
        return NO_TAIL
    valid = _valid_frames(segment)
    size = log.stat().st_size
    with log.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return Tail(size, 0, damaged=False)
        magic, _, page_size, _, *salts, _, _ = _HEADER.unpack(header)
        if magic not in _MAGIC or not 512 <= page_size <= 65536:
            return Tail(size, 0, damaged=True)
        step = _FRAME_HEADER_SIZE + page_size
        begin = _HEADER.size + valid * step
        commits: list[bool] = []
        frames = 0
        for offset in range(begin, size, step):
            file.seek(offset)
            frame = file.read(_FRAME.size)
            if len(frame) < _FRAME.size:
                commits.append(False)
                frames = len(commits)
                break
            _, pages_after_commit, *frame_salts = _FRAME.unpack(frame)
            # Other salts are of an older round of the log, whose frames are in the database.
            is_of_this_round = frame_salts == salts
            commits.append(is_of_this_round and pages_after_commit != 0)
            if is_of_this_round:
                frames = len(commits)
    cut = max(0, min(size, begin + frames * step) - begin)
    return Tail(cut, frames, damaged=any(commits[: max(0, frames - 1)]))


def _valid_frames(segment: Path) -> int:
    """Let SQLite read the log, and ask its shared index how far it came."""
    uri = f"{segment.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with segment.with_name(segment.name + "-shm").open("rb") as index:
            return int.from_bytes(index.read(_VALID_FRAMES.stop)[_VALID_FRAMES], sys.byteorder)
