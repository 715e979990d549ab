"""Reading a journal beside its writer, across segments, from another process."""

import asyncio
import sys
from pathlib import Path

import pytest

from fixoms.journal.errors import JournalCorruptError
from fixoms.journal.journal import Journal
from fixoms.journal.reader import EntriesMissingError, JournalReader
from fixoms.journal.settings import JournalSettings
from tests.journal.records import entry, report

SMALL = JournalSettings(segment_bytes_max=4_000)


async def write(directory: Path, last: int, settings: JournalSettings = SMALL) -> None:
    journal = Journal.open(directory, settings)
    await journal.start()
    for seq in range(journal.last_seq + 1, last + 1):
        journal.stage(entry(seq))
        journal.stage(report("ALICE", seq))
        if seq % 3 == 0:
            await journal.drain()
    await journal.close()


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_reads_across_segments_from_any_place(tmp_path: Path, limit: int) -> None:
    await write(tmp_path, 100)
    reader = JournalReader(tmp_path)
    for start in (0, 1, 50, 99):
        after, found = start, []
        while entries := reader.read(after, limit):
            assert len(entries) <= limit
            found += entries
            after = entries[-1].seq
        assert found == [entry(seq) for seq in range(start + 1, 101)]
    assert reader.last_seq() == 100
    reader.close()


async def test_reads_on_while_the_writer_writes(tmp_path: Path) -> None:
    """Before there is a journal, after each group, over the start of a new segment."""
    reader = JournalReader(tmp_path)
    assert reader.read(0, 10) == []
    assert not reader.wait(0, 0.0)
    journal = Journal.open(tmp_path, SMALL)
    await journal.start()
    assert reader.read(0, 10) == []
    for seq in range(1, 60):
        journal.stage(entry(seq))
        await journal.drain()
        assert reader.wait(seq - 1, 0.0)
        assert reader.read(seq - 1, 10) == [entry(seq)]
        assert reader.read(seq, 10) == []
    assert not reader.wait(59, 0.01)
    await journal.close()
    reader.close()


async def test_wakes_up_for_a_commit(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    await journal.start()
    reader = JournalReader(tmp_path)
    waiting = asyncio.create_task(asyncio.to_thread(reader.wait, 0, 20.0))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    journal.stage(report("ALICE", 1))
    await journal.drain()
    assert not waiting.done()
    journal.stage(entry(1))
    await journal.drain()
    assert await waiting
    await journal.close()
    reader.close()


async def test_another_process_reads_while_this_one_writes(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from fixoms.journal.reader import JournalReader\n"
        "reader, after = JournalReader(Path(sys.argv[1])), 0\n"
        "while after < 500:\n"
        "    entries = reader.read(after, 37)\n"
        "    assert [e.seq for e in entries] == list(range(after + 1, after + 1 + len(entries)))\n"
        "    after += len(entries)\n"
        "    entries or reader.wait(after, 10.0) or sys.exit(3)\n"
        "print(after)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    await write(tmp_path, 500, JournalSettings(segment_bytes_max=20_000))
    printed, _ = await process.communicate()
    assert (process.returncode, printed.strip()) == (0, b"500")


async def test_a_pruned_entry_is_named(tmp_path: Path) -> None:
    await write(tmp_path, 100)
    (tmp_path / "segment-00000001.sqlite").unlink()
    reader = JournalReader(tmp_path)
    with pytest.raises(EntriesMissingError, match="entry 1: entries before this segment"):
        reader.read(0, 10)
    assert reader.read(90, 100) == [entry(seq) for seq in range(91, 101)]
    reader.close()


async def test_a_damaged_group_is_refused(tmp_path: Path) -> None:
    await write(tmp_path, 3)
    path = tmp_path / "segment-00000001.sqlite"
    content = path.read_bytes()
    assert content.count(b"entry 2") == 1
    path.write_bytes(content.replace(b"entry 2", b"entry 7"))
    reader = JournalReader(tmp_path)
    with pytest.raises(JournalCorruptError, match="group 1, entry 1: the group fails its checksum"):
        reader.read(0, 10)
    reader.close()
