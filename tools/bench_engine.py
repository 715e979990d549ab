"""Measure `Engine.handle` alone: orders per second of a mixed stream, and flatness over depth.

    python tools/bench_engine.py [--orders N] [--risk]

The mix is 60 % resting limit orders, 25 % crossing ones, 15 % cancels, over 200 prices. Flatness is
the cost of a resting order and of its cancel from the middle of its level, with 10**2 to 10**6
orders resting at 1 or at 10,000 prices. `--risk` compares the mix without and with every check of a
risk manager on, in turns. Ratios matter, not the figures.
"""

from __future__ import annotations

import argparse
import gc
from random import Random
from time import perf_counter_ns

from fixoms.domain.commands import (
    VENUE,
    CancelOrder,
    Command,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EnterOrder,
    OrderTerms,
    Origin,
    SetLimits,
    StartDay,
)
from fixoms.domain.enums import OrdType, Side, TimeInForce
from fixoms.domain.ids import OrderId
from fixoms.domain.instrument import Instrument
from fixoms.domain.limits import EACH, LIMIT_MAX, Limits, Scope, ScopeKind, ValueLimits
from fixoms.domain.units import Nanos, Price, Qty
from fixoms.engine.engine import Engine, EngineSettings

ORIGIN = Origin(session="S", participant="P", user="u")


class Bench:
    """An engine with one instrument, fed by a counter."""

    def __init__(self) -> None:
        # The engine of the run before is one large cycle; it must not be collected inside this run.
        gc.collect()
        self.engine = Engine(EngineSettings())
        self.seq = 0
        for command in (
            DefineParticipant(VENUE, "P"),
            DefineSession(VENUE, "S", "P"),
            DefineInstrument(VENUE, Instrument(symbol="ACME", market="XFOM")),
            StartDay(VENUE, "20260105"),
        ):
            self.feed([command])

    def feed(self, commands: list[Command]) -> int:
        """Nanoseconds the engine needs for the commands."""
        handle, seq = self.engine.handle, self.seq
        started = perf_counter_ns()
        for command in commands:
            seq += 1
            handle(command, seq, Nanos(seq))
        taken = perf_counter_ns() - started
        self.seq = seq
        return taken


WIDE = Limits(
    order_qty=LIMIT_MAX,
    open_orders=LIMIT_MAX,
    long_qty=LIMIT_MAX,
    short_qty=LIMIT_MAX,
    collar_bp=LIMIT_MAX,
    values=(ValueLimits("", LIMIT_MAX, LIMIT_MAX, LIMIT_MAX, LIMIT_MAX, LIMIT_MAX),),
)
"""Every limit of an account and of a participant, none of which is ever reached."""

EVERY_CHECK: list[Command] = [
    SetLimits(VENUE, Scope(ScopeKind.ACCOUNT, EACH, EACH), WIDE),
    SetLimits(VENUE, Scope(ScopeKind.PARTICIPANT, EACH), WIDE),
    SetLimits(VENUE, Scope(ScopeKind.SESSION, name=EACH), Limits(message_rate=LIMIT_MAX)),
]


def limit(name: str, side: Side, price: int, qty: int) -> EnterOrder:
    terms = OrderTerms(side, OrdType.LIMIT, TimeInForce.DAY, Qty(qty), Price(price))
    return EnterOrder(ORIGIN, name, "ACME", "", terms)


def cancel(name: str, orig: str, side: Side) -> CancelOrder:
    return CancelOrder(ORIGIN, name, orig, OrderId(0), "ACME", "", side)


def mixed(count: int, seed: int) -> list[Command]:
    """60 % resting, 25 % crossing, 15 % cancels of what rests."""
    random = Random(seed)  # noqa: S311  # a workload, not a secret
    commands: list[Command] = []
    resting: list[tuple[str, Side]] = []
    for number in range(count):
        name, draw = f"o{number}", random.random()
        side = Side.BUY if random.random() < 0.5 else Side.SELL
        away = random.randint(1, 100)
        if draw < 0.60 or not resting:
            price = 10_000 - away if side is Side.BUY else 10_000 + away
            commands.append(limit(name, side, price, random.randint(1, 10) * 10))
            resting.append((name, side))
        elif draw < 0.85:
            price = 10_010 if side is Side.BUY else 9_990
            commands.append(limit(name, side, price, random.randint(1, 10) * 10))
        else:
            at = random.randrange(len(resting))
            resting[at], resting[-1] = resting[-1], resting[at]
            orig, side = resting.pop()
            commands.append(cancel(name, orig, side))
    return commands


def best_of(runs: int, commands: list[Command]) -> float:
    """Nanoseconds per command in the best of several runs."""
    return min(Bench().feed(commands) for _ in range(runs)) / len(commands)


def compare_risk(runs: int, commands: list[Command]) -> tuple[float, float]:
    """Nanoseconds per command without and with every check, the best of runs in turns."""
    without, with_checks = [], []
    for _ in range(runs):
        without.append(Bench().feed(commands))
        bench = Bench()
        bench.feed(EVERY_CHECK)
        with_checks.append(bench.feed(commands))
    return min(without) / len(commands), min(with_checks) / len(commands)


def flatness(depth: int, levels: int, probes: int = 2_000) -> tuple[float, float]:
    """Microseconds of a resting order, and of a cancel from the middle, on top of `depth`."""
    bench = Bench()
    bench.feed([limit(f"d{n}", Side.BUY, 10_000 + n % levels, 10) for n in range(depth)])
    prices = [10_000 + n * 7 % levels for n in range(probes)]
    entered = bench.feed([limit(f"p{n}", Side.BUY, price, 10) for n, price in enumerate(prices)])
    bench.feed([limit(f"q{n}", Side.BUY, price, 10) for n, price in enumerate(prices)])
    canceled = bench.feed([cancel(f"c{n}", f"p{n}", Side.BUY) for n in range(probes)])
    return entered / probes / 1000, canceled / probes / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--deepest", type=int, default=100_000)
    parser.add_argument("--risk", action="store_true")
    args = parser.parse_args()
    commands = mixed(args.orders, seed=7)
    if args.risk:
        without, with_checks = compare_risk(5, commands)
        print(f"without checks {without:,.0f} ns, with every check {with_checks:,.0f} ns each")
        print(f"throughput with every check: {without / with_checks:.1%}")
        return
    each = best_of(3, commands)
    print(f"mixed stream of {args.orders}: {1e9 / each:,.0f} commands/s, {each:,.0f} ns each")
    commands = [limit(f"r{n}", Side.BUY, 9_900 + n % 100, 10) for n in range(args.orders)]
    print(f"resting limit orders: {best_of(3, commands):,.0f} ns each")
    print(f"{'resting':>9} {'levels':>7} {'enter us':>9} {'cancel us':>9}")
    depth = 100
    while depth <= args.deepest:
        for levels in (1, 10_000):
            enter_us, cancel_us = flatness(depth, levels)
            print(f"{depth:>9} {levels:>7} {enter_us:>9.2f} {cancel_us:>9.2f}")
        depth *= 10


if __name__ == "__main__":
    main()
