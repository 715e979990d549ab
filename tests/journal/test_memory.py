"""The journal in memory keeps the contract of the one on disk."""

import asyncio
from functools import partial

import pytest

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Inbound, NumbersReset
from fixoms.journal.errors import JournalFailedError, JournalOrderError
from fixoms.journal.memory import Commit, MemoryJournal
from tests.journal.records import entry, frame, report


async def test_commits_at_the_next_turn() -> None:
    journal = MemoryJournal()
    await journal.start()
    confirmed: list[int] = []
    for seq in (1, 2):
        journal.stage(entry(seq), partial(confirmed.append, seq))
    assert (confirmed, journal.durable_seq) == ([], 0)
    await asyncio.sleep(0)
    assert (confirmed, journal.durable_seq) == ([1, 2], 2)
    assert len(journal.rows) == 1


def test_commits_at_once_without_a_loop() -> None:
    journal = MemoryJournal(Commit.IMMEDIATE)
    confirmed: list[int] = []

    def answer() -> None:
        confirmed.append(1)
        journal.stage(report("ALICE", 1), partial(confirmed.append, 2))

    journal.stage(entry(1), answer)
    assert confirmed == [1, 2]
    assert journal.durable_seq == 1


def test_a_crash_forgets_exactly_what_was_not_committed() -> None:
    journal = MemoryJournal(Commit.MANUAL)
    confirmed: list[int] = []
    journal.stage(NumbersReset("ALICE", 1, 1, Nanos(3)))
    journal.stage(entry(1), partial(confirmed.append, 1))
    journal.stage(report("ALICE", 1))
    journal.commit()
    journal.stage(entry(2), partial(confirmed.append, 2))
    journal.stage(report("ALICE", 2))
    journal.stage_lazy(Inbound("ALICE", 9))
    journal.crash()
    with pytest.raises(JournalFailedError, match="closed"):
        journal.stage(entry(3))

    recovery = journal.recover()
    assert list(recovery.entries) == [entry(1)]
    assert recovery.sessions["ALICE"].next_out == 2
    assert recovery.sessions["ALICE"].next_in == 1
    assert confirmed == [1]
    journal.stage(entry(2))
    journal.commit()
    assert [found.seq for found in journal.read(0, 10)] == [1, 2]


async def test_a_turn_scheduled_before_a_crash_commits_nothing_after_it() -> None:
    journal = MemoryJournal()
    await journal.start()
    journal.stage(entry(1))
    journal.crash()
    journal.recover()
    journal.stage(entry(1))
    await asyncio.sleep(0)
    assert journal.rows == []
    await journal.start()
    assert len(journal.rows) == 1


def test_a_failure_confirms_nothing() -> None:
    journal = MemoryJournal(Commit.MANUAL)
    failures: list[Exception] = []
    confirmed: list[int] = []
    journal.on_failure = failures.append
    journal.stage(entry(1), partial(confirmed.append, 1))
    journal.fail(OSError("disk full"))
    journal.commit()
    assert confirmed == []
    assert [str(error) for error in failures] == ["disk full"]
    with pytest.raises(JournalFailedError, match="disk full"):
        journal.stage(entry(2))


async def test_snapshots_and_resends() -> None:
    journal = MemoryJournal(Commit.IMMEDIATE)
    for seq in range(1, 6):
        journal.stage(entry(seq))
        journal.stage(report("ALICE", seq, admin=seq == 2))
    await journal.write_snapshot(4, b"state", time=Nanos(4))
    await journal.close()
    recovery = journal.recover()
    assert recovery.snapshot is not None
    assert (recovery.snapshot.seq, recovery.snapshot.engine) == (4, b"state")
    assert list(recovery.entries) == [entry(5)]
    expected = [(number, frame("ALICE", number)) for number in (1, 3, 4, 5)]
    assert await journal.load_outbound("ALICE", 1, 100, 100) == expected
    assert journal.read_outbound("ALICE", 3, 4, 1) == expected[1:2]


def test_equal_journals_have_equal_hashes() -> None:
    journals = [MemoryJournal(Commit.IMMEDIATE) for _ in range(3)]
    for journal in journals:
        journal.stage(entry(1))
    journals[0].stage(entry(2))
    journals[1].stage(entry(2))
    journals[2].stage(report("ALICE", 1))
    assert journals[0].chain == journals[1].chain != journals[2].chain


def test_refuses_a_gap() -> None:
    with pytest.raises(JournalOrderError):
        MemoryJournal(Commit.IMMEDIATE).stage(entry(2))
