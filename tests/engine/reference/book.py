"""The naive book: a list of orders, sorted anew whenever somebody asks.

Owns: an order as the reference sees it, what a sweep of the book would trade, the visible levels,
and the price of an uncross. Everything here is a pure function of a list of orders.
Must not know: commands, reports, and anything of fixoms.engine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from fixoms.domain.commands import OrderTerms
from fixoms.domain.enums import ExecInst, OrdStatus, OrdType, SelfTradePrevention, TimeInForce

if TYPE_CHECKING:
    from .links import OrderGroup


class Place(Enum):
    """Where a live order waits, or that it is no longer alive."""

    BOOK = auto()
    TRIGGER = auto()
    PARKED = auto()
    HELD = auto()
    RELEASED = auto()
    GONE = auto()


@dataclass
class RefOrder:
    """An order.

    `rank` is its priority at its price, `armed` among triggers: smaller is earlier. An order that
    a bust has `revived` stands nowhere until it is replaced.
    """

    number: int
    session: str
    participant: str
    cl_ord_id: str
    instrument_id: str
    terms: OrderTerms
    stp: SelfTradePrevention
    entered_at: int
    leaves: int
    rank: int = 0
    armed: int = 0
    cum: int = 0
    notional: int = 0
    shown: int = 0
    price: int | None = None
    stop: int | None = None
    triggered: bool = False
    revived: bool = False
    place: Place = Place.PARKED
    status: OrdStatus = OrdStatus.NEW
    names: list[tuple[str, str]] = field(default_factory=list)
    group: "OrderGroup | None" = None

    @property
    def is_buy(self) -> bool:
        return self.terms.side.is_buy

    def has(self, inst: ExecInst) -> bool:
        return inst.value in self.terms.exec_inst.split()

    @property
    def is_aon(self) -> bool:
        return self.has(ExecInst.ALL_OR_NONE)

    @property
    def is_trailing(self) -> bool:
        return self.has(ExecInst.TRAILING_STOP_PEG)

    @property
    def peg(self) -> ExecInst | None:
        """Which price the order is pegged to, if it is."""
        if self.terms.ord_type is not OrdType.PEGGED or self.is_trailing:
            return None
        pegs = (ExecInst.PRIMARY_PEG, ExecInst.MARKET_PEG, ExecInst.MID_PRICE_PEG)
        return next((peg for peg in pegs if self.has(peg)), None)

    @property
    def is_touch(self) -> bool:
        """Market-if-touched and limit-if-touched: they wait for the price to come to them."""
        return self.terms.ord_type is OrdType.MARKET_IF_TOUCHED

    @property
    def is_conditional(self) -> bool:
        kinds = (OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED)
        return self.terms.ord_type in kinds or self.is_trailing

    @property
    def waits_for_trigger(self) -> bool:
        return self.is_conditional and not self.triggered

    @property
    def least(self) -> int:
        """What must trade at once: MinQty(110), of a reduced order no more than its quantity."""
        return max(0, min(self.terms.min_qty or 0, self.terms.qty) - self.cum)

    @property
    def is_immediate(self) -> bool:
        return self.terms.tif in (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)

    @property
    def peak(self) -> int:
        """What may be shown at once."""
        return self.terms.max_floor or self.leaves


def worst(is_buy: bool) -> int:
    """A price every counter-order satisfies: what a market order is willing to trade at."""
    return 10**15 if is_buy else -(10**15)


def accepts(order: RefOrder, price: int) -> bool:
    """Whether the order may trade at `price`."""
    limit = worst(order.is_buy) if order.price is None else order.price
    return price <= limit if order.is_buy else price >= limit


def queue(orders: Iterable[RefOrder], is_buy: bool) -> list[RefOrder]:
    """One side in priority: market orders, then the best price, then the oldest rank."""
    side = [one for one in orders if one.place is Place.BOOK and one.is_buy == is_buy]

    def priority(one: RefOrder) -> tuple[int, int]:
        price = worst(is_buy) if one.price is None else one.price
        return (-price if is_buy else price, one.rank)

    return sorted(side, key=priority)


class Outcome(Enum):
    """What happens where the aggressor meets a resting order."""

    TRADE = auto()
    CANCEL_RESTING = auto()
    CANCEL_AGGRESSOR = auto()
    CANCEL_BOTH = auto()
    DECREMENT = auto()
    INTERRUPT = auto()


@dataclass(frozen=True)
class Meeting:
    """One step of a sweep: with whom, how much, at which price."""

    outcome: Outcome
    resting: RefOrder
    qty: int = 0
    price: int = 0


_STP_OUTCOMES = {
    SelfTradePrevention.CANCEL_NEWEST: Outcome.CANCEL_AGGRESSOR,
    SelfTradePrevention.CANCEL_OLDEST: Outcome.CANCEL_RESTING,
    SelfTradePrevention.CANCEL_BOTH: Outcome.CANCEL_BOTH,
    SelfTradePrevention.DECREMENT: Outcome.DECREMENT,
}


class _Piece:
    """What a sweep has left of one resting order; an AON is one piece whatever it shows."""

    def __init__(self, order: RefOrder) -> None:
        self.order = order
        self.price = order.price or 0
        self.leaves = order.leaves
        self.shown = order.leaves if order.is_aon else order.shown

    def can_meet(self, aggressor: RefOrder, left: int) -> bool:
        return accepts(aggressor, self.price) and (not self.order.is_aon or self.leaves <= left)


def _ends_with(order: RefOrder, filled: RefOrder) -> bool:
    """Whether a fill of the other order may end this one."""
    group = order.group
    return (
        order is not filled
        and group is not None
        and group is filled.group
        and group.is_exclusive(order)
    )


class Band(NamedTuple):
    """How far from `base` a trade may be: `width` basis points to both sides, 0 for any."""

    base: int | None
    width: int

    def holds(self, price: int) -> bool:
        """Whether a trade at `price` stays inside."""
        if self.base is None or self.width == 0:
            return True
        return abs(price - self.base) * 10_000 <= self.base * self.width


def sweep(aggressor: RefOrder, orders: Iterable[RefOrder], band: Band) -> list[Meeting]:
    """What would happen if the aggressor worked through the book now; nothing is changed.

    Peak by peak: a used-up peak rejoins the end of the queue at its price. A resting AON is
    passed over while what is left of the aggressor cannot fill it whole. Of orders that cancel or
    reduce each other only the first met is counted on.
    """
    pieces = [_Piece(one) for one in queue(orders, not aggressor.is_buy) if one.price is not None]
    left = aggressor.leaves
    meetings: list[Meeting] = []
    while left > 0:
        met = next((one for one in pieces if one.can_meet(aggressor, left)), None)
        if met is None:
            break
        price = met.price
        own = met.order.participant == aggressor.participant
        if own and aggressor.stp in _STP_OUTCOMES:
            outcome = _STP_OUTCOMES[aggressor.stp]
            qty = min(left, met.leaves)
            meetings.append(Meeting(outcome, met.order, qty, price))
            if outcome in (Outcome.CANCEL_AGGRESSOR, Outcome.CANCEL_BOTH):
                break
            if outcome is Outcome.CANCEL_RESTING:
                pieces.remove(met)
                continue
            left -= qty
            met.leaves -= qty
            met.shown = min(met.shown, met.leaves)
            if met.leaves == 0:
                pieces.remove(met)
            continue
        if not band.holds(price):
            meetings.append(Meeting(Outcome.INTERRUPT, met.order))
            break
        qty = min(left, met.shown)
        meetings.append(Meeting(Outcome.TRADE, met.order, qty, price))
        left -= qty
        met.leaves -= qty
        met.shown -= qty
        pieces = [one for one in pieces if not _ends_with(one.order, met.order)]
        if met.shown == 0:
            at = pieces.index(met)
            pieces.remove(met)
            if met.leaves > 0:
                met.shown = min(met.order.peak, met.leaves)
                level = [i for i, one in enumerate(pieces) if one.price == price]
                pieces.insert(level[-1] + 1 if level else at, met)
    return meetings


def visible(orders: Sequence[RefOrder], is_buy: bool) -> list[tuple[int, int, int]]:
    """The visible levels of one side, best first: price, shown quantity, number of orders."""
    side = [one for one in queue(orders, is_buy) if one.price is not None]
    prices = sorted({one.price for one in side if one.price is not None}, reverse=is_buy)
    return [
        (
            price,
            sum(one.shown for one in side if one.price == price),
            sum(1 for one in side if one.price == price),
        )
        for price in prices
    ]


@dataclass(frozen=True)
class Uncross:
    """Price and volume of an auction; `surplus` is positive on the buy side."""

    price: int
    volume: int
    surplus: int


def uncross_price(orders: Sequence[RefOrder], reference: int | None) -> Uncross | None:
    """Find the price of the auction; None when nothing would trade. An AON sits it out.

    Most volume, least surplus, market pressure, nearest the reference price.
    """
    taking_part = [one for one in orders if not one.is_aon]
    bids, asks = queue(taking_part, is_buy=True), queue(taking_part, is_buy=False)
    prices = {one.price for one in bids + asks if one.price is not None}
    if not prices and reference is not None:
        prices = {reference}
    candidates = []
    for price in sorted(prices):
        bid = sum(one.leaves for one in bids if accepts(one, price))
        ask = sum(one.leaves for one in asks if accepts(one, price))
        candidates.append(Uncross(price, min(bid, ask), bid - ask))
    most = max((one.volume for one in candidates), default=0)
    if most == 0:
        return None
    candidates = [one for one in candidates if one.volume == most]
    least = min(abs(one.surplus) for one in candidates)
    candidates = [one for one in candidates if abs(one.surplus) == least]
    if all(one.surplus > 0 for one in candidates):
        return candidates[-1]
    if all(one.surplus < 0 for one in candidates):
        return candidates[0]
    if reference is None:
        return candidates[0]
    return min(candidates, key=lambda one: (abs(one.price - reference), one.price))
