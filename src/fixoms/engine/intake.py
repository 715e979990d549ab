"""Whether an order may enter: the checks its terms, its instrument and the phase can make.

Owns: every refusal of a well-formed order, with its OrdRejReason(103) and a text that names the
field, the value and the limit. A new order and a replace pass the same checks.
Must not know: who sends it, which other orders exist (but whether they would cross).
"""

from __future__ import annotations

from typing import Final

from fixoms.domain.commands import OrderTerms, Refusal
from fixoms.domain.enums import (
    ExecInst,
    InstrumentStatus,
    OrdRejReason,
    OrdType,
    Phase,
    TimeInForce,
)
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import NOTIONAL_MAX, PRICE_MAX, Nanos, Price
from fixoms.engine.listing import Listing

_UNSUPPORTED = OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC
_SIZE = OrdRejReason.INCORRECT_QUANTITY
_LIMIT = OrdRejReason.ORDER_EXCEEDS_LIMIT

_PLAIN_TIFS: Final = frozenset((TimeInForce.DAY, TimeInForce.GOOD_TILL_CANCEL))
_PLAIN_TYPES: Final = frozenset((OrdType.LIMIT, OrdType.MARKET))
_NOT_IN_CALLS: Final = frozenset(
    (
        TimeInForce.IMMEDIATE_OR_CANCEL,
        TimeInForce.FILL_OR_KILL,
        TimeInForce.GOOD_TILL_CROSSING,
    )
)
_OF_ONE_CALL: Final = (TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE)
_AT_THE_OPENING = TimeInForce.AT_THE_OPENING
_PRICED: Final = frozenset((OrdType.LIMIT, OrdType.STOP_LIMIT))
_STOPPED: Final = frozenset((OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED))
_UNPRICED: Final = frozenset((OrdType.MARKET, OrdType.STOP, OrdType.MARKET_TO_LIMIT))
_KNOWN_INSTS: Final = frozenset(inst.value for inst in ExecInst)
_PEG_INSTS: Final = frozenset("MPRa")


def refuse(listing: Listing, terms: OrderTerms, now: Nanos, trading_day: str) -> Refusal | None:
    """Why an order of these terms may not enter now, None when it may.

    `trading_day` is the day under way, empty between days.
    """
    if not trading_day:
        return Refusal(OrdRejReason.EXCHANGE_CLOSED, "no trading day is under way")
    refusal = (
        _refuse_phase(listing, terms)
        or _refuse_qty(listing.instrument, terms)
        or _refuse_prices(listing, terms)
    )
    if refusal is None and not _is_plain(terms):
        refusal = (
            _refuse_instructions(listing.instrument, terms)
            or _refuse_quantities_of(listing.instrument, terms)
            or _refuse_time(listing, terms, now, trading_day)
        )
    return refusal


def _is_plain(terms: OrderTerms) -> bool:
    """Whether nothing but type, side, quantity and price needs a look: nearly every order."""
    return (
        terms.tif in _PLAIN_TIFS
        and terms.ord_type in _PLAIN_TYPES
        and not terms.exec_inst
        and terms.max_floor is None
        and terms.min_qty is None
        and terms.peg_offset is None
    )


def _refuse_phase(listing: Listing, terms: OrderTerms) -> Refusal | None:
    phase, tif = listing.phase, terms.tif
    if not listing.is_open:
        text = f"{listing.instrument_id} takes no orders in phase {phase}"
        if listing.status is not InstrumentStatus.ACTIVE:
            text = f"{listing.instrument_id} is {listing.status}"
        return Refusal(OrdRejReason.EXCHANGE_CLOSED, text)
    if listing.in_call:
        if tif in _NOT_IN_CALLS:
            text = f"TimeInForce(59) {tif} is not taken in phase {phase}"
            return Refusal(_UNSUPPORTED, text)
        if terms.min_qty is not None or ExecInst.ALL_OR_NONE in terms.exec_inst.split():
            text = f"MinQty(110) and ExecInst(18) G are not taken in phase {phase}"
            return Refusal(_UNSUPPORTED, text)
    if tif is _AT_THE_OPENING and phase is not Phase.OPENING_AUCTION:
        text = f"TimeInForce(59) 2 is taken in the opening auction only, the phase is {phase}"
        return Refusal(OrdRejReason.TOO_LATE_TO_ENTER, text)
    return None


