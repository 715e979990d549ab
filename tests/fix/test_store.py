"""Both message stores: what they keep, what is lazy, what a reset forgets, how failure is told."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.config import SessionState
from fixoms.fix.identity import SessionId
from fixoms.fix.sqlite_store import SqliteStore
from fixoms.fix.store import Inbound, MemoryStore, Outbound, Record, Reset, Store
from tests.fix.counterparty import START, US

BOB = SessionId(sender_comp_id="VENUE", target_comp_id="BOB")
LATER = Nanos(START + 60 * SECOND)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "s.db")
    yield made
    await made.close()


async def put(store: Store, *records: Record, session: SessionId = US) -> None:
    durable = asyncio.Event()
    store.put(session, records, durable.set)
    async with asyncio.timeout(10):
        await durable.wait()


async def test_a_new_session_starts_at_one(store: Store) -> None:
    assert store.load(US, START) == SessionState(next_out=1, next_in=1, created_at=START)
    assert store.load(US, LATER).created_at == START


async def test_messages_are_read_back_by_range(store: Store) -> None:
    store.load(US, START)
    store.load(BOB, START)
    await put(store, Outbound(1, b"logon", admin=True))
    await put(store, *(Outbound(n, b"%d" % n, admin=False) for n in range(2, 8)), Inbound(5))
    await put(store, Outbound(1, b"bob", admin=False), session=BOB)
    assert await store.read(US, 1, 100, 100) == [(n, b"%d" % n) for n in range(2, 8)]
    assert await store.read(US, 3, 5, 100) == [(3, b"3"), (4, b"4"), (5, b"5")]
    assert await store.read(US, 3, 100, 2) == [(3, b"3"), (4, b"4")]
    assert await store.read(BOB, 1, 100, 100) == [(1, b"bob")]
    state = store.load(US, LATER)
    assert (state.next_out, state.next_in) == (8, 5)


async def test_a_reset_forgets(store: Store) -> None:
    store.load(US, START)
    await put(store, Outbound(1, b"old", admin=False), Inbound(9))
    await put(store, Reset(LATER, 1), Outbound(1, b"new", admin=False), Inbound(2))
    assert store.load(US, LATER) == SessionState(next_out=2, next_in=2, created_at=LATER)
    assert await store.read(US, 1, 9, 9) == [(1, b"new")]


async def test_lazy_records_do_not_wait(store: Store) -> None:
    store.load(US, START)
    called: list[int] = []
    store.put(US, [Inbound(7)], lambda: called.append(1))
    assert called == [1]
    assert store.load(US, LATER).next_in == 7


async def test_callbacks_come_in_order(store: Store) -> None:
    store.load(US, START)
    order: list[int] = []
    done = asyncio.Event()
    for n in range(1, 500):
        store.put(US, [Outbound(n, b"x", admin=False)], lambda n=n: order.append(n))  # type: ignore[misc]
    store.put(US, [Outbound(500, b"x", admin=False)], done.set)
    async with asyncio.timeout(10):
        await done.wait()
    assert order == list(range(1, 500))


async def test_memory_is_bounded() -> None:
    store = MemoryStore(messages_max=3)
    store.load(US, START)
    await put(store, *(Outbound(n, b"%d" % n, admin=False) for n in range(1, 6)))
    assert [n for n, _ in await store.read(US, 1, 9, 9)] == [3, 4, 5]


async def test_sqlite_survives_and_deletes_past_epochs(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = SqliteStore(path)
    store.load(US, START)
    await put(store, *(Outbound(n, b"x", admin=False) for n in range(1, 2501)))
    await put(store, Reset(LATER, 1), Outbound(1, b"new", admin=False))
    store.put(US, [Inbound(4)], lambda: None)
    await store.close()
    store = SqliteStore(path)
    assert store.load(US, LATER) == SessionState(next_out=2, next_in=4, created_at=LATER)
    assert await store.read(US, 1, 9999, 9999) == [(1, b"new")]
    await asyncio.to_thread(_until_one_row, path)
    await store.close()


def _until_one_row(path: Path) -> None:
    for _ in range(200):
        if _rows(path) == 1:
            return
        time.sleep(0.1)
    pytest.fail("messages of the past epoch are still there")


def _rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        (count,) = connection.execute("SELECT COUNT(*) FROM message").fetchone()
    finally:
        connection.close()
    return int(count)


async def test_sqlite_tells_its_failure_and_answers_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = SqliteStore(path)
    store.load(US, START)
    failures: list[Exception] = []
    told = asyncio.Event()

    def failed(failure: Exception) -> None:
        failures.append(failure)
        told.set()

    store.on_failure(failed)
    await put(store, Outbound(1, b"x", admin=False))
    answered: list[int] = []
    # The same number twice breaks the promise of the table.
    store.put(US, [Outbound(1, b"y", admin=False)], lambda: answered.append(1))
    async with asyncio.timeout(10):
        await told.wait()
    assert isinstance(failures[0], sqlite3.IntegrityError)
    store.put(US, [Outbound(2, b"z", admin=False)], lambda: answered.append(2))
    with pytest.raises(sqlite3.IntegrityError):
        await store.read(US, 1, 9, 9)
    with pytest.raises(sqlite3.IntegrityError):
        store.load(US, START)
    assert answered == []
    await store.close()


def test_sqlite_refuses_a_bad_path(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        SqliteStore(tmp_path / "missing" / "s.db")
