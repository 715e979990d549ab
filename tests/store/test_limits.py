"""Limits and positions in SQL say what the engine says."""

from collections import defaultdict
from pathlib import Path
from random import Random

import pytest

from fixoms.domain.commands import VENUE, Command, Origin, SetLimits
from fixoms.domain.limits import MICRO, Limits, Scope, ScopeKind, ValueLimits
from fixoms.domain.units import MILLISECOND, Nanos
from fixoms.engine.engine import Engine
from fixoms.journal.entry import Entry
from fixoms.store.database import reading, sqlite_url
from fixoms.store.limits import LimitRow, find_limits, find_positions
from fixoms.store.projection import Projector
from tests.engine.reference.lockstep import new_engine
from tests.engine.reference.streams import seeded_stream
from tests.engine.reference.world import START, opening
from tests.engine.test_risk_properties import with_holders

RITA = Origin("", "", "rita")
ACC1 = Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1")
BOTH = Limits(
    order_qty=MICRO // 2,
    open_orders=3,
    collar_bp=250,
    duplicate_window=Nanos(1_500 * MILLISECOND),
    values=(ValueLimits("USD", gross=12 * MICRO), ValueLimits("", net=7)),
)


async def projected(path: Path, commands: list[Command]) -> tuple[Engine, str]:
    engine, url = new_engine(), sqlite_url(path / "venue.db")
    entries = []
    for seq, command in enumerate(commands, 1):
        time = Nanos(START + seq)
        entries.append(Entry(seq, time, command, tuple(engine.handle(command, seq, time))))
    projector = Projector(url)
    await projector.open()
    for at in range(0, len(entries), 20):
        await projector.write(entries[at : at + 20])
    await projector.close()
    return engine, url


async def test_limits_are_rows_by_scope_and_figure(tmp_path: Path) -> None:
    commands: list[Command] = [
        *opening(),
        SetLimits(RITA, ACC1, Limits(open_orders=9, short_qty=MICRO), "first"),
        SetLimits(RITA, ACC1, BOTH, "second"),
    ]
    _, url = await projected(tmp_path, commands)
    async with reading(url) as connection:
        rows = await find_limits(connection)
        assert await find_limits(connection, "account ACC2 of ALFA") == []
        assert await find_limits(connection, ACC1.text) == rows
    assert [(each.figure, each.currency, each.value) for each in rows] == [
        ("collar_percent", "", "2.5"),
        ("duplicate_window_ms", "", "1500"),
        ("gross", "USD", "12"),
        ("net", "", "0.000007"),
        ("open_orders", "", "3"),
        ("order_qty", "", "0.5"),
    ]
    assert {(each.scope, each.set_by, each.reason) for each in rows} == {
        (ACC1.text, "rita", "second")
    }
    assert isinstance(rows[0], LimitRow)


async def test_limits_that_are_removed_leave_no_row(tmp_path: Path) -> None:
    commands: list[Command] = [
        *opening(),
        SetLimits(VENUE, ACC1, BOTH),
        SetLimits(RITA, ACC1, Limits()),
    ]
    _, url = await projected(tmp_path, commands)
    async with reading(url) as connection:
        assert await find_limits(connection) == []


@pytest.mark.parametrize("seed", [71, 73, 75])
async def test_positions_are_those_of_the_engine(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    stream = [with_holders(each, random) for each in seeded_stream(seed, 400)]
    engine, url = await projected(tmp_path, [*opening(), *stream])
    kept: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for each in engine._state.ledger.positions.values():
        symbol = each.listing.instrument.symbol
        sums = kept[(each.participant, each.account, each.client, symbol)]
        sums[0] += each.bought
        sums[1] += each.sold
    async with reading(url) as connection:
        rows = await find_positions(connection)
        alfa = await find_positions(connection, "ALFA", "ACC1")
    found = {
        (each.broker, each.account, each.client, each.symbol): [int(each.bought), int(each.sold)]
        for each in rows
    }
    assert found == {key: sums for key, sums in kept.items() if sums != [0, 0]}
    assert found
    assert alfa == [each for each in rows if (each.broker, each.account) == ("ALFA", "ACC1")]
