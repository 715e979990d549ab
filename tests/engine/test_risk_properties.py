"""Reservations, positions and limits over random streams of every order feature.

The sums the engine keeps by differences are compared with sums made anew from its orders and from
the trades it reported; what a limit promises is looked for in the reports alone.
"""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from fixoms.domain.commands import (
    VENUE,
    BustTrade,
    CancelOrder,
    Command,
    CorrectTrade,
    EnterList,
    EnterOrder,
    MassCancel,
    OrderTerms,
    Origin,
    ReplaceOrder,
    SetLimits,
    SetMarketPrice,
)
from fixoms.domain.enums import ExecType, MassCancelRequestType
from fixoms.domain.events import Event, Execution, TradeBusted, TradeCorrected
from fixoms.domain.limits import (
    EACH,
    MICRO,
    Limits,
    Scope,
    ScopeKind,
    ValueLimits,
)
from fixoms.domain.units import Nanos, Price
from fixoms.engine.engine import Engine
from fixoms.engine.order import Order
from fixoms.engine.positions import HOLDERS, Ledger

from .reference.lockstep import Player, new_engine, new_settings
from .reference.streams import seeded_stream
from .reference.world import ACME, SESSIONS, opening

SEEDS = range(9000, 9040)
LENGTH = 120
DESK = Origin(session="", participant="", user="rita")
ACCOUNTS = ("", "ACC1", "ACC2")
CLIENTS = ("", "C7")
HUGE = 10**15
WIDE = Limits(
    open_orders=HUGE,
    long_qty=HUGE,
    short_qty=HUGE,
    values=(ValueLimits("", HUGE, HUGE, HUGE, HUGE, HUGE),),
)


def every(kind: ScopeKind) -> Scope:
    return Scope(kind, EACH, "" if kind is ScopeKind.PARTICIPANT else EACH)


def with_holders(command: Command, random: Random) -> Command:
    """Let orders belong to accounts and clients; a replace may change them."""

    def dressed(terms: OrderTerms) -> OrderTerms:
        return msgspec.structs.replace(
            terms, account=random.choice(ACCOUNTS), client=random.choice(CLIENTS)
        )

    match command:
        case EnterOrder() | ReplaceOrder():
            return msgspec.structs.replace(command, terms=dressed(command.terms))
        case EnterList():
            legs = tuple(
                msgspec.structs.replace(leg, terms=dressed(leg.terms)) for leg in command.orders
            )
            return msgspec.structs.replace(command, orders=legs)
        case _:
            return command


def stream(seed: int) -> Iterator[Command]:
    """A stream of all features whose orders have holders, with moving marks."""
    random = Random(seed)
    for command in [*opening(), *seeded_stream(seed, LENGTH)]:
        if random.random() < 0.05:
            price = Price(random.randint(90, 110))
            yield SetMarketPrice(VENUE, ACME.instrument_id, price, Nanos(0), "feed")
        yield with_holders(command, random)


def live(engine: Engine) -> list[Order]:
    return [each for each in engine._state.orders.values() if each.is_live]


def recounted(engine: Engine, kind: ScopeKind) -> dict[tuple[str, str, str], list[int]]:
    """Orders, open buys and sells and their values by holder and instrument, from the orders."""
    found: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    scale = 10 ** (engine._state.ledger.value_decimals - 2)
    for order in live(engine):
        name = {
            ScopeKind.PARTICIPANT: "",
            ScopeKind.ACCOUNT: order.terms.account,
            ScopeKind.CLIENT: order.terms.client,
        }[kind]
        if kind is ScopeKind.CLIENT and not name:
            continue
        sums = found[(order.owner.participant, name, order.listing.instrument_id)]
        value = order.leaves_qty * order.hold_price * scale
        sums[0] += 1
        sums[1 if order.is_buy else 2] += order.leaves_qty
        sums[3 if order.is_buy else 4] += value
    return found