def _refuse_qty(instrument: Instrument, terms: OrderTerms) -> Refusal | None:
    qty = terms.qty
    low, high = instrument.min_qty, instrument.max_qty
    if low <= qty <= high and qty % instrument.lot_size == 0:
        return None
    given, where = f"OrderQty(38) {instrument.render_qty(qty)}", instrument.instrument_id
    if qty <= 0:
        return Refusal(_SIZE, f"{given} is not above 0")
    if qty % instrument.lot_size:
        lot = instrument.render_qty(instrument.lot_size)
        return Refusal(_SIZE, f"{given} is not a multiple of the lot {lot} of {where}")
    if qty < low:
        smallest = instrument.render_qty(low)
        return Refusal(_SIZE, f"{given} is below the smallest order {smallest} of {where}")
    largest = instrument.render_qty(high)
    return Refusal(_LIMIT, f"{given} is above the largest order {largest} of {where}")


def _refuse_prices(listing: Listing, terms: OrderTerms) -> Refusal | None:
    instrument, ord_type, price = listing.instrument, terms.ord_type, terms.price
    if price is None:
        if ord_type in _PRICED:
            return Refusal(_UNSUPPORTED, f"OrdType(40) {ord_type} needs a Price(44)")
    else:
        if ord_type in _UNPRICED and not _is_trailing(terms):
            return Refusal(_UNSUPPORTED, f"OrdType(40) {ord_type} takes no Price(44)")
        refusal = _refuse_price(instrument, price, "Price(44)")
        if refusal is not None:
            return refusal
        if price * terms.qty > NOTIONAL_MAX:
            text = f"Price(44) x OrderQty(38) {price * terms.qty} is above {NOTIONAL_MAX} units"
            return Refusal(_LIMIT, text)
        band = listing.static_band() if instrument.static_band_bp else None
        if band is not None and not band[0] <= price <= band[1]:
            low, high = (instrument.render_price(edge) for edge in band)
            text = (
                f"Price(44) {instrument.render_price(price)} is outside the static band"
                f" {low} to {high} of {instrument.instrument_id}"
            )
            return Refusal(_LIMIT, text)
    stop_px = terms.stop_px
    if stop_px is not None:
        if ord_type not in _STOPPED and not _is_trailing(terms):
            return Refusal(_UNSUPPORTED, f"OrdType(40) {ord_type} takes no StopPx(99)")
        return _refuse_price(instrument, stop_px, "StopPx(99)")
    if ord_type in _STOPPED and not _is_trailing(terms):
        return Refusal(_UNSUPPORTED, f"OrdType(40) {ord_type} needs a StopPx(99)")
    return None


def _refuse_price(instrument: Instrument, price: Price, field: str) -> Refusal | None:
    if not 0 < price <= PRICE_MAX:
        largest = instrument.render_price(PRICE_MAX)
        text = f"{field} {instrument.render_price(price)} is not above 0 and up to {largest}"
        return Refusal(_LIMIT if price > 0 else OrdRejReason.OTHER, text)
    bands = instrument.tick_bands
    tick = bands[0].tick if len(bands) == 1 else instrument.tick_at(price)
    if price % tick:
        text = (
            f"{field} {instrument.render_price(price)} is not a multiple of the tick"
            f" {instrument.render_price(tick)} of {instrument.instrument_id}"
        )
        return Refusal(OrdRejReason.OTHER, text)
    return None


def _is_trailing(terms: OrderTerms) -> bool:
    return ExecInst.TRAILING_STOP_PEG in terms.exec_inst.split()


