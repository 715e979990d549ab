"""Versions of the schema: fresh, older, later, present."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from fixoms.store import schema
from fixoms.store.database import StoreError
from fixoms.store.migrations import STEPS, migrate_to


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def version(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT version FROM schema_version")).scalar_one()
    return found


def test_a_fresh_database_gets_the_whole_schema(connection: Connection) -> None:
    migrate_to(connection, schema.VERSION, STEPS)
    assert version(connection) == schema.VERSION
    tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
    assert set(tables.scalars()) == set(schema.metadata.tables)


def test_there_is_a_step_to_every_version_after_the_first() -> None:
    assert set(STEPS) == set(range(2, schema.VERSION + 1))


def test_an_older_database_is_brought_forward_step_by_step(connection: Connection) -> None:
    migrate_to(connection, 1, {})
    steps = {
        2: ["ALTER TABLE trades ADD COLUMN venue_note TEXT", "UPDATE trades SET venue_note = 'x'"],
        3: ["ALTER TABLE trades RENAME COLUMN venue_note TO note"],
    }
    migrate_to(connection, 3, steps)
    assert version(connection) == 3
    connection.execute(text("SELECT note FROM trades")).all()
    migrate_to(connection, 3, steps)
    assert version(connection) == 3


def test_a_later_database_is_left_alone(connection: Connection) -> None:
    migrate_to(connection, 7, {})
    with pytest.raises(StoreError, match="has schema version 7, this fixoms knows 2"):
        migrate_to(connection, 2, {2: []})
    assert version(connection) == 7
