"""The projector: journal entries into SQL, exactly once.

Owns: the transaction that writes a batch together with the cursor.
Must not know: where entries come from, when to try again (outlets/follower.py does).

A batch and the cursor that says it is in are committed together, and the cursor only moves from
where this projector left it: a crash, or a second projector on one database, can neither lose nor
double a row. Everything is made from the journal and can be made again from entry 1.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fixoms.domain.ids import InstrumentId
from fixoms.domain.units import Nanos
from fixoms.journal.entry import Entry
from fixoms.store import migrations, schema
from fixoms.store.batch import Batch, Reference
from fixoms.store.database import (
    UNREACHABLE,
    StoreUnavailableError,
    explain,
    writing_engine,
)
from fixoms.store.rows import Row

_OUTLET = "sql"


class Projector:
    """Writes batches of entries to one database. Not safe for use by two tasks at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None
        self._reference = Reference()
        self._cursor = 0

    async def open(self) -> tuple[int, Nanos]:
        """Connect, bring the schema up, return sequence and time of the last entry projected.

        (0, 0) for an empty database. Raises StoreUnavailableError when that may pass, StoreError
        when it will not. May be called again after either.
        """
        await self.close()
        try:
            self._engine = writing_engine(self._url)
            connection = await self._engine.connect()
            self._connection = connection
            async with connection.begin():
                await migrations.migrate(connection)
                self._reference = await _load_reference(connection)
                cursor, time = await _load_cursor(connection)
        except UNREACHABLE as error:
            await self.close()
            raise StoreUnavailableError(explain(self._url, error)) from None
        self._cursor = cursor
        return cursor, time

    async def write(self, entries: Sequence[Entry]) -> None:
        """Commit the rows of `entries`, which follow the last ones, and the cursor with them.

        Raises StoreUnavailableError with nothing written; open() again before the next write.
        """
        if not entries:
            return
        connection = self._connection
        if connection is None:
            raise StoreUnavailableError(f"{self._url}: not open")
        batch = Batch(self._reference)
        for entry in entries:
            batch.add(entry)
        last = entries[-1]
        try:
            async with connection.begin():
                await self._move_cursor(connection, last)
                await _write(connection, batch)
        except UNREACHABLE as error:
            raise StoreUnavailableError(explain(self._url, error)) from None
        self._cursor = last.seq

    async def check(self) -> None:
        """Nothing to do while there is nothing to write: the next write says what is wrong."""

    async def close(self) -> None:
        """Give the connection back; an unfinished transaction is rolled back."""
        connection, self._connection = self._connection, None
        engine, self._engine = self._engine, None
        try:
            if connection is not None:
                await connection.close()
        except UNREACHABLE:
            # The connection is already gone; what mattered was committed or is written again.
            pass
        finally:
            if engine is not None:
                await engine.dispose()

    async def _move_cursor(self, connection: AsyncConnection, last: Entry) -> None:
        table = schema.outlet_cursor
        moved = await connection.execute(
            update(table)
            .where(table.c.outlet == _OUTLET, table.c.seq == self._cursor)
            .values(seq=last.seq, time_ns=last.time)
        )
        if moved.rowcount == 1:
            return
        found, _time = await _load_cursor(connection)
        if found != self._cursor or self._cursor != 0:
            # A rebuild, or a second venue on this database: open() finds out where it stands now.
            raise StoreUnavailableError(
                f"another projector writes this database: its cursor moved from entry"
                f" {self._cursor} to {found}"
            )
        await connection.execute(
            insert(table).values(outlet=_OUTLET, seq=last.seq, time_ns=last.time)
        )


async def clear(url: str) -> None:
    """Drop all tables of the projection, so that the next open() starts from entry 1."""
    try:
        engine = writing_engine(url)
        try:
            async with engine.begin() as connection:
                await migrations.drop(connection)
        finally:
            await engine.dispose()
    except UNREACHABLE as error:
        raise StoreUnavailableError(explain(url, error)) from None


async def _load_cursor(connection: AsyncConnection) -> tuple[int, Nanos]:
    table = schema.outlet_cursor
    found = await connection.execute(
        select(table.c.seq, table.c.time_ns).where(table.c.outlet == _OUTLET)
    )
    row = found.one_or_none()
    return (0, Nanos(0)) if row is None else (row.seq, Nanos(row.time_ns))


async def _load_reference(connection: AsyncConnection) -> Reference:
    reference = Reference()
    for row in (await connection.execute(select(schema.instruments))).mappings():
        reference.put_instrument(InstrumentId(row["instrument_id"]), dict(row))
    for row in (await connection.execute(select(schema.sessions))).mappings():
        reference.sessions[row["session"]] = dict(row)
    return reference


async def _write(connection: AsyncConnection, batch: Batch) -> None:
    await _upsert(connection, schema.instruments, batch.instruments.values())
    await _upsert(connection, schema.sessions, batch.sessions.values())
    await _upsert(connection, schema.orders, batch.orders.values())
    if batch.order_events:
        await connection.execute(insert(schema.order_events), batch.order_events)
    if batch.trades:
        await connection.execute(insert(schema.trades), list(batch.trades.values()))
    if batch.corrections:
        await connection.execute(_CORRECT, batch.corrections)
    if batch.busts:
        await connection.execute(_BUST, batch.busts)
    if batch.gone_levels:
        await connection.execute(
            _LEVEL_GONE,
            [
                {"instrument": instrument_id, "at_side": side, "at_price": price}
                for instrument_id, side, price in batch.gone_levels
            ],
        )
    await _upsert(connection, schema.order_book, batch.levels.values())
    if batch.limits:
        scopes = [{"of_scope": scope} for scope in batch.limits]
        await connection.execute(_LIMITS_GONE, scopes)
        figures = [row for rows in batch.limits.values() for row in rows]
        if figures:
            await connection.execute(insert(schema.limits), figures)


async def _upsert(connection: AsyncConnection, table: Table, rows: Iterable[Row]) -> None:
    values: list[dict[str, Any]] = list(rows)
    if values:
        await connection.execute(_UPSERTS[connection.dialect.name, table.name], values)


def _upsert_statement(dialect: str, table: Table) -> Any:  # two unrelated classes
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    key = [column.name for column in table.primary_key]
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in key
    }
    return statement.on_conflict_do_update(index_elements=key, set_=changed)


_UPSERTS = {
    (dialect, table.name): _upsert_statement(dialect, table)
    for dialect in ("sqlite", "postgresql")
    for table in (schema.instruments, schema.sessions, schema.orders, schema.order_book)
}

_LEVEL_GONE = delete(schema.order_book).where(
    and_(
        schema.order_book.c.instrument_id == bindparam("instrument"),
        schema.order_book.c.side == bindparam("at_side"),
        schema.order_book.c.price_units == bindparam("at_price"),
    )
)

_LIMITS_GONE = delete(schema.limits).where(schema.limits.c.scope == bindparam("of_scope"))

# The columns to set are the keys of the rows these run with.
_BUST = update(schema.trades).where(schema.trades.c.trade_id == bindparam("id"))
_CORRECT = _BUST.values(
    # A second correction keeps the first figures as the original ones.
    original_price=func.coalesce(schema.trades.c.original_price, schema.trades.c.price),
    original_qty=func.coalesce(schema.trades.c.original_qty, schema.trades.c.qty),
)
