"""What people ask of the database: orders, trades, a book, the history of an order.

Owns: the questions and the rows they answer with.
Must not know: how answers are shown (the command line and reports do).

Every row is a msgspec Struct: `msgspec.json.encode` makes the JSON of `--json`. Prices and
quantities are exact decimal texts, times ISO 8601 in UTC.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, Table, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fixoms.domain.enums import OrdStatus
from fixoms.domain.wording import word
from fixoms.store import migrations, schema
from fixoms.store.database import StoreError

ROWS_MAX: Final = 100_000
"""Largest `limit` a question may have."""

STATUSES: Final = tuple(word(status) for status in OrdStatus)
"""The words of OrdStatus(39) a question may name."""

WORKING: Final = "working"
"""Status word for every order that still may trade: new or partially filled."""


Shape = TypeVar("Shape", bound=msgspec.Struct)


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands. `order_id` is NONE for a refused one."""

    order_id: str
    cl_ord_id: str
    client: str
    account: str
    broker: str
    session: str
    user_name: str
    symbol: str
    market: str
    side: str
    ord_type: str
    tif: str
    order_qty: str
    price: str | None
    stop_px: str | None
    leaves_qty: str
    cum_qty: str
    avg_px: str
    ord_status: str
    ord_rej_reason: int | None
    text: str
    triggered: bool
    list_id: str
    trading_day: str
    entered_at: str
    updated_at: str


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A match. `status` is done, corrected or busted."""

    trade_id: str
    time: str
    trading_day: str
    symbol: str
    market: str
    price: str
    qty: str
    aggressor_side: str | None
    buyer: str
    seller: str
    buy_order_id: str
    sell_order_id: str
    status: str
    original_price: str | None
    original_qty: str | None
    reason: str


class OrderEventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order's history: a report on it, or a cancel that was refused."""

    seq: int
    event_index: int
    time: str
    kind: str
    exec_id: str | None
    exec_type: str
    ord_status: str
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    broker: str
    session: str
    symbol: str
    side: str | None
    order_qty: str | None
    price: str | None
    stop_px: str | None
    last_qty: str | None
    last_px: str | None
    leaves_qty: str | None
    cum_qty: str | None
    avg_px: str | None
    trade_id: str | None
    contra: str
    reason: int | None
    text: str


class BookLevel(msgspec.Struct, frozen=True, kw_only=True):
    """Visible quantity and orders at one price."""

    price: str
    qty: str
    orders: int


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The visible book of one instrument, best prices first, with what else is known of it."""

    symbol: str
    market: str
    currency: str
    phase: str
    status: str
    reference_price: str | None
    last_price: str | None
    indicative_px: str | None
    indicative_qty: str | None
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A FIX session and whether it is logged on."""

    session: str
    broker: str
    connected: bool
    reason: str
    updated_at: str


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders are asked for; an empty text narrows nothing.

    `status` is one of STATUSES or WORKING. The newest `limit` orders are returned, oldest first.
    """

    session: str = ""
    broker: str = ""
    symbol: str = ""
    status: str = ""
    client: str = ""
    account: str = ""
    trading_day: str = ""
    limit: int = 200


class TradeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which trades are asked for; `broker` on either side. The newest `limit`, oldest first."""

    broker: str = ""
    symbol: str = ""
    trading_day: str = ""
    limit: int = 200


async def find_orders(connection: AsyncConnection, wanted: OrderFilter) -> list[OrderRow]:
    """Orders in the order of their entry. Raises StoreError on a status or limit out of range."""
    table = schema.orders
    query = _columns(table, OrderRow).where(
        *_equal(
            table,
            {
                "session": wanted.session,
                "broker": wanted.broker,
                "symbol": wanted.symbol,
                "client": wanted.client,
                "account": wanted.account,
                "trading_day": wanted.trading_day,
            },
        ),
        *_status(wanted.status),
    )
    newest = query.order_by(table.c.entered_at.desc(), table.c.order_no.desc(), table.c.seq.desc())
    return await _newest(connection, newest, wanted.limit, OrderRow)


async def find_trades(connection: AsyncConnection, wanted: TradeFilter) -> list[TradeRow]:
    """Trades in the order they were made. Raises StoreError on a limit out of range."""
    table = schema.trades
    query = _columns(table, TradeRow).where(
        *_equal(table, {"symbol": wanted.symbol, "trading_day": wanted.trading_day})
    )
    if wanted.broker:
        query = query.where(or_(table.c.buyer == wanted.broker, table.c.seller == wanted.broker))
    newest = query.order_by(table.c.seq.desc(), table.c.event_index.desc())
    return await _newest(connection, newest, wanted.limit, TradeRow)


