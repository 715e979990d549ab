"""Continuous trading: an order meets the other side of the book.

Owns: price-time matching, what a resting order offers to the one at hand (icebergs, all-or-none,
minimum quantity), self-trade prevention, and where the dynamic band stops a sweep.
Must not know: auctions, phases beyond "this listing matches", who may trade.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from fixoms.domain.enums import OrdType, SelfTradePrevention
from fixoms.domain.ids import OrderId
from fixoms.domain.units import NOTIONAL_MAX
from fixoms.engine.book import Ladder, Level, reaches
from fixoms.engine.calls import Calls
from fixoms.engine.contingency import is_exclusive
from fixoms.engine.order import Happening, Order, Place
from fixoms.engine.state import State
from fixoms.engine.trading import Trading

_STOPPING = (SelfTradePrevention.CANCEL_NEWEST, SelfTradePrevention.CANCEL_BOTH)


class Matching:
    """Works orders against the book of their listing."""

    __slots__ = ("_calls", "_state", "_trading")

    def __init__(self, state: State, trading: Trading, calls: Calls) -> None:
        self._state = state
        self._trading = trading
        self._calls = calls

    def work(self, order: Order) -> None:
        """Let the order trade what it can; the rest joins the book or is canceled.

        Outside of continuous trading nothing trades: the order gathers for the next uncross.
        """
        listing = order.listing
        if not listing.matches:
            self._gather(order)
            return
        need = order.needed_qty
        if need and self.tradable(order, need) < need:
            if order.whole and order.price is not None and not order.is_immediate:
                self._trading.rest(order)
            else:
                self._trading.finish(order, Happening.CANCEL, _lacking(order, need))
            return
        opposite = listing.book.opposite(order)
        if opposite.best is not None and reaches(order, opposite.best.price):
            if order.post_only:
                text = "ExecInst(18) 6 would have crossed the book"
                self._trading.finish(order, Happening.CANCEL, text)
                return
            self._match(order, opposite)
            if not order.is_live:
                return
        self._leave_rest(order)

    def _leave_rest(self, order: Order) -> None:
        """Put what did not trade into the book, or into the call that a sweep has begun."""
        if order.price is None or order.is_immediate:
            matches = order.listing.matches
            text = "nothing more to trade with" if matches else "trading was interrupted"
            self._trading.finish(order, Happening.CANCEL, text)
        elif order.listing.matches:
            self._trading.rest(order)
        else:
            self._gather(order)

    def _gather(self, order: Order) -> None:
        phase = order.listing.phase
        if order.is_immediate or (order.needed_qty and not order.whole):
            text = f"nothing trades at once in phase {phase}"
            self._trading.finish(order, Happening.CANCEL, text)
        elif order.peg is not None:
            order.price = None
            order.place = Place.PARKED
        else:
            self._trading.rest(order)

    def tradable(self, order: Order, enough: int) -> int:
        """How much the order would trade if it were worked now, counted no further than `enough`.

        A dry run of `_match`: the same meetings in the same order, nothing changed. Where a limit
        was lowered below what works, an order that could pass it is not counted on at all.
        """
        trading = self._trading
        guarded = trading.guards_fills
        if guarded and trading.room(order) < order.leaves_qty:
            return 0
        book = order.listing.book
        band = order.listing.dynamic_band()
        stp = self._prevention(order)
        left, traded, value = int(order.leaves_qty), 0, int(order.notional)
        limit = order.price
        met: dict[int, Order] = {}
        declined: set[OrderId] = set()
        for level in book.opposite(order).levels():
            price = level.price
            if limit is not None and (price > limit if order.is_buy else price < limit):
                break
            for resting, offered in _offers(level):
                if traded >= enough or left <= 0:
                    return traded
                if resting.whole and resting.leaves_qty > left:
                    continue
                if guarded and trading.room(resting) < resting.leaves_qty:
                    continue
                if stp is not None and resting.owner.participant == order.owner.participant:
                    if stp in _STOPPING:
                        return traded
                    if stp is SelfTradePrevention.DECREMENT and resting.order_id not in declined:
                        declined.add(resting.order_id)
                        left -= min(left, resting.leaves_qty)
                    continue
                if band is not None and not band[0] <= price <= band[1]:
                    return traded
                # Of orders that cancel or reduce each other only the first met is counted on.
                if (
                    is_exclusive(resting)
                    and met.setdefault(id(resting.group), resting) is not resting
                ):
                    continue
                qty = min(left, offered)
                value += qty * price
                if value > NOTIONAL_MAX:
                    return traded
                if order.terms.ord_type is OrdType.MARKET_TO_LIMIT and limit is None:
                    limit = price
                left -= qty
                traded += qty
        return traded

    def _match(self, order: Order, opposite: Ladder) -> None:
        listing = order.listing
        band = listing.dynamic_band()
        stp = self._prevention(order)
        side = order.terms.side
        level = opposite.best
        while level is not None and order.leaves_qty and reaches(order, level.price):
            resting = _fitting(level, order.leaves_qty)
            if resting is None:
                level = opposite.after(level)
                continue
            price = level.price
            if stp is not None and resting.owner.participant == order.owner.participant:
                self._prevent(stp, order, resting)
                if not order.is_live:
                    return
            elif band is not None and not band[0] <= price <= band[1]:
                shown = listing.instrument.render_price(price)
                self._calls.interrupt(listing, f"a trade at {shown} would leave the dynamic band")
                return
            else:
                qty = min(
                    order.leaves_qty, resting.leaves_qty if resting.whole else resting.shown_qty
                )
                unfit = self._trading.unfit(order, resting, qty, price)
                if unfit is not None:
                    self._trading.finish(unfit[0], Happening.CANCEL, unfit[1])
                    if unfit[0] is order:
                        return
                else:
                    if order.price is None and order.terms.ord_type is OrdType.MARKET_TO_LIMIT:
                        order.price = price
                    self._trading.trade(order, resting, qty, price, side)
                    if not order.is_live:
                        return
            level = opposite.best

    def _prevention(self, order: Order) -> SelfTradePrevention | None:
        """How the order avoids its participant's own orders, None when it does not."""
        stp = order.terms.stp
        if stp is SelfTradePrevention.PARTICIPANT_DEFAULT:
            stp = self._state.participants[order.owner.participant].stp
        return None if stp in _TRADING else stp

    def _prevent(self, stp: SelfTradePrevention, order: Order, resting: Order) -> None:
        trading = self._trading
        if stp is SelfTradePrevention.DECREMENT:
            qty = min(order.leaves_qty, resting.leaves_qty)
            trading.decline(order, qty, f"would trade with own order {resting.cl_ord_id}")
            if resting.is_live:
                trading.decline(resting, qty, f"would trade with own order {order.cl_ord_id}")
            return
        if stp is not SelfTradePrevention.CANCEL_NEWEST:
            text = f"own order {order.cl_ord_id} would trade with it"
            trading.finish(resting, Happening.CANCEL, text)
        if stp is not SelfTradePrevention.CANCEL_OLDEST and order.is_live:
            text = f"would trade with own order {resting.cl_ord_id}"
            trading.finish(order, Happening.CANCEL, text)


