"""From events to rows.

Owns: what each column of the schema is filled with, by pure functions.
Must not know: transactions, batches, which database.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from fixoms.domain.events import CancelRejected, Execution, Level, Trade
from fixoms.domain.ids import NO_ORDER, InstrumentId
from fixoms.domain.instrument import Instrument, render_units
from fixoms.domain.rendering import (
    render_avg_px,
    render_exec_id,
    render_order_id,
    render_trade_id,
)
from fixoms.domain.units import Nanos
from fixoms.domain.wording import utc_text, word

Row: TypeAlias = dict[str, str | int | bool | None]
"""Values of one row by column name."""

# What the venue could not express in an instrument's units travels as it came (OrderTerms.echo).
_ORDER_QTY = 38
_PRICE = 44
_STOP_PX = 99

EXECUTION = "execution"
CANCEL_REJECT = "cancel-reject"


class Decimals(msgspec.Struct, frozen=True):
    """How many decimals the prices and quantities of an instrument have."""

    price: int
    qty: int


UNKNOWN = Decimals(0, 0)
"""Of an instrument that is not listed: its orders were refused and carry no units."""

Listings: TypeAlias = Mapping[InstrumentId, Decimals]


def market_of(instrument_id: InstrumentId) -> str:
    """The market part of `symbol@market`."""
    return instrument_id.rpartition("@")[2]


def _units_text(units: int | None, decimals: int) -> str | None:
    return None if units is None else render_units(units, decimals)


def order_row(event: Execution, decimals: Decimals, time: Nanos, seq: int) -> Row:
    """The order as it stands after the event."""
    terms = event.terms
    owner = event.owner
    echo = dict(terms.echo) if event.order_id == NO_ORDER else {}
    at_price, at_qty = decimals.price, decimals.qty
    exec_id = render_exec_id(event.exec_id)
    return {
        "order_id": render_order_id(event.order_id),
        "refused_exec_id": exec_id if event.order_id == NO_ORDER else "",
        "order_no": event.order_id,
        "cl_ord_id": event.cl_ord_id,
        "client": terms.client,
        "account": terms.account,
        "broker": owner.participant,
        "session": owner.session,
        "user_name": owner.user,
        "instrument_id": event.instrument_id,
        "symbol": event.symbol,
        "market": market_of(event.instrument_id),
        "side": word(terms.side),
        "ord_type": word(terms.ord_type),
        "tif": word(terms.tif),
        "order_qty": echo.get(_ORDER_QTY) or render_units(terms.qty, at_qty),
        "order_qty_units": terms.qty,
        "price": echo.get(_PRICE) or _units_text(event.price, at_price),
        "price_units": event.price,
        "stop_px": echo.get(_STOP_PX) or _units_text(event.stop_px, at_price),
        "stop_px_units": event.stop_px,
        "max_floor": _units_text(terms.max_floor, at_qty),
        "min_qty": _units_text(terms.min_qty, at_qty),
        "exec_inst": terms.exec_inst,
        "expire_time": None if terms.expire_time is None else utc_text(terms.expire_time),
        "expire_date": terms.expire_date,
        "leaves_qty": render_units(event.leaves_qty, at_qty),
        "leaves_qty_units": event.leaves_qty,
        "cum_qty": render_units(event.cum_qty, at_qty),
        "cum_qty_units": event.cum_qty,
        "notional_units": event.notional,
        "avg_px": render_avg_px(event.notional, event.cum_qty, at_price),
        "ord_status": word(event.ord_status),
        "ord_rej_reason": None if event.ord_rej_reason is None else event.ord_rej_reason.value,
        "text": event.text,
        "triggered": event.triggered,
        "list_id": event.list_id,
        "trading_day": event.trading_day,
        "entered_at": utc_text(event.entered_at or time),
        "updated_at": utc_text(time),
        "last_exec_id": exec_id,
        "seq": seq,
    }


def execution_row(
    event: Execution, decimals: Decimals, time: Nanos, seq: int, event_index: int
) -> Row:
    """One line of an order's history."""
    terms = event.terms
    echo = dict(terms.echo) if event.order_id == NO_ORDER else {}
    at_price, at_qty = decimals.price, decimals.qty
    on_trade = bool(event.trade_id)
    reason = event.ord_rej_reason or event.restatement_reason
    return {
        "seq": seq,
        "event_index": event_index,
        "time": utc_text(time),
        "kind": EXECUTION,
        "exec_id": render_exec_id(event.exec_id) if event.exec_id else None,
        "exec_type": word(event.exec_type),
        "ord_status": word(event.ord_status),
        "order_id": render_order_id(event.order_id),
        "cl_ord_id": event.cl_ord_id,
        "orig_cl_ord_id": event.orig_cl_ord_id,
        "broker": event.owner.participant,
        "session": event.owner.session,
        "requester": event.requester,
        "symbol": event.symbol,
        "side": word(terms.side),
        "order_qty": echo.get(_ORDER_QTY) or render_units(terms.qty, at_qty),
        "price": echo.get(_PRICE) or _units_text(event.price, at_price),
        "stop_px": echo.get(_STOP_PX) or _units_text(event.stop_px, at_price),
        "last_qty": render_units(event.last_qty, at_qty) if on_trade else None,
        "last_qty_units": event.last_qty if on_trade else None,
        "last_px": _units_text(event.last_px, at_price) if on_trade else None,
        "last_px_units": event.last_px if on_trade else None,
        "leaves_qty": render_units(event.leaves_qty, at_qty),
        "leaves_qty_units": event.leaves_qty,
        "cum_qty": render_units(event.cum_qty, at_qty),
        "cum_qty_units": event.cum_qty,
        "notional_units": event.notional,
        "avg_px": render_avg_px(event.notional, event.cum_qty, at_price),
        "trade_id": render_trade_id(event.trade_id) if on_trade else None,
        "aggressor": event.aggressor if on_trade else None,
        "contra": event.contra,
        "ref_exec_id": render_exec_id(event.ref_exec_id) if event.ref_exec_id else None,
        "reason": None if reason is None else reason.value,
        "text": event.text,
        "trading_day": event.trading_day,
    }


