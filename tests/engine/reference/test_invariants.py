"""What must hold for the engine alone, whatever the stream.

Every test plays streams of `streams.py` and looks at events and views only; none of them knows
what the right decision would have been.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixoms.domain.commands import Command, EnterOrder, StartDay
from fixoms.domain.enums import ExecInst, ExecType, Phase
from fixoms.domain.events import BookChanged, Event, Execution, PhaseChanged, Trade
from fixoms.domain.ids import TradeId
from fixoms.engine.engine import Engine
from fixoms.engine.views import OrderView

from .lockstep import ALL_LEVELS, INSTRUMENTS, Player, new_engine, new_settings
from .streams import seeded_stream
from .world import opening

SEEDS = range(5000, 5060)
LENGTH = 80


def stream_of(seed: int) -> list[Command]:
    return [*opening(), *seeded_stream(seed, LENGTH)]


def played(seed: int) -> Iterator[tuple[Command, list[Event], Engine]]:
    """Each command of a stream with its events and the engine after it."""
    player = Player(new_engine())
    for given in stream_of(seed):
        for command in player.due(given):
            yield command, player.handle(command), player.engine


def executions(events: list[Event]) -> list[Execution]:
    return [one for one in events if isinstance(one, Execution)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_command_is_answered(seed: int) -> None:
    for command, events, _ in played(seed):
        if command.origin.session:
            assert events, command


@pytest.mark.parametrize("seed", SEEDS)
def test_book_is_never_crossed_in_continuous_trading(seed: int) -> None:
    for command, _, engine in played(seed):
        for key in INSTRUMENTS:
            if engine.instrument(key) is None or engine.phase(key) is not Phase.CONTINUOUS:
                continue
            # An all-or-none order waits at a price where others pass it over.
            free = [
                one
                for one in engine.orders()
                if (one.instrument_id, one.place) == (key, "book") and not _is_aon(one)
            ]
            bids = [one.price for one in free if one.terms.side.is_buy and one.price is not None]
            asks = [
                one.price for one in free if not one.terms.side.is_buy and one.price is not None
            ]
            assert not bids or not asks or max(bids) < min(asks), command


def _is_aon(order: OrderView) -> bool:
    return ExecInst.ALL_OR_NONE in order.terms.exec_inst.split()


@pytest.mark.parametrize("seed", SEEDS)
def test_quantities_of_an_order_add_up(seed: int) -> None:
    """OrderQty = CumQty + LeavesQty + canceled, and only a terminal order has canceled any."""
    for _, events, _ in played(seed):
        for one in executions(events):
            if one.order_id == 0:
                continue
            canceled = one.terms.qty - one.cum_qty - one.leaves_qty
            assert canceled >= 0
            assert one.leaves_qty >= 0
            assert one.ord_status.is_terminal or canceled == 0
            assert one.leaves_qty == 0 or not one.ord_status.is_terminal


@pytest.mark.parametrize("seed", SEEDS)
def test_quantity_and_money_are_conserved(seed: int) -> None:
    """Each trade is one quantity at one price on both sides; CumQty and notional are its sums."""
    fills: dict[int, dict[TradeId, tuple[int, int]]] = {}
    for _, events, _ in played(seed):
        trades = {one.trade_id: one for one in events if isinstance(one, Trade)}
        sides: dict[TradeId, list[Execution]] = {}
        for one in executions(events):
            mine = fills.setdefault(one.order_id, {})
            if one.exec_type in (ExecType.TRADE, ExecType.TRADE_CORRECT):
                mine[one.trade_id] = (one.last_qty, one.last_px or 0)
            if one.exec_type is ExecType.TRADE_CANCEL:
                assert mine.pop(one.trade_id) == (one.last_qty, one.last_px)
            if one.exec_type is ExecType.TRADE:
                sides.setdefault(one.trade_id, []).append(one)
            if one.order_id:
                assert one.cum_qty == sum(qty for qty, _ in mine.values())
                assert one.notional == sum(qty * price for qty, price in mine.values())
        assert sides.keys() == trades.keys()
        for trade_id, pair in sides.items():
            trade = trades[trade_id]
            assert sorted(one.order_id for one in pair) == sorted(
                (trade.buy_order_id, trade.sell_order_id)
            )
            assert {(one.last_qty, one.last_px) for one in pair} == {(trade.qty, trade.price)}
            assert sum(one.aggressor for one in pair) == (trade.aggressor_side is not None)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_trade_is_worse_than_a_limit(seed: int) -> None:
    for _, events, _ in played(seed):
        for one in executions(events):
            if one.exec_type is not ExecType.TRADE or one.terms.price is None:
                continue
            assert one.last_px is not None
            if one.terms.side.is_buy:
                assert one.last_px <= one.terms.price
            else:
                assert one.last_px >= one.terms.price


@pytest.mark.parametrize("seed", SEEDS)
def test_better_prices_trade_first(seed: int) -> None:
    """An aggressor meets the other side from its best price outward, never back."""
    for _, events, _ in played(seed):
        at: int | None = None
        order = 0
        for one in executions(events):
            if one.exec_type is not ExecType.TRADE or not one.aggressor or one.last_px is None:
                continue
            if one.order_id == order and at is not None:
                assert one.last_px >= at if one.terms.side.is_buy else one.last_px <= at
            order, at = one.order_id, one.last_px


@pytest.mark.parametrize("seed", SEEDS)
def test_published_levels_make_the_book(seed: int) -> None:
    """A reader that only applies BookChanged holds the same book as the engine."""
    books: dict[tuple[str, bool], dict[int, tuple[int, int]]] = {}
    for command, events, engine in played(seed):
        changes = [one for one in events if isinstance(one, BookChanged)]
        assert len({one.instrument_id for one in changes}) == len(changes)
        for change in changes:
            for level in change.levels:
                side = books.setdefault((change.instrument_id, level.is_bid), {})
                side[level.price] = (level.qty, level.orders)
                if level.qty == 0:
                    del side[level.price]
        for key in INSTRUMENTS:
            if engine.instrument(key) is None:
                continue
            for levels, is_bid in zip(engine.depth(key, ALL_LEVELS), (True, False), strict=True):
                held = books.get((key, is_bid), {})
                assert held == {one.price: (one.qty, one.orders) for one in levels}, command
        for change in changes:
            bids, asks = engine.depth(change.instrument_id, 1)
            top = [(one.price, one.qty) for one in (*bids, *asks)]
            told = [(change.bid_px, change.bid_qty), (change.ask_px, change.ask_qty)]
            assert [one for one in told if one[0] is not None] == top


@pytest.mark.parametrize("seed", SEEDS)
def test_phase_follows_what_was_published(seed: int) -> None:
    phases = dict.fromkeys(INSTRUMENTS, Phase.CONTINUOUS)
    for _, events, engine in played(seed):
        for one in events:
            if isinstance(one, PhaseChanged):
                assert phases[one.instrument_id] is one.old
                phases[one.instrument_id] = one.new
        for key, phase in phases.items():
            assert engine.instrument(key) is None or engine.phase(key) is phase


@pytest.mark.parametrize("seed", SEEDS)
def test_ids_are_counters(seed: int) -> None:
    """ExecIDs and TradeIDs count up by one; OrderIDs of new orders only ever rise."""
    exec_id = trade_id = order_id = 0
    for command, events, _ in played(seed):
        for one in events:
            if isinstance(one, Trade):
                trade_id += 1
                assert one.trade_id == trade_id
            if isinstance(one, Execution):
                exec_id += 1
                assert one.exec_id == exec_id
                if isinstance(command, EnterOrder) and one.exec_type is ExecType.NEW:
                    assert one.order_id > order_id
                    order_id = one.order_id


@pytest.mark.parametrize("seed", SEEDS)
def test_replay_gives_the_same_events_and_state(seed: int) -> None:
    first, second = Player(new_engine()), Player(new_engine())
    assert first.play(stream_of(seed)) == second.play(stream_of(seed))
    assert first.engine.state_hash() == second.engine.state_hash()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_snapshot_in_the_middle_changes_nothing(seed: int) -> None:
    """At every tenth command the engine is replaced by its own snapshot."""
    whole, restored = Player(new_engine()), Player(new_engine())
    for number, given in enumerate(stream_of(seed)):
        if number % 10 == 0:
            blob = restored.engine.snapshot()
            again = Engine.restore(blob, new_settings())
            assert again.snapshot() == blob
            restored.engine = again
        assert whole.play([given]) == restored.play([given])
        assert whole.engine.state_hash() == restored.engine.state_hash()


def test_a_day_forgets_what_is_finished() -> None:
    """State stays bounded: of finished orders only those that ended with the start are held."""
    days = [seed for seed in SEEDS if _starts_a_second_day(seed)]
    assert days
    for seed in days:
        for command, events, engine in played(seed):
            if isinstance(command, StartDay) and len(events) > 0 and not _is_refused(events):
                just_ended = {one.order_id for one in executions(events)}
                finished = {one.order_id for one in engine.orders() if one.status.is_terminal}
                assert finished <= just_ended


def _starts_a_second_day(seed: int) -> bool:
    return sum(isinstance(one, StartDay) for one in stream_of(seed)) > 1


def _is_refused(events: list[Event]) -> bool:
    return any(type(one).__name__ == "CommandRefused" for one in events)


_HASHES = """
from tests.engine.reference.lockstep import Player, new_engine
from tests.engine.reference.streams import seeded_stream
from tests.engine.reference.world import opening
for seed in range(5000, 5020):
    player = Player(new_engine())
    player.play([*opening(), *seeded_stream(seed, 80)])
    print(player.engine.state_hash())
"""


def test_state_hash_does_not_depend_on_the_hash_seed() -> None:
    root = Path(__file__).parents[3]
    hashes = []
    for hash_seed in ("1", "4242"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}",
        }
        told = subprocess.run(
            [sys.executable, "-c", _HASHES],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        hashes.append(told.stdout.split())
    assert len(hashes[0]) == 20
    assert hashes[0] == hashes[1]
