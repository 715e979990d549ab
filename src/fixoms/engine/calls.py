"""Auction calls begin: orders gather instead of trading.

Owns: what changes when a listing goes from trading or rest into a call, by plan or because a band
or a cascade interrupts trading.
Must not know: how a call ends (phases.py), at which price (auction.py).
"""

from __future__ import annotations

from fixoms.domain.commands import VENUE, Origin
from fixoms.domain.enums import Phase, TimeInForce
from fixoms.domain.events import PhaseChanged
from fixoms.domain.units import Nanos
from fixoms.engine.listing import Listing
from fixoms.engine.order import Happening, Place
from fixoms.engine.settings import EngineSettings
from fixoms.engine.state import State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading, live_orders


class Calls:
    """Opens auction calls."""

    __slots__ = ("_settings", "_state", "_tape", "_trading")

    def __init__(
        self, state: State, tape: Tape, trading: Trading, settings: EngineSettings
    ) -> None:
        self._state = state
        self._tape = tape
        self._trading = trading
        self._settings = settings

    def interrupt(self, listing: Listing, reason: str) -> None:
        """Stop trading and begin a volatility auction."""
        self.enter(listing, Phase.VOLATILITY_AUCTION, reason, VENUE)

    def enter(self, listing: Listing, phase: Phase, reason: str, origin: Origin) -> None:
        """Move the listing to a phase, and its orders to where they belong in it.

        Pegged orders leave the book for the length of a call, good-till-crossing orders expire
        when it begins, and at-the-close orders join the closing auction.
        """
        old = listing.phase
        listing.set_phase(phase)
        self._state.interrupted.pop(listing.instrument_id, None)
        self._tape.events.append(
            PhaseChanged(
                listing.instrument_id,
                listing.instrument.symbol,
                listing.instrument.segment,
                old,
                phase,
                reason,
                origin,
            )
        )
        self._tape.touch(listing)
        if not phase.is_auction:
            return
        if phase is Phase.VOLATILITY_AUCTION:
            listing.call_ends = Nanos(self._tape.time + self._settings.volatility_auction)
            self._state.interrupted[listing.instrument_id] = listing
        for order in live_orders(listing.live):
            if order.terms.tif is TimeInForce.GOOD_TILL_CROSSING and order.is_live:
                self._trading.finish(order, Happening.EXPIRE, "an auction call began")
            elif order.peg is not None and order.place is Place.BOOK:
                self._trading.withdraw(order)
                order.price = None
                order.place = Place.PARKED
            elif (
                phase is Phase.CLOSING_AUCTION
                and order.terms.tif is TimeInForce.AT_THE_CLOSE
                and order.place is Place.PARKED
            ):
                self._trading.rest(order)
