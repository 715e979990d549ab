"""The outlets' process over a real journal, SQLite and brokers; killed, stopped, failing."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fixoms.clock import now
from fixoms.journal.entry import Entry
from fixoms.journal.journal import Journal
from fixoms.journal.settings import Durability, JournalSettings
from fixoms.outlets.alerts import AlertSettings
from fixoms.outlets.process import OutletsSettings, run_outlets
from fixoms.outlets.status import State, read_status
from fixoms.store.database import sqlite_url
from tests.outlets.brokers import Mosquitto, Subscriber, free_port, needs_mosquitto
from tests.store.scene import busy_entries, opening, scene

CHILD = """
import sys
from pathlib import Path
from fixoms.clock import now
from fixoms.outlets.process import OutletsSettings, run
from fixoms.store.database import sqlite_url
folder = Path(sys.argv[1])
settings = OutletsSettings(
    journal_dir=folder / "journal", data_dir=folder, venue="XFOM",
    sql_url=sqlite_url(folder / "venue.db"), mqtt_url=sys.argv[2] or None, batch_entries=7,
)
say = lambda line: print(line, file=sys.stderr, flush=True)
sys.exit(run(settings, now=now, say=say))
"""


@asynccontextmanager
async def a_journal(folder: Path) -> AsyncIterator[Journal]:
    journal = Journal.open(folder / "journal", JournalSettings(durability=Durability.OS))
    for _ in journal.recover().entries:
        pass
    await journal.start()
    try:
        yield journal
    finally:
        await journal.close()


async def write(journal: Journal, entries: list[Entry]) -> None:
    for entry in entries:
        journal.stage(entry)
    await journal.drain()


def settings_for(folder: Path, mqtt_url: str | None = None) -> OutletsSettings:
    return OutletsSettings(
        journal_dir=folder / "journal",
        data_dir=folder,
        venue="XFOM",
        sql_url=sqlite_url(folder / "venue.db"),
        mqtt_url=mqtt_url,
        alerts=AlertSettings(large_fill_value=Decimal(0)),
    )


def projected(folder: Path) -> tuple[int, int, int]:
    """Cursor, trades and history lines in the SQLite file."""
    with closing(sqlite3.connect(folder / "venue.db")) as connection:
        (cursor,) = connection.execute("SELECT max(seq) FROM outlet_cursor").fetchone()
        (trades,) = connection.execute("SELECT count(*) FROM trades").fetchone()
        (lines,) = connection.execute("SELECT count(*) FROM order_events").fetchone()
        return cursor, trades, lines


async def caught_up(folder: Path, seq: int, timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while True:
            status = read_status(folder)
            if status is not None and status.slowest_seq >= seq:
                return
            await asyncio.sleep(0.02)


@needs_mosquitto
async def test_both_outlets_follow_a_journal_while_it_is_written(tmp_path: Path) -> None:
    broker = await Mosquitto(tmp_path).start()
    stop = asyncio.Event()
    lines: list[str] = []
    async with a_journal(tmp_path) as journal:
        await write(journal, scene())
        settings = settings_for(tmp_path, broker.url)
        run = asyncio.create_task(run_outlets(settings, now=now, say=lines.append, stop=stop))
        async with Subscriber.to(broker.port, "fixoms/#") as subscriber:
            await caught_up(tmp_path, 12)
            await write(journal, busy_entries(13, 50))
            # What is written before the stop is out after it.
            stop.set()
            assert await run == 0
            await subscriber.until(lambda all_of: len(all_of.of_type("gateway-status")) >= 1)
    broker.stop()
    assert projected(tmp_path) == (62, 52, 10 + 150)
    assert lines == []
    status = read_status(tmp_path)
    assert status is not None
    assert [(o.name, o.state, o.seq, o.lag) for o in status.outlets] == [
        ("sql", State.STOPPED, 62, 0),
        ("mqtt", State.STOPPED, 62, 0),
    ]


async def test_a_missing_broker_does_not_hold_up_sql(tmp_path: Path) -> None:
    stop = asyncio.Event()
    lines: list[str] = []
    async with a_journal(tmp_path) as journal:
        await write(journal, scene())
    settings = settings_for(tmp_path, f"mqtt://127.0.0.1:{free_port()}")
    run = asyncio.create_task(run_outlets(settings, now=now, say=lines.append, stop=stop))
    async with asyncio.timeout(10):
        while (status := read_status(tmp_path)) is None or status.outlets[0].seq != 12:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert status.outlets[1].state is State.WAITING
    assert (status.outlets[1].lag, status.slowest_seq) == (12, 0)
    assert "MQTT broker 127.0.0.1" in status.outlets[1].problem
    stop.set()
    assert await run == 0
    assert len(lines) == 1
    assert lines[0].startswith("mqtt lags: MQTT broker 127.0.0.1:")
    assert lines[0].endswith("; trying again until it works")


async def test_no_journal_yet_is_no_trouble(tmp_path: Path) -> None:
    stop = asyncio.Event()
    run = asyncio.create_task(run_outlets(settings_for(tmp_path), now=now, say=print, stop=stop))
    await caught_up(tmp_path, 0)
    async with a_journal(tmp_path) as journal:
        await write(journal, scene())
        await caught_up(tmp_path, 12)
    stop.set()
    assert await run == 0


async def test_a_database_of_another_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for folder, entries in (("one", scene()), ("two", opening())):
        async with a_journal(tmp_path / folder) as journal:
            await write(journal, entries)
    stop = asyncio.Event()
    stop.set()
    lines: list[str] = []
    assert await run_outlets(settings_for(tmp_path / "one"), now=now, say=print, stop=stop) == 0
    (tmp_path / "one" / "venue.db").rename(tmp_path / "two" / "venue.db")
    settings = settings_for(tmp_path / "two")
    assert await run_outlets(settings, now=now, say=lines.append, stop=stop) == 1
    (line,) = lines
    assert line == (
        "sql stopped: entry 12, the last one written, is not in this journal:"
        " `fixoms rebuild` makes the SQL tables from the journal again"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="kills with POSIX signals")
async def test_a_process_killed_again_and_again_writes_every_row_once(tmp_path: Path) -> None:
    entries = opening() + busy_entries(7, 600)
    async with a_journal(tmp_path) as journal:
        await write(journal, entries)
    kills = 0
    while kills < 4:
        child = await start_child(tmp_path)
        # Killed at a different point of its work each time, wherever that is.
        await grown_by(tmp_path, 20)
        child.kill()
        await child.wait()
        kills += 1
        if (tmp_path / "venue.db").exists() and projected(tmp_path)[0] == 606:
            break
    child = await start_child(tmp_path)
    await caught_up(tmp_path, 606)
    assert child.stdin is not None
    child.stdin.close()
    assert await child.wait() == 0
    assert kills >= 3
    assert projected(tmp_path) == (606, 600, 1800)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("end", ["stdin", "SIGTERM", "SIGINT then stdin"])
async def test_the_process_ends_when_its_parent_says_so(tmp_path: Path, end: str) -> None:
    async with a_journal(tmp_path) as journal:
        await write(journal, scene())
        child = await start_child(tmp_path)
        await caught_up(tmp_path, 12)
        assert child.stdin is not None
        if end == "SIGINT then stdin":
            # Ctrl-C reaches the child too, before the venue has written its last entries.
            child.send_signal(signal.SIGINT)
            await write(journal, busy_entries(13, 20))
            await caught_up(tmp_path, 32)
        await write(journal, busy_entries(33 if "SIGINT" in end else 13, 3))
        if end == "SIGTERM":
            child.terminate()
        else:
            child.stdin.close()
        async with asyncio.timeout(10):
            assert await child.wait() == 0
    assert projected(tmp_path)[0] == (35 if "SIGINT" in end else 15)


@needs_mosquitto
@pytest.mark.skipif(sys.platform == "win32", reason="kills with POSIX signals")
async def test_a_process_killed_again_and_again_publishes_everything_in_order(
    tmp_path: Path,
) -> None:
    broker = await Mosquitto(tmp_path).start()
    async with a_journal(tmp_path) as journal:
        await write(journal, opening() + busy_entries(7, 300))
        async with Subscriber.to(broker.port, "fixoms/#") as subscriber:
            for kill in range(4):
                child = await start_child(tmp_path, broker.url)
                enough = 200 * (kill + 1)
                await subscriber.until_count(enough)
                child.kill()
                await child.wait()
            child = await start_child(tmp_path, broker.url)
            await caught_up(tmp_path, 306)
            assert child.stdin is not None
            child.stdin.close()
            assert await child.wait() == 0
            await subscriber.until(lambda all_of: all_of.messages[-1][1].get("reason") == "stopped")
    broker.stop()
    places: dict[str, tuple[int, int]] = {}
    for event in subscriber.events():
        places.setdefault(event["id"], (event["seq"], event["index"]))
    assert list(places.values()) == sorted(places.values())
    assert sum(key.startswith("trade-") for key in places) == 300
    assert sum(key.startswith("order-") for key in places) == 900


async def test_a_database_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    async with a_journal(tmp_path) as journal:
        await write(journal, opening())
        assert await run_outlets(settings_for(tmp_path), now=now, say=print, stop=stop) == 0
        await write(journal, busy_entries(7, 3))
    read_only = f"sqlite:///file:{tmp_path / 'venue.db'}?mode=ro&uri=true"
    settings = msgspec.structs.replace(settings_for(tmp_path), sql_url=read_only)
    stop = asyncio.Event()
    lines: list[str] = []
    run = asyncio.create_task(run_outlets(settings, now=now, say=lines.append, stop=stop))
    # Long enough for three tries.
    await asyncio.sleep(1.2)
    stop.set()
    assert await run == 0
    (line,) = lines
    assert line.startswith("sql lags: SQLite file ")
    assert line.endswith("attempt to write a readonly database; trying again until it works")
    status = read_status(tmp_path)
    assert status is not None
    assert (status.outlets[0].state, status.outlets[0].lag) == (State.WAITING, 3)


async def start_child(folder: Path, mqtt_url: str = "") -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHILD,
        str(folder),
        mqtt_url,
        stdin=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )


async def grown_by(folder: Path, entries: int) -> None:
    """Wait until the projection has moved on by some entries, or is at its end."""
    before = cursor_of(folder)
    async with asyncio.timeout(20):
        while before + entries > cursor_of(folder) < 606:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.001)


def cursor_of(folder: Path) -> int:
    path = folder / "venue.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        try:
            (cursor,) = connection.execute("SELECT max(seq) FROM outlet_cursor").fetchone()
        except sqlite3.OperationalError:
            return 0
        return cursor or 0
