"""Limits as rows, and positions as a question.

Owns: what a change of limits makes of the table `limits`, and what an account holds as the table
`orders` tells it.
Must not know: connections of the projection (projection.py), how limits are held against orders.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fixoms.domain.events import LimitsChanged
from fixoms.domain.instrument import render_units
from fixoms.domain.limits import Limits
from fixoms.store import schema
from fixoms.store.rows import Row

_MICRO_DECIMALS: Final = 6
_COUNTS: Final = ("open_orders", "message_rate")
_MICROS: Final = ("order_qty", "long_qty", "short_qty")
_MONEY: Final = ("order_value", "gross", "net", "collateral", "daily_value")
_MILLISECOND_DECIMALS: Final = 6


def limit_rows(event: LimitsChanged, seq: int) -> list[Row]:
    """One row for each figure the scope has after the change."""
    return [
        {
            "scope": event.scope.text,
            "figure": figure,
            "currency": currency,
            "value": value,
            "set_by": event.origin.user,
            "approved_by": event.approved_by,
            "reason": event.reason,
            "seq": seq,
        }
        for figure, currency, value in _figures(event.after)
    ]


def _figures(limits: Limits) -> Iterator[tuple[str, str, str]]:
    for name in _COUNTS:
        count = getattr(limits, name)
        if count is not None:
            yield name, "", str(count)
    for name in _MICROS:
        micro = getattr(limits, name)
        if micro is not None:
            yield name, "", _short(micro, _MICRO_DECIMALS)
    if limits.collar_bp is not None:
        yield "collar_percent", "", _short(limits.collar_bp, 2)
    if limits.duplicate_window is not None:
        window = _short(limits.duplicate_window, _MILLISECOND_DECIMALS)
        yield "duplicate_window_ms", "", window
    for values in limits.values:
        for name in _MONEY:
            micro = getattr(values, name)
            if micro is not None:
                yield name, values.currency, _short(micro, _MICRO_DECIMALS)


def _short(units: int, decimals: int) -> str:
    return render_units(units, decimals).rstrip("0").rstrip(".")


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one account, for one client, bought and sold of one instrument; `net` may be below 0."""

    broker: str
    account: str
    client: str
    symbol: str
    market: str
    bought: str
    sold: str
    net: str


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One limit as it was last set. An empty `currency` means each, or no money at all."""

    scope: str
    figure: str
    currency: str
    value: str
    set_by: str
    approved_by: str
    reason: str


async def find_positions(
    connection: AsyncConnection, broker: str = "", account: str = ""
) -> list[PositionRow]:
    """Positions of everybody, a broker, or an account, by broker, account and instrument."""
    orders, instruments = schema.orders, schema.instruments
    bought = _sum_of(orders.c.side == "buy")
    sold = _sum_of(orders.c.side != "buy")
    keys = (
        orders.c.broker,
        orders.c.account,
        orders.c.client,
        orders.c.symbol,
        orders.c.market,
        instruments.c.qty_decimals,
    )
    question = (
        select(*keys, bought.label("bought"), sold.label("sold"))
        .join(instruments, instruments.c.instrument_id == orders.c.instrument_id)
        .where(orders.c.cum_qty_units > 0)
        .group_by(*keys)
        .order_by(*keys[:5])
    )
    if broker:
        question = question.where(orders.c.broker == broker)
    if account:
        question = question.where(orders.c.account == account)
    return [
        PositionRow(
            broker=row.broker,
            account=row.account,
            client=row.client,
            symbol=row.symbol,
            market=row.market,
            bought=render_units(row.bought, row.qty_decimals),
            sold=render_units(row.sold, row.qty_decimals),
            net=render_units(row.bought - row.sold, row.qty_decimals),
        )
        for row in await connection.execute(question)
    ]


def _sum_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.sum(case((condition, schema.orders.c.cum_qty_units), else_=0)), BigInteger)


async def find_limits(connection: AsyncConnection, scope: str = "") -> list[LimitRow]:
    """Limits of every scope, or of one named as `account ACC1 of ALPHA`."""
    table = schema.limits
    question = select(table).order_by(table.c.scope, table.c.figure, table.c.currency)
    if scope:
        question = question.where(table.c.scope == scope)
    names = LimitRow.__struct_fields__
    return [
        LimitRow(**{name: row[name] for name in names})
        for row in (await connection.execute(question)).mappings()
    ]