def _refuse_instructions(instrument: Instrument, terms: OrderTerms) -> Refusal | None:
    insts = terms.exec_inst.split()
    ord_type, tif, offset = terms.ord_type, terms.tif, terms.peg_offset
    unknown = [inst for inst in insts if inst not in _KNOWN_INSTS]
    if unknown:
        return Refusal(_UNSUPPORTED, f"ExecInst(18) {unknown[0]!r} is not one the venue acts on")
    pegs = [inst for inst in insts if inst in _PEG_INSTS]
    if len(pegs) > 1:
        return Refusal(_UNSUPPORTED, f"ExecInst(18) {terms.exec_inst!r} names more than one peg")
    if ord_type is OrdType.PEGGED and not pegs:
        return Refusal(_UNSUPPORTED, "OrdType(40) P needs one of M, P, R, a in ExecInst(18)")
    if pegs and ord_type not in _PEGGING[pegs[0]]:
        text = f"ExecInst(18) {pegs[0]} is not taken with OrdType(40) {ord_type}"
        return Refusal(_UNSUPPORTED, text)
    if pegs == ["a"] and (not offset or (offset > 0) is not terms.side.is_buy):
        kind, bound = ("buy", "above") if terms.side.is_buy else ("sell", "below")
        given = instrument.render_price(offset or 0)
        text = f"PegOffsetValue(211) {given} of a trailing {kind} order must be {bound} 0"
        return Refusal(_UNSUPPORTED, text)
    if offset is not None and not pegs:
        return Refusal(_UNSUPPORTED, "PegOffsetValue(211) needs one of M, P, R, a in ExecInst(18)")
    if offset is not None and abs(offset) > PRICE_MAX:
        given, largest = instrument.render_price(offset), instrument.render_price(PRICE_MAX)
        return Refusal(_LIMIT, f"PegOffsetValue(211) {given} is beyond {largest}")
    immediate = tif in (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
    if pegs and pegs != ["a"] and (immediate or tif in _OF_ONE_CALL):
        return Refusal(_UNSUPPORTED, f"a pegged order takes no TimeInForce(59) {tif}")
    if ExecInst.PARTICIPATE_DONT_INITIATE in insts and (
        immediate or (terms.price is None and ord_type is not OrdType.PEGGED)
    ):
        text = f"ExecInst(18) 6 is not taken with OrdType(40) {ord_type}, TimeInForce(59) {tif}"
        return Refusal(_UNSUPPORTED, text)
    return None


_PEGGING: Final = {
    "M": (OrdType.PEGGED,),
    "P": (OrdType.PEGGED,),
    "R": (OrdType.PEGGED,),
    "a": (OrdType.PEGGED, OrdType.STOP, OrdType.STOP_LIMIT),
}


def _refuse_quantities_of(instrument: Instrument, terms: OrderTerms) -> Refusal | None:
    for field, qty in (("MaxFloor(111)", terms.max_floor), ("MinQty(110)", terms.min_qty)):
        if qty is None:
            continue
        given = f"{field} {instrument.render_qty(qty)}"
        if not 0 < qty <= terms.qty:
            whole = instrument.render_qty(terms.qty)
            return Refusal(_SIZE, f"{given} is not above 0 and up to OrderQty(38) {whole}")
        if qty % instrument.lot_size:
            lot = instrument.render_qty(instrument.lot_size)
            text = f"{given} is not a multiple of the lot {lot} of {instrument.instrument_id}"
            return Refusal(_SIZE, text)
    if terms.max_floor is None:
        return None
    if terms.price is None and terms.ord_type is not OrdType.PEGGED:
        return Refusal(_UNSUPPORTED, f"OrdType(40) {terms.ord_type} takes no MaxFloor(111)")
    if ExecInst.ALL_OR_NONE in terms.exec_inst.split():
        return Refusal(_UNSUPPORTED, "ExecInst(18) G takes no MaxFloor(111)")
    return None


def _refuse_time(
    listing: Listing, terms: OrderTerms, now: Nanos, trading_day: str
) -> Refusal | None:
    if terms.tif is not TimeInForce.GOOD_TILL_DATE:
        return None
    date, time = terms.expire_date, terms.expire_time
    if not date and time is None:
        text = "TimeInForce(59) 6 needs an ExpireDate(432) or ExpireTime(126)"
        return Refusal(_UNSUPPORTED, text)
    if date and date < trading_day:
        text = f"ExpireDate(432) {date} is before the trading day {trading_day}"
        return Refusal(OrdRejReason.OTHER, text)
    if time is not None and time <= now:
        text = f"ExpireTime(126) has passed for this order in {listing.instrument_id}"
        return Refusal(OrdRejReason.OTHER, text)
    return None
