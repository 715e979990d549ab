"""SQL against the ExecutionReports clients received, and against the engine's own books."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fixoms.domain.enums import CxlRejResponseTo, ExecType, OrdStatus, OrdType, Side, TimeInForce
from fixoms.domain.events import CancelRejected, Execution
from fixoms.domain.wording import word
from fixoms.fix import tags
from fixoms.fix.message import Message
from fixoms.outlets.execution_reports import ExecutionReports
from fixoms.store.database import sqlite_url
from fixoms.store.projection import Projector
from tests.store.trading_day import INSTRUMENTS, a_day

SAME = {
    "order_id": tags.ORDER_ID,
    "cl_ord_id": tags.CL_ORD_ID,
    "orig_cl_ord_id": tags.ORIG_CL_ORD_ID,
    "symbol": tags.SYMBOL,
    "order_qty": tags.ORDER_QTY,
    "price": tags.PRICE,
    "stop_px": tags.STOP_PX,
    "last_qty": tags.LAST_QTY,
    "last_px": tags.LAST_PX,
    "leaves_qty": tags.LEAVES_QTY,
    "cum_qty": tags.CUM_QTY,
    "avg_px": tags.AVG_PX,
    "trade_id": tags.SECONDARY_EXEC_ID,
    "contra": tags.CONTRA_BROKER,
    "ref_exec_id": tags.EXEC_REF_ID,
    "text": tags.TEXT,
    "trading_day": tags.TRADE_DATE,
}
"""Columns of order_events that hold what a field of ExecutionReport(8) holds."""

ON_TRADES_ONLY = {"last_qty", "last_px", "trade_id", "contra", "ref_exec_id"}

WORDS = {
    "exec_type": (tags.EXEC_TYPE, ExecType),
    "ord_status": (tags.ORD_STATUS, OrdStatus),
    "side": (tags.SIDE, Side),
}


async def projected(folder: Path, seed: int, commands: int) -> tuple[Any, Any, Any]:
    entries, engine = a_day(seed, commands)
    projector = Projector(sqlite_url(folder / "venue.db"))
    await projector.open()
    for start in range(0, len(entries), 64):
        await projector.write(entries[start : start + 64])
    await projector.close()
    connection = sqlite3.connect(folder / "venue.db")
    connection.row_factory = sqlite3.Row
    return entries, engine, connection


def first_report(message: Message, tag: int) -> str | None:
    value = message.get(tag)
    return None if value is None else value.decode()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_rows_agree_with_the_reports_field_by_field(tmp_path: Path, seed: int) -> None:
    entries, _, connection = await projected(tmp_path, seed, 400)
    reports = ExecutionReports(
        lambda wanted: next((i for i in INSTRUMENTS.values() if i.instrument_id == wanted), None)
    )
    compared: dict[str, int] = {}
    with closing(connection):
        for entry in entries:
            for index, event in enumerate(entry.events):
                if not isinstance(event, Execution | CancelRejected):
                    continue
                row = connection.execute(
                    "SELECT * FROM order_events WHERE seq = ? AND event_index = ?",
                    (entry.seq, index),
                ).fetchone()
                for _, message in reports.render([event], entry.time):
                    agree(row, message)
                    compared[message.msg_type] = compared.get(message.msg_type, 0) + 1
        (lines,) = connection.execute("SELECT count(*) FROM order_events").fetchone()
    assert lines <= compared["8"] + compared["9"]
    assert compared["8"] > 300
    assert compared["9"] > 10


def agree(row: sqlite3.Row, message: Message) -> None:
    if message.msg_type == "9":
        response_to = CxlRejResponseTo(first_report(message, tags.CXL_REJ_RESPONSE_TO) or "")
        assert row["exec_type"] == word(response_to)
        assert str(row["reason"]) == first_report(message, tags.CXL_REJ_REASON)
        assert row["text"] == first_report(message, tags.TEXT)
        return
    assert (row["exec_id"] or "0") == first_report(message, tags.EXEC_ID)
    for column, tag in SAME.items():
        said = first_report(message, tag)
        if said is None and column in {"order_qty"} | ON_TRADES_ONLY:
            continue
        assert (row[column] or None) == said, (column, message)
    for column, (tag, members) in WORDS.items():
        said = first_report(message, tag)
        assert said is not None
        assert row[column] == word(members(said))


@pytest.mark.parametrize("seed", [4, 5])
async def test_an_order_is_what_its_last_report_said(tmp_path: Path, seed: int) -> None:
    entries, _, connection = await projected(tmp_path, seed, 400)
    last: dict[str, Execution] = {}
    for entry in entries:
        for event in entry.events:
            if isinstance(event, Execution) and event.exec_type is not ExecType.ORDER_STATUS:
                last[f"O{event.order_id}" if event.order_id else f"E{event.exec_id}"] = event
    with closing(connection):
        rows = connection.execute("SELECT * FROM orders").fetchall()
    found = {
        row["order_id"] if row["order_id"] != "NONE" else row["refused_exec_id"]: row
        for row in rows
    }
    assert found.keys() == last.keys()
    for key, event in last.items():
        row = found[key]
        assert row["ord_status"] == word(event.ord_status)
        assert row["ord_type"] == word(OrdType(event.terms.ord_type))
        assert row["tif"] == word(TimeInForce(event.terms.tif))
        assert row["cum_qty_units"] == event.cum_qty
        assert row["leaves_qty_units"] == event.leaves_qty
        assert row["notional_units"] == event.notional
        assert row["last_exec_id"] == f"E{event.exec_id}"


@pytest.mark.parametrize("seed", [6, 7])
async def test_the_book_is_the_engines_book(tmp_path: Path, seed: int) -> None:
    _, engine, connection = await projected(tmp_path, seed, 400)
    with closing(connection):
        for instrument in INSTRUMENTS.values():
            bids, asks = engine.depth(instrument.instrument_id, 1000)
            for side, levels, order in (("bid", bids, "DESC"), ("ask", asks, "ASC")):
                rows = connection.execute(
                    "SELECT price, qty, orders FROM order_book WHERE instrument_id = ?"
                    f" AND side = ? ORDER BY price_units {order}",
                    (instrument.instrument_id, side),
                ).fetchall()
                assert [tuple(row) for row in rows] == [
                    (
                        instrument.render_price(level.price),
                        instrument.render_qty(level.qty),
                        level.orders,
                    )
                    for level in levels
                ]
        (count,) = connection.execute("SELECT count(*) FROM order_book").fetchone()
    assert count > 0


@pytest.mark.parametrize("seed", [6, 7, 8])
async def test_money_and_quantity_are_conserved_in_sql_alone(tmp_path: Path, seed: int) -> None:
    _, _, connection = await projected(tmp_path, seed, 400)
    with closing(connection):
        sides = connection.execute(
            "SELECT (SELECT sum(qty_units * price_units) FROM trades WHERE status <> 'busted'),"
            " (SELECT sum(notional_units) FROM orders WHERE side = 'buy'),"
            " (SELECT sum(notional_units) FROM orders WHERE side <> 'buy')"
        ).fetchone()
        assert sides[0] == sides[1] == sides[2]
        assert sides[0] > 0
        # What stands in the book is what working orders have left; icebergs hide some of it.
        worse = connection.execute(
            "SELECT b.instrument_id, b.side, b.price_units, b.qty_units, sum(o.leaves_qty_units)"
            " FROM order_book b JOIN orders o ON o.instrument_id = b.instrument_id"
            " AND (o.side = 'buy') = (b.side = 'bid') AND o.price_units = b.price_units"
            " AND o.ord_status IN ('new', 'partially-filled')"
            " GROUP BY 1, 2, 3 HAVING b.qty_units > sum(o.leaves_qty_units)"
        ).fetchall()
        assert [tuple(row) for row in worse] == []
