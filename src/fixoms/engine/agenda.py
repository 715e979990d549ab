"""What a command sets off beyond itself, worked until the venue is quiet.

Owns: the order in which triggered stops, released orders, pegged and waiting all-or-none orders
get their turn once the order at hand is done, and the bounds of such cascades.
Must not know: commands, sessions.
"""

from __future__ import annotations

from fixoms.domain.enums import ExecType, Phase, TimeInForce
from fixoms.domain.ids import InstrumentId
from fixoms.engine.calls import Calls
from fixoms.engine.listing import Listing
from fixoms.engine.matching import Matching
from fixoms.engine.order import Happening, Order, Place
from fixoms.engine.settings import EngineSettings
from fixoms.engine.stops import is_met
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading, live_orders

_AT_THE_CLOSE = TimeInForce.AT_THE_CLOSE


class Agenda:
    """Places orders and settles what follows."""

    __slots__ = ("_calls", "_matching", "_settings", "_tape", "_trading")

    def __init__(
        self,
        tape: Tape,
        trading: Trading,
        matching: Matching,
        calls: Calls,
        settings: EngineSettings,
    ) -> None:
        self._tape = tape
        self._trading = trading
        self._matching = matching
        self._calls = calls
        self._settings = settings

    def place(self, order: Order) -> None:
        """Bring a live order that is nowhere to where its terms put it."""
        listing = order.listing
        if order.is_armed_type:
            order.rank = listing.next_rank()
            listing.triggers.arm(order, listing.last_price)
            if is_met(order, listing.last_price):
                listing.triggers.disarm(order)
                self._trading.elected.append(order)
        elif order.terms.tif is _AT_THE_CLOSE and listing.phase is not Phase.CLOSING_AUCTION:
            order.place = Place.PARKED
        elif order.peg is not None:
            order.price = listing.peg_price(order) if listing.matches else None
            if order.price is None:
                order.place = Place.PARKED
            else:
                self._matching.work(order)
        else:
            self._matching.work(order)

    def settle(self) -> None:
        """Work everything the command has set off, to the end.

        First the elected stops (farthest passed first, then time), then released orders, then the
        pegged and all-or-none orders of the touched listings, over and over until nothing moves.
        """
        trading = self._trading
        elections: dict[InstrumentId, int] = {}
        moves = 0
        while True:
            if trading.elected:
                self._work_elected(elections)
            elif trading.released:
                released, trading.released = trading.released, []
                for order in released:
                    if order.is_live and order.place is Place.NOWHERE:
                        self.place(order)
            elif moves <= self._settings.elections_max and self._follow_touched():
                moves += 1
            else:
                return

    def _work_elected(self, elections: dict[InstrumentId, int]) -> None:
        trading = self._trading
        batch = sorted(trading.elected, key=_election)
        trading.elected = []
        for order in batch:
            if not order.is_live or order.place is not Place.NOWHERE:
                continue
            listing = order.listing
            count = elections[listing.instrument_id] = elections.get(listing.instrument_id, 0) + 1
            if count > self._settings.elections_max and listing.matches:
                text = f"one command triggered more than {self._settings.elections_max} orders"
                self._calls.interrupt(listing, text)
            order.triggered = True
            order.apply(Happening.TRIGGER)
            if self._settings.triggered_reports:
                self._tape.report(order, ExecType.TRIGGERED)
            self.place(order)

    def _follow_touched(self) -> bool:
        """Let the orders that watch the touched listings have their turn; whether any moved."""
        watched = [
            listing
            for listing in self._tape.touched.values()
            if listing.matches and (listing.pegs or listing.book.whole_orders)
        ]
        return any(self._follow(listing) for listing in watched)

    def _follow(self, listing: Listing) -> bool:
        """Move pegged orders to their price, then let all-or-none orders try."""
        moved = [self._move_peg(order) for order in live_orders(listing.pegs) if order.is_live]
        return any(moved) or self._try_whole(listing)

    def _move_peg(self, order: Order) -> bool:
        """Move a pegged order that is not at its price; it loses its time priority."""
        if order.place is not Place.BOOK and order.place is not Place.PARKED:
            return False
        price = order.listing.peg_price(order)
        if price == order.price:
            return False
        self._trading.withdraw(order)
        order.price = price
        if price is None:
            order.place = Place.PARKED
        else:
            self._matching.work(order)
        return True

    def _try_whole(self, listing: Listing) -> bool:
        """Work the resting all-or-none orders that can now be whole, best price and time first."""
        waiting = sorted(listing.book.whole_orders.values(), key=_priority)
        for order in waiting:
            if not listing.book.crosses(order):
                continue
            if self._matching.tradable(order, order.leaves_qty) >= order.leaves_qty:
                self._trading.withdraw(order)
                self._matching.work(order)
                return True
        return False


def _election(order: Order) -> tuple[int, int]:
    stop_px = order.stop_px or 0
    return (stop_px if order.triggers_on_rise else -stop_px, order.rank)


def _priority(order: Order) -> tuple[bool, int, int]:
    price = order.price or 0
    return (not order.is_buy, -price if order.is_buy else price, order.rank)
