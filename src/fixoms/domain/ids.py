"""Identifiers: counters of the engine's state and names from config, each with a type of its own.

Owns: what identifies an order, a trade, an execution, an instrument.
Must not know: how FIX renders them (outlets/execution_reports.py does).
"""

from typing import NewType

OrderId = NewType("OrderId", int)
"""Counter from 1, never reused; 0 means none, which FIX shows as OrderID(37)=NONE."""

ExecId = NewType("ExecId", int)
"""Counter from 1 over every execution the venue reports; never reused."""

TradeId = NewType("TradeId", int)
"""Counter from 1 over matches; both sides of a trade carry the same one. 0 means none."""

InstrumentId = NewType("InstrumentId", str)
"""`symbol@market`, for example `ACME@XFOM`: one symbol may be listed on several markets."""

NO_ORDER = OrderId(0)
NO_TRADE = TradeId(0)


def instrument_id(symbol: str, market: str) -> InstrumentId:
    """Make the key of the instrument `symbol` listed on `market` (a MIC)."""
    return InstrumentId(f"{symbol}@{market}")
