"""Database URLs, and how a database that cannot be reached is described."""

import sys

import pytest

from fixoms.store.database import (
    StoreError,
    StoreUnavailableError,
    parse_url,
    reading,
)
from fixoms.store.projection import Projector


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///a.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///a.db", "sqlite+aiosqlite"),
        ("postgresql://u@h/d", "postgresql+asyncpg"),
        ("postgres://u@h/d", "postgresql+asyncpg"),
    ],
)
def test_a_url_gets_its_async_driver(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("venue.db", "'venue.db' is not a database URL"),
        ("mysql://h/d", "database 'mysql' is not one of sqlite, postgresql"),
    ],
)
def test_a_url_of_something_else_is_refused(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        parse_url(url)


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    pytest.importorskip("asyncpg", reason="PostgreSQL needs asyncpg")
    url = "postgresql://joe:secret@127.0.0.1:1/venue"
    projector = Projector(url)
    with pytest.raises(
        StoreUnavailableError, match=r"^PostgreSQL 127\.0\.0\.1:1/venue: "
    ) as caught:
        await projector.open()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreUnavailableError, match="PostgreSQL"):
        async with reading(url):
            pass


async def test_a_missing_driver_is_said_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    projector = Projector("postgresql://postgres@127.0.0.1/test")
    with pytest.raises(
        StoreError, match=r"PostgreSQL needs the asyncpg package: install"
    ) as caught:
        await projector.open()
    assert not isinstance(caught.value, StoreUnavailableError)
