"""Time that jumps, and connections in memory."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from fixoms.domain.units import SECOND, Nanos
from fixoms.replay.virtual_loop import VirtualLoop
from fixoms.replay.world import VenueFailed

START = Nanos(1_000 * SECOND)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(START)
    yield loop
    loop.dispose()


def test_an_hour_passes_at_once_and_timers_keep_their_order(loop: VirtualLoop) -> None:
    seen: list[tuple[str, int]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, (loop.now() - START) // SECOND))

    for name, seconds in (("late", 3000), ("early", 5), ("never", 3601)):
        loop.create_task(sleeper(name, seconds))
    before = time.monotonic()
    loop.run_to(Nanos(START + 3600 * SECOND))
    assert time.monotonic() - before < 5
    assert seen == [("early", 5), ("late", 3000)]
    assert loop.now() == START + 3600 * SECOND


def test_settling_does_not_move_the_time(loop: VirtualLoop) -> None:
    seen: list[str] = []
    loop.call_later(0.001, seen.append, "later")
    loop.call_soon(seen.append, "now")
    loop.settle()
    assert seen == ["now"]
    assert loop.now() == START


def test_time_stands_still_while_a_thread_works(loop: VirtualLoop) -> None:
    async def work() -> Nanos:
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.05)
        return loop.now()

    task = loop.create_task(work())
    loop.run_to(Nanos(START + 60 * SECOND))
    assert task.result() == START


def test_what_breaks_on_the_loop_comes_out(loop: VirtualLoop) -> None:
    loop.call_soon(lambda: 1 // 0)
    with pytest.raises(VenueFailed) as caught:
        loop.settle()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_awaitable_that_waits_for_nothing_is_no_hang(loop: VirtualLoop) -> None:
    with pytest.raises(TimeoutError):
        loop.run_to_end(loop.create_future())


def test_nothing_listens(loop: VirtualLoop) -> None:
    with pytest.raises(ConnectionRefusedError):
        loop.dial(1)
