"""Following the journal: one outlet, its cursor, its failures.

Owns: the loop that reads, writes, waits, and tries again; the one line per change of state.
Must not know: what an outlet does with entries.

An outlet that cannot write lags; it holds up nobody, and memory holds one batch however long it
lasts. When it can write again it catches up at full rate.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry
from fixoms.journal.errors import JournalError
from fixoms.journal.reader import EntriesMissingError
from fixoms.outlets.status import Progress, State

BATCH_ENTRIES: Final = 100
POLL_FIRST_S: Final = 0.005
POLL_MAX_S: Final = 0.05
"""Pauses between looks at a quiet journal grow from the first to the longest."""

BACKOFF_FIRST_S: Final = 0.25
BACKOFF_MAX_S: Final = 10.0
"""Pauses between tries double from the first to the longest."""


class EntryReader(Protocol):
    """The reading side of a journal."""

    def read(self, after_seq: int, limit: int) -> list[Entry]:
        """Entries after `after_seq`, ascending, at most `limit`."""


class Outlet(Protocol):
    """A reader of the journal with a cursor of its own."""

    async def open(self) -> tuple[int, Nanos]:
        """Get ready; return sequence and time of the last entry written, (0, 0) for none."""

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write entries and remember that they are written."""

    async def check(self) -> None:
        """Called while there is nothing to write."""

    async def close(self) -> None:
        """Let go, finishing what can be finished."""


class ForeignJournalError(Exception):
    """The cursor of the outlet does not belong to this journal; the text says the way out."""


class Follower:
    """Runs one outlet until it is told to stop, or cannot go on.

    `transient` are the errors that may pass, `fatal` those that will not. `way_out` is what a
    person does when the cursor belongs to another journal. `say` gets one line per change.
    """

    def __init__(
        self,
        outlet: Outlet,
        reader: EntryReader,
        *,
        name: str,
        transient: tuple[type[Exception], ...],
        fatal: tuple[type[Exception], ...],
        way_out: str,
        say: Callable[[str], None],
        batch_entries: int = BATCH_ENTRIES,
        backoff_max_s: float = BACKOFF_MAX_S,
    ) -> None:
        self._outlet = outlet
        self._reader = reader
        self._transient: tuple[type[Exception], ...] = (*transient, sqlite3.Error)
        self._fatal: tuple[type[Exception], ...] = (*fatal, JournalError, ForeignJournalError)
        self._way_out = way_out
        self._say = say
        self._batch_entries = batch_entries
        self._backoff_max_s = backoff_max_s
        self.progress = Progress(name=name)

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Follow until `stop`, then write what is readable within `drain_s` seconds and close."""
        backoff = BACKOFF_FIRST_S
        deadline = _Deadline(stop, drain_s)
        try:
            while True:
                try:
                    await self._follow(deadline)
                except self._transient as error:
                    if self.progress.state is State.RUNNING:
                        backoff = BACKOFF_FIRST_S
                    self._wait_because(str(error))
                else:
                    self.progress.state = State.STOPPED
                    return
                if deadline.stopping:
                    return
                await _sleep(backoff, stop)
                backoff = min(2 * backoff, self._backoff_max_s)
        except self._fatal as error:
            self.progress.state = State.FAILED
            self.progress.problem = str(error)
            self._say(f"{self.progress.name} stopped: {error}")
        finally:
            await self._close()

    async def _follow(self, deadline: "_Deadline") -> None:
        """From open to the end of the journal after `stop`; leaves by the errors of the outlet."""
        seq, time = await self._outlet.open()
        self._compare(seq, time)
        self.progress.seq = seq
        pause = POLL_FIRST_S
        while True:
            entries = self._reader.read(seq, self._batch_entries)
            if entries:
                if entries[0].seq != seq + 1:
                    raise ForeignJournalError(
                        f"the journal goes on with entry {entries[0].seq} where {seq + 1} is next:"
                        f" {self._way_out}"
                    )
                await self._outlet.write(entries)
                self._works()
                seq = self.progress.seq = entries[-1].seq
                pause = POLL_FIRST_S
                if deadline.passed():
                    return
                continue
            if deadline.stopping:
                return
            await self._outlet.check()
            self._works()
            await _sleep(pause, deadline.stop)
            pause = min(2 * pause, POLL_MAX_S)

    def _compare(self, seq: int, time: Nanos) -> None:
        """See that the last entry written is one of this journal's. Raises ForeignJournalError."""
        if seq == 0:
            return
        try:
            found = self._reader.read(seq - 1, 1)
        except EntriesMissingError:
            # It was pruned, so it was there; should more be missing, reading on will say so.
            return
        if not found or found[0].seq != seq or found[0].time != time:
            raise ForeignJournalError(
                f"entry {seq}, the last one written, is not in this journal: {self._way_out}"
            )

    def _works(self) -> None:
        """Something was written, or could be: an open alone shows nothing of that."""
        if self.progress.state is State.WAITING:
            self._say(f"{self.progress.name} is back and catches up from entry {self.progress.seq}")
        self.progress.state = State.RUNNING
        self.progress.problem = ""

    def _wait_because(self, problem: str) -> None:
        if self.progress.state is not State.WAITING:
            self._say(f"{self.progress.name} lags: {problem}; trying again until it works")
        self.progress.state = State.WAITING
        self.progress.problem = problem

    async def _close(self) -> None:
        with contextlib.suppress(*self._transient, *self._fatal):
            await self._outlet.close()


class _Deadline:
    """When the work after a stop must end."""

    def __init__(self, stop: asyncio.Event, drain_s: float) -> None:
        self.stop = stop
        self._drain_s = drain_s
        self._at: float | None = None

    @property
    def stopping(self) -> bool:
        return self.stop.is_set()

    def passed(self) -> bool:
        """Whether `drain_s` seconds are over since the first look after the stop."""
        if not self.stopping:
            return False
        now = asyncio.get_running_loop().time()
        if self._at is None:
            self._at = now + self._drain_s
        return now >= self._at


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, or less when told to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