async def read_books(
    connection: AsyncConnection, symbol: str, market: str = "", depth: int = 20
) -> list[Book]:
    """The books of `symbol`, one for each market it is listed on; none when it is not listed.

    `depth` is how many levels of each side. Raises StoreError on a depth out of range.
    """
    await migrations.require_current(connection)
    listing = schema.instruments
    query = (
        select(listing)
        .where(*_equal(listing, {"symbol": symbol, "market": market}))
        .order_by(listing.c.market)
    )
    books = []
    for row in (await connection.execute(query)).mappings().all():
        last = await connection.execute(
            select(schema.trades.c.price)
            .where(
                schema.trades.c.instrument_id == row["instrument_id"],
                schema.trades.c.status != "busted",
            )
            .order_by(schema.trades.c.seq.desc(), schema.trades.c.event_index.desc())
            .limit(1)
        )
        books.append(
            Book(
                symbol=row["symbol"],
                market=row["market"],
                currency=row["currency"],
                phase=row["phase"],
                status=row["status"],
                reference_price=row["reference_price"],
                last_price=last.scalar_one_or_none(),
                indicative_px=row["indicative_px"],
                indicative_qty=row["indicative_qty"],
                bids=await _levels(connection, row["instrument_id"], "bid", depth),
                asks=await _levels(connection, row["instrument_id"], "ask", depth),
            )
        )
    return books


async def order_history(
    connection: AsyncConnection,
    *,
    order_id: str = "",
    cl_ord_id: str = "",
    session: str = "",
    limit: int = ROWS_MAX,
) -> list[OrderEventRow]:
    """Everything that happened to an order, oldest first.

    By OrderID(37), or by any ClOrdID(11) of its chain; as ClOrdIDs are only unique within a
    session, `session` may narrow them. Refused requests that carry the ClOrdID are part of it.
    """
    await migrations.require_current(connection)
    table = schema.order_events
    named: list[ColumnElement[bool]] = []
    if order_id:
        named.append(table.c.order_id == order_id)
    if cl_ord_id:
        by_chain = or_(table.c.cl_ord_id == cl_ord_id, table.c.orig_cl_ord_id == cl_ord_id)
        chain = select(table.c.order_id).where(by_chain, *_equal(table, {"session": session}))
        orders = (await connection.execute(chain.distinct().limit(ROWS_MAX))).scalars().all()
        entered = [found for found in orders if found.startswith("O")]
        named.append(or_(table.c.order_id.in_(entered), by_chain))
    if not named:
        raise StoreError("an order is named by its OrderID or its ClOrdID")
    query = (
        _columns(table, OrderEventRow)
        .where(or_(*named), *_equal(table, {"session": session}))
        .order_by(table.c.seq, table.c.event_index)
        .limit(_bounded(limit))
    )
    found = (await connection.execute(query)).mappings()
    return _rows(found, OrderEventRow)


async def find_sessions(connection: AsyncConnection) -> list[SessionRow]:
    """All FIX sessions by name."""
    await migrations.require_current(connection)
    query = _columns(schema.sessions, SessionRow).order_by(schema.sessions.c.session)
    return _rows((await connection.execute(query)).mappings(), SessionRow)


async def read_cursor(connection: AsyncConnection) -> int:
    """Sequence of the last journal entry the tables contain, 0 when none."""
    await migrations.require_current(connection)
    found = await connection.execute(select(schema.outlet_cursor.c.seq))
    return found.scalar_one_or_none() or 0


def _columns(table: Table, shape: type[msgspec.Struct]) -> Select[Any]:
    return select(*(table.c[name] for name in shape.__struct_fields__))


def _equal(table: Table, wanted: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in wanted.items() if value]


def _status(status: str) -> list[ColumnElement[bool]]:
    if not status:
        return []
    column = schema.orders.c.ord_status
    if status == WORKING:
        return [column.in_([word(OrdStatus.NEW), word(OrdStatus.PARTIALLY_FILLED)])]
    if status not in STATUSES:
        raise StoreError(f"status {status!r} is not one of {', '.join((WORKING, *STATUSES))}")
    return [column == status]


def _bounded(limit: int) -> int:
    if not 1 <= limit <= ROWS_MAX:
        raise StoreError(f"limit {limit} is not between 1 and {ROWS_MAX}")
    return limit


def _rows(found: Iterable[Mapping[Any, Any]], shape: type[Shape]) -> list[Shape]:
    return [shape(**row) for row in found]


async def _newest(
    connection: AsyncConnection, newest_first: Select[Any], limit: int, shape: type[Shape]
) -> list[Shape]:
    await migrations.require_current(connection)
    found = await connection.execute(newest_first.limit(_bounded(limit)))
    return _rows(found.mappings(), shape)[::-1]


async def _levels(
    connection: AsyncConnection, instrument_id: str, side: str, depth: int
) -> tuple[BookLevel, ...]:
    table = schema.order_book
    best_first = table.c.price_units.desc() if side == "bid" else table.c.price_units.asc()
    query = (
        _columns(table, BookLevel)
        .where(table.c.instrument_id == instrument_id, table.c.side == side)
        .order_by(best_first)
        .limit(_bounded(depth))
    )
    return tuple(_rows((await connection.execute(query)).mappings(), BookLevel))