def check_sums(engine: Engine) -> None:
    ledger: Ledger = engine._state.ledger
    assert ledger.tracked == HOLDERS
    for kind in HOLDERS:
        expected = recounted(engine, kind)
        holders: dict[tuple[str, str], int] = defaultdict(int)
        purses: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
        for (of, participant, name, instrument_id), holding in ledger.holdings.items():
            if of is not kind:
                continue
            sums = expected.pop((participant, name, instrument_id), [0, 0, 0, 0, 0])
            kept = [
                holding.orders,
                holding.open_buy,
                holding.open_sell,
                holding.buys,
                holding.sells,
            ]
            assert kept == sums
            assert holding.at == holding.net * holding.mark
            assert holding.worst == max(holding.at + holding.buys, holding.sells - holding.at)
            holders[(participant, name)] += holding.orders
            purse = purses[(participant, name)]
            for place, figure in enumerate(
                (
                    holding.at,
                    holding.buys,
                    holding.sells,
                    holding.worst,
                    holding.worst * holding.margin_bp,
                )
            ):
                purse[place] += figure
        assert not expected
        for (participant, name), orders in holders.items():
            assert ledger.holder(kind, participant, name).orders == orders
        for (participant, name), figures in purses.items():
            kept_purse = ledger.purse(kind, participant, name, "USD")
            assert figures == [
                kept_purse.at,
                kept_purse.buys,
                kept_purse.sells,
                kept_purse.gross,
                kept_purse.need,
            ]


def check_conserved(engine: Engine) -> None:
    """What one side bought the other sold, for the same money."""
    ledger = engine._state.ledger
    net: dict[str, int] = defaultdict(int)
    cash: dict[str, int] = defaultdict(int)
    for position in ledger.positions.values():
        net[position.listing.instrument_id] += position.net
        cash[position.listing.instrument_id] += position.sold_value - position.bought_value
    assert not any(net.values())
    assert not any(cash.values())
    names = dict.fromkeys(SESSIONS.values())
    purses = [ledger.purse(ScopeKind.PARTICIPANT, name, "", "USD") for name in names]
    assert sum(purse.cash for purse in purses) == 0


