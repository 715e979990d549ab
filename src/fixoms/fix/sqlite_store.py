"""The message store on disk: SQLite, one writer thread, group commit.

Owns: the file, its schema, and the thread. Must not know: sessions beyond their numbers, sockets.

Everything staged while the disk is busy goes into the next transaction, so the price of a sync is
shared. WAL with synchronous=FULL: what `then` was called for survives kill -9 and loss of power. A
process that dies before that forgets a message nobody was sent.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from fixoms.domain.units import Nanos
from fixoms.fix.config import SessionState
from fixoms.fix.identity import SessionId
from fixoms.fix.store import Inbound, Outbound, Record, Reset

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_out INTEGER NOT NULL,
    next_in INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS message (
    session INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    msg_seq_num INTEGER NOT NULL,
    frame BLOB NOT NULL,
    PRIMARY KEY (session, epoch, msg_seq_num)
) WITHOUT ROWID;
"""
_GROUP_MAX = 2000
"""Most jobs in one transaction: bounds the wait of the first of them."""

_LAZY_S = 1.0
"""Lazy records are written at the latest this long after the last commit."""

_FORGET_ROWS = 1000
"""Messages of a past epoch deleted at a time, when there is nothing else to do."""

_LOAD_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class _Put:
    session: SessionId
    records: Sequence[Record]
    then: Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class _Read:
    session: SessionId
    begin: int
    end: int
    limit: int
    answer: "asyncio.Future[list[tuple[int, bytes]]]"


@dataclass(frozen=True, slots=True)
class _Load:
    session: SessionId
    now: Nanos
    answer: "Future[SessionState]"


_Job = _Put | _Read | _Load | None


@dataclass(slots=True)
class _Row:
    """What the thread knows of a session."""

    id: int
    epoch: int
    state: SessionState
    is_changed: bool = False


