"""A small trading scene as journal entries, for the readers of the journal.

Owns: entries that carry what the engine would decide, so that a reader can be tested alone.
Must not know: the readers.
"""

from collections.abc import Sequence

import msgspec

from fixoms.domain.commands import VENUE, AdvanceTime, OrderTerms, Origin
from fixoms.domain.enums import (
    CxlRejReason,
    CxlRejResponseTo,
    ExecType,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Phase,
    Side,
    TimeInForce,
)
from fixoms.domain.events import (
    BookChanged,
    CancelRejected,
    DayStarted,
    Event,
    Execution,
    InstrumentDefined,
    Level,
    Owner,
    SessionDefined,
    SessionStatusChanged,
    Trade,
)
from fixoms.domain.ids import NO_TRADE, ExecId, InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Nanos, Notional, Price, Qty
from fixoms.journal.entry import Entry

START = Nanos(1_767_619_800_000_000_000)  # 2026-01-05T13:30:00Z
MILLISECOND = 1_000_000
DAY = "20260105"
ACME = Instrument(symbol="ACME", market="XFOM", currency="USD", price_decimals=2)
ACME_ID = ACME.instrument_id
ALICE = Owner("ALICE", "BROKER-A", "alice")
BOB = Owner("BOB", "BROKER-B", "bob")


def entry(seq: int, *events: Event) -> Entry:
    """Entry `seq`, one millisecond after the one before."""
    return Entry(seq, Nanos(START + (seq - 1) * MILLISECOND), AdvanceTime(VENUE), events)


class EntryList:
    """A journal in memory, with the reading side of the real one."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries = list(entries)

    def read(self, after_seq: int, limit: int) -> list[Entry]:
        return self.entries[after_seq : after_seq + limit]


def report(
    exec_id: int,
    order_id: int,
    *,
    exec_type: ExecType = ExecType.NEW,
    ord_status: OrdStatus = OrdStatus.NEW,
    cl_ord_id: str = "A1",
    orig_cl_ord_id: str = "",
    owner: Owner = ALICE,
    side: Side = Side.BUY,
    qty: int = 100,
    price: int | None = 1005,
    leaves: int | None = None,
    cum: int = 0,
    notional: int = 0,
    instrument_id: str = ACME_ID,
    **more: object,
) -> Execution:
    """An execution with everything an outlet may ask of it."""
    terms = OrderTerms(
        side=side,
        ord_type=OrdType.LIMIT if price is not None else OrdType.MARKET,
        tif=TimeInForce.DAY,
        qty=Qty(qty),
        price=None if price is None else Price(price),
        account="ACC-1",
        client="CLIENT-1",
    )
    event = Execution(
        exec_id=ExecId(exec_id),
        exec_type=exec_type,
        ord_status=ord_status,
        order_id=OrderId(order_id),
        cl_ord_id=cl_ord_id,
        orig_cl_ord_id=orig_cl_ord_id,
        owner=owner,
        instrument_id=InstrumentId(instrument_id),
        symbol=instrument_id.partition("@")[0],
        terms=terms,
        price=None if price is None else Price(price),
        stop_px=None,
        leaves_qty=Qty(qty - cum if leaves is None else leaves),
        cum_qty=Qty(cum),
        notional=Notional(notional),
        entered_at=START,
        trading_day=DAY,
        requester=owner.session if exec_type is not ExecType.TRADE else "",
    )
    return msgspec.structs.replace(event, **more)


def fill(
    exec_id: int, order_id: int, trade_id: int, last_qty: int, last_px: int, **more: object
) -> Execution:
    """One side of a match."""
    values: dict[str, object] = {
        "exec_type": ExecType.TRADE,
        "ord_status": OrdStatus.PARTIALLY_FILLED,
        "last_qty": Qty(last_qty),
        "last_px": Price(last_px),
        "trade_id": TradeId(trade_id),
        "contra": "BROKER-B",
    }
    return report(exec_id, order_id, **(values | more))  # type: ignore[arg-type]


def book(
    *levels: tuple[bool, int, int, int],
    bid: tuple[int, int] | None = None,
    ask: tuple[int, int] | None = None,
) -> BookChanged:
    """Levels as (is_bid, price, qty, orders), the top as (price, qty)."""
    return BookChanged(
        instrument_id=ACME_ID,
        symbol="ACME",
        levels=tuple(Level(b, Price(p), Qty(q), n) for b, p, q, n in levels),
        bid_px=None if bid is None else Price(bid[0]),
        bid_qty=Qty(0 if bid is None else bid[1]),
        ask_px=None if ask is None else Price(ask[0]),
        ask_qty=Qty(0 if ask is None else ask[1]),
    )


def opening(seq: int = 1) -> list[Entry]:
    """The start of a day: an instrument, two sessions."""
    return [
        entry(seq, InstrumentDefined(ACME, Phase.CONTINUOUS)),
        entry(seq + 1, SessionDefined("ALICE", "BROKER-A")),
        entry(seq + 2, SessionDefined("BOB", "BROKER-B")),
        entry(seq + 3, DayStarted(DAY)),
        entry(seq + 4, SessionStatusChanged("ALICE", "BROKER-A", connected=True)),
        entry(seq + 5, SessionStatusChanged("BOB", "BROKER-B", connected=True)),
    ]


def trading(seq: int = 7) -> list[Entry]:
    """Alice's 100 are filled in two parts by Bob; a reject; a cancel that comes too late."""
    bob_sells = {"owner": BOB, "side": Side.SELL, "aggressor": True, "contra": "BROKER-A"}
    return [
        entry(seq, report(1, 1), book((True, 1005, 100, 1), bid=(1005, 100))),
        entry(
            seq + 1,
            report(2, 2, owner=BOB, side=Side.SELL, cl_ord_id="B1", qty=30),
            fill(3, 1, 1, 30, 1005, leaves=70, cum=30, notional=30 * 1005),
            fill(
                4,
                2,
                1,
                30,
                1005,
                cl_ord_id="B1",
                qty=30,
                cum=30,
                notional=30 * 1005,
                **(bob_sells | {"ord_status": OrdStatus.FILLED}),
            ),
            _trade(1, 1005, 30, 1, 2),
            book((True, 1005, 70, 1), bid=(1005, 70)),
        ),
        entry(
            seq + 2,
            report(
                5,
                1,
                exec_type=ExecType.REPLACED,
                ord_status=OrdStatus.PARTIALLY_FILLED,
                cl_ord_id="A2",
                orig_cl_ord_id="A1",
                price=1006,
                leaves=70,
                cum=30,
                notional=30 * 1005,
            ),
            book((True, 1005, 0, 0), (True, 1006, 70, 1), bid=(1006, 70)),
        ),
        entry(
            seq + 3,
            report(6, 3, owner=BOB, side=Side.SELL, cl_ord_id="B2", qty=70, price=None),
            fill(
                7,
                1,
                2,
                70,
                1006,
                cl_ord_id="A2",
                price=1006,
                leaves=0,
                cum=100,
                notional=30 * 1005 + 70 * 1006,
                ord_status=OrdStatus.FILLED,
            ),
            fill(
                8,
                3,
                2,
                70,
                1006,
                cl_ord_id="B2",
                qty=70,
                price=None,
                cum=70,
                notional=70 * 1006,
                **(bob_sells | {"ord_status": OrdStatus.FILLED}),
            ),
            _trade(2, 1006, 70, 1, 3),
            book((True, 1006, 0, 0)),
        ),
        entry(
            seq + 4,
            report(
                9,
                0,
                exec_type=ExecType.REJECTED,
                ord_status=OrdStatus.REJECTED,
                cl_ord_id="A3",
                leaves=0,
                ord_rej_reason=OrdRejReason.ORDER_EXCEEDS_LIMIT,
                text="Price(44) 99.99 is outside the band 9.00 to 11.00",
            ),
        ),
        entry(
            seq + 5,
            CancelRejected(
                origin=Origin("ALICE", "BROKER-A", "alice", 12),
                cl_ord_id="A4",
                orig_cl_ord_id="A2",
                order_id=OrderId(1),
                ord_status=OrdStatus.FILLED,
                response_to=CxlRejResponseTo.ORDER_CANCEL_REQUEST,
                reason=CxlRejReason.TOO_LATE_TO_CANCEL,
                text="OrigClOrdID(41) A2 is filled",
                symbol="ACME",
            ),
        ),
    ]


