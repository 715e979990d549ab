"""Which events people are told about, and in which words."""

from decimal import Decimal

import pytest

from fixoms.domain.commands import VENUE, AdvanceTime, Command, Origin, SessionClosed
from fixoms.domain.enums import (
    BusinessRejectReason,
    ExecType,
    InstrumentStatus,
    MassCancelRequestType,
    OrdStatus,
    Phase,
    Side,
)
from fixoms.domain.events import (
    BookChanged,
    BusinessRejected,
    CommandDone,
    CommandRefused,
    DayStarted,
    Event,
    InstrumentDefined,
    MassCancelReported,
    PhaseChanged,
    SessionStatusChanged,
    TradeBusted,
    TradeCorrected,
)
from fixoms.domain.ids import OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Price, Qty
from fixoms.outlets.alerts import Alert, AlertSettings, Severity, alert_for
from fixoms.outlets.listings import Listings
from tests.store.scene import ACME, ACME_ID, BOB, book, fill, report, scene

TIMER: Command = AdvanceTime(VENUE)
ALICE_ORIGIN = Origin("ALICE", "BROKER-A", "alice", 12)


def alert(
    event: Event, command: Command = TIMER, value: int = 0, phase: Phase = Phase.CONTINUOUS
) -> Alert | None:
    listings = Listings()
    listings.learn(InstrumentDefined(ACME, phase))
    listings.learn(event)
    return alert_for(event, command, listings, AlertSettings(large_fill_value=Decimal(value)))


def told(event: Event, command: Command = TIMER) -> tuple[str, str, str]:
    found = alert(event, command)
    assert found is not None
    return found.severity.value, found.kind, found.text


def test_a_fill_from_the_stated_value_on() -> None:
    event = fill(7, 1, 2, 70, 1006, cl_ord_id="A2", cum=100, leaves=0)
    found = alert(event)
    assert found == Alert(
        severity=Severity.INFO,
        kind="fill",
        text="BROKER-A bought 70 ACME at 10.06 (A2, 100 of 100 done), 704.20 USD",
        broker="BROKER-A",
        session="ALICE",
        symbol="ACME",
        order_id="O1",
    )
    assert alert(event, value=704) is not None
    assert alert(event, value=705) is None
    sold = fill(8, 3, 2, 70, 1006, side=Side.SELL, owner=BOB)
    assert told(sold)[2].startswith("BROKER-B sold 70 ACME at 10.06")


def test_a_fill_is_valued_in_the_currency_whatever_the_decimals() -> None:
    coin = Instrument(
        symbol="COIN", market="XFOM", currency="EUR", price_decimals=4, qty_decimals=3
    )
    listings = Listings()
    listings.learn(InstrumentDefined(coin, Phase.CONTINUOUS))
    event = fill(1, 1, 1, 1_500, 20_000, instrument_id=coin.instrument_id)  # 1.500 at 2.0000
    for value, is_alert in (("3", True), ("3.0000001", False)):
        settings = AlertSettings(large_fill_value=Decimal(value))
        assert (alert_for(event, TIMER, listings, settings) is not None) is is_alert


def test_refusals() -> None:
    rejected, cancel_rejected = (entry.events[0] for entry in scene()[10:12])
    assert told(rejected) == (
        "warning",
        "order-rejected",
        "order A3 of ALICE rejected: Price(44) 99.99 is outside the band 9.00 to 11.00",
    )
    assert told(cancel_rejected) == (
        "notice",
        "cancel-rejected",
        "order-cancel-request A4 of ALICE refused: OrigClOrdID(41) A2 is filled",
    )
    business = BusinessRejected(
        ALICE_ORIGIN, "D", "A9", BusinessRejectReason.NOT_AUTHORIZED, "Symbol(55) is not yours"
    )
    assert told(business) == (
        "notice",
        "message-rejected",
        "message D A9 of ALICE refused: Symbol(55) is not yours",
    )
    refused = CommandRefused(Origin("", "", "olga"), "no such instrument")
    assert told(refused)[1:] == (
        "operator-refused",
        "command of olga refused: no such instrument",
    )


