"""The tie of a child process to the process that started it.

Owns: noticing that the parent stopped or died, by the end of standard input.
Must not know: what the child does.
"""

import asyncio
import contextlib
import os
import threading


def end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends: the parent stopped, or died."""

    def watch() -> None:
        # Bytes are of no interest; os.read holds no lock that the interpreter's end would want.
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                continue
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="end of input", daemon=True).start()