def _trade(trade_id: int, price: int, qty: int, buy: int, sell: int) -> Trade:
    return Trade(
        trade_id=TradeId(trade_id) if trade_id else NO_TRADE,
        instrument_id=ACME_ID,
        symbol="ACME",
        price=Price(price),
        qty=Qty(qty),
        aggressor_side=Side.SELL,
        buy_order_id=OrderId(buy),
        sell_order_id=OrderId(sell),
        buyer="BROKER-A",
        seller="BROKER-B",
        trading_day=DAY,
    )


def scene() -> list[Entry]:
    """The whole scene: entries 1 to 12."""
    return opening() + trading()


def busy_entries(first: int, count: int) -> list[Entry]:
    """Entries of a busy market: each one order, its fill against another, and the book."""
    entries = []
    for seq in range(first, first + count):
        buy, sell = 2 * seq, 2 * seq + 1
        price = 1000 + seq % 7
        cost = 10 * price
        entries.append(
            entry(
                seq,
                report(4 * seq, buy, cl_ord_id=f"A{seq}", price=price),
                fill(4 * seq + 1, buy, seq, 10, price, cl_ord_id=f"A{seq}", cum=10, notional=cost),
                fill(
                    4 * seq + 2,
                    sell,
                    seq,
                    10,
                    price,
                    cl_ord_id=f"B{seq}",
                    owner=BOB,
                    side=Side.SELL,
                    qty=10,
                    cum=10,
                    notional=cost,
                    ord_status=OrdStatus.FILLED,
                ),
                _trade(seq, price, 10, buy, sell),
                book((True, price, 90 + seq % 3, 1), bid=(price, 90 + seq % 3)),
            )
        )
    return entries
