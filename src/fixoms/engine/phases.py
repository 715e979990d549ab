"""Trading phases: how a listing moves between them, and what ends a call.

Owns: which moves are allowed, when an uncross happens, and what becomes of what did not trade.
Must not know: the price of an uncross (auction.py), how a call begins (calls.py).

Whenever a listing starts to match, it uncrosses first, wherever it comes from, so that a crossed
book can never trade continuously; and a call also uncrosses when it ends in closed or post-close.
"""

from __future__ import annotations

from fixoms.domain.commands import VENUE, Origin, SetPhase
from fixoms.domain.enums import InstrumentStatus, Phase, TimeInForce
from fixoms.engine.agenda import Agenda
from fixoms.engine.auction import uncross
from fixoms.engine.calls import Calls
from fixoms.engine.listing import Listing
from fixoms.engine.order import Happening, Place
from fixoms.engine.settings import EngineSettings
from fixoms.engine.state import State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading, live_orders

_OF_A_CALL = (TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE)


class Phases:
    """Moves listings between phases."""

    __slots__ = ("_agenda", "_calls", "_settings", "_state", "_tape", "_trading")

    def __init__(
        self,
        state: State,
        tape: Tape,
        trading: Trading,
        calls: Calls,
        agenda: Agenda,
        settings: EngineSettings,
    ) -> None:
        self._state = state
        self._tape = tape
        self._trading = trading
        self._calls = calls
        self._agenda = agenda
        self._settings = settings

    def set_phase(self, command: SetPhase) -> None:
        """Move an instrument, by id or symbol, or every instrument of a segment."""
        listings = self._scope(command.scope)
        if not listings:
            text = f"{command.scope!r} is neither an instrument nor a segment"
            self._tape.refuse(command.origin, text)
            return
        halted = [each for each in listings if each.phase is Phase.HALT]
        if command.phase is Phase.CONTINUOUS and halted:
            text = (
                f"{halted[0].instrument_id} is halted: it reopens through an auction call,"
                f" {Phase.OPENING_AUCTION} or {Phase.VOLATILITY_AUCTION}, then {Phase.CONTINUOUS}"
            )
            self._tape.refuse(command.origin, text)
            return
        moved = [each for each in listings if each.phase is not command.phase]
        for listing in moved:
            self.move(listing, command.phase, command.reason, command.origin)
        names = moved[0].instrument_id if len(moved) == 1 else f"{len(moved)} instruments"
        self._tape.done(command.origin, f"moved {names} to {command.phase}")

    def _scope(self, scope: str) -> list[Listing]:
        listings = self._state.listings.values()
        named = [each for each in listings if each.instrument_id == scope]
        if not named:
            named = [each for each in listings if each.instrument.segment == scope]
        if not named:
            found = self._state.find_listing(scope, "", self._settings.default_market)
            named = [] if found is None else [found]
        return named

    def move(self, listing: Listing, phase: Phase, reason: str, origin: Origin) -> None:
        """Enter a phase, uncross when the one left or entered asks for it, and settle."""
        old = listing.phase
        self._calls.enter(listing, phase, reason, origin)
        closes = old.is_auction and phase in (Phase.CLOSED, Phase.POST_CLOSE)
        if closes or listing.matches:
            self.end_call(listing, f"phase {old} ended")

    def end_call(self, listing: Listing, reason: str) -> None:
        """Uncross, end what lived for the call only, and wake what waited for trading.

        Market orders that did not trade are canceled, at-the-opening and at-the-close orders in the
        book expire. A suspended instrument does not uncross, but the orders of its call end.
        """
        if listing.status is InstrumentStatus.ACTIVE:
            uncross(listing, self._trading)
        for order in live_orders(listing.live):
            if order.place is not Place.BOOK:
                continue
            if order.terms.tif in _OF_A_CALL:
                self._trading.finish(order, Happening.EXPIRE, reason)
            elif order.price is None:
                self._trading.finish(order, Happening.CANCEL, reason)
            elif order.shown_qty != order.peak_qty:
                listing.book.show(order, order.peak_qty)
        self._tape.touch(listing)
        self._agenda.settle()

    def end_due_calls(self) -> None:
        """Return to continuous trading where a volatility auction has lasted its time."""
        now = self._tape.time
        interrupted = self._state.interrupted
        for instrument_id in sorted(interrupted):
            listing = interrupted[instrument_id]
            if listing.call_ends is not None and listing.call_ends <= now:
                text = "the volatility auction has lasted its time"
                self.move(listing, Phase.CONTINUOUS, text, VENUE)
