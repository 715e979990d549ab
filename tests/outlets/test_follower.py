"""The loop that keeps an outlet going: order of calls, failures, the end."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry
from fixoms.journal.errors import JournalError
from fixoms.journal.reader import EntriesMissingError
from fixoms.outlets.follower import EntryReader, Follower
from fixoms.outlets.status import State
from tests.store.scene import EntryList, busy_entries


class AwayError(Exception):
    pass


class BrokenError(Exception):
    pass


class Written:
    """An outlet that keeps what it is given and fails where a test says so."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.batches: list[int] = []
        self.opened = 0
        self.closed = 0
        self.trouble: list[Exception] = []

    async def open(self) -> tuple[int, Nanos]:
        self.opened += 1
        if not self.entries:
            return 0, Nanos(0)
        return self.entries[-1].seq, self.entries[-1].time

    async def write(self, entries: Sequence[Entry]) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.entries += entries
        self.batches.append(len(entries))

    async def check(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)

    async def close(self) -> None:
        self.closed += 1


def follower_of(outlet: Written, journal: EntryReader, say: Callable[[str], None]) -> Follower:
    return Follower(
        outlet,
        journal,
        name="sql",
        transient=(AwayError,),
        fatal=(BrokenError,),
        way_out="rebuild it",
        say=say,
        batch_entries=10,
        backoff_max_s=0.01,
    )


async def run_to_the_end(follower: Follower) -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(10):
        await follower.run(stop, drain_s=5)


async def test_a_stopped_follower_has_written_what_was_readable() -> None:
    outlet, lines = Written(), list[str]()
    follower = follower_of(outlet, EntryList(busy_entries(1, 25)), lines.append)
    await run_to_the_end(follower)
    assert [entry.seq for entry in outlet.entries] == list(range(1, 26))
    assert outlet.batches == [10, 10, 5]
    assert (follower.progress.state, follower.progress.seq, outlet.closed) == (
        State.STOPPED,
        25,
        1,
    )
    assert lines == []


async def test_the_time_after_a_stop_is_bounded() -> None:
    class Endless:
        def read(self, after_seq: int, limit: int) -> list[Entry]:
            return busy_entries(after_seq + 1, 1)

    outlet = Written()
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(10):
        await follower_of(outlet, Endless(), print).run(stop, drain_s=0.05)
    assert outlet.entries
    assert outlet.closed == 1


async def test_trouble_that_passes_is_said_once_and_loses_nothing() -> None:
    outlet, lines = Written(), list[str]()
    follower = follower_of(outlet, EntryList(busy_entries(1, 25)), lines.append)
    outlet.trouble = [AwayError("no answer")] * 5
    stop = asyncio.Event()
    run = asyncio.create_task(follower.run(stop, drain_s=5))
    async with asyncio.timeout(10):
        while follower.progress.seq != 25:  # noqa: ASYNC110  # the follower has no event for this
            await asyncio.sleep(0.001)
    stop.set()
    await run
    assert [entry.seq for entry in outlet.entries] == list(range(1, 26))
    assert outlet.opened == 6
    # Each open worked; what counts is that something was written.
    assert lines == [
        "sql lags: no answer; trying again until it works",
        "sql is back and catches up from entry 0",
    ]


async def test_a_stop_ends_the_waiting() -> None:
    outlet = Written()

    async def away() -> tuple[int, Nanos]:
        raise AwayError("no answer")

    outlet.open = away  # type: ignore[method-assign]
    lines = list[str]()
    follower = follower_of(outlet, EntryList(), lines.append)
    stop = asyncio.Event()
    run = asyncio.create_task(follower.run(stop, drain_s=60))
    await asyncio.sleep(0.05)
    assert (follower.progress.state, follower.progress.problem) == (State.WAITING, "no answer")
    stop.set()
    async with asyncio.timeout(1):
        await run
    assert lines == ["sql lags: no answer; trying again until it works"]


async def test_trouble_that_stays_ends_it_with_one_line() -> None:
    outlet, lines = Written(), list[str]()
    follower = follower_of(outlet, EntryList(busy_entries(1, 3)), lines.append)
    outlet.trouble = [BrokenError("the tables are of a later version")]
    await run_to_the_end(follower)
    assert follower.progress.state is State.FAILED
    assert lines == ["sql stopped: the tables are of a later version"]
    assert outlet.closed == 1


async def test_a_damaged_journal_ends_it_with_one_line() -> None:
    class Damaged:
        def read(self, after_seq: int, limit: int) -> list[Entry]:
            raise JournalError("segment 3, group 7: checksum")

    lines = list[str]()
    follower = follower_of(Written(), Damaged(), lines.append)
    await run_to_the_end(follower)
    assert lines == ["sql stopped: segment 3, group 7: checksum"]


def five_entries_later_on() -> list[Entry]:
    return [msgspec.structs.replace(entry, time=entry.time + 1) for entry in busy_entries(1, 5)]


@pytest.mark.parametrize("journal", [busy_entries(1, 4), five_entries_later_on()])
async def test_a_cursor_of_another_journal_ends_it(journal: list[Entry]) -> None:
    outlet, lines = Written(), list[str]()
    outlet.entries = busy_entries(1, 5)
    follower = follower_of(outlet, EntryList(journal), lines.append)
    await run_to_the_end(follower)
    assert follower.progress.state is State.FAILED
    (line,) = lines
    assert line == (
        "sql stopped: entry 5, the last one written, is not in this journal: rebuild it"
    )


async def test_a_cursor_just_before_the_pruned_end_goes_on() -> None:
    class Pruned:
        def read(self, after_seq: int, limit: int) -> list[Entry]:
            if after_seq < 5:
                raise EntriesMissingError(Path("segment-2"), 0, 5, "pruned", "start from a copy")
            return busy_entries(1, 9)[after_seq : after_seq + limit]

    outlet = Written()
    outlet.entries = busy_entries(1, 5)
    await run_to_the_end(follower_of(outlet, Pruned(), print))
    assert [entry.seq for entry in outlet.entries] == list(range(1, 10))
    outlet.entries, lines = busy_entries(1, 3), list[str]()
    await run_to_the_end(follower_of(outlet, Pruned(), lines.append))
    assert lines == ["sql stopped: segment-2, entry 5: pruned. start from a copy"]


async def test_a_gap_in_the_journal_ends_it() -> None:
    class Pruned:
        def read(self, after_seq: int, limit: int) -> list[Entry]:
            return busy_entries(max(after_seq + 1, 100), 1)

    lines = list[str]()
    follower = follower_of(Written(), Pruned(), lines.append)
    await run_to_the_end(follower)
    assert lines == ["sql stopped: the journal goes on with entry 100 where 1 is next: rebuild it"]
