"""What happens to one order: accepted, filled, restated, ended.

Owns: the order's figures, state and report changing together, its registration among the live
ones, and what its fills and its end set off (`elected`, `released`).
Must not know: which orders meet at which price, and who asked for it.
"""

from __future__ import annotations

import msgspec

from fixoms.domain.enums import ExecRestatementReason, ExecType, Side
from fixoms.domain.ids import OrderId, TradeId
from fixoms.domain.units import NOTIONAL_MAX, Notional, Price, Qty
from fixoms.engine.contingency import Effect, effects_of_end, effects_of_fill
from fixoms.engine.order import Happening, Order, Place
from fixoms.engine.risk import Risk
from fixoms.engine.settings import EngineSettings
from fixoms.engine.state import State, TradeRecord
from fixoms.engine.tape import Tape
from fixoms.engine.timers import Expiries

TOO_MUCH = f"the price x quantity it traded would pass {NOTIONAL_MAX}"
TOO_FAR = "a trade would carry the position past its limit"

_NEW, _TRADE = ExecType.NEW, ExecType.TRADE
_FILL_PART, _FILL_REST = Happening.FILL_PART, Happening.FILL_REST
_BOOK = Place.BOOK
_EXEC_TYPE = {Happening.CANCEL: ExecType.CANCELED, Happening.EXPIRE: ExecType.EXPIRED}


