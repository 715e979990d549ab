"""The book of one listing: orders by price and time.

Owns: price levels, the queue inside a level, what of it is visible, and which levels changed since
the book was last published.
Must not know: why orders come and go, who owns them, when two of them trade.

Cost: an order joins or leaves a known level in constant time, from the middle of a queue too; only
the birth and death of a level touch the sorted index, in logarithmic time.
"""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedDict

from fixoms.domain.events import Level as LevelView
from fixoms.domain.ids import OrderId
from fixoms.domain.units import Price, Qty
from fixoms.engine.order import Order, Place

_BOOK, _NOWHERE = Place.BOOK, Place.NOWHERE
_NO_PRICE = Price(0)


class Level:
    """A queue of orders, first in time first: those at one price, or the market orders of a call.

    `qty` is what the book shows of them, `volume` all that is left of those an uncross may take,
    `pegged` how many are pegged.
    """

    __slots__ = ("count", "head", "pegged", "price", "qty", "tail", "volume")

    def __init__(self, price: Price) -> None:
        self.price = price
        self.qty = 0
        self.volume = 0
        self.count = 0
        self.pegged = 0
        self.head: Order | None = None
        self.tail: Order | None = None

    def __iter__(self) -> Iterator[Order]:
        order = self.head
        while order is not None:
            following = order.next
            yield order
            order = following

    def append(self, order: Order) -> None:
        """Put the order at the end of the queue."""
        tail = self.tail
        order.prev = tail
        order.next = None
        order.level = self
        if tail is None:
            self.head = order
        else:
            tail.next = order
        self.tail = order
        self._count(order, 1)

    def remove(self, order: Order) -> None:
        """Take the order out, wherever it stands in the queue."""
        before, after = order.prev, order.next
        if before is None:
            self.head = after
        else:
            before.next = after
        if after is None:
            self.tail = before
        else:
            after.prev = before
        order.level = order.prev = order.next = None
        self._count(order, -1)

    def _count(self, order: Order, sign: int) -> None:
        self.count += sign
        self.qty += sign * order.shown_qty
        if not order.whole:
            self.volume += sign * order.leaves_qty
        if order.peg is not None:
            self.pegged += sign


class Ladder:
    """Price levels in one direction, best first. Bids are descending, asks ascending.

    `changed` holds, for each price touched since `drain_changes`, its quantity and order count
    before the first touch.
    """

    __slots__ = ("_levels", "best", "changed", "descending")

    def __init__(self, *, descending: bool) -> None:
        self.descending = descending
        self.best: Level | None = None
        self.changed: dict[Price, tuple[int, int]] = {}
        self._levels: SortedDict[int, Level] = SortedDict()

    def append(self, order: Order, price: Price) -> None:
        """Put the order at the end of the queue at `price`."""
        key = -price if self.descending else price
        level: Level | None = self._levels.get(key)
        if level is None:
            level = self._levels[key] = Level(price)
            best = self.best
            if best is None or (price > best.price if self.descending else price < best.price):
                self.best = level
        if price not in self.changed:
            self.changed[price] = (level.qty, level.count)
        level.append(order)

    def remove(self, order: Order) -> None:
        """Take the order out of its level, wherever it stands in the queue."""
        level = order.level
        if level is None:
            return
        self.touch(level)
        level.remove(order)
        if level.count == 0:
            del self._levels[-level.price if self.descending else level.price]
            if level is self.best:
                self.best = self._levels.peekitem(0)[1] if self._levels else None

    def touch(self, level: Level) -> None:
        """Note the level as it was before it changes."""
        if level.price not in self.changed:
            self.changed[level.price] = (level.qty, level.count)

    def after(self, level: Level) -> Level | None:
        """The next worse level."""
        keys = self._levels
        at = keys.bisect_right(-level.price if self.descending else level.price)
        return keys.peekitem(at)[1] if at < len(keys) else None

    def levels(self) -> Iterator[Level]:
        """Every level, best first."""
        return iter(self._levels.values())

    def drain_changes(self) -> list[LevelView]:
        """Levels whose visible content differs from when they were last drained, best first."""
        changed, self.changed = self.changed, {}
        sign = -1 if self.descending else 1
        views = []
        for price in sorted(changed, reverse=self.descending) if len(changed) > 1 else changed:
            level = self._levels.get(sign * price)
            now = (0, 0) if level is None else (level.qty, level.count)
            if now != changed[price]:
                views.append(LevelView(self.descending, price, Qty(now[0]), now[1]))
        return views


class Book:
    """Both sides of one listing, and the market orders that gather in an auction call.

    An order in the book without a price is among the market orders, which are not visible.
    """

    __slots__ = ("asks", "bids", "market_asks", "market_bids", "whole_orders")

    def __init__(self) -> None:
        self.bids = Ladder(descending=True)
        self.asks = Ladder(descending=False)
        self.market_bids = Level(_NO_PRICE)
        self.market_asks = Level(_NO_PRICE)
        self.whole_orders: dict[OrderId, Order] = {}

    def join(self, order: Order, rank: int) -> None:
        """Put the order at the end of its queue, a fresh peak of it shown, with its new `rank`."""
        order.place = _BOOK
        order.rank = rank
        order.shown_qty = order.peak_qty
        if order.price is None:
            (self.market_bids if order.is_buy else self.market_asks).append(order)
        else:
            (self.bids if order.is_buy else self.asks).append(order, order.price)
            if order.whole:
                self.whole_orders[order.order_id] = order

    def leave(self, order: Order) -> None:
        """Take the order out of the book."""
        order.place = _NOWHERE
        if order.price is None:
            (self.market_bids if order.is_buy else self.market_asks).remove(order)
        else:
            (self.bids if order.is_buy else self.asks).remove(order)
            if order.whole:
                self.whole_orders.pop(order.order_id, None)
        order.shown_qty = Qty(0)

    def show(self, order: Order, qty: Qty) -> None:
        """Change what the book shows of an order that keeps its place."""
        level = order.level
        if level is not None:
            if order.price is not None:
                (self.bids if order.is_buy else self.asks).touch(level)
            level.qty += qty - order.shown_qty
        order.shown_qty = qty

    def reduce(self, order: Order, qty: int) -> None:
        """Take quantity off what is left of an order, wherever it is; what is shown stays."""
        order.leaves_qty = Qty(order.leaves_qty - qty)
        level = order.level
        if level is not None and not order.whole:
            level.volume -= qty

    def opposite(self, order: Order) -> Ladder:
        """The side an order would trade with."""
        return self.asks if order.is_buy else self.bids

    def crosses(self, order: Order) -> bool:
        """Whether the order's price reaches the best price of the other side."""
        best = self.opposite(order).best
        return best is not None and reaches(order, best.price)


def reaches(order: Order, price: Price) -> bool:
    """Whether the order's limit lets it trade at `price`; a market order trades at any."""
    limit = order.price
    if limit is None:
        return True
    return price <= limit if order.is_buy else price >= limit