_TRADING = (SelfTradePrevention.NONE, SelfTradePrevention.PARTICIPANT_DEFAULT)


def _fitting(level: Level, leaves_qty: int) -> Order | None:
    """The first order of the level that trades with this quantity.

    An all-or-none order is passed over while it cannot be whole.
    """
    order = level.head
    while order is not None and order.whole and order.leaves_qty > leaves_qty:
        order = order.next
    return order


def _offers(level: Level) -> Iterator[tuple[Order, int]]:
    """The orders of a level, peak by peak, in the order in which they would trade."""
    requeued: deque[tuple[Order, int]] = deque()
    for order in level:
        if order.whole:
            yield order, order.leaves_qty
            continue
        yield order, order.shown_qty
        if order.leaves_qty > order.shown_qty:
            requeued.append((order, order.leaves_qty - order.shown_qty))
    while requeued:
        order, left = requeued.popleft()
        peak = min(order.terms.max_floor or left, left)
        yield order, peak
        if left > peak:
            requeued.append((order, left - peak))


def _lacking(order: Order, need: int) -> str:
    wanted = order.listing.instrument.render_qty(need)
    if order.terms.min_qty is not None and not order.whole:
        return f"less than MinQty(110), {wanted}, to trade at once"
    return f"less than all of it, {wanted}, to trade at once"
