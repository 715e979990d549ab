"""How values are spelled for people and for programs that do not speak FIX.

Owns: words for enum members, ids, UTC times and averages as text, the same in FIX, SQL, MQTT and
reports.
Must not know: SQL, MQTT, FIX messages.
"""

from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache

from fixoms.domain.ids import NO_ORDER, ExecId, OrderId, TradeId
from fixoms.domain.instrument import render_units
from fixoms.domain.units import SECOND, Nanos

AVG_PX_DIGITS = 8
"""Decimals an average price is rounded to (half even) where it has no exact end before."""

NO_ORDER_TEXT = "NONE"
"""OrderID(37) of an order that never entered."""


@lru_cache(maxsize=256)
def word(member: Enum) -> str:
    """Name of an enum member in lower case: `OrdStatus.PARTIALLY_FILLED` is `partially-filled`."""
    return member.name.lower().replace("_", "-")


def order_id_text(order_id: OrderId) -> str:
    """OrderID(37) as clients see it: `O17`, or NONE for an order that never entered."""
    return f"O{order_id}" if order_id != NO_ORDER else NO_ORDER_TEXT


def parse_order_id(text: str) -> OrderId:
    """Counter of `O17`; NO_ORDER for anything the venue never gave out."""
    digits = text[1:]
    if text[:1] == "O" and digits.isascii() and digits.isdigit() and len(digits) <= 18:
        order_id = OrderId(int(digits))
        if order_id_text(order_id) == text:
            return order_id
    return NO_ORDER


def exec_id_text(exec_id: ExecId) -> str:
    """ExecID(17) as clients see it: `E93`; `0` on a status, which executes nothing."""
    return f"E{exec_id}" if exec_id else "0"


def trade_id_text(trade_id: TradeId) -> str:
    """Id of a trade as clients see it in SecondaryExecID(527): `T5`."""
    return f"T{trade_id}"


@lru_cache(maxsize=4)
def _utc_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc_text(time: Nanos) -> str:
    """ISO 8601 in UTC with microseconds, `2026-01-05T13:30:00.000001Z`; sorts as time does."""
    second, nanos = divmod(time, SECOND)
    return f"{_utc_second(second)}.{nanos // 1000:06d}Z"


def average_text(notional: int, cum_qty: int, price_decimals: int) -> str:
    """AvgPx(6): notional / cum_qty with the price's decimals where exact, else AVG_PX_DIGITS.

    `average_text(3020, 3, 2)` is `10.06666667`; nothing traded is `0`.
    """
    if not cum_qty:
        return "0"
    whole, rest = divmod(notional, cum_qty)
    if not rest:
        return render_units(whole, price_decimals)
    divisor = cum_qty * 10**price_decimals
    rounded, rest = divmod(notional * 10**AVG_PX_DIGITS, divisor)
    if 2 * rest > divisor or (2 * rest == divisor and rounded % 2):
        rounded += 1
    return render_units(rounded, AVG_PX_DIGITS).rstrip("0").rstrip(".")
