"""Orders that wait for the market to trade at a price: one mechanism for all of them.

Owns: the armed orders of one listing, which of them a trade elects and in which order, and how a
trailing stop price follows the market. Stop, stop-limit, market-if-touched, limit-if-touched and
trailing stops differ only in direction and in what they become.
Must not know: what an elected order does then.
"""

from __future__ import annotations

from fixoms.domain.ids import OrderId
from fixoms.domain.units import PRICE_MAX, Price
from fixoms.engine.book import Ladder
from fixoms.engine.order import Order, Place


class Triggers:
    """The armed orders of one listing.

    `rising` orders are elected by a trade at or above their stop price, lowest first; `falling`
    ones by a trade at or below it, highest first. So the stop price the market has left farthest
    behind comes first, then time.
    """

    __slots__ = ("falling", "rising", "trailing")

    def __init__(self) -> None:
        self.rising = Ladder(descending=False)
        self.falling = Ladder(descending=True)
        self.trailing: dict[OrderId, Order] = {}

    def arm(self, order: Order, last: Price | None) -> None:
        """Let the order wait; a trailing one has followed the market up to `last`.

        A trailing order that has neither a StopPx(99) nor a trade to follow waits for the first.
        """
        order.place = Place.ARMED
        if order.trailing:
            self.trailing[order.order_id] = order
            follow(order, last)
        self._queue(order)

    def disarm(self, order: Order) -> None:
        """Take the order out."""
        order.place = Place.NOWHERE
        self.trailing.pop(order.order_id, None)
        if order.level is not None:
            (self.rising if order.triggers_on_rise else self.falling).remove(order)

    def elect(self, last: Price) -> list[Order]:
        """Take out the orders a trade at `last` elects, in the order they are to be worked."""
        if self.trailing:
            self._trail(last)
        elected: list[Order] = []
        for ladder, way in ((self.rising, 1), (self.falling, -1)):
            best = ladder.best
            while best is not None and best.price * way <= last * way:
                batch = sorted(best, key=_rank)
                for order in batch:
                    self.disarm(order)
                elected += batch
                best = ladder.best
            ladder.changed.clear()
        return elected

    def _trail(self, last: Price) -> None:
        """Let the trailing stop prices follow; their number is bounded (`watched_max`)."""
        for order in self.trailing.values():
            before, level = order.stop_px, order.level
            follow(order, last)
            if order.stop_px != before:
                if level is not None:
                    (self.rising if order.triggers_on_rise else self.falling).remove(order)
                self._queue(order)

    def _queue(self, order: Order) -> None:
        if order.stop_px is not None:
            (self.rising if order.triggers_on_rise else self.falling).append(order, order.stop_px)


def is_met(order: Order, last: Price | None) -> bool:
    """Whether a last trade at `last` triggers the order."""
    stop_px = order.stop_px
    if stop_px is None or last is None:
        return False
    return last >= stop_px if order.triggers_on_rise else last <= stop_px


def follow(order: Order, last: Price | None) -> None:
    """Move a trailing stop price after a trade at `last`: with the market, never back.

    PegOffsetValue(211) is signed: negative for a sell, whose stop only rises; positive for a buy,
    whose stop only falls. The result stays inside the bounds of a price.
    """
    if last is None or not order.trailing:
        return
    wanted = Price(min(max(last + (order.terms.peg_offset or 0), 1), PRICE_MAX))
    if order.stop_px is None:
        order.stop_px = wanted
    else:
        order.stop_px = (min if order.is_buy else max)(order.stop_px, wanted)


def _rank(order: Order) -> int:
    return order.rank
