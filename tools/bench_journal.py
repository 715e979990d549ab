"""What durability costs: rates by policy and batch, staging, a busy loop, and starting again.

    PYTHONPATH=src python tools/bench_journal.py [--directory DIR] [--seconds S]

The three policies are measured in turn, again and again, in one run on one disk, so that their
ratios mean something where the figures themselves depend on what else the disk is doing.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from fixoms.domain.commands import EnterOrder, OrderTerms, Origin
from fixoms.domain.enums import ExecType, OrdStatus, OrdType, Side, TimeInForce
from fixoms.domain.events import Event, Execution, Owner
from fixoms.domain.ids import ExecId, InstrumentId, OrderId
from fixoms.domain.units import Nanos, Notional, Price, Qty
from fixoms.journal.entry import Entry, Outbound, encode
from fixoms.journal.group import Gathering
from fixoms.journal.journal import Journal
from fixoms.journal.settings import Durability, JournalSettings

BATCHES = (1, 10, 100)
ROUNDS = 5
FRAME = b"8=FIX.4.4\x019=200\x0135=8\x01" + b"x" * 200 + b"\x0110=000\x01"


def entry(seq: int) -> Entry:
    """One accepted limit order, as the engine journals it."""
    terms = OrderTerms(Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(100), price=Price(1005))
    command = EnterOrder(Origin("ALICE", "BROKER1", "alice", seq), f"A{seq}", "ACME", "", terms)
    event: Event = Execution(
        ExecId(seq),
        ExecType.NEW,
        OrdStatus.NEW,
        OrderId(seq),
        command.cl_ord_id,
        "",
        Owner("ALICE", "BROKER1", "alice"),
        InstrumentId("ACME@XFOM"),
        "ACME",
        terms,
        Price(1005),
        None,
        Qty(100),
        Qty(0),
        Notional(0),
        Nanos(seq),
        "20260105",
    )
    return Entry(seq, Nanos(seq), command, (event,))


async def records_per_second(
    directory: Path, policy: Durability, batch: int, seconds: float
) -> float:
    """Stage `batch` entries with a message each, wait for the confirmation, and again."""
    journal = Journal.open(directory, JournalSettings(durability=policy))
    await journal.start()
    begin = time.perf_counter()
    done = 0
    while time.perf_counter() - begin < seconds:
        for _ in range(batch):
            seq = journal.last_seq + 1
            journal.stage(entry(seq))
            journal.stage(Outbound("ALICE", seq, False, FRAME))
        await journal.drain()
        done += 2 * batch
    rate = done / (time.perf_counter() - begin)
    await journal.close()
    return rate


def staging_cost(count: int = 20_000) -> tuple[float, float]:
    """Microseconds per record for msgspec alone, and for what staging adds."""
    records: list[Entry | Outbound] = []
    for seq in range(1, count + 1):
        records += [entry(seq), Outbound("ALICE", seq, False, FRAME)]
    alone: list[float] = []
    staged: list[float] = []
    for _ in range(5):
        begin = time.perf_counter()
        chunks = [encode(record) for record in records]
        alone.append(time.perf_counter() - begin)
        del chunks
        gathering = Gathering(JournalSettings(), 0, 0, Nanos(0), {})
        begin = time.perf_counter()
        for record in records:
            gathering.add(record)
        gathering.take()
        staged.append(time.perf_counter() - begin)
    per_record = 1e6 / len(records)
    return min(alone) * per_record, (min(staged) - min(alone)) * per_record


async def busy_confirmations(directory: Path, work_us: int, seconds: float) -> list[float]:
    """Milliseconds to each confirmation, sorted, on a loop that never has a moment to wait."""
    journal = Journal.open(directory)
    await journal.start()
    waits: list[float] = []

    def confirmed(begin: float) -> None:
        waits.append((time.perf_counter() - begin) * 1e3)

    end = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end:
        while time.perf_counter() - begin < work_us / 1e6:
            pass
        journal.stage(entry(journal.last_seq + 1), partial(confirmed, begin))
        await asyncio.sleep(0)
    await journal.close()
    return sorted(waits)


async def start_seconds(directory: Path, entries: int, snapshot_at: int) -> float:
    """Seconds to open a journal of so many orders and read what must be decided again."""
    journal = Journal.open(directory)
    await journal.start()
    while journal.last_seq < entries:
        for _ in range(100):
            seq = journal.last_seq + 1
            journal.stage(entry(seq))
            journal.stage(Outbound("ALICE", seq, False, FRAME))
        await journal.drain()
        if journal.last_seq == snapshot_at:
            await journal.write_snapshot(snapshot_at, b"", time=journal.last_time)
    await journal.close()
    begin = time.perf_counter()
    journal = Journal.open(directory)
    read = sum(1 for _ in journal.recover().entries)
    took = time.perf_counter() - begin
    assert read == entries - snapshot_at
    await journal.close()
    return took


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, help="where to write (default: a temporary one)")
    parser.add_argument("--seconds", type=float, default=0.5, help="per policy, batch and round")
    arguments = parser.parse_args()
    encoding, staging = staging_cost()
    print(f"per record: msgspec {encoding:.2f} us, staging adds {staging:.2f} us")
    print(f"{'batch':>6} {'always/s':>10} {'interval/s':>11} {'os/s':>10}   always : interval : os")
    for batch in BATCHES:
        rates: dict[Durability, list[float]] = {policy: [] for policy in Durability}
        for _ in range(ROUNDS):
            for policy in Durability:
                with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
                    rates[policy].append(
                        await records_per_second(Path(directory), policy, batch, arguments.seconds)
                    )
        always, interval, system = (statistics.median(rates[policy]) for policy in Durability)
        print(
            f"{batch:>6} {always:>10,.0f} {interval:>11,.0f} {system:>10,.0f}"
            f"   1 : {interval / always:.1f} : {system / always:.1f}"
        )
    for work_us in (30, 100, 300):
        with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
            waits = await busy_confirmations(Path(directory), work_us, arguments.seconds)
        print(
            f"busy loop, {work_us} us a turn: {len(waits) / arguments.seconds:,.0f} entries/s,"
            f" confirmed after p50 {waits[len(waits) // 2]:.1f} ms,"
            f" p99 {waits[len(waits) * 99 // 100]:.1f} ms"
        )
    for entries in (20_000, 80_000):
        for snapshot_at in (0, entries - 1000):
            with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
                took = await start_seconds(Path(directory), entries, snapshot_at)
            what = f"with a snapshot after {snapshot_at:,}" if snapshot_at else "without a snapshot"
            print(f"start from {entries:,} orders {what}: {took:.3f} s")


if __name__ == "__main__":
    asyncio.run(main())
