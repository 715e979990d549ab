"""Random commands over every feature of the engine, and what must hold of its state after each.

The world is tiny (two brokers with three sessions, two instruments, seven prices) so that things
collide; a hostile share carries values no gateway would let through. Seeds make streams repeatable.
"""

from collections.abc import Iterator
from random import Random

import msgspec

from fixoms.domain.commands import (
    VENUE,
    AdvanceTime,
    BustTrade,
    CancelByOperator,
    CancelList,
    CancelOnDisconnect,
    CancelOrder,
    Command,
    CorrectTrade,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EndDay,
    EnterList,
    EnterOrder,
    ListedOrder,
    MassCancel,
    OrderTerms,
    Origin,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
    SessionClosed,
    SessionOpened,
    SetInstrumentStatus,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import (
    ContingencyType,
    InstrumentStatus,
    MassCancelRequestType,
    MassStatusReqType,
    OrdStatus,
    OrdType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.ids import InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import SECOND, Nanos, Price, Qty
from fixoms.engine.engine import Engine, EngineSettings
from fixoms.engine.order import Place

SETTINGS = EngineSettings(volatility_auction=Nanos(5 * SECOND), elections_max=6, watched_max=8)
SESSIONS = {"A": "ALFA", "A2": "ALFA", "B": "BETA"}
START = 1_767_619_800 * SECOND
INSTS = ("", "", "", "", "G", "6", "a", "R", "P", "M", "G 6", "Z")


def instruments(random: Random) -> list[Instrument]:
    band = random.choice((0, 0, 200))
    acme = Instrument(symbol="ACME", market="XFOM", dynamic_band_bp=band)
    return [acme, msgspec.structs.replace(acme, symbol="ZINC", reference_price=Price(100))]


def stream(seed: int, length: int) -> Iterator[Command]:
    """The opening of the venue, then `length` random commands."""
    random = Random(seed)
    yield from (DefineParticipant(VENUE, name) for name in ("ALFA", "BETA"))
    for session, broker in SESSIONS.items():
        policy = CancelOnDisconnect(on_loss=session == "A", good_till=random.random() < 0.5)
        yield DefineSession(VENUE, session, broker, policy)
    for instrument in instruments(random):
        yield DefineInstrument(VENUE, instrument)
    yield StartDay(VENUE, "20260105")
    for number in range(length):
        yield any_command(random, number)


def any_terms(random: Random) -> OrderTerms:
    side = random.choice((Side.BUY, Side.SELL, Side.SELL_SHORT))
    ord_type = random.choice((OrdType.LIMIT,) * 8 + (OrdType.MARKET,) * 2 + tuple(OrdType))
    tif = random.choice((TimeInForce.DAY,) * 5 + tuple(TimeInForce))
    inst = random.choice(INSTS)
    if ord_type is OrdType.PEGGED:
        inst = random.choice("aRPM")
    qty = random.randint(1, 9)
    stop_px = price = peg_offset = None
    if ord_type in (OrdType.LIMIT, OrdType.STOP_LIMIT):
        price = Price(random.randint(97, 103))
    if ord_type in (OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED):
        stop_px = Price(random.randint(97, 103))
    if inst in ("a", "R", "P", "M"):
        peg_offset = random.randint(1, 3) * (1 if side.is_buy else -1)
    if random.random() < 0.02:
        qty = random.choice((0, -1, 10**12, 10**18))
        price = random.choice((None, Price(0), Price(-7), Price(10**12), Price(10**15)))
    return OrderTerms(
        side=side,
        ord_type=ord_type,
        tif=tif,
        qty=Qty(qty),
        price=price,
        stop_px=stop_px,
        max_floor=random.choice((None,) * 6 + (Qty(2), Qty(3), Qty(0))),
        min_qty=random.choice((None,) * 9 + (Qty(2), Qty(-1))),
        exec_inst=inst,
        peg_offset=peg_offset,
        expire_time=random.choice((None, Nanos(START + random.randint(0, 90) * SECOND))),
        expire_date=random.choice(("", "20260105", "20260107")),
        stp=random.choice((SelfTradePrevention.NONE, *SelfTradePrevention)),
        account=random.choice(("", "K")),
    )


def any_command(random: Random, number: int) -> Command:
    session = random.choice(tuple(SESSIONS))
    origin = Origin(session=session, participant=SESSIONS[session], user="u")
    name, back = f"n{number}", f"n{number - random.randint(1, 12)}"
    symbol = random.choice(("ACME", "ACME", "ACME", "ZINC"))
    draw = random.random()
    if draw < 0.50:
        cl_ord_id = back if random.random() < 0.03 else name
        return EnterOrder(origin, cl_ord_id, symbol, "", any_terms(random), random.random() < 0.05)
    if draw < 0.65:
        return ReplaceOrder(origin, name, back, OrderId(0), symbol, "", any_terms(random))
    if draw < 0.74:
        order_id = OrderId(random.choice((0, random.randint(1, 40))))
        side = random.choice((Side.BUY, Side.SELL))
        return CancelOrder(origin, name, "" if order_id else back, order_id, symbol, "", side)
    if draw < 0.82:
        return any_list(random, origin, number)
    return any_duty(random, origin, name, back)


def any_list(random: Random, origin: Origin, number: int) -> Command:
    draw = random.random()
    earlier = f"L{number - random.randint(0, 15)}"
    if draw < 0.1:
        return CancelList(origin, earlier)
    if draw < 0.2:
        return RequestListStatus(origin, earlier)
    legs = tuple(
        ListedOrder(f"n{number}.{leg}", leg, random.choice(("ACME", "ZINC")), "", any_terms(random))
        for leg in range(random.choice((2, 2, 3)))
    )
    return EnterList(origin, f"L{number}", random.choice(tuple(ContingencyType)), legs)


def any_duty(random: Random, origin: Origin, name: str, back: str) -> Command:
    acme = InstrumentId("ACME@XFOM")
    phases = (Phase.CONTINUOUS,) * 6 + tuple(Phase)
    statuses = (InstrumentStatus.ACTIVE, InstrumentStatus.ACTIVE, InstrumentStatus.SUSPENDED)
    choices: tuple[Command, ...] = (
        SetPhase(VENUE, random.choice((acme, acme, "MAIN", "?")), random.choice(phases)),
        SetPhase(VENUE, acme, Phase.CONTINUOUS),
        SetPhase(VENUE, acme, Phase.OPENING_AUCTION),
        AdvanceTime(VENUE),
        AdvanceTime(VENUE),
        EndDay(VENUE),
        StartDay(VENUE, f"202601{random.randint(5, 30):02}"),
        BustTrade(VENUE, TradeId(random.randint(1, 12)), "test"),
        CorrectTrade(
            VENUE, TradeId(random.randint(1, 12)), Price(99), Qty(random.randint(0, 4)), "test"
        ),
        SetReferencePrice(VENUE, acme, Price(random.randint(-1, 103))),
        SetInstrumentStatus(VENUE, acme, random.choice(statuses)),
        MassCancel(origin, name, random.choice(tuple(MassCancelRequestType)), "ACME"),
        RequestMassStatus(origin, name, random.choice(tuple(MassStatusReqType))),
        RequestStatus(origin, back, OrderId(0), "ACME", "", Side.BUY),
        SessionOpened(origin),
        SessionClosed(origin, logged_out=random.random() < 0.3),
        CancelByOperator(VENUE, "test", order_id=OrderId(random.randint(0, 30))),
        EnterOrder(
            Origin(session="?", participant="?", user=""), name, "ACME", "", any_terms(random)
        ),
    )
    return random.choice(choices)


def times(seed: int) -> Iterator[Nanos]:
    """Times that never fall, often equal."""
    random, now = Random(seed), START
    while True:
        now += random.choice((0, 0, SECOND))
        yield Nanos(now)


def check_state(engine: Engine) -> None:
    """The engine's own figures agree with each other."""
    state = engine._state
    for listing in state.listings.values():
        book = listing.book
        for ladder in (book.bids, book.asks):
            levels = list(ladder.levels())
            assert ladder.best is (levels[0] if levels else None)
            for level in levels:
                orders = list(level)
                assert len(orders) == level.count > 0
                assert level.qty == sum(order.shown_qty for order in orders)
                assert level.volume == sum(each.leaves_qty for each in orders if not each.whole)
                assert level.pegged == sum(order.peg is not None for order in orders)
                ranks = [order.rank for order in orders]
                assert ranks == sorted(set(ranks))
                for order in orders:
                    assert (order.level, order.price) == (level, level.price)
                    assert order.place is Place.BOOK
                    assert 0 < order.shown_qty <= order.leaves_qty
        if listing.matches:
            assert not book.market_bids.count
            assert not book.market_asks.count
            bid, ask = book.bids.best, book.asks.best
            crossed = bid is not None and ask is not None and bid.price >= ask.price
            assert not crossed or book.whole_orders, "only waiting all-or-none orders may cross"
    for order in state.orders.values():
        owner = state.participants[order.owner.participant]
        assert order.is_live is (order.order_id in order.listing.live)
        assert order.is_live is (order.order_id in owner.live)
        if order.is_live:
            assert order.leaves_qty > 0
            assert order.leaves_qty + order.cum_qty == order.terms.qty
            assert order.place is not Place.NOWHERE
            assert (order.status is OrdStatus.NEW) is (order.cum_qty == 0)
        else:
            assert order.leaves_qty == 0
    assert not engine._trading.elected
    assert not engine._trading.released
