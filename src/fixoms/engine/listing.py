"""One instrument with everything that trades in it.

Owns: the record, phase and prices of an instrument, its book and triggers, and what its phase and
its price bands allow.
Must not know: participants, sessions, how orders are matched.
"""

from __future__ import annotations

from typing import Final

from fixoms.domain.enums import InstrumentStatus, Phase
from fixoms.domain.events import IndicativeChanged
from fixoms.domain.ids import InstrumentId, OrderId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import PRICE_MAX, Nanos, Price
from fixoms.engine.book import Book
from fixoms.engine.order import Order
from fixoms.engine.stops import Triggers

OPEN_PHASES: Final = (
    Phase.CONTINUOUS,
    Phase.OPENING_AUCTION,
    Phase.CLOSING_AUCTION,
    Phase.VOLATILITY_AUCTION,
)
"""Phases in which orders and replaces are taken; cancels are taken in every phase."""


class Listing:
    """One instrument on one market.

    `live` are all its orders that can still trade; `pegs` the pegged ones among them. `is_open`
    says whether orders and replaces are taken, `matches` whether an order that is worked may trade,
    `in_call` whether orders gather for an uncross. `call_ends` is when a volatility auction ends,
    None outside of one.
    """

    __slots__ = (
        "book",
        "call_ends",
        "in_call",
        "indicative",
        "instrument",
        "instrument_id",
        "is_open",
        "last_price",
        "live",
        "matches",
        "pegs",
        "phase",
        "ranks",
        "reference_price",
        "status",
        "triggers",
    )

    def __init__(self, instrument: Instrument, phase: Phase) -> None:
        self.instrument_id: InstrumentId = instrument.instrument_id
        self.instrument = instrument
        self.status = instrument.status
        self.reference_price = instrument.reference_price
        self.last_price: Price | None = None
        self.call_ends: Nanos | None = None
        self.indicative: IndicativeChanged | None = None
        self.ranks = 0
        self.book = Book()
        self.triggers = Triggers()
        self.live: dict[OrderId, Order] = {}
        self.pegs: dict[OrderId, Order] = {}
        self.set_phase(phase)

    def set_phase(self, phase: Phase) -> None:
        """Enter a phase."""
        self.phase = phase
        self.call_ends = None
        self.in_call = phase.is_auction
        self._note_status()

    def set_status(self, status: InstrumentStatus) -> None:
        """Suspend, resume or delist."""
        self.status = status
        self._note_status()

    def _note_status(self) -> None:
        active = self.status is InstrumentStatus.ACTIVE
        self.is_open = active and self.phase in OPEN_PHASES
        self.matches = active and self.phase is Phase.CONTINUOUS

    def next_rank(self) -> int:
        """A time priority behind every other."""
        self.ranks += 1
        return self.ranks

    @property
    def watched(self) -> int:
        """Orders every trade or change of the best prices has to look at."""
        return len(self.pegs) + len(self.triggers.trailing) + len(self.book.whole_orders)

    @property
    def anchor(self) -> Price | None:
        """Price an auction leans on: the reference price, else the last trade."""
        return self.last_price if self.reference_price is None else self.reference_price

    def static_band(self) -> tuple[int, int] | None:
        """Lowest and highest price an order may carry, None without a collar or a reference."""
        return _band(self.reference_price, self.instrument.static_band_bp)

    def dynamic_band(self) -> tuple[int, int] | None:
        """Lowest and highest price of the next trade, None without a collar or a price."""
        base = self.reference_price if self.last_price is None else self.last_price
        return _band(base, self.instrument.dynamic_band_bp)

    def peg_price(self, order: Order) -> Price | None:
        """Where a pegged order stands now, None while there is no price to peg to.

        Primary follows the own side, market the other one, midpoint both. Pegged orders are not
        followed by others. The result is rounded to the tick away from the other side, and limited
        by Price(44).
        """
        bid, ask = _best_fixed(self.book, is_bid=True), _best_fixed(self.book, is_bid=False)
        wanted = _peg_base(order, bid, ask)
        if wanted is None:
            return None
        limit = order.terms.price
        if limit is not None:
            wanted = min(wanted, limit) if order.is_buy else max(wanted, limit)
        if not 0 < wanted <= PRICE_MAX:
            return None
        tick = self.instrument.tick_at(Price(wanted))
        down = wanted - wanted % tick
        price = down if order.is_buy or down == wanted else down + tick
        return Price(price) if 0 < price <= PRICE_MAX else None


def _peg_base(order: Order, bid: Price | None, ask: Price | None) -> int | None:
    offset = order.terms.peg_offset or 0
    if order.peg == "M":
        if bid is None or ask is None:
            return None
        twice = bid + ask + 2 * offset
        return twice // 2 if order.is_buy else -(-twice // 2)
    own, other = (bid, ask) if order.is_buy else (ask, bid)
    base = own if order.peg == "R" else other
    return None if base is None else base + offset


def _best_fixed(book: Book, *, is_bid: bool) -> Price | None:
    """Best price at which an order stands that is not pegged itself."""
    ladder = book.bids if is_bid else book.asks
    best = ladder.best
    while best is not None and best.pegged == best.count:
        best = ladder.after(best)
    return None if best is None else best.price


def _band(base: Price | None, half_width_bp: int) -> tuple[int, int] | None:
    if not half_width_bp or base is None:
        return None
    width = base * half_width_bp // 10_000
    return base - width, base + width
