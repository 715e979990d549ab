"""The engine is a replicated state machine: same commands, same events, same hash, anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from fixoms.domain.commands import VENUE, AdvanceTime, Command, EndDay
from fixoms.domain.events import Event
from fixoms.domain.units import SECOND, Nanos
from fixoms.engine.engine import Engine, EngineSettings, InvariantError, SnapshotError

from .workload import SETTINGS, START, check_state, stream, times

ROOT = Path(__file__).parents[2]

TRADING_EVENTS = {
    "BookChanged",
    "BusinessRejected",
    "CancelRejected",
    "CommandDone",
    "CommandRefused",
    "DayEnded",
    "DayStarted",
    "Execution",
    "IndicativeChanged",
    "InstrumentDefined",
    "ListStatusReported",
    "MassCancelReported",
    "ParticipantDefined",
    "PhaseChanged",
    "ReferencePriceChanged",
    "SessionDefined",
    "SessionStatusChanged",
    "Trade",
    "TradeBusted",
    "TradeCorrected",
}


@pytest.mark.parametrize("seed", range(30))
def test_a_snapshot_at_any_step_changes_nothing(seed: int) -> None:
    straight, restored = Engine(SETTINGS), Engine(SETTINGS)
    for seq, (command, time) in enumerate(zip(stream(seed, 120), times(seed), strict=False), 1):
        events = straight.handle(command, seq, time)
        assert events or isinstance(command, AdvanceTime)
        check_state(straight)
        assert restored.handle(command, seq, time) == events
        restored = Engine.restore(restored.snapshot(), SETTINGS)
        assert restored.state_hash() == straight.state_hash()
        assert restored.next_timer == straight.next_timer
        assert restored.orders() == straight.orders()


def test_the_streams_reach_what_they_are_for() -> None:
    reached: set[str] = set()
    for seed in range(30):
        engine = Engine(SETTINGS)
        for seq, (command, time) in enumerate(zip(stream(seed, 120), times(seed), strict=False), 1):
            reached.update(type(event).__name__ for event in engine.handle(command, seq, time))
    assert reached == TRADING_EVENTS


def test_hash_seed_of_the_process_is_irrelevant() -> None:
    """FIX sessions, participants and lists are kept by name; none of it leaks into the order."""
    program = (
        "from hashlib import sha256\n"
        "import msgspec\n"
        "from fixoms.engine.engine import Engine\n"
        "from tests.engine.workload import SETTINGS, stream, times\n"
        "engine, told = Engine(SETTINGS), sha256()\n"
        "for seq, (command, time) in enumerate(zip(stream(3, 400), times(3)), 1):\n"
        "    told.update(msgspec.msgpack.encode(engine.handle(command, seq, time)))\n"
        "print(engine.state_hash(), told.hexdigest())\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "src"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(answers) == 1
    assert len(answers.pop().split()) == 2


def test_events_survive_the_journal() -> None:
    """Every event and command is plain enough to be written and read back."""
    events, commands = msgspec.msgpack.Decoder(list[Event]), msgspec.msgpack.Decoder(Command)
    engine = Engine(SETTINGS)
    for seq, (command, time) in enumerate(zip(stream(5, 300), times(5), strict=False), 1):
        told = engine.handle(command, seq, time)
        assert events.decode(msgspec.msgpack.encode(told)) == told
        assert commands.decode(msgspec.msgpack.encode(command)) == command


def test_sequence_must_ascend_and_time_must_not_fall() -> None:
    engine = Engine(EngineSettings())
    engine.handle(AdvanceTime(VENUE), 5, Nanos(START))
    engine.handle(AdvanceTime(VENUE), 9, Nanos(START))
    for seq, time in ((9, START), (8, START), (10, START - 1)):
        with pytest.raises(InvariantError):
            engine.handle(EndDay(VENUE), seq, Nanos(time))
    engine.handle(AdvanceTime(VENUE), 10, Nanos(START + SECOND))


@pytest.mark.parametrize("blob", [b"", b"\x00", b"\x91\x63", b"\x92\x01\x05", b"{}" * 40])
def test_other_bytes_are_no_snapshot(blob: bytes) -> None:
    with pytest.raises(SnapshotError):
        Engine.restore(blob, EngineSettings())
