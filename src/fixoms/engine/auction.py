"""The uncross: one price for everybody who gathered in a call.

Owns: which price that is, and who trades at it.
Must not know: when a call begins or ends, what becomes of orders that did not trade.

The price (VENUE_RULES; Xetra market model, auction): the most executable volume; then the least
surplus; then market pressure (surplus on the buy side only: the highest, on the sell side only: the
lowest); then nearest the reference price, the lower of two as near. Candidates are the limits in
the book, or the reference price when there are only market orders. Icebergs count with their whole
quantity, all-or-none orders sit the uncross out, self-trades are not prevented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fixoms.domain.enums import OrdType
from fixoms.domain.events import Event, IndicativeChanged
from fixoms.domain.units import Price, Qty
from fixoms.engine.book import Book, Ladder, Level
from fixoms.engine.listing import Listing
from fixoms.engine.order import Happening, Order
from fixoms.engine.trading import Trading


class Equilibrium(NamedTuple):
    """Price and volume of an uncross; `surplus` is what one side has left, positive for buyers."""

    price: Price
    qty: int
    surplus: int


def find_equilibrium(listing: Listing) -> Equilibrium | None:
    """The price at which the listing would uncross now, None when nothing would trade.

    Costs a step for each level that reaches across the book, not for the others.
    """
    candidates = _candidates(listing)
    most = max((each.qty for each in candidates), default=0)
    if most == 0:
        return None
    best = [each for each in candidates if each.qty == most]
    least = min(abs(each.surplus) for each in best)
    best = [each for each in best if abs(each.surplus) == least]
    if all(each.surplus > 0 for each in best):
        return best[-1]
    if all(each.surplus < 0 for each in best):
        return best[0]
    anchor = listing.anchor
    if anchor is None:
        return best[0]
    return min(best, key=lambda each: (abs(each.price - anchor), each.price))


def indicate(listing: Listing) -> IndicativeChanged:
    """What an uncross would give now, for publication during a call."""
    found = find_equilibrium(listing)
    if found is None:
        return _nothing(listing)
    return IndicativeChanged(
        listing.instrument_id,
        listing.instrument.symbol,
        found.price,
        Qty(found.qty),
        Qty(abs(found.surplus)),
        found.surplus > 0,
    )


def _nothing(listing: Listing) -> IndicativeChanged:
    symbol = listing.instrument.symbol
    return IndicativeChanged(listing.instrument_id, symbol, None, Qty(0), Qty(0), False)


def _candidates(listing: Listing) -> list[Equilibrium]:
    """Volume and surplus at every limit that can be the price, ascending by price.

    A limit beyond the other side's best can win over a nearer one only while the volume gathered up
    to there does not exceed the opposite market orders, so the walk of each side ends early.
    """
    book = listing.book
    market_bid = book.market_bids.volume
    market_ask = book.market_asks.volume
    bids = _reaching(book.bids, book.asks, market_bid, market_ask)
    asks = _reaching(book.asks, book.bids, market_ask, market_bid)
    if not bids and not asks:
        if listing.anchor is None:
            return []
        surplus = market_bid - market_ask
        return [Equilibrium(listing.anchor, min(market_bid, market_ask), surplus)]
    prices = sorted({price for price, _ in bids} | {price for price, _ in asks})
    demand = market_bid + sum(volume for _, volume in bids)
    supply = market_ask
    found, bid_at, ask_at = [], len(bids) - 1, 0
    for price in prices:
        while ask_at < len(asks) and asks[ask_at][0] <= price:
            supply += asks[ask_at][1]
            ask_at += 1
        while bid_at >= 0 and bids[bid_at][0] < price:
            demand -= bids[bid_at][1]
            bid_at -= 1
        found.append(Equilibrium(price, min(demand, supply), demand - supply))
    return found


def _reaching(
    side: Ladder, other: Ladder, market_qty: int, opposite_market_qty: int
) -> list[tuple[Price, int]]:
    """The levels of a side that matter to the price, best first, with their volume."""
    levels: list[tuple[Price, int]] = []
    gathered = market_qty
    across = other.best
    for level in side.levels():
        reach = across is not None and (
            level.price >= across.price if side.descending else level.price <= across.price
        )
        if not reach and levels and gathered > opposite_market_qty:
            break
        if level.volume:
            levels.append((level.price, level.volume))
            gathered += level.volume
    return levels


def uncross(listing: Listing, trading: Trading) -> None:
    """Trade at the one price: market orders first, then by price, then by time.

    Fills may end or shrink orders bound to the filled ones, so the price is asked for again until
    nothing more would trade; without such orders the first round is the whole uncross.
    """
    book = listing.book
    while (found := find_equilibrium(listing)) is not None:
        traded = False
        while True:
            bid = _first(book, found.price, is_bid=True)
            ask = _first(book, found.price, is_bid=False)
            if bid is None or ask is None:
                break
            qty = min(bid.leaves_qty, ask.leaves_qty)
            unfit = trading.unfit(bid, ask, qty, found.price)
            if unfit is None:
                trading.trade(bid, ask, qty, found.price, None)
            else:
                trading.finish(unfit[0], Happening.CANCEL, unfit[1])
            traded = True
        _refresh(listing, found.price, trading)
        if not traded:
            return


def _first(book: Book, price: Price, *, is_bid: bool) -> Order | None:
    """The order of a side that trades next at `price`."""
    for level in _priority(book, price, is_bid=is_bid):
        for order in level:
            if not order.whole:
                return order
    return None


def _priority(book: Book, price: Price, *, is_bid: bool) -> Iterator[Level]:
    """The queues of a side that trade at `price`: the market orders, then the best price first."""
    yield book.market_bids if is_bid else book.market_asks
    ladder = book.bids if is_bid else book.asks
    level = ladder.best
    while level is not None and (level.price >= price if is_bid else level.price <= price):
        yield level
        level = ladder.after(level)


def _refresh(listing: Listing, price: Price, trading: Trading) -> None:
    """Turn market-to-limit orders that traded into limits at the price."""
    for market in (listing.book.market_bids, listing.book.market_asks):
        for order in list(market):
            if order.terms.ord_type is OrdType.MARKET_TO_LIMIT and order.cum_qty:
                trading.withdraw(order)
                order.price = price
                trading.rest(order)


def publish_indicative(listing: Listing, events: list[Event]) -> None:
    """Append the indicative price and volume when they differ from those last published.

    Nothing to publish, as after a call, is published once as None and 0.
    """
    if listing.in_call:
        now = indicate(listing)
    elif listing.indicative is None:
        return
    else:
        now = _nothing(listing)
    if now != (listing.indicative or _nothing(listing)):
        events.append(now)
    listing.indicative = None if now.price is None else now