def test_a_cancel_is_an_alert_only_when_nobody_asked() -> None:
    canceled = report(9, 1, exec_type=ExecType.CANCELED, ord_status=OrdStatus.CANCELED, leaves=0)
    assert alert(canceled) is None
    by_venue = report(
        9,
        1,
        exec_type=ExecType.CANCELED,
        ord_status=OrdStatus.CANCELED,
        leaves=0,
        cum=30,
        requester="",
        text="self-trade prevention",
    )
    assert told(by_venue) == (
        "warning",
        "order-canceled",
        "order A1 of ALICE canceled by the venue, 30 of 100 ACME done: self-trade prevention",
    )


def test_sessions() -> None:
    opened = SessionStatusChanged("ALICE", "BROKER-A", connected=True)
    closed = SessionStatusChanged("ALICE", "BROKER-A", connected=False, reason="peer vanished")
    assert told(opened)[:2] == ("info", "session-opened")
    lost = SessionClosed(ALICE_ORIGIN, logged_out=False)
    assert told(closed, lost) == (
        "warning",
        "session-lost",
        "session ALICE lost its connection: peer vanished",
    )
    left = SessionClosed(ALICE_ORIGIN, logged_out=True)
    assert told(closed, left)[:2] == ("info", "session-closed")


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (Phase.CLOSING_AUCTION, ("notice", "phase-changed", "in phase closing-auction")),
        (Phase.HALT, ("warning", "halt", "halted")),
        (Phase.VOLATILITY_AUCTION, ("warning", "volatility-auction", "in a volatility auction")),
    ],
)
def test_phases(new: Phase, expected: tuple[str, str, str]) -> None:
    event = PhaseChanged(ACME_ID, "ACME", "MAIN", Phase.CONTINUOUS, new, "news", VENUE)
    severity, kind, state = expected
    assert told(event) == (severity, kind, f"ACME is {state}, before continuous: news")


def test_trades_taken_back_or_changed() -> None:
    busted = TradeBusted(TradeId(2), ACME_ID, "ACME", Price(1006), Qty(70), "both agreed")
    assert told(busted) == (
        "warning",
        "trade-busted",
        "trade T2 taken back: 70 ACME at 10.06: both agreed",
    )
    corrected = TradeCorrected(
        TradeId(2), ACME_ID, "ACME", Price(1006), Qty(70), Price(1005), Qty(60), ""
    )
    assert told(corrected) == (
        "warning",
        "trade-corrected",
        "trade T2 corrected: 70 ACME at 10.06 is now 60 at 10.05",
    )


@pytest.mark.parametrize(("ask", "kind"), [(1005, "book-locked"), (1004, "book-crossed")])
def test_a_locked_or_crossed_book_is_an_alert_outside_a_call(ask: int, kind: str) -> None:
    event: BookChanged = book(bid=(1005, 10), ask=(ask, 10))
    assert told(event)[:2] == ("warning", kind)
    assert alert(event, phase=Phase.OPENING_AUCTION) is None
    assert alert(book(bid=(1005, 10), ask=(1006, 10))) is None
    assert alert(book(bid=(1005, 10))) is None


def test_instruments_and_mass_cancels() -> None:
    suspended = Instrument(symbol="ACME", market="XFOM", status=InstrumentStatus.SUSPENDED)
    assert told(InstrumentDefined(suspended, Phase.CLOSED))[1:] == (
        "instrument-suspended",
        "ACME is suspended",
    )
    assert alert(InstrumentDefined(ACME, Phase.CLOSED)) is None
    mass = MassCancelReported(
        ALICE_ORIGIN,
        "A7",
        MassCancelRequestType.ALL_ORDERS,
        OrderId(0),
        ((OrderId(1), "A1"), (OrderId(2), "A2")),
    )
    assert told(mass) == ("notice", "mass-cancel", "ALICE canceled 2 orders at once")


def test_everyday_events_are_no_alerts() -> None:
    for event in (report(1, 1), DayStarted("20260105"), CommandDone(VENUE, "phase set")):
        assert alert(event) is None
