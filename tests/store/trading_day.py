"""A random day decided by the real engine, as journal entries.

Owns: seeded commands over limit, market, iceberg, stop and immediate orders, cancels, replaces,
auctions, mass cancels, busts and corrections; the engine's decisions on them.
Must not know: the readers under test.
"""

from random import Random

from fixoms.domain.commands import (
    VENUE,
    BustTrade,
    CancelOrder,
    Command,
    CorrectTrade,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EndDay,
    EnterOrder,
    MassCancel,
    OrderTerms,
    Origin,
    ReplaceOrder,
    RequestStatus,
    SessionClosed,
    SessionOpened,
    SetPhase,
    StartDay,
)
from fixoms.domain.enums import (
    MassCancelRequestType,
    OrdType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.ids import NO_ORDER, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import MILLISECOND, Nanos, Price, Qty
from fixoms.engine.engine import Engine
from fixoms.engine.settings import EngineSettings
from fixoms.journal.entry import Entry
from tests.store.scene import START

ACME = Instrument(symbol="ACME", market="XFOM", currency="USD", price_decimals=2)
COIN = Instrument(symbol="COIN", market="XFOM", currency="EUR", price_decimals=4, qty_decimals=3)
INSTRUMENTS = {"ACME": ACME, "COIN": COIN}
SESSIONS = {"ALICE": "BROKER-A", "ANNE": "BROKER-A", "BOB": "BROKER-B", "CAROL": "BROKER-C"}


def a_day(seed: int, commands: int) -> tuple[list[Entry], Engine]:
    """Entries from the opening to the end of a day, and the engine that decided them."""
    random = Random(seed)
    engine = Engine(EngineSettings())
    entries: list[Entry] = []
    cl_ord_ids: list[tuple[str, str, str, Side]] = []

    def decide(command: Command) -> None:
        seq = len(entries) + 1
        time = Nanos(START + seq * MILLISECOND)
        entries.append(Entry(seq, time, command, tuple(engine.handle(command, seq, time))))

    for command in _opening():
        decide(command)
    for number in range(commands):
        decide(_command(random, number, cl_ord_ids))
    decide(EndDay(VENUE))
    return entries, engine


def _opening() -> list[Command]:
    brokers = dict.fromkeys(SESSIONS.values())
    return [
        *(DefineParticipant(VENUE, broker, SelfTradePrevention.DECREMENT) for broker in brokers),
        *(DefineSession(VENUE, name, broker) for name, broker in SESSIONS.items()),
        *(DefineInstrument(VENUE, instrument) for instrument in INSTRUMENTS.values()),
        StartDay(VENUE, "20260105"),
        *(SessionOpened(_origin(name)) for name in SESSIONS),
    ]


def _origin(session: str) -> Origin:
    return Origin(session, SESSIONS[session], session.lower(), 7)


def _terms(random: Random, side: Side) -> OrderTerms:
    ord_type = random.choice([OrdType.LIMIT] * 8 + [OrdType.MARKET, OrdType.STOP_LIMIT])
    tifs = [TimeInForce.DAY] * 5 + [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.GOOD_TILL_CANCEL]
    qty = Qty(random.randint(1, 40))
    return OrderTerms(
        side=side,
        ord_type=ord_type,
        tif=random.choice(tifs),
        qty=qty,
        price=None if ord_type is OrdType.MARKET else Price(random.randint(995, 1005)),
        stop_px=Price(random.randint(995, 1005)) if ord_type is OrdType.STOP_LIMIT else None,
        max_floor=Qty(min(5, qty)) if ord_type is OrdType.LIMIT and random.random() < 0.1 else None,
        account=random.choice(["", "ACC-1"]),
        client=random.choice(["", "CLIENT-1", "CLIENT-2"]),
    )


def _command(random: Random, number: int, known: list[tuple[str, str, str, Side]]) -> Command:
    kind = random.random()
    if kind < 0.6 or not known:
        session = random.choice(list(SESSIONS))
        symbol = random.choice(["ACME"] * 3 + ["COIN"] + ["NONE"] * (number % 50 == 0))
        side = random.choice([Side.BUY, Side.SELL, Side.SELL_SHORT])
        known.append((session, f"n{number}", symbol, side))
        terms = _terms(random, side)
        return EnterOrder(_origin(session), f"n{number}", symbol, "", terms)
    session, cl_ord_id, symbol, side = random.choice(known[-30:])
    origin = _origin(session)
    if kind < 0.75:
        return CancelOrder(origin, f"n{number}", cl_ord_id, NO_ORDER, symbol, "", side)
    if kind < 0.9:
        known.append((session, f"n{number}", symbol, side))
        terms = _terms(random, side)
        return ReplaceOrder(origin, f"n{number}", cl_ord_id, NO_ORDER, symbol, "", terms)
    others: list[Command] = [
        RequestStatus(origin, cl_ord_id, NO_ORDER, symbol, "", side),
        SetPhase(VENUE, "MAIN", random.choice([Phase.OPENING_AUCTION, Phase.CONTINUOUS])),
        SetPhase(VENUE, "MAIN", Phase.CONTINUOUS),
        MassCancel(origin, f"n{number}", MassCancelRequestType.SECURITY, symbol="ACME"),
        BustTrade(VENUE, TradeId(random.randint(1, 40)), "typing error"),
        CorrectTrade(
            VENUE,
            TradeId(random.randint(1, 40)),
            Price(1000),
            Qty(random.randint(1, 4)),
            "desk",
        ),
        SessionClosed(origin, logged_out=random.random() < 0.5),
        SessionOpened(origin),
    ]
    return random.choice(others)