def widen(player: Player) -> None:
    """Let sums be kept for every kind of holder."""
    for kind in HOLDERS:
        player.handle(SetLimits(VENUE, every(kind), WIDE))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_reserved_is_the_sum_over_the_live_orders(seed: int) -> None:
    """At every step; and nothing is left when the last order is gone."""
    player = Player(new_engine())
    widen(player)
    for command in stream(seed):
        player.play([command])
        check_sums(player.engine)
        check_conserved(player.engine)
    for order in live(player.engine):
        if order.is_live:
            origin = Origin(order.owner.session, order.owner.participant, "u")
            player.handle(MassCancel(origin, "all", MassCancelRequestType.ALL_ORDERS))
    assert not live(player.engine)
    ledger = player.engine._state.ledger
    for holding in ledger.holdings.values():
        assert (holding.orders, holding.open_buy, holding.open_sell) == (0, 0, 0)
        assert (holding.buys, holding.sells) == (0, 0)
        assert holding.purse.buys == holding.purse.sells == 0
        assert holding.holder.orders == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_positions_are_the_trades_that_stand(seed: int) -> None:
    """Positions by participant equal what the reports say was bought and sold."""
    player = Player(new_engine())
    traded: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    sides: dict[int, list[Execution]] = defaultdict(list)

    def count(report: Execution, qty: int, value: int) -> None:
        sign = 1 if report.terms.side.is_buy else -1
        sums = traded[(report.owner.participant, report.instrument_id)]
        sums[0] += sign * qty
        sums[1] -= sign * value

    for command in stream(seed):
        for event in (each for told in player.play([command]) for each in told):
            match event:
                case Execution(exec_type=ExecType.TRADE):
                    sides[event.trade_id].append(event)
                    count(event, event.last_qty, event.last_qty * (event.last_px or 0))
                case TradeBusted():
                    for report in sides[event.trade_id]:
                        count(report, -event.qty, -event.qty * event.price)
                case TradeCorrected():
                    value = event.qty * event.price - event.old_qty * event.old_price
                    for report in sides[event.trade_id]:
                        count(report, event.qty - event.old_qty, value)
                case _:
                    pass
    kept: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for position in player.engine._state.ledger.positions.values():
        sums = kept[(position.participant, position.listing.instrument_id)]
        sums[0] += position.net
        sums[1] += position.sold_value - position.bought_value
    zero = [0, 0]
    assert {key: each for key, each in kept.items() if each != zero} == {
        key: each for key, each in traded.items() if each != zero
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_limits_switched_on_late_count_the_same(seed: int) -> None:
    """Sums counted anew from positions and live orders equal those kept all along."""
    early, late = Player(new_engine()), Player(new_engine())
    commands = list(stream(seed))
    for number, command in enumerate(commands):
        if number == 0:
            widen(early)
        early.play([command])
        late.play([command])
    widen(late)
    check_sums(late.engine)
    check_conserved(late.engine)
    for key, holding in early.engine._state.ledger.holdings.items():
        again = late.engine._state.ledger.holdings.get(key)
        if again is None:
            assert (holding.net, holding.orders) == (0, 0)
        else:
            assert (again.net, again.orders) == (holding.net, holding.orders)
            assert again.open_buy == holding.open_buy


@pytest.mark.parametrize("seed", SEEDS)
def test_a_snapshot_keeps_all_of_it(seed: int) -> None:
    straight, restored = Player(new_engine()), Player(new_engine())
    widen(straight)
    widen(restored)
    for number, command in enumerate(stream(seed)):
        if number == LENGTH // 3:
            tight = SetLimits(DESK, every(ScopeKind.ACCOUNT), Limits(long_qty=8 * MICRO))
            assert straight.play([tight]) == restored.play([tight])
        assert straight.play([command]) == restored.play([command])
        if number % 7 == 0:
            blob = restored.engine.snapshot()
            restored.engine = Engine.restore(blob, new_settings())
            assert restored.engine.snapshot() == blob
            assert straight.engine.state_hash() == restored.engine.state_hash()
            kept = straight.engine._state.ledger
            again = restored.engine._state.ledger
            for key, holding in kept.holdings.items():
                if holding.orders or holding.net:
                    other = again.holdings[key]
                    assert (other.worst, other.at) == (holding.worst, holding.at)
                    assert other.purse.day == holding.purse.day
                    assert other.purse.cash == holding.purse.cash


def positions_told(events: list[Event], net: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Count the trades of a command; the holders whose position grew."""
    grown: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, Execution) and event.exec_type is ExecType.TRADE:
            key = (event.owner.participant, event.instrument_id)
            before = net[key]
            net[key] += event.last_qty if event.terms.side.is_buy else -event.last_qty
            if abs(net[key]) > abs(before):
                grown.append(key)
    return grown


@pytest.mark.parametrize("seed", SEEDS)
def test_no_trade_carries_a_position_past_its_limit(seed: int) -> None:
    """Though limits fall below what works while orders rest, are armed, parked or held."""
    player, random = Player(new_engine()), Random(seed)
    net: dict[tuple[str, str], int] = defaultdict(int)
    most = 1_000
    for command in stream(seed):
        if isinstance(command, BustTrade | CorrectTrade):
            continue
        if random.random() < 0.15:
            most = random.choice((0, 3, 6, 10, 20))
            limits = Limits(long_qty=most * MICRO, short_qty=most * MICRO)
            player.play([SetLimits(DESK, every(ScopeKind.PARTICIPANT), limits)])
        for events in player.play([command]):
            for key in positions_told(events, net):
                assert abs(net[key]) <= most, (seed, command)


@pytest.mark.parametrize("seed", SEEDS)
def test_cancels_pass_whatever_is_limited(seed: int) -> None:
    """No limit, however low, is a reason to keep an order."""
    player = Player(new_engine())
    nothing = Limits(
        open_orders=0, long_qty=0, short_qty=0, values=(ValueLimits("", 0, 0, 0, 0, 0),)
    )
    for number, command in enumerate(stream(seed)):
        player.play([command])
        if number == LENGTH // 2:
            for kind in HOLDERS:
                player.handle(SetLimits(DESK, every(kind), nothing))
            break
    for order in live(player.engine):
        if not order.is_live:
            continue
        owner = order.owner
        request = CancelOrder(
            Origin(owner.session, owner.participant, owner.user),
            f"x{order.order_id}",
            "",
            order.order_id,
            order.listing.instrument.symbol,
            "",
            order.terms.side,
        )
        player.handle(request)
        assert not order.is_live
