"""What an outlet must remember of each instrument to spell its prices and judge its book.

Owns: decimals, currency and phase by instrument, learned from the journal.
Must not know: which outlet asks.
"""

import msgspec

from fixoms.domain.enums import Phase
from fixoms.domain.events import Event, InstrumentDefined, PhaseChanged
from fixoms.domain.ids import InstrumentId
from fixoms.domain.instrument import render_units
from fixoms.domain.units import Price, Qty


class Listing(msgspec.Struct, frozen=True, array_like=True):
    """One instrument as an outlet needs it."""

    price_decimals: int = 0
    qty_decimals: int = 0
    currency: str = ""
    phase: Phase = Phase.CLOSED

    def price(self, price: int) -> str:
        """A price with the instrument's decimals."""
        return render_units(price, self.price_decimals)

    def price_or_none(self, price: Price | None) -> str | None:
        """A price where there is one."""
        return None if price is None else render_units(price, self.price_decimals)

    def qty(self, qty: int) -> str:
        """A quantity with the instrument's decimals."""
        return render_units(qty, self.qty_decimals)

    def value(self, price: Price, qty: Qty) -> str:
        """Price x quantity, in the currency."""
        return render_units(price * qty, self.price_decimals + self.qty_decimals)


UNLISTED = Listing()
"""Of an instrument the venue does not list: its orders were refused and carry no units."""


class Listings:
    """All instruments seen so far. `known` is what a cursor file keeps."""

    def __init__(self, known: dict[InstrumentId, Listing] | None = None) -> None:
        self.known = dict(known or {})

    def learn(self, event: Event) -> None:
        """Take in an event; call it before the event is rendered."""
        if isinstance(event, InstrumentDefined):
            instrument = event.instrument
            self.known[instrument.instrument_id] = Listing(
                instrument.price_decimals,
                instrument.qty_decimals,
                instrument.currency,
                event.phase,
            )
        elif isinstance(event, PhaseChanged):
            listing = self.known.get(event.instrument_id)
            if listing is not None:
                self.known[event.instrument_id] = msgspec.structs.replace(listing, phase=event.new)

    def of(self, instrument_id: InstrumentId) -> Listing:
        """The listing of an instrument, UNLISTED when there is none."""
        return self.known.get(instrument_id, UNLISTED)
