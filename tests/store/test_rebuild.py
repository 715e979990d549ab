"""The projection made again, and a database held against its journal."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fixoms.store.database import StoreError, sqlite_url
from fixoms.store.projection import Projector
from fixoms.store.rebuild import differences, rebuild
from tests.store.scene import EntryList, busy_entries, scene


@pytest.fixture
async def venue(tmp_path: Path) -> tuple[Path, EntryList]:
    journal = EntryList(scene() + busy_entries(13, 20))
    projector = Projector(sqlite_url(tmp_path / "venue.db"))
    await projector.open()
    await projector.write(journal.entries[:30])
    await projector.close()
    return tmp_path / "venue.db", journal


def spoil(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


async def test_a_projection_agrees_with_its_journal_as_far_as_it_goes(
    venue: tuple[Path, EntryList],
) -> None:
    path, journal = venue
    assert await differences(sqlite_url(path), journal.read) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE orders SET cum_qty = '99' WHERE order_id = 'O1'",
            "orders O1: cum_qty is '99', the journal says '100'",
        ),
        ("DELETE FROM trades WHERE trade_id = 'T2'", "trades T2 is missing"),
        (
            "UPDATE order_events SET event_index = 77 WHERE exec_id = 'E5'",
            "order_events 9 0 is missing",
        ),
        (
            "INSERT INTO sessions VALUES ('EVE', 'NOBODY', 0, '', '')",
            "sessions EVE should not be there",
        ),
        ("DELETE FROM order_book", "order_book ACME@XFOM bid 1000 is missing"),
        ("UPDATE outlet_cursor SET seq = 99", "contains entry 99, the journal ends with 32"),
    ],
)
async def test_what_differs_is_named(
    venue: tuple[Path, EntryList], statement: str, said: str
) -> None:
    path, journal = venue
    spoil(path, statement)
    found = await differences(sqlite_url(path), journal.read)
    assert any(said in finding for finding in found), found


async def test_a_rebuild_makes_it_good_again(venue: tuple[Path, EntryList]) -> None:
    path, journal = venue
    spoil(path, "UPDATE orders SET cum_qty = '99', text = 'spoiled'")
    spoil(path, "DELETE FROM trades")
    assert await rebuild(sqlite_url(path), journal.read) == 32
    assert await differences(sqlite_url(path), journal.read) == []


async def test_a_projector_that_runs_meanwhile_goes_on_after_the_rebuild(
    venue: tuple[Path, EntryList],
) -> None:
    path, journal = venue
    running = Projector(sqlite_url(path))
    await running.open()
    await rebuild(sqlite_url(path), EntryList(journal.entries[:31]).read)
    with pytest.raises(StoreError, match="another projector"):
        await running.write(journal.entries[30:])
    assert (await running.open())[0] == 31
    await running.write(journal.entries[31:])
    await running.close()
    assert await differences(sqlite_url(path), journal.read) == []


async def test_a_pruned_journal_rebuilds_nothing(venue: tuple[Path, EntryList]) -> None:
    path, journal = venue
    with pytest.raises(StoreError, match="begins with entry 11: what came before is only in"):
        await rebuild(sqlite_url(path), EntryList(journal.entries[10:]).read)
    assert await differences(sqlite_url(path), journal.read) == []
