"""The single writer: sequence, time that never falls, and timers before commands."""

from fixoms.domain.commands import (
    VENUE,
    AdvanceTime,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EnterOrder,
    OrderTerms,
    Origin,
    StartDay,
)
from fixoms.domain.enums import ExecType, OrdType, Side, TimeInForce
from fixoms.domain.events import Execution
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import SECOND, Nanos, Price, Qty
from fixoms.engine.engine import Engine
from fixoms.engine.settings import EngineSettings
from fixoms.gateway.sequencer import Sequencer
from fixoms.journal.entry import Entry
from fixoms.journal.memory import Commit, MemoryJournal

START = Nanos(1_767_619_800 * SECOND)


class World:
    """A sequencer whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = START
        self.journal = MemoryJournal(Commit.IMMEDIATE)
        self.published: list[Entry] = []
        self.sequencer = Sequencer(
            Engine(EngineSettings()),
            self.journal,
            lambda: self.now,
            last_seq=0,
            last_time=Nanos(0),
        )
        self.sequencer.add_outlet(self.published.append)
        for command in (
            StartDay(VENUE, "20260105"),
            DefineParticipant(VENUE, "ALPHA"),
            DefineSession(VENUE, "A", "ALPHA"),
            DefineInstrument(VENUE, Instrument(symbol="ACME", market="XFOM")),
        ):
            self.sequencer.submit(command)

    def order(self, cl_ord_id: str, side: Side, expire_time: Nanos | None = None) -> list[ExecType]:
        tif = TimeInForce.DAY if expire_time is None else TimeInForce.GOOD_TILL_DATE
        terms = OrderTerms(side, OrdType.LIMIT, tif, Qty(100), Price(1000), expire_time=expire_time)
        origin = Origin("A", "ALPHA", "anna", 1)
        events = self.sequencer.submit(EnterOrder(origin, cl_ord_id, "ACME", "", terms))
        return [event.exec_type for event in events if isinstance(event, Execution)]


def test_an_order_past_its_time_does_not_trade_with_what_comes_after_it() -> None:
    world = World()
    assert world.order("A1", Side.BUY, Nanos(START + 5 * SECOND)) == [ExecType.NEW]
    world.now = Nanos(START + 5 * SECOND)
    assert world.order("A2", Side.SELL) == [ExecType.NEW]
    timer, order = world.published[-2:]
    assert isinstance(timer.command, AdvanceTime)
    assert isinstance(order.command, EnterOrder)
    (expired,) = [event for event in timer.events if isinstance(event, Execution)]
    assert expired.exec_type is ExecType.EXPIRED


def test_time_never_falls_when_the_clock_does() -> None:
    world = World()
    world.now = Nanos(START + SECOND)
    world.order("A1", Side.BUY)
    world.now = Nanos(START - 3600 * SECOND)
    world.order("A2", Side.BUY)
    times = [entry.time for entry in world.published]
    assert times == sorted(times)
    assert [entry.seq for entry in world.published] == list(range(1, len(times) + 1))


def test_an_entry_is_staged_before_an_outlet_sees_it() -> None:
    world = World()
    staged: list[int] = []
    world.sequencer.add_outlet(lambda _entry: staged.append(world.journal.last_seq))
    world.order("A1", Side.BUY)
    assert staged == [world.sequencer.last_seq]


def test_a_halted_sequencer_takes_nothing_more() -> None:
    world = World()
    before = world.sequencer.last_seq
    world.sequencer.halt()
    assert world.order("A1", Side.BUY) == []
    assert world.sequencer.last_seq == before
