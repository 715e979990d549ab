"""Bringing a database up to the schema of this version.

Owns: the version row and the forward steps between versions.
Must not know: what the tables are for.

A fresh database gets the present schema in one piece. An older one is brought forward step by
step, all in one transaction. There is no way back: the tables are a projection of the journal, so
`fixoms rebuild` makes any version anew. A database of a later version is left alone.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import inspect, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from fixoms.store import schema
from fixoms.store.database import StoreError

STEPS: Mapping[int, Sequence[str]] = {
    2: (
        (
            "CREATE TABLE limits (scope TEXT NOT NULL, figure TEXT NOT NULL,"
            " currency TEXT NOT NULL, value TEXT NOT NULL, set_by TEXT NOT NULL,"
            " approved_by TEXT NOT NULL, reason TEXT NOT NULL, seq BIGINT NOT NULL,"
            " PRIMARY KEY (scope, figure, currency))"
        ),
    ),
}
"""SQL statements that lead from the version before to the version of the key."""


async def migrate(connection: AsyncConnection) -> None:
    """Bring the schema up to VERSION inside the caller's transaction. Raises StoreError."""
    await connection.run_sync(migrate_to, schema.VERSION, STEPS)


def migrate_to(connection: Connection, version: int, steps: Mapping[int, Sequence[str]]) -> None:
    """Bring the schema up to `version` by `steps`, or make it when there is none."""
    found = _version(connection)
    if found is None:
        schema.metadata.create_all(connection)
        connection.execute(schema.schema_version.insert().values(version=version))
        return
    if found > version:
        raise StoreError(
            f"the database has schema version {found}, this fixoms knows {version}:"
            " run the later fixoms, or name another database"
        )
    for step in range(found + 1, version + 1):
        for statement in steps[step]:
            connection.execute(text(statement))
    if found != version:
        connection.execute(schema.schema_version.update().values(version=version))


async def require_current(connection: AsyncConnection) -> None:
    """Check that the database has the schema that queries expect. Raises StoreError."""
    found = await connection.run_sync(_version)
    if found is None:
        raise StoreError("the database has no fixoms tables: has the venue run yet?")
    if found != schema.VERSION:
        raise StoreError(
            f"the database has schema version {found}, this fixoms reads {schema.VERSION}:"
            " start the venue once to bring it up to date"
        )


async def drop(connection: AsyncConnection) -> None:
    """Drop the projection whole, for a rebuild."""
    await connection.run_sync(schema.metadata.drop_all)


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema.schema_version.name):
        return None
    version: int = connection.execute(select(schema.schema_version.c.version)).scalar_one()
    return version
