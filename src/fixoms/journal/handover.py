"""Letting the writer thread have the interpreter while the event loop is busy.

Owns: when the loop stops for a moment so that the thread can go on.
Must not know: what the thread writes.

CPython hands its lock to another thread when the holder sleeps long enough for that thread to
wake up. A saturated event loop never does: it polls for nothing, gets the lock back within a
microsecond, and restarts the interval after which others may insist. Measured here with 0.1 ms
of work per iteration: a commit of 0.3 ms took up to 700 ms, the more the shorter the iterations.
So while a batch is in flight and the loop is busy, the loop sleeps for WINDOW_SECONDS at most,
once as it hands over and then every PERIOD_SECONDS, and no longer than the thread needs.
"""

import asyncio
import threading
import time
from typing import Final

WINDOW_SECONDS: Final = 0.0002
PERIOD_SECONDS: Final = 0.001


class Handover:
    """One batch at a time: `begin` on the loop, `entered` and `finished` in the thread."""

    def __init__(self) -> None:
        self._entered = threading.Lock()
        self._finished = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wall = 0.0
        self._cpu = 0.0

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """On the loop, before the thread is given a batch."""
        self._loop = loop
        self._entered.acquire()
        self._finished.acquire()

    def given(self, *, busy: bool) -> None:
        """On the loop, after the thread was given the batch."""
        if busy and self._entered.acquire(timeout=WINDOW_SECONDS):
            self._entered.release()
        self._watch()

    def entered(self) -> None:
        """In the thread: it has woken up and is about to write."""
        self._entered.release()

    def finished(self) -> None:
        """In the thread: the batch is written, or failed."""
        self._finished.release()

    def end(self) -> None:
        """On the loop, when it has heard of that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        if self._loop is not None:
            self._wall = time.perf_counter()
            self._cpu = time.thread_time()
            self._timer = self._loop.call_later(PERIOD_SECONDS, self._give_way)

    def _give_way(self) -> None:
        """Sleep until the thread has finished or the window is over; not if we were idle."""
        was_busy = time.thread_time() - self._cpu > (time.perf_counter() - self._wall) / 4
        if was_busy and self._finished.acquire(timeout=WINDOW_SECONDS):
            self._finished.release()
        self._watch()
