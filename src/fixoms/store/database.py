"""Connections to the SQL database: SQLite by default, PostgreSQL by URL.

Owns: how each database is opened for writing and for reading, and one clear sentence for each way
it can be out of reach.
Must not know: tables.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

BUSY_TIMEOUT_S = 2.0
"""How long a SQLite statement waits for another process's lock before it says so."""

CONNECT_TIMEOUT_S = 10.0
"""How long a PostgreSQL connection may take to open."""

_ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}
_SUPPORTED = frozenset(_ASYNC_DRIVERS.values())


class StoreError(Exception):
    """The database does not hold what was asked for, and trying again will not change that."""


class StoreUnavailableError(StoreError):
    """The database cannot be reached or written now; it may be later."""


def sqlite_url(path: Path) -> str:
    """URL of the SQLite file at `path`."""
    return str(URL.create("sqlite+aiosqlite", database=str(path)))


def parse_url(url: str) -> URL:
    """Read a database URL; a plain `sqlite:` or `postgresql:` gets its async driver.

    Raises StoreError for anything that is neither SQLite nor PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(f"{url!r} is not a database URL") from None
    driver = _ASYNC_DRIVERS.get(parsed.drivername, parsed.drivername)
    if driver not in _SUPPORTED:
        raise StoreError(f"database {parsed.drivername!r} is not one of sqlite, postgresql")
    return parsed.set(drivername=driver)


def writing_engine(url: str) -> AsyncEngine:
    """Open for the projector: every transaction takes SQLite's write lock at once.

    Raises StoreError for a URL that will never do, and what UNREACHABLE names.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        return _postgresql_engine(parsed)
    _try_to_open(parsed)
    engine = create_async_engine(
        parsed, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver would begin transactions by itself, and deferred; `begin` below does it.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # A power failure may lose the newest batches here, and the cursor with them; the journal
        # has them.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reading_engine(url: str) -> AsyncEngine:
    """Open for questions: never creates or changes anything. StoreError if there is no file."""
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        return _postgresql_engine(parsed)
    path = parsed.database or ""
    if not path.startswith("file:"):
        if not Path(path).is_file():
            raise StoreError(f"there is no database at {path}: has the venue run yet?")
        quoted = Path(path).resolve().as_uri()
        parsed = parsed.set(database=quoted, query={"mode": "ro", "uri": "true"})
    _try_to_open(parsed)
    return create_async_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})


def _try_to_open(url: URL) -> None:
    """Open and close a SQLite file, so that what cannot be opened never reaches the async driver.

    The driver leaves a thread behind after a failed open, and that thread ends with a traceback
    when the event loop is gone before it.
    """
    as_uri = url.query.get("uri") == "true"
    options = "&".join(f"{name}={value}" for name, value in url.query.items() if name != "uri")
    database = f"{url.database}?{options}" if as_uri and options else f"{url.database}"
    sqlite3.connect(database, timeout=BUSY_TIMEOUT_S, uri=as_uri).close()


def _postgresql_engine(url: URL) -> AsyncEngine:
    try:
        return create_async_engine(
            url, poolclass=NullPool, connect_args={"timeout": CONNECT_TIMEOUT_S}
        )
    except ModuleNotFoundError:
        raise StoreError(
            "PostgreSQL needs the asyncpg package: install fixoms[postgresql]"
        ) from None


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[AsyncConnection]:
    """Lend a connection for reading; what goes wrong comes out as StoreError."""
    try:
        engine = reading_engine(url)
        try:
            async with engine.connect() as connection:
                yield connection
        finally:
            await engine.dispose()
    except UNREACHABLE as error:
        raise StoreUnavailableError(explain(url, error)) from None


UNREACHABLE = (SQLAlchemyError, sqlite3.Error, OSError, asyncio.TimeoutError)
"""What a database out of reach raises: wrapped by SQLAlchemy, or the driver's own error."""


def explain(url: str, error: BaseException) -> str:
    """One line on what is wrong with the database, without its password."""
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    first_line = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    # Drivers put their class in front of the sentence: `<class '...'>: password ... failed`.
    if first_line.startswith("<class "):
        first_line = first_line.partition(": ")[2] or first_line
    return f"{_name(url)}: {first_line}"


def _name(url: str) -> str:
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return f"SQLite file {parsed.database}"
    return f"PostgreSQL {parsed.host}:{parsed.port or 5432}/{parsed.database}"
