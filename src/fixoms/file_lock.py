"""One writer at a time among processes: a lock beside a file that is read, changed and written.

Owns: the lock and how long a process waits for it.
Must not know: what is written. The lock goes with the process, however that ends.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 10.0
"""How long a process waits for another; each holds a lock for milliseconds."""

_PAUSE_S: Final = 0.005


class FileLockedError(OSError):
    """Another process holds the lock for too long; the message names it."""


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`. Blocks its thread; raises FileLockedError, or OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise FileLockedError(f"{path} is held by another process")
            time.sleep(_PAUSE_S)
        yield
    finally:
        # Closing lets go of the lock.
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
