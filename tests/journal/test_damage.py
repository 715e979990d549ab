"""Torn tails, cut and flipped bytes: nothing confirmed goes missing without a word."""

import asyncio
import shutil
from pathlib import Path

import pytest

from fixoms.journal.errors import JournalCorruptError
from fixoms.journal.journal import Journal
from fixoms.journal.recovery import OpeningReport, examine, stream_entries
from fixoms.journal.segment import segment_paths
from fixoms.journal.settings import JournalSettings
from fixoms.journal.writer import read_confirmed_group
from tests.journal.records import entry, report

GROUPS = 12
ACCEPTING = JournalSettings(accept_lost_tail=True)


async def crashed(source: Path, crashed_copy: Path, groups: int = GROUPS) -> list[int]:
    """A journal as a killed process leaves it; returns the log's size after each group."""
    journal = Journal.open(source)
    await journal.start()
    log = source / "segment-00000001.sqlite-wal"
    sizes = [log.stat().st_size]
    for seq in range(1, groups + 1):
        journal.stage(entry(seq))
        journal.stage(report("ALICE", seq))
        await journal.drain()
        sizes.append(log.stat().st_size)
    copy(source, crashed_copy)
    await journal.close()
    return sizes


def copy(source: Path, target: Path) -> Path:
    """The files a crash leaves; the shared index is made again by whoever opens it first."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm", "lock.sqlite*"))
    return target


def recovered(directory: Path, settings: JournalSettings) -> tuple[list[object], OpeningReport]:
    """Everything the journal gives back, and what it reports."""
    opening = OpeningReport()
    found = examine(directory, settings, read_confirmed_group(directory), opening)
    paths = list(segment_paths(directory, archived=False).values())
    return [*stream_entries(paths, 0, found.last_seq), found.sessions], opening


async def test_a_log_cut_anywhere_keeps_every_whole_transaction(tmp_path: Path) -> None:
    sizes = await crashed(tmp_path / "live", tmp_path / "crashed")
    size = sizes[-1]
    for length in sorted({*range(0, size, 1021), *sizes, *(each - 1 for each in sizes[1:])}):
        directory = copy(tmp_path / "crashed", tmp_path / "cut")
        log = directory / "segment-00000001.sqlite-wal"
        with log.open("r+b") as file:
            file.truncate(length)
        whole = max([0, *(number for number, end in enumerate(sizes) if number and end <= length)])

        if whole < GROUPS:
            with pytest.raises(JournalCorruptError, match=f"groups to {GROUPS} were confirmed"):
                Journal.open(directory)
            # Refusing has changed nothing.
            assert log.stat().st_size == length
        journal = Journal.open(directory, ACCEPTING)
        assert [found.seq for found in journal.recover().entries] == list(range(1, whole + 1))
        assert journal.report.lost_groups == GROUPS - whole
        is_torn = length not in {0, *sizes}
        assert (journal.report.cut_bytes > 0) == is_torn, length
        await journal.close()


async def test_a_torn_tail_is_cut_reported_and_written_over(tmp_path: Path) -> None:
    sizes = await crashed(tmp_path / "live", tmp_path / "crashed")
    log = tmp_path / "crashed" / "segment-00000001.sqlite-wal"
    # The last transaction was on its way to the disk and never confirmed.
    with log.open("r+b") as file:
        file.truncate(sizes[-1] - 37)
    (tmp_path / "crashed" / "confirmed").unlink()
    journal = Journal.open(tmp_path / "crashed")
    assert journal.report.cut_bytes == sizes[-1] - sizes[-2] - 37
    assert journal.report.cut_frames > 0
    await journal.start()
    journal.stage(entry(GROUPS))
    await journal.close()
    again = Journal.open(tmp_path / "crashed")
    assert [found.seq for found in again.recover().entries] == list(range(1, GROUPS + 1))
    assert again.report.cut_bytes == 0
    await again.close()


async def test_a_flipped_byte_in_the_log_is_never_silent(tmp_path: Path) -> None:
    await crashed(tmp_path / "live", tmp_path / "crashed")
    whole, _ = recovered(tmp_path / "crashed", JournalSettings())
    directory = copy(tmp_path / "crashed", tmp_path / "flipped")
    log = directory / "segment-00000001.sqlite-wal"
    content = log.read_bytes()
    refused = 0
    for offset in [*range(96), *range(96, len(content), 331)]:
        flipped = bytearray(content)
        flipped[offset] ^= 0xFF
        log.write_bytes(flipped)
        (directory / "segment-00000001.sqlite-shm").unlink(missing_ok=True)
        try:
            assert recovered(directory, JournalSettings())[0] == whole, offset
        except JournalCorruptError:
            refused += 1
    assert refused > 100


async def test_damage_inside_the_log_is_told_from_a_torn_tail(tmp_path: Path) -> None:
    """Also when the mark of confirmed groups is lost, and whatever is accepted."""
    sizes = await crashed(tmp_path / "live", tmp_path / "crashed")
    (tmp_path / "crashed" / "confirmed").unlink()
    log = tmp_path / "crashed" / "segment-00000001.sqlite-wal"
    content = bytearray(log.read_bytes())
    content[sizes[GROUPS // 2] + 500] ^= 1
    log.write_bytes(content)
    with pytest.raises(JournalCorruptError, match="holds transactions after the damage") as caught:
        Journal.open(tmp_path / "crashed", ACCEPTING)
    assert caught.value.segment.name == "segment-00000001.sqlite"
    assert "Restore the segment" in str(caught.value)
    assert log.read_bytes() == bytes(content)


async def test_every_flipped_byte_of_a_segment_is_found_or_harmless(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "live")
    await journal.start()
    for seq in range(1, 5):
        journal.stage(entry(seq))
        journal.stage(report("ALICE", seq))
        await journal.drain()
    await journal.close()
    directory = copy(tmp_path / "live", tmp_path / "flipped")
    path = directory / "segment-00000001.sqlite"
    whole, _ = recovered(directory, JournalSettings())
    content = path.read_bytes()
    refused = 0
    # SQLite leaves what is free at zero; every other byte says something.
    meaningful = [offset for offset, byte in enumerate(content) if byte]
    assert len(meaningful) > 1500
    for offset in meaningful:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(bytes([content[offset] ^ 0xFF]))
        try:
            assert recovered(directory, JournalSettings())[0] == whole, offset
        except JournalCorruptError:
            refused += 1
        finally:
            with path.open("r+b") as file:
                file.seek(offset)
                file.write(content[offset : offset + 1])
    assert refused > 1000


async def test_a_flipped_byte_names_segment_group_entry_and_the_way_out(tmp_path: Path) -> None:
    settings = JournalSettings(segment_bytes_max=3000)
    journal = Journal.open(tmp_path, settings)
    await journal.start()
    for seq in range(1, 31):
        journal.stage(entry(seq))
        await journal.drain()
    await journal.close()
    assert len(segment_paths(tmp_path, archived=False)) > 2
    path = tmp_path / "segment-00000002.sqlite"
    content = path.read_bytes()
    seq = next(seq for seq in range(10, 31) if content.count(b"entry %d" % seq) == 1) + 2
    path.write_bytes(content.replace(b"entry %d" % seq, b"entry 99"))
    with pytest.raises(JournalCorruptError) as caught:
        Journal.open(tmp_path, settings)
    assert (caught.value.segment, caught.value.group, caught.value.entry) == (path, seq, seq)
    assert "Restore this journal from a copy" in str(caught.value)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_missing_segment_is_named(tmp_path: Path, number: int) -> None:
    settings = JournalSettings(segment_bytes_max=1)
    journal = Journal.open(tmp_path, settings)
    await journal.start()
    for seq in range(1, 4):
        journal.stage(entry(seq))
        await journal.drain()
    await journal.close()
    segment_paths(tmp_path, archived=False)[number].unlink()
    with pytest.raises(JournalCorruptError, match=r"missing|confirmed"):
        Journal.open(tmp_path, settings)


async def test_a_segment_of_another_journal_is_refused(tmp_path: Path) -> None:
    settings = JournalSettings(segment_bytes_max=1)
    for name, shift in (("one", 0), ("other", 1)):
        journal = Journal.open(tmp_path / name, settings)
        await journal.start()
        for seq in range(1, 4):
            journal.stage(entry(seq))
            journal.stage(report("ALICE", seq + shift))
            await journal.drain()
        await journal.close()
    shutil.copy(
        tmp_path / "other" / "segment-00000002.sqlite", tmp_path / "one" / "segment-00000002.sqlite"
    )
    with pytest.raises(JournalCorruptError, match="does not continue the segment before it"):
        Journal.open(tmp_path / "one", settings)


async def test_losing_all_segments_does_not_begin_a_new_journal(tmp_path: Path) -> None:
    await crashed(tmp_path / "live", tmp_path / "crashed")
    for path in (tmp_path / "crashed").glob("segment-*"):
        path.unlink()
    with pytest.raises(JournalCorruptError, match="all its segments are missing"):
        Journal.open(tmp_path / "crashed")


async def test_a_segment_left_unfinished_by_a_crash_is_no_segment(tmp_path: Path) -> None:
    await crashed(tmp_path / "live", tmp_path / "crashed")
    (tmp_path / "crashed" / "segment-00000002.tmp").write_bytes(b"half a file")
    journal = Journal.open(tmp_path / "crashed")
    assert journal.recover().last_seq == GROUPS
    await journal.close()
    await asyncio.sleep(0)
    assert list((tmp_path / "crashed").glob("*.tmp")) == []
