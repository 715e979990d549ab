"""Snapshots: what a start reads, what may be retired, what a broken one costs."""

import asyncio
from pathlib import Path

import pytest

from fixoms.domain.units import SECOND, Nanos
from fixoms.journal.entry import NumbersReset
from fixoms.journal.errors import JournalCorruptError, JournalOrderError
from fixoms.journal.journal import Journal
from fixoms.journal.reader import EntriesMissingError, JournalReader
from fixoms.journal.segment import segment_paths
from fixoms.journal.settings import JournalSettings, Retention
from fixoms.journal.snapshot import snapshot_path, snapshot_paths
from tests.journal.records import entry, frame, report


async def venue(directory: Path, last: int, snapshots: set[int], settings: JournalSettings) -> None:
    """Entries to `last`, each with a message to ALICE, and snapshots after some of them."""
    journal = Journal.open(directory, settings)
    await journal.start()
    if not journal.sessions():
        journal.stage(NumbersReset("ALICE", 1, 1, Nanos(1)))
    for seq in range(journal.last_seq + 1, last + 1):
        journal.stage(entry(seq))
        journal.stage(report("ALICE", seq, admin=seq % 5 == 0))
        if seq in snapshots:
            await journal.write_snapshot(seq, b"state %d" % seq, time=Nanos(seq * SECOND))
        else:
            await journal.drain()
    await journal.close()


async def test_a_start_reads_only_what_came_after_the_newest(tmp_path: Path) -> None:
    await venue(tmp_path, 300, {100, 200}, JournalSettings())
    journal = Journal.open(tmp_path)
    recovery = journal.recover()
    assert recovery.snapshot is not None
    assert (recovery.snapshot.seq, recovery.snapshot.engine) == (200, b"state 200")
    assert list(recovery.entries) == [entry(seq) for seq in range(201, 301)]
    assert recovery.sessions["ALICE"].next_out == 301
    assert recovery.sessions["ALICE"].created_at == 1
    assert journal.report.groups_read == 100
    expected = [(number, frame("ALICE", number)) for number in range(1, 301) if number % 5]
    assert journal.read_outbound("ALICE", 1, 300, 1000) == expected
    await journal.close()


