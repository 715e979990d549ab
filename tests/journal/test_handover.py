"""A saturated event loop must not keep the writer thread from finishing."""

import asyncio
import time
from pathlib import Path

from fixoms.journal.journal import Journal
from tests.journal.records import entry


async def test_a_saturated_loop_does_not_starve_the_writer(tmp_path: Path) -> None:
    """Without the handover 2 to 5 groups were confirmed in this half second, with it over 100."""
    journal = Journal.open(tmp_path)
    await journal.start()
    confirmed_after: list[int] = []
    end = time.perf_counter() + 0.5
    while time.perf_counter() < end:
        pause = time.perf_counter() + 0.0001
        while time.perf_counter() < pause:
            pass
        journal.stage(entry(journal.last_seq + 1))
        await asyncio.sleep(0)
        if not confirmed_after or journal.durable_seq != confirmed_after[-1]:
            confirmed_after.append(journal.durable_seq)
    await journal.close()
    assert len(confirmed_after) > 15
