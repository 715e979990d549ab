"""The venue wired together: when it saves its state, and what keeps it from doing so."""

import asyncio
from pathlib import Path

from fixoms.clock import now
from fixoms.config import parse
from fixoms.domain.commands import EnterOrder, OrderTerms, Origin
from fixoms.domain.enums import OrdType, Side, TimeInForce
from fixoms.domain.units import Price, Qty
from fixoms.journal.memory import Commit, MemoryJournal
from fixoms.replay.in_process import ScriptUsers
from fixoms.users import LockOut
from fixoms.venue import SNAPSHOT_PAUSE_MAX, Venue, engine_settings

CONFIG = """
fix: {port: 0}
participants: {ALPHA: {}}
sessions: {ALPHA1: {participant: ALPHA}}
instruments: [{symbol: ACME, reference_price: 10.00}]
journal: {snapshot_every: 100}
"""


async def settled(venue: Venue) -> None:
    venue._snapshot_in_time()
    if venue._snapshotting is not None:
        await venue._snapshotting


async def test_a_snapshot_that_would_stop_trading_waits_for_the_end_of_the_day() -> None:
    journal = MemoryJournal(Commit.TURN)
    config = parse(CONFIG, Path("venue.yaml"))
    venue = Venue(config, journal, now, ScriptUsers(LockOut(config.lock_out)))
    await venue.start()
    try:
        await settled(venue)
        assert journal.snapshots == []
        for cents in range(1, 120):
            assert venue.operate(["reference", "ACME", f"10.{cents % 100:02}"], "test").ok
        await settled(venue)
        (first,) = journal.snapshots
        # What one order takes was measured; here it takes as long as the bound allows.
        venue._pause_per_order = SNAPSHOT_PAUSE_MAX + 1
        venue._snapshot_seq = 0
        assert venue.engine.order_count == 0
        await settled(venue)
        assert len(journal.snapshots) == 2, "without orders nothing is stopped"
    finally:
        await venue.stop()
    assert journal.snapshots[-1].seq >= first.seq
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "snapshot"]


async def test_orders_keep_a_long_snapshot_from_stopping_the_day() -> None:
    journal = MemoryJournal(Commit.TURN)
    config = parse(CONFIG, Path("venue.yaml"))
    venue = Venue(config, journal, now, ScriptUsers(LockOut(config.lock_out)))
    await venue.start()
    try:
        terms = OrderTerms(
            Side.BUY, OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL, Qty(100), Price(1000)
        )
        origin = Origin("ALPHA1", "ALPHA", "anna")
        venue.sequencer.submit(EnterOrder(origin, "A1", "ACME", "", terms))
        venue._pause_per_order = SNAPSHOT_PAUSE_MAX + 1
        for _ in range(120):
            venue.operate(["reference", "ACME", "10.01"], "test")
        await settled(venue)
        assert journal.snapshots == []
        assert venue.operate(["end-day"], "test").ok
        await settled(venue)
        assert len(journal.snapshots) == 1
    finally:
        await venue.stop()


def test_the_engine_decides_by_the_choices_of_the_configuration() -> None:
    chosen = engine_settings(
        parse("venue: {market: XPAR}\nfix: {triggered_reports: false}", Path("venue.yaml"))
    )
    assert (chosen.default_market, chosen.triggered_reports) == ("XPAR", False)
