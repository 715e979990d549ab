"""An instrument: what may be traded, in which steps and within which bounds.

Owns: the reference record of one listing and the checks it alone can make.
Must not know: books, phases, participants.
"""

from decimal import Decimal

import msgspec

from fixoms.domain.enums import InstrumentStatus
from fixoms.domain.ids import InstrumentId, instrument_id
from fixoms.domain.units import Price, Qty


class TickBand(msgspec.Struct, frozen=True, array_like=True):
    """From `from_price` upward, prices are multiples of `tick` (both in price units)."""

    from_price: Price
    tick: Price


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol on one market.

    `tick_bands` is ascending by `from_price`, the first from 0; bands are of at least one unit.
    `static_band_bp` and `dynamic_band_bp` are half-widths in basis points of the reference price
    and of the last trade; 0 switches the collar off. `initial_margin_bp` is basis points of
    notional.
    """

    symbol: str
    market: str
    segment: str = "MAIN"
    currency: str = "USD"
    description: str = ""
    price_decimals: int = 2
    qty_decimals: int = 0
    tick_bands: tuple[TickBand, ...] = (TickBand(Price(0), Price(1)),)
    lot_size: Qty = Qty(1)
    min_qty: Qty = Qty(1)
    max_qty: Qty = Qty(10**9)
    reference_price: Price | None = None
    static_band_bp: int = 0
    dynamic_band_bp: int = 0
    initial_margin_bp: int = 10_000
    status: InstrumentStatus = InstrumentStatus.ACTIVE

    @property
    def instrument_id(self) -> InstrumentId:
        """Key of this listing."""
        return instrument_id(self.symbol, self.market)

    def tick_at(self, price: Price) -> Price:
        """Tick size that applies at `price`."""
        tick = self.tick_bands[0].tick
        for band in self.tick_bands:
            if price < band.from_price:
                break
            tick = band.tick
        return tick

    def render_price(self, price: int) -> str:
        """Render a price (or a signed price difference) with the instrument's decimals."""
        return render_units(price, self.price_decimals)

    def render_qty(self, qty: int) -> str:
        """Render a quantity with the instrument's decimals."""
        return render_units(qty, self.qty_decimals)


def render_units(units: int, decimals: int) -> str:
    """Render an integer count of 10**-decimals exactly: `render_units(-1005, 2) == "-10.05"`."""
    if decimals == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def to_units(value: Decimal, decimals: int) -> int | None:
    """Count of 10**-decimals in `value`, or None when `value` is not a whole number of them.

    `value` must be finite; its exponent is bounded first, so that 1E999999 costs nothing.
    """
    if not value:
        return 0
    if not -40 < value.adjusted() < 40:
        return None
    scaled = value.scaleb(decimals)
    whole = int(scaled)
    return whole if scaled == whole else None