_NO_FIGURES: Row = dict.fromkeys(
    (
        "exec_id",
        "side",
        "order_qty",
        "price",
        "stop_px",
        "last_qty",
        "last_qty_units",
        "last_px",
        "last_px_units",
        "leaves_qty",
        "leaves_qty_units",
        "cum_qty",
        "cum_qty_units",
        "notional_units",
        "avg_px",
        "trade_id",
        "aggressor",
        "ref_exec_id",
    )
)


def cancel_reject_row(event: CancelRejected, time: Nanos, seq: int, event_index: int) -> Row:
    """A refused cancel or replace, in the history of the order it named."""
    return _NO_FIGURES | {
        "seq": seq,
        "event_index": event_index,
        "time": utc_text(time),
        "kind": CANCEL_REJECT,
        "exec_type": word(event.response_to),
        "ord_status": word(event.ord_status),
        "order_id": render_order_id(event.order_id),
        "cl_ord_id": event.cl_ord_id,
        "orig_cl_ord_id": event.orig_cl_ord_id,
        "broker": event.origin.participant,
        "session": event.origin.session,
        "requester": event.origin.session,
        "symbol": event.symbol,
        "contra": "",
        "reason": event.reason.value,
        "text": event.text,
        "trading_day": "",
    }


def trade_row(event: Trade, decimals: Decimals, time: Nanos, seq: int, event_index: int) -> Row:
    """One match."""
    return {
        "trade_id": render_trade_id(event.trade_id),
        "seq": seq,
        "event_index": event_index,
        "time": utc_text(time),
        "trading_day": event.trading_day,
        "instrument_id": event.instrument_id,
        "symbol": event.symbol,
        "market": market_of(event.instrument_id),
        "price": render_units(event.price, decimals.price),
        "price_units": event.price,
        "qty": render_units(event.qty, decimals.qty),
        "qty_units": event.qty,
        "aggressor_side": None if event.aggressor_side is None else word(event.aggressor_side),
        "buy_order_id": render_order_id(event.buy_order_id),
        "sell_order_id": render_order_id(event.sell_order_id),
        "buyer": event.buyer,
        "seller": event.seller,
        "status": "done",
        "original_price": None,
        "original_qty": None,
        "reason": "",
        "updated_at": utc_text(time),
    }


def level_row(
    instrument_id: InstrumentId,
    symbol: str,
    level: Level,
    decimals: Decimals,
    time: Nanos,
    seq: int,
) -> Row:
    """One price level of a book."""
    return {
        "instrument_id": instrument_id,
        "symbol": symbol,
        "market": market_of(instrument_id),
        "side": "bid" if level.is_bid else "ask",
        "price": render_units(level.price, decimals.price),
        "price_units": level.price,
        "qty": render_units(level.qty, decimals.qty),
        "qty_units": level.qty,
        "orders": level.orders,
        "updated_at": utc_text(time),
        "seq": seq,
    }


def _tick_size_text(instrument: Instrument) -> str:
    bands = instrument.tick_bands
    if len(bands) == 1:
        return instrument.render_price(bands[0].tick)
    return " ".join(
        f"{instrument.render_price(band.from_price)}:{instrument.render_price(band.tick)}"
        for band in bands
    )


def instrument_row(instrument: Instrument, phase: str, time: Nanos) -> Row:
    """One listing; nothing indicative yet."""
    return {
        "instrument_id": instrument.instrument_id,
        "symbol": instrument.symbol,
        "market": instrument.market,
        "segment": instrument.segment,
        "currency": instrument.currency,
        "description": instrument.description,
        "price_decimals": instrument.price_decimals,
        "qty_decimals": instrument.qty_decimals,
        "tick_size": _tick_size_text(instrument),
        "lot_size": instrument.render_qty(instrument.lot_size),
        "min_qty": instrument.render_qty(instrument.min_qty),
        "max_qty": instrument.render_qty(instrument.max_qty),
        "reference_price": _units_text(instrument.reference_price, instrument.price_decimals),
        "static_band_bp": instrument.static_band_bp,
        "dynamic_band_bp": instrument.dynamic_band_bp,
        "initial_margin_bp": instrument.initial_margin_bp,
        "status": word(instrument.status),
        "phase": phase,
        "indicative_px": None,
        "indicative_qty": None,
        "updated_at": utc_text(time),
    }
