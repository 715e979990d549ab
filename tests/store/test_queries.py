"""The questions of the command line, asked of a projected scene."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from fixoms.store import queries
from fixoms.store.database import StoreError, reading, sqlite_url
from fixoms.store.projection import Projector
from fixoms.store.queries import OrderFilter, TradeFilter
from tests.store.scene import book, busy_entries, entry, report, scene


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    url = sqlite_url(tmp_path / "venue.db")
    projector = Projector(url)
    await projector.open()
    await projector.write(
        [
            *scene(),
            entry(
                13,
                report(10, 4, cl_ord_id="A5", price=1000),
                book(
                    (True, 1000, 100, 1),
                    (True, 998, 40, 2),
                    (True, 999, 7, 1),
                    (False, 1011, 5, 1),
                    (False, 1010, 20, 1),
                    bid=(1000, 100),
                    ask=(1010, 20),
                ),
            ),
        ]
    )
    await projector.close()
    async with reading(url) as connection:
        yield connection


async def cl_ord_ids(connection: AsyncConnection, **wanted: str | int) -> list[str]:
    found = await queries.find_orders(connection, msgspec.convert(wanted, OrderFilter))
    return [order.cl_ord_id for order in found]


async def test_orders_come_in_the_order_of_entry(venue: AsyncConnection) -> None:
    assert sorted(await cl_ord_ids(venue)) == ["A2", "A3", "A5", "B1", "B2"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"session": "BOB"}, {"B1", "B2"}),
        ({"broker": "BROKER-A"}, {"A2", "A3", "A5"}),
        ({"broker": "BROKER-A", "status": "working"}, {"A5"}),
        ({"status": "filled"}, {"A2", "B1", "B2"}),
        ({"status": "rejected"}, {"A3"}),
        ({"symbol": "OTHER"}, set()),
        ({"client": "CLIENT-1", "account": "ACC-1", "trading_day": "20260105"}, None),
        ({"trading_day": "20260106"}, set()),
    ],
)
async def test_filters_narrow(
    venue: AsyncConnection, wanted: dict[str, str], found: set[str] | None
) -> None:
    everything = {"A2", "A3", "A5", "B1", "B2"}
    assert set(await cl_ord_ids(venue, **wanted)) == (everything if found is None else found)


async def test_the_limit_keeps_the_newest(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "venue.db")
    projector = Projector(url)
    await projector.open()
    await projector.write(scene() + busy_entries(13, 20))
    await projector.close()
    async with reading(url) as connection:
        assert await cl_ord_ids(connection, limit=3) == ["B31", "A32", "B32"]
        trades = await queries.find_trades(connection, TradeFilter(limit=2))
        assert [trade.trade_id for trade in trades] == ["T31", "T32"]
        assert await queries.read_cursor(connection) == 32


async def test_a_row_becomes_json_as_it_is(venue: AsyncConnection) -> None:
    (order,) = await queries.find_orders(venue, OrderFilter(status="working"))
    shown = msgspec.json.decode(msgspec.json.encode(order))
    assert shown["order_id"] == "O4"
    assert shown["price"] == "10.00"
    assert shown["leaves_qty"] == "100"
    assert shown["stop_px"] is None
    assert shown["entered_at"] == "2026-01-05T13:30:00.000000Z"


async def test_trades_of_a_broker_on_either_side(venue: AsyncConnection) -> None:
    for broker in ("BROKER-A", "BROKER-B"):
        found = await queries.find_trades(venue, TradeFilter(broker=broker))
        assert [(trade.price, trade.qty) for trade in found] == [("10.05", "30"), ("10.06", "70")]
    assert await queries.find_trades(venue, TradeFilter(broker="BROKER-C")) == []


async def test_a_book_shows_its_best_prices_first(venue: AsyncConnection) -> None:
    (found,) = await queries.read_books(venue, "ACME")
    assert [(level.price, level.qty, level.orders) for level in found.bids] == [
        ("10.00", "100", 1),
        ("9.99", "7", 1),
        ("9.98", "40", 2),
    ]
    assert [(level.price, level.qty) for level in found.asks] == [("10.10", "20"), ("10.11", "5")]
    assert (found.phase, found.last_price, found.currency) == ("continuous", "10.06", "USD")
    (shallow,) = await queries.read_books(venue, "ACME", depth=1)
    assert [level.price for level in shallow.bids + shallow.asks] == ["10.00", "10.10"]
    assert await queries.read_books(venue, "NONE") == []
    assert await queries.read_books(venue, "ACME", market="XLON") == []


@pytest.mark.parametrize(
    "named", [{"order_id": "O1"}, {"cl_ord_id": "A1"}, {"cl_ord_id": "A2", "session": "ALICE"}]
)
async def test_a_history_holds_everything_that_happened(
    venue: AsyncConnection, named: dict[str, str]
) -> None:
    history = await queries.order_history(
        venue,
        order_id=named.get("order_id", ""),
        cl_ord_id=named.get("cl_ord_id", ""),
        session=named.get("session", ""),
    )
    assert [(event.exec_type, event.exec_id, event.ord_status) for event in history] == [
        ("new", "E1", "new"),
        ("trade", "E3", "partially-filled"),
        ("replaced", "E5", "partially-filled"),
        ("trade", "E7", "filled"),
        ("order-cancel-request", None, "filled"),
    ]
    assert history[-1].text == "OrigClOrdID(41) A2 is filled"


async def test_the_history_of_a_refused_order(venue: AsyncConnection) -> None:
    (event,) = await queries.order_history(venue, cl_ord_id="A3")
    assert (event.exec_type, event.order_id, event.reason) == ("rejected", "NONE", 3)
    assert await queries.order_history(venue, cl_ord_id="A3", session="BOB") == []
    assert await queries.order_history(venue, order_id="O99") == []


async def test_sessions(venue: AsyncConnection) -> None:
    found = await queries.find_sessions(venue)
    assert [(row.session, row.broker, row.connected) for row in found] == [
        ("ALICE", "BROKER-A", True),
        ("BOB", "BROKER-B", True),
    ]


async def test_questions_that_make_no_sense(venue: AsyncConnection) -> None:
    with pytest.raises(StoreError, match=r"status 'open' is not one of working, new, "):
        await cl_ord_ids(venue, status="open")
    with pytest.raises(StoreError, match="limit 0 is not between 1 and 100000"):
        await cl_ord_ids(venue, limit=0)
    with pytest.raises(StoreError, match="OrderID or its ClOrdID"):
        await queries.order_history(venue)


async def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "no.db"
    with pytest.raises(StoreError, match=r"there is no database at .*no\.db: has the venue run"):
        async with reading(sqlite_url(missing)):
            pass
    assert not missing.exists()


async def test_a_database_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    async with reading(sqlite_url(tmp_path / "empty.db")) as connection:
        with pytest.raises(StoreError, match="has no fixoms tables"):
            await queries.find_sessions(connection)
    (tmp_path / "text.db").write_text("not a database, and long enough to be taken for one" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        async with reading(sqlite_url(tmp_path / "text.db")) as connection:
            await queries.find_sessions(connection)
