"""The chain of the audit as files: one a UTC day, appended to and never rewritten.

Owns: the files, the lock between the processes that write them, the heads beside them, and what
is done about a tail that is torn or gone.
Must not know: who wants a fact kept (trail.py), whether what is there is sound (verify.py).

    audit/20260105.jsonl        the lines of a day
    audit/heads/20260105.json   the head at the end of that day, or now
    audit/head.json             the newest head; the outlets publish it as a retained MQTT message

A head is written after the lines it names are on disk, so it is never ahead of them unless somebody
cut them off. Whoever appends next finds that, keeps the head that shows it under a name of its own,
and says so in the chain.
"""

import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from fixoms.audit.record import LINE_BYTES_MAX, Fact, Head, Kind, Unsound, link, read_line
from fixoms.file_lock import exclusive

HEAD_FILE: Final = "head.json"
HEADS: Final = "heads"
SUFFIX: Final = ".jsonl"


class Chain:
    """Appends to the chain in a folder; for one thread, while other processes may append too."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._head = Head()
        self._known: tuple[Path, int] | None = None

    def append(self, facts: Sequence[Fact]) -> Head:
        """Put facts at the end and give the new head once they are on disk. Raises OSError."""
        if not facts:
            return self._head
        (self._directory / HEADS).mkdir(parents=True, exist_ok=True)
        with exclusive(self._directory / "lock"):
            missing = self._catch_up()
            if missing is not None:
                facts = (_cut_off(missing, self._head, facts[0]), *facts)
            head, lines = self._head, []
            for fact in facts:
                line, head = link(fact, head)
                lines.append((head.day, line))
            for day, group in groupby(lines, lambda each: each[0]):
                self._write(day, b"".join(line + b"\n" for _, line in group))
            self._head = head
            text = msgspec.json.encode(head) + b"\n"
            for path in (self._directory / HEADS / f"{head.day}.json", self._directory / HEAD_FILE):
                new = path.with_suffix(".new")
                new.write_bytes(text)
                new.replace(path)
        return head

    def _write(self, day: str, data: bytes) -> None:
        path = self._directory / f"{day}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._known = None
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
            self._known = (path, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)

    def _catch_up(self) -> Head | None:
        """Find the end of the chain, unless it is where we left it.

        Cuts a torn last line. Gives the newest head when the chain does not reach it any more.
        """
        files = day_files(self._directory)
        if files and self._known == (files[-1], files[-1].stat().st_size):
            return None
        self._head = Head()
        for path in reversed(files):
            last = _last_line(path)
            if last is not None:
                try:
                    record = read_line(last)
                except Unsound as unsound:
                    raise OSError(
                        f"{path}: the last line {unsound}; see `fixoms audit verify`"
                    ) from None
                self._head = Head(seq=record.seq, time=record.time, hash=record.hash)
                break
        newest = newest_head(self._directory)
        if newest is None or newest.seq < self._head.seq or newest == self._head:
            return None
        kept = self._directory / HEADS / f"{newest.day}.cut-{newest.seq}.json"
        kept.write_bytes(msgspec.json.encode(newest) + b"\n")
        return newest


def day_files(directory: Path) -> list[Path]:
    """The files of the chain, oldest first."""
    return sorted(directory.glob(f"[0-9]*{SUFFIX}"))


def newest_head(directory: Path) -> Head | None:
    """The newest head written beside the chain; None when there is none that can be read."""
    newest = read_head(directory / HEAD_FILE)
    if newest is not None:
        return newest
    of_days = [read_head(path) for _, path in daily_heads(directory)]
    return max((head for head in of_days if head), key=lambda head: head.seq, default=None)


def daily_heads(directory: Path) -> list[tuple[str, Path]]:
    """Day and file of every daily head, oldest first; not those kept as witnesses of a cut."""
    return [
        (path.stem, path)
        for path in sorted(directory.glob(f"{HEADS}/[0-9]*.json"))
        if path.stem.isdigit()
    ]


def read_head(path: Path) -> Head | None:
    """The head in a file; None when there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Head)
    except (OSError, msgspec.DecodeError):
        return None


def _last_line(path: Path) -> bytes | None:
    """The last whole line of a file; what follows it was torn by a crash and is cut off."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 2 * LINE_BYTES_MAX, 0))
        tail = file.read()
        whole, newline, torn = tail.rpartition(b"\n")
        if torn:
            file.truncate(size - len(torn))
        if not newline:
            return None
        return whole.rpartition(b"\n")[2]


def _cut_off(missing: Head, head: Head, fact: Fact) -> Fact:
    text = (
        f"the chain ended with line {head.seq}, but its head said {missing.seq} at {missing.time}: "
        f"lines are gone (hash {missing.hash})"
    )
    return Fact(time=fact.time, kind=Kind.CHAIN_CUT, text=text)
