"""The real venue, killed under real load: nothing that was acknowledged is lost or doubled.

FIXOMS_KILLS says how often each of the two processes is killed; a handful unless told otherwise.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

from fixoms.simulation.workload import requests_of
from tests.system.crowd import Crowd, gathered, objections, write_config
from tests.system.venue_process import PATIENCE_S, VenueProcess, wait_for

KILLS = int(os.environ.get("FIXOMS_KILLS", "4"))
PER_SECOND = 250.0


async def start(config: Path, crowd: Crowd) -> VenueProcess:
    process = VenueProcess(config)
    crowd.port = await asyncio.to_thread(lambda: process.port)
    return process


@contextlib.asynccontextmanager
async def crowd_at_work(
    seed: int, requests: int
) -> AsyncIterator[tuple[Crowd, asyncio.Task[None]]]:
    async with Crowd(seed) as crowd:
        working = asyncio.create_task(crowd.say(requests_of(seed, requests), PER_SECOND))
        try:
            yield crowd, working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


def outlets_of(process: VenueProcess) -> int:
    """Process id of the outlets this venue started."""
    pid = process._process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        if b"outlets" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return 0


async def stop(process: VenueProcess, crowd: Crowd) -> None:
    await crowd.rest()
    for client in crowd.clients.values():
        client.is_away = True
    assert await asyncio.to_thread(process.stop) == 0, process.lines
    crowd.port = 0


async def test_kill_9_of_the_venue_under_load(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    chance = Random(9)
    async with crowd_at_work(1, 150 * (KILLS + 2)) as (crowd, working):
        process = await start(config, crowd)
        try:
            for _ in range(KILLS):
                await asyncio.sleep(chance.uniform(0.05, 0.9))
                await asyncio.to_thread(process.kill)
                process = await start(config, crowd)
            await working
            await stop(process, crowd)
        finally:
            if process.is_alive:
                process.kill()
        evidence = await asyncio.to_thread(gathered, config, crowd, [])
    assert objections(evidence, mqtt=False) == []
    assert evidence.figures.fills > 20
    print(f"\n{KILLS} kills of the venue: {evidence.figures}")


async def test_kill_9_of_the_outlets_under_load(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    chance = Random(10)
    async with crowd_at_work(2, 150 * (KILLS + 2)) as (crowd, working):
        process = await start(config, crowd)
        killed = 0
        try:
            async with asyncio.timeout(PATIENCE_S + 10 * KILLS):
                while killed < KILLS:
                    await asyncio.sleep(chance.uniform(0.2, 2.0))
                    outlets = outlets_of(process)
                    if outlets:
                        os.kill(outlets, signal.SIGKILL)
                        killed += 1
                        if killed % 3 == 0:
                            # A venue that starts anew waits no longer with its outlets.
                            assert await asyncio.to_thread(process.stop) == 0, process.lines
                            process = await start(config, crowd)
            await working
            assert process.is_alive
            # The pause before the next start grows; they end in order only when they run.
            await asyncio.to_thread(wait_for, lambda: outlets_of(process) or None, process)
            await stop(process, crowd)
        finally:
            if process.is_alive:
                process.kill()
        evidence = await asyncio.to_thread(gathered, config, crowd, [])
    assert objections(evidence, mqtt=False) == []
    assert any(re.search("outlets", line) for line in process.lines)
    print(f"\n{KILLS} kills of the outlets: {evidence.figures}")