class Trading:
    """Changes orders and reports them.

    `elected` are the orders a trade of the command at hand triggered, `released` the held ones
    whose parent was filled; agenda.py works them when the order at hand is done.
    """

    __slots__ = (
        "_ledger",
        "_risk",
        "_settings",
        "_state",
        "_tape",
        "elected",
        "expiries",
        "released",
    )

    def __init__(self, state: State, tape: Tape, settings: EngineSettings, risk: Risk) -> None:
        self._state = state
        self._ledger = state.ledger
        self._risk = risk
        self._tape = tape
        self._settings = settings
        self.expiries = Expiries()
        self.elected: list[Order] = []
        self.released: list[Order] = []

    def accept(self, order: Order) -> None:
        """Register the order and report it New."""
        state = self._state
        session = state.sessions[order.owner.session]
        state.orders[order.order_id] = order
        session.orders[order.cl_ord_id] = order
        state.cl_ord_ids += 1
        if state.controls.overrides:
            self._risk.take_override(session.name, order)
        self._tape.report(order, _NEW, requester=session.name)
        self.revive(order)

    def revive(self, order: Order) -> None:
        """Put the order among the live ones."""
        order_id = order.order_id
        self._state.participants[order.owner.participant].live[order_id] = order
        order.listing.live[order_id] = order
        if order.peg is not None:
            order.listing.pegs[order_id] = order
        if order.terms.expire_time is not None:
            self.expiries.watch(order)

    def _retire(self, order: Order) -> None:
        order_id = order.order_id
        del self._state.participants[order.owner.participant].live[order_id]
        del order.listing.live[order_id]
        if order.peg is not None:
            order.listing.pegs.pop(order_id, None)

    def withdraw(self, order: Order) -> None:
        """Take the order out of the book or the triggers; it stays live."""
        listing = order.listing
        if order.place is _BOOK:
            listing.book.leave(order)
            self._tape.touch(listing)
        elif order.place is Place.ARMED:
            listing.triggers.disarm(order)
        order.place = Place.NOWHERE

    def rest(self, order: Order) -> None:
        """Put what is left of the order at the end of its queue in the book."""
        listing = order.listing
        listing.book.join(order, listing.next_rank())
        self._tape.touch(listing)

    def trade(
        self, first: Order, second: Order, qty: Qty, price: Price, aggressor_side: Side | None
    ) -> None:
        """Match two orders of one listing.

        With an `aggressor_side` the first is the aggressor and the second rests in the book; its
        next peak goes to the end of the queue. Without, both rest, in an uncross, where a peak is
        shown afresh in its place.
        """
        tape, ledger = self._tape, self._ledger
        listing = first.listing
        if ledger.on:
            ledger.first_trade(listing, price)
        buy, sell = (first, second) if first.is_buy else (second, first)
        trade_id = tape.trade(buy, sell, qty, price, aggressor_side)
        value = qty * price
        exec_ids = []
        for order, contra in ((first, second), (second, first)):
            listing.book.reduce(order, qty)
            order.cum_qty = Qty(order.cum_qty + qty)
            order.notional = Notional(order.notional + value)
            order.apply(_FILL_PART if order.leaves_qty else _FILL_REST)
            ledger.book(order, qty, value)
            exec_ids.append(
                tape.report(
                    order,
                    _TRADE,
                    last_qty=qty,
                    last_px=price,
                    trade_id=trade_id,
                    aggressor=aggressor_side is not None and order is first,
                    contra=contra.owner.participant,
                )
            )
        listing.last_price = price
        self._record(
            TradeRecord(
                trade_id,
                price,
                qty,
                buy,
                sell,
                exec_ids[0] if buy is first else exec_ids[1],
                exec_ids[1] if buy is first else exec_ids[0],
            )
        )
        for order in (first, second):
            if order.place is _BOOK:
                self._take_shown(order, qty, in_place=aggressor_side is None)
        triggers = listing.triggers
        if (
            triggers.rising.best is not None
            or triggers.falling.best is not None
            or triggers.trailing
        ):
            self.elected += triggers.elect(price)
        for order in (first, second):
            if order.leaves_qty == 0:
                self._retire(order)
        for order in (first, second):
            if order.group is not None:
                self._spread_fill(order, qty)

    def unfit(self, first: Order, second: Order, qty: int, price: int) -> tuple[Order, str] | None:
        """The order for which this trade would be too much, and why; it must end instead."""
        value = qty * price
        for order in (first, second):
            if order.notional + value > NOTIONAL_MAX:
                return order, TOO_MUCH
        if self._ledger.guarded:
            over = self._risk.over(first, second, qty)
            if over is not None:
                return over, TOO_FAR
        return None

    def room(self, order: Order) -> int:
        """How much the order may trade before a position passes its limit."""
        return self._risk.room(order)

    @property
    def guards_fills(self) -> bool:
        """Whether a trade could carry a position past its limit, so that `room` must be asked."""
        return self._ledger.guarded

    def _take_shown(self, order: Order, qty: int, *, in_place: bool) -> None:
        listing = order.listing
        self._tape.touch(listing)
        shown = order.shown_qty - qty
        if order.leaves_qty == 0:
            listing.book.leave(order)
        elif in_place:
            listing.book.show(order, order.peak_qty)
        elif shown > 0:
            listing.book.show(order, Qty(shown))
        else:
            listing.book.leave(order)
            listing.book.join(order, listing.next_rank())

    def _record(self, trade: TradeRecord) -> None:
        trades = self._state.trades
        trades[trade.trade_id] = trade
        trades.pop(TradeId(trade.trade_id - self._settings.trades_max), None)

    def finish(
        self,
        order: Order,
        happening: Happening,
        text: str = "",
        *,
        requester: str = "",
        orig_cl_ord_id: str = "",
        reason: ExecRestatementReason | None = None,
    ) -> None:
        """End a live order (cancel or expire): nothing of it works any more."""
        self.withdraw(order)
        order.apply(happening)
        order.leaves_qty = Qty(0)
        self._retire(order)
        self._tape.report(
            order,
            _EXEC_TYPE[happening],
            requester=requester,
            orig_cl_ord_id=orig_cl_ord_id,
            text=text,
            restatement_reason=reason,
        )
        if order.group is not None:
            self.spread_end(order)

    def decline(self, order: Order, qty: int, text: str) -> None:
        """Take quantity off a live order, its OrderQty(38) included (ExecType D, 378=5).

        An order left with nothing is over: Filled when some of it was filled, else Canceled.
        """
        listing = order.listing
        listing.book.reduce(order, qty)
        order.terms = msgspec.structs.replace(order.terms, qty=Qty(order.terms.qty - qty))
        if order.leaves_qty:
            order.apply(Happening.RESTATE)
            if order.place is Place.BOOK:
                listing.book.show(order, min(order.shown_qty, order.leaves_qty))
                self._tape.touch(listing)
        else:
            self.withdraw(order)
            order.apply(Happening.REPLACE_TO_CUM if order.cum_qty else Happening.CANCEL)
            self._retire(order)
        self._tape.report(
            order,
            ExecType.RESTATED,
            text=text,
            restatement_reason=ExecRestatementReason.PARTIAL_DECLINE_OF_ORDER_QTY,
        )
        if order.group is not None and not order.is_live:
            self.spread_end(order)

    def fill_by_replace(self, order: Order) -> None:
        """End an order whose replace left no more than what is filled."""
        order.apply(Happening.REPLACE_TO_CUM)
        order.leaves_qty = Qty(0)
        self._retire(order)

    def _spread_fill(self, order: Order, qty: Qty) -> None:
        for effect, other in effects_of_fill(order):
            if not other.is_live:
                continue
            name = f"ClOrdID(11) {order.cl_ord_id} of the same list was filled"
            if effect is Effect.CANCEL or other.leaves_qty <= qty:
                self.finish(other, Happening.CANCEL, name)
            else:
                self.decline(other, qty, name)
        if not order.is_live:
            self.spread_end(order)

    def spread_end(self, order: Order) -> None:
        """Do to the other orders of the list what the end of this one means to them."""
        for effect, other in effects_of_end(order):
            if effect is Effect.RELEASE:
                other.place = Place.NOWHERE
                self.released.append(other)
            elif other.is_live:
                name = f"ClOrdID(11) {order.cl_ord_id}, which it waits for, was not filled"
                self.finish(other, Happening.CANCEL, name)


def live_orders(orders: dict[OrderId, Order]) -> list[Order]:
    """The orders of a register in order of entry; a copy, so that they may end meanwhile."""
    return [orders[order_id] for order_id in sorted(orders)]
