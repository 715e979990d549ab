"""Bounds, each with its named outcome, and costs that do not grow with what rests."""

from time import perf_counter

import pytest

from fixoms.domain.commands import (
    VENUE,
    BustTrade,
    CancelOrder,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EnterList,
    EnterOrder,
    ListedOrder,
    OrderTerms,
    Origin,
    ReplaceOrder,
    StartDay,
)
from fixoms.domain.enums import (
    ContingencyType,
    CxlRejReason,
    ExecType,
    OrdRejReason,
    OrdStatus,
    OrdType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.events import (
    CancelRejected,
    CommandRefused,
    Event,
    Execution,
    ListStatusReported,
    Trade,
)
from fixoms.domain.ids import InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument, TickBand
from fixoms.domain.units import NOTIONAL_MAX, PRICE_MAX, QTY_MAX, Nanos, Price, Qty
from fixoms.engine.engine import Engine, EngineSettings

ACME = InstrumentId("ACME@XFOM")


class Venue:
    """An engine with two brokers and one instrument of the largest quantities."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.engine = Engine(settings or EngineSettings())
        self.seq = 0
        for broker in ("A", "B"):
            self.handle(DefineParticipant(VENUE, broker))
            self.handle(DefineSession(VENUE, broker, broker))
        self.handle(
            DefineInstrument(VENUE, Instrument(symbol="ACME", market="XFOM", max_qty=Qty(QTY_MAX)))
        )
        self.handle(StartDay(VENUE, "20260105"))

    def handle(self, command: object) -> list[Event]:
        self.seq += 1
        return self.engine.handle(command, self.seq, Nanos(self.seq))  # type: ignore[arg-type]

    def enter(
        self,
        who: str,
        name: str,
        side: Side,
        qty: int,
        price: int | None,
        tif: TimeInForce = TimeInForce.DAY,
    ) -> list[Event]:
        ord_type = OrdType.MARKET if price is None else OrdType.LIMIT
        limit = None if price is None else Price(price)
        terms = OrderTerms(side, ord_type, tif, Qty(qty), limit)
        return self.handle(EnterOrder(origin(who), name, "ACME", "", terms))

    def cancel(self, who: str, orig: str, side: Side) -> list[Event]:
        name = f"c{self.seq}"
        return self.handle(CancelOrder(origin(who), name, orig, OrderId(0), "ACME", "", side))


def origin(who: str) -> Origin:
    return Origin(session=who, participant=who, user="u")


def test_cancel_from_the_middle_of_a_hundred_thousand_orders_at_one_level() -> None:
    """The cost is that of one order: compared with an empty level, with ample room for noise."""
    small, large = Venue(), Venue()
    for venue, count in ((small, 200), (large, 100_000)):
        for number in range(count):
            venue.enter("A", f"o{number}", Side.BUY, 1, 100)

    def seconds(venue: Venue, middle: int) -> float:
        started = perf_counter()
        for number in range(middle, middle + 100):
            (canceled, _) = venue.cancel("A", f"o{number}", Side.BUY)
            assert isinstance(canceled, Execution)
            assert canceled.exec_type is ExecType.CANCELED
        return perf_counter() - started

    assert seconds(large, 50_000) < 20 * seconds(small, 50)
    ((level,), asks) = large.engine.depth(ACME, 5)
    assert (level.qty, level.orders, asks) == (99_900, 99_900, ())


def test_ten_thousand_levels_are_swept_in_price_order() -> None:
    venue = Venue()
    for number in range(10_000):
        venue.enter("A", f"o{number}", Side.SELL, 1, 1 + number * 7_919 % 10_000)
    events = venue.enter("B", "sweep", Side.BUY, 20_000, 10_000)
    prices = [event.price for event in events if isinstance(event, Trade)]
    assert prices == list(range(1, 10_001))
    ((level,), asks) = venue.engine.depth(ACME, 5)
    assert (level.price, level.qty, asks) == (10_000, 10_000, ())


def test_prices_and_quantities_at_their_bounds() -> None:
    venue = Venue()
    venue.enter("A", "a", Side.SELL, NOTIONAL_MAX // PRICE_MAX, PRICE_MAX)
    events = venue.enter("B", "b", Side.BUY, NOTIONAL_MAX // PRICE_MAX, PRICE_MAX)
    filled = [event for event in events if isinstance(event, Execution)][-1]
    assert (filled.ord_status, filled.notional) == (OrdStatus.FILLED, NOTIONAL_MAX)
    (refused,) = venue.enter("A", "c", Side.BUY, NOTIONAL_MAX // PRICE_MAX + 1, PRICE_MAX)
    assert isinstance(refused, Execution)
    assert refused.ord_rej_reason is OrdRejReason.ORDER_EXCEEDS_LIMIT
    accepted, _ = venue.enter("A", "d", Side.BUY, QTY_MAX, NOTIONAL_MAX // QTY_MAX)
    assert isinstance(accepted, Execution)
    assert accepted.exec_type is ExecType.NEW


def test_a_market_order_ends_before_its_traded_value_passes_the_bound() -> None:
    venue = Venue()
    each = NOTIONAL_MAX // PRICE_MAX
    for number in range(3):
        venue.enter("A", f"s{number}", Side.BUY, each, PRICE_MAX)
    events = venue.enter("B", "m", Side.SELL, 3 * each, None)
    ours = [event for event in events if isinstance(event, Execution) and event.cl_ord_id == "m"]
    assert [event.exec_type for event in ours] == [ExecType.NEW, ExecType.TRADE, ExecType.CANCELED]
    assert ours[-1].notional == NOTIONAL_MAX
    assert str(NOTIONAL_MAX) in ours[-1].text


def test_remembered_cl_ord_ids_are_bounded() -> None:
    venue = Venue(EngineSettings(cl_ord_ids_max=1))
    venue.enter("A", "a", Side.BUY, 1, 100)
    (refused,) = venue.enter("A", "b", Side.BUY, 1, 100)
    assert isinstance(refused, Execution)
    assert refused.ord_rej_reason is OrdRejReason.ORDER_EXCEEDS_LIMIT
    assert "1 ClOrdID(11)" in refused.text
    terms = OrderTerms(Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(2), Price(100))
    (rejected,) = venue.handle(ReplaceOrder(origin("A"), "c", "a", OrderId(0), "ACME", "", terms))
    assert isinstance(rejected, CancelRejected)
    assert rejected.reason is CxlRejReason.BROKER_OPTION
    (canceled, _) = venue.cancel("A", "a", Side.BUY)
    assert isinstance(canceled, Execution)


def test_remembered_lists_are_bounded() -> None:
    venue = Venue(EngineSettings(lists_max=2))
    terms = OrderTerms(Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(0), Price(100))
    legs = tuple(ListedOrder(f"x{leg}", leg, "ACME", "", terms) for leg in range(2))
    answers = [
        venue.handle(EnterList(origin("A"), f"L{number}", ContingencyType.INDEPENDENT, legs))[-1]
        for number in range(3)
    ]
    assert all(isinstance(answer, ListStatusReported) for answer in answers)
    assert len(venue.engine._state.lists) == 2
    assert "limit of 2 lists" in str(answers[-1])


def test_the_oldest_trade_can_no_longer_be_busted_past_the_bound() -> None:
    venue = Venue(EngineSettings(trades_max=1))
    for number in range(2):
        venue.enter("A", f"a{number}", Side.BUY, 1, 100)
        venue.enter("B", f"b{number}", Side.SELL, 1, 100)
    (answer,) = venue.handle(BustTrade(VENUE, TradeId(1), "late"))
    assert isinstance(answer, CommandRefused)
    assert not isinstance(venue.handle(BustTrade(VENUE, TradeId(2), "late"))[0], CommandRefused)


def test_expired_timers_do_not_pile_up() -> None:
    venue = Venue()
    far = Nanos(10**18)
    for number in range(2_000):
        terms = OrderTerms(
            Side.BUY, OrdType.LIMIT, TimeInForce.GOOD_TILL_DATE, Qty(1), Price(9), expire_time=far
        )
        venue.handle(EnterOrder(origin("A"), f"g{number}", "ACME", "", terms))
        venue.cancel("A", f"g{number}", Side.BUY)
    assert len(venue.engine._trading.expiries._heap) < 200
    assert venue.engine.next_timer is None


@pytest.mark.parametrize(
    "record",
    [
        Instrument(symbol="", market="XFOM"),
        Instrument(symbol="X", market=""),
        Instrument(symbol="X", market="XFOM", price_decimals=-1),
        Instrument(symbol="X", market="XFOM", tick_bands=()),
        Instrument(symbol="X", market="XFOM", tick_bands=(TickBand(Price(5), Price(1)),)),
        Instrument(symbol="X", market="XFOM", tick_bands=(TickBand(Price(0), Price(0)),)),
        Instrument(symbol="X", market="XFOM", lot_size=Qty(0)),
        Instrument(symbol="X", market="XFOM", min_qty=Qty(5), max_qty=Qty(4)),
        Instrument(symbol="X", market="XFOM", max_qty=Qty(QTY_MAX + 1)),
        Instrument(symbol="X", market="XFOM", reference_price=Price(0)),
        Instrument(symbol="X", market="XFOM", static_band_bp=-1),
        Instrument(symbol="ACME", market="XFOM", price_decimals=4),
    ],
)
def test_instruments_that_make_no_sense_are_refused(record: Instrument) -> None:
    venue = Venue()
    venue.enter("A", "a", Side.BUY, 1, 100)
    (answer,) = venue.handle(DefineInstrument(VENUE, record))
    assert isinstance(answer, CommandRefused)


def test_a_participant_and_its_sessions_keep_their_names() -> None:
    venue = Venue()
    stp = SelfTradePrevention.PARTICIPANT_DEFAULT
    for command in (
        DefineParticipant(VENUE, ""),
        DefineParticipant(VENUE, "C", stp),
        DefineSession(VENUE, "S", "nobody"),
        DefineSession(VENUE, "A", "B"),
    ):
        (answer,) = venue.handle(command)
        assert isinstance(answer, CommandRefused)
