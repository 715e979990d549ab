"""Measure a start against the length of the journal, with and without a snapshot, and its size.

    PYTHONPATH=src python tools/bench_recovery.py [--orders 1000,10000,50000] [--directory DIR]

Each journal holds so many requests (60 % resting, 25 % crossing, 15 % cancels), with the frames of
every report they cause. "All" decides every entry again, "tail" those after a snapshot that is a
tenth from the end. A bar shows the longer of the two times.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from random import Random

from fixoms.domain.commands import (
    VENUE,
    CancelOrder,
    Command,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EnterOrder,
    OrderTerms,
    Origin,
    StartDay,
)
from fixoms.domain.enums import OrdType, Side, TimeInForce
from fixoms.domain.ids import OrderId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import SECOND, Nanos, Price, Qty
from fixoms.engine.engine import Engine
from fixoms.engine.settings import EngineSettings
from fixoms.fix.codec import encode
from fixoms.fix.values import render_utc_timestamp
from fixoms.gateway.recovery import recover_engine
from fixoms.journal.entry import Entry, Inbound, Outbound
from fixoms.journal.journal import Journal
from fixoms.journal.settings import Durability, JournalSettings
from fixoms.outlets.execution_reports import ExecutionReports

START = 1_767_619_800 * SECOND
GROUP = 20
"""Requests that become durable together."""

SETTINGS = JournalSettings(durability=Durability.OS)
ORIGIN = Origin("S", "P", "u")
BAR_MAX = 40


def opening() -> list[Command]:
    return [
        DefineParticipant(VENUE, "P"),
        DefineSession(VENUE, "S", "P"),
        DefineInstrument(VENUE, Instrument(symbol="ACME", market="XFOM")),
        StartDay(VENUE, "20260105"),
    ]


def request(random: Random, number: int) -> Command:
    draw = random.random()
    side = random.choice((Side.BUY, Side.SELL))
    if draw < 0.15 and number > 50:
        at = f"A{number - random.randint(1, 50)}"
        return CancelOrder(ORIGIN, f"C{number}", at, OrderId(0), "ACME", "", side)
    away = random.randint(1, 100)
    if draw < 0.40:
        away = -away // 10
    price = Price(1000 - away if side is Side.BUY else 1000 + away)
    terms = OrderTerms(side, OrdType.LIMIT, TimeInForce.DAY, Qty(10), price=price)
    return EnterOrder(ORIGIN, f"A{number}", "ACME", "", terms)


async def write(directory: Path, orders: int, snapshot_after: int) -> None:
    """A journal of `orders` requests; `snapshot_after` 0 makes no snapshot."""
    random = Random(orders)  # noqa: S311  a load, not a secret
    journal = Journal.open(directory, SETTINGS)
    await journal.start()
    engine = Engine(EngineSettings())
    reports = ExecutionReports(engine.instrument)
    numbers = 0
    for seq, command in enumerate([*opening(), *(request(random, n) for n in range(orders))], 1):
        moment = Nanos(START + seq * 1_000_000)
        events = tuple(engine.handle(command, seq, moment))
        journal.stage(Entry(seq, moment, command, events))
        for _, message in reports.render(events, moment):
            numbers += 1
            stamp = render_utc_timestamp(moment, 3)
            header = [(34, b"%d" % numbers), (49, b"FIXOMS"), (52, stamp), (56, b"S")]
            frame = encode(message.msg_type, header, message.fields)
            journal.stage(Outbound("S", numbers, admin=False, frame=frame))
        if command.origin is ORIGIN:
            journal.stage_lazy(Inbound("S", seq))
        if seq % GROUP == 0:
            await journal.drain()
        if seq == snapshot_after:
            state = engine.snapshot()
            await journal.write_snapshot(seq, state, time=moment, state_hash=engine.state_hash())
    await journal.close()


def start(directory: Path) -> tuple[float, int]:
    """Seconds until the venue could listen, and the entries decided again."""
    began = time.perf_counter()
    journal = Journal.open(directory, SETTINGS)
    recovery = journal.recover()
    recover_engine(recovery, EngineSettings())
    took = time.perf_counter() - began
    asyncio.run(journal.close())
    return took, recovery.last_seq - (recovery.snapshot.seq if recovery.snapshot else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", default="1000,10000,50000")
    parser.add_argument("--directory", type=Path, default=None)
    asked = parser.parse_args()
    rows: list[tuple[int, float, float, int, float]] = []
    for orders in map(int, asked.orders.split(",")):
        with tempfile.TemporaryDirectory(dir=asked.directory) as folder:
            whole, short = Path(folder, "whole"), Path(folder, "short")
            asyncio.run(write(whole, orders, 0))
            asyncio.run(write(short, orders, orders * 9 // 10))
            size = sum(each.stat().st_size for each in whole.glob("segment-*"))
            all_s, _ = start(whole)
            tail_s, tail = start(short)
            rows.append((orders, all_s, tail_s, tail, size / orders))
    print("requests   all entries   entries/s   snapshot + tail   of entries   bytes/request")
    longest = max(row[1] for row in rows)
    for orders, all_s, tail_s, tail, bytes_each in rows:
        bar = "#" * max(1, round(BAR_MAX * all_s / longest))
        print(
            f"{orders:>8} {all_s:>11.2f} s {orders / all_s:>11.0f} {tail_s:>15.2f} s"
            f" {tail:>12} {bytes_each:>15.0f}  {bar}"
        )


if __name__ == "__main__":
    main()
