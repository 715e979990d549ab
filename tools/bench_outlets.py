"""How fast the outlets catch up: rows a second into SQL, messages a second over MQTT.

    PYTHONPATH=src python tools/bench_outlets.py [--entries N] [--postgresql URL] [--mqtt URL]

Projects entries of a busy market (an order, a match with both its fills, the book) that the real
journal has written, through the real reader. The figures are ratios of one machine at one time.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from tests.store.scene import busy_entries, opening

from fixoms.clock import now
from fixoms.journal.journal import Journal
from fixoms.journal.reader import JournalReader
from fixoms.journal.settings import Durability, JournalSettings
from fixoms.outlets.alerts import AlertSettings
from fixoms.outlets.embedded import running_broker
from fixoms.outlets.follower import Outlet
from fixoms.outlets.mqtt import BrokerAddress, MqttOutlet
from fixoms.store.database import sqlite_url
from fixoms.store.projection import Projector, clear

ROWS_PER_ENTRY = 7  # Two orders, three lines of history, a trade, a level of the book.
MESSAGES_PER_ENTRY = 7  # Three order states, two executions, a trade, the top of the book.


async def write_journal(folder: Path, entries: int) -> int:
    journal = Journal.open(folder, JournalSettings(durability=Durability.OS))
    await journal.start()
    try:
        for entry in opening() + busy_entries(7, entries):
            journal.stage(entry)
            if entry.seq % 500 == 0:
                await journal.drain()
        await journal.drain()
        return journal.last_seq
    finally:
        await journal.close()


async def catch_up(outlet: Outlet, folder: Path, batch: int, last: int) -> float:
    """Seconds from the first read to the last write."""
    with closing(JournalReader(folder)) as reader:
        seq, _ = await outlet.open()
        begin = time.perf_counter()
        while seq < last:
            entries = reader.read(seq, batch)
            await outlet.write(entries)
            seq = entries[-1].seq
        seconds = time.perf_counter() - begin
        await outlet.close()
        return seconds


def show(what: str, batch: int, entries: int, each: int, seconds: float) -> None:
    rate = entries * each / seconds
    print(f"{what:<28} batch {batch:>5}   {entries / seconds:>8,.0f} entries/s {rate:>9,.0f} /s")


async def bench(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        last = await write_journal(folder / "journal", arguments.entries)
        databases = {"SQL rows, SQLite": sqlite_url(folder / "venue.db")}
        if arguments.postgresql:
            databases["SQL rows, PostgreSQL"] = arguments.postgresql
        for what, url in databases.items():
            for batch in (1, 10, 100, 1000):
                await clear(url)
                part = last if batch > 1 else min(last, 500)
                seconds = await catch_up(Projector(url), folder / "journal", batch, part)
                show(what, batch, part, ROWS_PER_ENTRY, seconds)
            await clear(url)
        part = min(last, arguments.messages // MESSAGES_PER_ENTRY)
        async with running_broker() as port:
            brokers = {"MQTT messages, embedded": f"mqtt://127.0.0.1:{port}"}
            if arguments.mqtt:
                brokers["MQTT messages, " + arguments.mqtt] = arguments.mqtt
            for what, url in brokers.items():
                for window in (1, 20, 50, 100):
                    outlet = MqttOutlet(
                        BrokerAddress.parse(url),
                        venue="BENCH",
                        prefix="fixoms-bench",
                        cursor_path=folder / f"{port}-{window}-{what[-4:]}.cursor",
                        alerts=AlertSettings(large_fill_value=Decimal(10**12)),
                        now=now,
                        window=window,
                    )
                    seconds = await catch_up(outlet, folder / "journal", 100, part)
                    show(f"{what}, window {window}", 100, part, MESSAGES_PER_ENTRY, seconds)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=5000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--postgresql", default="", help="URL of a database to use and to clear")
    parser.add_argument("--mqtt", default="", help="URL of a broker")
    asyncio.run(bench(parser.parse_args(words)))


if __name__ == "__main__":
    main()