class SqliteStore:
    """A `Store` in one SQLite file. Open and close it on the loop that uses it."""

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failed: Exception | None = None
        self._tell_failure: Callable[[Exception], None] = _ignore
        self._rows: dict[SessionId, _Row] = {}
        self._past_epochs: list[tuple[int, int]] = []
        # Opened here so that a bad path is the caller's error, used by the thread alone from then.
        self._connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_SCHEMA)
        self._thread = threading.Thread(target=self._run, name="fix-message-store", daemon=True)
        self._thread.start()

    def load(self, session: SessionId, now: Nanos) -> SessionState:
        """See Store.load. Raises the error of the medium."""
        if self._failed is not None:
            raise self._failed
        answer: Future[SessionState] = Future()
        self._jobs.put(_Load(session, now, answer))
        return answer.result(_LOAD_TIMEOUT_S)

    def put(self, session: SessionId, records: Sequence[Record], then: Callable[[], None]) -> None:
        """See Store.put."""
        if self._failed is not None:
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if all(isinstance(record, Inbound) for record in records):
            self._jobs.put(_Put(session, records, None))
            then()
        else:
            self._jobs.put(_Put(session, records, then))

    async def read(
        self, session: SessionId, begin: int, end: int, limit: int
    ) -> list[tuple[int, bytes]]:
        """See Store.read. Raises the failure of the store."""
        if self._failed is not None:
            raise self._failed
        self._loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[tuple[int, bytes]]] = self._loop.create_future()
        self._jobs.put(_Read(session, begin, end, limit, answer))
        return await answer

    def on_failure(self, callback: Callable[[Exception], None]) -> None:
        """See Store.on_failure."""
        self._tell_failure = callback

    async def close(self) -> None:
        """See Store.close."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        """The thread: gather, commit, tell. Ends at the first failure or at `close`."""
        try:
            while self._turn():
                pass
            self._write_lazy()
        except Exception as failure:  # the root of the thread: whatever it is, nothing is durable
            self._fail(failure)
        finally:
            self._connection.close()

    def _turn(self) -> bool:
        try:
            job = self._jobs.get(timeout=_LAZY_S)
        except queue.Empty:
            self._write_lazy()
            self._forget()
            return True
        puts: list[_Put] = []
        while True:
            if isinstance(job, _Put):
                puts.append(job)
            else:
                # Reads and loads see every put before them.
                self._commit(puts)
                puts = []
                if job is None:
                    return False
                self._answer(job)
            if len(puts) >= _GROUP_MAX:
                break
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
        self._commit(puts)
        return True

    def _commit(self, puts: Sequence[_Put]) -> None:
        """One transaction for all of them; nothing is written for lazy records alone."""
        then = [put.then for put in puts if put.then is not None]
        messages: list[tuple[int, int, int, bytes]] = []
        for put in puts:
            self._apply(put, messages)
        if not then:
            return
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", messages)
        self._write_rows()
        execute("COMMIT")
        if self._loop is not None:
            self._loop.call_soon_threadsafe(_call_all, then)

    def _apply(self, put: _Put, messages: list[tuple[int, int, int, bytes]]) -> None:
        row = self._rows[put.session]
        row.is_changed = True
        for record in put.records:
            match record:
                case Outbound():
                    row.state.next_out = record.msg_seq_num + 1
                    if not record.admin:
                        messages.append((row.id, row.epoch, record.msg_seq_num, record.frame))
                case Inbound():
                    row.state.next_in = record.next_in
                case Reset():
                    self._past_epochs.append((row.id, row.epoch))
                    row.epoch += 1
                    row.state = SessionState(
                        next_out=record.next_out, next_in=1, created_at=record.created_at
                    )

    def _write_rows(self) -> None:
        for row in self._rows.values():
            if row.is_changed:
                state = row.state
                self._connection.execute(
                    "UPDATE session SET epoch = ?, created_at = ?, next_out = ?, next_in = ? "
                    "WHERE id = ?",
                    (row.epoch, state.created_at, state.next_out, state.next_in, row.id),
                )
                row.is_changed = False

    def _write_lazy(self) -> None:
        if any(row.is_changed for row in self._rows.values()):
            self._connection.execute("BEGIN IMMEDIATE")
            self._write_rows()
            self._connection.execute("COMMIT")

    def _forget(self) -> None:
        """Delete some messages of a past epoch, for as long as nobody waits."""
        while self._past_epochs and self._jobs.empty():
            session, epoch = self._past_epochs[-1]
            deleted = self._connection.execute(
                "DELETE FROM message WHERE (session, epoch, msg_seq_num) IN (SELECT session, "
                "epoch, msg_seq_num FROM message WHERE session = ? AND epoch <= ? LIMIT ?)",
                (session, epoch, _FORGET_ROWS),
            ).rowcount
            if deleted < _FORGET_ROWS:
                self._past_epochs.pop()

    def _answer(self, job: _Read | _Load) -> None:
        if isinstance(job, _Load):
            try:
                job.answer.set_result(self._load(job))
            except sqlite3.Error as failure:
                job.answer.set_exception(failure)
                raise
            return
        row = self._rows[job.session]
        found = self._connection.execute(
            "SELECT msg_seq_num, frame FROM message WHERE session = ? AND epoch = ? "
            "AND msg_seq_num BETWEEN ? AND ? ORDER BY msg_seq_num LIMIT ?",
            (row.id, row.epoch, job.begin, job.end, job.limit),
        ).fetchall()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(_set_result, job.answer, found)

    def _load(self, job: _Load) -> SessionState:
        row = self._rows.get(job.session)
        if row is None:
            row = self._rows[job.session] = self._row(job)
        state = row.state
        return SessionState(
            next_out=state.next_out, next_in=state.next_in, created_at=state.created_at
        )

    def _row(self, job: _Load) -> _Row:
        execute = self._connection.execute
        name = str(job.session)
        execute(
            "INSERT INTO session (name, epoch, created_at, next_out, next_in) "
            "VALUES (?, 1, ?, 1, 1) ON CONFLICT (name) DO NOTHING",
            (name, job.now),
        )
        session, epoch, created_at, next_out, next_in = execute(
            "SELECT id, epoch, created_at, next_out, next_in FROM session WHERE name = ?", (name,)
        ).fetchone()
        if epoch > 1:
            self._past_epochs.append((session, epoch - 1))
        state = SessionState(next_out=next_out, next_in=next_in, created_at=Nanos(created_at))
        return _Row(session, epoch, state)

    def _fail(self, failure: Exception) -> None:
        """Answer nothing more as durable; everybody who waits is told."""
        self._failed = failure
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._tell_failure, failure)
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if isinstance(job, _Load):
                job.answer.set_exception(failure)
            elif isinstance(job, _Read) and loop is not None:
                loop.call_soon_threadsafe(_set_exception, job.answer, failure)


def _ignore(_failure: Exception) -> None:
    """Nobody asked to be told."""


def _call_all(callbacks: Sequence[Callable[[], None]]) -> None:
    for callback in callbacks:
        callback()


def _set_result(
    answer: "asyncio.Future[list[tuple[int, bytes]]]", found: list[tuple[int, bytes]]
) -> None:
    if not answer.done():
        answer.set_result(found)


def _set_exception(answer: "asyncio.Future[list[tuple[int, bytes]]]", failure: Exception) -> None:
    if not answer.done():
        answer.set_exception(failure)
