"""Staging, confirmation, recovery of the journal on disk."""

import asyncio
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from fixoms.domain.commands import VENUE, StartDay
from fixoms.domain.units import SECOND, Nanos
from fixoms.journal.entry import Entry, Inbound, NumbersReset
from fixoms.journal.errors import JournalFailedError, JournalLockedError, JournalOrderError
from fixoms.journal.journal import Journal, JournalState
from fixoms.journal.memory import AnyJournal, MemoryJournal
from fixoms.journal.segment import Segment, segment_paths
from fixoms.journal.session_log import SessionNumbers
from fixoms.journal.settings import JournalSettings
from tests.journal.records import entry, frame, report


async def filled(directory: Path, count: int, **settings: object) -> None:
    journal = Journal.open(directory, JournalSettings(**settings))  # type: ignore[arg-type]
    await journal.start()
    for seq in range(journal.last_seq + 1, journal.last_seq + count + 1):
        journal.stage(entry(seq))
        await journal.drain()
    await journal.close()


def frames(first: int, last: int) -> list[tuple[int, bytes]]:
    return [(number, frame("ALICE", number)) for number in range(first, last + 1)]


async def test_confirms_in_the_order_of_staging_and_not_before_the_disk(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    confirmed: list[int] = []
    for seq in range(1, 101):
        journal.stage(entry(seq), partial(confirmed.append, seq))
    assert confirmed == []
    assert journal.durable_seq == 0
    assert journal.staged_bytes > 0
    await journal.drain()
    assert confirmed == list(range(1, 101))
    assert journal.durable_seq == 100
    assert journal.staged_bytes == 0
    await journal.close()


async def test_what_one_iteration_stages_is_one_group(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    journal.stage(entry(1))
    journal.stage(report("ALICE", 1))
    journal.stage(entry(2))
    await journal.drain()
    await journal.close()
    again = Journal.open(tmp_path)
    assert again.report.groups_read == 1
    await again.close()


async def test_recovers_entries_and_numbers(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    assert journal.report.created
    await journal.start()
    journal.stage(NumbersReset("ALICE", 1, 1, Nanos(5)))
    for seq in range(1, 11):
        journal.stage(entry(seq))
        journal.stage(report("ALICE", seq))
        journal.stage_lazy(Inbound("ALICE", seq + 1))
        if seq % 4 == 0:
            await journal.drain()
    await journal.close()

    again = Journal.open(tmp_path)
    recovery = again.recover()
    assert recovery.snapshot is None
    assert list(recovery.entries) == [entry(seq) for seq in range(1, 11)]
    assert recovery.sessions == {"ALICE": SessionNumbers(11, 11, Nanos(5), epoch=1)}
    assert (recovery.last_seq, recovery.last_time) == (10, Nanos(10 * SECOND))
    assert again.report.cut_bytes == 0
    assert not again.report.created
    await again.close()


async def test_continues_after_recovery(tmp_path: Path) -> None:
    await filled(tmp_path, 3)
    await filled(tmp_path, 4)
    journal = Journal.open(tmp_path)
    assert [found.seq for found in journal.recover().entries] == list(range(1, 8))
    await journal.close()


async def test_a_lazy_record_alone_makes_no_group_but_is_kept_at_close(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    journal.stage_lazy(Inbound("ALICE", 9))
    await asyncio.sleep(0)
    assert journal.staged_bytes == 0
    await journal.close()
    again = Journal.open(tmp_path)
    assert again.recover().sessions["ALICE"].next_in == 9
    await again.close()


async def test_a_reset_is_not_undone_by_a_lazy_record_before_it(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    journal.stage_lazy(Inbound("ALICE", 900))
    journal.stage(NumbersReset("ALICE", 1, 1, Nanos(1)))
    await journal.close()
    again = Journal.open(tmp_path)
    assert again.recover().sessions["ALICE"] == SessionNumbers(1, 1, Nanos(1), epoch=1)
    await again.close()


async def test_refuses_gaps_and_numbers_used_twice(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    with pytest.raises(JournalOrderError, match="entry 2 was staged, entry 1"):
        journal.stage(entry(2))
    journal.stage(entry(1))
    journal.stage(report("ALICE", 4))
    with pytest.raises(JournalOrderError, match=r"MsgSeqNum\(34\)=4 was used"):
        journal.stage(report("ALICE", 4))
    await journal.close()
    with pytest.raises(JournalFailedError, match="closed"):
        journal.stage(entry(2))
    assert journal.state is JournalState.CLOSED


async def test_a_second_journal_on_the_directory_is_refused(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    with pytest.raises(JournalLockedError, match="in use by process"):
        Journal.open(tmp_path)
    await journal.close()
    again = Journal.open(tmp_path)
    await again.close()


async def test_staged_before_start_is_written_at_start(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.stage(entry(1))
    await journal.start()
    await journal.drain()
    assert journal.durable_seq == 1
    await journal.close()


async def test_large_batches_are_cut_into_bounded_groups(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, JournalSettings(group_records_max=10))
    await journal.start()
    for seq in range(1, 36):
        journal.stage(entry(seq))
    await journal.close()
    again = Journal.open(tmp_path)
    assert again.report.groups_read == 4
    assert len(list(again.recover().entries)) == 35
    await again.close()


async def test_says_when_it_is_congested(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, JournalSettings(staged_bytes_max=1000))
    await journal.start()
    congested: list[bool] = []
    for seq in range(1, 20):
        journal.stage(entry(seq))
        congested.append(journal.congested)
    assert congested == sorted(congested)
    assert set(congested) == {False, True}
    await journal.drain()
    assert journal.staged_bytes == 0
    assert not journal.congested
    await journal.close()


@pytest.mark.parametrize("cause", ["size", "day"])
async def test_segments_follow_each_other(tmp_path: Path, cause: str) -> None:
    settings = JournalSettings(segment_bytes_max=1 if cause == "size" else 1 << 30)
    journal = Journal.open(tmp_path, settings)
    await journal.start()
    for seq in range(1, 7):
        if cause == "day" and seq in (3, 5):
            journal.stage(Entry(seq, Nanos(seq), StartDay(VENUE, f"2026010{seq}"), ()))
        else:
            journal.stage(entry(seq))
        journal.stage(report("ALICE", seq))
        await journal.drain()
    assert len(segment_paths(tmp_path, archived=False)) == (6 if cause == "size" else 3)
    assert journal.read_outbound("ALICE", 2, 5, 100) == [
        (n, frame("ALICE", n)) for n in range(2, 6)
    ]
    await journal.close()

    again = Journal.open(tmp_path, settings)
    assert [found.seq for found in again.recover().entries] == list(range(1, 7))
    assert again.recover().sessions["ALICE"].next_out == 7
    assert again.read_outbound("ALICE", 1, 6, 3) == frames(1, 3)
    await again.close()


async def test_messages_of_an_epoch_before_are_never_found(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    for number in range(1, 6):
        journal.stage(report("ALICE", number))
    journal.stage(NumbersReset("ALICE", 1, 1, Nanos(1)))
    journal.stage(report("ALICE", 1))
    journal.stage(report("ALICE", 2, admin=True))
    journal.stage(report("BOB", 3))
    assert await journal.load_outbound("ALICE", 1, 100, 100) == frames(1, 1)
    journal.stage(report("ALICE", 4))
    found = await journal.load_outbound("ALICE", 1, 100, 100)
    assert found == [*frames(1, 1), *frames(4, 4)]
    await journal.close()
    again = Journal.open(tmp_path)
    assert again.read_outbound("ALICE", 1, 100, 100) == found
    await again.close()


async def test_messages_are_found_however_the_index_was_written(tmp_path: Path) -> None:
    """Enough groups that part of the index is in the file and part of it is not yet."""
    journal = Journal.open(tmp_path, JournalSettings(segment_bytes_max=20_000))
    await journal.start()
    for number in range(1, 401):
        journal.stage(report("ALICE", number, admin=number % 7 == 0))
        journal.stage(report("BOB", number))
        await journal.drain()
    expected = [found for found in frames(1, 400) if found[0] % 7]
    assert len(segment_paths(tmp_path, archived=False)) > 3
    assert journal.read_outbound("ALICE", 1, 400, 1000) == expected
    assert journal.read_outbound("ALICE", 390, 10_000, 1000) == [
        found for found in expected if found[0] >= 390
    ]
    assert (
        journal.read_outbound("ALICE", 100, 399, 5)
        == [found for found in expected if found[0] >= 100][:5]
    )
    assert journal.read_outbound("CAROL", 1, 400, 1000) == []
    await journal.close()


async def test_a_failing_confirmation_fails_the_journal(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    failures: list[Exception] = []
    journal.on_failure = failures.append
    await journal.start()
    after: list[int] = []

    def broken() -> None:
        raise ValueError("a broken invariant")

    journal.stage(entry(1), broken)
    journal.stage(entry(2), lambda: after.append(2))
    with pytest.raises(JournalFailedError, match="broken invariant"):
        await journal.drain()
    assert [str(error) for error in failures] == ["a broken invariant"]
    assert after == []
    assert journal.state is JournalState.FAILED
    await journal.close()


@pytest.mark.parametrize("place", ["disk", "memory"])
async def test_what_is_staged_before_a_flush_is_in_the_same_group(
    tmp_path: Path, place: str
) -> None:
    journal: AnyJournal = Journal.open(tmp_path) if place == "disk" else MemoryJournal()
    numbers = iter(range(1, 100))
    journal.before_flush = lambda: journal.stage(report("ALICE", next(numbers)))
    await journal.start()
    for seq in range(1, 4):
        journal.stage(entry(seq))
        await journal.drain()
    assert journal.sessions()["ALICE"].next_out == 4
    await journal.close()
    if isinstance(journal, MemoryJournal):
        assert all(row.entries and row.session for row in journal.rows[:3])
    else:
        with closing(Segment(tmp_path / "segment-00000001.sqlite")) as segment:
            assert all(row.entries and row.session for row in segment.rows(1, 3))


async def test_a_failing_hook_fails_the_journal(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    failures: list[Exception] = []
    journal.on_failure = failures.append

    def broken() -> None:
        raise ValueError("a broken invariant")

    journal.before_flush = broken
    await journal.start()
    journal.stage(entry(1))
    with pytest.raises(JournalFailedError, match="broken invariant"):
        await journal.drain()
    assert len(failures) == 1
    await journal.close()
    again = Journal.open(tmp_path)
    assert again.recover().last_seq == 0
    await again.close()
