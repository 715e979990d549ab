"""The guards, which answer at once, decide as the rules do one by one."""

from random import Random

import pytest

from fixoms.domain.commands import Origin, SetLimits
from fixoms.domain.enums import Side
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import MICRO, Limits, Scope, ScopeKind, ValueLimits
from fixoms.domain.units import Price
from fixoms.engine.rules import BP, Trial

from .transcript import Desk

RITA = Origin(session="", participant="", user="rita")
ACME = InstrumentId("ACME@XFOM")
SCOPES = (
    Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1", ACME),
    Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1"),
    Scope(ScopeKind.PARTICIPANT, "ALFA", "", ACME),
    Scope(ScopeKind.PARTICIPANT, "ALFA"),
    Scope(ScopeKind.INSTRUMENT, instrument_id=ACME),
)


def figure(random: Random, most: int) -> int | None:
    return random.choice((None, random.randint(0, most) * MICRO))


def any_limits(random: Random, scope: Scope) -> Limits:
    is_instrument = scope.kind is ScopeKind.INSTRUMENT
    narrow = bool(scope.instrument_id)
    return Limits(
        order_qty=figure(random, 40),
        collar_bp=random.choice((None, random.randint(0, 3_000))),
        open_orders=None if is_instrument else random.choice((None, random.randint(0, 8))),
        long_qty=None if is_instrument else figure(random, 60),
        short_qty=None if is_instrument else figure(random, 60),
        values=(
            ValueLimits(
                "USD",
                figure(random, 500),
                None if is_instrument else figure(random, 900),
                None if narrow else figure(random, 900),
                None if narrow else figure(random, 900),
                None if narrow else figure(random, 2_000),
            ),
        ),
    )


@pytest.mark.parametrize("seed", range(40))
def test_guards_pass_exactly_when_no_rule_breaks(seed: int) -> None:
    random, desk = Random(seed), Desk({"reference": "10"})
    desk.handle(SetLimits(RITA, SCOPES[1], Limits(open_orders=10**6)))
    for number in range(12):
        side = random.choice(("buy", "sell"))
        who = random.choice(("A", "A2", "B"))
        price, qty = random.randint(900, 1100) / 100, random.randint(1, 20)
        desk.say(f"{who}: {side} X{number} {qty} @{price} account=ACC1")
    for scope in SCOPES:
        desk.handle(SetLimits(RITA, scope, any_limits(random, scope)))
    risk = desk.engine._risk
    terms = desk._client("A", "buy Q 1 @10 account=ACC1").terms  # type: ignore[union-attr]
    listing = desk.engine._state.listings[ACME]
    position = risk._position("ALFA", terms, listing)
    scale = position.scale
    for _ in range(200):
        price, qty = random.randint(800, 1200), random.randint(-10, 50)
        value = qty * price * scale
        trial = Trial(
            is_buy=random.choice(tuple(Side)).is_buy,
            qty=qty,
            value=value,
            orders=random.choice((0, 1)),
            total_qty=max(qty, 0),
            total_value=max(value, 0),
            price=Price(price),
            reference=Price(1000),
        )
        distance = -(-abs(price - 1000) * BP // 1000)
        passed = all(
            guard.passes(
                trial.is_buy,
                trial.qty,
                trial.value,
                trial.orders,
                trial.total_qty,
                trial.total_value,
                distance,
            )
            for guard in position.guards
        )
        assert passed is not any(rule.breaks(trial) for rule in position.rules)
