"""Whether the terms of an order make sense for its instrument, as the reference venue sees it.

Owns: refusals that need neither book nor phase.
Must not know: other orders, and anything of fixoms.engine.
"""

from collections.abc import Iterator

from fixoms.domain.enums import ExecInst, OrdRejReason, OrdType, TimeInForce
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import NOTIONAL_MAX

from .book import RefOrder
from .report import Reason


def refusals_of_terms(
    order: RefOrder, instrument: Instrument, reference: int | None
) -> set[Reason]:
    """Why an order as it comes in (or comes back changed) is refused; empty when it is not."""
    terms, tick = order.terms, instrument.tick_at
    reasons: set[Reason] = set()
    if any(_odd(order)):
        reasons |= {OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC, OrdRejReason.OTHER}
    if terms.qty <= 0 or terms.qty % instrument.lot_size:
        reasons |= {OrdRejReason.INCORRECT_QUANTITY}
    if not instrument.min_qty <= terms.qty <= instrument.max_qty:
        reasons |= {OrdRejReason.INCORRECT_QUANTITY, OrdRejReason.ORDER_EXCEEDS_LIMIT}
    for price in (terms.price, terms.stop_px):
        if price is not None and (price <= 0 or price % tick(price)):
            reasons |= {OrdRejReason.OTHER, OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC}
    for part in (terms.max_floor, terms.min_qty):
        if part is None:
            continue
        if not 0 < part <= terms.qty or part % instrument.lot_size:
            reasons |= {OrdRejReason.INCORRECT_QUANTITY, OrdRejReason.OTHER}
    if terms.price is not None:
        too_much = terms.price * terms.qty > NOTIONAL_MAX
        if too_much or not _inside_static_band(terms.price, instrument.static_band_bp, reference):
            reasons |= {OrdRejReason.ORDER_EXCEEDS_LIMIT, OrdRejReason.OTHER}
    return reasons


def _odd(order: RefOrder) -> Iterator[bool]:
    """Combinations of type, prices and instructions that make no sense together."""
    terms = order.terms
    kind, insts = terms.ord_type, terms.exec_inst.split()
    pegs = [one for one in insts if one in ("M", "P", "R", "a")]
    yield kind in (OrdType.LIMIT, OrdType.STOP_LIMIT) and terms.price is None
    stops = kind in (OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED)
    if not order.is_trailing:
        yield stops is (terms.stop_px is None)
        unpriced = kind in (OrdType.MARKET, OrdType.STOP, OrdType.MARKET_TO_LIMIT)
        yield unpriced and terms.price is not None
    yield len(pegs) > 1 or (kind is OrdType.PEGGED and not pegs)
    yield bool(pegs) and kind is not OrdType.PEGGED and not (pegs == ["a"] and stops)
    yield pegs == ["a"] and (terms.peg_offset or 0) * (1 if order.is_buy else -1) <= 0
    yield terms.peg_offset is not None and not pegs
    at_call = terms.tif in (TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE)
    yield order.peg is not None and (order.is_immediate or at_call)
    priced = terms.price is not None or kind is OrdType.PEGGED
    yield order.has(ExecInst.PARTICIPATE_DONT_INITIATE) and (order.is_immediate or not priced)
    yield terms.max_floor is not None and (order.is_aon or not priced)


def _inside_static_band(price: int, width: int, reference: int | None) -> bool:
    if width == 0 or reference is None:
        return True
    return abs(price - reference) * 10_000 <= reference * width
