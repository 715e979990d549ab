"""Any records, in any groups, over any segments and restarts, come back as they were."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry, Inbound, NumbersReset, Outbound
from fixoms.journal.journal import Journal
from fixoms.journal.memory import AnyJournal, Commit, MemoryJournal
from fixoms.journal.reader import JournalReader
from fixoms.journal.session_log import SessionNumbers
from fixoms.journal.settings import JournalSettings
from fixoms.journal.verify import verify
from tests.journal.records import entry, frame

STAGED = ["entry", "entry", "entry", "out", "out", "admin", "in", "lazy", "reset"]
BETWEEN = ["turn", "drain", "drain", "snapshot", "restart"]
STEPS = st.lists(st.sampled_from([*STAGED, *BETWEEN]), max_size=60)
SESSIONS = st.lists(st.sampled_from(["ALICE", "BOB"]), min_size=60, max_size=60)


@dataclass
class Truth:
    """What was staged, as the tests keep it."""

    entries: list[Entry] = field(default_factory=list)
    sessions: dict[str, SessionNumbers] = field(default_factory=dict)
    frames: dict[str, dict[int, bytes]] = field(default_factory=dict)
    snapshot_seq: int = 0

    def numbers(self, session: str) -> SessionNumbers:
        return self.sessions.get(session, SessionNumbers(1, 1, Nanos(0)))

    def stage(self, journal: AnyJournal, step: str, session: str) -> None:
        known = self.numbers(session)
        if step == "entry":
            self.entries.append(entry(len(self.entries) + 1))
            journal.stage(self.entries[-1])
        elif step in ("out", "admin"):
            number = known.next_out
            record = Outbound(session, number, step == "admin", frame(session, number))
            journal.stage(record)
            if not record.admin:
                self.frames.setdefault(session, {})[number] = record.frame
            self.sessions[session] = SessionNumbers(
                number + 1, known.next_in, known.created_at, known.epoch
            )
        elif step == "reset":
            journal.stage(NumbersReset(session, 3, 2, Nanos(known.epoch + 1)))
            self.frames[session] = {}
            self.sessions[session] = SessionNumbers(3, 2, Nanos(known.epoch + 1), known.epoch + 1)
        else:
            record_in = Inbound(session, known.next_in + 1)
            if step == "in":
                journal.stage(record_in)
            else:
                journal.stage_lazy(record_in)
            self.sessions[session] = SessionNumbers(
                known.next_out, known.next_in + 1, known.created_at, known.epoch
            )

    def check(self, journal: AnyJournal) -> None:
        recovery = journal.recover()
        assert (recovery.snapshot.seq if recovery.snapshot else 0) == self.snapshot_seq
        assert list(recovery.entries) == self.entries[self.snapshot_seq :]
        assert recovery.sessions == self.sessions
        assert recovery.last_seq == len(self.entries)
        for session in self.sessions:
            expected = sorted(self.frames.get(session, {}).items())
            assert journal.read_outbound(session, 1, 1000, 1000) == expected
            assert (
                journal.read_outbound(session, 2, 9, 3)
                == [found for found in expected if 2 <= found[0] <= 9][:3]
            )


async def play(
    directory: Path | None, steps: list[str], sessions: list[str], limits: JournalSettings
) -> None:
    truth = Truth()
    memory = MemoryJournal(Commit.TURN, limits)

    def opened() -> AnyJournal:
        return Journal.open(directory, limits) if directory else memory

    journal = opened()
    truth.check(journal)
    await journal.start()
    for step, session in zip(steps, sessions, strict=False):
        if step == "turn":
            await asyncio.sleep(0)
        elif step == "drain":
            await journal.drain()
        elif step == "snapshot":
            await journal.write_snapshot(len(truth.entries), b"", time=Nanos(0))
            truth.snapshot_seq = len(truth.entries)
        elif step == "restart":
            await journal.close()
            journal = opened()
            truth.check(journal)
            await journal.start()
        else:
            truth.stage(journal, step, session)
    await journal.close()
    journal = opened()
    truth.check(journal)
    await journal.close()
    if directory:
        report = verify(directory)
        assert report.findings == []
        assert report.entries == len(truth.entries)
        reader = JournalReader(directory)
        assert reader.read(0, 1000) == truth.entries
        reader.close()


@given(
    steps=STEPS,
    sessions=SESSIONS,
    limits=st.builds(
        JournalSettings,
        group_records_max=st.integers(1, 5),
        segment_bytes_max=st.sampled_from([500, 3000, 1 << 20]),
    ),
)
@settings(max_examples=30, deadline=None)
def test_what_is_staged_is_recovered(
    steps: list[str], sessions: list[str], limits: JournalSettings
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory) / "journal", steps, sessions, limits))
    asyncio.run(play(None, steps, sessions, limits))
