"""The trading day: its start, its end, and orders whose time has come.

Owns: which orders outlive a day, and what the venue forgets overnight.
Must not know: schedules; the day is started and ended by commands.
"""

from __future__ import annotations

from collections.abc import Callable

from fixoms.domain.commands import EndDay, StartDay
from fixoms.domain.enums import TimeInForce
from fixoms.domain.events import DayEnded, DayStarted, ReferencePriceChanged
from fixoms.engine.order import Happening, Order
from fixoms.engine.state import State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading, live_orders


class Days:
    """Starts and ends trading days."""

    __slots__ = ("_state", "_tape", "_trading")

    def __init__(self, state: State, tape: Tape, trading: Trading) -> None:
        self._state = state
        self._tape = tape
        self._trading = trading

    def start(self, command: StartDay) -> None:
        """Open a trading day: forget what finished before it, take last prices as reference.

        Finished orders, their ClOrdIDs, trades and emptied lists leave memory, so a trade can be
        busted until the next day starts. A live order keeps its newest ClOrdID(11). A
        good-till-date order whose ExpireDate(432) fell between the days expires now.
        """
        state, day = self._state, command.trading_day
        if len(day) != 8 or not (day.isascii() and day.isdigit()):
            self._tape.refuse(command.origin, f"trading day {day!r} is not YYYYMMDD")
            return
        if state.day_is_open:
            text = f"trading day {state.trading_day} must be ended before {day} starts"
            self._tape.refuse(command.origin, text)
            return
        if day <= state.trading_day:
            text = f"trading day {day} does not follow {state.trading_day}"
            self._tape.refuse(command.origin, text)
            return
        state.trading_day = day
        state.day_is_open = True
        self._forget()
        self._tape.events.append(DayStarted(day))
        self._expire(lambda order: _is_dated(order, before=day), f"trading day {day} started")
        for listing in state.listings.values():
            if listing.last_price is not None and listing.last_price != listing.reference_price:
                listing.reference_price = listing.last_price
                state.ledger.set_mark(listing, listing.last_price)
                self._tape.touch(listing)
                self._tape.events.append(
                    ReferencePriceChanged(
                        listing.instrument_id, listing.instrument.symbol, listing.last_price
                    )
                )
        self._tape.done(command.origin, f"started trading day {day}")

    def _forget(self) -> None:
        state = self._state
        state.controls.start_day()
        state.ledger.start_day()
        state.trades.clear()
        state.orders = {key: order for key, order in state.orders.items() if order.is_live}
        state.lists = {
            key: group
            for key, group in state.lists.items()
            if any(order.is_live for order in group.orders)
        }
        for group in state.lists.values():
            group.orders = [order for order in group.orders if order.is_live]
        state.cl_ord_ids = 0
        for session in state.sessions.values():
            session.orders = {
                name: order
                for name, order in session.orders.items()
                if order.is_live and order.cl_ord_id == name
            }
            state.cl_ord_ids += len(session.orders)

    def end(self, command: EndDay) -> None:
        """End the trading day: Day, at-the-opening, at-the-close and good-till-crossing expire.

        So do good-till-date orders whose ExpireDate(432) is this day or earlier. The others live
        on in their places.
        """
        state = self._state
        if not state.day_is_open:
            self._tape.refuse(command.origin, "no trading day is open")
            return
        day = state.trading_day
        expired = self._expire(lambda order: _ends_with(order, day), f"trading day {day} ended")
        state.day_is_open = False
        self._tape.events.append(DayEnded(state.trading_day, expired))
        self._tape.done(command.origin, f"ended trading day {state.trading_day}")

    def _expire(self, is_due: Callable[[Order], bool], text: str) -> int:
        """Expire the due orders of every listing in order of entry; how many they were."""
        expired = 0
        for listing in self._state.listings.values():
            for order in live_orders(listing.live):
                if order.is_live and is_due(order):
                    expired += 1
                    self._trading.finish(order, Happening.EXPIRE, text)
        return expired

    def expire_due(self) -> None:
        """Expire the orders whose ExpireTime(126) has come."""
        while (order := self._trading.expiries.pop_due(self._tape.time)) is not None:
            self._trading.finish(order, Happening.EXPIRE, "ExpireTime(126) has passed")


def _ends_with(order: Order, trading_day: str) -> bool:
    terms = order.terms
    if terms.tif is TimeInForce.GOOD_TILL_CANCEL:
        return False
    if terms.tif is TimeInForce.GOOD_TILL_DATE:
        return _is_dated(order, before=trading_day) or terms.expire_date == trading_day
    return True


def _is_dated(order: Order, before: str) -> bool:
    """Whether the order is good till a date before the day."""
    terms = order.terms
    return terms.tif is TimeInForce.GOOD_TILL_DATE and "" < terms.expire_date < before
