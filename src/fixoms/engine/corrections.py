"""Trades taken back or changed by the operator.

Owns: what a bust and a correction do to both orders.
Must not know: positions; they follow from the reports.

FIX 4.4 Vol. 4 Appendix D, J.1.a: an order that works or was filled has CumQty(14) lowered and
LeavesQty(151) raised by what is taken back, and is Partially Filled or New again; J.1.b: one that
was canceled or expired stays so with LeavesQty 0. The quantity comes back without time priority:
an order that rests in the book goes to the end of its queue with it. An order that had left the
book is not put back into it by the venue: it is live and idle, and waits for its owner to replace
it (which puts it to work) or cancel it, or for the end of its time.
"""

from __future__ import annotations

from fixoms.domain.commands import BustTrade, CorrectTrade
from fixoms.domain.enums import ExecType
from fixoms.domain.events import TradeBusted, TradeCorrected
from fixoms.domain.ids import ExecId
from fixoms.domain.rendering import render_trade_id
from fixoms.domain.units import NOTIONAL_MAX, PRICE_MAX, Notional, Price, Qty
from fixoms.engine.order import Happening, Order, Place
from fixoms.engine.state import State, TradeRecord
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading


class Corrections:
    """Busts and corrects trades."""

    __slots__ = ("_state", "_tape", "_trading")

    def __init__(self, state: State, tape: Tape, trading: Trading) -> None:
        self._state = state
        self._tape = tape
        self._trading = trading

    def bust(self, command: BustTrade) -> None:
        """Take a trade back: ExecType H to both sides."""
        trade = self._state.trades.get(command.trade_id)
        if trade is None:
            text = f"{render_trade_id(command.trade_id)} is not a trade of today that stands"
            self._tape.refuse(command.origin, text)
            return
        del self._state.trades[command.trade_id]
        for order, exec_id in _sides(trade):
            self._change(order, trade, Price(0), Qty(0))
            self._report(order, trade, exec_id, ExecType.TRADE_CANCEL, command.reason)
        instrument = trade.buy.listing.instrument
        self._tape.events.append(
            TradeBusted(
                trade.trade_id,
                instrument.instrument_id,
                instrument.symbol,
                trade.price,
                trade.qty,
                command.reason,
            )
        )
        self._tape.done(
            command.origin, f"busted trade {render_trade_id(trade.trade_id)}: {command.reason}"
        )

    def correct(self, command: CorrectTrade) -> None:
        """Change price or quantity of a trade: ExecType G to both sides.

        The quantity can be lowered, not raised: what did not match cannot be made to have.
        """
        trade = self._state.trades.get(command.trade_id)
        refusal = _refuse(trade, command)
        if trade is None or refusal:
            self._tape.refuse(command.origin, refusal)
            return
        old_price, old_qty = trade.price, trade.qty
        exec_ids = []
        for order, exec_id in _sides(trade):
            self._change(order, trade, command.price, command.qty)
            corrected = TradeRecord(
                trade.trade_id, command.price, command.qty, trade.buy, trade.sell, exec_id, exec_id
            )
            exec_ids.append(
                self._report(order, corrected, exec_id, ExecType.TRADE_CORRECT, command.reason)
            )
        trade.price, trade.qty = command.price, command.qty
        trade.buy_exec_id, trade.sell_exec_id = exec_ids
        instrument = trade.buy.listing.instrument
        self._tape.events.append(
            TradeCorrected(
                trade.trade_id,
                instrument.instrument_id,
                instrument.symbol,
                old_price,
                old_qty,
                command.price,
                command.qty,
                command.reason,
            )
        )
        self._tape.done(
            command.origin, f"corrected trade {render_trade_id(trade.trade_id)}: {command.reason}"
        )

    def _change(self, order: Order, trade: TradeRecord, price: Price, qty: Qty) -> None:
        """Make the order's figures those of a trade of `qty` at `price`; 0 stands for a bust."""
        returned = trade.qty - qty
        was_live, in_book = order.is_live, order.place is Place.BOOK
        if in_book and returned:
            self._trading.withdraw(order)
        order.cum_qty = Qty(order.cum_qty - returned)
        gained = price * qty - trade.price * trade.qty
        order.notional = Notional(order.notional + gained)
        if qty == 0:
            order.apply(Happening.BUST_SOME if order.cum_qty else Happening.BUST_ALL)
        else:
            order.apply(Happening.CORRECT_DOWN if returned else Happening.CORRECT)
        self._state.ledger.book(order, -returned, gained)
        if not order.is_live or not returned:
            return
        order.leaves_qty = Qty(order.leaves_qty + returned)
        if not was_live:
            order.place = Place.IDLE
            self._trading.revive(order)
        elif in_book:
            self._trading.rest(order)

    def _report(
        self, order: Order, trade: TradeRecord, exec_id: ExecId, exec_type: ExecType, reason: str
    ) -> ExecId:
        contra = trade.sell if order is trade.buy else trade.buy
        return self._tape.report(
            order,
            exec_type,
            last_qty=trade.qty,
            last_px=trade.price,
            trade_id=trade.trade_id,
            contra=contra.owner.participant,
            ref_exec_id=exec_id,
            text=reason,
        )


def _sides(trade: TradeRecord) -> tuple[tuple[Order, ExecId], tuple[Order, ExecId]]:
    return (trade.buy, trade.buy_exec_id), (trade.sell, trade.sell_exec_id)


def _refuse(trade: TradeRecord | None, command: CorrectTrade) -> str:
    if trade is None:
        return f"{render_trade_id(command.trade_id)} is not a trade of today that stands"
    instrument = trade.buy.listing.instrument
    if not 0 < command.qty <= trade.qty:
        most = instrument.render_qty(trade.qty)
        return f"LastQty(32) {instrument.render_qty(command.qty)} is not above 0 and up to {most}"
    if not 0 < command.price <= PRICE_MAX:
        most = instrument.render_price(PRICE_MAX)
        return (
            f"LastPx(31) {instrument.render_price(command.price)} is not above 0 and up to {most}"
        )
    gained = command.price * command.qty - trade.price * trade.qty
    if max(trade.buy.notional, trade.sell.notional) + gained > NOTIONAL_MAX:
        return f"the traded value of an order would pass {NOTIONAL_MAX} units"
    return ""
