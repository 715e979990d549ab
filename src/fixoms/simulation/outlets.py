"""The outlets of a simulated venue: the real followers, with servers that fail behind them.

Owns: the SQL projection on a SQLite file, the record of what MQTT was told, and their faults.
Must not know: orders. What the outlets wrote is the auditor's to judge.

SQL is real to the last row. MQTT is real up to the client library: entries are read, turned into
publications and remembered by cursor as in outlets/mqtt.py, and the broker is a list.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry
from fixoms.journal.reader import JournalReader
from fixoms.outlets.alerts import AlertSettings
from fixoms.outlets.cursor import Cursor, load_cursor, store_cursor
from fixoms.outlets.follower import Follower, Outlet
from fixoms.outlets.listings import Listings
from fixoms.outlets.publications import Publication, Publisher
from fixoms.outlets.status import State
from fixoms.outlets.topics import Topics
from fixoms.store.database import StoreError, StoreUnavailableError, sqlite_url
from fixoms.store.projection import Projector

BATCH_ENTRIES: Final = 10
DRAIN_S: Final = 3600.0


class ServerDown(Exception):
    """The simulated server does not answer."""


class Killed(Exception):
    """The simulated process died."""


class Recording:
    """The MQTT outlet over a broker that keeps everything it is told."""

    def __init__(self, cursor_path: Path, record: list[Publication]) -> None:
        self._cursor_path = cursor_path
        self._record = record
        self._cursor = Cursor()
        self._topics = Topics("fixoms", "SIMULATED")
        self.is_cut_off = False
        """The connection is lost amid the next batch."""
        self._random = Random(0)  # noqa: S311  a story, not a secret

    async def open(self) -> tuple[int, Nanos]:
        """See Outlet.open."""
        self._cursor = load_cursor(self._cursor_path)
        self._publisher = Publisher(self._topics, Listings(self._cursor.listings), AlertSettings())
        return self._cursor.seq, self._cursor.time

    async def write(self, entries: Sequence[Entry]) -> None:
        """See Outlet.write."""
        told = [each for entry in entries for each in self._publisher.messages(entry)]
        if self.is_cut_off:
            self.is_cut_off = False
            self._record += told[: self._random.randint(0, len(told))]
            raise ServerDown("the connection was lost amid a batch")
        self._record += told
        last = entries[-1]
        self._cursor = Cursor(seq=last.seq, time=last.time, listings=self._publisher.listings)
        if self._random.random() < 0.5:
            store_cursor(self._cursor_path, self._cursor)

    async def check(self) -> None:
        """See Outlet.check."""

    async def close(self) -> None:
        """See Outlet.close."""
        store_cursor(self._cursor_path, self._cursor)


class Troubled:
    """An outlet whose server may be down, answer wrongly, or take the process with it."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self.is_down = False
        self.is_unclear = False
        self.dies = False
        self._is_dead = False

    async def open(self) -> tuple[int, Nanos]:
        """See Outlet.open."""
        self._is_dead = False
        if self.is_down:
            raise ServerDown("the server is down")
        return await self._outlet.open()

    async def write(self, entries: Sequence[Entry]) -> None:
        """See Outlet.write."""
        await self._outlet.write(entries)
        if self.is_unclear:
            self.is_unclear = False
            raise ServerDown("what became of the batch is not known")
        if self.dies:
            self.dies = False
            self._is_dead = True
            raise Killed

    async def check(self) -> None:
        """See Outlet.check."""

    async def close(self) -> None:
        """See Outlet.close; a dead process closes nothing in order."""
        if self._is_dead and isinstance(self._outlet, Recording):
            return
        await self._outlet.close()


class Outlets:
    """Both outlets over all lives of a venue, read whenever the story says so."""

    def __init__(self, folder: Path, journal: Path) -> None:
        self.record: list[Publication] = []
        self.database = folder / "venue.db"
        self.lines: list[str] = []
        self.faults: list[str] = []
        """Why an outlet gave up, which nothing in a story may make it do."""
        self._journal = journal
        self._runner = asyncio.Runner()
        self._recording = Recording(folder / "mqtt.cursor", self.record)
        self._outlets = {
            "sql": Troubled(Projector(sqlite_url(self.database))),
            "mqtt": Troubled(self._recording),
        }
        self._readers: dict[str, JournalReader] = {}

    def suffer(self, name: str, what: str) -> None:
        """Let something happen to an outlet; see story.Outlet."""
        outlet = self._outlets[name]
        match what:
            case "down" | "up":
                outlet.is_down = what == "down"
            case "unclear":
                outlet.is_unclear = True
                self._recording.is_cut_off |= name == "mqtt"
            case "kill":
                outlet.dies = True
            case _:
                self.read(name)

    def recover(self) -> None:
        """Nothing is wrong any more."""
        for outlet in self._outlets.values():
            outlet.is_down = outlet.is_unclear = outlet.dies = False
        self._recording.is_cut_off = False

    def read(self, name: str) -> None:
        """Let an outlet follow the journal to its present end."""
        reader = self._readers.get(name)
        if reader is None:
            reader = self._readers[name] = JournalReader(self._journal)
        follower = Follower(
            self._outlets[name],
            reader,
            name=name,
            transient=(StoreUnavailableError, ServerDown),
            fatal=(StoreError, Killed),
            way_out="none in a simulation",
            say=self.lines.append,
            batch_entries=BATCH_ENTRIES,
        )
        stop = asyncio.Event()
        stop.set()
        self._runner.run(follower.run(stop, DRAIN_S))
        if follower.progress.state is State.FAILED and follower.progress.problem:
            self.faults.append(f"outlet {name} gave up: {follower.progress.problem}")

    def let_go(self) -> None:
        """Close what is open of the journal: its files are about to change."""
        for reader in self._readers.values():
            with contextlib.suppress(Exception):
                reader.close()
        self._readers.clear()

    def close(self) -> None:
        """End."""
        self.let_go()
        self._runner.close()
