"""Child processes of the venue: started, watched, started again, stopped in order.

Owns: one child's life: its restarts with growing pauses, and its end.
Must not know: what the child does. A child that dies delays nobody's order; it is seen and started
again.

A child is told to end by the end of its standard input, which also happens when the venue is
killed: no child outlives its venue.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Final

PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 30.0
"""Pauses between restarts double from the first to the longest."""

STEADY_S: Final = 30.0
"""A child that ran this long is well again: its next restart is a first one."""

STOP_TIMEOUT_S: Final = 15.0
"""How long a child may take to end by itself before it is killed."""


class Child:
    """Keeps one child process running until it is stopped.

    `say` is given one line for each thing a person should know: an end nobody asked for, and a
    restart.
    """

    def __init__(self, name: str, command: Sequence[str], say: Callable[[str], None]) -> None:
        self._name = name
        self._command = command
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the child and watch over it."""
        await self._spawn()
        self._task = asyncio.create_task(self._watch(), name=f"child {self._name}")

    async def _spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            # A signal to the whole process group must not end it before the venue is done.
            start_new_session=True,
        )

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        pause = PAUSE_FIRST_S
        while self._process is not None:
            began = loop.time()
            code = await self._process.wait()
            if loop.time() - began >= STEADY_S:
                pause = PAUSE_FIRST_S
            self._say(f"{self._name} ended with code {code}; started again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_MAX_S)
            await self._spawn()

    async def stop(self) -> None:
        """Ask the child to end, wait a bounded time, then kill it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            self._say(f"{self._name} did not end in {STOP_TIMEOUT_S:g} s and was killed")
            process.kill()
            await process.wait()


def own_command(*words: str) -> list[str]:
    """Command line that runs `fixoms` with the same Python as this process."""
    return [sys.executable, "-m", "fixoms", *words]
