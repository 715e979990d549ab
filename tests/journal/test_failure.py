"""Full disks, read-only places, killed writers: nothing unwritten is ever confirmed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fixoms.journal.errors import (
    JournalFailedError,
    JournalLockedError,
    JournalUnreadableError,
    JournalUnwritableError,
)
from fixoms.journal.journal import Journal, JournalState
from fixoms.journal.settings import Durability, JournalSettings
from fixoms.journal.verify import verify
from tests.journal.records import entry, report

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield place
    subprocess.check_call(["umount", "-l", str(place)])


def remount(place: Path, option: str) -> None:
    subprocess.check_call(["mount", "-o", f"remount,{option}", str(place)])


async def test_a_full_disk_confirms_nothing_it_did_not_keep(small_disk: Path) -> None:
    directory = small_disk / "journal"
    journal = Journal.open(directory, JournalSettings(reserve_bytes=400_000))
    confirmed: list[int] = []
    failures: list[Exception] = []
    journal.on_failure = failures.append
    await journal.start()
    warnings: list[int] = []

    async def fill() -> None:
        for seq in range(1, 100_000):
            journal.stage(entry(seq), partial(confirmed.append, seq))
            journal.stage(report("ALICE", seq))
            if seq % 20 == 0:
                await journal.drain()
            if journal.low_space:
                warnings.append(seq)

    with pytest.raises(JournalFailedError, match=r"disk is full|disk I/O error"):
        await fill()
    seq = journal.last_seq
    assert journal.state is JournalState.FAILED
    assert len(failures) == 1
    assert confirmed == list(range(1, len(confirmed) + 1))
    assert 0 < warnings[0] < len(confirmed) < seq
    with pytest.raises(JournalFailedError, match="the journal failed"):
        journal.stage(entry(seq + 1))
    await journal.close()

    # With room again the same directory goes on from what was confirmed.
    remount(small_disk, "size=8m")
    again = Journal.open(directory)
    kept = [found.seq for found in again.recover().entries]
    assert kept == list(range(1, len(kept) + 1))
    assert len(confirmed) <= len(kept) < seq
    await again.start()
    again.stage(entry(len(kept) + 1))
    await again.close()
    assert verify(directory).ok


async def test_a_read_only_file_system_is_named(small_disk: Path) -> None:
    directory = small_disk / "journal"
    journal = Journal.open(directory)
    await journal.start()
    journal.stage(entry(1))
    await journal.close()
    remount(small_disk, "ro")
    with pytest.raises(JournalUnwritableError, match="journal"):
        Journal.open(directory)
    with pytest.raises(JournalUnwritableError, match="new"):
        Journal.open(small_disk / "new")
    # Looking is possible: a copy on read-only media can be checked.
    assert verify(directory).entries == 1


async def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("not a directory")
    with pytest.raises(JournalUnwritableError, match="journal"):
        Journal.open(tmp_path / "journal")


LIMITED = """
import asyncio, resource, signal, sys
from functools import partial
from pathlib import Path
from fixoms.journal.errors import JournalFailedError
from fixoms.journal.journal import Journal
from tests.journal.records import entry

async def main():
    journal = Journal.open(Path(sys.argv[1]))
    confirmed = []
    await journal.start()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    seq = 0
    try:
        while True:
            seq += 1
            journal.stage(entry(seq), partial(confirmed.append, seq))
            await journal.drain()
    except JournalFailedError as error:
        print(len(confirmed), error)
    await journal.close()

asyncio.run(main())
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no resource limits")
async def test_a_write_error_is_told_and_recovered_from(tmp_path: Path) -> None:
    """A file size limit stands in for an I/O error where no small disk can be mounted."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LIMITED,
        str(tmp_path),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await process.communicate())[0].decode()
    confirmed = int(printed.split()[0])
    assert "the journal failed: " in printed
    assert confirmed > 10
    journal = Journal.open(tmp_path)
    kept = [found.seq for found in journal.recover().entries]
    assert len(kept) in (confirmed, confirmed + 1)
    await journal.close()


WRITER = """
import asyncio, os, sys
from functools import partial
from pathlib import Path
from fixoms.journal.journal import Journal
from fixoms.journal.settings import Durability, JournalSettings
from tests.journal.records import entry, report

async def main():
    settings = JournalSettings(
        durability=Durability(sys.argv[2]), segment_bytes_max=100_000, wal_bytes_max=60_000,
        idle_checkpoint_ms=2,
    )
    journal = Journal.open(Path(sys.argv[1]), settings)
    await journal.start()
    confirmed = 0
    def confirm(seq):
        os.write(1, b"%d\\n" % seq)
    while True:
        for _ in range(1 + journal.last_seq % 7):
            seq = journal.last_seq + 1
            journal.stage(entry(seq))
            journal.stage(report("ALICE", seq), partial(confirm, seq))
        await asyncio.sleep(0.004 if journal.last_seq % 50 < 7 else 0)
        if journal.congested:
            await journal.drain()
        if journal.last_seq % 97 == 0:
            await journal.write_snapshot(journal.last_seq, b"", time=journal.last_time)

asyncio.run(main())
"""


@pytest.mark.parametrize("durability", list(Durability))
async def test_a_killed_writer_loses_nothing_confirmed(
    tmp_path: Path, durability: Durability
) -> None:
    """Killed at many moments, with checkpoints, new segments and snapshots under way."""
    directory = tmp_path / "journal"
    last_confirmed = 0
    for round_number in range(5):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WRITER,
            str(directory),
            durability,
            stdout=asyncio.subprocess.PIPE,
            env=environment(),
        )
        assert process.stdout is not None
        first = await asyncio.wait_for(process.stdout.readline(), 30)
        await asyncio.sleep(0.02 + 0.037 * round_number)
        process.send_signal(signal.SIGKILL)
        rest = await process.stdout.read()
        await process.wait()
        lines = (first + rest).split(b"\n")[:-1]
        assert [int(line) for line in lines] == list(
            range(int(lines[0]), int(lines[0]) + len(lines))
        )
        assert int(lines[0]) == last_confirmed + 1
        confirmed = int(lines[-1])

        journal = Journal.open(directory)
        recovery = journal.recover()
        after = recovery.snapshot.seq if recovery.snapshot else 0
        assert [found.seq for found in recovery.entries] == list(
            range(after + 1, recovery.last_seq + 1)
        )
        assert recovery.last_seq >= confirmed
        assert recovery.sessions["ALICE"].next_out == recovery.last_seq + 1
        assert journal.report.lost_groups == 0
        frames = journal.read_outbound("ALICE", 1, confirmed, confirmed + 1)
        assert [number for number, _ in frames] == list(range(1, confirmed + 1))
        last_confirmed = recovery.last_seq
        await journal.close()
    assert verify(directory).ok
    assert last_confirmed > 100


async def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        str(tmp_path),
        "always",
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 30)
    with pytest.raises(JournalLockedError, match=f"in use by process {process.pid}"):
        Journal.open(tmp_path)
    process.kill()
    await process.communicate()
    journal = Journal.open(tmp_path)
    await journal.close()


async def test_a_segment_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """A folder in its place fails as a file without permission does, also for root."""
    (tmp_path / "segment-00000001.sqlite").mkdir()
    with pytest.raises(JournalUnreadableError, match=r"segment-00000001.*cannot be opened"):
        Journal.open(tmp_path)
