"""Questions about instruments and phases, and who is told when phases change."""

from collections.abc import Iterable

from fixoms.domain.commands import VENUE, Command, DefineInstrument, SetPhase, StartDay
from fixoms.domain.enums import Phase
from fixoms.domain.events import Event
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import SECOND, Nanos, Price
from fixoms.engine.engine import Engine
from fixoms.engine.settings import EngineSettings
from fixoms.fix.message import Message
from fixoms.gateway.reference import ReferenceDesk

START = Nanos(1_767_619_800 * SECOND)
LISTED = (
    (Instrument(symbol="ACME", market="XFOM", reference_price=Price(1000)), Phase.CONTINUOUS),
    (Instrument(symbol="BETA", market="XFOM"), Phase.CONTINUOUS),
    (Instrument(symbol="CALL", market="XFOM", segment="AUCTION"), Phase.OPENING_AUCTION),
)


class World:
    def __init__(self) -> None:
        self.engine = Engine(EngineSettings())
        self.desk = ReferenceDesk(self.engine, lambda: START)
        self.seq = 0
        self.do(StartDay(VENUE, "20260105"), *(DefineInstrument(VENUE, *one) for one in LISTED))

    def do(self, *commands: Command) -> list[tuple[str, Message]]:
        events: list[Event] = []
        for command in commands:
            self.seq += 1
            events += self.engine.handle(command, self.seq, START)
        return list(self.desk.updates(events))

    def ask(self, msg_type: str, **fields: object) -> list[Message]:
        message = Message(msg_type)
        for name, value in fields.items():
            message.add(int(name[1:]), str(value))
        return list(self.desk.answer("ALICE", message))


def shown(messages: Iterable[Message], *tags: int) -> list[tuple[str | None, ...]]:
    return [tuple(message.text(tag) for tag in tags) for message in messages]


def test_the_list_of_instruments() -> None:
    (listed,) = World().ask("x", f320="L1", f559=4)
    assert shown([listed], 320, 560, 393, 146) == [("L1", "0", "3", "3")]
    symbols = [value for tag, value in listed.fields if tag == 55]
    assert symbols == [b"ACME", b"BETA", b"CALL"]
    assert shown(World().ask("x", f320="L1", f559=0, f55="NOPE"), 560) == [("2",)]
    assert shown(World().ask("x", f320="L1", f559=1), 560) == [("1",)]
    assert shown(World().ask("x", f320="L1", f559=0, f55="ACME", f207="XPAR"), 560) == [("2",)]


def test_the_status_of_one_instrument() -> None:
    world = World()
    assert shown(world.ask("e", f324="S", f55="CALL", f263=0), 55, 326) == [("CALL", "21")]
    assert shown(world.ask("e", f324="S", f55="NOPE", f263=0), 326) == [("20",)]


def test_a_subscriber_hears_of_changes_until_it_leaves() -> None:
    world = World()
    world.ask("e", f324="S", f55="ACME", f263=1)
    ((session, told),) = world.do(SetPhase(VENUE, "ACME@XFOM", Phase.HALT))
    assert session == "ALICE"
    assert shown([told], 324, 325, 326) == [("S", "Y", "2")]
    world.ask("e", f324="S", f55="ACME", f263=2)
    assert world.do(SetPhase(VENUE, "ACME@XFOM", Phase.VOLATILITY_AUCTION)) == []
    world.ask("e", f324="S", f55="ACME", f263=1)
    world.desk.forget("ALICE")
    assert world.do(SetPhase(VENUE, "ACME@XFOM", Phase.CONTINUOUS)) == []


def test_the_phase_of_a_segment() -> None:
    world = World()
    asked = shown(world.ask("g", f335="G", f263=0), 336, 340)
    assert asked == [("AUCTION", "4"), ("MAIN", "2")]
    assert shown(world.ask("g", f335="G", f336="NOPE", f263=0), 340, 567) == [("6", "1")]


def test_a_segment_is_told_of_when_it_moves_as_a_whole() -> None:
    world = World()
    world.ask("g", f335="G", f336="MAIN", f263=1)
    assert world.do(SetPhase(VENUE, "ACME@XFOM", Phase.HALT)) == []
    told = world.do(SetPhase(VENUE, "MAIN", Phase.CLOSED))
    assert shown((message for _, message in told), 335, 336, 325, 340) == [("G", "MAIN", "Y", "3")]
    assert world.do(SetPhase(VENUE, "MAIN", Phase.POST_CLOSE)) != []
