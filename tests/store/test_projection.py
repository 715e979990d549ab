"""Journal entries into SQL, read back by sqlite3 itself."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from fixoms.domain.commands import VENUE
from fixoms.domain.enums import (
    ExecType,
    InstrumentStatus,
    OrdRejReason,
    OrdStatus,
    Phase,
)
from fixoms.domain.events import (
    IndicativeChanged,
    InstrumentDefined,
    PhaseChanged,
    ReferencePriceChanged,
    SessionStatusChanged,
    TradeBusted,
    TradeCorrected,
)
from fixoms.domain.ids import InstrumentId, TradeId
from fixoms.domain.instrument import Instrument, TickBand
from fixoms.domain.units import Price, Qty
from fixoms.journal.entry import Entry
from fixoms.store.database import StoreUnavailableError, sqlite_url
from fixoms.store.projection import Projector, clear
from tests.store.scene import (
    ACME,
    ACME_ID,
    book,
    busy_entries,
    entry,
    opening,
    report,
    scene,
)


@asynccontextmanager
async def projector(path: Path) -> AsyncIterator[Projector]:
    opened = Projector(sqlite_url(path))
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def project(path: Path, entries: Sequence[Entry], size: int = 100) -> None:
    async with projector(path) as opened:
        for start in range(0, len(entries), size):
            await opened.write(entries[start : start + size])


def rows(path: Path, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def table_contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    names = [row["name"] for row in rows(path, "SELECT name FROM sqlite_master WHERE type='table'")]
    return {name: sorted(rows(path, f"SELECT * FROM {name}"), key=repr) for name in names}


async def test_an_order_shows_its_last_state_with_exact_decimals(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(path, scene())
    (order,) = rows(path, "SELECT * FROM orders WHERE order_id = 'O1'")
    assert order["cl_ord_id"] == "A2"
    assert (order["broker"], order["session"], order["user_name"]) == ("BROKER-A", "ALICE", "alice")
    assert (order["client"], order["account"]) == ("CLIENT-1", "ACC-1")
    assert (order["symbol"], order["market"], order["side"]) == ("ACME", "XFOM", "buy")
    assert (order["ord_type"], order["tif"], order["ord_status"]) == ("limit", "day", "filled")
    assert (order["price"], order["price_units"]) == ("10.06", 1006)
    assert (order["order_qty"], order["cum_qty"], order["leaves_qty"]) == ("100", "100", "0")
    assert (order["avg_px"], order["notional_units"]) == ("10.057", 100_570)
    assert order["entered_at"] == "2026-01-05T13:30:00.000000Z"
    assert order["updated_at"] == "2026-01-05T13:30:00.009000Z"
    assert order["trading_day"] == "20260105"


async def test_sqlite3_shows_a_price_as_text_and_keeps_its_zeros(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(path, [*opening(), entry(7, report(1, 1, price=1000))])
    (found,) = rows(path, "SELECT price, typeof(price) AS type FROM orders")
    assert found == {"price": "10.00", "type": "text"}


async def test_a_refused_order_is_a_row_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    refused = report(
        20,
        0,
        exec_type=ExecType.REJECTED,
        ord_status=OrdStatus.REJECTED,
        cl_ord_id="A3",
        ord_rej_reason=OrdRejReason.DUPLICATE_ORDER,
    )
    await project(path, [*scene(), entry(13, refused)])
    found = rows(path, "SELECT * FROM orders WHERE ord_status = 'rejected' ORDER BY seq")
    assert [(r["order_id"], r["refused_exec_id"], r["ord_rej_reason"]) for r in found] == [
        ("NONE", "E9", 3),
        ("NONE", "E20", 6),
    ]
    assert found[0]["text"] == "Price(44) 99.99 is outside the band 9.00 to 11.00"


async def test_values_that_have_no_units_are_shown_as_they_came(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    event = report(
        1, 0, exec_type=ExecType.REJECTED, ord_status=OrdStatus.REJECTED, qty=0, price=None
    )
    terms = event.terms.__class__(
        side=event.terms.side,
        ord_type=event.terms.ord_type,
        tif=event.terms.tif,
        qty=Qty(0),
        echo=((38, "1.5"), (44, "10.005")),
    )
    event = event.__class__(
        **{f: getattr(event, f) for f in event.__struct_fields__} | {"terms": terms}
    )
    await project(path, [*opening(), entry(7, event)])
    (found,) = rows(path, "SELECT order_qty, price FROM orders")
    assert found == {"order_qty": "1.5", "price": "10.005"}


async def test_every_report_is_in_the_history_and_a_status_changes_no_order(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    status = report(0, 1, exec_type=ExecType.ORDER_STATUS, ord_status=OrdStatus.FILLED, cum=100)
    unknown = report(0, 0, exec_type=ExecType.ORDER_STATUS, ord_status=OrdStatus.REJECTED)
    await project(path, [*scene(), entry(13, status, unknown)])
    history = rows(path, "SELECT * FROM order_events ORDER BY seq, event_index")
    assert [row["exec_id"] for row in history] == [
        *(f"E{n}" for n in range(1, 10)),
        None,
        None,
        None,
    ]
    assert [row["kind"] for row in history].count("cancel-reject") == 1
    partial = history[2]
    assert (partial["exec_type"], partial["last_qty"], partial["last_px"]) == (
        "trade",
        "30",
        "10.05",
    )
    assert (partial["trade_id"], partial["contra"], partial["aggressor"]) == ("T1", "BROKER-B", 0)
    assert (partial["avg_px"], partial["cum_qty"], partial["leaves_qty"]) == ("10.05", "30", "70")
    (order,) = rows(path, "SELECT last_exec_id FROM orders WHERE order_id = 'O1'")
    assert order["last_exec_id"] == "E7"
    assert len(rows(path, "SELECT * FROM orders")) == 4


async def test_trades_and_what_becomes_of_them(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(path, scene())
    changes = [
        entry(
            13,
            TradeCorrected(
                TradeId(1),
                ACME_ID,
                "ACME",
                Price(1005),
                Qty(30),
                Price(1004),
                Qty(20),
                "typing error",
            ),
        ),
        entry(14, TradeBusted(TradeId(2), ACME_ID, "ACME", Price(1006), Qty(70), "both agreed")),
        entry(
            15,
            TradeCorrected(
                TradeId(1), ACME_ID, "ACME", Price(1004), Qty(20), Price(1003), Qty(10), "again"
            ),
        ),
    ]
    await project(path, changes, size=1)
    first, second = rows(path, "SELECT * FROM trades ORDER BY seq")
    assert (first["trade_id"], first["status"], first["reason"]) == ("T1", "corrected", "again")
    assert (first["price"], first["qty"], first["price_units"]) == ("10.03", "10", 1003)
    assert (first["original_price"], first["original_qty"]) == ("10.05", "30")
    assert (first["buyer"], first["seller"], first["aggressor_side"]) == (
        "BROKER-A",
        "BROKER-B",
        "sell",
    )
    assert (second["status"], second["reason"], second["price"]) == (
        "busted",
        "both agreed",
        "10.06",
    )


async def test_corrections_within_one_batch_end_as_in_many(tmp_path: Path) -> None:
    entries = [
        *scene(),
        entry(
            13,
            TradeCorrected(
                TradeId(1), ACME_ID, "ACME", Price(1005), Qty(30), Price(1004), Qty(20), "one"
            ),
        ),
        entry(
            14,
            TradeCorrected(
                TradeId(1), ACME_ID, "ACME", Price(1004), Qty(20), Price(1003), Qty(10), "two"
            ),
        ),
        entry(15, TradeBusted(TradeId(1), ACME_ID, "ACME", Price(1003), Qty(10), "three")),
    ]
    await project(tmp_path / "one.db", entries, size=100)
    await project(tmp_path / "many.db", entries, size=1)
    assert table_contents(tmp_path / "one.db") == table_contents(tmp_path / "many.db")


async def test_levels_vanish_from_the_book_with_their_last_order(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(path, opening() + scene()[6:8])
    assert rows(path, "SELECT side, price, qty, orders FROM order_book") == [
        {"side": "bid", "price": "10.05", "qty": "70", "orders": 1}
    ]
    await project(path, [entry(9, book((True, 1005, 0, 0), (False, 1010, 5, 2), ask=(1010, 5)))])
    assert rows(path, "SELECT side, price, qty, orders FROM order_book") == [
        {"side": "ask", "price": "10.10", "qty": "5", "orders": 2}
    ]


async def test_instruments_and_sessions_follow_their_events(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    banded = Instrument(
        symbol="BOND",
        market="XFOM",
        price_decimals=3,
        qty_decimals=1,
        tick_bands=(TickBand(Price(0), Price(1)), TickBand(Price(10_000), Price(5))),
        lot_size=Qty(5),
        reference_price=Price(99_500),
        status=InstrumentStatus.SUSPENDED,
    )
    bond = banded.instrument_id
    await project(
        path,
        [
            *opening(),
            entry(7, InstrumentDefined(banded, Phase.CLOSED)),
            entry(
                8,
                PhaseChanged(
                    bond, "BOND", "MAIN", Phase.CLOSED, Phase.OPENING_AUCTION, "schedule", VENUE
                ),
            ),
        ],
    )
    await project(
        path,
        [
            entry(9, IndicativeChanged(bond, "BOND", Price(99_250), Qty(25), Qty(0), False)),
            entry(10, ReferencePriceChanged(bond, "BOND", Price(99_000))),
            entry(11, SessionStatusChanged("BOB", "BROKER-B", False, "connection lost")),
        ],
    )
    (found,) = rows(path, "SELECT * FROM instruments WHERE symbol = 'BOND'")
    assert (found["phase"], found["status"]) == ("opening-auction", "suspended")
    assert (found["indicative_px"], found["indicative_qty"]) == ("99.250", "2.5")
    assert found["reference_price"] == "99.000"
    assert (found["tick_size"], found["lot_size"]) == ("0.000:0.001 10.000:0.005", "0.5")
    sessions = rows(path, "SELECT session, broker, connected, reason FROM sessions ORDER BY 1")
    assert sessions == [
        {"session": "ALICE", "broker": "BROKER-A", "connected": 1, "reason": ""},
        {"session": "BOB", "broker": "BROKER-B", "connected": 0, "reason": "connection lost"},
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
async def test_batches_of_any_size_make_the_same_tables(tmp_path: Path, size: int) -> None:
    entries = scene() + busy_entries(13, 30)
    await project(tmp_path / "whole.db", entries, size=1000)
    await project(tmp_path / "parts.db", entries, size=size)
    assert table_contents(tmp_path / "whole.db") == table_contents(tmp_path / "parts.db")


async def test_the_cursor_is_where_the_rows_are(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    opened = Projector(sqlite_url(path))
    assert await opened.open() == (0, 0)
    await opened.write(scene())
    await opened.close()
    assert await opened.open() == (12, scene()[-1].time)
    await opened.close()


async def test_a_batch_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(path, scene())
    before = table_contents(path)
    async with projector(path) as opened:
        with closing(sqlite3.connect(path)) as other:
            # A trade that is already there: what a fault of ours would look like to the database.
            other.execute(
                "INSERT INTO trades SELECT 'T15', 99, 0, time, trading_day, instrument_id, symbol,"
                " market, price, price_units, qty, qty_units, aggressor_side, buy_order_id,"
                " sell_order_id, buyer, seller, status, original_price, original_qty, reason,"
                " updated_at FROM trades LIMIT 1"
            )
            other.commit()
        with pytest.raises(
            StoreUnavailableError, match=r"UNIQUE constraint failed: trades\.trade_id"
        ):
            await opened.write(busy_entries(13, 5))
        after = table_contents(path)
        after["trades"] = [row for row in after["trades"] if row["trade_id"] != "T15"]
        assert after == before


async def test_two_projectors_cannot_both_write(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    async with projector(path) as first, projector(path) as second:
        await first.write(scene())
        with pytest.raises(StoreUnavailableError, match="another projector writes this database"):
            await second.write(scene())
    assert len(rows(path, "SELECT * FROM trades")) == 2


async def test_a_locked_database_is_said_and_written_later(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    async with projector(path) as opened:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match=r"venue\.db: database is locked"):
                await opened.write(scene())
            other.execute("ROLLBACK")
        await opened.open()
        await opened.write(scene())
    assert len(rows(path, "SELECT * FROM trades")) == 2


async def test_a_read_only_database_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(path, scene())
    read_only = Projector(f"sqlite:///file:{path}?mode=ro&uri=true")
    await read_only.open()
    with pytest.raises(StoreUnavailableError, match="readonly database") as caught:
        await read_only.write(busy_entries(13, 1))
    await read_only.close()
    assert "\n" not in str(caught.value)


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    missing = Projector(sqlite_url(tmp_path / "no" / "venue.db"))
    with pytest.raises(StoreUnavailableError, match="unable to open database file"):
        await missing.open()


async def test_a_cleared_database_starts_from_entry_one(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(path, scene())
    before = table_contents(path)
    await clear(sqlite_url(path))
    opened = Projector(sqlite_url(path))
    assert await opened.open() == (0, 0)
    await opened.write(scene())
    await opened.close()
    assert table_contents(path) == before


async def test_an_unlisted_instrument_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    await project(
        path, [*opening(), entry(7, ReferencePriceChanged(InstrumentId("NO@XFOM"), "NO", Price(1)))]
    )
    assert [row["symbol"] for row in rows(path, "SELECT symbol FROM instruments")] == [ACME.symbol]
