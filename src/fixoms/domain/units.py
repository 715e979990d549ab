"""Units of the venue: integers with a name, and the bounds they must keep.

Owns: what a price, a quantity and a time are inside fixoms, and how large they may be.
Must not know: instruments, FIX, rendering. `Decimal` lives at the edges, `float` nowhere.

A price counts units of 10**-price_decimals of its instrument and a quantity units of
10**-qty_decimals: ACME with two decimals holds 10.05 as `Price(1005)`. Tick size and lot size are
multiples of these units, so a change of the tick table never rescales a book (see DECISIONS).
"""

from typing import NewType

Price = NewType("Price", int)
"""Price in units of 10**-price_decimals of the instrument. 1 to PRICE_MAX."""

Qty = NewType("Qty", int)
"""Quantity in units of 10**-qty_decimals of the instrument. 0 to QTY_MAX."""

Notional = NewType("Notional", int)
"""Sum of price x quantity, in the product of both units. 0 to NOTIONAL_MAX for one order."""

Nanos = NewType("Nanos", int)
"""UTC time in nanoseconds since 1970-01-01T00:00:00Z, or a duration in nanoseconds."""

PRICE_MAX = 10**12
"""Largest price an order may carry; larger is refused at intake."""

QTY_MAX = 10**12
"""Largest quantity an order may carry; larger is refused at intake."""

NOTIONAL_MAX = 4 * 10**18
"""Largest price x quantity of one order: below 2**62, so sums of two stay inside 64 bits."""

SECOND: Nanos = Nanos(1_000_000_000)
MILLISECOND: Nanos = Nanos(1_000_000)