async def test_records_staged_after_the_snapshot_was_taken_are_not_in_it(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    journal.stage(entry(1))
    saving = journal.write_snapshot(1, b"state", time=Nanos(SECOND))
    running = asyncio.ensure_future(saving)
    await asyncio.sleep(0)
    journal.stage(entry(2))
    journal.stage(report("ALICE", 7))
    await running
    await journal.close()
    again = Journal.open(tmp_path)
    recovery = again.recover()
    assert recovery.snapshot is not None
    assert recovery.snapshot.sessions == {}
    assert recovery.sessions["ALICE"].next_out == 8
    assert list(recovery.entries) == [entry(2)]
    await again.close()


async def test_a_broken_snapshot_falls_back_to_the_one_before_and_says_so(tmp_path: Path) -> None:
    await venue(tmp_path, 30, {10, 20}, JournalSettings())
    path = snapshot_path(tmp_path, 20)
    content = path.read_bytes()
    for offset in range(len(content)):
        flipped = bytearray(content)
        flipped[offset] ^= 0xFF
        path.write_bytes(flipped)
        journal = Journal.open(tmp_path)
        recovery = journal.recover()
        assert recovery.snapshot is not None
        assert recovery.snapshot.seq == 10, offset
        assert len(list(recovery.entries)) == 20
        assert [path.name in text for text in journal.report.broken_snapshots] == [True]
        await journal.close()
    path.write_bytes(content[:-1])
    journal = Journal.open(tmp_path)
    assert "checksum" in journal.report.broken_snapshots[0]
    await journal.close()


async def test_without_any_valid_snapshot_everything_is_read(tmp_path: Path) -> None:
    await venue(tmp_path, 30, {20}, JournalSettings())
    snapshot_path(tmp_path, 20).write_bytes(b"")
    journal = Journal.open(tmp_path)
    assert journal.recover().snapshot is None
    assert len(list(journal.recover().entries)) == 30
    await journal.close()


async def test_a_snapshot_ahead_of_the_journal_is_refused(tmp_path: Path) -> None:
    await venue(tmp_path / "long", 30, {30}, JournalSettings())
    await venue(tmp_path / "short", 10, set(), JournalSettings())
    source = snapshot_path(tmp_path / "long", 30)
    snapshot_path(tmp_path / "short", 30).write_bytes(source.read_bytes())
    with pytest.raises(JournalCorruptError, match="ends at entry 10, but a snapshot was made"):
        Journal.open(tmp_path / "short")


@pytest.mark.parametrize("retention", list(Retention))
async def test_segments_are_retired_by_policy(tmp_path: Path, retention: Retention) -> None:
    settings = JournalSettings(
        segment_bytes_max=4000, retention=retention, snapshots_kept=2, resend_segments_min=1
    )
    await venue(tmp_path, 60, {20, 40, 60}, settings)
    present = segment_paths(tmp_path, archived=False)
    assert [path.name for path in snapshot_paths(tmp_path)] == [
        snapshot_path(tmp_path, seq).name for seq in (60, 40)
    ]
    reader = JournalReader(tmp_path)
    if retention is Retention.KEEP:
        assert min(present) == 1
    else:
        assert min(present) > 1
    if retention is Retention.PRUNE:
        assert not (tmp_path / "archive").exists()
        with pytest.raises(EntriesMissingError):
            reader.read(0, 100)
    else:
        assert reader.read(0, 100) == [entry(seq) for seq in range(1, 61)]
    reader.close()
    await venue(tmp_path, 70, set(), settings)
    journal = Journal.open(tmp_path, settings)
    recovery = journal.recover()
    assert recovery.snapshot is not None
    assert recovery.snapshot.seq == 60
    assert list(recovery.entries) == [entry(seq) for seq in range(61, 71)]
    assert recovery.sessions["ALICE"].next_out == 71
    await journal.close()


async def test_a_segment_that_a_reader_or_a_resend_needs_stays(tmp_path: Path) -> None:
    for name, settings, readers_at in (
        ("reader", JournalSettings(resend_segments_min=0), 5),
        ("resend", JournalSettings(resend_segments_min=1000), None),
    ):
        pruning = JournalSettings(
            segment_bytes_max=4000,
            retention=Retention.PRUNE,
            resend_segments_min=settings.resend_segments_min,
        )
        directory = tmp_path / name
        await venue(directory, 60, set(), pruning)
        journal = Journal.open(directory, pruning)
        await journal.start()
        await journal.write_snapshot(60, b"", time=Nanos(60), readers_at=readers_at)
        assert 1 in segment_paths(directory, archived=False)
        await journal.close()


async def test_a_pruned_journal_without_its_snapshot_is_refused(tmp_path: Path) -> None:
    settings = JournalSettings(
        segment_bytes_max=4000, retention=Retention.PRUNE, resend_segments_min=0
    )
    await venue(tmp_path, 60, {60}, settings)
    assert min(segment_paths(tmp_path, archived=False)) > 1
    snapshot_path(tmp_path, 60).unlink()
    with pytest.raises(JournalCorruptError, match="are needed and are missing"):
        Journal.open(tmp_path, settings)


async def test_a_start_does_not_open_what_the_snapshot_covers(tmp_path: Path) -> None:
    settings = JournalSettings(segment_bytes_max=2000)
    await venue(tmp_path, 60, {50}, settings)
    paths = segment_paths(tmp_path, archived=False)
    assert len(paths) > 8
    for number in list(paths)[:-4]:
        paths[number].write_bytes(b"not a database")
    journal = Journal.open(tmp_path, settings)
    assert list(journal.recover().entries) == [entry(seq) for seq in range(51, 61)]
    await journal.close()


async def test_a_resend_does_not_keep_a_segment_from_being_retired(tmp_path: Path) -> None:
    settings = JournalSettings(
        segment_bytes_max=2000, retention=Retention.ARCHIVE, resend_segments_min=0
    )
    await venue(tmp_path, 40, set(), settings)
    journal = Journal.open(tmp_path, settings)
    await journal.start()
    assert len(journal.read_outbound("ALICE", 1, 40, 100)) == 32
    await journal.write_snapshot(40, b"", time=Nanos(40))
    assert list(segment_paths(tmp_path, archived=False)) == [
        max(segment_paths(tmp_path, archived=True))
    ]
    await journal.close()


async def test_a_snapshot_of_the_future_is_refused(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    with pytest.raises(JournalOrderError, match="after entry 1, the last is 0"):
        await journal.write_snapshot(1, b"", time=Nanos(1))
    await journal.close()
