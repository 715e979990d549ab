"""Orders, trades, histories and books as tables for people.

Owns: which columns they have and how a book is laid out.
Must not know: where the rows come from, SQL, terminals.
"""

from itertools import zip_longest

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fixoms.console import Column, clock_time
from fixoms.store.queries import Book, BookLevel, OrderEventRow


def _last(row: OrderEventRow) -> str:
    return f"{row.last_qty} @ {row.last_px}" if row.last_px else ""


ORDER_COLUMNS = (
    Column("Entered", lambda row: clock_time(row.entered_at), style="quiet", wide=True),
    Column("OrderID", lambda row: row.order_id),
    Column("ClOrdID", lambda row: row.cl_ord_id),
    Column("Broker", lambda row: row.broker),
    Column("Client", lambda row: row.client, wide=True),
    Column("Symbol", lambda row: row.symbol),
    Column("Side", lambda row: row.side),
    Column("Type", lambda row: row.ord_type, wide=True),
    Column("TIF", lambda row: row.tif, wide=True),
    Column("Qty", lambda row: row.order_qty, "right"),
    Column("Price", lambda row: row.price, "right"),
    Column("Filled", lambda row: row.cum_qty, "right"),
    Column("Avg", lambda row: "" if row.cum_qty == "0" else row.avg_px, "right", wide=True),
    Column("Status", lambda row: row.ord_status),
)

TRADE_COLUMNS = (
    Column("Time", lambda row: clock_time(row.time), style="quiet"),
    Column("Trade", lambda row: row.trade_id),
    Column("Symbol", lambda row: row.symbol),
    Column("Qty", lambda row: row.qty, "right"),
    Column("Price", lambda row: row.price, "right"),
    Column("Buyer", lambda row: row.buyer),
    Column("Seller", lambda row: row.seller),
    Column("Aggressor", lambda row: row.aggressor_side or "auction"),
    Column("Status", lambda row: row.status),
)

HISTORY_COLUMNS = (
    Column("Time", lambda row: clock_time(row.time), style="quiet"),
    Column("Report", lambda row: row.exec_type or row.kind),
    Column("Status", lambda row: row.ord_status),
    Column("ClOrdID", lambda row: row.cl_ord_id),
    Column("Price", lambda row: row.price, "right", wide=True),
    Column("Last", _last, "right"),
    Column("Filled", lambda row: row.cum_qty, "right"),
    Column("Left", lambda row: row.leaves_qty, "right"),
    Column("Against", lambda row: row.contra, wide=True),
    Column("Text", lambda row: row.text),
)


def render_book(book: Book) -> Group:
    """Lay a book out: bids left, asks right, best prices on top."""
    facts = [f"{book.symbol} on {book.market}", book.currency, book.phase]
    if book.last_price:
        facts.append(f"last {book.last_price}")
    elif book.reference_price:
        facts.append(f"reference {book.reference_price}")
    if book.indicative_px:
        facts.append(f"indicative {book.indicative_qty} @ {book.indicative_px}")
    laid = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="table.header"
    )
    for heading in ("Orders", "Qty", "Bid"):
        laid.add_column(heading, justify="right", min_width=6)
    for heading in ("Ask", "Qty", "Orders"):
        laid.add_column(heading, justify="right", min_width=6)
    for bid, ask in zip_longest(book.bids, book.asks):
        laid.add_row(*_bid_cells(bid), *reversed(_bid_cells(ask)))
    if not (book.bids or book.asks):
        laid.add_row("", "", "empty", "", "", "")
    return Group(Text(" · ".join(facts), style="heading"), laid)


def _bid_cells(level: BookLevel | None) -> tuple[str, str, str]:
    return ("", "", "") if level is None else (str(level.orders), level.qty, level.price)
