"""Where the outlets stand, for others to read: `outlets.json` in the venue's data directory.

Owns: the states of an outlet, the file, how its lag is counted.
Must not know: what the outlets write, and any library they need for it: the venue's own process
reads this file.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from fixoms.journal.errors import JournalError
from fixoms.journal.reader import JournalReader

STATUS_INTERVAL_S: Final = 1.0
STATUS_FILE: Final = "outlets.json"


class State(StrEnum):
    """What an outlet is doing."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    STOPPED = "stopped"


class Progress(msgspec.Struct, kw_only=True):
    """Where an outlet stands; `problem` is the last one, empty while it runs."""

    name: str
    state: State = State.STARTING
    seq: int = 0
    problem: str = ""


class OutletStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one outlet stands; `lag` counts the journal entries it has not written yet."""

    name: str
    state: State
    seq: int
    lag: int
    problem: str


class OutletsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the process last wrote about itself, once a second and at its end."""

    pid: int
    journal_seq: int
    outlets: tuple[OutletStatus, ...]

    @property
    def slowest_seq(self) -> int:
        """The last entry every outlet has written: what comes after is still needed."""
        return min((outlet.seq for outlet in self.outlets), default=self.journal_seq)


def read_status(data_dir: Path) -> OutletsStatus | None:
    """Read the status file; None when there is none or it says nothing."""
    try:
        return msgspec.json.decode((data_dir / STATUS_FILE).read_bytes(), type=OutletsStatus)
    except (OSError, msgspec.DecodeError):
        return None


class StatusFile:
    """Says once a second where the outlets stand."""

    def __init__(self, data_dir: Path, outlets: Sequence[Progress], journal: JournalReader) -> None:
        self._path = data_dir / STATUS_FILE
        self._outlets = outlets
        self._journal = journal
        self._written = b""

    async def keep(self) -> None:
        """Write the file whenever it would say something new."""
        while True:
            self.write()
            await asyncio.sleep(STATUS_INTERVAL_S)

    def write(self) -> None:
        """Write the file if it would say something new; without a disk there is no status."""
        journal_seq = max(outlet.seq for outlet in self._outlets)
        with contextlib.suppress(JournalError, sqlite3.Error):  # The outlets tell of those.
            journal_seq = max(journal_seq, self._journal.last_seq())
        text = msgspec.json.encode(
            OutletsStatus(
                pid=os.getpid(),
                journal_seq=journal_seq,
                outlets=tuple(
                    OutletStatus(
                        name=outlet.name,
                        state=outlet.state,
                        seq=outlet.seq,
                        lag=journal_seq - outlet.seq,
                        problem=outlet.problem,
                    )
                    for outlet in self._outlets
                ),
            )
        )
        if text == self._written:
            return
        new = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.write_bytes(text)
            new.replace(self._path)
            self._written = text
