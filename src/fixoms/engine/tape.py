"""The tape: what the command at hand has led to, in order.

Owns: the events of one command, the counters they are numbered from, and which listings the
command touched.
Must not know: why something happened.
"""

from __future__ import annotations

from fixoms.domain.commands import OrderTerms, Origin
from fixoms.domain.enums import (
    BusinessRejectReason,
    ExecRestatementReason,
    ExecType,
    OrdRejReason,
    OrdStatus,
    Side,
)
from fixoms.domain.events import (
    BookChanged,
    BusinessRejected,
    CommandDone,
    CommandRefused,
    Event,
    Execution,
    Level,
    Owner,
    Trade,
)
from fixoms.domain.ids import NO_ORDER, NO_TRADE, ExecId, InstrumentId, OrderId, TradeId
from fixoms.domain.units import Nanos, Notional, Price, Qty
from fixoms.engine.listing import Listing
from fixoms.engine.order import Order
from fixoms.engine.state import State

_NO_QTY = Qty(0)
_REPLACED, _TRADE = ExecType.REPLACED, ExecType.TRADE
_NO_EXEC = ExecId(0)


class Tape:
    """The events of one command. `touched` are the listings whose book may look different."""

    __slots__ = ("_ledger", "_state", "events", "time", "touched")

    def __init__(self, state: State) -> None:
        self._state = state
        self._ledger = state.ledger
        self.time = Nanos(0)
        self.events: list[Event] = []
        self.touched: dict[InstrumentId, Listing] = {}

    def begin(self, time: Nanos) -> list[Event]:
        """Start the tape of the next command."""
        self.time = time
        self.events = []
        self.touched = {}
        return self.events

    def touch(self, listing: Listing) -> None:
        """Note that the listing's book may have changed."""
        self.touched[listing.instrument_id] = listing

    def next_exec_id(self) -> ExecId:
        """A new ExecID(17)."""
        state = self._state
        state.exec_id = ExecId(state.exec_id + 1)
        return state.exec_id

    def report(
        self,
        order: Order,
        exec_type: ExecType,
        *,
        requester: str = "",
        orig_cl_ord_id: str = "",
        text: str = "",
        restatement_reason: ExecRestatementReason | None = None,
        last_qty: Qty = _NO_QTY,
        last_px: Price | None = None,
        trade_id: TradeId = NO_TRADE,
        aggressor: bool = False,
        contra: str = "",
        ref_exec_id: ExecId = _NO_EXEC,
        ord_status_req_id: str = "",
        mass_status_req_id: str = "",
        report_number: int = 0,
        report_count: int = 0,
    ) -> ExecId:
        """Report the order as it stands now; what it reserves follows its report."""
        state = self._state
        if self._ledger.on:
            if exec_type is not _TRADE:  # Trading books a trade itself.
                self._ledger.note(order, exec_type)
        elif exec_type is _REPLACED:
            self._ledger.follow(order)
        exec_id = state.exec_id = ExecId(state.exec_id + 1)
        listing = order.listing
        group = order.group
        self.events.append(
            Execution(
                exec_id,
                exec_type,
                order.status,
                order.order_id,
                order.cl_ord_id,
                orig_cl_ord_id,
                order.owner,
                listing.instrument_id,
                listing.instrument.symbol,
                order.terms,
                order.price,
                order.stop_px,
                order.leaves_qty,
                order.cum_qty,
                order.notional,
                order.entered_at,
                state.trading_day,
                requester,
                last_qty,
                last_px,
                trade_id,
                aggressor,
                contra,
                ref_exec_id,
                None,
                restatement_reason,
                text,
                order.triggered,
                "" if group is None else group.list_id,
                order.cl_ord_link_id,
                ord_status_req_id,
                mass_status_req_id,
                report_number,
                report_count,
            )
        )
        return exec_id

    def report_unknown(
        self,
        exec_type: ExecType,
        owner: Owner,
        cl_ord_id: str,
        symbol: str,
        instrument_id: InstrumentId,
        terms: OrderTerms,
        reason: OrdRejReason,
        text: str,
        *,
        list_id: str = "",
        cl_ord_link_id: str = "",
        ord_status_req_id: str = "",
        mass_status_req_id: str = "",
        report_number: int = 0,
        report_count: int = 0,
    ) -> None:
        """Report an order the venue does not have: one it refused, or one nobody entered."""
        self.events.append(
            Execution(
                self.next_exec_id(),
                exec_type,
                OrdStatus.REJECTED,
                NO_ORDER,
                cl_ord_id,
                "",
                owner,
                instrument_id,
                symbol,
                terms,
                terms.price,
                terms.stop_px,
                _NO_QTY,
                _NO_QTY,
                Notional(0),
                self.time,
                self._state.trading_day,
                requester=owner.session,
                ord_rej_reason=reason,
                text=text,
                list_id=list_id,
                cl_ord_link_id=cl_ord_link_id,
                ord_status_req_id=ord_status_req_id,
                mass_status_req_id=mass_status_req_id,
                report_number=report_number,
                report_count=report_count,
            )
        )

    def trade(
        self, buy: Order, sell: Order, qty: Qty, price: Price, aggressor_side: Side | None
    ) -> TradeId:
        """Print one match."""
        state = self._state
        trade_id = state.trade_id = TradeId(state.trade_id + 1)
        listing = buy.listing
        self.events.append(
            Trade(
                trade_id,
                listing.instrument_id,
                listing.instrument.symbol,
                price,
                qty,
                aggressor_side,
                buy.order_id,
                sell.order_id,
                buy.owner.participant,
                sell.owner.participant,
                state.trading_day,
            )
        )
        return trade_id

    def done(self, origin: Origin, changed: str) -> None:
        """Answer an operator: this was done."""
        self.events.append(CommandDone(origin, changed))

    def refuse(self, origin: Origin, reason: str) -> None:
        """Answer an operator: nothing was done."""
        self.events.append(CommandRefused(origin, reason))

    def reject_business(
        self,
        origin: Origin,
        ref_msg_type: str,
        ref_id: str,
        text: str,
        reason: BusinessRejectReason = BusinessRejectReason.NOT_AUTHORIZED,
    ) -> None:
        """Answer a request the engine will not look at."""
        self.events.append(BusinessRejected(origin, ref_msg_type, ref_id, reason, text))

    def publish_books(self) -> None:
        """Append the books the command changed, each once and last."""
        for listing in self.touched.values():
            book = listing.book
            levels = book.bids.drain_changes() if book.bids.changed else []
            if book.asks.changed:
                levels += book.asks.drain_changes()
            if levels:
                self.events.append(_book_changed(listing, tuple(levels)))

    def next_order_id(self) -> OrderId:
        """A new OrderID(37)."""
        state = self._state
        state.order_id = OrderId(state.order_id + 1)
        return state.order_id


def _book_changed(listing: Listing, levels: tuple[Level, ...]) -> BookChanged:
    bid, ask = listing.book.bids.best, listing.book.asks.best
    return BookChanged(
        listing.instrument_id,
        listing.instrument.symbol,
        levels,
        None if bid is None else bid.price,
        _NO_QTY if bid is None else Qty(bid.qty),
        None if ask is None else ask.price,
        _NO_QTY if ask is None else Qty(ask.qty),
    )
