"""The venue's ids and average price as every reader shows them.

Owns: the text form of the venue's counters, in both directions, and the exact rounding of AvgPx(6).
FIX reports, SQL rows and MQTT events all render through here, so they agree to the letter.
Must not know: orders. A client treats ids as opaque; the leading letter keeps an OrderID from being
taken for an ExecID in a log.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from fixoms.domain.ids import NO_ORDER, ExecId, OrderId, TradeId
from fixoms.domain.instrument import render_units

NONE: Final = "NONE"
"""OrderID(37) of an order the venue does not have."""

AVG_PX_DIGITS: Final = 8
"""Most decimals of AvgPx(6); what lies beyond is rounded half even."""

_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_AVG_PX_STEP: Final = Decimal(1).scaleb(-AVG_PX_DIGITS)


def render_order_id(order_id: OrderId) -> str:
    """OrderID(37): `O17`, or NONE for no order."""
    return f"O{order_id}" if order_id else NONE


def parse_order_id(text: str) -> OrderId:
    """Counter of `O17`; NO_ORDER for anything the venue never gave out."""
    digits = text[1:]
    if text[:1] == "O" and digits.isascii() and digits.isdigit() and len(digits) <= 18:
        order_id = OrderId(int(digits))
        if render_order_id(order_id) == text:
            return order_id
    return NO_ORDER


def render_exec_id(exec_id: ExecId) -> str:
    """ExecID(17): `E93`; `0` on a status, which executes nothing."""
    return f"E{exec_id}" if exec_id else "0"


def render_trade_id(trade_id: TradeId) -> str:
    """SecondaryExecID(527), the same on both sides of a trade: `T5`."""
    return f"T{trade_id}"


def render_avg_px(notional: int, cum_qty: int, price_decimals: int) -> str:
    """AvgPx(6): notional / cum_qty in currency, exact where AVG_PX_DIGITS decimals hold it."""
    if not cum_qty:
        return "0"
    whole, rest = divmod(notional, cum_qty)
    if not rest:
        return render_units(whole, price_decimals)
    exact = _EXACT.divide(Decimal(notional), Decimal(cum_qty)).scaleb(-price_decimals, _EXACT)
    return f"{exact.quantize(_AVG_PX_STEP, context=_EXACT).normalize(_EXACT):f}"
