"""A conversation that took place becomes a script that plays it again."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix import FileWireLog, SessionId
from fixoms.fix.wire_log import Direction
from fixoms.replay import player
from fixoms.replay.frames import FrameFault, build
from fixoms.replay.grammar import parse_script, read_script
from fixoms.replay.in_process import in_process
from fixoms.replay.recorder import Recorder, Spoken, record_wire_logs, terminal_name
from fixoms.replay.script import Receive, Script, Send, write_script
from fixoms.replay.vocabulary import fix44
from fixoms.replay.world import Line, World

SESSIONS = Path(__file__).parents[2] / "sessions"


class Tapped:
    """A target whose conversations a recorder overhears."""

    def __init__(self, recorder: Recorder) -> None:
        self._target = in_process()
        self._recorder = recorder

    def lacks(self, script: Script) -> str:
        return self._target.lacks(script)

    def open(self, script: Script) -> World:
        world = self._target.open(script)
        dial = world.connect

        def connect(terminal: str) -> Line:
            return TappedLine(dial(terminal), world, terminal, self._recorder)

        world.connect = connect  # type: ignore[method-assign, assignment]
        return world


class TappedLine:
    def __init__(self, line: Line, world: World, terminal: str, recorder: Recorder) -> None:
        self._line, self._world, self._terminal = line, world, terminal
        self._recorder = recorder

    def write(self, octets: bytes) -> None:
        self._tell(octets, to_venue=True)
        self._line.write(octets)

    def read(self, patience: float) -> bytes | None:
        octets = self._line.read(patience)
        if octets:
            self._tell(octets, to_venue=False)
        return octets

    def cut(self) -> None:
        self._line.cut()

    def _tell(self, octets: bytes, *, to_venue: bool) -> None:
        for part in octets.split(b"8=FIX.4.4")[1:]:
            self._recorder.add(
                Spoken(
                    session=self._terminal,
                    to_venue=to_venue,
                    frame=b"8=FIX.4.4" + part,
                    time=self._world.now(),
                )
            )


def record(name: str) -> tuple[Script, str]:
    recorder = Recorder(fix44())
    script = read_script(SESSIONS / "orders" / f"{name}.fix", fix44())
    player.play(script, Tapped(recorder), fix44())
    return script, write_script(recorder.script("as it was"))


def spoken(script: Script) -> list[tuple[str, str, str]]:
    return [
        (type(step).__name__, step.terminal, step.name)
        for step in script.steps
        if isinstance(step, Send | Receive)
    ]


@pytest.mark.parametrize(
    "name",
    ["demo_scene", "chained_replaces", "iceberg_three_peaks", "gtd_expires", "one_cancels_other",
     "mass_cancel", "stp_decrement", "trailing_stop", "refused_orders"],
)  # fmt: skip
def test_a_recording_plays_again(name: str) -> None:
    script, text = record(name)
    again = parse_script(text, str(SESSIONS / "recorded.fix"), fix44())
    assert sorted(spoken(again)) == sorted(spoken(script))
    player.play(again, in_process(), fix44())


def test_what_the_venue_names_comes_back_as_a_name() -> None:
    _, text = record("demo_scene")
    assert "OrderID=$order1" in text
    assert "TransactTime" not in text
    assert "OrdStatus=PartiallyFilled" in text
    assert "OrdRejReason=" in text


def test_time_that_passed_is_written() -> None:
    _, text = record("gtd_expires")
    assert "after 60s" in text or "after 61s" in text


def frame(msg_type: str, fields: Sequence[tuple[int, bytes]]) -> bytes:
    return build(b"FIX.4.4", msg_type.encode(), [(49, b"A"), (56, b"B"), (34, b"1"), *fields])


def test_secrets_and_what_the_player_does_itself_are_left_out() -> None:
    recorder = Recorder(fix44())
    said = [
        ("A", [(108, b"30"), (553, b"joe"), (554, b"***")]),
        ("0", []),
        ("D", [(11, b"x y"), (54, b"1"), (58, b'say "hi"'), (60, b"20260105-13:30:00")]),
        ("BE", [(923, b"1"), (924, b"1"), (553, b"joe"), (554, b"secret")]),
    ]
    for msg_type, fields in said:
        octets = frame(msg_type, fields)
        # A wire log masks passwords without mending the CheckSum.
        recorder.add(
            Spoken(session="my-desk", to_venue=True, frame=octets[:-4] + b"000\x01", time=Nanos(0))
        )
    text = write_script(recorder.script("t"))
    assert "secret" not in text
    assert "joe" not in text
    assert r'MY_DESK > NewOrderSingle     ClOrdID="x y" Side=Buy Text="say \"hi\""' in text
    assert "Logon" not in text
    assert "Heartbeat" not in text


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(FrameFault):
        Recorder(fix44()).add(
            Spoken(session="A", to_venue=True, frame=b"hello", time=Nanos(SECOND))
        )


def test_terminals_have_names_a_script_can_write() -> None:
    assert [terminal_name(name) for name in ("ALICE", "desk-7", "7up")] == [
        "ALICE",
        "DESK_7",
        "T7UP",
    ]


def test_wire_logs_of_a_venue_become_one_script(tmp_path: Path) -> None:
    spoken = [
        ("ALICE", Direction.IN, "D", [(11, b"A1"), (54, b"1"), (554, b"secret")], 1),
        ("BOB", Direction.IN, "D", [(11, b"B1"), (54, b"2")], 2),
        ("ALICE", Direction.OUT, "8", [(37, b"O1"), (11, b"A1")], 3),
        ("ALICE", Direction.OUT, "8", [(37, b"O1"), (11, b"A1"), (39, b"2")], 4),
    ]
    log = FileWireLog(tmp_path)
    for name, direction, msg_type, fields, second in spoken:
        ends = (name, "V") if direction is Direction.IN else ("V", name)
        header = [(49, ends[0].encode()), (56, ends[1].encode()), (34, b"1")]
        octets = build(b"FIX.4.4", msg_type.encode(), [*header, *fields])
        session = SessionId(sender_comp_id="V", target_comp_id=name)
        log.write(session, direction, octets, Nanos(second * SECOND))
    alice = SessionId(sender_comp_id="V", target_comp_id="ALICE")
    log.write(alice, Direction.IN, b"8=FIX.4.4\x0149=ALICE\x01garbled", Nanos(5 * SECOND))
    log.close()
    script = record_wire_logs(sorted(tmp_path.iterdir(), reverse=True), "t", fix44())
    assert write_script(script).splitlines()[3:] == [
        "ALICE > NewOrderSingle     ClOrdID=A1 Side=Buy",
        "after 1s",
        "BOB   > NewOrderSingle     ClOrdID=B1 Side=Sell",
        "after 1s",
        "ALICE < ExecutionReport    OrderID=$order1 ClOrdID=A1",
        "after 1s",
        "ALICE < ExecutionReport    OrderID=$order1 ClOrdID=A1 OrdStatus=Filled",
    ]
