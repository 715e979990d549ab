"""The offline check names what is wrong; the listings show what is there."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from fixoms.domain.commands import Command
from fixoms.domain.events import Event
from fixoms.domain.units import Nanos
from fixoms.journal.entry import NumbersReset
from fixoms.journal.errors import JournalLockedError
from fixoms.journal.journal import Journal
from fixoms.journal.listing import export_entries, list_segments, print_entries, render_time
from fixoms.journal.segment import segment_paths
from fixoms.journal.settings import JournalSettings
from fixoms.journal.snapshot import snapshot_path
from fixoms.journal.verify import FindingKind, verify
from tests.journal.records import decided, entry, report

SMALL = JournalSettings(segment_bytes_max=2000)


class TinyEngine:
    """Decides as the test records were decided; its state is how often it decided."""

    def __init__(self, state: bytes | None, wrong_at: int = 0) -> None:
        self.count = int(state or b"0")
        self.wrong_at = wrong_at

    def handle(self, command: Command, seq: int, time: Nanos) -> Sequence[Event]:
        self.count += 1
        return decided(command, seq + (seq == self.wrong_at))

    def state_hash(self) -> str:
        return f"decided {self.count}"


async def journal(directory: Path, last: int = 30, state_hash: str = "") -> None:
    written = Journal.open(directory, SMALL)
    await written.start()
    for seq in range(1, last + 1):
        written.stage(entry(seq))
        written.stage(report("ALICE", seq))
        await written.drain()
        if seq == 20:
            await written.write_snapshot(20, b"20", time=Nanos(20), state_hash=state_hash)
    await written.close()


async def test_a_whole_journal_has_no_findings(tmp_path: Path) -> None:
    await journal(tmp_path, state_hash="decided 20")
    found = verify(tmp_path, TinyEngine)
    assert found.findings == []
    assert found.ok
    assert (found.entries, found.decided, found.groups, found.messages) == (30, 30, 30, 30)
    assert (found.first_seq, found.last_seq) == (1, 30)
    assert found.segments == len(segment_paths(tmp_path, archived=True)) > 2
    assert verify(tmp_path).chain == found.chain


async def test_history_that_was_pruned_is_decided_from_the_snapshot(tmp_path: Path) -> None:
    await journal(tmp_path)
    segment_paths(tmp_path, archived=False)[1].unlink()
    found = verify(tmp_path, TinyEngine)
    assert found.findings == []
    assert found.decided == 10
    snapshot_path(tmp_path, 20).unlink()
    assert [each.kind for each in verify(tmp_path, TinyEngine).findings] == [FindingKind.DECISION]


async def test_another_decision_is_named(tmp_path: Path) -> None:
    await journal(tmp_path)
    found = verify(tmp_path, lambda state: TinyEngine(state, wrong_at=7))
    assert [each.kind for each in found.findings] == [FindingKind.DECISION]
    assert found.findings[0].place.endswith("entry 7")
    assert "event 1 was journaled as" in found.findings[0].text
    assert found.decided == 7


async def test_another_state_is_named(tmp_path: Path) -> None:
    await journal(tmp_path, state_hash="decided 19")
    found = verify(tmp_path, TinyEngine)
    assert [each.kind for each in found.findings] == [FindingKind.STATE]
    assert "decided 20, the snapshot's decided 19" in found.findings[0].text


async def test_damage_is_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    await journal(tmp_path)
    for number in (1, 3):
        path = segment_paths(tmp_path, archived=False)[number]
        content = path.read_bytes()
        where = content.index(b"BROKER1")
        path.write_bytes(content[:where] + b"BROKER2" + content[where + 7 :])
    found = verify(tmp_path, TinyEngine)
    assert [each.kind for each in found.findings] == [FindingKind.CHECKSUM, FindingKind.CHECKSUM]
    assert [each.place[:24] for each in found.findings] == [
        "segment-00000001.sqlite,",
        "segment-00000003.sqlite,",
    ]
    assert found.groups == 28
    assert not found.ok


async def test_numbers_that_began_anew_before_a_segment_are_known_in_it(tmp_path: Path) -> None:
    written = Journal.open(tmp_path, SMALL)
    await written.start()
    # No message goes with it, so only the head of the next segment can tell of it.
    written.stage(NumbersReset("ALICE", 1, 1, Nanos(1)))
    for seq in range(1, 20):
        written.stage(entry(seq))
        await written.drain()
    for seq in range(1, 4):
        written.stage(report("ALICE", seq))
        await written.drain()
    await written.close()
    assert len(segment_paths(tmp_path, archived=False)) > 1
    assert verify(tmp_path).findings == []


async def test_missing_segments_groups_and_confirmed_tails_are_named(tmp_path: Path) -> None:
    await journal(tmp_path)
    paths = segment_paths(tmp_path, archived=False)
    paths[2].unlink()
    paths[max(paths)].unlink()
    kinds = [each.kind for each in verify(tmp_path).findings]
    assert kinds == [FindingKind.CHAIN, FindingKind.LOST]


async def test_a_broken_snapshot_is_named(tmp_path: Path) -> None:
    await journal(tmp_path)
    snapshot_path(tmp_path, 20).write_bytes(b"FXSNAP")
    assert [each.kind for each in verify(tmp_path).findings] == [FindingKind.SNAPSHOT]


async def test_an_index_that_misses_messages_is_named(tmp_path: Path) -> None:
    await journal(tmp_path)
    path = segment_paths(tmp_path, archived=False)[1]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM spans")
        connection.commit()
    found = verify(tmp_path)
    assert {each.kind for each in found.findings} == {FindingKind.INDEX}


async def test_a_journal_in_use_is_not_checked(tmp_path: Path) -> None:
    written = Journal.open(tmp_path)
    with pytest.raises(JournalLockedError):
        verify(tmp_path)
    await written.close()
    with pytest.raises(FileNotFoundError, match="no journal here"):
        verify(tmp_path / "nowhere")


async def test_listings(tmp_path: Path) -> None:
    await journal(tmp_path)
    summaries = list_segments(tmp_path)
    assert [each.number for each in summaries] == list(range(1, len(summaries) + 1))
    assert summaries[0].first_seq == 1
    assert summaries[-1].last_seq == 30
    assert summaries[-1].last_time == entry(30).time
    assert sum(each.groups for each in summaries) == 30

    exported = [json.loads(line) for line in export_entries(tmp_path, 5, 6)]
    assert [each["seq"] for each in exported] == [5, 6]
    assert exported[0]["command"]["type"] == "EnterOrder"
    assert exported[0]["command"]["terms"]["price"] == 1005
    assert exported[0]["command"]["terms"]["side"] == "1"
    assert exported[1]["events"][0]["type"] == "CancelRejected"
    assert exported[1]["events"][0]["cl_ord_id"] == "C6"
    assert len(list(export_entries(tmp_path))) == 30

    printed = list(print_entries(tmp_path, 6, 6))
    assert printed[0].split()[:5] == [
        "6",
        "19700101-00:00:06.000000",
        "ALICE",
        "CancelOrder",
        "cl_ord_id=C6",
    ]
    assert printed[1].split()[:2] == ["->", "CancelRejected"]


def test_renders_time_as_fix_does() -> None:
    assert render_time(Nanos(1_767_619_800_123_456_789)) == "20260105-13:30:00.123456"
