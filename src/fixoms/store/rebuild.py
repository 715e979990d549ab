"""The projection made again from the journal, and held against the journal.

Owns: rebuilding a database from entry 1; finding where a database differs from its journal.
Must not know: how a batch is written (projection.py).
"""

import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fixoms.journal.entry import Entry
from fixoms.store import queries, schema
from fixoms.store.database import StoreError, reading, sqlite_url
from fixoms.store.projection import Projector, clear

Read: TypeAlias = Callable[[int, int], list[Entry]]
"""`JournalReader.read`: entries after a sequence, at most so many."""

BATCH_ENTRIES: Final = 500
FINDINGS_MAX: Final = 20
"""How many differences are told of one table."""


async def rebuild(url: str, read: Read) -> int:
    """Drop the tables and project the whole journal again; returns the last entry's sequence.

    The journal must begin with entry 1: with pruned segments StoreError is raised before anything
    is dropped.
    """
    first = read(0, 1)
    if first and first[0].seq != 1:
        raise StoreError(
            f"the journal begins with entry {first[0].seq}: what came before is only in the"
            " database, which is left as it is"
        )
    await clear(url)
    projector = Projector(url)
    await projector.open()
    try:
        return await _project(projector, read, None)
    finally:
        await projector.close()


async def differences(url: str, read: Read) -> list[str]:
    """Where the database differs from the journal up to the database's own cursor.

    Projects the journal into a database of its own beside it and compares all tables row by row.
    No difference is an empty list; of one table at most FINDINGS_MAX are told.
    """
    async with reading(url) as found:
        last = await queries.read_cursor(found)
        with tempfile.TemporaryDirectory(prefix="fixoms-verify-") as folder:
            fresh = sqlite_url(Path(folder) / "expected.db")
            projector = Projector(fresh)
            await projector.open()
            try:
                reached = await _project(projector, read, last)
            finally:
                await projector.close()
            if reached != last:
                return [f"the database contains entry {last}, the journal ends with {reached}"]
            async with reading(fresh) as expected:
                return [
                    finding
                    for table in schema.metadata.sorted_tables
                    for finding in await _compare(table, found, expected)
                ]


async def _project(projector: Projector, read: Read, last: int | None) -> int:
    """Write entries from 1 to `last`, or to the journal's end; returns where that was."""
    seq = 0
    while last is None or seq < last:
        limit = BATCH_ENTRIES if last is None else min(BATCH_ENTRIES, last - seq)
        entries = read(seq, limit)
        if not entries:
            break
        await projector.write(entries)
        seq = entries[-1].seq
    return seq


async def _compare(table: Table, found: AsyncConnection, expected: AsyncConnection) -> list[str]:
    """Walk both tables in the order of their keys; a row is missing, too many, or different."""
    findings: list[str] = []
    key = [column.name for column in table.primary_key]
    ours, theirs = _rows(table, found), _rows(table, expected)
    our, their = await anext(ours, None), await anext(theirs, None)
    while (our is not None or their is not None) and len(findings) < FINDINGS_MAX:
        our_key = None if our is None else _key(our, key)
        their_key = None if their is None else _key(their, key)
        if our is None or (their_key is not None and our_key is not None and their_key < our_key):
            findings.append(f"{table.name} {_name(key, their)} is missing")
            their = await anext(theirs, None)
        elif their is None or (
            our_key is not None and their_key is not None and our_key < their_key
        ):
            findings.append(f"{table.name} {_name(key, our)} should not be there")
            our = await anext(ours, None)
        else:
            findings += [
                f"{table.name} {_name(key, our)}: {column} is {our[column]!r},"
                f" the journal says {their[column]!r}"
                for column in our
                if our[column] != their[column]
            ]
            our, their = await anext(ours, None), await anext(theirs, None)
    await ours.aclose()
    await theirs.aclose()
    return findings


async def _rows(table: Table, connection: AsyncConnection) -> AsyncGenerator[dict[str, Any], None]:
    in_order = [_in_byte_order(column, connection) for column in table.primary_key]
    async with connection.stream(select(table).order_by(*in_order)) as rows:
        async for row in rows.mappings():
            yield dict(row)


def _in_byte_order(column: ColumnElement[Any], connection: AsyncConnection) -> ColumnElement[Any]:
    """Both databases must sort text alike: by its bytes, whatever the locale."""
    if connection.dialect.name == "postgresql" and isinstance(column.type, Text):
        return column.collate("C")
    return column


def _key(row: dict[str, Any], key: Sequence[str]) -> tuple[Any, ...]:
    return tuple(
        value.encode() if isinstance(value, str) else value for value in (row[name] for name in key)
    )


def _name(key: Sequence[str], row: dict[str, Any] | None) -> str:
    return " ".join(str(row[name]) for name in key if row[name] != "") if row else ""
