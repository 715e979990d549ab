"""Questions to the SQL store: orders, one order's history, trades, a book.

Owns: their options and the columns of their tables.
Must not know: SQL (store/queries.py), how rows become tables (console.py).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fixoms.cli.audit import note_read
from fixoms.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    load_config,
    show,
    show_json,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

Answer = TypeVar("Answer")

SymbolOption = Annotated[str, typer.Option("--symbol", help="Only this symbol.")]
BrokerOption = Annotated[str, typer.Option("--broker", help="Only this participant.")]
DayOption = Annotated[str, typer.Option("--day", help="Only this trading day, YYYYMMDD.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest.")]


def orders(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    session: Annotated[str, typer.Option("--session", help="Only this FIX session.")] = "",
    broker: BrokerOption = "",
    client: Annotated[str, typer.Option("--client", help="Only this client.")] = "",
    symbol: SymbolOption = "",
    status: Annotated[
        str, typer.Option("--status", help="Only this status: working, new, filled, canceled, ...")
    ] = "",
    day: DayOption = "",
    limit: LimitOption = 200,
    as_json: JsonOption = False,
) -> None:
    """List orders as they stand."""
    from fixoms.cli.tables import ORDER_COLUMNS
    from fixoms.store.queries import OrderFilter, find_orders

    wanted = OrderFilter(
        session=session,
        broker=broker,
        client=client,
        symbol=symbol,
        status=status,
        trading_day=day,
        limit=limit,
    )
    rows = ask(config, lambda connection: find_orders(connection, wanted))
    show(rows, ORDER_COLUMNS, as_json=as_json, nothing="no such orders")


def order(
    order: Annotated[str, typer.Argument(metavar="ID", help="OrderID (O17) or ClOrdID.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    session: Annotated[
        str, typer.Option("--session", help="FIX session the ClOrdID belongs to.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show everything that happened to one order."""
    from fixoms.cli.tables import HISTORY_COLUMNS
    from fixoms.domain.rendering import parse_order_id
    from fixoms.store.queries import order_history

    order_id, cl_ord_id = (order, "") if parse_order_id(order) else ("", order)
    rows = ask(
        config,
        lambda connection: order_history(
            connection, order_id=order_id, cl_ord_id=cl_ord_id, session=session
        ),
    )
    show(rows, HISTORY_COLUMNS, as_json=as_json, nothing=f"no order {order}")
    if not rows:
        raise typer.Exit(1)


def trades(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    broker: BrokerOption = "",
    symbol: SymbolOption = "",
    day: DayOption = "",
    limit: LimitOption = 200,
    as_json: JsonOption = False,
) -> None:
    """List trades."""
    from fixoms.cli.tables import TRADE_COLUMNS
    from fixoms.store.queries import TradeFilter, find_trades

    wanted = TradeFilter(broker=broker, symbol=symbol, trading_day=day, limit=limit)
    rows = ask(config, lambda connection: find_trades(connection, wanted))
    show(rows, TRADE_COLUMNS, as_json=as_json, nothing="no such trades")


def book(
    symbol: Annotated[str, typer.Argument(help="Symbol, or SYMBOL@MARKET.")],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    depth: Annotated[int, typer.Option("--depth", min=1, help="Levels of each side.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show the book of a symbol."""
    from fixoms.store.queries import read_books

    name, _, market = symbol.partition("@")
    books = ask(config, lambda connection: read_books(connection, name, market, depth))
    if as_json:
        show_json(books)
    elif books:
        from fixoms.cli.tables import render_book
        from fixoms.console import console

        console().print(*(render_book(each) for each in books), sep="\n")
    else:
        typer.echo(f"no instrument {symbol}")
    if not books:
        raise typer.Exit(1)


def ask(path: Path, question: "Callable[[AsyncConnection], Awaitable[Answer]]") -> Answer:
    """Put one question to the store that the configuration at `path` names."""
    from fixoms.store.database import reading

    settings = load_config(path)
    note_read(settings)
    url = settings.sql_url

    async def put() -> Answer:
        async with reading(url) as connection:
            return await question(connection)

    return asyncio.run(put())
