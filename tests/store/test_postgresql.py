"""The same projection and questions on a real PostgreSQL."""

import os
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixoms.domain.events import TradeBusted, TradeCorrected
from fixoms.domain.ids import TradeId
from fixoms.domain.units import Price, Qty
from fixoms.store import queries
from fixoms.store.database import StoreUnavailableError, reading, sqlite_url
from fixoms.store.projection import Projector
from fixoms.store.queries import OrderFilter, TradeFilter
from fixoms.store.rebuild import differences, rebuild
from tests.store.scene import ACME_ID, EntryList, book, busy_entries, entry, scene

asyncpg: Any = pytest.importorskip("asyncpg", reason="PostgreSQL needs the asyncpg package")

SERVER = os.environ.get("FIXOMS_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A database of our own on the test server, dropped afterwards."""
    try:
        server = await asyncpg.connect(SERVER, timeout=5)
    except (TimeoutError, OSError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL at {SERVER}: {error}")
    name = f"fixoms_test_{os.getpid()}"
    await server.execute(f"DROP DATABASE IF EXISTS {name}")
    await server.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{SERVER.rpartition('/')[0]}/{name}"
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


def everything() -> list[Any]:
    return [
        *scene(),
        *busy_entries(13, 40),
        entry(
            53,
            book((True, 1005, 5, 1), (True, 1001, 0, 0), bid=(1005, 5)),
            TradeCorrected(
                TradeId(1), ACME_ID, "ACME", Price(1005), Qty(30), Price(1004), Qty(20), "one"
            ),
        ),
        entry(
            54,
            TradeCorrected(
                TradeId(1), ACME_ID, "ACME", Price(1004), Qty(20), Price(1003), Qty(10), "two"
            ),
            TradeBusted(TradeId(2), ACME_ID, "ACME", Price(1006), Qty(70), "both agreed"),
        ),
    ]


async def project(url: str, size: int) -> None:
    projector = Projector(url)
    await projector.open()
    entries = everything()
    for start in range(0, len(entries), size):
        await projector.write(entries[start : start + size])
    await projector.close()


async def answers(url: str) -> bytes:
    """Every question's answer, as JSON."""
    async with reading(url) as connection:
        found = [
            await queries.find_orders(connection, OrderFilter(limit=1000)),
            await queries.find_orders(connection, OrderFilter(broker="BROKER-B", status="filled")),
            await queries.find_trades(connection, TradeFilter(limit=1000)),
            await queries.read_books(connection, "ACME"),
            await queries.order_history(connection, cl_ord_id="A1"),
            await queries.find_sessions(connection),
            await queries.read_cursor(connection),
        ]
    return msgspec.json.format(msgspec.json.encode(found))


async def test_it_answers_what_sqlite_answers(url: str, tmp_path: Path) -> None:
    sqlite = sqlite_url(tmp_path / "venue.db")
    await project(sqlite, 100)
    await project(url, 7)
    assert (await answers(url)).decode() == (await answers(sqlite)).decode()
    read = EntryList(everything()).read
    assert await differences(url, read) == []
    assert await rebuild(url, read) == 54
    assert await answers(url) == await answers(sqlite)


async def test_prices_are_numeric_and_times_are_times(url: str) -> None:
    await project(url, 100)
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow(
        "SELECT price, avg_px, sum(cum_qty) OVER () AS done, updated_at - entered_at AS age"
        " FROM orders WHERE order_id = 'O1'"
    )
    await connection.close()
    assert (str(row["price"]), row["avg_px"]) == ("10.06", Decimal("10.057"))
    assert row["done"] == 100
    assert row["age"].total_seconds() == pytest.approx(0.009)


async def test_a_lost_connection_is_said_and_nothing_is_doubled(url: str) -> None:
    projector = Projector(url)
    await projector.open()
    await projector.write(scene())
    admin = await asyncpg.connect(url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(StoreUnavailableError, match=r"^PostgreSQL ") as caught:
        await projector.write(busy_entries(13, 5))
    assert "\n" not in str(caught.value)
    assert await projector.open() == (12, scene()[-1].time)
    await projector.write(busy_entries(13, 5))
    await projector.close()
    assert await admin.fetchval("SELECT count(*) FROM trades") == 7
    await admin.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"database": "no_such_database"}, 'database "no_such_database" does not exist'),
        ({"user": "no_such_user"}, "no_such_user"),
    ],
)
async def test_a_server_that_refuses_is_said(url: str, change: dict[str, str], said: str) -> None:
    base, _, database = url.rpartition("/")
    wrong = f"{base}/{change.get('database', database)}"
    if "user" in change:
        wrong = wrong.replace("postgres@", f"{change['user']}@")
    projector = Projector(wrong)
    with pytest.raises(StoreUnavailableError, match=said) as caught:
        await projector.open()
    assert "\n" not in str(caught.value)
