r"""The wire log: every frame in and out of a session, as one line of text.

Owns: the line format, masking of secrets, rotation by size and day.
Must not know: sessions' phases, what a message means. `wire_reader.py` reads the lines back.

A line is `time direction frame`, the time in UTC, the direction `<` from the peer or `>` to it, and
the frame with `|` for SOH. Bytes that are not printable ASCII are written as `\xNN`, and `|` and
`\` inside values likewise, so a line can be turned back into the frame it was.

Passwords never reach the file: Password(554), NewPassword(925) and the encrypted forms later
versions of FIX know, wherever they stand, and RawData(96) of a Logon(A), where firms put them.
"""

import re
from enum import Enum
from pathlib import Path
from typing import Protocol, TextIO

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.identity import SessionId
from fixoms.fix.values import render_utc_timestamp

MASK = b"***"
SECRET_TAGS = frozenset({554, 925, 1402, 1404})
"""Password(554), NewPassword(925), EncryptedPassword(1402), EncryptedNewPassword(1404)."""

_SECRET = re.compile(rb"(\x01(?:554|925|1402|1404)=)[^\x01]*")
_RAW_DATA = re.compile(rb"\x0195=([0-9]{1,9})\x0196=")
_LOGON = b"\x0135=A\x01"
_ESCAPED = re.compile(r"[^\x01 -\[\]-{}~]")
_NANOS_PER_DAY = 86_400 * SECOND


class Direction(Enum):
    """Who sent a frame."""

    IN = "<"
    OUT = ">"


class WireLog(Protocol):
    """Where frames are told."""

    def write(self, session: SessionId, direction: Direction, frame: bytes, now: Nanos) -> None:
        """A frame came or went; `frame` may hold secrets."""

    def flush(self) -> None:
        """Called now and then: what was written may be made visible."""


def masked(frame: bytes) -> bytes:
    """The frame with secrets replaced by `***`. Its CheckSum(10) is left as it was."""
    if _LOGON in frame[:64]:
        found = _RAW_DATA.search(frame)
        if found is not None:
            end = frame.find(b"\x01", found.end() + int(found[1]))
            frame = frame[: found.end()] + MASK + frame[end if end >= 0 else len(frame) :]
    return _SECRET.sub(rb"\g<1>" + MASK, frame)


def line_of(direction: Direction, frame: bytes, now: Nanos) -> str:
    """One line of a wire log, without its line end."""
    text = masked(frame).decode("latin-1")
    text = _ESCAPED.sub(lambda found: f"\\x{ord(found[0]):02x}", text).replace("\x01", "|")
    return f"{render_utc_timestamp(now, 6).decode('ascii')} {direction.value} {text}"


class FileWireLog:
    """A wire log of one file per session and day under a directory.

    `VENUE-ALICE-20260105.fixlog`; when a file passes `bytes_max` it goes on as
    `VENUE-ALICE-20260105-2.fixlog`. A log that cannot be written does not stop the session: the
    caller is told once per session by `failures`.
    """

    def __init__(self, directory: str | Path, bytes_max: int = 256 << 20) -> None:
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._bytes_max = bytes_max
        self._files: dict[SessionId, _File] = {}
        self.failures: dict[SessionId, OSError] = {}

    def write(self, session: SessionId, direction: Direction, frame: bytes, now: Nanos) -> None:
        """See WireLog.write."""
        file = self._files.get(session)
        if file is None:
            file = self._files[session] = _File(self._directory, session, self._bytes_max)
        try:
            file.write(line_of(direction, frame, now), now)
        except OSError as failure:
            self.failures[session] = failure

    def flush(self) -> None:
        """Hand buffered lines to the operating system."""
        for session, file in self._files.items():
            try:
                file.flush()
            except OSError as failure:
                self.failures[session] = failure

    def close(self) -> None:
        """Write what is buffered and close the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()


class _File:
    """The present file of one session."""

    def __init__(self, directory: Path, session: SessionId, bytes_max: int) -> None:
        parts = (
            session.sender_comp_id,
            session.sender_sub_id,
            session.target_comp_id,
            session.target_sub_id,
        )
        # CompIDs come from a peer: nothing of them may leave the directory.
        name = "-".join(part for part in parts if part)
        self._stem = re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".") or "_"
        self._directory = directory
        self._bytes_max = bytes_max
        self._day = -1
        self._part = 1
        self._size = 0
        self._file: TextIO | None = None

    def write(self, line: str, now: Nanos) -> None:
        day = now // _NANOS_PER_DAY
        if day != self._day:
            self._day = day
            self._part = 1
            self._open(line[:8])
        elif self._size > self._bytes_max:
            self._part += 1
            self._open(line[:8])
        if self._file is not None:
            self._file.write(line + "\n")
            self._size += len(line) + 1

    def _open(self, day: str) -> None:
        self.close()
        while True:
            part = "" if self._part == 1 else f"-{self._part}"
            path = self._directory / f"{self._stem}-{day}{part}.fixlog"
            self._size = path.stat().st_size if path.exists() else 0
            if self._size <= self._bytes_max:
                break
            self._part += 1
        self._file = path.open("a", encoding="ascii")

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
