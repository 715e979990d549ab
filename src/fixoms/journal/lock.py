"""One writer per journal directory.

Owns: the lock a writing process holds, and the name of its holder.
Must not know: what is written.

The lock is a write transaction held open on a database of its own: it needs no call that differs
between systems, it goes with the process however that ends, and others can still read who it is.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from fixoms.journal.errors import JournalLockedError, JournalUnwritableError


class DirectoryLock:
    """Held from creation to `release`. Raises JournalLockedError when another holds it."""

    def __init__(self, directory: Path) -> None:
        path = directory / "lock.sqlite"
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, timeout=0, check_same_thread=False
            )
            self._acquire(directory)
        except sqlite3.Error as error:
            raise JournalUnwritableError(
                f"{directory}: the journal cannot be locked: {error}"
            ) from error

    def _acquire(self, directory: Path) -> None:
        try:
            self._connection.execute("CREATE TABLE IF NOT EXISTS holder (pid INTEGER)")
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM holder")
            self._connection.execute("INSERT INTO holder VALUES (?)", (os.getpid(),))
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                self._connection.close()
                raise
            holder = self._holder()
            self._connection.close()
            raise JournalLockedError(
                f"{directory}: the journal is in use by {holder}. Only one process may write it;"
                " stop that one, or give this one a directory of its own"
            ) from error

    def _holder(self) -> str:
        with suppress(sqlite3.Error):
            found = self._connection.execute("SELECT pid FROM holder").fetchone()
            if found:
                return f"process {found[0]}"
        return "another process"

    def release(self) -> None:
        """Let another process have the journal."""
        self._connection.close()
