"""From the text of a FIX number to integer units of an instrument.

Owns: the exact conversion at the way in; `domain.instrument.render_units` is the way out.
Must not know: ticks, lots and bounds of an order; the engine judges those.
"""

from typing import Final

_POWERS: Final[tuple[int, ...]] = tuple(10**decimals for decimals in range(19))


def parse_units(text: bytes, decimals: int) -> int | None:
    """Count of 10**-decimals in `text`, or None when it is not a whole number of them.

    `text` is a FIX float as validation lets it pass: digits with at most one point and an optional
    minus sign. Leading and trailing zeros count for nothing: `b"002000.00"` is 2000.
    """
    whole, point, fraction = text.partition(b".")
    if not point:
        return int(whole) * _POWERS[decimals]
    fraction = fraction.rstrip(b"0")
    if len(fraction) > decimals:
        return None
    digits = whole + fraction.ljust(decimals, b"0")
    return int(digits) if digits not in (b"", b"-") else 0
